package chat

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"

	"github.com/goroomcast/socketio/chat/store"
)

// Types of package store that programs need.
type (
	Message    = store.Message
	Member     = store.Member
	Role       = store.Role
	Kind       = store.Kind
	Visibility = store.Visibility
)

// Roles, kinds and visibilities.
const (
	Owner     = store.RoleOwner
	Moderator = store.RoleModerator
	Writer    = store.RoleMember
	Reader    = store.RoleReader

	Open   = store.KindOpen
	Closed = store.KindClosed
	Direct = store.KindDirect

	VisibleAll    = store.VisibleAll
	VisibleJoined = store.VisibleJoined
)

// RoomInfo describes a room.
type RoomInfo struct {
	ID         string // set by the chat
	Kind       Kind   // Open or Closed
	Info       json.RawMessage
	SlowMode   int64 // pause between two posts of a member, ms
	Visibility Visibility
	Archived   bool
	Users      [2]string // of a direct room
}

func infoOf(r *store.Room) RoomInfo {
	return RoomInfo{r.ID, r.Kind, r.Info, r.SlowMode, r.Visibility, r.Archived, r.Pair}
}

// A Room is a handle of a room, whether the room exists or not. Its methods act
// for the program: the chat does not check roles and rates, and does not call
// Policy and BeforePost.
type Room struct {
	c  *Chat
	id string
}

// keyMark begins the cids of the program's keys, so that clients cannot use
// them first.
const keyMark = "~"

// Room returns the handle of a room. An id consists of 1 to 64 of the
// characters A-Z a-z 0-9 _ . and -, and begins with a letter or digit.
// DirectRoom and ThreadRoom return the ids of other rooms.
func (c *Chat) Room(id string) *Room { return &Room{c, id} }

// ThreadRoom returns the id of the thread of a message.
func ThreadRoom(room string, seq int64) string { return store.Thread(room, seq) }

// DirectRoom returns the id of the direct room of two users.
func DirectRoom(a, b string) string { return store.Direct(a, b) }

// ID returns the room's id.
func (r *Room) ID() string { return r.id }

// do commits an operation.
func (r *Room) do(ctx context.Context, op store.Op) (store.Result, error) {
	if !store.KnownForm(r.id) {
		return store.Result{}, &Error{Code: store.BadRequest, Text: "invalid room id", Field: "room"}
	}
	return r.c.do(ctx, r.id, op)
}

// Create makes the room. If the room exists, Create returns nil if its kind is
// the same, and ErrConflict otherwise.
func (r *Room) Create(ctx context.Context, info RoomInfo) error {
	if !store.ValidRoom(r.id) || info.Kind != Open && info.Kind != Closed {
		return &Error{Code: store.BadRequest, Text: "invalid room id or kind", Field: "room"}
	}
	_, err := r.do(ctx, store.Create{Room: r.id, Kind: info.Kind, Settings: settingsOf(info)})
	return err
}

func settingsOf(i RoomInfo) store.Settings {
	return store.Settings{Info: i.Info, SlowMode: i.SlowMode, Visibility: i.Visibility, Archived: i.Archived}
}

// Set replaces the settings of the room.
func (r *Room) Set(ctx context.Context, info RoomInfo) error {
	if info.Info == nil {
		info.Info = json.RawMessage{}
	}
	_, err := r.do(ctx, store.SetRoom{Room: r.id, Info: info.Info, SlowMode: &info.SlowMode, Visibility: &info.Visibility, Archived: &info.Archived})
	return err
}

// Info returns the settings of the room.
func (r *Room) Info(ctx context.Context) (RoomInfo, error) {
	all, err := r.c.store.Look(ctx, "", []string{r.id})
	switch {
	case err != nil:
		return RoomInfo{}, err
	case all[0].Room.ID == "":
		return RoomInfo{}, ErrNotFound
	}
	return infoOf(&all[0].Room), nil
}

// Delete deletes the room with its messages and members.
func (r *Room) Delete(ctx context.Context) error {
	_, err := r.do(ctx, store.DeleteRoom{Room: r.id})
	return err
}

func (r *Room) member(ctx context.Context, m store.SetMember) error {
	var k check
	k.user(m.User)
	k.optional("reason", m.Reason, 1<<30)
	if err := k.result(); err != nil {
		return err
	}
	m.Room = r.id
	_, err := r.do(ctx, m)
	return err
}

// Add makes a user a member.
func (r *Room) Add(ctx context.Context, user string, role Role) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.Add, Role: role})
}

// SetRole changes the role of a member.
func (r *Room) SetRole(ctx context.Context, user string, role Role) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.SetRole, Role: role})
}

// Kick removes a member.
func (r *Room) Kick(ctx context.Context, user, reason string) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.Kick, Reason: reason})
}

// Ban removes a user, and keeps the user out until Unban.
func (r *Room) Ban(ctx context.Context, user, reason string) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.Ban, Reason: reason})
}

// Unban ends a ban. It does not make the user a member again.
func (r *Room) Unban(ctx context.Context, user string) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.Unban})
}

// Mute keeps a member from writing until a time, in ms since 1970. The time 0
// ends a mute.
func (r *Room) Mute(ctx context.Context, user string, until int64) error {
	return r.member(ctx, store.SetMember{User: user, Do: store.Mute, Until: until})
}

// Post adds a message. The author need not be a member. If the author has used
// the Draft.Key in this room before, Post adds nothing and returns the message
// with that key.
func (r *Room) Post(ctx context.Context, author string, d Draft) (Message, error) {
	key := d.Key
	if key == "" {
		key = rand.Text() // the store may be asked twice
	}
	var k check
	k.user(author)
	if k.plain("key", keyMark+key, maxCID); d.Data != nil {
		d.Data = k.json("data", d.Data, 1<<30)
	}
	k.texts(&d)
	if err := k.result(); err != nil {
		return Message{}, err
	}
	op := store.Post{Room: r.id, Author: author, CID: keyMark + key, Text: d.Text, Data: d.Data, Files: d.Files, ReplyTo: d.ReplyTo, Mentions: d.Mentions}
	result, err := r.do(ctx, op)
	if err != nil {
		return Message{}, err
	}
	return r.Message(ctx, result.Seq)
}

// texts checks what a draft of the program says.
func (k *check) texts(d *Draft) {
	k.optional("text", d.Text, 1<<30)
	for _, user := range d.Mentions {
		k.user(user)
	}
}

// Edit replaces text, data and mentions of a message. If by is not "", it must
// be the author of the message.
func (r *Room) Edit(ctx context.Context, by string, seq int64, d Draft) error {
	var k check
	k.optional("by", by, maxUser)
	k.texts(&d)
	if err := k.result(); err != nil {
		return err
	}
	_, err := r.do(ctx, store.Edit{Room: r.id, By: by, Seq: seq, Text: d.Text, Data: d.Data, Mentions: d.Mentions, Keep: r.c.opts.KeepVersions})
	return err
}

// DeleteMessage deletes a message. If by is not "", that user must be allowed
// to delete it.
func (r *Room) DeleteMessage(ctx context.Context, by string, seq int64, reason string) error {
	var k check
	k.optional("by", by, maxUser)
	k.optional("reason", reason, 1<<30)
	if err := k.result(); err != nil {
		return err
	}
	_, err := r.do(ctx, store.Delete{Room: r.id, By: by, Seq: seq, Reason: reason, Keep: r.c.opts.KeepVersions})
	return err
}

// Message returns a message.
func (r *Room) Message(ctx context.Context, seq int64) (Message, error) {
	page, err := r.c.store.History(ctx, r.id, store.Query{Seqs: []int64{seq}, Limit: pageLimit})
	switch {
	case err != nil:
		return Message{}, err
	case len(page.Messages) == 0:
		return Message{}, ErrNotFound
	}
	return page.Messages[0], nil
}

// History returns the newest messages with a seq below before, at most limit of
// them, in the order of seqs. If before is 0, it returns the newest messages of
// the room.
func (r *Room) History(ctx context.Context, before int64, limit int) ([]Message, error) {
	page, err := r.c.store.History(ctx, r.id, store.Query{Before: before, Limit: store.Limit{Rows: limit, Bytes: 1 << 30}})
	if err != nil {
		return nil, err
	}
	return page.Messages, nil
}

// All yields all messages of the room, the oldest first.
func (r *Room) All(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for after, more := int64(-1), true; more; {
			page, err := r.c.store.History(ctx, r.id, store.Query{After: after, Limit: pageLimit})
			if err != nil {
				yield(Message{}, err)
				return
			}
			for _, m := range page.Messages {
				if after = m.Seq; !yield(m, nil) {
					return
				}
			}
			more = page.More
		}
	}
}

// Members yields the members of the room, in the order of their ids.
func (r *Room) Members(ctx context.Context) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		for after := ""; ; {
			page, err := r.c.store.Members(ctx, r.id, after, maxList)
			if err != nil {
				yield(Member{}, err)
				return
			}
			for _, m := range page {
				if after = m.User; m.Role != "" && !yield(m, nil) {
					return
				}
			}
			if len(page) < maxList {
				return
			}
		}
	}
}

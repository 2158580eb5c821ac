package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/goroomcast/socketio/chat/store"
)

// exportPage is how many rooms, or messages, an export has in memory.
const exportPage = 100

// An exported is a line of an export.
type exported struct {
	Type     string          `json:"type"` // "user", "block", "member", "message", "version", "reaction", "mention" or "deletion"
	Room     string          `json:"room,omitempty"`
	Seq      int64           `json:"seq,omitempty"`
	User     *User           `json:"user,omitempty"`
	Blocked  string          `json:"blocked,omitempty"`
	Member   *exportedMember `json:"member,omitempty"`
	Message  *store.Message  `json:"message,omitempty"`
	Version  *store.Version  `json:"version,omitempty"`
	Emoji    string          `json:"emoji,omitempty"`
	Deletion *store.Deletion `json:"deletion,omitempty"`
}

// An exportedMember is what the user is in a room.
type exportedMember struct {
	Kind       store.Kind   `json:"kind"`
	Role       store.Role   `json:"role"` // "" if the user is not a member
	Since      int64        `json:"since,omitempty"`
	Banned     bool         `json:"banned,omitempty"`
	MutedUntil int64        `json:"mutedUntil,omitempty"`
	Notify     store.Notify `json:"notify,omitempty"`
	Hidden     bool         `json:"hidden,omitempty"`
	Why        string       `json:"why,omitempty"`
	Read       int64        `json:"read"`
	Delivered  int64        `json:"delivered,omitempty"`
}

// Export writes the chat's data about the user, one JSON object a line: the
// profile that Options.Users returns, blocks by the user, memberships and
// markers, messages and their earlier versions, and reactions, mentions and
// deletions of others' messages. The field type says what a line is. Messages of
// other users are not exported, and files are named by their ids.
//
// Export reads one page after another, so it may contain a part of the changes
// that are made meanwhile.
func (u *UserHandle) Export(ctx context.Context, w io.Writer) error {
	x := &export{ctx: ctx, store: u.c.store, user: u.id, lines: json.NewEncoder(w)}
	x.profile(u.c.opts.Users)
	x.blocks()
	x.pages(func(after string) (next string, n int) {
		var rooms []string
		if x.err == nil {
			rooms, x.err = x.store.Traces(ctx, x.user, after, exportPage)
		}
		for _, room := range rooms {
			x.room(room)
			after = room
		}
		return after, len(rooms)
	})
	return x.err
}

// An export is under way. After an error it does nothing.
type export struct {
	ctx   context.Context
	store store.Store
	user  string
	lines *json.Encoder
	err   error
}

func (x *export) line(l exported) {
	if x.err == nil {
		x.err = x.lines.Encode(l)
	}
}

// pages calls f until a page is not full.
func (x *export) pages(f func(after string) (next string, n int)) {
	for after, n := "", exportPage; n == exportPage && x.err == nil; {
		after, n = f(after)
	}
}

func (x *export) profile(users func(ctx context.Context, ids []string) ([]User, error)) {
	profile := User{ID: x.user}
	if users != nil {
		var known []User
		known, x.err = users(x.ctx, []string{x.user})
		if i := slices.IndexFunc(known, func(u User) bool { return u.ID == x.user }); i >= 0 {
			profile = known[i]
		}
	}
	x.line(exported{Type: "user", User: &profile})
}

func (x *export) blocks() {
	if x.err != nil {
		return
	}
	var blocked []string
	blocked, x.err = x.store.Blocks(x.ctx, x.user)
	for _, user := range blocked {
		x.line(exported{Type: "block", Blocked: user})
	}
}

// room exports what a room contains of the user.
func (x *export) room(room string) {
	if x.err != nil {
		return
	}
	var all []store.Membership
	if all, x.err = x.store.Look(x.ctx, x.user, []string{room}); x.err != nil || all[0].Room.ID == "" {
		return // it is deleted
	}
	m := &all[0].Member
	x.line(exported{Type: "member", Room: room, Member: &exportedMember{all[0].Room.Kind, m.Role, m.Since, m.Banned, m.MutedUntil,
		m.Notify, m.Hidden, m.Why, all[0].Marker.Read, all[0].Marker.Delivered}})
	for after, n := int64(0), exportPage; n == exportPage && x.err == nil; {
		var seqs []int64
		if seqs, x.err = x.store.Touched(x.ctx, x.user, room, after, exportPage); len(seqs) > 0 {
			x.messages(room, seqs)
			after = seqs[len(seqs)-1]
		}
		n = len(seqs)
	}
}

// messages exports what the user has to do with messages of a room.
func (x *export) messages(room string, seqs []int64) {
	page, err := x.store.History(x.ctx, room, store.Query{Seqs: seqs, Limit: store.Limit{Rows: len(seqs), Bytes: 1 << 30}})
	if err == nil {
		for i := range page.Messages {
			x.message(room, &page.Messages[i])
		}
		var reactions []store.ReactionKey
		reactions, err = x.store.Reacted(x.ctx, x.user, room, seqs)
		slices.SortFunc(reactions, func(a, b store.ReactionKey) int { return cmp.Compare(a.Seq, b.Seq) })
		for _, k := range reactions {
			x.line(exported{Type: "reaction", Room: room, Seq: k.Seq, Emoji: k.Emoji})
		}
	}
	if x.err == nil && store.CodeOf(err) != store.NotFound { // deleted meanwhile
		x.err = err
	}
}

func (x *export) message(room string, m *store.Message) {
	if m.Author == x.user {
		own := *m
		own.Reactions = nil // of others; those of the user are lines of their own
		x.line(exported{Type: "message", Room: room, Seq: m.Seq, Message: &own})
		x.versions(room, m.Seq)
	}
	if slices.Contains(m.Mentions, x.user) {
		x.line(exported{Type: "mention", Room: room, Seq: m.Seq})
	}
	if m.Deleted != nil && m.Deleted.By == x.user && m.Author != x.user {
		x.line(exported{Type: "deletion", Room: room, Seq: m.Seq, Deletion: m.Deleted})
	}
}

func (x *export) versions(room string, seq int64) {
	if x.err != nil {
		return
	}
	var all []store.Version
	all, x.err = x.store.Versions(x.ctx, store.MessageKey{Room: room, Seq: seq})
	for i := range all {
		x.line(exported{Type: "version", Room: room, Seq: seq, Version: &all[i]})
	}
}

package chat

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

type createArgs struct {
	CID        string           `json:"cid"`
	Kind       store.Kind       `json:"kind"`
	Info       json.RawMessage  `json:"info"`
	Visibility store.Visibility `json:"visibility"`
	SlowMode   int64            `json:"slowMode"`
}

// A created is the reply to create and direct.
type created struct {
	Room string `json:"room"`
	Dup  bool   `json:"dup,omitempty"`
}

// maxSlow is the longest pause of slow mode, a day, in ms.
const maxSlow = 86_400_000

func (d *device) create(ctx context.Context, a createArgs) (*created, error) {
	var k check
	if k.plain("cid", a.CID, maxCID); strings.HasPrefix(a.CID, keyMark) {
		k.bad("cid")
	}
	if a.Kind != store.KindOpen && a.Kind != store.KindClosed {
		k.bad("kind")
	}
	info := k.json("info", a.Info, d.c.limits.Info)
	k.settings(a.Visibility, a.SlowMode)
	if err := k.result(); err != nil {
		return nil, err
	}
	op := store.Create{Room: store.CreatedRoom(d.user.ID, a.CID), By: d.user.ID, Kind: a.Kind,
		Settings: store.Settings{Info: info, Visibility: a.Visibility, SlowMode: a.SlowMode}}
	return d.make(ctx, op)
}

func (k *check) settings(v store.Visibility, slow int64) {
	if v != store.VisibleAll && v != store.VisibleJoined {
		k.bad("visibility")
	}
	if slow < 0 || slow > maxSlow {
		k.bad("slowMode")
	}
}

// make makes a room, if the program allows it.
func (d *device) make(ctx context.Context, op store.Create) (*created, error) {
	all, err := d.c.store.Look(ctx, d.user.ID, []string{op.Room})
	if err != nil {
		return nil, err
	}
	if all[0].Room.ID == "" { // otherwise it is a repetition
		if err := d.mayMake(ctx, op); err != nil {
			return nil, err
		}
	}
	r, err := d.c.do(ctx, op.Room, op)
	if err != nil {
		return nil, err
	}
	return &created{op.Room, r.Dup}, nil
}

func (d *device) mayMake(ctx context.Context, op store.Create) error {
	if op.Kind == store.KindDirect {
		if err := d.limit("direct", d.c.limits.Directs); err != nil {
			return err
		}
	}
	if can := d.c.opts.Policy.CanCreate; can != nil {
		info := infoOf(&store.Room{ID: op.Room, Kind: op.Kind, Settings: op.Settings, Pair: op.Pair})
		if err := inTime(ctx, func() error { return can(ctx, d.user, info) }); err != nil {
			return err
		}
	}
	return d.mayEnter(ctx)
}

// mayEnter returns an error if the user is a member of too many rooms. The check
// is not exact, because another device may enter a room at the same time.
func (d *device) mayEnter(ctx context.Context) error {
	limit := d.c.limits.Memberships
	for n, after := 0, ""; ; {
		rooms, err := d.c.store.Memberships(ctx, d.user.ID, after, maxList)
		if err != nil {
			return err
		}
		if n += len(rooms); n >= limit {
			return &Error{Code: store.TooLarge, Text: "you are in too many rooms", Field: "rooms", Limit: limit}
		}
		if len(rooms) < maxList {
			return nil
		}
		after = rooms[maxList-1].Room.ID
	}
}

type userArgs struct {
	User string `json:"user"`
}

func (d *device) direct(ctx context.Context, a userArgs) (*created, error) {
	var k check
	if k.user(a.User); a.User == d.user.ID || a.User == "*" {
		k.bad("user")
	}
	if err := k.result(); err != nil {
		return nil, err
	}
	pair := [2]string{min(a.User, d.user.ID), max(a.User, d.user.ID)}
	return d.make(ctx, store.Create{Room: store.Direct(a.User, d.user.ID), By: d.user.ID, Kind: store.KindDirect, Pair: pair})
}

func (d *device) join(ctx context.Context, a roomArgs) (changed, error) {
	if err := a.check(); err != nil {
		return changed{}, err
	}
	op := store.SetMember{Room: a.Room, By: d.user.ID, User: d.user.ID, Do: store.Join, Role: store.RoleMember, Max: d.c.limits.Members}
	m, err := d.look(ctx, a.Room)
	switch {
	case err != nil:
		return changed{}, err
	case m.Room.ID == "":
		return changed{}, store.ErrNotFound
	case m.Member.Role == "":
		if can := d.c.opts.Policy.CanJoin; can != nil && m.Room.Kind != store.KindDirect {
			var role Role
			err := inTime(ctx, func() (err error) {
				role, err = can(ctx, d.user, infoOf(&m.Room))
				return err
			})
			switch {
			case ctx.Err() != nil:
				return changed{}, ErrUnavailable
			case err != nil:
				return changed{}, hidden(&m.Room, err)
			}
			op.Role, op.Invited = role, true
		}
		if m.Room.Kind == store.KindOpen || op.Invited { // otherwise the answer is that there is no such room
			if err := d.mayEnter(ctx); err != nil {
				return changed{}, err
			}
		}
	}
	return d.change(ctx, a.Room, op)
}

// hidden returns an error about a room as a user may see it that is no member. A
// closed room must not differ from one that does not exist.
func hidden(r *store.Room, err error) error {
	if r.Kind == store.KindOpen {
		return err
	}
	return store.ErrNotFound
}

func (d *device) leave(ctx context.Context, a roomArgs) (changed, error) {
	if err := a.check(); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, store.SetMember{Room: a.Room, By: d.user.ID, User: d.user.ID, Do: store.Leave})
}

type notifyArgs struct {
	Room   string `json:"room"`
	Notify string `json:"notify"`
}

func (d *device) notify(ctx context.Context, a notifyArgs) (changed, error) {
	var k check
	k.room(a.Room)
	notify := store.Notify(a.Notify)
	switch notify {
	case "all":
		notify = store.NotifyAll
	case store.NotifyMentions, store.NotifyNone:
	default:
		k.bad("notify")
	}
	if err := k.result(); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, store.SetMember{Room: a.Room, By: d.user.ID, User: d.user.ID, Do: store.SetNotify, Notify: notify})
}

type setArgs struct {
	Room       string            `json:"room"`
	Info       json.RawMessage   `json:"info"`
	SlowMode   *int64            `json:"slowMode"`
	Visibility *store.Visibility `json:"visibility"`
	Archived   *bool             `json:"archived"`
	Pin        int64             `json:"pin"`
	Unpin      int64             `json:"unpin"`
}

func (d *device) set(ctx context.Context, a setArgs) (changed, error) {
	var k check
	k.room(a.Room)
	op := store.SetRoom{Room: a.Room, By: d.user.ID, Info: k.json("info", a.Info, d.c.limits.Info), SlowMode: a.SlowMode, Visibility: a.Visibility,
		Archived: a.Archived, Pin: a.Pin, Unpin: a.Unpin, MaxPins: d.c.limits.Pins}
	if a.Visibility != nil {
		k.settings(*a.Visibility, 0)
	}
	if a.SlowMode != nil {
		k.settings("", *a.SlowMode)
	}
	if a.Pin != 0 {
		k.seq("pin", a.Pin)
	}
	if a.Unpin != 0 {
		k.seq("unpin", a.Unpin)
	}
	if err := k.result(); err != nil {
		return changed{}, err
	}
	if err := d.mayModerate(ctx, a.Room, "set", ""); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, op)
}

type blockArgs struct {
	User string `json:"user"`
	On   *bool  `json:"on"`
}

func (d *device) block(ctx context.Context, a blockArgs) (nothing, error) {
	var k check
	if k.user(a.User); a.User == d.user.ID {
		k.bad("user")
	}
	if a.On == nil {
		k.bad("on")
	}
	if err := k.result(); err != nil {
		return nothing{}, err
	}
	if *a.On {
		if err := d.mayBlock(ctx); err != nil {
			return nothing{}, err
		}
	}
	_, err := d.c.do(ctx, d.user.ID, store.Block{By: d.user.ID, User: a.User, On: *a.On})
	return nothing{}, err
}

// moderation are the commands of moderators.
var moderation = []moderate{{"add", store.Add}, {"kick", store.Kick}, {"ban", store.Ban}, {"unban", store.Unban}, {"mute", store.Mute}, {"role", store.SetRole}}

type moderate struct {
	name string
	do   store.Do
}

type moderateArgs struct {
	Room   string     `json:"room"`
	User   string     `json:"user"`
	Role   store.Role `json:"role"`
	Until  *int64     `json:"until"`
	Reason string     `json:"reason"`
	Purge  int64      `json:"purge"`
}

// maxPurge is how far back a ban deletes messages, a week, in ms.
const maxPurge = 7 * 86_400_000

func (d *device) moderate(ctx context.Context, do moderate, a moderateArgs) (changed, error) {
	var k check
	k.room(a.Room)
	if k.user(a.User); a.User == "*" {
		k.bad("user")
	}
	k.optional("reason", a.Reason, maxReason)
	if a.Purge < 0 || a.Purge > maxPurge {
		k.bad("purge")
	}
	op := store.SetMember{Room: a.Room, By: d.user.ID, User: a.User, Do: do.do, Reason: a.Reason}
	switch do.do {
	case store.Add, store.SetRole:
		if op.Role, op.Max = a.Role, d.c.limits.Members; a.Role == "" && do.do == store.Add {
			op.Role = store.RoleMember
		}
		if op.Role.Rank() == 0 {
			k.bad("role")
		}
	case store.Mute:
		if a.Until == nil || *a.Until < 0 || *a.Until > maxInt {
			k.bad("until")
		} else {
			op.Until = *a.Until
		}
	case store.Ban:
		op.Purge, op.Keep = a.Purge, d.c.opts.KeepVersions
	}
	if err := k.result(); err != nil {
		return changed{}, err
	}
	if err := d.mayModerate(ctx, a.Room, do.name, a.User); err != nil {
		return changed{}, err
	}
	return d.change(ctx, a.Room, op)
}

// mayModerate asks the program. The roles are checked when the command is
// committed.
func (d *device) mayModerate(ctx context.Context, room, command, user string) error {
	can := d.c.opts.Policy.CanModerate
	if can == nil {
		return nil
	}
	m, err := d.readable(ctx, room)
	if err != nil {
		return err
	}
	return inTime(ctx, func() error { return can(ctx, d.user, infoOf(&m.Room), command, user) })
}

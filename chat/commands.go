package chat

import (
	"context"
	"errors"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// serveCommands registers the commands of clients.
func (c *Chat) serveCommands() {
	reads := budget{"read", c.limits.Reads}
	c.on("open", func(ctx context.Context, d *device, e *socketio.Event) error { return c.openCommand(ctx, d, e) })
	command(c, "close", reads, (*device).closeRoom)
	command(c, "history", reads, (*device).history)
	command(c, "search", budget{"search", c.limits.Searches}, (*device).search)
	answering(c, "rooms", reads, (*device).listRooms)
	command(c, "members", reads, (*device).listMembers)

	command(c, "post", budget{}, (*device).post)
	edits := budget{"edit", c.limits.Edits}
	command(c, "edit", edits, (*device).edit)
	command(c, "delete", edits, (*device).delete)
	command(c, "react", edits, (*device).react)

	marks := budget{"mark", Rate{20, 100}}
	command(c, "read", marks, (*device).read)
	command(c, "delivered", marks, (*device).delivered)
	command(c, "unread", marks, (*device).unread)
	command(c, "active", marks, (*device).setActive)
	answering(c, "watch", reads, (*device).watch)
	command(c, "users", reads, (*device).users)
	answering(c, "blocks", reads, (*device).blocks)
	command(c, "versions", reads, (*device).versions)
	command(c, "report", budget{"report", c.limits.Reports}, (*device).report)
	command(c, "typing", budget{}, (*device).typing)

	changes := budget{"change", c.limits.Changes}
	command(c, "create", changes, (*device).create)
	command(c, "direct", changes, (*device).direct)
	command(c, "join", changes, (*device).join)
	command(c, "leave", changes, (*device).leave)
	command(c, "notify", changes, (*device).notify)
	command(c, "set", changes, (*device).set)
	command(c, "block", changes, (*device).block)
	for _, do := range moderation {
		command(c, do.name, changes, func(d *device, ctx context.Context, a moderateArgs) (changed, error) {
			return d.moderate(ctx, do, a)
		})
	}
}

// on registers a command whose handler replies itself unless it returns an
// error. Every command gets a reply.
func (c *Chat) on(name string, h func(ctx context.Context, d *device, e *socketio.Event) error) {
	c.ns.On(name, func(ctx context.Context, e *socketio.Event) error {
		d := c.device(e.Socket())
		if d == nil {
			return nil // it has gone
		}
		ctx, cancel := d.bounded(ctx, commandTimeout)
		defer cancel()
		returned := false
		defer func() {
			if !returned { // a panic, which the server logs
				_ = e.Ack(refusalOf(&Error{Code: store.Internal, Text: "internal error"}))
			}
		}()
		err := h(ctx, d, e)
		returned = true
		if err != nil {
			_ = e.Ack(refusalOf(c.public(name, err)))
		}
		return nil
	})
}

// public returns an error as clients may see it.
func (c *Chat) public(command string, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, socketio.ErrDisconnected):
		e = ErrUnavailable // a client that has left gets no answer
	default:
		c.log.Error("chat: a command has failed", "command", command, "err", err)
		e = &Error{Code: store.Internal, Text: "internal error"}
	}
	if e.Code == store.Unavailable && e.After == 0 {
		e = ErrUnavailable
	}
	if c.opts.Trace.Refused != nil {
		c.opts.Trace.Refused(command, e.Code)
	}
	return e
}

// A budget is a bucket that commands share. The zero budget is no limit.
type budget struct {
	name string
	rate Rate
}

// command registers a command whose result is the reply.
func command[T, R any](c *Chat, name string, from budget, h func(d *device, ctx context.Context, arg T) (R, error)) {
	answering(c, name, from, func(d *device, ctx context.Context, arg T, reply func(result any) error) error {
		result, err := h(d, ctx, arg)
		if err != nil {
			return err
		}
		return reply(result)
	})
}

// answering registers a command that replies itself, because the order of the
// reply and of events matters. If it returns an error, the error is the reply.
func answering[T any](c *Chat, name string, from budget, h func(d *device, ctx context.Context, arg T, reply func(result any) error) error) {
	c.on(name, func(ctx context.Context, d *device, e *socketio.Event) error {
		var arg T
		if err := argument(e, &arg); err != nil {
			return err
		}
		if from.name != "" {
			if err := d.limit(from.name, from.rate); err != nil {
				return err
			}
		}
		return h(d, ctx, arg, func(result any) error { return e.Ack(result) })
	})
}

type openArgs struct {
	Room string `json:"room"`
	cursor
}

func (c *Chat) openCommand(ctx context.Context, d *device, e *socketio.Event) error {
	var a openArgs
	if err := argument(e, &a); err != nil {
		return err
	}
	var k check
	if k.room(a.Room); a.Rev < 0 || a.Rev > maxInt {
		k.bad("rev")
	}
	if err := k.result(); err != nil {
		return err
	}
	if err := d.limit("read", c.limits.Reads); err != nil {
		return err
	}
	return c.open(ctx, d, a.Room, a.cursor, nil, func(f *frame) error { return e.Ack(f.wire()) })
}

type roomArgs struct {
	Room string `json:"room"`
}

func (a roomArgs) check() error {
	var k check
	k.room(a.Room)
	return k.result()
}

func (d *device) closeRoom(_ context.Context, a roomArgs) (nothing, error) {
	if err := a.check(); err != nil {
		return nothing{}, err
	}
	if l := d.following(a.Room); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		d.unfollow(l)
	}
	return nothing{}, nil
}

type historyArgs struct {
	Room   string  `json:"room"`
	Before int64   `json:"before"`
	After  int64   `json:"after"`
	Around int64   `json:"around"`
	Seqs   []int64 `json:"seqs"`
	Limit  int     `json:"limit"`
}

// A historyPage is the reply to history.
type historyPage struct {
	Messages []store.Message `json:"messages"`
	More     bool            `json:"more"`
	Floor    int64           `json:"floor"`
	Epoch    string          `json:"epoch"`
	Mine     [][2]any        `json:"mine,omitempty"`
}

func (a historyArgs) query() (store.Query, error) {
	var k check
	k.room(a.Room)
	set := 0
	for field, seq := range map[string]int64{"before": a.Before, "after": a.After, "around": a.Around} {
		if seq != 0 {
			set++
			k.seq(field, seq)
		}
	}
	if a.Seqs != nil {
		set++
		if len(a.Seqs) > maxPage {
			k.tooLarge("seqs", maxPage)
		}
		for _, seq := range a.Seqs {
			k.seq("seqs", seq)
		}
	}
	if set > 1 {
		k.bad("argument")
	}
	if a.Limit < 0 || a.Limit > maxPage {
		k.bad("limit")
	}
	limit := store.Limit{Rows: orDefault(a.Limit, newest), Bytes: maxFrame}
	if a.Seqs != nil {
		limit.Rows = maxPage
	}
	return store.Query{Before: a.Before, After: a.After, Around: a.Around, Seqs: a.Seqs, Limit: limit}, k.result()
}

func (d *device) history(ctx context.Context, a historyArgs) (*historyPage, error) {
	q, err := a.query()
	if err != nil {
		return nil, err
	}
	m, err := d.readable(ctx, a.Room)
	if err != nil {
		return nil, err
	}
	if m.Room.ID == a.Room {
		q.Since = lowestOf(m)
	}
	page, err := d.c.store.History(ctx, a.Room, q)
	if err != nil {
		return nil, err
	}
	r := &historyPage{Messages: page.Messages, More: page.More, Floor: page.Room.Floor, Epoch: page.Room.Epoch}
	if r.Messages == nil {
		r.Messages = []store.Message{}
	}
	r.Mine, err = d.reacted(ctx, a.Room, truncated(&store.Changes{Messages: page.Messages}))
	return r, err
}

// message returns a message that the user may read.
func (d *device) message(ctx context.Context, room string, seq int64) (*Message, error) {
	m, err := d.readable(ctx, room)
	if err != nil {
		return nil, err
	}
	q := store.Query{Seqs: []int64{seq}, Limit: pageLimit}
	if m.Room.ID == room {
		q.Since = lowestOf(m)
	}
	page, err := d.c.store.History(ctx, room, q)
	switch {
	case err != nil:
		return nil, err
	case len(page.Messages) == 0:
		return nil, ErrNotFound
	}
	return &page.Messages[0], nil
}

type listArgs struct {
	Room  string `json:"room"`
	After string `json:"after"`
	Limit int    `json:"limit"`
}

func (a listArgs) check(k *check) (limit int, err error) {
	k.optional("after", a.After, maxUser)
	if a.Limit < 0 || a.Limit > maxList {
		k.bad("limit")
	}
	return orDefault(a.Limit, maxList), k.result()
}

type roomsPage struct {
	Rooms []roomState `json:"rooms"`
	More  bool        `json:"more"`
}

func (d *device) listRooms(ctx context.Context, a listArgs, reply func(result any) error) error {
	limit, err := a.check(new(check))
	if err != nil {
		return err
	}
	d.c.showings.read(d.user.ID)
	defer d.c.showings.done(d.user.ID)
	rooms, more, err := d.rooms(ctx, a.After)
	if err != nil {
		return err
	}
	if len(rooms) > limit {
		rooms, more = rooms[:limit], true
	}
	page := &roomsPage{Rooms: make([]roomState, len(rooms)), More: more}
	for i := range rooms {
		page.Rooms[i] = stateOf(&rooms[i])
	}
	err = reply(page)
	d.learn(rooms)
	return err
}

// A memberRow is a member in a list. Moderators see more.
type memberRow struct {
	User       string     `json:"user"`
	Role       store.Role `json:"role"`
	MutedUntil int64      `json:"mutedUntil,omitempty"`
	Banned     bool       `json:"banned,omitempty"`
}

type membersPage struct {
	Members []memberRow `json:"members"`
	After   string      `json:"after,omitempty"` // of the next page, if there is one
}

func (d *device) listMembers(ctx context.Context, a listArgs) (*membersPage, error) {
	k := new(check)
	k.room(a.Room)
	limit, err := a.check(k)
	if err != nil {
		return nil, err
	}
	m, err := d.readable(ctx, a.Room)
	if err != nil {
		return nil, err
	}
	rows, err := d.c.store.Members(ctx, a.Room, a.After, limit)
	if err != nil {
		return nil, err
	}
	page := &membersPage{Members: []memberRow{}}
	moderator := m.Member.Role.Rank() >= store.RoleModerator.Rank()
	for _, row := range rows {
		switch {
		case moderator:
			page.Members = append(page.Members, memberRow{row.User, row.Role, row.MutedUntil, row.Banned})
		case !row.Banned:
			page.Members = append(page.Members, memberRow{User: row.User, Role: row.Role})
		}
	}
	if len(rows) == limit {
		page.After = rows[limit-1].User
	}
	return page, nil
}

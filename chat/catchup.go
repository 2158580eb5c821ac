package chat

import (
	"context"

	"github.com/goroomcast/socketio/chat/store"
)

// A cursor is where a client is in a room.
type cursor struct {
	Epoch string `json:"epoch"`
	Rev   int64  `json:"rev"`
}

// A catchUp brings one socket from a cursor to the live frames of a room.
type catchUp struct {
	d      *device
	l      *live
	at     cursor
	m      store.Membership     // of the user, as of asOf
	asOf   int64                // rev of the room at which m was true
	parent *store.Membership    // for a thread, what the user is in its parent
	reply  func(f *frame) error // sends a frame to the socket; l.mu is locked, unless the frame has More
	keeps  bool                 // l is kept, because the socket follows the room now
	why    string
}

// open makes a socket follow a room, and replies with the frame that lies
// between the cursor and the live frames. Without a cursor the frame is a reset.
// A frame that has More does not make the socket follow.
func (c *Chat) open(ctx context.Context, d *device, room string, at cursor, known *store.Membership, reply func(f *frame) error) error {
	u := &catchUp{d: d, at: at, reply: reply}
	if err := u.enter(ctx, room, known); err != nil {
		return err
	}
	u.l = c.acquire(room)
	err := u.l.load(ctx, u.asOf)
	if err == nil {
		err = u.run(ctx)
	}
	if !u.keeps {
		u.l.release()
	}
	if err == nil && c.opts.Trace.CaughtUp != nil {
		c.opts.Trace.CaughtUp(room, at.Rev, u.at.Rev, u.why)
	}
	return err
}

// enter finds out what the user is in the room, and whether the user may read
// it. The followers of a thread are its members; its parent decides whether the
// user may read it.
func (u *catchUp) enter(ctx context.Context, room string, known *store.Membership) error {
	if parent, seq, is := store.Parent(room); is {
		return u.enterThread(ctx, room, parent, seq)
	}
	if known == nil {
		m, err := u.d.look(ctx, room)
		if err != nil {
			return err
		}
		known = m
	}
	u.m, u.asOf = *known, known.Room.Rev
	return u.d.mayRead(ctx, &u.m)
}

func (u *catchUp) enterThread(ctx context.Context, room, parent string, seq int64) error {
	for {
		all, err := u.d.c.store.Look(ctx, u.d.user.ID, []string{room, parent})
		if err != nil {
			return err
		}
		u.m, u.parent, u.asOf = all[0], &all[1], all[0].Room.Rev
		if err := u.d.mayRead(ctx, u.parent); err != nil {
			return err
		}
		if seq < lowestOf(u.parent) {
			return ErrNotFound
		}
		if u.m.Member.Role != "" {
			return nil
		}
		op := store.SetMember{Room: room, By: u.d.user.ID, User: u.d.user.ID, Do: store.Join}
		if _, err := u.d.c.do(ctx, room, op); err != nil {
			return err
		}
	}
}

// run replies. The socket follows the room from then on, unless the frame has
// More.
func (u *catchUp) run(ctx context.Context) error {
	if followed, err := u.fromRing(); followed || err != nil {
		return err
	}
	var page *store.Changes
	for range 3 {
		next, err := u.read(ctx, page)
		if err != nil {
			return err
		}
		if page = next; page.More {
			break
		}
		if followed, err := u.join(ctx, page); followed || err != nil {
			return err
		}
	}
	mine, err := u.d.reacted(ctx, u.l.id, truncated(page))
	if err != nil {
		return err
	}
	f := u.frame(page, mine)
	f.More = true
	return u.reply(f)
}

// fromRing replies with the changes that the ring has, if it has all.
func (u *catchUp) fromRing() (followed bool, err error) {
	l := u.l
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.ring.from(l.head)
	if !l.loaded || u.at.Epoch != l.epoch || u.at.Rev > l.head || u.at.Rev < oldest || u.asOf < oldest || u.stale() {
		return false, nil
	}
	same := u.m.Room.Visibility != store.VisibleJoined // for all
	if f := l.bridges[u.at.Rev]; f != nil && same {
		if f.encoded == nil { // it is not the only one
			f.encode()
		}
		u.why, u.at.Rev = "ring", f.To
		return u.follow(f)
	}
	ch := l.ring.after(u.at.Rev)
	if ch == nil {
		ch = &store.Changes{Room: u.m.Room, From: l.head, To: l.head}
		ch.Room.Epoch = l.epoch
	}
	if len(truncated(ch)) > 0 { // the store has to be asked for the user's own reactions
		return false, nil
	}
	u.why = "ring"
	f := u.frame(ch, nil)
	if same {
		l.bridge(f)
	}
	return u.follow(f)
}

// stale reports whether the cursor is from before the user joined a room that
// shows members only what happened since they joined.
func (u *catchUp) stale() bool {
	return u.m.Room.Visibility == store.VisibleJoined && u.m.Member.Role != "" && u.at.Rev < u.m.Member.JoinRev
}

// follow replies with the last frame, and makes the socket follow the room. l.mu
// is locked.
func (u *catchUp) follow(f *frame) (bool, error) {
	if m := u.l.ring.member(u.d.user.ID, u.asOf); m != nil {
		if err := u.removed(m); err != nil {
			return false, err
		}
	}
	added, err := u.d.follow(u.l)
	if err != nil {
		return false, err
	}
	u.keeps = added
	return true, u.reply(f)
}

// removed returns an error if a later change of the member forbids to follow.
func (u *catchUp) removed(m *store.Member) error {
	if u.parent == nil {
		return store.Readable(&u.m.Room, m)
	}
	if m.Role == "" {
		return ErrNotFound
	}
	return nil
}

// read reads a page from the store: the one that follows before, or the first
// one. If the room has changed meanwhile, it reads the user's membership again.
func (u *catchUp) read(ctx context.Context, before *store.Changes) (page *store.Changes, err error) {
	if before == nil {
		page, err = u.first(ctx)
	} else {
		page, err = u.d.c.store.Changes(ctx, u.l.id, before.To, pageLimit)
		switch {
		case err != nil:
		case page.Room.Epoch != before.Room.Epoch:
			page, err = u.reset(ctx)
		default:
			page = merge(before, page)
		}
	}
	if err == nil && u.asOf < page.To {
		err = u.enter(ctx, u.l.id, nil)
	}
	return page, err
}

// first reads the changes above the cursor, or the newest messages if the
// cursor cannot be used.
func (u *catchUp) first(ctx context.Context) (*store.Changes, error) {
	if u.at.Epoch == "" || u.stale() {
		return u.reset(ctx)
	}
	page, err := u.d.c.store.Changes(ctx, u.l.id, u.at.Rev, pageLimit)
	switch {
	case err != nil:
		return nil, err
	case page.Room.Epoch != u.at.Epoch || u.at.Rev > page.Room.Rev:
		return u.reset(ctx)
	}
	limit := u.d.c.limits.CatchUp
	if page.More && page.Room.Rev-u.at.Rev > int64(limit) {
		n, err := u.d.c.store.Behind(ctx, u.l.id, u.at.Rev, limit+1)
		if err != nil {
			return nil, err
		}
		if n > limit {
			return u.reset(ctx)
		}
	}
	u.why = "store"
	return page, nil
}

// newest is how many messages a reset brings.
const newest = 50

// reset reads the newest messages, as a range that begins where it ends.
func (u *catchUp) reset(ctx context.Context) (*store.Changes, error) {
	low := int64(0)
	if u.parent == nil {
		low = lowestOf(&u.m)
	}
	page, err := u.d.c.store.History(ctx, u.l.id, store.Query{Since: low, Limit: store.Limit{Rows: newest, Bytes: maxFrame}})
	if err != nil {
		return nil, err
	}
	u.why = "reset"
	rev := page.Room.Rev
	return &store.Changes{Room: page.Room, From: rev, To: rev, Messages: page.Messages, Settings: true}, nil
}

// join follows the room if the page reaches the live frames, or the ring bridges
// what lies between.
func (u *catchUp) join(ctx context.Context, page *store.Changes) (followed bool, err error) {
	mine, err := u.d.reacted(ctx, u.l.id, truncated(page))
	if err != nil {
		return false, err
	}
	l := u.l
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.loaded || page.Room.Epoch != l.epoch:
		l.c.spawn(func() { l.c.poll([]string{l.id}) })
		return false, nil
	case page.To > l.head: // others have committed
		l.heard = max(l.heard, page.To)
		l.next()
	case page.To < l.head:
		if l.ring.from(l.head) > page.To {
			return false, nil
		}
		if between := l.ring.after(page.To); between != nil {
			page = merge(page, between)
		}
	}
	return u.follow(u.frame(page, mine))
}

// frame returns the frame of a page.
func (u *catchUp) frame(page *store.Changes, mine [][2]any) *frame {
	f := newFrame(page)
	f.Reset, f.Mine = u.why == "reset", mine
	u.at.Rev = f.To
	return f.since(&u.m.Room, &u.m.Member)
}

// truncated returns the seqs of the messages whose summary of reactions does
// not name all users.
func truncated(page *store.Changes) (seqs []int64) {
	for _, m := range page.Messages {
		for _, r := range m.Reactions {
			if r.N > len(r.By) {
				seqs = append(seqs, m.Seq)
				break
			}
		}
	}
	return seqs
}

func (d *device) reacted(ctx context.Context, room string, seqs []int64) (mine [][2]any, err error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	keys, err := d.c.store.Reacted(ctx, d.user.ID, room, seqs)
	for _, k := range keys {
		mine = append(mine, [2]any{k.Seq, k.Emoji})
	}
	return mine, err
}

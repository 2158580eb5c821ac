package chat

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// A live is a room that sockets of this server follow. It sends the changes of
// the room to them in the order of revs, without a gap. What followers get is
// sent under mu, and a socket begins to follow under mu. The store is never read
// under mu.
type live struct {
	c    *Chat
	id   string
	refs int // followers, and sockets that open the room; c.mu

	online  atomic.Int64  // the number of users that followers of a large room know
	loading chan struct{} // held while the room is loaded

	mu      sync.Mutex // comes before c.mu and device.mu
	loaded  bool
	dead    bool // nobody follows; another live may have the room
	epoch   string
	head    int64 // changes up to here were sent
	seq     int64 // of the newest message among them
	heard   int64 // changes up to here exist
	sought  int64 // what heard was when the reader last asked the store
	whole   int64 // up to here followers may lack the content of messages
	ring    ring
	bridges map[int64]*frame // from such a rev to head, of the ring
	early   []*store.Changes // that are not next
	asked   bool             // a goroutine is about to read, or reads, what the store has above head
	reading bool             // it reads
	pace    pace
}

// acquire returns a live room and keeps it until release.
func (c *Chat) acquire(room string) *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[room]
	if l == nil {
		l = &live{c: c, id: room, loading: make(chan struct{}, 1)}
		c.live[room] = l
	}
	l.refs++
	return l
}

// existing returns a live room, or nil.
func (c *Chat) existing(room string) *live {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live[room]
}

// large reports whether a room has many followers on this server.
func (c *Chat) large(room string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.live[room]
	return l != nil && l.refs > c.opts.LargeRoom
}

func (l *live) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.releaseLocked()
}

// releaseLocked is release with mu locked.
func (l *live) releaseLocked() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.refs--; l.refs > 0 {
		return
	}
	l.dead = true
	if l.c.live[l.id] == l {
		delete(l.c.live, l.id)
	}
}

// socketRoom is the Socket.IO room of the followers of a room.
func socketRoom(room string) string { return "room:" + room }

// userRoom is the Socket.IO room of a user's devices.
func userRoom(user string) string { return "user:" + user }

// load finds out where the room is, and fills the ring. The room was at rev a
// moment ago, so one read is enough unless it is very busy.
func (l *live) load(ctx context.Context, rev int64) error {
	select {
	case l.loading <- struct{}{}:
		defer func() { <-l.loading }()
	case <-ctx.Done():
		return ErrUnavailable
	}
	if l.isLoaded() {
		return nil
	}
	limit := store.Limit{Rows: 2 * ringRows, Bytes: ringBytes}
	ch, err := l.c.store.Changes(ctx, l.id, max(rev-ringRows, 0), limit)
	if err == nil && ch.More && ch.Room.Rev > rev {
		ch, err = l.c.store.Changes(ctx, l.id, max(ch.Room.Rev-ringRows, 0), limit)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded, l.epoch, l.head, l.seq = true, ch.Room.Epoch, ch.Room.Rev, ch.Room.Seq
	l.heard = max(l.heard, l.head)
	if !ch.More {
		l.ring.add(ch)
	}
	l.next()
	return nil
}

func (l *live) isLoaded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded
}

// advance sends changes that this server has committed.
func (c *Chat) advance(ch *store.Changes) {
	if l := c.existing(ch.Room.ID); l != nil {
		l.advance(ch)
	}
	c.tellMentioned(ch)
}

func (l *live) advance(ch *store.Changes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.advanceLocked(ch)
}

// advanceLocked is advance with mu locked.
func (l *live) advanceLocked(ch *store.Changes) {
	l.heard = max(l.heard, ch.To)
	if !l.loaded || l.dead || ch.To <= l.head && ch.Room.Epoch == l.epoch {
		return
	}
	const most = 256
	if len(l.early) < most { // otherwise the store is read
		l.early = append(l.early, ch)
	}
	l.next()
}

// next sends the changes that begin at the tail, and starts a reader for
// missing ones. mu is locked.
func (l *live) next() {
	for progress := !l.reading; progress; {
		progress = false
		rest := l.early[:0]
		for _, ch := range l.early {
			switch {
			case ch.Room.Epoch != l.epoch: // the store knows which is newer
				l.c.spawn(func() { l.c.poll([]string{l.id}) })
			case ch.To <= l.tail():
			case ch.From <= l.tail():
				l.deliver(above(ch, l.tail()))
				progress = true
			default:
				rest = append(rest, ch)
			}
		}
		clear(l.early[len(rest):])
		l.early = rest
	}
	if l.heard > l.tail() && !l.asked && !l.dead {
		l.asked = true
		wait := len(l.early) > 0
		l.c.spawn(func() { l.read(wait) })
	}
}

// send sends a range that begins at head to the followers. mu is locked.
func (l *live) send(ch *store.Changes) {
	l.evict(ch)
	l.ring.add(ch)
	l.emit(ch)
	l.bridges = nil
	l.head, l.seq = ch.To, max(l.seq, ch.Room.Seq)
	l.heard = max(l.heard, l.head)
	if l.c.opts.Trace.Delivered != nil {
		l.c.opts.Trace.Delivered(l.id, l.head)
	}
}

// maxBridges is how many frames of a room's ring are kept.
const maxBridges = 8

// bridge keeps a frame from the ring for a few seconds, because after a break of
// the network many clients come back from the same rev. mu is locked.
func (l *live) bridge(f *frame) {
	if len(l.bridges) >= maxBridges {
		clear(l.bridges)
	}
	if l.bridges == nil {
		l.bridges = make(map[int64]*frame)
	}
	l.bridges[f.From] = f
}

// emit sends the frame of a range. mu is locked.
func (l *live) emit(ch *store.Changes) {
	f := newFrame(ch)
	f.More = false // of a page; the next one follows by itself
	if l.head >= l.whole {
		f.slim()
	}
	_ = l.c.ns.Local().To(socketRoom(l.id)).Emit("changes", f.forAll(&ch.Room))
}

// earlyTime is how long a change waits for those before it until the store is
// asked for them.
const earlyTime = 10 * time.Millisecond

// read sends what the store has above head, after a while if the changes that
// are missing may still arrive. It returns when no further change is known.
func (l *live) read(wait bool) {
	if wait {
		select {
		case <-time.After(earlyTime):
		case <-l.c.ctx.Done():
		}
	}
	for {
		from, missing := l.missing()
		if !missing {
			return
		}
		ctx, cancel := context.WithTimeout(l.c.ctx, storeTimeout)
		ch, err := l.c.store.Changes(ctx, l.id, from, pageLimit)
		cancel()
		over, failed := l.took(ch, err)
		if failed {
			l.c.log.Error("chat: cannot read changes", "room", l.id, "err", err)
		}
		if over {
			return
		}
	}
}

// missing reports whether the reader has to read, and from where.
func (l *live) missing() (from int64, missing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = l.heard > l.tail() && !l.dead
	l.asked = l.reading
	if l.reading {
		l.flush()
		l.sought = l.heard
	}
	return l.head, l.reading
}

// took sends a page of the store. It reports whether the reader is done, and
// whether the store has failed.
func (l *live) took(ch *store.Changes, err error) (over, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.dead:
		return true, false
	case errors.Is(err, store.ErrNotFound):
		l.asked, l.reading, l.heard, l.early = false, false, l.head, nil
		l.deleted()
		return true, false
	case err != nil: // the next commit, hint or watch tries again
		l.asked, l.reading, l.heard, l.early = false, false, l.head, nil
		return true, true
	case ch.Room.Epoch != l.epoch:
		l.renew(&ch.Room)
	case ch.To > l.head:
		l.whole = max(l.whole, ch.Room.Rev)
		l.send(ch)
	}
	if ch.More {
		return false, false
	}
	if l.heard == l.sought { // otherwise there was news while the store was read
		l.heard = max(l.head, l.latest())
	}
	l.asked, l.reading = false, false
	l.next()
	return true, false
}

// latest returns up to where changes wait to be sent. mu is locked.
func (l *live) latest() (rev int64) {
	for _, ch := range l.early {
		rev = max(rev, ch.To)
	}
	return rev
}

// renew makes followers begin anew, because the room has another epoch: they get
// no rows and no cursor, and open the room again. mu is locked.
func (l *live) renew(r *store.Room) {
	l.epoch, l.head, l.heard, l.whole, l.seq = r.Epoch, r.Rev, r.Rev, 0, r.Seq
	l.ring, l.bridges, l.pace.held = ring{}, nil, nil
	_ = l.c.ns.Local().To(socketRoom(l.id)).Emit("changes", &frame{Room: l.id, Messages: []any{}, Reset: true, More: true})
	l.dismiss()
}

// deleted ends following a room that was deleted. Followers open the room again,
// and are refused unless there is a room of the same id by then. mu is locked.
func (l *live) deleted() {
	_ = l.c.ns.Local().To(socketRoom(l.id)).Emit("changes", reopen(l.id, l.epoch, l.head))
	l.dismiss()
	l.loaded = false
	l.c.spawn(func() { l.c.ended(l.id) })
}

// dismiss ends following for all. mu is locked.
func (l *live) dismiss() {
	for s := range l.c.ns.Local().In(socketRoom(l.id)).Sockets() {
		if d := l.c.device(s); d != nil {
			d.unfollow(l)
		}
		s.Leave(socketRoom(l.id))
	}
}

// evict ends following for the users that a range removes. Their devices get a
// frame that makes them open the room again: the list of rooms would not tell
// them of it if the user is a member again by then, or if the room is a thread.
// mu is locked.
func (l *live) evict(ch *store.Changes) {
	for _, m := range ch.Members {
		if m.Role != "" || m.Rev <= l.head {
			continue
		}
		l.c.markers.forget(l.id, m.User)
		for _, d := range l.c.devicesOf(m.User) {
			if d.unfollow(l) {
				_ = d.socket.Emit("changes", reopen(l.id, l.epoch, l.head))
			}
		}
	}
	if ch.Room.Deleted {
		l.deleted()
	}
}

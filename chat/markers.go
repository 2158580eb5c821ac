package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// markers are how far users have read, as far as this server knows. They are
// written together from time to time, because they change most often.
type markers struct {
	mu    sync.Mutex
	known map[store.MemberKey]*marker
}

// A marker is how far one user has read one room.
type marker struct {
	store.Marker
	seq   int64          // of the newest message known of
	own   map[int64]bool // posts of the user above Read
	dirty bool
	told  store.Marker // as others were told
	used  time.Time
	seen  time.Time // when the user was seen to be a member
}

const (
	markInterval = 500 * time.Millisecond
	markKeep     = time.Minute // how long an unused marker stays known
	maxOwn       = 1000        // posts of the user that a marker remembers
)

// advance moves a marker forward, over the user's own posts, too. markers.mu is
// locked.
func (m *marker) advance(read int64) {
	if read > m.Read {
		m.Read, m.dirty = read, true
	}
	for m.own[m.Read+1] {
		m.Read++
		m.dirty = true
	}
	maps.DeleteFunc(m.own, func(seq int64, _ bool) bool { return seq <= m.Read })
}

type readArgs struct {
	Room string `json:"room"`
	Seq  int64  `json:"seq"`
	Gen  *int64 `json:"gen"`
}

// A readReply is the state of a marker.
type readReply struct {
	Read   int64 `json:"read"`
	Gen    int64 `json:"gen"`
	Unread int64 `json:"unread"`
}

func (a readArgs) check(k *check) error {
	k.room(a.Room)
	k.seq("seq", a.Seq)
	if a.Gen != nil && (*a.Gen < 0 || *a.Gen > maxInt) {
		k.bad("gen")
	}
	return k.result()
}

// with runs f with the marker of the user in a room. It reads the marker from
// the store if it is not known, or fresh is set, or the user may be no member any
// longer: another server may not have told of the removal.
func (d *device) with(ctx context.Context, room string, fresh bool, f func(m *marker)) error {
	k := store.MemberKey{Room: room, User: d.user.ID}
	c := d.c
	c.markers.mu.Lock()
	m := c.markers.known[k]
	fresh = fresh || m == nil || time.Since(m.seen) > markKeep
	c.markers.mu.Unlock()
	if fresh {
		seen, err := d.member(ctx, room)
		if err != nil {
			return err
		}
		c.markers.mu.Lock()
		if m = c.markers.known[k]; m == nil {
			m = &marker{Marker: seen.Marker, told: seen.Marker, own: make(map[int64]bool)}
			c.markers.known[k] = m
		}
		m.Marker = seen.Marker.Merge(m.Marker)
		m.seq, m.seen = max(m.seq, seen.Room.Seq), time.Now()
		c.markers.mu.Unlock()
	}
	seq := c.newest(room)
	c.markers.mu.Lock()
	defer c.markers.mu.Unlock()
	m.used, m.seq = time.Now(), max(m.seq, seq)
	f(m)
	return nil
}

// member returns what the user is in a room, and an error unless it is a member.
func (d *device) member(ctx context.Context, room string) (*store.Membership, error) {
	if _, err := d.readable(ctx, room); err != nil {
		return nil, err
	}
	all, err := d.c.store.Look(ctx, d.user.ID, []string{room})
	switch {
	case err != nil:
		return nil, err
	case all[0].Room.ID == "":
		return nil, ErrNotFound
	case all[0].Member.Role == "":
		return nil, &Error{Code: store.NotMember, Text: "you are not a member of the room"}
	}
	return &all[0], nil
}

// newest returns the seq of the newest message of a room that is followed here.
func (c *Chat) newest(room string) int64 {
	l := c.existing(room)
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

func (m *marker) reply() *readReply {
	return &readReply{Read: m.Read, Gen: m.Gen, Unread: max(m.seq-m.Read, 0)}
}

// read moves the marker forward. A read that does not know that the user has set
// the marker back changes nothing.
func (d *device) read(ctx context.Context, a readArgs) (r *readReply, err error) {
	if err := a.check(new(check)); err != nil {
		return nil, err
	}
	unknown := false
	move := func(m *marker) {
		if unknown = a.Seq > m.seq || a.Gen != nil && *a.Gen > m.Gen; unknown {
			return
		}
		if a.Gen == nil || *a.Gen == m.Gen {
			m.advance(a.Seq)
		}
		r = m.reply()
	}
	if err := d.with(ctx, a.Room, false, move); err != nil || !unknown {
		return r, err
	}
	return r, d.with(ctx, a.Room, true, func(m *marker) { // another server knows more
		if a.Gen == nil || *a.Gen == m.Gen {
			m.advance(min(a.Seq, m.seq))
		}
		r = m.reply()
	})
}

// delivered moves the marker of messages that have arrived, in direct rooms.
func (d *device) delivered(ctx context.Context, a readArgs) (r *readReply, err error) {
	if err := a.check(new(check)); err != nil {
		return nil, err
	}
	m, err := d.look(ctx, a.Room)
	switch {
	case err != nil:
		return nil, err
	case m.Room.ID != a.Room || m.Room.Kind != store.KindDirect || m.Member.Role == "":
		if err := d.mayRead(ctx, m); err != nil {
			return nil, err
		}
		return nil, &Error{Code: store.Forbidden, Text: "only direct rooms know what was delivered"}
	}
	return r, d.with(ctx, a.Room, a.Seq > m.Room.Seq, func(x *marker) {
		x.seq = max(x.seq, m.Room.Seq)
		if seq := min(a.Seq, x.seq); seq > x.Delivered {
			x.Delivered, x.dirty = seq, true
		}
		r = x.reply()
	})
}

// unread sets the marker back, so that a message is unread again. It is written
// at once.
func (d *device) unread(ctx context.Context, a readArgs) (r *readReply, err error) {
	if err := a.check(new(check)); err != nil {
		return nil, err
	}
	var back store.Marker
	err = d.with(ctx, a.Room, true, func(m *marker) {
		r, back = m.reply(), m.Marker
	})
	if err != nil || a.Seq > back.Read {
		return r, err
	}
	back.Read, back.Gen = a.Seq-1, back.Gen+1
	kept, err := d.c.store.Mark(ctx, []store.Marker{back})
	if err != nil {
		return nil, err
	}
	return r, d.with(ctx, a.Room, false, func(m *marker) {
		m.Marker, m.dirty = m.Marker.Merge(kept[0]), true
		clear(m.own)
		r = m.reply()
	})
}

// posted moves the author's marker over the new post, if the author had read
// everything before it.
func (d *device) posted(room string, seq int64) {
	move := func(m *marker) {
		m.seq = max(m.seq, seq)
		if seq > m.Read && len(m.own) < maxOwn {
			m.own[seq] = true
		}
		m.advance(0)
	}
	if d.c.markers.has(room, d.user.ID) {
		_ = d.with(d.c.ctx, room, false, move)
		return
	}
	d.c.spawn(func() { // the ack does not wait for the store
		ctx, cancel := context.WithTimeout(d.c.ctx, storeTimeout)
		defer cancel()
		_ = d.with(ctx, room, false, move) // at worst the own post is unread
	})
}

// has reports whether a marker is known.
func (k *markers) has(room, user string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known[store.MemberKey{Room: room, User: user}] != nil
}

// overlay replaces a marker of the store by what this server knows.
func (c *Chat) overlay(m *store.Membership) {
	c.markers.mu.Lock()
	defer c.markers.mu.Unlock()
	if known := c.markers.known[store.MemberKey{Room: m.Room.ID, User: m.Member.User}]; known != nil {
		known.Marker = m.Marker.Merge(known.Marker)
		m.Marker = known.Marker
	}
}

// forget forgets the marker of a user that was removed.
func (k *markers) forget(room, user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, store.MemberKey{Room: room, User: user})
}

// forgetRoom forgets all markers of a room.
func (k *markers) forgetRoom(room string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.known, func(key store.MemberKey, _ *marker) bool { return key.Room == room })
}

// forgetAll forgets all markers of a user.
func (k *markers) forgetAll(user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.known, func(key store.MemberKey, _ *marker) bool { return key.User == user })
}

// keepMarkers writes markers until the chat is closed.
func (c *Chat) keepMarkers() {
	for pause(c.ctx, markInterval) {
		c.writeMarkers()
	}
	c.writeMarkers()
}

// A readEvent tells of a marker.
type readEvent struct {
	Room      string `json:"room"`
	User      string `json:"user"`
	Read      int64  `json:"read"`
	Delivered int64  `json:"delivered,omitempty"`
	Gen       int64  `json:"gen"`
}

// writeMarkers writes the markers that have changed, and tells of them: the user's
// own devices, and the followers of a room that is not large.
func (c *Chat) writeMarkers() {
	var changed []store.Marker
	k := &c.markers
	k.mu.Lock()
	for key, m := range k.known {
		if m.dirty {
			changed = append(changed, m.Marker)
			m.dirty = false
		} else if time.Since(m.used) > markKeep {
			delete(k.known, key)
		}
	}
	k.mu.Unlock()
	for step := range slices.Chunk(changed, pollStep) {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		kept, err := c.store.Mark(ctx, step)
		cancel()
		if err != nil {
			c.log.Warn("chat: markers are not written yet", "err", err)
			k.again(step)
			continue
		}
		for _, m := range kept {
			c.tellMarker(m)
		}
	}
}

// again notes that markers must be written later.
func (k *markers) again(failed []store.Marker) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, m := range failed {
		if known := k.known[store.MemberKey{Room: m.Room, User: m.User}]; known != nil {
			known.dirty = true
		}
	}
}

func (c *Chat) tellMarker(now store.Marker) {
	c.markers.mu.Lock()
	m := c.markers.known[store.MemberKey{Room: now.Room, User: now.User}]
	news := m != nil && m.told != now
	if news {
		m.told = now
		m.Marker = now.Merge(m.Marker)
	}
	c.markers.mu.Unlock()
	if !news {
		return
	}
	to := c.ns.To(userRoom(now.User))
	if !c.large(now.Room) {
		to = to.To(socketRoom(now.Room))
	}
	_ = to.Emit("read", readEvent{now.Room, now.User, now.Read, now.Delivered, now.Gen})
}

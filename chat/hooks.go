package chat

import (
	"context"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// hooks call Options.OnPost, for each room in the order of its posts, on a
// goroutine of the room's own, which exists while there are posts. With
// Options.DurableHooks the outbox does it.
type hooks struct {
	mu      sync.Mutex
	waiting map[string][]*Posted // by room; a room with a goroutine has an entry
	n       int                  // posts that wait
	full    bool                 // posts were dropped; told once
	work    sync.WaitGroup
}

const (
	hookTimeout = time.Minute // of one call of OnPost
	maxHooks    = 10_000      // posts that wait for OnPost
)

// tellPosted passes the new posts of a batch to OnPost.
func (c *Chat) tellPosted(d *delivery) {
	switch {
	case c.opts.OnPost == nil:
		return
	case c.outbox != nil:
		c.outbox.signal()
		return
	}
	now := time.Now()
	for i, p := range d.batch {
		post, is := p.op.(store.Post)
		if r := &d.done.Results[i]; is && r.Err == nil && !r.Dup {
			if message := find(d.done.Changes, post.Room, r.Seq); message != nil {
				c.hooks.put(c, &Posted{Room: post.Room, Message: *message, c: c, at: now})
			}
		}
	}
}

func (h *hooks) put(c *Chat, p *Posted) {
	if first := h.add(c, p); first {
		c.log.Error("chat: OnPost is too slow, and is not called for some posts", "waiting", maxHooks)
	}
}

// add adds a post to those that wait. It reports true for the first one that is
// dropped.
func (h *hooks) add(c *Chat, p *Posted) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n >= maxHooks {
		first, h.full = !h.full, true
		return first
	}
	h.n++
	queue, runs := h.waiting[p.Room]
	h.waiting[p.Room] = append(queue, p)
	if !runs {
		h.work.Go(func() { h.run(c, p.Room) })
	}
	return false
}

func (h *hooks) run(c *Chat, room string) {
	for p := h.next(room); p != nil; p = h.next(room) {
		if err := c.callOnPost(p); err != nil {
			c.log.Error("chat: OnPost has failed", "room", p.Room, "seq", p.Message.Seq, "err", err)
		}
	}
}

// next takes the next post of a room. After the last one it ends the room's
// entry and returns nil.
func (h *hooks) next(room string) *Posted {
	h.mu.Lock()
	defer h.mu.Unlock()
	queue := h.waiting[room]
	if len(queue) == 0 {
		delete(h.waiting, room)
		return nil
	}
	h.waiting[room] = queue[1:]
	h.n--
	h.full = h.full && h.n > maxHooks/2
	return queue[0]
}

// wait waits until no post waits, but not longer than d, and reports whether none
// waits.
func (h *hooks) wait(d time.Duration) bool {
	over := make(chan struct{})
	go func() {
		h.work.Wait()
		close(over)
	}()
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-over:
		return true
	case <-late.C:
		return false
	}
}

func (c *Chat) callOnPost(p *Posted) error {
	ctx, cancel := context.WithTimeout(c.ctx, hookTimeout)
	defer cancel()
	return c.guard(func() error { return c.opts.OnPost(ctx, p) })
}

// find returns a message among the changes of a commit.
func find(changes []store.Changes, room string, seq int64) *Message {
	for i := range changes {
		if changes[i].Room.ID != room {
			continue
		}
		for j := range changes[i].Messages {
			if m := &changes[i].Messages[j]; m.Seq == seq {
				return m
			}
		}
	}
	return nil
}

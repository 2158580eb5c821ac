package chat

import (
	"sync"

	"github.com/goroomcast/socketio/chat/store"
)

// hooks call Options.OnPost with the posts of a committer, in their order, on a
// goroutine of their own, which exists while there are posts.
type hooks struct {
	mu      sync.Mutex
	waiting []Posted
	running bool
}

// tellPosted passes the new posts of a batch to OnPost.
func (m *committer) tellPosted(d *delivery) {
	if m.c.opts.OnPost == nil {
		return
	}
	var posts []Posted
	for i, p := range d.batch {
		post, is := p.op.(store.Post)
		if r := &d.done.Results[i]; is && r.Err == nil && !r.Dup {
			if message := find(d.done.Changes, post.Room, r.Seq); message != nil {
				posts = append(posts, Posted{post.Room, *message})
			}
		}
	}
	h := &m.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, posts...)
	if len(h.waiting) > 0 && !h.running {
		h.running = true
		m.c.commits.Go(func() { h.run(m.c) })
	}
}

func (h *hooks) run(c *Chat) {
	for {
		h.mu.Lock()
		posts := h.waiting
		h.waiting = nil
		h.running = len(posts) > 0
		h.mu.Unlock()
		if len(posts) == 0 {
			return
		}
		for _, p := range posts {
			c.callOnPost(p)
		}
	}
}

// callOnPost survives a panic of the program, which is logged.
func (c *Chat) callOnPost(p Posted) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("chat: OnPost has panicked", "room", p.Room, "seq", p.Message.Seq, "panic", r)
		}
	}()
	c.opts.OnPost(c.ctx, p)
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

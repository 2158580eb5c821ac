package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// Servers send hintEvent to tell each other the heads of rooms, with the
// changes if they are short. A lost hint costs time but no message, because the
// servers also ask the store.
const hintEvent = "chat:rev"

// A headHint says where a room is.
type headHint struct {
	Room  string `json:"r"`
	Epoch string `json:"e"`
	Rev   int64  `json:"v"`
	Seq   int64  `json:"s"`
	New   bool   `json:"n,omitempty"` // the newest message is new
	Ended bool   `json:"d,omitempty"` // the room is deleted
	News  int64  `json:"m,omitempty"` // number of the transaction that has deleted the room
	Rows  string `json:"c,omitempty"` // the changes that end at Rev, in JSON; without them the store has to be read
}

const (
	hintRows  = 4 << 10 // bytes of Rows at most
	hintBytes = 7000    // of an event that has several hints, so that it fits into a NOTIFY of PostgreSQL
)

// hint tells other servers what was committed.
func (c *Chat) hint(changes []store.Changes, news int64) {
	peers := c.presences.hasPeers()
	var hints []headHint
	bytes := 0
	for i := range changes {
		r := &changes[i].Room
		h := headHint{Room: r.ID, Epoch: r.Epoch, Rev: r.Rev, Seq: r.Seq, New: hasNew(&changes[i])}
		if r.Deleted {
			h.Ended, h.News = true, news
		}
		c.hearHead(&h)
		if peers {
			h.Rows = encodeRows(&changes[i])
		}
		size := 150 + len(h.Rows)*5/4 // quotes are escaped
		if len(hints) > 0 && bytes+size > hintBytes {
			c.sendHints(hints)
			hints, bytes = nil, 0
		}
		hints, bytes = append(hints, h), bytes+size
	}
	c.sendHints(hints)
}

func (c *Chat) sendHints(hints []headHint) {
	if len(hints) > 0 {
		_ = c.ns.ServerSideEmit(hintEvent, hints) // without an adapter it does nothing
	}
}

// encodeRows returns changes as a hint has them, or "" if they are too long.
func encodeRows(ch *store.Changes) string {
	if bytesOf(ch) > hintRows {
		return ""
	}
	text, err := asJSON(ch)
	if err != nil || len(text) > hintRows {
		return ""
	}
	return string(text)
}

// asJSON is json.Marshal, and leaves Info and Data as they are.
func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// rows returns the changes of a hint, or nil.
func (h *headHint) rows() *store.Changes {
	ch := new(store.Changes)
	if h.Rows == "" || json.Unmarshal([]byte(h.Rows), ch) != nil || ch.Room.ID != h.Room || ch.Room.Epoch != h.Epoch || ch.To != h.Rev {
		return nil
	}
	for i := range ch.Messages {
		ch.Messages[i].Room = h.Room
	}
	if string(ch.Room.Info) == "null" {
		ch.Room.Info = nil
	}
	return ch
}

// hasNew reports whether changes contain the room's newest message as a new one.
func hasNew(ch *store.Changes) bool {
	for i := range ch.Messages {
		if m := &ch.Messages[i]; m.Seq == ch.Room.Seq && m.EditedAt == 0 && m.Deleted == nil && m.Ver > ch.From {
			return true
		}
	}
	return false
}

func (c *Chat) serveHints() {
	c.ns.OnServerSide(hintEvent, func(_ context.Context, e *socketio.Event) error {
		var hints []headHint
		if err := e.Decode(&hints); err != nil {
			return err
		}
		for _, h := range hints {
			c.hear(h)
		}
		return nil
	})
	if w, is := c.store.(store.Watcher); is {
		c.spawn(func() {
			for c.ctx.Err() == nil {
				if err := w.Watch(c.ctx, c.poll); err != nil && c.ctx.Err() == nil {
					c.log.Warn("chat: the store does not watch", "err", err)
					pause(c.ctx, time.Second)
				}
			}
		})
	}
}

// hear sends what a hint says, or makes a room read what it lacks.
func (c *Chat) hear(h headHint) {
	c.hearHead(&h)
	l := c.existing(h.Room)
	if l == nil {
		return
	}
	rows := h.rows()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.loaded || l.dead:
	case h.Epoch != l.epoch: // an old hint, perhaps
		c.spawn(func() { c.poll([]string{h.Room}) })
	case rows != nil:
		l.advanceLocked(rows)
	case h.Rev > l.heard:
		l.heard = h.Rev
		l.next()
	}
}

// hearHead notes what a hint says to the members of the room.
func (c *Chat) hearHead(h *headHint) {
	switch {
	case h.Ended:
		c.news.hear(fact{room: h.Room}, h.News)
		c.ended(h.Room)
	case h.New:
		c.heads.hear(h.Room, h.Seq, c.showings.reads())
	}
}

// watch asks the store from time to time for the heads of the followed rooms, and
// for news about users, in case a hint was lost.
func (c *Chat) watch() {
	c.beginNews()
	for pause(c.ctx, c.opts.WatchInterval) {
		c.poll(nil)
		c.readNews()
		c.rates.sweep()
	}
}

// pollStep is how many rooms are asked for at a time.
const pollStep = 500

// poll asks the store where rooms are, or all followed rooms if rooms is nil.
func (c *Chat) poll(rooms []string) {
	all := make(map[string]*live)
	c.mu.Lock()
	if rooms == nil {
		for id, l := range c.live {
			all[id] = l
		}
	}
	for _, id := range rooms {
		if l := c.live[id]; l != nil {
			all[id] = l
		}
	}
	c.mu.Unlock()
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	for step := range slices.Chunk(ids, pollStep) {
		ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
		heads, err := c.store.Heads(ctx, step)
		cancel()
		if err != nil {
			return // the next round tries again
		}
		at := make(map[string]store.Head, len(heads))
		for _, h := range heads {
			at[h.Room] = h
		}
		for _, id := range step {
			h, exists := at[id]
			all[id].compare(h, exists)
		}
	}
}

// compare compares a room with its head in the store.
func (l *live) compare(h store.Head, exists bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bridges = nil
	switch {
	case !l.loaded || l.dead:
	case l.reading: // the reader finds another epoch, and the end of the room
		if exists && h.Epoch == l.epoch {
			l.heard = max(l.heard, h.Rev)
		}
	case !exists:
		l.deleted()
	case h.Epoch != l.epoch:
		l.renew(&store.Room{ID: l.id, Epoch: h.Epoch, Rev: h.Rev, Seq: h.Seq, Floor: h.Floor})
	case h.Rev > l.head:
		l.heard = max(l.heard, h.Rev)
		l.next()
	}
}

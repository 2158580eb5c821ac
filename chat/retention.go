package chat

import (
	"context"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

const (
	retentionDelay = time.Minute // between the start and the first round
	retentionRound = time.Hour   // between two rounds

	// A message stays for a day at least, because its cid goes with it: a
	// client may still send it again.
	leastAge = 24 * time.Hour

	// sweepStep is how many messages are removed in one transaction. It is
	// small, because posts wait for the transaction.
	sweepStep = 100
)

// keepRetention takes old messages away until the chat is closed. Every server
// does so: each step finds what the one before, or a crash, has left.
func (c *Chat) keepRetention() {
	for wait := retentionDelay; pause(c.serving, wait); wait = retentionRound {
		if err := c.tidy(); err != nil && c.serving.Err() == nil {
			c.log.Error("chat: cannot take old messages away", "err", err)
		}
	}
}

// tidy removes the messages that rooms do not keep.
func (c *Chat) tidy() error {
	for after, more := "", true; more; {
		ctx, cancel := context.WithTimeout(c.serving, storeTimeout)
		page, err := c.store.Extents(ctx, after, maxList)
		cancel()
		if err != nil {
			return err
		}
		var threads []*store.Extent // after the others: their messages may have gone
		for i := range page {
			e := &page[i]
			after = e.Room.ID
			if _, _, is := store.Parent(after); is {
				threads = append(threads, e)
			} else if err := c.tidyRoom(e, &e.Room); err != nil {
				return err
			}
		}
		if err := c.tidyThreads(threads); err != nil {
			return err
		}
		more = len(page) == maxList
	}
	return nil
}

func (c *Chat) tidyThreads(threads []*store.Extent) error {
	if len(threads) == 0 {
		return nil
	}
	parents := make([]string, len(threads))
	for i, e := range threads {
		parents[i] = store.Home(e.Room.ID)
	}
	ctx, cancel := context.WithTimeout(c.serving, storeTimeout)
	homes, err := c.store.Look(ctx, "", parents)
	cancel()
	for i := range homes {
		if err == nil {
			err = c.tidyRoom(threads[i], &homes[i].Room)
		}
	}
	return err
}

// tidyRoom removes the messages that a room does not keep. Home is the room
// itself, or the parent of a thread; it is zero if the parent does not exist.
func (c *Chat) tidyRoom(e *store.Extent, home *store.Room) error {
	r := &e.Room
	_, seq, thread := store.Parent(r.ID)
	orphan := thread && (home.ID == "" || seq < home.Floor)
	rest := e.Oldest > 0 && e.Oldest < r.Floor || thread && r.Deleted
	keep := c.keepOf(home)
	for more := !r.Deleted && (orphan || passed(e, keep)); more; rest = true {
		result, err := c.do(c.serving, r.ID, store.Prune{Room: r.ID, Keep: keep})
		switch {
		case store.CodeOf(err) == store.NotFound: // it has gone meanwhile, perhaps by another server
			return nil
		case err != nil:
			return err
		}
		more = result.Purged == store.MaxPruned
	}
	for rest {
		ctx, cancel := context.WithTimeout(c.serving, storeTimeout)
		n, err := c.store.Sweep(ctx, r.ID, sweepStep)
		cancel()
		if err != nil {
			return err
		}
		rest = n == sweepStep
	}
	return nil
}

// keepOf returns what a room and its threads keep. If RetentionOf panics, or has
// not returned when the server ends, they keep everything.
func (c *Chat) keepOf(home *store.Room) store.Keep {
	r := c.opts.Retention
	if c.opts.RetentionOf != nil && home.ID != "" {
		var of Retention
		err := c.ask(c.serving, func() error { of = c.opts.RetentionOf(infoOf(home)); return nil })
		if r = (Retention{}); err == nil {
			r = of
		}
	}
	return store.Keep{Age: r.Age.Milliseconds(), Count: r.Count, Bytes: r.Bytes, Least: leastAge.Milliseconds()}
}

// passed reports whether a room may contain a message that it does not keep.
func passed(e *store.Extent, k store.Keep) bool {
	now := time.Now().UnixMilli()
	return e.Oldest > 0 && e.OldestAt <= now-k.Least &&
		(k.Age > 0 && e.OldestAt < now-k.Age || k.Count > 0 && e.Room.Seq+1-e.Room.Floor > k.Count || k.Bytes > 0 && e.Room.Bytes > k.Bytes)
}

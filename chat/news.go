package chat

import (
	"context"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// news are the facts that the store says have changed. A server hears of most of them
// by its own commits and by the hints of others. It tells its devices of those that it
// has not heard of: a hint was lost, or there is no bus.
type news struct {
	known chan struct{} // closed when it is known which facts are older than the server
	last  int64         // number of the newest transaction that was read, -1 before; of watch

	mu    sync.Mutex
	heard map[fact]int64 // numbers of transactions that the server has heard of otherwise
}

func (n *news) init() {
	n.known, n.last = make(chan struct{}), -1
	n.heard = make(map[fact]int64)
}

// hear notes that a server has heard of the change of a fact, before it asks the
// store what is true.
func (n *news) hear(f fact, number int64) {
	if number == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard[f] = max(n.heard[f], number)
}

// unheard returns the facts in news that the server has not heard of, each once, and
// forgets what it has heard of up to the last number.
func (n *news) unheard(all []store.News, last int64) map[fact]bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	facts := make(map[fact]bool)
	for _, one := range all {
		if f := (fact{one.User, one.Room, one.Blocked}); one.N > n.heard[f] {
			facts[f] = true
		}
	}
	for f, number := range n.heard {
		if number <= last {
			delete(n.heard, f)
		}
	}
	return facts
}

// newsPage is about how many facts are read at a time.
const newsPage = 1000

// readNews tells devices of what has changed since the last time. It reports false if
// the store has failed; the next round tries again.
func (c *Chat) readNews() bool {
	n := &c.news
	for {
		ctx, cancel := context.WithTimeout(c.ctx, storeTimeout)
		all, last, err := c.store.News(ctx, n.last, newsPage)
		cancel()
		if err != nil {
			return false
		}
		first, over := n.last < 0, last == n.last
		n.last = last
		for f := range n.unheard(all, last) {
			c.changedUnheard(f)
		}
		if first {
			close(n.known)
		}
		if first || over {
			return true
		}
	}
}

// beginNews finds out which facts are older than the server.
func (c *Chat) beginNews() {
	for !c.readNews() && pause(c.ctx, 500*time.Millisecond) {
	}
}

func (c *Chat) changedUnheard(f fact) {
	if f.user == "" {
		c.ended(f.room)
		return
	}
	if f.blocked == "" {
		c.lookAway(f.user)
	}
	c.showings.changed(f)
	c.showHere(f)
}

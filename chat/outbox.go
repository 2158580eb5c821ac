package chat

import (
	"context"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// An outbox calls OnPost for the posts that the store keeps for it. It claims
// rooms and has a worker for each. The claims of all workers are settled
// together, in the transaction that claims further rooms.
type outbox struct {
	store store.Outbox
	wake  chan struct{}

	mu      sync.Mutex
	workers map[string]*worker // by room
	working sync.WaitGroup
}

// A worker calls OnPost for the posts of a room that is claimed.
type worker struct {
	store.Claim
	lost    context.CancelFunc
	settled time.Time // when the claim was made or prolonged
	news    bool      // that are not settled
}

const (
	outboxPause = 50 * time.Millisecond // between two transactions
	outboxEvery = 5 * time.Second       // between two looks at the store
	outboxHold  = 30 * time.Second      // how long a claim lasts after a crash
	outboxPage  = 20                    // posts that a worker reads at a time
	maxWorkers  = 4096
	maxClaims   = 256             // that are made in a transaction
	maxPause    = 5 * time.Minute // between two tries
	patience    = 24 * time.Hour  // how old a post may get
	leastTries  = 10              // before it is given up
)

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// keepOutbox claims rooms until the server is about to end, waits for the
// workers, and leaves the rest to others.
func (c *Chat) keepOutbox() {
	o := c.outbox
	tick := time.NewTicker(outboxEvery)
	defer tick.Stop()
	for c.serving.Err() == nil {
		c.turnOutbox(maxWorkers)
		pause(c.serving, outboxPause)
		select {
		case <-o.wake:
		case <-tick.C:
		case <-c.serving.Done():
		}
	}
	o.working.Wait()
	c.turnOutbox(0)
}

// turnOutbox settles what the workers have done, and gives claimed rooms to
// further workers.
func (c *Chat) turnOutbox(most int) {
	o := c.outbox
	settle, free := o.due(most)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), storeTimeout)
	defer cancel()
	if most == 0 && len(settle) == 0 {
		return
	}
	claims, lost, err := o.store.Claim(ctx, c.id, settle, outboxHold, free)
	if err != nil {
		c.log.Warn("chat: the outbox cannot be read", "err", err)
		return // the same is settled the next time
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range settle {
		o.settled(s)
	}
	for _, room := range lost {
		if w := o.workers[room]; w != nil {
			w.lost()
		}
	}
	if len(claims) == maxClaims { // there may be more
		o.signal()
	}
	for _, claim := range claims {
		if o.workers[claim.Room] != nil { // which is late, and goes on
			continue
		}
		ctx, cancel := context.WithCancel(c.ctx)
		w := &worker{Claim: claim, lost: cancel, settled: time.Now()}
		o.workers[claim.Room] = w
		o.working.Go(func() { c.workOff(ctx, w) })
	}
}

// due returns the claims that have news or must be prolonged, and how many more
// workers there may be.
func (o *outbox) due(most int) (settle []store.Claim, free int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	over := 0
	for _, w := range o.workers {
		if w.news || time.Since(w.settled) > outboxHold/3 {
			settle = append(settle, w.Claim)
		}
		if w.Over {
			over++
		}
	}
	return settle, min(max(most-len(o.workers)+over, 0), maxClaims)
}

// settled notes that a claim is settled. mu is locked.
func (o *outbox) settled(s store.Claim) {
	w := o.workers[s.Room]
	w.settled = time.Now()
	w.news = w.Claim != s
	if s.Over {
		w.lost()
		delete(o.workers, s.Room)
		time.AfterFunc(s.Pause, o.signal)
	}
}

// note changes the claim of a worker.
func (o *outbox) note(w *worker, change func(claim *store.Claim)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&w.Claim)
	w.news = true
	if w.Over {
		o.signal()
	}
}

// workOff calls OnPost until no post is left or one has failed.
func (c *Chat) workOff(ctx context.Context, w *worker) {
	o := c.outbox
	over := store.Claim{Over: true}
	defer func() {
		o.note(w, func(claim *store.Claim) {
			claim.Over, claim.Pause, claim.Tries = true, over.Pause, over.Tries
		})
	}()
	for after := int64(0); ctx.Err() == nil; {
		posts, now, err := o.waiting(ctx, w.Room, after)
		if err != nil {
			over.Pause, over.Tries = time.Second, w.Tries
			return
		}
		if len(posts) == 0 {
			return
		}
		for i := range posts {
			m := &posts[i]
			if c.serving.Err() != nil || ctx.Err() != nil {
				return
			}
			age := time.Duration(max(now-m.At, 0)) * time.Millisecond
			if err := c.callOutbox(m, age); err != nil && !c.gaveUp(w, m, age, err) {
				if c.serving.Err() == nil && ctx.Err() == nil {
					over.Tries = w.Tries + 1
					over.Pause = min(time.Second<<min(w.Tries, 20), maxPause)
				}
				return
			}
			after = m.Seq
			o.note(w, func(claim *store.Claim) { claim.Done, claim.Tries = after, 0 })
		}
	}
}

func (o *outbox) waiting(ctx context.Context, room string, after int64) ([]Message, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return o.store.Waiting(ctx, room, after, outboxPage)
}

// callOutbox calls OnPost for a message of the outbox, unless it is gone.
func (c *Chat) callOutbox(m *Message, age time.Duration) error {
	if m.Rev == 0 {
		return nil
	}
	return c.callOnPost(&Posted{Room: m.Room, Message: *m, c: c, at: time.Now().Add(-age)})
}

// gaveUp reports whether a post has failed for so long that it is given up.
func (c *Chat) gaveUp(w *worker, m *Message, age time.Duration, err error) bool {
	over := age > patience && w.Tries+1 >= leastTries
	report := c.log.Warn
	if over {
		report = c.log.Error
	}
	report("chat: OnPost has failed", "room", m.Room, "seq", m.Seq, "tries", w.Tries+1, "gives up", over, "err", err)
	return over
}

package cluster

import (
	"encoding/json"
	"hash/maphash"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

const (
	// doubtTime is how long an event may take to come back after Publish has
	// failed, and maxDoubts is how many such events are remembered.
	doubtTime = time.Minute
	maxDoubts = 1 << 17
)

// An echo follows this server's own events through the adapter's log and back,
// so that each reaches the sockets here once, in the order of the log. An event
// that cannot be published lands here without having been in the log. It may
// have been in the log all the same: then it is recognised when it comes back.
type echo struct {
	member *Member

	mu         sync.Mutex
	sent       uint64             // events that must come back
	back       uint64             // those that are back
	publishing int                // events in a call of Publish that has not returned
	early      []*adapter.Message // those that came back meanwhile
	earlyKeys  map[uint64]int     // the same, by key, once an event of the call has failed
	doubts     map[uint64]int     // events that have landed and may come back, by key
	oldest     []doubt            // the same, in order
	behind     []deferred
	running    bool // a goroutine calls those behind
	timer      *time.Timer
}

type doubt struct {
	key uint64
	at  time.Time
}

// A deferred function is called when the events that were sent before are back.
type deferred struct {
	f    func()
	sent uint64
	due  time.Time // when it is called anyway
}

// A flight is an event that is expected back, until it has landed.
type flight struct {
	echo    *echo
	message *adapter.Message
	landed  bool
}

// Emit publishes an event that comes back to the Host. The adapter must keep a
// log.
func (c *Member) Emit(m *adapter.Message) {
	m.UID, m.Namespace = c.uid, c.namespace
	e := c.echo
	if c.ctx.Err() != nil {
		c.obey(m)
		return
	}
	if c.bus.away.Load() || !c.joined.Load() {
		e.After(func() { c.obey(m) })
		e.mu.Lock()
		key := keyOf(m)
		e.doubt(key)
		e.mu.Unlock()
		if c.bus.put(&sending{Message: m}) != nil {
			e.mu.Lock()
			e.undoubt(key)
			e.mu.Unlock()
		}
		return
	}
	f := &flight{echo: e, message: m}
	e.mu.Lock()
	e.sent++
	e.mu.Unlock()
	if c.bus.put(&sending{Message: m, own: f}) != nil {
		f.land(false)
	}
}

// EmitHere has the Host deliver an event behind those that were emitted before.
func (c *Member) EmitHere(m *adapter.Message) {
	m.UID, m.Namespace = c.uid, c.namespace
	c.echo.After(func() { c.obey(m) })
}

// begin notes that Publish is about to be called with the event. The flight may
// be nil, for begin and for end.
func (f *flight) begin() {
	if f != nil {
		f.echo.mu.Lock()
		f.echo.publishing++
		f.echo.mu.Unlock()
	}
}

// end notes the result of Publish.
func (f *flight) end(err error) {
	if f == nil {
		return
	}
	e := f.echo
	e.mu.Lock()
	came := false
	if err != nil && !f.landed {
		came = e.cameEarly(keyOf(f.message))
	}
	if e.publishing--; e.publishing == 0 {
		e.early, e.earlyKeys = nil, nil
	}
	e.mu.Unlock()
	if err != nil && !came {
		f.land(true)
	}
}

// cameEarly reports whether an event with this key came back before its Publish
// failed. It takes one such event away. e.mu is locked.
func (e *echo) cameEarly(key uint64) bool {
	if e.earlyKeys == nil {
		e.earlyKeys = make(map[uint64]int)
	}
	for _, m := range e.early {
		e.earlyKeys[keyOf(m)]++
	}
	e.early = nil
	n := e.earlyKeys[key]
	e.earlyKeys[key] = max(0, n-1)
	return n > 0
}

// land delivers the event now, unless it has been delivered. If published is
// true, the event may be in the log, or get there later; then it is not delivered
// again when it comes back.
func (f *flight) land(published bool) {
	if f == nil {
		return
	}
	e := f.echo
	e.mu.Lock()
	if f.landed {
		e.mu.Unlock()
		return
	}
	f.landed = true
	if published {
		e.doubt(keyOf(f.message))
	}
	e.mu.Unlock()
	e.member.obey(f.message)
	e.returned()
}

// came takes an event of this server that comes back from the log.
func (e *echo) came(m *adapter.Message) {
	e.mu.Lock()
	if len(e.doubts) > 0 && e.undoubt(keyOf(m)) {
		e.mu.Unlock()
		return
	}
	if e.publishing > 0 {
		e.early = append(e.early, m)
	}
	e.mu.Unlock()
	e.member.obey(m)
	e.returned()
}

// returned notes that an event has been delivered.
func (e *echo) returned() {
	e.mu.Lock()
	e.back = min(e.back+1, e.sent)
	e.mu.Unlock()
	e.run()
}

// After calls f when the events that have been sent before are back, or at once
// if they are back already. The echo may be nil.
func (e *echo) After(f func()) {
	if e == nil {
		f()
		return
	}
	e.mu.Lock()
	if e.back == e.sent && len(e.behind) == 0 && !e.running {
		e.mu.Unlock()
		f()
		return
	}
	e.behind = append(e.behind, deferred{f, e.sent, time.Now().Add(requestTimeout)})
	if e.timer == nil {
		e.timer = time.AfterFunc(requestTimeout, e.overdue)
	}
	e.mu.Unlock()
	e.run()
}

// ahead reports whether After would wait.
func (e *echo) ahead() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.back != e.sent || len(e.behind) > 0 || e.running
}

// run calls the functions that have waited long enough, in order, unless
// another goroutine does.
func (e *echo) run() {
	finished := false
	defer func() {
		if !finished { // a function has ended the goroutine
			e.mu.Lock()
			e.running = false
			e.mu.Unlock()
			go e.run()
		}
	}()
	e.mu.Lock()
	if !e.running {
		for len(e.behind) > 0 && e.behind[0].sent <= e.back {
			e.running = true
			f := e.behind[0].f
			e.behind[0] = deferred{}
			e.behind = e.behind[1:]
			e.mu.Unlock()
			f()
			e.mu.Lock()
		}
		e.running = false
	}
	e.mu.Unlock()
	finished = true
}

// overdue stops waiting for events that do not come back.
func (e *echo) overdue() {
	e.mu.Lock()
	now := time.Now()
	for _, d := range e.behind {
		if d.due.After(now) {
			break
		}
		e.back = max(e.back, d.sent)
	}
	if e.timer = nil; len(e.behind) > 0 {
		last := e.behind[len(e.behind)-1].due
		e.timer = time.AfterFunc(max(last.Sub(now), time.Millisecond), e.overdue)
	}
	e.mu.Unlock()
	e.run()
}

// leave stops waiting for anything.
func (e *echo) leave() {
	if e != nil {
		e.mu.Lock()
		e.back = e.sent
		e.mu.Unlock()
		e.run()
	}
}

// doubt notes that an event that has landed may come back. e.mu is locked.
func (e *echo) doubt(key uint64) {
	now := time.Now()
	for len(e.oldest) > 0 && (len(e.oldest) >= maxDoubts || now.Sub(e.oldest[0].at) > doubtTime) {
		e.undoubt(e.oldest[0].key)
		e.oldest = e.oldest[1:]
	}
	if e.doubts == nil {
		e.doubts = make(map[uint64]int)
	}
	e.doubts[key]++
	e.oldest = append(e.oldest, doubt{key, now})
}

// undoubt reports whether an event has landed already. e.mu is locked.
func (e *echo) undoubt(key uint64) bool {
	n := e.doubts[key]
	if n <= 1 {
		delete(e.doubts, key)
	} else {
		e.doubts[key]--
	}
	return n > 0
}

var seed = maphash.MakeSeed()

// keyOf returns the same number for messages that mean the same, although a bus
// may have written the JSON in another way.
func keyOf(m *adapter.Message) uint64 {
	var packet any
	if json.Unmarshal(m.Packet.Text, &packet) != nil {
		packet = m.Packet.Text
	}
	rooms, except := append([]string{}, m.Opts.Rooms...), append([]string{}, m.Opts.Except...)
	text, _ := json.Marshal([]any{rooms, except, packet, m.Packet.Attachments})
	return maphash.Bytes(seed, text)
}

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
	// failed, and maxDoubts is how many events are remembered.
	doubtTime = time.Minute
	maxDoubts = 1 << 17
)

// An echo follows this server's own events through the adapter's log and back,
// so that each reaches the sockets here once, in the order of the log. An event
// that cannot be published lands here without having been in the log. It may
// have been in the log all the same: then it is recognised when it comes back.
//
// The log has no names for events, so they are told apart by what they say. Of
// equal events, those that must come back are the first that do: an event that
// has failed takes nothing from a later one.
type echo struct {
	member *Member
	behind line // what waits until events are back

	mu         sync.Mutex
	first      *flight // of the events that are not back
	last       *flight
	count      int
	publishing int                  // events in a call of Publish that has not returned
	early      []*adapter.Message   // events that came back meanwhile, and are among the flights still
	expected   map[uint64][]*flight // the flights by key; nil while there is no doubt
	doubts     map[uint64][]*doubt  // events that have landed and may come back, by key
	oldest     []*doubt             // the same, in order
}

type doubt struct {
	key  uint64
	at   time.Time
	gone bool // the event has come back
}

// A flight is an event that is expected back, until it has landed.
type flight struct {
	echo    *echo
	message *adapter.Message
	landed  bool
	back    bool // it has landed because an event that says the same came back
	next    *flight
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
		e.behind.after(func() { c.obey(m) })
		key := keyOf(m)
		e.mu.Lock()
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
	e.behind.sends()
	e.mu.Lock()
	e.expect(f)
	e.mu.Unlock()
	if c.bus.put(&sending{Message: m, own: f}) != nil {
		f.land(false)
	}
}

// EmitHere has the Host deliver an event behind those that were emitted before.
func (c *Member) EmitHere(m *adapter.Message) {
	m.UID, m.Namespace = c.uid, c.namespace
	c.echo.behind.after(func() { c.obey(m) })
}

// After calls f when the events that this server has sent before, and that come
// back from a log, are back; at once if all are, see Ahead.
func (c *Member) After(f func()) {
	if c == nil || c.echo == nil {
		f()
		return
	}
	c.echo.behind.after(f)
}

// Ahead reports whether events of this server have yet to come back.
func (c *Member) Ahead() bool { return c != nil && c.echo != nil && c.echo.behind.ahead() }

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
	if err != nil {
		e.tellApart() // the event may have come back early
		if f.back && e.arrive(keyOf(f.message)) {
			f.landed, f.back = false, false // it was another
		}
	}
	if e.publishing--; e.publishing == 0 {
		e.pass(len(e.early))
		e.early = nil
	}
	e.mu.Unlock()
	if err != nil {
		f.land(true)
	}
}

// expect notes an event that must come back. e.mu is locked.
func (e *echo) expect(f *flight) {
	if e.count++; e.count > maxDoubts {
		e.pass(1)
	}
	if e.first == nil {
		e.first = f
	} else {
		e.last.next = f
	}
	e.last = f
	if e.expected != nil {
		key := keyOf(f.message)
		e.expected[key] = append(e.expected[key], f)
	}
}

// pass takes the first n flights for those that are back. e.mu is locked.
func (e *echo) pass(n int) {
	for e.first != nil && (n > 0 || e.first.landed) {
		if !e.first.landed {
			n--
		}
		e.first = e.first.next
		e.count--
	}
}

// tellApart finds out which flights are back, and has came find it out for each
// event from now on. e.mu is locked.
func (e *echo) tellApart() {
	if e.expected == nil {
		e.expected = make(map[uint64][]*flight)
		for f := e.first; f != nil; f = f.next {
			if !f.landed {
				key := keyOf(f.message)
				e.expected[key] = append(e.expected[key], f)
			}
		}
	}
	for _, m := range e.early {
		e.arrive(keyOf(m))
	}
	e.early = nil
}

// arrive reports whether an event with this key must come back. Then the first
// such flight has landed. e.mu is locked.
func (e *echo) arrive(key uint64) bool {
	for list := e.expected[key]; len(list) > 0; list = list[1:] {
		if f := list[0]; !f.landed {
			f.landed, f.back = true, true
			e.expected[key] = list[1:]
			e.pass(0)
			return true
		}
	}
	delete(e.expected, key)
	return false
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
	e.pass(0)
	e.mu.Unlock()
	e.member.obey(f.message)
	e.behind.returned()
}

// came takes an event of this server that comes back from the log.
func (e *echo) came(m *adapter.Message) {
	e.mu.Lock()
	switch e.settle(); {
	case e.expected != nil:
		if key := keyOf(m); !e.arrive(key) && e.undoubt(key) {
			e.mu.Unlock()
			return
		}
	case e.publishing > 0:
		e.early = append(e.early, m)
	default:
		e.pass(1)
	}
	e.mu.Unlock()
	e.member.obey(m)
	e.behind.returned()
}

// leave stops waiting for anything.
func (e *echo) leave() {
	if e != nil {
		e.mu.Lock()
		e.first, e.count, e.expected = nil, 0, nil
		e.mu.Unlock()
		e.behind.end()
	}
}

// doubt notes that an event that has landed may come back. e.mu is locked.
func (e *echo) doubt(key uint64) {
	if len(e.oldest) >= maxDoubts {
		e.forget()
	}
	e.settle()
	if e.doubts == nil {
		e.doubts = make(map[uint64][]*doubt)
	}
	d := &doubt{key: key, at: time.Now()}
	e.doubts[key] = append(e.doubts[key], d)
	e.oldest = append(e.oldest, d)
	e.tellApart()
}

// undoubt reports whether an event with this key has landed already. e.mu is
// locked.
func (e *echo) undoubt(key uint64) bool {
	list := e.doubts[key]
	if len(list) == 0 {
		return false
	}
	list[0].gone = true
	if e.doubts[key] = list[1:]; len(list) == 1 {
		delete(e.doubts, key)
	}
	return true
}

// forget ends the oldest doubt. e.mu is locked.
func (e *echo) forget() {
	if d := e.oldest[0]; !d.gone {
		e.undoubt(d.key)
	}
	e.oldest[0] = nil
	e.oldest = e.oldest[1:]
}

// settle ends the doubts that are too old. Without doubts, events need not be
// told apart. e.mu is locked.
func (e *echo) settle() {
	for len(e.oldest) > 0 && (e.oldest[0].gone || time.Since(e.oldest[0].at) > doubtTime) {
		e.forget()
	}
	if len(e.oldest) == 0 && e.publishing == 0 {
		e.expected = nil
	}
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

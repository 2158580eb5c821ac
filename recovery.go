package socketio

import (
	"sync"
	"time"

	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/eventlog"
)

// Recovery lets clients that have lost their connection come back as if they
// had not: with their id, rooms and data, and with the events they have missed.
// These are the events without acknowledgement that are not volatile. Each
// namespace keeps its own, within the limits below.
//
// Every event, also a volatile one, gets a further last argument: the offset
// that tells clients their position. Clients of [Options.AllowEIO3] cannot come
// back and do not get it.
//
// All is kept in memory, so a client has to come back to the same server, which
// also keeps the events of others; unless Options.Adapter is an
// [adapter.SessionStore].
type Recovery struct {
	// MaxAge is how long after its disconnect a client can come back, 2 min by
	// default. A namespace keeps 65,536 sessions at most.
	MaxAge time.Duration

	// MaxEvents and MaxBytes limit the events that a namespace keeps, and their
	// bytes. A client that has missed an event that is gone, or more than
	// Options.Limits.Buffered bytes, gets a new session. Default to 10,000
	// events and 16 MiB.
	MaxEvents int
	MaxBytes  int

	// SkipMiddleware, if true, lets clients come back without asking the
	// middleware again, as the JavaScript server does by default. This admits
	// also a user that has been banned meanwhile.
	SkipMiddleware bool
}

func (o *Recovery) withDefaults() *Recovery {
	if o == nil {
		return nil
	}
	c := *o
	if c.MaxAge <= 0 {
		c.MaxAge = 2 * time.Minute
	}
	if c.MaxEvents <= 0 {
		c.MaxEvents = 10_000
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 16 << 20
	}
	return &c
}

// A loggedEvent is an event that the log contains.
type loggedEvent = eventlog.Event[*engine.Message]

// A savedSession is what is kept of a socket whose client may come back.
type savedSession = eventlog.Session[*data]

// A recovery is what a namespace keeps for clients that come back.
type recovery struct {
	*Recovery
	namespace *Namespace
	store     *cluster.Store // of sessions; nil if they are here
	deaf      time.Duration  // how long a client may have been sent events in vain
	maxMissed int            // bytes of events that are sent to who comes back

	// mu makes the order of the log that of each socket's queue. It is held
	// while an event is logged and queued, and while a socket begins to get
	// events; nothing that is called meanwhile runs code of the program.
	mu       sync.Mutex
	log      *eventlog.Log[*engine.Message]
	seats    map[string]*seat // by pid: of sockets that have not left
	sessions eventlog.Sessions[*data]
	timer    *time.Timer // set to due; nil while there is nothing to forget
	due      time.Time
	closed   bool
}

func newRecovery(n *Namespace) *recovery {
	o := n.server.opts.Recovery
	if o == nil || n.name == "" { // a parent has its children's
		return nil
	}
	e := n.server.engine.Options()
	// A client has all that was sent before the last PING it answered.
	deaf := e.PingInterval + 2*e.PingTimeout + time.Second
	r := &recovery{
		Recovery:  o,
		namespace: n,
		store:     n.cluster.Store(),
		deaf:      deaf,
		maxMissed: e.MaxBuffered,
		seats:     make(map[string]*seat),
		// Clients that can come back may have been sent events in vain before.
		log: eventlog.New[*engine.Message](eventlog.Limits{Events: o.MaxEvents, Bytes: o.MaxBytes, Age: o.MaxAge + deaf}),
	}
	return r
}

// arm sets the timer to when something is too old to be kept. r.mu is locked.
func (r *recovery) arm() {
	due, any := r.log.Due()
	if ended, some := r.sessions.Oldest(); some && (!any || ended.Add(r.MaxAge).Before(due)) {
		due, any = ended.Add(r.MaxAge), true
	}
	switch {
	case !any, r.closed:
	case r.timer == nil:
		r.timer = time.AfterFunc(time.Until(due), r.tidy)
		r.due = due
	case due.Before(r.due):
		r.timer.Reset(time.Until(due))
		r.due = due
	}
}

func (r *recovery) tidy() {
	r.mu.Lock()
	now := time.Now()
	r.log.Prune(now)
	forgotten := r.sessions.Expire(now.Add(-r.MaxAge))
	r.timer = nil // a timer that was reset in the last moment does no harm
	r.arm()
	r.mu.Unlock()
	r.unuse(forgotten)
}

// unuse gives up the namespace for sessions that are no more.
func (r *recovery) unuse(sessions int) {
	if sessions > 0 {
		r.namespace.server.use(r.namespace, 0, -sessions)
	}
}

// forget gives up all sessions.
func (r *recovery) forget() {
	r.mu.Lock()
	n := r.sessions.Len()
	r.sessions = eventlog.Sessions[*data]{}
	r.mu.Unlock()
	r.unuse(n)
}

// close forgets everything, for good.
func (r *recovery) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.log.Clear()
	r.sessions = eventlog.Sessions[*data]{}
}

// logs reports whether events to the selected sockets get a place in this
// server's own log. It is right for nil too, and so is stores.
func (r *recovery) logs(b Broadcast) bool { return r != nil && r.store == nil && !b.volatile }

// stores reports whether the place of events in the adapter's log becomes
// their offset.
func (r *recovery) stores(b Broadcast) bool {
	return r != nil && r.store != nil && !b.volatile && !b.local
}

// queue logs an event and queues it for the selected sockets that can come
// back, which must be released. It returns all selected sockets, and nil in
// place of those that are gone or that received the event on another server. An
// event without a message is neither logged nor queued.
//
// Events that were encoded at the same time may be logged in another order than
// that of their offsets, but always in the order of sending.
func (r *recovery) queue(b Broadcast, e *loggedEvent) (targets *[]*Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Message != nil && r.wanted() {
		r.log.Add(e)
		r.arm()
	}
	targets = b.targets()
	for i, s := range *targets {
		switch {
		case !s.connected(), s.seat != nil && r.hasHad(s.seat, e):
			(*targets)[i] = nil
		case s.seat != nil && e.Message != nil:
			s.conn.session.Queue(e.Message, nil)
		}
	}
	return targets
}

// wanted reports whether a client may come back. r.mu is locked.
func (r *recovery) wanted() bool {
	return !r.closed && (len(r.seats) > 0 || r.sessions.Len() > 0 || r.store != nil)
}

// takesEvents reports whether the socket is connected or its client may come
// back.
func (s *Socket) takesEvents() bool {
	return s.connected() || s.seat != nil && s.mayComeBack()
}

func (s *Socket) mayComeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" && s.status.Load() == statusDisconnected {
		return true // the reason is about to be known, and until then it may be any
	}
	return recoverable[s.reason] && time.Since(s.until) <= s.namespace.recovery.MaxAge
}

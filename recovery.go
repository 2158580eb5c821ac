package socketio

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/eventlog"
	"github.com/goroomcast/socketio/parser"
)

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
	deaf := sumOf(e.PingInterval, e.PingTimeout, e.PingTimeout, time.Second)
	r := &recovery{
		Recovery:  o,
		namespace: n,
		store:     n.cluster.Store(),
		deaf:      deaf,
		maxMissed: e.MaxBuffered,
		seats:     make(map[string]*seat),
		// Clients that can come back may have been sent events in vain before.
		log: eventlog.New[*engine.Message](eventlog.Limits{Events: o.MaxEvents, Bytes: o.MaxBytes, Age: sumOf(o.MaxAge, deaf)}),
	}
	r.sessions.Forgotten = r.release
	return r
}

// sumOf returns a sum, or the longest Duration if the sum is longer: the
// program may have chosen that for "never".
func sumOf(times ...time.Duration) (sum time.Duration) {
	for _, d := range times {
		sum += min(d, math.MaxInt64-sum)
	}
	return sum
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
	r.namespace.tellPresence()
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
	n := r.sessions.Clear()
	r.mu.Unlock()
	r.unuse(n)
	r.namespace.tellPresence()
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
	r.sessions.Clear()
}

// logs reports whether events to the selected sockets get a place in this
// server's own log. It is right for nil too, and so is stores.
func (r *recovery) logs(b Broadcast) bool { return r != nil && r.store == nil && !b.volatile }

// stores reports whether events come back from the adapter with their place in
// its log as their offset.
func (r *recovery) stores(b Broadcast) bool { return r != nil && r.store != nil && !b.local }

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

// A session holds its rooms: an adapter may leave out the events of other servers
// to rooms that are not here, and the client must find these events in the log.
// With a store it finds them there.

// hold begins that, while the socket is in its rooms.
func (r *recovery) hold(s *savedSession) {
	if r.holds() {
		r.namespace.rooms.hold(s.Rooms)
	}
}

// release ends it, when another socket is in the rooms or the session is
// forgotten. r.mu may be locked.
func (r *recovery) release(s *savedSession) {
	if r.holds() {
		r.namespace.rooms.release(s.Rooms)
	}
}

func (r *recovery) holds() bool { return r.store == nil && r.namespace.cluster != nil }

// With an adapter.SessionStore the adapter keeps the sessions, and the log is the
// adapter's. Each server keeps the latest part of that log, in the order of
// arrival.

// offsetBefore returns the latest offset before all that the client of a
// session may have missed, "" if it is not known.
func (r *recovery) offsetBefore(s *savedSession) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.OffsetBefore(s.Place, s.Ended.Add(-r.deaf))
}

// restore fills a seat with its session from the adapter. It returns nil if the
// adapter does not know the session.
func (r *recovery) restore(ctx context.Context, taken *seat, offset string) *seat {
	kept, missed, err := r.store.Restore(ctx, taken.pid, offset)
	if err == nil && kept != nil {
		err = r.fill(taken, kept, missed)
	}
	if err != nil {
		r.namespace.server.logger.Error("cannot restore a session", "namespace", r.namespace.name, "err", err)
	}
	if taken.saved == nil {
		r.leave(taken, nil)
		return nil
	}
	return taken
}

func (r *recovery) fill(taken *seat, kept *adapter.Session, missed []*adapter.Message) error {
	if r.namespace.rooms.known(kept.SocketID) {
		return errors.New("another client has the id of its socket")
	}
	s := &savedSession{PID: kept.PID, SocketID: kept.SocketID, Rooms: kept.Rooms}
	taken.Origin, s.Origin, taken.last = kept.Offset, kept.Offset, kept.Offset
	var err error
	if s.Data, err = storedData(kept.Data); err != nil {
		return err
	}
	for _, m := range missed {
		if m == nil || m.Namespace != kept.Namespace || m.Type != adapter.Broadcast || m.RequestID != "" {
			return errors.New("what it has missed is not of the log")
		}
		taken.last = m.Offset
		if m.Opts.Volatile {
			continue
		}
		e, err := r.decode(m)
		if err != nil {
			return err
		}
		taken.missed = append(taken.missed, e)
	}
	if eventlog.Size(eventlog.NewRoomSet(s.Rooms), slices.Values(taken.missed)) <= r.maxMissed {
		taken.saved = s
	}
	return nil
}

// decode makes a logged event of a message in the adapter's log.
func (r *recovery) decode(m *adapter.Message) (*loggedEvent, error) {
	p, err := values.DecodePayload(parser.Event, m.Packet)
	if err != nil {
		return nil, err
	}
	out, err := r.namespace.Local().Compress(!m.Opts.Plain).prepare(p.Event, parser.Header{}, parser.ValuesOf(p.Args))
	if err != nil {
		return nil, err
	}
	defer out.free()
	out.offset = m.Offset
	if err := out.encode(r.namespace); err != nil {
		return nil, err
	}
	return &loggedEvent{Offset: m.Offset, Message: out.keep(), Rooms: m.Opts.Rooms, Except: m.Opts.Except}, nil
}

// hasHad reports whether a socket got an event on another server, or from the
// store, before the event came here. r.mu is locked.
func (r *recovery) hasHad(s *seat, e *loggedEvent) bool {
	if s.last == "" {
		return false
	}
	if e.At.Sub(s.Since) > r.deaf && !s.Since.IsZero() {
		s.last = "" // nothing takes so long to come
		return false
	}
	return r.store.Compare(e.Offset, s.last) <= 0
}

// An earlySession is the stored session of a socket that has not left yet. It
// must follow the changes of the socket until then.
type earlySession struct {
	*adapter.Session      // nil if there is none
	stored           bool // or else the store has failed, and may have it or not
}

// persistEarly puts the session of a client that is about to be sent to another
// server into the store, so that it is there before the client.
func (r *recovery) persistEarly(s *Socket) {
	if r.store != nil && s.connected() {
		r.updateStore(r.keep(s, ReasonServerShutdown, true), &s.seat.early)
	}
}

// reviseEarly makes the store follow the end of a socket: a client that has
// left, or that the program has disconnected, does not come back.
func (r *recovery) reviseEarly(s *Socket, reason Reason) {
	if s.seat != nil && s.seat.early.Session != nil {
		r.updateStore(r.keep(s, reason, true), &s.seat.early)
	}
}

// updateStore makes what the store has of a client that session, which is nil
// if the client cannot come back. It does nothing if the client is back already
// and so has taken its session from the store.
func (r *recovery) updateStore(s *savedSession, early *earlySession) {
	if s == nil {
		_, err := r.store.Delete(early.PID)
		if err != nil {
			r.storeFailed("cannot delete a session", early.SocketID, err)
		}
		*early = earlySession{}
		return
	}
	now, err := r.storable(s)
	if early.stored && err == nil {
		if slices.Equal(now.Rooms, early.Rooms) && reflect.DeepEqual(now.Data, early.Data) {
			return
		}
		var there bool
		if there, err = r.store.Delete(s.PID); err == nil && !there {
			return
		}
	}
	if err == nil {
		err = r.store.Persist(now, r.MaxAge)
	}
	if err != nil {
		r.storeFailed("cannot keep a session", s.SocketID, err)
	}
	*early = earlySession{now, err == nil}
}

func (r *recovery) storeFailed(what, socketID string, err error) {
	r.namespace.server.logger.Error(what, "namespace", r.namespace.name, "socket", socketID, "err", err)
}

// storable returns a session as the store has it.
func (r *recovery) storable(s *savedSession) (*adapter.Session, error) {
	kept := &adapter.Session{
		Namespace: r.namespace.name, PID: s.PID, SocketID: s.SocketID, Rooms: s.Rooms, Offset: r.offsetBefore(s),
	}
	var err error
	kept.Data, err = s.Data.encoded()
	return kept, err
}

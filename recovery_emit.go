package socketio

import (
	"errors"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// noOffset is the last argument of events that are not logged. Without it the
// stock clients would take an argument of the program's, if the last one is a
// string, for an offset.
var noOffset any

// emitRecoverable is Emit with Options.Recovery.
func (b Broadcast) emitRecoverable(event string, args []any) error {
	if b.volatile {
		return b.emitOnce(event, args, noOffset)
	}
	if b.namespace.family == nil {
		return b.namespace.recovery.emit(b, event, args)
	}
	children := b.namespace.audience()
	if len(children) == 0 {
		_, err := b.namespace.outgoing(event, parser.Header{}, args)
		return err
	}
	var errs []error
	for _, b.namespace = range children {
		errs = append(errs, b.emitRecoverable(event, args))
	}
	return errors.Join(errs...)
}

// emit logs and sends an event.
func (r *recovery) emit(b Broadcast, event string, args []any) error {
	if r.store != nil {
		return r.emitStored(b, event, args)
	}
	offset := r.log.NewOffset()
	out, err := b.outgoing(event, parser.Header{}, args, offset)
	if err == nil {
		err = b.publishEvent(event, args)
	}
	if err == nil {
		r.send(b, out, offset)
	}
	return err
}

// send logs an event and sends it to the selected sockets of this server. What
// has been encoded at the same time may be logged in another order than its
// offsets have, but never in another than it is sent.
func (r *recovery) send(b Broadcast, out *outgoing, offset string) {
	e := &loggedEvent{Offset: offset, At: time.Now(), Message: out.encoded, Rooms: b.rooms, Except: b.except}
	r.mu.Lock()
	if r.wanted() {
		r.log.Add(e)
		r.arm()
	}
	targets := b.targets()
	for i, s := range *targets {
		switch {
		case !s.connected(), s.seat != nil && r.hasHad(s.seat, e):
			(*targets)[i] = nil
		case s.seat != nil:
			s.conn.session.Queue(e.Message, nil)
		}
	}
	r.mu.Unlock()
	later := len(*targets) > maxDirect
	for _, s := range *targets {
		switch {
		case s == nil:
		case s.seat == nil:
			_ = s.deliver(out.message(s), false, later) // who is gone gets nothing
		default:
			s.listeners.outgoing(s, out)
			s.conn.session.Release(later)
		}
	}
	putTargets(targets)
}

// wanted reports whether there is anybody who may come back. r.mu is locked.
func (r *recovery) wanted() bool {
	return !r.closed && (len(r.seats) > 0 || r.sessions.Len() > 0 || r.store != nil)
}

// emitRecoverable is Emit with Options.Recovery. It works also for a socket
// that has disconnected while its client may come back.
func (s *Socket) emitRecoverable(event string, args []any) error {
	if !s.connected() && !s.mayComeBack() {
		return ErrDisconnected
	}
	return s.namespace.recovery.emit(s.itself(), event, args)
}

func (s *Socket) mayComeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" && s.status.Load() == statusDisconnected {
		return true // the reason is about to be known, and until then it may be any
	}
	return recoverable[s.reason] && time.Since(s.until) <= s.namespace.recovery.MaxAge
}

package socketio

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/eventlog"
	"github.com/goroomcast/socketio/parser"
)

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
	if kept.Data != nil {
		s.Data = &data{value: kept.Data, text: kept.Data}
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
// if the client cannot come back. It does nothing if the client has come back
// meanwhile and so has taken its session from the store.
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
		if slices.Equal(now.Rooms, early.Rooms) && bytes.Equal(now.Data, early.Data) {
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

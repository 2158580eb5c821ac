package socketio

import (
	"context"
	"errors"
	"slices"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/eventlog"
	"github.com/goroomcast/socketio/parser"
)

// What is different with an adapter that is an adapter.Recovery: it has the
// sessions, and the log is its log, of which each server has the latest part
// as it has come there.

// offsetBefore returns the latest offset before all that the client of a
// session may have missed, "" if it is not known.
func (r *recovery) offsetBefore(s *savedSession) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.OffsetBefore(s.Place, s.Ended.Add(-r.deaf))
}

// restore fills a seat with the session that the adapter has for it. The
// result is nil if there is none.
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

package socketio

import (
	"context"
	"slices"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// What is different with an adapter that is an adapter.Recovery: it has the
// sessions, and the log is its log, of which each server has the latest part
// as it has come there.

// emitStored is emit for an event whose offset is its place in the adapter's
// log. It has none if it has not got there.
func (r *recovery) emitStored(b Broadcast, event string, args []any) error {
	if reserved(event) {
		return reservedError(event)
	}
	offset := ""
	if !b.local {
		m, err := b.eventMessage(event, args)
		if err != nil {
			return err
		}
		offset, _ = r.namespace.cluster.publishAt(m) // the error has been logged
	}
	return r.sendAt(b, event, args, offset)
}

// sendAt sends an event from a place in the adapter's log to the selected
// sockets of this server.
func (r *recovery) sendAt(b Broadcast, event string, args []any, offset string) error {
	var tail any = offset
	if offset == "" {
		tail = noOffset
	}
	out, err := b.outgoing(event, parser.Header{}, args, tail)
	if err != nil {
		return err
	}
	if offset == "" {
		b.send(out)
	} else {
		r.send(b, out, offset)
	}
	return nil
}

// relay sends an event of another server to the selected sockets.
func (r *recovery) relay(b Broadcast, event string, args []any, offset string) error {
	switch {
	case b.volatile:
		offset = ""
	case r.store == nil:
		offset = r.log.newOffset()
	}
	return r.sendAt(b, event, args, offset)
}

// persistInStore has the adapter keep a session.
func (r *recovery) persistInStore(s *session) {
	kept := &adapter.Session{
		Namespace: r.namespace.name, PID: s.pid, SocketID: s.id, Rooms: s.rooms, Offset: r.offsetBefore(s),
	}
	var err error
	if kept.Data, err = s.data.encoded(); err == nil {
		ctx, cancel := withRequestTimeout(context.Background())
		defer cancel()
		err = r.store.PersistSession(ctx, kept, r.MaxAge)
	}
	if err != nil {
		r.namespace.server.logger.Error("cannot keep a session", "namespace", r.namespace.name, "socket", s.id, "err", err)
	}
}

// offsetBefore returns the latest offset before all that the client of a
// session may have missed, "" if it is not known.
func (r *recovery) offsetBefore(s *session) string {
	heard := s.ended.Add(-r.deaf)
	if !s.since.Before(heard) {
		return s.origin
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range slices.Backward(r.log.entries) {
		if e.at.Before(heard) {
			return e.offset
		}
	}
	switch lost := r.log.lost; {
	case lost == nil:
		return s.origin
	case lost.at.Before(heard):
		return lost.offset
	}
	return ""
}

// restore fills a seat with the session that the adapter has for it. The
// result is nil if there is none.
func (r *recovery) restore(ctx context.Context, taken *seat, offset string) *seat {
	ctx, cancel := withRequestTimeout(ctx)
	defer cancel()
	kept, missed, err := r.store.RestoreSession(ctx, r.namespace.name, taken.pid, offset)
	if err == nil && kept != nil {
		err = r.fill(taken, kept, missed)
	}
	if err != nil {
		r.namespace.server.logger.Error("cannot restore a session", "namespace", r.namespace.name, "err", err)
	}
	if taken.session == nil {
		r.leave(taken, nil)
		return nil
	}
	return taken
}

func (r *recovery) fill(taken *seat, kept *adapter.Session, missed []*adapter.Message) error {
	s := &session{pid: kept.PID, id: kept.SocketID, rooms: kept.Rooms}
	taken.origin, s.origin = kept.Offset, kept.Offset
	if kept.Data != nil {
		s.data = &data{value: kept.Data, text: kept.Data}
	}
	for _, m := range missed {
		if m.Opts.Volatile {
			continue
		}
		e, err := r.decode(m)
		if err != nil {
			return err
		}
		taken.missed = append(taken.missed, e)
	}
	if sizeFor(newRoomSet(s.rooms), slices.Values(taken.missed)) <= r.maxMissed {
		taken.session = s
	}
	return nil
}

// decode makes a logged event of a message in the adapter's log.
func (r *recovery) decode(m *adapter.Message) (*logged, error) {
	p, args, err := decodeEvent(m)
	if err != nil {
		return nil, err
	}
	out, err := r.namespace.Compress(!m.Opts.Plain).outgoing(p.Event, parser.Header{}, args, m.Offset)
	if err != nil {
		return nil, err
	}
	return &logged{offset: m.Offset, message: out.encoded, rooms: m.Opts.Rooms, except: m.Opts.Except}, nil
}

// yetToCome returns the offsets of the events after the last one that has come
// here, nil if there are none.
func (l *eventLog) yetToCome(stored []*logged) map[string]struct{} {
	var offsets map[string]struct{}
	for i := len(stored) - 1; i >= 0; i-- {
		if _, here := l.position(stored[i].offset); here {
			break
		}
		if offsets == nil {
			offsets = make(map[string]struct{})
		}
		offsets[stored[i].offset] = struct{}{}
	}
	return offsets
}

// hasHad reports whether a socket got an event from the store before it came
// here. recovery.mu is locked.
func (s *seat) hasHad(offset string) bool {
	_, had := s.again[offset]
	delete(s.again, offset)
	return had
}

package socketio

import (
	"bytes"
	"slices"

	"github.com/goroomcast/socketio/adapter"
)

// An earlySession is what the store has of a socket that has not left yet. It
// has to follow what becomes of the socket until then.
type earlySession struct {
	*adapter.Session      // nil if there is none
	stored           bool // or else the store has failed, and may have it or not
}

// persistEarly puts the session of a client that is about to be sent to another
// server into the store, so that it is there before the client.
func (s *Socket) persistEarly() {
	if s.seat != nil && s.namespace.recovery.store != nil && s.connected() {
		s.namespace.recovery.updateStore(s.keep(ReasonServerShutdown, true), &s.seat.early)
	}
}

// reviseEarly has the store follow the end of a socket: who has been
// disconnected by a program, or has left, does not come back.
func (s *Socket) reviseEarly(reason Reason) {
	if s.seat != nil && s.seat.early.Session != nil {
		s.namespace.recovery.updateStore(s.keep(reason, true), &s.seat.early)
	}
}

// updateStore makes what the store has of a client that session, which is nil
// if the client cannot come back. It leaves a client alone that has come back
// meanwhile, and so has taken the session off the store.
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

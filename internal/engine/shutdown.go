package engine

import (
	"context"
	"time"
)

// A Drainer is a Receiver that has something to finish before Shutdown closes
// its session.
type Drainer interface {
	Receiver

	// Drain is called when it is the session's turn to end. The session still
	// sends and receives until done is called, or for Options.UpgradeTimeout.
	// Drain must not block; done may be called from anywhere.
	Drain(done func())
}

// Shutdown refuses new sessions and ends the others with
// ReasonServerShutdown, one after the other within Options.ShutdownSpread, each
// after sending what is queued for it. It waits until they are gone. When ctx
// ends first it closes the rest at once and returns the context's cause.
func (srv *Server) Shutdown(ctx context.Context) error {
	sessions, start := srv.refuseNew(), time.Now()
	for i, s := range sessions {
		turn := srv.opts.ShutdownSpread / time.Duration(len(sessions)) * time.Duration(i)
		if !srv.waitUntil(ctx, start.Add(turn)) {
			break
		}
		s.retire()
	}
	select {
	case <-srv.gone:
		return nil
	case <-ctx.Done():
		srv.Close()
		return context.Cause(ctx)
	}
}

// waitUntil waits for a time, and reports false if ctx or the last session ends
// before.
func (srv *Server) waitUntil(ctx context.Context, t time.Time) bool {
	delay := time.Until(t)
	if delay <= 0 {
		return true
	}
	select {
	case <-time.After(delay):
		return true
	case <-srv.gone:
	case <-ctx.Done():
	}
	return false
}

// retire closes a session when its receiver has finished.
func (s *Session) retire() {
	s.mu.Lock()
	drainer, ok := s.receiver.(Drainer)
	s.mu.Unlock()
	end := func() { s.close(ReasonServerShutdown, closeGoingAway) }
	if !ok {
		end()
		return
	}
	late := time.AfterFunc(s.server.opts.UpgradeTimeout, end)
	defer s.server.recovered("Drainer.Drain", nil)
	drainer.Drain(func() {
		late.Stop()
		end()
	})
}

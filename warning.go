package socketio

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A warning is a line in the log that comes at most once a minute: what it
// tells happens as often as clients like.
type warning struct {
	logger *slog.Logger
	next   atomic.Int64 // when it may come again, in Unix nanoseconds
}

func (w *warning) warn(text string, args ...any) {
	now := time.Now()
	next := w.next.Load()
	if now.UnixNano() >= next && w.next.CompareAndSwap(next, now.Add(time.Minute).UnixNano()) {
		w.logger.Warn(text, args...)
	}
}

package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A limitedLog writes one line a minute for each key: what it tells happens
// as often as clients like.
type limitedLog struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxLogKeys = 100

func (l *limitedLog) write(to *slog.Logger, level slog.Level, key, text string, args ...any) {
	if !to.Enabled(context.Background(), level) {
		return
	}
	now := time.Now()
	l.mu.Lock()
	last, known := l.last[key]
	silent := known && now.Sub(last) < time.Minute
	if !silent {
		if l.last == nil || len(l.last) >= maxLogKeys {
			l.last = make(map[string]time.Time)
		}
		l.last[key] = now
	}
	l.mu.Unlock()
	if !silent {
		to.Log(context.Background(), level, text, args...)
	}
}

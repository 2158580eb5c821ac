package socketio_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// A logBook keeps what a server logs from level Warn on.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// everything is a logger for what comes too often to be a warning or an error,
// too.
func (b *logBook) everything() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *logBook) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")
}

// expectOne wants exactly one line with the first part in it, which has the
// others too.
func (b *logBook) expectOne(t testing.TB, first string, others ...string) {
	t.Helper()
	var found []string
	for _, line := range b.lines() {
		if strings.Contains(line, first) {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines logged with %q, want one; all:\n%s", len(found), first, strings.Join(b.lines(), "\n"))
	}
	for _, part := range others {
		if !strings.Contains(found[0], part) {
			t.Errorf("logged %q, want %q in it", found[0], part)
		}
	}
}

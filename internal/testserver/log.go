package testserver

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A LogBook is a log that a test reads. It is safe for concurrent use.
type LogBook struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write adds to the log.
func (b *LogBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// Logger returns a logger to the book, from level Warn on.
func (b *LogBook) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Everything returns a logger to the book, from level Debug on.
func (b *LogBook) Everything() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Lines returns the lines logged so far.
func (b *LogBook) Lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")
}

// ExpectOne expects exactly one line that contains first, and that this line
// contains the others.
func (b *LogBook) ExpectOne(t testing.TB, first string, others ...string) {
	t.Helper()
	var found []string
	for _, line := range b.Lines() {
		if strings.Contains(line, first) {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines logged with %q, want one; all:\n%s", len(found), first, strings.Join(b.Lines(), "\n"))
	}
	for _, part := range others {
		if !strings.Contains(found[0], part) {
			t.Errorf("logged %q, want %q in it", found[0], part)
		}
	}
}

// LoggedOnce is ForEachMode, and expects that each run logs one line with the
// parts in line, as ExpectOne does.
func LoggedOnce(t *testing.T, o socketio.Options, line []string, f func(h *Harness, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			var log LogBook
			o.Logger = log.Logger()
			Run(t, &o, func(h *Harness) { f(h, mode) })
			log.ExpectOne(t, line[0], line[1:]...)
		})
	}
}

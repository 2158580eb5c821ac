package testserver

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A LogBook keeps what a server logs from level Warn on.
type LogBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *LogBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *LogBook) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Everything is a logger for what comes too often to be a warning or an error,
// too.
func (b *LogBook) Everything() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *LogBook) Lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")
}

// ExpectOne wants exactly one line with the first part in it, which has the
// others too.
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

// LoggedOnce is forEachMode for what is to be logged in one line.
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

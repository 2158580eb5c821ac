package testserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
)

// Wait waits in a bubble's virtual time.
func Wait(d time.Duration) { <-time.After(d) }

// IDs returns the ids of a selection.
func IDs(b socketio.Broadcast) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s := range b.Sockets() {
			if !yield(s.ID()) {
				return
			}
		}
	}
}

// Echo answers each event of a name by one with the same arguments, whatever
// they are.
func Echo(h *Harness, event string) {
	h.On(event, func(ctx context.Context, e *socketio.Event) error {
		args := make([]any, e.Len())
		into := make([]any, e.Len())
		for i := range args {
			into[i] = &args[i]
		}
		if err := e.Decode(into...); err != nil {
			return err
		}
		return e.Socket().Emit(event, args...)
	})
}

// ExpectPanic wants f to panic with a text that has hint in it.
func ExpectPanic(t *testing.T, hint string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text, _ := recover().(string); !strings.Contains(text, hint) {
			t.Errorf("panic with %q, want %q in it", text, hint)
		}
	}()
	f()
}

func WantErr(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("error %w, want %w", got, want)
	}
	return nil
}

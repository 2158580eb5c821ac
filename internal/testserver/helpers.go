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

// Wait waits for d of the bubble's time.
func Wait(d time.Duration) { <-time.After(d) }

// IDs returns an iterator over the ids of the selected sockets.
func IDs(b socketio.Broadcast) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s := range b.Sockets() {
			if !yield(s.ID()) {
				return
			}
		}
	}
}

// Echo makes the server answer an event with the same event and arguments.
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

// ExpectPanic expects f to panic with a text that contains hint.
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

// WantErr returns an error unless got is want, as errors.Is compares them.
func WantErr(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("error %w, want %w", got, want)
	}
	return nil
}

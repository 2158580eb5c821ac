package engine_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/engine"
)

// kept is a message that may not be dropped.
func kept(text string) *engine.Message {
	m := engine.NewMessage([]byte(text))
	m.Keep()
	return m
}

// With DropOldest a client that does not poll finds the newest messages, each
// with its attachment, and those to be kept, all in their order.
func TestDropOldest(t *testing.T) {
	var log bytes.Buffer
	var seen tally
	o := &engine.Options{MaxBuffered: 10_000, DropOldest: true, Logger: slog.New(slog.NewTextHandler(&log, nil)), Trace: seen.trace()}
	run(t, o, func(h *harness) {
		r := h.openPolling()
		attachment := make([]byte, 1000)
		encoded := "b" + base64.StdEncoding.EncodeToString(attachment)
		const messages, keptEach = 100, 7
		var keptOnes []string
		for n := range messages {
			m := engine.NewMessage(fmt.Append(nil, n), attachment)
			if n%keptEach == 0 {
				m = kept(fmt.Sprint("kept ", n))
				keptOnes = append(keptOnes, fmt.Sprint("4kept ", n))
			}
			if err := r.Send(m); err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
		}
		packets := strings.Split(h.request("GET", session(r), nil).body, "\x1e")
		var got, gotKept []string
		for i := 0; i < len(packets); i++ {
			got = append(got, packets[i])
			if strings.HasPrefix(packets[i], "4kept") {
				gotKept = append(gotKept, packets[i])
			} else if i++; i == len(packets) || packets[i] != encoded {
				t.Fatalf("%s has lost its attachment", packets[i-1])
			}
		}
		if fmt.Sprint(gotKept) != fmt.Sprint(keptOnes) {
			t.Errorf("kept: %q", gotKept)
		}
		first := messages - (len(got) - len(keptOnes)) - 2 // two of those kept are among the newest
		var want []string
		for n := range messages {
			switch {
			case n%keptEach == 0:
				want = append(want, fmt.Sprint("4kept ", n))
			case n >= first:
				want = append(want, fmt.Sprint("4", n))
			}
		}
		if len(got) != len(keptOnes)+8 || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %q, want %q", got, want)
		}
		gone := messages - len(want)
		if _, _, dropped := seen.take(); dropped[0] != 2*gone || dropped[1] < gone*len(attachment) {
			t.Errorf("told of %v packets and bytes dropped, want %d messages", dropped, gone)
		}
		if lines := strings.Count(log.String(), "Options.Limits.Buffered"); lines != 1 {
			t.Errorf("%d lines:\n%s", lines, log.String())
		}
	})
}

// The same for a WebSocket that is not read. What is being written when the
// queue fills up is not dropped.
func TestDropOldestOfWebSocket(t *testing.T) {
	everywhere(t, &engine.Options{MaxBuffered: 100_000, DropOldest: true}, func(h *harness) {
		w, r := h.wireSession()
		const messages = 3000 // more than a connection's buffers take
		padding := strings.Repeat("x", 10_000)
		for n := range messages {
			if err := r.SendLater(engine.NewMessage(fmt.Appendf(nil, "%d %s", n, padding))); err != nil {
				t.Fatal(err)
			}
		}
		last, received := -1, 0
		for last < messages-1 {
			var n int
			if frame := w.next(); !strings.HasSuffix(frame, padding) {
				t.Fatalf("got %.40q", frame)
			} else if _, err := fmt.Sscanf(frame, "text 4%d", &n); err != nil || n <= last {
				t.Fatalf("got %.40q after %d", frame, last)
			}
			last = n
			received++
		}
		if received < 9 || received == messages {
			t.Errorf("%d messages of %d", received, messages)
		}
	})
}

// A client whose queue is full of what may not be dropped is closed.
func TestNothingToDrop(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 10_000, DropOldest: true}, func(h *harness) {
		r := h.openPolling()
		sent := 0
		for r.Send(kept(strings.Repeat("x", 1000))) == nil {
			sent++
			if err := r.Send(engine.NewMessage(make([]byte, 100))); err != nil { // gives way, or is dropped itself
				t.Fatal(err)
			}
		}
		if sent != 9 {
			t.Errorf("%d messages were kept", sent)
		}
		h.expectClosed(r, engine.ReasonSlowClient)
	})
}

// While a large message takes all the room, the new ones are dropped, and
// those that wait already stay.
func TestDropNewest(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 10_000, DropOldest: true}, func(h *harness) {
		w, r := h.wireSession()
		synctest.Wait()
		large := strings.Repeat("x", 9_000)
		r.Send(engine.NewMessage([]byte(large))) // is being written: a pipe has no buffer
		synctest.Wait()
		for _, m := range []string{"first", "second"} {
			r.Send(engine.NewMessage([]byte(m)))
		}
		if err := r.Send(engine.NewMessage([]byte(large))); err != nil {
			t.Fatal(err)
		}
		w.expect("text 4"+large, "text 4first", "text 4second")
		synctest.Wait()
		r.Send(engine.NewMessage([]byte("third")))
		w.expect("text 4third")
	})
}

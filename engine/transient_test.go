package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/engine"
)

// The ways of sending a message, each of which says whether it has been sent.
var waysOfSending = map[string]func(s *engine.Session, m *engine.Message) bool{
	"Send":         func(s *engine.Session, m *engine.Message) bool { return s.Send(m) == nil },
	"SendLater":    func(s *engine.Session, m *engine.Message) bool { return s.SendLater(m) == nil },
	"SendVolatile": (*engine.Session).SendVolatile,
	"Queue": func(s *engine.Session, m *engine.Message) bool {
		s.Queue(m, nil)
		s.Release(false)
		return true
	},
}

// What a transient message says arrives, also when its memory has long been
// used again: to a client that reads, and to one that is behind, whose kernel
// takes a part of one.
func TestTransientMessages(t *testing.T) {
	for name, sent := range waysOfSending {
		t.Run(name, func(t *testing.T) {
			everywhere(t, &engine.Options{MaxBuffered: 64 << 20}, func(h *harness) {
				w, r := h.wireSession()
				sendTransients(h, w, r, sent)
			})
		})
		t.Run(name+" compressed", func(t *testing.T) {
			runTCP(t, &engine.Options{MaxBuffered: 64 << 20, PerMessageDeflate: &engine.PerMessageDeflate{}}, func(h *harness) {
				w, r := h.deflateSession("", browsersOffer)
				sendTransients(h, w, r, sent)
			})
		})
	}
}

func sendTransients(h *harness, w *wire, r *recorder, sent func(s *engine.Session, m *engine.Message) bool) {
	h.t.Helper()
	attachment := []byte("an attachment")
	send := func(size int) (frames []string) {
		text := strings.Repeat(string('a'+rune(size%26)), size)
		if corked := size%3 == 0; corked {
			r.Cork()
			defer r.Uncork()
		}
		m := engine.NewTransientMessage([]byte(text), attachment)
		if sent(r.Session, m) {
			frames = []string{"text 4" + text, fmt.Sprintf("binary %s", attachment)}
		}
		m.Recycle()
		engine.NewTransientMessage([]byte(strings.ToUpper(text)), attachment).Recycle()
		return frames
	}
	expect := func(frames []string) {
		h.t.Helper()
		for _, want := range frames {
			if got := strings.TrimPrefix(w.next(), "deflated "); got != want {
				h.t.Fatalf("got %.80q, want %.80q", got, want)
			}
		}
	}
	for size := range 100 {
		expect(send(size))
	}
	var frames []string
	for n := range 200 { // more than a connection's buffers take
		frames = append(frames, send(50_000+n)...)
	}
	expect(frames)
}

func TestTransientMessagesOverPolling(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		for _, text := range []string{"first", "other", "third"} {
			m := engine.NewTransientMessage([]byte(text))
			if err := r.Send(m); err != nil {
				t.Fatal(err)
			}
			m.Recycle()
		}
		h.expectAnswer(h.request("GET", session(r), nil), 200, "4first\x1e4other\x1e4third")
	})
}

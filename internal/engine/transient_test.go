package engine_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/goroomcast/socketio/internal/engine"
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
			m := engine.NewTransientMessage([]byte(text), []byte(text[:2]))
			if err := r.Send(m); err != nil {
				t.Fatal(err)
			}
			m.Recycle()
		}
		engine.NewTransientMessage([]byte("a longer one"), []byte("an attachment"), []byte("x")).Recycle()
		h.expectAnswer(h.request("GET", session(r), nil), 200, "4first\x1ebZmk=\x1e4other\x1ebb3Q=\x1e4third\x1ebdGg=")
	})
}

// What is sent while a session is corked leaves in few writes, and in order
// whatever else is sent meanwhile.
func TestCorkedTransientMessages(t *testing.T) {
	var writes, packets atomic.Int64
	trace := &engine.Trace{Sent: func(_ *engine.Session, n, _ int) { writes.Add(1); packets.Add(int64(n)) }}
	everywhere(t, &engine.Options{Trace: trace}, func(h *harness) {
		w, r := h.wireSession()
		other, otherSession := h.wireSession()
		var want []string
		var later []*engine.Message
		send := func(text string, binaries ...[]byte) {
			m := engine.NewTransientMessage([]byte(text), binaries...)
			if err := r.Send(m); err != nil {
				t.Fatal(err)
			}
			m.Recycle()
			want = append(want, "text 4"+text)
			for _, b := range binaries {
				want = append(want, "binary "+string(b))
			}
		}
		for _, interrupt := range []func(){
			func() {},
			func() { send("attached", []byte("one"), []byte("two")) },
			func() { send(strings.Repeat("large", 10_000)) },
			func() {
				many := engine.NewMessage([]byte("to many"))
				r.SendLater(many)
				want = append(want, "text 4to many")
				later = append(later, many)
			},
			func() { r.Flush() },
		} {
			want, later = nil, nil
			writes.Store(0)
			packets.Store(0)
			r.Cork()
			interrupt()
			for n := range 100 {
				send(fmt.Sprint("reply ", n))
			}
			interrupt()
			for n := range 500 {
				send(fmt.Sprint("later reply ", n, strings.Repeat("x", n%50)))
			}
			interrupt()
			r.Uncork()
			w.expect(want...)
			if writes.Load() > 40 || packets.Load() != int64(len(want)) {
				t.Errorf("%d packets in %d writes, want %d in few", packets.Load(), writes.Load(), len(want))
			}
			for _, many := range later { // to the others now, with nothing of this session's
				otherSession.SendLater(many)
				other.expect("text 4to many")
			}
		}
	})
}

// A client that is corked for long is bounded, too.
func TestCorkedSlowClient(t *testing.T) {
	run(t, &engine.Options{MaxBuffered: 10_000}, func(h *harness) {
		_, r := h.wireSession()
		r.Cork()
		sent := 0
		for ; sent <= 200; sent++ {
			m := engine.NewTransientMessage(make([]byte, 100))
			err := r.Send(m)
			m.Recycle()
			if err != nil {
				break
			}
		}
		if sent < 50 || sent > 100 {
			t.Errorf("%d messages of 103 bytes in 10,000", sent)
		}
		h.expectClosed(r, engine.ReasonSlowClient)
	})
}

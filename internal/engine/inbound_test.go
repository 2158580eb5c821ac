package engine

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A sink is a connection that only takes.
type sink struct {
	net.Conn
	written []byte
}

func (s *sink) Write(b []byte) (int, error) {
	s.written = append(s.written, b...)
	return len(b), nil
}

func (s *sink) SetDeadline(time.Time) error { return nil }

// A note is a Receiver that writes down what it is told.
type note struct{ strings.Builder }

func (n *note) Text(data []byte) error   { fmt.Fprintf(n, "text %q\n", data); return nil }
func (n *note) Binary(data []byte) error { fmt.Fprintf(n, "binary %q\n", data); return nil }
func (n *note) EndBatch() Task           { return nil }
func (n *note) Closed(reason Reason)     { fmt.Fprintf(n, "closed: %s\n", reason) }

// inspect feeds bytes to a WebSocket session in the chunks that cuts say, and
// returns what became of them.
func inspect(t *testing.T, data, cuts []byte) string {
	t.Helper()
	n := &note{}
	srv := NewServer(&Options{MaxPayload: 20_000}, nil)
	s := &Session{server: srv, receiver: n}
	c := &wsConn{session: s, active: true}
	c.attach(&sink{})
	s.ws = c
	s.out.draining = true // answers stay in the outbox
	defer s.abort(ReasonForcedClose)
	var err error
	for received := 0; len(data) > 0 && err == nil; {
		chunk := len(data)
		if len(cuts) > 0 {
			chunk = min(int(cuts[0])*int(cuts[0])+1, len(data))
			cuts = cuts[1:]
		}
		for chunk > 0 && err == nil {
			k := copy(c.in.space(1), data[:chunk])
			c.in.filled(k)
			data, chunk, received = data[k:], chunk-k, received+k
			err = c.handle()
			if held := len(c.in.buf) + cap(c.message); held > 3*received+readSize {
				t.Fatalf("%d bytes are held of %d received", held, received)
			}
			c.in.idle()
		}
	}
	answers := ""
	for _, m := range s.out.queue {
		answers += string(m.frame)
	}
	return fmt.Sprintf("%sanswers %q\nin a message: %d %d\nerror: %v", n, answers, c.kind, len(c.message), err)
}

// The same bytes mean the same, however they arrive, and cost no more memory
// than they are many.
func FuzzFrames(f *testing.F) {
	masked := func(head byte, payload string) string {
		frame := []byte{head, 0x80 | byte(len(payload)), 1, 2, 3, 4}
		for i := range len(payload) {
			frame = append(frame, payload[i]^frame[2+i%4])
		}
		return string(frame)
	}
	long := "\x81\xfe\x40\x00\x00\x00\x00\x00" + strings.Repeat("4", 0x4000)
	for _, seed := range []string{
		masked(0x81, "4hello") + masked(0x89, "ping") + masked(0x82, "\xff"),
		masked(0x01, "4a") + masked(0x89, "") + masked(0x00, "b") + masked(0x80, "c"),
		masked(0x88, "\x03\xe8bye"),
		masked(0x81, "4\xff"),
		masked(0x81, "2"), masked(0x81, "1") + masked(0x81, "4a"), masked(0x81, "x"),
		long + masked(0x81, "4after") + long,
		long[:8] + strings.Repeat("4", 100),
		"\x81\xff\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00",
	} {
		f.Add([]byte(seed), []byte{0, 0, 1, 2, 3, 50, 90, 120})
		f.Add([]byte(seed), []byte{3, 130, 255, 255})
	}
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		whole := inspect(t, append([]byte(nil), data...), nil)
		if cut := inspect(t, append([]byte(nil), data...), cuts); cut != whole {
			t.Errorf("at once: %s\nin chunks: %s", whole, cut)
		}
	})
}

// An idle connection holds no buffer.
func TestIdleHoldsNoBuffer(t *testing.T) {
	c := &wsConn{session: &Session{server: NewServer(nil, nil), receiver: &note{}}, active: true}
	for _, size := range []int{5, 50_000, 5} {
		c.in.filled(copy(c.in.space(1), "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"))
		for range 1 << 16 / size {
			c.in.filled(copy(c.in.space(1), make([]byte, size)))
			if err := c.handle(); err != nil {
				t.Fatal(err)
			}
		}
		for c.in.start != c.in.end {
			c.in.filled(copy(c.in.space(1), make([]byte, 1)))
			if err := c.handle(); err != nil {
				t.Fatal(err)
			}
		}
		if c.in.idle(); c.in.buf != nil {
			t.Errorf("%d bytes are held", len(c.in.buf))
		}
	}
}

// A queue that is never empty does not grow with what has passed through it.
func TestOutboxStaysSmall(t *testing.T) {
	var o outbox
	m := NewMessage([]byte("x"))
	var taken [3]*Message
	for range 10 {
		o.push(m)
	}
	for range 10_000 {
		for range 3 {
			o.push(m)
		}
		if o.take(taken[:]) != 3 {
			t.Fatal("not three messages taken")
		}
	}
	if cap(o.queue) > 100 {
		t.Errorf("capacity %d for ten messages", cap(o.queue))
	}
}

func TestAcceptKey(t *testing.T) {
	if got := acceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, section 1.3
		t.Errorf("got %s", got)
	}
}

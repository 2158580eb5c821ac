package hostile_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// flood is lay for either revision.
func flood(t *testing.T, name string, attack func(s *siege, eio3 bool)) {
	t.Run(name, func(t *testing.T) {
		for _, eio3 := range []bool{false, true} {
			lay(t, socketio.Options{}, func(s *siege) { attack(s, eio3) })
		}
	})
}

// payloads is a payload of one packet, repeated up to the limit of a POST.
func payloads(eio3 bool, packet string) (body string, n int) {
	one := payload(eio3, packet) + "\x1e"
	if eio3 {
		one = strings.TrimSuffix(one, "\x1e")
	}
	n = 1_000_000 / len(one)
	return strings.TrimSuffix(strings.Repeat(one, n), "\x1e"), n
}

// A POST of a million bytes holds many packets.
func TestFloodsOfPackets(t *testing.T) {
	for _, c := range []struct{ name, packet, reason string }{
		{"NOOPs", "6", ""},
		{"OPENs", "0", ""},
		{"UPGRADEs", "5", ""},
		{"events that nobody listens to", `42["nobody"]`, ""},
		{"events without a name", `42[]`, "forced close"},
		{"replies for nobody", "43999[]", ""},
		{"DISCONNECTs", "41", "client namespace disconnect"},
		{"CONNECTs to namespaces that do not exist", "40/x,", "slow client"},
		{"events that are answered", `42["echo"]`, "slow client"},
		{"replies that are wanted", `429["echo"]`, "slow client"},
	} {
		flood(t, c.name, func(s *siege, eio3 bool) {
			_, path := s.pollingSession(eio3)
			body, _ := payloads(eio3, c.packet)
			s.expectHTTP(postTo(path, body), "200 ok")
			if c.reason == "" {
				s.expectEndings()
			} else {
				s.expectEndings("/ " + c.reason)
			}
		})
	}
	flood(t, "separators alone", func(s *siege, eio3 bool) {
		_, path := s.pollingSession(eio3)
		s.expectHTTP(postTo(path, strings.Repeat("\x1e", 1_000_000)), badRequest)
		s.expectEndings("/ parse error")
	})
	flood(t, "colons alone", func(s *siege, eio3 bool) {
		_, path := s.pollingSession(eio3)
		s.expectHTTP(postTo(path, strings.Repeat(":", 1_000_000)), badRequest)
		s.expectEndings("/ parse error")
	})
}

func TestFloodsOfEvents(t *testing.T) {
	flood(t, "handled, each once and in order", func(s *siege, eio3 bool) {
		_, path := s.pollingSession(eio3)
		var packets []string
		for i := range 1000 {
			packets = append(packets, payload(eio3, fmt.Sprintf(`42["note","%04d"]`, i)))
		}
		separator := "\x1e"
		if eio3 {
			separator = ""
		}
		s.expectHTTP(postTo(path, strings.Join(packets, separator)), "200 ok")
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.IsSorted(s.noted) || len(slices.Compact(slices.Clone(s.noted))) != 1000 {
			s.T.Errorf("the handler gets %d events", len(s.noted))
		}
	})
	flood(t, "a reader that stops", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		w.deaf()
		for range 5000 {
			w.write(text(`42["echo","` + strings.Repeat("x", 1000) + `"]`))
		}
		s.expectEndings("/ slow client")
	})
	flood(t, "pings, and a reader that stops", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		w.deaf()
		for range 20_000 {
			w.write(ping(strings.Repeat("p", 100)))
		}
		s.expectEndings("/ slow client")
	})
	flood(t, "questions of the server that are never answered", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		for i := range 1000 {
			w.write(text(fmt.Sprintf(`42["ask","%d"]`, i)))
		}
		pause(answerTime)
		if n := len(w.take()); n != 1000 {
			s.T.Errorf("%d questions", n)
		}
		w.conn.Close()
		synctest.Wait()
		if n := len(s.got(&s.noted)); n != 1000 {
			s.T.Errorf("%d of 1000 questions have come to an end", n)
		}
	})
	flood(t, "a question that is answered a thousand times", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		w.write(text(`42["ask","once"]`))
		w.expect(`text 420["question","once"]`)
		for range 1000 {
			w.write(text("430[]"))
		}
		w.expect()
		if got := s.got(&s.noted); len(got) != 1 {
			s.T.Errorf("%d answers get through", len(got))
		}
	})
}

func TestFloodsOfNamespaces(t *testing.T) {
	reply := func(eio3 bool) string {
		if eio3 {
			return "text 40/chat,"
		}
		return `text 40/chat,{"sid":"<sid>"}`
	}
	flood(t, "in and out again", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		for range 200 { // twice as many as it may be in
			w.write(text("40/chat,"))
			synctest.Wait()
			w.write(text("41/chat,"))
		}
		w.write(text("40/chat,"))
		pause(answerTime)
		sid := regexp.MustCompile(`"sid":"[\w-]{20}"`)
		answers := w.take()
		for i := range answers {
			answers[i] = sid.ReplaceAllString(answers[i], `"sid":"<sid>"`)
		}
		refusal := `text 44/chat,{"message":"Too many connects"}`
		if eio3 {
			refusal = `text 44/chat,"Too many connects"`
		}
		if want := append(many(200, reply(eio3)), refusal); !slices.Equal(answers, want) {
			s.T.Errorf("%d answers, the last is %q", len(answers), answers[len(answers)-1])
		}
		w.write(text(`421["echo","x"]`))
		w.expect(`text 431["x"]`)
	})
	flood(t, "of a pattern, more than allowed", func(s *siege, eio3 bool) {
		children := s.OfPattern(regexp.MustCompile(`^/room-\d+$`))
		w := s.memberWire(eio3)
		for i := range 500 {
			w.write(text(fmt.Sprintf("40/room-%d,", i)))
			synctest.Wait()
		}
		n := 0
		for range children.Sockets() {
			n++
		}
		if n != 99 { // and "/"
			s.T.Errorf("%d are connected", n)
		}
		pause(answerTime)
		if answers := w.take(); len(answers) != 500 || answers[499] != tooManyNamespaces(499, eio3) {
			s.T.Errorf("%d answers, the last %q", len(answers), answers[len(answers)-1])
		}
		w.conn.Close()
		synctest.Wait()
		for socket := range children.Sockets() {
			s.T.Errorf("a socket stays in %s", socket.Namespace().Name())
		}
	})
	flood(t, "that are not decided on, more than allowed", func(s *siege, eio3 bool) {
		s.OfFunc(func(ctx context.Context, _ string, _ *socketio.Handshake) bool {
			<-ctx.Done()
			return false
		})
		w := s.memberWire(eio3)
		for i := range 99 {
			w.write(text(fmt.Sprintf("40/room-%d,", i)))
		}
		w.expect()
		w.write(text("40/room-99,"))
		w.expect(tooManyNamespaces(99, eio3))
	})
}

func tooManyNamespaces(room int, eio3 bool) string {
	if eio3 {
		return fmt.Sprintf(`text 44/room-%d,"Too many namespaces"`, room)
	}
	return fmt.Sprintf(`text 44/room-%d,{"message":"Too many namespaces"}`, room)
}

func TestFloodsOfConnections(t *testing.T) {
	flood(t, "sessions without a namespace", func(s *siege, eio3 bool) {
		path := fmt.Sprintf("/socket.io/?EIO=%d&transport=polling", protocol(eio3))
		for range 200 {
			s.expectHTTP(get(path), "200")
		}
		if n := s.ClientsCount(); n != 201 {
			s.T.Errorf("%d sessions", n)
		}
	})
	flood(t, "WebSockets without a namespace", func(s *siege, eio3 bool) {
		for range 200 {
			s.wire(fmt.Sprint("EIO=", protocol(eio3)))
		}
	})
	flood(t, "a megabyte announced on each of fifty", func(s *siege, eio3 bool) {
		for range 50 {
			w := s.memberWire(eio3)
			w.write(append(rawclient.FrameHead(fin|1, 1_000_000), '4'))
		}
	})
	flood(t, "heads that never end", func(s *siege, _ bool) {
		var conns []net.Conn
		for range 50 {
			conn := s.connection()
			go io.Copy(io.Discard, conn)
			_, err := io.WriteString(conn, "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: server.test\r\n")
			s.ok(err)
			conns = append(conns, conn)
		}
		for range 20 {
			pause(time.Second)
			for _, conn := range conns {
				_, _ = io.WriteString(conn, "X: y\r\n")
			}
		}
		for _, conn := range conns {
			if _, err := io.WriteString(conn, "X: y\r\n"); err == nil {
				s.T.Fatal("the server still reads")
			}
		}
	})
	flood(t, "a body that comes a byte a second", func(s *siege, eio3 bool) {
		_, path := s.pollingSession(eio3)
		conn := s.connection()
		go io.Copy(io.Discard, conn)
		head := strings.TrimRight(postTo(path, strings.Repeat("x", 1000)), "x")
		_, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n"))
		s.ok(err)
		for range 50 {
			pause(time.Second)
			_, err = io.WriteString(conn, "x")
		}
		if err == nil {
			s.T.Error("the server still reads")
		}
		s.expectEndings("/ transport error")
	})
}

func TestFloodsOfFragments(t *testing.T) {
	for name, fragment := range map[string]string{
		"of a byte each, without an end":  "x",
		"of no byte each, without an end": "",
	} {
		flood(t, name, func(s *siege, eio3 bool) {
			w := s.memberWire(eio3)
			w.write(frame(1, "4"))
			for range 100 {
				w.write(slices.Repeat(frame(0, fragment), 1000))
			}
			w.expect()
		})
	}
	flood(t, "of one bit of a header at a time", func(s *siege, eio3 bool) {
		w := s.memberWire(eio3)
		for _, b := range text(`421["echo","x"]`) {
			w.write([]byte{b})
			pause(time.Second)
		}
		pause(answerTime)
		got := slices.DeleteFunc(w.take(), func(said string) bool { return said == "text 2" })
		if !slices.Equal(got, one(`text 431["x"]`)) {
			s.T.Errorf("heard %q", got)
		}
	})
}

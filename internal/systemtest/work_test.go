//go:build !race

package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
)

// What the server does for one delivery does not depend on how many sockets
// there are: it allocates as much, and writes as often.
func TestAllocationsAtScale(t *testing.T) {
	const small = 1000
	const others = small + 200 // the sockets of both servers are open in the end, and what the process needs besides
	large := min(10_000, descriptors()-others)
	if large < 2*small {
		missing := t.Skipf
		if os.Getenv("CI") != "" {
			missing = t.Fatalf
		}
		missing("needs %d descriptors, better %d: ulimit -Hn is %d", 2*small+others, 10_000+others, descriptors())
	}
	few, many := workOf(t, small), workOf(t, large)
	for what, w := range few {
		t.Logf("%s: %+v among %d sockets, %+v among %d", what, w, small, many[what], large)
		if most := w.allocations + 0.5; many[what].allocations > most {
			t.Errorf("%s: %.2f allocations among %d sockets, %.2f among %d", what, w.allocations, small, many[what].allocations, large)
		}
		if most := w.bytes + 64; many[what].bytes > most {
			t.Errorf("%s: %.0f bytes among %d sockets, %.0f among %d", what, w.bytes, small, many[what].bytes, large)
		}
		if w.writes != 1 || many[what].writes != 1 {
			t.Errorf("%s: %v writes for a delivery among %d sockets, %v among %d", what, w.writes, small, many[what].writes, large)
		}
	}
}

// A work is what an event costs.
type work struct {
	cost
	writes float64 // for each delivery
}

// workOf returns the cost of events on a server with so many sockets in rooms of
// ten.
func workOf(t *testing.T, sockets int) map[string]work {
	srv := serverWith(t, sockets)
	all := slices.Collect(srv.Sockets())
	for i, s := range all {
		s.Join(fmt.Sprint("room ", i/10))
	}
	const turns = 100 // so that no client gets much
	var rooms, others [turns]socketio.Broadcast
	for i := range turns {
		name := fmt.Sprint("room ", i)
		rooms[i], others[i] = srv.To(name), all[10*i].To(name)
	}
	works := make(map[string]work)
	for _, event := range []struct {
		what       string
		runs       int
		deliveries int
		emit       func(turn int)
	}{
		{"an event to one socket", 200, 1, func(turn int) { _ = all[turn].Emit("message", benchText) }},
		{"an event to a room of ten", 200, 10, func(turn int) { _ = rooms[turn].Emit("message", benchText) }},
		{"an event to a room of ten, but one", 200, 9, func(turn int) { _ = others[turn].Emit("message", benchText) }},
		{"an event to all", 2, sockets, func(int) { _ = srv.Emit("message", benchText) }},
	} {
		var events, writes int64
		c := costOfEach(event.runs, func() {
			before := srv.writes.Load()
			event.emit(int(events % turns))
			srv.sent(event.deliveries)
			events++
			writes += srv.writes.Load() - before
		})
		works[event.what] = work{c, float64(writes) / float64(events) / float64(event.deliveries)}
	}
	return works
}

// descriptors returns how many descriptors this process may have, and the process
// of the clients. Go raises the soft limit to the hard one at the start of each.
func descriptors() int {
	const unknown = 1 << 20 // connecting tells
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return unknown
	}
	_, line, _ := strings.Cut(string(limits), "Max open files")
	if fields := strings.Fields(line); len(fields) > 1 {
		if hard, err := strconv.Atoi(fields[1]); err == nil {
			return hard
		}
	}
	return unknown
}

// A POST and the poll that brings the reply allocate little more than net/http
// does for two such requests.
func TestAllocationsOfPolling(t *testing.T) {
	const budget = 13
	waiting := make(chan []byte, 1)
	c := newPollingClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := []byte("ok")
		if r.Method == http.MethodGet {
			body = <-waiting
		} else {
			posted, _ := io.ReadAll(r.Body)
			waiting <- posted
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
	bare := costOf(c.exchange("00000000000000000000"))

	srv := socketio.NewServer(nil)
	defer srv.Close()
	socketio.On(srv, "echo", func(_ context.Context, s *socketio.Socket, text string) error { return s.Emit("echo", text) })
	c = newPollingClient(t, srv)
	var sid string
	if _, err := fmt.Sscanf(c.ask("GET", "", ""), `0{"sid":%q`, &sid); err != nil {
		t.Fatal(err)
	}
	c.ask("POST", sid, "40")
	c.ask("GET", sid, "")
	ours := costOf(c.exchange(sid))
	t.Logf("%.1f allocations and %.0f bytes, net/http alone %.1f and %.0f", ours.allocations, ours.bytes, bare.allocations, bare.bytes)
	if n := ours.allocations - bare.allocations; n > budget {
		t.Errorf("%.1f allocations beside those of net/http, the budget is %d", n, budget)
	}
}

// A pollingClient makes its polls over one connection and its POSTs over
// another.
type pollingClient struct {
	t         *testing.T
	get, post keptConn
}

func newPollingClient(t *testing.T, h http.Handler) *pollingClient {
	addr, stop := listen(t, h)
	t.Cleanup(stop)
	c := &pollingClient{t: t}
	for _, k := range []*keptConn{&c.get, &c.post} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		*k = keptConn{conn, bufio.NewReader(conn)}
	}
	return c
}

func (c *pollingClient) request(method, sid, body string) []byte {
	return fmt.Appendf(nil, "%s /socket.io/?EIO=4&transport=polling&t=abcdefg&sid=%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
		method, sid, len(body), body)
}

// ask makes a request and returns the answer.
func (c *pollingClient) ask(method, sid, body string) string {
	c.t.Helper()
	if _, err := c.get.Write(c.request(method, sid, body)); err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.get.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s is answered by %s %q, %v", method, resp.Status, answer, err)
	}
	return string(answer)
}

// exchange returns an operation that sends an event and waits for the reply. The
// operation itself allocates nothing.
func (c *pollingClient) exchange(sid string) func() {
	get, post := c.request("GET", sid, ""), c.request("POST", sid, `42["echo","`+benchText+`"]`)
	return func() {
		c.get.Write(get)
		c.post.Write(post)
		for _, k := range [...]keptConn{c.post, c.get} {
			if err := k.skipAnswer(); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

// A keptConn is a connection for several requests.
type keptConn struct {
	net.Conn
	in *bufio.Reader
}

func (c keptConn) skipAnswer() error {
	for length := 0; ; {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if value, is := bytes.CutPrefix(bytes.TrimSpace(line), []byte("Content-Length: ")); is {
			for _, digit := range value {
				length = 10*length + int(digit-'0')
			}
		}
		if len(line) == 2 {
			_, err = c.in.Discard(length)
			return err
		}
	}
}

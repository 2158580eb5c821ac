package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// These tests hold what makes the server quick without measuring time: which
// goroutine does what, how often it writes, and which locks it needs.

// A tasker has a task for each batch, which notes the goroutine that runs it.
type tasker struct {
	*recorder
	ran chan string
}

func (r tasker) EndBatch() engine.Task { return r }
func (r tasker) Run()                  { r.ran <- goroutine() }

// goroutine returns the name of the goroutine.
func goroutine() string {
	buf := make([]byte, 64)
	name, _, _ := bytes.Cut(buf[:runtime.Stack(buf, false)], []byte(" ["))
	return string(name)
}

// Starting a goroutine for each POST would cost a tenth of the server's time:
// the stack of a goroutine that waits has grown already.
func TestTasksRunOnGoroutinesThatWait(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, nil, func(h *harness) {
			ran := make(chan string, 1)
			h.receiver = func(r *recorder) engine.Receiver { return tasker{r, ran} }
			h.onText = func(*recorder, string) error { return nil }
			c, r := h.open(mode, rawclient.Options{})
			first := ""
			for n := range 20 {
				synctest.Wait()
				if err := c.Send(fmt.Sprint("4", n)); err != nil {
					t.Fatal(err)
				}
				<-r.received
				name := <-ran
				if first == "" {
					first = name
				}
				if name != first {
					t.Errorf("task %d ran on %s, those before on %s", n, name, first)
				}
			}
		})
	})
}

// countedConn counts the writes of the server.
type countedConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

type countedListener struct {
	net.Listener
	writes *atomic.Int32
}

func (l countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countedConn{conn, l.writes}, err
}

func TestAnAnswerIsOneWrite(t *testing.T) {
	serve := func(t *testing.T, f func(h *harness, writes *atomic.Int32)) {
		var writes atomic.Int32
		count := func(_ *harness, l net.Listener) net.Listener { return countedListener{l, &writes} }
		serveTCP(t, nil, count, (&net.Dialer{}).DialContext, func(h *harness) { f(h, &writes) })
	}
	serve(t, func(h *harness, writes *atomic.Int32) {
		r := h.openPolling()
		for _, step := range []struct {
			what, method string
			prepare      func()
			body, answer string
		}{
			{"a POST", "POST", func() { h.onText = func(*recorder, string) error { return nil } }, "4a", "ok"},
			{"a poll for which a message waits", "GET", func() { r.Send(engine.NewMessage([]byte("b"))) }, "", "4b"},
			{"a poll for which many messages wait", "GET", func() {
				for range 100 {
					r.Send(engine.NewMessage([]byte("c")))
				}
			}, "", strings.Repeat("4c\x1e", 99) + "4c"},
			{"a poll that waits for a message", "GET", func() {
				time.AfterFunc(time.Millisecond, func() { r.Send(engine.NewMessage([]byte("d"))) })
			}, "", "4d"},
		} {
			step.prepare()
			var body io.Reader
			if step.body != "" {
				body = strings.NewReader(step.body)
			}
			before := writes.Load()
			h.expectAnswer(h.request(step.method, session(r), body), 200, step.answer)
			if n := writes.Load() - before; n != 1 {
				h.t.Errorf("%s is answered by %d writes", step.what, n)
			}
		}
	})
}

// While a session waits for its flusher, further messages cost no further write,
// and no session more than a place in the queue of a flusher.
func TestAFlusherWritesOnce(t *testing.T) {
	var writes, packets atomic.Int32
	o := &engine.Options{Trace: &engine.Trace{Sent: func(_ *engine.Session, n, _ int) {
		writes.Add(1)
		packets.Add(int32(n))
	}}}
	everywhere(t, o, func(h *harness) {
		const sessions, messages = 20, 30
		var clients []*rawclient.Client
		var receivers []*recorder
		for range sessions {
			c, r := h.open(rawclient.WebSocket, rawclient.Options{})
			clients, receivers = append(clients, c), append(receivers, r)
		}
		writes.Store(0)
		packets.Store(0)
		release := engine.HoldFlushers(h.server)
		for n := range messages {
			m := engine.NewMessage(fmt.Append(nil, n))
			for _, r := range receivers {
				r.SendLater(m)
			}
		}
		release()
		for _, c := range clients {
			for n := range messages {
				h.expect(c, fmt.Sprint("4", n))
			}
		}
		if writes.Load() != sessions || packets.Load() != sessions*messages {
			h.t.Errorf("%d writes of %d packets, want %d of %d", writes.Load(), packets.Load(), sessions, sessions*messages)
		}
	})
}

// A delivery is quick among many clients because it needs nothing that all of
// them share.
func TestSendingNeedsNoLockOfOthers(t *testing.T) {
	runTCP(t, nil, func(h *harness) {
		c, r := h.open(rawclient.WebSocket, rawclient.Options{})
		_, other := h.open(rawclient.WebSocket, rawclient.Options{})
		for name, sent := range waysOfSending {
			held, release := engine.HoldLocks(h.server, other.Session)
			if held < 5 {
				t.Errorf("only %d locks were found", held)
			}
			done := make(chan bool, 1)
			go func() { done <- sent(r.Session, engine.NewMessage([]byte(name))) }()
			arrived := make(chan string, 1)
			go func() {
				p, err := c.Next()
				arrived <- fmt.Sprint(p, " ", err)
			}()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			select {
			case got := <-arrived:
				if want := "4" + name + " <nil>"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			case <-ctx.Done():
				t.Errorf("%s waits for a lock that the clients share", name)
			}
			cancel()
			release()
			if !<-done {
				t.Errorf("%s failed", name)
			}
			if t.Failed() {
				return
			}
		}
	})
}

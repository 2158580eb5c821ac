package engine_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A harness is a server with receivers that note what they are told.
type harness struct {
	t        *testing.T
	dial     func(ctx context.Context) (net.Conn, error)
	server   *engine.Server
	http     *http.Client
	sessions chan *recorder

	onOpen func(*recorder)               // called for each new session
	onText func(*recorder, string) error // instead of the echo

	receiver func(*recorder) engine.Receiver // what the engine gets, if not the recorder
}

// A recorder receives a session's messages and sends them back.
type recorder struct {
	*engine.Session
	h        *harness
	received chan string // texts, and binary messages as "b" and base64
	batches  atomic.Int32
	endings  atomic.Int32
	closed   chan engine.Reason
}

func (r *recorder) Text(data []byte) error {
	r.received <- string(data)
	if r.h.onText != nil {
		return r.h.onText(r, string(data))
	}
	return r.Send(engine.NewMessage(data))
}

func (r *recorder) Binary(data []byte) error {
	r.received <- "b" + base64.StdEncoding.EncodeToString(data)
	return r.Send(engine.NewMessage(nil, data))
}

func (r *recorder) EndBatch() engine.Task {
	r.batches.Add(1)
	return nil
}

func (r *recorder) Closed(reason engine.Reason) {
	if r.endings.Add(1) > 1 {
		r.h.t.Errorf("Closed is called again, for %q", reason)
		return
	}
	r.closed <- reason
}

func newHarness(t *testing.T, o *engine.Options, dial func(context.Context) (net.Conn, error)) *harness {
	h := &harness{t: t, dial: dial, sessions: make(chan *recorder, 100)}
	h.http = &http.Client{Transport: &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
		ExpectContinueTimeout: time.Hour,
	}}
	h.server = engine.NewServer(o, func(s *engine.Session, _ *http.Request) engine.Receiver {
		r := &recorder{
			Session:  s,
			h:        h,
			received: make(chan string, 1000),
			closed:   make(chan engine.Reason, 1),
		}
		if h.onOpen != nil {
			h.onOpen(r)
		}
		h.sessions <- r
		if h.receiver != nil {
			return h.receiver(r)
		}
		return r
	})
	return h
}

// run runs f in a synctest bubble with a server in memory.
func run(t *testing.T, o *engine.Options, f func(h *harness)) {
	t.Helper()
	runServer(t, o, &http.Server{}, f)
}

// runServer is run with an http.Server of the test's own.
func runServer(t *testing.T, o *engine.Options, hs *http.Server, f func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		h := newHarness(t, o, listener.Dial)
		hs.Handler = h.server
		go hs.Serve(listener)
		t.Cleanup(func() {
			h.server.Close()
			hs.Close()
			h.http.CloseIdleConnections()
			after(2 * time.Second) // then the bubble demands that no goroutine is left
		})
		f(h)
	})
}

func (h *harness) open(mode rawclient.Mode, o rawclient.Options) (*rawclient.Client, *recorder) {
	h.t.Helper()
	c, err := rawclient.Open(context.Background(), h.dial, mode, o)
	if err != nil {
		h.t.Fatalf("open over %s: %v", mode, err)
	}
	h.t.Cleanup(c.Drop)
	return c, <-h.sessions
}

func (h *harness) expect(c *rawclient.Client, want ...string) {
	h.t.Helper()
	for _, w := range want {
		got, err := c.Next()
		if err != nil {
			h.t.Fatalf("waiting for %.80q: %v", w, err)
		}
		if got != w {
			h.t.Fatalf("got packet %.80q, want %.80q", got, w)
		}
	}
}

func (h *harness) expectClosed(r *recorder, want engine.Reason) {
	h.t.Helper()
	if got := <-r.closed; got != want {
		h.t.Errorf("closed for %q, want %q", got, want)
	}
}

// An answer is an HTTP response.
type answer struct {
	status int
	header http.Header
	body   string
}

// request makes a request to "/engine.io/?" and query. Where the query has
// no EIO, it is 4.
func (h *harness) request(method, query string, body io.Reader, header ...string) answer {
	h.t.Helper()
	a, err := h.try(method, query, body, header...)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, query, err)
	}
	return a
}

func (h *harness) try(method, query string, body io.Reader, header ...string) (answer, error) {
	if !strings.Contains(query, "EIO=") {
		query = "EIO=4&" + query
	}
	req, err := http.NewRequest(method, "http://server.test/engine.io/?"+query, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]} // as it is, also what a client would refuse
	}
	resp, err := h.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(data)}, err
}

// openPolling opens a session without polling.
func (h *harness) openPolling() *recorder {
	h.t.Helper()
	if a := h.request("GET", "transport=polling", nil); a.status != 200 || !strings.HasPrefix(a.body, "0{") {
		h.t.Fatalf("handshake answered by %d %s", a.status, a.body)
	}
	return <-h.sessions
}

func session(r *recorder) string {
	return fmt.Sprintf("EIO=%d&transport=polling&sid=%s", r.Protocol(), r.ID())
}

func (h *harness) expectAnswer(a answer, status int, body string) {
	h.t.Helper()
	if a.status != status || a.body != body {
		h.t.Errorf("answered by %d %.80q, want %d %.80q", a.status, a.body, status, body)
	}
}

// poll begins a GET. In a bubble it has arrived when poll returns.
func (h *harness) poll(r *recorder) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		defer close(answers)
		if a, err := h.try("GET", session(r), nil); err == nil {
			answers <- a
		}
	}()
	synctest.Wait()
	return answers
}

// after advances the bubble's clock.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func forEachMode(t *testing.T, f func(t *testing.T, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) { f(t, mode) })
	}
}

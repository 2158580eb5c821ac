package engine_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

// A noting response writer calls flushed when its answer is sent.
type noting struct {
	*httptest.ResponseRecorder
	flushed func()
}

func (w *noting) Flush() { w.flushed() }

// Whoever is refused learns why before anything else tells it that the
// session is over.
func TestRefusalBeforeTheEnd(t *testing.T) {
	post := func(body string, header ...string) func(*recorder) *http.Request {
		return func(r *recorder) *http.Request {
			req := httptest.NewRequest("POST", "/engine.io/?"+session(r), io.MultiReader(strings.NewReader(body)))
			for i := 0; i < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			return req
		}
	}
	for name, c := range map[string]struct {
		request func(*recorder) *http.Request
		status  int
		body    string
	}{
		"a POST that is too long": {post(strings.Repeat("4", 200)), 413, ""},
		"one that says so": {func(r *recorder) *http.Request {
			return httptest.NewRequest("POST", "/engine.io/?"+session(r), strings.NewReader(strings.Repeat("4", 200)))
		}, 413, ""},
		"a malformed POST":         {post("9"), 400, badRequest},
		"a POST of another type":   {post("4", "Content-Type", "application/octet-stream"), 400, badRequest},
		"a second poll beside one": {func(r *recorder) *http.Request { return httptest.NewRequest("GET", "/engine.io/?"+session(r), nil) }, 400, badRequest},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{MaxPayload: 100}, func(h *harness) {
				r := h.openPolling()
				pending := h.poll(r)
				sent := false
				w := &noting{ResponseRecorder: httptest.NewRecorder()}
				w.flushed = func() {
					sent = true
					synctest.Wait()
					if len(pending) > 0 || r.endings.Load() > 0 {
						t.Error("the session has ended before the answer is sent")
					}
				}
				h.server.ServeHTTP(w, c.request(r))
				if !sent || w.Code != c.status || w.Body.String() != c.body {
					t.Errorf("answered by %d %q, sent: %t", w.Code, w.Body, sent)
				}
				h.expectAnswer(<-pending, 200, "1")
				<-r.closed
			})
		})
	}
}

// A POST and a poll are answered over two connections, so a client learns by
// its polls only a second later that a POST over a limit has ended its session.
func TestPollsAfterRefusal(t *testing.T) {
	run(t, &engine.Options{MaxPayload: 100}, func(h *harness) {
		waiting, polling := h.openPolling(), h.openPolling()
		pending := h.poll(waiting)
		for _, r := range []*recorder{waiting, polling} {
			h.expectAnswer(h.request("POST", session(r), strings.NewReader(strings.Repeat("4", 200))), 413, "")
			h.expectClosed(r, engine.ReasonTransportError)
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("4late")), 400, unknownSession)
		}
		refused := time.Now()
		h.expectAnswer(h.request("GET", session(polling), nil), 400, unknownSession)
		h.expectAnswer(<-pending, 200, "1")
		if got := time.Since(refused); got != time.Second {
			t.Errorf("told after %v, want a second", got)
		}
		synctest.Wait() // the session goes after its last answer
		if n := h.server.Len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// The bodies of errors are what JSON.stringify makes of them.
func TestErrorBodies(t *testing.T) {
	var refusal error
	o := &engine.Options{AllowRequest: func(*http.Request) error { return refusal }}
	run(t, o, func(h *harness) {
		h.expectAnswer(h.request("GET", "transport=none", nil), 400, `{"code":0,"message":"Transport unknown"}`)
		h.expectAnswer(h.request("GET", "transport=polling&sid=none", nil), 400, unknownSession)
		h.expectAnswer(h.request("POST", "transport=polling", nil), 400, `{"code":2,"message":"Bad handshake method"}`)
		h.expectAnswer(h.request("GET", "transport=websocket", nil), 400, badRequest)
		h.expectAnswer(h.request("GET", "transport=polling", nil, "Origin", "http://other.test"), 403, `{"code":4,"message":"Forbidden"}`)
		h.expectAnswer(h.request("GET", "EIO=3&transport=polling", nil), 400, `{"code":5,"message":"Unsupported protocol version"}`)
		for text, body := range map[string]string{
			"<a> & \"b\"\n": `{"code":4,"message":"<a> & \"b\"\n"}`,
			"é😀":            `{"code":4,"message":"é😀"}`,
			"":              `{"code":4,"message":"Forbidden"}`,
		} {
			refusal = errors.New(text)
			h.expectAnswer(h.request("GET", "transport=polling", nil), 403, body)
		}
		h.server.Close()
		h.expectAnswer(h.request("GET", "transport=polling", nil), 503, "server shutting down")
	})
}

// A router may have set another status, as Gin's NoRoute does.
func TestStatusIsExplicit(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		for _, req := range []*http.Request{
			httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling", nil),
			httptest.NewRequest("POST", "/engine.io/?"+session(r), strings.NewReader("4a")),
			httptest.NewRequest("GET", "/engine.io/?"+session(r), nil),
			httptest.NewRequest("POST", "/engine.io/?"+session(r), strings.NewReader("1")),
			httptest.NewRequest("GET", "/engine.io/?"+session(r), nil),
		} {
			w := &unrouted{ResponseRecorder: httptest.NewRecorder()}
			h.server.ServeHTTP(w, req)
			if w.status != http.StatusOK {
				t.Errorf("%s %s: status %d", req.Method, req.URL, w.status)
			}
		}
	})
}

// An unrouted response writer answers 404 unless it is told otherwise.
type unrouted struct {
	*httptest.ResponseRecorder
	status int
}

func (w *unrouted) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *unrouted) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusNotFound
	}
	return len(b), nil
}

// A time limit for requests, as routers have it, ends a poll in good time and
// not the session.
func TestPollWithDeadline(t *testing.T) {
	for name, c := range map[string]struct{ limit, wait time.Duration }{
		"of ten seconds":  {10 * time.Second, 9 * time.Second},
		"of a second":     {time.Second, 900 * time.Millisecond},
		"that has passed": {-time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var late atomic.Int32
			hs := &http.Server{}
			runServer(t, nil, hs, func(h *harness) {
				hs.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithTimeout(r.Context(), c.limit)
					defer cancel()
					h.server.ServeHTTP(w, r.WithContext(ctx))
					if ctx.Err() != nil {
						late.Add(1)
					}
				})
				r := h.openPolling()
				begun, limited := time.Now(), late.Load()
				h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
				if got := time.Since(begun); got != c.wait {
					t.Errorf("answered after %v, want %v", got, c.wait)
				}
				if c.limit > 0 && late.Load() > limited {
					t.Error("answered after the deadline")
				}
				r.Send(engine.NewMessage([]byte("hello")))
				h.expectAnswer(h.request("GET", session(r), nil), 200, "4hello")
				pending := h.poll(r)
				r.Send(engine.NewMessage([]byte("again")))
				if a := <-pending; c.wait > 0 && a.body != "4again" {
					t.Errorf("a poll that waits is answered by %q", a.body)
				}
			})
		})
	}
}

// Stock clients fill POSTs to a little over MaxPayload, since they reckon with
// 1.33 bytes of base64 for one of a binary message.
func TestMaxPayloadOfSeveralPackets(t *testing.T) {
	packet := func(n int) string { return strings.Repeat("4", n) }
	binary := "b" + base64.StdEncoding.EncodeToString(make([]byte, 375_000))
	for name, c := range map[string]struct {
		packets []string
		status  int
	}{
		"two binary messages of a stock client":  {[]string{binary, binary}, 200},
		"1 % more in all":                        {[]string{packet(999_999), packet(10_000)}, 200},
		"still more in all":                      {[]string{packet(999_999), packet(10_001)}, 413},
		"one packet":                             {[]string{packet(1_000_001)}, 413},
		"one packet of several that is too long": {[]string{packet(1), packet(1_000_001)}, 413},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
				r := h.openPolling()
				a := h.request("POST", session(r), strings.NewReader(strings.Join(c.packets, "\x1e")))
				if a.status != c.status {
					t.Errorf("answered by %d, want %d", a.status, c.status)
				}
				if c.status != 200 {
					h.expectClosed(r, engine.ReasonTransportError)
				} else if len(r.received) != len(c.packets) {
					t.Errorf("%d messages delivered, want %d", len(r.received), len(c.packets))
				}
			})
		})
	}
	t.Run("clients of revision 3 know no limit and get no more", func(t *testing.T) {
		run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
			h.request("GET", "EIO=3&transport=polling", nil)
			r := <-h.sessions
			body := "500000:" + packet(500_000) + "499990:" + packet(499_990)
			h.expectAnswer(h.request("POST", session(r), strings.NewReader(body)), 413, "")
			h.expectClosed(r, engine.ReasonTransportError)
		})
	})
}

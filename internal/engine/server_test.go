package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

func TestOrigins(t *testing.T) {
	const forbidden, bad = `{"code":4,"message":"Forbidden"}`, badRequest
	for _, c := range []struct {
		name, header, value string
		status              int
		body                string
	}{
		{"none", "Accept", "*/*", 200, ""},
		{"the same", "Origin", "http://server.test", 200, ""},
		{"the same, in capitals", "Origin", "http://SERVER.test", 200, ""},
		{"behind TLS of a proxy", "Origin", "https://server.test", 200, ""},
		{"another", "Origin", "http://other.test", 403, forbidden},
		{"another port", "Origin", "http://server.test:81", 403, forbidden},
		{"a subdomain", "Origin", "http://a.server.test", 403, forbidden},
		{"null", "Origin", "null", 403, forbidden},
		{"no URL", "Origin", "server.test", 403, forbidden},
		{"not ASCII", "Origin", "http://sérver.test", 400, bad},
		{"not UTF-8", "Origin", "http://\xff", 400, bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				a := h.request("GET", "transport=polling", nil, c.header, c.value)
				if a.status != c.status || c.body != "" && a.body != c.body {
					t.Errorf("polling: %d %s", a.status, a.body)
				}
				want := c.status
				if want == 200 {
					want = 101
				}
				if w := h.wire("", c.header, c.value); w.resp.StatusCode != want {
					t.Errorf("WebSocket: %s", w.resp.Status)
				}
			})
		})
	}
	t.Run("Sec-Fetch-Site", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			for site, want := range map[string]int{"same-origin": 200, "same-site": 403, "cross-site": 403, "none": 403} {
				a := h.request("GET", "transport=polling", nil, "Origin", "http://behind.a.proxy", "Sec-Fetch-Site", site)
				if a.status != want {
					t.Errorf("%s: %d", site, a.status)
				}
			}
		})
	})
	t.Run("CheckOrigin", func(t *testing.T) {
		o := &engine.Options{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "http://friend.test" }}
		run(t, o, func(h *harness) {
			for origin, want := range map[string]int{"http://friend.test": 200, "http://server.test": 403} {
				if a := h.request("GET", "transport=polling", nil, "Origin", origin); a.status != want {
					t.Errorf("%s: %d", origin, a.status)
				}
			}
		})
	})
}

// net/http itself refuses control characters in a header; other servers that
// call the handler may not.
func TestOriginWithControlCharacter(t *testing.T) {
	run(t, nil, func(h *harness) {
		w := &recordedAnswer{header: make(http.Header)}
		r, err := http.NewRequest("GET", "http://server.test/engine.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Origin"] = []string{"http://server.test\r\nX: y"}
		h.server.ServeHTTP(w, r)
		if w.status != 400 || strings.TrimSpace(w.body.String()) != badRequest {
			t.Errorf("answered by %d %s", w.status, w.body.String())
		}
	})
}

type recordedAnswer struct {
	header http.Header
	status int
	body   strings.Builder
}

func (w *recordedAnswer) Header() http.Header         { return w.header }
func (w *recordedAnswer) WriteHeader(status int)      { w.status = status }
func (w *recordedAnswer) Write(b []byte) (int, error) { return w.body.Write(b) }

func TestHandshakeRefusals(t *testing.T) {
	run(t, nil, func(h *harness) {
		for name, c := range map[string]struct {
			header, value string
			status        int
		}{
			"no key":          {"Sec-Websocket-Key", "", 400},
			"short key":       {"Sec-Websocket-Key", "dGhlIHNhbXBsZQ==", 400},
			"key not base64":  {"Sec-Websocket-Key", "!!!!!!!!!!!!!!!!!!!!!!!!", 400},
			"old version":     {"Sec-Websocket-Version", "8", 426},
			"no upgrade":      {"Upgrade", "h2c", 400},
			"Connection lost": {"Connection", "keep-alive", 400},
		} {
			if w := h.wire("", c.header, c.value); w.resp.StatusCode != c.status {
				t.Errorf("%s: %s", name, w.resp.Status)
			}
		}
		if got := h.server.Len(); got != 0 || len(h.sessions) != 0 {
			t.Errorf("%d sessions", got)
		}
	})
}

func TestTransports(t *testing.T) {
	run(t, &engine.Options{Transports: []string{engine.Polling}}, func(h *harness) {
		if w := h.wire(""); w.resp.StatusCode != 400 {
			t.Errorf("WebSocket: %s", w.resp.Status)
		}
		if a := h.request("GET", "transport=polling", nil); !strings.Contains(a.body, `"upgrades":[]`) {
			t.Errorf("handshake: %s", a.body)
		}
	})
	run(t, &engine.Options{Transports: []string{engine.WebSocket}}, func(h *harness) {
		h.expectAnswer(h.request("GET", "transport=polling", nil), 400, `{"code":0,"message":"Transport unknown"}`)
		h.wireSession()
	})
}

func TestPath(t *testing.T) {
	run(t, &engine.Options{Path: "/chat/"}, func(h *harness) {
		if a := h.request("GET", "transport=polling", nil); a.status != 404 || !strings.Contains(a.body, "/chat/") {
			t.Errorf("answered by %d %s", a.status, a.body)
		}
	})
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]engine.Options{
		"Path":       {Path: "chat/"},
		"Transports": {Transports: []string{"websockets"}},
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, "Options."+name) {
					t.Errorf("%s: panic %q", name, p)
				}
			}()
			engine.NewServer(&o, nil)
		}()
	}
}

// Names that an object in JavaScript has without anybody's doing are no
// transports either.
func TestTransportNames(t *testing.T) {
	run(t, nil, func(h *harness) {
		for _, name := range []string{"constructor", "__proto__"} {
			h.expectAnswer(h.request("GET", "transport="+name, nil), 400, `{"code":0,"message":"Transport unknown"}`)
			a := h.request("GET", "transport="+name, nil, "Connection", "Upgrade", "Upgrade", "websocket",
				"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			h.expectAnswer(a, 400, `{"code":0,"message":"Transport unknown"}`)
		}
	})
}

// What asks for a WebSocket and does not open one is refused, and harms no
// session.
func TestNoWebSocket(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		for _, query := range []string{"transport=websocket", "transport=websocket&sid=" + r.ID()} {
			h.expectAnswer(h.request("GET", query, strings.NewReader("test")), 400, badRequest)
			a := h.request("GET", query, nil, "Connection", "Upgrade", "Upgrade", "websocket")
			h.expectAnswer(a, 400, badRequest)
		}
		if w := h.wire("&sid="+r.ID(), "Sec-Websocket-Key", "short"); w.resp.StatusCode != 400 {
			t.Errorf("upgrade with a bad key: %s", w.resp.Status)
		}
		if r.Transport() != engine.Polling {
			t.Errorf("the transport is %s", r.Transport())
		}
		h.expectAnswer(h.request("POST", session(r), strings.NewReader("4a")), 200, "ok")
		h.expectAnswer(h.request("GET", session(r), nil), 200, "4a")
	})
}

func TestPingTimeoutIsTold(t *testing.T) {
	run(t, &engine.Options{PingTimeout: 123 * time.Millisecond}, func(h *harness) {
		a := h.request("GET", "transport=polling", nil)
		if !strings.Contains(a.body, `"pingTimeout":123,`) {
			t.Errorf("handshake: %s", a.body)
		}
		if cookies := a.header["Set-Cookie"]; cookies != nil {
			t.Errorf("cookies %q", cookies)
		}
	})
}

// A client may use a connection for each request.
func TestConnectionClose(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		for range 3 {
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("4a"), "Connection", "close"), 200, "ok")
			h.expectAnswer(h.request("GET", session(r), nil, "Connection", "close"), 200, "4a")
		}
		if len(r.closed) > 0 {
			t.Errorf("closed for %q", <-r.closed)
		}
	})
}

package engine_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/engine"
)

// polled is a poll's answer, with its body decoded.
type polled struct {
	coding, vary, body string
}

// pollAccepting polls with an Accept-Encoding, which net/http's client then
// leaves to the test.
func (h *harness) pollAccepting(query, accepts string) (p polled) {
	h.t.Helper()
	req, err := http.NewRequest("GET", "http://server.test/engine.io/?EIO=4&"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", accepts)
	req.Header.Set("Referer", "http://server.test/page") // JSONP's origin
	resp, err := h.http.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	p.coding, p.vary = resp.Header.Get("Content-Encoding"), resp.Header.Get("Vary")
	var body io.Reader = resp.Body
	switch p.coding {
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	decoded, err := io.ReadAll(body)
	if err != nil {
		h.t.Fatal(err)
	}
	p.body = string(decoded)
	return p
}

// size is a message as long as that over polling.
func size(n int) *engine.Message { return engine.NewMessage(bytes.Repeat([]byte("x"), n-1)) }

func plainSize(n int) *engine.Message {
	m := size(n)
	m.SetCompress(false)
	return m
}

func TestHTTPCompression(t *testing.T) {
	for name, test := range map[string]struct {
		threshold int
		accepts   string
		messages  []*engine.Message
		coding    string
		vary      bool // it would be another answer to another client
	}{
		"gzip by default":                        {0, "gzip, deflate, br", []*engine.Message{size(1024)}, "gzip", true},
		"deflate":                                {0, "deflate", []*engine.Message{size(1024)}, "deflate", true},
		"not below the threshold":                {0, "gzip", []*engine.Message{size(1023)}, "", false},
		"messages that are long enough together": {0, "gzip", []*engine.Message{size(512), size(511)}, "gzip", true},
		"another threshold":                      {100, "gzip", []*engine.Message{size(100)}, "gzip", true},
		"not below another threshold":            {100, "gzip", []*engine.Message{size(99)}, "", false},
		"off":                                    {-1, "gzip", []*engine.Message{size(1024)}, "", false},
		"off for a message":                      {0, "gzip", []*engine.Message{plainSize(1024)}, "", false},
		"off for one message of two":             {0, "gzip", []*engine.Message{size(2), plainSize(1024)}, "gzip", true},
		"not for a client that does not ask":     {0, "br", []*engine.Message{size(1024)}, "", true},
		"not what does not get shorter":          {1, "gzip", []*engine.Message{size(5)}, "", true},
		"binary":                                 {0, "gzip", []*engine.Message{engine.NewMessage(nil, make([]byte, 1000))}, "gzip", true},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{HTTPCompressionThreshold: test.threshold}, func(h *harness) {
				r := h.openPolling()
				for _, m := range test.messages {
					r.Send(m)
				}
				got := h.pollAccepting(session(r), test.accepts)
				if got.coding != test.coding || (got.vary == "Accept-Encoding") != test.vary {
					t.Errorf("encoded in %q, varies by %q, want %q, %v", got.coding, got.vary, test.coding, test.vary)
				}
				again := h.openPolling()
				for _, m := range test.messages {
					again.Send(m)
				}
				if plain := h.pollAccepting(session(again), "identity"); plain.coding != "" || plain.body != got.body || len(plain.body) < 5 {
					t.Errorf("without an encoding %q in %q, with it %q", plain.body, plain.coding, got.body)
				}
			})
		})
	}
}

func TestHTTPCompressionOfJSONP(t *testing.T) {
	run(t, nil, func(h *harness) {
		r := h.openPolling()
		r.Send(size(1024))
		got := h.pollAccepting(session(r)+"&j=7", "gzip")
		if want := `___eio[7]("4` + strings.Repeat("x", 1023) + `");`; got.coding != "gzip" || got.body != want {
			t.Errorf("%q in %q", got.body, got.coding)
		}
	})
}

func TestAcceptEncoding(t *testing.T) {
	for accepts, want := range map[string]string{
		"": "", "identity": "", "br": "", "br, zstd": "", "xgzip": "",
		"gzip": "gzip", "GZIP": "gzip", "*": "gzip", "deflate": "deflate", "deflate, gzip": "gzip",
		"gzip;q=0": "", "gzip; q=0.000, br": "", "gzip;q=much": "", "gzip;level=9": "", "*;q=0": "",
		"gzip;q=0.5, deflate;q=0.6": "deflate", "gzip;Q=0.5 , deflate; q=0.4": "gzip", "gzip;q=0, *": "deflate",
		"gzip;q=0.5, identity": "", "gzip;q=0.5, identity;q=0.5": "gzip", "identity;q=0.1, *;q=0.5": "gzip",
	} {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			r.Send(size(2000))
			if got := h.pollAccepting(session(r), accepts); got.coding != want || len(got.body) != 2000 {
				t.Errorf("%q: %d bytes in %q, want %q", accepts, len(got.body), got.coding, want)
			}
		})
	}
}

// What a handler in front sets before it calls the server shows that it does
// the compressing itself.
func TestCompressionInFront(t *testing.T) {
	for header, value := range map[string]string{"Content-Encoding": "gzip", "Vary": "Origin, accept-encoding"} {
		server := engine.NewServer(nil, func(s *engine.Session, _ *http.Request) engine.Receiver {
			s.Send(size(2000))
			return &recorder{Session: s, closed: make(chan engine.Reason, 1)}
		})
		get := func(query string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			w.Header().Set(header, value)
			r := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=polling"+query, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			server.ServeHTTP(w, r)
			return w
		}
		_, sid, _ := strings.Cut(get("").Body.String(), `"sid":"`)
		w := get("&sid=" + sid[:20])
		if got := w.Header().Values(header); w.Body.Len() != 2000 || len(got) != 1 || got[0] != value {
			t.Errorf("%s: %d bytes, then %q", header, w.Body.Len(), got)
		}
		server.Close()
	}
}

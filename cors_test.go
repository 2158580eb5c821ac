package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// origins are what a CORS configuration makes of a page's origin.
var origins = []struct {
	name    string
	cors    socketio.CORS
	origin  string
	allowed bool
}{
	{"no browser", socketio.CORS{}, "", true},
	{"same origin", socketio.CORS{}, "http://server.test", true},
	{"same host, TLS ended by a proxy", socketio.CORS{}, "https://server.test", true},
	{"another origin", socketio.CORS{}, "http://evil.test", false},
	{"another port", socketio.CORS{}, "http://server.test:5173", false},
	{"null, as sandboxed pages have it", socketio.CORS{}, "null", false},
	{"a listed one", socketio.CORS{Origins: []string{"http://localhost:5173", "https://app.test"}}, "https://app.test", true},
	{"one not listed", socketio.CORS{Origins: []string{"http://localhost:5173"}}, "http://localhost:5174", false},
	{"same origin beside a list", socketio.CORS{Origins: []string{"http://localhost:5173"}}, "http://server.test", true},
	{"another scheme than listed", socketio.CORS{Origins: []string{"https://app.test"}}, "http://app.test", false},
	{"a subdomain", socketio.CORS{Origins: []string{"https://*.app.test"}}, "https://a.app.test", true},
	{"a subdomain of a subdomain", socketio.CORS{Origins: []string{"https://*.app.test"}}, "https://a.b.app.test", true},
	{"no subdomain", socketio.CORS{Origins: []string{"https://*.app.test"}}, "https://evilapp.test", false},
	{"what only begins like it", socketio.CORS{Origins: []string{"https://app.test"}}, "https://app.test.evil.test", false},
	{"everybody", socketio.CORS{Origins: []string{"*"}}, "http://evil.test", true},
	{"one that a function knows", socketio.CORS{AllowOrigin: isApp}, "https://app.test", true},
	{"one that a function does not know", socketio.CORS{AllowOrigin: isApp}, "http://evil.test", false},
	{"same origin beside a function", socketio.CORS{AllowOrigin: isApp}, "http://server.test", true},
}

func isApp(r *http.Request) bool { return r.Header.Get("Origin") == "https://app.test" }

func TestOrigins(t *testing.T) {
	for _, test := range origins {
		for _, mode := range rawclient.Modes {
			t.Run(test.name+"/"+string(mode), func(t *testing.T) {
				var log logBook
				run(t, &socketio.Options{CORS: test.cors, Logger: log.logger()}, func(h *harness) {
					o := rawclient.Options{Path: "/socket.io/", Pong: true, Header: http.Header{}}
					if test.origin != "" {
						o.Header.Set("Origin", test.origin)
					}
					for range 2 {
						c, err := rawclient.Open(context.Background(), h.dial, mode, o)
						var status *rawclient.StatusError
						switch {
						case test.allowed && err != nil:
							t.Errorf("refused: %v", err)
						case test.allowed:
							c.Drop()
						case !errors.As(err, &status) || status.Status != http.StatusForbidden || status.Body != `{"code":4,"message":"Forbidden"}`:
							t.Errorf("error %v, want 403", err)
						}
					}
					if !test.allowed { // told once, with what to do
						advice := `add \"` + test.origin + `\" to Options.CORS.Origins`
						if test.cors.AllowOrigin != nil {
							advice = "by Options.CORS.AllowOrigin"
						}
						log.expectOne(t, "level=WARN", "origin refused", advice, "origin="+test.origin)
					} else if got := log.lines(); got[0] != "" {
						t.Errorf("logged %q", got)
					}
				})
			})
		}
	}
}

func TestOriginOfSession(t *testing.T) {
	run(t, nil, func(h *harness) {
		p := h.newPoller()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, p.url(), nil)
			r.Header.Set("Origin", "http://evil.test")
			if got := h.do(r).StatusCode; got != http.StatusForbidden {
				t.Errorf("%s to a session answered by %d, want 403", method, got)
			}
		}
		if got := p.post("40"); got != "ok" { // the session does not suffer
			t.Errorf("POST answered by %q", got)
		}
	})
}

func TestCORSHeaders(t *testing.T) {
	cors := socketio.CORS{
		Origins:        []string{"http://localhost:5173"},
		Headers:        []string{"X-Token"},
		ExposedHeaders: []string{"X-Server"},
		Credentials:    true,
		MaxAge:         10 * time.Minute,
	}
	restricted := cors
	restricted.Methods = []string{http.MethodPut}
	const url = "/socket.io/?EIO=4&transport=polling"
	for name, test := range map[string]struct {
		cors    socketio.CORS
		method  string
		request http.Header
		status  int
		want    map[string]string // "" means absent
	}{
		"GET": {cors, http.MethodGet, http.Header{}, http.StatusOK, map[string]string{
			"Access-Control-Allow-Origin": "http://localhost:5173", "Access-Control-Allow-Credentials": "true",
			"Access-Control-Expose-Headers": "X-Server", "Vary": "Origin",
		}},
		"GET allowed by a function": {socketio.CORS{
			AllowOrigin: func(r *http.Request) bool { return r.Method == http.MethodGet }, Credentials: true,
		}, http.MethodGet, http.Header{}, http.StatusOK, map[string]string{
			"Access-Control-Allow-Origin": "http://localhost:5173", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
		}},
		"GET by anybody": {socketio.CORS{Origins: []string{"*"}}, http.MethodGet, http.Header{}, http.StatusOK, map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "",
		}},
		"GET refused": {socketio.CORS{Origins: []string{"https://app.test"}}, http.MethodGet, http.Header{}, http.StatusForbidden, map[string]string{
			"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
		}},
		"preflight": {cors, http.MethodOptions, http.Header{
			"Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type,x-token"},
		}, http.StatusNoContent, map[string]string{
			"Access-Control-Allow-Origin": "http://localhost:5173", "Access-Control-Allow-Methods": "POST",
			"Access-Control-Allow-Headers": "content-type,x-token", "Access-Control-Allow-Credentials": "true",
			"Access-Control-Max-Age": "600",
		}},
		"preflight for a header not listed": {cors, http.MethodOptions, http.Header{
			"Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x-other"},
		}, http.StatusNoContent, map[string]string{"Access-Control-Allow-Headers": "", "Access-Control-Allow-Origin": ""}},
		"preflight for a method not listed": {restricted, http.MethodOptions, http.Header{
			"Access-Control-Request-Method": {"DELETE"},
		}, http.StatusNoContent, map[string]string{"Access-Control-Allow-Methods": "", "Access-Control-Allow-Origin": ""}},
		"preflight for a listed method": {restricted, http.MethodOptions, http.Header{
			"Access-Control-Request-Method": {"PUT"},
		}, http.StatusNoContent, map[string]string{"Access-Control-Allow-Methods": "PUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			io := socketio.NewServer(&socketio.Options{CORS: test.cors})
			defer io.Close()
			r := httptest.NewRequest(test.method, url, nil)
			r.Header = test.request
			r.Header.Set("Origin", "http://localhost:5173")
			w := httptest.NewRecorder()
			io.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			for name, want := range test.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// A browser says nothing to the page about why it does not send a request.
func TestARefusedPreflightIsOneLine(t *testing.T) {
	cors := socketio.CORS{Origins: []string{"https://app.test"}, Headers: []string{"X-Token"}}
	for name, test := range map[string]struct {
		cors                    socketio.CORS
		origin, method, headers string
		parts                   []string // of the line, if there is one
	}{
		"allowed":           {cors, "https://app.test", "POST", "content-type,x-token", nil},
		"headers":           {cors, "https://app.test", "POST", "authorization,content-type,x-my,x-token", []string{"Options.CORS.Headers", `missing="authorization, x-my"`}},
		"a method":          {cors, "https://app.test", "PUT", "", []string{"Options.CORS.Methods", "method=PUT"}},
		"an origin":         {cors, "https://else.test", "POST", "x-other", []string{"origin refused", `add \"https://else.test\"`}},
		"without CORS":      {socketio.CORS{}, "https://else.test", "POST", "x-other", []string{"origin refused", `add \"https://else.test\"`}},
		"by a function":     {socketio.CORS{AllowOrigin: isApp}, "https://else.test", "POST", "", []string{"refused by Options.CORS.AllowOrigin"}},
		"everything listed": {socketio.CORS{Origins: []string{"*"}, Headers: []string{"*"}}, "https://else.test", "POST", "x-other", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBook
			io := socketio.NewServer(&socketio.Options{CORS: test.cors, Logger: log.logger()})
			defer io.Close()
			for range 3 {
				header := []string{"Origin", test.origin, "Access-Control-Request-Method", test.method}
				if test.headers != "" {
					header = append(header, "Access-Control-Request-Headers", test.headers)
				}
				ask(io, "OPTIONS", "/socket.io/?EIO=4&transport=polling", header...)
			}
			if test.parts != nil {
				log.expectOne(t, "level=WARN", test.parts...)
			} else if got := log.lines(); got[0] != "" {
				t.Errorf("logged %q", got)
			}
		})
	}
}

func TestCORSMistakes(t *testing.T) {
	for _, origin := range []string{
		"localhost:5173", "app.test", "https://app.test/", "https://app.test/page", "https://", "://app.test",
		"https://app.test?x=1", "",
	} {
		expectPanic(t, `as in "http://localhost:5173", without a slash`, func() {
			socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://fine.test", origin}}})
		})
	}
	expectPanic(t, "list the origins", func() {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}, Credentials: true}, Logger: slog.New(slog.DiscardHandler)})
	})
	expectPanic(t, "use one of them", func() {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://fine.test"}, AllowOrigin: isApp}})
	})
}

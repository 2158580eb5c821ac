package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
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
				var log testserver.LogBook
				testserver.Run(t, &socketio.Options{CORS: test.cors, Logger: log.Logger()}, func(h *testserver.Harness) {
					o := rawclient.Options{Path: "/socket.io/", Pong: true, Header: http.Header{}}
					if test.origin != "" {
						o.Header.Set("Origin", test.origin)
					}
					for range 2 {
						c, err := rawclient.Open(context.Background(), h.Dial, mode, o)
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
						log.ExpectOne(t, "level=WARN", "origin refused", advice, "origin="+test.origin)
					} else if got := log.Lines(); got[0] != "" {
						t.Errorf("logged %q", got)
					}
				})
			})
		}
	}
}

func TestOriginOfSession(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		p := h.NewPoller()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, p.URL(), nil)
			r.Header.Set("Origin", "http://evil.test")
			if got := h.Do(r).StatusCode; got != http.StatusForbidden {
				t.Errorf("%s to a session answered by %d, want 403", method, got)
			}
		}
		if got := p.Post("40"); got != "ok" { // the session does not suffer
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
			var log testserver.LogBook
			io := socketio.NewServer(&socketio.Options{CORS: test.cors, Logger: log.Logger()})
			defer io.Close()
			for range 3 {
				header := []string{"Origin", test.origin, "Access-Control-Request-Method", test.method}
				if test.headers != "" {
					header = append(header, "Access-Control-Request-Headers", test.headers)
				}
				ask(io, "OPTIONS", "/socket.io/?EIO=4&transport=polling", header...)
			}
			if test.parts != nil {
				log.ExpectOne(t, "level=WARN", test.parts...)
			} else if got := log.Lines(); got[0] != "" {
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
		testserver.ExpectPanic(t, `as in "http://localhost:5173", without a slash`, func() {
			socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://fine.test", origin}}})
		})
	}
	testserver.ExpectPanic(t, "list the origins", func() {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}, Credentials: true}, Logger: slog.New(slog.DiscardHandler)})
	})
	testserver.ExpectPanic(t, "use one of them", func() {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://fine.test"}, AllowOrigin: isApp}})
	})
}

const handshake = "/socket.io/?EIO=4&transport=polling"

// serves reports whether a server with a CORS configuration serves pages of an
// origin.
func serves(t *testing.T, c socketio.CORS, origin string) bool {
	t.Helper()
	io := socketio.NewServer(&socketio.Options{CORS: c})
	defer io.Close()
	return ask(io, "GET", "http://server.test"+handshake, "Origin", origin).Code == http.StatusOK
}

func TestOriginsInAnyFormMatchWhatBrowsersSend(t *testing.T) {
	for written, sent := range map[string]string{
		"https://example.com:443":                   "https://example.com",
		"http://example.com:80":                     "http://example.com",
		"https://example.com:80":                    "https://example.com:80",
		"http://example.com:443":                    "http://example.com:443",
		"https://example.com:8443":                  "https://example.com:8443",
		"https://example.com:08443":                 "https://example.com:8443",
		"https://example.com:":                      "https://example.com",
		"HTTPS://Example.COM":                       "https://example.com",
		"https://bücher.example":                    "https://xn--bcher-kva.example",
		"https://BÜCHER.example":                    "https://xn--bcher-kva.example",
		"https://xn--bcher-kva.example":             "https://xn--bcher-kva.example",
		"https://b%C3%BCcher.example":               "https://xn--bcher-kva.example",
		"https://*.bücher.example":                  "https://shop.xn--bcher-kva.example",
		"https://*.bücher.example:443":              "https://shop.xn--bcher-kva.example",
		"https://例え.テスト":                            "https://xn--r8jz45g.xn--zckzah",
		"https://*.example.com:443":                 "https://a.example.com",
		"https://app-*.example.com":                 "https://app-17.example.com",
		"https://*-team.example.com":                "https://app-team.example.com",
		"http://*.localhost:5173":                   "http://shop.localhost:5173",
		"https://*":                                 "https://example.com",
		"http://[0:0:0:0:0:0:0:1]:3000":             "http://[::1]:3000",
		"http://127.0.0.1:3000":                     "http://127.0.0.1:3000",
		"https://my_host.example.com":               "https://my_host.example.com",
		"https://example.com.":                      "https://example.com.",
		"null":                                      "null",
		"file://":                                   "file://",
		"capacitor://localhost":                     "capacitor://localhost",
		"app://.":                                   "app://.",
		"chrome-extension://abcdefghijklmnopabcdef": "chrome-extension://abcdefghijklmnopabcdef",
		"*": "https://example.com",
	} {
		if !serves(t, socketio.CORS{Origins: []string{written}}, sent) {
			t.Errorf("%q does not allow %q", written, sent)
		}
		if written != "*" && serves(t, socketio.CORS{Origins: []string{written}}, "http://example.com.evil.test") {
			t.Errorf("%q allows another origin", written)
		}
	}
}

// What would never match, or pages of anybody, panics and says what is right.
func TestOriginsThatAreMistakesPanic(t *testing.T) {
	const form = `as in "http://localhost:5173"`
	for origin, hint := range map[string]string{
		"https://*.a.*.org":           `more than one "*"`,
		"*://*":                       `more than one "*"`,
		"**":                          `more than one "*"`,
		"*://example.com":             form,
		"*.example.com":               form,
		"example.com":                 form,
		"https://app.test/":           `write "https://app.test"`,
		"https://app.test/chat?x=1":   `write "https://app.test"`,
		"https://app.test?":           `write "https://app.test"`,
		"https://*.app.test/":         `write "https://*.app.test"`,
		"wss://app.test":              `write "https://app.test"`,
		"ws://app.test:3000":          `write "http://app.test:3000"`,
		"https://user@app.test":       form,
		"https://app.test:0":          form,
		"https://app.test:65536":      form,
		"https://app.test:*":          form,
		"https://a.test, b.test":      form,
		"https://a.test,b.test":       form,
		"https://a..b.test":           form,
		"https://127.1":               form,
		"https://[::1%25eth0]":        form,
		"file:///home":                form,
		"NULL":                        form,
		"https://bü*cher.example.com": form,
		"https://*example.com":        "write it before the domain",
		"https://example.*":           "write it before the domain",
		"https://example*":            "write it before the domain",
		"http://192.168.0.*":          "write it before the domain",
	} {
		testserver.ExpectPanic(t, hint, func() { socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{origin}}}) })
	}
	for _, everybodys := range []string{"*", "null", "https://*", "http://*:8080", "https://*.com", "https://*."} {
		testserver.ExpectPanic(t, "let every page act as its visitor", func() {
			socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{everybodys}, Credentials: true}})
		})
	}
	for _, mine := range []string{"https://*.example.com", "https://*.localhost", "https://app-*.example.com", "file://"} {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{mine}, Credentials: true}}).Close()
	}
}

// What the log advises is accepted and allows the origin.
func TestTheAdviceAboutARefusedOriginHelps(t *testing.T) {
	advised := regexp.MustCompile(`add (".*") to Options\.CORS\.Origins`)
	for origin, withCredentials := range map[string]bool{ // whether there is advice with Credentials, too
		"https://example.com": true, "http://localhost:5173": true, "https://xn--bcher-kva.example": true, "http://[::1]:3000": true,
		"http://127.0.0.1:8080": true, "file://": true, "capacitor://localhost": true, "app://.": true, "https://a.example.com.:8443": true,
		"chrome-extension://abcdefghijklmnopabcdef": true, "HTTPS://EXAMPLE.COM": true, "null": false,
	} {
		for _, credentials := range []bool{false, true} {
			for _, listed := range [][]string{nil, {"https://listed.test"}} {
				var log testserver.LogBook
				c := socketio.CORS{Origins: listed, Credentials: credentials}
				io := socketio.NewServer(&socketio.Options{CORS: c, Logger: log.Logger()})
				ask(io, "GET", "http://server.test"+handshake, "Origin", origin)
				io.Close()
				log.ExpectOne(t, "level=WARN", "origin refused", origin)
				line, _ := strconv.Unquote(regexp.MustCompile(`advice=(".*")`).FindStringSubmatch(log.Lines()[0])[1])
				found := advised.FindStringSubmatch(line)
				switch {
				case (found != nil) != (withCredentials || !credentials):
					t.Errorf("credentials %v: advice about %q: %s", credentials, origin, line)
				case found != nil:
					advice, _ := strconv.Unquote(found[1])
					c.Origins = append(c.Origins, advice)
					if !serves(t, c, origin) {
						t.Errorf("the advice %q does not allow %q", advice, origin)
					}
				}
			}
		}
	}
	for _, nonsense := range []string{"*", "https://*", "https://*.com", "foo", "https://example.com:443", "https://a/b", "javascript:alert(1)"} {
		var log testserver.LogBook
		io := socketio.NewServer(&socketio.Options{Logger: log.Logger()})
		ask(io, "GET", "http://server.test"+handshake, "Origin", nonsense)
		io.Close()
		log.ExpectOne(t, "level=WARN", "origin refused", nonsense)
		if line := log.Lines()[0]; advised.MatchString(line) {
			t.Errorf("advice about %q: %s", nonsense, line)
		}
	}
}

func TestTheOwnOriginMayNameItsDefaultPort(t *testing.T) {
	for _, test := range []struct {
		origin, host string
		own          bool
	}{
		{"https://example.com", "example.com:443", true},
		{"https://example.com", "EXAMPLE.com:443", true},
		{"http://example.com", "example.com:80", true},
		{"https://example.com", "example.com", true},
		{"https://example.com:8443", "example.com:8443", true},
		{"http://[::1]", "[::1]:80", true},
		{"https://xn--bcher-kva.example", "xn--bcher-kva.example:443", true},
		{"https://example.com", "example.com:80", false},
		{"http://example.com", "example.com:443", false},
		{"https://example.com", "example.com:4430", false},
		{"https://evil.test", "example.com:443", false},
		{"https://example.com:443", "example.com", false}, // no browser sends it
	} {
		io := socketio.NewServer(nil)
		got := ask(io, "GET", "http://"+test.host+handshake, "Origin", test.origin).Code == http.StatusOK
		io.Close()
		if got != test.own {
			t.Errorf("page of %s, Host %s: allowed %v, want %v", test.origin, test.host, got, test.own)
		}
	}
}

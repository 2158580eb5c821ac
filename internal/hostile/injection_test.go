package hostile_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/goroomcast/socketio"
)

const handshakePath = "/socket.io/?EIO=4&transport=polling"

// Whatever is in a request, the answer has no headers but these.
func (s *siege) expectHeaders(want ...string) {
	s.T.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := slices.Sorted(maps.Keys(s.header))
	if want = slices.Sorted(slices.Values(append(want, "Content-Length", "Content-Type", "Date"))); !slices.Equal(got, want) {
		s.T.Errorf("headers %q, want %q", got, want)
	}
}

// Line breaks in a request do not get into the answer's head, nor markup into
// its body.
func TestInjection(t *testing.T) {
	const breaks = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>"
	usual, withCookie := one("Cache-Control"), all("Cache-Control", "Set-Cookie")
	o := socketio.Options{Cookie: &http.Cookie{Name: "io", HttpOnly: true}}
	for name, c := range map[string]struct {
		request, want string
		headers       []string
	}{
		"in the transport":                {get("/socket.io/?EIO=4&transport=" + breaks), unknownTransport, usual},
		"in the protocol":                 {get("/socket.io/?transport=polling&EIO=" + breaks), unknownVersion, usual},
		"in the session id":               {get(handshakePath + "&sid=" + breaks), unknownSession, usual},
		"in the path":                     {get("/other" + breaks), notFound, []string{"X-Content-Type-Options"}},
		"in a parameter of the program's": {get(handshakePath + "&token=" + breaks), "200", withCookie},
		"in the time stamp":               {get(handshakePath + "&t=" + breaks), "200", withCookie},
		"in b64":                          {get(handshakePath + "&b64=" + breaks), "200", withCookie},
		"in a cookie":                     {get(handshakePath, "Cookie: io=forged; io=\"a,b\""), "200", withCookie},
		"in Accept":                       {get(handshakePath, "Accept: text/html", "Accept-Encoding: gzip, ../../x"), "200", withCookie},
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, o, func(s *siege) {
				s.expectHTTP(c.request, c.want)
				s.expectHeaders(c.headers...)
				s.mu.Lock()
				defer s.mu.Unlock()
				cookies := (&http.Response{Header: s.header}).Cookies()
				if len(cookies) > 1 || len(cookies) == 1 && (cookies[0].Name != "io" || len(cookies[0].Value) != 20) {
					s.T.Errorf("cookies %q", cookies)
				}
			})
		})
	}
}

// JSONP is answered with a call of a function whose name has a number of the
// client's in it.
func TestJSONP(t *testing.T) {
	const own = "Referer: http://server.test/page"
	open := func(s *siege, j string) string { return s.http(get(handshakePath+"&j="+j, own)) }
	for name, number := range map[string]string{
		"a call":       "0](alert(1))%3b//",
		"markup":       "</script><script>alert(1)</script>",
		"a line break": "%0a0",
		"U+2028":       "%e2%80%a80",
		"letters":      "alert",
		"NUL":          "%000",
		"nothing":      "",
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				answer := open(s, strings.ReplaceAll(number, " ", "+"))
				digits := strings.Map(func(r rune) rune {
					if r < '0' || r > '9' {
						return -1
					}
					return r
				}, strings.NewReplacer("%3b", "", "%0a", "", "%e2%80%a8", "", "%00", "").Replace(number))
				if want := "200 ___eio[" + digits + `]("0{\"sid\":`; !strings.HasPrefix(answer, want) {
					s.T.Errorf("answered by %q, want %q", answer, want)
				}
				s.expectHeaders("Cache-Control")
			})
		})
	}
	for name, c := range map[string]struct {
		fields []string
		want   string
	}{
		"without a page":        {nil, forbidden},
		"of another page":       {one("Referer: http://evil.test/"), forbidden},
		"of a page like it":     {one("Referer: http://server.test.evil.test/"), forbidden},
		"of a page by its user": {one("Referer: http://server.test@evil.test/"), forbidden},
		"of a page in a path":   {one("Referer: http://evil.test/http://server.test"), forbidden},
		"of no URL":             {one("Referer: server.test"), forbidden},
		"with a foreign Origin": {all(own, "Origin: http://evil.test"), forbidden},
		"with an opaque Origin": {all(own, "Origin: null"), forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) { s.expectHTTP(get(handshakePath+"&j=0", c.fields...), c.want) })
		})
	}
	t.Run("markup in an event", func(t *testing.T) {
		lay(t, socketio.Options{}, func(s *siege) {
			_, path := s.pollingSession(false)
			s.expectHTTP(postTo(path, `421["echo","</script><!--\u2028"]`), "200 ok")
			s.expectHTTP(get(path+"&j=7", own), `200 ___eio[7]("431[\"\u003c/script\u003e\u003c!--\\u2028\"]");`)
		})
	})
}

// The body of a JSONP POST is a form.
func TestForms(t *testing.T) {
	const own = "Referer: http://server.test/page"
	for name, c := range map[string]struct{ form, answer, event string }{
		"no field":            {"x=1", badRequest, ""},
		"nothing":             {"", badRequest, ""},
		"an empty field":      {"d=", badRequest, ""},
		"not encoded":         {"d=%zz", badRequest, ""},
		"a semicolon":         {"d=6;d=6", badRequest, ""},
		"not UTF-8":           {"d=%ff", badRequest, ""},
		"two fields":          {"d=42%5B%22note%22%2C%22a%22%5D&d=47", "200 ok", "a"},
		"an escaped newline":  {`d=42%5B%22note%22%2C%22a%5C%5Cnb%22%5D`, "200 ok", "a\nb"},
		"a packet of no type": {"d=x", badRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				_, path := s.pollingSession(false)
				s.expectHTTP(postTo(path+"&j=0", c.form, own, "Content-Type: application/x-www-form-urlencoded"), c.answer)
				synctest.Wait()
				if got := strings.Join(s.got(&s.noted), " "); got != c.event {
					s.T.Errorf("the handler gets %q, want %q", got, c.event)
				}
			})
		})
	}
}

func TestOrigins(t *testing.T) {
	o := socketio.Options{CORS: socketio.CORS{Origins: []string{"https://good.test", "https://*.good.test"}, Credentials: true}}
	for origin, want := range map[string]string{
		"http://evil.test":                    forbidden,
		"https://good.test.evil.test":         forbidden,
		"https://good.test@evil.test":         forbidden,
		"https://evil.test#good.test":         forbidden,
		"https://evil.test/https://good.test": forbidden,
		"https://evilgood.test":               forbidden,
		"http://good.test":                    forbidden,
		"https://good.test:8443":              forbidden,
		"https://good.test.":                  forbidden,
		"null":                                forbidden,
		"*":                                   forbidden,
		"file://":                             forbidden,
		"http://server.test.evil.test":        forbidden,
		"http://server.test@evil.test":        forbidden,
		"https://good.test\x00":               "400",
		"https://good.test\x01":               "400",
		"https://good.test\x7f":               "400",
		"https://gööd.test":                   "400",
		"https://good.test\xff":               "400",
	} {
		t.Run(origin, func(t *testing.T) {
			lay(t, o, func(s *siege) {
				for _, request := range []string{
					get(handshakePath, "Origin: "+origin),
					upgrade("EIO=4", "Origin: "+origin),
				} {
					s.expectHTTP(request, want)
					s.mu.Lock()
					if allowed := s.header.Get("Access-Control-Allow-Origin"); allowed != "" {
						s.T.Errorf("allows %q", allowed)
					}
					s.mu.Unlock()
				}
				preflight := strings.Replace(get(handshakePath, "Origin: "+origin, "Access-Control-Request-Method: POST"), "GET", "OPTIONS", 1)
				s.http(preflight)
				s.mu.Lock()
				defer s.mu.Unlock()
				for name := range s.header {
					if strings.HasPrefix(name, "Access-Control-") {
						s.T.Errorf("the preflight is answered with %s", name)
					}
				}
			})
		})
	}
}

// Nothing but the client's files is served, wherever a path leads.
func TestClientFiles(t *testing.T) {
	o := socketio.Options{ServeClient: fstest.MapFS{
		"socket.io.js": {Data: []byte("// the client")},
		"secret.txt":   {Data: []byte("secret")},
	}}
	for path, want := range map[string]string{
		"/socket.io/socket.io.js":           "200 // the client",
		"/socket.io/secret.txt":             unknownTransport,
		"/socket.io/../secret.js":           unknownTransport,
		"/socket.io/..%2fsecret.js":         unknownTransport,
		"/socket.io/%2e%2e/%2e%2e/etc/x.js": unknownTransport,
		"/socket.io/socket.io.js%00":        unknownTransport,
		"/socket.io/C:%5cx.js":              unknownTransport,
		"/socket.io/.js":                    unknownTransport,
		"/socket.io//etc/passwd":            unknownTransport,
	} {
		t.Run(path, func(t *testing.T) {
			lay(t, o, func(s *siege) { s.expectHTTP(get(path), want) })
		})
	}
}

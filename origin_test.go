package socketio_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/goroomcast/socketio"
)

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
		expectPanic(t, hint, func() { socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{origin}}}) })
	}
	for _, everybodys := range []string{"*", "null", "https://*", "http://*:8080", "https://*.com", "https://*."} {
		expectPanic(t, "let every page act as its visitor", func() {
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
				var log logBook
				c := socketio.CORS{Origins: listed, Credentials: credentials}
				io := socketio.NewServer(&socketio.Options{CORS: c, Logger: log.logger()})
				ask(io, "GET", "http://server.test"+handshake, "Origin", origin)
				io.Close()
				log.expectOne(t, "level=WARN", "origin refused", origin)
				line, _ := strconv.Unquote(regexp.MustCompile(`advice=(".*")`).FindStringSubmatch(log.lines()[0])[1])
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
		var log logBook
		io := socketio.NewServer(&socketio.Options{Logger: log.logger()})
		ask(io, "GET", "http://server.test"+handshake, "Origin", nonsense)
		io.Close()
		log.expectOne(t, "level=WARN", "origin refused", nonsense)
		if line := log.lines()[0]; advised.MatchString(line) {
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

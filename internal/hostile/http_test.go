package hostile_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

const (
	unknownTransport = `400 {"code":0,"message":"Transport unknown"}`
	unknownSession   = `400 {"code":1,"message":"Session ID unknown"}`
	badMethod        = `400 {"code":2,"message":"Bad handshake method"}`
	badRequest       = `400 {"code":3,"message":"Bad request"}`
	forbidden        = `403 {"code":4,"message":"Forbidden"}`
	unknownVersion   = `400 {"code":5,"message":"Unsupported protocol version"}`
	notFound         = "404 404: Engine.IO is served at /socket.io/ (see Options.Path)"
	tooLarge         = "413"
)

// A requestCase is a request and its answer.
type requestCase struct{ name, request, want string }

func playRequests(t *testing.T, cases []requestCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				s.expectHTTP(c.request, c.want)
				if n := s.ClientsCount(); n != 1 {
					s.T.Errorf("%d sessions, want the healthy one", n)
				}
			})
		})
	}
}

func TestHandshakes(t *testing.T) {
	with := func(query string) string { return get("/socket.io/?" + query) }
	method := func(m, query string) string {
		return strings.Replace(get("/socket.io/?"+query), "GET", m, 1)
	}
	const polling = "EIO=4&transport=polling"
	playRequests(t, []requestCase{
		{"no transport", with("EIO=4"), unknownTransport},
		{"an empty transport", with("EIO=4&transport="), unknownTransport},
		{"a transport that does not exist", with("EIO=4&transport=flashsocket"), unknownTransport},
		{"a transport named __proto__", with("EIO=4&transport=__proto__"), unknownTransport},
		{"a transport named constructor", with("EIO=4&transport=constructor"), unknownTransport},
		{"a transport named toString", with("EIO=4&transport=toString"), unknownTransport},
		{"WebTransport", with("EIO=4&transport=webtransport&sid=x"), unknownTransport},
		{"a transport in capitals", with("EIO=4&transport=POLLING"), unknownTransport},
		{"a transport with NUL", with("EIO=4&transport=polling%00"), unknownTransport},
		{"two transports", with("EIO=4&transport=none&transport=polling"), unknownTransport},
		{"a transport as an array", with("EIO=4&transport[]=polling"), unknownTransport},
		{"a query that cannot be decoded", with("EIO=4&transport=%zz"), unknownTransport},
		{"semicolons in the query", with("EIO=4;transport=polling"), unknownTransport},
		{"no protocol", with("transport=polling"), unknownVersion},
		{"protocol 2", with("EIO=2&transport=polling"), unknownVersion},
		{"protocol 5", with("EIO=5&transport=polling"), unknownVersion},
		{"protocol 4.0", with("EIO=4.0&transport=polling"), unknownVersion},
		{"protocol -4", with("EIO=-4&transport=polling"), unknownVersion},
		{"protocol NaN", with("EIO=NaN&transport=polling"), unknownVersion},
		{"protocol of a million digits", with("EIO=4" + strings.Repeat("0", 500_000) + "&transport=polling"), unknownVersion},
		{"POST", method("POST", polling), badMethod},
		{"PUT", method("PUT", polling), badMethod},
		{"DELETE", method("DELETE", polling), badMethod},
		{"TRACE", method("TRACE", polling), badMethod},
		{"OPTIONS", method("OPTIONS", polling), badMethod},
		{"HEAD", method("HEAD", polling), "400"},
		{"a method of its own", method("HACK", polling), badMethod},
		{"another path", get("/socket.iox/?" + polling), notFound},
		{"an encoded path out of it", get("/socket.io/%2e%2e/?" + polling + "&sid=x"), unknownSession},
		{"a whole URL", get("http://elsewhere.test/other/?" + polling), notFound},
		{"an asterisk", strings.Replace(method("OPTIONS", ""), "/socket.io/?", "*", 1), "200"},
		{"CONNECT, as to a proxy", "CONNECT elsewhere.test:443 HTTP/1.1\nHost: elsewhere.test\n\n", notFound},
	})
}

func TestWebSocketHandshakes(t *testing.T) {
	const outdated = "426 WebSocket version 13 is spoken here"
	and := func(more string) string { return strings.TrimSuffix(upgrade("EIO=4"), "\n") + more }
	playRequests(t, []requestCase{
		{"no Upgrade", upgrade("EIO=4", "Upgrade: "), badRequest},
		{"no Connection", upgrade("EIO=4", "Connection: "), badRequest},
		{"Connection without upgrade", upgrade("EIO=4", "Connection: keep-alive"), badRequest},
		{"an upgrade to h2c", upgrade("EIO=4", "Upgrade: h2c"), badRequest},
		{"an upgrade to something like it", upgrade("EIO=4", "Upgrade: websocket2"), badRequest},
		{"no key", upgrade("EIO=4", "Sec-WebSocket-Key: "), badRequest},
		{"a short key", upgrade("EIO=4", "Sec-WebSocket-Key: c2hvcnQ="), badRequest},
		{"a long key", upgrade("EIO=4", "Sec-WebSocket-Key: "+strings.Repeat("QUFB", 1000)), badRequest},
		{"a key that is no base64", upgrade("EIO=4", "Sec-WebSocket-Key: ????????????????????????"), badRequest},
		{"no version", upgrade("EIO=4", "Sec-WebSocket-Version: "), outdated},
		{"version 8", upgrade("EIO=4", "Sec-WebSocket-Version: 8"), outdated},
		{"versions 13 and 8", upgrade("EIO=4", "Sec-WebSocket-Version: 13, 8"), outdated},
		{"two versions", and("Sec-WebSocket-Version: 8\n\n"), outdated},
		{"two keys", and("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n\n"), badRequest},
		{"a body", and("Content-Length: 6\n\n\x81\x80aaaa"), badRequest},
		{"a body in chunks", and("Transfer-Encoding: chunked\n\n6\n\x81\x80aaaa\n0\n\n"), badRequest},
		{"a body that waits to be asked for", and("Content-Length: 6\nExpect: 100-continue\n\n"), badRequest},
		{"no protocol", upgrade(""), unknownVersion},
		{"a transport named __proto__", strings.Replace(upgrade("EIO=4"), "=websocket", "=__proto__", 1), unknownTransport},
		{"a session that does not exist", upgrade("EIO=4&sid=nobody"), unknownSession},
		{"POST", strings.Replace(upgrade("EIO=4"), "GET", "POST", 1), badMethod},
		{"HTTP/1.0", strings.Replace(upgrade("EIO=4"), "HTTP/1.1", "HTTP/1.0", 1), badRequest},
	})
}

// A client of another version learns which one it must use (RFC 9110, section
// 15.5.22, and RFC 6455, section 4.4).
func TestOutdatedWebSocket(t *testing.T) {
	lay(t, socketio.Options{}, func(s *siege) {
		s.expectHTTP(upgrade("EIO=4", "Sec-WebSocket-Version: 8"), "426")
		s.mu.Lock()
		defer s.mu.Unlock()
		for name, want := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"} {
			if got := s.header.Get(name); got != want {
				s.T.Errorf("answered with %s: %q, want %q", name, got, want)
			}
		}
	})
}

// A request for a WebSocket within a session has the method GET, too.
func TestMethodsOfUpgrades(t *testing.T) {
	for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "OPTIONS", "HACK"} {
		t.Run(method, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				sid, _ := s.pollingSession(false)
				want := badRequest
				if method == "HEAD" {
					want = "400"
				}
				s.expectHTTP(strings.Replace(upgrade("EIO=4&sid="+sid), "GET", method, 1), want)
				s.expectEndings()
				s.expectHTTP(upgrade("EIO=4&sid="+sid), "101")
			})
		})
	}
}

// What else a request for a WebSocket may have in its head does not matter.
func TestOddWebSocketHandshakes(t *testing.T) {
	headers := func(n int) (fields []string) {
		for i := range n {
			fields = append(fields, fmt.Sprintf("X%d: x", i))
		}
		return fields
	}
	for name, fields := range map[string][]string{
		"2,000 headers":                headers(2000),
		"an extension named __proto__": one("Sec-WebSocket-Extensions: __proto__; constructor; toString=1"),
		"an extension without an end":  one(`Sec-WebSocket-Extensions: permessage-deflate; a="`),
		"50,000 extensions":            one("Sec-WebSocket-Extensions: " + strings.Repeat("a;b,", 50_000)),
		"50,000 tokens of Connection":  one("Connection: " + strings.Repeat("x,", 50_000) + "upgrade"),
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				s.expectHTTP(upgrade("EIO=4", fields...), "101")
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, name := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
					if got := s.header.Get(name); got != "" {
						s.T.Errorf("answered with %s: %s", name, got)
					}
				}
			})
		})
	}
}

// A client learns that its offer of subprotocols is none.
func TestOddSubprotocols(t *testing.T) {
	for name, offer := range map[string]string{
		"spaces in one":    "b" + strings.Repeat(" ", 50_000) + "x",
		"50,000 times one": strings.Repeat("a,", 50_000) + "a",
		"50,000 of none":   strings.Repeat(",", 50_000),
		"above ASCII":      "\xff\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				s.expectHTTP(upgrade("EIO=4", "Sec-WebSocket-Protocol: "+offer), badRequest)
			})
		})
	}
}

// A client that hangs up before it is answered.
func TestHandshakesGivenUp(t *testing.T) {
	for name, request := range map[string]string{
		"of polling":           get(handshakePath),
		"of a WebSocket":       upgrade("EIO=4"),
		"that are refused":     upgrade("EIO=4&sid=nobody"),
		"of another path":      strings.Replace(upgrade("EIO=4"), "socket.io", "other", 1),
		"in the midst of them": strings.TrimSuffix(upgrade("EIO=4"), "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				conn := s.connection()
				_, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n"))
				s.ok(err)
				conn.Close()
			})
		})
	}
}

// What net/http answers before the server sees it.
func TestMalformedHTTP(t *testing.T) {
	const line = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\nHost: server.test\n"
	playRequests(t, []requestCase{
		{"no Host", "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\n\n", "400"},
		{"two Hosts", line + "Host: other.test\n\n", "400"},
		{"a Host with a control character", "GET / HTTP/1.1\nHost: a\x01b\n\n", "400"},
		{"a space in a header's name", line + "X Y: z\n\n", "400"},
		{"a space before the colon", line + "Origin : http://a.test\n\n", "400"},
		{"NUL in a header", line + "X: a\x00b\n\n", "400"},
		{"no HTTP", "hello\n\n", "400"},
		{"a version that does not exist", "GET / HTTP/7.3\nHost: server.test\n\n", "505"},
		{"headers of two megabytes", line + "X: " + strings.Repeat("x", 2<<20) + "\n\n", "431"},
	})
}

// Bodies whose length is not what they say.
func TestBodies(t *testing.T) {
	head := func(path string, fields ...string) string {
		return "POST " + path + " HTTP/1.1\nHost: server.test\n" + strings.Join(append(fields, "", ""), "\n")
	}
	const chunked = "Transfer-Encoding: chunked"
	long := strings.Repeat("4", 1_000_001)
	for _, c := range []struct {
		name        string
		request     func(path string) string
		want, want3 string // want3 if it is another
		reason      string
	}{
		{"empty", func(p string) string { return postTo(p, "") }, badRequest, "", "parse error"},
		{"a separator alone", func(p string) string { return postTo(p, "\x1e") }, badRequest, "", "parse error"},
		{"a separator at the end", func(p string) string { return postTo(p, "6\x1e") }, badRequest, "", "parse error"},
		{"two separators in a row", func(p string) string { return postTo(p, "6\x1e\x1e6") }, badRequest, "", "parse error"},
		{"not UTF-8", func(p string) string { return postTo(p, "42[\"echo\",\"\xff\"]") }, badRequest, "", "parse error"},
		{"a surrogate", func(p string) string { return postTo(p, "11:42[\"\xed\xa0\x80\"]") }, badRequest, "", "parse error"},
		{"a megabyte of digits", func(p string) string { return postTo(p, strings.Repeat("1", 1_000_000)) }, "200 ok", badRequest, "transport close"},
		{"over the limit", func(p string) string { return postTo(p, long) }, tooLarge, "", "transport error"},
		{"over the limit, in chunks", func(p string) string {
			return head(p, chunked) + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(long), long)
		}, tooLarge, "", "transport error"},
		{"announced over the limit", func(p string) string { return head(p, "Content-Length: 1010001") }, tooLarge, "", "transport error"},
		{"announced of 2^63-1 bytes", func(p string) string { return head(p, "Content-Length: 9223372036854775807") }, tooLarge, "", "transport error"},
		{"announced of 2^64 bytes", func(p string) string { return head(p, "Content-Length: 18446744073709551616") }, "400", "", ""},
		{"announced of -1 bytes", func(p string) string { return head(p, "Content-Length: -1") }, "400", "", ""},
		{"two lengths", func(p string) string { return head(p, "Content-Length: 1", "Content-Length: 2") + "66" }, "400", "", ""},
		{"a chunk whose size is no number", func(p string) string { return head(p, chunked) + "xyz\r\n6\r\n0\r\n\r\n" }, badRequest, "", "transport close"},
		{"a chunk of 2^64 bytes", func(p string) string { return head(p, chunked) + "10000000000000000\r\n6\r\n0\r\n\r\n" }, badRequest, "", "transport close"},
		{"a chunk of a negative size", func(p string) string { return head(p, chunked) + "-1\r\n6\r\n0\r\n\r\n" }, badRequest, "", "transport close"},
		{"an encoding that does not exist", func(p string) string { return head(p, "Transfer-Encoding: gzip") + "6" }, "501", "", ""},
		{"an Expect that does not exist", func(p string) string { return head(p, "Expect: 200-ok", "Content-Length: 1") + "6" }, "417", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, eio3 := range []bool{false, true} {
				lay(t, socketio.Options{}, func(s *siege) {
					client := s.member(rawclient.Polling, eio3)
					want, reason := c.want, c.reason
					if eio3 && c.want3 != "" {
						want, reason = c.want3, "parse error"
					}
					s.expectHTTP(c.request(target(client, eio3)), want)
					if reason == "" {
						s.expectEndings()
					} else {
						s.expectEndings("/ " + reason)
					}
				})
			}
		})
	}
}

// A body that does not come holds neither the answer to a request that is
// refused whatever is in it, nor its connection.
func TestBodiesThatNobodyWants(t *testing.T) {
	head := func(path string, fields ...string) string {
		return strings.TrimRight(postTo(path, strings.Repeat("x", 1000), fields...), "x")
	}
	for name, c := range map[string]struct {
		request func(path string) string
		want    string
		endings []string
	}{
		"for no session":    {func(string) string { return head(handshakePath + "&sid=nobody") }, unknownSession, nil},
		"for a new session": {func(string) string { return head(handshakePath) }, badMethod, nil},
		"for no transport":  {func(string) string { return head("/socket.io/?EIO=4") }, unknownTransport, nil},
		"of another origin": {func(p string) string { return head(p, "Origin: http://evil.test") }, forbidden, nil},
		"of bytes":          {func(p string) string { return head(p, "Content-Type: application/octet-stream") }, badRequest, one("/ transport error")},
		"over the limit":    {func(p string) string { return head(p) }, tooLarge, one("/ transport error")},
		"of an upgrade":     {func(string) string { return strings.TrimSuffix(upgrade("EIO=4"), "\n") + "Content-Length: 1000\n\n" }, badRequest, nil},
		"with a WebSocket":  {func(string) string { return head("/socket.io/?EIO=4&transport=websocket") }, badMethod, nil},
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{Limits: socketio.Limits{Payload: 500}}, func(s *siege) {
				client := s.member(rawclient.Polling, false)
				conn := s.connection()
				_, err := io.WriteString(conn, strings.ReplaceAll(c.request(target(client, false)), "\n", "\r\n"))
				s.ok(err)
				trickle := func() {
					for range 30 {
						pause(time.Second)
						if _, err := io.WriteString(conn, "x"); err != nil {
							return
						}
					}
					s.T.Error("the server still reads")
				}
				go trickle()
				r := bufio.NewReader(conn)
				if got := s.answer(r, "POST"); got != c.want {
					s.T.Errorf("answered by %q, want %q", got, c.want)
				}
				if _, err := r.ReadByte(); err != io.EOF {
					s.T.Errorf("the connection goes on: %v", err)
				}
				s.expectEndings(c.endings...)
			})
		})
	}
}

// Lengths of revision 3 that are none.
func TestLengths(t *testing.T) {
	for name, body := range map[string]string{
		"negative":                  "-1:6",
		"too large":                 "9:6",
		"of many digits":            strings.Repeat("9", 100_000) + ":6",
		"ending inside a character": "2:4🎉",
		"a float":                   "1e0:6",
		"too small":                 "0:42",
		"without a colon":           "6",
		"with a space":              " 1:6",
		"with a sign":               "+1:6",
		"in other digits":           "１:6",
		"the second negative":       "1:6-1:6",
		"of bytes, not ending":      "\x00\x01",
		"of bytes, too large":       "\x00\x09\xff4",
		"of bytes, no digit":        "\x00\x0a\xff4",
		"of bytes, of a kind that does not exist": "\x02\x01\xff4",
		"of bytes, empty":                         "\x01\x00\xff",
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, socketio.Options{}, func(s *siege) {
				client := s.member(rawclient.Polling, true)
				kind := "text/plain"
				if body[0] < ' ' {
					kind = "application/octet-stream"
				}
				s.expectHTTP(postTo(target(client, true), body, "Content-Type: "+kind), badRequest)
				s.expectEndings("/ parse error")
			})
		})
	}
}

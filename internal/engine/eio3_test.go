package engine_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// eio3 runs f with a server that has AllowEIO3 for each way to connect to it.
func eio3(t *testing.T, o engine.Options, f func(h *harness, mode rawclient.Mode)) {
	o.AllowEIO3 = true
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, &o, func(h *harness) { f(h, mode) })
	})
}

var old = rawclient.Options{EIO3: true}

func TestEIO3(t *testing.T) {
	eio3(t, engine.Options{}, func(h *harness, mode rawclient.Mode) {
		c, r := h.open(mode, old)
		if r.Protocol() != 3 {
			t.Errorf("protocol %d", r.Protocol())
		}
		for _, packet := range []string{"4", "4hello", "4é€😀", "bAQIDBA==", "b"} {
			if err := c.Send(packet, "2"); err != nil {
				t.Fatal(err)
			}
			h.expect(c, packet, "3")
		}
		long := strings.Repeat("é😀", 100_000)
		if err := c.Send("4"+long, "bAQIDBA==", "4é"); err != nil {
			t.Fatal(err)
		}
		h.expect(c, "4"+long, "bAQIDBA==", "4é")

		_, modern := h.open(mode, rawclient.Options{})
		if modern.Protocol() != 4 {
			t.Errorf("protocol %d beside it", modern.Protocol())
		}
		c.Close()
		h.expectClosed(r, engine.ReasonTransportClose)
	})
}

// It is the client that pings, and only its PINGs keep the session, the more
// so after an upgrade.
func TestEIO3Heartbeat(t *testing.T) {
	eio3(t, engine.Options{}, func(h *harness, mode rawclient.Mode) {
		c, r := h.open(mode, old)
		for range 5 {
			after(40 * time.Second)
			if err := c.Send("2"); err != nil {
				t.Fatal(err)
			}
			h.expect(c, "3")
		}
		pinged := time.Now()
		after(40 * time.Second)
		c.Send("4x")
		h.expect(c, "4x") // and no PING
		h.expectClosed(r, engine.ReasonPingTimeout)
		if silence := time.Since(pinged); silence < 45*time.Second || silence > 46*time.Second {
			t.Errorf("closed after %v", silence)
		}
	})
}

// A PONG leaves at once, also when the answers to other packets may not.
func TestEIO3Cork(t *testing.T) {
	eio3(t, engine.Options{}, func(h *harness, mode rawclient.Mode) {
		c, r := h.open(mode, old)
		r.Cork()
		c.Send("2")
		h.expect(c, "3")
		r.Uncork()
	})
}

// Intervals at the end of the range do not close anybody early.
func TestEIO3OddIntervals(t *testing.T) {
	const ages = 1<<63 - 1
	eio3(t, engine.Options{PingInterval: ages, PingTimeout: ages}, func(h *harness, mode rawclient.Mode) {
		c, _ := h.open(mode, old)
		after(time.Hour)
		c.Send("4a")
		h.expect(c, "4a")
	})
}

// A receiver that is at work is no reason to close a client.
func TestEIO3SlowReceiver(t *testing.T) {
	eio3(t, engine.Options{}, func(h *harness, mode rawclient.Mode) {
		h.onText = func(r *recorder, s string) error {
			<-time.After(5 * time.Minute)
			return r.Send(engine.NewMessage([]byte(s)))
		}
		c, r := h.open(mode, old)
		go c.Send("4slow")
		after(5*time.Minute + 19*time.Second)
		h.expect(c, "4slow")
		c.Send("2")
		h.expect(c, "3")
		h.expectClosed(r, engine.ReasonPingTimeout)
	})
}

// Malformed packets end the session on either transport.
func TestEIO3Malformed(t *testing.T) {
	o := &engine.Options{AllowEIO3: true}
	const octets = "application/octet-stream"
	for _, post := range []struct{ body, contentType string }{
		{"", ""}, {"4a", ""}, {"3:4a", ""}, {"2:4a9", ""}, {"99999999999999999999:4", ""}, {"2:4\xff", ""},
		{"2:4a1:9", ""}, {"\x00\x01\xff4", ""},
		{"", octets}, {"2:4a", octets}, {"\x00\x09\x09\x09\x09\x09\x09\x09\x09\xff4", octets}, {"\x01\x01\xff4", octets},
	} {
		run(t, o, func(h *harness) {
			h.request("GET", "EIO=3&transport=polling", nil)
			r := <-h.sessions
			a := h.request("POST", session(r), strings.NewReader(post.body), "Content-Type", post.contentType)
			h.expectAnswer(a, 400, badRequest)
			h.expectClosed(r, engine.ReasonParseError)
		})
	}
	for _, f := range [][]byte{text(""), text("9"), text("b"), text("b2AQ=="), text("b4*"), binaryFrame(""), binaryFrame("4x")} {
		run(t, o, func(h *harness) {
			w := h.wire("&EIO=3")
			w.next()
			w.write(f, 0)
			h.expectClosed(<-h.sessions, engine.ReasonParseError)
		})
	}
}

// MaxPayload counts the bytes of a request whatever is in them.
func TestEIO3Limit(t *testing.T) {
	o := &engine.Options{AllowEIO3: true, MaxPayload: 1000}
	form := "d=" + url.QueryEscape("300:4"+strings.Repeat("é", 299))
	for body, query := range map[string]string{
		"999:4" + strings.Repeat("x", 998):                                "",
		"\x01\x09\x09\x08\xff\x04" + string(bytes.Repeat([]byte{1}, 997)): "",
		form: "&j=0",
	} {
		run(t, o, func(h *harness) {
			h.request("GET", "EIO=3&transport=polling", nil)
			r := <-h.sessions
			a := h.request("POST", session(r)+query, strings.NewReader(body),
				"Content-Type", "application/octet-stream", "Referer", "http://server.test/")
			if a.status != 413 {
				t.Errorf("answered by %d", a.status)
			}
			h.expectClosed(r, engine.ReasonTransportError)
		})
	}
}

// What waits for a client is counted alike, whatever form it leaves in.
func TestEIO3Buffered(t *testing.T) {
	o := &engine.Options{AllowEIO3: true, MaxBuffered: 1000}
	counts := map[string]int{}
	for _, query := range []string{"&EIO=4", "&EIO=4&b64=1", "&EIO=3", "&EIO=3&b64=1"} {
		run(t, o, func(h *harness) {
			w := h.wire(query)
			w.next()
			r := <-h.sessions
			message := engine.NewMessage([]byte("x"), []byte{1})
			for range 1000 {
				if err := r.Send(message); err != nil {
					t.Fatal(err)
				}
				w.next()
				w.next()
			}
			synctest.Wait()
			for r.Send(message) == nil {
				counts[query]++
			}
			h.expectClosed(r, engine.ReasonSlowClient)
		})
	}
	for query, n := range counts {
		if n != counts["&EIO=4"] {
			t.Errorf("%s: %d messages are queued, %d are with EIO=4", query, n, counts["&EIO=4"])
		}
	}
}

// A binary message makes the payload one of bytes, unless the client cannot.
func TestEIO3Octets(t *testing.T) {
	const octets = "\x00\x04\xff4€\x01\x04\xff\x04\x01\x02\xff\x00\x02\xff4x"
	for query, want := range map[string]answer{
		"":       {200, nil, octets},
		"&b64=1": {200, nil, "2:4€6:b4AQL/2:4x"},
		"&j=7":   {200, nil, `___eio[7]("2:4€6:b4AQL/2:4x");`},
	} {
		run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
			h.request("GET", "EIO=3&transport=polling"+query, nil, "Referer", "http://server.test/")
			r := <-h.sessions
			r.Send(engine.NewMessage([]byte("€"), []byte{1, 2, 0xff}))
			r.Send(engine.NewMessage([]byte("x")))
			a := h.request("GET", session(r)+query, nil, "Referer", "http://server.test/")
			h.expectAnswer(a, want.status, want.body)
			contentType := map[string]string{
				"": "application/octet-stream", "&b64=1": "text/plain; charset=UTF-8", "&j=7": "text/javascript; charset=UTF-8",
			}[query]
			if got := a.header.Get("Content-Type"); got != contentType {
				t.Errorf("%q: Content-Type %q", query, got)
			}
			r.Send(engine.NewMessage([]byte("€")))
			if query == "" {
				h.expectAnswer(h.request("GET", session(r), nil), 200, "2:4€")
			}
		})
	}
}

// A script's request has no Origin header, so its page is known by the Referer.
func TestJSONPOrigin(t *testing.T) {
	for _, c := range []struct {
		header []string
		status int
	}{
		{[]string{"Referer", "http://server.test/page?x=1"}, 200},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Origin", "http://server.test"}, 200},
		{nil, 403},
		{[]string{"Referer", "http://evil.test/http://server.test/"}, 403},
		{[]string{"Referer", "http://server.test.evil.test/"}, 403},
		{[]string{"Referer", "//"}, 403},
		{[]string{"Referer", "http://é.test/"}, 400},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Origin", "http://evil.test", "Referer", "http://server.test/"}, 403},
	} {
		run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
			for _, query := range []string{"EIO=3&transport=polling&j=0", "EIO=4&transport=polling&j="} {
				if a := h.request("GET", query, nil, c.header...); a.status != c.status {
					t.Errorf("%q: answered by %d, want %d", c.header, a.status, c.status)
				}
			}
		})
	}
}

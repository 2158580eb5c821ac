// Package mounttest tests that clients reach a Socket.IO server through what
// an application has put in front of it: a router, middleware, TLS.
package mounttest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// Dial connects to a server.
type Dial = func(ctx context.Context) (net.Conn, error)

// Serve serves h on loopback until the test ends.
func Serve(t *testing.T, h http.Handler) Dial {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
}

// Connect opens a connection, connects it to the main namespace with auth,
// an object in JSON or "", and returns the client with the server's answer.
func Connect(t *testing.T, dial Dial, mode rawclient.Mode, header http.Header, auth string) (*rawclient.Client, string) {
	t.Helper()
	c, err := rawclient.Open(t.Context(), dial, mode, rawclient.Options{Path: "/socket.io/", Header: header, Pong: true})
	if err != nil {
		t.Fatalf("open over %s: %v", mode, err)
	}
	t.Cleanup(c.Close)
	return c, Ask(t, c, "40"+auth)
}

// Ask sends a packet and returns the next one from the server.
func Ask(t *testing.T, c *rawclient.Client, packet string) string {
	t.Helper()
	if err := c.Send(packet); err != nil {
		t.Fatal(err)
	}
	answer, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Echo tests that the server acknowledges the event "echo" with its argument
// over each transport and after an upgrade. Over polling it also sends an event
// long enough for the server, or a middleware, to compress it.
func Echo(t *testing.T, dial Dial) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			c, answer := Connect(t, dial, mode, nil, "")
			if !strings.HasPrefix(answer, `40{"sid":`) {
				t.Fatalf("CONNECT is answered by %s", answer)
			}
			if got := Ask(t, c, `420["echo","hello"]`); got != `430["hello"]` {
				t.Errorf("the echo is %s", got)
			}
			long := strings.Repeat("hello ", 1000)
			if got := Ask(t, c, `421["echo","`+long+`"]`); got != `431["`+long+`"]` {
				t.Errorf("the long echo is %.80q", got)
			}
		})
	}
}

// Preflight tests that browsers may POST from a page of origin, and not from
// other origins.
func Preflight(t *testing.T, dial Dial, origin string) {
	for from, want := range map[string]string{origin: origin, "http://elsewhere.test": ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, "http://server.test/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", from)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		req.Header.Set("Access-Control-Request-Headers", "content-type")
		transport := &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want || resp.StatusCode != http.StatusNoContent {
			t.Errorf("preflight from %s: status %d, allowed origin %q, want 204 and %q", from, resp.StatusCode, got, want)
		}
	}
}

// Outlasts tests that a session over polling outlasts the time limit that h
// has for each request.
func Outlasts(t *testing.T, h http.Handler) {
	polls := make(chan struct{}, 100)
	dial := Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		if r.Method == http.MethodGet {
			polls <- struct{}{}
		}
	}))
	c, _ := Connect(t, dial, rawclient.Polling, nil, "")
	for range 5 { // handshake, the answer to CONNECT, and polls that end empty
		<-polls
	}
	packet := `420["echo","hello"]`
	if err := c.Send(packet); err != nil {
		t.Fatal(err)
	}
	for {
		switch got, err := c.Next(); {
		case err != nil:
			t.Fatal(err)
		case got == `430["hello"]`:
			return
		case got != "6":
			t.Fatalf("got %s", got)
		}
	}
}

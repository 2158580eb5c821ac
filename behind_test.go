package socketio_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// The server is an http.Handler among others: what stands before it decides
// about headers and requests.
func TestBehindHandlers(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page") })
		mux.HandleFunc("/socket.io/", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Query().Has("refuse"):
				http.Error(w, "not now", http.StatusServiceUnavailable)
			case r.Method == http.MethodPost: // one that has read the body
				body, err := io.ReadAll(r.Body)
				h.check(err)
				r.Body = io.NopCloser(bytes.NewReader(body))
				fallthrough
			default:
				w.Header().Set("X-Before", "yes")
				h.ServeHTTP(w, r)
			}
		})
		h.serve(mux)

		echo(h, "echo")
		c := h.connect(mode)
		c.send(`42["echo",1]`)
		c.expect(`42["echo",1]`)

		_, err := rawclient.Open(context.Background(), h.dial, mode, rawclient.Options{Path: "/socket.io/", Query: "refuse=1"})
		var status *rawclient.StatusError
		if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
			h.Errorf("error %v, want 503", err)
		}
		if got := h.do(httptest.NewRequest(http.MethodGet, "/index.html", nil)).body; got != "page" {
			h.Errorf("another path is answered by %q", got)
		}

		reason := make(chan socketio.Reason, 1)
		h.socket(c.id).OnDisconnect(func(r socketio.Reason) { reason <- r })
		_ = c.Send(`42["echo","` + strings.Repeat("x", 1_000_000) + `"]`) // may be refused
		if got := <-reason; got != socketio.ReasonTransportError {
			h.Errorf("disconnected with %q", got)
		}
	})
}

// A handler in front sets headers of each answer, and of the first of a
// connection: its request has no sid.
func TestHeadersFromBefore(t *testing.T) {
	run(t, nil, func(h *harness) {
		h.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Before", "yes")
			if !r.URL.Query().Has("sid") {
				w.Header().Set("X-First", "yes")
			}
			h.ServeHTTP(w, r)
		}))
		request := func(query string, headers http.Header) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport="+query, nil)
			maps.Copy(r.Header, headers)
			return r
		}
		webSocket := http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		sid := "&sid=" + h.open(rawclient.Polling).Handshake.SID
		for _, c := range []struct {
			request *http.Request
			status  int
			first   string
		}{
			{request("polling", nil), http.StatusOK, "yes"},
			{request("websocket", webSocket), http.StatusSwitchingProtocols, "yes"},
			{request("websocket"+sid, webSocket), http.StatusSwitchingProtocols, ""},
			{request("polling"+sid, nil), http.StatusBadRequest, ""}, // the second poll at once
		} {
			synctest.Wait() // until the client polls
			resp := h.answer(c.request)
			if resp.StatusCode != c.status || resp.Header.Get("X-Before") != "yes" || resp.Header.Get("X-First") != c.first {
				t.Errorf("%s: %s with %v", c.request.URL, resp.Status, resp.Header)
			}
		}
	})
}

// answer returns the head of the answer to a request, over a connection of
// its own that ends then.
func (h *harness) answer(r *http.Request) *http.Response {
	h.Helper()
	conn, err := h.dial(context.Background())
	if err != nil {
		h.Fatal(err)
	}
	defer conn.Close()
	h.check(r.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		h.Fatal(err)
	}
	return resp
}

// A refused request tells pages of allowed origins so.
func TestCORSOfRefusals(t *testing.T) {
	io := socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"https://app.test"}, Credentials: true}})
	defer io.Close()
	r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=websocket", nil)
	r.Header.Set("Origin", "https://app.test")
	w := httptest.NewRecorder()
	io.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || w.Header().Get("Access-Control-Allow-Origin") != "https://app.test" ||
		w.Header().Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("answer %d with %v", w.Code, w.Header())
	}
}

// TestAddressFromBefore has a handler in front know better whose request it is.
func TestAddressFromBefore(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		h.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = "203.0.113.7:0"
			h.ServeHTTP(w, r)
		}))
		if got := h.socket(h.connect(mode).id).Handshake().Address; got != "203.0.113.7:0" {
			h.Errorf("address %q", got)
		}
	})
}

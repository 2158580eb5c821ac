package systemtest

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
	"github.com/goroomcast/socketio/internal/testserver"
)

// The server is an http.Handler among others: what stands before it decides
// about headers and requests.
func TestBehindHandlers(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page") })
		mux.HandleFunc("/socket.io/", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Query().Has("refuse"):
				http.Error(w, "not now", http.StatusServiceUnavailable)
			case r.Method == http.MethodPost: // one that has read the body
				body, err := io.ReadAll(r.Body)
				h.Check(err)
				r.Body = io.NopCloser(bytes.NewReader(body))
				fallthrough
			default:
				w.Header().Set("X-Before", "yes")
				h.ServeHTTP(w, r)
			}
		})
		h.Serve(mux)

		testserver.Echo(h, "echo")
		c := h.Connect(mode)
		c.Send(`42["echo",1]`)
		c.Expect(`42["echo",1]`)

		_, err := rawclient.Open(context.Background(), h.Dial, mode, rawclient.Options{Path: "/socket.io/", Query: "refuse=1"})
		var status *rawclient.StatusError
		if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
			h.T.Errorf("error %v, want 503", err)
		}
		if got := h.Do(httptest.NewRequest(http.MethodGet, "/index.html", nil)).Body; got != "page" {
			h.T.Errorf("another path is answered by %q", got)
		}

		reason := make(chan socketio.Reason, 1)
		h.MustSocket(c.ID).OnDisconnect(func(r socketio.Reason) { reason <- r })
		_ = c.Client.Send(`42["echo","` + strings.Repeat("x", 1_000_000) + `"]`) // may be refused
		if got := <-reason; got != socketio.ReasonTransportError {
			h.T.Errorf("disconnected with %q", got)
		}
	})
}

// A handler in front sets headers of each answer, and of the first of a
// connection: its request has no sid.
func TestHeadersFromBefore(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		h.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
		sid := "&sid=" + h.Open(rawclient.Polling).Handshake.SID
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
			resp := answer(h, c.request)
			if resp.StatusCode != c.status || resp.Header.Get("X-Before") != "yes" || resp.Header.Get("X-First") != c.first {
				t.Errorf("%s: %s with %v", c.request.URL, resp.Status, resp.Header)
			}
		}
	})
}

// answer returns the head of the answer to a request, over a connection of
// its own that ends then.
func answer(h *testserver.Harness, r *http.Request) *http.Response {
	h.T.Helper()
	conn, err := h.Dial(context.Background())
	if err != nil {
		h.T.Fatal(err)
	}
	defer conn.Close()
	h.Check(r.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		h.T.Fatal(err)
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
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = "203.0.113.7:0"
			h.ServeHTTP(w, r)
		}))
		if got := h.MustSocket(h.Connect(mode).ID).Handshake().Address; got != "203.0.113.7:0" {
			h.T.Errorf("address %q", got)
		}
	})
}

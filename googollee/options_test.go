package googollee_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/session"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"

	"github.com/goroomcast/socketio/googollee"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestOptions(t *testing.T) {
	configured := func(*testing.T) *googollee.Server {
		return googollee.NewServer(&engineio.Options{
			PingInterval: 7 * time.Second,
			PingTimeout:  3 * time.Second,
			Transports:   []transport.Transport{websocket.Default},
		})
	}
	run(t, configured, func(h *harness, mode rawclient.Mode) {
		c, err := h.open(mode, rawclient.Options{})
		if mode != rawclient.WebSocket {
			h.want("refused", err != nil, true)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		h.want("pingInterval", c.Handshake.PingInterval, int64(7000))
		h.want("pingTimeout", c.Handshake.PingTimeout, int64(3000))
	})
}

func TestUselessOptions(t *testing.T) {
	for name, o := range map[string]*engineio.Options{
		"SessionIDGenerator": {SessionIDGenerator: &session.DefaultIDGenerator{}},
		"ConnInitor":         {ConnInitor: func(*http.Request, engineio.Conn) {}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			googollee.NewServer(o)
		})
	}
}

func TestHeaders(t *testing.T) {
	server := googollee.NewServer(&engineio.Options{
		Transports: []transport.Transport{
			&polling.Transport{CheckOrigin: func(*http.Request) bool { return true }},
			&websocket.Transport{},
		},
		RequestChecker: func(r *http.Request) (http.Header, error) {
			return http.Header{"X-Server": {"chat"}}, nil
		},
	})
	defer server.Close()
	for _, test := range []struct {
		method, transport string
		status            int
		want              map[string]string // "" means absent
	}{
		{http.MethodGet, "polling", http.StatusOK, map[string]string{
			"Access-Control-Allow-Origin": "http://app.test", "Access-Control-Allow-Credentials": "true", "X-Server": "chat",
		}},
		{http.MethodOptions, "polling", http.StatusNoContent, map[string]string{
			"Access-Control-Allow-Origin": "http://app.test", "Access-Control-Allow-Methods": "POST", "X-Server": "",
		}},
		{http.MethodGet, "websocket", http.StatusForbidden, map[string]string{"Access-Control-Allow-Origin": ""}},
	} {
		t.Run(test.method+" "+test.transport, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/socket.io/?EIO=4&transport="+test.transport, nil)
			r.Header.Set("Origin", "http://app.test")
			if test.method == http.MethodOptions {
				r.Header.Set("Access-Control-Request-Method", http.MethodPost)
			}
			w := httptest.NewRecorder()
			server.ServeHTTP(w, r)
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

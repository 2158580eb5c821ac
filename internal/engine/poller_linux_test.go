package engine

import (
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
)

// An event may be of the descriptor's former connection, which has hung up.
func TestEventOfFormerConnection(t *testing.T) {
	opened := make(chan *Session, 1)
	srv := NewServer(nil, func(s *Session, _ *http.Request) Receiver {
		opened <- s
		return &note{}
	})
	hs := httptest.NewServer(srv)
	defer hs.Close()
	defer srv.Close()
	conn, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte("GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	c := (<-opened).ws
	idle := func() bool { return c.readiness.Load() == watched }
	wait := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !idle(); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	wait("it is not read")
	c.readiness.Or(owned | ready | hungUp)
	c.set.crew.add(errand{conn: c})
	wait("it is looked at for ever")
	if c.session.lifecycle() != stateOpen {
		t.Error("the session has ended")
	}
}

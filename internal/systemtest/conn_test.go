package systemtest

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestConn(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/news")
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		news := c.Enter("/news")
		for other := range h.Of("/news").Sockets() {
			if other.ID() != news || other.Conn() != s.Conn() {
				h.T.Error("the sockets of one client have different connections")
			}
		}
		transport := "websocket"
		if mode == rawclient.Polling {
			transport = "polling"
		}
		if got := []string{s.Transport(), s.Conn().Transport()}; got[0] != transport || got[1] != transport {
			h.T.Errorf("the transport is %q, want %q", got, transport)
		}
		id := s.Conn().ID()
		if len(id) != 20 || id == c.Handshake.SID || id == s.ID() {
			h.T.Errorf("the id is %q, the session's %q, the socket's %q", id, c.Handshake.SID, s.ID())
		}
		if other := h.MustSocket(h.Connect(mode).ID); other.Conn() == s.Conn() || other.Conn().ID() == id {
			h.T.Error("two clients have the same connection")
		}
	})
}

func TestOnUpgrade(t *testing.T) {
	t.Run("a client that upgrades", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			c := h.Connect(rawclient.Polling)
			conn := h.MustSocket(c.ID).Conn()
			var told []string
			conn.OnUpgrade(func() { told = append(told, "first "+conn.Transport()) })
			off := conn.OnUpgrade(func() { told = append(told, "removed") })
			conn.OnUpgrade(func() { told = append(told, "second") })
			off()
			synctest.Wait()
			if len(told) > 0 {
				t.Errorf("told %q before the upgrade", told)
			}
			h.Check(c.Upgrade())
			synctest.Wait()
			conn.OnUpgrade(func() { told = append(told, "at once") })
			if got := strings.Join(told, ", "); got != "first websocket, second, at once" {
				t.Errorf("told %q", got)
			}
		})
	})
	t.Run("a client that began with WebSocket", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			conn := h.MustSocket(h.Connect(rawclient.WebSocket).ID).Conn()
			conn.OnUpgrade(func() { t.Error("told of an upgrade") })
			synctest.Wait()
		})
	})
}

func TestConnClose(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		var reason socketio.Reason
		s.OnDisconnect(func(r socketio.Reason) { reason = r })
		h.Check(s.Emit("last", 1))
		s.Conn().Close()
		c.Expect(`42["last",1]`) // and no DISCONNECT, after which clients do not reconnect
		c.ExpectClosed()
		synctest.Wait()
		if reason != socketio.ReasonForcedClose {
			h.T.Errorf("the reason is %q", reason)
		}
	})
}

// Whoever knows the id of a session can take part in it, and logs are read by
// many: they have the id of the connection instead.
func TestLogsHaveNoSessionID(t *testing.T) {
	var log bytes.Buffer
	o := &socketio.Options{
		Limits: socketio.Limits{
			Namespaces: 1,
			Buffered:   1000,
			EventRate:  socketio.EventRate{PerSecond: 1, Over: socketio.RateDrop},
		},
		ConnectTimeout: time.Second,
		Logger:         slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var sessions, conns []string
	testserver.Run(t, o, func(h *testserver.Harness) {
		for _, mode := range rawclient.Modes {
			for _, packets := range [][]string{
				{"40/none,"}, {`42["x"]`, `42["x"]`, `42["x"]`}, {"4nonsense"}, {"42/none,[]"}, {"9"}, {`451-["x",{"_placeholder":true,"num":0}]`},
			} {
				c := h.Connect(mode)
				sessions = append(sessions, c.Handshake.SID)
				conns = append(conns, h.MustSocket(c.ID).Conn().ID())
				_ = c.Client.Send(packets...)
				<-time.After(2 * time.Second)
			}
			sessions = append(sessions, h.Open(mode).Handshake.SID) // no CONNECT
			<-time.After(2 * time.Second)
		}
	})
	for _, sid := range sessions {
		if strings.Contains(log.String(), sid) {
			t.Errorf("the log has the session id %s", sid)
		}
	}
	named := 0
	for _, id := range conns {
		if strings.Contains(log.String(), "conn="+id) {
			named++
		}
	}
	if named < len(conns)*2/3 {
		t.Errorf("the log names %d of %d connections:\n%s", named, len(conns), log.String())
	}
}

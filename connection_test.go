package socketio_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestConn(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		h.Of("/news")
		c := h.connect(mode)
		s := h.socket(c.id)
		news := c.enter("/news")
		for other := range h.Of("/news").Sockets() {
			if other.ID() != news || other.Conn() != s.Conn() {
				h.Error("the sockets of one client have different connections")
			}
		}
		transport := "websocket"
		if mode == rawclient.Polling {
			transport = "polling"
		}
		if got := []string{s.Transport(), s.Conn().Transport()}; got[0] != transport || got[1] != transport {
			h.Errorf("the transport is %q, want %q", got, transport)
		}
		id := s.Conn().ID()
		if len(id) != 20 || id == c.Handshake.SID || id == s.ID() {
			h.Errorf("the id is %q, the session's %q, the socket's %q", id, c.Handshake.SID, s.ID())
		}
		if other := h.socket(h.connect(mode).id); other.Conn() == s.Conn() || other.Conn().ID() == id {
			h.Error("two clients have the same connection")
		}
	})
}

func TestOnUpgrade(t *testing.T) {
	t.Run("a client that upgrades", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			c := h.connect(rawclient.Polling)
			conn := h.socket(c.id).Conn()
			var told []string
			conn.OnUpgrade(func() { told = append(told, "first "+conn.Transport()) })
			off := conn.OnUpgrade(func() { told = append(told, "removed") })
			conn.OnUpgrade(func() { told = append(told, "second") })
			off()
			synctest.Wait()
			if len(told) > 0 {
				t.Errorf("told %q before the upgrade", told)
			}
			h.check(c.Upgrade())
			synctest.Wait()
			conn.OnUpgrade(func() { told = append(told, "at once") })
			if got := strings.Join(told, ", "); got != "first websocket, second, at once" {
				t.Errorf("told %q", got)
			}
		})
	})
	t.Run("a client that began with WebSocket", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			conn := h.socket(h.connect(rawclient.WebSocket).id).Conn()
			conn.OnUpgrade(func() { t.Error("told of an upgrade") })
			synctest.Wait()
		})
	})
}

func TestConnClose(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		var reason socketio.Reason
		s.OnDisconnect(func(r socketio.Reason) { reason = r })
		h.check(s.Emit("last", 1))
		s.Conn().Close()
		c.expect(`42["last",1]`) // and no DISCONNECT, after which clients do not reconnect
		c.expectClosed()
		synctest.Wait()
		if reason != socketio.ReasonForcedClose {
			h.Errorf("the reason is %q", reason)
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
	run(t, o, func(h *harness) {
		for _, mode := range rawclient.Modes {
			for _, packets := range [][]string{
				{"40/none,"}, {`42["x"]`, `42["x"]`, `42["x"]`}, {"4nonsense"}, {"42/none,[]"}, {"9"}, {`451-["x",{"_placeholder":true,"num":0}]`},
			} {
				c := h.connect(mode)
				sessions = append(sessions, c.Handshake.SID)
				conns = append(conns, h.socket(c.id).Conn().ID())
				_ = c.Send(packets...)
				<-time.After(2 * time.Second)
			}
			sessions = append(sessions, h.open(mode).Handshake.SID) // no CONNECT
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

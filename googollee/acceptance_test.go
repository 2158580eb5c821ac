package googollee_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	gosocketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"

	"github.com/goroomcast/socketio/googollee"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// The programs here do what example programs of go-socket.io do: what
// each registers would compile against go-socket.io as well.

// TestExampleNotices is the first example: an answer by an event, one by an
// acknowledgement in another namespace, and a client that is sent away.
func TestExampleNotices(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		var closed []string
		h.OnConnect("/", func(c gosocketio.Conn) error {
			c.SetContext("nothing yet")
			return nil
		})
		h.OnEvent("/", "notice", func(c gosocketio.Conn, text string) {
			c.SetContext(text)
			c.Emit("reply", "noticed "+text)
		})
		h.OnEvent("/chat", "msg", func(c gosocketio.Conn, text string) string {
			c.SetContext(text)
			return "received " + text
		})
		h.OnEvent("/", "bye", func(c gosocketio.Conn) string {
			last := c.Context().(string)
			c.Emit("bye", last)
			c.Close()
			return last
		})
		h.OnError("/", func(_ gosocketio.Conn, err error) { t.Error(err) })
		h.OnDisconnect("/", func(_ gosocketio.Conn, reason string) { closed = append(closed, reason) })
		go h.Serve()

		c := h.connect(mode)
		c.enter("/chat")
		c.send(`42["notice","one"]`)
		c.expect(`42["reply","noticed one"]`)
		c.send(`42/chat,5["msg","two"]`)
		c.expect(`43/chat,5["received two"]`)
		c.send(`426["bye"]`)
		c.expect(`42["bye","one"]`)
		for _, left := range []string{c.next(), c.next()} {
			if left != "41" && left != "41/chat," {
				t.Errorf("got %q, want a DISCONNECT of each namespace", left)
			}
		}
		c.expectClosed()
		synctest.Wait()
		h.want("reasons", closed, []string{"server namespace disconnect"})
	})
}

// TestExampleChatRooms is the chat of the broadcast examples: everybody in a
// room, some in another, the others told who has gone.
func TestExampleChatRooms(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		h.OnConnect("/", func(c gosocketio.Conn) error {
			c.Join("everybody")
			return nil
		})
		h.OnEvent("/", "enter", func(c gosocketio.Conn, room, name string) int {
			c.SetContext(name)
			c.Join(room)
			h.BroadcastToRoom("/", room, "entered", name)
			return h.RoomLen("/", room)
		})
		h.OnEvent("/", "say", func(c gosocketio.Conn, room, text string) {
			if slices.Contains(c.Rooms(), room) {
				h.BroadcastToRoom("/", room, "said", c.Context(), text)
			}
		})
		h.OnEvent("/", "leave", func(c gosocketio.Conn, room string) { c.Leave(room) })
		h.OnDisconnect("/", func(c gosocketio.Conn, reason string) {
			h.BroadcastToRoom("/", "everybody", "gone", c.Context(), reason)
		})
		go h.Serve()

		ann, bob, cid := h.connect(mode), h.connect(mode), h.connect(mode)
		ann.send(`421["enter","go","ann"]`)
		ann.expect(`42["entered","ann"]`, `431[1]`)
		bob.send(`421["enter","go","bob"]`)
		bob.expect(`42["entered","bob"]`, `431[2]`)
		ann.expect(`42["entered","bob"]`)
		cid.send(`42["say","go","from outside"]`)
		bob.send(`42["say","go","hello"]`)
		ann.expect(`42["said","bob","hello"]`)
		bob.expect(`42["said","bob","hello"]`)
		ann.send(`42["leave","go"]`)
		bob.send(`42["say","go","alone"]`)
		bob.expect(`42["said","bob","alone"]`)

		bob.send("41")
		synctest.Wait()
		ann.expect(`42["gone","bob","client namespace disconnect"]`)
		cid.expect(`42["gone","bob","client namespace disconnect"]`)
		h.want("members of the room", h.RoomLen("/", "go"), 0)
		h.want("members of everybody's", h.RoomLen("/", "everybody"), 2)
		if err := bob.Send(`42["say","go","again"]`); err != nil {
			t.Error(err) // its connection has stayed
		}
	})
}

// TestExampleOrigins is the example of a page on another origin: functions
// that check it, and a check of each request.
func TestExampleOrigins(t *testing.T) {
	const page = "http://localhost:3000"
	origin := func(r *http.Request) bool { return r.Header.Get("Origin") == page }
	secured := func(*testing.T) *googollee.Server {
		return googollee.NewServer(&engineio.Options{
			Transports: []transport.Transport{
				&polling.Transport{CheckOrigin: origin},
				&websocket.Transport{CheckOrigin: origin},
			},
			RequestChecker: func(r *http.Request) (http.Header, error) {
				if r.URL.Query().Get("token") != "secret" {
					return nil, errors.New("who is there?")
				}
				return http.Header{"X-Server": {"chat"}}, nil
			},
		})
	}
	run(t, secured, func(h *harness, mode rawclient.Mode) {
		h.OnEvent("/", "hello", func(c gosocketio.Conn) string {
			u := c.URL()
			return u.Query().Get("token")
		})
		go h.Serve()
		for _, test := range []struct {
			name, origin, query string
			want                int
		}{
			{"the page", page, "token=secret", http.StatusOK},
			{"the page without the token", page, "", http.StatusForbidden},
			{"another page", "http://evil.test", "token=secret", http.StatusForbidden},
		} {
			c, err := h.open(mode, rawclient.Options{Query: test.query, Header: http.Header{"Origin": {test.origin}}})
			status := http.StatusOK
			if refused := (*rawclient.StatusError)(nil); errors.As(err, &refused) {
				status = refused.Status
			} else if err != nil {
				t.Fatal(err)
			}
			h.want(test.name, status, test.want)
			if err == nil {
				c.enter("")
				c.send(`421["hello"]`)
				c.expect(`431["secret"]`)
			}
		}
		// What CheckOrigin refuses for want of an origin is refused at the
		// WebSocket handshake; go-socket.io does not ask it about polls.
		_, err := h.open(mode, rawclient.Options{Query: "token=secret"})
		h.want("no page is let in", err == nil, mode == rawclient.Polling)
	})
}

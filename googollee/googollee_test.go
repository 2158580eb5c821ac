package googollee_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	gosocketio "github.com/googollee/go-socket.io"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/googollee"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A harness is a server in memory inside a synctest bubble.
type harness struct {
	*testing.T
	*googollee.Server
	listener *memnet.Listener
}

// run runs f with the server that it is given, once for each way to connect.
func run(t *testing.T, server func(t *testing.T) *googollee.Server, f func(h *harness, mode rawclient.Mode)) {
	t.Helper()
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &harness{T: t, Server: server(t), listener: memnet.Listen()}
				hs := &http.Server{Handler: h.Server}
				t.Cleanup(func() {
					h.Server.Close()
					hs.Close()
				})
				go hs.Serve(h.listener)
				watchdog := time.AfterFunc(time.Hour, func() { panic("the test waits for what never comes") })
				defer watchdog.Stop()
				f(h, mode)
			})
		})
	}
}

// plain is the server of go-socket.io's examples.
func plain(*testing.T) *googollee.Server { return googollee.NewServer(nil) }

// logging is a server with options of socketio.
func logging(t *testing.T) *googollee.Server {
	return googollee.Wrap(socketio.NewServer(&socketio.Options{
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
}

// A client is a client as it looks on the wire.
type client struct {
	*rawclient.Client
	h  *harness
	id string // of its socket in "/"
}

func (h *harness) open(mode rawclient.Mode, o rawclient.Options) (*client, error) {
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	o.Pong = true
	c, err := rawclient.Open(h.Context(), h.listener.Dial, mode, o)
	if err != nil {
		return nil, err
	}
	h.Cleanup(c.Drop)
	return &client{Client: c, h: h}, nil
}

// connect opens a connection and connects to "/".
func (h *harness) connect(mode rawclient.Mode) *client {
	h.Helper()
	c, err := h.open(mode, rawclient.Options{})
	if err != nil {
		h.Fatal(err)
	}
	c.id = c.enter("")
	return c
}

// enter connects to a namespace. What OnConnect does is done when it returns.
func (c *client) enter(namespace string) (id string) {
	c.h.Helper()
	if namespace != "" {
		namespace += ","
	}
	c.send("40" + namespace)
	got := c.next()
	m := regexp.MustCompile(`^40` + namespace + `\{"sid":"([\w-]{20})"\}$`).FindStringSubmatch(got)
	if m == nil {
		c.h.Fatalf("CONNECT answered by %q", got)
	}
	synctest.Wait()
	return m[1]
}

func (c *client) send(packets ...string) {
	c.h.Helper()
	if err := c.Send(packets...); err != nil {
		c.h.Fatalf("send %q: %v", packets, err)
	}
	synctest.Wait()
}

func (c *client) next() string {
	c.h.Helper()
	p, err := c.Next()
	if err != nil {
		c.h.Fatalf("no packet: %v", err)
	}
	return p
}

func (c *client) expect(want ...string) {
	c.h.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.h.Fatalf("got packet %q, want %q", got, w)
		}
	}
}

func (c *client) expectClosed() {
	c.h.Helper()
	if p, err := c.Next(); err == nil || errors.Is(err, rawclient.ErrSilence) {
		c.h.Fatalf("got packet %q (%v), want the end", p, err)
	}
}

func (h *harness) want(what string, got, want any) {
	h.Helper()
	if !reflect.DeepEqual(got, want) {
		h.Errorf("%s: %#v, want %#v", what, got, want)
	}
}

// conn returns the connection of an id in a namespace.
func (h *harness) conn(namespace, id string) gosocketio.Conn {
	h.Helper()
	var found gosocketio.Conn
	h.ForEach(namespace, id, func(c gosocketio.Conn) { found = c })
	if found == nil {
		h.Fatalf("no connection %q in %q", id, namespace)
	}
	return found
}

// TestMethods holds the server to go-socket.io's names and signatures.
func TestMethods(t *testing.T) {
	ours, theirs := reflect.TypeFor[*googollee.Server](), reflect.TypeFor[*gosocketio.Server]()
	signature := func(m reflect.Method) string {
		var in, out []string
		for i := 1; i < m.Type.NumIn(); i++ {
			in = append(in, m.Type.In(i).String())
		}
		for i := range m.Type.NumOut() {
			out = append(out, m.Type.Out(i).String())
		}
		return fmt.Sprintln(in, out, m.Type.IsVariadic())
	}
	for i := range theirs.NumMethod() {
		their := theirs.Method(i)
		our, ok := ours.MethodByName(their.Name)
		if !ok || signature(our) != signature(their) {
			t.Errorf("%s: have %v, want %v", their.Name, our.Type, their.Type)
		}
	}
}

func TestServe(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		served := make(chan error, 1)
		go func() { served <- h.Serve() }()
		c := h.connect(mode)
		select {
		case err := <-served:
			t.Fatalf("Serve returned %v before Close", err)
		default:
		}
		h.want("Close", h.Close(), nil)
		if err := <-served; err == nil || err.Error() != "EOF" {
			t.Errorf("Serve returned %v", err)
		}
		c.expectClosed()
	})
}

func TestPath(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		if _, err := h.open(mode, rawclient.Options{Path: "/api/live/"}); err != nil {
			t.Errorf("mounted elsewhere: %v", err)
		}
	})
}

func TestConn(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		seen := make(map[gosocketio.Conn]int) // programs keep conns in maps
		h.OnConnect("/", func(c gosocketio.Conn) error { seen[c]++; return nil })
		h.OnEvent("", "again", func(c gosocketio.Conn) { seen[c]++ })
		c, err := h.open(mode, rawclient.Options{Query: "user=ann", Header: http.Header{"X-Token": {"t"}}})
		if err != nil {
			t.Fatal(err)
		}
		c.id = c.enter("")
		c.send(`42["again"]`)
		conn := h.conn("/", c.id)
		h.want("calls with an equal Conn", seen, map[gosocketio.Conn]int{conn: 2})

		h.want("ID", conn.ID(), c.id)
		h.want("Namespace", conn.Namespace(), "/")
		u := conn.URL()
		h.want("URL's path", u.Path, "/socket.io/")
		h.want("URL's query", u.Query().Get("user"), "ann")
		h.want("RemoteHeader", conn.RemoteHeader().Get("X-Token"), "t")
		h.want("RemoteAddr", conn.RemoteAddr().String(), "pipe")
		h.want("LocalAddr", conn.LocalAddr().String(), "pipe")
		h.want("Context at first", conn.Context(), nil)
		conn.SetContext("ann")
		h.want("Context", h.conn("", c.id).Context(), "ann")

		conn.Join("b")
		conn.Join("a")
		h.want("Rooms", conn.Rooms(), []string{c.id, "a", "b"})
		conn.Leave("a")
		h.want("Rooms after Leave", conn.Rooms(), []string{c.id, "b"})
		conn.LeaveAll()
		h.want("Rooms after LeaveAll", conn.Rooms(), []string{c.id})

		conn.Emit("last", 1, nil)
		h.want("Close", conn.Close(), nil)
		c.expect(`42["last",1,null]`, `41`)
		c.expectClosed()
		conn.Emit("too late")
	})
}

// A game is what a program shares between the goroutines of its players: it must
// be read under its lock only.
type game struct{ t *testing.T }

func (g *game) MarshalJSON() ([]byte, error) {
	g.t.Error("the context is read")
	return []byte("{}"), nil
}

func TestSetContextDoesNotReadTheValue(t *testing.T) {
	var io *socketio.Server
	run(t, func(*testing.T) *googollee.Server {
		io = socketio.NewServer(&socketio.Options{Adapter: new(adapter.Loopback)})
		return googollee.Wrap(io)
	}, func(h *harness, mode rawclient.Mode) {
		h.OnConnect("/", func(c gosocketio.Conn) error {
			c.SetContext(&game{t})
			return nil
		})
		conn := h.conn("/", h.connect(mode).id)
		if _, is := conn.Context().(*game); !is {
			t.Errorf("the context is %v", conn.Context())
		}
		sockets, err := io.FetchSockets(context.Background())
		if err != nil || len(sockets) != 1 {
			t.Fatalf("%d sockets, %v", len(sockets), err)
		}
		var data map[string]any
		if err := sockets[0].DecodeData(&data); err != nil || len(data) != 0 {
			t.Errorf("others get %v, %v", data, err)
		}
		if g, is := socketio.Data[*game](io.Socket(conn.ID())); !is || g.t != t {
			t.Errorf("the native API finds %v", g)
		}
		conn.SetContext(nil)
		h.want("no context", conn.Context(), nil)
	})
}

func TestRooms(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		h.OnConnect("/", func(gosocketio.Conn) error { return nil })
		h.OnConnect("/chat", func(gosocketio.Conn) error { return nil })
		ann, bob := h.connect(mode), h.connect(mode)
		a, b := h.conn("/", ann.id), h.conn("/", bob.id)

		h.want("JoinRoom", h.JoinRoom("", "r", a), true)
		h.want("JoinRoom", h.JoinRoom("/", "r", b), true)
		h.want("JoinRoom", h.JoinRoom("/", "s", b), true)
		h.want("JoinRoom of another namespace's", h.JoinRoom("/chat", "r", a), false)
		h.want("JoinRoom in an unknown namespace", h.JoinRoom("/none", "r", a), false)
		h.want("RoomLen", h.RoomLen("", "r"), 2)
		h.want("RoomLen of nobody's room", h.RoomLen("", "none"), 0)
		h.want("RoomLen in an unknown namespace", h.RoomLen("/none", "r"), -1)
		rooms := make(map[string]bool)
		for _, room := range h.Rooms("/") {
			rooms[room] = true
		}
		h.want("Rooms", rooms, map[string]bool{ann.id: true, bob.id: true, "r": true, "s": true})
		h.want("Rooms of an unknown namespace", h.Rooms("/none"), []string(nil))
		h.want("Count", h.Count(), 2)

		h.want("BroadcastToRoom", h.BroadcastToRoom("", "r", "hi", 1), true)
		h.want("BroadcastToNamespace", h.BroadcastToNamespace("/", "all"), true)
		h.want("BroadcastToRoom", h.BroadcastToRoom("/", bob.id, "you"), true)
		ann.expect(`42["hi",1]`, `42["all"]`)
		bob.expect(`42["hi",1]`, `42["all"]`, `42["you"]`) // once, though in two rooms
		h.want("BroadcastToRoom in an unknown namespace", h.BroadcastToRoom("/none", "r", "hi"), false)
		h.want("BroadcastToNamespace in an unknown one", h.BroadcastToNamespace("/none", "hi"), false)

		h.want("LeaveRoom", h.LeaveRoom("/", "r", a), true)
		h.want("RoomLen", h.RoomLen("", "r"), 1)
		h.want("LeaveAllRooms", h.LeaveAllRooms("/", b), true)
		h.want("RoomLen", h.RoomLen("", "r"), 0)
		h.JoinRoom("/", "r", a)
		h.JoinRoom("/", "r", b)
		h.want("ClearRoom", h.ClearRoom("/", "r"), true)
		h.want("RoomLen after ClearRoom", h.RoomLen("", "r"), 0)
		h.want("ClearRoom in an unknown namespace", h.ClearRoom("/none", "r"), false)
		h.want("ForEach in an unknown namespace", h.ForEach("/none", "r", nil), false)
	})
}

func TestOnConnectError(t *testing.T) {
	run(t, logging, func(h *harness, mode rawclient.Mode) {
		refusal := errors.New("no entry")
		var failed error
		var reason string
		h.OnConnect("/", func(c gosocketio.Conn) error {
			c.Emit("sorry")
			if c.RemoteHeader().Get("X-Panic") != "" {
				panic(refusal)
			}
			return refusal
		})
		h.OnError("/", func(c gosocketio.Conn, err error) { failed = err })
		h.OnDisconnect("/", func(c gosocketio.Conn, r string) { reason = r })
		h.OnEvent("/", "e", func(gosocketio.Conn) { t.Error("event of a client that was refused") })
		for _, header := range []http.Header{nil, {"X-Panic": {"1"}}} {
			failed, reason = nil, ""
			c, err := h.open(mode, rawclient.Options{Header: header})
			if err != nil {
				t.Fatal(err)
			}
			c.enter("")
			c.expect(`42["sorry"]`, `41`)
			c.expectClosed()
			synctest.Wait()
			h.want("OnError", failed, refusal)
			h.want("reason", reason, "server namespace disconnect")
		}
	})
}

func TestReplacedHandlers(t *testing.T) {
	run(t, plain, func(h *harness, mode rawclient.Mode) {
		h.OnEvent("/", "e", func(gosocketio.Conn) string { return "first" })
		h.OnEvent("", "e", func(gosocketio.Conn) string { return "second" })
		c := h.connect(mode)
		c.send(`421["e"]`)
		c.expect(`431["second"]`)
	})
}

func TestRegistrationMistakes(t *testing.T) {
	for name, f := range map[string]any{
		"no function":           "f",
		"nil":                   nil,
		"a nil function":        (func(gosocketio.Conn))(nil),
		"no Conn":               func(string) {},
		"no parameter":          func() {},
		"another Conn":          func(context.Context, string) {},
		"any number of strings": func(gosocketio.Conn, ...string) {},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			googollee.NewServer(nil).OnEvent("/", "e", f)
		})
	}
}

package adaptertest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A client is one socket, of a connection of its own.
type client struct {
	*rawclient.Client
	*socketio.Socket
	w      *world
	prefix string // of the packets of its namespace
	pid    string // by which it can come back, if the servers keep sessions
	offset string // of its last event
}

// logged matches the beginning of an event without an id.
var logged = regexp.MustCompile(`^4(?:2|5\d+-)(?:/[^,]*,)?\[`)

// cutOffset cuts the last argument off an event of a server that keeps sessions:
// its offset, or null.
func cutOffset(packet string) (event, offset string) {
	body, whole := strings.CutSuffix(packet, "]")
	i := strings.LastIndexByte(body, ',')
	if !whole || i < 0 || !logged.MatchString(packet) {
		return packet, ""
	}
	offset, quoted := strings.CutPrefix(body[i+1:], `"`)
	if !quoted && offset != "null" {
		return packet, ""
	}
	return body[:i] + "]", strings.TrimSuffix(offset, `"`)
}

// Next returns the next packet, an event without its offset.
func (c *client) Next() (string, error) {
	packet, err := c.await()
	if c.w.sessions {
		var offset string
		if packet, offset = cutOffset(packet); offset != "" && offset != "null" {
			c.offset = offset
		}
	}
	return packet, err
}

// await returns the next packet. It waits as long as the check may take.
func (c *client) await() (string, error) {
	select {
	case packet, ok := <-c.Packets():
		if !ok {
			return c.Client.Next() // the error
		}
		return packet, nil
	case <-c.w.ctx.Done():
		return "", fmt.Errorf("no packet: %w", c.w.ctx.Err())
	}
}

// client connects to server i.
func (w *world) client(i int, rooms ...string) *client {
	w.Helper()
	return w.clientIn(i, "", "", rooms...)
}

// clientIn connects to a namespace of server i, "" for the main one.
func (w *world) clientIn(i int, namespace, auth string, rooms ...string) *client {
	w.Helper()
	n := w.nodes[i]
	dial := func(ctx context.Context) (net.Conn, error) { return n.listener.Dial(ctx) }
	raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{
		Path:   "/socket.io/",
		Query:  fmt.Sprintf("server=%d&many=a&many=b", i),
		Header: http.Header{"X-One": {"1"}, "X-Many": {"a", "b"}},
		Pong:   true,
	})
	w.check(err)
	w.Cleanup(raw.Drop)
	c := &client{Client: raw, w: w}
	if namespace != "" {
		c.prefix = namespace + ","
	}
	entered := make(chan *socketio.Socket, servers) // other clients connect too, but not now
	off := n.Of(cmp.Or(namespace, "/")).OnConnect(func(s *socketio.Socket) {
		s.Join(rooms...)
		entered <- s
	})
	defer off()
	c.send("40" + c.prefix + auth)
	got, err := c.await()
	w.check(err)
	reply := regexp.MustCompile(`^40` + regexp.QuoteMeta(c.prefix) + `\{"sid":"[\w-]{20}"(?:,"pid":"([\w-]+)")?\}$`).FindStringSubmatch(got)
	if reply == nil || (reply[1] != "") != w.sessions {
		w.Fatalf("CONNECT answered by %q", got)
	}
	c.pid = reply[1]
	select {
	case c.Socket = <-entered:
	case <-w.ctx.Done():
		w.Fatal("not connected in time")
	}
	if _, err := n.Of(cmp.Or(namespace, "/")).FetchSockets(w.ctx); err != nil { // the others hear of the server after it knows its rooms
		w.Fatal(err)
	}
	return c
}

// clients connects one client to each server; all join the rooms.
func (w *world) clients(rooms ...string) []*client {
	w.Helper()
	var all []*client
	for i := range w.nodes {
		all = append(all, w.client(i, rooms...))
	}
	return all
}

func (c *client) send(packets ...string) {
	c.w.Helper()
	c.w.check(c.Send(packets...))
}

// expect wants these packets next.
func (c *client) expect(want ...string) {
	c.w.Helper()
	for _, want := range want {
		got, err := c.Next()
		c.w.check(err)
		if got != want && !sameJSON(got, want) {
			c.w.Fatalf("got packet %.200q, want %.200q", got, want)
		}
	}
}

// answer wants an event that asks for an acknowledgement and gives this.
func (c *client) answer(event, reply string) {
	c.w.Helper()
	c.send("43" + c.prefix + c.asked(event) + reply)
}

// asked wants an event that asks for an acknowledgement and returns its id.
func (c *client) asked(event string) string {
	c.w.Helper()
	got, err := c.Next()
	c.w.check(err)
	m := regexp.MustCompile(`^42` + regexp.QuoteMeta(c.prefix) + `(\d+)(\[.*)$`).FindStringSubmatch(got)
	if m == nil || m[2] != event {
		c.w.Fatalf("got packet %q, want %s with an id", got, event)
	}
	return m[1]
}

// expectAll wants packets of each.
func (w *world) expectAll(of []*client, want ...string) {
	w.Helper()
	for _, c := range of {
		c.expect(want...)
	}
}

// end checks that the clients have received nothing more: server i sends a last
// event, and that event must be the next one of each client.
func (w *world) end(i int, of ...*client) {
	w.Helper()
	for _, c := range of {
		w.check(w.nodes[i].Of(c.Namespace().Name()).To(c.ID()).Emit("end"))
		c.expect("42" + c.prefix + `["end"]`)
	}
}

// expectRooms wants the socket to be in these rooms beside its own.
func (c *client) expectRooms(want ...string) {
	c.w.Helper()
	if got := c.Rooms()[1:]; !slices.Equal(got, want) {
		c.w.Errorf("socket in rooms %q, want %q", got, want)
	}
}

// ids are those of clients, sorted.
func ids(of ...*client) []string {
	all := []string{}
	for _, c := range of {
		all = append(all, c.ID())
	}
	slices.Sort(all)
	return all
}

// expectFetched wants the selection to be these clients.
func (w *world) expectFetched(from socketio.Broadcast, want ...*client) {
	w.Helper()
	sockets, err := from.FetchSockets(w.ctx)
	w.check(err)
	got := []string{}
	for _, s := range sockets {
		got = append(got, s.ID)
	}
	slices.Sort(got)
	if !slices.Equal(got, ids(want...)) {
		w.Errorf("fetched %q, want %q", got, ids(want...))
	}
}

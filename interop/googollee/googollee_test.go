// Package googollee runs the Engine.IO client and the Socket.IO parser of github.com/googollee/go-socket.io, which
// speak the revisions of Socket.IO 1 and 2, against the server. It is a module of its own for the sake of that
// dependency.
package googollee

import (
	"bytes"
	"context"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"
	"github.com/googollee/go-socket.io/parser"

	"github.com/goroomcast/socketio"
)

func TestClient(t *testing.T) {
	for _, transport := range []transport.Transport{polling.Default, websocket.Default} {
		t.Run(transport.Name(), func(t *testing.T) { testClient(t, transport) })
	}
}

type greeting struct {
	Text  string
	Bytes parser.Buffer
}

func testClient(t *testing.T, over transport.Transport) {
	io := socketio.NewServer(&socketio.Options{
		AllowEIO3:    true,
		PingInterval: 50 * time.Millisecond,
		PingTimeout:  time.Minute,
	})
	type mirrored struct {
		Text  string
		Bytes []byte
	}
	socketio.OnCall(io, "mirror", func(_ context.Context, _ *socketio.Socket, g mirrored) (mirrored, error) { return g, nil })
	admin := io.Of("/admin")
	admin.OnConnect(func(s *socketio.Socket) {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			t.Error(err)
		}
		s.Emit("welcome", auth.Token)
	})
	server := httptest.NewServer(io)
	t.Cleanup(server.Close)
	t.Cleanup(func() { io.Close() })

	dialer := engineio.Dialer{Transports: []transport.Transport{over}}
	conn, err := dialer.Dial(server.URL+"/socket.io/", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t, parser.NewEncoder(conn), parser.NewDecoder(conn)}

	c.expect(parser.Header{Type: parser.Connect}, "")
	for start := time.Now(); time.Since(start) < 250*time.Millisecond; { // some heartbeats long
		sent := greeting{"é€😀", parser.Buffer{Data: []byte{0, 4, 0xff}}}
		c.send(parser.Header{Type: parser.Event, NeedAck: true, ID: 7}, "mirror", &sent)
		args := c.expect(parser.Header{Type: parser.Ack, NeedAck: true, ID: 7}, "", reflect.TypeFor[greeting]())
		got := args[0].Interface().(greeting)
		if got.Text != sent.Text || !bytes.Equal(got.Bytes.Data, sent.Bytes.Data) {
			t.Errorf("got %v, want %v", got, sent)
		}
	}

	c.send(parser.Header{Type: parser.Connect, Namespace: "/admin?Token=s3cret"})
	c.expect(parser.Header{Type: parser.Connect, Namespace: "/admin"}, "")
	args := c.expect(parser.Header{Type: parser.Event, Namespace: "/admin"}, "welcome", reflect.TypeFor[string]())
	if got := args[0].String(); got != "s3cret" {
		t.Errorf("welcome for %q", got)
	}
}

type client struct {
	*testing.T
	encoder *parser.Encoder
	decoder *parser.Decoder
}

func (c *client) send(h parser.Header, args ...any) {
	c.Helper()
	var payload []any // the one argument of Encode
	if len(args) > 0 {
		payload = append(payload, args)
	}
	if err := c.encoder.Encode(h, payload...); err != nil {
		c.Fatal(err)
	}
}

// expect wants a packet next and returns its arguments.
func (c *client) expect(want parser.Header, wantEvent string, types ...reflect.Type) []reflect.Value {
	c.Helper()
	var h parser.Header
	var event string
	if err := c.decoder.DecodeHeader(&h, &event); err != nil {
		c.Fatal(err)
	}
	if h != want || event != wantEvent {
		c.Fatalf("got %+v %q, want %+v %q", h, event, want, wantEvent)
	}
	args, err := c.decoder.DecodeArgs(types)
	if err != nil {
		c.Fatal(err)
	}
	return args
}

package socketio_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A jsClient stands for a JavaScript client in the examples. Its methods panic
// at what the example does not expect.
type jsClient struct {
	conn   *rawclient.Client
	server *http.Server
	prefix string // of packets of its namespace

	refusal string   // what connect_error gets, in JSON
	early   []string // packets received while connecting
}

// connectJS connects to a namespace: io(namespace, { auth }) in JavaScript.
// When it returns, what OnConnect does is done.
func connectJS(io *socketio.Server, namespace string, auth any) *jsClient {
	listener := memnet.Listen()
	c := &jsClient{server: &http.Server{Handler: io}}
	if namespace != "/" {
		c.prefix = namespace + ","
	}
	go c.server.Serve(listener)
	var err error
	c.conn, err = rawclient.Open(context.Background(), listener.Dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	c.must(err)
	c.send("40"+c.prefix, auth)
	if answer := c.receive(); !strings.HasPrefix(answer, "40") {
		c.refusal = answer[len("44"+c.prefix):]
		return c
	}
	defer io.Of(namespace).On("there?", func(ctx context.Context, e *socketio.Event) error { return e.Ack() })()
	c.event("9", []any{"there?"})
	for {
		packet, err := c.conn.Next()
		c.must(err)
		if packet == "43"+c.prefix+"9[]" {
			return c
		}
		c.early = append(c.early, packet)
	}
}

func (c *jsClient) leave() {
	c.conn.Close()
	c.server.Close()
}

// emit is socket.emit.
func (c *jsClient) emit(args ...any) { c.event("", args) }

// call is socket.emitWithAck; it returns the reply's values in JSON.
func (c *jsClient) call(args ...any) string {
	c.event("0", args)
	return strings.TrimPrefix(c.receive(), "43"+c.prefix+"0")
}

// next returns the next event's name and arguments in JSON.
func (c *jsClient) next() string { return strings.TrimPrefix(c.receive(), "42"+c.prefix) }

// confirm answers the next event, which wants a reply, and returns it.
func (c *jsClient) confirm(reply any) string {
	packet := regexp.MustCompile(`^42(\d+)(.*)$`).FindStringSubmatch(c.receive())
	c.send("43"+packet[1], []any{reply})
	return packet[2]
}

func (c *jsClient) event(id string, args []any) {
	var attachments []string
	for i, arg := range args {
		if data, binary := arg.([]byte); binary {
			args[i] = map[string]any{"_placeholder": true, "num": len(attachments)}
			attachments = append(attachments, "b"+base64.StdEncoding.EncodeToString(data))
		}
	}
	if attachments == nil {
		c.send("42"+c.prefix+id, args)
		return
	}
	c.send(fmt.Sprintf("45%d-%s%s", len(attachments), c.prefix, id), args)
	c.must(c.conn.Send(attachments...))
}

func (c *jsClient) send(head string, body any) {
	text, err := json.Marshal(body)
	c.must(err)
	if body == nil {
		text = nil
	}
	c.must(c.conn.Send(head + string(text)))
}

func (c *jsClient) receive() string {
	if len(c.early) > 0 {
		packet := c.early[0]
		c.early = c.early[1:]
		return packet
	}
	packet, err := c.conn.Next()
	c.must(err)
	return packet
}

func (c *jsClient) must(err error) {
	if err != nil {
		panic(err)
	}
}

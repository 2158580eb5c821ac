package socketiotest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/argstruct"
	"github.com/goroomcast/socketio/parser"
)

// An Event is one event that a client has received.
type Event struct {
	client *Client
	packet *parser.Packet
}

// Next returns the first event of a name that has not been received yet, and
// waits for it; events of other names are left for later. With "" it returns
// the first event of any name.
func (c *Client) Next(name string) *Event {
	c.t.Helper()
	fits := func(e *Event) bool { return name == "" || e.packet.Event == name }
	var e *Event
	if !c.wait(func() bool { e = c.take(fits); return e != nil }) {
		want := "event"
		if name != "" {
			want = fmt.Sprintf("event %q", name)
		}
		c.t.Fatalf("socketiotest: no %s%s", want, c.situation())
	}
	return e
}

// Expect waits for the next event of a name. The test fails unless the event
// contains exactly these arguments, in the form that a client decodes.
func (c *Client) Expect(event string, args ...any) {
	c.t.Helper()
	want, err := c.conn.roundTrip(args)
	if err != nil {
		c.t.Fatalf("socketiotest: the arguments wanted of %q: %v", event, err)
	}
	if e := c.Next(event); !reflect.DeepEqual(values(e.packet.Args), values(want)) {
		c.t.Fatalf("socketiotest: got %q %s, want %s", event, show(e.packet.Args), show(want))
	}
}

// Receive waits for the next event of a name and returns its first argument as
// a T. If T embeds socketio.Args, Receive decodes all arguments into its
// fields.
func Receive[T any](c *Client, event string) T {
	c.t.Helper()
	var v T
	e := c.Next(event)
	if err := decodeAs(e.packet.Args, &v); err != nil {
		c.t.Fatalf("socketiotest: %s: %v", e, err)
	}
	return v
}

// ExpectNothing fails the test if the client keeps an event that the test has
// not asked for, or if another event arrives within d. In a bubble of
// testing/synctest, waiting takes no time.
func (c *Client) ExpectNothing(d time.Duration) {
	c.t.Helper()
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		c.mu.Lock()
		n, changed := len(c.inbox), c.changed
		c.mu.Unlock()
		if n > 0 {
			e := c.Next("")
			c.t.Fatalf("socketiotest: got %s, want nothing", e)
		}
		select {
		case <-changed:
		case <-over.C:
			return
		}
	}
}

// Name returns the event's name.
func (e *Event) Name() string { return e.packet.Event }

// Decode decodes the arguments into the given pointers, in order. The test
// fails if that is not possible.
func (e *Event) Decode(into ...any) {
	e.client.t.Helper()
	if err := decodeArgs(e.packet.Args, into...); err != nil {
		e.client.t.Fatalf("socketiotest: %s: %v", e, err)
	}
}

// Ack replies to the server. The test fails if the server wants no reply.
func (e *Event) Ack(args ...any) {
	e.client.t.Helper()
	if !e.packet.HasID {
		e.client.t.Fatalf("socketiotest: the server wants no reply to %s", e)
	}
	e.reply(args)
}

// reply replies, unless the client has disconnected.
func (e *Event) reply(args []any) {
	e.client.t.Helper()
	h := parser.Header{Type: parser.Ack, Namespace: e.packet.Namespace, ID: e.packet.ID, HasID: true}
	if err := e.client.conn.send(&h, args...); err != nil && e.client.whyEnded() == "" {
		e.client.t.Errorf("socketiotest: reply to %s: %v", e, err)
	}
}

// String returns the event as it is shown when a test fails.
func (e *Event) String() string { return fmt.Sprintf("%q %s", e.packet.Event, show(e.packet.Args)) }

// withoutOffset returns arguments without the last one, which is for the client
// itself.
func withoutOffset(args parser.Args) parser.Args {
	if args == nil || args.Len() == 1 {
		return nil
	}
	return allButLast{args}
}

type allButLast struct{ parser.Args }

func (a allButLast) Len() int { return a.Args.Len() - 1 }

func (a allButLast) Decode(into ...any) error {
	if len(into) > a.Len() {
		return parser.ErrTooFewArgs
	}
	return a.Args.Decode(into...)
}

// situation describes the client for the message of a failed test: the events
// that it received, or why it disconnected.
func (c *Client) situation() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf(" within %v", timeout)
	if c.end != "" {
		text = "; disconnected: " + c.end
	}
	if len(c.inbox) == 0 {
		return text + "; no other event received"
	}
	var others []string
	for _, e := range c.inbox {
		others = append(others, e.String())
	}
	return text + "; received instead: " + abridge(strings.Join(others, ", "))
}

func decodeArgs(args parser.Args, into ...any) error {
	if args == nil && len(into) > 0 {
		return parser.ErrTooFewArgs
	}
	if len(into) == 0 {
		return nil
	}
	return args.Decode(into...)
}

// decodeAs decodes the first argument into the value pointed to, or all into the
// fields of a struct that embeds socketio.Args.
func decodeAs[T any](args parser.Args, v *T) error {
	fields, err := argstruct.Of(reflect.TypeFor[T](), reflect.TypeFor[socketio.Args]())
	switch {
	case err != nil:
		return err
	case fields == nil:
		return decodeArgs(args, v)
	case args == nil:
		return decodeArgs(nil, fields.Targets(reflect.ValueOf(v).Elem(), 0)...)
	}
	return decodeArgs(args, fields.Targets(reflect.ValueOf(v).Elem(), args.Len())...)
}

// roundTrip returns arguments as they look after transport.
func (conn *connection) roundTrip(args []any) (parser.Args, error) {
	encoded, err := conn.parser.Encode(nil, &parser.Header{Type: parser.Ack, HasID: true}, args...)
	if err != nil {
		return nil, err
	}
	decoder := conn.parser.NewDecoder()
	var p *parser.Packet
	if encoded.Text != nil {
		p, err = decoder.Text(encoded.Text)
	}
	for _, a := range encoded.Attachments {
		if err == nil {
			p, err = decoder.Binary(a)
		}
	}
	if err != nil {
		return nil, err
	}
	return p.Args, nil
}

// values returns arguments as values that can be compared.
func values(args parser.Args) []any {
	if args == nil {
		return nil
	}
	v := make([]any, args.Len())
	into := make([]any, len(v))
	for i := range v {
		into[i] = &v[i]
	}
	if err := args.Decode(into...); err != nil {
		return []any{err}
	}
	return v
}

// show returns arguments as JSON.
func show(args parser.Args) string {
	if args == nil {
		return "[]"
	}
	text, err := json.Marshal(values(args))
	if err != nil {
		return err.Error()
	}
	return abridge(string(text))
}

func abridge(text string) string {
	const limit = 500
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}

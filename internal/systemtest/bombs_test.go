package systemtest

import (
	"context"
	"reflect"
	"runtime"
	"sync/atomic"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/parser"
)

// A bomb is code of the program that panics each time it is called, or, if quiet,
// ends its goroutine, or does something else instead.
type bomb struct {
	calls    atomic.Int32
	quiet    bool
	instead  func()
	disarmed atomic.Bool
}

func (b *bomb) explode() {
	if b.disarmed.Load() {
		return
	}
	b.calls.Add(1)
	if b.instead != nil {
		b.instead()
		return
	}
	if b.quiet {
		runtime.Goexit()
	}
	panic("boom")
}

// in sets a function that is a field of a struct.
func (b *bomb) in(structure any, name string) {
	field := reflect.ValueOf(structure).Elem().FieldByName(name)
	field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) (results []reflect.Value) {
		b.explode()
		for i := range field.Type().NumOut() {
			results = append(results, reflect.Zero(field.Type().Out(i)))
		}
		return results
	}))
}

func (b *bomb) handler(context.Context, *socketio.Event) error          { b.explode(); return nil }
func (b *bomb) middleware(context.Context, *socketio.Socket) error      { b.explode(); return nil }
func (b *bomb) typed(context.Context, *socketio.Socket, struct{}) error { b.explode(); return nil }
func (b *bomb) called(context.Context, *socketio.Socket, any) (int, error) {
	b.explode()
	return 0, nil
}

// The values whose methods explode.
type (
	jsonBomb struct{ *bomb }
	textBomb struct{ *bomb }
	errBomb  struct{ *bomb }
	unwrapB  struct{ *bomb }
	isBomb   struct{ *bomb }
	asBomb   struct{ *bomb }
)

func (b jsonBomb) MarshalJSON() ([]byte, error) { b.explode(); return []byte("1"), nil }
func (b textBomb) MarshalText() ([]byte, error) { b.explode(); return []byte("1"), nil }
func (b errBomb) Error() string                 { b.explode(); return "e" }
func (b unwrapB) Error() string                 { return "e" }
func (b unwrapB) Unwrap() error                 { b.explode(); return nil }
func (b isBomb) Error() string                  { return "e" }
func (b isBomb) Is(error) bool                  { b.explode(); return false }
func (b asBomb) Error() string                  { return "e" }
func (b asBomb) As(any) bool                    { b.explode(); return false }

var unmarshalBomb atomic.Pointer[bomb]

type target struct{}

func (*target) UnmarshalJSON([]byte) error { unmarshalBomb.Load().explode(); return nil }

// A parserBomb explodes in one method.
type parserBomb struct {
	parser.JSON
	b  *bomb
	in string
}

type decoderBomb struct {
	parser.Decoder
	parserBomb
}

type argsBomb struct {
	parser.Args
	b *bomb
}

func (p parserBomb) explode(in string) {
	if p.in == in {
		p.b.explode()
	}
}

func (p parserBomb) Encode(dst []byte, h *parser.Header, args ...any) (parser.Encoded, error) {
	if h.Type == parser.Event {
		p.explode("Encode")
	}
	return p.JSON.Encode(dst, h, args...)
}

func (p parserBomb) NewDecoder() parser.Decoder {
	p.explode("NewDecoder")
	return decoderBomb{p.JSON.NewDecoder(), p}
}

func (d decoderBomb) Text(data []byte) (*parser.Packet, error) {
	d.explode("Text")
	packet, err := d.Decoder.Text(data)
	if packet != nil && packet.Args != nil && d.in == "Args" {
		packet.Args = argsBomb{packet.Args, d.b}
	}
	return packet, err
}

func (a argsBomb) Decode(into ...any) error { a.b.explode(); return a.Args.Decode(into...) }

// An adapterBomb explodes in one method.
type adapterBomb struct {
	adapter.Loopback
	b  *bomb
	in string
}

func (a *adapterBomb) explode(in string) {
	if a.in == in {
		a.b.explode()
	}
}

func (a *adapterBomb) Publish(ctx context.Context, batch []*adapter.Message) []error {
	a.explode("Publish")
	return a.Loopback.Publish(ctx, batch)
}

func (a *adapterBomb) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	a.explode("Subscribe")
	return a.Loopback.Subscribe(ctx, s)
}

func (a *adapterBomb) Servers(ctx context.Context, namespace string) (int, error) {
	a.explode("Servers")
	return a.Loopback.Servers(ctx, namespace)
}

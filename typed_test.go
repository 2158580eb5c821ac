package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

type direct struct {
	socketio.Args
	To     string
	Text   string `json:"no,such,name"`
	Urgent *bool
	Rest   json.RawMessage
}

func (d direct) String() string {
	urgent := "-"
	if d.Urgent != nil {
		urgent = fmt.Sprint(*d.Urgent)
	}
	return strings.Join([]string{d.To, d.Text, urgent, string(d.Rest)}, " ")
}

func TestSeveralArguments(t *testing.T) {
	testserver.Behaviour(t, "are the fields of a struct", func(h *testserver.Harness, mode rawclient.Mode) {
		var got []string
		socketio.On(h.Server, "direct", func(ctx context.Context, s *socketio.Socket, d direct) error {
			got = append(got, d.String())
			return nil
		})
		c := h.Connect(mode)
		for packet, want := range map[string]string{
			`["direct","ann","hi"]`:                   "ann hi - ",
			`["direct","ann","hi",true]`:              "ann hi true ",
			`["direct","ann","hi",null,null]`:         "ann hi - null",
			`["direct","ann","hi",false,{"a":1}]`:     `ann hi false {"a":1}`,
			`["direct","ann","hi",null,1,"too many"]`: "ann hi - 1",
			`["direct",null,null]`:                    "  - ", // as encoding/json takes null
		} {
			got = nil
			c.Send("427" + packet)
			c.Expect("437[]")
			if len(got) != 1 || got[0] != want {
				h.T.Errorf("%s: got %q, want %q", packet, got, want)
			}
		}
	})
	testserver.Behaviour(t, "are invalid if one of them is, or one is missing that is not optional", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.On(h.Server, "direct", func(context.Context, *socketio.Socket, direct) error {
			h.T.Error("called")
			return nil
		})
		c := h.Connect(mode)
		for _, packet := range []string{
			`["direct"]`, `["direct","ann"]`, `["direct","ann",1]`, `["direct",["ann","hi"]]`, `["direct","ann","hi","yes"]`,
			`["direct",{"To":"ann","Text":"hi"}]`,
		} {
			c.Send("427" + packet)
			c.Expect(`437[{"error":"invalid argument"}]`)
		}
	})
	testserver.Behaviour(t, "are what OnCall replies", func(h *testserver.Harness, mode rawclient.Mode) {
		type answer struct {
			socketio.Args
			N    int
			Why  *string
			Data []byte
		}
		socketio.OnCall(h.Server, "sum", func(ctx context.Context, s *socketio.Socket, in struct {
			socketio.Args
			A, B int
		}) (answer, error) {
			if in.A < 0 {
				return answer{}, &socketio.Error{Message: "negative"}
			}
			return answer{N: in.A + in.B, Data: []byte("x")}, nil
		})
		socketio.OnCall(h.Server, "nothing", func(context.Context, *socketio.Socket, struct{ socketio.Args }) (struct{ socketio.Args }, error) {
			return struct{ socketio.Args }{}, nil
		})
		c := h.Connect(mode)
		c.Send(`427["sum",1,2]`)
		c.Expect(`461-7[3,null,{"_placeholder":true,"num":0}]`, "beA==")
		c.Send(`428["sum",-1,2]`)
		c.Expect(`438[{"error":"negative"}]`)
		c.Send(`429["nothing",1]`)
		c.Expect(`439[]`)
	})
	testserver.Behaviour(t, "are what Call returns", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		for reply, want := range map[string]string{
			`["ann","hi",true]`: "ann hi true ",
			`["ann","hi"]`:      "ann hi - ",
			`[]`:                "  - ",
		} {
			go func() {
				id := c.Match(`^42(\d+)\["who"\]$`)[1]
				c.Send("43" + id + reply)
			}()
			if d, err := socketio.Call[direct](background, s, "who"); err != nil || d.String() != want {
				h.T.Errorf("%s: got %q, %v, want %q", reply, d, err, want)
			}
		}
		go func() {
			id := c.Match(`^42(\d+)\["who"\]$`)[1]
			c.Send("43" + id + `["ann"]`)
		}()
		if _, err := socketio.Call[direct](background, s, "who"); !errors.Is(err, parser.ErrTooFewArgs) {
			h.T.Errorf("a reply of one value: %v", err)
		}
		synctest.Wait()
	})
}

var background = context.Background()

func TestStructsThatAreNoArguments(t *testing.T) {
	type args = socketio.Args
	type base struct{ X int }
	testserver.Run(t, nil, func(h *testserver.Harness) {
		for want, register := range map[string]func(){
			"is a pointer": func() { refusedArgument[*direct](h) },
			"embeds socketio_test.base": func() {
				refusedArgument[struct {
					args
					base
				}](h)
			},
			"has the field x, which is not exported": func() {
				refusedArgument[struct {
					socketio.Args
					x int
				}](h)
			},
			"has the field _, which is not exported": func() {
				refusedArgument[struct {
					socketio.Args
					_ int
				}](h)
			},
			"as its first field": func() {
				refusedArgument[struct {
					X int
					socketio.Args
				}](h)
			},
			"func(string) cannot be sent; the acknowledgement is what the handler of OnCall returns": func() { refusedArgument[func(string)](h) },
			"has the field Ack: func() cannot be sent; the acknowledgement": func() {
				refusedArgument[struct {
					socketio.Args
					Room string
					Ack  func()
				}](h)
			},
			"chan int cannot be sent":                         func() { refusedArgument[chan int](h) },
			"does not embed socketio.Args as its first field": func() { refusedArgument[struct{ *socketio.Args }](h) },
		} {
			func() {
				defer func() {
					if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "socketio: On: ") || !strings.Contains(text, want) {
						t.Errorf("panic %q, want one with %q", text, want)
					}
				}()
				register()
			}()
		}
		defer func() {
			if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "socketio: OnCall: ") {
				t.Errorf("panic %q, want one of OnCall", text)
			}
		}()
		socketio.OnCall(h.Server, "e", func(context.Context, *socketio.Socket, int) (*direct, error) { return nil, nil })
	})
}

// A toggle is a function that decodes itself.
type toggle func() bool

func (f *toggle) UnmarshalJSON(text []byte) error {
	*f = func() bool { return string(text) == "true" }
	return nil
}

func TestAFunctionThatDecodesItself(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		socketio.OnCall(h.Server, "e", func(_ context.Context, _ *socketio.Socket, f toggle) (bool, error) { return !f(), nil })
		c := h.Connect(rawclient.WebSocket)
		c.Send(`427["e",true]`)
		c.Expect(`437[false]`)
	})
}

func refusedArgument[T any](h *testserver.Harness) {
	socketio.On(h.Server, "e", func(context.Context, *socketio.Socket, T) error { return nil })
}

// A struct with Args within another is an argument like others.
func TestArgsWithinAnArgument(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		socketio.OnCall(h.Server, "e", func(_ context.Context, _ *socketio.Socket, all []direct) (string, error) {
			return all[0].To, nil
		})
		c := h.Connect(rawclient.WebSocket)
		c.Send(`427["e",[{"To":"ann"}]]`)
		c.Expect(`437["ann"]`)
	})
}

// An onEach is an EventTarget of a program, which wraps what On registers.
type onEach struct {
	*socketio.Server
	after func(e *socketio.Event)
}

func (w onEach) On(event string, h socketio.Handler) (off func()) {
	return w.Server.On(event, func(ctx context.Context, e *socketio.Event) error {
		err := h(ctx, e)
		w.after(e)
		return err
	})
}

func TestBinaryBelongsToItsHandler(t *testing.T) {
	type target struct {
		*socketio.Server
		s    *socketio.Socket
		look func(e *socketio.Event)
	}
	// spoil adds a typed handler that changes its bytes, and then calls then.
	spoil := func(to socketio.EventTarget, then func()) {
		socketio.On(to, "file", func(_ context.Context, _ *socketio.Socket, data []byte) error {
			copy(data, "xxxx")
			then()
			return nil
		})
	}
	nothing := func() {}
	for beside, register := range map[string]func(to target){
		"a handler after it": func(to target) {
			spoil(to.Server, nothing)
			to.On("file", func(_ context.Context, e *socketio.Event) error { to.look(e); return nil })
		},
		"a handler of the socket": func(to target) {
			spoil(to.Server, nothing)
			to.s.On("file", func(_ context.Context, e *socketio.Event) error { to.look(e); return nil })
		},
		"a handler before it, which removes itself": func(to target) {
			var kept *socketio.Event
			var off func()
			off = to.On("file", func(_ context.Context, e *socketio.Event) error { kept = e; off(); return nil })
			spoil(to.Server, func() { to.look(kept) })
		},
		"middleware": func(to target) {
			var kept *socketio.Event
			to.s.Use(func(_ context.Context, e *socketio.Event) error { kept = e; return nil })
			spoil(to.s, func() { to.look(kept) })
		},
		"a listener to all events": func(to target) {
			var kept *socketio.Event
			to.s.OnAny(func(_ context.Context, e *socketio.Event) error { kept = e; return nil })
			spoil(to.s, func() { to.look(kept) })
		},
		"a wrapper of On": func(to target) { spoil(onEach{to.Server, to.look}, nothing) },
	} {
		testserver.Behaviour(t, "beside "+beside, func(h *testserver.Harness, mode rawclient.Mode) {
			looks := 0
			h.OnConnect(func(s *socketio.Socket) {
				register(target{h.Server, s, func(e *socketio.Event) {
					looks++
					var data []byte
					if err := e.Decode(&data); err != nil || string(data) != "data" {
						h.T.Errorf("got %q, %v", data, err)
					}
				}})
			})
			c := h.Connect(mode)
			c.Send(`451-7["file",{"_placeholder":true,"num":0}]`, "bZGF0YQ==")
			c.Expect("437[]")
			if looks != 1 {
				h.T.Errorf("looked %d times", looks)
			}
		})
	}
}

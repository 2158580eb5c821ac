package socketio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestArguments(t *testing.T) {
	for name, packets := range map[string][]string{
		"several types":            {`42["echo",1,"2",[3],{"a":null},true,1.5]`},
		"none":                     {`42["echo"]`},
		"null":                     {`42["echo",null]`},
		"multi-byte characters":    {`42["echo","てすと","Я Б Г Д Ж Й","Ä ä Ü ü ß","utf8 — string 😀"]`},
		"HTML is left alone":       {`42["echo","<a href='x'>&</a>"]`},
		"binary":                   {`451-["echo",{"_placeholder":true,"num":0}]`, "bAQID"},
		"empty binary":             {`451-["echo",{"_placeholder":true,"num":0}]`, "b"},
		"several types and binary": {`452-["echo",1,{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1},"x"]}]`, "bAQID", "bBAU="},
		"very large JSON":          {`42["echo","` + strings.Repeat("0123456789", 70_000) + `"]`},
		"very large binary":        {`451-["echo",{"_placeholder":true,"num":0}]`, "b" + base64.StdEncoding.EncodeToString(make([]byte, 700_000))},
	} {
		testserver.Behaviour(t, name, func(h *testserver.Harness, mode rawclient.Mode) {
			testserver.Echo(h, "echo")
			c := h.Connect(mode)
			c.Send(packets...)
			c.Expect(packets...)
		})
	}
}

func TestBinaryInStructs(t *testing.T) {
	type file struct {
		Name    string            `json:"name"`
		Content []byte            `json:"content"`
		Parts   map[string][]byte `json:"parts,omitempty"`
	}
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		got := make(chan []file, 1)
		socketio.On(h.Server, "files", func(ctx context.Context, s *socketio.Socket, files []file) error {
			got <- files
			return s.Emit("files", files)
		})
		c := h.Connect(mode)
		packets := []string{
			`453-["files",[{"name":"a","content":{"_placeholder":true,"num":0}},` +
				`{"name":"b","content":{"_placeholder":true,"num":1},"parts":{"x":{"_placeholder":true,"num":2}}}]]`,
			"bAQID", "bBA==", "bBQY=",
		}
		c.Send(packets...)
		c.Expect(packets...)
		want := []file{
			{Name: "a", Content: []byte{1, 2, 3}},
			{Name: "b", Content: []byte{4}, Parts: map[string][]byte{"x": {5, 6}}},
		}
		if files := <-got; !reflect.DeepEqual(files, want) {
			h.T.Errorf("received %+v, want %+v", files, want)
		}
	})
}

func TestTypedArguments(t *testing.T) {
	testserver.Behaviour(t, "struct{} needs no argument", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, _ struct{}) error { return s.Emit("ran") })
		c := h.Connect(mode)
		c.Send(`42["e"]`)
		c.Expect(`42["ran"]`)
		c.Send(`42["e",{"ignored":1},2]`)
		c.Expect(`42["ran"]`)
	})
	testserver.Behaviour(t, "an argument that is missing or does not fit is not handled", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, n int) error { return s.Emit("ran", n) })
		c := h.Connect(mode)
		c.Send(`42["e"]`, `42["e","text"]`, `421["e",{}]`, `42["e",7]`)
		c.Expect(`431[{"error":"invalid argument"}]`, `42["ran",7]`)
	})
	testserver.Behaviour(t, "arguments can be decoded again and in part", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			var first int
			var both [2]int
			h.Check(e.Decode(&first))
			h.Check(e.Decode(&both[0], &both[1]))
			h.Check(e.Decode())
			var third int
			if err := e.Decode(&first, &both[1], &third); err == nil {
				h.T.Error("decoded three of two arguments")
			}
			return e.Socket().Emit("got", e.Name(), e.Len(), first, both)
		})
		c := h.Connect(mode)
		c.Send(`42["e",1,2]`)
		c.Expect(`42["got","e",2,1,[1,2]]`)
	})
}

func TestHandlers(t *testing.T) {
	// say is a handler that shows that it has run.
	say := func(word string) socketio.Handler {
		return func(ctx context.Context, e *socketio.Event) error { return e.Socket().Emit("ran", word) }
	}
	testserver.Behaviour(t, "run in the order of registration, the namespace's before the socket's", func(h *testserver.Harness, mode rawclient.Mode) {
		h.OnConnect(func(s *socketio.Socket) {
			s.On("e", say("socket 1"))
			s.On("e", say("socket 2"))
		})
		h.On("e", say("namespace 1"))
		h.On("e", say("namespace 2"))
		c := h.Connect(mode)
		c.Send(`42["e"]`)
		c.Expect(`42["ran","namespace 1"]`, `42["ran","namespace 2"]`, `42["ran","socket 1"]`, `42["ran","socket 2"]`)
	})
	testserver.Behaviour(t, "can be added and removed while clients are connected", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		off := []func(){h.On("e", say("a")), h.On("e", say("b")), s.On("e", say("c")), s.On("e", say("d"))}
		h.On("end", say("end"))
		for i, want := range [][]string{{"a", "b", "c", "d"}, {"b", "c", "d"}, {"b", "d"}, {"d"}, {}} {
			c.Send(`42["e"]`, `42["end"]`)
			for _, word := range append(want, "end") {
				c.Expect(`42["ran","` + word + `"]`)
			}
			if i < 4 {
				remove := off[[]int{0, 2, 1, 3}[i]]
				remove()
				remove() // a second time changes nothing
			}
		}
	})
	testserver.Behaviour(t, "of one socket are not another's", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		h.MustSocket(a.ID).On("e", say("a"))
		h.On("end", say("end"))
		b.Send(`42["e"]`, `42["end"]`)
		b.Expect(`42["ran","end"]`)
		a.Send(`42["e"]`)
		a.Expect(`42["ran","a"]`)
	})
	testserver.Behaviour(t, "can remove themselves while running", func(h *testserver.Harness, mode rawclient.Mode) {
		var off func()
		off = h.On("e", func(ctx context.Context, e *socketio.Event) error {
			off()
			return e.Socket().Emit("ran", "once")
		})
		h.On("e", say("always"))
		c := h.Connect(mode)
		c.Send(`42["e"]`, `42["e"]`)
		c.Expect(`42["ran","once"]`, `42["ran","always"]`, `42["ran","always"]`)
	})
	testserver.Behaviour(t, "get the event's socket and the socket's context", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			if e.Socket() != s || ctx != s.Context() {
				h.T.Error("another socket or context")
			}
			return e.Ack()
		})
		c.Send(`420["e"]`)
		c.Expect(`430[]`)
	})
}

func TestReservedEvents(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		for _, event := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
			_, callErr := socketio.Call[int](context.Background(), s, event)
			for what, err := range map[string]error{
				"Server.Emit": h.Emit(event), "Socket.Emit": s.Emit(event), "Call": callErr,
				"Broadcast.Emit": h.To("r").Emit(event), "Volatile": s.Volatile().Emit(event),
			} {
				if !errors.Is(err, socketio.ErrReservedEvent) {
					t.Errorf("%s(%q): error %v, want ErrReservedEvent", what, event, err)
				}
			}
			for r, err := range h.Call(context.Background(), event) {
				if r != nil || !errors.Is(err, socketio.ErrReservedEvent) {
					t.Errorf("Broadcast.Call(%q) yields %v, %v", event, r, err)
				}
			}
		}
		s.Emit("end")
		c.Expect(`42["end"]`)
	})
}

func TestMisnamedHandlers(t *testing.T) {
	for event, hint := range map[string]string{
		"connection": "use OnConnect", "connect": "use OnConnect", "disconnect": "use Socket.OnDisconnect",
		"disconnecting": "use Socket.OnDisconnecting", "connect_error": "reserved",
	} {
		testserver.ExpectPanic(t, hint, func() {
			socketio.NewServer(nil).On(event, func(context.Context, *socketio.Event) error { return nil })
		})
	}
}

// A nil function panics where the program passes it, and not later for each
// client.
func TestNilFunctions(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
		tried := 0
		for _, of := range []any{h.Server, s, s.Conn()} {
			for i := range reflect.TypeOf(of).NumMethod() {
				method := reflect.ValueOf(of).Method(i)
				var args []reflect.Value
				for i := range method.Type().NumIn() {
					args = append(args, reflect.Zero(method.Type().In(i)))
				}
				if slices.ContainsFunc(args, func(arg reflect.Value) bool { return arg.Kind() == reflect.Func }) {
					tried++
					call := method.Call
					if method.Type().IsVariadic() {
						call = method.CallSlice
					}
					testserver.ExpectPanic(t, "nil", func() {
						call(args)
						t.Errorf("%T.%s takes nil", of, reflect.TypeOf(of).Method(i).Name)
					})
				}
			}
		}
		if tried < 12 {
			t.Errorf("only %d methods tried", tried)
		}
		testserver.ExpectPanic(t, "nil", func() { h.OfPattern(nil) })
		testserver.ExpectPanic(t, "nil", func() { socketio.On[int](h, "e", nil) })
		testserver.ExpectPanic(t, "nil", func() { socketio.OnCall[int, int](h, "e", nil) })
	})
}

func TestEmitUnencodable(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		for _, err := range []error{s.Emit("e", make(chan int)), h.Emit("e", func() {}), s.To("x").Emit("e", make(chan int))} {
			if err == nil || !strings.Contains(err.Error(), `event "e"`) {
				t.Errorf("error %v, want one that names the event", err)
			}
		}
		s.Emit("end")
		c.Expect(`42["end"]`)
	})
}

func TestVolatile(t *testing.T) {
	testserver.Behaviour(t, "arrives at an idle client", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		h.Check(h.MustSocket(c.ID).Volatile().Emit("v", 1))
		c.Expect(`42["v",1]`)
		synctest.Wait()
		h.Check(h.Volatile().Emit("v", []byte{1}))
		c.Expect(`451-["v",{"_placeholder":true,"num":0}]`, "bAQ==")
	})
	testserver.Behaviour(t, "is dropped after a regular event that still waits", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("go", func(ctx context.Context, e *socketio.Event) error {
			s := e.Socket()
			h.Check(s.Emit("regular"))
			h.Check(s.Volatile().Emit("v", []byte{1}))
			h.Check(h.To(s.ID()).Volatile().Emit("v", []byte{1}))
			return s.Emit("after")
		})
		c := h.Connect(mode)
		c.Send(`42["go"]`)
		c.Expect(`42["regular"]`)
		if next := c.Next(); strings.HasPrefix(next, "451-") {
			// The connection in memory took the first event before the
			// volatile one came; then its attachment must follow.
			c.Expect("bAQ==")
		} else if next != `42["after"]` {
			h.T.Errorf("got %q", next)
		}
	})
	t.Run("a client that does not read gets none, and regular events afterwards", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			p := h.NewPoller()
			p.Post("40")
			p.Poll() // CONNECT's answer
			s := slices.Collect(h.Sockets())[0]
			for range 2 {
				h.Check(s.Volatile().Emit("v"))
				h.Check(h.Volatile().Emit("v", []byte{1}))
			}
			h.Check(s.Emit("regular"))
			h.Check(s.Volatile().Emit("v"))
			if got, want := p.Poll(), `42["regular"]`; got != want {
				h.T.Errorf("polled %q, want %q", got, want)
			}
		})
	})
}

// Of volatile events in a row one arrives over polling.
func TestConsecutiveVolatile(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		p := h.NewPoller()
		p.Post("40")
		p.Poll() // CONNECT's answer
		s := h.AnySocket(h.Of("/"))
		for _, to := range []socketio.Broadcast{s.Volatile(), h.Volatile()} {
			answer := make(chan string, 1)
			go func() { answer <- p.Poll() }()
			synctest.Wait()
			h.Check(to.Emit("v", 1))
			h.Check(to.Emit("v", 2))
			synctest.Wait()
			h.Check(s.Emit("regular"))
			if got, want := <-answer, `42["v",1]`; got != want {
				t.Errorf("polled %q, want %q", got, want)
			}
			if got, want := p.Poll(), `42["regular"]`; got != want {
				t.Errorf("polled %q, want %q", got, want)
			}
		}
	})
}

func TestTypedHandlers(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.On(h.Server, "message", func(ctx context.Context, s *socketio.Socket, m message) error {
			return s.Emit("echo", m)
		})
		socketio.OnCall(h.Server, "sum", func(ctx context.Context, s *socketio.Socket, terms []int) (int, error) {
			sum := 0
			for _, n := range terms {
				sum += n
			}
			return sum, nil
		})
		c := h.Connect(mode)
		c.Send(`42["message",{"room":"a","text":"hé"}]`)
		c.Expect(`42["echo",{"room":"a","text":"hé"}]`)
		c.Send(`427["sum",[1,2,3]]`)
		c.Expect(`437[6]`)
		c.Send(`428["message",{"text":"acked"}]`)
		c.Expect(`42["echo",{"room":"","text":"acked"}]`, `438[]`)
	})
}

type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

func TestListeners(t *testing.T) {
	testserver.Behaviour(t, "Use: middleware runs before the handlers, in order, and an error keeps the event from them", func(h *testserver.Harness, mode rawclient.Mode) {
		var order []string
		h.OnConnect(func(s *socketio.Socket) {
			for _, name := range []string{"first", "second"} {
				s.Use(func(_ context.Context, e *socketio.Event) error {
					order = append(order, name+" "+e.Name())
					switch e.Name() {
					case "public":
						return &socketio.Error{Message: "not for you"}
					case "secret":
						return errors.New("database down")
					case "panic":
						panic("oops")
					}
					return nil
				})
			}
			s.On("fine", func(_ context.Context, e *socketio.Event) error {
				order = append(order, "handler")
				return e.Ack("done")
			})
		})
		c := h.Connect(mode)
		for _, event := range []string{"public", "secret", "panic"} {
			h.On(event, func(context.Context, *socketio.Event) error {
				h.T.Errorf("the handler of %q was called", event)
				return nil
			})
		}
		c.Send(`420["fine"]`)
		c.Expect(`430["done"]`)
		c.Send(`421["public"]`)
		c.Expect(`431[{"error":"not for you"}]`)
		c.Send(`422["secret"]`)
		c.Expect(`432[{"error":"internal error"}]`)
		c.Send(`423["panic"]`)
		c.Expect(`433[{"error":"internal error"}]`)
		want := []string{"first fine", "second fine", "handler", "first public", "first secret", "first panic"}
		if !slices.Equal(order, want) {
			h.T.Errorf("got %q, want %q", order, want)
		}
	})

	testserver.Behaviour(t, "OnAny hears every event with its arguments, until off", func(h *testserver.Harness, mode rawclient.Mode) {
		var heard []string
		var off func()
		h.OnConnect(func(s *socketio.Socket) {
			off = s.OnAny(func(_ context.Context, e *socketio.Event) error {
				var n int
				err := e.Decode(&n)
				heard = append(heard, fmt.Sprint(e.Name(), n))
				return err
			})
		})
		c := h.Connect(mode)
		c.Send(`42["a",1]`, `42["b",2]`)
		synctest.Wait()
		off()
		c.Send(`42["c",3]`)
		synctest.Wait()
		if want := []string{"a1", "b2"}; !slices.Equal(heard, want) {
			h.T.Errorf("heard %q, want %q", heard, want)
		}
	})

	testserver.Behaviour(t, "OnAnyOutgoing hears what is sent to the socket, broadcasts and calls included, until off", func(h *testserver.Harness, mode rawclient.Mode) {
		var heard []string
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		off := s.OnAnyOutgoing(func(event string, args []any) { heard = append(heard, fmt.Sprint(event, args)) })
		h.Check(s.Emit("one", 1))
		h.Check(h.Emit("two", []byte{2}))
		h.Check(h.Except(c.ID).Emit("not for it"))
		go func() { _, _ = socketio.Call[int](s.Context(), s, "three") }()
		synctest.Wait()
		off()
		h.Check(s.Emit("four"))
		if want := []string{"one[1]", "two[[2]]", "three[]"}; !slices.Equal(heard, want) {
			h.T.Errorf("heard %q, want %q", heard, want)
		}
	})
}

// Whoever emits is not harmed by a listener.
func TestOnAnyOutgoingPanics(t *testing.T) {
	for name, o := range map[string]*socketio.Options{"alone": {}, "recovery": {Recovery: new(socketio.Recovery)}} {
		t.Run(name, func(t *testing.T) {
			log := new(testserver.LogBook)
			o.Logger = log.Everything()
			testserver.Run(t, o, func(h *testserver.Harness) {
				heard := 0
				h.OnConnect(func(s *socketio.Socket) {
					s.OnAnyOutgoing(func(string, []any) { panic("boom") })
					s.OnAnyOutgoing(func(string, []any) { heard++ })
				})
				a, b := h.Open(rawclient.WebSocket), h.Open(rawclient.WebSocket)
				for _, c := range []*testserver.Client{a, b} {
					c.Send("40")
					if _, err := c.Client.Next(); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				emitted := make(chan error)
				go func() { emitted <- h.Emit("e") }()
				h.Check(<-emitted)
				for _, c := range []*testserver.Client{a, b} {
					if p, err := c.Client.Next(); err != nil || !strings.HasPrefix(p, `42["e"`) {
						t.Errorf("got %s, %v", p, err)
					}
				}
				if lines := log.Lines(); len(lines) != 2 || heard != 2 {
					t.Errorf("%d lines, %d heard", len(lines), heard)
				}
			})
		})
	}
}

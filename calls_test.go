package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestAck(t *testing.T) {
	testserver.Behaviour(t, "with several values and arguments", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			var a, b int
			h.Check(e.Decode(&a, &b))
			return e.Ack("sum", a+b)
		})
		c := h.Connect(mode)
		c.Send(`4217["e",1,2]`)
		c.Expect(`4317["sum",3]`)
	})
	testserver.Behaviour(t, "with binary both ways", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.OnCall(h.Server, "e", func(ctx context.Context, s *socketio.Socket, data []byte) ([]byte, error) {
			return append(data, 4), nil
		})
		c := h.Connect(mode)
		c.Send(`451-0["e",{"_placeholder":true,"num":0}]`, "bAQID")
		c.Expect(`461-0[{"_placeholder":true,"num":0}]`, "bAQIDBA==")
	})
	testserver.Behaviour(t, "is once, and only where it is wanted", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			first, second := e.Ack(1), e.Ack(2)
			if !e.WantsAck() {
				h.Check(errors.Join(first, second))
			} else if first != nil || !errors.Is(second, socketio.ErrAcked) {
				h.T.Errorf("acks: %v, %v; want nil, ErrAcked", first, second)
			}
			return e.Socket().Emit("wanted", e.WantsAck())
		})
		c := h.Connect(mode)
		c.Send(`42["e"]`)
		c.Expect(`42["wanted",false]`)
		c.Send(`425["e"]`)
		c.Expect(`435[1]`, `42["wanted",true]`)
	})
	testserver.Behaviour(t, "that cannot be encoded leaves the event without one", func(h *testserver.Harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			if err := e.Ack(make(chan int)); err == nil || errors.Is(err, socketio.ErrAcked) {
				h.T.Errorf("error %v", err)
			}
			return e.Ack("then this")
		})
		c := h.Connect(mode)
		c.Send(`425["e"]`)
		c.Expect(`435["then this"]`)
	})
	testserver.Behaviour(t, "may come after the handler", func(h *testserver.Harness, mode rawclient.Mode) {
		events := make(chan *socketio.Event, 1)
		h.On("e", func(ctx context.Context, e *socketio.Event) error { events <- e; return nil })
		c := h.Connect(mode)
		c.Send(`425["e"]`)
		h.Check((<-events).Ack("late"))
		c.Expect(`435["late"]`)
	})
	testserver.Behaviour(t, "after the disconnect is ErrDisconnected", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			e.Socket().Disconnect(false)
			if err := e.Ack(); !errors.Is(err, socketio.ErrDisconnected) {
				h.T.Errorf("error %v", err)
			}
			return nil
		})
		c.Send(`425["e"]`)
		c.Expect("41")
		synctest.Wait()
	})
	testserver.Behaviour(t, "of two typed handlers is one", func(h *testserver.Harness, mode rawclient.Mode) {
		for range 2 {
			socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, _ struct{}) error { return s.Emit("ran") })
		}
		c := h.Connect(mode)
		c.Send(`425["e"]`)
		c.Expect(`42["ran"]`, `42["ran"]`, `435[]`)
		c.Send(`426["e"]`)
		c.Expect(`42["ran"]`, `42["ran"]`, `436[]`)
	})
	testserver.Behaviour(t, "does not follow the error of a typed handler, which the reply is", func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, fail bool) error {
			if fail {
				return errors.New("failed")
			}
			return nil
		})
		c := h.Connect(mode)
		c.Send(`421["e",true]`, `422["e",false]`)
		c.Expect(`431[{"error":"internal error"}]`, `432[]`)
	})
}

func TestOnCallErrors(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		socketio.OnCall(h.Server, "e", func(ctx context.Context, s *socketio.Socket, what string) (string, error) {
			switch what {
			case "public":
				return "", fmt.Errorf("wrapped: %w", &socketio.Error{Message: "no such room"})
			case "public with data":
				return "", &socketio.Error{Message: "too long", Data: map[string]int{"limit": 10}}
			case "public with binary":
				return "", &socketio.Error{Message: "m", Data: []byte{1}}
			case "private":
				return "", errors.New("password of the database")
			case "panic":
				panic("boom")
			}
			return what, nil
		})
		socketio.OnCall(h.Server, "unencodable", func(ctx context.Context, s *socketio.Socket, _ struct{}) (any, error) {
			return make(chan int), nil
		})
		c := h.Connect(mode)
		for i, test := range []struct{ arg, reply string }{
			{`"fine"`, `"fine"`},
			{`"public"`, `{"error":"no such room"}`},
			{`"public with data"`, `{"error":"too long","data":{"limit":10}}`},
			{`"private"`, `{"error":"internal error"}`},
			{`"panic"`, `{"error":"internal error"}`},
			{`5`, `{"error":"invalid argument"}`},
			{`{"a":1}`, `{"error":"invalid argument"}`},
		} {
			c.Send(fmt.Sprintf(`42%d["e",%s]`, i, test.arg))
			c.Expect(fmt.Sprintf(`43%d[%s]`, i, test.reply))
		}
		c.Send(`427["e"]`)
		c.Expect(`437[{"error":"invalid argument"}]`)
		c.Send(`428["e","public with binary"]`)
		c.Expect(`461-8[{"error":"m","data":{"_placeholder":true,"num":0}}]`, "bAQ==")
		c.Send(`42["e","private"]`, `429["e","end"]`)
		c.Expect(`439["end"]`)
	})
}

func TestCall(t *testing.T) {
	testserver.Behaviour(t, "returns the client's value", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		go func() {
			defer c.Send(`42["done"]`)
			id := c.Match(`^42(\d+)\["sum",1,2\]$`)[1]
			c.Send("43" + id + "[3]")
			id = c.Match(`^451-(\d+)\["binary",\{"_placeholder":true,"num":0\}\]$`)[1]
			c.Expect("bAQ==")
			c.Send("461-"+id+`[{"_placeholder":true,"num":0}]`, "bAQI=")
			id = c.Match(`^42(\d+)\["empty"\]$`)[1]
			c.Send("43" + id + "[]")
			id = c.Match(`^42(\d+)\["misfit"\]$`)[1]
			c.Send("43" + id + `["text"]`)
		}()
		if sum, err := socketio.Call[int](background, s, "sum", 1, 2); sum != 3 || err != nil {
			h.T.Errorf("sum %d, %v", sum, err)
		}
		if data, err := socketio.Call[[]byte](background, s, "binary", []byte{1}); string(data) != "\x01\x02" || err != nil {
			h.T.Errorf("binary %v, %v", data, err)
		}
		if n, err := socketio.Call[int](background, s, "empty"); n != 0 || err != nil {
			h.T.Errorf("empty %d, %v", n, err)
		}
		if _, err := socketio.Call[int](background, s, "misfit"); err == nil {
			h.T.Error("a text became an int")
		}
		synctest.Wait()
	})
	testserver.Behaviour(t, "fails when its context ends, and ignores the late ack", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		start := time.Now()
		_, err := socketio.Call[int](ctx, s, "slow")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			h.T.Errorf("error %v after %v", err, time.Since(start))
		}
		cause := errors.New("somebody's reason")
		ctx2, cancel2 := context.WithCancelCause(background)
		cancel2(cause)
		if _, err := socketio.Call[int](ctx2, s, "never"); !errors.Is(err, cause) {
			h.T.Errorf("error %v, want the context's cause", err)
		}
		if n := s.PendingAcks(); n != 0 {
			h.T.Errorf("%d acks pending", n)
		}
		id := c.Match(`^42(\d+)\["slow"\]$`)[1]
		c.Send("43"+id+"[1]", "4399999[2]")
		testserver.Echo(h, "echo")
		c.Send(`42["echo"]`)
		c.Expect(`42["echo"]`)
	})
	testserver.Behaviour(t, "fails at once when the socket disconnects", func(h *testserver.Harness, mode rawclient.Mode) {
		for _, leave := range []func(c *testserver.Client, s *socketio.Socket){
			func(c *testserver.Client, s *socketio.Socket) { c.Send("41") },
			func(c *testserver.Client, s *socketio.Socket) { s.Disconnect(false) },
			func(c *testserver.Client, s *socketio.Socket) { s.Disconnect(true) },
			func(c *testserver.Client, s *socketio.Socket) { c.Close() },
		} {
			c := h.Connect(mode)
			s := h.MustSocket(c.ID)
			start := time.Now()
			go func() {
				c.Match(`^42\d+\["e"\]$`)
				leave(c, s)
			}()
			if _, err := socketio.Call[int](background, s, "e"); !errors.Is(err, socketio.ErrDisconnected) || time.Since(start) > 0 {
				h.T.Errorf("error %v after %v", err, time.Since(start))
			}
			synctest.Wait()
			if _, err := socketio.Call[int](background, s, "e"); !errors.Is(err, socketio.ErrDisconnected) {
				h.T.Errorf("error %v of a call afterwards", err)
			}
			if n := s.PendingAcks(); n != 0 {
				h.T.Errorf("%d acks pending", n)
			}
		}
	})
	testserver.Behaviour(t, "may be made by a handler of its socket, with 200 events behind", func(h *testserver.Harness, mode rawclient.Mode) {
		handled := 0
		h.On("ask", func(ctx context.Context, e *socketio.Event) error {
			answer, err := socketio.Call[string](ctx, e.Socket(), "question")
			if handled > 0 {
				h.T.Errorf("%d later events were handled before the reply", handled)
			}
			h.Check(err)
			return e.Ack(answer)
		})
		h.On("behind", func(ctx context.Context, e *socketio.Event) error { handled++; return nil })
		socketio.OnCall(h.Server, "handled", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) { return handled, nil })
		c := h.Connect(mode)
		c.Send(append([]string{`420["ask"]`}, strings.Split(strings.Repeat(`42["behind"] `, 200)+`421["handled"]`, " ")...)...)
		id := c.Match(`^42(\d+)\["question"\]$`)[1]
		c.Send("43" + id + `["answer"]`)
		c.Expect(`430["answer"]`, `431[200]`)
	})
	testserver.Behaviour(t, "cannot be answered by another socket", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		sa := h.MustSocket(a.ID)
		go func() {
			id := a.Match(`^42(\d+)\["e"\]$`)[1]
			b.Send("43" + id + `["forged"]`)
			synctest.Wait()
			a.Send("43" + id + `["true"]`)
		}()
		if answer, err := socketio.Call[string](background, sa, "e"); answer != "true" || err != nil {
			h.T.Errorf("answer %q, %v", answer, err)
		}
		synctest.Wait()
	})
}

func TestSocketCall(t *testing.T) {
	testserver.Behaviour(t, "gets all values of the reply, and whose it is", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		go func() {
			c.Expect(`420["ask","what"]`)
			c.Send(`430[1,{"two":[2]},null]`)
		}()
		defer synctest.Wait() // for the client's POST to be answered
		reply, err := h.MustSocket(c.ID).Call(background, "ask", "what")
		h.Check(err)
		var one int
		var two struct{ Two []int }
		var three any = "something"
		h.Check(reply.Decode(&one, &two, &three))
		if reply.Len() != 3 || reply.SocketID() != c.ID || one != 1 || !slices.Equal(two.Two, []int{2}) || three != nil {
			h.T.Errorf("%d values of %q: %v, %v, %v", reply.Len(), reply.SocketID(), one, two, three)
		}
	})
	testserver.Behaviour(t, "gets an empty reply", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		go func() {
			c.Expect(`420["ask"]`)
			c.Send(`430[]`)
		}()
		defer synctest.Wait() // for the client's POST to be answered
		if reply, err := h.MustSocket(c.ID).Call(background, "ask"); err != nil || reply.Len() != 0 {
			h.T.Errorf("reply %v, %v", reply, err)
		}
	})
	testserver.Behaviour(t, "gets no reply of a socket that is gone", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		s.Disconnect(false)
		if reply, err := s.Call(background, "ask"); reply != nil || !errors.Is(err, socketio.ErrDisconnected) {
			h.T.Errorf("reply %v, %v", reply, err)
		}
	})
}

// TestContextThatHasEnded calls every method that takes a context with one that
// has ended: nothing is sent, to clients or to other servers.
func TestContextThatHasEnded(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback)}
	testserver.ForEachMode(t, o, func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s, n, other := h.MustSocket(c.ID), h.Of("/"), h.Peer(o.Adapter, "other")
		fetch := func(f func(context.Context) ([]*socketio.RemoteSocket, error)) func(context.Context) error {
			return func(ctx context.Context) error {
				here, err := f(ctx)
				if len(here) != 1 {
					h.T.Errorf("%d sockets of this server", len(here))
				}
				return err
			}
		}
		call := func(f func(context.Context, string, ...any) iter.Seq2[*socketio.Reply, error]) func(context.Context) error {
			return func(ctx context.Context) (all error) {
				for r, err := range f(ctx, "delete?") {
					if r != nil || all != nil {
						h.T.Errorf("%v, %v after %v", r, err, all)
					}
					all = err
				}
				return all
			}
		}
		methods := map[string]func(ctx context.Context) error{
			"Socket.Call": func(ctx context.Context) error {
				_, err := s.Call(ctx, "delete?")
				return err
			},
			"Call": func(ctx context.Context) error {
				_, err := socketio.Call[int](ctx, s, "delete?")
				return err
			},
			"Broadcast.Call":           call(h.To(c.ID).Call),
			"Broadcast.FetchSockets":   fetch(h.To(c.ID).FetchSockets),
			"Namespace.Call":           call(n.Call),
			"Namespace.FetchSockets":   fetch(n.FetchSockets),
			"Namespace.ServerSideCall": call(n.ServerSideCall),
			"Server.Call":              call(h.Call),
			"Server.FetchSockets":      fetch(h.FetchSockets),
			"Server.ServerSideCall":    call(h.ServerSideCall),
			"Server.Shutdown":          nil, // closes all the same
		}
		for _, of := range []any{socketio.Broadcast{}, n, s, h.Server, new(socketio.Event), new(socketio.Reply), new(socketio.RemoteSocket)} {
			t := reflect.TypeOf(of)
			for i := range t.NumMethod() {
				m := t.Method(i)
				name := reflect.Indirect(reflect.ValueOf(of)).Type().Name() + "." + m.Name
				if _, listed := methods[name]; !listed && m.Type.NumIn() > 1 && m.Type.In(1) == reflect.TypeFor[context.Context]() {
					h.T.Errorf("%s is not tested", name)
				}
			}
		}
		cause := errors.New("no longer needed")
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(cause)
		for name, method := range methods {
			for range 20 { // a select would choose at random
				if method == nil {
					continue
				}
				if err := method(ctx); !errors.Is(err, cause) {
					h.T.Errorf("%s: error %v", name, err)
				}
			}
			other.Expect()
		}
		h.Check(s.Emit("next"))
		c.Expect(`42["next"]`)
		if n := h.Stats().Namespaces["/"].Acks; n != 0 {
			h.T.Errorf("%d replies awaited", n)
		}
	})
}

func TestCallFunc(t *testing.T) {
	testserver.Behaviour(t, "gets the reply in turn with the handlers", func(h *testserver.Harness, mode rawclient.Mode) {
		var got []any
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			got = append(got, "e")
			return nil
		})
		c := h.Connect(mode)
		h.Check(h.MustSocket(c.ID).CallFunc(func(r *socketio.Reply, err error) {
			var a, b int
			h.Check(err)
			h.Check(r.Decode(&a, &b))
			got = append(got, r.SocketID() == c.ID, r.Len(), a+b)
		}, "ask", "what"))
		h.Check(h.MustSocket(c.ID).Emit("after"))
		c.Expect(`420["ask","what"]`, `42["after"]`)
		c.Send(`42["e"]`, `430[1,2]`, `42["e"]`, `430[3,4]`)
		synctest.Wait()
		if want := []any{"e", true, 2, 3, "e"}; !reflect.DeepEqual(got, want) {
			h.T.Errorf("got %v, want %v", got, want)
		}
	})
	testserver.Behaviour(t, "gets an empty reply", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		length := -1
		h.Check(h.MustSocket(c.ID).CallFunc(func(r *socketio.Reply, err error) { length = r.Len() }, "ask"))
		c.Expect(`420["ask"]`)
		c.Send(`430[]`)
		synctest.Wait()
		if length != 0 {
			h.T.Errorf("%d values, want none", length)
		}
	})
	testserver.Behaviour(t, "gets the disconnect, before OnDisconnect", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		var got []string
		s.OnDisconnect(func(r socketio.Reason) { got = append(got, string(r)) })
		h.Check(s.CallFunc(func(r *socketio.Reply, err error) {
			if r.Len() != 0 || !errors.Is(err, socketio.ErrDisconnected) {
				h.T.Errorf("reply of %d values, error %v", r.Len(), err)
			}
			got = append(got, "reply")
		}, "ask"))
		c.Expect(`420["ask"]`)
		c.Send("41")
		synctest.Wait()
		if want := []string{"reply", string(socketio.ReasonClientDisconnect)}; !slices.Equal(got, want) {
			h.T.Errorf("got %v, want %v", got, want)
		}
		if n := s.PendingAcks(); n != 0 {
			h.T.Errorf("%d acks pending", n)
		}
	})
	testserver.Behaviour(t, "refuses what it cannot send", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		s := h.MustSocket(c.ID)
		unexpected := func(*socketio.Reply, error) { h.T.Error("reply to what was not sent") }
		if err := s.CallFunc(unexpected, "ask", make(chan int)); err == nil {
			h.T.Error("no error")
		}
		if err := s.CallFunc(unexpected, "disconnect"); !errors.Is(err, socketio.ErrReservedEvent) {
			h.T.Errorf("error %v, want ErrReservedEvent", err)
		}
		s.Disconnect(false)
		if err := s.CallFunc(unexpected, "ask"); !errors.Is(err, socketio.ErrDisconnected) {
			h.T.Errorf("error %v, want ErrDisconnected", err)
		}
	})
}

func TestMaxPendingAcks(t *testing.T) {
	testserver.ForEachMode(t, &socketio.Options{Limits: socketio.Limits{PendingAcks: 2}}, func(h *testserver.Harness, mode rawclient.Mode) {
		c, other := h.Connect(mode), h.Connect(mode)
		s := h.MustSocket(c.ID)
		replies := 0
		emit := func() error {
			return s.CallFunc(func(*socketio.Reply, error) { replies++ }, "e")
		}
		h.Check(emit())
		h.Check(emit())
		if err := emit(); !errors.Is(err, socketio.ErrPendingAcks) {
			h.T.Errorf("CallFunc: %v", err)
		}
		if _, err := socketio.Call[int](h.T.Context(), s, "e"); !errors.Is(err, socketio.ErrPendingAcks) {
			h.T.Errorf("Call: %v", err)
		}
		go func() {
			c.Expect(`420["e"]`, `421["e"]`)
			id := other.Match(`^42(\d+)\["all"\]$`)[1]
			other.Send("43" + id + "[7]")
		}()
		answers := map[string]string{}
		for r, err := range h.Call(h.T.Context(), "all") {
			var n int
			_ = r.Decode(&n)
			answers[r.SocketID()] = fmt.Sprintf("%d %v", n, err)
		}
		if want := map[string]string{c.ID: "0 " + socketio.ErrPendingAcks.Error(), other.ID: "7 <nil>"}; !maps.Equal(answers, want) {
			h.T.Errorf("Broadcast.Call yields %q, want %q", answers, want)
		}
		c.Send(`430[]`)
		synctest.Wait()
		h.Check(emit())
		c.Expect(`425["e"]`) // nothing was sent of those that failed
		if n := s.PendingAcks(); n != 2 || replies != 1 {
			h.T.Errorf("%d acknowledgements pending, %d replies", n, replies)
		}
	})
}

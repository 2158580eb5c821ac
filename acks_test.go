package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestAck(t *testing.T) {
	behaviour(t, "with several values and arguments", func(h *harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			var a, b int
			h.check(e.Decode(&a, &b))
			return e.Ack("sum", a+b)
		})
		c := h.connect(mode)
		c.send(`4217["e",1,2]`)
		c.expect(`4317["sum",3]`)
	})
	behaviour(t, "with binary both ways", func(h *harness, mode rawclient.Mode) {
		socketio.OnCall(h.Server, "e", func(ctx context.Context, s *socketio.Socket, data []byte) ([]byte, error) {
			return append(data, 4), nil
		})
		c := h.connect(mode)
		c.send(`451-0["e",{"_placeholder":true,"num":0}]`, "bAQID")
		c.expect(`461-0[{"_placeholder":true,"num":0}]`, "bAQIDBA==")
	})
	behaviour(t, "is once, and only where it is wanted", func(h *harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			first, second := e.Ack(1), e.Ack(2)
			if !e.WantsAck() {
				h.check(errors.Join(first, second))
			} else if first != nil || !errors.Is(second, socketio.ErrAcked) {
				h.Errorf("acks: %v, %v; want nil, ErrAcked", first, second)
			}
			return e.Socket().Emit("wanted", e.WantsAck())
		})
		c := h.connect(mode)
		c.send(`42["e"]`)
		c.expect(`42["wanted",false]`)
		c.send(`425["e"]`)
		c.expect(`435[1]`, `42["wanted",true]`)
	})
	behaviour(t, "that cannot be encoded leaves the event without one", func(h *harness, mode rawclient.Mode) {
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			if err := e.Ack(make(chan int)); err == nil || errors.Is(err, socketio.ErrAcked) {
				h.Errorf("error %v", err)
			}
			return e.Ack("then this")
		})
		c := h.connect(mode)
		c.send(`425["e"]`)
		c.expect(`435["then this"]`)
	})
	behaviour(t, "may come after the handler", func(h *harness, mode rawclient.Mode) {
		events := make(chan *socketio.Event, 1)
		h.On("e", func(ctx context.Context, e *socketio.Event) error { events <- e; return nil })
		c := h.connect(mode)
		c.send(`425["e"]`)
		h.check((<-events).Ack("late"))
		c.expect(`435["late"]`)
	})
	behaviour(t, "after the disconnect is ErrDisconnected", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			e.Socket().Disconnect(false)
			if err := e.Ack(); !errors.Is(err, socketio.ErrDisconnected) {
				h.Errorf("error %v", err)
			}
			return nil
		})
		c.send(`425["e"]`)
		c.expect("41")
		synctest.Wait()
	})
	behaviour(t, "of two typed handlers is one", func(h *harness, mode rawclient.Mode) {
		for range 2 {
			socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, _ struct{}) error { return s.Emit("ran") })
		}
		c := h.connect(mode)
		c.send(`425["e"]`)
		c.expect(`42["ran"]`, `42["ran"]`, `435[]`)
		c.send(`426["e"]`)
		c.expect(`42["ran"]`, `42["ran"]`, `436[]`)
	})
	behaviour(t, "does not follow the error of a typed handler, which the reply is", func(h *harness, mode rawclient.Mode) {
		socketio.On(h.Server, "e", func(ctx context.Context, s *socketio.Socket, fail bool) error {
			if fail {
				return errors.New("failed")
			}
			return nil
		})
		c := h.connect(mode)
		c.send(`421["e",true]`, `422["e",false]`)
		c.expect(`431[{"error":"internal error"}]`, `432[]`)
	})
}

func TestOnCallErrors(t *testing.T) {
	forEachMode(t, nil, func(h *harness, mode rawclient.Mode) {
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
		c := h.connect(mode)
		for i, test := range []struct{ arg, reply string }{
			{`"fine"`, `"fine"`},
			{`"public"`, `{"error":"no such room"}`},
			{`"public with data"`, `{"error":"too long","data":{"limit":10}}`},
			{`"private"`, `{"error":"internal error"}`},
			{`"panic"`, `{"error":"internal error"}`},
			{`5`, `{"error":"invalid argument"}`},
			{`{"a":1}`, `{"error":"invalid argument"}`},
		} {
			c.send(fmt.Sprintf(`42%d["e",%s]`, i, test.arg))
			c.expect(fmt.Sprintf(`43%d[%s]`, i, test.reply))
		}
		c.send(`427["e"]`)
		c.expect(`437[{"error":"invalid argument"}]`)
		c.send(`428["e","public with binary"]`)
		c.expect(`461-8[{"error":"m","data":{"_placeholder":true,"num":0}}]`, "bAQ==")
		c.send(`42["e","private"]`, `429["e","end"]`)
		c.expect(`439["end"]`)
	})
}

func TestCall(t *testing.T) {
	behaviour(t, "returns the client's value", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		go func() {
			defer c.send(`42["done"]`)
			id := c.match(`^42(\d+)\["sum",1,2\]$`)[1]
			c.send("43" + id + "[3]")
			id = c.match(`^451-(\d+)\["binary",\{"_placeholder":true,"num":0\}\]$`)[1]
			c.expect("bAQ==")
			c.send("461-"+id+`[{"_placeholder":true,"num":0}]`, "bAQI=")
			id = c.match(`^42(\d+)\["empty"\]$`)[1]
			c.send("43" + id + "[]")
			id = c.match(`^42(\d+)\["misfit"\]$`)[1]
			c.send("43" + id + `["text"]`)
		}()
		if sum, err := socketio.Call[int](background, s, "sum", 1, 2); sum != 3 || err != nil {
			h.Errorf("sum %d, %v", sum, err)
		}
		if data, err := socketio.Call[[]byte](background, s, "binary", []byte{1}); string(data) != "\x01\x02" || err != nil {
			h.Errorf("binary %v, %v", data, err)
		}
		if n, err := socketio.Call[int](background, s, "empty"); n != 0 || err != nil {
			h.Errorf("empty %d, %v", n, err)
		}
		if _, err := socketio.Call[int](background, s, "misfit"); err == nil {
			h.Error("a text became an int")
		}
		synctest.Wait()
	})
	behaviour(t, "fails when its context ends, and ignores the late ack", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		start := time.Now()
		_, err := socketio.Call[int](ctx, s, "slow")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			h.Errorf("error %v after %v", err, time.Since(start))
		}
		cause := errors.New("somebody's reason")
		ctx2, cancel2 := context.WithCancelCause(background)
		cancel2(cause)
		if _, err := socketio.Call[int](ctx2, s, "never"); !errors.Is(err, cause) {
			h.Errorf("error %v, want the context's cause", err)
		}
		if n := s.PendingAcks(); n != 0 {
			h.Errorf("%d acks pending", n)
		}
		id := c.match(`^42(\d+)\["slow"\]$`)[1]
		c.match(`^42(\d+)\["never"\]$`)
		c.send("43"+id+"[1]", "4399999[2]")
		echo(h, "echo")
		c.send(`42["echo"]`)
		c.expect(`42["echo"]`)
	})
	behaviour(t, "fails at once when the socket disconnects", func(h *harness, mode rawclient.Mode) {
		for _, leave := range []func(c *client, s *socketio.Socket){
			func(c *client, s *socketio.Socket) { c.send("41") },
			func(c *client, s *socketio.Socket) { s.Disconnect(false) },
			func(c *client, s *socketio.Socket) { s.Disconnect(true) },
			func(c *client, s *socketio.Socket) { c.Close() },
		} {
			c := h.connect(mode)
			s := h.socket(c.id)
			start := time.Now()
			go func() {
				c.match(`^42\d+\["e"\]$`)
				leave(c, s)
			}()
			if _, err := socketio.Call[int](background, s, "e"); !errors.Is(err, socketio.ErrDisconnected) || time.Since(start) > 0 {
				h.Errorf("error %v after %v", err, time.Since(start))
			}
			synctest.Wait()
			if _, err := socketio.Call[int](background, s, "e"); !errors.Is(err, socketio.ErrDisconnected) {
				h.Errorf("error %v of a call afterwards", err)
			}
			if n := s.PendingAcks(); n != 0 {
				h.Errorf("%d acks pending", n)
			}
		}
	})
	behaviour(t, "may be made by a handler of its socket, with 200 events behind", func(h *harness, mode rawclient.Mode) {
		handled := 0
		h.On("ask", func(ctx context.Context, e *socketio.Event) error {
			answer, err := socketio.Call[string](ctx, e.Socket(), "question")
			if handled > 0 {
				h.Errorf("%d later events were handled before the reply", handled)
			}
			h.check(err)
			return e.Ack(answer)
		})
		h.On("behind", func(ctx context.Context, e *socketio.Event) error { handled++; return nil })
		socketio.OnCall(h.Server, "handled", func(ctx context.Context, s *socketio.Socket, _ struct{}) (int, error) { return handled, nil })
		c := h.connect(mode)
		c.send(append([]string{`420["ask"]`}, strings.Split(strings.Repeat(`42["behind"] `, 200)+`421["handled"]`, " ")...)...)
		id := c.match(`^42(\d+)\["question"\]$`)[1]
		c.send("43" + id + `["answer"]`)
		c.expect(`430["answer"]`, `431[200]`)
	})
	behaviour(t, "cannot be answered by another socket", func(h *harness, mode rawclient.Mode) {
		a, b := h.connect(mode), h.connect(mode)
		sa := h.socket(a.id)
		go func() {
			id := a.match(`^42(\d+)\["e"\]$`)[1]
			b.send("43" + id + `["forged"]`)
			synctest.Wait()
			a.send("43" + id + `["true"]`)
		}()
		if answer, err := socketio.Call[string](background, sa, "e"); answer != "true" || err != nil {
			h.Errorf("answer %q, %v", answer, err)
		}
		synctest.Wait()
	})
}

func TestSocketCall(t *testing.T) {
	behaviour(t, "gets all values of the reply, and whose it is", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		go func() {
			c.expect(`420["ask","what"]`)
			c.send(`430[1,{"two":[2]},null]`)
		}()
		defer synctest.Wait() // for the client's POST to be answered
		reply, err := h.socket(c.id).Call(background, "ask", "what")
		h.check(err)
		var one int
		var two struct{ Two []int }
		var three any = "something"
		h.check(reply.Decode(&one, &two, &three))
		if reply.Len() != 3 || reply.SocketID() != c.id || one != 1 || !slices.Equal(two.Two, []int{2}) || three != nil {
			h.Errorf("%d values of %q: %v, %v, %v", reply.Len(), reply.SocketID(), one, two, three)
		}
	})
	behaviour(t, "gets an empty reply", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		go func() {
			c.expect(`420["ask"]`)
			c.send(`430[]`)
		}()
		defer synctest.Wait() // for the client's POST to be answered
		if reply, err := h.socket(c.id).Call(background, "ask"); err != nil || reply.Len() != 0 {
			h.Errorf("reply %v, %v", reply, err)
		}
	})
	behaviour(t, "gets no reply of a socket that is gone", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		s.Disconnect(false)
		if reply, err := s.Call(background, "ask"); reply != nil || !errors.Is(err, socketio.ErrDisconnected) {
			h.Errorf("reply %v, %v", reply, err)
		}
	})
}

func TestCallFunc(t *testing.T) {
	behaviour(t, "gets the reply in turn with the handlers", func(h *harness, mode rawclient.Mode) {
		var got []any
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			got = append(got, "e")
			return nil
		})
		c := h.connect(mode)
		h.check(h.socket(c.id).CallFunc(func(r *socketio.Reply, err error) {
			var a, b int
			h.check(err)
			h.check(r.Decode(&a, &b))
			got = append(got, r.SocketID() == c.id, r.Len(), a+b)
		}, "ask", "what"))
		h.check(h.socket(c.id).Emit("after"))
		c.expect(`420["ask","what"]`, `42["after"]`)
		c.send(`42["e"]`, `430[1,2]`, `42["e"]`, `430[3,4]`)
		synctest.Wait()
		if want := []any{"e", true, 2, 3, "e"}; !reflect.DeepEqual(got, want) {
			h.Errorf("got %v, want %v", got, want)
		}
	})
	behaviour(t, "gets an empty reply", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		length := -1
		h.check(h.socket(c.id).CallFunc(func(r *socketio.Reply, err error) { length = r.Len() }, "ask"))
		c.expect(`420["ask"]`)
		c.send(`430[]`)
		synctest.Wait()
		if length != 0 {
			h.Errorf("%d values, want none", length)
		}
	})
	behaviour(t, "gets the disconnect, before OnDisconnect", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		var got []string
		s.OnDisconnect(func(r socketio.Reason) { got = append(got, string(r)) })
		h.check(s.CallFunc(func(r *socketio.Reply, err error) {
			if r.Len() != 0 || !errors.Is(err, socketio.ErrDisconnected) {
				h.Errorf("reply of %d values, error %v", r.Len(), err)
			}
			got = append(got, "reply")
		}, "ask"))
		c.expect(`420["ask"]`)
		c.send("41")
		synctest.Wait()
		if want := []string{"reply", string(socketio.ReasonClientDisconnect)}; !slices.Equal(got, want) {
			h.Errorf("got %v, want %v", got, want)
		}
		if n := s.PendingAcks(); n != 0 {
			h.Errorf("%d acks pending", n)
		}
	})
	behaviour(t, "refuses what it cannot send", func(h *harness, mode rawclient.Mode) {
		c := h.connect(mode)
		s := h.socket(c.id)
		unexpected := func(*socketio.Reply, error) { h.Error("reply to what was not sent") }
		if err := s.CallFunc(unexpected, "ask", make(chan int)); err == nil {
			h.Error("no error")
		}
		if err := s.CallFunc(unexpected, "disconnect"); !errors.Is(err, socketio.ErrReservedEvent) {
			h.Errorf("error %v, want ErrReservedEvent", err)
		}
		s.Disconnect(false)
		if err := s.CallFunc(unexpected, "ask"); !errors.Is(err, socketio.ErrDisconnected) {
			h.Errorf("error %v, want ErrDisconnected", err)
		}
	})
}

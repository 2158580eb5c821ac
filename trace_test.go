package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/socketiotest"
)

// A tally notes what a Trace is told.
type tally struct {
	mu   sync.Mutex
	told []string
}

func (t *tally) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, fmt.Sprintf(format, args...))
}

// expect wants this to have been told since it was last asked.
func (t *tally) expect(tb testing.TB, want ...string) {
	tb.Helper()
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Equal(t.told, want) {
		tb.Errorf("told of %q, want %q", t.told, want)
	}
	t.told = nil
}

func (t *tally) trace() *socketio.Trace {
	return &socketio.Trace{
		ServerCreated:    func(*socketio.Server) { t.note("server created") },
		NamespaceCreated: func(n *socketio.Namespace) { t.note("created %s of %q", n.Name(), n.Group()) },
		NamespaceRemoved: func(n *socketio.Namespace) { t.note("removed %s", n.Name()) },
		Connected:        func(s *socketio.Socket) { t.note("connected %s", s.Namespace().Name()) },
		Disconnected:     func(s *socketio.Socket, r socketio.Reason) { t.note("disconnected %s", r) },
		OverRate:         func(_ *socketio.Socket, event string) { t.note("over the rate: %s", event) },
		Refused: func(n *socketio.Namespace, err error) {
			name := "nothing"
			if n != nil {
				name = n.Name()
			}
			t.note("refused %s: %v", name, err)
		},
		Handle: func(ctx context.Context, e *socketio.Event) (context.Context, func(error)) {
			start := time.Now()
			return context.WithValue(ctx, traced{}, e.Name()), func(err error) {
				t.note("handled %s in %s: %v", e.Name(), time.Since(start), err)
			}
		},
	}
}

// traced is the key of what the tally puts into contexts.
type traced struct{}

func TestTraceOfSockets(t *testing.T) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			var seen tally
			testserver.Run(t, &socketio.Options{Trace: seen.trace()}, func(h *testserver.Harness) {
				h.OnConnect(func(s *socketio.Socket) { seen.note("OnConnect") })
				c := h.TestClient(mode)
				seen.expect(t, "server created", "connected /", "OnConnect")
				c.Disconnect()
				seen.expect(t, "disconnected client namespace disconnect")
				h.TestClient(mode).Close()
				seen.expect(t, "connected /", "OnConnect", "disconnected transport close")
				h.Use(func(context.Context, *socketio.Socket) error { return errors.New("no") })
				srv := socketiotest.NewServer(h.T, h.Server)
				for _, namespace := range []string{"/", "/none"} {
					if _, err := srv.Dial(&socketiotest.Options{Namespace: namespace, Transport: string(mode)}); err == nil {
						t.Errorf("%s: not refused", namespace)
					}
				}
				seen.expect(t, "refused /: no", `refused nothing: Invalid namespace "/none"`)
			})
		})
	}
}

func TestTraceOfNamespaces(t *testing.T) {
	var seen tally
	testserver.Run(t, &socketio.Options{Trace: seen.trace()}, func(h *testserver.Harness) {
		seen.expect(t, "server created") // and nothing of "/"
		h.Of("/admin")
		h.Of("admin")
		seen.expect(t, `created /admin of "/admin"`)

		h.OfPattern(regexp.MustCompile(`^/room-\d+$`))
		h.OfFunc(func(_ context.Context, name string, _ *socketio.Handshake) bool { return name == "/other" })
		seen.expect(t)
		srv := socketiotest.NewServer(h.T, h.Server)
		for name, group := range map[string]string{"/room-1": `^/room-\d+$`, "/other": "other"} {
			c := srv.Connect(&socketiotest.Options{Namespace: name})
			seen.expect(t, fmt.Sprintf("created %s of %q", name, group), "connected "+name)
			c.Disconnect()
			seen.expect(t, "removed "+name, "disconnected client namespace disconnect")
		}
		h.Of("/room-2")
		seen.expect(t, `created /room-2 of "^/room-\\d+$"`)
	})
}

func TestTraceOfEvents(t *testing.T) {
	var seen tally
	testserver.Run(t, &socketio.Options{Trace: seen.trace()}, func(h *testserver.Harness) {
		socketio.OnCall(h, "slow", func(ctx context.Context, _ *socketio.Socket, _ struct{}) (string, error) {
			<-time.After(3 * time.Second)
			name, _ := ctx.Value(traced{}).(string)
			return name, nil
		})
		h.On("fails", func(context.Context, *socketio.Event) error { return errors.New("one") })
		h.On("fails", func(context.Context, *socketio.Event) error { return errors.New("two") })
		h.On("exits", func(context.Context, *socketio.Event) error { runtime.Goexit(); return nil }) // as t.FailNow does
		h.On("panics", func(context.Context, *socketio.Event) error { panic("oh") })
		h.OnConnect(func(s *socketio.Socket) {
			s.Use(func(_ context.Context, e *socketio.Event) error {
				if e.Len() > 1 {
					return errors.New("not allowed")
				}
				return nil
			})
			s.On("own", func(context.Context, *socketio.Event) error { return nil })
		})
		socketio.OnCall(h, "public", func(context.Context, *socketio.Socket, struct{}) (string, error) {
			return "", &socketio.Error{Message: "full"}
		})
		c := h.TestClient(rawclient.WebSocket)
		seen.expect(t, "server created", "connected /")

		if got := socketiotest.Call[string](c, "slow"); got != "slow" {
			t.Errorf("the handler's context has %q", got)
		}
		seen.expect(t, "handled slow in 3s: <nil>")
		for event, want := range map[string]string{
			"own":    "<nil>",
			"fails":  "one\ntwo",
			"panics": "internal error",
			"exits":  "socketio: a handler has ended its goroutine",
			"public": "<nil>",
			"none":   socketio.ErrNoHandler.Error(),
		} {
			c.Emit(event)
			seen.expect(t, "handled "+event+" in 0s: "+want)
		}
		c.Emit("own", 1, 2)
		seen.expect(t, "handled own in 0s: not allowed")
		c.Emit("none", 1, 2)
		seen.expect(t, "handled none in 0s: "+socketio.ErrNoHandler.Error()+"\nnot allowed")
	})
}

func TestTraceWith(t *testing.T) {
	var none *socketio.Trace
	var first, second tally
	a, b := first.trace(), second.trace()
	if none.With(a) != a || a.With(none) != a {
		t.Error("a Trace and nil are not that Trace")
	}
	var opened int
	a.Opened = func(socketio.Conn) { opened++ }
	testserver.Run(t, &socketio.Options{Trace: a.With(b)}, func(h *testserver.Harness) {
		testserver.Echo(h, "echo")
		c := h.TestClient(rawclient.WebSocket)
		c.Emit("echo", 1)
		c.Expect("echo", 1)
		for _, seen := range []*tally{&first, &second} {
			seen.expect(t, "server created", "connected /", "handled echo in 0s: <nil>")
		}
		if opened != 1 {
			t.Errorf("%d sessions opened", opened)
		}
	})
}

// With calls each function of both, in their order.
func TestTraceWithCallsBoth(t *testing.T) {
	var calls []string
	full := func(name string) *socketio.Trace {
		trace := new(socketio.Trace)
		v := reflect.ValueOf(trace).Elem()
		for i := range v.NumField() {
			f := v.Field(i).Type()
			v.Field(i).Set(reflect.MakeFunc(f, func([]reflect.Value) (results []reflect.Value) {
				calls = append(calls, name)
				for j := range f.NumOut() {
					results = append(results, reflect.Zero(f.Out(j)))
				}
				return results
			}))
		}
		return trace
	}
	for name, c := range map[string]struct {
		trace *socketio.Trace
		want  string
	}{
		"both":   {full("a").With(full("b")), "[a b]"},
		"first":  {full("a").With(new(socketio.Trace)), "[a]"},
		"second": {new(socketio.Trace).With(full("b")), "[b]"},
	} {
		v := reflect.ValueOf(c.trace).Elem()
		for i := range v.NumField() {
			calls = nil
			f := v.Field(i)
			args := make([]reflect.Value, f.Type().NumIn())
			for j := range args {
				args[j] = reflect.Zero(f.Type().In(j))
			}
			f.Call(args)
			if fmt.Sprint(calls) != c.want {
				t.Errorf("%s: %s calls %v, want %s", name, v.Type().Field(i).Name, calls, c.want)
			}
		}
	}
}

// Without hooks nothing is allocated for them.
func TestNoTraceAllocatesNothing(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		h.On("event", func(context.Context, *socketio.Event) error { return nil })
		s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
		if n := testing.AllocsPerRun(100, s.HandleEvent("event")); n != 0 {
			t.Errorf("%v allocations for each event", n)
		}
	})
}

package systemtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// An event that wants a reply gets exactly one, whatever its handlers do.

// A client may answer a call after it has reconnected. The server that it is
// connected to by then, perhaps the same one restarted, must not take that for the
// answer to a call of its own.
func TestAnswerToACallOfAnotherServer(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		call := func(h *testserver.Harness, event string) (c *testserver.Client, id string, reply chan string) {
			c, reply = h.Connect(mode), make(chan string, 1)
			s := h.MustSocket(c.ID)
			go func() {
				answer, err := socketio.Call[string](h.T.Context(), s, event)
				reply <- fmt.Sprint(answer, err)
			}()
			return c, c.Match(`^42(\d+)\["` + event + `"\]$`)[1], reply
		}
		c, old, _ := call(h, "delete")
		c.Drop()
		testserver.Wait(time.Second)
		c, id, reply := call(h.Other(nil), "pay")
		c.Send("43" + old + `["yes"]`)
		synctest.Wait()
		c.Send("43" + id + `["no"]`)
		if got := <-reply; got != "no<nil>" && got != "no <nil>" {
			t.Errorf("the reply is %q", got)
		}
	})
}

func TestOnCallResults(t *testing.T) {
	var none *socketio.Error
	type result struct {
		value any
		err   error
	}
	const internal = `{"error":"internal error"}`
	for name, test := range map[string]struct {
		result
		reply string
	}{
		"NaN":                             {result{math.NaN(), nil}, internal},
		"a func":                          {result{func() {}, nil}, internal},
		"a channel deep inside":           {result{map[string]any{"a": []any{make(chan int)}}, nil}, internal},
		"11 attachments":                  {result{slices.Repeat([][]byte{{1}}, 11), nil}, internal},
		"a marshaler that panics":         {result{panicking{}, nil}, internal},
		"a marshaler that panics, inside": {result{[]any{1, panicking{}}, nil}, internal},
		"Error with NaN":                  {result{nil, &socketio.Error{Message: "m", Data: math.NaN()}}, internal},
		"Error with what panics":          {result{nil, &socketio.Error{Message: "m", Data: panicking{}}}, internal},
		"a typed nil":                     {result{nil, none}, internal},
		"a typed nil, joined":             {result{nil, errors.Join(errors.New("a"), none)}, internal},
		"an error that panics":            {result{nil, panickingError{}}, internal},
		"an error whose Unwrap panics":    {result{nil, panickingUnwrap{}}, internal},
		"an error whose As panics":        {result{nil, panickingAs{}}, internal},
		"nil":                             {result{nil, nil}, `null`},
	} {
		for _, register := range []string{"OnCall", "On", "Socket.Use"} {
			if register != "OnCall" && test.err == nil {
				continue
			}
			t.Run(name+"/"+register, func(t *testing.T) {
				log := new(testserver.LogBook)
				testserver.Run(t, &socketio.Options{Logger: log.Logger()}, func(h *testserver.Harness) {
					c := h.Connect(rawclient.WebSocket)
					switch register {
					case "OnCall":
						socketio.OnCall(h.Server, "e", func(context.Context, *socketio.Socket, struct{}) (any, error) {
							return test.value, test.err
						})
					case "On":
						socketio.On(h.Server, "e", func(context.Context, *socketio.Socket, struct{}) error { return test.err })
					case "Socket.Use":
						h.MustSocket(c.ID).Use(func(_ context.Context, e *socketio.Event) error {
							if e.Name() == "e" {
								return test.err
							}
							return nil
						})
					}
					socketio.OnCall(h.Server, "next", func(context.Context, *socketio.Socket, struct{}) (any, error) { return "fine", nil })
					c.Send(`421["e"]`, `422["next"]`)
					c.Expect(`431[`+test.reply+`]`, `432["fine"]`)
					want := 1
					if register == "On" && strings.HasPrefix(name, "Error with") {
						want = 2 // the error, and that its data cannot be sent
					}
					if lines := len(log.Lines()); test.reply == internal && (lines != want || log.Lines()[0] == "") {
						t.Errorf("%d lines:\n%s", lines, strings.Join(log.Lines(), "\n"))
					}
				})
			})
		}
	}
}

type panickingAs struct{}

func (panickingAs) Error() string { return "secret" }
func (panickingAs) As(any) bool   { panic("boom") }

func TestAnswersOfOn(t *testing.T) {
	for name, test := range map[string]struct {
		event string
		reply string
		on    func(socketio.EventTarget)
	}{
		"an argument that does not fit": {`"text"`, `[{"error":"invalid argument"}]`, nil},
		"none where one is needed":      {``, `[{"error":"invalid argument"}]`, nil},
		"one that fits":                 {`7`, `[]`, nil},
		"more than it takes":            {`7,8,9`, `[]`, nil},
		"an error": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			socketio.On(t, "e", func(context.Context, *socketio.Socket, int) error { return errors.New("secret") })
		}},
		"an Error": {`7`, `[{"error":"m","data":1}]`, func(t socketio.EventTarget) {
			socketio.On(t, "e", func(context.Context, *socketio.Socket, int) error { return &socketio.Error{Message: "m", Data: 1} })
		}},
		"a panic": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			socketio.On(t, "e", func(context.Context, *socketio.Socket, int) error { panic("boom") })
		}},
		"the end of its goroutine": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			socketio.On(t, "e", func(context.Context, *socketio.Socket, int) error { runtime.Goexit(); return nil })
		}},
		"an error of a Handler": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			t.On("e", func(context.Context, *socketio.Event) error { return errors.New("secret") })
		}},
		"a panic of a Handler": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			t.On("e", func(context.Context, *socketio.Event) error { panic("boom") })
		}},
		"an error of a Handler that has replied": {`7`, `["early"]`, func(t socketio.EventTarget) {
			t.On("e", func(_ context.Context, e *socketio.Event) error {
				return errors.Join(e.Ack("early"), errors.New("secret"))
			})
		}},
		"an argument whose UnmarshalJSON panics": {`7`, `[{"error":"internal error"}]`, func(t socketio.EventTarget) {
			socketio.On(t, "e", func(context.Context, *socketio.Socket, panickingTarget) error { return nil })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
				c := h.Connect(mode)
				for _, target := range []socketio.EventTarget{h.Server, h.MustSocket(c.ID)} {
					target.On("next", func(_ context.Context, e *socketio.Event) error { return e.Ack("next") })
					if test.on != nil {
						test.on(target)
					} else {
						socketio.On(target, "e", func(context.Context, *socketio.Socket, int) error { return nil })
					}
					c.Send(strings.Replace(`421["e",`+test.event+`]`, ",]", "]", 1), `422["next"]`)
					c.Expect(`431`+test.reply, `432["next"]`)
				}
			})
		})
	}
}

type panickingTarget struct{}

func (*panickingTarget) UnmarshalJSON([]byte) error { panic("boom") }

// The empty reply of On is the last resort.
func TestOnBesideOthers(t *testing.T) {
	on := func(h *testserver.Harness, c *testserver.Client, err error) {
		socketio.On(h.Server, "join", func(context.Context, *socketio.Socket, struct{}) error { return err })
	}
	onCall := func(h *testserver.Harness, c *testserver.Client, err error) {
		socketio.OnCall(h.MustSocket(c.ID), "join", func(context.Context, *socketio.Socket, struct{}) (string, error) { return "joined", err })
	}
	handler := func(h *testserver.Harness, c *testserver.Client, err error) {
		h.On("join", func(context.Context, *socketio.Event) error { return err })
	}
	misfit := func(h *testserver.Harness, c *testserver.Client, err error) {
		socketio.On(h.Server, "join", func(context.Context, *socketio.Socket, int) error { return nil })
	}
	fails := errors.New("secret")
	type registration struct {
		f   func(*testserver.Harness, *testserver.Client, error)
		err error
	}
	for name, test := range map[string]struct {
		handlers []registration
		reply    string
	}{
		"On for logging, OnCall":           {[]registration{{on, nil}, {onCall, nil}}, `431["joined"]`},
		"OnCall, then On":                  {[]registration{{onCall, nil}, {on, nil}}, `431["joined"]`},
		"On that fails, OnCall":            {[]registration{{on, fails}, {onCall, nil}}, `431["joined"]`},
		"On that does not fit, OnCall":     {[]registration{{misfit, nil}, {onCall, nil}}, `431["joined"]`},
		"On, OnCall that fails":            {[]registration{{on, nil}, {onCall, fails}}, `431[{"error":"internal error"}]`},
		"On, On that fails":                {[]registration{{on, nil}, {on, fails}}, `431[{"error":"internal error"}]`},
		"On that fails, On":                {[]registration{{on, fails}, {on, nil}}, `431[{"error":"internal error"}]`},
		"a Handler for logging, On":        {[]registration{{handler, nil}, {on, nil}}, `431[]`},
		"On, a Handler that fails":         {[]registration{{on, nil}, {handler, fails}}, `431[{"error":"internal error"}]`},
		"a Handler that does not reply":    {[]registration{{handler, nil}}, ``},
		"no handler":                       {nil, ``},
		"On twice":                         {[]registration{{on, nil}, {on, nil}}, `431[]`},
		"a Handler that fails, and OnCall": {[]registration{{handler, fails}, {onCall, nil}}, `431["joined"]`},
	} {
		t.Run(name, func(t *testing.T) {
			testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
				c := h.Connect(mode)
				for _, r := range test.handlers {
					r.f(h, c, r.err)
				}
				h.On("next", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
				c.Send(`421["join"]`, `422["next"]`)
				if test.reply != "" {
					c.Expect(test.reply)
				}
				c.Expect(`432[]`)
			})
		})
	}
}

// Where the type can say that there is none, an argument may be missing.
func TestOptionalArguments(t *testing.T) {
	received := func(h *testserver.Harness, target socketio.EventTarget) {
		socketio.On(target, "any", func(_ context.Context, s *socketio.Socket, v any) error { return s.Emit("got", fmt.Sprint(v)) })
		socketio.On(target, "pointer", func(_ context.Context, s *socketio.Socket, v *string) error { return s.Emit("got", v == nil) })
		socketio.On(target, "raw", func(_ context.Context, s *socketio.Socket, v json.RawMessage) error {
			return s.Emit("got", v == nil, string(v))
		})
		socketio.OnCall(target, "call", func(_ context.Context, s *socketio.Socket, v *int) (bool, error) { return v == nil, nil })
		socketio.On(target, "slice", func(_ context.Context, s *socketio.Socket, v []int) error { return s.Emit("got") })
	}
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		received(h, h.Server)
		c := h.Connect(mode)
		for _, test := range []struct{ event, want string }{
			{`42["any"]`, `42["got","\u003cnil\u003e"]`},
			{`42["any",null]`, `42["got","\u003cnil\u003e"]`},
			{`42["pointer"]`, `42["got",true]`},
			{`42["pointer",null]`, `42["got",true]`},
			{`42["pointer","x"]`, `42["got",false]`},
			{`42["raw"]`, `42["got",true,""]`},
			{`42["raw",null]`, `42["got",false,"null"]`}, // as encoding/json has it
			{`421["call"]`, `431[true]`},
			{`421["call",5]`, `431[false]`},
			{`421["slice"]`, `431[{"error":"invalid argument"}]`},
		} {
			c.Send(test.event)
			want := strings.ReplaceAll(strings.ReplaceAll(test.want, `\u003c`, "<"), `\u003e`, ">")
			c.Expect(want)
		}
	})
}

func TestSurplusArgumentsAreLoggedOnce(t *testing.T) {
	log := new(testserver.LogBook)
	o := &socketio.Options{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	testserver.Run(t, o, func(h *testserver.Harness) {
		for range 3 {
			socketio.On(h.Server, "e", func(context.Context, *socketio.Socket, int) error { return nil })
		}
		c := h.Connect(rawclient.WebSocket)
		c.Send(`42["e",1]`, `42["e",1,2]`)
		synctest.Wait()
		log.ExpectOne(t, "more arguments", "level=DEBUG", "event=e", "arguments=2")
	})
}

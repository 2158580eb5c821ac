package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A panicLog counts the panics of the program's code, and the lines about them.
type panicLog struct {
	mu      sync.Mutex
	text    strings.Builder
	panics  atomic.Int32
	logging func() // called with each line
}

func (l *panicLog) Write(p []byte) (int, error) {
	if l.logging != nil {
		l.logging()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// logger logs at level Debug, which has the panics that come often, too.
func (l *panicLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *panicLog) boom() {
	l.panics.Add(1)
	panic("boom")
}

// check wants one line with a stack for each panic, and at least one.
func (l *panicLog) check(t *testing.T, call string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := 0
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, "call="+call) && strings.Contains(line, "panic=boom") && strings.Contains(line, "goroutine ") {
			lines++
		}
	}
	if n := int(l.panics.Load()); n == 0 || lines != n {
		t.Errorf("%d panics, and %d lines that tell of them:\n%.2000s", n, lines, l.text.String())
	}
}

// panicking sets the i-th field of a struct to a function that panics.
func (l *panicLog) panicking(structure any, i int) {
	field := reflect.ValueOf(structure).Elem().Field(i)
	field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) []reflect.Value {
		l.boom()
		return nil
	}))
}

// life has a client go through what a Trace is told of.
func (h *harness) life(mode rawclient.Mode) {
	c, r := h.open(mode, rawclient.Options{Pong: true})
	if err := c.Send("4hello", "bAQID"); err != nil {
		h.t.Error(err)
	}
	h.expect(c, "4hello", "bAQID")
	synctest.Wait()
	r.SendVolatile(engine.NewMessage([]byte("volatile")))
	if mode == rawclient.WebSocket {
		h.expect(c, "4volatile")
	}
	if a := h.request("GET", "transport=pigeon", nil); a.status != http.StatusBadRequest {
		h.t.Errorf("answered by %d", a.status)
	}
	r.Close()
	h.expectClosed(r, engine.ReasonForcedClose)
}

func TestPanickingTrace(t *testing.T) {
	for i := range reflect.TypeFor[engine.Trace]().NumField() {
		name := reflect.TypeFor[engine.Trace]().Field(i).Name
		t.Run(name, func(t *testing.T) {
			var log panicLog
			trace := new(engine.Trace)
			log.panicking(trace, i)
			run(t, &engine.Options{Trace: trace, Logger: log.logger()}, func(h *harness) {
				h.life(rawclient.WebSocket)
				h.life(rawclient.Upgrade)
				r := h.openPolling()
				r.SendVolatile(engine.NewMessage([]byte("nobody polls")))
				r.Close()
				synctest.Wait()
				log.check(t, "Trace."+name)
			})
		})
	}
}

func TestPanickingOptions(t *testing.T) {
	status := map[string]int{"CheckOrigin": 403, "AllowRequest": 403, "GenerateID": 400}
	options := reflect.TypeFor[engine.Options]()
	for i := range options.NumField() {
		if options.Field(i).Type.Kind() != reflect.Func {
			continue
		}
		name := options.Field(i).Name
		t.Run(name, func(t *testing.T) {
			log := new(panicLog)
			o := &engine.Options{Logger: log.logger(), MaxConnections: 1}
			log.panicking(o, i)
			run(t, o, func(h *harness) {
				for range 2 { // the first has given its place back
					if a := h.request("GET", "transport=polling", nil); a.status != status[name] {
						t.Errorf("answered by %d %q", a.status, a.body)
					}
				}
				log.check(t, "Options."+name)
			})
		})
	}
	t.Run("the error of AllowRequest", func(t *testing.T) {
		log := new(panicLog)
		o := &engine.Options{Logger: log.logger(), AllowRequest: func(*http.Request) error { return panickingError{log} }}
		run(t, o, func(h *harness) {
			h.expectAnswer(h.request("GET", "transport=polling", nil), 403, `{"code":4,"message":"internal error"}`)
			log.check(t, "Options.AllowRequest")
		})
	})
	t.Run("the error of GenerateID", func(t *testing.T) {
		log := new(panicLog)
		o := &engine.Options{Logger: log.logger(), GenerateID: func(*http.Request) (string, error) { return "", panickingError{log} }}
		run(t, o, func(h *harness) {
			h.expectAnswer(h.request("GET", "transport=polling", nil), 400, `{"code":3,"message":"Bad request"}`)
			log.check(t, "Options.GenerateID")
		})
	})
}

type panickingError struct{ log *panicLog }

func (e panickingError) Error() string { e.log.boom(); return "" }

// A panickingReceiver panics in one method, or in what one returns.
type panickingReceiver struct {
	*recorder
	log *panicLog
	in  string
}

func (r *panickingReceiver) step(name string) {
	if r.in == name {
		r.log.boom()
	}
}

func (r *panickingReceiver) Text(data []byte) error {
	r.step("Text")
	return r.recorder.Text(data)
}

func (r *panickingReceiver) Binary(data []byte) error {
	r.step("Binary")
	return r.recorder.Binary(data)
}

func (r *panickingReceiver) EndBatch() engine.Task {
	r.step("EndBatch")
	return r
}

func (r *panickingReceiver) Run() { r.step("Run") }

func (r *panickingReceiver) Closed(reason engine.Reason) {
	r.recorder.Closed(reason)
	r.step("Closed")
}

func (r *panickingReceiver) Drain(done func()) {
	r.step("Drain")
	done()
}

func TestPanickingReceiver(t *testing.T) {
	for name, call := range map[string]string{
		"accept": "accept", "Text": "Receiver", "Binary": "Receiver", "EndBatch": "Receiver.EndBatch",
		"Run": "Task.Run", "Closed": "Receiver.Closed", "Drain": "Drainer.Drain",
	} {
		t.Run(name, func(t *testing.T) {
			forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
				log := new(panicLog)
				run(t, &engine.Options{Logger: log.logger()}, func(h *harness) {
					h.receiver = func(r *recorder) engine.Receiver {
						if name == "accept" {
							log.boom()
						}
						return &panickingReceiver{r, log, name}
					}
					c, err := rawclient.Open(context.Background(), h.dial, mode, rawclient.Options{Pong: true})
					if err == nil {
						_ = c.Send("4text", "bAQID")
						synctest.Wait()
						if name == "Drain" {
							if err := h.server.Shutdown(context.Background()); err != nil {
								t.Error(err)
							}
						}
						c.Drop()
					} else if name != "accept" {
						t.Error(err)
					}
					synctest.Wait()
					log.check(t, call)
					h.server.Close()
					synctest.Wait()
					if n := h.server.Len(); n != 0 {
						t.Errorf("%d sessions left", n)
					}
				})
			})
		})
	}
}

// A panickingHandler is a log handler that panics at errors, or always.
type panickingHandler struct {
	slog.Handler
	always bool
}

func (h panickingHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.always {
		panic("boom")
	}
	r.Attrs(func(a slog.Attr) bool {
		if err, is := a.Value.Any().(error); is {
			_ = err.Error()
		}
		return true
	})
	return h.Handler.Handle(ctx, r)
}

func (h panickingHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.always {
		panic("boom")
	}
	return h.Handler.Enabled(ctx, level)
}

func TestPanickingLogger(t *testing.T) {
	t.Run("at what it is given: the values are written as text", func(t *testing.T) {
		log := new(panicLog)
		srv := engine.NewServer(&engine.Options{Logger: slog.New(panickingHandler{Handler: log.logger().Handler()})}, nil)
		srv.Options().Logger.With("k", "v").WithGroup("g").Error("failed", "err", panickingError{log})
		if got := log.text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "PANIC=Error method: boom") || !strings.Contains(got, "k=v") {
			t.Errorf("logged %q", got)
		}
	})
	t.Run("always: the session ends for its own reason", func(t *testing.T) {
		log := new(panicLog)
		run(t, &engine.Options{Logger: slog.New(panickingHandler{log.logger().Handler(), true})}, func(h *harness) {
			h.onText = func(*recorder, string) error { return errors.New("no") }
			c, r := h.open(rawclient.WebSocket, rawclient.Options{Pong: true})
			_ = c.Send("4text")
			h.expectClosed(r, engine.ReasonForcedClose)
		})
	})
}

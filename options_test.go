package socketio_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		request string // method and URL
		status  int
		body    string
		log     []string // parts of the one line logged, if any
	}{
		"another path":                  {"GET /", 404, "404: Engine.IO is served at /socket.io/ (see Options.Path)\n", nil},
		"a path with a typo":            {"GET /socketio/?EIO=4&transport=polling", 404, "404: Engine.IO is served at /socket.io/ (see Options.Path)\n", []string{"path=/socketio/", "Options.Path=/socket.io/"}},
		"a path that only begins so":    {"GET /socket.iox/?EIO=4&transport=polling", 404, "404: Engine.IO is served at /socket.io/ (see Options.Path)\n", []string{"path=/socket.iox/", "Options.Path=/socket.io/"}},
		"an unknown file in the path":   {"GET /socket.io/file.js", 400, `{"code":0,"message":"Transport unknown"}`, nil},
		"an unknown transport":          {"GET /socket.io/?EIO=4&transport=carrier-pigeon", 400, `{"code":0,"message":"Transport unknown"}`, nil},
		"a client of Engine.IO 3":       {"GET /socket.io/?EIO=3&transport=polling", 400, `{"code":5,"message":"Unsupported protocol version"}`, []string{"Options.AllowEIO3", "EIO=3"}},
		"an unknown session":            {"GET /socket.io/?EIO=4&transport=polling&sid=gone", 400, `{"code":1,"message":"Session ID unknown"}`, []string{"unknown session id", "sticky"}},
		"a handshake by another method": {"POST /socket.io/?EIO=4&transport=polling", 400, `{"code":2,"message":"Bad handshake method"}`, nil},
		"WebSocket without an upgrade":  {"GET /socket.io/?EIO=4&transport=websocket", 400, `{"code":3,"message":"Bad request"}`, []string{"proxy", "Upgrade and Connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log testserver.LogBook
			io := socketio.NewServer(&socketio.Options{Logger: log.Logger()})
			for range 3 { // logged once all the same
				method, url, _ := strings.Cut(test.request, " ")
				w := httptest.NewRecorder()
				io.ServeHTTP(w, httptest.NewRequest(method, url, nil))
				if w.Code != test.status || w.Body.String() != test.body {
					t.Errorf("answer %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
				}
			}
			if test.log != nil {
				log.ExpectOne(t, "level=WARN", test.log...)
			} else if got := log.Lines(); got[0] != "" {
				t.Errorf("logged %q", got)
			}
		})
	}
}

func TestPath(t *testing.T) {
	for _, path := range []string{"/chat/io/", "/chat/io"} {
		io := socketio.NewServer(&socketio.Options{Path: path})
		for url, status := range map[string]int{
			"/chat/io/?EIO=4&transport=polling": http.StatusOK, "/chat/io?EIO=4&transport=polling": http.StatusOK,
			"/socket.io/?EIO=4&transport=polling": http.StatusNotFound,
		} {
			w := httptest.NewRecorder()
			io.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
			if w.Code != status {
				t.Errorf("Path %q: %s answered by %d, want %d", path, url, w.Code, status)
			}
		}
		io.Close()
	}
	testserver.ExpectPanic(t, "socketio: Options.Path \"io\" does not begin with a slash", func() { socketio.NewServer(&socketio.Options{Path: "io"}) })
	testserver.ExpectPanic(t, "unknown transport", func() { socketio.NewServer(&socketio.Options{Transports: []string{"websockets"}}) })
}

// Constructors return a nil pointer beside an error.
func TestNilOptions(t *testing.T) {
	var (
		coder *struct{ parser.Parser }
		bus   *adapter.Loopback
		files *embed.FS
	)
	for want, o := range map[string]*socketio.Options{
		"Parser is a nil *struct":            {Parser: coder},
		"Adapter is a nil *adapter.Loopback": {Adapter: bus},
		"ServeClient is a nil *embed.FS":     {ServeClient: files},
	} {
		testserver.ExpectPanic(t, "socketio: Options."+want, func() { socketio.NewServer(o) })
	}
}

// In JavaScript times are numbers of milliseconds.
func TestTimesWithoutUnit(t *testing.T) {
	checked := 0
	var check func(name string, of reflect.Type, in func(o *socketio.Options) reflect.Value)
	check = func(name string, of reflect.Type, in func(o *socketio.Options) reflect.Value) {
		for i := range of.NumField() {
			f, name := of.Field(i), name+of.Field(i).Name
			switch field := func(o *socketio.Options) reflect.Value { return in(o).Field(i) }; {
			case f.Type == reflect.TypeFor[time.Duration]():
				o := &socketio.Options{Recovery: new(socketio.Recovery)}
				field(o).SetInt(20_000)
				testserver.ExpectPanic(t, "socketio: Options."+name+" is 20µs: is its unit missing", func() { socketio.NewServer(o) })
				field(o).SetInt(int64(time.Millisecond))
				socketio.NewServer(o).Close()
				checked++
			case f.Type.Kind() == reflect.Struct:
				check(name+".", f.Type, field)
			case f.Type == reflect.TypeFor[*socketio.Recovery]():
				check(name+".", f.Type.Elem(), func(o *socketio.Options) reflect.Value { return field(o).Elem() })
			}
		}
	}
	check("", reflect.TypeFor[socketio.Options](), func(o *socketio.Options) reflect.Value { return reflect.ValueOf(o).Elem() })
	if checked < 7 {
		t.Errorf("%d times checked", checked)
	}
}

func TestTransports(t *testing.T) {
	testserver.Run(t, &socketio.Options{Transports: []string{"polling"}}, func(h *testserver.Harness) {
		c := h.Connect(rawclient.Polling)
		if got := c.Handshake.Upgrades; len(got) != 0 {
			t.Errorf("upgrades offered: %q", got)
		}
		if _, err := rawclient.Open(context.Background(), h.Dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/"}); err == nil {
			t.Error("connected by a transport that is off")
		}
	})
}

func TestMaxPayload(t *testing.T) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			var log testserver.LogBook
			testserver.Run(t, &socketio.Options{Limits: socketio.Limits{Payload: 1000}, Logger: log.Logger()}, func(h *testserver.Harness) {
				socketio.OnCall(h.Server, "len", func(ctx context.Context, s *socketio.Socket, text string) (int, error) { return len(text), nil })
				c := h.Connect(mode)
				if got := c.Handshake.MaxPayload; got != 1000 {
					t.Errorf("the client is told %d", got)
				}
				const frame = `420["len",""]`
				packet := func(size int) string { return `420["len","` + strings.Repeat("x", size-len(frame)) + `"]` }
				c.Send(packet(1000))
				c.Expect(`430[987]`)
				reason := make(chan socketio.Reason, 1)
				h.MustSocket(c.ID).OnDisconnect(func(r socketio.Reason) { reason <- r })
				_ = c.Client.Send(packet(1001)) // may be refused
				if got := <-reason; got != socketio.ReasonTransportError {
					t.Errorf("disconnected with %q", got)
				}
				c.ExpectClosed()
				synctest.Wait()
				log.ExpectOne(t, "Options.Limits.Payload", "limit=1000")
			})
		})
	}
}

func TestMaxAttachments(t *testing.T) {
	testserver.Run(t, &socketio.Options{Parser: parser.JSON{MaxAttachments: 2}}, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		one := []byte{1}
		h.Check(s.Emit("e", one, one))
		c.Expect(`452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "bAQ==", "bAQ==")
		if err := s.Emit("e", one, one, one); err == nil || !strings.Contains(err.Error(), "too many attachments") {
			t.Errorf("Emit with three attachments: %v", err)
		}
		c.Send(`453-["e",1]`)
		c.ExpectClosed()
	})
}

func TestHandshakeOptions(t *testing.T) {
	testserver.Run(t, &socketio.Options{
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Key") == "" {
				return errors.New("no key")
			}
			if r.Header.Get("X-Key") == "old" {
				return fmt.Errorf("secret: %w", &socketio.Error{Message: "key expired", Status: http.StatusUnauthorized})
			}
			return nil
		},
		Cookie: &http.Cookie{Name: "io", HttpOnly: true},
	}, func(h *testserver.Harness) {
		r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil)
		if a := h.Do(r.Clone(h.T.Context())); a.StatusCode != 403 || !strings.Contains(a.Body, "no key") {
			t.Errorf("without a key: %s %s", a.Status, a.Body)
		}
		r.Header.Set("X-Key", "old")
		if a := h.Do(r.Clone(h.T.Context())); a.StatusCode != 401 || a.Body != `{"code":4,"message":"key expired"}` {
			t.Errorf("with an old key: %s %s", a.Status, a.Body)
		}
		r.Header.Set("X-Key", "k")
		if a := h.Do(r); a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Set-Cookie"), "io=") {
			t.Errorf("with a key: %s, cookie %q", a.Status, a.Header.Get("Set-Cookie"))
		}
	})
}

// Each option of the engine is set from an option of its own.
func TestEveryEngineOptionIsSet(t *testing.T) {
	o := &socketio.Options{
		Transports:        []string{"polling"},
		PerMessageDeflate: new(socketio.PerMessageDeflate),
		AllowRequest:      func(*http.Request) error { return nil },
		GenerateID:        func(*http.Request) (string, error) { return "", nil },
		Cookie:            new(http.Cookie),
		Logger:            slog.New(slog.DiscardHandler),
		Trace:             new(socketio.Trace),
	}
	next := int64(0)
	for _, of := range []reflect.Value{reflect.ValueOf(o).Elem(), reflect.ValueOf(&o.Limits).Elem()} {
		for i := range of.NumField() {
			switch f := of.Field(i); f.Kind() {
			case reflect.Int, reflect.Int64:
				next++
				f.SetInt(next)
			case reflect.Bool:
				f.SetBool(true)
			case reflect.String:
				f.SetString("/path")
			}
		}
	}
	numbers := make(map[int64]string)
	engine := reflect.ValueOf(o.EngineOptions()).Elem()
	for i := range engine.NumField() {
		name, f := engine.Type().Field(i).Name, engine.Field(i)
		if f.IsZero() {
			t.Errorf("nothing sets the engine's %s", name)
		}
		if !f.CanInt() {
			continue
		}
		if other := numbers[f.Int()]; other != "" {
			t.Errorf("one option sets the engine's %s and %s", name, other)
		}
		numbers[f.Int()] = name
	}
}

package systemtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// connectErrors are clients that get a connect_error, and the line that says
// so. The name is that of the error in the source, or "" for middleware's.
var connectErrors = []struct {
	name    string
	source  string
	options socketio.Options
	prepare func(h *testserver.Harness)
	send    []string
	answer  string
	line    []string // parts
}{
	{"an unknown namespace", "errInvalidNamespace", socketio.Options{}, nil,
		[]string{"40/nope,"}, `44/nope,{"message":"Invalid namespace"}`, []string{"namespace=/nope", "Server.Of"}},
	{"a namespace that no family wants", "errInvalidNamespace", socketio.Options{},
		func(h *testserver.Harness) {
			h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { return false })
		},
		[]string{"40/nope,"}, `44/nope,{"message":"Invalid namespace"}`, []string{"namespace=/nope", "OfFunc"}},
	{"one namespace too many", "errTooManyNamespaces", socketio.Options{Limits: socketio.Limits{Namespaces: 1}}, nil,
		[]string{"40", "40/nope,"}, `44/nope,{"message":"Too many namespaces"}`, []string{"Options.Limits.Namespaces", "limit=1"}},
	{"one CONNECT too many", "errConnects", socketio.Options{Limits: socketio.Limits{EventRate: socketio.EventRate{PerSecond: 1, Over: socketio.RateDrop}}},
		func(h *testserver.Harness) { h.Of("/a"); h.Of("/b") },
		[]string{"40", "40/a,", "40/b,"}, `44/b,{"message":"Too many connects"}`, []string{"CONNECT over the rate"}},
	{"too much auth", "errAuth", socketio.Options{Limits: socketio.Limits{Inbox: 1000}}, func(h *testserver.Harness) { h.Of("/a") },
		[]string{`40{"token":1}`, "40/a,{\"token\":\"" + strings.Repeat("x", 70_000) + "\"}"},
		`44/a,{"message":"Too much auth data"}`, []string{"auth over Options.Limits.Inbox", "limit=65536"}},
	{"an error of middleware", "", socketio.Options{},
		func(h *testserver.Harness) {
			h.Use(func(context.Context, *socketio.Socket) error { return errors.New("wrong token") })
		},
		[]string{"40"}, `44{"message":"wrong token"}`, []string{"refused by middleware", "namespace=/", "wrong token"}},
	{"an Error of middleware", "", socketio.Options{},
		func(h *testserver.Harness) {
			h.Use(func(context.Context, *socketio.Socket) error {
				return &socketio.Error{Message: "wrong token", Data: 7}
			})
		},
		[]string{"40"}, `44{"message":"wrong token","data":7}`, []string{"refused by middleware", "namespace=/", "wrong token"}},
	{"a panic in middleware", "", socketio.Options{},
		func(h *testserver.Harness) { h.Use(func(context.Context, *socketio.Socket) error { panic("bug") }) },
		[]string{"40"}, `44{"message":"internal error"}`, []string{"level=ERROR", "panic in a handler", "handler=middleware", "panic=bug"}},
}

func TestEveryConnectErrorIsOneLine(t *testing.T) {
	missing := connectErrorSources(t)
	for _, test := range connectErrors {
		delete(missing, test.source)
		t.Run(test.name, func(t *testing.T) {
			testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
				var log testserver.LogBook
				o := test.options
				o.Logger = log.Everything()
				h.Server.Close()
				h.Server = socketio.NewServer(&o)
				h.Serve(h.Server)
				if test.prepare != nil {
					test.prepare(h)
				}
				c := h.Open(mode)
				for i, packet := range test.send {
					c.Send(packet)
					if i < len(test.send)-1 {
						namespace, _, _ := strings.Cut(strings.TrimPrefix(packet, "40"), ",")
						c.Connected(strings.TrimRight(namespace, `{}"token:1`))
					}
				}
				c.Expect(test.answer)
				synctest.Wait()
				log.ExpectOne(t, "level=", test.line...)
			})
		})
	}
	for source := range missing {
		t.Errorf("no client is refused for %s", source)
	}
}

// connectErrorSources returns the errors for which the library itself refuses
// a namespace. Refusing is in two functions only.
func connectErrorSources(t *testing.T) map[string]bool {
	names, _ := filepath.Glob("../../*.go")
	found := map[string]bool{"": true}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, is := decl.(*ast.FuncDecl)
			if !is {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if r, is := n.(*ast.ReturnStmt); is && (f.Name.Name == "objection" || f.Name.Name == "keepAuth") {
					for _, result := range r.Results {
						if why, is := result.(*ast.Ident); is && strings.HasPrefix(why.Name, "err") && why.Name != "err" {
							found[why.Name] = true
						}
					}
				}
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				selector, is := call.Fun.(*ast.SelectorExpr)
				switch {
				case !is:
				case selector.Sel.Name == "connectError" && f.Name.Name != "refusal" && f.Name.Name != "refuseNamespace":
					t.Errorf("%s makes a connect_error; does it log it?", f.Name.Name)
				case selector.Sel.Name == "refuseNamespace":
					why, is := call.Args[1].(*ast.Ident)
					if !is {
						t.Errorf("%s refuses a namespace for something unnamed", f.Name.Name)
						break
					}
					if why.Name != "why" { // or else one of the above
						found[why.Name] = true
					}
				}
				return true
			})
		}
	}
	if len(found) < 3 {
		t.Fatalf("found only %v", found)
	}
	return found
}

// A server that is mounted where its path does not arrive says what arrives.
func TestAnotherPathThanOptionsPathIsOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		mount func(io *socketio.Server) http.Handler
		url   string
		path  string
	}{
		"StripPrefix": {func(io *socketio.Server) http.Handler { return http.StripPrefix("/socket.io", io) }, "/socket.io/", "path=/ "},
		"below a router's prefix": {func(io *socketio.Server) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/api/", io)
			return mux
		}, "/api/socket.io/", "path=/api/socket.io/ "},
		"a client's path": {func(io *socketio.Server) http.Handler { return io }, "/chat/", "path=/chat/ "},
	} {
		t.Run(name, func(t *testing.T) {
			var log testserver.LogBook
			io := socketio.NewServer(&socketio.Options{Logger: log.Logger()})
			defer io.Close()
			for range 3 {
				request(test.mount(io), test.url+"?EIO=4&transport=polling")
			}
			log.ExpectOne(t, "level=WARN", test.path, "Options.Path=/socket.io/", "StripPrefix")
		})
	}
}

// failing are what clients, or other servers, can bring about as often as they
// like, and the lines that it may cost.
var failing = []struct {
	name    string
	options socketio.Options
	prepare func(h *testserver.Harness)
	event   func(i int) string // nil: nobody sends anything
	local   func(h *testserver.Harness, i int)
	level   string
	line    string
	lines   int
}{
	{name: "arguments of another type", level: "WARN", line: "invalid arguments", lines: 1,
		prepare: func(h *testserver.Harness) {
			socketio.On(h.Server, "e", func(context.Context, *socketio.Socket, int) error { return nil })
		},
		event: func(int) string { return `42["e","no number"]` }},
	{name: "arguments of another type, with a reply", level: "WARN", line: "invalid arguments", lines: 1,
		prepare: func(h *testserver.Harness) {
			socketio.OnCall(h.Server, "e", func(context.Context, *socketio.Socket, int) (int, error) { return 0, nil })
		},
		event: func(i int) string { return fmt.Sprintf(`42%d["e","no number"]`, i) }},
	{name: "arguments that a handler decodes itself", level: "WARN", line: "invalid arguments", lines: 1,
		prepare: func(h *testserver.Harness) {
			h.On("e", func(_ context.Context, e *socketio.Event) error { var n int; return e.Decode(&n) })
		},
		event: func(int) string { return `42["e"]` }},
	{name: "a handler's error", level: "ERROR", line: "handler failed", lines: 1,
		prepare: func(h *testserver.Harness) {
			h.On("e", func(context.Context, *socketio.Event) error { return errors.New("disk full") })
		},
		event: func(int) string { return `42["e"]` }},
	{name: "a handler's panic", level: "ERROR", line: "panic in a handler", lines: 1,
		prepare: func(h *testserver.Harness) {
			h.On("e", func(context.Context, *socketio.Event) error { panic("bug") })
		},
		event: func(int) string { return `42["e"]` }},
	{name: "events without a handler", level: "WARN", line: "no handler for an event", lines: 1,
		event: func(int) string { return `42["e"]` }},
	{name: "events of many names without a handler", level: "WARN", line: "no handler for an event", lines: 10,
		event: func(i int) string { return fmt.Sprintf(`42["e%d"]`, i) }},
	{name: "events that somebody takes who listens to all", level: "WARN", line: "no handler for an event", lines: 0,
		prepare: func(h *testserver.Harness) {
			h.OnConnect(func(s *socketio.Socket) { s.OnAny(func(context.Context, *socketio.Event) error { return nil }) })
		},
		event: func(i int) string { return fmt.Sprintf(`42["e%d"]`, i) }},
	{name: "events that Socket.Use refuses", level: "WARN", line: "event refused by Socket.Use", lines: 1,
		prepare: func(h *testserver.Harness) {
			h.OnConnect(func(s *socketio.Socket) {
				s.Use(func(context.Context, *socketio.Event) error { return errors.New("not allowed") })
			})
		},
		event: func(int) string { return `42["e"]` }},
	{name: "events that Socket.Use refuses with an answer", level: "WARN", line: "event refused by Socket.Use", lines: 1,
		prepare: func(h *testserver.Harness) {
			h.OnConnect(func(s *socketio.Socket) {
				s.Use(func(context.Context, *socketio.Event) error { return &socketio.Error{Message: "not allowed"} })
			})
		},
		event: func(i int) string { return fmt.Sprintf(`42%d["e"]`, i) }},
	{name: "many namespaces that there are not", level: "WARN", line: "namespace refused", lines: 10,
		event: func(i int) string { return fmt.Sprintf("40/n%d,", i) }},
	{name: "one namespace that there is not", level: "WARN", line: "namespace refused", lines: 1,
		event: func(int) string { return "40/nope," }},
	{name: "emits while the other servers cannot be reached", level: "ERROR", line: "cannot send to the other servers", lines: 1,
		options: socketio.Options{Adapter: &testserver.Broken{}},
		local:   func(h *testserver.Harness, i int) { _ = h.Emit("e", i) }},
}

func TestWhatClientsCauseCostsFewLines(t *testing.T) {
	for _, test := range failing {
		t.Run(test.name, func(t *testing.T) {
			const times = 2_000
			var log testserver.LogBook
			o := test.options
			o.Logger, o.Limits.Buffered = log.Logger(), 100<<20
			testserver.Run(t, &o, func(h *testserver.Harness) {
				if test.prepare != nil {
					test.prepare(h)
				}
				c := h.Connect(rawclient.WebSocket)
				go func() {
					for err := error(nil); err == nil; {
						_, err = c.Client.Next()
					}
				}()
				for i := range times {
					if test.local != nil {
						test.local(h, i)
						continue
					}
					c.Send(test.event(i))
				}
				synctest.Wait()
				expectLines(t, &log, test.level, test.line, test.lines)
				if test.lines == 0 {
					return
				}
				testserver.Wait(2 * time.Minute) // then the next line says how many were left out
				if test.local != nil {
					test.local(h, times)
				} else {
					c.Send(test.event(times))
				}
				synctest.Wait()
				if test.local != nil { // it is known
					expectLines(t, &log, test.level, test.line, test.lines)
					return
				}
				expectLines(t, &log, test.level, test.line, test.lines+1)
				last := log.Lines()[len(log.Lines())-1]
				if want := fmt.Sprintf("omitted=%d", times-test.lines); !strings.Contains(last, want) {
					t.Errorf("the last line is %swant %s", last, want)
				}
			})
		})
	}
}

// expectLines wants this many lines, and no other from level Warn on.
func expectLines(t *testing.T, log *testserver.LogBook, level, part string, want int) {
	t.Helper()
	got := 0
	for _, line := range log.Lines() {
		if strings.Contains(line, part) && strings.Contains(line, "level="+level) {
			got++
		} else if line != "" {
			t.Errorf("logged %.300s", line)
		}
	}
	if got != want {
		t.Errorf("%d lines with %q, want %d", got, part, want)
	}
}

// A store that is down is not told of once for each client that comes or goes.
func TestAStoreThatIsDownIsTwoLines(t *testing.T) {
	var log testserver.LogBook
	testserver.Run(t, &socketio.Options{Adapter: &brokenStore{}, Recovery: &socketio.Recovery{}, Logger: log.Logger()}, func(h *testserver.Harness) {
		for range 20 {
			c := h.Open(rawclient.WebSocket)
			c.Send(`40{"pid":"x","offset":"y"}`)
			c.Match(`^40\{"sid":"[\w-]{20}","pid":"[\w-]+"\}$`)
			c.Drop()
			synctest.Wait()
		}
		log.ExpectOne(t, "cannot restore a session", "level=ERROR")
		log.ExpectOne(t, "cannot keep a session", "level=ERROR")
	})
}

type brokenStore struct{ adapter.Loopback }

func (*brokenStore) PersistSession(context.Context, *adapter.Session, time.Duration) error {
	return errors.New("store down")
}

func (*brokenStore) RestoreSession(context.Context, string, string, string) (*adapter.Session, []*adapter.Message, error) {
	return nil, nil, errors.New("store down")
}

func (*brokenStore) DeleteSession(context.Context, string, string) (bool, error) {
	return false, errors.New("store down")
}

func (*brokenStore) Compare(string, string) int { return 0 }

// What a client names is cut, so that it cannot fill the log by one long name.
func TestALongNameIsCutInTheLog(t *testing.T) {
	var log testserver.LogBook
	testserver.Run(t, &socketio.Options{Logger: log.Logger(), Limits: socketio.Limits{Payload: 1 << 20}}, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		name, err := json.Marshal(strings.Repeat("long", 60))
		h.Check(err)
		c.Send(`42[` + string(name) + `]`)
		synctest.Wait()
		for _, line := range log.Lines() {
			if len(line) > 500 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		log.ExpectOne(t, "no handler for an event", "…")
	})
}

// request makes a request of a handler.
func request(h http.Handler, url string) {
	r, _ := http.NewRequest(http.MethodGet, "http://server.test"+url, new(bytes.Buffer))
	h.ServeHTTP(discard{http.Header{}}, r)
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

package engine_test

import (
	"bufio"
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

const overPolling = "transport=polling"

// refusals are requests that are refused, and the line that says so.
var refusals = []struct {
	name    string
	cause   engine.Cause
	options engine.Options
	do      func(h *harness)
	line    []string // the level and parts of the line
}{
	{"a transport that is switched off", engine.CauseTransport, engine.Options{Transports: []string{engine.WebSocket}},
		func(h *harness) { h.request("GET", overPolling, nil) },
		[]string{"WARN", "transport=polling", "Options.Transports=[websocket]"}},
	{"a transport that there is not", engine.CauseTransport, engine.Options{},
		func(h *harness) { h.request("GET", "transport=pigeon", nil) },
		[]string{"DEBUG", "unknown transport", "pigeon"}},
	{"an unknown session", engine.CauseSession, engine.Options{},
		func(h *harness) { h.request("GET", overPolling+"&sid=none", nil) },
		[]string{"WARN", "unknown session id", "sticky sessions"}},
	{"a method", engine.CauseMethod, engine.Options{},
		func(h *harness) { h.request("PUT", overPolling, nil) },
		[]string{"DEBUG", "bad method", "PUT"}},
	{"a method within a session", engine.CauseMethod, engine.Options{},
		func(h *harness) { h.request("PUT", session(h.openPolling()), nil) },
		[]string{"DEBUG", "bad method", "PUT"}},
	{"a method of an upgrade", engine.CauseMethod, engine.Options{},
		func(h *harness) {
			h.request("PUT", "transport=websocket&sid="+h.openPolling().ID(), nil, "Connection", "Upgrade", "Upgrade", "websocket")
		},
		[]string{"DEBUG", "bad method", "PUT"}},
	{"an origin", engine.CauseOrigin, engine.Options{},
		func(h *harness) { h.request("GET", overPolling, nil, "Origin", "http://other.test") },
		[]string{"WARN", "http://other.test", "Options.CheckOrigin"}},
	{"an origin that no browser sends", engine.CauseOrigin, engine.Options{},
		func(h *harness) { h.request("GET", overPolling, nil, "Origin", "é") },
		[]string{"DEBUG", "malformed Origin", "é"}},
	{"a client of Engine.IO 3", engine.CauseVersion, engine.Options{},
		func(h *harness) { h.request("GET", overPolling+"&EIO=3", nil) },
		[]string{"WARN", "Options.AllowEIO3"}},
	{"a client of Engine.IO 2", engine.CauseVersion, engine.Options{},
		func(h *harness) { h.request("GET", overPolling+"&EIO=2", nil) },
		[]string{"WARN", "does not speak Engine.IO 4", "EIO=2"}},
	{"whom AllowRequest refuses", engine.CauseAllowRequest,
		engine.Options{AllowRequest: func(*http.Request) error { return errors.New("not today") }},
		func(h *harness) { h.request("GET", overPolling, nil) },
		[]string{"WARN", "Options.AllowRequest", "not today"}},
	{"an id that cannot be made", engine.CauseID,
		engine.Options{GenerateID: func(*http.Request) (string, error) { return "", errors.New("no more ids") }},
		func(h *harness) { h.request("GET", overPolling, nil) },
		[]string{"WARN", "Options.GenerateID", "no more ids"}},
	{"a poll beside a WebSocket", engine.CauseMismatch, engine.Options{},
		func(h *harness) { _, r := h.wireSession(); h.request("GET", session(r), nil) },
		[]string{"DEBUG", "another transport"}},
	{"a second poll", engine.CauseConcurrent, engine.Options{},
		func(h *harness) {
			r := h.openPolling()
			first := h.poll(r)
			h.request("GET", session(r), nil)
			<-first
		},
		[]string{"DEBUG", "two requests at the same time", "GET"}},
	{"a payload that is none", engine.CausePayload, engine.Options{},
		func(h *harness) { h.request("POST", session(h.openPolling()), strings.NewReader("9")) },
		[]string{"DEBUG", "bad payload"}},
	{"a payload that is too large", engine.CauseTooLarge, engine.Options{MaxPayload: 10},
		func(h *harness) {
			h.request("POST", session(h.openPolling()), strings.NewReader(strings.Repeat("4", 100)))
		},
		[]string{"WARN", "Options.Limits.Payload", "limit=10"}},
	{"a proxy that passes no upgrade on", engine.CauseHandshake, engine.Options{},
		func(h *harness) { h.request("GET", "transport=websocket", nil) },
		[]string{"WARN", "proxy", "Upgrade and Connection"}},
	{"a WebSocket of another version", engine.CauseHandshake, engine.Options{},
		func(h *harness) { h.wire("", "Sec-WebSocket-Version", "8") },
		[]string{"DEBUG", "Sec-WebSocket-Version"}},
	{"a WebSocket where none is possible", engine.CauseHandshake, engine.Options{},
		func(h *harness) { h.serveWithoutHijack() },
		[]string{"WARN", "Hijack", "Unwrap"}},
	{"a slow POST", engine.CauseTimeout, engine.Options{PingTimeout: 5 * time.Second},
		func(h *harness) {
			body, feed := io.Pipe()
			defer feed.Close()
			h.request("POST", session(h.openPolling()), body)
		},
		[]string{"WARN", "slow POST", "Options.PingTimeout", "limit=5s"}},
	{"one connection too many", engine.CauseConnections, engine.Options{MaxConnections: 1},
		func(h *harness) { h.openPolling(); h.request("GET", overPolling, nil) },
		[]string{"WARN", "Options.Limits.Connections ", "limit=1"}},
	{"one connection of an address too many", engine.CauseConnections, engine.Options{MaxConnectionsPerAddress: 1},
		func(h *harness) { h.openPolling(); h.request("GET", overPolling, nil) },
		[]string{"WARN", "Options.Limits.ConnectionsPerAddress", "limit=1"}},
	{"who comes to a server that shuts down", engine.CauseShutdown, engine.Options{},
		func(h *harness) { h.server.Close(); h.request("GET", overPolling, nil) },
		[]string{"DEBUG", "shutting down"}},
	{"a second upgrade", "", engine.Options{},
		func(h *harness) { r := h.openPolling(); h.probe(r); h.wire("&sid=" + r.ID()).expect("close 1002") },
		[]string{"DEBUG", "upgrade refused", "has a WebSocket"}},
	{"a client at another path", "", engine.Options{Path: "/chat/"},
		func(h *harness) { h.request("GET", overPolling, nil) },
		[]string{"WARN", "path=/engine.io/", "Options.Path=/chat/", "StripPrefix"}},
	{"anybody at another path", "", engine.Options{Path: "/chat/"},
		func(h *harness) { h.get("/favicon.ico") },
		[]string{"DEBUG", "path=/favicon.ico", "Options.Path=/chat/"}},
	{"a page at another path", "", engine.Options{Path: "/chat/"},
		func(h *harness) { h.get("/socket.io.js") },
		[]string{"WARN", "path=/socket.io.js", "Options.Path=/chat/"}},
}

func TestEveryRefusalIsOneLine(t *testing.T) {
	missing := causes(t)
	for _, test := range refusals {
		delete(missing, test.cause)
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			var seen tally
			o := test.options
			o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Trace = seen.trace()
			var lines []string
			run(t, &o, func(h *harness) {
				test.do(h)
				synctest.Wait()
				lines = slices.Collect(strings.Lines(log.String())) // before the clients hang up
				if len(seen.refused) > 0 && seen.refused[0].Cause != test.cause || len(seen.refused) == 0 && test.cause != "" {
					t.Errorf("told of %+v, want %q", seen.refused, test.cause)
				}
			})
			if len(lines) != 1 || !strings.Contains(lines[0], "level="+test.line[0]+" ") {
				t.Fatalf("%d lines, want one of level %s:\n%s", len(lines), test.line[0], strings.Join(lines, ""))
			}
			for _, part := range test.line[1:] {
				if !strings.Contains(lines[0], part) {
					t.Errorf("logged %swant %q in it", lines[0], part)
				}
			}
		})
	}
	for cause := range missing {
		t.Errorf("no request is refused for %q", cause)
	}
}

// A request that comes after the end of its session is no sign of a restart, or
// of a server beside this one.
func TestRequestsAfterTheEndAreNoMistake(t *testing.T) {
	ends := map[string]func(h *harness, r *recorder){
		"the server closes it": func(h *harness, r *recorder) {
			r.Close()
			h.expectAnswer(h.request("GET", session(r), nil), 200, "1")
		},
		"its client closes it": func(h *harness, r *recorder) {
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("1")), 200, "ok")
			h.expectAnswer(h.request("GET", session(r), nil), 200, "6")
		},
		"a bad payload ends it": func(h *harness, r *recorder) { h.request("POST", session(r), strings.NewReader("9")) },
		"its heartbeat is missing": func(h *harness, r *recorder) {
			h.request("GET", session(r), nil)
			<-r.closed
		},
	}
	requests := map[string]func(h *harness, r *recorder){
		"a poll": func(h *harness, r *recorder) {
			h.expectAnswer(h.request("GET", session(r), nil), 400, unknownSession)
		},
		"a POST": func(h *harness, r *recorder) {
			h.expectAnswer(h.request("POST", session(r), strings.NewReader("4late")), 400, unknownSession)
		},
		"an upgrade": func(h *harness, r *recorder) { h.wire("&sid=" + r.ID()) },
	}
	for how, end := range ends {
		for what, request := range requests {
			t.Run(how+", then comes "+what, func(t *testing.T) {
				var log bytes.Buffer
				o := &engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
				run(t, o, func(h *harness) {
					r := h.openPolling()
					end(h, r)
					synctest.Wait()
					request(h, r)
				})
				if log.Len() > 0 {
					t.Error(log.String())
				}
			})
		}
	}
}

// causes returns the constants of type Cause.
func causes(t *testing.T) map[engine.Cause]bool {
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[engine.Cause]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if typ, is := spec.Type.(*ast.Ident); is && typ.Name == "Cause" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[engine.Cause(text)] = true
		}
		return true
	})
	if len(found) < 10 {
		t.Fatalf("found only the causes %v", found)
	}
	return found
}

// A program that checks origins itself says itself what it refuses.
func TestARefusalByCheckOriginIsTheProgramsToTell(t *testing.T) {
	var log bytes.Buffer
	o := &engine.Options{
		CheckOrigin: func(*http.Request) bool { return false },
		Logger:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	run(t, o, func(h *harness) {
		h.expectAnswer(h.request("GET", overPolling, nil), 403, `{"code":4,"message":"Forbidden"}`)
	})
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
}

// get asks for any path.
func (h *harness) get(path string) {
	h.t.Helper()
	resp, err := h.http.Get("http://server.test" + path)
	if err != nil {
		h.t.Fatal(err)
	}
	resp.Body.Close()
}

// serveWithoutHijack has a WebSocket handshake come through a middleware that
// hides that the connection can be taken over.
func (h *harness) serveWithoutHijack() {
	client, server := net.Pipe()
	defer client.Close()
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.server.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})}
	defer hs.Close()
	go hs.Serve(&oneConn{conn: server})
	go io.WriteString(client, "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil {
		h.t.Fatal(err)
	}
}

// A oneConn is a listener with one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

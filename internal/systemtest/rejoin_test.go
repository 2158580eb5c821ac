package systemtest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// A rejoining is a way in which a server comes to decide about a CONNECT to
// "/chat".
type rejoining struct {
	options *socketio.Options
	chat    func(h *testserver.Harness) *socketio.Namespace // what serves its sockets
}

var rejoinings = map[string]rejoining{
	"of a namespace": {nil, func(h *testserver.Harness) *socketio.Namespace { return h.Of("/chat") }},
	"of a pattern": {nil, func(h *testserver.Harness) *socketio.Namespace {
		return h.OfPattern(regexp.MustCompile("^/chat$"))
	}},
	"of a function": {nil, func(h *testserver.Harness) *socketio.Namespace {
		return h.OfFunc(func(ctx context.Context, name string, _ *socketio.Handshake) bool {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
			return name == "/chat"
		})
	}},
	"with recovery": {testserver.Recovering(), func(h *testserver.Harness) *socketio.Namespace { return h.Of("/chat") }},
	"with recovery, of a pattern": {testserver.Recovering(), func(h *testserver.Harness) *socketio.Namespace {
		return h.OfPattern(regexp.MustCompile("^/chat$"))
	}},
}

// A client that calls connect, disconnect and connect in one tick sends two
// CONNECTs and no DISCONNECT. The later one counts.
func TestRejoin(t *testing.T) {
	for name, way := range rejoinings {
		for _, takes := range []time.Duration{0, 50 * time.Millisecond} {
			for _, pause := range []time.Duration{together, 0, 10 * time.Millisecond, time.Second} {
				t.Run(fmt.Sprintf("%s, middleware takes %v, the second comes %v later", name, takes, pause), func(t *testing.T) {
					testserver.ForEachMode(t, way.options, func(h *testserver.Harness, mode rawclient.Mode) { rejoin(h, way, mode, takes, pause) })
				})
			}
		}
	}
}

// together is the pause between packets that come in one batch.
const together = -1

func rejoin(h *testserver.Harness, way rejoining, mode rawclient.Mode, takes, pause time.Duration) {
	chat := way.chat(h)
	var mu sync.Mutex
	there := make(map[string]int) // how many sockets are, by the token of their auth
	var contexts sync.Map         // of sockets, with their tokens
	chat.Use(func(ctx context.Context, s *socketio.Socket) error {
		contexts.Store(ctx, tokenOf(s))
		select {
		case <-time.After(takes):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	count := func(s *socketio.Socket, n int) {
		mu.Lock()
		defer mu.Unlock()
		there[tokenOf(s)] += n
	}
	chat.OnConnect(func(s *socketio.Socket) {
		count(s, 1)
		s.OnDisconnect(func(r socketio.Reason) {
			count(s, -1)
			if r != socketio.ReasonClientDisconnect {
				h.T.Errorf("disconnected: %s", r)
			}
		})
	})
	for _, n := range []*socketio.Namespace{h.Of("/"), chat} {
		socketio.OnCall(n, "token", func(_ context.Context, s *socketio.Socket, _ struct{}) (string, error) { return tokenOf(s), nil })
	}
	c := h.Open(mode)
	c.Send(`40{"token":"main"}`)
	c.Match(`^40\{"sid"`)

	first, second := `40/chat,{"token":"first"}`, `40/chat,{"token":"second","pid":"of a former life"}`
	if pause == together {
		c.Send(first, second)
	} else {
		c.Send(first)
		testserver.Wait(pause)
		c.Send(second)
	}
	testserver.Wait(time.Second)
	answers := waiting(c)
	if n := len(answers); n == 0 || n > 2 || n == 2 && takes > pause && takes > 0 {
		h.T.Fatalf("answered by %q", answers)
	}
	if there["first"] != 0 || there["second"] != 1 {
		h.T.Errorf("sockets there: %v", there)
	}
	for s := range chat.Sockets() {
		if tokenOf(s) != "second" || !strings.Contains(answers[len(answers)-1], s.ID()) {
			h.T.Errorf("the %s socket lives as %s, and the client has heard %q", tokenOf(s), s.ID(), answers)
		}
	}
	contexts.Range(func(ctx, whose any) bool {
		if err := ctx.(context.Context).Err(); (err == nil) != (whose == "second") {
			h.T.Errorf("the context of the %s socket: %v", whose, err)
		}
		return true
	})
	c.Send(`42/chat,1["token"]`, `422["token"]`)
	got := []string{c.Next(), c.Next()}
	if slices.Sort(got); !slices.Equal(got, []string{`43/chat,1["second"]`, `432["main"]`}) {
		h.T.Errorf("heard %q", got)
	}
	c.Send("41/chat,")
	synctest.Wait()
	if n := len(slices.Collect(chat.Sockets())); n != 0 || there["second"] != 0 {
		h.T.Errorf("%d sockets are left, %v", n, there)
	}
}

// tokenOf returns what a client has said of itself in its auth.
func tokenOf(s *socketio.Socket) string {
	var auth struct{ Token string }
	_ = s.Handshake().DecodeAuth(&auth)
	return auth.Token
}

// waiting returns what has come and has not been looked at.
func waiting(c *testserver.Client) (all []string) {
	synctest.Wait()
	for {
		select {
		case p, more := <-c.Packets():
			if !more {
				return append(all, "end")
			}
			all = append(all, p)
		default:
			return all
		}
	}
}

// While it is decided about a second CONNECT, a client that has had the answer
// to the first takes itself for connected.
func TestRejoinUnderWay(t *testing.T) {
	slow := func(h *testserver.Harness, verdict error) *socketio.Namespace {
		chat := h.Of("/chat")
		chat.Use(func(ctx context.Context, s *socketio.Socket) error {
			if tokenOf(s) == "first" {
				return nil
			}
			testserver.Wait(50 * time.Millisecond)
			return verdict
		})
		socketio.OnCall(chat, "token", func(_ context.Context, s *socketio.Socket, _ struct{}) (string, error) { return tokenOf(s), nil })
		return chat
	}
	begin := func(h *testserver.Harness, mode rawclient.Mode) *testserver.Client {
		c := h.Connect(mode)
		c.Send(`40/chat,{"token":"first"}`)
		c.Connected("/chat")
		c.Send(`40/chat,{"token":"second"}`)
		return c
	}
	testserver.Behaviour(t, "events wait until it is connected again", func(h *testserver.Harness, mode rawclient.Mode) {
		slow(h, nil)
		c := begin(h, mode)
		c.Send(`42/chat,0["token"]`, `43/chat,9[]`, `42/chat,1["token"]`)
		if got := waiting(c); len(got) > 0 {
			h.T.Errorf("heard %q while middleware decides", got)
		}
		c.Connected("/chat")
		c.Expect(`43/chat,0["second"]`, `43/chat,1["second"]`)
	})
	testserver.Behaviour(t, "events are dropped if it is refused, and the connection stays", func(h *testserver.Harness, mode rawclient.Mode) {
		slow(h, errors.New("no"))
		testserver.Echo(h, "echo")
		c := begin(h, mode)
		c.Send(`42/chat,0["token"]`)
		c.Expect(`44/chat,{"message":"no"}`)
		c.Send(`42/chat,1["token"]`, "41/chat,", `42["echo"]`)
		c.Expect(`42["echo"]`)
		c.Send(`40/chat,{"token":"first"}`)
		c.Connected("/chat")
	})
	testserver.Behaviour(t, "a DISCONNECT counts for both", func(h *testserver.Harness, mode rawclient.Mode) {
		chat := slow(h, nil)
		c := begin(h, mode)
		c.Send(`42/chat,0["token"]`, "41/chat,")
		testserver.Wait(time.Second)
		if got := waiting(c); len(got) > 0 || len(slices.Collect(chat.Sockets())) > 0 {
			h.T.Errorf("heard %q", got)
		}
	})
	testserver.Behaviour(t, "a third CONNECT counts", func(h *testserver.Harness, mode rawclient.Mode) {
		slow(h, nil)
		c := begin(h, mode)
		c.Send(`42/chat,0["token"]`, `40/chat,{"token":"third"}`, `42/chat,1["token"]`)
		c.Connected("/chat")
		c.Expect(`43/chat,1["third"]`)
	})
	testserver.Behaviour(t, "the refusal of an earlier one is not told", func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat").Use(func(ctx context.Context, s *socketio.Socket) error {
			if tokenOf(s) == "second" {
				return nil
			}
			<-ctx.Done()
			testserver.Wait(time.Millisecond) // when the second has its answer already
			return errors.New("no")
		})
		c := h.Open(mode)
		c.Send(`40/chat,{"token":"first"}`, `40/chat,{"token":"second"}`)
		c.Connected("/chat")
		testserver.Wait(time.Second)
		if got := waiting(c); len(got) > 0 || len(slices.Collect(h.Of("/chat").Sockets())) != 1 {
			h.T.Errorf("heard %q", got)
		}
	})
}

// What tells a client of the end of its socket does not come after the answer to
// its next CONNECT: it would take that for the end of the new socket.
func TestEndBeforeTheNextAnswer(t *testing.T) {
	rejoined := func(h *testserver.Harness, c *testserver.Client, packets ...string) {
		testserver.Wait(10 * time.Millisecond)
		c.Send(packets...)
		testserver.Wait(time.Second)
		answers := waiting(c)
		if s := h.AnySocket(h.Of("/chat")); len(answers) == 0 || !strings.Contains(answers[len(answers)-1], s.ID()) {
			h.T.Errorf("the socket lives as %s, and the client has heard %q", s.ID(), answers)
		}
	}
	run := func(name string, o *socketio.Options, f func(h *testserver.Harness, mode rawclient.Mode)) {
		t.Run(name, func(t *testing.T) { testserver.ForEachMode(t, o, f) })
	}
	run("disconnected by the server", &socketio.Options{Parser: slowToEnd{parser.JSON{}}}, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat")
		c := h.Connect(mode)
		c.Enter("/chat")
		go h.AnySocket(h.Of("/chat")).Disconnect(false)
		rejoined(h, c, "41/chat,", "40/chat,")
	})
	trace := &socketio.Options{Trace: &socketio.Trace{Refused: func(*socketio.Namespace, error) { testserver.Wait(50 * time.Millisecond) }}}
	run("refused by middleware", trace, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat").Use(func(_ context.Context, s *socketio.Socket) error {
			if tokenOf(s) == "first" {
				return errors.New("no")
			}
			return nil
		})
		c := h.Connect(mode)
		c.Send(`40/chat,{"token":"first"}`)
		rejoined(h, c, `40/chat,{"token":"second"}`)
	})
}

// slowToEnd takes its time to encode a DISCONNECT.
type slowToEnd struct{ parser.Parser }

func (p slowToEnd) Encode(dst []byte, h *parser.Header, args ...any) (parser.Encoded, error) {
	if h.Type == parser.Disconnect {
		testserver.Wait(50 * time.Millisecond)
	}
	return p.Parser.Encode(dst, h, args...)
}

// A client that comes back by two CONNECTs has one socket, which is recovered
// unless the client has had the answer to the first.
func TestRejoinRecovery(t *testing.T) {
	for _, takes := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(fmt.Sprint("middleware takes ", takes), func(t *testing.T) {
			testserver.ForEachMode(t, testserver.Recovering(), func(h *testserver.Harness, mode rawclient.Mode) {
				h.Use(func(ctx context.Context, _ *socketio.Socket) error {
					select {
					case <-time.After(takes):
					case <-ctx.Done():
					}
					return ctx.Err()
				})
				g := &testserver.Guest{Harness: h, Mode: mode, Auth: map[string]any{}, Stays: testserver.Stays{"/": new(testserver.Stay)}}
				g.ComeBack()
				testserver.Wait(time.Second)
				g.Read()
				g.Drop()
				h.Emit("missed")
				g.ComeBack()
				g.Enter("/")
				testserver.Wait(time.Second)
				g.Read()
				g.Returned("/", takes > 0)
				g.Expect("/", "missed")
				h.Emit("live")
				g.Expect("/", "live")
				if n := len(slices.Collect(h.Sockets())); n != 1 {
					h.T.Errorf("%d sockets", n)
				}
			})
		})
	}
}

// What a client sends to a namespace that it has left by itself closes the
// connection, as with Node's server; what it sends to one that the server has
// put it out of may be older than that.
func TestPacketsAfterTheEnd(t *testing.T) {
	packets := map[string][]string{
		"EVENT":            {`42/chat,["e"]`},
		"EVENT with an id": {`42/chat,1["e"]`},
		"binary EVENT":     {`451-/chat,["e",{"_placeholder":true,"num":0}]`, "bAQ=="},
		"DISCONNECT":       {"41/chat,"},
		"ACK":              {`43/chat,0[]`}, // of a handler that took its time
		"binary ACK":       {`461-/chat,0[{"_placeholder":true,"num":0}]`, "bAQ=="},
	}
	ends := map[string]func(h *testserver.Harness, c *testserver.Client){
		"by the client": func(h *testserver.Harness, c *testserver.Client) { c.Send("41/chat,") },
		"by the server": func(h *testserver.Harness, c *testserver.Client) {
			h.AnySocket(h.Of("/chat")).Disconnect(false)
			c.Expect("41/chat,")
		},
		"by the server, then client": func(h *testserver.Harness, c *testserver.Client) {
			h.AnySocket(h.Of("/chat")).Disconnect(false)
			c.Send("41/chat,")
			c.Expect("41/chat,")
		},
	}
	for end, leave := range ends {
		for name, packet := range packets {
			testserver.Behaviour(t, "left "+end+", then "+name, func(h *testserver.Harness, mode rawclient.Mode) {
				testserver.Echo(h, "echo")
				h.Of("/chat").On("e", func(context.Context, *socketio.Event) error { h.T.Error("handled"); return nil })
				c := h.Connect(mode)
				c.Enter("/chat")
				leave(h, c)
				synctest.Wait()
				_ = c.Client.Send(packet...)
				if end == "by the client" && !strings.HasSuffix(name, "ACK") {
					c.ExpectClosed()
					return
				}
				c.Send(`42["echo"]`)
				c.Expect(`42["echo"]`)
				c.Enter("/chat")
			})
		}
	}
}

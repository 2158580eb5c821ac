package socketio_test

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
)

// A rejoining is a way in which a server comes to decide about a CONNECT to
// "/chat".
type rejoining struct {
	options *socketio.Options
	chat    func(h *harness) *socketio.Namespace // what serves its sockets
}

var rejoinings = map[string]rejoining{
	"of a namespace": {nil, func(h *harness) *socketio.Namespace { return h.Of("/chat") }},
	"of a pattern": {nil, func(h *harness) *socketio.Namespace {
		return h.OfPattern(regexp.MustCompile("^/chat$"))
	}},
	"of a function": {nil, func(h *harness) *socketio.Namespace {
		return h.OfFunc(func(ctx context.Context, name string, _ *socketio.Handshake) bool {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
			return name == "/chat"
		})
	}},
	"with recovery": {recovering(), func(h *harness) *socketio.Namespace { return h.Of("/chat") }},
	"with recovery, of a pattern": {recovering(), func(h *harness) *socketio.Namespace {
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
					forEachMode(t, way.options, func(h *harness, mode rawclient.Mode) { h.rejoin(way, mode, takes, pause) })
				})
			}
		}
	}
}

// together is the pause between packets that come in one batch.
const together = -1

func (h *harness) rejoin(way rejoining, mode rawclient.Mode, takes, pause time.Duration) {
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
				h.Errorf("disconnected: %s", r)
			}
		})
	})
	for _, n := range []*socketio.Namespace{h.Namespace, chat} {
		socketio.OnCall(n, "token", func(_ context.Context, s *socketio.Socket, _ struct{}) (string, error) { return tokenOf(s), nil })
	}
	c := h.open(mode)
	c.send(`40{"token":"main"}`)
	c.match(`^40\{"sid"`)

	first, second := `40/chat,{"token":"first"}`, `40/chat,{"token":"second","pid":"of a former life"}`
	if pause == together {
		c.send(first, second)
	} else {
		c.send(first)
		wait(pause)
		c.send(second)
	}
	wait(time.Second)
	answers := c.waiting()
	if n := len(answers); n == 0 || n > 2 || n == 2 && takes > pause && takes > 0 {
		h.Fatalf("answered by %q", answers)
	}
	if there["first"] != 0 || there["second"] != 1 {
		h.Errorf("sockets there: %v", there)
	}
	for s := range chat.Sockets() {
		if tokenOf(s) != "second" || !strings.Contains(answers[len(answers)-1], s.ID()) {
			h.Errorf("the %s socket lives as %s, and the client has heard %q", tokenOf(s), s.ID(), answers)
		}
	}
	contexts.Range(func(ctx, whose any) bool {
		if err := ctx.(context.Context).Err(); (err == nil) != (whose == "second") {
			h.Errorf("the context of the %s socket: %v", whose, err)
		}
		return true
	})
	c.send(`42/chat,1["token"]`, `422["token"]`)
	got := []string{c.next(), c.next()}
	if slices.Sort(got); !slices.Equal(got, []string{`43/chat,1["second"]`, `432["main"]`}) {
		h.Errorf("heard %q", got)
	}
	c.send("41/chat,")
	synctest.Wait()
	if n := len(slices.Collect(chat.Sockets())); n != 0 || there["second"] != 0 {
		h.Errorf("%d sockets are left, %v", n, there)
	}
}

// tokenOf returns what a client has said of itself in its auth.
func tokenOf(s *socketio.Socket) string {
	var auth struct{ Token string }
	_ = s.Handshake().DecodeAuth(&auth)
	return auth.Token
}

// waiting returns what has come and has not been looked at.
func (c *client) waiting() (all []string) {
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
	slow := func(h *harness, verdict error) *socketio.Namespace {
		chat := h.Of("/chat")
		chat.Use(func(ctx context.Context, s *socketio.Socket) error {
			if tokenOf(s) == "first" {
				return nil
			}
			wait(50 * time.Millisecond)
			return verdict
		})
		socketio.OnCall(chat, "token", func(_ context.Context, s *socketio.Socket, _ struct{}) (string, error) { return tokenOf(s), nil })
		return chat
	}
	begin := func(h *harness, mode rawclient.Mode) *client {
		c := h.connect(mode)
		c.send(`40/chat,{"token":"first"}`)
		c.connected("/chat")
		c.send(`40/chat,{"token":"second"}`)
		return c
	}
	behaviour(t, "events wait until it is connected again", func(h *harness, mode rawclient.Mode) {
		slow(h, nil)
		c := begin(h, mode)
		c.send(`42/chat,0["token"]`, `43/chat,9[]`, `42/chat,1["token"]`)
		if got := c.waiting(); len(got) > 0 {
			h.Errorf("heard %q while middleware decides", got)
		}
		c.connected("/chat")
		c.expect(`43/chat,0["second"]`, `43/chat,1["second"]`)
	})
	behaviour(t, "events are dropped if it is refused, and the connection stays", func(h *harness, mode rawclient.Mode) {
		slow(h, errors.New("no"))
		echo(h, "echo")
		c := begin(h, mode)
		c.send(`42/chat,0["token"]`)
		c.expect(`44/chat,{"message":"no"}`)
		c.send(`42/chat,1["token"]`, "41/chat,", `42["echo"]`)
		c.expect(`42["echo"]`)
		c.send(`40/chat,{"token":"first"}`)
		c.connected("/chat")
	})
	behaviour(t, "a DISCONNECT counts for both", func(h *harness, mode rawclient.Mode) {
		chat := slow(h, nil)
		c := begin(h, mode)
		c.send(`42/chat,0["token"]`, "41/chat,")
		wait(time.Second)
		if got := c.waiting(); len(got) > 0 || len(slices.Collect(chat.Sockets())) > 0 {
			h.Errorf("heard %q", got)
		}
	})
	behaviour(t, "a third CONNECT counts", func(h *harness, mode rawclient.Mode) {
		slow(h, nil)
		c := begin(h, mode)
		c.send(`42/chat,0["token"]`, `40/chat,{"token":"third"}`, `42/chat,1["token"]`)
		c.connected("/chat")
		c.expect(`43/chat,1["third"]`)
	})
	behaviour(t, "the refusal of an earlier one is not told", func(h *harness, mode rawclient.Mode) {
		h.Of("/chat").Use(func(ctx context.Context, s *socketio.Socket) error {
			if tokenOf(s) == "second" {
				return nil
			}
			<-ctx.Done()
			wait(time.Millisecond) // when the second has its answer already
			return errors.New("no")
		})
		c := h.open(mode)
		c.send(`40/chat,{"token":"first"}`, `40/chat,{"token":"second"}`)
		c.connected("/chat")
		wait(time.Second)
		if got := c.waiting(); len(got) > 0 || len(slices.Collect(h.Of("/chat").Sockets())) != 1 {
			h.Errorf("heard %q", got)
		}
	})
}

// A client that comes back by two CONNECTs has one socket, which is recovered
// unless the client has had the answer to the first.
func TestRejoinRecovery(t *testing.T) {
	for _, takes := range []time.Duration{0, 50 * time.Millisecond} {
		t.Run(fmt.Sprint("middleware takes ", takes), func(t *testing.T) {
			forEachMode(t, recovering(), func(h *harness, mode rawclient.Mode) {
				h.Use(func(ctx context.Context, _ *socketio.Socket) error {
					select {
					case <-time.After(takes):
					case <-ctx.Done():
					}
					return ctx.Err()
				})
				g := &guest{h: h, mode: mode, auth: map[string]any{}, stays: stays{"/": new(stay)}}
				g.comeBack()
				wait(time.Second)
				g.read()
				g.drop()
				h.Emit("missed")
				g.comeBack()
				g.enter("/")
				wait(time.Second)
				g.read()
				g.returned("/", takes > 0)
				g.expect("/", "missed")
				h.Emit("live")
				g.expect("/", "live")
				if n := len(slices.Collect(h.Sockets())); n != 1 {
					h.Errorf("%d sockets", n)
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
	ends := map[string]func(h *harness, c *client){
		"by the client": func(h *harness, c *client) { c.send("41/chat,") },
		"by the server": func(h *harness, c *client) { h.anySocket(h.Of("/chat")).Disconnect(false); c.expect("41/chat,") },
		"by the server, then client": func(h *harness, c *client) {
			h.anySocket(h.Of("/chat")).Disconnect(false)
			c.send("41/chat,")
			c.expect("41/chat,")
		},
	}
	for end, leave := range ends {
		for name, packet := range packets {
			behaviour(t, "left "+end+", then "+name, func(h *harness, mode rawclient.Mode) {
				echo(h, "echo")
				h.Of("/chat").On("e", func(context.Context, *socketio.Event) error { h.Error("handled"); return nil })
				c := h.connect(mode)
				c.enter("/chat")
				leave(h, c)
				synctest.Wait()
				_ = c.Send(packet...)
				if end == "by the client" && !strings.HasSuffix(name, "ACK") {
					c.expectClosed()
					return
				}
				c.send(`42["echo"]`)
				c.expect(`42["echo"]`)
				c.enter("/chat")
			})
		}
	}
}

// Package hostile sends a server what no friendly client sends: each case says
// what is sent, on the wire, and what exactly must come of it. After each the
// server must be as it was before.
package hostile_test

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

const (
	// heldLimit is how much memory one attacker may make the server hold: a
	// message of Options.Limits.Payload while it comes, and what is made of it.
	heldLimit = 8 << 20

	// leftLimit is how much may be left of it: the runtime keeps its records of
	// goroutines, 400 bytes each, for other ones.
	leftLimit = 512 << 10

	// answerTime is within which all answers come that wait for nothing. It is
	// longer than a server listens after its close frame.
	answerTime = 2 * time.Second

	// overTime is after which no attacker's session is left.
	overTime = 50 * time.Second
)

// A siege is a server under attack, with one healthy client.
type siege struct {
	T *testing.T
	*socketio.Server
	listener *memnet.Listener
	healthy  *rawclient.Client

	mu      sync.Mutex
	endings []string    // of the attackers' sockets: namespace and reason
	noted   []string    // what the handler of "note" got
	hangUps []func()    // of the attackers
	header  http.Header // of the last answer that http has got
}

// lay runs attack against a server in a synctest bubble, and sees that it does
// no harm.
func lay(t *testing.T, o socketio.Options, attack func(s *siege)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.AllowEIO3 = true
		s := &siege{T: t, Server: socketio.NewServer(&o), listener: memnet.Listen()}
		hs := &http.Server{Handler: s.Server, ReadHeaderTimeout: 10 * time.Second}
		t.Cleanup(func() {
			s.Server.Close()
			hs.Close()
		})
		go hs.Serve(s.listener)
		watchdog := time.AfterFunc(time.Hour, func() { panic("the test waits for what never comes") })
		defer watchdog.Stop()
		s.handle()
		empty := s.state()
		s.healthy = s.member(rawclient.WebSocket, false)
		s.hangUps = nil
		s.checkHealthy("before the attack")
		before := s.state()

		attack(s)

		s.checkHealthy("under attack")
		if held := s.state(); held.heap > before.heap+heldLimit {
			s.T.Errorf("the attacker makes the server hold %d kB", (held.heap-before.heap)>>10)
		}
		for _, hangUp := range slices.Backward(s.hangUps) {
			hangUp()
		}
		s.hangUps = nil // what the attackers hold is not the server's
		pause(overTime)
		s.checkHealthy("after the attack")
		if n := s.ClientsCount(); n != 1 {
			s.T.Errorf("%d sessions after the attack, want the healthy one", n)
		}
		if after := s.state(); after.heap > before.heap+leftLimit {
			s.T.Errorf("%d kB are left of the attack", (after.heap-before.heap)>>10)
		}
		s.healthy.Close()
		s.expectGoroutines(empty.goroutines)
	})
}

// expectGoroutines wants the goroutines of a server without clients. While there
// are clients, some wait for work.
func (s *siege) expectGoroutines(want int) {
	s.T.Helper()
	pause(overTime)
	n := s.state().goroutines
	for i := 0; i < 10_000_000 && n > want; i++ {
		runtime.Gosched() // one that has returned counts until it is put away
		n = runtime.NumGoroutine()
	}
	if n > want {
		s.T.Errorf("%d goroutines after the attack, %d before", n, want)
	}
}

type state struct {
	heap       int64
	goroutines int
}

func (s *siege) state() state {
	synctest.Wait()
	runtime.GC()
	runtime.GC() // what is in pools goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return state{int64(m.HeapAlloc), runtime.NumGoroutine()}
}

func after(d time.Duration) <-chan time.Time { return time.After(d) }

func pause(d time.Duration) { <-after(d) }

// handle makes the server do what clients may ask of it.
func (s *siege) handle() {
	for _, n := range []*socketio.Namespace{s.Of("/"), s.Of("/chat")} {
		n.OnConnect(func(socket *socketio.Socket) {
			socket.OnDisconnect(func(r socketio.Reason) { s.note(&s.endings, n.Name()+" "+string(r)) })
		})
		n.On("echo", func(_ context.Context, e *socketio.Event) error {
			args, into := make([]any, e.Len()), make([]any, e.Len())
			for i := range args {
				into[i] = &args[i]
			}
			if err := e.Decode(into...); err != nil {
				return err
			}
			if e.WantsAck() {
				return e.Ack(args...)
			}
			return e.Socket().Emit("echo", args...)
		})
		socketio.On(n, "note", func(_ context.Context, _ *socketio.Socket, text string) error {
			s.note(&s.noted, text)
			return nil
		})
		socketio.On(n, "panic", func(context.Context, *socketio.Socket, struct{}) error { panic("as asked") })
		socketio.On(n, "ask", func(_ context.Context, socket *socketio.Socket, question string) error {
			return socket.CallFunc(func(*socketio.Reply, error) { s.note(&s.noted, "answer to "+question) }, "question", question)
		})
	}
}

func (s *siege) note(where *[]string, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*where = append(*where, text)
}

func (s *siege) got(where *[]string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := slices.Clone(*where)
	slices.Sort(got) // sockets run in parallel
	return got
}

// checkHealthy wants an echo for the healthy client, and that it gets nothing
// else.
func (s *siege) checkHealthy(when string) {
	s.T.Helper()
	start := time.Now()
	if err := s.healthy.Send(`427["echo","hello"]`); err != nil {
		s.T.Fatalf("%s the healthy client cannot send: %v", when, err)
	}
	if p, err := s.healthy.Next(); p != `437["hello"]` {
		s.T.Fatalf("%s the healthy client gets %.80q, %v", when, p, err)
	}
	if took := time.Since(start); took > 10*time.Millisecond {
		s.T.Errorf("%s the healthy client's echo takes %v", when, took)
	}
}

func (s *siege) dial(ctx context.Context) (net.Conn, error) { return s.listener.Dial(ctx) }

// open opens a session that is in no namespace yet, or with protocol 3 in "/".
func (s *siege) open(mode rawclient.Mode, eio3 bool) *rawclient.Client {
	s.T.Helper()
	c, err := rawclient.Open(context.Background(), s.dial, mode, rawclient.Options{Path: "/socket.io/", Pong: !eio3, EIO3: eio3})
	if err != nil {
		s.T.Fatal(err)
	}
	s.hangUps = append(s.hangUps, c.Drop)
	return c
}

var connected = regexp.MustCompile(`^40\{"sid":"[\w-]{20}"(,"pid":"[\w-]{20}")?\}$`)

// member opens a session that is in "/".
func (s *siege) member(mode rawclient.Mode, eio3 bool) *rawclient.Client {
	s.T.Helper()
	c := s.open(mode, eio3)
	if !eio3 {
		s.ok(c.Send("40"))
	}
	if p, err := c.Next(); eio3 && p != "40" || !eio3 && !connected.MatchString(p) {
		s.T.Fatalf("connecting to / is answered by %q, %v", p, err)
	}
	synctest.Wait() // for its poll
	return c
}

func (s *siege) ok(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

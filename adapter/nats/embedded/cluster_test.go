package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

// TestMain runs the programs that tests kill and pause.
func TestMain(m *testing.M) {
	switch os.Getenv("RUN") {
	case "nats":
		runNATS()
	case "node":
		runNode()
	default:
		os.Exit(clustertest.RunMany(m))
	}
}

// program runs this test's binary as one of the programs.
func program(t testing.TB, name string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "RUN="+name), env...)
	cmd.Stderr = t.Output()
	return cmd
}

// runNATS is a NATS server in a process of its own.
func runNATS() {
	port, _ := strconv.Atoi(os.Getenv("PORT"))
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, JetStream: true, StoreDir: os.Getenv("STORE"), NoLog: true,
	})
	if err != nil {
		panic(err)
	}
	s.Start()
	select {}
}

// natsProcess starts a NATS server in a process of its own.
func natsProcess(t testing.TB) (p *clustertest.Process, addr string) {
	addr = clustertest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(addr)
	store := t.TempDir()
	p = clustertest.StartProgram(t, func() *exec.Cmd { return program(t, "nats", "PORT="+port, "STORE="+store) }, clustertest.Listens(addr))
	return p, addr
}

// A site is a server with a log.
type site struct {
	*testing.T
	*socketio.Server
	log      testserver.LogBook
	listener *memnet.Listener
}

func newSite(t *testing.T, bus adapter.Adapter, o socketio.Options) *site {
	s := &site{T: t, listener: memnet.Listen()}
	o.Adapter, o.Logger = bus, s.log.Everything()
	s.Server = socketio.NewServer(&o)
	s.OnServerSide("hello", func(_ context.Context, e *socketio.Event) error { return e.Ack() })
	hs := &http.Server{Handler: s.Server}
	go hs.Serve(s.listener)
	t.Cleanup(func() {
		s.Close()
		hs.Close()
	})
	return s
}

// meet waits until a server hears from others.
func (s *site) meet(others int) {
	s.Helper()
	longer := time.Second
	for end := time.Now().Add(patience); time.Now().Before(end); {
		<-time.After(10 * time.Millisecond)
		n := 0
		ctx, cancel := context.WithTimeout(context.Background(), longer)
		for _, err := range s.ServerSideCall(ctx, "hello") {
			if err == nil {
				n++
			}
		}
		if ctx.Err() != nil {
			longer *= 2 // the machine may be slow
		}
		cancel()
		if n == others {
			return
		}
	}
	s.Fatalf("it does not hear from %d others:\n%s", others, strings.Join(s.log.Lines(), "\n"))
}

// endFor emits "end" until clients get it.
func (s *site) endFor(clients ...*client) {
	s.Helper()
	for _, c := range clients {
		until(s.T, "a client gets the end", func() bool {
			if err := s.Emit("end", 0); err != nil {
				s.Error(err)
			}
			<-time.After(20 * time.Millisecond)
			return c.count("end") > 0
		})
	}
}

// until waits until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// expectLines wants one line each that says that the bus is away, and that it
// is back, and no other above Debug. It returns how many messages were lost.
func (s *site) expectLines() (lost int) {
	s.Helper()
	lines := s.logged()
	for late := time.Now().Add(patience); len(lines) < 2 && time.Now().Before(late); lines = s.logged() {
		<-time.After(time.Millisecond) // a message may arrive before the line that says so
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "cannot send to the other servers") || !strings.Contains(lines[1], "sending to the other servers again") {
		s.Errorf("logged\n%s\nwant one line when the bus goes and one when it is back", strings.Join(lines, "\n"))
		return 0
	}
	_, count, _ := strings.Cut(lines[1], "lost=")
	lost, err := strconv.Atoi(count)
	if err != nil {
		s.Error(err)
	}
	return lost
}

// logged returns the lines of the server's log, without those for debugging.
func (s *site) logged() (lines []string) {
	for _, line := range s.log.Lines() {
		if line != "" && !strings.Contains(line, "level=DEBUG") {
			lines = append(lines, line)
		}
	}
	return lines
}

// A client notes the numbers of the events that it gets, by the events' names.
type client struct {
	*rawclient.Client

	mu     sync.Mutex
	got    map[string][]int
	offset string // of the last event
	pid    string
	back   bool // with its former session
	ended  chan struct{}
}

// connect connects a client, with the session of a former one unless that is
// nil.
func (s *site) connect(former *client) *client {
	s.Helper()
	auth := ""
	if former != nil {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, former.pid, former.offset)
	}
	dial := func(ctx context.Context) (net.Conn, error) { return s.listener.Dial(ctx) }
	raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(raw.Drop)
	if err := raw.Send("40" + auth); err != nil {
		s.Fatal(err)
	}
	answer, err := raw.Next()
	if err != nil {
		s.Fatal(err)
	}
	var said struct{ PID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(answer, "40")), &said); err != nil {
		s.Fatalf("CONNECT answered by %q", answer)
	}
	c := &client{Client: raw, got: make(map[string][]int), pid: said.PID, ended: make(chan struct{})}
	if former != nil && c.pid == former.pid {
		c.got, c.offset, c.back = former.got, former.offset, true
	}
	go c.read()
	return c
}

func (c *client) read() {
	defer close(c.ended)
	for {
		packet, err := c.Next()
		if err != nil && strings.Contains(err.Error(), "no packet within") {
			continue
		} else if err != nil {
			return
		}
		var args []any
		if json.Unmarshal([]byte(strings.TrimPrefix(packet, "42")), &args) != nil || len(args) < 2 {
			continue
		}
		c.mu.Lock()
		name := args[0].(string)
		c.got[name] = append(c.got[name], int(args[1].(float64)))
		if offset, is := args[len(args)-1].(string); is {
			c.offset = offset
		}
		c.mu.Unlock()
	}
}

// numbers returns those of an event so far.
func (c *client) numbers(name string) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got[name])
}

// count returns how many of an event it has got so far.
func (c *client) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got[name])
}

// await waits until the client has got a number of an event, and returns all.
func (c *client) await(t *testing.T, name string, number int) []int {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		if got := c.numbers(name); slices.Contains(got, number) {
			return got
		}
	}
	got := c.numbers(name)
	t.Fatalf("no %s %d; %d came, the last %v", name, number, len(got), got[max(0, len(got)-3):])
	return nil
}

// An emitter emits numbered events until it is stopped.
type emitter struct {
	stop    chan struct{}
	stopped chan int     // gets the last number
	last    atomic.Int64 // number so far
	most    atomic.Int64 // that the last number may be
}

// emitTime is how long Emit may take on a busy machine. An Emit that waits for the
// bus takes 5 s, if the bus does not answer.
const emitTime = 4 * time.Second

// emit emits an event from time to time. Emit must return at once.
func (s *site) emit(name string, pause time.Duration) *emitter {
	e := &emitter{stop: make(chan struct{}), stopped: make(chan int, 1)}
	e.most.Store(math.MaxInt64)
	go func() {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			if e.last.Load() < e.most.Load() {
				s.emitOne(name, int(e.last.Add(1)))
			}
			select {
			case <-tick.C:
			case <-e.stop:
				e.stopped <- int(e.last.Load())
				return
			}
		}
	}()
	return e
}

func (s *site) emitOne(name string, n int) {
	start := time.Now()
	if err := s.Emit(name, n); err != nil {
		s.Error(err)
	}
	if took := time.Since(start); took > emitTime {
		s.Errorf("Emit has taken %v", took)
	}
}

// end returns the last number.
func (e *emitter) end() int {
	close(e.stop)
	return <-e.stopped
}

// missing returns how many of the numbers up to last did not come, and whether
// the others came once and in order.
func missing(got []int, last int) (n int, inOrder bool) {
	inOrder = true
	for i := 1; i < len(got); i++ {
		inOrder = inOrder && got[i] > got[i-1]
	}
	return last - len(got), inOrder
}

func connOf(bus adapter.Adapter) *natsgo.Conn { return bus.(interface{ Conn() *natsgo.Conn }).Conn() }

// givenUp is the time without an answer after which a connection is given up, at
// the earliest.
const givenUp = 4 * time.Second

// A counted adapter counts the events that NATS has taken. NATS may be killed
// before it has passed the last of them on.
type counted struct {
	adapter.Adapter
	events atomic.Int64
}

func (c *counted) Publish(ctx context.Context, batch []*adapter.Message) []error {
	errs := c.Adapter.Publish(ctx, batch)
	for i, m := range batch {
		if m.Type == adapter.Broadcast && (i >= len(errs) || errs[i] == nil) {
			c.events.Add(1)
		}
	}
	return errs
}

// A comeback is when the connections of an emitting server and of another were
// there again.
type comeback [2]atomic.Int64

func comebacks(conns ...*natsgo.Conn) *comeback {
	c := new(comeback)
	for i, conn := range conns {
		conn.SetReconnectHandler(func(*natsgo.Conn) { c[i].Store(time.Now().UnixNano()) })
	}
	return c
}

// late reports whether the other server came back when the emitting server may
// have published already. The latter waits for a second.
func (c *comeback) late() bool {
	return time.Duration(c[1].Load()-c[0].Load()) > time.Second/2
}

//go:build unix

package postgres

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A side is a server with one client, and their log.
type side struct {
	io  *socketio.Server
	bus *counted
	log *record

	mu      sync.Mutex
	numbers []int // of the events that the client has got
}

// A counted adapter counts the events that it has sent, and the messages that it
// has not been able to send.
type counted struct {
	*Adapter
	sent, failed atomic.Int64
}

func (c *counted) Publish(ctx context.Context, batch []*adapter.Message) []error {
	errs := c.Adapter.Publish(ctx, batch)
	for i, m := range batch {
		if i < len(errs) && errs[i] != nil {
			c.failed.Add(1)
		} else if m.Type == adapter.Broadcast {
			c.sent.Add(1)
		}
	}
	return errs
}

func newSide(t testing.TB, url string, o Options) *side {
	t.Helper()
	s := &side{log: new(record)}
	o.Logger = s.log.logger()
	s.bus = &counted{Adapter: join(t, url, o)}
	s.io = socketio.NewServer(&socketio.Options{Adapter: s.bus, Logger: s.log.logger()})
	listener := memnet.Listen()
	hs := &http.Server{Handler: s.io}
	go hs.Serve(listener)
	t.Cleanup(func() {
		s.io.Close()
		hs.Close()
	})
	dial := func(ctx context.Context) (net.Conn, error) { return listener.Dial(ctx) }
	client, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Drop)
	if err := client.Send("40"); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Next(); err != nil || !strings.HasPrefix(got, "40") {
		t.Fatalf("%q, %v", got, err)
	}
	go func() {
		for packet := range client.Packets() {
			if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(packet, `42["n",`), "]")); err == nil {
				s.mu.Lock()
				s.numbers = append(s.numbers, n)
				s.mu.Unlock()
			}
		}
	}()
	return s
}

// got returns how many events the client has got.
func (s *side) got() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.numbers)
}

// has reports whether the client has got a number.
func (s *side) has(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, got := range s.numbers {
		if got == n {
			return true
		}
	}
	return false
}

// last returns the last number that the client has got.
func (s *side) last() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers[len(s.numbers)-1]
}

// inOrder wants the client to have got the numbers in order, and each once at
// most.
func (s *side) inOrder(t testing.TB, name string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.numbers); i++ {
		if s.numbers[i] <= s.numbers[i-1] {
			t.Errorf("client %s has got %d behind %d", name, s.numbers[i], s.numbers[i-1])
			return
		}
	}
}

// A duo is two servers that know each other, of which a emits numbers.
type duo struct {
	testing.TB
	a, b *side

	mu       sync.Mutex
	emitted  int
	underWay int           // events that PostgreSQL had taken, and may not have passed on
	slowest  time.Duration // of Emit
	stop     chan struct{}
	stopped  chan struct{}
}

// newDuo starts two servers. They may reach PostgreSQL by different addresses.
func newDuo(t testing.TB, urlA, urlB string, o Options) *duo {
	t.Helper()
	d := &duo{TB: t, a: newSide(t, urlA, o), b: newSide(t, urlB, o), stop: make(chan struct{}), stopped: make(chan struct{})}
	d.known()
	go d.emit()
	t.Cleanup(func() { d.end() })
	eventually(t, "under load", func() bool { return d.b.got() > 50 })
	return d
}

// known waits until the servers know each other.
func (d *duo) known() {
	d.Helper()
	for _, s := range []*side{d.a, d.b} {
		eventually(d, "known to each other", func() bool {
			sockets, err := s.io.FetchSockets(context.Background()) // up to 5 s
			return err == nil && len(sockets) == 2
		})
	}
}

func (d *duo) emit() {
	defer close(d.stopped)
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(time.Millisecond):
		}
		d.emitOne()
	}
}

func (d *duo) emitOne() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	begun := time.Now()
	if err := d.a.io.Emit("n", d.emitted); err != nil {
		d.Errorf("Emit: %v", err)
	}
	d.slowest = max(d.slowest, time.Since(begun))
	d.emitted++
	return d.emitted - 1
}

// end ends the load.
func (d *duo) end() {
	select {
	case <-d.stop:
	default:
		close(d.stop)
	}
	<-d.stopped
}

// works waits until events of each server reach the other's client.
func (d *duo) works() {
	d.Helper()
	longer := 200 * time.Millisecond
	eventually(d, "a reaches b again", func() bool {
		n := d.emitOne()
		for end := time.Now().Add(longer); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			if d.b.has(n) {
				return true
			}
		}
		longer *= 2
		return false
	})
	eventually(d, "b reaches a again", func() bool {
		sockets, err := d.b.io.FetchSockets(context.Background())
		return err == nil && len(sockets) == 2
	})
}

// emitTime is how long Emit may take on a busy machine. An Emit that waits for
// PostgreSQL takes 5 s, if it does not answer.
const emitTime = 4 * time.Second

// check ends the load, and wants what always has to be so. It returns how many
// events b's client lacks.
func (d *duo) check() (missing int) {
	d.Helper()
	d.end()
	d.works()
	if d.slowest > emitTime {
		d.Errorf("Emit took %v", d.slowest)
	}
	eventually(d, "got by a's own client", func() bool { return d.a.got() >= d.emitted })
	if got := d.a.got(); got != d.emitted {
		d.Errorf("a's own client has got %d of %d events", got, d.emitted)
	}
	d.a.inOrder(d, "a")
	d.b.inOrder(d, "b")
	return d.emitted - d.b.got()
}

var lostInLog = regexp.MustCompile(`lost=(\d+)`)

// lost returns how many messages the log of a server says to be lost.
func (s *side) lost() (sum int) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, m := range lostInLog.FindAllStringSubmatch(s.log.text.String(), -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	return sum
}

// announced wants one line when the server that emits cannot send, and one when
// it can again, which counts what the other's client lacks; and such lines of each
// server about what it hears.
func (d *duo) announced(missing int) {
	d.Helper()
	heard := []string{"connection is lost", "listens again"}
	once := func(s *side, lines ...string) {
		for _, line := range lines {
			eventually(d, "logged: "+line, func() bool { return s.log.count(line) > 0 })
			if n := s.log.count(line); n != 1 {
				d.Errorf("%d lines %q in\n%s", n, line, s.log.text.String())
			}
		}
	}
	once(d.a, "cannot send to the other servers", "sending to the other servers again")
	once(d.a, heard...)
	once(d.b, heard...)
	late := d.b.log.last("listens again").Sub(d.a.log.last("listens again")) > settleTime/2 // on a slow machine, so that a does not wait long enough
	if lost := d.a.lost(); missing > lost+d.underWay && !late {
		d.Errorf("b lacks %d events, the log of a says %d, and %d were under way", missing, lost, d.underWay)
	}
}

// away breaks PostgreSQL, waits until both servers have noticed, and until the
// client of a has got events of the time after that, and b's client none.
func (d *duo) away(breaks func()) {
	d.Helper()
	had := d.b.got()
	breaks()
	eventually(d, "noticed", func() bool {
		return d.a.log.count("cannot send to the other servers") > 0 && d.a.log.count("connection is lost") > 0 &&
			d.b.log.count("connection is lost") > 0
	})
	d.underWay = int(d.a.bus.sent.Load()) - had
	before := d.a.got()
	eventually(d, "serving without PostgreSQL", func() bool { return d.a.got() >= before+500 && d.a.bus.failed.Load() > 100 })
}

func TestPostgresIsKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	d.away(pg.Kill)
	pg.Start()
	d.works()
	missing := d.check()
	d.announced(missing)
	t.Logf("%d of %d events lost, the log says %d; Emit took %v at most", missing, d.emitted, d.a.lost(), d.slowest)
}

// freeze stops all processes of PostgreSQL.
func freeze(t testing.TB, pg *clustertest.Postgres) (resume func()) {
	t.Helper()
	pids := strings.Fields(pg.Do("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
	signal := func(s syscall.Signal) {
		for _, pid := range pids {
			n, err := strconv.Atoi(strings.TrimSpace(pid))
			if err != nil {
				t.Fatal(err)
			}
			_ = syscall.Kill(n, s)
		}
	}
	pg.Pause()
	signal(syscall.SIGSTOP)
	resume = func() {
		signal(syscall.SIGCONT)
		pg.Resume()
	}
	t.Cleanup(resume)
	return resume
}

func TestPostgresIsPausedForAMoment(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	begun := time.Now()
	resume := freeze(t, pg)
	<-time.After(3 * time.Second)
	resume()
	d.works()
	took := time.Since(begun) // on a slow machine too long for a moment
	if missing := d.check(); missing != 0 && took < answerTime {
		t.Errorf("%d events lost; log of a:\n%s", missing, d.a.log.text.String())
	}
}

func TestPostgresIsPausedForLong(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	var resume func()
	d.away(func() { resume = freeze(t, pg) })
	resume()
	d.works()
	missing := d.check()
	d.announced(missing)
	t.Logf("%d of %d events lost, the log says %d; Emit took %v at most", missing, d.emitted, d.a.lost(), d.slowest)
}

// terminate kills the connections with a name, when both servers have theirs.
func terminate(t testing.TB, pg *clustertest.Postgres, name string) {
	t.Helper()
	named := " FROM pg_stat_activity WHERE application_name = '" + name + "'"
	eventually(t, "connected", func() bool { return strings.TrimSpace(pg.Do("SELECT count(*)"+named)) == "2" })
	pg.Do("SELECT pg_terminate_backend(pid)" + named)
}

func TestTheNotifyingConnectionIsKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	const kills = 5
	for range kills {
		terminate(t, pg, "socketio notifies")
		<-time.After(2 * maxPause) // a connection that does not last is not replaced at once
	}
	missing := d.check()
	failed := int(d.a.bus.failed.Load())
	if missing > failed {
		t.Errorf("b lacks %d events, a knows of %d", missing, failed)
	}
	t.Logf("%d of %d events lost in %d kills, a knows of %d; Emit took %v at most", missing, d.emitted, kills, failed, d.slowest)
}

func TestTheListeningConnectionIsKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	const kills = 5
	unheard := 0 // so many may have been sent while b did not listen
	for i := range kills {
		last := d.b.last()
		terminate(t, pg, "socketio listens")
		eventually(t, "listening again", func() bool { return d.b.log.count("listens again") > i })
		unheard += d.emitOne() - last
		<-time.After(2 * maxPause)
	}
	missing := d.check()
	if n := d.a.log.count("to the other servers"); n != 0 {
		t.Errorf("a could not publish:\n%s", d.a.log.text.String())
	}
	if missing > unheard {
		t.Errorf("%d of %d events lost, %d while b did not listen", missing, d.emitted, unheard)
	}
	t.Logf("%d of %d events lost in %d kills", missing, d.emitted, kills)
}

// A server that reads too slowly for a while loses nothing, and holds up nobody.
func TestASlowListener(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	proxy := clustertest.StartProxy(t, pg.Addr)
	d := newDuo(t, pg.URL, strings.Replace(pg.URL, pg.Addr, proxy.Addr, 1), isolated())
	begun := time.Now()
	proxy.Stall()
	eventually(t, "standing still", func() bool { // what has come through takes a moment
		before := d.b.got()
		<-time.After(time.Second)
		return d.b.got() == before
	})
	proxy.Resume()
	d.works()
	took := time.Since(begun) // on a slow machine too long for a while
	if missing := d.check(); missing != 0 && took < idleTime+answerTime {
		t.Errorf("%d events lost; log of b:\n%s", missing, d.b.log.text.String())
	}
}

// A connection over which nothing comes any longer is given up.
func TestABlackHole(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	proxy := clustertest.StartProxy(t, pg.Addr)
	d := newDuo(t, pg.URL, strings.Replace(pg.URL, pg.Addr, proxy.Addr, 1), isolated())
	proxy.Stall()
	eventually(t, "noticed", func() bool { return d.b.log.count("connection is lost") == 1 })
	proxy.Refuse()
	proxy.Resume()
	d.works()
	d.check()
	if n := d.a.log.count("to the other servers"); n != 0 {
		t.Errorf("a could not publish:\n%s", d.a.log.text.String())
	}
}

// serveFor is an address of PostgreSQL for which the test's program is a server
// until it is killed.
const serveFor = "ROOMCAST_TEST_SERVER"

func TestMain(m *testing.M) {
	if url := os.Getenv(serveFor); url != "" {
		serve(url)
	}
	os.Exit(clustertest.RunMany(m))
}

func serve(url string) {
	t := new(program)
	o := Options{ChannelPrefix: "killed", HeartbeatInterval: 200 * time.Millisecond, HeartbeatTimeout: time.Second}
	newSide(t, url, o)
	fmt.Fprintln(os.Stdout, "ready")
	select {}
}

// A program is a testing.TB outside of a test.
type program struct{ testing.TB }

func (*program) Helper()        {}
func (*program) Cleanup(func()) {}
func (*program) Fatal(v ...any) { panic(fmt.Sprint(v...)) }

func TestAServerOfOursIsKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := newSide(t, pg.URL, Options{ChannelPrefix: "killed", HeartbeatInterval: 200 * time.Millisecond, HeartbeatTimeout: time.Second})
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), serveFor+"="+pg.URL)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	})
	a.loses(t, func() {
		if err := other.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	})
	eventually(t, "without its connections", func() bool {
		return strings.TrimSpace(pg.Do("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'socketio%'")) == "2"
	})
}

func TestAServerOfNpmsIsKilled(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := newSide(t, pg.URL, Options{HeartbeatInterval: 200 * time.Millisecond, HeartbeatTimeout: time.Second})
	node := clustertest.StartNode(t, clustertest.NodeOptions{
		Adapter: "postgres", URL: pg.URL, Options: map[string]any{"heartbeatInterval": 200, "heartbeatTimeout": 1000},
	})
	node.Eval(`await connect("n", "/")`)
	a.loses(t, node.Kill)
}

// loses wants the server to know the sockets of another, and to wait for the
// HeartbeatTimeout of a second when that is killed.
func (s *side) loses(t testing.TB, kill func()) {
	t.Helper()
	sockets := func() (n int, took time.Duration, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		begun := time.Now()
		all, err := s.io.FetchSockets(ctx)
		return len(all), time.Since(begun), err
	}
	var usual time.Duration // how long an answer takes
	eventually(t, "two servers", func() bool {
		n, took, err := sockets()
		usual = took
		return err == nil && n == 2
	})
	kill()
	if n, took, err := sockets(); n != 1 || err != nil || took > 9*time.Second+10*usual { // 10 s with the default
		t.Errorf("%d sockets and %v after %v, before that %v", n, err, took, usual)
	}
}

// A server that starts while PostgreSQL is away serves its own clients, and joins
// the others when PostgreSQL is there.
func TestPostgresIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	o := isolated()
	a := newSide(t, pg.URL, o)
	pg.Kill()
	b := newSide(t, pg.URL, o)
	for n := range 10 {
		b.io.Emit("n", n)
	}
	eventually(t, "served", func() bool { return b.got() == 10 })
	pg.Start()
	(&duo{TB: t, a: a, b: b}).known()
	a.io.Emit("n", 100)
	eventually(t, "reached", func() bool { return b.has(100) })
	b.io.Emit("n", 101)
	eventually(t, "reached", func() bool { return a.has(101) })
}

// A restart that tells the connections so, as for an update.
func TestPostgresIsRestarted(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	d := newDuo(t, pg.URL, pg.URL, isolated())
	if err := syscall.Kill(postmaster(t, pg), syscall.SIGINT); err != nil { // a fast shutdown
		t.Fatal(err)
	}
	<-pg.Ended()
	pg.Start()
	d.works()
	missing := d.check() // some, if b connects much later than a
	t.Logf("%d of %d events lost; Emit took %v at most", missing, d.emitted, d.slowest)
}

// postmaster returns the id of PostgreSQL's first process.
func postmaster(t testing.TB, pg *clustertest.Postgres) int {
	t.Helper()
	line, _, _ := strings.Cut(pg.Do("SELECT pg_read_file('postmaster.pid')"), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

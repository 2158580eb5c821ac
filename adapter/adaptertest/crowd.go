package adaptertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// Crowd connects many clients to two servers, and some to a third, while all
// three emit to everybody, to rooms that stay and to a room that sockets join
// and leave. Some clients leave, and the third server dies. Each client of the
// two others must get each event for it once, in the order of its emitter.
//
// There are 20 clients on each of the two servers, or as many as the
// environment variable CROWD says.
func Crowd(t *testing.T, join Join) {
	run := func(t *testing.T, sessions bool) {
		n := 20
		if text := os.Getenv("CROWD"); text != "" {
			var err error
			if n, err = strconv.Atoi(text); err != nil || n < 1 {
				t.Fatalf("CROWD is %q, want a number of clients", text)
			}
		}
		c := &crowd{over: make(chan struct{})}
		c.world = newWorld(t, join(t, servers), sessions, 5*time.Minute+time.Duration(n)*100*time.Millisecond)
		c.run(n)
	}
	t.Run("without sessions", func(t *testing.T) { run(t, false) })
	if _, stores := join(t, 1)[0].(adapter.SessionStore); stores {
		t.Run("with sessions", func(t *testing.T) { run(t, true) })
	}
}

const (
	stayRooms    = 10
	doomed       = 2 // the server that dies
	crowdEvents  = 300
	crowdEmitter = 2 // goroutines that emit, of each server
)

type crowd struct {
	*world
	over     chan struct{} // closed when nothing more changes
	received atomic.Int64
	wrong    atomic.Int64

	// seen is how many events to everybody the first client of each living
	// server has received, for each emitter.
	seen [doomed][servers * crowdEmitter]atomic.Int64
}

// maxAhead is how many events to everybody an emitter may be ahead of the
// clients. The test is about order, and not about overload.
const maxAhead = 4

// keepsUp reports whether the clients have received most of the events that an
// emitter has sent to everybody.
func (c *crowd) keepsUp(e, sent int) bool {
	for i := range c.seen {
		if c.seen[i][e].Load() < int64(sent-maxAhead) && !c.nodes[e%servers].link.dead.Load() {
			return false
		}
	}
	return true
}

// blame reports what is wrong with a client, unless many others have reported
// the same.
func (c *crowd) blame(g *guest, format string, args ...any) {
	if c.wrong.Add(1) <= 10 {
		c.Errorf("a client in room %q: %s", g.room, fmt.Sprintf(format, args...))
	}
}

// A guest of a crowd checks what it gets.
type guest struct {
	*rawclient.Client
	room   string                                // that it stays in
	seen   *[servers * crowdEmitter]atomic.Int64 // of the crowd, for the first client of a server
	leaves bool                                  // before the end

	// next are the numbers of the next events, by emitter: of those to everybody,
	// those to its room, and all.
	next [servers * crowdEmitter]struct{ all, stay, any int }
	ends int // emitters that have said that they have ended
}

func (c *crowd) run(n int) {
	for _, node := range c.nodes {
		node.OnConnect(func(s *socketio.Socket) {
			var auth struct{ Room string }
			_ = s.Handshake().DecodeAuth(&auth)
			_ = s.Join(auth.Room)
		})
	}
	var guests []*guest
	var on []int
	for i, size := range []int{n, n, (n + 9) / 10} {
		for j := range size {
			g := c.guest(i, fmt.Sprintf("stay %d", j%stayRooms))
			g.leaves = i == 0 && j%10 == 9
			if i < doomed && j == 0 {
				g.seen = &c.seen[i]
			}
			guests, on = append(guests, g), append(on, i)
		}
	}
	for _, node := range c.nodes {
		c.until("all sockets are in their rooms", func() bool {
			for s := range node.Sockets() {
				if len(s.Rooms()) < 2 {
					return false
				}
			}
			return true
		})
	}
	for i, node := range c.nodes {
		all, err := node.FetchSockets(c.ctx) // also for the rooms' subscriptions
		c.check(err)
		if len(all) != len(guests) {
			c.Fatalf("server %d knows %d sockets, want %d", i, len(all), len(guests))
		}
	}
	start := time.Now()
	var reading, acting sync.WaitGroup
	for i, g := range guests {
		reading.Go(func() { c.follow(g, on[i] == doomed) })
	}
	for i := range c.nodes {
		acting.Go(func() { c.churn(i, time.Duration(5+n/10)*time.Millisecond) })
	}
	var emitting sync.WaitGroup
	for e := range servers * crowdEmitter {
		emitting.Go(func() { c.emit(e) })
	}
	emitting.Wait()
	close(c.over)
	acting.Wait()
	for i, g := range guests {
		if on[i] == doomed { // its events come no longer
			g.Drop()
		}
	}
	reading.Wait()
	c.Logf("%d clients, %d events received in %v", len(guests), c.received.Load(), time.Since(start).Round(time.Millisecond))
	if n := c.wrong.Load(); n > 0 {
		for i, node := range c.nodes {
			c.Logf("server %d has logged %q", i, node.log.with(""))
		}
		c.Errorf("%d clients have not got what they should", n)
	}
}

// guest connects to server i.
func (c *crowd) guest(i int, room string) *guest {
	c.Helper()
	dial := func(ctx context.Context) (net.Conn, error) { return c.nodes[i].listener.Dial(ctx) }
	raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	c.check(err)
	c.Cleanup(raw.Drop)
	c.check(raw.Send(fmt.Sprintf(`40{"room":%q}`, room)))
	if got, err := raw.Next(); err != nil || got[:2] != "40" {
		c.Fatalf("CONNECT answered by %q, %v", got, err)
	}
	return &guest{Client: raw, room: room}
}

// emit sends the events of an emitter. Each has its number among those to
// everybody, or to its room, and among all.
func (c *crowd) emit(e int) {
	node := c.nodes[e%servers]
	var all, any int
	var stay [stayRooms]int
	for i := range crowdEvents {
		for wait := true; wait; wait = !c.keepsUp(e, all) && c.wrong.Load() == 0 {
			select {
			case <-time.After(time.Millisecond):
			case <-c.ctx.Done():
				return
			}
		}
		if e == doomed && i == crowdEvents/2 {
			node.link.kill()
		}
		var err error
		switch r := rand.N(stayRooms); i % 3 {
		case 0:
			err = node.Emit("all", e, any, all)
			all++
		case 1:
			err = node.To(fmt.Sprintf("stay %d", r)).Emit("stay", e, any, stay[r])
			stay[r]++
		default:
			err = node.To("churn").Emit("churn", e, any, 0)
		}
		any++
		if err != nil {
			c.Error(err)
		}
	}
	for r := range stayRooms {
		if err := node.To(fmt.Sprintf("stay %d", r)).Emit("end", e, any, all, stay[r]); err != nil {
			c.Error(err)
		}
	}
}

// churn has sockets of server i, and of all servers, join and leave a room, some
// after each pause.
func (c *crowd) churn(i int, pause time.Duration) {
	node := c.nodes[i]
	for {
		select {
		case <-time.After(pause):
		case <-c.over:
			return
		case <-c.ctx.Done():
			return
		}
		for s := range node.Sockets() {
			switch rand.N(20) {
			case 0:
				_ = s.Join("churn")
			case 1, 2:
				s.Leave("churn")
			}
		}
		switch room := fmt.Sprintf("stay %d", rand.N(stayRooms)); rand.N(4) {
		case 0:
			node.In(room).SocketsJoin("churn")
		case 1:
			node.In(room).SocketsLeave("churn")
		}
	}
}

// follow checks what a guest gets, until the emitters of the servers that live
// have ended.
func (c *crowd) follow(g *guest, doomedToo bool) {
	left := time.NewTimer(time.Hour)
	if g.leaves {
		left.Reset(time.Duration(rand.N(crowdEvents)) * time.Millisecond)
	}
	for g.ends < (servers-1)*crowdEmitter {
		select {
		case packet, ok := <-g.Packets():
			if !ok {
				if !doomedToo {
					c.blame(g, "its connection has ended")
				}
				return
			}
			if err := c.take(g, packet); err != nil && !doomedToo {
				c.blame(g, "%v", err)
				return
			}
		case <-left.C:
			g.Drop()
			return
		case <-c.ctx.Done():
			c.blame(g, "it waits in vain: %+v", g.next)
			return
		}
	}
}

// take checks an event.
func (c *crowd) take(g *guest, packet string) error {
	if c.sessions {
		packet, _ = cutOffset(packet)
	}
	c.received.Add(1)
	var e, any, number, stay int
	var target *int
	switch next := &g.next; {
	case scan(packet, "all", &e, &any, &number):
		target = &next[e].all
		if g.seen != nil {
			g.seen[e].Add(1)
		}
	case scan(packet, "stay", &e, &any, &number):
		target = &next[e].stay
	case scan(packet, "churn", &e, &any, &number):
	case scan(packet, "end", &e, &any, &number, &stay):
		if next[e].all != number || next[e].stay != stay {
			return fmt.Errorf("%d and %d events of emitter %d, want %d and %d", next[e].all, next[e].stay, e, number, stay)
		}
		if e%servers != doomed {
			g.ends++
		}
	default:
		return fmt.Errorf("got %q", packet)
	}
	if target != nil {
		if *target != number {
			return fmt.Errorf("got %s, want number %d", packet, *target)
		}
		*target++
	}
	if any < g.next[e].any {
		return fmt.Errorf("got %s after event %d", packet, g.next[e].any-1)
	}
	g.next[e].any = any + 1
	return nil
}

// scan reads the numbers of an event with a name. fmt.Sscanf takes long under the race
// detector.
func scan(packet, event string, into ...*int) bool {
	text, is := strings.CutPrefix(packet, `42["`+event+`",`)
	text, whole := strings.CutSuffix(text, "]")
	numbers := strings.Split(text, ",")
	if !is || !whole || len(numbers) != len(into) {
		return false
	}
	for i, n := range numbers {
		var err error
		if *into[i], err = strconv.Atoi(n); err != nil {
			return false
		}
	}
	return true
}

package chat_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A stuckConn stops reading for a while.
type stuckConn struct {
	net.Conn
	mu    sync.Mutex
	stuck chan struct{} // closed when reading goes on; nil while it does
}

func (c *stuckConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	stuck := c.stuck
	c.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	return c.Conn.Read(p)
}

// TestCrowd lets a user post 50 times a second to many followers, one of them
// stuck. The others are not delayed, and the stuck one comes back. CHAT_FOLLOWERS
// is how many there are.
func TestCrowd(t *testing.T) {
	followers, err := strconv.Atoi(os.Getenv("CHAT_FOLLOWERS"))
	if err != nil {
		followers = 150
	}
	so := &socketio.Options{Limits: socketio.Limits{Buffered: 20_000}}
	runOn(t, so, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		ann.open("r")
		var crowd []*stock
		for i := range followers {
			s := w.connect(fmt.Sprint("u", i))
			s.open("r")
			crowd = append(crowd, s)
		}
		var conn *stuckConn
		slow := newStock(w, "slow", func(ctx context.Context) (net.Conn, error) {
			c, err := w.h.Dial(ctx)
			if conn == nil && err == nil {
				conn = &stuckConn{Conn: c}
				return conn, nil
			}
			return c, err
		})
		slow.start()
		slow.wait("connect", func() bool { return slow.ready != nil })
		slow.open("r")
		first := slow.sid
		conn.mu.Lock()
		conn.stuck = make(chan struct{})
		conn.mu.Unlock()
		started, latest := time.Now(), time.Duration(0)
		const posts = 150
		for i := range posts {
			begin := time.Now()
			r := ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint("a message of some length, as people write them, number ", i)))
			crowd[i%len(crowd)].wait("the post", func() bool { return crowd[i%len(crowd)].views["r"].rev >= r.Rev })
			latest = max(latest, time.Since(begin))
			testserver.Wait(20*time.Millisecond - min(time.Since(begin), 20*time.Millisecond))
		}
		synctest.Wait()
		if latest > 60*time.Millisecond { // of the bubble: what the changes are held
			w.Errorf("a post reached followers after %v", latest)
		}
		for _, s := range crowd {
			if n := len(texts(s, "r")); n != posts || s.gaps > 0 {
				w.Fatalf("%s shows %d messages, with %d gaps", s.user, n, s.gaps)
			}
		}
		testserver.Wait(time.Minute)
		close(conn.stuck)
		slow.wait("return", func() bool { return slow.live && slow.sid != first && len(slow.views["r"].rows) == posts })
		if slow.gaps > 0 {
			w.Errorf("the slow follower has found %d gaps", slow.gaps)
		}
		w.Logf("%d followers, %d posts in %v", followers, posts, time.Since(started))
	})
}

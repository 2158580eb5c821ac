package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio"
	bus "github.com/goroomcast/socketio/adapter/postgres"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/postgres"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// Users of two servers post in one room at once. Whatever way the servers learn
// of each other's commits, each client gets every message, and no frame that
// does not begin where the one before has ended.
func TestTwoServers(t *testing.T) {
	pg := clustertest.StartPostgres(t)
	for i, way := range []string{"watch", "adapter", "interval"} {
		t.Run(way, func(t *testing.T) {
			pool := database(t, pg, fmt.Sprint("servers", i))
			var clients []*client
			for range 2 {
				listener := serveChat(t, pool, way)
				for j := range 2 {
					clients = append(clients, dial(t, listener, fmt.Sprint("user", len(clients)), j == 0))
				}
			}
			const posts = 40
			var all sync.WaitGroup
			for _, c := range clients {
				all.Go(func() { c.run(posts, len(clients)/2*posts) })
			}
			all.Wait()
			for _, c := range clients {
				if len(c.texts) != 2*posts || c.gaps > 0 {
					t.Errorf("%s has %d messages and has found %d gaps", c.user, len(c.texts), c.gaps)
				}
				for seq, text := range clients[0].texts {
					if c.texts[seq] != text {
						t.Errorf("%s: message %d is %q, and %q for %s", c.user, seq, c.texts[seq], text, clients[0].user)
					}
				}
			}
		})
	}
}

// serveChat starts a server on a database.
func serveChat(t *testing.T, pool *pgxpool.Pool, way string) *memnet.Listener {
	t.Helper()
	var so socketio.Options
	if way == "adapter" {
		const table = "CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea)"
		if _, err := pool.Exec(ctx, table); err != nil {
			t.Fatal(err)
		}
		a, err := bus.New(pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		so.Adapter = a
	}
	much := chat.Rate{PerSecond: 1e5, Burst: 1e5}
	server := socketio.NewServer(&so)
	c, err := chat.New(server.Of("/chat"), &chat.Options{
		Store:         open(t, pool, &postgres.Options{Watch: way == "watch"}),
		Limits:        chat.Limits{Posts: much, RoomPosts: much},
		WatchInterval: map[string]time.Duration{"interval": 200 * time.Millisecond}[way],
		Authenticate: func(_ context.Context, s *socketio.Socket) (chat.User, error) {
			var a struct{ User string }
			err := s.Handshake().DecodeAuth(&a)
			return chat.User{ID: a.User}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	insist(t, func() error { return c.Room("r").Create(ctx, chat.RoomInfo{Kind: chat.Open}) })
	for i := range 4 {
		insist(t, func() error { return c.Room("r").Add(ctx, fmt.Sprint("user", i), chat.Writer) })
	}
	listener := memnet.Listen()
	web := &http.Server{Handler: server}
	go web.Serve(listener)
	t.Cleanup(func() {
		server.Close()
		web.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return listener
}

// insist does something again while the database is too slow for it.
func insist(t *testing.T, do func() error) {
	t.Helper()
	err := do()
	for end := time.Now().Add(patience); errors.Is(err, chat.ErrUnavailable) && time.Now().Before(end); {
		err = do()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A client follows the room, and posts in it if it is a poster.
type client struct {
	t      *testing.T
	user   string
	poster bool
	conn   *rawclient.Client
	rev    int64
	gaps   int
	texts  map[int64]string
}

func dial(t *testing.T, listener *memnet.Listener, user string, poster bool) *client {
	t.Helper()
	conn, err := rawclient.Open(ctx, listener.Dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Drop)
	c := &client{t: t, user: user, poster: poster, conn: conn, texts: make(map[int64]string)}
	c.send(`40/chat,{"user":"` + user + `"}`)
	for opened := false; !opened; {
		packet := c.next()
		switch {
		case packet == "":
			t.FailNow()
		case strings.HasPrefix(packet, "40/chat,"), strings.Contains(packet, `"unavailable"`): // the database is slow
			c.send(`42/chat,0["open",{"room":"r"}]`)
		case strings.HasPrefix(packet, "43/chat,0["):
			opened = true
			c.take(packet[len("43/chat,0["):len(packet)-1], true)
		}
	}
	return c
}

func (c *client) send(packet string) {
	if err := c.conn.Send(packet); err != nil {
		c.t.Errorf("%s: %v", c.user, err)
	}
}

// next returns the next packet, or "" if none comes.
func (c *client) next() string {
	select {
	case packet, open := <-c.conn.Packets():
		if !open {
			_, err := c.conn.Next()
			c.t.Errorf("%s is disconnected: %v", c.user, err)
		}
		return packet
	case <-time.After(patience):
		c.t.Errorf("%s waits in vain at rev %d with %d messages", c.user, c.rev, len(c.texts))
		return ""
	}
}

// take takes a frame.
func (c *client) take(text string, reply bool) {
	var f struct {
		From, To int64
		Messages []struct {
			Seq  int64
			Text string
		}
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		c.t.Errorf("frame %s: %v", text, err)
	}
	if !reply && f.From > c.rev {
		c.gaps++
	}
	for _, m := range f.Messages {
		c.texts[m.Seq] = m.Text
	}
	c.rev = max(c.rev, f.To)
}

// run posts n messages, each when the one before is acknowledged, until all
// messages have arrived.
func (c *client) run(n, all int) {
	posted := 0
	post := func() {
		if c.poster && posted < n {
			posted++
			c.send(fmt.Sprintf(`42/chat,%d["post",{"room":"r","cid":"%[1]d","text":"%[1]d of %[2]s"}]`, posted, c.user))
		}
	}
	for post(); len(c.texts) < all; {
		packet := c.next()
		switch {
		case packet == "":
			return
		case strings.HasPrefix(packet, `42/chat,["changes",`):
			c.take(packet[len(`42/chat,["changes",`):len(packet)-1], false)
		case strings.HasPrefix(packet, "43/chat,"):
			switch {
			case strings.Contains(packet, `"unavailable"`): // the database is slow
				posted--
			case !strings.Contains(packet, `"seq":`):
				c.t.Errorf("%s: %s", c.user, packet)
			}
			post()
		}
	}
}

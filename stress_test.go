package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestStress calls methods at random from many goroutines and from within
// handlers, while clients connect and leave over real connections. Nothing may
// race, hang or stay behind.
func TestStress(t *testing.T) {
	const (
		duration = 2 * time.Second
		clients  = 24
		callers  = 6
	)
	goroutines := runtime.NumGoroutine()
	io := socketio.NewServer(&socketio.Options{PingInterval: 50 * time.Millisecond, UpgradeTimeout: 2 * time.Second})
	addr, stop := listen(t, io)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(duration, cancel)

	var connected, disconnected, events, replies atomic.Int64
	for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/chat")} {
		n.Use(func(_ context.Context, s *socketio.Socket) error {
			s.Join("early")
			if rand.N(10) == 0 {
				return &socketio.ConnectError{Message: "unlucky", Data: s.Rooms()}
			}
			return nil
		})
		n.OnConnect(func(s *socketio.Socket) {
			connected.Add(1)
			s.OnDisconnecting(func(socketio.Reason) { n.To(s.Rooms()...).Emit("leaving", s.ID()) })
			s.OnDisconnect(func(socketio.Reason) { disconnected.Add(1); meddle(ctx, n, s, &replies) })
			meddle(ctx, n, s, &replies)
		})
		n.On("e", func(c context.Context, e *socketio.Event) error {
			events.Add(1)
			meddle(ctx, n, e.Socket(), &replies)
			_ = e.Ack(e.Len())
			return nil
		})
	}

	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				n := []*socketio.Namespace{io.Namespace, io.Of("/chat")}[rand.N(2)]
				for s := range n.Sockets() {
					meddle(ctx, n, s, &replies)
					if rand.N(4) == 0 {
						break
					}
				}
				runtime.Gosched()
			}
		})
	}
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }
	for i := range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := visit(ctx, dial, rawclient.Modes[i%len(rawclient.Modes)]); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()

	last, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		t.Fatal("the server does not serve any more: ", err)
	}
	last.Drop()
	shutdown, cancelShutdown := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancelShutdown()
	if err := io.Shutdown(shutdown); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	stop()
	eventually(t, "all OnDisconnect called", func() bool { return connected.Load() == disconnected.Load() })
	eventually(t, "all goroutines gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	t.Logf("%d sockets, %d events, %d replies", connected.Load(), events.Load(), replies.Load())
	if connected.Load() < clients || events.Load() == 0 || replies.Load() == 0 {
		t.Error("hardly anything happened")
	}
}

// meddle does something at random, on behalf of a handler or of nobody.
func meddle(ctx context.Context, n *socketio.Namespace, s *socketio.Socket, replies *atomic.Int64) {
	room := fmt.Sprint("room", rand.N(4))
	switch rand.N(16) {
	case 0:
		s.Join(room, "all")
	case 1:
		s.Leave(room)
	case 2:
		n.Emit("all", rand.N(1000))
	case 3:
		n.To(room).Except("all").Emit("room", []byte(room))
	case 4:
		s.To(room).Volatile().Emit("typing")
	case 5:
		s.Volatile().Emit("volatile", []byte{1})
	case 6:
		s.Emit("one", strings.Repeat("x", rand.N(2000)))
	case 7:
		if rand.N(8) == 0 {
			s.Disconnect(rand.N(2) == 0)
		}
	case 8:
		_ = slices.Collect(n.In(room).Sockets())
		s.Rooms()
	case 9:
		s.SetData(room)
		s.Data()
		s.Context()
	case 10:
		off := s.On("e", func(context.Context, *socketio.Event) error { return nil })
		off()
		n.On("e", func(context.Context, *socketio.Event) error { return errors.New("transient") })()
	case 11:
		s.OnDisconnect(func(socketio.Reason) {})()
	case 12, 13:
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if _, err := socketio.Call[int](ctx, s, "call"); err == nil {
			replies.Add(1)
		}
	case 14:
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		for _, err := range n.To(room).Call(ctx, "call", 1) {
			if err == nil {
				replies.Add(1)
			}
			if rand.N(5) == 0 {
				break
			}
		}
	case 15:
		var auth map[string]any
		_ = s.Handshake().DecodeAuth(&auth)
	}
}

// callPattern finds the namespace and id of an event that wants a reply.
var callPattern = regexp.MustCompile(`^42((?:/chat,)?\d+)\[`)

// visit is a client's session: it connects, sends, answers calls and leaves in
// some way. That the server ends it is no error.
func visit(ctx context.Context, dial func(context.Context) (net.Conn, error), mode rawclient.Mode) error {
	c, err := rawclient.Open(ctx, dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return err
	}
	defer c.Drop()
	defer context.AfterFunc(ctx, c.Drop)()
	if c.Send("40", "40/chat,") != nil {
		return nil
	}
	for i := range rand.N(60) {
		p, err := c.Next()
		if err != nil {
			return nil
		}
		answer := fmt.Sprintf(`42%d["e",%q]`, i, mode)
		if call := callPattern.FindStringSubmatch(p); call != nil {
			answer = "43" + call[1] + "[1]"
		}
		if i > 0 && c.Send(answer) != nil {
			return nil
		}
	}
	switch rand.N(4) {
	case 0:
		c.Close()
	case 1:
		_ = c.Send("41")
	case 2:
		_ = c.Send("4bad")
	}
	return nil
}

package engine_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// holding has the receiver wait in Hold with each text "hold" until the
// returned channel is closed. The other channel tells that it waits.
func holding(h *harness) (release, held chan struct{}) {
	release, held = make(chan struct{}), make(chan struct{}, 10)
	h.onText = func(r *recorder, s string) error {
		if s == "hold" {
			held <- struct{}{}
			r.Hold(release)
		}
		return nil
	}
	return release, held
}

// behind are messages that wait behind one which is held: none, as many as are
// read ahead, and far more.
var behind = map[string]int{"nothing": 0, "little": 3, "much": 300}

const behindSize = 10_000

// A client that is not read for an hour gets its PINGs, and is there then.
func TestHeartbeatGoesOnInHold(t *testing.T) {
	for name, n := range behind {
		t.Run(name+" behind it", func(t *testing.T) {
			run(t, nil, func(h *harness) {
				release, held := holding(h)
				w, r := h.wireSession()
				writes := make(chan []byte, 1000)
				go func() {
					for b := range writes {
						w.write(b, 0)
					}
				}()
				defer close(writes)
				writes <- text("4hold")
				for range n {
					writes <- text("4" + strings.Repeat("x", behindSize))
				}
				<-held
				for start := time.Now(); time.Since(start) < time.Hour; {
					if got := w.nextWithin(45 * time.Second); got != "text 2" {
						t.Fatalf("after %v: got %.40q instead of a PING", time.Since(start), got)
					}
					writes <- text("3")
				}
				close(release)
				synctest.Wait()
				after(time.Second)
				if len(r.closed) > 0 {
					t.Errorf("closed for %q", <-r.closed)
				}
				if got := len(r.received); got != n+1 {
					t.Errorf("%d messages received, want %d", got, n+1)
				}
			})
		})
	}
}

// The same for whoever pings or polls.
func TestHeartbeatGoesOnInHoldElsewhere(t *testing.T) {
	for _, eio3 := range []bool{false, true} {
		forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
			t.Run(fmt.Sprint("EIO3 ", eio3), func(t *testing.T) {
				run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
					release, held := holding(h)
					c, r := h.open(mode, rawclient.Options{Pong: true, EIO3: eio3})
					go c.Send("4hold", "4x")
					<-held
					if eio3 {
						last := time.Now()
						for start := last; time.Since(start) < time.Hour; last = time.Now() {
							go c.Send("2")
							got, err := c.Next()
							for range 4 { // each waits for 10 s
								if err != nil {
									got, err = c.Next()
								}
							}
							if got != "3" {
								t.Fatalf("got %q, %v", got, err)
							}
							if waited := time.Since(last); waited > 45*time.Second {
								t.Fatalf("a PONG after %v", waited)
							}
						}
					} else {
						after(time.Hour)
					}
					close(release)
					after(time.Second)
					if len(r.closed) > 0 {
						t.Errorf("closed for %q", <-r.closed)
					}
					if got := len(r.received); got != 2 {
						t.Errorf("%d messages received", got)
					}
				})
			})
		})
	}
}

// A client that has hung up while its receiver waits has left at once.
func TestHangUpInHold(t *testing.T) {
	for name, n := range behind {
		t.Run("memory, "+name+" behind it", func(t *testing.T) {
			run(t, nil, func(h *harness) {
				_, held := holding(h)
				w, r := h.wireSession()
				go w.write(text("4hold"+""), 0)
				<-held
				go w.write([]byte(strings.Repeat(string(text("4"+strings.Repeat("x", behindSize))), n)), 0)
				synctest.Wait()
				start := time.Now()
				w.conn.Close()
				h.expectClosed(r, engine.ReasonTransportClose)
				if waited := time.Since(start); waited > 5*time.Second {
					t.Errorf("closed after %v", waited)
				}
			})
		})
	}
	t.Run("polling", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			_, held := holding(h)
			r := h.openPolling()
			ctx, cancel := context.WithCancel(context.Background())
			dial := h.dial
			h.dial = func(context.Context) (net.Conn, error) {
				conn, err := dial(ctx)
				context.AfterFunc(ctx, func() { conn.Close() })
				return conn, err
			}
			h.http.CloseIdleConnections()
			go h.try("POST", session(r), strings.NewReader("4hold"))
			<-held
			start := time.Now()
			cancel()
			h.expectClosed(r, engine.ReasonTransportClose)
			if waited := time.Since(start); waited > 0 {
				t.Errorf("closed after %v", waited)
			}
		})
	})
	for end, hangUp := range map[string]func(net.Conn){
		"FIN": func(conn net.Conn) { conn.Close() },
		"RST": func(conn net.Conn) {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			conn.Close()
		},
	} {
		onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
			for name, n := range behind {
				t.Run(end+", "+name+" behind it", func(t *testing.T) {
					// where much waits, it may be a PING that finds it out
					serveTCP(t, &engine.Options{PingInterval: time.Second}, wrap, dial, func(h *harness) {
						_, held := holding(h)
						w, r := h.wireSession()
						w.write(text("4hold"), 0)
						<-held
						_ = w.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
						w.write([]byte(strings.Repeat(string(text("4"+strings.Repeat("x", behindSize))), n)), 0)
						hangUp(w.conn)
						select {
						case reason := <-r.closed:
							if reason != engine.ReasonTransportClose {
								t.Errorf("closed for %q", reason)
							}
						case <-time.After(10 * time.Second):
							t.Error("not closed")
						}
					})
				})
			}
		})
	}
}

// A client that is silent while its receiver waits is closed in time, counted
// from its last sign of life.
func TestSilenceInHold(t *testing.T) {
	const interval, timeout = 25 * time.Second, 20 * time.Second
	for _, eio := range []int{3, 4} {
		for name, n := range behind {
			t.Run(fmt.Sprintf("EIO %d, %s behind it", eio, name), func(t *testing.T) {
				run(t, &engine.Options{AllowEIO3: true}, func(h *harness) {
					_, held := holding(h)
					w := h.wire(fmt.Sprint("&EIO=", eio))
					w.next()
					r := <-h.sessions
					w.write(text("4hold"), 0)
					<-held
					_ = w.conn.SetWriteDeadline(time.Now().Add(2 * time.Minute)) // so that it is alive for long
					w.write([]byte(strings.Repeat(string(text("4"+strings.Repeat("x", behindSize))), n)), 0)
					if len(r.closed) > 0 {
						t.Fatalf("closed for %q", <-r.closed)
					}
					last := time.Now()
					h.expectClosed(r, engine.ReasonPingTimeout)
					if waited := time.Since(last); waited > interval+timeout {
						t.Errorf("closed after %v", waited)
					}
				})
			})
		}
	}
	t.Run("polling", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			_, held := holding(h)
			r := h.openPolling()
			go h.try("POST", session(r), strings.NewReader("4hold"))
			<-held
			for range 10 { // each poll is a sign of life
				h.expectAnswer(h.request("GET", session(r), nil), 200, "2")
			}
			last := time.Now()
			h.expectClosed(r, engine.ReasonPingTimeout)
			if waited := time.Since(last); waited > interval+timeout {
				t.Errorf("closed after %v", waited)
			}
		})
	})
	onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
		o := &engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}
		serveTCP(t, o, wrap, dial, func(h *harness) {
			_, held := holding(h)
			w, r := h.wireSession()
			w.write(text("4hold"), 0)
			<-held
			w.write(text("4x"), 0)
			select {
			case reason := <-r.closed:
				if reason != engine.ReasonPingTimeout {
					t.Errorf("closed for %q", reason)
				}
			case <-time.After(10 * time.Second):
				t.Error("not closed")
			}
		})
	})
}

// A client that waits with a full window is alive as long as its system
// acknowledges PINGs, and nothing of what it has sent is lost.
func TestFullWindowInHold(t *testing.T) {
	onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
		o := &engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond}
		serveTCP(t, o, wrap, dial, func(h *harness) {
			release, held := holding(h)
			const messages = 1000
			h.receiver = func(r *recorder) engine.Receiver { return &counted{recorder: r, want: messages} }
			writes := make(chan []byte, messages+1000)
			for n := range messages {
				writes <- text("4" + fmt.Sprintf("%d %s", n, strings.Repeat("x", behindSize)))
			}
			w, r := h.wireSession()
			w.write(text("4hold"), 0)
			<-held
			var over atomic.Bool
			defer over.Store(true)
			var pings atomic.Int32
			go func() {
				for b := range writes {
					w.write(b, 0)
				}
			}()
			go func() {
				defer close(writes)
				for w.next() == "text 2" {
					pings.Add(1)
					writes <- text("3")
				}
				if !over.Load() {
					t.Error("no PING")
				}
			}()
			<-time.After(3 * time.Second)
			if pings.Load() < 5 {
				t.Errorf("%d PINGs", pings.Load())
			}
			close(release)
			late := time.After(20 * time.Second)
			for len(r.received) == 0 {
				select {
				case reason := <-r.closed:
					t.Fatalf("closed for %q", reason)
				case <-late:
					t.Fatal("not all has come")
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	})
}

// A counted receiver wants numbered messages behind one that is held.
type counted struct {
	*recorder
	next, want int
}

func (c *counted) Text(data []byte) error {
	if string(data) == "hold" {
		return c.h.onText(c.recorder, "hold")
	}
	if !strings.HasPrefix(string(data), fmt.Sprint(c.next, " ")) || len(data) < behindSize {
		c.h.t.Errorf("got %.20q instead of message %d", data, c.next)
	}
	if c.next++; c.next == c.want {
		c.received <- "all"
	}
	return nil
}

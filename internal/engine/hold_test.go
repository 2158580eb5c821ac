package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
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
					o := &engine.Options{PingInterval: time.Second, PingTimeout: patience}
					serveTCP(t, o, wrap, dial, func(h *harness) {
						_, held := holding(h)
						w, r := h.wireSession()
						w.write(text("4hold"), 0)
						<-held
						_ = w.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
						w.write([]byte(strings.Repeat(string(text("4"+strings.Repeat("x", behindSize))), n)), 0)
						hangUp(w.conn)
						h.expectClosed(r, engine.ReasonTransportClose)
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
	atSomePace(t, func(h *harness) error {
		_, held := holding(h)
		w, r := h.wireSession()
		w.write(text("4hold"), 0)
		select {
		case <-held:
		case reason := <-r.closed:
			return fmt.Errorf("closed for %q before it is held", reason)
		}
		w.write(text("4x"), 0)
		h.expectClosed(r, engine.ReasonPingTimeout)
		return nil
	})
}

// atSomePace runs f over each kind of connection with quick heartbeats: slower
// ones if f fails, because this machine may take longer than PingTimeout to run
// a client.
func atSomePace(t *testing.T, f func(h *harness) error) {
	onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
		for pace := time.Duration(1); ; pace *= 5 {
			var err error
			t.Run(fmt.Sprint("pace ", int(pace)), func(t *testing.T) {
				o := &engine.Options{PingInterval: pace * 300 * time.Millisecond, PingTimeout: pace * 200 * time.Millisecond}
				serveTCP(t, o, wrap, dial, func(h *harness) { err = f(h) })
			})
			if err == nil || t.Failed() {
				return
			}
			if pace == 25 {
				t.Fatal(err)
			}
			t.Log(err)
		}
	})
}

// A client that waits with a full window is alive as long as its system
// acknowledges PINGs, and nothing of what it has sent is lost.
func TestFullWindowInHold(t *testing.T) {
	atSomePace(t, func(h *harness) error {
		release, held := holding(h)
		const messages = 1000
		h.receiver = func(r *recorder) engine.Receiver { return &counted{recorder: r, want: messages} }
		w, r := h.wireSession()
		shorten(w.conn)
		w.write(text("4hold"), 0)
		select {
		case <-held:
		case reason := <-r.closed:
			return fmt.Errorf("closed for %q before it is held", reason)
		}
		pinged, pongs := make(chan bool, 1000), make(chan bool, 1000)
		go func() {
			for n := range messages {
				for len(pongs) > 0 && <-pongs {
					w.write(text("3"), 0)
				}
				w.write(text("4"+fmt.Sprintf("%d %s", n, strings.Repeat("x", behindSize))), 0)
			}
			for range pongs {
				w.write(text("3"), 0)
			}
		}()
		go func() {
			defer close(pongs)
			for w.next() == "text 2" {
				pinged <- true
				pongs <- true
			}
		}()
		for range 6 {
			select {
			case <-pinged:
			case <-time.After(patience):
				return errors.New("no PING")
			case reason := <-r.closed:
				return fmt.Errorf("closed for %q in Hold", reason)
			}
		}
		close(release)
		select {
		case <-r.received:
			return nil
		case <-time.After(patience):
			return errors.New("not all has come")
		case reason := <-r.closed:
			return fmt.Errorf("closed for %q after Hold", reason)
		}
	})
}

// shorten bounds what a client's system keeps to be sent, which a PONG waits for.
func shorten(conn net.Conn) {
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	_ = conn.(*net.TCPConn).SetWriteBuffer(64 << 10)
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

package engine_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// onEveryConn runs f with each kind of connection that has a descriptor
// somewhere. Wrap is the outermost listener.
func onEveryConn(t *testing.T, f func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer)) {
	plain := func(_ *harness, l net.Listener) net.Listener { return l }
	t.Run("tcp", func(t *testing.T) { f(t, plain, new(net.Dialer).DialContext) })
	t.Run("tcp without poller", func(t *testing.T) {
		f(t, func(h *harness, l net.Listener) net.Listener {
			engine.DisablePoller(h.server)
			return l
		}, new(net.Dialer).DialContext)
	})
	t.Run("TLS", func(t *testing.T) {
		source := httptest.NewTLSServer(nil) // of a certificate
		source.Close()
		roots := x509.NewCertPool()
		roots.AddCert(source.Certificate())
		client := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
		f(t, func(_ *harness, l net.Listener) net.Listener {
			return tls.NewListener(l, &tls.Config{Certificates: source.TLS.Certificates})
		}, client.DialContext)
	})
}

// A keeper is a program that keeps the connections which it accepts.
type keeper struct {
	net.Listener
	accepted chan net.Conn
}

func (k keeper) Accept() (net.Conn, error) {
	conn, err := k.Listener.Accept()
	if err == nil {
		k.accepted <- conn
	}
	return conn, err
}

// A program that closes a client's net.Conn itself has kicked the client: the
// session ends at once, whatever it is at.
func TestProgramClosesConn(t *testing.T) {
	onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
		kept := make(chan net.Conn, 10)
		keep := func(h *harness, l net.Listener) net.Listener { return wrap(h, keeper{l, kept}) }
		serveTCP(t, nil, keep, dial, func(h *harness) {
			working, goOn := make(chan bool), make(chan bool)
			h.onText = func(*recorder, string) error {
				working <- true
				<-goOn
				return nil
			}
			soon := func(what string, done <-chan engine.Reason) {
				t.Helper()
				select {
				case reason := <-done:
					if reason != engine.ReasonTransportClose {
						t.Errorf("%s: closed for %q", what, reason)
					}
				case <-time.After(patience):
					t.Fatal(what + ": not closed")
				}
			}

			_, idle := h.open(rawclient.WebSocket, rawclient.Options{})
			(<-kept).Close()
			soon("idle", idle.closed)

			_, written := h.open(rawclient.WebSocket, rawclient.Options{})
			(<-kept).Close()
			_ = written.Send(engine.NewMessage([]byte("x"))) // may know it already
			soon("written to", written.closed)

			c, busy := h.open(rawclient.WebSocket, rawclient.Options{})
			if err := c.Send("4x"); err != nil {
				t.Fatal(err)
			}
			<-working
			closed := make(chan engine.Reason, 1)
			go func() {
				(<-kept).Close() // returns although the receiver is at work
				closed <- engine.ReasonTransportClose
			}()
			soon("Close while the receiver is at work", closed)
			close(goOn)
			soon("at work", busy.closed)
		})
	})
}

// stressTime is how long a stress goes on: STRESS=10m for long.
func stressTime(t *testing.T) time.Duration {
	if os.Getenv("STRESS") == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(os.Getenv("STRESS"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestKickStress has a program close connections while they are read and
// written, and new clients take their descriptors. Every payload is its
// client's, whole and in order, both ways, and no client is deaf.
func TestKickStress(t *testing.T) {
	onEveryConn(t, func(t *testing.T, wrap func(*harness, net.Listener) net.Listener, dial dialer) {
		k := &kicks{t: t, live: make(map[*kickable]bool)}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		descriptors := openDescriptors()
		defer expectNothingLeft(t, descriptors)
		k.server = engine.NewServer(&engine.Options{PingInterval: time.Second, PingTimeout: patience}, k.accept)
		defer k.server.Close()
		hs := &http.Server{
			Handler: k.server,
			ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
				if secure, ok := conn.(*tls.Conn); ok {
					conn = secure.NetConn()
				}
				return context.WithValue(ctx, kickedConn{}, conn)
			},
		}
		defer hs.Close()
		go hs.Serve(wrap(&harness{t: t, server: k.server}, listener))

		over := time.Now().Add(stressTime(t))
		var clients, kickers sync.WaitGroup
		for range 32 {
			clients.Go(func() {
				for time.Now().Before(over) && !t.Failed() {
					k.visit(func(ctx context.Context) (net.Conn, error) {
						return dial(ctx, "tcp", listener.Addr().String())
					})
				}
			})
		}
		var done atomic.Bool
		kickers.Go(func() {
			for !done.Load() {
				k.kick()
				<-time.After(rand.N(2 * time.Millisecond))
			}
		})
		clients.Wait()
		done.Store(true)
		kickers.Wait()
		t.Logf("%d clients, %d kicked, %d messages", k.clients.Load(), k.kicked.Load(), k.messages.Load())
		if k.kicked.Load() == 0 || k.messages.Load() == 0 {
			t.Error("nothing has happened")
		}
	})
}

type kicks struct {
	t                         *testing.T
	server                    *engine.Server
	clients, kicked, messages atomic.Int64

	mu   sync.Mutex
	live map[*kickable]bool
}

type kickedConn struct{} // key of a context

// A kickable is the receiver of a session, which knows whose it is.
type kickable struct {
	*engine.Session
	k     *kicks
	conn  net.Conn
	owner int
	next  int
}

func (k *kicks) accept(s *engine.Session, r *http.Request) engine.Receiver {
	owner, _ := strconv.Atoi(r.URL.Query().Get("client"))
	c := &kickable{Session: s, k: k, conn: r.Context().Value(kickedConn{}).(net.Conn), owner: owner}
	k.mu.Lock()
	k.live[c] = true
	k.mu.Unlock()
	return c
}

// kickText is the only text that a client's nth message may be.
func kickText(owner, n int) string {
	return fmt.Sprintf("%d %d %s", owner, n, strings.Repeat(string(rune('a'+(owner+n)%26)), (owner*7919+n*104729)%20_000))
}

func (c *kickable) Text(data []byte) error {
	if want := kickText(c.owner, c.next); string(data) != want {
		c.k.t.Errorf("the session of client %d got %.40q, want %.40q", c.owner, data, want)
	}
	c.next++
	return c.Send(engine.NewMessage(data))
}

func (c *kickable) Binary([]byte) error {
	c.k.t.Errorf("the session of client %d got a binary message", c.owner)
	return nil
}

func (c *kickable) EndBatch() engine.Task { return nil }

func (c *kickable) Closed(reason engine.Reason) {
	if reason != engine.ReasonTransportClose && reason != engine.ReasonServerShutdown {
		c.k.t.Errorf("the session of client %d ended for %q", c.owner, reason)
	}
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	delete(c.k.live, c)
}

// kick closes the connection of some client.
func (k *kicks) kick() {
	k.mu.Lock()
	var conn net.Conn
	for c := range k.live {
		conn = c.conn
		break
	}
	k.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
		k.kicked.Add(1)
	}
}

// visit is a client's life: it sends some messages, has them echoed, is quiet
// now and then, until it is kicked or has had enough.
func (k *kicks) visit(dial func(context.Context) (net.Conn, error)) {
	owner := int(k.clients.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bounded := func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	c, err := rawclient.Open(ctx, bounded, rawclient.WebSocket, rawclient.Options{Pong: true, Query: fmt.Sprint("client=", owner)})
	if err != nil {
		if ctx.Err() != nil {
			k.t.Errorf("client %d is not answered", owner)
		}
		return // kicked already
	}
	defer c.Drop()
	for sent, got := 0, 0; got < 50; {
		for range rand.N(10) {
			if c.Send("4"+kickText(owner, sent)) != nil {
				return
			}
			sent++
		}
		for got < sent {
			packet, err := c.Next()
			switch {
			case ctx.Err() != nil:
				k.t.Errorf("client %d waits in vain for message %d", owner, got)
				return
			case err != nil:
				return
			case packet != "4"+kickText(owner, got):
				k.t.Errorf("client %d got %.40q instead of message %d", owner, packet, got)
				return
			}
			got++
			k.messages.Add(1)
		}
		if rand.N(4) == 0 {
			<-time.After(rand.N(10 * time.Millisecond))
		}
	}
}

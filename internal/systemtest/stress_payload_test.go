package systemtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// TestStressPayloads has clients come and go, and some kicked by their
// net.Conn, while all of them send events with replies and the server tells
// everybody of each with an attachment. Every payload, reply and attachment
// is its sender's, whole and in order. STRESS=10m for long, also without
// -race.
func TestStressPayloads(t *testing.T) {
	for name, o := range map[string]*socketio.Options{
		"plain":    nil,
		"paced":    {Limits: socketio.Limits{Inbox: 20_000, EventRate: socketio.EventRate{PerSecond: 200, Burst: 20}}},
		"recovery": {Recovery: &socketio.Recovery{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &payloads{t: t, conns: make(map[net.Conn]bool)}
			io := socketio.NewServer(o)
			defer io.Close()
			io.OnConnect(p.greet)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			hs := &http.Server{Handler: io, ConnState: p.note}
			defer hs.Close()
			go hs.Serve(l)

			over := time.Now().Add(stressTime(t))
			var visitors, kickers sync.WaitGroup
			for i := range 18 {
				visitors.Go(func() {
					for time.Now().Before(over) && !t.Failed() {
						p.visit(l.Addr().String(), rawclient.Modes[i%len(rawclient.Modes)])
					}
				})
			}
			ended := make(chan struct{})
			kickers.Go(func() {
				for {
					select {
					case <-ended:
						return
					case <-time.After(rand.N(20 * time.Millisecond)):
						p.kick()
					}
				}
			})
			visitors.Wait()
			close(ended)
			kickers.Wait()
			t.Logf("%d clients, %d replies, %d events", p.clients.Load(), p.replies.Load(), p.said.Load())
			if p.replies.Load() == 0 || p.said.Load() == 0 {
				t.Error("nothing has happened")
			}
		})
	}
}

type payloads struct {
	t                      *testing.T
	clients, replies, said atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// note remembers the connections of WebSockets. Those of polls are not closed,
// because an HTTP client repeats a poll whose answer it has lost.
func (p *payloads) note(c net.Conn, state http.ConnState) {
	if state == http.StateHijacked {
		p.mu.Lock()
		p.conns[c] = true
		p.mu.Unlock()
	}
}

func (p *payloads) kick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
		delete(p.conns, c)
		return
	}
}

// payloadText is the only text that a client's nth event may have.
func payloadText(owner, n int) string {
	return fmt.Sprintf("%d of %d %s", n, owner, strings.Repeat(string(rune('a'+(owner+n)%26)), (owner*7919+n*104729)%3000))
}

func (p *payloads) greet(s *socketio.Socket) {
	var auth struct{ Owner int }
	if err := s.Handshake().DecodeAuth(&auth); err != nil {
		p.t.Error(err)
	}
	next := 0
	s.On("say", func(_ context.Context, e *socketio.Event) error {
		var owner, n int
		var text string
		if err := e.Decode(&owner, &n, &text); err != nil {
			p.t.Error(err)
		}
		if owner != auth.Owner || n != next || text != payloadText(owner, n) {
			p.t.Errorf("event %d of client %d is handled as event %d of client %d: %.40q", n, owner, next, auth.Owner, text)
		}
		next++
		s.Namespace().Emit("said", owner, n, []byte(text))
		return e.Ack(owner, n, text)
	})
}

// visit is a client's life.
func (p *payloads) visit(addr string, mode rawclient.Mode) {
	owner := int(p.clients.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rawclient.Open(ctx, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return // kicked
	}
	defer c.Drop()
	if c.Send(fmt.Sprintf(`40{"owner":%d}`, owner)) != nil {
		return
	}
	v := &payloadVisit{payloads: p, owner: owner, next: make(map[int]int)}
	for sent := 0; v.acked < 60; {
		if v.connected && sent == v.acked {
			for range 1 + rand.N(8) {
				event := fmt.Sprintf(`42%d["say",%d,%d,%q]`, sent, owner, sent, payloadText(owner, sent))
				if c.Send(event) != nil {
					return
				}
				sent++
			}
		}
		packet, err := c.Next()
		if err != nil {
			return
		}
		v.take(packet)
	}
}

type payloadVisit struct {
	*payloads
	owner, acked int
	connected    bool
	next         map[int]int // event of each client
	attached     []byte      // the attachment that comes next, if not nil
}

func (v *payloadVisit) take(packet string) {
	if attachment, ok := strings.CutPrefix(packet, "b"); ok || v.attached != nil {
		got, err := base64.StdEncoding.DecodeString(attachment)
		if err != nil || !bytes.Equal(got, v.attached) {
			v.t.Errorf("client %d got attachment %.40q (%v), want %.40q", v.owner, got, err, v.attached)
		}
		v.attached = nil
		return
	}
	switch {
	case strings.HasPrefix(packet, "40{"):
		v.connected = true
	case strings.HasPrefix(packet, "43"):
		text, _ := json.Marshal(payloadText(v.owner, v.acked))
		if want := fmt.Sprintf(`43%d[%d,%d,%s]`, v.acked, v.owner, v.acked, text); packet != want {
			v.t.Errorf("client %d got %.60q, want %.60q", v.owner, packet, want)
		}
		v.acked++
		v.replies.Add(1)
	case strings.HasPrefix(packet, `451-["said",`):
		var owner, n int
		if _, err := fmt.Sscanf(packet, `451-["said",%d,%d,`, &owner, &n); err != nil {
			v.t.Errorf("client %d got %.60q", v.owner, packet)
		}
		if next, known := v.next[owner]; known && n != next {
			v.t.Errorf("client %d got event %d of client %d instead of %d", v.owner, n, owner, next)
		}
		v.next[owner] = n + 1
		v.attached = []byte(payloadText(owner, n))
		v.said.Add(1)
	default:
		v.t.Errorf("client %d got %.60q", v.owner, packet)
	}
}

package embedded

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/nats"
	"github.com/goroomcast/socketio/parser"
)

// TestClientsComeBackToAnotherServer has clients lose their connections again
// and again, and come back to the other of two servers, while both emit.
func TestClientsComeBackToAnotherServer(t *testing.T) {
	t.Parallel()
	url := natsServer(t).ClientURL()
	sites := []*site{}
	var bus *nats.JetStream
	for range 2 {
		bus = connectJetStream(t, url, nats.JetStreamOptions{})
		sites = append(sites, newSite(t, bus, socketio.Options{Recovery: &socketio.Recovery{}}))
	}
	sites[0].meet(1)
	js, err := jetstream.New(bus.Conn())
	if err != nil {
		t.Fatal(err)
	}
	emitters := []*emitter{sites[0].emit("a", 5*time.Millisecond), sites[1].emit("b", 5*time.Millisecond)}
	for _, s := range sites { // a client that comes before the first event has no place in the log
		first := s.connect(nil)
		for end := time.Now().Add(patience); first.count("a") == 0 || first.count("b") == 0; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("no events come")
			}
		}
	}
	const clients, times = 8, 8
	const ahead = 100 // events beyond those that there were when a client came, or else clients fall behind on a slow machine
	var all [clients]*client
	var coming sync.WaitGroup
	for i := range all {
		coming.Go(func() {
			c := sites[i%2].connect(nil)
			for n := range times {
				for _, e := range emitters {
					e.most.Store(e.last.Load() + ahead)
				}
				<-time.After(time.Duration(20+10*i) * time.Millisecond)
				c.Drop()
				<-c.ended
				awaitSession(t, js, c.pid)
				begun := time.Now()
				c = sites[(i+n+1)%2].connect(c)
				if took := time.Since(begun); !c.back && took < time.Second { // or else the machine may be too slow for the log
					t.Errorf("client %d is a new one after loss %d, in %v", i, n, took)
				}
			}
			all[i] = c
		})
	}
	coming.Wait()
	events := 0
	for k, name := range []string{"a", "b"} {
		last := emitters[k].end()
		for i, c := range all {
			got := c.await(t, name, last)
			events += len(got)
			for j := 1; j < len(got); j++ {
				if got[j] != got[j-1]+1 {
					t.Errorf("client %d has got %s %d after %d", i, name, got[j], got[j-1])
				}
			}
		}
	}
	t.Logf("%d comebacks, %d events", clients*times, events)
}

// awaitSession waits until the bucket has a session. A client that is faster
// gets a new one.
func awaitSession(t *testing.T, js jetstream.JetStream, pid string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if kv, err := js.KeyValue(ctx, "socketio_sessions"); err == nil {
			if _, err := kv.Get(ctx, "=2F."+pid); err == nil {
				return
			}
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			t.Errorf("the session of %s is not kept", pid)
			return
		}
	}
}

// TestSessionStore tests what adaptertest does not.
func TestSessionStore(t *testing.T) {
	t.Parallel()
	s := natsServer(t)
	j := connectJetStream(t, s.ClientURL(), nats.JetStreamOptions{Memory: true, Options: nats.Options{Prefix: "a.b"}})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	to := &collector{got: make(chan *adapter.Message, 100)}
	for end := time.Now().Add(patience); ; <-time.After(time.Millisecond) {
		if err := j.Subscribe(ctx, to); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	emit := func(n int) (offset string) {
		m := &adapter.Message{Type: adapter.Broadcast, UID: "x", Namespace: "/", Packet: parser.Encoded{Text: fmt.Appendf(nil, `["e",%d]`, n)}}
		if errs := j.Publish(ctx, []*adapter.Message{m, {Type: adapter.SocketsJoin, UID: "x", Namespace: "/"}}); errs != nil {
			t.Fatal(errs)
		}
		if got := <-to.got; string(got.Packet.Text) != string(m.Packet.Text) || got.Offset == "" {
			t.Errorf("delivered %s at %q", got.Packet.Text, got.Offset)
		} else {
			offset = got.Offset
		}
		if got := <-to.got; got.Type != adapter.SocketsJoin || got.Offset != "" {
			t.Errorf("delivered type %d at %q", got.Type, got.Offset)
		}
		return offset
	}
	first := emit(1)
	second := emit(2)
	third := emit(3)
	if j.Compare(first, second) >= 0 || j.Compare(third, second) <= 0 || j.Compare(first, first) != 0 {
		t.Error("offsets are not in order")
	}
	kept := &adapter.Session{
		Namespace: "/", PID: "p/é", SocketID: "s", Rooms: []string{"s", "room"}, Offset: first,
		Data: parser.Encoded{Text: []byte(`{"b":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{1}}},
	}
	persist := func(maxAge time.Duration) {
		t.Helper()
		if err := j.PersistSession(ctx, kept, maxAge); err != nil {
			t.Fatal(err)
		}
	}
	restore := func(pid, offset string) (*adapter.Session, []string) {
		t.Helper()
		s, missed, err := j.RestoreSession(ctx, "/", pid, offset)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range missed {
			texts = append(texts, string(m.Packet.Text)+" "+fmt.Sprint(m.Offset == second || m.Offset == third))
		}
		return s, texts
	}
	for offset, want := range map[string][]string{
		second:  {`["e",3] true`},
		third:   nil,
		"":      {`["e",2] true`, `["e",3] true`},
		"a.b":   {`["e",2] true`, `["e",3] true`}, // of another log
		"wrong": {`["e",2] true`, `["e",3] true`},
	} {
		persist(time.Minute)
		got, missed := restore(kept.PID, offset)
		wanted := *kept
		if want == nil || len(want) == 1 {
			wanted.Offset = offset
		}
		if !reflect.DeepEqual(got, &wanted) || !slices.Equal(missed, want) {
			t.Errorf("with offset %q: %+v, missed %q", offset, got, missed)
		}
		if again, _ := restore(kept.PID, offset); again != nil {
			t.Error("a session is restored twice")
		}
	}
	persist(time.Minute)
	if had, err := j.DeleteSession(ctx, "/", kept.PID); !had || err != nil {
		t.Errorf("deleted: %v, %v", had, err)
	}
	if had, err := j.DeleteSession(ctx, "/", kept.PID); had || err != nil {
		t.Errorf("deleted twice: %v, %v", had, err)
	}
	persist(-time.Second)
	if got, _ := restore(kept.PID, ""); got != nil {
		t.Error("a session that is too old is restored")
	}
	kept.Offset = ""
	persist(time.Minute)
	if got, _ := restore(kept.PID, "wrong"); got != nil {
		t.Error("a session without a place in the log is restored")
	}
}

// TestSubscribeWithoutALog has a NATS server without JetStream.
func TestSubscribeWithoutALog(t *testing.T) {
	t.Parallel()
	j := connectJetStream(t, startNATS(t, server.Options{}).ClientURL(), nats.JetStreamOptions{})
	until(t, "it connects", j.Conn().IsConnected)
	for range 2 {
		if err := j.Subscribe(t.Context(), new(counter)); err == nil || strings.Contains(err.Error(), "each needs its own") {
			t.Errorf("error %v, want that of the log", err)
		}
	}
	until(t, "no subscription is left but that for replies", func() bool { return j.Conn().NumSubscriptions() <= 1 })
}

type collector struct {
	adapter.Subscriber
	got chan *adapter.Message
}

func (c *collector) Namespace() string          { return "/" }
func (c *collector) UID() string                { return "collector" }
func (c *collector) Deliver(m *adapter.Message) { c.got <- m }

package embedded

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/nats"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser"
)

// A counter counts the messages that it gets.
type counter struct {
	adapter.Subscriber
	got atomic.Int64
}

func (c *counter) Namespace() string                   { return "/" }
func (c *counter) UID() string                         { return "counter" }
func (c *counter) WatchRooms(func(string, bool, bool)) {}
func (c *counter) Deliver(*adapter.Message)            { c.got.Add(1) }

// TestPublishWhileTheConnectionBreaks breaks a connection in the middle of a
// batch. Publish must return without a new connection, and name all that is lost.
func TestPublishWhileTheConnectionBreaks(t *testing.T) {
	for kind, connect := range connectors {
		for how, breaks := range map[string]func(*clustertest.Proxy){
			"for a moment":          (*clustertest.Proxy).Cut,
			"until Publish returns": (*clustertest.Proxy).Refuse,
		} {
			t.Run(kind+", "+how, func(t *testing.T) {
				t.Parallel()
				ctx := t.Context()
				addr := natsServer(t).Addr().String()
				proxy := clustertest.StartProxy(t, addr)
				from, to, got := connect(t, "nats://"+proxy.Addr), connect(t, "nats://"+addr), new(counter)
				until(t, "it subscribes", func() bool { return to.Subscribe(ctx, got) == nil })
				batch := slices.Repeat([]*adapter.Message{event()}, 2000)
				conn, sent, lost := connOf(from), 0, 0
				for lost == 0 { // a batch may be faster
					ctx, cancel := context.WithTimeout(ctx, 2*patience)
					defer cancel()
					until(t, "it publishes", func() bool { return from.Publish(ctx, batch[:1]) == nil })
					sent++
					before, result := conn.Stats().OutMsgs, make(chan []error, 1)
					go func() { result <- from.Publish(ctx, batch) }()
					until(t, "a part of the batch is sent", func() bool { return conn.Stats().OutMsgs >= before+200 || len(result) > 0 })
					breaks(proxy)
					errs := <-result
					if proxy.Resume(); ctx.Err() != nil {
						t.Fatal("Publish waits for the next connection")
					}
					sent += len(batch)
					for _, err := range errs {
						if err != nil {
							lost++
						}
					}
				}
				t.Logf("of %d messages %d are lost, it says", sent, lost)
				until(t, "the others come", func() bool { return int(got.got.Load())+lost >= sent })
			})
		}
	}
}

// TestAcknowledgementsEndWithTheConnection breaks a connection before the log
// acknowledges, and after many attempts to connect have failed at once: then the
// acknowledgement does not hear of it.
func TestAcknowledgementsEndWithTheConnection(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	proxy := clustertest.StartProxy(t, natsServer(t).Addr().String())
	attempts := make(chan struct{})
	from := connectJetStream(t, "nats://"+proxy.Addr, nats.JetStreamOptions{Options: nats.Options{Connect: []natsgo.Option{
		natsgo.CustomReconnectDelay(func(int) time.Duration {
			select {
			case attempts <- struct{}{}:
			default:
			}
			return 0
		}),
	}}})
	to := connectJetStream(t, "nats://"+proxy.Addr, nats.JetStreamOptions{}) // creates the log
	until(t, "it subscribes", func() bool { return to.Subscribe(ctx, new(counter)) == nil })
	until(t, "it publishes", func() bool { return from.Publish(ctx, []*adapter.Message{event()}) == nil })
	proxy.Refuse()
	for range 1000 {
		<-attempts
	}
	proxy.Resume()
	until(t, "it connects again", from.Conn().IsConnected)
	proxy.Stall()
	before, result := from.Conn().Stats().OutMsgs, make(chan []error, 1)
	ctx, cancel = context.WithTimeout(t.Context(), patience) // the attempts may have taken long
	defer cancel()
	go func() { result <- from.Publish(ctx, []*adapter.Message{event()}) }()
	until(t, "the event is sent", func() bool { return from.Conn().Stats().OutMsgs > before || len(result) > 0 })
	proxy.Refuse()
	if errs := <-result; errs == nil || ctx.Err() != nil {
		t.Errorf("errors %v; the test's time is over: %v", errs, ctx.Err())
	}
}

func event() *adapter.Message {
	return &adapter.Message{
		Type: adapter.ServerSideEmit, UID: "other", Namespace: "/", Packet: parser.Encoded{Text: []byte(`["an event of some length"]`)},
	}
}

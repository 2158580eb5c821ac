//go:build !race

package systemtest

import (
	"context"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
)

// features are what a server may do beside its work, and the allocations that
// an operation may then take beyond its budget.
var features = []struct {
	name    string
	further map[string]float64 // by operation
	wire    string
	add     func(o *socketio.Options)
}{
	{"an adapter", further(0, 25, 0, 0), "plain", func(o *socketio.Options) { o.Adapter = deafAdapter{} }},
	{"recovery", further(8, 6, 8, 8), "plain", func(o *socketio.Options) { o.Recovery = &socketio.Recovery{MaxEvents: 100} }},
	{"hooks", further(0, 0, 0, 1), "plain", func(o *socketio.Options) { o.Trace = everyHook() }},
	{"compression that clients do not offer", further(0, 0, 0, 0), "plain", compressing},
	{"compression", further(4, 6, 5, 5), "deflate", compressing},
	{"TLS", further(2, 150, 5, 6), "tls", func(*socketio.Options) {}}, // 1.5 for each client
}

func further(emit, broadcast, echo, binary float64) map[string]float64 {
	return map[string]float64{"Emit": emit, "Broadcast/100": broadcast, "Echo": echo, "Echo/binary": binary}
}

func compressing(o *socketio.Options) {
	o.PerMessageDeflate = &socketio.PerMessageDeflate{Threshold: 1}
}

// everyHook has all hooks that an event calls.
func everyHook() *socketio.Trace {
	return &socketio.Trace{
		Received: func(socketio.Conn, int) {},
		Dropped:  func(socketio.Conn, int, int) {},
		Handle: func(ctx context.Context, _ *socketio.Event) (context.Context, func(error)) {
			return ctx, func(error) {}
		},
	}
}

// A deafAdapter takes all messages and passes on none.
type deafAdapter struct{}

func (deafAdapter) Publish(_ context.Context, batch []*adapter.Message) []error {
	return make([]error, len(batch))
}
func (deafAdapter) Subscribe(context.Context, adapter.Subscriber) error { return nil }
func (deafAdapter) Servers(context.Context, string) (int, error)        { return 1, nil }

// TestAllocationsOfFeatures fails when an operation of a server with a feature
// allocates more than it used to. TestAllocationBudgets does so for a server
// whose features are off.
func TestAllocationsOfFeatures(t *testing.T) {
	for _, feature := range features {
		for _, bench := range benchmarks {
			more, is := feature.further[bench.name]
			if !is {
				continue
			}
			t.Run(feature.name+"/"+bench.name, func(t *testing.T) {
				o := &socketio.Options{Trace: &socketio.Trace{}}
				feature.add(o)
				op := bench.make(featuredServer(t, bench.sockets, o, feature.wire))
				budget := bench.budget + more
				if n := testing.AllocsPerRun(200, op); n > budget {
					t.Errorf("%v allocations, the budget is %v", n, budget)
				} else {
					t.Logf("%v allocations of %v", n, budget)
				}
			})
		}
	}
}

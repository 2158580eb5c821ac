//go:build !race

package systemtest

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
)

// featureCosts is the page whose table states by which factor an operation of a
// server with a feature may allocate more.
const featureCosts = "../../docs/capacity.md"

// features are what a server may do beside its work, by their names in the
// table.
var features = []struct {
	name string
	wire string
	add  func(o *socketio.Options)
}{
	{"an adapter", "plain", func(o *socketio.Options) { o.Adapter = deafAdapter{} }},
	{"`Recovery`", "plain", func(o *socketio.Options) { o.Recovery = &socketio.Recovery{MaxEvents: 100} }},
	{"`Trace`, with every hook", "plain", func(o *socketio.Options) { o.Trace = everyHook() }},
	{"compression that clients do not offer", "plain", compressing},
	{"compression", "deflate", compressing},
	{"TLS", "tls", func(*socketio.Options) {}},
}

// columns are the operations of the table.
var columns = []string{"Emit", "Broadcast/100", "Echo", "Echo/binary"}

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

// A cost is what an operation allocates.
type cost struct{ allocations, bytes float64 }

// costOf returns the least of three measurements of 200 operations each: what
// else the process allocates meanwhile only adds to the cost.
func costOf(op func()) cost { return costOfEach(200, op) }

func costOfEach(runs int, op func()) cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	least := cost{math.Inf(1), math.Inf(1)}
	for range 3 {
		var before, after runtime.MemStats
		op()
		runtime.ReadMemStats(&before)
		for range runs {
			op()
		}
		runtime.ReadMemStats(&after)
		least.allocations = min(least.allocations, float64(after.Mallocs-before.Mallocs)/float64(runs))
		least.bytes = min(least.bytes, float64(after.TotalAlloc-before.TotalAlloc)/float64(runs))
	}
	return least
}

// times returns by which factors c is more than the cost of a server whose
// features are off, to one decimal. What is less is not counted.
func (c cost) times(off cost) cost {
	factor := func(a, b float64) float64 { return math.Floor(10*a/b) / 10 }
	return cost{factor(c.allocations, off.allocations), factor(c.bytes, off.bytes)}
}

// TestAllocationsOfFeatures fails when an operation of a server with a feature
// allocates more than the page says: so many times what the operation allocates
// if all features are off. TestAllocationBudgets holds the latter.
func TestAllocationsOfFeatures(t *testing.T) {
	page, err := os.ReadFile(featureCosts)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // as the page has it: an event to 100 clients starts a flusher for each processor
	off := make(map[string]cost)
	for _, bench := range benchmarks {
		if slices.Contains(columns, bench.name) {
			off[bench.name] = costOf(bench.make(serverWith(t, bench.sockets)))
		}
	}
	for _, feature := range features {
		t.Run(feature.name, func(t *testing.T) {
			stated := statedFactors(t, string(page), feature.name)
			for _, bench := range benchmarks {
				limit, is := stated[bench.name]
				if !is {
					continue
				}
				o := &socketio.Options{Trace: &socketio.Trace{}}
				feature.add(o)
				c := costOf(bench.make(featuredServer(t, bench.sockets, o, feature.wire)))
				n := c.times(off[bench.name])
				t.Logf("%s: %.1f allocations and %.0f bytes, %v times as many", bench.name, c.allocations, c.bytes, n)
				if n.allocations > limit.allocations || n.bytes > limit.bytes {
					t.Errorf("%s costs %v times as much, the page says %v", bench.name, n, limit)
				}
			}
		})
	}
}

// statedFactors returns a row of the page's table.
func statedFactors(t *testing.T, page, feature string) map[string]cost {
	_, row, found := strings.Cut(page, "\n| "+feature+" | ")
	row, _, _ = strings.Cut(row, "\n")
	cells := strings.Split(row, " | ")
	if !found || len(cells) < len(columns) {
		t.Fatalf("%s has no row for %s", featureCosts, feature)
	}
	stated := make(map[string]cost)
	for i, operation := range columns {
		var c cost
		if _, err := fmt.Sscanf(cells[i], "%g / %g", &c.allocations, &c.bytes); err != nil {
			t.Fatalf("%s, %s, %q: %v", featureCosts, feature, cells[i], err)
		}
		stated[operation] = c
	}
	return stated
}

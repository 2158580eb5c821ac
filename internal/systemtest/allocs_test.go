//go:build !race

package systemtest

import "testing"

// TestAllocationBudgets fails when an operation allocates more than it used
// to. Under the race detector pools lose what they are given, so it runs
// without.
func TestAllocationBudgets(t *testing.T) {
	for _, bench := range benchmarks {
		t.Run(bench.name, func(t *testing.T) {
			op := bench.make(serverWith(t, bench.sockets))
			if n := testing.AllocsPerRun(200, op); n > bench.budget {
				t.Errorf("%v allocations, the budget is %v", n, bench.budget)
			} else {
				t.Logf("%v allocations of %v", n, bench.budget)
			}
		})
	}
}

//go:build !race

package parser

import "testing"

// TestAllocationBudgets fails when an operation allocates more than it used
// to. Under the race detector pools lose what they are given, so it runs
// without.
func TestAllocationBudgets(t *testing.T) {
	for _, bench := range benchmarks {
		if n := testing.AllocsPerRun(200, bench.op); n > bench.budget {
			t.Errorf("%s: %v allocations, the budget is %v", bench.name, n, bench.budget)
		} else {
			t.Logf("%s: %v allocations of %v", bench.name, n, bench.budget)
		}
	}
}

package jobs

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

func TestQueueIsBoundedAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Queue{Limit: 16 << 20}
		release := make(chan struct{})
		var handled []int
		accepted := 0
		for i := range 100 {
			if q.Put(1<<20, func() { <-release; handled = append(handled, i) }) {
				accepted++
			}
			synctest.Wait()
		}
		close(release)
		synctest.Wait()
		if accepted != 17 || len(handled) != 17 || !slices.IsSorted(handled) { // one was being handled, and 16 waited
			t.Errorf("%d accepted, handled %v", accepted, handled)
		}
		if !q.Put(2*q.Limit, func() { handled = nil }) {
			t.Error("a job of any size may wait alone")
		}
		synctest.Wait()
		if handled != nil || q.busy || q.bytes != 0 {
			t.Errorf("handled %v, busy %t, %d bytes", handled, q.busy, q.bytes)
		}
	})
}

func TestQueueWithoutALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		ran := 0
		for range 1000 {
			if !q.Put(1<<30, func() { ran++ }) {
				t.Fatal("refused")
			}
		}
		synctest.Wait()
		if ran != 1000 {
			t.Errorf("%d have run", ran)
		}
	})
}

func TestAJobMayEndItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		ran := false
		q.Put(1, runtime.Goexit)
		q.Put(1, func() { ran = true })
		synctest.Wait()
		if !ran || q.busy {
			t.Errorf("the next job has run: %t, busy %t", ran, q.busy)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		release := make(chan struct{})
		first, second := false, false
		q.Put(1, func() { <-release; first = true })
		synctest.Wait()
		q.Put(1, func() { second = true })
		q.Stop()
		close(release)
		synctest.Wait()
		if !first || second || q.busy || q.Put(1, func() {}) {
			t.Errorf("first %t, second %t, busy %t", first, second, q.busy)
		}
	})
}

package labels_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/goroomcast/socketio/internal/labels"
)

func TestEvents(t *testing.T) {
	var events labels.Events
	var mu sync.Mutex
	seen := map[string]int{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 2 * labels.MaxEvents {
				label := events.Label(fmt.Sprint("event ", i))
				mu.Lock()
				seen[label]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != labels.MaxEvents+1 || seen[labels.Other] != 4*labels.MaxEvents {
		t.Errorf("%d labels; %d times %q", len(seen), seen[labels.Other], labels.Other)
	}
	for label, n := range seen {
		if label != labels.Other && (n != 4 || events.Label(label) != label) {
			t.Errorf("%q was a label %d times, want 4, and is %q", label, n, events.Label(label))
		}
	}
}

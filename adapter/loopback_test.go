package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestLoopback(t *testing.T) {
	adaptertest.Run(t, func(_ testing.TB, n int) []adapter.Adapter {
		all := make([]adapter.Adapter, n)
		shared := new(adapter.Loopback)
		for i := range all {
			all[i] = shared
		}
		return all
	})
}

// A bus that cannot count its servers leaves it to their heartbeats.
type uncounted struct{ adapter.Loopback }

func (*uncounted) Servers(context.Context, string) (int, error) {
	return 0, fmt.Errorf("no count: %w", errors.ErrUnsupported)
}

func TestHeartbeats(t *testing.T) {
	adaptertest.Run(t, func(_ testing.TB, n int) []adapter.Adapter {
		all := make([]adapter.Adapter, n)
		shared := new(uncounted)
		for i := range all {
			all[i] = shared
		}
		return all
	})
}

// A bus that keeps a log and sessions.
func TestJournal(t *testing.T) {
	adaptertest.Run(t, func(_ testing.TB, n int) []adapter.Adapter {
		all := make([]adapter.Adapter, n)
		shared := testserver.NewJournal()
		for i := range all {
			all[i] = shared
		}
		return all
	})
}

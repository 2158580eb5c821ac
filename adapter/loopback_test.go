package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/testserver"
)

// sharing returns the same adapter for all servers.
func sharing(bus func() adapter.Adapter) adaptertest.Join {
	return func(_ testing.TB, n int) []adapter.Adapter { return slices.Repeat([]adapter.Adapter{bus()}, n) }
}

func loopback() adapter.Adapter { return new(adapter.Loopback) }

func journal() adapter.Adapter { return testserver.NewJournal() }

func TestLoopback(t *testing.T) { adaptertest.Run(t, sharing(loopback)) }

// A bus that cannot count its servers leaves it to their heartbeats.
type uncounted struct{ adapter.Loopback }

func (*uncounted) Servers(context.Context, string) (int, error) {
	return 0, fmt.Errorf("no count: %w", errors.ErrUnsupported)
}

func TestHeartbeats(t *testing.T) {
	adaptertest.Run(t, sharing(func() adapter.Adapter { return new(uncounted) }))
}

// A bus that keeps a log and sessions.
func TestJournal(t *testing.T) { adaptertest.Run(t, sharing(journal)) }

func TestCrowd(t *testing.T) {
	t.Run("loopback", func(t *testing.T) { adaptertest.Crowd(t, sharing(loopback)) })
	t.Run("journal", func(t *testing.T) { adaptertest.Crowd(t, sharing(journal)) })
}

package embedded

import (
	"log/slog"
	"os"
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
)

const secret = "a secret of the tests"

// start starts a process's part, which knows the address of another if there
// is one.
func start(t testing.TB, routes ...string) *Adapter {
	t.Helper()
	a, err := New(&Options{Listen: "127.0.0.1:0", Routes: routes, Secret: secret, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func logger() *slog.Logger {
	if os.Getenv("LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (a *Adapter) address() string { return a.server.ClusterAddr().String() }

// cluster starts n of them. Each knows the first.
func cluster(t testing.TB, n int) []adapter.Adapter {
	first := start(t)
	all := []adapter.Adapter{first}
	for range n - 1 {
		all = append(all, start(t, first.address()))
	}
	return all
}

func TestAdapter(t *testing.T) { adaptertest.Run(t, cluster) }

package postgres

import (
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
)

// Servers that are joined over PostgreSQL behave like one server.
func TestServersAreOne(t *testing.T) {
	pg := startPostgres(t, "max_connections=300")
	pool := open(t, pg.URL)
	adaptertest.Run(t, func(t testing.TB, n int) []adapter.Adapter {
		o := isolated()
		adapters := make([]adapter.Adapter, n)
		for i := range adapters {
			a, err := New(pool, &o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(a.Close)
			adapters[i] = a
		}
		return adapters
	})
}

package postgres

import (
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
)

// Servers that are joined over PostgreSQL behave like one server.
func TestServersAreOne(t *testing.T) {
	adaptertest.Run(t, onPostgres(t))
}

// Each of many clients gets each event once, in order, while sockets join and
// leave and a server dies.
func TestCrowd(t *testing.T) { adaptertest.Crowd(t, onPostgres(t)) }

// onPostgres starts PostgreSQL for clusters that do not hear each other.
func onPostgres(t *testing.T) adaptertest.Join {
	pg := startPostgres(t, "max_connections=300")
	pool := open(t, pg.URL)
	return func(t testing.TB, n int) []adapter.Adapter {
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
	}
}

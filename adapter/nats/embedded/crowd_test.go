package embedded

import (
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/adapter/nats"
)

// Each of many clients gets each event once, in order, while sockets join and
// leave and a server dies.
func TestCrowd(t *testing.T) {
	of := func(make func(t testing.TB, url string, o nats.Options) adapter.Adapter) adaptertest.Join {
		return func(t testing.TB, n int) (all []adapter.Adapter) {
			url, o := natsServer(t).ClientURL(), apart(nats.Options{})
			for range n {
				all = append(all, make(t, url, o))
			}
			return all
		}
	}
	for name, join := range map[string]adaptertest.Join{
		"NATS":     of(func(t testing.TB, url string, o nats.Options) adapter.Adapter { return connect(t, url, o) }),
		"embedded": cluster,
		"JetStream": of(func(t testing.TB, url string, o nats.Options) adapter.Adapter {
			return connectJetStream(t, url, nats.JetStreamOptions{Options: o, Memory: true})
		}),
	} {
		t.Run(name, func(t *testing.T) { adaptertest.Crowd(t, join) })
	}
}

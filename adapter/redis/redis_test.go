package redis

import (
	"testing"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// connect returns a client of a Redis server.
func connect(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestClassic(t *testing.T) {
	r := clustertest.StartRedis(t)
	client := connect(t, r.Addr)
	adaptertest.Run(t, joiner(func(key string) adapter.Adapter { return NewClassic(client, &ClassicOptions{Key: key}) }))
}

func TestClassicDirectResponses(t *testing.T) {
	r := clustertest.StartRedis(t)
	client := connect(t, r.Addr)
	adaptertest.Run(t, joiner(func(key string) adapter.Adapter {
		return NewClassic(client, &ClassicOptions{Key: key, DirectResponses: true})
	}))
}

func TestSharded(t *testing.T) {
	r := clustertest.StartRedis(t)
	client := connect(t, r.Addr)
	for _, mode := range []SubscriptionMode{Static, Dynamic, DynamicPrivate} {
		t.Run(string(mode), func(t *testing.T) {
			adaptertest.Run(t, joiner(func(key string) adapter.Adapter {
				return NewSharded(client, &ShardedOptions{ChannelPrefix: key, SubscriptionMode: mode})
			}))
		})
	}
}

// joiner returns a function that makes the adapters of a cluster, each with a
// prefix of its own.
func joiner(make func(key string) adapter.Adapter) func(t testing.TB, n int) []adapter.Adapter {
	return func(t testing.TB, n int) (all []adapter.Adapter) {
		for range n {
			all = append(all, make(t.Name()))
		}
		return all
	}
}

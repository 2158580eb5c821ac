package redis

import (
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// Each of many clients gets each event once, in order, while sockets join and
// leave and a server dies.
func TestCrowd(t *testing.T) {
	r := clustertest.StartRedis(t)
	client := connect(t, r.Addr)
	for name, make := range map[string]func(key string) adapter.Adapter{
		"classic": func(key string) adapter.Adapter { return NewClassic(client, &ClassicOptions{Key: key}) },
		"sharded": func(key string) adapter.Adapter { return NewSharded(client, &ShardedOptions{ChannelPrefix: key}) },
		"streams": func(key string) adapter.Adapter {
			return NewStreams(client, &StreamsOptions{StreamName: key, ChannelPrefix: key})
		},
	} {
		t.Run(name, func(t *testing.T) { adaptertest.Crowd(t, joiner(make)) })
	}
}

package redis

import (
	"testing"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/clustertest"
)

func TestStreams(t *testing.T) {
	redis := clustertest.StartRedis(t)
	client := connect(t, redis.Addr)
	adaptertest.Run(t, joiner(func(key string) adapter.Adapter {
		return NewStreams(client, &StreamsOptions{StreamName: key, ChannelPrefix: key, SessionKeyPrefix: key})
	}))
}

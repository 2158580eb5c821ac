package redis

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// startRedisCluster starts a Redis Cluster of three servers.
func startRedisCluster(t *testing.T) []*clustertest.Redis {
	t.Helper()
	var servers []*clustertest.Redis
	var buses []string // ports
	for i, slots := range [][2]string{{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}} {
		_, port, _ := net.SplitHostPort(clustertest.FreeAddress(t))
		buses = append(buses, port)
		servers = append(servers, clustertest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", port))
		servers[i].Do("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1])
	}
	for i, s := range servers[1:] {
		host, port, _ := net.SplitHostPort(s.Addr)
		servers[0].Do("CLUSTER", "MEET", host, port, buses[i+1])
	}
	for _, s := range servers {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, DisableCache: true, ForceSingleClient: true})
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; {
			info, _ := client.Do(t.Context(), client.B().ClusterInfo().Build()).ToString()
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the Redis Cluster is not ready:\n%s", info)
			}
			<-time.After(20 * time.Millisecond)
		}
		client.Close()
	}
	return servers
}

func TestRedisCluster(t *testing.T) {
	servers := startRedisCluster(t)
	client := connect(t, servers[0].Addr)
	if client.Mode() != rueidis.ClientModeCluster {
		t.Fatalf("the client is in mode %s", client.Mode())
	}
	t.Run("sharded", func(t *testing.T) {
		adaptertest.Run(t, joiner(func(key string) adapter.Adapter {
			return NewSharded(client, &ShardedOptions{ChannelPrefix: key, SubscriptionMode: Static}) // the other modes keep the order of each channel only
		}))
	})
	t.Run("classic", func(t *testing.T) {
		adaptertest.Run(t, joiner(func(key string) adapter.Adapter { return NewClassic(client, &ClassicOptions{Key: key}) }))
	})
	t.Run("streams", func(t *testing.T) {
		adaptertest.Run(t, joiner(func(key string) adapter.Adapter {
			return NewStreams(client, &StreamsOptions{StreamName: key, StreamCount: 3, ReadCount: 2, ChannelPrefix: key, SessionKeyPrefix: key, ShardedPubSub: true})
		}))
	})
}

// A channel is found again when its slot has moved to another server.
func TestRedisClusterSlotMoves(t *testing.T) {
	servers := startRedisCluster(t)
	a, b := NewSharded(connect(t, servers[0].Addr), nil), NewSharded(connect(t, servers[1].Addr), nil)
	p := newPair(t, servers[0], a, b)
	p.pause(50 * time.Millisecond)
	for _, channel := range []string{a.channel("/"), a.channel("/") + "r#"} {
		slot := slotOf(channel)
		from := servers[min(slot/5461, 2)]
		to := servers[(min(slot/5461, 2)+1)%3]
		id := clusterID(t, to)
		for _, s := range append([]*clustertest.Redis{to, from}, servers...) {
			s.Do("CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", id)
		}
		p.pause(100 * time.Millisecond)
		p.meet()
	}
	for { // until b has subscribed at the new servers
		ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		n, err := b.hub.subscribers(ctx, topic{shardChannel, a.channel("/") + "r#"})
		cancel()
		if err == nil && n == 2 {
			break
		}
		p.pause(10 * time.Millisecond)
	}
	p.outcome(p.next() + 5)
}

func clusterID(t *testing.T, r *clustertest.Redis) string {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.Addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	id, err := client.Do(t.Context(), client.B().ClusterMyid().Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// The slots are those that Redis computes.
func TestSlots(t *testing.T) {
	_, port, _ := net.SplitHostPort(clustertest.FreeAddress(t))
	r := clustertest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", port)
	for _, name := range []string{"", "foo", "{foo}bar", "a{foo}{bar}", "{}foo", "foo{}{a}", "foo{{a}}", "a{b", "a}{b}", "socket.io#/#", "socket.io#/#é{ü}#"} {
		if got, want := strconv.Itoa(slotOf(name)), r.Do("CLUSTER", "KEYSLOT", name); got != want {
			t.Errorf("slot of %q is %s, want %s", name, got, want)
		}
	}
}

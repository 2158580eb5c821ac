package redis

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// nodes knows which server of a Redis Cluster owns which channel. Without a
// Redis Cluster one server owns all channels.
type nodes struct {
	client rueidis.Client

	refreshing sync.Mutex
	refreshed  time.Time

	mu     sync.RWMutex
	owners []owner
}

// An owner is a server with the slots from first to last.
type owner struct {
	first, last int
	addr        string
}

// refreshPause is the shortest pause between two questions for the owners.
const refreshPause = 200 * time.Millisecond

// owner returns the address of the server that owns a topic, or "" if there is
// only one server. A topic without a slot may be on any server of a Redis
// Cluster, because each passes its messages on: owner returns the first server
// of the client's list.
func (n *nodes) owner(t topic) (addr string) {
	if n.client.Mode() != rueidis.ClientModeCluster {
		return ""
	}
	all := n.client.Nodes()
	if t.kind == shardChannel {
		if addr = n.ownerOf(slotOf(t.name)); all[addr] != nil {
			return addr
		}
	}
	return slices.Min(append(slices.Collect(maps.Keys(all)), "~"))
}

// at returns the client of the server with an address that owner has returned, or
// nil if the server has left.
func (n *nodes) at(addr string) rueidis.Client {
	if addr == "" {
		return n.client
	}
	return n.client.Nodes()[addr]
}

func (n *nodes) ownerOf(slot int) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, o := range n.owners {
		if o.first <= slot && slot <= o.last {
			return o.addr
		}
	}
	return ""
}

// counted returns the servers that know of subscriptions to a topic: the owner
// of a channel with a slot, and otherwise all servers, because each knows only
// its own subscriptions.
func (n *nodes) counted(t topic) []rueidis.Client {
	if n.client.Mode() == rueidis.ClientModeCluster && t.kind != shardChannel {
		return slices.Collect(maps.Values(n.client.Nodes()))
	}
	if client := n.at(n.owner(t)); client != nil {
		return []rueidis.Client{client}
	}
	return nil
}

// refresh asks Redis for the owners of all slots, unless it has just done so.
func (n *nodes) refresh() {
	if n.client.Mode() != rueidis.ClientModeCluster {
		return
	}
	n.refreshing.Lock()
	defer n.refreshing.Unlock()
	if time.Since(n.refreshed) < refreshPause {
		return
	}
	n.refreshed = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	ranges, err := n.client.Do(ctx, n.client.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return // the old ones, until the next attempt
	}
	var owners []owner
	for _, r := range ranges {
		if o, ok := readOwner(r); ok {
			owners = append(owners, o)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.owners = owners
}

// readOwner reads an element of the answer to CLUSTER SLOTS: the first and the
// last slot, then the servers, the owner first.
func readOwner(m rueidis.RedisMessage) (o owner, ok bool) {
	fields, err := m.ToArray()
	if err != nil || len(fields) < 3 {
		return o, false
	}
	first, err1 := fields[0].AsInt64()
	last, err2 := fields[1].AsInt64()
	server, err3 := fields[2].ToArray()
	if err1 != nil || err2 != nil || err3 != nil || len(server) < 2 {
		return o, false
	}
	host, err1 := server[0].ToString()
	port, err2 := server[1].AsInt64()
	if err1 != nil || err2 != nil {
		return o, false
	}
	return owner{int(first), int(last), net.JoinHostPort(host, strconv.Itoa(int(port)))}, true
}

// slotOf returns the slot of a channel in a Redis Cluster: the CRC of the name,
// or of the text between the first braces in the name.
func slotOf(name string) int {
	if _, rest, found := strings.Cut(name, "{"); found {
		if tag, _, closed := strings.Cut(rest, "}"); closed && tag != "" {
			name = tag
		}
	}
	var crc uint16 // CRC-16/XMODEM
	for i := range len(name) {
		crc ^= uint16(name[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc % 16384)
}

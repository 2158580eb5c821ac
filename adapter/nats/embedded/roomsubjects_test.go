package embedded

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/adapter/nats"
)

// TestRoomSubjects runs the checks with servers that subscribe to their rooms.
// Such a subscription takes a moment, so each message waits for those that are
// under way.
func TestRoomSubjects(t *testing.T) {
	adaptertest.Run(t, func(t testing.TB, n int) []adapter.Adapter {
		s := startNATS(t, server.Options{})
		known := &knownRooms{server: s, before: s.GlobalAccount().TotalSubs(), rooms: make(map[adapter.Subscriber]map[string]int)}
		o := apart(nats.Options{RoomSubjects: true})
		var all []adapter.Adapter
		for range n {
			all = append(all, settling{connect(t, s.ClientURL(), o), known})
		}
		return all
	})
}

// knownRooms are those that adapters must have subscribed to.
type knownRooms struct {
	server *server.Server
	before int // subscriptions of others

	mu    sync.Mutex
	rooms map[adapter.Subscriber]map[string]int
}

// settled reports whether the NATS server has exactly the subscriptions that
// it must have: two for each namespace of a server, and one for each room.
func (k *knownRooms) settled() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.before
	for _, rooms := range k.rooms {
		n += 2 + len(rooms)
	}
	return k.server.GlobalAccount().TotalSubs() == n
}

type settling struct {
	*nats.Adapter
	known *knownRooms
}

func (a settling) Publish(ctx context.Context, batch []*adapter.Message) []error {
	for end := time.Now().Add(patience); !a.known.settled() && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	return a.Adapter.Publish(ctx, batch)
}

func (a settling) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	err := a.Adapter.Subscribe(ctx, watched{to, a.known})
	context.AfterFunc(ctx, func() {
		a.known.mu.Lock()
		defer a.known.mu.Unlock()
		delete(a.known.rooms, to)
	})
	return err
}

// watched notes the rooms that an adapter is told of.
type watched struct {
	adapter.Subscriber
	known *knownRooms
}

func (w watched) WatchRooms(f func(room string, private, exists bool)) {
	rooms := make(map[string]int)
	w.known.mu.Lock()
	w.known.rooms[w.Subscriber] = rooms
	w.known.mu.Unlock()
	w.Subscriber.WatchRooms(func(room string, private, exists bool) {
		w.known.mu.Lock()
		if exists {
			rooms[room]++
		} else if rooms[room]--; rooms[room] == 0 {
			delete(rooms, room)
		}
		w.known.mu.Unlock()
		f(room, private, exists)
	})
}

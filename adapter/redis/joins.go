package redis

import (
	"maps"
	"sync"
	"time"
)

// joins are the rooms that sockets of other servers have just been told to join.
// Those servers may not have subscribed to the room's channel yet.
type joins struct {
	mu    sync.Mutex
	rooms map[joined]time.Time
	swept time.Time
}

type joined struct{ namespace, room string }

// joinTime is how long a join is recent.
const joinTime = time.Second

func (j *joins) note(namespace string, rooms []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if j.rooms == nil {
		j.rooms = make(map[joined]time.Time)
	}
	if now.Sub(j.swept) > joinTime {
		maps.DeleteFunc(j.rooms, func(_ joined, at time.Time) bool { return now.Sub(at) > joinTime })
		j.swept = now
	}
	for _, room := range rooms {
		j.rooms[joined{namespace, room}] = now
	}
}

func (j *joins) recent(namespace, room string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	at, noted := j.rooms[joined{namespace, room}]
	return noted && time.Since(at) <= joinTime
}

//go:build linux

package chatbench

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

const posters = 256

func sortInts(all []int64) { slices.Sort(all) }

// crowd makes rooms with as many followers each; each client follows one room.
func (m *meter) crowd(db *database, rooms, followers int) func(f *fleet) {
	members := make(map[string][]string)
	for i := range rooms {
		id := fmt.Sprint("room", i)
		for j := range followers {
			members[id] = append(members[id], fmt.Sprintf("u%d-%d", i, j))
		}
	}
	db.makeRooms(m, members)
	return func(f *fleet) {
		for j := range followers {
			for i := range rooms {
				f.add(fmt.Sprintf("u%d-%d", i, j), fmt.Sprint("room", i))
			}
		}
		m.check(f.connect(f.clients))
		m.check(f.follow(f.clients))
	}
}

// postAll has clients post into their first rooms, one post each on its way, for
// a time after a warm-up. It returns how many posts were acknowledged in that
// time, and what they took in µs, sorted.
func (m *meter) postAll(f *fleet, by []*client, during time.Duration) (took []int64) {
	m.Helper()
	measuring, stopping, flying := false, false, 0
	var next func(c *client) error
	next = func(c *client) error {
		if stopping {
			return nil
		}
		flying++
		sent := micros()
		return c.post(c.views[0].room, func(int64, int64) error {
			flying--
			if measuring {
				took = append(took, micros()-sent)
			}
			return next(c)
		})
	}
	for _, c := range by {
		m.check(next(c))
	}
	m.check(f.run(during / 3))
	f.servers[0].profiled()
	measuring = true
	m.check(f.run(during))
	measuring, stopping = false, true
	m.check(f.loop.Wait("the last posts", patience, func() (bool, error) { return flying == 0, nil }))
	sortInts(took)
	return took
}

// posts measures how many posts go through the server, and how many through its
// store alone.
func posts(m *meter, filter bool) {
	db := newSQLite(m)
	rooms := max(m.size(100), 10)
	connect := m.crowd(db, rooms, 10)
	var args []string
	if filter {
		args = append(args, "-filter")
	}
	f := m.fleet(startServer(m, db.url, args...))
	connect(f)
	by := f.clients[:min(posters, len(f.clients))]
	during := m.time(5 * time.Second)
	took := m.postAll(f, by, during)
	f.settle(m, db)
	rate := float64(len(took)) / during.Seconds()
	m.set("posts/s", rate)
	m.set("p50 ms", percentile(took, 0.5))
	m.set("p99 ms", percentile(took, 0.99))
	if filter {
		return
	}
	f.servers[0].Kill()
	bare := m.bare(newSQLite(m), rooms, during)
	m.set("bare posts/s", bare)
	m.set("of bare", rate/bare)
}

// bare posts into a store without a server: batches of as many posts as there are
// posters.
func (m *meter) bare(db *database, rooms int, during time.Duration) (perSecond float64) {
	m.crowd(db, rooms, 10)
	n, begun := 0, time.Now()
	for ; time.Since(begun) < during; n += posters {
		ops := make([]store.Op, posters)
		for i := range ops {
			room, user := i%rooms, fmt.Sprintf("u%d-%d", i%rooms, i/rooms%10)
			ops[i] = store.Post{Room: fmt.Sprint("room", room), By: user, Author: user, CID: fmt.Sprint(user, "-", n+i), Text: "1780000000000000 a message of some length, as people write them in chats"}
		}
		db.commit(m, ops)
	}
	return float64(n) / time.Since(begun).Seconds()
}

// alone measures one poster of an idle server.
func alone(m *meter) {
	db := newSQLite(m)
	connect := m.crowd(db, 1, 1)
	f := m.fleet(startServer(m, db.url))
	connect(f)
	took := m.postAll(f, f.clients[:1], m.time(3*time.Second))
	f.settle(m, db)
	m.set("p50 ms", percentile(took, 0.5))
	m.set("p99 ms", percentile(took, 0.99))
	m.set("p50 beyond sync ms", percentile(took, 0.5)-m.figures["sync ms"])
}

// fanout measures from the end of a transaction to the arrival of its message at
// the last of many followers.
func fanout(m *meter) {
	db := newSQLite(m)
	n := m.size(1000)
	connect := m.crowd(db, 1, n)
	db.commit(m, []store.Op{store.SetMember{Room: "room0", User: "author", Do: store.Add, Role: store.RoleMember}})
	f := m.fleet(startServer(m, db.url))
	connect(f)
	author := f.add("author")
	m.check(f.connect([]*client{author}))
	var took []int64
	for i := range max(m.size(120), 20) {
		f.servers[0].state(false) // forgets the transactions before
		missing, last := n, int64(0)
		f.delivered = func(*client, *message) {
			if missing--; missing == 0 {
				last = micros()
			}
		}
		m.check(author.post(f.room("room0"), func(int64, int64) error { return nil }))
		m.check(f.loop.Wait("a post", patience, func() (bool, error) { return missing == 0 && author.answer == nil, nil }))
		if i < 5 {
			continue // to warm up
		}
		committed := f.servers[0].state(false).Commits
		took = append(took, last-committed[0])
		m.check(f.run(80 * time.Millisecond)) // in a busier room changes are held
	}
	f.delivered = nil
	f.settle(m, db)
	sortInts(took)
	m.set("p50 ms", percentile(took, 0.5))
	m.set("p99 ms", percentile(took, 0.99))
}

// large measures a room with many followers and a steady stream of posts.
func large(m *meter) {
	db := newSQLite(m)
	n := m.size(10_000)
	connect := m.crowd(db, 1, n)
	f := m.fleet(startServer(m, db.url))
	connect(f)
	const pause = 20 * time.Millisecond
	during := m.time(15 * time.Second)
	stream := func(d time.Duration) {
		next, end, turn := time.Now(), time.Now().Add(d), 0
		m.check(f.loop.Wait("", patience, func() (bool, error) {
			for now := time.Now(); now.After(next) && next.Before(end); next = next.Add(pause) {
				c := f.clients[turn%min(50, n)]
				if turn++; c.answer == nil {
					if err := c.post(c.views[0].room, func(int64, int64) error { return nil }); err != nil {
						return false, err
					}
				}
			}
			return time.Now().After(end), nil
		}))
	}
	stream(during / 3)
	h := new(histogram)
	before := f.servers[0].state(true)
	frames := f.deliveries
	f.servers[0].profiled()
	f.delivered = func(_ *client, msg *message) { h.add(f.loop.Now.UnixMicro() - msg.sent) }
	stream(during)
	after := f.servers[0].state(false)
	f.delivered = nil
	m.set("deliveries/s", float64(h.total)/during.Seconds())
	m.set("frames/s", float64(f.deliveries-frames)/during.Seconds())
	m.set("cores", float64(after.CPU-before.CPU)/float64(during.Microseconds()))
	m.set("p50 ms", h.percentile(0.5))
	m.set("p99 ms", h.percentile(0.99))
	m.check(f.run(time.Second))
	m.set("heap MiB", float64(before.Heap)/(1<<20))
	m.set("heap growth MiB", float64(f.servers[0].state(true).Heap-before.Heap)/(1<<20))
	f.settle(m, db)
}

// A histogram counts durations in steps of 0.1 ms, up to 10 s.
type histogram struct {
	counts [100_000]int
	total  int
}

func (h *histogram) add(us int64) {
	h.counts[min(max(us/100, 0), int64(len(h.counts)-1))]++
	h.total++
}

func (h *histogram) percentile(q float64) float64 {
	need := int(q * float64(h.total))
	for i, n := range h.counts {
		if need -= n; need < 0 {
			return float64(i+1) / 10
		}
	}
	return 0
}

// postgresPair measures two servers on one database.
func postgresPair(m *meter) {
	db := newPostgres(m)
	connect := m.crowd(db, max(m.size(100), 10), 10)
	var pair [2]*server
	var wait sync.WaitGroup
	for i := range pair {
		wait.Go(func() { pair[i] = startServer(m, db.url) })
	}
	wait.Wait()
	f := m.fleet(pair[:]...)
	connect(f)
	during := m.time(5 * time.Second)
	took := m.postAll(f, f.clients[:min(posters, len(f.clients))], during)
	f.settle(m, db)
	m.set("posts/s", float64(len(took))/during.Seconds())
	m.set("p50 ms", percentile(took, 0.5))
	m.set("p99 ms", percentile(took, 0.99))
}

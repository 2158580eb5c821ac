//go:build linux

package chatbench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

const messages = 1_000_000

// largeRoom fills a room of a new database.
func (m *meter) largeRoom(db *database) *database {
	db.makeRooms(m, map[string][]string{"archive": {"reader"}})
	db.fill(m, "archive", m.size(messages))
	return db
}

// history measures pages of a large room.
func history(m *meter, db *database) {
	f := m.fleet(startServer(m, db.url))
	c := f.add("reader")
	m.check(f.connect(f.clients))
	n := m.size(messages)
	var took []int64
	for i := range max(m.size(2000), 20) {
		before := 51 + rand.IntN(n-51)
		arg := fmt.Appendf(nil, `{"room":"archive","before":%d,"limit":50}`, before)
		sent := micros()
		m.check(c.call("history", arg, func(reply []byte) error {
			if i >= 10 {
				took = append(took, micros()-sent)
			}
			var page struct{ Messages []message }
			if err := json.Unmarshal(reply, &page); err != nil {
				return err
			}
			if n := len(page.Messages); n != 50 || page.Messages[0].Seq != int64(before-50) || page.Messages[n-1].Seq != int64(before-1) {
				return fmt.Errorf("a page of %d before %d", n, before)
			}
			return nil
		}))
		m.check(f.loop.Wait("a page", patience, func() (bool, error) { return c.answer == nil, nil }))
	}
	sortInts(took)
	m.set("p50 ms", percentile(took, 0.5))
	m.set("p99 ms", percentile(took, 0.99))
}

func historySQLite(m *meter) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("roomcast-bench-%d.db", m.size(messages)))
	if _, err := os.Stat(path); err == nil {
		history(m, openSQLite(m, path))
		return
	}
	if m.smoke {
		path = filepath.Join(m.TempDir(), "chat.db")
	}
	history(m, m.largeRoom(openSQLite(m, path)))
}

func historyPostgres(m *meter) { history(m, m.largeRoom(newPostgres(m))) }

// ready measures a client with many rooms.
func ready(m *meter) {
	db := newSQLite(m)
	members := make(map[string][]string)
	var ops []store.Op
	for i := range 200 {
		id := fmt.Sprint("room", i)
		members[id] = []string{"ann", "bob"}
		for n := range 5 {
			ops = append(ops, store.Post{Room: id, By: "bob", Author: "bob", CID: fmt.Sprint(n), Text: "0 a message"})
		}
	}
	db.makeRooms(m, members)
	db.commit(m, ops)
	s := startServer(m, db.url)
	f := m.fleet(s)
	ann := f.add("ann")
	var took []int64
	for range max(m.size(100), 5) {
		s.state(false)
		begun := micros()
		m.check(f.connect(f.clients))
		took = append(took, micros()-begun)
		reads, kinds := s.state(false).reads()
		if reads != 1 {
			m.Errorf("reads: %s", kinds)
		}
		if n := strings.Count(string(f.lastReady), `"unread":5`); n != 200 {
			m.Errorf("ready has %d rooms with 5 unread messages", n)
		}
		m.set("reads", float64(reads))
		ann.drop()
	}
	sortInts(took)
	m.set("p50 ms", percentile(took, 0.5))
}

// flap measures users that lose their connections, and come back within grace.
func flap(m *meter) {
	db := newSQLite(m)
	n := m.size(10_000)
	connect := m.crowd(db, n/100+1, 100)
	f := m.fleet(startServer(m, db.url))
	connect(f)
	var watchers []*client
	rooms := n/100 + 1
	for i := range rooms { // the first follower of each room watches the others
		c := f.clients[i]
		users := make([]string, 0, 100)
		for j := range 100 {
			users = append(users, fmt.Sprintf("u%d-%d", i, j))
		}
		arg, err := json.Marshal(map[string]any{"users": users})
		m.check(err)
		m.check(c.call("watch", arg, func([]byte) error { return nil }))
		watchers = append(watchers, c)
	}
	m.check(f.loop.Wait("watch", patience, func() (bool, error) {
		for _, c := range watchers {
			if c.answer != nil {
				return false, nil
			}
		}
		return true, nil
	}))
	m.check(f.run(3 * time.Second))
	clear(f.events)
	flapping := f.clients[rooms:]
	for range 2 {
		for _, c := range flapping {
			c.drop()
		}
		m.check(f.run(3 * time.Second))
		m.check(f.connect(flapping))
		m.check(f.loop.Wait("the frames", patience, func() (bool, error) { return f.opening == 0, nil }))
	}
	m.check(f.run(3 * time.Second))
	m.set("users", float64(len(flapping)))
	m.set("events", float64(f.events["presence"]))
	f.settle(m, db)
}

// idle measures the memory of clients that follow a room, and of sockets without
// a chat.
func idle(m *meter) {
	db := newSQLite(m)
	n := max(m.size(10_000), 100)
	connect := m.crowd(db, n/100, 100)
	var bytes [2]float64
	for i, bare := range []bool{true, false} {
		s := startServer(m, db.url)
		f := m.fleet(s)
		empty := s.state(true).Heap
		if bare {
			for j := range n {
				f.add(fmt.Sprintf("u%d-%d", j/100, j%100)).bare = true
			}
			m.check(f.connect(f.clients))
		} else {
			connect(f)
		}
		m.check(f.run(7 * time.Second)) // longer than WatchInterval: the buckets of rates go
		bytes[i] = float64(s.state(true).Heap-empty) / float64(n)
		if !bare {
			f.settle(m, db)
		}
		for _, c := range f.clients { // both times together are too many files
			c.drop()
		}
		s.Kill()
	}
	m.set("bytes/socket", bytes[0])
	m.set("bytes/follower", bytes[1])
	m.set("bytes beyond", bytes[1]-bytes[0])
}

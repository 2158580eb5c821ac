//go:build linux

package chatbench

import (
	"fmt"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// A comeback is many clients that come back at once.
type comeback struct {
	clients, rooms, each int  // each client is in so many of the rooms
	missed               int  // messages of each room
	stay                 bool // another client follows each room meanwhile
	restart              bool // the server does not
}

func (m *meter) comeback(b comeback) {
	db := newSQLite(m)
	b.clients, b.rooms = m.size(b.clients), max(m.size(b.rooms), b.each)
	members := make(map[string][]string)
	roomsOf := func(i int) (ids []string) {
		for j := range b.each {
			ids = append(ids, fmt.Sprint("room", (i*b.each+j)%b.rooms))
		}
		return ids
	}
	for i := range b.clients {
		for _, id := range roomsOf(i) {
			members[id] = append(members[id], fmt.Sprint("u", i))
		}
	}
	var stayers [][]string // 100 rooms each
	for i := 0; b.stay && i < b.rooms; i++ {
		if i%100 == 0 {
			stayers = append(stayers, nil)
		}
		id, last := fmt.Sprint("room", i), len(stayers)-1
		stayers[last] = append(stayers[last], id)
		members[id] = append(members[id], fmt.Sprint("stayer", last))
	}
	db.makeRooms(m, members)
	s := startServer(m, db.url)
	f := m.fleet(s)
	for i, ids := range stayers {
		f.add(fmt.Sprint("stayer", i), ids...)
	}
	for i := range b.clients {
		f.add(fmt.Sprint("u", i), roomsOf(i)...)
	}
	m.check(f.connect(f.clients))
	m.check(f.follow(f.clients))
	left := f.clients[len(stayers):]
	for _, c := range left {
		c.drop()
	}
	m.check(f.run(time.Second)) // in which the server notices
	if b.stay {
		m.missThrough(f, stayers, b.missed)
	} else {
		m.missBehind(db, f, b.missed)
	}
	if b.restart {
		for _, c := range f.clients[:len(stayers)] {
			c.drop()
		}
		left = f.clients
		s.Kill()
		s.Start()
	}
	before := s.state(true)
	s.profiled()
	begun := time.Now()
	m.check(f.connect(left))
	m.check(f.loop.Wait("the frames", patience, func() (bool, error) { return f.opening == 0, nil }))
	took := time.Since(begun)
	after := s.state(false)
	n := float64(len(left))
	reads, kinds := after.reads()
	m.Logf("%d clients came back in %v; reads: %s", len(left), took, kinds)
	m.set("s", took.Seconds())
	m.set("CPU ms/client", float64(after.CPU-before.CPU)/1000/n)
	m.set("reads/client", float64(after.Reads["Memberships"])/n)
	m.set("other reads/room", float64(reads-after.Reads["Memberships"])/float64(b.rooms))
	m.set("other reads/client and room", float64(reads-after.Reads["Memberships"])/n/float64(b.each))
	f.settle(m, db)
}

// missThrough has the clients that stay post, so that the rooms have the posts in
// their rings.
func (m *meter) missThrough(f *fleet, stayers [][]string, missed int) {
	for range missed {
		next := make([]int, len(stayers))
		m.check(f.loop.Wait("the missed posts", patience, func() (bool, error) {
			done := true
			for i, ids := range stayers {
				if c := f.clients[i]; c.answer == nil && next[i] < len(ids) {
					if err := c.post(f.room(ids[next[i]]), func(int64, int64) error { return nil }); err != nil {
						return false, err
					}
					next[i]++
				}
				done = done && next[i] == len(ids) && f.clients[i].answer == nil
			}
			return done, nil
		}))
	}
}

// missBehind adds the posts to the store, as another server would have.
func (m *meter) missBehind(db *database, f *fleet, missed int) {
	var ops []store.Op
	for i := range missed {
		for id := range f.rooms {
			ops = append(ops, store.Post{Room: id, Author: "filler", CID: fmt.Sprint("missed", i), Text: "0 a message of some length, as people write them in chats"})
		}
	}
	db.commit(m, ops)
}

func reconnect(m *meter) {
	m.comeback(comeback{clients: 10_000, rooms: 1000, each: 5, missed: 20, stay: true})
}

func restart(m *meter) {
	m.comeback(comeback{clients: 10_000, rooms: 1000, each: 5, missed: 20, stay: true, restart: true})
}

// away measures clients that were away for so long that no ring has all they
// missed.
func away(m *meter) {
	m.comeback(comeback{clients: 1000, rooms: 100, each: 5, missed: 180, stay: false})
}

package chat_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// seeds returns the seeds of a random test: few, or as many as CHAT_SEEDS says.
func seeds(few int) int {
	if n, err := strconv.Atoi(os.Getenv("CHAT_SEEDS")); err == nil {
		return n
	}
	return few
}

// TestKills kills servers at every point while users post, edit, delete and
// react, and lose their connections. In the end all views are what the store
// has, and no client has found a gap.
func TestKills(t *testing.T) {
	for _, servers := range []int{1, 2} {
		for seed := range seeds(2) {
			t.Run(fmt.Sprintf("%d servers, seed %d", servers, seed), func(t *testing.T) {
				testserver.Run(t, &socketio.Options{Logger: slog.New(slog.DiscardHandler)}, func(h *testserver.Harness) {
					siege(h, servers, uint64(seed))
				})
			})
		}
	}
}

// A siege is one run of TestKills.
func siege(h *testserver.Harness, servers int, seed uint64) {
	f := &farm{h: h, db: store.Memory(), random: rand.New(rand.NewPCG(seed, 0))}
	if servers > 1 {
		bus := new(adapter.Loopback)
		f.so = func() *socketio.Options { return &socketio.Options{Adapter: bus} }
	}
	for range servers {
		f.add()
	}
	w := &world{T: h.T, h: h, chat: f.processes[0].chat, store: f.db}
	users := []string{"ann", "bob", "cy", "dan"}
	w.room("r", chat.Open, users...)
	w.room("s", chat.Closed, users...)
	for _, p := range f.processes {
		p.disturb(30*time.Millisecond, 0.02)
	}
	actors := make([]*actor, len(users))
	var wg sync.WaitGroup
	for i, user := range users {
		s := newStock(h.T, user, f.dial)
		s.start()
		a := &actor{stock: s, random: rand.New(rand.NewPCG(seed, uint64(i+10)))}
		actors[i] = a
		wg.Go(func() { a.act(250) })
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	for {
		f.mu.Lock()
		p := f.processes[f.random.IntN(len(f.processes))]
		point := killPoints[f.random.IntN(len(killPoints))]
		pause := time.Duration(f.random.IntN(6000)) * time.Millisecond
		f.mu.Unlock()
		select {
		case <-over:
		case <-time.After(pause):
			p.mu.Lock()
			p.killAt = point
			p.mu.Unlock()
			select {
			case <-p.killed:
			case <-over:
			case <-time.After(20 * time.Second):
				p.kill()
			}
			f.replace(p).disturb(30*time.Millisecond, 0.02)
			continue
		}
		break
	}
	for _, p := range f.processes {
		p.mu.Lock()
		p.killAt, p.failing = "", 0
		p.mu.Unlock()
	}
	judge(w, f, actors)
}

// An actor acts at random.
type actor struct {
	*stock
	random *rand.Rand
	acks   []ack
	posts  int
}

// An ack is what the server has promised.
type ack struct {
	room, cid, text string
	seq             int64
}

func (a *actor) act(n int) {
	a.openSoon("r")
	a.openSoon("s")
	for range n {
		room := []string{"r", "s"}[a.random.IntN(2)]
		switch x := a.random.IntN(100); {
		case x < 60:
			a.posts++
			cid := fmt.Sprintf("%s-%d", a.user, a.posts)
			r, ok := a.ask("post", post(room, cid, "text of "+cid))
			if ok {
				a.acks = append(a.acks, ack{room, cid, "text of " + cid, r.Seq})
				if r.Dup {
					a.update(func() { a.dups++ })
				}
			}
		case x < 95:
			a.touch(room, x)
		case x < 98:
			a.drop()
		default:
			a.openSoon(room)
		}
		if a.random.IntN(3) == 0 {
			<-time.After(time.Duration(a.random.IntN(400)) * time.Millisecond)
		}
	}
}

// touch changes a message that the actor sees.
func (a *actor) touch(room string, x int) {
	a.mu.Lock()
	var m store.Message
	for _, row := range a.views[room].rows {
		if row.Deleted == nil && (row.Author == a.user || x >= 85) && (m.Seq == 0 || a.random.IntN(4) == 0) {
			m = row
		}
	}
	a.mu.Unlock()
	switch {
	case m.Seq == 0:
	case x < 78:
		a.ask("edit", obj{"room": room, "seq": m.Seq, "ver": m.Ver, "text": m.Text + "!"})
	case x < 82:
		a.ask("delete", obj{"room": room, "seq": m.Seq})
	default:
		a.ask("react", obj{"room": room, "seq": m.Seq, "emoji": "x", "on": a.random.IntN(3) > 0})
	}
}

// ask sends a command again while it is unavailable, as the guide tells clients
// to, and reports whether it was done.
func (a *actor) ask(name string, arg obj) (reply, bool) {
	for {
		c := a.send(name, arg)
		a.wait("reply to "+name, func() bool { return c.ended })
		var r reply
		if err := json.Unmarshal(c.reply, &r); err != nil {
			panic(err)
		}
		if r.Data.Code != "unavailable" {
			return r, r.Error == ""
		}
		<-time.After(100 * time.Millisecond)
	}
}

// openSoon opens a room without waiting for it.
func (s *stock) openSoon(room string) {
	s.update(func() {
		v := s.views[room]
		if v == nil {
			v = newView()
			s.views[room] = v
		}
		v.wanted = true
		if !v.opening {
			s.sendOpen(room)
		}
	})
}

// judge compares all views with the store.
func judge(w *world, f *farm, actors []*actor) {
	w.Helper()
	dups, resets := 0, 0
	for _, a := range actors {
		for _, room := range []string{"r", "s"} {
			head, err := f.db.Heads(ctx, []string{room})
			w.check(err)
			a.wait("the end", func() bool {
				v := a.views[room]
				return v.open && !v.opening && v.rev == head[0].Rev && len(v.stubs) == 0
			})
			a.compare(w, f.db, room)
		}
		if a.gaps > 0 {
			w.Errorf("%s has found %d gaps", a.user, a.gaps)
		}
		dups += a.dups
		resets += a.resets
	}
	posts := 0
	for _, room := range []string{"r", "s"} {
		byCID := make(map[string]store.Message)
		page, err := f.db.History(ctx, room, store.Query{After: -1, Limit: store.Limit{Rows: 1 << 20, Bytes: 1 << 30}})
		w.check(err)
		for i, m := range page.Messages {
			if m.Seq != int64(i+1) {
				w.Errorf("%s: seq %d where %d is next", room, m.Seq, i+1)
			}
			if _, twice := byCID[m.CID]; twice {
				w.Errorf("%s: %s is there twice", room, m.CID)
			}
			byCID[m.CID] = m
		}
		posts += len(page.Messages)
		for _, a := range actors {
			for _, k := range a.acks {
				if k.room == room && byCID[k.cid].Seq != k.seq {
					w.Errorf("%s: %s was acknowledged as %d, and is at %d", room, k.cid, k.seq, byCID[k.cid].Seq)
				}
			}
		}
	}
	w.Logf("%d kills, %d posts, %d repetitions, %d resets", f.kills, posts, dups, resets)
}

// compare compares a view with the store, from its oldest row on.
func (s *stock) compare(w *world, db store.Store, room string) {
	w.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := s.views[room].list()
	if len(rows) == 0 {
		return
	}
	page, err := db.History(ctx, room, store.Query{After: rows[0].Seq - 1, Limit: store.Limit{Rows: 1 << 20, Bytes: 1 << 30}})
	if rows[0].Seq == 1 {
		page, err = db.History(ctx, room, store.Query{After: -1, Limit: store.Limit{Rows: 1 << 20, Bytes: 1 << 30}})
	}
	w.check(err)
	if len(page.Messages) != len(rows) {
		w.Errorf("%s shows %d messages of %s from %d on, the store has %d", s.user, len(rows), room, rows[0].Seq, len(page.Messages))
		return
	}
	for i, want := range page.Messages {
		want.Room = ""
		if got := rows[i]; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) && !sameMessage(got, want) {
			w.Errorf("%s shows %+v of %s, the store has %+v", s.user, got, room, want)
		}
	}
}

// sameMessage compares two messages as a client sees them.
func sameMessage(a, b store.Message) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

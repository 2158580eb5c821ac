//go:build linux

package chatbench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/chat/postgres"
	"github.com/goroomcast/socketio/chat/sqlite"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// A server is a process of ./server.
type server struct {
	testing.TB
	*clustertest.Process
	addr netip.AddrPort
}

func startServer(t testing.TB, db string, args ...string) *server {
	t.Helper()
	s := &server{TB: t, addr: netip.MustParseAddrPort(clustertest.FreeAddress(t))}
	args = append([]string{"-addr", s.addr.String(), "-db", db}, args...)
	s.Process = clustertest.StartProgram(t, func() *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Stderr = os.Stderr
		return cmd
	}, clustertest.Listens(s.addr.String()))
	return s
}

// A state is what a server has used; see State of ./server.
type state struct {
	CPU, Heap int64
	Reads     map[string]int64
	Commits   []int64
}

// state returns what the server has used; of the heap, after a collection.
func (s *server) state(collect bool) (is state) {
	s.Helper()
	url := "http://" + s.addr.String() + "/gauge"
	if collect {
		url += "?gc=1"
	}
	response, err := http.Get(url)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&is); err != nil {
		s.Fatal(err)
	}
	return is
}

// profiled has the CPU profile of the next seconds written, if that is wanted.
func (s *server) profiled() {
	if *profile == "" {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		response, err := http.Get("http://" + s.addr.String() + "/debug/pprof/profile?seconds=5")
		if err != nil {
			s.Error(err)
			return
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err == nil {
			err = os.WriteFile(*profile, data, 0o644)
		}
		if err != nil {
			s.Error(err)
		}
	}()
	s.Cleanup(func() { <-done })
}

// reads returns the sum of reads, and their kinds.
func (s state) reads() (sum int64, kinds string) {
	for name, n := range s.Reads {
		if sum += n; n > 0 {
			kinds += fmt.Sprintf(" %d %s", n, name)
		}
	}
	fields := strings.Fields(kinds)
	pairs := make([]string, 0, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		pairs = append(pairs, fields[i]+" "+fields[i+1])
	}
	slices.Sort(pairs)
	return sum, strings.Join(pairs, ", ")
}

var ctx = context.Background()

// A database is where the rooms of a row are.
type database struct {
	url   string
	store store.Store
}

// newSQLite makes a file on the disk where the temporary files are.
func newSQLite(t testing.TB) *database { return openSQLite(t, filepath.Join(t.TempDir(), "chat.db")) }

func openSQLite(t testing.TB, path string) *database {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &database{path, s}
}

// newPostgres starts a server with fsync, and opens its database.
func newPostgres(t testing.TB) *database {
	t.Helper()
	p := clustertest.StartPostgres(t, "fsync=on", "shared_buffers=256MB", "max_connections=60", "max_wal_size=2GB")
	pool, err := pgxpool.New(ctx, p.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(ctx, "CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)"); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(ctx, pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &database{p.URL, s}
}

// commit commits operations, as many at a time as a batch of package chat has.
func (db *database) commit(t testing.TB, ops []store.Op) {
	t.Helper()
	for step := range slices.Chunk(ops, 512) {
		done, err := db.store.Commit(ctx, step)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range done.Results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
}

// makeRooms makes rooms with members.
func (db *database) makeRooms(t testing.TB, members map[string][]string) {
	t.Helper()
	var ops []store.Op
	for room, users := range members {
		ops = append(ops, store.Create{Room: room, Kind: store.KindOpen})
		for _, user := range users {
			ops = append(ops, store.SetMember{Room: room, User: user, Do: store.Add, Role: store.RoleMember})
		}
	}
	db.commit(t, ops)
}

// fill posts messages of the program's into a room.
func (db *database) fill(t testing.TB, room string, n int) {
	t.Helper()
	ops := make([]store.Op, 0, 512)
	for i := range n {
		ops = append(ops, store.Post{Room: room, Author: "filler", CID: fmt.Sprint("fill", i), Text: fmt.Sprint(i, " a text of some length, as people write them in a chat room")})
		if len(ops) == cap(ops) || i == n-1 {
			db.commit(t, ops)
			ops = ops[:0]
		}
	}
}

// compare wants the view of each client to be that of the store: all of it from
// the first message of the view on, up to the room's head. No acknowledged post
// may be missing.
func (f *fleet) compare(t testing.TB, db *database) {
	t.Helper()
	type truth struct {
		head store.Head
		sums []uint64 // of the messages below each seq
	}
	all := make(map[string]*truth)
	for id := range f.rooms {
		x := &truth{sums: []uint64{0, 0}}
		acked := 0
		for after := int64(-1); ; {
			page, err := db.store.History(ctx, id, store.Query{After: after, Limit: store.Limit{Rows: 5000, Bytes: 1 << 30}})
			if err != nil {
				t.Fatal(err)
			}
			x.head = page.Room.Head()
			for _, m := range page.Messages {
				if after = m.Seq; m.Seq != int64(len(x.sums)-1) {
					t.Fatalf("%s: message %d is the %d. of the store", id, m.Seq, len(x.sums)-1)
				}
				if m.Author != "filler" {
					acked++
				}
				x.sums = append(x.sums, x.sums[len(x.sums)-1]+digest(m.Seq, m.Rev, m.Author, m.Text))
			}
			if !page.More {
				break
			}
		}
		if n := f.rooms[id].acked; n != acked {
			t.Errorf("%s: %d posts were acknowledged, the store has %d", id, n, acked)
		}
		all[id] = x
	}
	wrong := 0
	for _, c := range f.clients {
		for _, v := range c.views {
			if x := all[v.room.id]; v.open && (v.rev != x.head.Rev || v.epoch != x.head.Epoch || v.sum != x.sums[len(x.sums)-1]-x.sums[max(v.low, 1)]) {
				if wrong++; wrong <= 3 {
					t.Errorf("%s shows %d messages of %s up to %d, which is not what the store has up to %d", c.user, v.rows, v.room.id, v.rev, x.head.Rev)
				}
			}
		}
	}
	if wrong > 3 || f.gaps > 0 {
		t.Errorf("%d views are wrong, %d gaps", wrong, f.gaps)
	}
}

// settle waits until all views are at the head of their rooms.
func (f *fleet) settle(t testing.TB, db *database) {
	t.Helper()
	heads := make(map[string]int64)
	ids := make([]string, 0, len(f.rooms))
	for id := range f.rooms {
		ids = append(ids, id)
	}
	for step := range slices.Chunk(ids, 500) {
		got, err := db.store.Heads(ctx, step)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range got {
			heads[h.Room] = h.Rev
		}
	}
	err := f.loop.Wait("the last frames", patience, func() (bool, error) {
		for _, c := range f.clients {
			for _, v := range c.views {
				if v.open && v.rev < heads[v.room.id] {
					return false, nil
				}
			}
		}
		return f.opening == 0, nil
	})
	if err != nil {
		t.Error(err)
	}
	f.compare(t, db)
}

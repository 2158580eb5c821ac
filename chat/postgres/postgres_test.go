package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/chat/postgres"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/chat/storetest"
	"github.com/goroomcast/socketio/internal/clustertest"
)

var ctx = context.Background()

// patience is how long anything may take that must happen, on a machine with much
// to do.
const patience = 3 * time.Minute

func TestStore(t *testing.T) {
	server := clustertest.StartPostgres(t)
	n := 0
	storetest.Run(t, func(t *testing.T) func() store.Store {
		n++
		pool := database(t, server, fmt.Sprint("chat", n))
		return func() store.Store { return open(t, pool, nil) }
	})
}

// database makes an empty database, and returns a pool for it.
func database(t *testing.T, server *clustertest.Postgres, name string) *pgxpool.Pool {
	t.Helper()
	server.Do("CREATE DATABASE " + name)
	config, err := pgxpool.ParseConfig(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Database = name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func open(t *testing.T, pool *pgxpool.Pool, o *postgres.Options) store.Store {
	t.Helper()
	s, err := postgres.Open(ctx, pool, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// PostgreSQL reads what computes a column again in each INSERT: 17 kB of it
// halved the rate of posts.
func TestExpressionsOfColumnsAreShort(t *testing.T) {
	pool := database(t, clustertest.StartPostgres(t), "expressions")
	open(t, pool, nil)
	var n, longest int
	err := pool.QueryRow(t.Context(), `SELECT count(*), max(length(adbin)) FROM pg_attrdef JOIN pg_class ON pg_class.oid = adrelid
		WHERE relnamespace = 'chat'::regnamespace`).Scan(&n, &longest)
	if err != nil || n == 0 || longest > 2000 {
		t.Errorf("%d expressions, the longest of %d characters (%v)", n, longest, err)
	}
}

func post(user string, n int) store.Op {
	return store.Post{Room: "r", By: user, Author: user, CID: fmt.Sprint(n), Text: "hi"}
}

// Servers that start at once, make the same room at once, and post in it at
// once get one room, whose seqs and revs have no hole.
func TestManyServersAtOnce(t *testing.T) {
	pool := database(t, clustertest.StartPostgres(t), "many")
	const servers, posts = 8, 20
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			s, err := postgres.Open(ctx, pool, nil)
			if err != nil {
				t.Error(err)
				return
			}
			user := fmt.Sprint("user", i)
			done, err := s.Commit(ctx, []store.Op{
				store.Create{Room: "r", By: "olga", Kind: store.KindOpen},
				store.SetMember{Room: "r", User: user, Do: store.Add, Role: store.RoleMember},
			})
			if err != nil || done.Results[1].Err != nil {
				t.Error(err, done)
				return
			}
			for n := range posts {
				if done, err := s.Commit(ctx, []store.Op{post(user, n), post(user, n)}); err != nil || done.Results[0].Err != nil || !done.Results[1].Dup {
					t.Error(err, done)
				}
				if _, err := s.Mark(ctx, []store.Marker{{Room: "r", User: "user1", Read: int64(n)}, {Room: "r", User: "user0", Read: int64(n)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := open(t, pool, nil)
	c, err := s.Changes(ctx, "r", 0, store.Limit{Rows: 1000, Bytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	var seqs []int64
	for _, m := range c.Messages {
		seqs = append(seqs, m.Seq)
	}
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != int64(i+1) {
			t.Fatalf("seqs %v", seqs)
		}
	}
	if len(seqs) != servers*posts || c.Room.Seq != servers*posts {
		t.Errorf("%d messages and seq %d, want %d", len(seqs), c.Room.Seq, servers*posts)
	}
}

// Reads see revs in order: whatever is committed at the same time, no smaller
// rev appears after a larger one has been seen.
func TestRevsAppearInOrder(t *testing.T) {
	pool := database(t, clustertest.StartPostgres(t), "ordered")
	s := open(t, pool, nil)
	if _, err := s.Commit(ctx, []store.Op{store.Create{Room: "r", By: "olga", Kind: store.KindOpen}}); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	defer writers.Wait()
	writing, stop := context.WithCancel(ctx)
	defer stop()
	for i := range 4 {
		writers.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				if _, err := s.Commit(ctx, []store.Op{post("olga", 1_000_000*i+n)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var seen int64
	for reads := 0; (seen < 300 || reads < 100) && !t.Failed(); {
		c, err := s.Changes(ctx, "r", seen, store.Limit{Rows: 1000, Bytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range c.Messages {
			if m.Rev != seen+1 && seen > 0 {
				t.Fatalf("rev %d after %d", m.Rev, seen)
			}
			seen = m.Rev
		}
		if len(c.Messages) > 0 {
			reads++
		}
		seen = max(seen, c.To)
	}
}

// Another server learns of a commit by Watch, also after its connection has
// broken.
func TestWatch(t *testing.T) {
	server := clustertest.StartPostgres(t)
	pool := database(t, server, "watched")
	s := open(t, pool, &postgres.Options{Watch: true})
	other := open(t, pool, &postgres.Options{Watch: true}).(store.Watcher)
	watching, stop := context.WithCancel(ctx)
	told, ended := make(chan []string, 100), make(chan error)
	go func() { ended <- other.Watch(watching, func(rooms []string) { told <- rooms }) }()
	expect := func(want ...string) {
		t.Helper()
		select {
		case got := <-told:
			if !slices.Equal(got, want) {
				t.Fatalf("told of %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("not told of %q", want)
		}
	}
	commit := func(op store.Op) {
		t.Helper()
		if _, err := s.Commit(ctx, []store.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	expect() // it listens
	commit(store.Create{Room: "r", By: "olga", Kind: store.KindOpen})
	expect("r")
	server.Do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
	expect() // again
	commit(post("olga", 1))
	expect("r")
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, is := open(t, pool, nil).(store.Watcher); is {
		t.Error("a store without Options.Watch watches")
	}
}

// While the server is away, every method says so, and afterwards all is well.
func TestUnavailable(t *testing.T) {
	server := clustertest.StartPostgres(t)
	s := open(t, database(t, server, "away"), nil)
	create := []store.Op{store.Create{Room: "r", By: "olga", Kind: store.KindOpen}}
	if _, err := s.Commit(ctx, create); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	_, commit := s.Commit(ctx, create)
	_, changes := s.Changes(ctx, "r", 0, store.Limit{Rows: 1, Bytes: 1})
	_, heads := s.Heads(ctx, []string{"r"})
	_, mark := s.Mark(ctx, []store.Marker{{Room: "r", User: "olga", Read: 1}})
	for _, err := range []error{commit, changes, heads, mark, s.NewEpoch(ctx)} {
		if store.CodeOf(err) != store.Unavailable {
			t.Errorf("got %v", err)
		}
	}
	server.Start()
	if heads, err := s.Heads(ctx, []string{"r"}); err != nil || len(heads) != 1 {
		t.Error(heads, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Commit(ctx, create); store.CodeOf(err) != store.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}

package sqlite

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// Reads on all connections at once, whose statements are not prepared yet, do
// not wait for each other.
func TestFirstReads(t *testing.T) {
	s, err := open(filepath.Join(t.TempDir(), "chat.db"))
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var begun, done sync.WaitGroup
	n := 2 * runtime.GOMAXPROCS(0)
	begun.Add(n)
	for range n {
		done.Go(func() {
			err := s.read(ctx, func(r snapshot) error {
				begun.Done()
				begun.Wait()
				rows, err := r.query("SELECT id FROM rooms")()
				if err != nil {
					return err
				}
				return rows.Close()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	go func() { done.Wait(); close(over) }()
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Fatal("the reads wait for each other")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// After a COMMIT that has failed the store goes on.
func TestFailedCommit(t *testing.T) {
	s, err := open(filepath.Join(t.TempDir(), "chat.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	run := func(text string) {
		w := <-s.writer
		defer func() { s.writer <- w }()
		if _, err := w.conn.ExecContext(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	run(`PRAGMA foreign_keys = ON;
		CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY);
		CREATE TEMP TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
		CREATE TEMP TRIGGER orphan AFTER INSERT ON main.messages BEGIN INSERT INTO child VALUES (7); END`)
	post := func(cid string) error {
		_, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: cid, Text: "again"}})
		return err
	}
	if err := post("2"); err == nil {
		t.Fatal("the commit has not failed")
	}
	run("DROP TRIGGER orphan")
	if err := post("3"); err != nil {
		t.Error(err)
	}
	if h, err := s.Heads(ctx, []string{"r"}); err != nil || h[0].Seq != 3 {
		t.Errorf("head %+v, want seq 3: %v", h, err)
	}
}

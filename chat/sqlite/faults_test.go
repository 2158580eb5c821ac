package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/internal/tables"
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
			err := s.read(ctx, func(c *connection) error {
				begun.Done()
				begun.Wait()
				rows, err := c.query("SELECT id FROM rooms")()
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
	case <-time.After(3 * time.Minute):
		t.Fatal("the reads wait for each other")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// After a COMMIT that has failed the store goes on.
func TestFailedCommit(t *testing.T) {
	s, _ := newDB(t)
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

// Processes that open a new file at the same time wait for each other.
func TestOpenTogether(t *testing.T) {
	for range 10 {
		path := filepath.Join(t.TempDir(), "chat.db")
		var opens sync.WaitGroup
		for range 8 { // each waits 5 s for the others
			opens.Go(func() {
				began := time.Now()
				s, err := Open(path)
				for err != nil && time.Since(began) > 5*time.Second { // the machine is busy
					began = time.Now()
					s, err = Open(path)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		opens.Wait()
	}
}

// Only the owner of the process can read the chat.
func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "chat.db")
	s := reopen(t, path)
	defer s.Close()
	fill(t, s)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("chat.db%s has mode %o", suffix, mode)
		}
	}
}

// Any path of the system is one of SQLite's.
func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"chat.db":               "file:chat.db",
		"a b?#%.db":             "file:a%20b%3F%23%25.db",
		"/var/lib/chat.db":      "file:/var/lib/chat.db",
		"//server/share/a.db":   "file:////server/share/a.db", // a share of Windows
		"C:/Program Files/a.db": "file:C:/Program%20Files/a.db",
	} {
		if got := address(path); got != want+pragmas {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	path := "/" + filepath.ToSlash(filepath.Join(t.TempDir(), "chat.db"))
	if runtime.GOOS == "windows" {
		path = path[1:]
	}
	if err := reopen(t, path).Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// A full disk refuses posts until there is room again, and loses none of those
// that were accepted.
func TestFullDisk(t *testing.T) {
	s, _ := newDB(t)
	fill(t, s)
	limit := func(pages int) {
		w := <-s.writer
		defer func() { s.writer <- w }()
		if _, err := w.conn.ExecContext(ctx, fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
			t.Fatal(err)
		}
	}
	posts := int64(2)
	post := func() error {
		_, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint("more", posts), Text: strings.Repeat("x", 4000)}})
		if err == nil {
			posts++
		}
		return err
	}
	limit(1) // SQLite makes it the present size
	err := post()
	for err == nil && posts < 100 {
		err = post()
	}
	if store.CodeOf(err) != store.Unavailable {
		t.Fatalf("a full disk: %v", err)
	}
	limit(1 << 30)
	if err := post(); err != nil {
		t.Error(err)
	}
	if h, err := s.Heads(ctx, []string{"r"}); err != nil || h[0].Seq != posts {
		t.Errorf("head %+v, want seq %d: %v", h, posts, err)
	}
}

// What SQLite refuses because of the rows is not said to be away: the core tries
// the operations of a batch alone then.
func TestRefusedRows(t *testing.T) {
	s, _ := newDB(t)
	fill(t, s)
	err := s.write(ctx, func(w *writer) error {
		return w.exec(newMessage, tables.Messages.Values(store.Message{Room: "r", Seq: 1})...)
	})
	if err == nil || store.CodeOf(err) == store.Unavailable {
		t.Errorf("a second message with the same seq: %v", err)
	}
}

// The log is emptied also if there is always a snapshot that reads. A reader may
// take longer than the writer waits for it, so the writer tries several times.
func TestLogUnderReaders(t *testing.T) {
	s, path := newDB(t)
	fill(t, s)
	over, stop := context.WithCancel(ctx)
	var reads sync.WaitGroup
	defer reads.Wait()
	defer stop()
	first, second := make(chan struct{}), make(chan struct{}) // has begun to read
	reader := func(begun chan<- struct{}, other <-chan struct{}) {
		for over.Err() == nil {
			err := s.read(ctx, func(c *connection) error {
				rows, err := c.query("SELECT id FROM rooms")()
				if err != nil {
					return err
				}
				defer rows.Close()
				rows.Next()
				select {
				case begun <- struct{}{}:
				case <-over.Done():
				}
				select {
				case <-other: // until the other has begun
				case <-over.Done():
				}
				return nil
			})
			if err != nil {
				t.Error(err)
				stop()
			}
		}
	}
	reads.Go(func() { reader(first, second) })
	select {
	case <-first:
	case <-over.Done():
	}
	reads.Go(func() { reader(second, first) })
	for i := range 100 {
		w := <-s.writer
		w.maxLog = 1
		s.writer <- w
		if _, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: fmt.Sprint("more", i), Text: "x"}}); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path + "-wal"); err != nil {
			t.Fatal(err)
		} else if info.Size() == 0 {
			t.Logf("the log is empty after %d commits", i+1)
			return
		}
	}
	t.Error("the log was never emptied")
}

// A long read keeps the log from being emptied, and delays commits only once
// until the log has grown further.
func TestLogUnderLongRead(t *testing.T) {
	s, path := newDB(t)
	fill(t, s)
	commit := func(cid string) (limit int64) {
		w := <-s.writer
		w.maxLog = 1
		s.writer <- w
		if _, err := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: cid, Text: "x"}}); err != nil {
			t.Fatal(err)
		}
		w = <-s.writer
		defer func() { s.writer <- w }()
		var timeout int
		if err := w.conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&timeout); err != nil || timeout != 5000 {
			t.Errorf("busy_timeout is %d: %v", timeout, err)
		}
		return w.maxLog
	}
	err := s.read(ctx, func(c *connection) error {
		rows, err := c.query("SELECT id FROM rooms")()
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		if limit := commit("2"); limit <= maxLog {
			t.Errorf("the next limit is %d bytes although the log was not emptied", limit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if limit := commit("3"); limit != maxLog {
		t.Errorf("the next limit is %d bytes", limit)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("the log is not empty: %v %v", info, err)
	}
}

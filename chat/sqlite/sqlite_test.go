package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/chat/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "a chat? 100%.db")
		return func() store.Store { return reopen(t, path) }
	})
}

func reopen(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var ctx = context.Background()

// fill makes a room with messages, reactions, mentions and a thread.
func fill(t *testing.T, s store.Store) {
	t.Helper()
	done, err := s.Commit(ctx, []store.Op{
		store.Create{Room: "r", By: "olga", Kind: store.KindOpen, Settings: store.Settings{Info: []byte(`{"a": "<&>"}`), Pins: []int64{1}}},
		store.SetMember{Room: "r", User: "ann", Do: store.Add, Role: store.RoleMember},
		store.Post{Room: "r", By: "ann", Author: "ann", CID: "1", Text: "hi", Data: []byte(`[1.0, "<&>"]`), Mentions: []string{"olga"}},
		store.Post{Room: "r", By: "olga", Author: "olga", CID: "1", Text: "hello", ReplyTo: 1},
		store.React{Room: "r", By: "olga", Seq: 1, Emoji: "👍", On: true},
		addFile("f"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range done.Results {
		if r.Err != nil {
			t.Fatalf("operation %d: %v", i, r.Err)
		}
	}
}

func addFile(id string) store.Op {
	return store.AddFile{File: store.File{Attachment: store.Attachment{ID: id}, Owner: "ann", At: 1}, MaxFiles: 9}
}

// newDB opens a store in a file of its own.
func newDB(t *testing.T) (s *db, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "chat.db")
	s, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, path
}

// A file that is opened again contains what it did, byte for byte.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := reopen(t, path)
	fill(t, s)
	view := func() string {
		c, err := s.Changes(ctx, "r", 0, store.Limit{Rows: 100, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		look, err := s.Look(ctx, "olga", []string{"r"})
		return fmt.Sprintf("%+v %+v %v", c, look[0].Mentions, err)
	}
	before := view()
	if !strings.Contains(before, fmt.Sprint([]byte(`[1.0, "<&>"]`))) {
		t.Errorf("data has changed: %s", before)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path)
	defer s.Close()
	if after := view(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// Every commit is synced, by the writer as by any other connection.
func TestDurable(t *testing.T) {
	s, _ := newDB(t)
	w := <-s.writer
	defer func() { s.writer <- w }()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "5000"} {
		var got string
		if err := w.conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", pragma, got, err, want)
		}
	}
}

// No statement reads a whole table, and none sorts what it has read.
func TestPlans(t *testing.T) {
	s, _ := newDB(t)
	fill(t, s)
	for name, call := range map[string]func() error{
		"Changes":     func() error { _, err := s.Changes(ctx, "r", 0, store.Limit{Rows: 1, Bytes: 1}); return err },
		"Behind":      func() error { _, err := s.Behind(ctx, "r", 0, 9); return err },
		"Heads":       func() error { _, err := s.Heads(ctx, []string{"r"}); return err },
		"Look":        func() error { _, err := s.Look(ctx, "ann", []string{"r"}); return err },
		"Memberships": func() error { _, err := s.Memberships(ctx, "ann", "", 9); return err },
		"Members":     func() error { _, err := s.Members(ctx, "r", "", 9); return err },
		"Unread": func() error {
			_, err := s.Unread(ctx, store.MessageKey{Room: "r", Seq: 1}, "olga", "", 1)
			return err
		},
		"Reacted": func() error { _, err := s.Reacted(ctx, "olga", "r", []int64{1}); return err },
		"Mark":    func() error { _, err := s.Mark(ctx, []store.Marker{{Room: "r", User: "ann", Read: 1}}); return err },
		"Extents": func() error { _, err := s.Extents(ctx, "", 9); return err },
		"Sweep": func() error {
			_, err := s.Commit(ctx, []store.Op{store.Prune{Room: "r", Keep: store.Keep{Count: 1}}})
			if err == nil {
				_, err = s.Sweep(ctx, "r", 9)
			}
			if err == nil {
				_, err = s.Sweep(ctx, "r~1", 9)
			}
			return err
		},
		"Claim": func() error { _, _, err := s.Claim(ctx, "me", nil, time.Minute, 9); return err },
		"settle": func() error {
			_, _, err := s.Claim(ctx, "me", []store.Claim{{Room: "r", Done: 1, Over: true}}, time.Minute, 9)
			return err
		},
		"Waiting": func() error { _, _, err := s.Waiting(ctx, "r", 0, 9); return err },
		"Search": func() error {
			_, err := s.Search(ctx, store.Search{User: "ann", Terms: store.Terms("hi"), Limit: store.Limit{Rows: 1, Bytes: 1}})
			return err
		},
		"newest": func() error {
			_, err := s.History(ctx, "r", store.Query{Limit: store.Limit{Rows: 1, Bytes: 1}})
			return err
		},
		"after": func() error {
			_, err := s.History(ctx, "r", store.Query{After: 1, Limit: store.Limit{Rows: 1, Bytes: 1}})
			return err
		},
		"some": func() error {
			_, err := s.History(ctx, "r", store.Query{Seqs: []int64{1}, Limit: store.Limit{Rows: 1, Bytes: 1}})
			return err
		},
		"Traces": func() error { _, err := s.Traces(ctx, "ann", "", 9); return err },
		"News":   func() error { _, _, err := s.News(ctx, 0, 9); return err },
		"Blocks": func() error { _, err := s.Blocks(ctx, "ann"); return err },
		"an erasure": func() error {
			_, err := s.Commit(ctx, []store.Op{store.Erase{Room: "r", User: "cy"}, store.Erase{User: "cy", Over: true}})
			return err
		},
		"File":   func() error { _, err := s.File(ctx, "f"); return err },
		"Strays": func() error { _, err := s.Strays(ctx, 1, "", 9); return err },
		"files": func() error {
			_, err := s.Commit(ctx, []store.Op{
				addFile("g"), store.DropFile{ID: "g"}, store.RemoveFile{ID: "g"},
				store.Create{Room: "s", By: "olga", Kind: store.KindOpen}, store.DeleteRoom{Room: "s"},
			})
			return err
		},
		"a ban with all messages": func() error {
			_, err := s.Commit(ctx, []store.Op{store.SetMember{Room: "r", By: "olga", User: "ann", Do: store.Ban, Purge: 1000000}})
			return err
		},
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := <-s.writer
	defer func() { s.writer <- w }()
	texts := []string{roomsByID, messagesByCID, reactionsByKey, blocksByKey, filesByID, dropFile, dropBelow, dropThreadsBelow, noFile, threadsOfUser, newestFirst}
	for range cap(s.readers) {
		c := <-s.readers
		defer func() { s.readers <- c }()
		if c != nil {
			texts = slices.AppendSeq(texts, maps.Keys(c.statements))
		}
	}
	texts = slices.AppendSeq(texts, maps.Keys(w.statements))
	for _, text := range texts {
		for _, step := range plan(t, w.conn, text) {
			if strings.HasPrefix(step, "SCAN") && !strings.Contains(step, "VIRTUAL TABLE") && !strings.Contains(step, "subquery") &&
				step != "SCAN waiting" && step != "SCAN unindexed" || // rows that the transaction itself has made
				strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\nin %s", step, text)
			}
		}
	}
}

// plan returns how SQLite would run a statement.
func plan(t *testing.T, conn *sql.Conn, text string) (steps []string) {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range 9 {
		if strings.Contains(text, fmt.Sprint("?", i+1)) {
			args = make([]any, i+1)
		}
	}
	rows, err := conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return steps
}

// What can't be opened is an error that says why.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	newer := filepath.Join(dir, "newer.db")
	s, err := open(newer)
	if err != nil {
		t.Fatal(err)
	}
	w := <-s.writer
	if _, err := w.conn.ExecContext(ctx, "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	s.writer <- w
	s.Close()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                              "a file is needed",
		":memory:":                      "store.Memory",
		filepath.Join(dir, "no", "dir"): ": open ",
		newer:                           "made by a newer version",
		text:                            "not a database",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", path, err, want)
		}
	}
}

// A migration that a crash has interrupted runs as a whole the next time.
func TestInterruptedMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	known := migrations
	defer func() { migrations = known }()
	migrations = append(known[:len(known):len(known)], "CREATE TABLE later (n INTEGER); CREATE TABLE broken (")
	if _, err := Open(path); err == nil {
		t.Fatal("a broken migration is no error")
	}
	migrations = append(known[:len(known):len(known)], "CREATE TABLE later (n INTEGER)")
	s := reopen(t, path)
	defer s.Close()
	fill(t, s)
}

// firstRows are rows of the first version.
const firstRows = `
INSERT INTO rooms VALUES ('r', 'open', 'e', 2, 4, 1, 9, 1, 1, 0, CAST('{"a": 1}' AS BLOB), 0, '', 0, '[1]', 1, '', '', 0);
INSERT INTO members VALUES ('r', 'ann', 'member', 2, 1, 2, 0, 0, 0, '', 0, '');
INSERT INTO messages VALUES ('r', 1, 3, 3, 'ann', 'c', 8, 'hi', CAST('[1.0]' AS BLOB), NULL, 0, '["ann"]', 0, NULL, '[{"e": "x", "n": 1, "by": ["ann"]}]', 0, 0);
INSERT INTO messages VALUES ('r', 2, 4, 4, 'ann', 'd', 9, '', NULL, NULL, 0, NULL, 0, '{"by": "ann", "at": 9}', NULL, 0, 0);
INSERT INTO reactions VALUES ('r', 1, 'ann', 'x');
INSERT INTO mentions VALUES ('r', 'ann', 1);
INSERT INTO markers VALUES ('r', 'ann', 1, 0, 0);
INSERT INTO blocks VALUES ('ann', 'bob');
`

// A file of each earlier version contains what it did after its migration.
func TestMigrations(t *testing.T) {
	for version := 1; version <= len(migrations); version++ {
		path := filepath.Join(t.TempDir(), "chat.db")
		file, err := sql.Open("sqlite", address(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range append([]string{migrations[0], firstRows, fmt.Sprint("PRAGMA user_version = ", version)}, migrations[1:version]...) {
			if _, err := file.Exec(step); err != nil {
				t.Fatal(err)
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		s := reopen(t, path)
		c, err := s.Changes(ctx, "r", 0, store.Limit{Rows: 100, Bytes: 1 << 20})
		if err != nil || len(c.Messages) != 2 || len(c.Members) != 1 || c.Messages[0].Text != "hi" || string(c.Messages[0].Data) != "[1.0]" || c.Room.Bytes != 7 && version == 1 {
			t.Errorf("version %d: %+v %v", version, c, err)
		}
		if rooms, err := s.Traces(ctx, "ann", "", 9); err != nil || !slices.Equal(rooms, []string{"r"}) {
			t.Errorf("version %d: traces in %q: %v", version, rooms, err)
		}
		f, err := s.(store.Searcher).Search(ctx, store.Search{User: "ann", Terms: store.Terms("hi"), Limit: store.Limit{Rows: 9, Bytes: 1}})
		if err != nil || len(f.Messages) != 1 || f.Messages[0].Seq != 1 {
			t.Errorf("version %d: found %+v %v", version, f, err)
		}
		checkIndex(t, s.(*db))
		s.Close()
	}
}

// After Close every method says that the store is away.
func TestClosed(t *testing.T) {
	s := reopen(t, filepath.Join(t.TempDir(), "chat.db"))
	fill(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, commit := s.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: "2", Text: "late"}})
	_, read := s.Heads(ctx, []string{"r"})
	for _, err := range []error{commit, read, s.NewEpoch(ctx)} {
		if store.CodeOf(err) != store.Unavailable {
			t.Error(err)
		}
	}
}

// TestLimitsAreSums holds that no LIMIT of a query is a parameter by itself:
// SQLite compiles such a statement anew for each execution, because it looks at
// the value when it plans the query. That doubled the time of a page.
func TestLimitsAreSums(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") && strings.Contains(string(text), "LIMIT ?") {
			t.Errorf("%s: LIMIT 0+? takes half the time of LIMIT ?", file)
		}
	}
}

package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goroomcast/socketio/chat/store"
)

// commit commits operations that must not be refused.
func commit(t *testing.T, s *db, ops ...store.Op) {
	t.Helper()
	done, err := s.Commit(ctx, ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range done.Results {
		if r.Err != nil {
			t.Fatalf("operation %d: %v", i, r.Err)
		}
	}
}

// filled opens a store with messages of many words, also in a thread.
func filled(t *testing.T, path string, messages int) *db {
	t.Helper()
	s, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	commit(t, s, store.Create{Room: "r", By: "olga", Kind: store.KindOpen}, store.SetMember{Room: "r", User: "ann", Do: store.Add, Role: store.RoleMember})
	var ops []store.Op
	for i := range messages {
		room := "r"
		if i%5 == 4 {
			room = "r~1"
		}
		text := fmt.Sprintf("word%d and word%d or %s, which only this one has", i%7, i%100, unique(i))
		if ops = append(ops, store.Post{Room: room, By: "ann", Author: "ann", Text: text}); len(ops) == 10 {
			commit(t, s, ops...)
			ops = nil
		}
	}
	return s
}

// unique returns a word of message i alone. No two of them begin alike, because
// the index leaves out the beginning that a word has in common with the one
// before.
func unique(i int) string { return fmt.Sprintf("%08xqq%04dqq", uint32(i)*2654435761, i) }

// word is the part of the unique word that the index always contains. It is too
// long to be among the letters that are drawn for the epochs of rooms.
func word(i int) []byte { return []byte(unique(i)[8:]) }

// content returns the bytes of the file that are in use, after a checkpoint. All
// words are in the index then.
func content(t *testing.T, s *db, path string) []byte {
	t.Helper()
	if err := s.indexAll(ctx); err != nil {
		t.Fatal(err)
	}
	w := <-s.writer
	defer func() { s.writer <- w }()
	if _, err := w.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	if log, err := os.Stat(path + "-wal"); err != nil || log.Size() > 0 {
		t.Fatal(log, err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for page := range slices.Chunk(file, 4096) {
		clear(unused(page))
	}
	return file
}

// unused returns the part of a page between the list of its rows and the rows. When
// SQLite splits a page, it leaves copies of rows there that are in another page
// now. It writes them over when it needs the place, and VACUUM removes them.
func unused(page []byte) []byte {
	header := map[byte]int{2: 12, 5: 12, 10: 8, 13: 8}[page[0]] // by the kind of the page
	if header == 0 {
		return nil // it contains no rows, or is the first, which contains the schema
	}
	list := header + 2*int(binary.BigEndian.Uint16(page[3:]))
	return page[list:binary.BigEndian.Uint16(page[5:])]
}

// TestDeletedTextIsGone looks in the file for words of messages that are no more,
// in whichever way they have gone.
func TestDeletedTextIsGone(t *testing.T) {
	const messages = 400
	path := filepath.Join(t.TempDir(), "chat.db")
	s := filled(t, path, messages)
	before := content(t, s, path)
	for i := range messages {
		if n := bytes.Count(before, word(i)); n != 2 {
			t.Fatalf("%s is in the file %d times, want once as text and once as a word", word(i), n)
		}
	}
	seq := func(i int) int64 { return int64(i - i/5 + 1) } // of message i, in the room
	gone := make(map[int]bool)
	for i := 200; i < messages; i += 3 {
		if i%5 == 4 {
			continue
		}
		gone[i] = true
		if i%2 == 0 {
			commit(t, s, store.Edit{Room: "r", By: "ann", Seq: seq(i), Text: "another text"})
		} else {
			commit(t, s, store.Delete{Room: "r", By: "ann", Seq: seq(i)})
		}
	}
	commit(t, s, store.Prune{Room: "r", Keep: store.Keep{Count: seq(messages-1) - seq(100)}}, store.Prune{Room: "r~1"})
	for _, room := range []string{"r", "r~1"} {
		for n := 1; n > 0; {
			var err error
			if n, err = s.Sweep(ctx, room, 50); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range messages {
		if i%5 == 4 || seq(i) < seq(100) {
			gone[i] = true
		}
	}
	after := content(t, s, path)
	for i := range messages {
		want := 2
		if gone[i] {
			want = 0
		}
		if n := bytes.Count(after, word(i)); n != want {
			t.Errorf("%s is in the file %d times, want %d", word(i), n, want)
		}
	}
	checkIndex(t, s)
	w := <-s.writer
	if _, err := w.conn.ExecContext(ctx, "VACUUM"); err != nil {
		t.Fatal(err)
	}
	s.writer <- w
	checkIndex(t, s)
	content(t, s, path)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		if gone[i] && bytes.Contains(file, word(i)) {
			t.Errorf("%s is in the file after VACUUM", word(i))
		}
	}
}

// TestTextOfADeletedRoomIsGone looks for any text of a room that was deleted and
// swept.
func TestTextOfADeletedRoomIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := filled(t, path, 100)
	commit(t, s, store.DeleteRoom{Room: "r"}, store.Prune{Room: "r~1"})
	for _, room := range []string{"r", "r~1"} {
		if _, err := s.Sweep(ctx, room, 500); err != nil {
			t.Fatal(err)
		}
	}
	after := content(t, s, path)
	for i := range 100 {
		if bytes.Contains(after, word(i)) {
			t.Errorf("the file contains %s", word(i))
		}
	}
	if bytes.Contains(after, []byte("which only")) {
		t.Error("the file contains a text")
	}
	checkIndex(t, s)
}

// TestNewWordsWait looks at messages before and after they are put into the
// index.
func TestNewWordsWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := filled(t, path, 100)
	waiting := func(want int) {
		t.Helper()
		n, err := one(ctx, s, scalar[int], "SELECT count(*) FROM unindexed")
		if err != nil || n[0] != want {
			t.Errorf("%d messages wait for the index, want %d: %v", n[0], want, err)
		}
	}
	find := func(text string, want ...int64) {
		t.Helper()
		f, err := s.Search(ctx, store.Search{User: "ann", Room: "r", Terms: store.Terms(text), Limit: store.Limit{Rows: 9, Bytes: 1 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, m := range f.Messages {
			got = append(got, m.Seq)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is found in %v, want %v", text, got, want)
		}
		checkIndex(t, s)
	}
	waiting(100)
	checkIndex(t, s)
	commit(t, s, store.Edit{Room: "r", By: "ann", Seq: 1, Text: "new"}, store.Delete{Room: "r", By: "ann", Seq: 2})
	waiting(99)
	find(unique(0))
	waiting(0)
	find("new", 1)
	find(unique(1))
	find(unique(2), 3)
	commit(t, s, store.Edit{Room: "r", By: "ann", Seq: 1, Text: "newer"}, store.Post{Room: "r", Author: "ann", Text: "new"})
	waiting(2)
	checkIndex(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = filled(t, path, 0)
	waiting(0)
	find(`"new"`, 81)
	find("newer", 1)
	for i := range maxUnindexed {
		commit(t, s, store.Post{Room: "r", Author: "ann", Text: fmt.Sprint("message ", i)})
	}
	waiting(0)
	find("new", 81, 1)
}

// checkIndex has SQLite compare the index with the texts that do not wait for it.
func checkIndex(t *testing.T, s *db) {
	t.Helper()
	w := <-s.writer
	defer func() { s.writer <- w }()
	if _, err := w.conn.ExecContext(ctx, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]int{
		"SELECT count(*) FROM messages WHERE text <> '' AND (room, seq) NOT IN (SELECT room, seq FROM searched UNION ALL SELECT room, seq FROM unindexed)":          0,
		"SELECT count(*) FROM (SELECT room, seq FROM searched UNION ALL SELECT room, seq FROM unindexed) WHERE (room, seq) NOT IN (SELECT room, seq FROM messages)": 0,
		"SELECT count(*) FROM searched JOIN unindexed USING (room, seq)":                                                                                            0,
	} {
		var n int
		if err := w.conn.QueryRowContext(ctx, text).Scan(&n); err != nil || n != want {
			t.Errorf("%d rows %v of %s", n, err, text)
		}
	}
}

// TestSearchInManyRooms has a user in as many rooms as a user may have.
func TestSearchInManyRooms(t *testing.T) {
	s := filled(t, filepath.Join(t.TempDir(), "chat.db"), 20)
	var ops []store.Op
	for i := range 2000 {
		room := fmt.Sprint("room-", i)
		ops = append(ops, store.Create{Room: room, By: "ann", Kind: store.KindClosed})
		if i%100 == 0 {
			ops = append(ops, store.Post{Room: room, By: "ann", Author: "ann", Text: "word3"})
		}
	}
	commit(t, s, ops...)
	f, err := s.Search(ctx, store.Search{User: "ann", Terms: store.Terms("word3"), Limit: store.Limit{Rows: 100, Bytes: 1 << 20}})
	if err != nil || len(f.Messages) != 20+3 {
		t.Errorf("%d messages: %v", len(f.Messages), err)
	}
}

// FuzzSearch sends the index whatever users may write.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{`"`, `a"b`, "NEAR(a b)", "a AND", "text : a", "a*", "^a", "a + b", "{text scope} : a", "'; DROP", "é́", "\U000e0041x", "ª²ⅷ", "\u200dx", "𝒜", "a\x00b"} {
		f.Add(text)
	}
	s, err := open(filepath.Join(f.TempDir(), "chat.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	_, err = s.Commit(ctx, []store.Op{store.Create{Room: "r", Kind: store.KindOpen}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return // the core refuses it
		}
		commit(t, s, store.Post{Room: "r", Author: "ann", Text: text})
		terms := store.Terms(text)
		found, err := s.Search(ctx, store.Search{User: "ann", Terms: terms, Limit: store.Limit{Rows: 1, Bytes: 1}})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if len(terms) > 0 && (len(found.Messages) == 0 || found.Messages[0].Text != text) {
			t.Errorf("%q is not found by itself: %+v", text, found.Messages)
		}
	})
}

// BenchmarkSearch searches a room of 100,000 messages for a word that many have.
func BenchmarkSearch(b *testing.B) {
	s, err := open(filepath.Join(b.TempDir(), "chat.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := range 200 {
		ops := []store.Op{store.Create{Room: "r", Kind: store.KindOpen}, store.Create{Room: "small", Kind: store.KindOpen}}
		for j := range 500 {
			ops = append(ops, store.Post{Room: "r", Author: "ann", Text: fmt.Sprintf("common text of message %d with number%d", i*500+j, j%100)})
		}
		if i%20 == 0 {
			ops = append(ops, store.Post{Room: "small", Author: "ann", Text: "common text"})
		}
		if _, err := s.Commit(ctx, ops); err != nil {
			b.Fatal(err)
		}
	}
	for name, q := range map[string]store.Search{
		"common, in all rooms":      {Terms: store.Terms("common text")},
		"rare, in all rooms":        {Terms: store.Terms(`"message 777"`)},
		"common, in a small room":   {Terms: store.Terms("common text"), Room: "small"},
		"prefix, in the room":       {Terms: store.Terms("num"), Room: "r"},
		"two words, one in a tenth": {Terms: store.Terms("common number7"), Room: "r"},
	} {
		b.Run(name, func(b *testing.B) {
			q.User, q.Limit = "ann", store.Limit{Rows: 20, Bytes: 1 << 20}
			for b.Loop() {
				if f, err := s.Search(ctx, q); err != nil || len(f.Messages) == 0 {
					b.Fatal(f, err)
				}
			}
		})
	}
}

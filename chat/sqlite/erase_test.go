//go:build !race

package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/chat/store"
)

// An erased user's words are in no byte of the file after a checkpoint: not in
// pages that are free, and not between the rows of others.
func TestErasedWordsAreOverwritten(t *testing.T) {
	s, path := newDB(t)
	commit := func(ops ...store.Op) {
		t.Helper()
		done, err := s.Commit(ctx, ops)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range done.Results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	word := func(user string) string {
		return strings.Repeat(user+"'s word ", 1+random.IntN(1<<random.IntN(9)))
	}
	rooms := []string{"a", "b", "c", "a~1", "b~1"}
	for _, room := range rooms[:3] {
		commit(store.Create{Room: room, By: "olga", Kind: store.KindOpen})
		for _, user := range []string{"ann", "bob"} {
			commit(store.SetMember{Room: room, User: user, Do: store.Add, Role: store.RoleMember})
		}
		commit(store.Post{Room: room, By: "olga", Author: "olga", Text: "first"})
	}
	seqs := make(map[string]int64)
	for i := range 1000 {
		room := rooms[random.IntN(len(rooms))]
		user := []string{"ann", "bob"}[random.IntN(2)]
		post := store.Post{Room: room, By: user, Author: user, CID: fmt.Sprint(user, i), Text: word(user)}
		if random.IntN(4) == 0 {
			post.Data = []byte(`"` + word(user) + `"`)
		}
		ops := []store.Op{post}
		if seq := seqs[room+user]; seq > 0 && random.IntN(3) == 0 {
			ops = append(ops, store.Edit{Room: room, By: user, Seq: seq, Text: word(user)})
		}
		done, err := s.Commit(ctx, ops)
		if err != nil {
			t.Fatal(err)
		}
		seqs[room+user] = done.Results[0].Seq
	}
	find := func() int {
		w := <-s.writer
		if _, err := w.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			t.Fatal(err)
		}
		s.writer <- w
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(content, []byte("ann's word"))
	}
	if find() == 0 {
		t.Fatal("the words are not in the file before, so the test shows nothing")
	}
	for _, room := range rooms {
		for more := true; more; {
			done, err := s.Commit(ctx, []store.Op{store.Erase{Room: room, User: "ann"}})
			if err != nil || done.Results[0].Err != nil {
				t.Fatal(err, done)
			}
			more = done.Results[0].More
		}
	}
	commit(store.Erase{User: "ann", Over: true})
	if n := find(); n > 0 {
		t.Errorf("%d words of the erased user are in the file", n)
	}
}

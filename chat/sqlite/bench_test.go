package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// BenchmarkCommit commits posts of 256 members in batches, as the group commit
// of package chat does under load. ns/op are those of one post.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "chat.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			ops := []store.Op{store.Create{Room: "r", By: "olga", Kind: store.KindOpen}}
			for i := range 256 {
				ops = append(ops, store.SetMember{Room: "r", User: fmt.Sprint("user", i), Do: store.Add, Role: store.RoleMember})
			}
			if _, err := s.Commit(ctx, ops); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				ops = ops[:0]
				for range batch {
					n++
					user := fmt.Sprint("user", n%256)
					ops = append(ops, store.Post{Room: "r", By: user, Author: user, CID: fmt.Sprint(n), Text: "a text of 64 bytes, the length that most messages of a chat have"})
				}
				done, err := s.Commit(ctx, ops)
				if err != nil || done.Results[0].Err != nil {
					b.Fatal(err, done.Results[0].Err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/post")
		})
	}
}

// BenchmarkReads reads what a client that comes back needs: its rooms, and a page
// of one.
func BenchmarkReads(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "chat.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var ops []store.Op
	for i := range 5 {
		room := fmt.Sprint("room", i)
		ops = append(ops, store.Create{Room: room, By: "ann", Kind: store.KindOpen})
		for n := range 100 {
			ops = append(ops, store.Post{Room: room, By: "ann", Author: "ann", CID: fmt.Sprint(n), Text: "a text of 64 bytes, the length that most messages of a chat have"})
		}
	}
	if _, err := s.Commit(ctx, ops); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour) // as package chat does
	defer cancel()
	b.Run("memberships", func(b *testing.B) {
		for b.Loop() {
			if list, err := s.Memberships(ctx, "ann", "", 201); err != nil || len(list) != 5 {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("history", func(b *testing.B) {
		for b.Loop() {
			page, err := s.History(ctx, "room1", store.Query{Before: 80, Limit: store.Limit{Rows: 50, Bytes: 1 << 20}})
			if err != nil || len(page.Messages) != 50 {
				b.Fatal(err)
			}
		}
	})
}

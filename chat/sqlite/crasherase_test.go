//go:build !race

package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

// guestPosts are how many messages a guest posts: more than a step erases.
const guestPosts = 230

// The points at which the server is killed in an erasure, and those at which it
// is killed again when it has started and goes on.
var (
	pointsInErasure = []string{"in an erasure", "before a step", "after a step"}
	pointsInNext    = []string{"before a step", "after a step"}
)

// eraseGuest makes a member that posts, reacts and is mentioned, and erases it.
func eraseGuest(c *chat.Chat, user string) {
	room := c.Room("r")
	post := func(author string, d chat.Draft) {
		insist(func() error { _, err := room.Post(ctx, author, d); return err })
	}
	insist(func() error { return room.Add(ctx, user, chat.Writer) })
	var posts sync.WaitGroup
	for i := range guestPosts {
		posts.Go(func() {
			post(user, chat.Draft{Key: fmt.Sprint(user, "/", i), Text: fmt.Sprint("word", user, " ", i), Mentions: []string{user, "user0"}})
		})
	}
	posts.Wait()
	post("user0", chat.Draft{Text: "hello", Mentions: []string{user}})
	insist(func() error { return c.User(user).Erase(ctx) })
}

// insist does something again until it succeeds, because a slow server refuses some
// commands. It does not return if the server is killed before.
func insist(do func() error) {
	for do() != nil {
		<-time.After(10 * time.Millisecond)
	}
}

// killInErasure kills the server while it erases a user, and once more when the
// next one goes on with that.
func (s *siege) killInErasure(round int) {
	s.Helper()
	point, after := pointsInErasure[round%len(pointsInErasure)], 1+rand.N(2)
	if point == "in an erasure" {
		after = rand.N(guestPosts)
	}
	fmt.Fprintf(s.orders, "%s:%d\nerase guest%d.\n", point, after, round)
	s.kill(point)
	s.killAtStart(pointsInNext[round%len(pointsInNext)])
	s.start("")
}

// erased waits until all erasures are over. Then no word of a guest is in the
// file, and no trace in a row but the empty one of its membership.
func (s *siege) erased() {
	s.Helper()
	migrations = migrations[:shipped:shipped]
	migrateTimes(fmt.Sprint(s.migrations))
	db := reopen(s.T, s.file)
	defer db.Close()
	for until := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		if begun, err := db.Erasures(ctx); err == nil && len(begun) == 0 {
			break
		}
		if time.Now().After(until) {
			s.Fatal("an erasure is not finished")
		}
	}
	all, err := db.Changes(ctx, "r", 0, store.Limit{Rows: 1 << 30, Bytes: 1 << 40})
	if err != nil {
		s.Fatal(err)
	}
	tombstones := 0
	for _, m := range all.Messages {
		if m.Author == store.Deleted {
			tombstones++
		}
		if bytes.Contains(fmt.Append(nil, m), []byte("guest")) {
			s.Errorf("the file has %+v", m)
		}
	}
	if tombstones < guestPosts {
		s.Errorf("%d tombstones of guests that have posted %d messages each", tombstones, guestPosts)
	}
	w, err := open(s.file)
	if err != nil {
		s.Fatal(err)
	}
	defer w.Close()
	for busy := 1; busy > 0; {
		c := <-w.writer
		var pages, moved int
		err := c.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
		w.writer <- c
		if err != nil {
			s.Fatal(err)
		}
	}
	content, err := os.ReadFile(s.file)
	if err != nil {
		s.Fatal(err)
	}
	if n := bytes.Count(content, []byte("wordguest")); n > 0 {
		s.Errorf("%d words of guests are in the file", n)
	}
}

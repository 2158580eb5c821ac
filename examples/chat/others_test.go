package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/socketiotest"
)

// startOne starts one of several servers.
func startOne(t *testing.T, bus adapter.Adapter) *socketiotest.Server {
	c := newChat(socketio.NewServer(&socketio.Options{Adapter: bus}))
	srv := socketiotest.NewServer(t, c.io)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go c.follow(ctx)
	synctest.Wait()
	return srv
}

func TestSeveralServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		one, two := startOne(t, bus), startOne(t, bus)
		ada := one.Connect(&socketiotest.Options{Auth: credentials{Name: "Ada", Key: adasKey}})
		eve := two.Connect(&socketiotest.Options{Auth: credentials{Name: "Eve", Key: evesKey}})
		synctest.Wait()

		socketiotest.Call[joined](ada, "join", "books")
		said := socketiotest.Call[Message](ada, "message", draft{ID: "1", place: place{Room: "books"}, Text: "hello", Picture: png})
		synctest.Wait()
		if j := socketiotest.Call[joined](eve, "join", "Books"); j.Room != "books" || len(j.History) != 1 || j.History[0].ID != said.ID {
			t.Errorf("joined %+v", j)
		}
		if got := socketiotest.Call[[]byte](eve, "picture", said.Picture); !bytes.Equal(got, png) {
			t.Errorf("picture %q", got)
		}
		socketiotest.Call[Message](eve, "direct", draft{ID: "1", place: place{To: said.From.ID}, Text: "hi"})
		synctest.Wait()

		three := startOne(t, bus)
		<-time.After(2 * reportEvery)
		var w welcome
		late := three.Connect(&socketiotest.Options{Auth: credentials{Name: "Eve", Key: evesKey, Rooms: []string{"books"}}})
		if late.Next("welcome").Decode(&w); len(w.People) != 2 || w.People[0].Name != "Ada" || w.People[1].Name != "Eve" {
			t.Errorf("people %+v", w.People)
		}
		if !slices.Contains(w.Rooms, roomInfo{"books", 2}) || !slices.Contains(w.Rooms, roomInfo{lobby, 2}) {
			t.Errorf("rooms %+v", w.Rooms)
		}
		if j := socketiotest.Call[joined](late, "join", "books"); len(j.History) != 1 {
			t.Errorf("the server that started later knows %d messages", len(j.History))
		}
	})
}

func TestANameIsTakenOnAllServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		one, two := startOne(t, bus), startOne(t, bus)
		one.Connect(&socketiotest.Options{Auth: credentials{Name: "Ada", Key: adasKey}})
		synctest.Wait()
		if _, err := two.Dial(&socketiotest.Options{Auth: credentials{Name: "ADA", Key: evesKey}}); err == nil || !strings.Contains(err.Error(), "The name Ada is taken.") {
			t.Errorf("another key: %v", err)
		}
		two.Connect(&socketiotest.Options{Auth: credentials{Name: "Ada", Key: adasKey}})
	})
}

func TestPeopleOfAServerThatDiedGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat(socketio.NewServer(nil))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.others["x"] = report{Server: "x", People: []Profile{{"1", "Ada"}}, at: time.Now()}
		go c.follow(ctx)
		<-time.After(silentFor + 2*reportEvery)
		c.mu.Lock()
		defer c.mu.Unlock()
		if all := c.online(); len(all) != 0 {
			t.Errorf("online: %+v", all)
		}
	})
}

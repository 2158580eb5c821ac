package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// hold makes what is published arrive only when the function that it returns is
// called.
func (j *journal) hold() (release func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	late := make(chan struct{})
	j.late = late
	return sync.OnceFunc(func() {
		j.mu.Lock()
		j.late = nil
		j.mu.Unlock()
		close(late)
	})
}

// A store that is before the bus: the client has events, or gets them from the
// store, that come to its new server only then.
func TestRecoveryStoreBeforeTheBus(t *testing.T) {
	for name, o := range map[string]struct{ had, missed, late int }{
		"events that the client has":                        {had: 3},
		"events that the client has missed":                 {missed: 3},
		"events that it has, and others that it has missed": {had: 3, missed: 3},
		"and later ones":                                    {had: 2, missed: 2, late: 2},
		"later ones only":                                   {late: 2},
	} {
		t.Run(name, func(t *testing.T) {
			runServers(t, func(j *journal, a, b *harness) {
				c := a.guest(rawclient.WebSocket)
				a.Emit("before")
				c.expect("/", "before")
				release := j.hold()
				defer release()
				emit := func(what string, n int) (events []string) {
					for i := range n {
						a.Emit(what, i)
						synctest.Wait()
						a.Volatile().Emit("volatile")
						synctest.Wait()
						a.To("others").Emit("others")
						events = append(events, fmt.Sprint(what, " ", i))
						if what == "had" {
							events = append(events, "volatile")
						}
					}
					return events
				}
				c.expect("/", emit("had", o.had)...)
				c.drop()
				missed := emit("missed", o.missed)
				c.h = b
				b.comesBackWith(c, missed...)
				var late []string
				for i := range o.late {
					a.Emit("late", i)
					late = append(late, fmt.Sprint("late ", i))
				}
				release()
				c.expect("/", late...)
				for i := range 3 { // and all goes on
					a.Emit("live", i)
					synctest.Wait()
					b.Emit("live of b", i)
					c.expect("/", fmt.Sprint("live ", i), fmt.Sprint("live of b ", i))
				}
				fresh := b.guest(rawclient.WebSocket)
				a.Emit("to all")
				fresh.expect("/", "to all")
			})
		})
	}
	t.Run("a server that has begun after the events", func(t *testing.T) {
		runServers(t, func(j *journal, a, b *harness) {
			g := a.guest(rawclient.WebSocket)
			a.Emit("first")
			a.Emit("second")
			g.expect("/", "first", "second")
			g.drop()
			o := recovering()
			o.Adapter = j
			c := a.other(o)
			g.h = c
			c.comesBackWith(g)
			a.Emit("live")
			g.expect("/", "live")
		})
	})
}

func TestRecoveryStoreLocal(t *testing.T) {
	runServers(t, func(j *journal, a, b *harness) {
		g := a.guest(rawclient.WebSocket)
		a.Emit("first")
		a.Local().Emit("to who is here")
		g.expect("/", "first", "to who is here")
		g.drop()
		a.Local().Emit("not kept")
		a.Emit("missed")
		synctest.Wait()
		a.comesBackWith(g, "missed")
	})
}

// sendAway shuts a server down, and calls f when the session of its guest is in
// the store while the guest's connection is still there.
func (h *harness) sendAway(g *guest, f func()) {
	h.Helper()
	release := make(chan struct{})
	h.Of("/slow").On("wait", func(context.Context, *socketio.Event) error {
		<-release
		return nil
	})
	g.conn.send(`42/slow,["wait"]`)
	synctest.Wait()
	done := h.shutdown(context.Background())
	synctest.Wait()
	f()
	synctest.Wait()
	close(release)
	h.check(<-done)
	g.read()
}

// A session that Shutdown has put into the store follows what becomes of its
// socket until that has left.
func TestRecoveryStoredEarly(t *testing.T) {
	early := func(name string, f func(j *journal, a, b *harness, g *guest, s *socketio.Socket)) {
		t.Run(name, func(t *testing.T) {
			runServers(t, func(j *journal, a, b *harness) {
				a.Of("/slow")
				b.Of("/slow")
				a.Emit("before")
				g := a.guest(rawclient.WebSocket, "/", "/slow")
				s := a.socket(g.stays["/"].SID)
				s.Join("old")
				synctest.Wait()
				f(j, a, b, g, s)
			})
		})
	}
	for name, kick := range map[string]func(a, b *harness, s *socketio.Socket, g *guest){
		"Disconnect":                          func(_, _ *harness, s *socketio.Socket, _ *guest) { s.Disconnect(false) },
		"Disconnect of the connection":        func(_, _ *harness, s *socketio.Socket, _ *guest) { s.Disconnect(true) },
		"DisconnectSockets":                   func(a, _ *harness, _ *socketio.Socket, _ *guest) { a.DisconnectSockets(false) },
		"DisconnectSockets by another server": func(_, b *harness, s *socketio.Socket, _ *guest) { b.In(s.ID()).DisconnectSockets(true) },
		"a DISCONNECT of the client":          func(_, _ *harness, _ *socketio.Socket, g *guest) { g.conn.send("41") },
		"ExpireAt":                            func(_, _ *harness, s *socketio.Socket, _ *guest) { s.ExpireAt(time.Now()) },
	} {
		early(name+" ends it", func(j *journal, a, b *harness, g *guest, s *socketio.Socket) {
			a.sendAway(g, func() {
				j.expect(g, true)
				kick(a, b, s, g)
				synctest.Wait()
				j.expect(g, false)
			})
			j.expect(g, false)
			g.h = b
			g.comeBack()
			g.returned("/", false)
		})
	}
	early("Join, Leave and SetData are in it", func(j *journal, a, b *harness, g *guest, s *socketio.Socket) {
		a.sendAway(g, func() {
			s.Join("new")
			s.Leave("old")
			s.SetData("Ann")
		})
		b.To("new").Emit("to the new room")
		b.To("old").Emit("to the old room")
		synctest.Wait()
		g.h = b
		b.comesBackWith(g, "to the new room")
		var name string
		raw, _ := b.socket(s.ID()).Data().(json.RawMessage)
		if err := json.Unmarshal(raw, &name); err != nil || name != "Ann" {
			b.Errorf("data %q, %v", raw, err)
		}
	})
	early("they are not stored for a client that is back already", func(j *journal, a, b *harness, g *guest, s *socketio.Socket) {
		s.OnDisconnecting(func(socketio.Reason) {
			g.h = b
			b.comesBackWith(g)
			s.Join("late")
		})
		a.sendAway(g, func() {})
		j.expect(g, false)
	})
	early("what the store has not taken is put there when the socket leaves", func(j *journal, a, b *harness, g *guest, _ *socketio.Socket) {
		j.refuse(errors.New("no store"))
		a.sendAway(g, func() { j.refuse(nil) })
		b.Emit("missed")
		synctest.Wait()
		g.h = b
		b.comesBackWith(g, "missed")
	})
	early("what the store may have taken although it failed is deleted at a kick", func(j *journal, a, b *harness, g *guest, s *socketio.Socket) {
		j.refuse(errors.New("no answer in time"))
		a.sendAway(g, func() {
			j.expect(g, true)
			j.refuse(nil)
			s.Disconnect(false)
		})
		j.expect(g, false)
	})
}

// expect wants the journal to have the guest's session in "/", or not.
func (j *journal) expect(g *guest, want bool) {
	g.h.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, has := j.sessions["/"+g.stays["/"].PID]; has != want {
		g.h.Errorf("the store has the session: %t, want %t", has, want)
	}
}

// refuse has the journal fail.
func (j *journal) refuse(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = err
}

package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

func (w *world) store(i int) adapter.SessionStore {
	return w.nodes[i].link.Adapter.(adapter.SessionStore)
}

// What an adapter promises that keeps a log and sessions.
var logs = []check{
	{"all subscribers get all events in one order, their own too", func(w *world) {
		const n = 100
		var ears []*ear
		for i := range w.nodes {
			e, _ := w.subscribe(i, "/contract")
			ears = append(ears, e)
		}
		var publishing sync.WaitGroup
		for i := range w.nodes {
			publishing.Go(func() {
				for j := 0; j < n; j += 4 {
					w.publish(i, event(i, "/contract", j, i), event(i, "/contract", j+1, 9_000), event(i, "/contract", j+2, 0, []byte{1}), event(i, "/contract", j+3, 1))
				}
			})
		}
		publishing.Wait()
		for i, e := range ears {
			w.until(fmt.Sprintf("server %d has got all", i), func() bool { return len(e.events("")) >= n*servers })
			for j := range w.nodes {
				w.expectNumbers(e, fmt.Sprintf("%016x", j+1), n)
			}
			if !slices.Equal(e.events(""), ears[0].events("")) {
				w.Errorf("server %d has another order than server 0", i)
			}
			e.mu.Lock()
			for j := 1; j < len(e.heard); j++ {
				a, b := e.heard[j-1].Offset, e.heard[j].Offset
				if w.store(i).Compare(a, b) >= 0 || w.store(i).Compare(b, a) <= 0 || w.store(i).Compare(a, a) != 0 {
					w.Fatalf("offset %q is not before %q", a, b)
				}
			}
			e.mu.Unlock()
		}
	}},
	{"a session and what comes after an offset", func(w *world) {
		e, _ := w.subscribe(0, "/contract")
		w.publish(0, event(0, "/contract", 0, 1), event(0, "/contract", 1, 1), event(0, "/contract", 2, 1))
		w.expectNumbers(e, "", 3)
		offset := func(i int) string {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.heard[i].Offset
		}
		for _, test := range []struct {
			offset, kept, from string
			missed             int
		}{
			{offset(0), "", offset(0), 2},
			{offset(2), "", offset(2), 0},
			{"", offset(1), offset(1), 1},
			{"of another log", offset(0), offset(0), 2},
			{offset(1), offset(0), offset(1), 1},
		} {
			stored := w.session("pid", test.kept)
			w.check(w.store(0).PersistSession(w.ctx, stored, time.Minute))
			got, missed, err := w.store(1).RestoreSession(w.ctx, "/contract", "pid", test.offset)
			w.check(err)
			if got == nil {
				w.Fatalf("offsets %q, %q: no session", test.offset, test.kept)
			}
			if got.Offset != test.from || len(missed) != test.missed {
				w.Errorf("offsets %q, %q: from %q, %d missed", test.offset, test.kept, got.Offset, len(missed))
			}
			for i, m := range missed {
				want := fmt.Sprintf(`["e",%d,"x"]`, 3-test.missed+i)
				if string(m.Packet.Text) != want || m.Namespace != "/contract" || m.Offset == "" || m.Type != adapter.Broadcast {
					w.Errorf("missed %+v, want %s", m, want)
				}
			}
			if got.SocketID != stored.SocketID || got.PID != "pid" || got.Namespace != "/contract" || !slices.Equal(got.Rooms, stored.Rooms) ||
				string(got.Data.Text) != string(stored.Data.Text) || len(got.Data.Attachments) != 1 || string(got.Data.Attachments[0]) != "\x00\xff" {
				w.Errorf("restored %+v", got)
			}
			if again, _, err := w.store(2).RestoreSession(w.ctx, "/contract", "pid", test.offset); again != nil || err != nil {
				w.Errorf("restored a second time: %+v, %v", again, err)
			}
		}
	}},
	{"sessions that there are not", func(w *world) {
		e, _ := w.subscribe(0, "/contract")
		w.publish(0, event(0, "/contract", 0, 1))
		w.expectNumbers(e, "", 1)
		nothing := func(what, namespace, pid, offset string) {
			w.Helper()
			if s, _, err := w.store(1).RestoreSession(w.ctx, namespace, pid, offset); s != nil || err != nil {
				w.Errorf("%s: %+v, %v", what, s, err)
			}
		}
		offset := e.heard[0].Offset
		nothing("an unknown pid", "/contract", "unknown", offset)
		s := w.session("pid", "")
		w.check(w.store(0).PersistSession(w.ctx, s, time.Minute))
		nothing("another namespace", "/contract2", "pid", offset)
		nothing("offsets that are unknown", "/contract", "pid", "of another log")
		for i, want := range []bool{true, false} {
			w.check(w.store(0).PersistSession(w.ctx, s, time.Minute))
			if i > 0 {
				_, err := w.store(1).DeleteSession(w.ctx, "/contract", "pid")
				w.check(err)
			}
			if had, err := w.store(1).DeleteSession(w.ctx, "/contract", "pid"); had != want || err != nil {
				w.Errorf("deleted: %t, %v", had, err)
			}
		}
		nothing("a deleted one", "/contract", "pid", offset)
		w.check(w.store(0).PersistSession(w.ctx, s, 50*time.Millisecond))
		<-time.After(1500 * time.Millisecond) // some buses count seconds
		nothing("one that is too old", "/contract", "pid", offset)
	}},
	{"only one of many gets a session", func(w *world) {
		e, _ := w.subscribe(0, "/contract")
		w.publish(0, event(0, "/contract", 0, 1))
		w.expectNumbers(e, "", 1)
		for range 5 {
			w.check(w.store(0).PersistSession(w.ctx, w.session("pid", e.heard[0].Offset), time.Minute))
			var taking sync.WaitGroup
			var mu sync.Mutex
			got := 0
			for i := range 6 {
				taking.Go(func() {
					s, _, err := w.store(i%servers).RestoreSession(context.Background(), "/contract", "pid", "")
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						w.Error(err)
					}
					if s != nil {
						got++
					}
				})
			}
			taking.Wait()
			if got != 1 {
				w.Errorf("%d got it", got)
			}
		}
	}},
}

// session returns a session with binary data.
func (w *world) session(pid, offset string) *adapter.Session {
	data := encoded(`{"a":{"_placeholder":true,"num":0},"b":1}`)
	data.Attachments = [][]byte{{0, 255}}
	return &adapter.Session{
		Namespace: "/contract", PID: pid, SocketID: "01234567890123456789", Rooms: []string{"01234567890123456789", "a", "42"}, Data: data, Offset: offset,
	}
}

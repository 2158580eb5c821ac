package systemtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A watcher is an adapter that keeps the rooms which a server says it has. An
// adapter may leave out the messages to other rooms.
type watcher struct {
	adapter.Loopback
	mu    sync.Mutex
	rooms map[string]int
	wrong []string
}

func (w *watcher) Subscribe(ctx context.Context, to adapter.Subscriber) error {
	to.WatchRooms(func(room string, private, exists bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		key := fmt.Sprint(room, " ", private)
		if (w.rooms[key] == 1) == exists {
			w.wrong = append(w.wrong, fmt.Sprintf("%s exists: %v, again", key, exists))
		}
		if w.rooms[key] = 1; !exists {
			delete(w.rooms, key)
		}
	})
	return w.Loopback.Subscribe(ctx, to)
}

func (w *watcher) has(t *testing.T, want ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	for room := range w.rooms {
		got = append(got, room)
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(want)); !slices.Equal(got, want) || w.wrong != nil {
		t.Errorf("the adapter knows the rooms %q, want %q; %q", got, want, w.wrong)
	}
}

// TestRecoveryRooms is about the rooms of clients that are away: adapters must
// know them, or else these clients miss events of other servers.
func TestRecoveryRooms(t *testing.T) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			bus := &watcher{rooms: make(map[string]int)}
			o := testserver.Recovering()
			o.Adapter = bus
			testserver.Run(t, o, func(h *testserver.Harness) {
				refuses := false
				h.Use(func(context.Context, *socketio.Socket) error {
					if refuses {
						return errors.New("not now")
					}
					return nil
				})
				h.OnConnect(func(s *socketio.Socket) { s.Join("a") })
				g := h.Guest(mode)
				id := g.Stays["/"].SID
				present := []string{id + " true", "a false"}
				h.Emit("e")
				g.Expect("/", "e")
				for range 2 {
					bus.has(h.T, present...)
					g.Drop()
					testserver.Wait(time.Minute) // the server has noticed
					if h.Socket(id) != nil {
						h.T.Fatal("the socket is still there")
					}
					bus.has(h.T, present...)
					refuses = true
					g.ComeBack()
					synctest.Wait()
					bus.has(h.T, present...)
					refuses = false
					g.ComeBack()
					g.Returned("/", true)
				}
				h.MustSocket(id).Leave("a")
				synctest.Wait()
				bus.has(h.T, present[0])
				g.Drop()
				testserver.Wait(5 * time.Minute) // MaxAge is over
				bus.has(h.T)
			})
		})
	}
}

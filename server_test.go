package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/socketiotest"
)

func TestClientsCount(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/chat")
		both, one := h.Connect(mode), h.Open(mode)
		both.Enter("/chat")
		if n := h.ClientsCount(); n != 2 {
			h.T.Errorf("%d clients, want 2", n)
		}
		one.Close()
		synctest.Wait()
		if n := h.ClientsCount(); n != 1 {
			h.T.Errorf("%d clients, want 1", n)
		}
	})
}

func TestPattern(t *testing.T) {
	for path, pattern := range map[string]string{
		"":            "/socket.io/",
		"/":           "/",
		"/live":       "/live/",
		"/live/":      "/live/",
		"/{app}/a b%": "/%7Bapp%7D/a%20b%25/",
	} {
		t.Run("of path "+path, func(t *testing.T) {
			io := socketio.NewServer(&socketio.Options{Path: path})
			defer io.Close()
			if got := io.Pattern(); got != pattern {
				t.Fatalf("pattern %q, want %q", got, pattern)
			}
			mux := http.NewServeMux()
			mux.Handle(io.Pattern(), io)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", pattern+"?EIO=4&transport=polling", nil))
			if w.Code != http.StatusOK {
				t.Errorf("answered by %d %q", w.Code, w.Body)
			}
		})
	}
}

func TestServerStats(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		hold := make(chan struct{})
		h.OfPattern(regexp.MustCompile("^/room-")).On("wait", func(context.Context, *socketio.Event) error {
			<-hold
			return nil
		})
		srv := socketiotest.NewServer(h.T, h.Server)
		a := srv.Connect(&socketiotest.Options{Namespace: "/room-1"})
		srv.Connect(&socketiotest.Options{Namespace: "/room-2", Transport: "polling"})
		c := h.Connect(rawclient.WebSocket)
		s := h.MustSocket(c.ID)
		s.Join("red", "blue")
		if err := s.CallFunc(func(*socketio.Reply, error) {}, "owed"); err != nil {
			t.Fatal(err)
		}
		a.Emit("wait", "x")
		synctest.Wait()
		got := h.Stats()
		inbox := got.Namespaces["^/room-"].Inbox
		want := socketio.Stats{
			Polling:   1,
			WebSocket: 2,
			Namespaces: map[string]socketio.NamespaceStats{
				"/":       {Sockets: 1, Rooms: 2, Acks: 1},
				"^/room-": {Sockets: 2, Inbox: inbox},
			},
		}
		if got.Queued = 0; !reflect.DeepEqual(got, want) || inbox == 0 {
			t.Errorf("got %+v, want %+v", got, want)
		}
		close(hold)
		c.Expect(`420["owed"]`)
		c.Send("430[]")
		synctest.Wait()
		if got := h.Stats(); got.Queued != 0 || got.Namespaces["/"].Acks != 0 || got.Namespaces["^/room-"].Inbox != 0 {
			t.Errorf("got %+v in the end", got)
		}
	})
}

func TestShutdown(t *testing.T) {
	testserver.Behaviour(t, "sends what is queued, tells the sockets and refuses new clients", func(h *testserver.Harness, mode rawclient.Mode) {
		a, b := h.Connect(mode), h.Connect(mode)
		reasons := make(chan socketio.Reason, 2)
		for _, c := range []*testserver.Client{a, b} {
			h.MustSocket(c.ID).OnDisconnect(func(r socketio.Reason) { reasons <- r })
		}
		h.Check(h.Emit("goodbye"))
		h.Check(h.Shutdown(context.Background()))
		for range 2 {
			if r := <-reasons; r != socketio.ReasonServerShutdown {
				h.T.Errorf("reason %q", r)
			}
		}
		for _, c := range []*testserver.Client{a, b} {
			c.Expect(`42["goodbye"]`)
			c.ExpectClosed()
		}
		_, err := rawclient.Open(context.Background(), h.Dial, mode, rawclient.Options{Path: "/socket.io/"})
		var status *rawclient.StatusError
		if !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
			h.T.Errorf("a new client: %v, want 503", err)
		}
		h.Check(h.Shutdown(context.Background())) // a second time
	})
	testserver.Behaviour(t, "ends the contexts of handlers after UpgradeTimeout, and waits for them and OnDisconnect", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		var saw []string
		s := h.MustSocket(c.ID)
		s.On("e", func(ctx context.Context, e *socketio.Event) error {
			<-ctx.Done()
			testserver.Wait(time.Minute)
			saw = append(saw, "handled")
			return nil
		})
		s.OnDisconnect(func(socketio.Reason) { saw = append(saw, "disconnected") })
		c.Send(`42["e"]`)
		synctest.Wait()
		start := time.Now()
		h.Check(h.Shutdown(context.Background()))
		if time.Since(start) != 10*time.Second+time.Minute || !slices.Equal(saw, []string{"handled", "disconnected"}) {
			h.T.Errorf("after %v: %q", time.Since(start), saw)
		}
	})
	testserver.Behaviour(t, "gives up with the cause of its context", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		release := make(chan struct{})
		h.On("e", func(ctx context.Context, e *socketio.Event) error { <-release; return nil })
		c.Send(`42["e"]`)
		synctest.Wait()
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), 5*time.Second, cause)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, cause) {
			h.T.Errorf("error %v, want the context's cause", err)
		}
		close(release)
	})
	t.Run("does not wait for a client that takes nothing", func(t *testing.T) {
		testserver.Run(t, nil, func(h *testserver.Harness) {
			p := h.NewPoller()
			p.Post("40")
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if got := h.Do(httptest.NewRequest(http.MethodGet, p.URL(), nil)).StatusCode; got != http.StatusBadRequest {
				t.Errorf("its session answers %d", got)
			}
		})
	})
}

func TestClose(t *testing.T) {
	testserver.Behaviour(t, "ends all connections at once", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		reason := make(chan socketio.Reason, 1)
		h.MustSocket(c.ID).OnDisconnect(func(r socketio.Reason) { reason <- r })
		h.Check(h.Close())
		if r := <-reason; r != socketio.ReasonServerShutdown {
			h.T.Errorf("reason %q", r)
		}
		c.ExpectClosed()
		h.Check(h.Close())
		h.Check(h.Emit("to nobody"))
	})
	testserver.Behaviour(t, "does not wait for handlers, and ends their contexts", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		late := make(chan error, 2)
		h.On("e", func(ctx context.Context, e *socketio.Event) error {
			<-ctx.Done()
			if cause := context.Cause(ctx); !errors.Is(cause, socketio.ErrDisconnected) {
				h.T.Errorf("cause %v", cause)
			}
			testserver.Wait(time.Hour / 2)
			late <- errors.Join(e.Socket().Emit("late"), e.Ack())
			return nil
		})
		c.Send(`421["e"]`)
		synctest.Wait()
		start := time.Now()
		h.Check(h.Close())
		if waited := time.Since(start); waited != 0 {
			h.T.Errorf("waited for %v", waited)
		}
		c.ExpectClosed()
		if err := <-late; !errors.Is(err, socketio.ErrDisconnected) {
			h.T.Errorf("the handler got %v", err)
		}
	})
}

func TestRestart(t *testing.T) {
	testserver.ForEachMode(t, nil, func(h *testserver.Harness, mode rawclient.Mode) {
		before := h.Connect(mode)
		h.Check(h.Close())
		before.ExpectClosed()
		h.Server = socketio.NewServer(nil)
		h.Serve(h.Server)
		testserver.Echo(h, "echo")
		after := h.Connect(mode)
		after.Send(`42["echo",1]`)
		after.Expect(`42["echo",1]`)
	})
}

// The documentation of a type lists the methods that it has from an embedded
// one, because go doc and pkg.go.dev do not.
func TestDocumentationListsPromotedMethods(t *testing.T) {
	for _, c := range []struct {
		file string
		typ  reflect.Type
		from map[string]reflect.Type
	}{
		{"server.go", reflect.TypeFor[*socketio.Server](), map[string]reflect.Type{"Namespace": reflect.TypeFor[*socketio.Namespace](), "Broadcast": reflect.TypeFor[socketio.Broadcast]()}},
		{"namespace.go", reflect.TypeFor[*socketio.Namespace](), map[string]reflect.Type{"Broadcast": reflect.TypeFor[socketio.Broadcast]()}},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		doc, _, _ := strings.Cut(string(text), "\ntype "+c.typ.Elem().Name()+" struct")
		for i := range c.typ.NumMethod() {
			name := c.typ.Method(i).Name
			own := strings.Contains(string(text), " *"+c.typ.Elem().Name()+") "+name+"(")
			promoted, listed := false, false
			for from, typ := range c.from {
				_, has := typ.MethodByName(name)
				promoted = promoted || has
				listed = listed || strings.Contains(doc, "["+from+"."+name+"]")
			}
			if promoted && !own && !listed {
				t.Errorf("%s does not list %s", c.file, name)
			}
		}
	}
}

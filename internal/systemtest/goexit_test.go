package systemtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// quits are functions of the program that end their goroutine, as t.FailNow
// does, each with what the client sends and hears. "after" is what a second
// function of the same kind emits.
var quits = map[string]struct {
	set  func(h *testserver.Harness, quit func())
	send []string
	want []string // by pattern; "41" ends it
}{
	"middleware": {func(h *testserver.Harness, quit func()) {
		h.Use(func(context.Context, *socketio.Socket) error { quit(); return nil })
	}, []string{"40"}, []string{`^44\{"message":"internal error"\}$`}},
	"middleware that has set an expiry": {func(h *testserver.Harness, quit func()) {
		h.Use(func(_ context.Context, s *socketio.Socket) error {
			s.ExpireAt(time.Now().Add(time.Second))
			testserver.Wait(2 * time.Second)
			quit()
			return nil
		})
	}, []string{"40"}, []string{`^44\{"message":"internal error"\}$`}},
	"OfFunc": {func(h *testserver.Harness, quit func()) {
		h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { quit(); return true })
	}, []string{"40/any,"}, []string{`^44/any,\{"message":"Invalid namespace"\}$`}},
	"OnConnect": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(*socketio.Socket) { quit() })
		h.OnConnect(func(s *socketio.Socket) { h.Check(s.Emit("after")) })
	}, []string{"40"}, []string{`^40`, `^42\["after"\]$`}},
	"OnConnect of a parent": {func(h *testserver.Harness, quit func()) {
		h.OfPattern(regexp.MustCompile("^/any$")).OnConnect(func(*socketio.Socket) { quit() })
		h.Of("/any").OnConnect(func(s *socketio.Socket) { h.Check(s.Emit("after")) })
	}, []string{"40/any,"}, []string{`^40/any,`, `^42/any,\["after"\]$`}},
	"OnRoomEvent": {func(h *testserver.Harness, quit func()) {
		h.OnRoomEvent(func(e socketio.RoomEvent) {
			if e.Kind == socketio.RoomJoined {
				quit()
			}
		})
		h.OnRoomEvent(func(e socketio.RoomEvent) { h.Check(h.Emit(string(e.Kind), e.Room)) })
		h.On("join", func(_ context.Context, e *socketio.Event) error { go e.Socket().Join("a", "b"); return nil })
	}, []string{"40", `42["join"]`}, []string{`^40`,
		`^42\["create-room","a"\]$`, `^42\["join-room","a"\]$`, `^42\["create-room","b"\]$`, `^42\["join-room","b"\]$`}},
	"a handler": {func(h *testserver.Harness, quit func()) {
		h.On("e", func(context.Context, *socketio.Event) error { quit(); return nil })
	}, []string{"40", `427["e"]`}, []string{`^40`, `^437\[\{"error":"internal error"\}\]$`}},
	"OnCall": {func(h *testserver.Harness, quit func()) {
		socketio.OnCall(h.Server, "e", func(context.Context, *socketio.Socket, struct{}) (int, error) { quit(); return 1, nil })
	}, []string{"40", `427["e"]`}, []string{`^40`, `^437\[\{"error":"internal error"\}\]$`}},
	"Use": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(s *socketio.Socket) {
			s.Use(func(context.Context, *socketio.Event) error { quit(); return nil })
		})
		h.On("e", func(context.Context, *socketio.Event) error { h.T.Error("handled"); return nil })
	}, []string{"40", `427["e"]`}, []string{`^40`, `^437\[\{"error":"internal error"\}\]$`}},
	"OnAny": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(s *socketio.Socket) {
			s.OnAny(func(context.Context, *socketio.Event) error { quit(); return nil })
		})
	}, []string{"40", `427["e"]`}, []string{`^40`, `^437\[\{"error":"internal error"\}\]$`}},
	"the function of CallFunc": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(s *socketio.Socket) {
			h.Check(s.CallFunc(func(*socketio.Reply, error) { quit() }, "question"))
		})
		testserver.Echo(h, "echo")
	}, []string{"40", "430[]", `42["echo"]`}, []string{`^40`, `^420\["question"\]$`, `^42\["echo"\]$`}},
	"OnDisconnecting": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(s *socketio.Socket) {
			s.Join("a")
			s.OnDisconnecting(func(socketio.Reason) { quit() })
			s.OnDisconnecting(func(socketio.Reason) { h.Check(h.Emit("leaving")) })
			s.OnDisconnect(func(socketio.Reason) { h.Check(h.Emit("left", len(s.Rooms()))) })
		})
		h.Of("/other").OnConnect(func(*socketio.Socket) {})
	}, []string{"40", "41", "40"}, []string{`^40`, `^40`}},
	"OnDisconnect": {func(h *testserver.Harness, quit func()) {
		h.OnConnect(func(s *socketio.Socket) {
			s.Join("a")
			s.OnDisconnect(func(socketio.Reason) { quit() })
		})
	}, []string{"40", "41", "40"}, []string{`^40`, `^40`}},
}

// A function that ends its goroutine leaves nobody waiting, keeps no other
// function from being called, and is logged.
func TestGoexit(t *testing.T) {
	for name, c := range quits {
		for mode, o := range map[string]*socketio.Options{"": {}, ", with recovery": testserver.Recovering()} {
			t.Run(name+mode, func(t *testing.T) {
				var log testserver.LogBook
				o.Logger = log.Logger()
				left := false
				testserver.Run(t, o, func(h *testserver.Harness) {
					armed := true
					c.set(h, func() {
						if armed {
							armed = false
							runtime.Goexit()
						}
					})
					client := h.Open(rawclient.WebSocket)
					for _, p := range c.send {
						client.Send(p)
						synctest.Wait()
					}
					testserver.Wait(3 * time.Second)
					for i, got := range waiting(client) {
						got = regexp.MustCompile(`,"[\w-]{8}\.[0-9a-z]+"\]$`).ReplaceAllString(got, "]") // an offset
						if i >= len(c.want) || !regexp.MustCompile(c.want[i]).MatchString(got) {
							h.T.Errorf("heard %q as number %d of %q", got, i, c.want)
						}
						left = left || i == len(c.want)-1
					}
					client.Close()
					testserver.Wait(10 * time.Minute)
					other := h.Open(rawclient.Polling)
					other.Send("40")
					other.Match("^40")
					other.Close()
					testserver.Wait(10 * time.Minute)
					if n := len(slices.Collect(h.Sockets())); n != 0 || h.ClientsCount() != 0 {
						h.T.Errorf("%d sockets are left", n)
					}
					h.Check(h.Shutdown(context.Background())) // which waits for all sockets
				})
				if !left {
					t.Errorf("not all of %q came", c.want)
				}
				if all := strings.Join(log.Lines(), "\n"); strings.Count(all, "a handler has ended its goroutine") != 1 {
					t.Errorf("logged %s", all)
				}
			})
		}
	}
}

// Of the events of another server those that follow are handled.
func TestGoexitServerSide(t *testing.T) {
	bus := new(adapter.Loopback)
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: bus})
		defer other.Close()
		var handled []int
		socketioOn := func(_ context.Context, e *socketio.Event) error {
			var n int
			h.Check(e.Decode(&n))
			handled = append(handled, n)
			if n == 1 {
				runtime.Goexit()
			}
			return nil
		}
		h.OnServerSide("n", socketioOn)
		for n := range 3 {
			h.Check(other.ServerSideEmit("n", n))
		}
		synctest.Wait()
		if !slices.Equal(handled, []int{0, 1, 2}) {
			h.T.Errorf("handled %v", handled)
		}
	})
}

// A handshake whose goroutine ends gives its place back.
func TestGoexitHandshake(t *testing.T) {
	quit := true
	end := func() {
		if quit {
			runtime.Goexit()
		}
	}
	for name, o := range map[string]*socketio.Options{
		"AllowRequest": {AllowRequest: func(*http.Request) error { end(); return nil }},
		"GenerateID":   {GenerateID: func(*http.Request) (string, error) { end(); return "an-id", nil }},
		"AllowOrigin":  {CORS: socketio.CORS{AllowOrigin: func(*http.Request) bool { end(); return true }}},
	} {
		t.Run(name, func(t *testing.T) {
			quit = true
			o.Limits.Connections = 1
			testserver.Run(t, o, func(h *testserver.Harness) {
				for range 3 {
					r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling", nil)
					r.Header.Set("Origin", "https://elsewhere.example")
					done := make(chan struct{})
					go func() {
						defer close(done)
						h.ServeHTTP(httptest.NewRecorder(), r)
					}()
					<-done
				}
				quit = false
				h.Connect(rawclient.Polling)
			})
		})
	}
}

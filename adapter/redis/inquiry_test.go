package redis

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/socketiotest"
)

// What versions of npm's adapter before 6 ask and tell, and what nobody should.
func TestInquiries(t *testing.T) {
	r := clustertest.StartRedis(t)
	io := socketio.NewServer(&socketio.Options{Adapter: NewClassic(connect(t, r.Addr), &ClassicOptions{DirectResponses: true})})
	joined := make(chan error, 1)
	io.OnConnect(func(s *socketio.Socket) { joined <- s.Join("a") })
	client := socketiotest.NewServer(t, io).Connect(nil)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asker := newHub(connect(t, r.Addr), nil)
	err := asker.subscribe(ctx, map[topic]func(string, string){
		{pattern, "socket.io-response#/#*"}: func(channel, message string) {
			answers <- strings.TrimPrefix(channel, "socket.io-response#/#") + " " + message
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(request string) {
		t.Helper()
		request = strings.ReplaceAll(request, "ID", client.ID())
		for _, err := range asker.send(ctx, []publication{{channel: "socket.io-request#/#", message: []byte(request)}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-answers:
			if want = strings.ReplaceAll(want, "ID", client.ID()); got != want {
				t.Errorf("answered %s, want %s", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no answer, want %s", want)
		}
	}
	rooms := func(want ...string) {
		t.Helper()
		for s := range io.In(client.ID()).Sockets() {
			if got := s.Rooms()[1:]; !slices.Equal(got, want) {
				t.Errorf("in rooms %q, want %q", got, want)
			}
		}
	}

	ask(`{"requestId":"r1","type":0,"rooms":["a"]}`)
	expect(` {"requestId":"r1","sockets":["ID"]}`)
	ask(`{"requestId":"r2","type":0,"rooms":["b"],"uid":"abcdef"}`)
	expect(`abcdef# {"requestId":"r2","sockets":[]}`)
	ask(`{"requestId":"r3","type":0,"rooms":[]}`)
	expect(` {"requestId":"r3","sockets":["ID"]}`)
	ask(`{"requestId":"r4","type":1,"uid":"abcdef"}`)
	got := <-answers
	if want := strings.ReplaceAll(`abcdef# {"requestId":"r4","rooms":["ID","a"]}`, "ID", client.ID()); got != want &&
		got != strings.ReplaceAll(`abcdef# {"requestId":"r4","rooms":["a","ID"]}`, "ID", client.ID()) {
		t.Errorf("answered %s, want %s", got, want)
	}
	ask(`{"requestId":"r5","type":2,"sid":"ID","room":"b"}`)
	expect(` {"requestId":"r5"}`)
	rooms("a", "b")
	ask(`{"requestId":"r6","type":3,"sid":"ID","room":"b"}`)
	expect(` {"requestId":"r6"}`)
	rooms("a")
	for _, nonsense := range []string{
		``, `{`, `{"type":"x"}`, `{"type":99}`, `{"type":7,"requestId":"x","uid":"u"}`, `{"type":2,"sid":"nobody","room":"b","requestId":"x"}`,
		`{"type":5,"opts":{"rooms":[{}],"except":[]}}`, `{"type":6}`, "\x93\x01", "\xc1", `{"type":4}`, `{"type":5,"opts":{}}`,
	} {
		ask(nonsense)
	}
	for _, channel := range []string{"socket.io#/#", "socket.io#/#a#", "socket.io#/##", "socket.io#/", "socket.io-response#/#"} {
		for _, nonsense := range []string{"", "{", "\x93", "\x93\xa1u\x80\x80", "\x92\xa1u\x80", "\x80", `{"type":8}`, `{"type":9,"packet":1}`, `{"sockets":[1]}`} {
			asker.send(ctx, []publication{{channel: channel, message: []byte(nonsense)}})
		}
	}
	ask(`{"requestId":"r7","type":4,"sid":"ID"}`)
	client.ExpectDisconnect("io server disconnect")
	for got := range answers {
		if strings.Contains(got, `"r7"`) {
			break
		}
	}
}

// Redis counts connections, so two servers must not share an adapter.
func TestSharedAdapter(t *testing.T) {
	r := clustertest.StartRedis(t)
	a := NewSharded(connect(t, r.Addr), nil)
	var log logBook
	one := socketio.NewServer(&socketio.Options{Adapter: a, Logger: log.logger()})
	two := socketio.NewServer(&socketio.Options{Adapter: a, Logger: log.logger()})
	defer one.Close()
	defer two.Close()
	if lines := log.lines(errShared.Error()); len(lines) == 0 {
		t.Error("nothing in the log")
	}
}

// The channel of a room is also that of another namespace, or of a server.
func TestSameChannels(t *testing.T) {
	r := clustertest.StartRedis(t)
	var servers []*socketio.Server
	var clients []*socketiotest.Client
	for range 2 {
		io := socketio.NewServer(&socketio.Options{Adapter: NewSharded(connect(t, r.Addr), nil)})
		io.Of("/a")
		servers = append(servers, io)
		io.Of("/a#b")
		clients = append(clients, socketiotest.NewServer(t, io).Connect(&socketiotest.Options{Namespace: "/a#b"}))
	}
	inA := make(chan *socketio.Socket, 1)
	servers[0].Of("/a").OnConnect(func(s *socketio.Socket) {
		s.Join("b")
		inA <- s
	})
	other := clients[0].Of("/a", nil)
	member := <-inA
	settle := func(namespace string) {
		t.Helper()
		for i, io := range servers { // each waits for its own subscriptions before it asks
			if _, err := io.Of(namespace).FetchSockets(t.Context()); err != nil {
				t.Fatalf("server %d: %v", i, err)
			}
		}
	}
	emit := func(to socketio.Broadcast, event string) {
		t.Helper()
		if err := to.Emit(event); err != nil {
			t.Fatal(err)
		}
	}
	settle("/a")
	emit(servers[1].Of("/a").To("b"), "to the room")
	other.Expect("to the room")
	emit(servers[1].Of("/a#b").To(), "to the namespace")
	clients[0].Expect("to the namespace")
	member.Leave("b")
	settle("/a")
	emit(servers[1].Of("/a#b").To(), "after the room")
	clients[0].Expect("after the room")
	clients[1].Expect("to the namespace")
}

package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
	"github.com/goroomcast/socketio/parser"
)

// A wanderer is a stock client that loses its connection to one of two servers,
// npm's and one of this package, and comes back to the other.
type wanderer struct {
	*testing.T
	redis   *clustertest.Redis
	node    *clustertest.Node
	io      *socketio.Server
	urls    map[string]string // of the servers "npm" and "Go"
	entered chan *socketio.Socket
}

func newWanderer(t *testing.T, redisArgs ...string) *wanderer {
	w := &wanderer{T: t, redis: clustertest.StartRedis(t, redisArgs...), entered: make(chan *socketio.Socket, 1)}
	w.node = clustertest.StartNode(t, clustertest.NodeOptions{
		Adapter: "redis-streams", URL: w.redis.URL, Server: map[string]any{"connectionStateRecovery": map[string]any{}},
	})
	w.io = socketio.NewServer(&socketio.Options{Adapter: NewStreams(connect(t, w.redis.Addr), nil), Recovery: &socketio.Recovery{}})
	w.io.OnConnect(func(s *socketio.Socket) { w.entered <- s })
	front := httptest.NewServer(w.io)
	t.Cleanup(front.Close)
	t.Cleanup(func() { w.io.Close() })
	w.urls = map[string]string{"npm": w.node.URL, "Go": front.URL}
	w.node.Eval(`while (await io.of("/").adapter.serverCount() < 2) await sleep(10)`)
	return w
}

func (w *wanderer) expect(js, want string) {
	w.Helper()
	if got := string(w.node.Eval(js)); got != want {
		w.Errorf("%s is %s, want %s", js, got, want)
	}
}

// lose breaks the client's connection, and waits until its session is kept.
func (w *wanderer) lose() {
	w.Helper()
	var pid string
	if err := json.Unmarshal(w.node.Eval(`const { c } = clients; c.io.reconnection(false); c.io.engine.close(); await c.log.take(1); return c._pid`), &pid); err != nil {
		w.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); w.redis.Do("EXISTS", "sio:session:"+pid) != "1"; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatal("the session is not kept")
		}
	}
}

// emitMissed emits from both servers what the client, in the room r1, misses.
func (w *wanderer) emitMissed() {
	w.Helper()
	for _, err := range []error{
		w.io.Emit("missed", 1),
		w.io.To("r1").Emit("missed", 2, []byte{7}),
		w.io.To("r2").Emit("missed", "not by it"),
		w.io.Except("r1").Emit("missed", "not by it"),
	} {
		if err != nil {
			w.Fatal(err)
		}
	}
	w.node.Eval(`await clients.other.log.take(2)`) // which is at npm's server
	w.node.Eval(`io.emit("missed", 3); io.to("r1").emit("missed", 4, {b: Buffer.from([8])}); io.to("r2").emit("missed", "not by it")`)
	w.node.Eval(`await clients.other.log.take(1)`)
}

// comeBack connects the client to a server.
func (w *wanderer) comeBack(server string) {
	w.Helper()
	w.node.Eval(fmt.Sprintf(`const { c } = clients;
		c.io.uri = %q;
		c.connect();
		await new Promise((resolve, reject) => { c.once("connect", resolve); c.once("connect_error", reject); })`, w.urls[server]))
}

// withoutOffsets returns the events of the client, of which each ends with its
// offset.
const withoutOffsets = `return (await clients.c.log.take(%d)).map((event) => /^\d+-\d+$/.test(event.at(-1)) ? event.slice(0, -1) : [event, "lacks its offset"])`

func TestStreamsRecoveryAcrossKinds(t *testing.T) {
	w := newWanderer(t)
	w.node.Eval(`await connect("other")`)
	w.node.Eval(`await connect("c"); await socketOf("c").join(["r1", "r7"]); socketOf("c").data = {user: "bob", bin: Buffer.from([1, 2])}`)
	id := strings.Trim(string(w.node.Eval(`return clients.c.id`)), `"`)
	if err := w.io.Emit("before", 0); err != nil {
		t.Fatal(err)
	}
	w.expect(fmt.Sprintf(withoutOffsets, 1), `[["before",0]]`)
	w.node.Eval(`await clients.other.log.take(1)`)
	const missed = `[["missed",1],["missed",2,{"$bin":"07"}],["missed",3],["missed",4,{"b":{"$bin":"08"}}]]`
	for range 2 {
		w.lose()
		w.emitMissed()
		w.comeBack("Go")
		s := <-w.entered
		if data, has := socketio.Data[userData](s); !has || data.User != "bob" || string(data.Bin) != "\x01\x02" {
			t.Errorf("data %+v, %v", data, s.Data())
		}
		rooms := s.Rooms()
		slices.Sort(rooms)
		if want := []string{id, "r1", "r7"}; !s.Recovered() || s.ID() != id || !slices.Equal(rooms, sortedNames(want)) {
			t.Errorf("recovered %v with id %s in %q, want %s in %q", s.Recovered(), s.ID(), rooms, id, want)
		}
		w.expect(`return [clients.c.recovered, clients.c.id]`, fmt.Sprintf(`[true,%q]`, id))
		w.expect(fmt.Sprintf(withoutOffsets, 4), missed)

		w.node.Eval(`io.to("r7").emit("live", 5)`)
		w.expect(fmt.Sprintf(withoutOffsets, 1), `[["live",5]]`)
		w.lose()
		w.emitMissed()
		w.comeBack("npm")
		w.expect(`return [clients.c.recovered, clients.c.id, rooms("c"), socketOf("c").data]`,
			fmt.Sprintf(`[true,%q,["r1","r7"],{"user":"bob","bin":{"$bin":"0102"}}]`, id))
		w.expect(fmt.Sprintf(withoutOffsets, 4), missed)
		if err := w.io.To("r7").Emit("live", 6); err != nil {
			t.Fatal(err)
		}
		w.expect(fmt.Sprintf(withoutOffsets, 1), `[["live",6]]`)
	}
	w.expect(`await sleep(100); return clients.c.log.length`, `0`)
}

type userData struct {
	User string
	Bin  []byte
}

func sortedNames(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return names
}

// A client that has missed entries which the stream does not have any longer gets
// a new session, and not one with a hole.
func TestStreamsRecoveryFromTrimmedLog(t *testing.T) {
	for _, server := range []string{"npm", "Go"} {
		t.Run("a client of "+server, func(t *testing.T) {
			w := newWanderer(t)
			w.node.Eval(fmt.Sprintf(`await connect("c", "/", {url: %q}); await connect("other")`, w.urls[server]))
			if err := w.io.Emit("before"); err != nil {
				t.Fatal(err)
			}
			w.expect(fmt.Sprintf(withoutOffsets, 1), `[["before"]]`)
			if server == "Go" {
				<-w.entered
			}
			w.lose()
			for i := range 5 {
				if err := w.io.Emit("missed", i); err != nil {
					t.Fatal(err)
				}
			}
			w.node.Eval(`await clients.other.log.take(6)`)
			w.redis.Do("XTRIM", "socket.io", "MAXLEN", "3")
			id := string(w.node.Eval(`return clients.c.id ?? "none"`))
			w.comeBack("Go")
			if s := <-w.entered; s.Recovered() || len(s.Rooms()) != 1 {
				t.Errorf("the socket is recovered, in %q", s.Rooms())
			}
			w.expect(`return clients.c.recovered`, `false`)
			if got := string(w.node.Eval(`return clients.c.id`)); got == id {
				t.Error("the client has its former id")
			}
			w.node.Eval(`io.emit("after")`)
			w.expect(fmt.Sprintf(withoutOffsets, 1), `[["after"]]`)
		})
	}
}

// TestStreamsSessions tests what the others do not.
func TestStreamsSessions(t *testing.T) {
	r := clustertest.StartRedis(t)
	s := NewStreams(connect(t, r.Addr), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	emit := func(namespace string, n int) (offset string) {
		m := &adapter.Message{Type: adapter.Broadcast, UID: "x", Namespace: namespace, Packet: parser.Encoded{Text: fmt.Appendf(nil, `["e",%d]`, n)}}
		if errs := s.Publish(ctx, []*adapter.Message{m, {Type: adapter.SocketsJoin, UID: "x", Namespace: namespace}}); errs != nil {
			t.Fatal(errs)
		}
		return s.log(namespace).last.String() // of the join
	}
	first := emit("/", 1)
	for n := range 300 {
		emit("/other", n)
	}
	second := emit("/", 2)
	third := emit("/", 3)
	kept := &adapter.Session{
		Namespace: "/", PID: "p", SocketID: "s", Rooms: []string{"s", "room", "42"}, Offset: first,
		Data: parser.Encoded{Text: []byte(`{"b":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{1}}},
	}
	persist := func() {
		t.Helper()
		if err := s.PersistSession(ctx, kept, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	restore := func(namespace, offset string) (*adapter.Session, string) {
		t.Helper()
		restored, missed, err := s.RestoreSession(ctx, namespace, "p", offset)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range missed {
			texts = append(texts, string(m.Packet.Text))
			if _, ok := parseStreamID(m.Offset); !ok || m.Namespace != "/" {
				t.Errorf("missed %+v", m)
			}
		}
		return restored, strings.Join(texts, " ")
	}
	for offset, want := range map[string]string{
		second: `["e",3]`, third: ``, "": `["e",2] ["e",3]`, "wrong": `["e",2] ["e",3]`, "1-1": `["e",2] ["e",3]`,
	} {
		persist()
		got, missed := restore("/", offset)
		wanted := *kept
		if offset == second || offset == third {
			wanted.Offset = offset
		}
		if !reflect.DeepEqual(got, &wanted) || missed != want {
			t.Errorf("with offset %q: %+v, missed %q", offset, got, missed)
		}
		if again, _ := restore("/", offset); again != nil {
			t.Error("a session is restored twice")
		}
	}
	persist()
	if got, _ := restore("/other", second); got != nil {
		t.Error("a session is restored in another namespace")
	}
	persist()
	if had, err := s.DeleteSession(ctx, "/", "p"); !had || err != nil {
		t.Errorf("deleted: %v, %v", had, err)
	}
	if had, err := s.DeleteSession(ctx, "/", "p"); had || err != nil {
		t.Errorf("deleted twice: %v, %v", had, err)
	}
	kept.Data = parser.Encoded{}
	persist()
	if got, _ := restore("/", second); got == nil || got.Data.Text != nil {
		t.Errorf("a session without data is restored as %+v", got)
	}
	if err := s.PersistSession(ctx, kept, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	<-time.After(20 * time.Millisecond)
	if got, _ := restore("/", second); got != nil {
		t.Error("a session that is too old is restored")
	}
	kept.Offset = ""
	persist()
	if got, _ := restore("/", "wrong"); got != nil {
		t.Error("a session without a place in the log is restored")
	}
	r.Do("SET", "sio:session:p", "garbage")
	if _, _, err := s.RestoreSession(ctx, "/", "p", second); err == nil {
		t.Error("garbage is restored without an error")
	}
}

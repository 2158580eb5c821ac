package systemtest

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestWaysToEmit emits by every chain of up to two methods that return a Broadcast, from the server, a namespace, a parent and
// sockets, with every way in which events are kept and passed on. Who receives each event is compared with what the words
// of the chain say.
func TestWaysToEmit(t *testing.T) {
	recovery := &socketio.Recovery{MaxAge: time.Hour}
	for name, setUp := range map[string]func() *socketio.Options{
		"alone":                 func() *socketio.Options { return &socketio.Options{} },
		"adapter":               func() *socketio.Options { return &socketio.Options{Adapter: new(adapter.Loopback)} },
		"recovery":              func() *socketio.Options { return &socketio.Options{Recovery: recovery} },
		"recovery with adapter": func() *socketio.Options { return &socketio.Options{Recovery: recovery, Adapter: new(adapter.Loopback)} },
		"recovery with store": func() *socketio.Options {
			return &socketio.Options{Recovery: recovery, Adapter: testserver.NewJournal()}
		},
	} {
		for _, senderAway := range []bool{false, true} {
			if o := setUp(); o.Recovery != nil || !senderAway {
				t.Run(fmt.Sprintf("%s, the sender away: %t", name, senderAway), func(t *testing.T) {
					o.AllowEIO3 = true
					testserver.Run(t, o, func(h *testserver.Harness) { newWays(h, o, senderAway).test() })
				})
			}
		}
	}
}

// ways are two servers, of which the first emits, with members of three namespaces. Without an adapter there is one server.
type ways struct {
	*testserver.Harness
	o          *socketio.Options
	other      *testserver.Harness
	parent     *socketio.Namespace
	senderAway bool
	members    []*recipient
}

// A recipient is one client in one namespace.
type recipient struct {
	name, namespace string
	on              *testserver.Harness
	rooms           []string
	legacy, away    bool

	conn        *testserver.Client
	socket      *socketio.Socket
	pid, offset string
	got, want   []int
}

const family = "/f1" // of those that OfPattern is asked for

func newWays(h *testserver.Harness, o *socketio.Options, senderAway bool) *ways {
	w := &ways{Harness: h, o: o, other: h, senderAway: senderAway}
	if o.Adapter != nil {
		w.other = &testserver.Harness{T: h.T, Server: socketio.NewServer(o)}
		w.other.Serve(w.other.Server)
	}
	pattern := regexp.MustCompile("^/f")
	w.parent = w.OfPattern(pattern)
	w.Of("/chat")
	if w.other != h {
		w.other.OfPattern(pattern)
		w.other.Of("/chat")
	}
	for _, namespace := range []string{"/", "/chat", family} {
		w.add("in no room", namespace, h)
		w.add("sender", namespace, h, "x").away = senderAway
		w.add("in x and y", namespace, h, "x", "y")
		w.add("in y", namespace, h, "y")
		w.add("of the other server in x", namespace, w.other, "x")
		w.add("of the other server in y", namespace, w.other, "y")
		if o.Recovery != nil {
			w.add("away in x", namespace, h, "x").away = true
			w.add("away in y", namespace, h, "y").away = true
			w.add("of the other server, away in x", namespace, w.other, "x").away = true
		}
		w.Check(w.Of(namespace).Emit("begin")) // all have an offset to come back with
	}
	w.addLegacy("x")
	w.addLegacy("y")
	return w
}

func (w *ways) add(name, namespace string, on *testserver.Harness, rooms ...string) *recipient {
	m := &recipient{name: name + " of " + namespace, namespace: namespace, on: on, rooms: rooms}
	m.enter("{}")
	for s := range on.Of(namespace).In(m.socket.ID()).Sockets() {
		s.Join(rooms...)
	}
	w.members = append(w.members, m)
	return m
}

func (w *ways) addLegacy(rooms ...string) {
	m := &recipient{name: "legacy in " + rooms[0], namespace: "/", on: w.Harness, rooms: rooms, legacy: true}
	m.conn = w.ConnectLegacy(rawclient.WebSocket)
	m.socket = w.MustSocket(m.conn.ID)
	m.socket.Join(rooms...)
	w.members = append(w.members, m)
}

var connectAnswer = regexp.MustCompile(`^40(?:/\w+,)?\{"sid":"([^"]+)"(?:,"pid":"([^"]+)")?\}$`)

// enter connects, and returns whether the client is who it was.
func (m *recipient) enter(auth string) (recovered bool) {
	m.on.T.Helper()
	m.conn = m.on.Open(rawclient.WebSocket)
	m.conn.Send("40" + m.namespace + "," + auth)
	answer := connectAnswer.FindStringSubmatch(m.conn.Next())
	if answer == nil {
		m.on.T.Fatalf("%s is not let in", m.name)
	}
	synctest.Wait()
	recovered = m.pid != "" && m.pid == answer[2]
	m.pid = answer[2]
	for s := range m.on.Of(m.namespace).In(answer[1]).Sockets() {
		m.socket = s
	}
	return recovered
}

var numbered = regexp.MustCompile(`^42(?:/\w+,)?\d*\["e",(\d+)`)

// hear takes what has come.
func (m *recipient) hear() {
	synctest.Wait()
	for {
		select {
		case packet := <-m.conn.Packets():
			if event := numbered.FindStringSubmatch(packet); event != nil {
				n, _ := strconv.Atoi(event[1])
				m.got = append(m.got, n)
			}
			if last := strings.LastIndexByte(packet, ','); strings.HasSuffix(packet, `"]`) && !strings.Contains(packet[:2], "40") {
				m.offset = packet[last+2 : len(packet)-2]
			}
		default:
			return
		}
	}
}

// A chain is a way to emit, and what it says in words.
type chain struct {
	name  string
	value any // of which the next method is one
	says  selection
}

// A selection is the naive idea of what is addressed.
type selection struct {
	namespace string   // "" for all of the family
	only      string   // the id of a socket that addresses itself
	rooms     []string // any of them, or all if there are none
	except    []string
	volatile  bool
	local     bool
}

// arguments are those of the methods, one for each place in a chain.
var arguments = map[string][2][]any{
	"To":        {{"x"}, {"y"}},
	"In":        {{"y", "x"}, {"x"}},
	"Except":    {{"y"}, {"x"}},
	"Compress":  {{false}, {true}},
	"Volatile":  {},
	"Local":     {},
	"Broadcast": {},
}

// then returns what the selection is after a method of a Broadcast.
func (s selection) then(method string, args []string) selection {
	switch method {
	case "To", "In":
		if s.only != "" {
			s.except = append(slices.Clip(s.except), s.only)
			s.only = ""
		}
		s.rooms = append(slices.Clip(s.rooms), args...)
	case "Except":
		s.except = append(slices.Clip(s.except), args...)
	case "Volatile":
		s.volatile = true
	case "Local":
		s.local = true
	}
	return s
}

// ofSocket returns what the first method of a socket selects.
func ofSocket(namespace, id, method string, args []string) selection {
	switch method {
	case "Volatile", "Compress":
		return selection{namespace: namespace, only: id}.then(method, args)
	}
	return selection{namespace: namespace, except: []string{id}}.then(method, args)
}

// chains returns all that can be made by one method more.
func (c chain) chains(t *testing.T, place int) (all []chain) {
	for i := range reflect.TypeOf(c.value).NumMethod() {
		method := reflect.TypeOf(c.value).Method(i)
		if method.Type.NumOut() != 1 || method.Type.Out(0) != reflect.TypeFor[socketio.Broadcast]() {
			continue
		}
		arguments, known := arguments[method.Name]
		if !known {
			t.Fatalf("what does %s of a %T select?", method.Name, c.value)
		}
		var args []reflect.Value
		var words []string
		for _, arg := range arguments[place] {
			args = append(args, reflect.ValueOf(arg))
			words = append(words, fmt.Sprint(arg))
		}
		next := chain{
			name:  fmt.Sprintf("%s.%s(%s)", c.name, method.Name, strings.Join(words, ", ")),
			value: reflect.ValueOf(c.value).MethodByName(method.Name).Call(args)[0].Interface(),
		}
		if s, is := c.value.(*socketio.Socket); is {
			next.says = ofSocket(c.says.namespace, s.ID(), method.Name, words)
		} else {
			next.says = c.says.then(method.Name, words)
		}
		all = append(all, next)
	}
	return all
}

// ways returns all chains.
func (w *ways) ways() []chain {
	all := []chain{
		{"io", w.Server, selection{namespace: "/"}},
		{"io.Of", w.Of("/chat"), selection{namespace: "/chat"}},
		{"child", w.Of(family), selection{namespace: family}},
		{"parent", w.parent, selection{}},
	}
	for _, m := range w.members {
		if strings.HasPrefix(m.name, "sender") || m.legacy {
			all = append(all, chain{"socket of " + m.name, m.socket, selection{namespace: m.namespace, only: m.socket.ID()}})
		}
	}
	from := all
	for place := range 2 {
		var longer []chain
		for _, c := range from {
			longer = append(longer, c.chains(w.T, place)...)
		}
		all, from = append(all, longer...), longer
	}
	return all
}

// test emits in all ways, and looks who has got what.
func (w *ways) test() {
	w.T.Helper()
	all := w.ways()
	w.T.Logf("%d ways to emit", len(all))
	if len(all) < 130 {
		w.T.Errorf("%d ways to emit, want 130 at least", len(all))
	}
	for _, m := range w.members {
		if m.hear(); m.away {
			m.conn.Drop()
		}
	}
	synctest.Wait()
	var names []string
	for _, c := range all {
		names = append(names, c.name+".Emit", c.name+".Call")
		if err := c.value.(interface{ Emit(string, ...any) error }).Emit("e", len(names)-2); err != nil {
			w.T.Errorf("%s.Emit: %v", c.name, err)
		}
		w.expect(c.says, len(names)-2, false)
		synctest.Wait() // so that volatile events find their clients idle
		w.call(c, len(names)-1)
		w.expect(c.says, len(names)-1, true)
		synctest.Wait()
	}
	for _, m := range w.members {
		if m.away {
			if _, stored := w.o.Adapter.(*testserver.Journal); stored && m.on == w.Harness {
				m.on = w.other
			}
			if !m.enter(fmt.Sprintf(`{"pid":%q,"offset":%q}`, m.pid, m.offset)) {
				w.T.Errorf("%s has a new session", m.name)
			}
		}
		m.hear()
		m.compare(w.T, names)
	}
}

// call calls, and waits for nobody's reply.
func (w *ways) call(c chain, n int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if s, is := c.value.(*socketio.Socket); is {
		_, _ = s.Call(ctx, "e", n)
		return
	}
	caller := c.value.(interface {
		Call(context.Context, string, ...any) iter.Seq2[*socketio.Reply, error]
	})
	for range caller.Call(ctx, "e", n) {
	}
}

// expect notes who should get an event.
func (w *ways) expect(s selection, n int, isCall bool) {
	for _, m := range w.members {
		if w.concerns(s, m) && w.reaches(s, m, isCall) {
			m.want = append(m.want, n)
		}
	}
}

// concerns reports whether a selection has a member in it, wherever that is.
func (w *ways) concerns(s selection, m *recipient) bool {
	in := append([]string{m.socket.ID()}, m.rooms...)
	any := func(rooms []string) bool {
		return slices.ContainsFunc(rooms, func(room string) bool { return slices.Contains(in, room) })
	}
	return (s.namespace == m.namespace || s.namespace == "" && m.namespace == family) &&
		(s.only == "" || s.only == m.socket.ID()) && (len(s.rooms) == 0 || any(s.rooms)) && !any(s.except)
}

// reaches reports whether an event gets where a member is, or waits for it.
func (w *ways) reaches(s selection, m *recipient, isCall bool) bool {
	_, stored := w.o.Adapter.(*testserver.Journal)
	switch {
	case m.away && (isCall || s.volatile):
		return false // these are not kept
	case m.away && stored && s.local:
		return false // is in no store
	case m.on != w.Harness && s.local, m.on != w.Harness && s.namespace == "" && isCall:
		return false
	}
	return true
}

// compare wants the member to have got what it should, once and in order.
func (m *recipient) compare(t *testing.T, names []string) {
	for i, n := range m.want {
		if i == len(m.got) || m.got[i] != n {
			t.Errorf("%s has not got, or not in order, %s", m.name, names[n])
			break
		}
	}
	for i, n := range m.got {
		if !slices.Contains(m.want, n) {
			t.Errorf("%s has got %s", m.name, names[n])
		} else if slices.Contains(m.got[:i], n) {
			t.Errorf("%s has got %s twice", m.name, names[n])
		}
	}
}

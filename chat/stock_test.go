package chat_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// A stock is a client with the rules of socket.io-client: it reconnects, and
// sends one command at a time, again after ackTimeout and after a disconnect,
// until it is answered. It keeps a view of each room that it has opened, by the
// rule for frames, and counts the gaps that it finds.
type stock struct {
	t          testing.TB
	user       string
	dial       func(ctx context.Context) (net.Conn, error)
	mode       rawclient.Mode
	stop       context.CancelFunc
	done       chan struct{}
	forget     bool // sends no cursors
	ackTimeout time.Duration

	mu        sync.Mutex
	changed   chan struct{}
	conn      *rawclient.Client
	live      bool // the namespace is connected
	refused   string
	nextID    int
	line      []*call
	views     map[string]*view
	ready     *readyEvent
	events    []event
	gaps      int
	resets    int
	dups      int
	sid       string
	pid       string
	recovered bool
	offset    string // of the last event, with Options.Recovery
}

// A call is a command in the line.
type call struct {
	event  string
	arg    any
	id     int
	at     time.Time // when it was sent; zero if it has to be sent
	alone  bool      // not in the line: sent at once, and once
	reply  json.RawMessage
	ended  bool
	failed bool // the connection ended before the reply of a call that is alone
}

type event struct {
	name string
	arg  json.RawMessage
}

// A view is what a client shows of a room.
type view struct {
	low     int64 // messages below are older than the window
	epoch   string
	rev     int64
	floor   int64
	rows    map[int64]store.Message
	stubs   map[int64]bool
	members map[string]string
	opening bool
	open    bool
	code    string // why open was refused
	wanted  bool   // opened by the user, and not closed
}

func newView() *view {
	return &view{rows: make(map[int64]store.Message), members: make(map[string]string), stubs: make(map[int64]bool)}
}

type wireFrame struct {
	Room            string
	Epoch           string
	From, To, Floor int64
	Messages        []json.RawMessage
	Members         []struct{ User, Role, Why string }
	Info            json.RawMessage
	Mine            [][2]any
	Reset, More     bool
}

type readyEvent struct {
	User   struct{ ID string }
	Device string
	Rooms  []wireRoom
	More   bool
}

type wireRoom struct {
	ID, Role, Epoch, Kind string
	Rev, Seq, Read, Gen   int64
	Unread, Mentions      int64
	Last                  *struct {
		Seq   int64
		Text  string
		Files int
	}
}

// connect starts a client. It returns when the client is connected or refused.
func connect(t testing.TB, user string, dial func(ctx context.Context) (net.Conn, error)) *stock {
	s := newStock(t, user, dial)
	s.start()
	s.wait("connect", func() bool { return s.live && s.ready != nil || s.refused != "" })
	return s
}

func newStock(t testing.TB, user string, dial func(ctx context.Context) (net.Conn, error)) *stock {
	return &stock{t: t, user: user, dial: dial, mode: rawclient.WebSocket, ackTimeout: 10 * time.Second, changed: make(chan struct{}), views: make(map[string]*view), done: make(chan struct{})}
}

func (s *stock) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.run(ctx)
	s.t.Cleanup(s.close)
}

func (s *stock) close() {
	s.stop()
	<-s.done
}

// update changes the state that wait waits for.
func (s *stock) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait waits until what is true, which is called under mu.
func (s *stock) wait(what string, is func() bool) {
	s.t.Helper()
	over := time.NewTimer(10 * time.Minute)
	defer over.Stop()
	for {
		s.mu.Lock()
		ok, changed := is(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-over.C:
			s.t.Fatalf("%s waits in vain: %s", s.user, what)
		}
	}
}

func (s *stock) run(ctx context.Context) {
	defer close(s.done)
	for ctx.Err() == nil {
		s.session(ctx)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		s.mu.Lock()
		refused := s.refused
		s.mu.Unlock()
		if refused != "" {
			return
		}
	}
}

// session is one connection.
func (s *stock) session(ctx context.Context) {
	s.mu.Lock()
	dial := s.dial
	s.mu.Unlock()
	conn, err := rawclient.Open(ctx, dial, s.mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return
	}
	defer conn.Drop()
	defer context.AfterFunc(ctx, conn.Drop)()
	if conn.Send("40/chat,"+s.auth()) != nil {
		return
	}
	s.update(func() { s.conn = conn })
	ticks := time.NewTicker(s.ackTimeout / 10)
	defer ticks.Stop()
	for open := true; open; {
		select {
		case packet, ok := <-conn.Packets():
			if open = ok; ok {
				s.update(func() { s.take(packet) })
			}
		case <-ticks.C: // the line's ackTimeout
		}
		s.drain()
	}
	s.update(s.lost)
}

// lost notes that the connection has ended: what was sent is sent again.
func (s *stock) lost() {
	s.conn, s.live = nil, false
	for _, c := range s.line {
		c.at = time.Time{}
		if c.alone {
			c.ended, c.failed = true, true
		}
	}
	s.line = slices.DeleteFunc(s.line, func(c *call) bool { return c.ended })
	for _, v := range s.views {
		v.opening = false
	}
}

func (s *stock) auth() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	rooms := make(map[string]any)
	for id, v := range s.views {
		if v.epoch != "" && v.open && v.wanted && !s.forget {
			rooms[id] = map[string]any{"epoch": v.epoch, "rev": v.rev}
		}
	}
	auth := map[string]any{"user": s.user, "rooms": rooms}
	if s.pid != "" {
		auth["pid"], auth["offset"] = s.pid, s.offset
	}
	text, err := json.Marshal(auth)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// drain sends what is due: one command of the line, and those that are alone.
func (s *stock) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live || s.conn == nil {
		return
	}
	first := true
	for _, c := range s.line {
		due := c.alone && c.at.IsZero() || !c.alone && first && (c.at.IsZero() || time.Since(c.at) >= s.ackTimeout)
		first = first && c.alone
		if !due {
			continue
		}
		s.nextID++
		c.id, c.at = s.nextID, time.Now()
		text, err := json.Marshal([]any{c.event, c.arg})
		if err != nil {
			panic(err)
		}
		_ = s.conn.Send("42/chat," + strconv.Itoa(c.id) + string(text))
	}
}

// take takes a packet. mu is locked.
func (s *stock) take(packet string) {
	kind, rest, _ := strings.Cut(packet, "/chat,")
	switch kind {
	case "40":
		var r struct{ SID, PID string }
		_ = json.Unmarshal([]byte(rest), &r)
		s.recovered = s.pid != "" && r.PID == s.pid
		s.live, s.sid, s.pid = true, r.SID, r.PID
	case "44":
		s.refused = rest
	case "41":
		s.refused = "disconnected by the server"
	case "42":
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(rest), &args); err != nil || len(args) < 2 {
			panic("event " + rest)
		}
		var name string
		_ = json.Unmarshal(args[0], &name)
		if s.pid != "" {
			_ = json.Unmarshal(args[len(args)-1], &s.offset)
		}
		s.event(name, args[1])
	case "43":
		i := strings.IndexByte(rest, '[')
		id, _ := strconv.Atoi(rest[:i])
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(rest[i:]), &args); err != nil {
			panic("ack " + rest)
		}
		s.acked(id, args[0])
	}
}

func (s *stock) acked(id int, reply json.RawMessage) {
	for i, c := range s.line {
		if c.id != id || c.at.IsZero() {
			continue
		}
		c.reply, c.ended = reply, true
		s.events = append(s.events, event{"reply to " + c.event, reply})
		s.line = slices.Delete(s.line, i, i+1)
		switch {
		case c.event == "open" && c.alone:
			s.opened(c)
		case c.event == "history" && c.alone:
			s.paged(c)
		}
		return
	}
}

func (s *stock) event(name string, arg json.RawMessage) {
	switch name {
	case "changes":
		var f wireFrame
		if err := json.Unmarshal(arg, &f); err != nil {
			panic(err)
		}
		s.frame(&f)
	case "ready":
		s.ready = new(readyEvent)
		if err := json.Unmarshal(arg, s.ready); err != nil {
			panic(err)
		}
		for room, v := range s.views { // those that were being opened have no cursor yet
			if v.wanted && (v.epoch == "" || !v.open || s.forget) {
				s.sendOpen(room)
			}
		}
	}
	s.events = append(s.events, event{name, arg})
}

// frame applies a live frame by the rule.
func (s *stock) frame(f *wireFrame) {
	v := s.views[f.Room]
	if v == nil || v.opening {
		return
	}
	if !f.Reset && (f.Epoch != v.epoch || f.From > v.rev) {
		if f.Epoch == v.epoch {
			s.gaps++
		}
		s.sendOpen(f.Room)
		return
	}
	if s.apply(v, f); f.More {
		s.sendOpen(f.Room)
	}
}

func (s *stock) apply(v *view, f *wireFrame) {
	if f.Reset {
		s.resets++
		v.rows, v.stubs, v.members = make(map[int64]store.Message), make(map[int64]bool), make(map[string]string)
		v.epoch, v.rev, v.low = f.Epoch, f.From, 0
	}
	for _, raw := range f.Messages {
		var m store.Message
		if err := json.Unmarshal(raw, &m); err != nil {
			panic(err)
		}
		old, known := v.rows[m.Seq]
		switch {
		case m.Author == "": // a stub
			if known && m.Rev > old.Rev {
				v.stubs[m.Seq] = true
			}
			continue
		case known && old.Rev >= m.Rev:
			continue
		case known && old.Ver == m.Ver: // the row may be slim
			m.Text, m.Data, m.Files = old.Text, old.Data, old.Files
		case m.Seq < v.low:
			continue
		case !known && m.Ver <= f.From && !f.Reset && m.Text == "" && m.Deleted == nil:
			panic(fmt.Sprintf("%s: message %d has come without its text: %+v", s.user, m.Seq, f))
		}
		v.rows[m.Seq] = m
		delete(v.stubs, m.Seq)
	}
	for _, m := range f.Members {
		v.members[m.User] = m.Role
	}
	for seq := range v.rows {
		if seq < f.Floor {
			delete(v.rows, seq)
		}
	}
	if len(v.stubs) > 0 {
		s.line = append(s.line, &call{event: "history", alone: true, arg: map[string]any{"room": f.Room, "seqs": slices.Collect(maps.Keys(v.stubs))}})
	}
	if f.Reset && len(v.rows) > 0 {
		v.low = slices.Min(slices.Collect(maps.Keys(v.rows)))
	}
	v.floor, v.rev = f.Floor, max(v.rev, f.To)
}

// list returns the messages of the view in the order of seqs.
func (v *view) list() []store.Message {
	return slices.SortedFunc(maps.Values(v.rows), func(a, b store.Message) int { return cmp.Compare(a.Seq, b.Seq) })
}

// sendOpen opens a room from the cursor. mu is locked.
func (s *stock) sendOpen(room string) {
	v := s.views[room]
	v.opening = true
	s.line = append(s.line, &call{event: "open", alone: true, arg: map[string]any{"room": room, "epoch": v.epoch, "rev": v.rev}})
}

// paged takes the messages that the client has asked for, because it knew only
// that they have changed.
func (s *stock) paged(c *call) {
	var page reply
	if err := json.Unmarshal(c.reply, &page); err != nil {
		panic(err)
	}
	v := s.views[c.arg.(map[string]any)["room"].(string)]
	for _, m := range page.Messages {
		if v.rows[m.Seq].Rev < m.Rev {
			v.rows[m.Seq] = m
		}
		delete(v.stubs, m.Seq)
	}
}

// opened applies the reply to open.
func (s *stock) opened(c *call) {
	room := c.arg.(map[string]any)["room"].(string)
	v := s.views[room]
	v.opening = false
	var e struct{ Data struct{ Code string } }
	var f wireFrame
	if json.Unmarshal(c.reply, &e) == nil && e.Data.Code != "" {
		v.code, v.open = e.Data.Code, false
		if v.code == "unavailable" || v.code == "rate_limited" {
			v.code, v.opening = "", true // what arrives meanwhile is dropped
			time.AfterFunc(time.Second, func() { s.update(func() { s.sendOpen(room) }) })
		}
		return
	}
	if err := json.Unmarshal(c.reply, &f); err != nil {
		panic(fmt.Sprintf("reply %s: %v", c.reply, err))
	}
	if v.open = !f.More; !f.Reset && (f.Epoch != v.epoch || f.From > v.rev) {
		panic(fmt.Sprintf("the reply to open does not adjoin: %+v at %+v", f, v))
	}
	v.code = ""
	if s.apply(v, &f); f.More {
		s.sendOpen(room)
	}
}

// open opens a room and waits until the view is live, or refused.
func (s *stock) open(room string) *view {
	s.t.Helper()
	var v *view
	s.update(func() {
		if v = s.views[room]; v == nil {
			v = newView()
			s.views[room] = v
		}
		v.wanted = true
		v.code = ""
		s.sendOpen(room)
	})
	s.drain()
	s.wait("open "+room, func() bool { return v.open && !v.opening || v.code != "" })
	return v
}

// send puts a command into the line.
func (s *stock) send(name string, arg any) *call {
	c := &call{event: name, arg: arg}
	s.update(func() { s.line = append(s.line, c) })
	s.drain()
	return c
}

// call sends a command and returns its reply.
func (s *stock) call(name string, arg any) json.RawMessage {
	s.t.Helper()
	c := s.send(name, arg)
	s.wait("reply to "+name, func() bool { return c.ended })
	return c.reply
}

// A reply is any reply.
type reply struct {
	Seq, Rev, At int64
	Dup          bool
	Room         string
	Read, Gen    int64
	Unread       int64
	Messages     []store.Message
	More         bool
	Error        string
	Data         struct {
		Code         string
		Field        string
		Limit        int
		Until, After int64
		Message      *store.Message
	}
}

// do sends a command and decodes its reply.
func (s *stock) do(name string, arg any) reply {
	s.t.Helper()
	var r reply
	text := s.call(name, arg)
	if err := json.Unmarshal(text, &r); err != nil {
		s.t.Fatalf("reply to %s: %s: %v", name, text, err)
	}
	return r
}

// must is do for a command that must not be refused.
func (s *stock) must(name string, arg any) reply {
	s.t.Helper()
	r := s.do(name, arg)
	if r.Error != "" {
		s.t.Fatalf("%s: %s %+v is refused: %s", s.user, name, arg, r.Data.Code)
	}
	return r
}

// refusedWith is do for a command that must be refused with a code.
func (s *stock) refusedWith(code, name string, arg any) reply {
	s.t.Helper()
	r := s.do(name, arg)
	if r.Data.Code != code || r.Error == "" {
		s.t.Errorf("%s: %s %+v: error %q, code %q, want %q", s.user, name, arg, r.Error, r.Data.Code, code)
	}
	return r
}

// drop breaks the connection.
func (s *stock) drop() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		conn.Drop()
	}
}

// named returns the events of a name so far.
func (s *stock) named(name string) (all []json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.name == name {
			all = append(all, e.arg)
		}
	}
	return all
}

type obj = map[string]any

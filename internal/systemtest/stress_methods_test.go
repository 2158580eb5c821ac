package systemtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
)

// A moment is what a method under stress has to work with.
type moment struct {
	*stress
	ctx    context.Context // short
	io     *socketio.Server
	n      *socketio.Namespace
	s      *socketio.Socket
	e      *socketio.Event        // the last that anybody has received
	reply  *socketio.Reply        // likewise
	remote *socketio.RemoteSocket // likewise
	room   string
}

func handleNothing(context.Context, *socketio.Event) error { return errors.New("transient") }

// stressed are the methods to call at random, each as often as the others.
// Those whose effect stays with the server hold back.
var stressed = map[string]func(m *moment){
	"Server.ClientsCount": func(m *moment) { m.io.ClientsCount() },
	"Server.Of":           func(m *moment) { m.io.Of(m.room).Emit("all") },
	"Server.OfPattern": func(m *moment) {
		if m.lasting() {
			m.io.OfPattern(regexp.MustCompile(`^/p\d`)).On("e", handleNothing)
		}
	},
	"Server.OfFunc": func(m *moment) {
		if m.lasting() {
			m.io.OfFunc(func(_ context.Context, name string, _ *socketio.Handshake) bool { return rand.N(2) == 0 })
		}
	},
	"Server.Pattern": func(m *moment) { _ = m.io.Pattern() },
	"Server.ServeHTTP": func(m *moment) {
		m.io.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling&sid="+m.s.ID(), nil))
	},
	"Server.Stats": func(m *moment) { _ = m.io.Stats() },

	"Namespace.Group":       func(m *moment) { _ = m.n.Group() },
	"Namespace.Name":        func(m *moment) { _ = m.n.Name() },
	"Namespace.On":          func(m *moment) { m.n.On("e", handleNothing)() },
	"Namespace.OnConnect":   func(m *moment) { m.n.OnConnect(func(s *socketio.Socket) { s.Join("late") })() },
	"Namespace.OnRoomEvent": func(m *moment) { m.n.OnRoomEvent(func(e socketio.RoomEvent) { m.n.To(e.Room).Emit("room") })() },
	"Namespace.OnServerSide": func(m *moment) {
		m.n.OnServerSide("server", handleNothing)()
	},
	"Namespace.Rooms":          func(m *moment) { _ = maps.Collect(m.n.Rooms()) },
	"Namespace.Socket":         func(m *moment) { _ = m.n.Socket(m.s.ID()) },
	"Namespace.ServerSideEmit": func(m *moment) { _ = m.n.ServerSideEmit("server", m.room) },
	"Namespace.ServerSideCall": func(m *moment) {
		for reply, err := range m.n.ServerSideCall(m.ctx, "server", 1) {
			m.note(reply, err)
		}
	},
	"Namespace.Use": func(m *moment) {
		if m.lasting() {
			m.n.Use(func(_ context.Context, s *socketio.Socket) error { s.Join("used"); return nil })
		}
	},

	"Broadcast.Call": func(m *moment) {
		for reply, err := range m.n.To(m.room).Call(m.ctx, "call", 1) {
			m.note(reply, err)
			if rand.N(5) == 0 {
				break
			}
		}
	},
	"Broadcast.Compress": func(m *moment) { m.n.Compress(rand.N(2) == 0).Emit("all") },
	"Broadcast.Count":    func(m *moment) { _ = m.n.In(m.room).Count() },
	"Broadcast.DisconnectSockets": func(m *moment) {
		if rand.N(20) == 0 {
			m.n.In(m.s.ID()).DisconnectSockets(rand.N(2) == 0)
		}
	},
	"Broadcast.Emit":   func(m *moment) { m.n.Emit("all", rand.N(1000)) },
	"Broadcast.Except": func(m *moment) { m.n.To(m.room).Except("all").Emit("room", []byte(m.room)) },
	"Broadcast.FetchSockets": func(m *moment) {
		if sockets, _ := m.n.In(m.room).FetchSockets(m.ctx); len(sockets) > 0 {
			m.lastRemote.Store(sockets[0])
		}
	},
	"Broadcast.In":           func(m *moment) { m.n.In(m.room, "all").Emit("room") },
	"Broadcast.Local":        func(m *moment) { m.n.Local().Emit("all") },
	"Broadcast.Sockets":      func(m *moment) { _ = slices.Collect(m.n.In(m.room).Sockets()) },
	"Broadcast.SocketsJoin":  func(m *moment) { m.n.In(m.room).SocketsJoin("all") },
	"Broadcast.SocketsLeave": func(m *moment) { m.n.In("all").SocketsLeave(m.room) },
	"Broadcast.To":           func(m *moment) { m.n.To(m.room).To("all").Emit("room") },
	"Broadcast.Volatile":     func(m *moment) { m.n.Volatile().Emit("all") },

	"Socket.Broadcast": func(m *moment) { m.s.Broadcast().Emit("joined") },
	"Socket.Call": func(m *moment) {
		ctx, cancel := context.WithTimeout(m.ctx, rand.N(5*time.Millisecond))
		defer cancel()
		m.note(m.s.Call(ctx, "call", m.room))
	},
	"Socket.CallFunc": func(m *moment) {
		_ = m.s.CallFunc(func(r *socketio.Reply, err error) { m.note(r, err) }, "call", m.room)
	},
	"Socket.Compress": func(m *moment) { m.s.Compress(false).Emit("one") },
	"Socket.Conn": func(m *moment) {
		c := m.s.Conn()
		_, off := c.ID(), c.OnUpgrade(func() { m.s.Emit("upgraded") })
		off()
	},
	"Socket.Context": func(m *moment) { _ = context.Cause(m.s.Context()) },
	"Socket.Data":    func(m *moment) { m.s.Data() },
	"Socket.Disconnect": func(m *moment) {
		if rand.N(8) == 0 {
			m.s.Disconnect(rand.N(2) == 0)
		}
	},
	"Socket.Emit":   func(m *moment) { m.s.Emit("one", strings.Repeat("x", rand.N(2000))) },
	"Socket.Except": func(m *moment) { m.s.Except(m.room).Emit("room") },
	"Socket.ExpireAt": func(m *moment) {
		switch rand.N(8) {
		case 0:
			m.s.ExpireAt(time.Now().Add(rand.N(50 * time.Millisecond)))
		case 1:
			m.s.ExpireAt(time.Time{})
		default:
			m.s.ExpireAt(time.Now().Add(time.Hour))
		}
	},
	"Socket.Handshake": func(m *moment) { _ = m.s.Handshake().Address },
	"Socket.ID":        func(m *moment) { m.n.To(m.s.ID()).Emit("you") },
	"Socket.In":        func(m *moment) { m.s.In(m.room).Emit("room") },
	"Socket.Join":      func(m *moment) { m.s.Join(m.room, "all") },
	"Socket.Leave":     func(m *moment) { m.s.Leave(m.room) },
	"Socket.Transport": func(m *moment) { _ = m.s.Transport() },
	"Socket.Namespace": func(m *moment) { m.s.Namespace().To(m.room).Emit("room") },
	"Socket.On":        func(m *moment) { m.s.On("e", handleNothing)() },
	"Socket.OnAny":     func(m *moment) { m.s.OnAny(handleNothing)() },
	"Socket.OnAnyOutgoing": func(m *moment) {
		m.s.OnAnyOutgoing(func(string, []any) { m.s.Rooms() })()
	},
	"Socket.OnDisconnect":    func(m *moment) { m.s.OnDisconnect(func(socketio.Reason) {})() },
	"Socket.OnDisconnecting": func(m *moment) { m.s.OnDisconnecting(func(socketio.Reason) {})() },
	"Socket.Recovered":       func(m *moment) { m.s.Recovered() },
	"Socket.Rooms":           func(m *moment) { m.s.Rooms() },
	"Socket.SetData":         func(m *moment) { m.s.SetData(m.room) },
	"Socket.To":              func(m *moment) { m.s.To(m.room).Volatile().Emit("typing") },
	"Socket.Use": func(m *moment) {
		m.s.Use(func(context.Context, *socketio.Event) error { return nil })()
	},
	"Socket.Volatile": func(m *moment) { m.s.Volatile().Emit("volatile", []byte{1}) },

	"Event.Args":     func(m *moment) { _ = m.n.Emit("on", m.e.Args()...) },
	"Event.Ack":      func(m *moment) { _ = m.e.Ack(m.room) },
	"Event.Decode":   func(m *moment) { var v any; _ = m.e.Decode(&v) },
	"Event.Len":      func(m *moment) { m.e.Len() },
	"Event.Name":     func(m *moment) { _ = m.e.Name() },
	"Event.Socket":   func(m *moment) { m.e.Socket().Emit("late") },
	"Event.WantsAck": func(m *moment) { m.e.WantsAck() },

	"RemoteSocket.DecodeData": func(m *moment) { var v any; _ = m.remote.DecodeData(&v) },

	"Reply.Args":     func(m *moment) { _ = m.n.Emit("on", m.reply.Args()...) },
	"Reply.Decode":   func(m *moment) { var v any; _ = m.reply.Decode(&v) },
	"Reply.Len":      func(m *moment) { m.reply.Len() },
	"Reply.SocketID": func(m *moment) { m.n.To(m.reply.SocketID()).Emit("thanks") },

	"Handshake.DecodeAuth": func(m *moment) { var v any; _ = m.s.Handshake().DecodeAuth(&v) },
	"Handshake.Query":      func(m *moment) { _ = m.s.Handshake().Query() },
	"Data":                 func(m *moment) { _, _ = socketio.Data[string](m.s) },
	"Call": func(m *moment) {
		if _, err := socketio.Call[int](m.ctx, m.s, "call"); err == nil {
			m.replies.Add(1)
		}
	},
}

// ending are methods that the stress calls while it goes on, to end it.
var ending = []string{"Server.Shutdown", "Server.Close"}

// TestStressIsComplete finds the methods that nobody has put under stress.
func TestStressIsComplete(t *testing.T) {
	known := append(slices.Collect(maps.Keys(stressed)), ending...)
	types := []reflect.Type{ // each before those that embed it
		reflect.TypeFor[socketio.Broadcast](), reflect.TypeFor[*socketio.Namespace](), reflect.TypeFor[*socketio.Server](),
		reflect.TypeFor[*socketio.Socket](), reflect.TypeFor[*socketio.Event](), reflect.TypeFor[*socketio.RemoteSocket](),
		reflect.TypeFor[*socketio.Reply](), reflect.TypeFor[*socketio.Handshake](),
	}
	exported := []string{"Call", "Data"}
	for _, of := range types {
		name := of.String()[strings.LastIndexByte(of.String(), '.')+1:]
		for method := range methods(of) {
			if !promoted(of, method) {
				exported = append(exported, name+"."+method)
			}
		}
	}
	for _, method := range exported {
		if !slices.Contains(known, method) {
			t.Errorf("%s is not under stress", method)
		}
	}
	for _, method := range known {
		if !slices.Contains(exported, method) {
			t.Errorf("%s is under stress and does not exist", method)
		}
	}
}

func methods(of reflect.Type) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range of.NumMethod() {
			if !yield(of.Method(i).Name) {
				return
			}
		}
	}
}

// promoted reports whether a method is that of an embedded field.
func promoted(of reflect.Type, method string) bool {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	for i := range of.NumField() {
		if f := of.Field(i); f.Anonymous {
			if _, has := f.Type.MethodByName(method); has {
				return true
			}
		}
	}
	return false
}

var stressedNames = slices.Sorted(maps.Keys(stressed))

// meddle calls a method at random, on behalf of a handler or of nobody.
func (st *stress) meddle(n *socketio.Namespace, s *socketio.Socket) {
	ctx, cancel := context.WithTimeout(st.ctx, 20*time.Millisecond)
	defer cancel()
	m := &moment{
		stress: st, ctx: ctx, io: st.servers[rand.N(len(st.servers))], n: n, s: s,
		e: st.lastEvent.Load(), reply: st.lastReply.Load(), remote: st.lastRemote.Load(),
		room: fmt.Sprint("room", rand.N(4)),
	}
	method := stressedNames[rand.N(len(stressedNames))]
	switch receiver, _, _ := strings.Cut(method, "."); {
	case receiver == "Event" && m.e == nil, receiver == "Reply" && m.reply == nil, receiver == "RemoteSocket" && m.remote == nil:
		return // too early
	}
	stressed[method](m)
	st.calls[method].Add(1)
}

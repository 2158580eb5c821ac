package adaptertest

import (
	"reflect"
	"sync"
	"time"

	"github.com/goroomcast/socketio"
)

// fetchOne returns the description that server 0 gets of a socket.
func (w *world) fetchOne(c *client) *socketio.RemoteSocket {
	w.Helper()
	sockets, err := w.nodes[0].In(c.ID()).FetchSockets(w.ctx)
	w.check(err)
	if len(sockets) != 1 {
		w.Fatalf("%d sockets fetched, want one", len(sockets))
	}
	return sockets[0]
}

var fetches = []check{
	{"of all servers", func(w *world) {
		all := append(w.clients(), w.clients()...)
		for _, n := range w.nodes {
			w.expectFetched(n.To(), all...)
		}
	}},
	{"without any socket", func(w *world) { w.expectFetched(w.nodes[0].To()) }},
	{"of a server without sockets", func(w *world) {
		c := w.client(1)
		w.expectFetched(w.nodes[0].To(), c)
	}},
	{"of a room", func(w *world) {
		in := w.clients("a")
		w.clients("b")
		w.expectFetched(w.nodes[0].In("a"), in...)
	}},
	{"except a room", func(w *world) {
		in := w.clients("a")
		w.clients("b")
		w.expectFetched(w.nodes[0].Except("b"), in...)
	}},
	{"of one socket of another server", func(w *world) {
		all := w.clients()
		w.expectFetched(w.nodes[0].In(all[2].ID()), all[2])
	}},
	{"of an id that nobody has", func(w *world) {
		w.clients()
		w.expectFetched(w.nodes[0].In("12345678901234567890"))
	}},
	{"with binary data", func(w *world) {
		c := w.client(1)
		type data struct {
			Name    string
			Picture any
		}
		c.SetData(data{"Ann", []byte{0, 255}})
		var got data
		w.check(w.fetchOne(c).DecodeData(&got))
		// Where answers are JSON, JavaScript servers write binary as a list of numbers.
		buffer := map[string]any{"type": "Buffer", "data": []any{0.0, 255.0}}
		if got.Name != "Ann" || !reflect.DeepEqual(got.Picture, []byte{0, 255}) && !reflect.DeepEqual(got.Picture, buffer) {
			w.Errorf("data %v", got)
		}
	}},
	{"local", func(w *world) {
		all := w.clients()
		w.expectFetched(w.nodes[1].Local(), all[1])
	}},
	{"of one namespace", func(w *world) {
		in, out := w.inOther(), w.clients()
		w.expectFetched(w.nodes[0].Of("/other").To(), in...)
		w.expectFetched(w.nodes[0].To(), out...)
	}},
	{"tells the rooms", func(w *world) {
		for _, c := range w.clients("b", "a") {
			if got, want := w.fetchOne(c).Rooms, []string{c.ID(), "a", "b"}; !reflect.DeepEqual(got, want) {
				w.Errorf("rooms %q, want %q", got, want)
			}
		}
	}},
	{"tells the handshake", func(w *world) {
		for _, c := range w.clients() {
			got, want := w.fetchOne(c).Handshake, c.Socket.Handshake()
			if got.URL != want.URL || got.Address != want.Address || got.Secure != want.Secure || got.CrossDomain != want.CrossDomain ||
				!reflect.DeepEqual(got.Header, want.Header) || !reflect.DeepEqual(got.Query(), want.Query()) ||
				!got.Time.Equal(want.Time.Truncate(time.Millisecond)) {
				w.Errorf("handshake %+v, want %+v", got, want)
			}
		}
	}},
	{"tells what the client authenticated with", func(w *world) {
		for i := range w.nodes {
			c := w.clientIn(i, "", `{"token":"<é>"}`)
			var auth struct{ Token string }
			h := w.fetchOne(c).Handshake
			if err := h.DecodeAuth(&auth); err != nil || auth.Token != "<é>" {
				w.Errorf("auth %+v, %v", auth, err)
			}
		}
	}},
	{"tells the data", func(w *world) {
		type user struct {
			Name  string
			Roles []string
		}
		want := user{"Ada", []string{"admin"}}
		for _, c := range w.clients() {
			c.SetData(want)
			var got user
			if err := w.fetchOne(c).DecodeData(&got); err != nil || !reflect.DeepEqual(got, want) {
				w.Errorf("data %+v, %v", got, err)
			}
		}
	}},
	{"tells that there is no data", func(w *world) {
		for _, c := range w.clients() {
			var got map[string]any
			if err := w.fetchOne(c).DecodeData(&got); err != nil || got == nil || len(got) != 0 {
				w.Errorf("data %v, %v; want an empty object", got, err)
			}
		}
	}},
	{"with data that cannot be encoded", func(w *world) {
		all := w.clients()
		all[1].SetData(make(chan int))
		w.expectFetched(w.nodes[0].To(), all...)
	}},
	{"many at a time", func(w *world) {
		all := w.clients("a")
		var fetching sync.WaitGroup
		for i := range 30 {
			fetching.Go(func() {
				sockets, err := w.nodes[i%servers].In("a").FetchSockets(w.ctx)
				if err != nil || len(sockets) != len(all) {
					w.Errorf("%d sockets, %v", len(sockets), err)
				}
			})
		}
		fetching.Wait()
	}},
	{"without a socket that has left", func(w *world) {
		all := w.clients()
		gone := make(chan struct{})
		all[1].OnDisconnect(func(socketio.Reason) { close(gone) })
		all[1].Drop()
		<-gone
		w.expectFetched(w.nodes[0].To(), all[0], all[2])
	}},
	{"reports that the adapter fails, beside the local sockets", func(w *world) {
		all := w.clients()
		w.nodes[0].link.down.Store(true)
		sockets, err := w.nodes[0].FetchSockets(w.ctx)
		if err == nil || len(sockets) != 1 || sockets[0].ID != all[0].ID() {
			w.Errorf("%d sockets, %v", len(sockets), err)
		}
	}},
}

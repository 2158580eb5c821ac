package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestHandshake(t *testing.T) {
	testserver.Behaviour(t, "has the request's query and headers, and each namespace's auth", func(h *testserver.Harness, mode rawclient.Mode) {
		type auth struct {
			Token string `json:"token"`
			Key   []int  `json:"key"`
		}
		h.Of("/chat")
		before := time.Now()
		testserver.Wait(time.Second)
		c := h.OpenWith(mode, rawclient.Options{
			Query:  "room=a&room=b",
			Header: http.Header{"X-Custom": {"value"}, "Origin": {"http://server.test"}},
		})
		testserver.Wait(time.Second)
		c.Send(`40{"token":"main"}`)
		main := h.MustSocket(c.Connected(""))
		c.Send(`40/chat,{"token":"chat","key":[1,2]}`)
		c.Connected("/chat")
		chat := slices.Collect(h.Of("/chat").Sockets())[0]
		for s, want := range map[*socketio.Socket]auth{main: {Token: "main"}, chat: {Token: "chat", Key: []int{1, 2}}} {
			hs := s.Handshake()
			var got auth
			h.Check(hs.DecodeAuth(&got))
			if !reflect.DeepEqual(got, want) {
				h.T.Errorf("auth %+v, want %+v", got, want)
			}
			if query := hs.Query(); !slices.Equal(query["room"], []string{"a", "b"}) || query.Has("token") || query.Get("EIO") != "4" {
				h.T.Errorf("query %v", query)
			}
			if hs.Header.Get("X-Custom") != "value" || !hs.CrossDomain || hs.Secure || hs.Address == "" || hs.Host != "server.test" ||
				!strings.HasPrefix(hs.URL, "/socket.io/?EIO=4&room=a") || hs.Time.Sub(before) != 2*time.Second {
				h.T.Errorf("handshake %+v", hs)
			}
		}
	})
	testserver.Behaviour(t, "without auth leaves the target alone, with auth that does not fit fails", func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.Connect(mode)
		got := map[string]int{"a": 1}
		h.Check(h.MustSocket(c.ID).Handshake().DecodeAuth(&got))
		if len(got) != 1 {
			h.T.Errorf("auth %v", got)
		}
		other := h.Open(mode)
		other.Send(`40{"token":"text"}`)
		var misfit struct{ Token int }
		if err := h.MustSocket(other.Connected("")).Handshake().DecodeAuth(&misfit); err == nil {
			h.T.Error("a text became an int")
		}
	})
}

// legacy runs f for each way in which a client of Socket.IO 2 connects.
func legacy(t *testing.T, o socketio.Options, f func(h *testserver.Harness, mode rawclient.Mode)) {
	o.AllowEIO3 = true
	testserver.ForEachMode(t, &o, f)
}

// Ids are what the client takes them for.
func TestLegacyIDs(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *testserver.Harness, mode rawclient.Mode) {
		var ids []string
		for _, n := range []*socketio.Namespace{h.Of("/"), h.Of("/admin")} {
			n.OnConnect(func(s *socketio.Socket) { ids = append(ids, s.ID()) })
		}
		c := h.ConnectLegacy(mode)
		c.Send("40/admin?x=1,")
		c.Expect("40/admin,")
		synctest.Wait()
		if want := "/admin#" + c.ID; len(ids) != 2 || ids[0] != c.ID || ids[1] != want {
			t.Errorf("ids %q, want %q and %q", ids, c.ID, want)
		}
		// The next socket of the namespace has the same one.
		c.Send("41/admin,", "40/admin,")
		c.Expect("40/admin,")
		synctest.Wait()
		h.Check(h.Of("/admin").To(ids[1]).Emit("again"))
		c.Expect(`42/admin,["again"]`)
	})
}

// The query of a namespace is the auth object of its socket, in the main
// namespace there is none.
func TestLegacyAuth(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *testserver.Harness, mode rawclient.Mode) {
		var auths []map[string]string
		note := func(_ context.Context, s *socketio.Socket) error {
			var auth map[string]string
			h.Check(s.Handshake().DecodeAuth(&auth))
			auths = append(auths, auth)
			if s.Handshake().DecodeAuth(new(int)) == nil && len(auth) > 0 {
				t.Errorf("auth decodes to a number")
			}
			return nil
		}
		h.Use(note)
		h.Of("/admin").Use(note)
		c := h.ConnectLegacy(mode)
		c.Send("40/admin?token=a%2Cb+%C3%A9&x=1&x=2&flag,")
		c.Expect("40/admin,")
		if len(auths) != 2 || len(auths[0]) != 0 {
			t.Fatalf("auths %v", auths)
		}
		if got := auths[1]; len(got) != 3 || got["token"] != "a,b é" || got["x"] != "2" || got["flag"] != "" {
			t.Errorf("auth %q", got)
		}
	})
}

// A client whom the main namespace refuses may still connect to others. If it
// does not, the connection ends.
func TestLegacyRefused(t *testing.T) {
	legacy(t, socketio.Options{PingInterval: time.Hour}, func(h *testserver.Harness, mode rawclient.Mode) {
		h.Of("/open")
		h.Use(func(context.Context, *socketio.Socket) error { return errors.New("nope") })
		stays := h.OpenWith(mode, rawclient.Options{EIO3: true})
		stays.Expect(`44"nope"`)
		stays.Send("40/open,")
		stays.Expect("40/open,")
		goes := h.OpenWith(mode, rawclient.Options{EIO3: true})
		goes.Expect(`44"nope"`)
		testserver.Wait(44 * time.Second)
		stays.Send("41/open,", "40/open,")
		stays.Expect("40/open,")
		goes.ExpectClosed()
	})
}

// Clients of both revisions share rooms, and an event that is encoded once.
func TestLegacyBroadcast(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *testserver.Harness, mode rawclient.Mode) {
		var clients []*testserver.Client
		for range 20 { // enough for the flushers
			clients = append(clients, h.ConnectLegacy(mode), h.Connect(mode))
		}
		for range 3 {
			h.Check(h.Emit("picture", []byte{4, 1}, "é😀", []byte{}))
			h.Check(h.Emit("text", "€"))
		}
		for _, c := range clients {
			for range 3 {
				c.Expect(`452-["picture",{"_placeholder":true,"num":0},"é😀",{"_placeholder":true,"num":1}]`, "bBAE=", "b")
				c.Expect(`42["text","€"]`)
			}
		}
	})
}

func TestLegacyShutdown(t *testing.T) {
	legacy(t, socketio.Options{}, func(h *testserver.Harness, mode rawclient.Mode) {
		c := h.ConnectLegacy(mode)
		h.Check(h.Emit("bye"))
		h.Check(h.Shutdown(context.Background()))
		c.Expect(`42["bye"]`)
		c.ExpectClosed()
	})
}

// FuzzQueryAuth decodes any query as an auth object: its names are those of
// the query, as far as that can be read.
func FuzzQueryAuth(f *testing.F) {
	for _, query := range []string{"", "token=x&token=y", "a=%zz&b", "a;b=1&__proto__=2", "%ff=%00", "token=%22%7d"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var auth map[string]string
		if err := socketio.DecodeQueryAuth(query, &auth); err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		values, _ := url.ParseQuery(query)
		for name, list := range values {
			valid := strings.ToValidUTF8(name, "\ufffd")
			if got, want := auth[name], list[len(list)-1]; valid == name && strings.ToValidUTF8(want, "") == want && got != want {
				t.Errorf("%q: %q is %q, want %q", query, name, got, want)
			}
		}
		var typed struct{ Token string }
		if err := socketio.DecodeQueryAuth(query, &typed); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	})
}

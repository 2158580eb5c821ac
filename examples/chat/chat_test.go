package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/socketiotest"
)

const (
	adasKey = "key-of-ada-123456"
	evesKey = "key-of-eve-123456"
)

var png = []byte("\x89PNG\r\n\x1a\n")

// A testServer is one of the servers of a chat.
type testServer struct {
	*socketiotest.Server
	app *app
}

// startOne starts a server. Several servers share the bus and the store.
func startOne(t *testing.T, bus adapter.Adapter, rooms store.Store) *testServer {
	t.Helper()
	io := socketio.NewServer(&socketio.Options{Adapter: bus})
	a, err := newApp(context.Background(), io, rooms, 1000)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		io.Close()
		a.Close()
	})
	return &testServer{socketiotest.NewServer(t, io), a}
}

func (s *testServer) options(name, key string) *socketiotest.Options {
	return &socketiotest.Options{Namespace: "/chat", Auth: credentials{name, key}}
}

// arrive connects a person. Everybody's key contains their name.
func (s *testServer) arrive(name string) *socketiotest.Client {
	return s.Connect(s.options(name, "key-of-"+name+"-123456"))
}

// refusal returns why somebody is not let in.
func (s *testServer) refusal(t *testing.T, name, key string) string {
	t.Helper()
	c, err := s.Dial(s.options(name, key))
	if err == nil {
		c.Close()
		return ""
	}
	return err.Error()
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ typed, want, refusal string }{
		{"Ada", "Ada", ""},
		{"  Ada \t Lovelace ", "Ada Lovelace", ""},
		{"Zoë 李", "Zoë 李", ""},
		{strings.Repeat("é", longestName), strings.Repeat("é", longestName), ""},
		{strings.Repeat("é", longestName+1), "", "A name has at most 24 characters."},
		{" \u00a0 ", "", "Please enter a name."},
		{"A\u200bda", "", "A name can't have invisible characters."},
		{"A\u202eda", "", "A name can't have invisible characters."},
		{"*", "", "A name needs a letter or a digit."},
	} {
		name, err := cleanName(test.typed, longestName)
		if name != test.want || refusal(err) != test.refusal {
			t.Errorf("cleanName(%q) = %q, %v", test.typed, name, err)
		}
	}
}

func TestNameBelongsToItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, rooms := new(adapter.Loopback), store.Memory()
		one, two := startOne(t, bus, rooms), startOne(t, bus, rooms)
		one.Connect(one.options("Ada", adasKey)).Close()
		for _, test := range []struct{ name, key, want string }{
			{"Ada", adasKey, ""},
			{" ADA ", adasKey, ""},
			{"aDa", evesKey, "The name Ada is taken."},
			{"Eve", "short", "The key must have 16 to 64 characters."},
			{"", evesKey, "Please enter a name."},
			{"Eve", evesKey, ""},
		} {
			for i, server := range []*testServer{one, two} {
				if got := server.refusal(t, test.name, test.key); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
					t.Errorf("server %d says to %s with %s: %q, want %q", i+1, test.name, test.key, got, test.want)
				}
			}
		}
	})
}

func enter(c *socketiotest.Client, name string) (room string) {
	return socketiotest.Call[entry](c, "enter", enterArgs{name}).Room
}

// A message is what clients get of one.
type message struct {
	Seq    int64
	Author string
	Text   string
	Data   extra
}

// history returns the messages of a room, as somebody sees them.
func history(c *socketiotest.Client, room string) []message {
	return socketiotest.Call[struct{ Messages []message }](c, "history", map[string]any{"room": room}).Messages
}

func post(c *socketiotest.Client, room, text string, data any) (refused string) {
	cid := fmt.Sprint(text, data)
	reply := socketiotest.Call[struct{ Error string }](c, "post", map[string]any{"room": room, "cid": hash(cid), "text": text, "data": data})
	return reply.Error
}

func TestRoomsAreFoundByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		ada, eve := s.arrive("Ada"), s.arrive("Eve")
		for typed, want := range map[string]string{"Books": "books", " books ": "books", "BOOKS": "books", "Lobby": lobby, "Jane's room": hash("jane's-room")} {
			if got := enter(ada, typed); got != want {
				t.Errorf("%q is room %s, want %s", typed, got, want)
			}
		}
		enter(eve, "books")
		if refused := post(ada, "books", "hello", nil); refused != "" {
			t.Error(refused)
		}
		if got := history(eve, "books"); len(got) != 1 || got[0].Text != "hello" {
			t.Errorf("history %+v", got)
		}
		list := history(eve, directory)
		if len(list) != 2 {
			t.Errorf("the list of rooms is %+v", list)
		}
		for _, typed := range []string{"", strings.Repeat("x", longestRoomName+1)} {
			if reply := socketiotest.Call[struct{ Error string }](ada, "enter", enterArgs{typed}); reply.Error == "" {
				t.Errorf("%q is a room", typed)
			}
		}
	})
}

func TestListsAreWrittenByTheProgramAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		ada := s.arrive("Ada")
		for _, room := range []string{directory, names} {
			socketiotest.Call[struct{}](ada, "join", map[string]any{"room": room})
			if post(ada, room, "a room of my own", nil) == "" {
				t.Errorf("Ada writes into %s", room)
			}
		}
		for _, event := range []string{"open", "history", "members"} {
			if reply := socketiotest.Call[struct{ Error string }](ada, event, map[string]any{"room": names}); reply.Error == "" {
				t.Errorf("Ada reads all names by %s", event)
			}
		}
	})
}

func TestRoomsHaveALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		ada := s.arrive("Ada")
		for n := range mostRooms {
			enter(ada, fmt.Sprint("room ", n))
		}
		if reply := socketiotest.Call[struct{ Error string }](ada, "enter", enterArgs{"one more"}); reply.Error != "There are too many rooms already." {
			t.Errorf("reply %+v", reply)
		}
		if got := enter(ada, " ROOM  5 "); got != "room-5" {
			t.Errorf("room 5 is %s", got)
		}
	})
}

func TestForwarding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		ada, bob, eve := s.arrive("Ada"), s.arrive("Bob"), s.arrive("Eve")
		type created struct{ Room string }
		withBob := socketiotest.Call[created](ada, "direct", map[string]any{"user": "Bob"}).Room
		withEve := socketiotest.Call[created](bob, "direct", map[string]any{"user": "Eve"}).Room
		post(ada, withBob, "just for you", nil)
		if refused := post(bob, withEve, "", extra{Forward: &origin{withBob, 1}}); refused != "" {
			t.Fatal(refused)
		}
		want := message{1, "Bob", "just for you", extra{Author: "Ada"}}
		if got := history(eve, withEve); len(got) != 1 || got[0] != want {
			t.Errorf("Eve has got %+v", got)
		}
		post(eve, lobby, "", extra{Forward: &origin{withEve, 1}})
		if got := history(ada, lobby); len(got) != 1 || got[0].Author != "Eve" || got[0].Data.Author != "Ada" {
			t.Errorf("forwarded again: %+v", got)
		}
		for name, from := range map[string]origin{
			"a message that Eve may not read": {withBob, 1},
			"a name of the list":              {names, 1},
			"no message":                      {lobby, 9},
			"no room":                         {"nowhere", 1},
		} {
			if refused := post(eve, lobby, "", extra{Forward: &from}); refused != "This message is no longer here." {
				t.Errorf("%s: %q", name, refused)
			}
		}
		post(eve, lobby, "I am a thief", extra{Author: "Ada"})
		if got := history(ada, lobby); len(got) != 2 || got[1].Data.Author != "" {
			t.Errorf("words in Ada's mouth: %+v", got)
		}
	})
}

func TestFilesAreForWhoMaySeeTheirMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		files := s.app.Files(chat.Dir(t.TempDir()), s.app.visitor)
		ask := func(method, path, name, key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, bytes.NewReader(png))
			who, _ := json.Marshal(credentials{name, key})
			r.AddCookie(&http.Cookie{Name: "chat", Value: url.QueryEscape(string(who))})
			w := httptest.NewRecorder()
			files.ServeHTTP(w, r)
			return w
		}
		ada := s.arrive("Ada")
		s.arrive("Bob")
		s.arrive("Eve")
		room := socketiotest.Call[entry](ada, "direct", map[string]any{"user": "Bob"}).Room
		var file chat.Attachment
		if w := ask("POST", "/files?name=wheel.png", "Ada", "key-of-Ada-123456"); json.Unmarshal(w.Body.Bytes(), &file) != nil || file.Type != "image/png" {
			t.Fatalf("uploaded: %d %s", w.Code, w.Body)
		}
		socketiotest.Call[struct{}](ada, "post", map[string]any{"room": room, "cid": "1", "files": []string{file.ID}})
		for name, test := range map[string]struct {
			name, key string
			status    int
		}{
			"a member":       {"Bob", "key-of-Bob-123456", 200},
			"somebody else":  {"Eve", "key-of-Eve-123456", 404},
			"with no key":    {"Bob", "", 401},
			"with Eve's key": {"Bob", "key-of-Eve-123456", 401},
		} {
			if w := ask("GET", "/files/"+file.ID, test.name, test.key); w.Code != test.status || test.status == 200 && !bytes.Equal(w.Body.Bytes(), png) {
				t.Errorf("%s: %d %q", name, w.Code, w.Body)
			}
		}
	})
}

func TestNobodyToTalkTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startOne(t, nil, store.Memory())
		ada := s.arrive("Ada")
		s.arrive("Bob").Close()
		for name, want := range map[string]string{
			"Bob":  "",
			"Zoe":  "There is nobody called Zoe.",
			server: "There is nobody called server.",
		} {
			for range 2 {
				reply := socketiotest.Call[struct{ Room, Error string }](ada, "direct", map[string]any{"user": name})
				if reply.Error != want || (reply.Room == "") != (want != "") {
					t.Errorf("%s: %+v", name, reply)
				}
			}
		}
	})
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(flags{addr: "127.0.0.1:0", db: "memory", files: filepath.Join(file, "folder")})
	if err == nil || !strings.Contains(err.Error(), "files cannot be kept: ") || !strings.Contains(err.Error(), file) {
		t.Errorf("error %v", err)
	}
}

// refusal returns the text of an error, "" for nil.
func refusal(err error) string {
	var e *chat.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return ""
}

func TestPage(t *testing.T) {
	built := servePage(fstest.MapFS{
		"index.html":       {Data: []byte("<!doctype html>")},
		"assets/main-1.js": {Data: []byte("let x")},
	})
	unbuilt := servePage(fstest.MapFS{".gitkeep": {}})
	for _, test := range []struct {
		handler                   http.Handler
		path                      string
		status                    int
		body, contentType, caches string
	}{
		{built, "/", 200, "<!doctype html>", "text/html; charset=utf-8", "no-cache"},
		{built, "/assets/main-1.js", 200, "let x", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{built, "/assets/", 404, "404 page not found\n", "text/plain; charset=utf-8", ""},
		{unbuilt, "/", 503, "The page has not been built. Run: make chat\n", "text/plain; charset=utf-8", ""},
	} {
		w := httptest.NewRecorder()
		test.handler.ServeHTTP(w, httptest.NewRequest("GET", test.path, nil))
		h := w.Header()
		if w.Code != test.status || w.Body.String() != test.body || h.Get("Content-Type") != test.contentType || h.Get("Cache-Control") != test.caches {
			t.Errorf("%s: %d %q %v", test.path, w.Code, w.Body, h)
		}
		if policy := h.Get("Content-Security-Policy"); test.status == 200 && !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("%s: policy %q", test.path, policy)
		}
	}
}

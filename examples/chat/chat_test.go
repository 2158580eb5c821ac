package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/socketiotest"
)

const (
	adasKey = "key-of-ada-123456"
	evesKey = "key-of-eve-123456"
)

var png = []byte("\x89PNG\r\n\x1a\n")

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
	} {
		name, err := cleanName(test.typed, longestName)
		if name != test.want || refusal(err) != test.refusal {
			t.Errorf("cleanName(%q) = %q, %v", test.typed, name, err)
		}
	}
}

func refusal(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNameIsTakenByAnotherKeyOnly(t *testing.T) {
	c := &chat{}
	ada := mustEnter(t, c, "Ada", adasKey)
	if again := mustEnter(t, c, " ADA ", adasKey); again != ada {
		t.Error("the same key is another person")
	}
	if _, err := enter(c, "aDa", evesKey); refusal(err) != "The name Ada is taken." {
		t.Errorf("another key got in: %v", err)
	}
	if eve := mustEnter(t, c, "Eve", evesKey); eve.ID == ada.ID {
		t.Error("two people have the same id")
	}
	if _, err := enter(c, "Bob", "short"); err == nil {
		t.Error("a key to be guessed got in")
	}
}

func TestIDOutlivesServer(t *testing.T) {
	before, after := mustEnter(t, &chat{}, "Ada", adasKey), mustEnter(t, &chat{}, "Ada", adasKey)
	if before.ID != after.ID {
		t.Errorf("ids %s and %s", before.ID, after.ID)
	}
}

func TestNameIsFreeAfterGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &chat{io: socketio.NewServer(nil)}
		ada := mustEnter(t, c, "Ada", adasKey)
		c.mu.Lock()
		ada.tabs++
		c.mu.Unlock()
		<-time.After(2 * grace)
		c.goodbye(ada)

		<-time.After(grace - time.Second)
		if _, err := enter(c, "Ada", evesKey); err == nil {
			t.Error("the name was free during a reload")
		}
		<-time.After(2 * time.Second)
		if _, err := enter(c, "Ada", evesKey); err != nil {
			t.Errorf("the name wasn't freed: %v", err)
		}
	})
}

func TestDuplicateIsAnsweredButNotSent(t *testing.T) {
	c := &chat{io: socketio.NewServer(nil)}
	ada, eve := mustEnter(t, c, "Ada", adasKey), mustEnter(t, c, "Eve", evesKey)
	sent := 0
	send := func(m *Message) error {
		sent++
		m.Text = fmt.Sprint("message ", sent)
		return nil
	}
	first, _ := c.once(ada, "1", send)
	again, err := c.once(ada, "1", send)
	if sent != 1 || err != nil || again.Text != first.Text {
		t.Errorf("sent %d times: %+v, then %+v, %v", sent, first, again, err)
	}
	if other, _ := c.once(eve, "1", send); sent != 2 || other.ID == first.ID {
		t.Errorf("another person's message 1 counts as the same: %+v", other)
	}
	refused := func(*Message) error { sent++; return refuse("no") }
	c.once(ada, "2", refused)
	if c.once(ada, "2", refused); sent != 4 {
		t.Error("a refused message counts as sent")
	}
	for _, id := range []string{"", strings.Repeat("x", longestID+1)} {
		if _, err := c.once(ada, id, send); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
}

func TestLimitsOfMessages(t *testing.T) {
	picture := func(size int) []byte { return append(bytes.Clone(png), make([]byte, size-len(png))...) }
	for name, test := range map[string]struct {
		draft   draft
		refusal string
	}{
		"text":              {draft{Text: "hello"}, ""},
		"longest text":      {draft{Text: strings.Repeat("é", longestText)}, ""},
		"text too long":     {draft{Text: strings.Repeat("é", longestText+1)}, "A message has at most 2000 characters."},
		"nothing":           {draft{Text: " \n "}, "There is nothing to send."},
		"largest picture":   {draft{Picture: picture(largestPicture)}, ""},
		"picture too large": {draft{Picture: picture(largestPicture + 1)}, "A picture has at most 512 KiB."},
		"HTML as picture":   {draft{Picture: []byte("<html><script>")}, "This is not a picture."},
		"SVG as picture":    {draft{Picture: []byte("<svg onload='alert()'>")}, "This is not a picture."},
	} {
		t.Run(name, func(t *testing.T) {
			c, m := &chat{}, &Message{}
			if err := c.fill(m, test.draft); refusal(err) != test.refusal {
				t.Fatalf("fill = %v, want %q", err, test.refusal)
			}
			if test.refusal != "" || test.draft.Picture == nil {
				return
			}
			kept, err := c.album.get(m.Picture)
			if err != nil || !bytes.Equal(kept, test.draft.Picture) {
				t.Errorf("the picture isn't in the album: %v", err)
			}
		})
	}
}

func TestHistoryKeepsTheLast(t *testing.T) {
	var h history
	if h.all() == nil {
		t.Error("an empty history is null in JavaScript")
	}
	for n := range remembered + 2 {
		h.add(Message{ID: fmt.Sprint(n)})
	}
	if _, ok := h.find("1"); ok || len(h) != remembered {
		t.Errorf("%d messages, the oldest there: %v", len(h), ok)
	}
	if m, ok := h.find("2"); !ok || m.ID != "2" || h[0].ID != "2" {
		t.Errorf("the first is %s", h[0].ID)
	}
}

func TestAlbumKeepsTheLatest(t *testing.T) {
	var a album
	half := make([]byte, albumSize/2)
	for _, id := range []string{"a", "b", "c"} {
		a.add(id, half)
	}
	if _, err := a.get("a"); err == nil {
		t.Error("the oldest picture is still there")
	}
	for _, id := range []string{"b", "c"} {
		if _, err := a.get(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestRoomsHaveALimit(t *testing.T) {
	c := &chat{rooms: rooms{newRoom(lobby)}}
	for n := range mostRooms - 1 {
		if _, err := c.openRoom(fmt.Sprint("room ", n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.openRoom("one more"); refusal(err) != "There are too many rooms already." {
		t.Errorf("openRoom = %v", err)
	}
	r, err := c.openRoom(" ROOM  5 ")
	if err != nil || r != c.rooms.find("room 5") {
		t.Errorf("openRoom made another: %v, %v", r, err)
	}
}

func TestEmptyRoomsVanish(t *testing.T) {
	rooms := func(c *chat) []string {
		c.mu.Lock()
		defer c.mu.Unlock()
		var names []string
		for _, r := range c.rooms {
			names = append(names, r.name)
		}
		return names
	}
	arrive := func(srv *socketiotest.Server, name, key string) *socketiotest.Client {
		return srv.Connect(&socketiotest.Options{Auth: credentials{Name: name, Key: key}})
	}
	for name, test := range map[string]struct {
		goes      func(*socketiotest.Client)
		keptUntil time.Duration
	}{
		"at once, when the last person leaves":                       {func(tab *socketiotest.Client) { tab.Emit("leave", "books") }, 0},
		"after a while, when the last tab, reloaded or closed, goes": {(*socketiotest.Client).Close, grace},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := socketio.NewServer(nil)
				c := newChat(io)
				srv := socketiotest.NewServer(t, io)
				ada, eve := arrive(srv, "Ada", adasKey), arrive(srv, "Eve", evesKey)
				arrive(srv, "Ada", adasKey) // another tab, that is not in the room
				for _, tab := range []*socketiotest.Client{ada, eve} {
					socketiotest.Call[joined](tab, "join", "books")
				}
				eve.Emit("leave", "books")
				<-time.After(2 * grace)
				if names := rooms(c); !slices.Equal(names, []string{"lobby", "books"}) {
					t.Errorf("with one person left, the rooms are %q", names)
				}
				test.goes(ada)
				<-time.After(test.keptUntil - time.Second)
				synctest.Wait()
				if names := rooms(c); test.keptUntil > 0 && len(names) != 2 {
					t.Errorf("before anybody could come back, the rooms are %q", names)
				}
				<-time.After(2 * time.Second)
				if names := rooms(c); len(names) != 1 {
					t.Errorf("with nobody left, the rooms are %q", names)
				}
				for _, rooms := range []int{2, 1} { // as Eve is told
					for len(socketiotest.Receive[[]roomInfo](eve, "rooms")) != rooms {
					}
				}
			})
		})
	}
}

func TestTimesOfMessagesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // here the clock stands still
		c := &chat{}
		first, second := c.now(), c.now()
		if second <= first {
			t.Errorf("%d, then %d", first, second)
		}
	})
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

func enter(c *chat, name, key string) (*person, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enter(name, key)
}

func mustEnter(t *testing.T, c *chat, name, key string) *person {
	t.Helper()
	p, err := enter(c, name, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.leaving.Stop() })
	return p
}

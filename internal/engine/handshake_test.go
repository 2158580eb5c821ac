package engine_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestAllowRequest(t *testing.T) {
	asked := 0
	o := &engine.Options{AllowRequest: func(r *http.Request) error {
		asked++
		if r.URL.Query().Get("token") != "right" {
			return errors.New("wrong token")
		}
		return nil
	}}
	t.Run("an error refuses the handshake with 403 and its text", func(t *testing.T) {
		run(t, o, func(h *harness) {
			h.expectAnswer(h.request("GET", "transport=polling", nil), 403, `{"code":4,"message":"wrong token"}`)
			if w := h.wire("&token=no"); w.resp.StatusCode != 403 {
				t.Errorf("WebSocket: %s", w.resp.Status)
			}
			if n := h.server.Len(); n != 0 {
				t.Errorf("%d sessions", n)
			}
		})
	})
	for name, c := range map[string]struct {
		err    error
		status int
		body   string
	}{
		"a StatusError chooses status and message": {
			&engine.StatusError{Status: 401, Message: "log in first", Err: errors.New("secret")}, 401, `{"code":4,"message":"log in first"}`},
		"a wrapped StatusError, too": {
			fmt.Errorf("secret: %w", &engine.StatusError{Status: 503, Message: "later", Err: errors.New("secret")}), 503, `{"code":4,"message":"later"}`},
		"without a message it has that of the status": {
			&engine.StatusError{Status: 402, Err: errors.New("secret")}, 402, `{"code":4,"message":"Payment Required"}`},
		"a status that is no error is 403": {
			&engine.StatusError{Status: 200, Message: "no", Err: errors.New("secret")}, 403, `{"code":4,"message":"no"}`},
		"no status is 403": {
			&engine.StatusError{Message: "no", Err: errors.New("secret")}, 403, `{"code":4,"message":"no"}`},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, &engine.Options{AllowRequest: func(*http.Request) error { return c.err }}, func(h *harness) {
				h.expectAnswer(h.request("GET", "transport=polling", nil), c.status, c.body)
				if w := h.wire(""); w.resp.StatusCode != c.status {
					t.Errorf("WebSocket: %s", w.resp.Status)
				}
			})
		})
	}
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		run(t, o, func(h *harness) {
			asked = 0
			c, _ := h.open(mode, rawclient.Options{Query: "token=right", Pong: true})
			if err := c.Send("4hello"); err != nil {
				t.Fatal(err)
			}
			h.expect(c, "4hello")
			c.Close()
			if asked != 1 {
				t.Errorf("asked %d times, want only for the handshake", asked)
			}
		})
	})
}

func TestCookie(t *testing.T) {
	template := &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
	run(t, &engine.Options{Cookie: template}, func(h *harness) {
		a := h.request("GET", "transport=polling", nil)
		rec := <-h.sessions
		if got, want := a.header.Get("Set-Cookie"), "io="+rec.ID()+"; Path=/; HttpOnly; SameSite=Strict"; got != want {
			t.Errorf("polling: got %q, want %q", got, want)
		}
		if err := rec.Send(engine.NewMessage([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		if a := h.request("GET", "transport=polling&sid="+rec.ID(), nil); a.header.Get("Set-Cookie") != "" {
			t.Error("a poll got a cookie, too")
		}
		w := h.wire("")
		rec = <-h.sessions
		if got := w.resp.Header.Get("Set-Cookie"); !strings.HasPrefix(got, "io="+rec.ID()+";") {
			t.Errorf("WebSocket: got %q", got)
		}
	})
	if template.Value != "" {
		t.Error("the template was modified")
	}
	t.Run("none by default", func(t *testing.T) {
		run(t, nil, func(h *harness) {
			if got := h.request("GET", "transport=polling", nil).header.Get("Set-Cookie"); got != "" {
				t.Errorf("got %q", got)
			}
		})
	})
	t.Run("none for who is refused", func(t *testing.T) {
		run(t, &engine.Options{Cookie: template}, func(h *harness) {
			for _, header := range [][2]string{
				{"Origin", "http://elsewhere.test"}, {"Upgrade", "h2c"}, {"Sec-WebSocket-Key", "short"},
				{"Sec-WebSocket-Version", "8"}, {"Sec-WebSocket-Protocol", "a b"},
			} {
				w := h.wire("", header[0], header[1])
				if got := w.resp.Header.Get("Set-Cookie"); got != "" || w.resp.StatusCode < 400 {
					t.Errorf("%s: %s: %s with the cookie %q", header[0], header[1], w.resp.Status, got)
				}
			}
		})
	})
	t.Run("an invalid one panics", func(t *testing.T) {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(p.(string), "Options.Cookie") {
				t.Errorf("recovered %v", p)
			}
		}()
		engine.NewServer(&engine.Options{Cookie: &http.Cookie{Name: "a b"}}, nil)
	})
}

func TestGenerateID(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		t.Run("may take its time", func(t *testing.T) {
			o := &engine.Options{GenerateID: func(r *http.Request) (string, error) {
				after(time.Second)
				return "shard-7." + engine.NewID() + "~" + r.URL.Query().Get("user"), nil
			}}
			run(t, o, func(h *harness) {
				c, r := h.open(mode, rawclient.Options{Query: "user=ann"})
				id := c.Handshake.SID
				if id != r.ID() || !strings.HasPrefix(id, "shard-7.") || !strings.HasSuffix(id, "~ann") {
					t.Errorf("the client's id is %q, the session's %q", id, r.ID())
				}
				if err := c.Send("4hello"); err != nil {
					t.Fatal(err)
				}
				h.expect(c, "4hello")
			})
		})
	})
	refused := func(h *harness, want string, seen *tally) {
		t.Helper()
		h.expectAnswer(h.request("GET", "transport=polling", nil), 400, badRequest)
		if w := h.wire(""); w.resp.StatusCode != 400 {
			t.Errorf("WebSocket: %s", w.resp.Status)
		}
		for _, e := range seen.refused {
			if e.Cause != engine.CauseID || e.Context != want {
				t.Errorf("told of %+v, want %q", e, want)
			}
		}
		if len(seen.refused) != 2 {
			t.Errorf("told of %d refusals", len(seen.refused))
		}
		seen.refused = nil
	}
	t.Run("an error refuses the handshake", func(t *testing.T) {
		var seen tally
		o := &engine.Options{Trace: seen.trace(), GenerateID: func(*http.Request) (string, error) { return "fine", errors.New("no ids left") }}
		run(t, o, func(h *harness) {
			refused(h, "no ids left", &seen)
			if n := h.server.Len(); n != 0 {
				t.Errorf("%d sessions", n)
			}
		})
	})
	t.Run("an id that is none refuses the handshake", func(t *testing.T) {
		for _, id := range []string{"", "a b", "a/b", "a&sid=b", "é", "a\r\nSet-Cookie: b"} {
			var seen tally
			o := &engine.Options{Trace: seen.trace(), GenerateID: func(*http.Request) (string, error) { return id, nil }}
			run(t, o, func(h *harness) {
				refused(h, "socketio: Options.GenerateID: an id is letters, digits and -._~, one at least", &seen)
			})
		}
	})
	t.Run("a session's id is not given twice", func(t *testing.T) {
		var seen tally
		o := &engine.Options{Trace: seen.trace(), GenerateID: func(*http.Request) (string, error) { return "same", nil }}
		run(t, o, func(h *harness) {
			const taken = "socketio: Options.GenerateID: another session has this id"
			for range 2 {
				r := h.openPolling()
				refused(h, taken, &seen)
				r.Close()
				h.request("GET", session(r), nil) // takes the last packet
			}
			h.onOpen = func(*recorder) { refused(h, taken, &seen) } // while it opens
			h.openPolling()
		})
	})
}

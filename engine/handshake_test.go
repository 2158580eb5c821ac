package engine_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/engine"
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
	t.Run("an invalid one panics", func(t *testing.T) {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(p.(string), "Options.Cookie") {
				t.Errorf("recovered %v", p)
			}
		}()
		engine.NewServer(&engine.Options{Cookie: &http.Cookie{Name: "a b"}}, nil)
	})
}

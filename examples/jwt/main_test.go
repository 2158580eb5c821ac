package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/mounttest"
	"github.com/goroomcast/socketio/internal/rawclient"
)

var key = tokenKey("a key for the tests of 32 bytes!")

func token(t *testing.T, key tokenKey, user string, valid time.Duration) string {
	t.Helper()
	token, err := key.issue(user, valid)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// connect connects with a token, in the bubble's time.
func connect(t *testing.T, mode rawclient.Mode, token string) (*rawclient.Client, string) {
	t.Helper()
	io := newServer(key)
	listener := memnet.Listen()
	server := &http.Server{Handler: io}
	t.Cleanup(func() { io.Close(); server.Close() })
	go server.Serve(listener)
	return mounttest.Connect(t, listener.Dial, mode, nil, fmt.Sprintf(`{"token":%q}`, token))
}

func forEachMode(t *testing.T, f func(t *testing.T, mode rawclient.Mode)) {
	for _, mode := range rawclient.Modes {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, mode) })
		})
	}
}

func TestRefused(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		for token, why := range map[string]string{
			"":                                 "malformed",
			token(t, key, "Ann", -time.Second): "expired",
			token(t, tokenKey("some other key"), "Ann", time.Minute): "signature",
			"eyJhbGciOiJub25lIn0.eyJzdWIiOiJBbm4ifQ.":                "signing method none",
		} {
			_, answer := connect(t, mode, token)
			if !strings.HasPrefix(answer, `44{"message":"unauthorized","data":`) || !strings.Contains(answer, why) {
				t.Errorf("token %q is answered by %s, want a refusal with %q", token, answer, why)
			}
		}
	})
}

func TestDisconnectedWhenTheTokenExpires(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		start := time.Now()
		c, _ := connect(t, mode, token(t, key, "Ann", 5*time.Second))
		if got := mounttest.Ask(t, c, `420["whoami"]`); got != `430["Ann"]` {
			t.Errorf("whoami: %s", got)
		}
		if got, err := c.Next(); got != "41" {
			t.Errorf("got %q, %v", got, err)
		}
		if lasted := time.Since(start); lasted > 5*time.Second || lasted < 4*time.Second {
			t.Errorf("disconnected after %v", lasted)
		}
	})
}

func TestRefresh(t *testing.T) {
	forEachMode(t, func(t *testing.T, mode rawclient.Mode) {
		start := time.Now()
		c, _ := connect(t, mode, token(t, key, "Ann", 5*time.Second))
		if got := mounttest.Ask(t, c, fmt.Sprintf(`420["refresh",%q]`, token(t, key, "Eve", time.Hour))); got != `430[{"error":"unauthorized"}]` {
			t.Errorf("a stranger's token: %s", got)
		}
		if got := mounttest.Ask(t, c, fmt.Sprintf(`421["refresh",%q]`, token(t, key, "Ann", 9*time.Second))); !strings.HasPrefix(got, `431["`) {
			t.Errorf("a new token: %s", got)
		}
		if got, err := c.Next(); got != "41" {
			t.Errorf("got %q, %v", got, err)
		}
		if lasted := time.Since(start); lasted > 9*time.Second || lasted < 8*time.Second {
			t.Errorf("disconnected after %v", lasted)
		}
	})
}

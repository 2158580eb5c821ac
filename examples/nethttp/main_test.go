package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/mounttest"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func Test(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, route(io))
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

// TestCrossOriginProtection holds what docs/frameworks.md says of it.
func TestCrossOriginProtection(t *testing.T) {
	io := newServer()
	defer io.Close()
	page := http.Header{"Origin": {"http://localhost:5173"}, "Sec-Fetch-Site": {"cross-site"}}

	bypassed := http.NewCrossOriginProtection()
	bypassed.AddInsecureBypassPattern("/socket.io/")
	dial := mounttest.Serve(t, bypassed.Handler(route(io)))
	if _, answer := mounttest.Connect(t, dial, rawclient.Polling, page, ""); !strings.HasPrefix(answer, "40") {
		t.Errorf("bypassed: %s", answer)
	}

	dial = mounttest.Serve(t, http.NewCrossOriginProtection().Handler(route(io)))
	c, err := rawclient.Open(t.Context(), dial, rawclient.Polling, rawclient.Options{Path: "/socket.io/", Header: page})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Drop()
	var status *rawclient.StatusError
	if err := c.Send("40"); !errors.As(err, &status) || status.Status != http.StatusForbidden {
		t.Errorf("not bypassed: %v, want status 403", err)
	}
}

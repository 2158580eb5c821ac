package main

import (
	"testing"

	"github.com/goroomcast/socketio/internal/mounttest"
)

func Test(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, route(io))
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

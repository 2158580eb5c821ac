package main

import (
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/goroomcast/socketio/internal/mounttest"
)

func Test(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, route(io))
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

// NoRoute has set the status 404 before the handler runs.
func TestNoRoute(t *testing.T) {
	io := newServer()
	defer io.Close()
	r := gin.New()
	r.NoRoute(gin.WrapH(io))
	dial := mounttest.Serve(t, r)
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

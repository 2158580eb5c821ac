package main

import (
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/mounttest"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"
)

func Test(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, route(io))
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

// A time limit for all routes ends polls, and no session.
func TestContextTimeout(t *testing.T) {
	io := newServer()
	defer io.Close()
	e := echo.New()
	e.Use(middleware.ContextTimeout(200 * time.Millisecond))
	e.Any("/socket.io/*", echo.WrapHandler(io))
	mounttest.Echo(t, mounttest.Serve(t, e))
	mounttest.Outlasts(t, e)
}

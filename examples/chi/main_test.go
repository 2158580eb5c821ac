package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/mounttest"
)

func Test(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, route(io))
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:5173")
}

// What applications put in front of all routes, and how the server is mounted
// behind it.
func TestMiddleware(t *testing.T) {
	for name, c := range map[string]struct {
		middleware func(http.Handler) http.Handler
		mount      func(chi.Router, *socketio.Server)
	}{
		"CleanPath":    {middleware.CleanPath, func(r chi.Router, io *socketio.Server) { r.Mount("/socket.io", io) }},
		"StripSlashes": {middleware.StripSlashes, func(r chi.Router, io *socketio.Server) { r.Mount("/socket.io", io) }},
		"RedirectSlashes for the other routes": {exceptSocketIO(middleware.RedirectSlashes), func(r chi.Router, io *socketio.Server) {
			r.Handle("/socket.io/*", io)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			io := newServer()
			defer io.Close()
			r := chi.NewRouter()
			r.Use(c.middleware)
			c.mount(r, io)
			mounttest.Echo(t, mounttest.Serve(t, r))
		})
	}
}

func exceptSocketIO(m func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		other := m(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/socket.io/") {
				next.ServeHTTP(w, r)
			} else {
				other.ServeHTTP(w, r)
			}
		})
	}
}

// A time limit for all routes ends polls, and no session.
func TestTimeout(t *testing.T) {
	io := newServer()
	defer io.Close()
	r := chi.NewRouter()
	r.Use(middleware.Timeout(200 * time.Millisecond))
	r.Handle("/socket.io/*", io)
	mounttest.Echo(t, mounttest.Serve(t, r))
	mounttest.Outlasts(t, r)
}

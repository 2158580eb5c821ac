package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/goroomcast/socketio/internal/mounttest"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestTwoPorts(t *testing.T) {
	io := newServer()
	defer io.Close()
	dial := mounttest.Serve(t, io)
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:3000")

	app := newApp(io)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
	t.Cleanup(func() { app.Shutdown() })
	announce(t, dial, "http://"+listener.Addr().String())
}

// TestOnePort is the other way of docs/frameworks.md: net/http in front.
func TestOnePort(t *testing.T) {
	io := newServer()
	defer io.Close()
	mux := http.NewServeMux()
	mux.Handle(io.Pattern(), io)
	mux.Handle("/", adaptor.FiberApp(newApp(io)))
	dial := mounttest.Serve(t, mux)
	mounttest.Echo(t, dial)
	mounttest.Preflight(t, dial, "http://localhost:3000")
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	announce(t, dial, "http://"+conn.RemoteAddr().String())
}

// announce wants clients to get what is posted to the Fiber app.
func announce(t *testing.T, dial func(context.Context) (net.Conn, error), app string) {
	t.Helper()
	c, _ := mounttest.Connect(t, dial, rawclient.WebSocket, nil, "")
	resp, err := http.Post(app+"/announce", "text/plain", strings.NewReader("tea is ready"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got, err := c.Next(); got != `42["announcement","tea is ready"]` {
		t.Errorf("got %q, %v", got, err)
	}
}

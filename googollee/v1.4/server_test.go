package socketio_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio/googollee/v1.4"
	"github.com/goroomcast/socketio/internal/memnet"
	"github.com/goroomcast/socketio/internal/rawclient"
)

func TestOnErrorTakesTheFunctionsOfAllVersions(t *testing.T) {
	for name, handler := range map[string]func(told func(error)) any{
		"1.4": func(told func(error)) any {
			return func(c socketio.Conn, err error) { told(fmt.Errorf("%s: %w", c.Namespace(), err)) }
		},
		"1.3": func(told func(error)) any { return func(err error) { told(fmt.Errorf("/: %w", err)) } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, err := socketio.NewServer(nil)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				server.OnError("/", handler(func(err error) { got = append(got, err.Error()) }))
				server.OnEvent("/", "e", func(socketio.Conn) error { return errors.New("failed") })

				listener := memnet.Listen()
				hs := &http.Server{Handler: server}
				defer hs.Close()
				defer server.Close()
				go hs.Serve(listener)
				c, err := rawclient.Open(t.Context(), listener.Dial, rawclient.WebSocket, rawclient.Options{Path: "/socket.io/"})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Drop()
				if err := c.Send("40"); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Next(); err != nil { // the answer, before which no event may come
					t.Fatal(err)
				}
				if err := c.Send(`42["e"]`); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if len(got) != 1 || got[0] != "/: failed" {
					t.Errorf("told of %q", got)
				}
			})
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("a func(string) does not panic")
		}
	}()
	server, _ := socketio.NewServer(nil)
	server.OnError("/", func(string) {})
}

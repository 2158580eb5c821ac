package systemtest

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// What others are told of a socket's data is the JSON of the moment of SetData,
// so that the program may change its value. The race detector looks on.
func TestDataChangesWhileItIsFetched(t *testing.T) {
	for name, o := range map[string]*socketio.Options{
		"alone":    {},
		"adapter":  {Adapter: new(adapter.Loopback)},
		"recovery": {Recovery: new(socketio.Recovery)},
		"store":    {Recovery: new(socketio.Recovery), Adapter: testserver.NewJournal()},
	} {
		t.Run(name, func(t *testing.T) {
			testserver.Run(t, o, func(h *testserver.Harness) {
				asking := h.Server
				if o.Adapter != nil {
					asking = socketio.NewServer(o)
					h.T.Cleanup(func() { asking.Close() })
				}
				c := h.Open(rawclient.WebSocket)
				c.Send("40")
				if _, err := c.Client.Next(); err != nil {
					t.Fatal(err)
				}
				s := h.AnySocket(h.Of("/"))
				m := map[string]int{"n": 1}
				s.SetData(m)
				over := make(chan struct{})
				socketio.On(s, "write", func(ctx context.Context, _ *socketio.Socket, _ struct{}) error {
					for i := range 1000 {
						m["n"] = i
						m[string(rune('a'+i%26))] = i
					}
					close(over)
					return nil
				})
				fetch := func(want int) {
					all, err := asking.FetchSockets(context.Background())
					var got map[string]int
					if err != nil || len(all) != 1 || all[0].DecodeData(&got) != nil || got["n"] != want || len(got) != 1 {
						t.Errorf("fetched %v, %v; want n: %d", got, err, want)
					}
				}
				c.Send(`42["write"]`)
				for range 20 {
					fetch(1)
				}
				<-over
				if s.Data().(map[string]int)["n"] != 999 {
					t.Error("Data is not the program's own")
				}
				clear(m)
				m["n"] = 2
				s.SetData(m)
				m["n"] = 3
				fetch(2)
				go func() { m["late"] = 1 }() // while a store keeps it
				c.Drop()
				synctest.Wait()
			})
		})
	}
}

func TestTypedData(t *testing.T) {
	type user struct{ Name string }
	testserver.Run(t, nil, func(h *testserver.Harness) {
		s := h.MustSocket(h.Connect(rawclient.WebSocket).ID)
		if u, is := socketio.Data[*user](s); is || u != nil {
			t.Errorf("without data: %v, %v", u, is)
		}
		ann := &user{"Ann"}
		s.SetData(ann)
		if u, is := socketio.Data[*user](s); !is || u != ann {
			t.Errorf("got %v, %v, want the program's own", u, is)
		}
		if u, is := socketio.Data[any](s); !is || u != any(ann) {
			t.Errorf("as any: %v, %v", u, is)
		}
		if u, is := socketio.Data[user](s); is || u != (user{}) {
			t.Errorf("as another type: %v, %v", u, is)
		}
		s.SetData(json.RawMessage(`{"Name":"Bob"}`)) // what a client from another server has
		for range 2 {
			if u, is := socketio.Data[*user](s); !is || u.Name != "Bob" {
				t.Errorf("from JSON: %v, %v", u, is)
			}
		}
		if u, is := socketio.Data[user](s); !is || u.Name != "Bob" {
			t.Errorf("from JSON, no pointer: %v, %v", u, is)
		}
		if raw, is := socketio.Data[json.RawMessage](s); !is || string(raw) != `{"Name":"Bob"}` {
			t.Errorf("as JSON: %s, %v", raw, is)
		}
		for name, read := range map[string]func() bool{
			"as what does not fit": func() bool { v, is := socketio.Data[struct{ Name int }](s); return is || v.Name != 0 },
			"as what panics":       func() bool { _, is := socketio.Data[*panickingJSON](s); return is },
		} {
			if read() {
				t.Error(name)
			}
		}
	})
}

type panickingJSON struct{}

func (*panickingJSON) UnmarshalJSON([]byte) error { panic("boom") }

func TestDataThatCannotBeEncoded(t *testing.T) {
	o := &socketio.Options{Adapter: new(adapter.Loopback)}
	log := new(testserver.LogBook)
	o.Logger = log.Logger()
	testserver.Run(t, o, func(h *testserver.Harness) {
		other := socketio.NewServer(&socketio.Options{Adapter: o.Adapter, Logger: slog.New(slog.DiscardHandler)})
		h.T.Cleanup(func() { other.Close() })
		c := h.Connect(rawclient.WebSocket)
		h.MustSocket(c.ID).SetData(panicking{})
		log.ExpectOne(t, "panic in", "boom", "data_test.go")
		for range 2 {
			all, err := other.FetchSockets(context.Background())
			data := map[string]any{"before": 1}
			if err != nil || len(all) != 1 || all[0].DecodeData(&data) != nil || len(data) != 1 {
				t.Errorf("fetched %v, %v", all, err)
			}
		}
		log.ExpectOne(t, "panic in")
		if h.MustSocket(c.ID).Data() != (panicking{}) {
			t.Error("Data is another")
		}
	})
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("boom") }

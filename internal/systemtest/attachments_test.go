package systemtest

import (
	"context"
	"encoding/base64"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A reply is encoded again for the server that has called. One whose text names its attachment 500 times is refused by the
// client's own server, so that it costs nobody 500 times its bytes; whoever called learns that the client has gone.
func TestReplyThatNamesAnAttachmentOften(t *testing.T) {
	const size, times, most = 700_000, 500, 40 << 20
	const name = `{"_placeholder":true,"num":0}`
	reply := []string{"[" + name + strings.Repeat(","+name, times-1) + "]", "b" + base64.StdEncoding.EncodeToString(make([]byte, size))}

	bus := new(adapter.Loopback)
	testserver.Run(t, &socketio.Options{Adapter: bus}, func(h *testserver.Harness) {
		other := &testserver.Harness{T: h.T, Server: socketio.NewServer(&socketio.Options{Adapter: bus})}
		other.Serve(other.Server)
		for server, h := range map[string]*testserver.Harness{"on this server": h, "on another": other} {
			c := h.Connect(rawclient.WebSocket)
			got := make(chan error, 1)
			go func() {
				for _, err := range other.Call(context.Background(), "e") {
					got <- err
				}
			}()
			id := c.Match(`^42(\d+)\["e"\]$`)[1]
			before := allocated()
			_ = c.Client.Send("461-"+id+"["+reply[0]+"]", reply[1]) // the server may hang up before it has read all
			if err := <-got; !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("a client %s: the call yields %v, want %v", server, err, socketio.ErrDisconnected)
			}
			if n := allocated() - before; n > most {
				t.Errorf("a client %s: the reply has cost %d bytes, want %d at most", server, n, most)
			}
			c.ExpectClosed()
		}
	})
}

// allocated returns how many bytes have been allocated since the program began.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

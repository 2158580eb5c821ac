package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/goroomcast/socketio"
)

// In JavaScript: io.engine.on("connection_error", …). A Trace is told of much
// more; metrics/prometheus and metrics/otel are made of it.
func ExampleTrace() {
	io := socketio.NewServer(&socketio.Options{Trace: &socketio.Trace{
		Rejected: func(r *http.Request, why socketio.Refusal) {
			fmt.Printf("refused: %s %q, code %d\n", why.Cause, why.Context, why.Code)
		},
		Handle: func(ctx context.Context, e *socketio.Event) (context.Context, func(error)) {
			start := time.Now()
			return ctx, func(err error) {
				if took := time.Since(start); err != nil || took > time.Minute {
					fmt.Printf("event: %s: %v\n", e.Name(), err)
				}
			}
		},
	}})
	defer io.Close()
	io.On("order", func(context.Context, *socketio.Event) error { return errors.New("sold out") })
	socketio.OnCall(io, "ping", func(context.Context, *socketio.Socket, struct{}) (string, error) { return "pong", nil })

	io.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/socket.io/?transport=telegraph", nil))
	client := connectJS(io, "/", nil)
	defer client.leave()
	client.emit("order")
	client.emit("ordr")
	fmt.Println(client.call("ping"))
	// Output:
	// refused: unknown transport "telegraph", code 0
	// event: order: sold out
	// event: ordr: socketio: no handler for the event
	// ["pong"]
}

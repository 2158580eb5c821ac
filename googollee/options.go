package googollee

import (
	"errors"
	"net/http"

	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport/polling"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"

	"github.com/goroomcast/socketio"
)

// options translates go-socket.io's.
func options(o *engineio.Options) *socketio.Options {
	opts := &socketio.Options{Path: "/"} // go-socket.io leaves the path to the router
	if o == nil {
		return opts
	}
	if o.SessionIDGenerator != nil {
		panic("googollee: Options.SessionIDGenerator: ids are always random, so that nobody can guess a session's")
	}
	if o.ConnInitor != nil {
		panic("googollee: Options.ConnInitor: there is no engineio.Conn; use OnConnect, where Conn has the request's URL and header")
	}
	opts.PingInterval, opts.PingTimeout = o.PingInterval, o.PingTimeout
	for _, t := range o.Transports {
		opts.Transports = append(opts.Transports, t.Name())
	}
	if polls, frames := checkOrigins(o); polls != nil || frames != nil {
		opts.CORS.Credentials = true // as in go-socket.io
		opts.CORS.AllowOrigin = func(r *http.Request) bool {
			check := polls
			if r.URL.Query().Get("transport") == websocket.Default.Name() {
				check = frames
			}
			return check != nil && check(r)
		}
	}
	return opts
}

// checkOrigins returns the CheckOrigin functions of the transports.
func checkOrigins(o *engineio.Options) (polls, frames func(r *http.Request) bool) {
	for _, t := range o.Transports {
		switch t := t.(type) {
		case *polling.Transport:
			polls = t.CheckOrigin
		case *websocket.Transport:
			frames = t.CheckOrigin
		}
	}
	return polls, frames
}

// checks are go-socket.io's hooks. Programs may look at more than the origin in
// them, so they are asked also where the origin is the server's own.
type checks struct {
	checker engineio.CheckerFunc
	upgrade func(r *http.Request) bool
}

func checksOf(o *engineio.Options) checks {
	if o == nil {
		return checks{}
	}
	_, frames := checkOrigins(o)
	return checks{o.RequestChecker, frames}
}

var errOrigin = errors.New("request origin not allowed by CheckOrigin")

// request returns why a request is refused, or adds headers to its answer.
func (c checks) request(w http.ResponseWriter, r *http.Request) error {
	if c.upgrade != nil && r.URL.Query().Get("transport") == websocket.Default.Name() && !c.upgrade(r) {
		return errOrigin
	}
	if c.checker == nil || r.Method == http.MethodOptions { // preflight requests carry no credentials
		return nil
	}
	header, err := c.checker(r)
	if err != nil {
		return err
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	return nil
}

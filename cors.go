package socketio

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/cors"

	"github.com/goroomcast/socketio/engine"
)

// CORS says which pages of other origins may use the server. The same list
// guards polling, by CORS headers, and the WebSocket handshake, to which
// browsers do not apply CORS. The zero value allows the server's own origin
// only, which is always allowed.
type CORS struct {
	// Origins are the allowed origins, as browsers send them:
	// "https://example.com", "http://localhost:5173". "https://*.example.com"
	// allows subdomains, "*" every page in the world.
	Origins []string

	// AllowOrigin decides in place of Origins, for origins that are not known
	// beforehand. It is not asked about the server's own origin. With
	// Credentials, a function that allows every origin lets every page act as
	// its visitor.
	AllowOrigin func(r *http.Request) bool

	// Methods that preflight requests are told of, GET and POST by default.
	Methods []string

	// Headers that clients may send beside the simple ones, for the
	// extraHeaders option of socket.io-client.
	Headers []string

	// ExposedHeaders of answers that pages may read.
	ExposedHeaders []string

	// Credentials lets clients send cookies (the withCredentials option). It
	// cannot be combined with the origin "*".
	Credentials bool

	// MaxAge is how long browsers may keep the answer to a preflight request;
	// by default it is up to them.
	MaxAge time.Duration
}

// origins applies a CORS configuration.
type origins struct {
	cors   *cors.Cors // nil: the own origin only
	logger *slog.Logger
	mu     sync.Mutex
	told   []string
}

const maxOriginsTold = 100

func newOrigins(c CORS, logger *slog.Logger) *origins {
	o := &origins{logger: logger}
	if len(c.Origins) == 0 && c.AllowOrigin == nil {
		return o
	}
	if len(c.Origins) > 0 && c.AllowOrigin != nil {
		panic("socketio: CORS has Origins and AllowOrigin; use one of them")
	}
	for _, origin := range c.Origins {
		checkOrigin(origin, c.Credentials)
	}
	methods := c.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodGet, http.MethodPost}
	}
	options := cors.Options{
		AllowedOrigins:       c.Origins,
		AllowedMethods:       methods,
		AllowedHeaders:       append([]string{"Content-Type"}, c.Headers...),
		ExposedHeaders:       c.ExposedHeaders,
		AllowCredentials:     c.Credentials,
		MaxAge:               int(c.MaxAge / time.Second),
		OptionsSuccessStatus: http.StatusNoContent,
	}
	if c.AllowOrigin != nil {
		options.AllowOriginVaryRequestFunc = func(r *http.Request, _ string) (bool, []string) {
			return o.ask(c.AllowOrigin, r), nil
		}
	}
	o.cors = cors.New(options)
	return o
}

// ask calls AllowOrigin. A panic there allows nothing, and http.ErrAbortHandler
// ends the request.
func (o *origins) ask(allow func(*http.Request) bool, r *http.Request) bool {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			logPanic(o.logger, "CORS.AllowOrigin", "", "", p)
		}
	}()
	return allow(r)
}

// checkOrigin panics at what would silently never match, or match too much.
func checkOrigin(origin string, credentials bool) {
	if origin == "*" {
		if credentials {
			panic(`socketio: CORS.Origins "*" with Credentials would let every page act as its visitor; list the origins`)
		}
		return
	}
	u, err := url.Parse(strings.Replace(origin, "*", "wildcard", 1))
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		panic(fmt.Sprintf("socketio: CORS.Origins: %q is no origin; it is scheme, host and perhaps port, "+
			`as in "http://localhost:5173", without a slash at the end`, origin))
	}
}

// handler puts the CORS headers and the answers to preflight requests before h.
func (o *origins) handler(h http.Handler) http.Handler {
	if o.cors == nil {
		return h
	}
	return o.cors.Handler(h)
}

// allowed reports whether a request may use the server.
func (o *origins) allowed(r *http.Request) bool {
	if engine.SameOrigin(r) || o.cors != nil && o.cors.OriginAllowed(r) {
		return true
	}
	o.tell(r.Header.Get("Origin"))
	return false
}

// tell logs each refused origin once.
func (o *origins) tell(origin string) {
	o.mu.Lock()
	told := slices.Contains(o.told, origin) || len(o.told) == maxOriginsTold
	if !told {
		o.told = append(o.told, origin)
	}
	o.mu.Unlock()
	if !told {
		o.logger.Warn(fmt.Sprintf("origin refused; to allow it, add %q to Options.CORS.Origins", origin), "origin", origin)
	}
}

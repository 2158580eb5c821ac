package engine

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options configure a Server. The zero value of each field means its default.
type Options struct {
	// Path is where the server answers, "/engine.io/" by default. Other paths
	// get 404.
	Path string

	// Transports that clients may use, Polling and WebSocket by default.
	Transports []string

	// PingInterval is the longest pause between a PONG and the next PING, 25 s
	// by default; PingTimeout the time a client has to answer it, 20 s by
	// default. A client is noticed to be gone after their sum at the latest.
	// PingTimeout also bounds how long a POST's body and a poll's answer may
	// be on their way.
	PingInterval time.Duration
	PingTimeout  time.Duration

	// UpgradeTimeout bounds an upgrade from polling to WebSocket, how long a
	// closing session waits for its client to take what is queued, and how
	// long Shutdown waits for a Drainer. 10 s by default.
	UpgradeTimeout time.Duration

	// ShutdownSpread is the time over which Shutdown spreads the ends of the
	// sessions evenly, so that the clients do not all reconnect at once; 0,
	// the default, ends them together.
	ShutdownSpread time.Duration

	// MaxPayload is the largest message or POST body accepted, in bytes,
	// 1,000,000 by default. A POST of several packets may be 1 % longer,
	// because stock clients fill it a little beyond. The limit is enforced
	// before anything is buffered and told to the client in the handshake.
	MaxPayload int

	// MaxBuffered is how many bytes may wait for one client, 1 MiB by
	// default. A client that lets more pile up is closed with
	// ReasonSlowClient. Each message counts 64 bytes more than its size; one
	// of any size may wait beside what is being written. While the server finds
	// out whether it is late itself, up to twice as many bytes may wait.
	MaxBuffered int

	// MaxConnections is how many sessions there may be, and
	// MaxConnectionsPerAddress how many of one client address; both without
	// limit by default. Handshakes under way count. Those beyond get 503, or
	// 429 of one address, with Retry-After. The address is that in the
	// request's RemoteAddr, of IPv6 the network of 64 bits: behind a proxy
	// this is the proxy's, unless a handler in front sets RemoteAddr to what
	// the proxy says.
	MaxConnections           int
	MaxConnectionsPerAddress int

	// DropOldest has the oldest messages to a client dropped, whole and with a
	// line in the log, where more than MaxBuffered bytes would wait for it, in
	// place of its being closed. The protocol's own packets and messages with
	// Keep stay; those that remain keep their order.
	DropOldest bool

	// HTTPCompressionThreshold is the smallest length in bytes of an answer to a
	// poll that the server compresses, for clients that accept gzip or deflate. A
	// negative value turns compression off. Defaults to 1,024. Where a handler in front has set
	// Content-Encoding, or Vary for it, the compression is left to that.
	HTTPCompressionThreshold int

	// PerMessageDeflate compresses the messages of WebSockets whose clients
	// offer that. Defaults to nil: no compression, which saves memory and time.
	PerMessageDeflate *PerMessageDeflate

	// AllowEIO3 admits clients of Engine.IO protocol revision 3 too, which
	// Socket.IO 2 is built on.
	AllowEIO3 bool

	// CheckOrigin decides whether a request may open or use a session. By
	// default it is SameOrigin. Browsers apply no CORS rules to WebSocket, so
	// without this check any page could connect with its visitor's cookies.
	// A refusal by a function of the program's own is not logged.
	CheckOrigin func(*http.Request) bool

	// AllowRequest decides whether a handshake may open a session; all may by
	// default. An error refuses it with 403 and the error's text, or as a
	// [*StatusError] says. Requests
	// within a session are not asked about. It may block, and be called
	// concurrently.
	AllowRequest func(*http.Request) error

	// GenerateID makes the id of the session that a handshake opens; by
	// default it is NewID's. Ids are letters, digits and -._~; another form,
	// the id of a session that is there, or an error refuses the handshake
	// with 400. Whoever knows the id can take part in the session, so it must
	// be as unguessable as a key: no user's name, number or time. It may
	// block, and be called concurrently.
	GenerateID func(*http.Request) (string, error)

	// Cookie is sent with each handshake, with the session's id as its value,
	// for load balancers that keep a client with its server by a cookie. The id
	// is a secret: set HttpOnly, SameSite, and Secure if you can. Defaults to no
	// cookie.
	Cookie *http.Cookie

	// Logger gets a line for each refusal, of the same kind at most ten a
	// minute above level Debug; silent by default.
	Logger *slog.Logger

	// Trace contains functions that the server calls, for metrics. It may be nil.
	Trace *Trace
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Path == "" {
		c.Path = "/engine.io/"
	}
	if !strings.HasPrefix(c.Path, "/") {
		panic(fmt.Sprintf("socketio: Options.Path %q does not begin with a slash", c.Path))
	}
	c.Path = strings.TrimSuffix(c.Path, "/")
	if len(c.Transports) == 0 {
		c.Transports = []string{Polling, WebSocket}
	}
	for _, t := range c.Transports {
		if t != Polling && t != WebSocket {
			panic(fmt.Sprintf("socketio: Options.Transports: unknown transport %q; there are %q and %q", t, Polling, WebSocket))
		}
	}
	c.Transports = slices.Clone(c.Transports)
	if c.Cookie != nil {
		if err := c.Cookie.Valid(); err != nil {
			panic(fmt.Sprintf("socketio: Options.Cookie: %v", err))
		}
	}
	defaultTo(&c.PingInterval, 25*time.Second)
	defaultTo(&c.PingTimeout, 20*time.Second)
	defaultTo(&c.UpgradeTimeout, 10*time.Second)
	defaultTo(&c.MaxPayload, 1_000_000)
	defaultTo(&c.MaxBuffered, 1<<20)
	if c.HTTPCompressionThreshold == 0 {
		c.HTTPCompressionThreshold = defaultThreshold
	}
	c.PerMessageDeflate = c.PerMessageDeflate.withDefaults()
	if c.CheckOrigin == nil {
		c.CheckOrigin = SameOrigin
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = slog.New(guardedHandler{c.Logger.Handler()})
	if c.Trace == nil {
		c.Trace = new(Trace)
	}
	return c
}

func defaultTo[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// SameOrigin reports whether a request comes from a page of the host it is
// sent to, or from no browser at all (it has no Origin header).
func SameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	ownHost := r.Host
	switch u.Scheme { // an origin does not name its default port, but a Host header may
	case "http":
		ownHost = strings.TrimSuffix(ownHost, ":80")
	case "https":
		ownHost = strings.TrimSuffix(ownHost, ":443")
	}
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, ownHost)
}

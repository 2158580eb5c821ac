package socketio

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"reflect"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// Options configure a Server. The zero value of each field means its default.
type Options struct {
	// Path is the URL path at which the server answers; it is the path option
	// of clients. The server answers other paths with 404. Defaults to
	// "/socket.io/".
	Path string

	// Transports are the transports that clients may use. Defaults to
	// {"polling", "websocket"}.
	Transports []string

	// PingInterval is the pause between a client's PONG and the next PING, and
	// PingTimeout is the time that the client may take to answer the PING. The
	// server notices a lost client after the sum of both at the latest.
	// PingTimeout also limits the time to receive the body of a POST and the
	// time to send the answer to a poll. PingInterval defaults to 25 s,
	// PingTimeout to 20 s.
	PingInterval time.Duration
	PingTimeout  time.Duration

	// UpgradeTimeout limits three times: how long an upgrade from polling to
	// WebSocket may take, how long a disconnected client may take to receive
	// its queued packets, and how long handlers may run on after Shutdown has
	// reached their client. When the last time is over, the context of the
	// handlers ends. Defaults to 10 s.
	UpgradeTimeout time.Duration

	// ShutdownSpread is the time over which Shutdown spreads the closing of
	// connections evenly, so that the clients do not all reconnect to other
	// servers at once. Defaults to 0, at which Shutdown closes all connections
	// together.
	ShutdownSpread time.Duration

	// ConnectTimeout limits two times: how long a connection may exist before
	// the server lets the client into a namespace, and how long an event may
	// wait for its next attachment. After either time the server closes the
	// connection. Defaults to 45 s.
	ConnectTimeout time.Duration

	// Limits bound what one client may use of the server, and how many clients
	// there may be.
	Limits Limits

	// Parser encodes and decodes packets. Clients must use the same parser, by
	// their parser option; see parser/msgpack. The parser limits the
	// attachments of a packet; see parser.JSON.MaxAttachments. Defaults to
	// [parser.JSON].
	Parser parser.Parser

	// HTTPCompressionThreshold is the smallest length in bytes of an answer to a
	// poll that the server compresses, for clients that accept gzip or deflate. A
	// negative value turns the compression off. The server does not compress an
	// answer if a handler in front of it has set the header Content-Encoding,
	// or Vary with Accept-Encoding. Defaults to 1,024.
	HTTPCompressionThreshold int

	// PerMessageDeflate compresses WebSocket messages for clients that offer
	// it, as browsers do. See also [Broadcast.Compress]. Defaults to nil: no
	// compression, which saves memory and time.
	PerMessageDeflate *PerMessageDeflate

	// AllowEIO3 also admits clients of Socket.IO 2, whose protocol is Engine.IO
	// 3, and clients of Socket.IO 1 over WebSocket. DecodeAuth decodes the
	// query of such a client's handshake. The id of such a client's socket
	// contains the id of its session. The program must keep it secret from
	// other clients, because a client that knows the id of a session can take
	// part in it. Defaults to false.
	AllowEIO3 bool

	// Adapter connects the server with other servers, so that they share rooms.
	// [adapter.Loopback] connects several servers in one process. Defaults to
	// nil: the server works alone.
	Adapter adapter.Adapter

	// Recovery lets clients that have lost their connection come back with
	// their rooms, their data and the events that they have missed. Defaults to
	// nil: clients cannot come back.
	Recovery *Recovery

	// CORS says which pages of other origins may use the server. Defaults to no
	// pages of other origins.
	CORS CORS

	// AllowRequest decides whether a client may open a connection. If it
	// returns an error, the server refuses the client with status 403 and the
	// error's text; an [*Error] chooses another status and message. Decisions
	// that depend on the auth option or on the namespace belong into
	// [Namespace.Use]. Defaults to nil: every client may open a connection.
	AllowRequest func(*http.Request) error

	// GenerateID returns the id of the session that a client opens. Load
	// balancers can find the client's server by the id. An id may contain
	// letters, digits and -._~ only. The server refuses the client with 400 if
	// GenerateID returns an error, an id of another form, or the id of an
	// existing session. A client that knows the id can take part in the
	// session, so at least 120 bits of the id must be random. The id of a
	// session is not the id of a socket, except for clients of
	// [Options.AllowEIO3]. Defaults to 20 random characters.
	GenerateID func(*http.Request) (string, error)

	// Cookie is sent to each client that opens a connection, with the session's
	// id as its value, for load balancers that keep a client with its server by
	// a cookie. The id is a secret: set HttpOnly, SameSite, and Secure if you
	// can. Defaults to no cookie.
	Cookie *http.Cookie

	// ServeClient contains the .js and .map files of the JavaScript client, or
	// the compressed files .js.gz and .map.gz. The server serves these files
	// below Path, for pages that do not bundle the client. See package
	// clientbundle. Defaults to nil: the server answers requests for such files
	// with 404.
	ServeClient fs.FS

	// Logger gets a line for each refusal and each failure. Lines that a client
	// can cause repeatedly are limited: each text is logged at most ten times a
	// minute, and at most once a minute for the same origin, event, handler and
	// so on. Further lines have level Debug, and so have the lines about
	// mistakes that only the client can make. Defaults to no log.
	Logger *slog.Logger

	// Trace contains functions that the server calls, for metrics and spans.
	// See metrics/prometheus and metrics/otel. Defaults to nil.
	Trace *Trace
}

// Limits bound the resources that one client may use, and the number of
// clients. The zero value of each field means its default. docs/limits.md lists
// all limits.
type Limits struct {
	// Payload is the largest message or POST body that the server accepts from
	// a client, in bytes. A client that sends more is disconnected. Defaults to
	// 1,000,000.
	Payload int

	// Buffered is how many bytes may wait for one client. The server
	// disconnects a client with [ReasonSlowClient] when more bytes wait.
	// Besides the bytes that the server is writing already, one message of any
	// size may wait. While the server finds out whether the client or the
	// server itself is late, up to twice as many bytes may wait. Defaults to
	// 1 MiB.
	Buffered int

	// DropOldest, if true, makes the server drop the oldest queued events of a
	// client when more than Buffered bytes wait, instead of disconnecting the
	// client. The server drops an event together with its attachments, and
	// keeps the order of the other events. It never drops events that expect a
	// reply, replies and packets of the protocol; if these alone exceed
	// Buffered, the server disconnects the client. Defaults to false.
	DropOldest bool

	// Namespaces is how many namespaces one client may be connected to at a
	// time. A namespace that the client has left counts until its handlers have
	// returned. The server refuses further namespaces with the connect_error
	// "Too many namespaces". There is one exception: if the client is over the
	// limit by one namespace, and only because handlers of a namespace that it
	// has left are still running, the new namespace waits for these handlers.
	// Defaults to 100.
	Namespaces int

	// Inbox is how many bytes received from one client may wait in the server,
	// for all its namespaces together. Each event, attachment and reply counts
	// 128 bytes more than its length. Inbox consists of three shares.
	//
	// Half of Inbox is for events. Events count while they wait for their
	// handlers and while the handlers run, even after the client has left the
	// namespace. Attachments count from their arrival. A quarter is for replies
	// that wait for the function of CallFunc. While one of these two shares is
	// full, the server does not read from the client.
	//
	// A quarter, and at least 64 KiB, is for the auth data that DecodeAuth
	// decodes, of all namespaces that the client has not left. The server
	// refuses a CONNECT that exceeds this share with the connect_error "Too
	// much auth data".
	//
	// A single packet may have any size if nothing else waits. Defaults to 2
	// MiB.
	Inbox int

	// PendingAcks is how many replies the client of one socket may owe at a
	// time. If the client owes that many, CallFunc and Call fail with
	// [ErrPendingAcks]. Defaults to 10,000.
	PendingAcks int

	// Rooms is how many rooms one socket may be in, besides the room that is
	// named like its id. Join fails with [ErrTooManyRooms] if the socket would
	// be in more. Defaults to no limit.
	Rooms int

	// Connections is how many connections may exist, and ConnectionsPerAddress
	// how many may exist for one client address. The server refuses a further
	// connection with 429 if its address has too many, otherwise with 503. The
	// address is the one in the request's RemoteAddr; all IPv6 addresses of one
	// /64 network count as one address. Behind a proxy, RemoteAddr is the
	// address of the proxy, unless a handler in front of the server sets it to
	// the client's. Both default to no limit.
	Connections           int
	ConnectionsPerAddress int

	// EventRate limits how fast a client may send events. Every CONNECT after
	// the first counts as an event; if EventRate.Over is RateDrop, the server
	// refuses a CONNECT over the rate with the connect_error "Too many
	// connects". Whatever EventRate is, the server also refuses in this way the
	// CONNECTs beyond 10 a second, after a burst of twice Namespaces, or of 100
	// if that is more. Defaults to no limit.
	EventRate EventRate
}

// PerMessageDeflate says how the server compresses WebSocket messages, by the
// extension of that name (RFC 7692). Clients must offer it; browsers do.
type PerMessageDeflate struct {
	// Threshold is the smallest length in bytes of a message that the server
	// compresses. Defaults to 1,024.
	Threshold int

	// ServerContextTakeover, if true, lets the server compress a message by
	// reference to earlier messages of its connection, so that similar messages
	// become much shorter. It takes 0.8 MB of memory for each client to which
	// the server has sent a compressed message. If false, the server compresses
	// a broadcast once for all clients. Defaults to false.
	ServerContextTakeover bool

	// ClientContextTakeover, if true, allows clients to do the same. It takes
	// 32 kB of memory for each client that has sent a compressed message.
	// Defaults to false.
	ClientContextTakeover bool
}

// Recovery lets clients that have lost their connection come back as if they
// had not lost it: with their id, rooms and data, and with the events that they
// have missed. Volatile events and events that expect a reply are not kept for
// them. Each namespace keeps sessions and events of its own, within the limits
// below.
//
// The server appends one argument to every event, including volatile events:
// the offset that tells a client its position. Clients of [Options.AllowEIO3]
// cannot come back and do not get the offset.
//
// The server keeps everything in memory, including the events that other
// servers emit. So a client must come back to the same server, unless
// Options.Adapter is an [adapter.SessionStore]. With a SessionStore the order of
// its log is the order for all clients of all servers: Emit does not wait, and
// the server sends an event to its own clients when the event comes back from
// the log. The event then goes to the sockets that are in its rooms at that
// moment.
type Recovery struct {
	// MaxAge is how long after its disconnect a client can come back. A
	// namespace keeps at most 65,536 sessions. Defaults to 2 min.
	MaxAge time.Duration

	// MaxEvents and MaxBytes limit the number of the events that a namespace
	// keeps, and their bytes. A client gets a new session if it has missed an
	// event that is no longer kept, or more than Options.Limits.Buffered bytes.
	// They default to 10,000 events and 16 MiB.
	MaxEvents int
	MaxBytes  int

	// SkipMiddleware, if true, lets clients come back without running the
	// middleware again, as the JavaScript server does by default. A user that
	// has been banned in the meantime then comes back, too. Defaults to false.
	SkipMiddleware bool
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Path == "" {
		c.Path = "/socket.io/"
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 45 * time.Second
	}
	defaultTo(&c.Limits.Namespaces, 100)
	defaultTo(&c.Limits.Inbox, 2<<20)
	defaultTo(&c.Limits.PendingAcks, 10_000)
	defaultTo(&c.Limits.Rooms, math.MaxInt)
	if c.Parser == nil {
		c.Parser = parser.JSON{}
	}
	c.Recovery = c.Recovery.withDefaults()
	c.refuseMistakes()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Trace == nil {
		c.Trace = new(Trace)
	}
	return c
}

func (o *Recovery) withDefaults() *Recovery {
	if o == nil {
		return nil
	}
	c := *o
	if c.MaxAge <= 0 {
		c.MaxAge = 2 * time.Minute
	}
	if c.MaxEvents <= 0 {
		c.MaxEvents = 10_000
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 16 << 20
	}
	return &c
}

// refuseMistakes panics if an option is a nil pointer in an interface, as
// constructors return it beside an error, or a time without its unit.
func (o *Options) refuseMistakes() {
	for name, value := range map[string]any{"Parser": o.Parser, "Adapter": o.Adapter, "ServeClient": o.ServeClient} {
		if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
			panic(fmt.Sprintf("socketio: Options.%s is a nil %T", name, value))
		}
	}
	times := map[string]time.Duration{
		"PingInterval": o.PingInterval, "PingTimeout": o.PingTimeout, "UpgradeTimeout": o.UpgradeTimeout,
		"ShutdownSpread": o.ShutdownSpread, "ConnectTimeout": o.ConnectTimeout, "CORS.MaxAge": o.CORS.MaxAge,
	}
	if o.Recovery != nil {
		times["Recovery.MaxAge"] = o.Recovery.MaxAge
	}
	for name, d := range times {
		if d > 0 && d < time.Millisecond {
			panic(fmt.Sprintf("socketio: Options.%s is %v: is its unit missing, as time.Millisecond?", name, d))
		}
	}
}

func defaultTo(limit *int, def int) {
	if *limit <= 0 {
		*limit = def
	}
}

// engine returns the options of the engine.
func (o *Options) engine(origins *origins) *engine.Options {
	return &engine.Options{
		Path:           o.Path,
		Transports:     o.Transports,
		PingInterval:   o.PingInterval,
		PingTimeout:    o.PingTimeout,
		UpgradeTimeout: o.UpgradeTimeout,
		ShutdownSpread: o.ShutdownSpread,

		MaxPayload:               o.Limits.Payload,
		MaxBuffered:              o.Limits.Buffered,
		DropOldest:               o.Limits.DropOldest,
		MaxConnections:           o.Limits.Connections,
		MaxConnectionsPerAddress: o.Limits.ConnectionsPerAddress,

		HTTPCompressionThreshold: o.HTTPCompressionThreshold,
		PerMessageDeflate:        (*engine.PerMessageDeflate)(o.PerMessageDeflate),

		AllowEIO3:    o.AllowEIO3,
		CheckOrigin:  origins.allowed,
		AllowRequest: o.allowRequest(),
		GenerateID:   o.GenerateID,
		Cookie:       o.Cookie,
		Logger:       o.Logger,
		Trace:        o.Trace.engine(),
	}
}

// allowRequest is AllowRequest for the engine, which does not know Error.
func (o *Options) allowRequest() func(*http.Request) error {
	if o.AllowRequest == nil {
		return nil
	}
	return func(r *http.Request) error {
		err := o.AllowRequest(r)
		if public := (*Error)(nil); errors.As(err, &public) {
			return &engine.StatusError{Status: public.Status, Message: public.Message, Err: err}
		}
		return err
	}
}

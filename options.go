package socketio

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/parser"
)

// Options configure a Server. The zero value of each field means its default.
type Options struct {
	// Path is where the server answers and clients look for it (their path
	// option), "/socket.io/" by default. Other paths get 404.
	Path string

	// Transports that clients may use, {"polling", "websocket"} by default.
	Transports []string

	// PingInterval is the pause between a client's PONG and the next PING,
	// 25 s by default; PingTimeout the time it has to answer, 20 s by default.
	// A client is noticed to be gone after their sum at the latest. PingTimeout
	// also bounds how long a POST's body and a poll's answer may be on their
	// way.
	PingInterval time.Duration
	PingTimeout  time.Duration

	// UpgradeTimeout bounds an upgrade from polling to WebSocket, 10 s by
	// default, how long a client that is disconnected may take to receive what
	// is queued for it, and how long its handlers may go on at Shutdown before
	// their context ends.
	UpgradeTimeout time.Duration

	// ShutdownSpread is the time over which Shutdown spreads the clients
	// evenly, so that they do not all reconnect at once to the servers that
	// are left; 0, the default, closes their connections together.
	ShutdownSpread time.Duration

	// ConnectTimeout is how long a connection may go without connecting to a
	// namespace, 45 s by default, and how long an event may wait for the next
	// of its attachments.
	ConnectTimeout time.Duration

	// Limits bound what one client may use of the server, and how many clients
	// there may be.
	Limits Limits

	// Parser encodes and decodes packets, [parser.JSON] by default. Clients
	// need the same one as their parser option; see parser/msgpack. How many
	// attachments a packet may have is up to the parser; see
	// parser.JSON.MaxAttachments.
	Parser parser.Parser

	// HTTPCompressionThreshold is the length in bytes from which the server
	// compresses answers to polls for clients that accept gzip or deflate. A
	// negative value turns this off. Defaults to 1,024. Where a handler in
	// front has set Content-Encoding, or Vary for it, the compression is left
	// to that.
	HTTPCompressionThreshold int

	// PerMessageDeflate compresses WebSocket messages for clients that offer
	// it, as browsers do. See also [Broadcast.Compress]. Defaults to nil: no
	// compression, which saves memory and time.
	PerMessageDeflate *PerMessageDeflate

	// AllowEIO3 admits clients of Socket.IO 2 too, which speak Engine.IO 3, and
	// those of 1.x over WebSocket. Their connect query is what DecodeAuth
	// decodes. Their sockets' ids are made of the session's id and must be kept
	// from other clients, because its holder can take part in the session.
	AllowEIO3 bool

	// Adapter joins the server with others, which then share rooms; see
	// [adapter.Loopback] for several in one process. Without one the server
	// is alone.
	Adapter adapter.Adapter

	// Recovery lets clients that have lost their connection come back with
	// their rooms, their data and the events they have missed. Nil is off.
	Recovery *Recovery

	// CORS allows pages of other origins.
	CORS CORS

	// AllowRequest decides whether a client may open a connection. An error
	// refuses the client with status 403 and the error's text; an [*Error]
	// chooses status and message. Decisions by the auth option or by namespace
	// belong into Use. Nil, the default, allows all.
	AllowRequest func(*http.Request) error

	// GenerateID makes the id of the session that a client opens, for load
	// balancers that find a client's server by it; by default it is 20 random
	// characters. Ids are letters, digits and -._~; another form, the id of a
	// session that is there, or an error refuses the client with 400. Whoever
	// knows the id can take part in the session: keep at least 120 random bits
	// in it. It is not the id of a socket, except of [Options.AllowEIO3]
	// clients.
	GenerateID func(*http.Request) (string, error)

	// Cookie is sent to each client that opens a connection, with the session's
	// id as its value, for load balancers that keep a client with its server by
	// a cookie. The id is a secret: set HttpOnly, SameSite, and Secure if you
	// can. Defaults to no cookie.
	Cookie *http.Cookie

	// ServeClient contains the JavaScript client's .js and .map files, or these
	// compressed as .js.gz and .map.gz. The server serves them below Path, to
	// pages that do not bundle the client. See package clientbundle. Defaults
	// to nil: a page that asks for such a file gets 404.
	ServeClient fs.FS

	// Logger gets a line for each refusal and failure; silent by default. What
	// clients can repeat comes at most ten times a minute, and once for each
	// origin, event, handler and the like; further lines have level Debug. What
	// only a client does wrong always has.
	Logger *slog.Logger

	// Trace contains functions that the server calls, for metrics and spans.
	// See metrics/prometheus and metrics/otel. Defaults to nil.
	Trace *Trace
}

// Limits bound what one client may use of the server, and how many clients
// there may be. The zero value of each field means its default. docs/limits.md
// has all limits.
type Limits struct {
	// Payload is the largest message or POST body that the server accepts from
	// a client, in bytes. A client that sends more is disconnected. Defaults to
	// 1,000,000.
	Payload int

	// Buffered is how many bytes may wait for one client. A client that lets
	// more pile up is disconnected with [ReasonSlowClient]. One message of any
	// size may wait beside what is being written. Defaults to 1 MiB.
	Buffered int

	// DropOldest, if true, drops the oldest queued events of a client that lets
	// more than Buffered bytes pile up, instead of disconnecting it. An event is
	// dropped together with its attachments; the others keep their order. Events
	// that expect a reply, replies and packets of the protocol are never
	// dropped; if they alone exceed Buffered, the client is disconnected.
	DropOldest bool

	// Namespaces is how many namespaces one client may be connected to at a
	// time. A namespace that the client has left counts until its handlers have
	// returned. The server refuses further ones with a connect_error, "Too many
	// namespaces"; only the first that is one too many because handlers have yet
	// to return waits for them instead. Defaults to 100.
	Namespaces int

	// Inbox is how many bytes of one client may wait in the server, in all its
	// namespaces together; each event, attachment and reply counts 128 bytes
	// more. Half of it is for events that wait for their handlers or are being
	// handled, also after the client has left the namespace, and for
	// attachments until their event is complete. A quarter is for replies that
	// wait for the function of CallFunc. While there is more, the server does
	// not read from the client. A quarter, 64 KiB at least, is for what
	// DecodeAuth decodes, in all namespaces that the client has not left; a
	// CONNECT with more is refused with a connect_error, "Too much auth data".
	// One packet of any size may wait where nothing else does. Defaults to 2
	// MiB.
	Inbox int

	// PendingAcks is how many replies the client of one socket may owe. Beyond
	// it CallFunc and Call fail with [ErrPendingAcks]. Defaults to 10,000.
	PendingAcks int

	// Rooms is how many rooms one socket may be in, beside the room of its own
	// id. Beyond it Join fails with [ErrTooManyRooms]. Defaults to no limit.
	Rooms int

	// Connections is how many connections there may be, and
	// ConnectionsPerAddress how many of one client address. The server answers
	// further ones by 503, or by 429 if there are too many of one address. The
	// address is that in the request's RemoteAddr, of IPv6 the network of 64
	// bits: behind a proxy this is the proxy's, unless a handler in front sets
	// RemoteAddr to what the proxy says. Both default to no limit.
	Connections           int
	ConnectionsPerAddress int

	// EventRate bounds how fast a client's events come. CONNECTs after the first
	// count as events; the server refuses those over the rate that are not to
	// wait with a connect_error, "Too many connects". It also refuses, whatever
	// EventRate is, more than 10 a second after the first 200, or after twice
	// Namespaces if that is more. Defaults to no limit.
	EventRate EventRate
}

// PerMessageDeflate says how the server compresses WebSocket messages, by the
// extension of that name (RFC 7692). Clients must offer it; browsers do.
type PerMessageDeflate struct {
	// Threshold is the length in bytes from which the server compresses a
	// message. Defaults to 1,024.
	Threshold int

	// ServerContextTakeover lets each message refer to earlier messages of its
	// connection, which makes similar messages much shorter. It takes 0.8 MB of
	// memory for each client that has been sent a compressed message. Without it
	// the server compresses a broadcast once for all clients.
	ServerContextTakeover bool

	// ClientContextTakeover allows clients to do the same. It takes 32 kB of
	// memory for each client that has sent compressed messages.
	ClientContextTakeover bool
}

// Recovery lets clients that have lost their connection come back as if they
// had not: with their id, rooms and data, and with the events they have missed.
// These are the events without acknowledgement that are not volatile. Each
// namespace keeps its own, within the limits below.
//
// Every event, also a volatile one, gets a further last argument: the offset
// that tells clients their position. Clients of [Options.AllowEIO3] cannot come
// back and do not get it.
//
// All is kept in memory, so a client has to come back to the same server, which
// also keeps the events of others; unless Options.Adapter is an
// [adapter.SessionStore].
type Recovery struct {
	// MaxAge is how long after its disconnect a client can come back, 2 min by
	// default. A namespace keeps 65,536 sessions at most.
	MaxAge time.Duration

	// MaxEvents and MaxBytes limit the events that a namespace keeps, and their
	// bytes. A client that has missed an event that is gone, or more than
	// Options.Limits.Buffered bytes, gets a new session. Default to 10,000
	// events and 16 MiB.
	MaxEvents int
	MaxBytes  int

	// SkipMiddleware, if true, lets clients come back without asking the
	// middleware again, as the JavaScript server does by default. This admits
	// also a user that has been banned meanwhile.
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

package socketio

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goroomcast/socketio/internal/cluster"
	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// A Server accepts Socket.IO clients. It is an http.Handler, to be mounted at
// its Pattern.
//
// A Server has the methods of its main namespace, "/", too: [Namespace.Name]
// and [Namespace.Group]; [Namespace.On], [Namespace.OnConnect],
// [Namespace.OnRoomEvent] and [Namespace.OnServerSide]; [Namespace.Use];
// [Namespace.Rooms] and [Namespace.Socket]; [Namespace.ServerSideEmit] and
// [Namespace.ServerSideCall]. And it has those of a Broadcast to all sockets
// of the main namespace: [Broadcast.Emit] and [Broadcast.Call];
// [Broadcast.To], [Broadcast.In], [Broadcast.Except], [Broadcast.Local],
// [Broadcast.Volatile] and [Broadcast.Compress]; [Broadcast.Sockets],
// [Broadcast.Count] and [Broadcast.FetchSockets]; [Broadcast.SocketsJoin],
// [Broadcast.SocketsLeave] and [Broadcast.DisconnectSockets].
type Server struct {
	*mainNamespace

	opts    Options
	logger  *rarelog.Logger
	guard   guard
	bus     *cluster.Bus // nil without an adapter
	coder   coder
	trace   Trace
	engine  *engine.Server
	handler http.Handler
	workers sync.WaitGroup // sockets, and goroutines that run handlers
	batches atomic.Int64   // of events that are being handled

	mu         sync.RWMutex
	namespaces map[string]*Namespace
	families   []*Namespace // parents, in the order in which they were made
	deserted   int          // namespaces that only kept sessions use
}

// mainNamespace makes the embedded Namespace unexported.
type mainNamespace = Namespace

// NewServer returns a server. Options may be nil. NewServer panics if an option
// is invalid.
func NewServer(o *Options) *Server {
	opts := o.withDefaults()
	s := &Server{
		opts:       opts,
		namespaces: make(map[string]*Namespace),
	}
	origins := newOrigins(opts.CORS)
	s.engine = engine.NewServer(opts.engine(origins), func(session *engine.Session, r *http.Request) engine.Receiver {
		return newConn(s, session, r)
	})
	s.logger = rarelog.New(s.engine.Options().Logger) // which does not panic
	s.guard = guard{s.logger}
	s.coder = coder{s.guard, opts.Parser}
	s.trace = opts.Trace.guarded(s.guard)
	origins.logger = s.logger
	s.handler = origins.handler(&clientFiles{
		files: opts.ServeClient, path: strings.TrimSuffix(opts.Path, "/") + "/", logger: s.logger, next: s.engine,
	})
	s.bus = cluster.NewBus(opts.Adapter, busHost{s})
	s.mainNamespace = s.Of("/")
	if f := s.trace.ServerCreated; f != nil {
		f(s)
	}
	return s
}

// Pattern returns Options.Path as a pattern for [http.ServeMux]. With
// http.Handle(io.Pattern(), io) the server is mounted at the path that it
// answers.
func (s *Server) Pattern() string {
	path := url.URL{Path: strings.TrimSuffix(s.opts.Path, "/") + "/"}
	return path.EscapedPath() // in which braces are no wildcards
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Of returns the namespace with this name, and creates it if it does not exist.
// Clients can connect to a namespace once Of has created it. Of adds a missing
// slash at the beginning of the name.
func (s *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	s.mu.Lock()
	n := s.namespaces[name]
	created := n == nil
	for _, parent := range s.families {
		if p := parent.family.pattern; n == nil && p != nil && p.MatchString(name) {
			n = s.addChild(parent, name)
		}
	}
	if n == nil {
		n = newNamespace(s, name, nil)
		s.namespaces[name] = n
	}
	n.pinned = true
	s.mu.Unlock()
	if created {
		n.cluster.Join()
		n.created()
	}
	return n
}

// ClientsCount returns the number of connections of this server. A client
// counts once, in however many namespaces it is.
func (s *Server) ClientsCount() int { return s.engine.Len() }

// Shutdown refuses new clients with 503 and closes the connections of the
// others one after another, within [Options.ShutdownSpread]. The server serves
// a client as usual until the client's turn. Then it handles and acknowledges
// the events that it has received from the client, but no later ones, sends the
// queued packets and closes the connection with [ReasonServerShutdown]. The
// client reconnects by itself. Shutdown returns when the handlers of all
// sockets have returned. If ctx ends first, Shutdown closes the remaining
// connections at once and returns the cause of ctx. An Options.Adapter that
// does not answer delays the return by up to a second.
//
// http.Server.Shutdown must be called after this Shutdown, because polling
// clients need HTTP to receive their queued packets. It does not close
// WebSockets.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.closeNamespaces()
	if err := s.engine.Shutdown(ctx); err != nil {
		return err
	}
	idle := make(chan struct{})
	go func() {
		s.workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close refuses new clients and closes all connections at once, with
// [ReasonServerShutdown]. It returns nil.
func (s *Server) Close() error {
	s.engine.Close()
	s.closeNamespaces()
	return nil
}

// closeNamespaces closes all, and tells the other servers.
func (s *Server) closeNamespaces() {
	for _, n := range s.allNamespaces() {
		n.close()
	}
	s.bus.Close()
}

// allNamespaces returns those that there are now, without parents.
func (s *Server) allNamespaces() []*Namespace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.namespaces))
}

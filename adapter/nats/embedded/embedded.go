// Package embedded connects servers without a bus to install: each process
// runs a NATS server of its own, and these servers connect to each other.
//
//	bus, err := embedded.New(&embedded.Options{
//		Listen: "10.0.0.1:6222",
//		Routes: []string{"10.0.0.2:6222", "10.0.0.3:6222"},
//		Secret: os.Getenv("BUS_SECRET"),
//	})
//	…
//	io := socketio.NewServer(&socketio.Options{Adapter: bus})
package embedded

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/nats"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// Options configure an Adapter.
type Options struct {
	// Listen is the host and port at which the NATS server of this process
	// accepts the others. The others must be able to reach it. If it is "", the
	// process is alone.
	Listen string

	// Routes are the addresses at which other processes listen. If one of them
	// answers, it names the others. The other processes may start later,
	// because this process goes on trying. Routes may contain its own address,
	// so all processes may have the same list.
	Routes []string

	// Secret is the password that the processes show each other. It is required
	// with Listen.
	Secret string

	// TLS encrypts the connections between the processes, and must contain a
	// certificate and the authorities of the others' certificates. Defaults to
	// no encryption.
	TLS *tls.Config

	// Prefix is the beginning of all subjects. Defaults to "socketio".
	Prefix string

	// RoomSubjects is RoomSubjects of [nats.Options].
	RoomSubjects bool

	// Logger gets a line when another process joins or leaves, and the warnings
	// of the NATS server. Defaults to no log.
	Logger *slog.Logger
}

// An Adapter is a NATS server in this process, and a connection to it. It
// implements [github.com/goroomcast/socketio/adapter.Adapter].
type Adapter struct {
	*nats.Adapter
	server *server.Server
	ping   string // a subject to which every process answers
	once   sync.Once
	closed chan struct{}
}

const (
	// startTime is how long the NATS server may take to start.
	startTime = 10 * time.Second

	// settleTime is how long other processes may take to learn of a subscription.
	settleTime = time.Second

	// watchEvery is how often the processes are counted for the log.
	watchEvery = 500 * time.Millisecond
)

// New starts a NATS server in this process and returns an Adapter that uses
// it. It fails if the address of Listen cannot be used. It does not wait for
// other processes.
func New(o *Options) (*Adapter, error) {
	if o == nil {
		o = new(Options)
	}
	options, err := o.server()
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if err := o.tryListen(); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	s, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	logger := rarelog.New(cmp.Or(o.Logger, slog.New(slog.DiscardHandler)))
	s.SetLoggerV2(lines{logger}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startTime) {
		stop(s)
		return nil, errors.New("embedded: the NATS server does not start")
	}
	bus, err := nats.New("", &nats.Options{
		Prefix:       o.Prefix,
		RoomSubjects: o.RoomSubjects,
		Logger:       o.Logger,
		Connect: []natsgo.Option{
			natsgo.InProcessServer(s), natsgo.Token(options.Authorization),
			natsgo.FlusherTimeout(innerTime), natsgo.PingInterval(innerTime),
		},
	})
	if err != nil {
		stop(s)
		return nil, err
	}
	a := &Adapter{Adapter: bus, server: s, ping: cmp.Or(o.Prefix, nats.DefaultPrefix) + ".ping", closed: make(chan struct{})}
	if _, err := bus.Conn().Subscribe(a.ping, func(m *natsgo.Msg) { _ = m.Respond(nil) }); err != nil {
		a.Close()
		return nil, fmt.Errorf("embedded: %w", err)
	}
	go a.watch(logger)
	return a, nil
}

// Close ends the NATS server. Close the socketio.Server first.
func (a *Adapter) Close() {
	a.once.Do(func() {
		close(a.closed)
		a.Adapter.Close()
		stop(a.server)
	})
}

// watch logs when another process comes or goes.
func (a *Adapter) watch(logger *rarelog.Logger) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for known := 1; ; {
		select {
		case <-ticker.C:
		case <-a.closed:
			return
		}
		n := a.interest(a.ping)
		switch about := logger.About(strconv.Itoa(n)); {
		case n > known:
			about.Log(slog.LevelInfo, "another process has joined the bus", "processes", n)
		case n < known:
			about.Log(slog.LevelWarn, "another process has left the bus", "processes", n)
		}
		known = n
	}
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Subscribe implements adapter.Adapter. It returns when the other processes
// know of the subscription.
func (a *Adapter) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	err := a.Adapter.Subscribe(ctx, s)
	if err == nil {
		err = a.settle(ctx)
	}
	return err
}

// settle waits until each process has answered, and so has learnt of all
// subscriptions before. A process that does not answer in time is let be.
func (a *Adapter) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	answers, err := a.Conn().SubscribeSync(a.Conn().NewInbox())
	if err != nil {
		return err
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := a.Conn().PublishRequest(a.ping, answers.Subject, nil); err != nil {
		return err
	}
	for others := a.interest(a.ping) - 1; others > 0; others-- {
		if _, err := answers.NextMsgWithContext(ctx); err != nil {
			return nil
		}
	}
	return nil
}

// interest returns how many processes subscribe to a subject.
func (a *Adapter) interest(subject string) int { return a.server.GlobalAccount().Interest(subject) }

// Servers implements adapter.Adapter. The NATS server knows the subscriptions
// of all processes, and forgets those of a process when its connection breaks.
func (a *Adapter) Servers(_ context.Context, namespace string) (int, error) {
	return a.interest(a.Subject(namespace)), nil
}

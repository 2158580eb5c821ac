package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/goroomcast/socketio/internal/rarelog"
)

const (
	// user is the name that goes with the secret.
	user = "socketio"

	// maxPayload is how long a message may be before it travels in parts.
	maxPayload = 1 << 20

	// A process that does not answer is given up after two PINGs without PONG.
	pingInterval = 2 * time.Second
	maxPings     = 2

	// innerTime is how long the adapter waits for the server of its own process.
	// This server cannot be gone, but slow, and a write that is given up loses
	// what was on its way.
	innerTime = time.Minute
)

var (
	errNoListen = errors.New("Options.Routes without Options.Listen: the other processes must be able to reach this one")
	errNoSecret = errors.New("Options.Listen without Options.Secret: anybody could join")
)

// server returns the options of the NATS server. Its listener for clients is
// on the loopback interface, on any port and with a secret token:
// a NATS server without one does not connect to others.
func (o *Options) server() (*server.Options, error) {
	options := &server.Options{
		Host:            "127.0.0.1",
		Port:            server.RANDOM_PORT,
		Authorization:   rand.Text(),
		NoSigs:          true,
		NoSystemAccount: true,
		MaxPayload:      maxPayload,
		DontListen:      o.Listen == "",
	}
	if o.Listen == "" {
		if len(o.Routes) > 0 {
			return nil, errNoListen
		}
		return options, nil
	}
	host, port, err := splitHostPort(o.Listen)
	switch {
	case err != nil:
		return nil, fmt.Errorf("Options.Listen: %w", err)
	case o.Secret == "":
		return nil, errNoSecret
	}
	options.Cluster = server.ClusterOpts{
		Name:         user,
		Host:         host,
		Port:         port,
		Username:     user,
		Password:     o.Secret,
		TLSConfig:    o.TLS,
		PingInterval: pingInterval,
		MaxPingsOut:  maxPings,
	}
	for _, address := range o.Routes {
		if _, _, err := splitHostPort(address); err != nil {
			return nil, fmt.Errorf("Options.Routes: %w", err)
		}
		options.Routes = append(options.Routes, &url.URL{Scheme: "nats-route", Host: address, User: url.UserPassword(user, o.Secret)})
	}
	return options, nil
}

// tryListen returns the error of listening. The NATS server would only log it.
func (o *Options) tryListen() error {
	if o.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return err
	}
	return l.Close()
}

func splitHostPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, err
}

// lines pass on what the NATS server logs. A connection that fails is logged
// once in a minute, not at each attempt.
type lines struct{ to *rarelog.Logger }

func (l lines) debug(format string, args []any) {
	l.to.Debug("NATS server", "says", fmt.Sprintf(format, args...))
}

func (l lines) warn(format string, args []any) {
	if strings.HasPrefix(format, "Error trying to connect to route") {
		l.debug(format, args) // it may start later; Adapter.watch tells when it comes
		return
	}
	l.to.About(format).Warn("NATS server", "says", fmt.Sprintf(format, args...))
}

func (l lines) Noticef(format string, args ...any) { l.debug(format, args) }
func (l lines) Debugf(format string, args ...any)  { l.debug(format, args) }
func (l lines) Tracef(format string, args ...any)  { l.debug(format, args) }
func (l lines) Warnf(format string, args ...any)   { l.warn(format, args) }
func (l lines) Errorf(format string, args ...any)  { l.warn(format, args) }
func (l lines) Fatalf(format string, args ...any)  { l.warn(format, args) }

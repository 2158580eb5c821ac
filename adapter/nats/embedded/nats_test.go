package embedded

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/adapter/adaptertest"
	"github.com/goroomcast/socketio/adapter/nats"
)

// These are tests of package nats. They are here because this module has a NATS
// server.

// natsServer starts a NATS server on the loopback interface.
func natsServer(t testing.TB) *server.Server {
	t.Helper()
	return startNATS(t, server.Options{JetStream: true, StoreDir: t.TempDir()})
}

func startNATS(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.Port, o.NoSigs = "127.0.0.1", server.RANDOM_PORT, true
	o.MaxPending, o.WriteDeadline = 1<<30, patience // a client may be slow because the machine is
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

func connect(t testing.TB, url string, o nats.Options) *nats.Adapter {
	t.Helper()
	o.Logger = logger()
	a, err := nats.New(url, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func connectJetStream(t testing.TB, url string, o nats.JetStreamOptions) *nats.JetStream {
	t.Helper()
	o.Logger = logger()
	a, err := nats.NewJetStream(url, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// apart are options for servers that share a NATS server with others, and that do
// not give their connections up because the machine is slow.
func apart(o nats.Options) nats.Options {
	o.Prefix = fmt.Sprint("tests.", prefixes.Add(1))
	o.Connect = []natsgo.Option{natsgo.PingInterval(patience), natsgo.FlusherTimeout(patience), natsgo.Timeout(patience)}
	return o
}

var prefixes atomic.Int64

func TestJetStream(t *testing.T) {
	url := natsServer(t).ClientURL()
	adaptertest.Run(t, func(t testing.TB, n int) []adapter.Adapter {
		o := nats.JetStreamOptions{Options: apart(nats.Options{}), Memory: true, MaxBytes: 8 << 20}
		var all []adapter.Adapter
		for range n {
			all = append(all, connectJetStream(t, url, o))
		}
		return all
	})
}

func TestNATS(t *testing.T) {
	url := natsServer(t).ClientURL()
	adaptertest.Run(t, func(t testing.TB, n int) []adapter.Adapter {
		o := apart(nats.Options{})
		var all []adapter.Adapter
		for range n {
			all = append(all, connect(t, url, o))
		}
		return all
	})
}

package engine_test

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

// everywhere runs f in memory, where every connection is without a
// descriptor, and over TCP, where the engine reads and writes descriptors, with
// and without a poller.
func everywhere(t *testing.T, o *engine.Options, f func(h *harness)) {
	t.Run("memory", func(t *testing.T) { run(t, o, f) })
	t.Run("tcp", func(t *testing.T) { runTCP(t, o, f) })
	t.Run("tcp without poller", func(t *testing.T) {
		serveTCP(t, o, func(h *harness, l net.Listener) net.Listener {
			engine.DisablePoller(h.server)
			return l
		}, (&net.Dialer{}).DialContext, f)
	})
}

// patience is how long anything may take in real time on a busy machine.
const patience = time.Minute

// runTCP runs f with a server on the loopback interface, in real time, and
// checks that nothing of it stays.
func runTCP(t *testing.T, o *engine.Options, f func(h *harness)) {
	t.Helper()
	serveTCP(t, o, func(_ *harness, l net.Listener) net.Listener { return l }, (&net.Dialer{}).DialContext, f)
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func serveTCP(t *testing.T, o *engine.Options, wrap func(*harness, net.Listener) net.Listener, dial dialer, f func(h *harness)) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	descriptors := openDescriptors()
	t.Cleanup(func() { expectNothingLeft(t, descriptors) })
	h := newHarness(t, inRealTime(o), func(ctx context.Context) (net.Conn, error) {
		return dial(ctx, "tcp", listener.Addr().String())
	})
	hs := &http.Server{Handler: h.server}
	go hs.Serve(wrap(h, listener))
	t.Cleanup(func() {
		h.server.Close()
		hs.Close()
		h.http.CloseIdleConnections()
	})
	f(h)
}

// inRealTime returns options with which a client may be as slow as a busy machine
// makes it, where o leaves the default times.
func inRealTime(o *engine.Options) *engine.Options {
	if o == nil {
		o = &engine.Options{}
	}
	p := *o
	p.PingInterval = cmp.Or(p.PingInterval, time.Hour)
	p.PingTimeout = cmp.Or(p.PingTimeout, patience)
	p.UpgradeTimeout = cmp.Or(p.UpgradeTimeout, patience)
	return &p
}

// openDescriptors counts the process's descriptors, where it can.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func expectNothingLeft(t *testing.T, descriptors int) {
	t.Helper()
	var stacks string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "socketio/internal/engine.(") && openDescriptors() <= descriptors {
			return
		}
	}
	t.Errorf("%d descriptors, %d before; goroutines:\n%s", openDescriptors(), descriptors, stacks)
}

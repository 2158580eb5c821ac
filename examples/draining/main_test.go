package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

const clients = 30

// TestSIGTERM ends one of two instances of the program. Its clients go to the
// other, not all at once, and it ends without an error.
func TestSIGTERM(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "draining")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	first, second := start(t, binary), start(t, binary)
	balancer := balancer{first.addr, second.addr}

	var connected, wg sync.WaitGroup
	connected.Add(clients)
	moves := make(chan time.Time, clients)
	for i := range clients {
		mode := rawclient.Modes[i%len(rawclient.Modes)]
		wg.Go(func() {
			c, err := visit(first.dial, mode, first.addr)
			connected.Done()
			if err != nil {
				t.Errorf("over %s, to the first instance: %v", mode, err)
				return
			}
			defer c.Drop()
			for range c.Packets() { // none but the end
			}
			moves <- time.Now()
			if c, err = visit(balancer.dial, mode, second.addr); err != nil {
				t.Errorf("over %s, to the second instance: %v", mode, err)
				return
			}
			c.Close()
		})
	}
	connected.Wait()
	terminated := time.Now()
	if err := first.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := first.wait(); err != nil {
		t.Errorf("the first instance: %v", err)
	}
	close(moves)
	var last time.Time
	for at := range moves {
		if at.After(last) {
			last = at
		}
	}
	if took := last.Sub(terminated); took < notice+spread*(clients-1)/clients {
		t.Errorf("all clients had been sent away after %v", took)
	}
}

const (
	notice = 200 * time.Millisecond
	spread = time.Second
)

// An instance is a running program.
type instance struct {
	addr    string
	process *os.Process
	wait    func() error
}

func start(t *testing.T, binary string) *instance {
	t.Helper()
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0", "-notice", notice.String(), "-spread", spread.String())
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceValue(cmd.Wait)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = wait()
	})
	log := bufio.NewReader(stderr)
	line, err := log.ReadString('\n')
	_, addr, found := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !found {
		t.Fatalf("the program says %q: %v", line, err)
	}
	go io.Copy(os.Stderr, log)
	return &instance{addr, cmd.Process, wait}
}

// dial connects to the instance, as a balancer with sticky sessions does for
// those who are there.
func (i *instance) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", i.addr)
}

// A balancer connects to the first of some instances that is ready.
type balancer []string

func (b balancer) dial(ctx context.Context) (net.Conn, error) {
	for _, addr := range b {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	return nil, errors.New("no instance is ready")
}

// visit connects and wants to be served by an instance.
func visit(dial func(context.Context) (net.Conn, error), mode rawclient.Mode, instance string) (*rawclient.Client, error) {
	c, err := rawclient.Open(context.Background(), dial, mode, rawclient.Options{Path: "/socket.io/", Pong: true})
	if err != nil {
		return nil, err
	}
	for _, exchange := range [][2]string{{"40", `40{"sid":"`}, {`420["name"]`, fmt.Sprintf(`430[%q]`, instance)}} {
		packet, want := exchange[0], exchange[1]
		_ = c.Send(packet) // Next tells why it fails
		if got, err := c.Next(); !strings.HasPrefix(got, want) {
			c.Drop()
			return nil, fmt.Errorf("%s is answered by %q, want %s: %w", packet, got, want, err)
		}
	}
	return c, nil
}

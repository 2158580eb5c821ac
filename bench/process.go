//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// A process is a server that runs.
type process struct {
	target load.Target
	tunnel *process // that speaks TLS for the clients, if any
	cmd    *exec.Cmd
	stderr tail
	lines  chan string   // the first line it writes
	done   chan struct{} // closed when it has ended
}

const patience = time.Minute // how long a server may take to listen

// start starts the server on a free port and waits until it listens.
func (s *server) start(ctx context.Context) (*process, error) {
	addr, held, err := freeAddr()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	p := &process{
		cmd:   exec.CommandContext(ctx, s.run[0], append(s.run[1:len(s.run):len(s.run)], addr.String())...),
		lines: make(chan string, 1),
		done:  make(chan struct{}),
	}
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.target = s.client
	p.target.Addr, p.target.PID, p.target.EIO = addr, p.cmd.Process.Pid, s.eio
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(stdout)
		for first := true; lines.Scan(); first = false {
			if first {
				p.lines <- lines.Text()
			}
		}
		_ = p.cmd.Wait()
	}()
	if err := p.awaitListening(); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(p.stderr.text)))
	}
	if s.client.Tunnel {
		if p.tunnel, err = startTunnel(ctx, addr); err != nil {
			p.stop()
			return nil, err
		}
		p.target.Addr = p.tunnel.target.Addr
	}
	return p, nil
}

func (p *process) awaitListening() error {
	select {
	case line := <-p.lines:
		if line != "listening" {
			return fmt.Errorf("the server says %q, want listening", line)
		}
		return nil
	case <-p.done:
		return errors.New("the server has ended")
	case <-time.After(patience):
		return fmt.Errorf("the server does not listen after %v", patience)
	}
}

// ended reports whether the process has ended by itself.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process and what it has started.
func (p *process) stop() {
	if p.tunnel != nil {
		p.tunnel.stop()
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// freeAddr returns an address nobody listens on. No connection gets its port,
// because systems give them those above 32,768, and no other server while held is
// open, which is the UDP port of the same number.
func freeAddr() (addr netip.AddrPort, held io.Closer, err error) {
	for range 100 {
		addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(10_000+rand.N(20_000)))
		if held, err = net.ListenPacket("udp", addr.String()); err != nil {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", addr.String()); err == nil {
			return addr, held, l.Close()
		}
		held.Close()
	}
	return addr, nil, err
}

// A tail keeps the end of what is written to it. It is read when all is.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	const limit = 2000
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-limit):]
	return len(b), nil
}

//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// A server is one of those that are compared.
type server struct {
	name    string
	about   string     // for the table of results
	eio     int        // the revision of Engine.IO it speaks
	polling bool       // it has HTTP long-polling
	build   [][]string // commands, in folder
	folder  string
	run     []string // command, with the address to listen on to follow
	version func(folder string) string

	problem string // why it is not there
}

// servers are all there are; ratios are to reference.
var servers = []*server{
	{name: "roomcast", about: "this library", eio: 4, polling: true, folder: "servers/roomcast",
		build: [][]string{{"go", "build", "-o", "../../bin/roomcast", "."}}, run: []string{"bin/roomcast"}},
	{name: "node", about: "npm socket.io", eio: 4, polling: true, folder: "servers/node",
		build: [][]string{{"npm", "ci", "--silent"}}, run: []string{"node", "--expose-gc", "servers/node/server.mjs"}},
	{name: "googollee", about: "github.com/googollee/go-socket.io", eio: 3, polling: true, folder: "servers/googollee",
		build: [][]string{{"go", "build", "-o", "../../bin/googollee", "."}}, run: []string{"bin/googollee"}},
	{name: "socketioxide", about: "socketioxide (Rust)", eio: 4, polling: true, folder: "servers/socketioxide",
		build: [][]string{{"cargo", "build", "--release", "--quiet"}}, run: []string{"servers/socketioxide/target/release/bench-socketioxide"}},
	{name: "floor", about: "bare epoll, no library", eio: 4, folder: "servers/floor",
		build: [][]string{{"go", "build", "-o", "../../bin/floor", "."}}, run: []string{"bin/floor"}},
}

const reference = "node"

// prepare builds the server, or notes why it cannot be had.
func (s *server) prepare(ctx context.Context) {
	for _, command := range s.build {
		if _, err := exec.LookPath(command[0]); err != nil {
			s.problem = command[0] + " is not installed"
			return
		}
		c := exec.CommandContext(ctx, command[0], command[1:]...)
		c.Dir = s.folder
		if out, err := c.CombinedOutput(); err != nil {
			s.problem = fmt.Sprintf("%s: %v", strings.Join(command, " "), err)
			fmt.Fprintf(os.Stderr, "%s: %s\n%s\n", s.name, s.problem, out)
			return
		}
	}
}

// A process is a server that runs.
type process struct {
	*exec.Cmd
	target load.Target
	stderr *tail
}

// start starts the server on a free port and waits until it listens.
func (s *server) start(ctx context.Context) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, s.run[0], append(s.run[1:len(s.run):len(s.run)], addr.String())...)
	p := &process{Cmd: c, stderr: &tail{}}
	c.Stderr = p.stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	p.target = load.Target{Addr: addr, PID: c.Process.Pid, EIO: s.eio}
	lines := make(chan string)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, stdout)
	}()
	select {
	case line := <-lines:
		if strings.TrimSpace(line) == "listening" {
			return p, nil
		}
		err = fmt.Errorf("said %q, want listening", line)
	case <-time.After(20 * time.Second):
		err = fmt.Errorf("does not listen after 20 s")
		defer func() { <-lines }()
	}
	p.stop()
	return nil, fmt.Errorf("%w; %s", err, p.stderr)
}

// stop ends the process and what it has started.
func (p *process) stop() {
	_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
	_ = p.Wait()
}

// freeAddr returns an address nobody listens on.
func freeAddr() (netip.AddrPort, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer l.Close()
	return netip.ParseAddrPort(l.Addr().String())
}

// A tail keeps the end of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	const limit = 2000
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-limit):]
	return len(b), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.text)) }

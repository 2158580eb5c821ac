package clustertest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// patience is how long a program may take to start, on a machine with much to do.
const patience = 3 * time.Minute

// A Process is a program that runs for a test and is killed after it.
type Process struct {
	t       testing.TB
	command func() *exec.Cmd // of each start
	ready   func() bool      // reports whether the program can be used

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
}

// StartProgram starts a program that this package does not know, and waits until
// it is ready.
func StartProgram(t testing.TB, command func() *exec.Cmd, ready func() bool) *Process {
	t.Helper()
	return start(t, command, ready)
}

// RunWith builds the program of a folder, sets binary to its path, runs the tests,
// and returns their exit code.
func RunWith(m *testing.M, folder string, binary *string) (code int) {
	built, err := os.MkdirTemp("", "program")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(built)
	*binary = filepath.Join(built, "program")
	if out, err := exec.Command("go", "build", "-o", *binary, folder).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// start starts a program and waits until it can be used.
func start(t testing.TB, command func() *exec.Cmd, ready func() bool) *Process {
	t.Helper()
	p := &Process{t: t, command: command, ready: ready}
	t.Cleanup(p.Kill)
	p.Start()
	return p
}

// Start starts the program again after Kill.
func (p *Process) Start() {
	p.t.Helper()
	cmd := p.command()
	killWithParent(cmd)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed, or the reason is in the log
		close(ended)
	}()
	p.mu.Lock()
	p.cmd, p.ended = cmd, ended
	p.mu.Unlock()
	for until := time.Now().Add(patience); !p.ready(); {
		select {
		case <-ended:
			p.t.Fatalf("%s has ended: %v", cmd, cmd.ProcessState)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(until) {
			p.t.Fatalf("%s does not answer", cmd)
		}
	}
}

// Kill ends the program at once, and returns when it has ended.
func (p *Process) Kill() {
	p.signal(os.Kill)
	if ended := p.Ended(); ended != nil {
		<-ended
	}
}

// Ended returns a channel that is closed when the program has ended, or nil if the
// program has not started.
func (p *Process) Ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

func (p *Process) signal(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s) // it may have ended
	}
}

// output returns where the program's messages go. They appear with those of the
// test.
func output(t testing.TB) io.Writer { return t.Output() }

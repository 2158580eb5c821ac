package clustertest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// NodeOptions are the arguments of a server of npm's socket.io.
type NodeOptions struct {
	// Adapter is "redis", "redis-sharded", "redis-streams" or "postgres", or ""
	// for no adapter.
	Adapter string `json:"adapter,omitempty"`
	URL     string `json:"url,omitempty"`     // of Redis or Postgres
	Driver  string `json:"driver,omitempty"`  // of Redis: "redis", the default, or "ioredis"
	Options any    `json:"options,omitempty"` // of the adapter, encoded as JSON
	Server  any    `json:"server,omitempty"`  // of socket.io, encoded as JSON
	Msgpack bool   `json:"msgpack,omitempty"` // clients use socket.io-msgpack-parser
}

// A Node is a server of npm's socket.io, in a process of its own, which runs
// interop/cluster/server.mjs.
type Node struct {
	*Process
	URL string // another one after each Start

	mu      sync.Mutex
	stdin   io.WriteCloser
	last    int                    // id of a request
	waiting map[int]chan nodeReply // nil when the program has ended
}

type nodeReply struct {
	Ready string          `json:"ready"`
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

// StartNode starts a server of npm's socket.io.
func StartNode(t testing.TB, o NodeOptions) *Node {
	t.Helper()
	program := require(t, "node", "nodejs")
	folder := interopFolder(t)
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		missing(t, "npm's adapters are not installed: run npm ci in interop/cluster")
	}
	config, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	n := new(Node)
	ready := make(chan string, 1)
	n.Process = start(t, func() *exec.Cmd {
		cmd := exec.Command(program, "server.mjs", string(config))
		cmd.Dir, cmd.Stderr = folder, output(t)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		n.stdin, n.waiting = stdin, make(map[int]chan nodeReply)
		n.mu.Unlock()
		go n.read(stdout, ready)
		return cmd
	}, func() bool {
		select {
		case n.URL = <-ready:
			return true
		default:
			return false
		}
	})
	return n
}

// read passes the program's lines on until the program ends.
func (n *Node) read(stdout io.Reader, ready chan<- string) {
	decoder := json.NewDecoder(stdout)
	for {
		var line nodeReply
		err := decoder.Decode(&line)
		n.mu.Lock()
		switch {
		case err != nil:
			for _, reply := range n.waiting {
				reply <- nodeReply{Error: "the program has ended"}
			}
			n.waiting = nil
		case line.Ready != "":
			ready <- line.Ready
		case n.waiting[line.ID] != nil:
			n.waiting[line.ID] <- line
			delete(n.waiting, line.ID)
		}
		n.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Eval runs JavaScript, the body of an async function, and returns the JSON of
// its result. server.mjs says which names the body may use.
func (n *Node) Eval(js string) json.RawMessage {
	n.t.Helper()
	value, err := n.TryEval(js)
	if err != nil {
		n.t.Fatalf("%s: %v", js, err)
	}
	return value
}

// TryEval is Eval for JavaScript that may fail.
func (n *Node) TryEval(js string) (json.RawMessage, error) {
	result := make(chan nodeReply, 1)
	n.mu.Lock()
	if n.waiting == nil {
		n.mu.Unlock()
		return nil, errors.New("the program has ended")
	}
	n.last++
	id := n.last
	n.waiting[id] = result
	line, err := json.Marshal(map[string]any{"id": id, "js": js})
	if err == nil {
		_, err = n.stdin.Write(append(line, '\n'))
	}
	n.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case r := <-result:
		if r.Error != "" {
			return nil, errors.New(r.Error)
		}
		return r.Value, nil
	case <-time.After(patience):
		return nil, errors.New("no result in time")
	}
}

// interopFolder returns the folder interop/cluster of the repository that the
// test is in.
func interopFolder(t testing.TB) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for folder := here; ; folder = filepath.Dir(folder) {
		interop := filepath.Join(folder, "interop", "cluster")
		if _, err := os.Stat(filepath.Join(interop, "server.mjs")); err == nil {
			return interop
		}
		if folder == filepath.Dir(folder) {
			t.Fatalf("there is no interop/cluster above %s", here)
		}
	}
}

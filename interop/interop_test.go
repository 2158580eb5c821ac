// Package interop runs the official JavaScript client against the server, over each of its transports. The scenarios
// are JavaScript (*.test.mjs); they run against npm's server too, so that they demand nothing that Node doesn't do.
package interop

import (
	"bufio"
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/parser/msgpack"
)

func TestServer(t *testing.T) { testServer(t, scenarios, socketio.Options{}) }

// TestMsgpack has both sides speak MessagePack instead of JSON.
func TestMsgpack(t *testing.T) {
	testServer(t, scenarios, socketio.Options{Parser: msgpack.Parser{}}, msgpackEnv)
}

// TestDeflate has all messages over WebSocket compressed, each with the help of those before it.
func TestDeflate(t *testing.T) {
	deflate := &socketio.PerMessageDeflate{Threshold: 1, ServerContextTakeover: true, ClientContextTakeover: true}
	testServer(t, scenarios, socketio.Options{PerMessageDeflate: deflate}, deflateEnv)
}

// TestRecovery has a server whose events have offsets.
func TestRecovery(t *testing.T) {
	testServer(t, recoveryScenarios, socketio.Options{Recovery: &socketio.Recovery{}})
}

func TestRecoveryMsgpack(t *testing.T) {
	testServer(t, recoveryScenarios, socketio.Options{Recovery: &socketio.Recovery{}, Parser: msgpack.Parser{}}, msgpackEnv)
}

const (
	scenarios         = "*.test.mjs"
	recoveryScenarios = "recovery/*.test.mjs"

	msgpackEnv  = "PARSER=socket.io-msgpack-parser"
	deflateEnv  = "DEFLATE=true"
	recoveryEnv = "RECOVERY=true"
)

func testServer(t *testing.T, files string, o socketio.Options, env ...string) {
	requireNode(t)
	t.Parallel() // heartbeats are most of the time
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	io := newApp(o)
	disconnected := make(chan struct{}, 1)
	for _, name := range namespaces {
		io.Of(name).OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(socketio.Reason) {
				select {
				case disconnected <- struct{}{}:
				default: // one is enough to count again
				}
			})
		})
	}
	server := httptest.NewServer(io)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if err := io.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	runScenarios(t, files, append(env, "URL="+server.URL)...)
	requireNoSockets(t, io, disconnected)
}

// TestReference runs the scenarios against npm's server.
func TestReference(t *testing.T) { testReference(t, scenarios) }

func TestReferenceMsgpack(t *testing.T) { testReference(t, scenarios, msgpackEnv) }

func TestReferenceDeflate(t *testing.T) { testReference(t, "compression.test.mjs", deflateEnv) }

func TestReferenceRecovery(t *testing.T) { testReference(t, recoveryScenarios, recoveryEnv) }

func testReference(t *testing.T, files string, env ...string) {
	requireNode(t)
	t.Parallel()
	url := startReference(t, env...)
	runScenarios(t, files, append(env, "URL="+url, "REFERENCE=true")...)
}

// startReference starts npm's server with the environment given, and returns its address.
func startReference(t *testing.T, env ...string) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), "node", "reference.mjs")
	server.Env = append(os.Environ(), env...)
	server.Stderr = t.Output()
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Wait() }) // killed as the test's context ended
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("reference.mjs has not told its address: %v", err)
	}
	return strings.TrimSpace(url)
}

// runScenarios runs each file of scenarios with the environment given.
func runScenarios(t *testing.T, pattern string, env ...string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".test.mjs"), func(t *testing.T) { runNode(t, file, env...) })
	}
}

// runNode runs one file of JavaScript tests with the environment given.
func runNode(t *testing.T, file string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", "--test-timeout=300000", file)
	node.Env = append(os.Environ(), env...)
	out, err := node.CombinedOutput()
	t.Logf("%s\n%s", node, out)
	if err != nil {
		t.Fatal(err)
	}
}

// requireNoSockets waits until the last client is gone, one that left without a word for the ping timeout.
func requireNoSockets(t *testing.T, io *socketio.Server, disconnected <-chan struct{}) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		n := 0
		for _, name := range namespaces {
			for range io.Of(name).Sockets() {
				n++
			}
		}
		if n == 0 {
			return
		}
		select {
		case <-disconnected:
		case <-deadline:
			t.Fatalf("%d sockets are still connected after all clients have gone", n)
		}
	}
}

// requireNode skips the test where the JavaScript side isn't installed; in CI that is a failure.
func requireNode(t *testing.T) {
	t.Helper()
	missing := t.Skip
	if os.Getenv("CI") == "true" {
		missing = t.Fatal
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing("node is not installed: get Node.js 20 or newer, then run npm ci in interop/")
	}
	if _, err := os.Stat("node_modules"); err != nil {
		missing("the JavaScript client is not installed: run npm ci in interop/")
	}
}

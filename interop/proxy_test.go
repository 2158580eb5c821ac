package interop

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// A proxy is a program with a configuration on docs/behind-a-proxy.md.
type proxy struct {
	program string // and the Debian package
	block   string // the language of the block
	listens string // what in the block says where it listens

	// config makes a file of the block, for a proxy that listens at an address and
	// has a folder for its files.
	config func(block, address, folder string) string
	run    func(file string) []string
}

var proxies = []proxy{
	{
		program: "nginx", block: "nginx", listens: "listen 8080;",
		config: func(block, address, folder string) string {
			user := ""
			if os.Getuid() == 0 {
				user = "user root;"
			}
			temp := ""
			for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				temp += fmt.Sprintf("%s_temp_path %s/%s;\n", what, folder, what)
			}
			block = strings.ReplaceAll(block, "listen 8080;", "listen "+address+";")
			return fmt.Sprintf("daemon off;\n%s\npid %s/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n", user, folder, temp, block)
		},
		run: func(file string) []string { return []string{"-c", file, "-e", "stderr"} },
	},
	{
		program: "caddy", block: "caddy", listens: ":8080 {",
		config: func(block, address, _ string) string {
			host, port, _ := net.SplitHostPort(address)
			return "{\n\tadmin off\n}\n" + strings.ReplaceAll(block, ":8080 {", ":"+port+" {\n\tbind "+host)
		},
		run: func(file string) []string { return []string{"run", "--config", file, "--adapter", "caddyfile"} },
	},
	{
		program: "haproxy", block: "haproxy", listens: "bind :8080",
		config: func(block, address, _ string) string {
			return strings.ReplaceAll(block, "bind :8080", "bind "+address)
		},
		run: func(file string) []string { return []string{"-db", "-f", file} },
	},
}

// TestProxies runs the stock client against two servers behind each proxy that
// docs/behind-a-proxy.md has a configuration for.
func TestProxies(t *testing.T) {
	page, err := os.ReadFile("../docs/behind-a-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range proxies {
		t.Run(p.program, func(t *testing.T) {
			requireNode(t)
			path := p.require(t)
			t.Parallel()
			found := regexp.MustCompile("(?s)```"+p.block+"\n(.*?)```").FindAllSubmatch(page, -1)
			if len(found) != 1 || strings.Count(string(found[0][1]), p.listens) != 1 {
				t.Fatalf("%d blocks on the page, want one that contains %q", len(found), p.listens)
			}
			block := string(found[0][1])
			bus := new(adapter.Loopback)
			for name, port := range map[string]string{"one": "3001", "two": "3002"} {
				_, actual, _ := net.SplitHostPort(startNamed(t, bus, name))
				block = strings.ReplaceAll(block, port, actual)
			}
			runNode(t, "proxy/proxy.test.mjs", "URL=http://"+p.start(t, path, block))
		})
	}
}

// require returns the path of the program.
func (p proxy) require(t *testing.T) string {
	t.Helper()
	for _, name := range []string{p.program, "/usr/sbin/" + p.program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := t.Skip
	if os.Getenv("CI") == "true" {
		missing = t.Fatal
	}
	missing(p.program + " is not installed: the Debian package is " + p.program)
	return ""
}

// start runs the proxy until the test ends, and returns its address.
func (p proxy) start(t *testing.T, path, block string) (address string) {
	t.Helper()
	address = clustertest.FreeAddress(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "config")
	if err := os.WriteFile(file, []byte(p.config(block, address, folder)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, p.run(file)...)
	cmd.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for until := time.Now().Add(2 * time.Minute); ; {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %v", cmd, cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(until) {
			t.Fatalf("%s does not listen", cmd)
		}
	}
}

// startNamed starts a server that tells its name, and returns its address.
func startNamed(t *testing.T, bus adapter.Adapter, name string) string {
	io := socketio.NewServer(&socketio.Options{Adapter: bus, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)).With("server", name)})
	server := httptest.NewServer(http.HandlerFunc(io.ServeHTTP))
	stop := func() {
		io.Close()
		server.Config.Close()
	}
	t.Cleanup(func() {
		stop()
		server.Close()
	})
	socketio.OnCall(io, "who", func(context.Context, *socketio.Socket, struct{}) (string, error) { return name, nil })
	socketio.OnCall(io, "length", func(_ context.Context, _ *socketio.Socket, b []byte) (int, error) { return len(b), nil })
	socketio.On(io, "say", func(_ context.Context, _ *socketio.Socket, text string) error { return io.Emit("said", text) })
	socketio.On(io, "stop", func(context.Context, *socketio.Socket, struct{}) error {
		go stop()
		return nil
	})
	return server.Listener.Addr().String()
}

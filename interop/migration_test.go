package interop

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/clustertest"
)

// The programs in googollee/testdata are written against go-socket.io. Each
// goes through the shell commands of docs/migrating-from-googollee.md, and
// through nothing else.

// migration returns the commands of the page that name a package, without
// those that need the network.
func migration(t *testing.T, importPath string) string {
	t.Helper()
	for _, block := range strings.Split(string(read(t, "../docs/migrating-from-googollee.md")), "```sh\n")[1:] {
		commands, _, _ := strings.Cut(block, "```")
		get, rest, _ := strings.Cut(commands, "\n")
		if get == "go get "+importPath {
			return rest
		}
	}
	t.Fatalf("no commands for %s", importPath)
	return ""
}

// build migrates a program and returns its binary.
func build(t *testing.T, program, importPath string) string {
	t.Helper()
	const testdata = "../googollee/testdata/"
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testdata+program)); err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-ec", migration(t, importPath))
	shell.Dir = dir
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	replaced := make(map[string]string) // files as they are to be for the compiler
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		original, err := filepath.Abs(testdata + program + "/" + filepath.Base(file))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(read(t, file), []byte(`"github.com/googollee/go-socket.io"`)) {
			t.Errorf("%s still imports go-socket.io", file)
		}
		replaced[original] = file
	}
	overlay := filepath.Join(dir, "overlay.json")
	content, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, content, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "program")
	goBuild(t, "-overlay", overlay, "-o", binary, "./"+testdata+program)
	if importPath == bridge { // the version that go.mod names compiles it, too
		goBuild(t, "-o", os.DevNull, "./"+testdata+program)
	}
	return binary
}

func goBuild(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "go", append([]string{"build"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
}

const bridge = "github.com/goroomcast/socketio/googollee"

// TestTheImportPathIsTheWholeMigration compiles all programs with the path replaced, and has stock clients use those that
// serve what migrated.mjs asks for.
func TestTheImportPathIsTheWholeMigration(t *testing.T) {
	t.Parallel()
	for program, test := range map[string]struct {
		importPath string
		serves     bool
	}{
		"rooms":        {bridge, true},
		"files":        {bridge, true},
		"admin":        {bridge, false},
		"v1.4/chat":    {bridge + "/v1.4", true},
		"v1.4/options": {bridge + "/v1.4", false},
	} {
		t.Run(program, func(t *testing.T) {
			binary := build(t, program, test.importPath)
			if !test.serves {
				return
			}
			requireNode(t)
			port := serve(t, binary)
			node := exec.CommandContext(t.Context(), "node", "migrated.mjs", program, "http://127.0.0.1:"+port)
			if out, err := node.CombinedOutput(); err != nil {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// A program that asks for the Redis adapter is told at once.
func TestAMigratedProgramIsToldOfItsAdapter(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), build(t, "files", bridge), "127.0.0.1:6379").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "socketio.Options.Adapter") {
		t.Errorf("ended with %v: %s", err, out)
	}
}

// serve starts a program on a free port, and returns that when it listens.
func serve(t *testing.T, binary string) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(clustertest.FreeAddress(t))
	program := exec.CommandContext(t.Context(), binary)
	program.Env = append(os.Environ(), "PORT="+port)
	program.Stdout, program.Stderr = t.Output(), t.Output()
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Wait() }) // killed as the test's context ended
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-retry.C {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		switch {
		case err == nil:
			conn.Close()
			return port
		case time.Now().After(deadline):
			t.Fatal(err)
		}
	}
}

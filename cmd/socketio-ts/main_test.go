package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestMain leaves the workspace: the programs of the tests are modules of their
// own.
func TestMain(m *testing.M) {
	if err := os.Setenv("GOWORK", "off"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// edges is a program with events of every kind of type.
const edges = "testdata/edges"

// runIn runs the command in a folder.
func runIn(dir string, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	err = run(append([]string{"-C", dir}, args...), &out, &errs)
	return out.String(), errs.String(), err
}

func TestGolden(t *testing.T) {
	for file, flags := range map[string][]string{"events.ts": {"-strict"}, "events.node.ts": {"-strict", "-node"}} {
		t.Run(file, func(t *testing.T) {
			got, stderr, err := runIn(edges, append(flags, "./...")...)
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr)
			}
			golden := filepath.Join(edges, file)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant %s; after a deliberate change: go test -update", got, golden)
			}
		})
	}
}

// TestRoundTrip compiles a client by tsc --strict with the generated events, and
// lets it send and receive a value of each type.
func TestRoundTrip(t *testing.T) {
	tsc, err := filepath.Abs("testdata/web/node_modules/.bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tsc); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no TypeScript compiler: run npm ci in cmd/socketio-ts/testdata/web")
	}
	for _, file := range []string{"events.ts", "events.node.ts"} {
		t.Run(file, func(t *testing.T) { roundTrip(t, tsc, file) })
	}
}

func roundTrip(t *testing.T, tsc, events string) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	for from, to := range map[string]string{
		"testdata/web/roundtrip.ts":  "roundtrip.ts",
		"testdata/web/package.json":  "package.json",
		filepath.Join(edges, events): "events.ts",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modules, err := filepath.Abs("testdata/web/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	command(t, ctx, dir, tsc, "--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext",
		"--skipLibCheck", "--types", "node", "roundtrip.ts")
	command(t, ctx, edges, "go", "build", "-o", filepath.Join(dir, "edges"), ".")

	server := exec.CommandContext(ctx, filepath.Join(dir, "edges"))
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	command(t, ctx, dir, "node", "roundtrip.js", strings.TrimSpace(address))
}

func command(t *testing.T, ctx context.Context, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// programOf makes a program of one file whose func main has a body, with an io
// that is a *socketio.Server.
func programOf(t *testing.T, body string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(edges, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(edges, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": strings.Replace(string(mod), "../../../..", root, 1),
		"go.sum": string(sums),
		"main.go": `package main

import (
	"context"

	"github.com/goroomcast/socketio"
)

type handler[T any] = func(ctx context.Context, s *socketio.Socket, v T) error

func main() {
	io := socketio.NewServer(nil)
	` + body + `
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		flags      []string
	}{
		"a program without events":              {body: `_ = io`, want: "no events found"},
		"a program that does not compile":       {body: `io.Nonsense()`, want: "Nonsense"},
		"handlers of one event that disagree":   {body: `socketio.On(io, "a", handler[int](nil)); socketio.On(io, "a", handler[string](nil))`, want: `handlers of "a" want different types, number and string`},
		"a name that is no constant, if strict": {body: `name := "a" + io.Name(); io.Emit(name, 1); io.Emit("b")`, flags: []string{"-strict"}, want: "1 warnings"},
		"-check without -o":                     {body: `io.Emit("a")`, flags: []string{"-check"}, want: "-check needs -o"},
		"a file that is not there, checked":     {body: `io.Emit("a")`, flags: []string{"-check", "-o", "nowhere/events.ts"}, want: "nowhere/events.ts is not up to date"},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, err := runIn(programOf(t, c.body), append(c.flags, ".")...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q\n%s", err, c.want, stderr)
			}
		})
	}
}

func TestAWarningNamesTheLine(t *testing.T) {
	out, stderr, err := runIn(programOf(t, `name := "a" + io.Name(); io.Emit(name, 1); io.Emit("b")`), ".")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stderr, "main.go:13: event name is not a constant") {
		t.Errorf("warned %q", stderr)
	}
	if !strings.Contains(out, "b: () => void;") {
		t.Errorf("the other event is not there:\n%s", out)
	}
}

func TestCheck(t *testing.T) {
	dir := programOf(t, `io.Emit("a", 1)`)
	file := filepath.Join(dir, "events.ts")
	if _, stderr, err := runIn(dir, "-o", file, "."); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if _, _, err := runIn(dir, "-check", "-o", file, "."); err != nil {
		t.Errorf("a file just written: %v", err)
	}
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runIn(dir, "-check", "-o", file, "."); err == nil {
		t.Error("an old file passes")
	}
	if text, _ := os.ReadFile(file); string(text) != "old" {
		t.Error("-check has written the file")
	}
}

package repotest

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/goroomcast/socketio"
	within = module + "/internal/"
)

// A goPackage is what go list knows of a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// listDeps returns the packages that pattern needs, itself included, without
// the standard library.
func listDeps(t *testing.T, pattern string) map[string]goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports", pattern)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := make(map[string]goPackage)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if !p.Standard {
			packages[p.ImportPath] = p
		}
	}
}

// allowed are the packages that the root package needs, and which of them each
// may import beside the standard library.
var allowed = map[string][]string{
	module: {
		module + "/adapter", module + "/parser", within + "argstruct", within + "cluster", within + "contentcoding",
		within + "engine", within + "eventlog", within + "jobs", within + "origin", within + "rarelog", within + "unshared",
		"github.com/rs/cors",
	},
	module + "/adapter":        {module + "/parser", module + "/parser/msgpack", within + "jobs"},
	module + "/parser":         {},
	module + "/parser/msgpack": {module + "/parser"},
	within + "argstruct":       {},
	within + "cluster":         {module + "/adapter", module + "/parser", within + "jobs"},
	within + "contentcoding":   {},
	within + "engine":          {within + "contentcoding", within + "rarelog"},
	within + "eventlog":        {},
	within + "jobs":            {},
	within + "origin":          {},
	within + "rarelog":         {},
	within + "unshared":        {},

	"github.com/rs/cors":          {"github.com/rs/cors/internal"},
	"github.com/rs/cors/internal": {},
}

// drivers are what only adapters, in modules of their own, may need.
var drivers = []string{"redis", "nats", "pgx", "lib/pq", "sqlite", "mysql", "mongo", "database/sql"}

func TestDependencies(t *testing.T) {
	packages := listDeps(t, ".")
	for path, may := range allowed {
		p, used := packages[path]
		if !used {
			t.Errorf("%s is not in use", path)
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") && !slices.Contains(may, imported) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
	for path := range packages {
		if _, listed := allowed[path]; !listed {
			t.Errorf("the root package needs %s", path)
		}
	}
	for path, p := range listDeps(t, "./...") {
		if !strings.HasPrefix(path, module) {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "github.com/googollee/") && !strings.HasPrefix(path, module+"/googollee") {
				t.Errorf("%s imports %s", path, imported)
			}
			for _, driver := range drivers {
				if strings.Contains(imported, driver) {
					t.Errorf("%s imports the driver %s", path, imported)
				}
			}
		}
	}
}

// TestChatDependencies holds that the chat needs the server with its parser, the
// standard library and nothing else, that its contract of stores does not need the server, and
// that nothing else needs the chat.
func TestChatDependencies(t *testing.T) {
	const chat = module + "/chat"
	may := map[string][]string{
		chat:                {module, module + "/parser", chat + "/store"},
		chat + "/store":     {},
		chat + "/storetest": {chat + "/store"},
	}
	packages := listDeps(t, "./chat/...")
	for path, imports := range may {
		p, exists := packages[path]
		if !exists {
			t.Errorf("there is no %s", path)
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") && !slices.Contains(imports, imported) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
	for path := range listDeps(t, "./...") {
		if strings.HasPrefix(path, chat) {
			t.Errorf("the module of the server needs %s", path)
		}
	}
}

func TestFileLengths(t *testing.T) {
	const limit = 400 // lines
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"examples", "node_modules", ".git"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if n := bytes.Count(text, []byte("\n")); n >= limit {
			t.Errorf("%s has %d lines, want less than %d", path, n, limit)
		}
		seen++
		return err
	})
	if err != nil || seen == 0 {
		t.Errorf("%d files seen: %v", seen, err)
	}
}

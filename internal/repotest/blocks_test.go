package repotest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// A block of Go on a page, perhaps with a comment before it that readers
	// do not see: the declarations that the block takes for granted.
	goBlock = regexp.MustCompile("(?s)(?:<!-- go\n(.*?)-->\n\n?)?```go\n(.*?)```")

	// imports are the packages that fragments use, by name. A program has its
	// own imports.
	imports = map[string]string{
		"client":       "github.com/prometheus/client_golang/prometheus",
		"clientbundle": "github.com/goroomcast/socketio/clientbundle",
		"googollee":    "github.com/goroomcast/socketio/googollee",
		"otel":         "github.com/goroomcast/socketio/metrics/otel",
		"prometheus":   "github.com/goroomcast/socketio/metrics/prometheus",
		"promhttp":     "github.com/prometheus/client_golang/prometheus/promhttp",
		"socketio":     "github.com/goroomcast/socketio",
		"socketiotest": "github.com/goroomcast/socketio/socketiotest",
		"parser":       "github.com/goroomcast/socketio/parser",
		"msgpack":      "github.com/goroomcast/socketio/parser/msgpack",
		"chat":         "github.com/goroomcast/socketio/chat",
		"adapter":      "github.com/goroomcast/socketio/adapter",
		"embedded":     "github.com/goroomcast/socketio/adapter/nats/embedded",

		"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "slog": "log/slog", "net": "net", "http": "net/http",
		"pgxpool": "github.com/jackc/pgx/v5/pgxpool",

		"os": "os", "strings": "strings", "testing": "testing", "time": "time", "regexp": "regexp", "signal": "os/signal",
		"json": "encoding/json", "synctest": "testing/synctest", "rand": "crypto/rand", "sync": "sync",
	}
)

// TestBlocks compiles every block of Go on the pages for users: a whole program
// as it is, a fragment with imports, an io, a socket s and a ctx around it.
func TestBlocks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "README.md", "adapter/nats/README.md", "adapter/postgres/README.md") {
		if page == "docs/tutorial.md" {
			continue // its programs have several files each: docs/e2e builds and runs them
		}
		t.Run(page, func(t *testing.T) { found += compileBlocks(t, page) })
	}
	if found == 0 {
		t.Error("no block found")
	}
}

// compileBlocks compiles the blocks of a page, each a package of its own, and
// returns how many there are.
func compileBlocks(t *testing.T, page string) int {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := goBlock.FindAllSubmatchIndex(text, -1)
	if all := bytes.Count(text, []byte("```go\n")); all != len(blocks) {
		t.Errorf("%d blocks, of which %d are of the form that is compiled", all, len(blocks))
	}
	if len(blocks) == 0 {
		return 0
	}
	texts := make([]goText, len(blocks))
	for i, at := range blocks {
		texts[i] = goText{line: 1 + bytes.Count(text[:at[4]], []byte("\n")), text: string(text[at[4]:at[5]])}
		if at[2] >= 0 {
			texts[i].hidden = string(text[at[2]:at[3]])
		}
	}
	own := ""
	if dir := filepath.Dir(page); strings.HasPrefix(dir, "adapter/") {
		own = dir
	}
	vetBlocks(t, page, own, texts)
	return len(blocks)
}

// A goText is a block of Go, and the declarations that it takes for granted.
type goText struct {
	line         int // or the number of the block
	hidden, text string
}

// vetBlocks compiles the blocks of a file. If own is not "", it is the folder of
// a package that the blocks name without an import.
func vetBlocks(t *testing.T, file, own string, blocks []goText) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "_blocks") // within the module, and no part of ./...
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var folders []string
	for _, b := range blocks {
		if formatted, err := format.Source([]byte(b.text)); err == nil && string(formatted) != b.text {
			t.Errorf("%s:%d: not formatted by gofmt", file, b.line)
		}
		source, err := complete(b.text, b.hidden, own)
		if err != nil {
			t.Errorf("%s:%d: %v", file, b.line, err)
			continue
		}
		folder := filepath.Join(dir, fmt.Sprint("line", b.line))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, "./"+folder)
	}
	if out, err := exec.Command("go", append([]string{"vet"}, folders...)...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", file, err, out)
	}
}

// complete makes a file of a block.
func complete(block, hidden, own string) (string, error) {
	if strings.HasPrefix(block, "package ") {
		return block, nil
	}
	body := hidden + "\n" + block
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, 0); err != nil {
		if block, err = statements(block); err != nil {
			return "", err
		}
		body = hidden + "\nfunc _(ctx context.Context, io *socketio.Server, s *socketio.Socket) error {\n" + block + "\nreturn nil\n}\n"
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, 0)
	if err != nil {
		return "", err
	}
	var source strings.Builder
	source.WriteString("package p\n\n")
	for _, name := range usedPackages(file, own) {
		path := imports[name]
		if name == filepath.Base(own) {
			path = "github.com/goroomcast/socketio/" + own
		}
		fmt.Fprintf(&source, "import %s %q\n", name, path)
	}
	return source.String() + body, nil
}

// usedPackages returns the names of the packages that a file without imports
// uses.
func usedPackages(file *ast.File, own string) (names []string) {
	for _, id := range file.Unresolved {
		known := imports[id.Name] != "" || id.Name == filepath.Base(own)
		if known && !slices.Contains(names, id.Name) {
			names = append(names, id.Name)
		}
	}
	return names
}

// statements returns a block of statements to which the use of its variables
// has been added.
func statements(block string) (string, error) {
	const before = "package p\nfunc _() {\n"
	file, err := parser.ParseFile(token.NewFileSet(), "", before+block+"\n}", 0)
	if err != nil {
		return "", err
	}
	used := ""
	for _, statement := range file.Decls[0].(*ast.FuncDecl).Body.List {
		assign, is := statement.(*ast.AssignStmt)
		if !is || assign.Tok != token.DEFINE {
			continue
		}
		for _, left := range assign.Lhs {
			if id := left.(*ast.Ident); id.Name != "_" {
				used += "\n_ = " + id.Name
			}
		}
	}
	return "{\n" + block + used + "\n}", nil // a scope of its own, for its own io
}

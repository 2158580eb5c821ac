package repotest

import (
	"cmp"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// A sourcePackage is one with its syntax and types.
type sourcePackage struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// load type-checks the package in a folder. What the package imports has been
// compiled before.
func load(t *testing.T, folder string) *sourcePackage {
	t.Helper()
	found, err := build.ImportDir(folder, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &sourcePackage{fset: token.NewFileSet(), info: &types.Info{
		Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
	}}
	for _, name := range found.GoFiles {
		f, err := parser.ParseFile(p.fset, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		p.files = append(p.files, f)
	}
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", ".")
	list.Dir = folder
	lines, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(lines)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[path] = file
	}
	conf := types.Config{Importer: importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	if _, err := conf.Check(folder, p.fset, p.files, p.info); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *sourcePackage) file(at token.Pos) string { return filepath.Base(p.fset.Position(at).Filename) }

// arrows returns which files of the package each file needs: it names something
// that the other one declares.
func (p *sourcePackage) arrows() map[string]map[string]bool {
	declares := make(map[types.Object]bool)
	for _, object := range p.info.Defs {
		declares[object] = true
	}
	arrows := make(map[string]map[string]bool)
	for _, f := range p.files {
		arrows[p.file(f.Pos())] = make(map[string]bool)
	}
	for name, object := range p.info.Uses {
		if declares[object] {
			arrows[p.file(name.Pos())][p.file(object.Pos())] = true
		}
	}
	return arrows
}

// knot returns the largest group of files that all need each other, directly
// or by others.
func knot(arrows map[string]map[string]bool) (largest []string) {
	reach := make(map[string]map[string]bool)
	for from := range arrows {
		reached := make(map[string]bool)
		for next := []string{from}; len(next) > 0; next = next[1:] {
			for to := range arrows[next[0]] {
				if !reached[to] {
					reached[to] = true
					next = append(next, to)
				}
			}
		}
		reach[from] = reached
	}
	for from := range reach {
		var group []string
		for to := range reach {
			if reach[from][to] && reach[to][from] {
				group = append(group, to)
			}
		}
		if len(group) > len(largest) {
			largest = group
		}
	}
	slices.Sort(largest)
	return largest
}

// TestKnot keeps the files of the root, and those of the chat, apart: at most
// half of them need each other.
func TestKnot(t *testing.T) {
	for _, folder := range []string{".", "chat"} {
		arrows := load(t, folder).arrows()
		if tied := knot(arrows); 2*len(tied) > len(arrows) {
			t.Errorf("%s: %d of %d files need each other: %v", folder, len(tied), len(arrows), tied)
		}
	}
}

// TestKnotFindsCycles has a chain, a pair and a triangle.
func TestKnotFindsCycles(t *testing.T) {
	arrows := make(map[string]map[string]bool)
	for _, arrow := range strings.Fields("a>b b>c p>q q>p c>p x>y y>z z>x") {
		from, to, _ := strings.Cut(arrow, ">")
		if arrows[from] == nil {
			arrows[from] = make(map[string]bool)
		}
		arrows[from][to] = true
	}
	if tied := knot(arrows); !slices.Equal(tied, []string{"x", "y", "z"}) {
		t.Errorf("the largest knot is %v", tied)
	}
}

// layers are the packages that serve a client.
var layers = []string{".", "parser", "adapter", "internal/engine", "internal/cluster", "internal/eventlog"}

// TestLocks finds functions that unlock what their caller has locked.
func TestLocks(t *testing.T) {
	for _, folder := range layers {
		p := load(t, folder)
		for _, f := range p.files {
			for _, d := range f.Decls {
				if f, is := d.(*ast.FuncDecl); is && f.Body != nil {
					for _, lock := range unlocks(f) {
						t.Errorf("%s: %s unlocks %s, which it has not locked", p.fset.Position(f.Pos()), f.Name.Name, lock)
					}
				}
			}
		}
	}
}

// unlocks returns the locks that a function unlocks without locking them first.
func unlocks(f *ast.FuncDecl) (foreign []string) {
	locked := make(map[string]token.Pos)
	visit := func(f func(call *ast.CallExpr, lock, method string)) func(ast.Node) bool {
		return func(n ast.Node) bool {
			if call, is := n.(*ast.CallExpr); is && len(call.Args) == 0 {
				if s, is := call.Fun.(*ast.SelectorExpr); is {
					f(call, types.ExprString(s.X), s.Sel.Name)
				}
			}
			return true
		}
	}
	ast.Inspect(f.Body, visit(func(call *ast.CallExpr, lock, method string) {
		switch method {
		case "Lock", "RLock", "TryLock", "TryRLock":
			locked[lock] = min(cmp.Or(locked[lock], call.Pos()), call.Pos())
		}
	}))
	ast.Inspect(f.Body, visit(func(call *ast.CallExpr, lock, method string) {
		if at, own := locked[lock]; (method == "Unlock" || method == "RUnlock") && (!own || call.Pos() < at) {
			foreign = append(foreign, lock)
		}
	}))
	return foreign
}

// TestLocksFindsForeignUnlocks has a function of each kind.
func TestLocksFindsForeignUnlocks(t *testing.T) {
	for body, want := range map[string][]string{
		"s.mu.Lock(); defer s.mu.Unlock()":                       nil,
		"s.mu.Lock(); s.mu.Unlock(); s.mu.Lock(); s.mu.Unlock()": nil,
		"s.mu.RLock(); defer func() { s.mu.RUnlock() }()":        nil,
		"if s.mu.TryLock() { s.mu.Unlock() }":                    nil,
		"s.mu.Unlock()":                                          {"s.mu"},
		"s.mu.Unlock(); s.mu.Lock()":                             {"s.mu"},
		"s.mu.Lock(); s.conn.mu.Unlock()":                        {"s.conn.mu"},
		"defer func() { s.mu.RUnlock() }()":                      {"s.mu"},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {"+body+"}", parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := unlocks(f.Decls[0].(*ast.FuncDecl)); !slices.Equal(got, want) {
			t.Errorf("%s unlocks %v, want %v", body, got, want)
		}
	}
}

// TestBooleans finds calls with two booleans, for example f(true, false), which
// nobody can read. Those of sync/atomic are known to everybody.
func TestBooleans(t *testing.T) {
	for _, folder := range layers {
		p := load(t, folder)
		for _, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, is := n.(*ast.CallExpr); is && !strings.HasSuffix(types.ExprString(call.Fun), ".CompareAndSwap") {
					literals := 0
					for _, arg := range call.Args {
						if name, is := arg.(*ast.Ident); is && (name.Name == "true" || name.Name == "false") {
							literals++
						}
					}
					if literals > 1 {
						t.Errorf("%s: a call with %d booleans", p.fset.Position(call.Pos()), literals)
					}
				}
				return true
			})
		}
	}
}

// TestArchitecturePage keeps the page short enough to be read at once.
func TestArchitecturePage(t *testing.T) {
	const limit = 900 // words
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	words := slices.DeleteFunc(strings.Fields(string(page)), func(word string) bool { return !strings.ContainsFunc(word, unicode.IsLetter) })
	if len(words) > limit {
		t.Errorf("ARCHITECTURE.md has %d words, want %d at most", len(words), limit)
	}
}

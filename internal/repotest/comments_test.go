package repotest

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// assumed are the declarations that examples in package comments take for
	// granted, by name.
	assumed = map[string]string{
		"Message":      "type Message struct{ Room, Text string }",
		"authenticate": "func authenticate(context.Context, *socketio.Socket) (chat.User, error) { return chat.User{}, nil }",
		"newChat":      "func newChat() *socketio.Server { return nil }",
		"store":        "var store = chat.Options{}.Store",
		"userOf":       "func userOf(*socketio.Handshake) (chat.User, error) { return chat.User{}, nil }",
	}

	// notGo finds examples in other languages, examples that leave something
	// out within an expression, and those that are only an import.
	notGo = regexp.MustCompile(`(?m)CREATE TABLE|^import |<script|// …`)

	// private are folders whose packages are for this repository alone.
	private = regexp.MustCompile(`^(?:internal|interop|bench|examples|docs)/|/(?:internal|testdata)/|_test\.go$`)
)

// TestPackageComments compiles the examples in the comments of packages.
func TestPackageComments(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "*.go").Output()
	if err != nil {
		t.Skipf("git does not list the files: %v", err)
	}
	found := 0
	for _, file := range strings.Fields(string(out)) {
		if private.MatchString(file) {
			continue
		}
		blocks := commentBlocks(t, file)
		found += len(blocks)
		if len(blocks) > 0 {
			t.Run(file, func(t *testing.T) { vetBlocks(t, file, filepath.Dir(file), blocks) })
		}
	}
	if found < 10 {
		t.Errorf("%d examples found, fewer than there were", found)
	}
}

// commentBlocks returns the examples in a file's package comment.
func commentBlocks(t *testing.T, file string) (blocks []goText) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		if len(parsed.Comments) == 0 {
			return nil // git still lists a file that has been deleted
		}
		t.Fatal(err)
	}
	if parsed.Doc == nil {
		return nil
	}
	for _, part := range new(comment.Parser).Parse(parsed.Doc.Text()).Content {
		code, is := part.(*comment.Code)
		if !is || notGo.MatchString(code.Text) && !strings.HasPrefix(code.Text, "package ") {
			continue
		}
		text := strings.ReplaceAll(code.Text, "…\n", "")
		blocks = append(blocks, goText{line: len(blocks), hidden: assume(text), text: text})
	}
	return blocks
}

// assume returns the declarations that an example takes for granted.
func assume(text string) (hidden string) {
	declared := make(map[string]bool)
	file, _ := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+text+"\n}", 0)
	if file == nil || len(file.Decls) == 0 {
		file, _ = parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, is := n.(*ast.TypeSpec); is {
			declared[spec.Name.Name] = true
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(assumed)) {
		if regexp.MustCompile(`\b`+name+`\b`).MatchString(text) && !declared[name] && !strings.HasPrefix(text, "package ") {
			hidden += assumed[name] + "\n"
		}
	}
	return hidden
}

package repotest

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
)

var (
	// A row of docs/limits.md: the limit, its default, options, what the client
	// gets, what is logged, tests.
	limitRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)
	option   = regexp.MustCompile("`([A-Z]\\w+)[`.]")
	warned   = regexp.MustCompile(`warn: ([^,]+)`)
)

// sources returns the texts of files by their names, without Go's tests.
func sources(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range patterns {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[file] = string(text)
		}
	}
	return texts
}

// sourceText returns the library's source, in which log lines are looked for.
func sourceText(t *testing.T) string {
	t.Helper()
	var source strings.Builder
	for _, text := range sources(t, "*.go", "internal/engine/*.go", "internal/cluster/*.go") {
		source.WriteString(text)
	}
	return source.String()
}

// TestLimitsPage finds the tests, options and log lines that docs/limits.md
// names, and the limits among the options on the page.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	source := sourceText(t)
	options := reflect.TypeFor[socketio.Options]()
	named := map[string]bool{}
	rows := limitRow.FindAllStringSubmatch(string(page), -1)
	for _, row := range rows {
		if row[1] == "limit" || row[1] == "---" {
			continue
		}
		for _, o := range option.FindAllStringSubmatch(row[3], -1) {
			named[o[1]] = true
			if _, is := options.FieldByName(o[1]); !is {
				t.Errorf("%q: there is no Options.%s", row[1], o[1])
			}
		}
		if line := warned.FindStringSubmatch(row[5]); line != nil && !strings.Contains(source, line[1]) {
			t.Errorf("%q: nothing logs %q", row[1], line[1])
		}
		tests := namedTest.FindAllStringSubmatch(row[6], -1)
		for _, test := range tests {
			findTest(t, test[1], test[2])
		}
		if len(tests) == 0 && !strings.Contains(row[3], "http.Server") {
			t.Errorf("%q names no test", row[1])
		}
	}
	for i := range options.NumField() {
		name := options.Field(i).Name
		if (strings.HasPrefix(name, "Max") || strings.HasSuffix(name, "Timeout")) && !named[name] {
			t.Errorf("Options.%s is not on the page", name)
		}
	}
	if all := strings.Count(string(page), "\n| "); all != len(rows) {
		t.Errorf("%d rows of another form", all-len(rows))
	}
}

// TestServersOfPrograms finds the time-outs that docs/limits.md asks for in each
// server of HTTP that the examples and the pages show.
func TestServersOfPrograms(t *testing.T) {
	shown := regexp.MustCompile(`&http\.Server\{[^}]*\}`)
	var found int
	for file, text := range sources(t, "*.md", "docs/*.md", "examples/*/*.go") {
		for _, server := range shown.FindAllString(text, -1) {
			found++
			if !strings.Contains(server, "ReadHeaderTimeout: ") || !strings.Contains(server, "IdleTimeout: ") {
				t.Errorf("%s: %s", file, server)
			}
		}
	}
	if found < 10 {
		t.Errorf("%d servers found", found)
	}
}

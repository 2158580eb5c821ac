package repotest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// A row of docs/dev/behaviours.md: a text, how many behaviours it stands for,
	// and what is to be said of them.
	behaviourRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| (\d+) \| ([^|]+) \|$`)
	// A test in a row: a file, perhaps a function, perhaps cases in quotes.
	namedTest = regexp.MustCompile("`([\\w./-]+\\.(?:go|txt|mjs))(?:: ([^`]+))?`")
	testPart  = regexp.MustCompile(`"[^"]+"|\w+`)
)

// TestBehaviours finds the tests that docs/dev/behaviours.md names, and counts.
func TestBehaviours(t *testing.T) {
	page, err := os.ReadFile("docs/dev/behaviours.md")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, row := range behaviourRow.FindAllStringSubmatch(string(page), -1) {
		n, err := strconv.Atoi(row[2])
		if err != nil {
			t.Fatal(err)
		}
		tests := namedTest.FindAllStringSubmatch(row[3], -1)
		for _, test := range tests {
			findTest(t, test[1], test[2])
		}
		kind, _, excused := strings.Cut(row[3], ": ")
		switch {
		case excused && (kind == "does not apply" || kind == "not yet"):
			counts[kind] += n
		case len(tests) == 0:
			t.Errorf("%q names no test", row[1])
		default:
			counts["tested"] += n
		}
	}
	sum := fmt.Sprintf("%d behaviours: %d have a test, %d do not apply in Go, %d are not yet there.",
		counts["tested"]+counts["does not apply"]+counts["not yet"], counts["tested"], counts["does not apply"], counts["not yet"])
	if !strings.Contains(string(page), sum) {
		t.Errorf("the page does not say: %s", sum)
	}
	if rows := strings.Count(string(page), "\n| ") - 2*strings.Count(string(page), "\n## "); rows != len(behaviourRow.FindAllString(string(page), -1)) {
		t.Errorf("%d rows of another form", rows-len(behaviourRow.FindAllString(string(page), -1)))
	}
}

// findTest wants a file to have a test, as the page names it.
func findTest(t *testing.T, file, name string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	for _, part := range testPart.FindAllString(name, -1) {
		want := part
		switch {
		case strings.HasSuffix(file, ".txt"):
			want = "\n== " + strings.Trim(part, `"`) + "\n"
		case strings.HasPrefix(part, "Test"), strings.HasPrefix(part, "Fuzz"):
			want = "func " + part + "("
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s", file, part)
		}
	}
}

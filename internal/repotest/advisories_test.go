package repotest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var advisoryRow = regexp.MustCompile(`(?m)^\| ((?:CVE|GHSA)-[\w-]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$`)

// TestAdvisories finds the tests that docs/dev/advisories.md names.
func TestAdvisories(t *testing.T) {
	page, err := os.ReadFile("docs/dev/advisories.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := advisoryRow.FindAllStringSubmatch(string(page), -1)
	if want := strings.Count(string(page), "\n| ") - 2; len(rows) != want {
		t.Errorf("%d of %d rows are of an advisory", len(rows), want)
	}
	for _, row := range rows {
		tests := namedTest.FindAllStringSubmatch(row[2], -1)
		for _, test := range tests {
			findTest(t, test[1], test[2])
		}
		if len(tests) == 0 && !strings.HasPrefix(row[2], "does not apply: ") {
			t.Errorf("%s has no test", row[1])
		}
	}
}

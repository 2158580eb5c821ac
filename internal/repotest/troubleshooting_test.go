package repotest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A row of docs/troubleshooting.md whose second column quotes a line of the log.
var symptomRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)`[^|]*\\| [^|]+ \\|$")

// TestTroubleshooting finds each line of the log that the page quotes in the
// source.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	source := sourceText(t)
	rows := symptomRow.FindAllStringSubmatch(string(page), -1)
	for _, row := range rows {
		if !strings.Contains(source, row[1]) {
			t.Errorf("nothing logs %q", row[1])
		}
	}
	if len(rows) < 15 {
		t.Errorf("%d lines found on the page", len(rows))
	}
}

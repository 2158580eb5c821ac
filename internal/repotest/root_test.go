package repotest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRootFolder keeps the root small: tests of whole servers belong into
// internal/systemtest, and a test of one file stands beside it.
func TestRootFolder(t *testing.T) {
	const limit = 50 // files
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	if len(files) > limit {
		t.Errorf("%d Go files in the root, want %d at most", len(files), limit)
	}
	for _, file := range files {
		name, isTest := strings.CutSuffix(file, "_test.go")
		if !isTest || name == "export" || name == "example" || strings.HasPrefix(name, "example_") {
			continue
		}
		if _, err := os.Stat(name + ".go"); err != nil {
			t.Errorf("%s tests no file of its name: move it to internal/systemtest, or rename it", file)
		}
	}
}

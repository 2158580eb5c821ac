// Package repotest tests the repository itself: who imports whom, how long
// files are, how comments and pages read, and whether the pages name tests,
// options and log lines that exist.
package repotest

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests in the repository's root, as the pages name files.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

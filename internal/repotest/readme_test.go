package repotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestReadme compiles the Go programs of the pages that have one.
func TestReadme(t *testing.T) {
	for _, page := range []string{"README.md", "docs/migrating-from-googollee.md", "docs/behind-a-proxy.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) { compilePrograms(t, page) })
	}
}

func compilePrograms(t *testing.T, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(package main.*?)```").FindAllSubmatch(text, -1)
	if len(programs) == 0 {
		t.Fatal("no program found")
	}
	for _, program := range programs {
		dir, err := os.MkdirTemp(".", "_readme") // within the module, and no part of ./...
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.WriteFile(filepath.Join(dir, "main.go"), program[1], 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "vet", "./"+dir).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

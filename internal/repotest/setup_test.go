package repotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersionsAreChecked runs make with programs that say they have a version.
func TestVersionsAreChecked(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make: install it (Debian: apt-get install make)")
	}
	const goodGo, goodNode = "go version go1.25.0 linux/amd64", "v22.12.0"
	for _, c := range []struct {
		golang, node string
		want         string // in the line that make ends with; "" if the versions are good
	}{
		{goodGo, goodNode, ""},
		{"go version go1.30.2 linux/amd64", "v20.19.0", ""},
		{goodGo, "v24.0.0", ""},
		{"go version go1.19.3 linux/amd64", goodNode, "Go 1.25 or newer is needed, found: go version go1.19.3"},
		{"go version go1.24.9 linux/amd64", goodNode, "Go 1.25 or newer is needed"},
		{goodGo, "v16.20.0", "Node.js 20.19"},
		{goodGo, "v18.20.1", "found: v18.20.1"},
		{goodGo, "v20.18.3", "found: v20.18.3"},
		{goodGo, "v21.7.0", "found: v21.7.0"},
		{goodGo, "v22.11.0", "found: v22.11.0"},
	} {
		t.Run(c.golang+" "+c.node, func(t *testing.T) {
			bin := t.TempDir()
			work := filepath.Join(bin, "work")
			program(t, bin, "go", `test "$1" = version || touch `+work+"; echo "+c.golang)
			program(t, bin, "node", "echo "+c.node)
			program(t, bin, "npm", "touch "+work)
			targets := []string{"chat"}
			if c.want == "" {
				targets = []string{"go", "npm"}
			}
			cmd := exec.Command("make", append([]string{"--no-print-directory"}, targets...)...)
			path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
			cmd.Env = append(os.Environ(), path, "MAKEFLAGS=") // make -j that runs this test would be heard of
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.want == "") {
				t.Fatalf("make: %v\n%s", err, out)
			}
			if _, err := os.Stat(work); err == nil {
				t.Error("work began before the versions were checked")
			}
			if c.want == "" {
				return
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], c.want) {
				t.Errorf("make said %q, want one line with %q before its own", lines, c.want)
			}
		})
	}
}

func program(t *testing.T, dir, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

package repotest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// TestLockFiles reads the lock files of npm: they are complete, or npm ci would
// fail, and they name no registry.
func TestLockFiles(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "*package-lock.json").Output()
	if err != nil {
		t.Skipf("git does not list the files: %v", err)
	}
	files := strings.Fields(string(out))
	if len(files) == 0 {
		t.Fatal("no lock file found")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lock lockFile
		if err := json.Unmarshal(text, &lock); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for at, p := range lock.Packages {
			if p.Resolved != "" {
				t.Errorf("%s: %s names a registry", file, at)
			}
			for _, wanted := range []map[string]string{p.Dependencies, p.DevDependencies, p.OptionalDependencies} {
				for name := range wanted {
					if !lock.has(at, name) {
						t.Errorf("%s: %s needs %s, which the file lacks", file, at, name)
					}
				}
			}
		}
	}
}

type lockFile struct {
	Packages map[string]struct {
		Resolved                                            string
		Dependencies, DevDependencies, OptionalDependencies map[string]string
	}
}

// has reports whether the package in a folder finds another one, as Node.js
// looks for it: in the node_modules of the folder and of all above it.
func (l lockFile) has(folder, name string) bool {
	for {
		if _, found := l.Packages[path.Join(folder, "node_modules", name)]; found {
			return true
		}
		if folder == "" || folder == "." {
			return false
		}
		folder = path.Dir(folder)
	}
}

package repotest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// A block of TypeScript or JavaScript on a page, perhaps with a comment
	// before it that readers do not see: what the block takes for granted.
	tsBlock = regexp.MustCompile("(?s)(?:<!-- ts\n(.*?)-->\n\n?)?```(tsx?|js)\n(.*?)```")

	tsFence = regexp.MustCompile("(?m)^```(?:tsx?|jsx?|typescript|javascript|mjs)\n")

	// A hidden file that the blocks of a page import.
	tsFile = regexp.MustCompile(`(?s)<!-- ts (\S+\.ts)\n(.*?)-->`)

	// A folder of the repository that the blocks of a page import by a name.
	tsFolder = regexp.MustCompile(`<!-- ts (\w+): (\S+) -->`)

	// The first line of a block that other blocks of the page import.
	tsName = regexp.MustCompile(`^// (\S+\.tsx?)\n`)
)

const tsConfig = `{
  "compilerOptions": {
    "strict": true, "noEmit": true, "allowJs": true, "checkJs": true, "skipLibCheck": true, "verbatimModuleSyntax": true,
    "target": "es2023", "lib": ["ES2023", "DOM", "DOM.Iterable"], "types": ["vite/client"],
    "module": "esnext", "moduleResolution": "bundler", "moduleDetection": "force", "jsx": "react-jsx"
  }
}`

// TestTypeScriptBlocks compiles every block of TypeScript and JavaScript on the
// pages for users by tsc --strict, against the stock client and React.
func TestTypeScriptBlocks(t *testing.T) {
	const web = "docs/e2e" // its packages are those of the pages
	tsc, err := filepath.Abs(web + "/node_modules/.bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(tsc); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no TypeScript compiler: run npm ci in docs/e2e (Debian: apt-get install npm)")
	}
	dir, err := os.MkdirTemp(web, "_blocks") // where tsc finds node_modules
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, page := range append(pages, "README.md", "chat/web/README.md") {
		if page != "docs/tutorial.md" { // docs/e2e compiles it
			found += writeBlocks(t, dir, page)
		}
	}
	if found == 0 {
		t.Fatal("no block found")
	}
	writeFile(t, filepath.Join(dir, "tsconfig.json"), tsConfig)
	if out, err := exec.Command(tsc, "-p", dir, "--pretty", "false").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// writeBlocks writes the blocks of a page into a folder of its own, named after
// their lines, and returns how many there are.
func writeBlocks(t *testing.T, dir, page string) int {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := tsBlock.FindAllSubmatchIndex(text, -1)
	if all := len(tsFence.FindAll(text, -1)); all != len(blocks) {
		t.Errorf("%s: %d blocks, of which %d are of the form that is compiled", page, all, len(blocks))
	}
	if len(blocks) == 0 {
		return 0
	}
	dir = filepath.Join(dir, strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "/", "-"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range tsFile.FindAllSubmatch(text, -1) {
		writeFile(t, filepath.Join(dir, string(file[1])), string(file[2]))
	}
	for _, folder := range tsFolder.FindAllSubmatch(text, -1) {
		if err := os.CopyFS(filepath.Join(dir, string(folder[1])), os.DirFS(string(folder[2]))); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range blocks {
		hidden := ""
		if at[2] >= 0 {
			hidden = string(text[at[2]:at[3]])
		}
		kind, block := string(text[at[4]:at[5]]), string(text[at[6]:at[7]])
		name := fmt.Sprintf("line%d.%s", 1+bytes.Count(text[:at[6]], []byte("\n")), kind)
		if named := tsName.FindStringSubmatch(block); named != nil {
			name = named[1]
		}
		writeFile(t, filepath.Join(dir, name), hidden+block)
	}
	return len(blocks)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

package repotest

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// odd are constructions that a reader has to read twice. A few are right as
// they stand, so a rate is bounded instead of each.
var odd = regexp.MustCompile(strings.Join([]string{
	`\b(?:of|to|in|for|with|by|from) (?:which|whom)\b`,
	`\b(?:is|are|was) (?:not )?to (?:be|follow|come|end)\b`,
	`(?:^|[.;,:(] |\b(?:of|with|for|and) )[Ww]hat (?:is|was|has|comes|came|goes|they|it|a|the|clients|users|follows|waits)\b`,
	`\b(?:any more|none|who|whoever|nobody|somebody|anybody)\b`,
	`\b(?:has|have) (?:come|gone|got|to follow)\b`,
}, "|"))

// maxOdd is how many odd constructions 1,000 words may contain.
const maxOdd = 1

var (
	goComment  = regexp.MustCompile(`^\s*// ?(.*)`)
	directive  = regexp.MustCompile(`^(?:go:|nolint)`)
	codeOrLink = regexp.MustCompile("`[^`]*`|\\]\\([^)]*\\)")
)

// TestProse counts odd constructions in the comments of the library's code and
// in its pages.
func TestProse(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "*.go", "*.md").Output()
	if err != nil {
		t.Skipf("git does not list the files: %v", err)
	}
	var comments, pages prose
	for _, file := range strings.Fields(string(out)) {
		switch {
		case strings.HasSuffix(file, ".md"):
			pages.read(t, file, pageText())
		case !strings.HasSuffix(file, "_test.go") && !strings.HasPrefix(file, "bench/") && !strings.HasPrefix(file, "examples/"):
			comments.read(t, file, commentText)
		}
	}
	comments.check(t, "comments")
	pages.check(t, "pages")
}

// A prose is the text of several files.
type prose struct {
	words int
	found []string
}

func (p *prose) read(t *testing.T, file string, text func(line string) string) {
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return // git still lists a file that has been deleted
	}
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(content), "\n") {
		line = text(line)
		p.words += len(strings.Fields(line))
		for _, found := range odd.FindAllString(line, -1) {
			p.found = append(p.found, fmt.Sprintf("%s:%d: %q in: %s", file, n+1, found, line))
		}
	}
}

func (p *prose) check(t *testing.T, what string) {
	t.Helper()
	switch {
	case p.words == 0:
		t.Errorf("no %s found", what)
	case len(p.found)*1000 > p.words*maxOdd:
		t.Errorf("%d odd constructions in %d words of %s, want at most %d in 1,000:\n%s",
			len(p.found), p.words, what, maxOdd, strings.Join(p.found, "\n"))
	}
}

// commentText returns the comment of a line of Go.
func commentText(line string) string {
	if m := goComment.FindStringSubmatch(line); m != nil && !directive.MatchString(m[1]) {
		return m[1]
	}
	return ""
}

// pageText returns a function that returns a page's lines without code.
func pageText() func(line string) string {
	fenced := false
	return func(line string) string {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			return ""
		}
		if fenced {
			return ""
		}
		return codeOrLink.ReplaceAllString(line, "")
	}
}

func TestProseFindsOddConstructions(t *testing.T) {
	for line, want := range map[string]int{
		"// What is kept of a socket of which nobody knows any more.": 4,
		"// A Server is an http.Handler. It returns nil.":             0,
		"//go:build who":                     0,
		"code who":                           0,
		"// The limit that it has to follow": 1,
	} {
		if got := len(odd.FindAllString(commentText(line), -1)); got != want {
			t.Errorf("%q: %d found, want %d", line, got, want)
		}
	}
	text := pageText()
	page := ""
	for _, line := range []string{"```", "who", "```", "`who` [it](who)", "nobody"} {
		page += text(line) + "\n"
	}
	if got := len(odd.FindAllString(page, -1)); got != 1 {
		t.Errorf("%d found on the page, want 1", got)
	}
}

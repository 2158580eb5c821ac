package chat_test

import (
	"os"
	"strings"
	"testing"
)

// TestProtocolPage looks for every command, with its arguments, and every code on
// the page that describes them.
func TestProtocolPage(t *testing.T) {
	page, err := os.ReadFile("../docs/chat-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(page), "\n")
	for name, arg := range commands {
		i := 0
		for i < len(lines) && !(strings.HasPrefix(lines[i], "| `") && strings.Contains(strings.SplitN(lines[i], "|", 3)[1], "`"+name+"`")) {
			i++
		}
		if i == len(lines) {
			t.Errorf("%s is not on the page", name)
			continue
		}
		for field := range arg {
			if field != "gen" && !strings.Contains(lines[i], field) {
				t.Errorf("the page does not name %s of %s", field, name)
			}
		}
	}
	for code := range codes {
		if !strings.Contains(string(page), "`"+string(code)+"`") {
			t.Errorf("the page does not name the code %s", code)
		}
	}
}

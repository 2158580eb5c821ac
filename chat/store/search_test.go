package store_test

import (
	"fmt"
	"testing"

	"github.com/goroomcast/socketio/chat/store"
)

// TestTerms says what users search for with a text.
func TestTerms(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "[]",
		" \"\" *: - ":              "[]",
		"hello":                    "[{[hello] true}]",
		"Hello wor":                "[{[Hello] false} {[wor] true}]",
		`"hello world"`:            "[{[hello world] false}]",
		`"hello world" ag`:         "[{[hello world] false} {[ag] true}]",
		`a "hello wor`:             "[{[a] false} {[hello wor] true}]",
		`"a" "b`:                   "[{[a] false} {[b] true}]",
		`say "`:                    "[{[say] true}]",
		`"a"!`:                     "[{[a] false}]",
		"a AND b OR NOT c":         "[{[a] false} {[AND] false} {[b] false} {[OR] false} {[NOT] false} {[c] true}]",
		"NEAR(a b, 3)*":            "[{[NEAR a] false} {[b] false} {[3] true}]",
		"text:x -y ^z {a}":         "[{[text x] false} {[y] false} {[z] false} {[a] true}]",
		"don't e-mail@ex.org":      "[{[don t] false} {[e mail ex org] true}]",
		"Größe ПРИВЕТ 東京 e\u0301t": "[{[Größe] false} {[ПРИВЕТ] false} {[東京] false} {[e\u0301t] true}]",
	} {
		if got := fmt.Sprint(store.Terms(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestPlaces reads places that a client has sent back, or made up.
func TestPlaces(t *testing.T) {
	p := store.Place{At: 5, Seq: 7, Room: "~x-_~9"}
	if got, err := store.ParsePlace(p.String()); got != p || err != nil {
		t.Errorf("%+v %v", got, err)
	}
	for _, text := range []string{"x", "1", "1 2", "1 2 a b", " 1 2 a", "1  2 a", "1e3 2 a", "99999999999999999999 2 a", "1 2 a\n"} {
		if _, err := store.ParsePlace(text); store.CodeOf(err) != store.BadRequest {
			t.Errorf("%q: %v", text, err)
		}
	}
}

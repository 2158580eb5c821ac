package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

// searchCases are the cases for a store that is a store.Searcher.
var searchCases = []testCase{
	{"a message is found by its words", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, text := range []string{"Hello world", "hello, brave new World!", "wor hel", "e-mail ann@example.org or call 0471-55", "Grüße", "東京", ""} {
			f.post("r", "ann", "", text)
		}
		for text, want := range map[string][]int64{
			"hello":               {1, 2},
			"HELLO World":         {1, 2},
			"world hello":         {1, 2},
			`"hello world"`:       {1},
			`"hello, WORLD"`:      {1},
			`"new wor`:            {2},
			`"new wor"`:           nil,
			"wor":                 {1, 2, 3},
			`"wor"`:               {3},
			"wor hel":             {3},
			"hel wor":             {3}, // only the last word is a beginning
			"hello moon":          nil,
			"example":             {4},
			"ann@example.org":     {4},
			"0471":                {4},
			"55":                  {4},
			"Grüße":               {5},
			"grü":                 {5},
			"gru":                 nil,
			"東京":                  {6},
			"東":                   {6},
			"":                    nil,
			`"" * - : ^`:          nil,
			`hello"`:              {1, 2},
			"hello* AND":          nil,
			"NEAR(hello brave)":   nil,
			"text:hello":          nil,
			"scope:hello":         nil,
			"hello OR grüße":      nil,
			"hello ' OR 1=1 --":   nil,
			"brave \\ new & !":    {2},
			"hello:* | !x <-> y)": nil,
		} {
			f.equal(text, f.found("rita", "r", text), f.at("r", want...))
			f.equal(text+" in all rooms", f.found("rita", "", text), f.at("r", want...))
		}
	}},
	{"signs that are no letters separate words in any script", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, text := range []string{
			"“quoted” text—with dashes… and «more»", "thanks😀 all👍🏽", "¿qué? ¡sí!", "東京、大阪。", "한국어・日本語", "50€ or 20°C",
			"don’t rock’n’roll", "no\u00a0break", "ａｂｃ！", "२०२४ नमस्ते", "a→b", "x₂ 1½", "tag#go c++", "İstanbul", "STRASSE", "οδυσσευσ", "1e5 0x1f 3.14",
		} {
			f.post("r", "ann", "", text)
		}
		for text, want := range map[string][]int64{
			"quoted": {1}, `"text with"`: {1}, `"dashes"`: {1}, `"more"`: {1}, `"thanks"`: {2}, `"all"`: {2}, `"qué"`: {3}, `"sí"`: {3},
			`"東京"`: {4}, `"大阪"`: {4}, `"日本語"`: {5}, `"50"`: {6}, `"20 c"`: {6}, `"don t"`: {7}, `"roll"`: {7}, `"break"`: {8},
			`"ａｂｃ"`: {9}, `"२०२४"`: {10}, `"नमस्ते"`: {10}, `"b"`: {11}, "😀": nil, "don’t": {7}, `"c"`: {13, 6}, `"go"`: {13},
			`"strasse"`: {15}, `"1e5"`: {17}, `"0x1f"`: {17}, `"3.14"`: {17}, `"14"`: {17},
		} {
			f.equal(text, f.found("rita", "r", text), f.at("r", want...))
		}
	}},
	{"a letter with an accent is not the letter and an accent", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "caf\u00e9")
		f.post("r", "ann", "", "cafe\u0301")
		f.equal("one code point", f.found("rita", "", "\"caf\u00e9\""), f.at("r", 1))
		f.equal("two code points", f.found("rita", "", "\"cafe\u0301\""), f.at("r", 2))
	}},
	{"whatever a user writes, it is no error", func(f *fixture) {
		f.create("r", store.KindOpen)
		parts := []string{`"`, "'", "*", ":", "^", "-", "+", "(", ")", "{", "}", "&", "|", "!", "<->", "AND", "OR", "NOT", "NEAR", "text", "scope",
			" ", "\\", "%", "_", "$1", "?", ";", "--", "\n", "\t", "\u0301", "\u200d", "\u00a0", "é", "ß", "İ", "𝒜", "²", "東", "x", "7", "\U000e0041", "\ufffd"}
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			var text string
			for range 1 + random.IntN(9) {
				text += parts[random.IntN(len(parts))]
			}
			f.post("r", "ann", "", text)
			f.found("ann", []string{"", "r", "r~1"}[random.IntN(3)], text)
		}
	}},
	{"a long text, and a long word, are no error", func(f *fixture) {
		f.create("r", store.KindOpen)
		var long strings.Builder
		long.WriteString("beginning ")
		for i := range 200_000 {
			fmt.Fprintf(&long, "é%d ", i*7)
		}
		f.post("r", "ann", "", long.String())
		f.post("r", "ann", "", strings.Repeat("x", 50_000)+" end")
		f.equal("long text", f.found("ann", "r", "beginning é7"), f.at("r", 1))
		f.equal("long word", f.found("ann", "r", "end"), f.at("r", 2))
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("deleted", len(f.found("ann", "r", "beginning")), 0)
	}},
	{"an edit replaces the words, and a deletion removes them", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "apples and pears")
		f.post("r", "ann", "", "apples")
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1, Text: "plums and pears"})
		f.equal("old", f.found("ann", "", "apples"), f.at("r", 2))
		f.equal("new", f.found("ann", "", "plums"), f.at("r", 1))
		f.equal("kept", f.found("ann", "", "pears"), f.at("r", 1))
		f.do(store.Edit{Room: "r", By: "ann", Seq: 2, Data: []byte(`"apples"`)})
		f.equal("no text", len(f.found("ann", "", "apples")), 0)
		f.do(store.Edit{Room: "r", By: "ann", Seq: 2, Text: "apples again"})
		f.equal("text again", f.found("ann", "", "again"), f.at("r", 2))
		f.do(store.React{Room: "r", By: "bob", Seq: 1, Emoji: "x", On: true})
		f.equal("a reaction", f.found("ann", "", "plums"), f.at("r", 1))
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("deleted", len(f.found("ann", "", "plums")), 0)
		f.commit(store.Post{Room: "r", By: "ann", Author: "ann", Text: "one"}, store.Edit{Room: "r", By: "ann", Seq: 3, Text: "two"})
		f.equal("of a batch", []int{len(f.found("ann", "", "one")), len(f.found("ann", "", "two"))}, []int{0, 1})
		f.equal("by a ban", f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Ban, Purge: 1 << 40}).Purged, 2)
		f.equal("purged", len(f.found("mo", "", "two")), 0)
	}},
	{"only rooms that the user may read now are searched", func(f *fixture) {
		f.create("open", store.KindOpen)
		f.create("closed", store.KindClosed)
		direct := f.direct()
		for _, room := range []string{"open", "closed", direct, store.Thread(direct, 1)} {
			f.post(room, "ann", "", "secret")
		}
		private := []string{direct + " 1", store.Thread(direct, 1) + " 1"}
		f.equal("ann", f.found("ann", "", "secret"), append([]string{"closed 1", "open 1"}, private...))
		f.equal("a stranger", f.found("stranger", "", "secret"), f.at("open", 1))
		f.equal("another member", f.found("cy", "", "secret"), []string{"closed 1", "open 1"})
		for _, room := range []string{"closed", direct, store.Thread(direct, 1), "missing"} {
			f.equal("a stranger in "+room, len(f.found("stranger", room, "secret")), 0)
		}
		f.equal("in a direct room", f.found("bob", direct, "secret"), private)
		f.equal("in a thread", f.found("bob", store.Thread(direct, 1), "secret"), private[1:])
		f.do(store.SetMember{Room: "closed", By: "mo", User: "ann", Do: store.Kick})
		f.do(store.SetMember{Room: "open", By: "mo", User: "ann", Do: store.Ban})
		f.do(store.SetMember{Room: direct, By: "ann", User: "ann", Do: store.Leave})
		f.equal("after kick and ban", f.found("ann", "", "secret"), private)
		f.do(store.SetMember{Room: "open", By: "mo", User: "ann", Do: store.Unban})
		f.equal("after unban", f.found("ann", "", "secret"), append([]string{"open 1"}, private...))
		f.equal("except", f.founds("ann", store.Search{Except: []string{direct}}, "secret"), f.at("open", 1))
		f.do(store.DeleteRoom{Room: "open"})
		f.equal("after the room", f.found("ann", "", "secret"), private)
		f.do(store.Create{Room: "open", Kind: store.KindClosed})
		f.do(store.SetMember{Room: "open", User: "cy", Do: store.Add, Role: store.RoleMember})
		f.equal("made anew", f.found("cy", "", "secret"), f.at("closed", 1))
		f.equal("swept", f.sweep("open", 10), 1)
		f.post("open", "cy", "", "secret")
		f.equal("new", f.found("cy", "open", "secret"), f.at("open", 2))
		f.equal("for members alone", len(f.found("stranger", "", "secret")), 0)
	}},
	{"a member of a joined room finds what is visible to the member", func(f *fixture) {
		f.createWith("r", store.KindClosed, store.Settings{Visibility: store.VisibleJoined})
		f.post("r", "ann", "", "old word")
		f.post("r~1", "ann", "", "word in an old thread")
		f.do(store.SetMember{Room: "r", By: "mo", User: "cy", Do: store.Kick})
		f.do(store.SetMember{Room: "r", By: "mo", User: "cy", Do: store.Add, Role: store.RoleMember})
		f.post("r", "ann", "", "new word")
		f.post("r~2", "ann", "", "word in a new thread")
		f.post("r~1", "ann", "", "new word in an old thread")
		f.equal("cy", f.found("cy", "", "word"), []string{"r 2", "r~2 1"})
		f.equal("cy in the room", f.found("cy", "r", "word"), []string{"r 2", "r~2 1"})
		f.equal("cy in the old thread", len(f.found("cy", "r~1", "word")), 0)
		f.equal("ann", f.found("ann", "", "word"), []string{"r 1", "r 2", "r~1 1", "r~1 2", "r~2 1"})
		f.equal("ann in a thread", f.found("ann", "r~1", "word"), []string{"r~1 1", "r~1 2"})
		all := store.VisibleAll
		f.do(store.SetRoom{Room: "r", By: "olga", Visibility: &all})
		f.equal("cy, when all is visible", len(f.found("cy", "", "word")), 5)
	}},
	{"what lies below the floor is not found, nor its threads, before the sweep and after it", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 3 {
			f.post("r", "ann", "", "word")
		}
		f.post("r~1", "ann", "", "word")
		f.post("r~3", "ann", "", "word")
		f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 2}})
		want := []string{"r 2", "r 3", "r~3 1"}
		f.equal("before", f.found("ann", "", "word"), want)
		f.equal("in the room", f.found("ann", "r", "word"), want)
		f.sweep("r", 10)
		f.do(store.Prune{Room: "r~1"})
		f.sweep("r~1", 10)
		f.equal("after", f.found("ann", "", "word"), want)
	}},
	{"pages of what is found have each message once, the newest first", func(f *fixture) {
		for i := range 40 {
			room := fmt.Sprint("r", i%3)
			if i < 3 {
				f.create(room, store.KindClosed)
			}
			f.post(room, "ann", "", strings.Repeat("x", i*10)+" word")
		}
		search := func(after string, l store.Limit) *store.Found {
			page, err := f.searcher().Search(ctx, store.Search{User: "ann", Terms: store.Terms("word"), After: after, Limit: l})
			f.check(err)
			return page
		}
		first := search("", large)
		want, newer := places(first), 0
		f.equal("all", []any{len(want), first.After}, []any{40, ""})
		f.equal("newest first", slices.IsSortedFunc(first.Messages, func(a, b store.Message) int { return int(b.At - a.At) }), true)
		for _, l := range []store.Limit{{Rows: 1, Bytes: 1 << 20}, {Rows: 7, Bytes: 1 << 20}, {Rows: 100, Bytes: 2000}, {Rows: 40, Bytes: 1 << 20}} {
			page := search("", l)
			got := places(page)
			for page.After != "" && len(got) < 100 {
				f.post("r0", "ann", "", "a newer word") // is on no later page
				page = search(page.After, l)
				got = append(got, places(page)...)
			}
			f.equal(fmt.Sprint(l), got[len(got)-len(want):], want)
			f.equal("newer ones at the beginning alone", len(got)-len(want), newer)
			newer = len(search("", large).Messages) - len(want)
		}
		for _, after := range []string{"x", "1 2", "'; DROP TABLE rooms; --", "99999999999999999999"} {
			_, err := f.searcher().Search(ctx, store.Search{User: "ann", Terms: store.Terms("word"), Limit: large, After: after})
			f.equal(after, store.CodeOf(err), store.BadRequest)
		}
	}},
}

// searcher skips the test if the store does not search.
func (f *fixture) searcher() store.Searcher {
	f.Helper()
	s, is := f.Store.(store.Searcher)
	if !is {
		f.Skip("the store does not search")
	}
	return s
}

// found returns what a user finds, as room and seq, sorted.
func (f *fixture) found(user, room, text string) []string {
	f.Helper()
	return f.founds(user, store.Search{Room: room}, text)
}

func (f *fixture) founds(user string, s store.Search, text string) []string {
	f.Helper()
	s.User, s.Terms, s.Limit = user, store.Terms(text), large
	page, err := f.searcher().Search(ctx, s)
	if err != nil {
		f.Fatalf("%q: %v", text, err)
	}
	all := places(page)
	slices.Sort(all)
	return all
}

func places(page *store.Found) (all []string) {
	for _, m := range page.Messages {
		all = append(all, fmt.Sprint(m.Room, " ", m.Seq))
	}
	return all
}

// at is found for a search in one room.
func (f *fixture) at(room string, seqs ...int64) (all []string) {
	for _, seq := range seqs {
		all = append(all, fmt.Sprint(room, " ", seq))
	}
	return all
}

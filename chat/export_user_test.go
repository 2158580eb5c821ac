package chat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestExport exports a user that has left traces of every kind.
func TestExport(t *testing.T) {
	run(t, func(o *chat.Options) {
		o.KeepVersions = true
		o.Users = func(_ context.Context, ids []string) ([]chat.User, error) {
			return []chat.User{{ID: ids[0], Name: "Ann"}}, nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "bob")
		w.check(w.chat.Room("r").Add(ctx, "ann", chat.Moderator))
		w.room("gone", chat.Open, "ann")
		w.room("other", chat.Open, "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		ann.must("post", post("gone", "1", "in a room that is deleted"))
		w.check(w.chat.Room("gone").Delete(ctx))
		first := ann.must("post", post("r", "1", "first"))
		ann.must("edit", obj{"room": "r", "seq": 1, "ver": first.Rev, "text": "second"})
		bob.must("react", obj{"room": "r", "seq": 1, "emoji": "y", "on": true})
		bob.must("post", obj{"room": "r", "cid": "1", "text": "bob's words", "mentions": []string{"ann"}})
		bob.must("post", post("r", "2", "spam"))
		ann.must("react", obj{"room": "r", "seq": 2, "emoji": "x", "on": true})
		ann.must("delete", obj{"room": "r", "seq": 3, "reason": "spam"})
		ann.must("block", obj{"user": "zoe", "on": true})
		ann.must("read", obj{"room": "r", "seq": 2})
		testserver.Wait(1e9)
		var b bytes.Buffer
		w.check(w.chat.User("ann").Export(ctx, &b))
		got := regexp.MustCompile(`"(at|editedAt)":\d+`).ReplaceAllString(b.String(), `"$1":T`)
		want := `{"type":"user","user":{"id":"ann","name":"Ann"}}
{"type":"block","blocked":"zoe"}
{"type":"member","room":"r","member":{"kind":"open","role":"moderator","since":1,"read":2}}
{"type":"message","room":"r","seq":1,"message":{"seq":1,"rev":5,"ver":4,"author":"ann","cid":"1","at":T,"text":"second","editedAt":T}}
{"type":"version","room":"r","seq":1,"version":{"ver":3,"at":T,"text":"first"}}
{"type":"mention","room":"r","seq":2}
{"type":"deletion","room":"r","seq":3,"deletion":{"by":"ann","at":T,"reason":"spam"}}
{"type":"reaction","room":"r","seq":2,"emoji":"x"}
`
		if regexp.MustCompile(`"(rev|ver|since)":\d+`).ReplaceAllString(got, "") != regexp.MustCompile(`"(rev|ver|since)":\d+`).ReplaceAllString(want, "") {
			w.Errorf("export\n%s\nwant\n%s", got, want)
		}
		w.check(w.chat.User("ann").Erase(ctx))
		b.Reset()
		w.check(w.chat.User("ann").Export(ctx, &b))
		if got, want := b.String(), `{"type":"user","user":{"id":"ann","name":"Ann"}}`+"\n"; got != want {
			w.Errorf("after the erasure\n%s", got)
		}
	})
}

// TestExportIsStreamed exports more messages than a page has, in the order of
// seqs, in many writes, and stops at an error of the writer.
func TestExportIsStreamed(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		for i := range 350 {
			_, err := w.chat.Room("r").Post(ctx, []string{"ann", "bob"}[i%2], chat.Draft{Text: fmt.Sprint("text ", i)})
			w.check(err)
		}
		var lines writes
		w.check(w.chat.User("ann").Export(ctx, &lines))
		var texts []string
		for _, line := range lines.all {
			if i := strings.Index(line, "text "); i > 0 {
				texts = append(texts, line[i:i+8])
			}
		}
		if len(texts) != 175 || !slices.IsSortedFunc(texts, byNumber) || len(lines.all) < 175 {
			w.Errorf("%d texts in %d writes: %q", len(texts), len(lines.all), texts)
		}
		lines = writes{fail: 100}
		if err := w.chat.User("ann").Export(ctx, &lines); !errors.Is(err, errFull) || len(lines.all) != 100 {
			w.Errorf("%d writes: %v", len(lines.all), err)
		}
	})
}

// byNumber compares texts like `text 12"`.
func byNumber(a, b string) int {
	var x, y int
	fmt.Sscanf(a, "text %d", &x)
	fmt.Sscanf(b, "text %d", &y)
	return x - y
}

// writes keeps each write, and fails after some.
type writes struct {
	all  []string
	fail int
}

var errFull = errors.New("full")

func (w *writes) Write(b []byte) (int, error) {
	if w.fail > 0 && len(w.all) == w.fail {
		return 0, errFull
	}
	w.all = append(w.all, string(b))
	return len(b), nil
}

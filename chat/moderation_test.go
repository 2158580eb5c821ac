package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

func TestReport(t *testing.T) {
	var reports []string
	run(t, func(o *chat.Options) {
		o.Limits.Reports = chat.Rate{}
		o.OnReport = func(_ context.Context, by chat.User, m chat.Message, reason string) error {
			if reason == "no" {
				return chat.Refuse("no reason")
			}
			reports = append(reports, fmt.Sprint(by.ID, " says that ", m.Room, " ", m.Seq, " by ", m.Author, " is ", reason))
			return nil
		}
	}, func(w *world) {
		f := fixed(w)
		f.stranger.must("report", obj{"room": "r", "seq": 1, "reason": "spam"}) // who may read may report
		if want := "stranger says that r 1 by bob is spam"; fmt.Sprint(reports) != "["+want+"]" {
			t.Errorf("reports %q, want %q", reports, want)
		}
		f.ann.refusedWith("refused", "report", obj{"room": "r", "seq": 1, "reason": "no"})
		f.ann.refusedWith("not_found", "report", obj{"room": "r", "seq": 2})
		f.ann.refusedWith("not_found", "report", obj{"room": "closed", "seq": 1})
		f.ann.refusedWith("too_large", "report", obj{"room": "r", "seq": 1, "reason": strings.Repeat("x", 501)})
		w.check(w.chat.Room("r").DeleteMessage(ctx, "", 1, ""))
		f.bob.refusedWith("gone", "report", obj{"room": "r", "seq": 1})
		for range 6 {
			f.ann.refusedWith("gone", "report", obj{"room": "r", "seq": 1})
		}
		if r := f.ann.refusedWith("rate_limited", "report", obj{"room": "r", "seq": 1}); r.Data.After <= 0 {
			w.Errorf("after %d", r.Data.After)
		}
	})
	run(t, nil, func(w *world) { fixed(w).ann.refusedWith("forbidden", "report", obj{"room": "r", "seq": 1}) })
}

// TestVersions lists what a message said, which needs KeepVersions.
func TestVersions(t *testing.T) {
	for _, keep := range []bool{true, false} {
		run(t, func(o *chat.Options) { o.KeepVersions = keep }, func(w *world) {
			f := fixed(w)
			r := w.chat.Room("r")
			ver := f.bob.must("edit", obj{"room": "r", "seq": 1, "ver": f.first.Rev, "text": "second"}).Rev
			f.bob.must("edit", obj{"room": "r", "seq": 1, "ver": ver, "text": "second"}) // changes nothing
			w.check(r.Edit(ctx, "", 1, chat.Draft{Text: "third", Data: json.RawMessage("[1]")}))
			f.mod.must("delete", obj{"room": "r", "seq": 1})
			f.ann.must("post", post("r", "a", "ann's spam"))
			f.mod.must("ban", obj{"room": "r", "user": "ann", "purge": 1000})
			said := func(seq int) (texts []string) {
				var list struct{ Versions []store.Version }
				if err := json.Unmarshal(f.mod.call("versions", obj{"room": "r", "seq": seq}), &list); err != nil || list.Versions == nil {
					w.Errorf("versions %v: %v", list, err)
				}
				for _, v := range list.Versions {
					texts = append(texts, v.Text+string(v.Data))
				}
				return texts
			}
			want := "[first second third[1]] [ann's spam]"
			if !keep {
				want = "[] []"
			}
			if got := fmt.Sprint(said(1), said(2)); got != want {
				w.Errorf("versions %s, want %s", got, want)
			}
			if f.reader.sees("third") || f.owner.sees("third") {
				w.Error("a version was sent to a client that has not asked")
			}
			w.check(w.chat.User("ann").Erase(ctx))
			w.check(w.chat.User("bob").Erase(ctx))
			if got := fmt.Sprint(said(1), said(2)); got != "[] []" {
				w.Errorf("after the erasure: %s", got)
			}
			f.mod.refusedWith("not_found", "versions", obj{"room": "r", "seq": 9})
		})
	}
}

// TestUsers tells the names of those that a user may see.
func TestUsers(t *testing.T) {
	names := func(s *stock, ids ...string) string {
		var list struct{ Users []chat.User }
		if err := json.Unmarshal(s.call("users", obj{"users": ids}), &list); err != nil || list.Users == nil {
			s.t.Errorf("users %v: %v", list, err)
		}
		text := ""
		for _, u := range list.Users {
			text += fmt.Sprint(u.ID, " is ", u.Name, u.Data, "; ")
		}
		return text
	}
	run(t, nil, func(w *world) {
		f := fixed(w)
		w.room("elsewhere", chat.Open, "zoe", "away")
		w.check(w.chat.Room("elsewhere").Add(ctx, "ann", chat.Writer))
		w.connect("zoe")
		if got, want := names(f.bob, "ann", "zoe", "nobody", "bob"), "ann is ann's name<nil>; bob is bob's name<nil>; "; got != want {
			w.Errorf("bob sees %q, want %q", got, want)
		}
		if got, want := names(f.ann, "zoe", "away"), "zoe is zoe's name<nil>; "; got != want {
			w.Errorf("ann sees %q, want %q", got, want)
		}
		for range 9 {
			f.ann.must("users", obj{"users": []string{}})
		}
		f.ann.refusedWith("rate_limited", "users", obj{"users": []string{}})
	})
	run(t, func(o *chat.Options) {
		o.Users = func(_ context.Context, ids []string) (all []chat.User, err error) {
			if len(ids) == 0 || ids[0] == "lost" {
				return nil, errors.New("a failure, or asked for nobody")
			}
			return []chat.User{{ID: ids[0], Name: "N", Data: 5}, {ID: "zoe", Name: "not asked for"}}, nil
		}
		o.Policy.CanSee = func(_ context.Context, _ chat.User, other string) error {
			if other == "zoe" {
				return chat.ErrForbidden
			}
			return nil
		}
	}, func(w *world) {
		ann := w.connect("ann")
		if got, want := names(ann, "zoe", "away"), "away is N5; "; got != want {
			w.Errorf("ann sees %q, want %q", got, want)
		}
		if got := names(ann, "zoe"); got != "" {
			w.Errorf("ann sees %q", got)
		}
		ann.refusedWith("internal", "users", obj{"users": []string{"lost"}})
	})
}

// TestBlocks lists them on another device, and drops the mentions of those who
// block the author.
func TestBlocks(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann", "bob")
		bob, ann := w.connect("bob"), w.connect("ann")
		for _, user := range []string{"zoe", "ann"} {
			bob.must("block", obj{"user": user, "on": true})
		}
		if got := string(w.connect("bob").call("blocks", obj{})); got != `{"users":["ann","zoe"]}` {
			w.Errorf("blocks %s", got)
		}
		if got := string(ann.call("blocks", obj{})); got != `{"users":[]}` {
			w.Errorf("blocks %s", got)
		}
		synctest.Wait()
		events := len(bob.named("rooms"))
		first := ann.must("post", obj{"room": "r", "cid": "c", "text": "hi", "mentions": []string{"bob", "ann"}})
		ann.must("edit", obj{"room": "r", "seq": 1, "ver": first.Rev, "text": "ho", "mentions": []string{"bob"}})
		synctest.Wait()
		if m, err := w.chat.Room("r").Message(ctx, 1); err != nil || len(m.Mentions) > 0 || len(bob.named("rooms")) > events {
			w.Errorf("mentions %q, events %s: %v", m.Mentions, bob.named("rooms"), err)
		}
		for i := range 998 {
			bob.must("block", obj{"user": fmt.Sprint("u", i), "on": true})
		}
		bob.refusedWith("too_large", "block", obj{"user": "last", "on": true})
		bob.must("block", obj{"user": "ann", "on": false})
		bob.must("block", obj{"user": "last", "on": true})
	})
}

// TestDeafFilter lets functions of the program take longer than three seconds,
// pay no attention to their context, and change the draft meanwhile.
func TestDeafFilter(t *testing.T) {
	for name, c := range map[string]struct {
		slow  string
		allow bool
		code  string
	}{
		"BeforePost is late":            {"BeforePost", false, "unavailable"},
		"BeforePost is late, allowed":   {"BeforePost", true, ""},
		"CanPost is late":               {"CanPost", false, "unavailable"},
		"CanPost is late, not the same": {"CanPost", true, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(o *chat.Options) {
				o.AllowUnfiltered = c.allow
				late := func(which string) {
					if which == c.slow {
						<-time.After(time.Minute)
					}
				}
				o.Policy.CanPost = func(context.Context, chat.User, chat.RoomInfo, *chat.Draft) error {
					late("CanPost")
					return nil
				}
				o.BeforePost = func(_ context.Context, d *chat.Draft) error {
					d.Text, d.Mentions[0] = "half changed", "half"
					late("BeforePost")
					return nil
				}
			}, func(w *world) {
				w.room("r", chat.Open, "ann")
				ann := w.connect("ann")
				ann.open("r")
				start := time.Now()
				r := ann.do("post", obj{"room": "r", "cid": "c", "text": "as sent", "mentions": []string{"ann"}})
				if took := time.Since(start); took != 3*time.Second || r.Data.Code != c.code {
					w.Errorf("the answer took %v: %+v", took, r)
				}
				if c.code == "" {
					ann.shows("r", "as sent")
				}
				testserver.Wait(time.Minute)
			})
		})
	}
}

// TestPanickingFilter answers the post.
func TestPanickingFilter(t *testing.T) {
	run(t, func(o *chat.Options) {
		o.BeforePost = func(context.Context, *chat.Draft) error { panic("a mistake in the program") }
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		w.connect("ann").refusedWith("internal", "post", post("r", "c", "x"))
	})
}

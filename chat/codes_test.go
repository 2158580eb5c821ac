package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A codeTest makes a client meet one code.
type codeTest func(w *world, f *fixture)

// A fixture is a room r with an owner, a moderator, ann, bob and a reader, all
// connected, and a message of bob.
type fixture struct {
	owner, mod, ann, bob, reader, stranger *stock
	first                                  reply
}

func fixed(w *world) *fixture {
	w.room("r", chat.Open, "ann", "bob")
	w.room("closed", chat.Closed, "bob")
	for user, role := range map[string]chat.Role{"owner": chat.Owner, "mod": chat.Moderator, "reader": chat.Reader} {
		w.check(w.chat.Room("r").Add(ctx, user, role))
	}
	f := &fixture{owner: w.connect("owner"), mod: w.connect("mod"), ann: w.connect("ann"), bob: w.connect("bob"), reader: w.connect("reader"), stranger: w.connect("stranger")}
	f.first = f.bob.must("post", post("r", "first", "first"))
	return f
}

var codes = map[store.Code]codeTest{
	store.BadRequest: func(w *world, f *fixture) {
		if r := f.ann.refusedWith("bad_request", "post", obj{"room": "no room!", "cid": "c", "text": "x"}); r.Data.Field != "room" {
			w.Errorf("field %q", r.Data.Field)
		}
	},
	store.TooLarge: func(w *world, f *fixture) {
		if r := f.ann.refusedWith("too_large", "post", post("r", "c", strings.Repeat("x", 8<<10+1))); r.Data.Limit != 8<<10 || r.Data.Field != "text" {
			w.Errorf("data %+v", r.Data)
		}
		f.ann.must("post", post("r", "c", strings.Repeat("x", 8<<10)))
	},
	store.Unauthenticated: func(w *world, f *fixture) {
		if s := connect(w, "", w.h.Dial); !strings.Contains(s.refused, `"code":"unauthenticated"`) {
			w.Errorf("refused with %s", s.refused)
		}
		if s := connect(w, "eve", w.h.Dial); s.refused != `{"message":"the name is taken","data":{"code":"unauthenticated"}}` {
			w.Errorf("refused with %s", s.refused)
		}
	},
	store.Forbidden: func(w *world, f *fixture) { f.reader.refusedWith("forbidden", "post", post("r", "c", "x")) },
	store.NotFound: func(w *world, f *fixture) {
		for _, room := range []string{"missing", "closed"} {
			for _, name := range []string{"open", "history", "join", "leave", "members"} {
				f.ann.refusedWith("not_found", name, obj{"room": room})
			}
			f.ann.refusedWith("not_found", "post", post(room, "c", "x"))
		}
	},
	store.NotMember: func(w *world, f *fixture) { f.stranger.refusedWith("not_member", "post", post("r", "c", "x")) },
	store.Muted: func(w *world, f *fixture) {
		until := time.Now().Add(time.Minute).UnixMilli()
		f.mod.must("mute", obj{"room": "r", "user": "ann", "until": until})
		if r := f.ann.refusedWith("muted", "post", post("r", "c", "x")); r.Data.Until != until {
			w.Errorf("until %d", r.Data.Until)
		}
		testserver.Wait(time.Minute)
		f.ann.must("post", post("r", "c", "x"))
	},
	store.Banned: func(w *world, f *fixture) {
		f.mod.must("ban", obj{"room": "r", "user": "ann"})
		f.ann.refusedWith("banned", "post", post("r", "c", "x"))
		f.ann.refusedWith("banned", "join", obj{"room": "r"})
	},
	store.Blocked: func(w *world, f *fixture) {
		room := f.ann.must("direct", obj{"user": "bob"}).Room
		f.bob.must("block", obj{"user": "ann", "on": true})
		f.ann.refusedWith("blocked", "post", post(room, "c", "x"))
		f.bob.must("block", obj{"user": "stranger", "on": true})
		f.stranger.refusedWith("blocked", "direct", obj{"user": "bob"})
	},
	store.Conflict: func(w *world, f *fixture) {
		f.bob.must("edit", obj{"room": "r", "seq": 1, "ver": f.first.Rev, "text": "second"})
		r := f.bob.refusedWith("conflict", "edit", obj{"room": "r", "seq": 1, "ver": f.first.Rev, "text": "third"})
		if r.Data.Message == nil || r.Data.Message.Text != "second" {
			w.Errorf("message %+v", r.Data.Message)
		}
		f.owner.refusedWith("conflict", "leave", obj{"room": "r"})
	},
	store.Gone: func(w *world, f *fixture) {
		f.bob.must("delete", obj{"room": "r", "seq": 1})
		f.bob.refusedWith("gone", "edit", obj{"room": "r", "seq": 1, "ver": f.first.Rev, "text": "x"})
		f.ann.refusedWith("gone", "react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
	},
	store.Refused: func(w *world, f *fixture) {
		if r := f.ann.refusedWith("refused", "post", post("r", "c", "a bad word")); r.Error != "mind your words" {
			w.Errorf("text %q", r.Error)
		}
	},
	store.RateLimited: func(w *world, f *fixture) {
		for i := range 10 {
			f.ann.must("post", post("r", fmt.Sprint(i), "x"))
		}
		start := time.Now()
		for i := range 4 { // wait for their turn
			f.ann.must("post", post("r", fmt.Sprint("slow", i), "x"))
		}
		if took := time.Since(start); took < 1900*time.Millisecond || took > 3*time.Second {
			w.Errorf("four posts over the rate took %v", took)
		}
		second := w.connect("ann") // another device has the same bucket
		limited := second.send("post", post("r", "a", "x"))
		more := []*call{}
		for i := range 6 {
			s := w.connect("ann")
			more = append(more, s.send("post", post("r", fmt.Sprint("b", i), "x")))
		}
		testserver.Wait(10 * time.Second)
		refused := 0
		for _, c := range append(more, limited) {
			if strings.Contains(string(c.reply), `"rate_limited"`) && strings.Contains(string(c.reply), `"after":`) {
				refused++
			}
		}
		if refused != 3 {
			w.Errorf("%d of 7 posts at once were refused, want those that would wait more than 2 s", refused)
		}
		for range 25 {
			f.bob.call("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
		}
		f.bob.refusedWith("rate_limited", "react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
	},
	store.SlowMode: func(w *world, f *fixture) {
		f.mod.must("set", obj{"room": "r", "slowMode": 60_000})
		f.ann.must("post", post("r", "c", "x"))
		if r := f.ann.refusedWith("slow_mode", "post", post("r", "d", "x")); r.Data.After <= 0 || r.Data.After > 60_000 {
			w.Errorf("after %d", r.Data.After)
		}
		if r := f.ann.must("post", post("r", "c", "x")); !r.Dup {
			w.Error("the repetition was not recognised")
		}
	},
	store.Unavailable: func(w *world, f *fixture) {
		w.store.Close()
		if r := f.ann.refusedWith("unavailable", "post", post("r", "c", "x")); r.Data.After <= 0 {
			w.Errorf("after %d", r.Data.After)
		}
		f.ann.refusedWith("unavailable", "open", obj{"room": "r"})
	},
	store.Internal: func(w *world, f *fixture) { f.ann.refusedWith("internal", "post", post("r", "c", "panic")) },
}

// TestCodes meets each code by name.
func TestCodes(t *testing.T) {
	for code, test := range codes {
		t.Run(string(code), func(t *testing.T) {
			run(t, func(o *chat.Options) {
				o.BeforePost = func(_ context.Context, d *chat.Draft) error {
					switch {
					case strings.Contains(d.Text, "bad word"):
						return chat.Refuse("mind your words")
					case d.Text == "panic":
						return fmt.Errorf("a mistake in the program")
					}
					return nil
				}
				if code == store.RateLimited {
					o.Limits = chat.Limits{}
				}
			}, func(w *world) { test(w, fixed(w)) })
		})
	}
}

// TestCodesAreFrozen holds the codes.
func TestCodesAreFrozen(t *testing.T) {
	frozen := "bad_request too_large unauthenticated forbidden not_found not_member muted banned blocked conflict gone refused rate_limited slow_mode unavailable internal"
	for _, code := range strings.Fields(frozen) {
		if codes[store.Code(code)] == nil {
			t.Errorf("%s has no test", code)
		}
	}
	if len(codes) != len(strings.Fields(frozen)) {
		t.Errorf("%d codes have tests", len(codes))
	}
}

// TestRepetitionsAreAnswered repeats posts that something forbids now.
func TestRepetitionsAreAnswered(t *testing.T) {
	filtered := 0
	run(t, func(o *chat.Options) {
		o.Limits = chat.Limits{}
		o.BeforePost = func(_ context.Context, d *chat.Draft) error {
			if filtered++; filtered > 1 {
				return chat.Refuse("no more")
			}
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		first := ann.must("post", post("r", "c", "hi"))
		repeat := func(when string) {
			w.Helper()
			if r := ann.must("post", post("r", "c", "hi")); !r.Dup || r.Seq != first.Seq || r.At != first.At {
				w.Errorf("%s: %+v, first %+v", when, r, first)
			}
		}
		repeat("BeforePost refuses")
		if filtered != 2 {
			w.Errorf("BeforePost was asked %d times, so it has not refused the repetition", filtered)
		}
		for range 60 {
			ann.call("post", post("r", "c", "hi"))
		}
		repeat("over the rate")
		r := w.chat.Room("r")
		w.check(r.Set(ctx, chat.RoomInfo{SlowMode: 60_000}))
		repeat("slow mode")
		w.check(r.Mute(ctx, "ann", time.Now().Add(time.Hour).UnixMilli()))
		repeat("muted")
		w.check(r.Set(ctx, chat.RoomInfo{Archived: true}))
		repeat("archived")
		w.check(r.DeleteMessage(ctx, "", 1, ""))
		repeat("deleted")
		w.check(r.Kick(ctx, "ann", ""))
		repeat("kicked")
		w.check(r.Ban(ctx, "ann", ""))
		repeat("banned")
	})
}

// TestBeforePostHasADeadline lets the filter take longer than three seconds.
func TestBeforePostHasADeadline(t *testing.T) {
	for _, allow := range []bool{false, true} {
		run(t, func(o *chat.Options) {
			o.AllowUnfiltered = allow
			o.BeforePost = func(ctx context.Context, _ *chat.Draft) error {
				<-ctx.Done()
				return ctx.Err()
			}
		}, func(w *world) {
			w.room("r", chat.Open, "ann")
			ann := w.connect("ann")
			start := time.Now()
			r := ann.do("post", post("r", "c", "hi"))
			if took := time.Since(start); took != 3*time.Second {
				w.Errorf("the answer took %v", took)
			}
			if (r.Data.Code == "") != allow {
				w.Errorf("unfiltered posts allowed: %t, reply %+v", allow, r)
			}
		})
	}
}

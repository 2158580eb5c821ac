package storetest

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

var postCases = []testCase{
	{"posts are numbered 1, 2, 3, whatever else changes", func(f *fixture) {
		f.create("r", store.KindOpen)
		for want := int64(1); want <= 3; want++ {
			r := f.post("r", "ann", "", "hi")
			f.equal("seq", r.Seq, want)
			f.do(store.React{Room: "r", By: "bob", Seq: want, Emoji: "👍", On: true})
		}
	}},
	{"a message comes back as it was posted", func(f *fixture) {
		f.create("r", store.KindOpen)
		f1, f2 := f.upload("ann", "f1"), f.upload("ann", "f2")
		r := f.do(store.Post{Room: "r", By: "ann", Author: "ann", CID: "c-1", Text: "héllo\n\u2028 世界", Data: json.RawMessage(`{"b":1,"a":[1.50,null]}`),
			Files: []string{"f1", "f2"}, Mentions: []string{"bob", "cy"}})
		f.equal("message", f.message("r", 1), store.Message{Room: "r", Seq: 1, Rev: r.Rev, Ver: r.Rev, Author: "ann", CID: "c-1", At: r.At,
			Text: "héllo\n\u2028 世界", Data: json.RawMessage(`{"b":1,"a":[1.50,null]}`), Files: []store.Attachment{f1, f2}, Mentions: []string{"bob", "cy"}})
	}},
	{"a long message comes back whole", func(f *fixture) {
		f.create("r", store.KindOpen)
		text := strings.Repeat("0123456789abcdef", 4096)
		f.post("r", "ann", "", text)
		f.equal("length", len(f.message("r", 1).Text), len(text))
	}},
	{"a repeated post is not added, and gets the first answer", func(f *fixture) {
		f.create("r", store.KindOpen)
		first := f.post("r", "ann", "c", "hi")
		head := f.heads("r")
		again := f.commit(store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Text: "other"})
		f.equal("answer", again.Results[0], store.Result{Seq: first.Seq, Rev: first.Rev, At: first.At, Dup: true})
		f.equal("changes", len(again.Changes), 0)
		f.equal("head", f.heads("r"), head)
	}},
	{"whether a post is there can be asked for", func(f *fixture) {
		f.create("r", store.KindOpen)
		ask := store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Repeat: true}
		f.refused(store.NotFound, "r", ask)
		f.post("r", "ann", "c", "hi")
		f.equal("seq", f.do(ask).Seq, int64(1))
	}},
	{"the repetition in the same transaction is not added", func(f *fixture) {
		f.create("r", store.KindOpen)
		p := store.Post{Room: "r", By: "ann", Author: "ann", CID: "c", Text: "hi"}
		done := f.commit(p, p)
		f.equal("dup", []bool{done.Results[0].Dup, done.Results[1].Dup}, []bool{false, true})
		f.equal("seq", done.Results[1].Seq, done.Results[0].Seq)
		f.equal("head", f.heads("r")[0].Seq, int64(1))
	}},
	{"the same cid of another author, or in another room, is another post", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		for i, p := range []store.Post{{Room: "r", Author: "ann"}, {Room: "r", Author: "bob"}, {Room: "s", Author: "ann"}} {
			p.By, p.CID = p.Author, "c"
			if r := f.do(p); r.Dup {
				f.Errorf("post %d is a repetition", i)
			}
		}
	}},
	{"cids differ in their case and their trailing blanks", func(f *fixture) {
		f.create("r", store.KindOpen)
		for i, cid := range []string{"a", "A", "a ", "ä", "a\u0308"} {
			f.equal("seq", f.post("r", "ann", cid, "").Seq, int64(i+1))
		}
	}},
	{"posts without cid are never repetitions", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "", "hi")
		f.equal("seq", f.post("r", "ann", "", "hi").Seq, int64(2))
	}},
	{"the repetition of a deleted message is a repetition", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "hi")
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("dup", f.post("r", "ann", "c", "hi").Dup, true)
	}},
	{"the repetition is answered in slow mode, to the muted, the banned and the removed", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.post("r", "ann", "c", "hi")
		slow := int64(60_000)
		f.do(store.SetRoom{Room: "r", SlowMode: &slow})
		f.equal("dup", f.post("r", "ann", "c", "hi").Dup, true)
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.Mute, Until: math.MaxInt64 / 2})
		f.equal("dup", f.post("r", "ann", "c", "hi").Dup, true)
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.Kick})
		f.equal("dup", f.post("r", "ann", "c", "hi").Dup, true)
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.Ban})
		f.equal("dup", f.post("r", "ann", "c", "hi").Dup, true)
	}},
	{"times never go back within a room", func(f *fixture) {
		f.create("r", store.KindOpen)
		last := int64(0)
		for range 20 {
			r := f.post("r", "ann", "", "")
			if r.At < last || r.At < 1_000_000_000 {
				f.Fatalf("time %d after %d", r.At, last)
			}
			last = r.At
		}
	}},
	{"slow mode counts from the last post, and not for moderators", func(f *fixture) {
		f.createWith("r", store.KindOpen, store.Settings{SlowMode: 3_600_000})
		f.post("r", "ann", "", "")
		err := f.refused(store.SlowMode, "r", store.Post{Room: "r", By: "ann", Author: "ann"})
		if err.After <= 3_500_000 || err.After > 3_600_000 {
			f.Errorf("after %d", err.After)
		}
		f.post("r", "mo", "", "")
		f.post("r", "mo", "", "")
		f.post("r", "bob", "", "")
	}},
	{"mentions of members count, each once; all is for moderators", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.do(store.Post{Room: "r", By: "ann", Author: "ann", Mentions: []string{"bob", "nobody", "bob", "*"}})
		f.equal("mentions", f.message("r", 1).Mentions, []string{"bob"})
		f.do(store.Post{Room: "r", By: "mo", Author: "mo", Mentions: []string{"*"}})
		f.equal("mentions", f.message("r", 2).Mentions, []string{"*"})
		f.equal("counted for bob", f.look("bob", "r").Mentions, 2)
		f.equal("counted for cy", f.look("cy", "r").Mentions, 1)
	}},
	{"a reply names a message that there is", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.refused(store.BadRequest, "r", store.Post{Room: "r", By: "ann", Author: "ann", ReplyTo: 1})
		f.post("r", "ann", "", "")
		f.do(store.Post{Room: "r", By: "ann", Author: "ann", ReplyTo: 1})
		f.equal("replyTo", f.message("r", 2).ReplyTo, int64(1))
		f.refused(store.BadRequest, "r", store.Post{Room: "r", By: "ann", Author: "ann", ReplyTo: -1})
	}},
	{"the program posts in the name of anybody", func(f *fixture) {
		f.create("r", store.KindClosed)
		f.do(store.Post{Room: "r", Author: "bot", Text: "hi"})
		f.equal("author", f.message("r", 1).Author, "bot")
	}},
	{"a post in a room that does not exist is not found", func(f *fixture) {
		f.refused(store.NotFound, "r", store.Post{Room: "r", By: "ann", Author: "ann"})
		f.refused(store.NotFound, "r", store.Post{Room: "r", Author: "bot"})
	}},
}

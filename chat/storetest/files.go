package storetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/goroomcast/socketio/chat/store"
)

// added is when the tests add files, ms.
const added = 1_700_000_000_000

// adding returns the operation that adds a file of 10 bytes.
func adding(owner, id string) store.AddFile {
	f := store.File{Attachment: store.Attachment{ID: id, Name: "a\u202e \"näme\".png", Size: 10}, Owner: owner, At: added}
	return store.AddFile{File: f, MaxFiles: 3, MaxBytes: 50}
}

// upload adds a file with its content, and returns how messages show it.
func (f *fixture) upload(owner, id string) store.Attachment {
	f.Helper()
	a := adding(owner, id)
	f.do(a)
	f.do(store.EndFile{ID: id, Type: "image/png", SHA256: strings.Repeat("a", 64), Size: 7})
	return store.Attachment{ID: id, Name: a.Name, Type: "image/png", Size: 7}
}

// with posts files of ann.
func with(room string, ids ...string) store.Post {
	return store.Post{Room: room, By: "ann", Author: "ann", Text: "hi", Files: ids}
}

// where returns the message that has a file, "r 3", or "unused", "dropped" or
// "removed".
func (f *fixture) where(id string) string {
	f.Helper()
	file, err := f.File(ctx, id)
	switch {
	case store.CodeOf(err) == store.NotFound:
		return "removed"
	case err != nil:
		f.Fatal(err)
	case file.Room != "":
		return fmt.Sprint(file.Room, " ", file.Seq)
	case file.At == 0:
		return "dropped"
	}
	return "unused"
}

func (f *fixture) strays(before int64) (ids []string) {
	f.Helper()
	strays, err := f.Strays(ctx, before, "", 100)
	f.check(err)
	for _, s := range strays {
		ids = append(ids, s.ID)
	}
	return ids
}

var fileCases = []testCase{
	{"a file comes back as it was added", func(f *fixture) {
		a := adding("ann", "f")
		f.do(a)
		f.equal("again", f.do(a).Dup, true)
		got, err := f.File(ctx, "f")
		f.check(err)
		f.equal("file", *got, a.File)
		end := store.EndFile{ID: "f", Type: "text/plain", SHA256: "abc", Size: 9}
		f.do(end)
		f.equal("again", f.do(end).Dup, true)
		want := a.File
		want.Type, want.SHA256, want.Size = "text/plain", "abc", 9
		got, err = f.File(ctx, "f")
		f.check(err)
		f.equal("file", *got, want)
		if _, err := f.File(ctx, "F"); store.CodeOf(err) != store.NotFound {
			f.Errorf("another file: %v", err)
		}
	}},
	{"a message shows the files that it has", func(f *fixture) {
		f.create("r", store.KindOpen)
		shown := f.upload("ann", "f")
		f.post("r", "ann", "", "first")
		done := f.commit(with("r", "f"))
		f.equal("in the changes", done.Changes[0].Messages[0].Files, []store.Attachment{shown})
		f.equal("in the message", f.message("r", 2).Files, []store.Attachment{shown})
		f.equal("file", f.where("f"), "r 2")
	}},
	{"a foreign file, one that is not there, and one without its content are not found", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("bob", "foreign")
		f.do(adding("ann", "begun"))
		f.upload("ann", "dropped")
		f.do(store.DropFile{ID: "dropped"})
		f.upload("ann", "good")
		for _, id := range []string{"foreign", "begun", "dropped", "missing", ""} {
			if err := f.refused(store.NotFound, "r", with("r", "good", id)); err.Field != "files" {
				f.Errorf("%q: field %q", id, err.Field)
			}
		}
		f.equal("the good one", f.where("good"), "unused")
		f.refused(store.NotFound, "r", store.Post{Room: "r", Author: "bot", Files: []string{"good"}}) // the program has no rights of its own here
		f.do(store.Post{Room: "r", Author: "ann", Files: []string{"good"}})
	}},
	{"a file is in one message", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		f.upload("ann", "f")
		f.refused(store.BadRequest, "r", with("r", "f", "f"))
		f.do(with("r", "f"))
		for _, room := range []string{"r", "s", "r~1"} {
			if err := f.refused(store.Conflict, room, with(room, "f")); err.Field != "files" {
				f.Errorf("field %q", err.Field)
			}
		}
		f.upload("ann", "g")
		done := f.commit(with("s", "g"), with("r", "g"))
		f.equal("codes", []store.Code{store.CodeOf(done.Results[0].Err), store.CodeOf(done.Results[1].Err)}, []store.Code{"", store.Conflict})
		f.equal("file", f.where("g"), "s 1")
	}},
	{"a repeated post keeps its files", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		p := with("r", "f")
		p.CID = "c"
		f.do(p)
		f.equal("dup", f.do(p).Dup, true)
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("dup", f.do(p).Dup, true)
	}},
	{"a refused post leaves its files", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("rita", "f")
		f.refused(store.Forbidden, "r", store.Post{Room: "r", By: "rita", Author: "rita", Files: []string{"f"}})
		f.equal("file", f.where("f"), "unused")
	}},
	{"files that are in no message are limited, in number and in bytes", func(f *fixture) {
		f.create("r", store.KindOpen)
		big := adding("ann", "big")
		big.Size = 51
		if err := f.refused(store.TooLarge, "r", big); err.Field != "unused" || err.Limit != 50 {
			f.Errorf("refused with %+v", err)
		}
		big.Size = 41
		f.upload("ann", "f1") // it has 7 bytes in the end
		f.do(big)
		f.refused(store.TooLarge, "r", adding("ann", "f2"))
		f.upload("bob", "his")
		f.do(store.DropFile{ID: "big"})
		f.upload("ann", "f2")
		f.upload("ann", "f3")
		f.refused(store.TooLarge, "r", adding("ann", "f4"))
		f.do(with("r", "f2"))
		f.upload("ann", "f4")
	}},
	{"the limit holds within a transaction and between two handles", func(f *fixture) {
		done := f.commit(adding("ann", "a1"), adding("ann", "a2"), adding("ann", "a3"), adding("ann", "a4"))
		f.equal("the fourth", store.CodeOf(done.Results[3].Err), store.TooLarge)
		other := f.another()
		for round := range 10 {
			var wg sync.WaitGroup
			for h, s := range []store.Store{f.Store, other.Store} {
				wg.Go(func() {
					for i := range 3 {
						owner := fmt.Sprint("u", round, (h+i)%2)
						if _, err := s.Commit(ctx, []store.Op{adding(owner, fmt.Sprint(owner, h, i)), adding(owner, fmt.Sprint(owner, h, i, "b"))}); err != nil {
							f.Errorf("commit: %v", err)
						}
					}
				})
			}
			wg.Wait()
		}
		f.equal("files", len(f.strays(math.MaxInt64)), 3+20*3)
	}},
	{"the same file through two handles is in one message", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		other := f.another()
		for i := range 20 {
			id := fmt.Sprint("f", i)
			f.upload("ann", id)
			codes := make([]store.Code, 2)
			var wg sync.WaitGroup
			for h, s := range []store.Store{f.Store, other.Store} {
				wg.Go(func() {
					done, err := s.Commit(ctx, []store.Op{with([]string{"r", "s"}[h], id)})
					if err != nil {
						f.Errorf("commit: %v", err)
						return
					}
					codes[h] = store.CodeOf(done.Results[0].Err)
				})
			}
			wg.Wait()
			if codes[0]+codes[1] != store.Conflict {
				f.Fatalf("codes %q", codes)
			}
		}
	}},
	{"a file goes with its message", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		f.do(with("r", "f"))
		f.do(store.Delete{Room: "r", By: "mo", Seq: 1})
		f.equal("file", f.where("f"), "dropped")
		f.equal("shown", len(f.message("r", 1).Files), 0)
		f.upload("ann", "g") // both in one transaction
		done := f.commit(with("r", "g"), store.Delete{Room: "r", By: "ann", Seq: 2}, with("r", "g"))
		f.equal("codes", []store.Code{store.CodeOf(done.Results[1].Err), store.CodeOf(done.Results[2].Err)}, []store.Code{"", store.NotFound})
		f.equal("file", f.where("g"), "dropped")
	}},
	{"files go with the messages that a ban deletes", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		f.do(with("r", "f"))
		f.do(store.SetMember{Room: "r", By: "mo", User: "ann", Do: store.Ban, Purge: 1 << 40})
		f.equal("file", f.where("f"), "dropped")
	}},
	{"files go with their room and its threads, and those of other rooms stay", func(f *fixture) {
		rooms := []string{"r", "r2", "r-1", "q", "direct"}
		f.direct()
		for _, room := range rooms[:4] {
			f.create(room, store.KindOpen)
		}
		rooms[4] = store.Direct("ann", "bob")
		for _, room := range rooms {
			f.upload("ann", room)
			f.do(with(room, room))
			f.upload("ann", room+"~1")
			f.do(with(room+"~1", room+"~1"))
		}
		f.do(store.DeleteRoom{Room: "r", By: "olga"})
		f.equal("room", f.where("r"), "dropped")
		f.equal("thread", f.where("r~1"), "dropped")
		for _, room := range rooms[1:] {
			f.equal(room, f.where(room), room+" 1")
			f.equal("thread", f.where(room+"~1"), room+"~1 1")
		}
		f.do(store.Create{Room: "r", Kind: store.KindOpen})
		f.do(store.SetMember{Room: "r", User: "ann", Do: store.Add, Role: store.RoleMember})
		f.upload("ann", "new")
		f.do(with("r", "new"))
		f.equal("in the new room", f.where("new"), "r 2")
	}},
	{"files go with messages that are too old, and with their threads", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, p := range [][2]string{{"r", "old"}, {"r", "new"}, {"r~1", "in the old"}, {"r~2", "in the new"}} {
			f.upload("bob", p[1])
			f.do(store.Post{Room: p[0], By: "bob", Author: "bob", Files: []string{p[1]}})
		}
		f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 1}})
		for id, want := range map[string]string{"old": "dropped", "new": "r 2", "in the old": "dropped", "in the new": "r~2 1"} {
			f.equal(id, f.where(id), want)
		}
	}},
	{"the files of a user who is erased go, with the user's name", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "used")
		f.do(with("r", "used"))
		f.upload("ann", "unused")
		f.upload("bob", "his")
		f.do(store.Erase{User: "ann"})
		f.erase("r", "ann")
		f.do(store.Erase{User: "ann", Over: true})
		f.equal("his", f.where("his"), "unused")
		for _, id := range []string{"used", "unused"} {
			file, err := f.File(ctx, id)
			f.check(err)
			if file.Owner != "" || file.Name != "" || file.At != 0 || file.Room != "" {
				f.Errorf("left %+v", *file)
			}
		}
	}},
	{"what is in no message is found, by its age and page by page", func(f *fixture) {
		f.create("r", store.KindOpen)
		for _, id := range []string{"b", "a"} {
			f.upload("ann", id)
		}
		f.do(adding("bob", "begun"))
		f.upload("bob", "used")
		f.do(store.Post{Room: "r", By: "bob", Author: "bob", Files: []string{"used"}})
		f.equal("young", f.strays(added), []string(nil))
		f.equal("old", f.strays(added+1), []string{"a", "b", "begun"})
		f.do(store.DropFile{ID: "b"})
		f.equal("dropped", f.strays(1), []string{"b"})
		page, err := f.Strays(ctx, added+1, "a", 1)
		f.check(err)
		f.equal("page", len(page), 1)
		f.equal("its id", page[0].ID, "b")
	}},
	{"a file is removed after it was dropped, and never while it is in use", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		f.refused(store.Conflict, "r", store.RemoveFile{ID: "f"})
		f.do(with("r", "f"))
		f.refused(store.Conflict, "r", store.DropFile{ID: "f"})
		f.refused(store.Conflict, "r", store.RemoveFile{ID: "f"})
		f.do(store.Delete{Room: "r", By: "ann", Seq: 1})
		f.equal("dropped before", f.do(store.DropFile{ID: "f"}).Dup, true)
		f.do(store.RemoveFile{ID: "f"})
		f.equal("file", f.where("f"), "removed")
		f.equal("again", f.do(store.RemoveFile{ID: "f"}).Dup, true)
		f.refused(store.NotFound, "r", store.DropFile{ID: "f"})
	}},
	{"an upload that was dropped does not end", func(f *fixture) {
		f.do(adding("ann", "f"))
		f.do(store.DropFile{ID: "f"})
		var e *store.Error
		if err := f.commit(store.EndFile{ID: "f", SHA256: "x"}).Results[0].Err; !errors.As(err, &e) || e.Code != store.NotFound {
			f.Errorf("got %v", err)
		}
		f.equal("file", f.where("f"), "dropped")
	}},
	{"a message with files may lose its text", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.upload("ann", "f")
		f.do(with("r", "f"))
		f.do(store.Edit{Room: "r", By: "ann", Seq: 1})
		f.equal("files", len(f.message("r", 1).Files), 1)
		f.post("r", "ann", "", "text")
		f.refused(store.BadRequest, "r", store.Edit{Room: "r", By: "ann", Seq: 2})
	}},
}

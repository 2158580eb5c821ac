package storetest

import (
	"fmt"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

var retentionCases = []testCase{
	{"a room keeps so many messages", func(f *fixture) {
		f.filled("r", 10)
		before := f.heads("r")[0]
		r := f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 4}})
		f.equal("gone", r.Purged, 6)
		f.equal("head", f.heads("r")[0], store.Head{Room: "r", Epoch: before.Epoch, Seq: 10, Rev: before.Rev + 1, Floor: 7})
		f.equal("left", seqs(f.history("r", store.Query{}).Messages), []int64{7, 8, 9, 10})
		f.equal("changes", len(f.changes("r", before.Rev).Messages), 0)
		f.equal("floor of changes", f.changes("r", before.Rev).Room.Floor, int64(7))
		f.equal("again", f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 4}}).Dup, true)
		f.equal("keep all", f.do(store.Prune{Room: "r"}).Dup, true)
		f.equal("rev", f.heads("r")[0].Rev, before.Rev+1)
		f.refused(store.NotFound, "r", store.Edit{Room: "r", By: "ann", Seq: 6, Text: "x"})
		f.refused(store.NotFound, "missing", store.Prune{Room: "missing"})
	}},
	{"a room keeps so many bytes, whatever has changed them", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 6 {
			f.post("r", "ann", "", strings.Repeat("x", 100))
		}
		f.do(store.Edit{Room: "r", By: "ann", Seq: 5, Text: "é", Data: []byte(`"12345678"`)})
		f.do(store.Delete{Room: "r", By: "ann", Seq: 6})
		f.do(store.React{Room: "r", By: "bob", Seq: 2, Emoji: "x", On: true})
		f.commit(store.Post{Room: "r", By: "ann", Author: "ann", Text: "1234"}, store.Edit{Room: "r", By: "ann", Seq: 7, Text: "12"})
		f.equal("bytes", f.look("ann", "r").Room.Bytes, int64(414))
		f.equal("gone", f.do(store.Prune{Room: "r", Keep: store.Keep{Bytes: 114}}).Purged, 3)
		f.equal("bytes", f.look("ann", "r").Room.Bytes, int64(114))
		f.equal("gone", f.do(store.Prune{Room: "r", Keep: store.Keep{Bytes: 1}}).Purged, 5-3+2)
		f.equal("bytes", f.look("ann", "r").Room.Bytes, int64(0))
		f.post("r", "ann", "", "123")
		f.equal("bytes", f.look("ann", "r").Room.Bytes, int64(3))
		f.do(store.DeleteRoom{Room: "r"})
		f.do(store.Create{Room: "r", Kind: store.KindOpen})
		f.equal("bytes", f.look("ann", "r").Room.Bytes, int64(0))
	}},
	{"a room keeps messages for so long, and none goes that is too young", func(f *fixture) {
		f.filled("r", 3)
		const day = 86_400_000
		f.equal("young", f.do(store.Prune{Room: "r", Keep: store.Keep{Age: day}}).Dup, true)
		f.equal("too young for the others", f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 1, Bytes: 1, Least: day}}).Dup, true)
		gone := 0
		for tries := 0; gone < 3 && tries < 10_000; tries++ { // until they are 1 ms old
			gone += f.do(store.Prune{Room: "r", Keep: store.Keep{Age: 1}}).Purged
		}
		f.equal("gone", gone, 3)
		f.equal("left", len(f.history("r", store.Query{}).Messages), 0)
		f.equal("last", f.look("ann", "r").Last, (*store.Message)(nil))
		f.equal("next", f.post("r", "ann", "", "next").Seq, int64(4))
	}},
	{"messages go in steps, the oldest first", func(f *fixture) {
		f.filled("r", store.MaxPruned+10)
		f.equal("first step", f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 2}}).Purged, store.MaxPruned)
		f.equal("floor", f.heads("r")[0].Floor, int64(store.MaxPruned+1))
		f.equal("second step", f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 2}}).Purged, 8)
	}},
	{"a sweep removes what lies below the floor, in steps that another handle can go on with", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		for i := range 9 {
			for _, room := range []string{"r", "s"} {
				f.do(store.Post{Room: room, By: "ann", Author: "ann", CID: fmt.Sprint(i), Text: "x", Mentions: []string{"bob", "cy"}})
				f.do(store.React{Room: room, By: "bob", Seq: int64(i + 1), Emoji: "x", On: true})
			}
		}
		f.equal("nothing", f.sweep("r", 5), 0)
		f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 2}})
		f.equal("oldest", f.extent("r").Oldest, int64(1))
		f.equal("a repetition before the sweep", f.post("r", "ann", "0", "x").Seq, int64(1))
		f.equal("one step", f.sweep("r", 5), 5)
		f.equal("oldest", f.extent("r").Oldest, int64(6))
		other := f.another()
		f.equal("the next", other.sweep("r", 5), 2)
		f.equal("no more", f.sweep("r", 5), 0)
		f.equal("oldest", f.extent("r").Oldest, int64(8))
		f.equal("its time", f.extent("r").OldestAt, f.message("r", 8).At)
		f.equal("a repetition", f.post("r", "ann", "8", "x").Dup, true)
		f.equal("a cid has gone with its message", f.post("r", "ann", "0", "again").Seq, int64(10))
		f.equal("mentions", f.look("bob", "r").Mentions, 2)
		reacted, err := f.Reacted(ctx, "bob", "r", []int64{1, 5, 7, 8, 9})
		f.check(err)
		f.equal("reactions", len(reacted), 2)
		f.equal("another room", f.extent("s").Oldest, int64(1))
		f.equal("another room's mentions", f.look("bob", "s").Mentions, 9)
	}},
	{"a deleted room is swept, and what is posted in it anew stays", func(f *fixture) {
		f.filled("r", 4)
		f.do(store.DeleteRoom{Room: "r"})
		f.equal("listed", f.extent("r").Room.Deleted, true)
		f.equal("oldest", f.extent("r").Oldest, int64(1))
		f.do(store.Create{Room: "r", Kind: store.KindOpen})
		f.do(store.Post{Room: "r", Author: "ann", Text: "new"})
		f.equal("swept", f.sweep("r", 100), 4)
		f.equal("left", seqs(f.history("r", store.Query{}).Messages), []int64{5})
		f.equal("changes", seqs(f.changes("r", 0).Messages), []int64{5})
	}},
	{"a thread goes with its message", func(f *fixture) {
		f.filled("r", 3)
		for _, room := range []string{"r~1", "r~3"} {
			f.post(room, "ann", "c", "in a thread")
			f.post(room, "bob", "", "in a thread")
		}
		f.equal("kept", f.do(store.Prune{Room: "r~1", Keep: store.Keep{Count: 2}}).Dup, true)
		f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 1}})
		f.refused(store.NotFound, "r~1", store.Post{Room: "r~1", By: "ann", Author: "ann", Text: "late"})
		f.equal("gone", f.do(store.Prune{Room: "r~1", Keep: store.Keep{}}).Purged, 2)
		f.equal("not found", len(f.heads("r~1")), 0)
		f.equal("ann's rooms", f.rooms("ann"), []string{"r", "r~3"})
		f.equal("swept", []int{f.sweep("r~1", 1), f.sweep("r~1", 1), f.sweep("r~1", 1)}, []int{1, 1, 0})
		f.equal("without a trace", f.extent("r~1").Room.ID, "")
		f.equal("the other", f.do(store.Prune{Room: "r~3", Keep: store.Keep{Count: 1}}).Purged, 1)
	}},
	{"pins of messages that are gone are gone", func(f *fixture) {
		f.filled("r", 3)
		f.do(store.SetRoom{Room: "r", By: "mo", Pin: 1})
		f.do(store.SetRoom{Room: "r", By: "mo", Pin: 3})
		before := f.heads("r")[0].Rev
		f.do(store.Prune{Room: "r", Keep: store.Keep{Count: 1}})
		f.equal("pins", f.look("ann", "r").Room.Pins, []int64{3})
		f.equal("told", f.changes("r", before).Settings, true)
	}},
	{"pages of extents have each room once", func(f *fixture) {
		var want, got []string
		for _, room := range []string{"B", "a", "a-b", "a.b", "a0", "aB"} {
			f.create(room, store.KindOpen)
		}
		f.post("a", "ann", "", "")
		f.post("a~1", "ann", "", "")
		want = []string{"B", "a", "a-b", "a.b", "a0", "aB", "a~1"}
		for after := ""; ; {
			page, err := f.Extents(ctx, after, 2)
			f.check(err)
			for _, e := range page {
				after = e.Room.ID
				got = append(got, after)
			}
			if len(page) < 2 {
				break
			}
		}
		f.equal("rooms", got, want)
		f.equal("no message", f.extent("B").Oldest, int64(0))
		f.equal("room", f.extent("a").Room, f.look("ann", "a").Room)
	}},
}

// filled makes a room with messages of 1 byte.
func (f *fixture) filled(room string, messages int) {
	f.Helper()
	f.create(room, store.KindOpen)
	ops := make([]store.Op, messages)
	for i := range ops {
		ops[i] = store.Post{Room: room, By: "ann", Author: "ann", Text: "x"}
	}
	f.commit(ops...)
}

func (f *fixture) sweep(room string, limit int) int {
	f.Helper()
	n, err := f.Sweep(ctx, room, limit)
	f.check(err)
	return n
}

// extent returns that of a room, or a zero one.
func (f *fixture) extent(room string) store.Extent {
	f.Helper()
	all, err := f.Extents(ctx, "", 100)
	f.check(err)
	for _, e := range all {
		if e.Room.ID == room {
			return e
		}
	}
	return store.Extent{}
}

// rooms returns the rooms that a user is a member of.
func (f *fixture) rooms(user string) (ids []string) {
	f.Helper()
	all, err := f.Memberships(ctx, user, "", 100)
	f.check(err)
	for _, m := range all {
		ids = append(ids, m.Room.ID)
	}
	return ids
}

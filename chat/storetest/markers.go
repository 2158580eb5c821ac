package storetest

import "github.com/goroomcast/socketio/chat/store"

// mark merges a marker and returns the result.
func (f *fixture) mark(m store.Marker) store.Marker {
	f.Helper()
	all, err := f.Mark(ctx, []store.Marker{m})
	if err != nil || len(all) != 1 {
		f.Fatalf("%d markers: %v", len(all), err)
	}
	return all[0]
}

var markerCases = []testCase{
	{"a marker goes forward, and not beyond the newest message", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 5 {
			f.post("r", "bob", "", "")
		}
		ann := store.Marker{Room: "r", User: "ann"}
		for _, c := range [][2]int64{{3, 3}, {2, 3}, {99, 5}} {
			ann.Read = c[0]
			f.equal("read", f.mark(ann).Read, c[1])
			f.equal("kept", f.look("ann", "r").Marker.Read, c[1])
		}
	}},
	{"a marker set back stays back until it is moved with the same gen", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 5 {
			f.post("r", "bob", "", "")
		}
		f.mark(store.Marker{Room: "r", User: "ann", Read: 5})
		f.equal("set back", f.mark(store.Marker{Room: "r", User: "ann", Read: 2, Gen: 1}), store.Marker{Room: "r", User: "ann", Read: 2, Gen: 1})
		f.equal("older gen", f.mark(store.Marker{Room: "r", User: "ann", Read: 4}), store.Marker{Room: "r", User: "ann", Read: 2, Gen: 1})
		f.equal("same gen", f.mark(store.Marker{Room: "r", User: "ann", Read: 4, Gen: 1}).Read, int64(4))
	}},
	{"delivered goes forward only", func(f *fixture) {
		room := f.direct()
		f.post(room, "bob", "", "")
		f.post(room, "bob", "", "")
		f.mark(store.Marker{Room: room, User: "ann", Delivered: 2})
		f.equal("delivered", f.mark(store.Marker{Room: room, User: "ann", Delivered: 1, Gen: 3}), store.Marker{Room: room, User: "ann", Delivered: 2, Gen: 3})
	}},
	{"mentions count above the marker", func(f *fixture) {
		f.create("r", store.KindOpen)
		for range 3 {
			f.do(store.Post{Room: "r", By: "bob", Author: "bob", Mentions: []string{"ann"}})
		}
		f.equal("mentions", f.look("ann", "r").Mentions, 3)
		f.mark(store.Marker{Room: "r", User: "ann", Read: 2})
		f.equal("mentions", f.look("ann", "r").Mentions, 1)
		rooms, err := f.Memberships(ctx, "ann", "", 1)
		f.check(err)
		f.equal("in the list", []int64{int64(rooms[0].Mentions), rooms[0].Marker.Read}, []int64{1, 2})
	}},
	{"a marker in a room that there is not is forgotten", func(f *fixture) {
		f.mark(store.Marker{Room: "r", User: "ann", Read: 2})
		f.create("r", store.KindOpen)
		f.equal("read", f.look("ann", "r").Marker.Read, int64(0))
	}},
	{"markers of many rooms are kept in one call", func(f *fixture) {
		f.create("r", store.KindOpen)
		f.create("s", store.KindOpen)
		f.post("r", "bob", "", "")
		f.post("s", "bob", "", "")
		all, err := f.Mark(ctx, []store.Marker{{Room: "s", User: "ann", Read: 1}, {Room: "r", User: "cy", Read: 1}, {Room: "s", User: "ann", Delivered: 1}})
		f.check(err)
		f.equal("results", all[2], store.Marker{Room: "s", User: "ann", Read: 1, Delivered: 1})
		f.equal("cy", f.look("cy", "r").Marker.Read, int64(1))
		none, err := f.Mark(ctx, nil)
		f.check(err)
		f.equal("none", len(none), 0)
	}},
}

package socketio

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// newTestRooms returns a registry with members 1 and 2 in room x, 2 and 3 in
// room y, 4 in none. Their ids are "id1" and so on.
func newTestRooms() *rooms[int] {
	r := newRooms[int]()
	for m := 1; m <= 4; m++ {
		r.add(fmt.Sprint("id", m), m)
	}
	r.join(1, "x")
	r.join(2, "x", "y")
	r.join(3, "y")
	return r
}

func TestMatch(t *testing.T) {
	r := newTestRooms()
	for _, test := range []struct {
		in, except []string
		want       []int
	}{
		{nil, nil, []int{1, 2, 3, 4}},
		{[]string{"x"}, nil, []int{1, 2}},
		{[]string{"x", "y"}, nil, []int{1, 2, 3}},
		{[]string{"x", "x"}, nil, []int{1, 2}},
		{[]string{"id4"}, nil, []int{4}},
		{[]string{"id4", "id4"}, nil, []int{4}},
		{[]string{"x", "id1", "id3"}, nil, []int{1, 2, 3}},
		{[]string{"unknown"}, nil, nil},
		{[]string{"unknown", "y"}, nil, []int{2, 3}},
		{[]string{""}, nil, nil},
		{nil, []string{"x"}, []int{3, 4}},
		{nil, []string{"x", "y"}, []int{4}},
		{nil, []string{"id2"}, []int{1, 3, 4}},
		{nil, []string{"unknown"}, []int{1, 2, 3, 4}},
		{[]string{"x"}, []string{"y"}, []int{1}},
		{[]string{"x"}, []string{"x"}, nil},
		{[]string{"x"}, []string{"id1", "id3"}, []int{2}},
		{[]string{"id1", "id3"}, []string{"x"}, []int{3}},
		{[]string{"x", "y", "id4"}, []string{"id4"}, []int{1, 2, 3}},
	} {
		got := r.match(nil, test.in, test.except)
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("in %q except %q: %v, want %v", test.in, test.except, got, test.want)
		}
	}
	if got := r.match([]int{9}, []string{"id4"}, nil); !slices.Equal(got, []int{9, 4}) {
		t.Errorf("appended to 9: %v", got)
	}
}

// However many members there are, one operation looks only at the room and at
// the members that it concerns: the tables lack all others here.
func TestOperationsLeaveOtherMembersAlone(t *testing.T) {
	const all, size = 1000, 10
	for what, op := range map[string]func(r *rooms[int]) []int{
		"finding a room":                func(r *rooms[int]) []int { return r.match(nil, []string{"room 7"}, nil) },
		"finding a member":              func(r *rooms[int]) []int { return r.match(nil, []string{"id71"}, nil) },
		"finding a room but one member": func(r *rooms[int]) []int { return r.match(nil, []string{"room 7"}, []string{"id71"}) },
		"finding two rooms":             func(r *rooms[int]) []int { return r.match(nil, []string{"room 7", "nobody's"}, nil) },
		"joining and leaving": func(r *rooms[int]) []int {
			r.join(71, "another")
			r.leave(71, "another")
			r.leave(71, "room 7")
			r.join(71, "room 7")
			return r.match(nil, []string{"room 7"}, nil)
		},
	} {
		r := newRooms[int]()
		for m := range all {
			r.add(fmt.Sprint("id", m), m)
			r.join(m, fmt.Sprint("room ", m/size))
		}
		before := op(r)
		r.all.members = nil
		maps.DeleteFunc(r.byID, func(_ string, m int) bool { return m/size != 7 })
		maps.DeleteFunc(r.members, func(m int, _ *membership[int]) bool { return m/size != 7 })
		maps.DeleteFunc(r.named, func(name string, _ *room[int]) bool { return name != "room 7" })
		after := op(r)
		slices.Sort(before)
		slices.Sort(after)
		if len(before) == 0 || !slices.Equal(after, before) {
			t.Errorf("%s: %v, with the tables of all members %v", what, after, before)
		}
	}
}

// An id may be given anew before the old member is gone.
func TestSameID(t *testing.T) {
	r := newTestRooms()
	r.add("id1", 5)
	r.remove(1)
	if got := r.match(nil, []string{"id1"}, nil); !slices.Equal(got, []int{5}) {
		t.Errorf("id1 is %v, want the new member", got)
	}
	r.remove(5)
	if got := r.match(nil, []string{"id1"}, nil); len(got) != 0 {
		t.Errorf("id1 is %v after its end", got)
	}
}

func TestMembership(t *testing.T) {
	r := newTestRooms()
	expect := func(m int, want ...string) {
		t.Helper()
		if got := r.of(m); !slices.Equal(got, want) {
			t.Errorf("%d is in %q, want %q", m, got, want)
		}
	}
	expect(2, "id2", "x", "y")
	expect(4, "id4")
	r.join(4, "id4") // in it already
	r.join(4, "id1") // a room like any other, named like somebody's id
	expect(4, "id4", "id1")
	if got := slices.Sorted(slices.Values(r.match(nil, []string{"id1"}, nil))); !slices.Equal(got, []int{1, 4}) {
		t.Errorf("id1: %v", got)
	}
	r.leave(4, "id4", "id1", "unknown", "x")
	expect(4, "id4")
	r.remove(2)
	r.remove(2)
	expect(2)
	r.join(2, "z")
	r.leave(2, "x")
	expect(2)
	if r.named["z"] != nil {
		t.Error("a room made by somebody unknown")
	}
	r.leave(1, "x")
	if r.named["x"] != nil {
		t.Error("an empty room stays")
	}
}

// A model is what rooms is, without haste.
type model struct {
	ids   map[int]string
	rooms map[int]map[string]bool
}

func (m *model) in(member int, names []string) bool {
	for _, name := range names {
		if m.rooms[member][name] || m.ids[member] == name {
			return true
		}
	}
	return false
}

func (m *model) match(in, except []string) []int {
	var out []int
	for member := range m.ids {
		if (len(in) == 0 || m.in(member, in)) && !m.in(member, except) {
			out = append(out, member)
		}
	}
	slices.Sort(out)
	return out
}

// checkPresence follows the changes of the rooms, and checks in the end that
// they lead to the rooms that there are.
func checkPresence(t *testing.T, r *rooms[int]) (end func()) {
	r.add("before", 1000)
	r.watchPresence()
	r.remove(1000)
	type place struct {
		room string
		own  bool
	}
	there := make(map[place]bool)
	return func() {
		r.tell(&r.presence, func(c roomChange[int]) {
			p := place{c.room, c.own}
			if created := c.kind == RoomCreated; created == there[p] {
				t.Errorf("%s of %v, which exists: %t", c.kind, p, there[p])
			}
			if there[p] = c.kind == RoomCreated; !there[p] {
				delete(there, p)
			}
		})
		var names []string
		for p := range there {
			names = append(names, p.room)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		want := r.names()
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("rooms by their changes %q, want %q", names, want)
		}
	}
}

// FuzzRooms does what the bytes say to the registry and to a model of it.
func FuzzRooms(f *testing.F) {
	random := rand.NewChaCha8([32]byte{1})
	for size := range 20 {
		ops := make([]byte, 40*size)
		_, _ = random.Read(ops)
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		r := newRooms[int]()
		defer checkPresence(t, r)()
		m := &model{ids: make(map[int]string), rooms: make(map[int]map[string]bool)}
		for ; len(ops) >= 3; ops = ops[3:] {
			member, names := int(ops[1]%16), roomNames(ops[2])
			switch _, known := m.ids[member]; ops[0] % 8 {
			case 0:
				if !known {
					m.ids[member], m.rooms[member] = fmt.Sprint("id", member), make(map[string]bool)
					r.add(m.ids[member], member)
				}
			case 1:
				delete(m.ids, member)
				delete(m.rooms, member)
				r.remove(member)
			case 2, 3, 4:
				r.join(member, names...)
				for _, name := range names {
					if known && name != m.ids[member] {
						m.rooms[member][name] = true
					}
				}
			case 5:
				r.leave(member, names...)
				for _, name := range names {
					delete(m.rooms[member], name)
				}
			default:
				except := roomNames(ops[1])
				got := r.match(nil, names, except)
				slices.Sort(got) // a duplicate is a difference
				if want := m.match(names, except); !slices.Equal(got, want) {
					t.Fatalf("in %q except %q: %v, want %v", names, except, got, want)
				}
			}
			checkRooms(t, r, m)
		}
	})
}

// TestManyRooms lets members be in so many rooms that their places need a map.
func TestManyRooms(t *testing.T) {
	r := newRooms[int]()
	m := &model{ids: make(map[int]string), rooms: make(map[int]map[string]bool)}
	for member := range 3 {
		m.ids[member], m.rooms[member] = fmt.Sprint("id", member), make(map[string]bool)
		r.add(m.ids[member], member)
	}
	for i := range 3 * fewPlaces {
		for member := range 3 {
			if i%(member+1) == 0 {
				name := fmt.Sprint("room", i)
				m.rooms[member][name] = true
				r.join(member, name)
				checkRooms(t, r, m)
			}
		}
	}
	for i := range 3 * fewPlaces {
		name := fmt.Sprint("room", i*7%(3*fewPlaces))
		for member := range 2 {
			delete(m.rooms[member], name)
			r.leave(member, name)
			checkRooms(t, r, m)
		}
	}
	delete(m.ids, 2)
	delete(m.rooms, 2)
	r.remove(2)
	checkRooms(t, r, m)
}

// roomNames makes up to three names of a byte: of rooms, ids, or neither.
func roomNames(b byte) []string {
	all := []string{"a", "b", "c", "d", "id1", "id2", "nowhere"}
	var names []string
	for range b & 3 {
		b = b>>2 | b<<6
		names = append(names, all[int(b)%len(all)])
	}
	return names
}

// checkRooms checks what must hold at any time.
func checkRooms(t *testing.T, r *rooms[int], m *model) {
	t.Helper()
	if len(r.members) != len(m.ids) || len(r.byID) != len(m.ids) || len(r.all.members) != len(m.ids) {
		t.Fatalf("%d members, %d ids, %d in all; want %d", len(r.members), len(r.byID), len(r.all.members), len(m.ids))
	}
	for member, id := range m.ids {
		own := r.members[member]
		if own == nil || own.id != id || r.byID[id] != member || r.all.members[own.all] != member {
			t.Fatalf("%d is not where it should be", member)
		}
		if own.joined.len() != len(m.rooms[member]) {
			t.Fatalf("%d is in %q, want %v", member, r.of(member), m.rooms[member])
		}
		for in, place := range own.joined.all() {
			if !m.rooms[member][in.name] || r.named[in.name] != in || in.members[place] != member {
				t.Fatalf("%d is not at its place in %s", member, in.name)
			}
		}
	}
	for name, in := range r.named {
		if len(in.members) == 0 {
			t.Fatalf("room %s is empty", name)
		}
		for _, member := range in.members {
			if !m.rooms[member][name] {
				t.Fatalf("%d is still in %s", member, name)
			}
		}
	}
}

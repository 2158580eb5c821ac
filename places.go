package socketio

import (
	"iter"
	"slices"
)

// places are a member's places in the lists of its rooms. Most members are in few
// rooms, and a short list takes less memory than a map.
type places[M comparable] struct {
	few  []place[M]
	many map[*room[M]]int // in place of few
}

// A place is a member's index in the list of a room.
type place[M comparable] struct {
	room  *room[M]
	index int
}

// fewPlaces is how many places a list has at most.
const fewPlaces = 8

// in returns the place in a room, if there is one. A nil *places is empty.
func (p *places[M]) in(r *room[M]) (index int, is bool) {
	if p == nil {
		return 0, false
	}
	if p.many != nil {
		index, is = p.many[r]
		return index, is
	}
	for i := range p.few {
		if p.few[i].room == r {
			return p.few[i].index, true
		}
	}
	return 0, false
}

// put sets the place in a room.
func (p *places[M]) put(r *room[M], index int) {
	if p.many == nil {
		for i := range p.few {
			if p.few[i].room == r {
				p.few[i].index = index
				return
			}
		}
		if len(p.few) < fewPlaces {
			p.few = append(p.few, place[M]{r, index})
			return
		}
		p.many = make(map[*room[M]]int)
		for _, at := range p.few {
			p.many[at.room] = at.index
		}
		p.few = nil
	}
	p.many[r] = index
}

// drop forgets the place in a room.
func (p *places[M]) drop(r *room[M]) {
	if p.many != nil {
		delete(p.many, r)
		return
	}
	p.few = slices.DeleteFunc(p.few, func(at place[M]) bool { return at.room == r })
}

func (p *places[M]) len() int {
	if p == nil {
		return 0
	}
	return len(p.few) + len(p.many)
}

// all yields the rooms with the places in them.
func (p *places[M]) all() iter.Seq2[*room[M], int] {
	return func(yield func(*room[M], int) bool) {
		if p == nil {
			return
		}
		for _, at := range p.few {
			if !yield(at.room, at.index) {
				return
			}
		}
		for r, index := range p.many {
			if !yield(r, index) {
				return
			}
		}
	}
}

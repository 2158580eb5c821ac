package store

import "slices"

// A Keep says which messages a room keeps. The oldest messages are removed
// while one of the limits is exceeded, but no message that is younger than
// Least. The zero value keeps all messages.
type Keep struct {
	Age   int64 // of a message, ms
	Count int64 // how many messages
	Bytes int64 // Room.Bytes
	Least int64 // messages younger than this stay, ms
}

// MaxPruned is how many messages a Prune removes at most.
const MaxPruned = 500

func (p Prune) rooms() []string { return []string{p.Room} }

// needs adds the messages that may be removed.
func (p Prune) needs(b *batch, n *Needs) {
	if r := b.room(p.Room); r != nil {
		for seq := r.Floor; seq <= r.Seq && seq < r.Floor+MaxPruned; seq++ {
			n.Messages = append(n.Messages, MessageKey{r.ID, seq})
		}
	}
}

func (p Prune) apply(b *batch, r *Result) error {
	room := b.room(p.Room)
	if room == nil {
		return refuse(NotFound, "no such room")
	}
	if b.orphaned(room) {
		r.Purged = int(room.Seq + 1 - room.Floor)
		b.end(room)
	} else if r.Purged = b.prune(room, p.Keep); r.Purged > 0 {
		b.raise(room, room.Floor+int64(r.Purged))
	} else {
		r.Dup = true
	}
	r.Rev = room.Rev
	return nil
}

// orphaned reports whether a room is the thread of a message that is gone.
func (b *batch) orphaned(r *roomRow) bool {
	parent, seq, is := Parent(r.ID)
	if !is {
		return false
	}
	home := b.room(parent)
	return home == nil || seq < home.Floor
}

// prune returns how many of the oldest messages of a room are not kept, at most
// MaxPruned.
func (b *batch) prune(r *roomRow, k Keep) (n int) {
	count, bytes := r.Seq+1-r.Floor, r.Bytes
	for n < MaxPruned {
		m := b.messages[MessageKey{r.ID, r.Floor + int64(n)}]
		if m == nil || m.At > b.now-k.Least {
			break
		}
		old := k.Age > 0 && m.At < b.now-k.Age
		if !old && (k.Count == 0 || count <= k.Count) && (k.Bytes == 0 || bytes <= k.Bytes) {
			break
		}
		n++
		count--
		bytes -= m.was
	}
	return n
}

// raise moves the floor of a room. The new floor gets a rev, so that the
// followers of the room learn of it, and clients that catch up.
func (b *batch) raise(r *roomRow, floor int64) {
	for seq := r.Floor; seq < floor; seq++ {
		if m := b.messages[MessageKey{r.ID, seq}]; m != nil {
			r.Bytes -= m.was
		}
	}
	rev := r.nextRev()
	r.Floor = floor
	kept := slices.DeleteFunc(slices.Clone(r.Pins), func(seq int64) bool { return seq < floor })
	if len(kept) < len(r.Pins) {
		r.Pins, r.InfoRev = kept, rev
	}
	if len(kept) == 0 {
		r.Pins = nil
	}
}

// end ends a room.
func (b *batch) end(r *roomRow) {
	r.Settings, r.Members, r.Owners, r.Deleted = Settings{}, 0, 0, true
	r.Floor, r.Bytes = r.Seq+1, 0
	r.InfoRev = r.nextRev()
	b.empty(r.ID)
}

// weigh counts the bytes of the messages that have changed.
func (b *batch) weigh() {
	for _, m := range b.messages {
		if r := b.rooms[m.Room]; (m.dirty || m.isNew) && m.Seq >= r.Floor {
			r.Bytes += m.weight() - m.was
		}
	}
}

// weight returns what a message adds to Room.Bytes.
func (m *Message) weight() int64 { return int64(len(m.Text) + len(m.Data)) }

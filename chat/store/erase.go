package store

import (
	"slices"
)

// Deleted is the author of messages after an erasure of their author. No user
// may have this id.
const Deleted = "deleted"

// eraseStep is how many messages a step of an erasure changes at most.
const eraseStep = 200

// whyErased marks the row of a member that is erased. The row stays, so that
// clients that come back learn that the user is no member any longer.
const whyErased = "erase"

func (e Erase) rooms() []string {
	if e.Room == "" {
		return nil
	}
	return []string{e.Room}
}

func (e Erase) needs(b *batch, n *Needs) {
	if e.Room == "" {
		return
	}
	n.Members = append(n.Members, MemberKey{e.Room, e.User})
	if r := b.rooms[e.Room]; r != nil && r.Kind == KindDirect {
		n.Members = append(n.Members, MemberKey{e.Room, r.Pair[0]}, MemberKey{e.Room, r.Pair[1]})
	}
	if _, _, is := Parent(e.Room); !is {
		b.removes(e.Room, e.User)
	}
}

func (e Erase) apply(b *batch, r *Result) error {
	switch {
	case e.User == "" || e.User == "*" || e.User == Deleted:
		return badField("user")
	case e.Room != "":
		return e.step(b, r)
	case e.Over:
		b.erased = append(b.erased, e.User)
		for k, f := range b.blocks {
			if k.User == e.User || k.Blocked == e.User {
				*f = flag{}
			}
		}
	default:
		b.erasing = append(b.erasing, e.User)
	}
	return nil
}

// step erases a user's membership of a room, and up to eraseStep messages. The
// result has More unless nothing was left to erase.
func (e Erase) step(b *batch, r *Result) error {
	room := b.rooms[e.Room]
	if room == nil {
		return nil
	}
	e.leave(b, room, r)
	k := MemberKey{e.Room, e.User}
	b.unmarked = append(b.unmarked, k)
	b.markers = slices.DeleteFunc(b.markers, func(m Marker) bool { return m.Room == k.Room && m.User == k.User })
	seqs, err := b.tx.Touched(b.ctx, k, eraseStep)
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	if err == nil && len(seqs) > 0 {
		err = b.loadTouched(k, seqs)
	}
	if err != nil {
		b.err = err
		return nil
	}
	for _, seq := range seqs {
		if m := b.messages[MessageKey{e.Room, seq}]; m != nil {
			b.eraseIn(room, m, e.User)
		}
	}
	r.Rev, r.More = room.Rev, len(seqs) > 0
	return nil
}

// leave ends the user's membership, and clears the user's row.
func (e Erase) leave(b *batch, room *roomRow, r *Result) {
	m := b.member(e.Room, e.User)
	if (m.Member == Member{Room: e.Room, User: e.User}) || m.Why == whyErased && m.Role == "" {
		return
	}
	if _, _, thread := Parent(e.Room); thread && m.Role != "" {
		b.unfollow(room, m, whyErased)
	} else {
		b.remove(room, m, whyErased)
	}
	m.Member = Member{Room: e.Room, User: e.User, Rev: m.Rev, Why: whyErased}
	m.dirty = true
	r.Members = append(r.Members, m.Member)
	i := slices.Index(room.Pair[:], e.User)
	if room.Kind != KindDirect || i < 0 {
		return
	}
	if other := b.member(e.Room, room.Pair[1-i]); other.Role != "" {
		r.Members = append(r.Members, other.Member)
	}
	room.Pair[i], room.Archived = Deleted, true
	room.InfoRev = room.nextRev()
}

// loadTouched loads the messages of an erasure, and the user's reactions to
// them, unless the batch has them already.
func (b *batch) loadTouched(k MemberKey, seqs []int64) error {
	n := new(Needs)
	for _, seq := range seqs {
		if key := (MessageKey{k.Room, seq}); b.messages[key] == nil {
			n.Messages = append(n.Messages, key)
		}
	}
	rows, err := b.tx.Load(b.ctx, n)
	if err != nil {
		return err
	}
	b.take(rows)
	reactions, err := b.tx.Reacted(b.ctx, k.User, k.Room, seqs)
	for _, key := range reactions {
		if b.reactions[key] == nil {
			b.reactions[key] = &flag{true, true}
		}
	}
	return err
}

// eraseIn removes a user from a message. A message of the user becomes a
// tombstone of the author Deleted. Messages below the floor get no rev, because
// clients cannot see them.
func (b *batch) eraseIn(room *roomRow, m *messageRow, user string) {
	own := m.Author == user
	if own {
		delete(b.cids, CIDKey{m.Room, m.Author, m.CID})
		b.bury(room, m, "", "")
		b.lost = append(b.lost, MessageKey{m.Room, m.Seq})
		m.Author, m.CID = Deleted, ""
	} else {
		b.eraseFrom(m, user)
	}
	m.dirty = true
	switch {
	case m.Seq < room.Floor:
	case own:
		m.Rev = room.nextRev()
		m.Ver = m.Rev
	case m.Rev <= room.from:
		m.Rev = room.nextRev()
	}
}

// eraseFrom removes a user from the message of another.
func (b *batch) eraseFrom(m *messageRow, user string) {
	if slices.Contains(m.Mentions, user) {
		b.mention(m, slices.DeleteFunc(slices.Clone(m.Mentions), func(u string) bool { return u == user }))
	}
	if m.Deleted != nil && m.Deleted.By == user {
		m.Deleted = &Deletion{By: Deleted, At: m.Deleted.At}
	}
	for k, f := range b.reactions {
		if k.Room == m.Room && k.Seq == m.Seq && k.User == user && f.is {
			m.Reactions, _ = summed(m.Reactions, React{By: user, Emoji: k.Emoji})
			f.is = false
		}
	}
}

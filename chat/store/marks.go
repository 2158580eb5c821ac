package store

import "slices"

func (d Delete) rooms() []string { return []string{d.Room} }

func (d Delete) needs(b *batch, n *Needs) {
	n.actor(d.Room, d.By)
	key := MessageKey{d.Room, d.Seq}
	n.Messages = append(n.Messages, key)
	if d.By != "" {
		n.authors = append(n.authors, key)
	}
}

func (d Delete) apply(b *batch, r *Result) error {
	a, err := b.actor(d.Room, d.By)
	if err != nil {
		return err
	}
	room, m, err := b.find(a, d.Room, d.Seq)
	if err != nil {
		return err
	}
	r.Seq, r.Rev, r.At, r.Author = m.Seq, m.Rev, m.At, m.Author
	if m.Deleted != nil {
		r.Dup = true
		return nil
	}
	if err := b.mayDelete(a, m); err != nil {
		return err
	}
	if d.Keep {
		b.keep(m)
	}
	b.delete(room, m, d.By, d.Reason)
	r.Rev = m.Rev
	return nil
}

// mayDelete returns an error unless the actor is the author, or a moderator
// whose role is higher than that of the author.
func (b *batch) mayDelete(a actor, m *messageRow) error {
	switch {
	case a.program():
		return nil
	case a.member.Role == "":
		return refuse(NotMember, "you are not a member of the room")
	case m.Author == a.user:
		return nil
	case a.rank() < RoleModerator.Rank() || b.member(a.home.ID, m.Author).Role.Rank() >= a.rank():
		return refuse(Forbidden, "the message is not yours")
	}
	return nil
}

// delete makes a message a tombstone.
func (b *batch) delete(room *roomRow, m *messageRow, by, reason string) {
	b.bury(room, m, by, reason)
	m.Rev = room.nextRev()
	m.Ver = m.Rev
}

// keep keeps what a message says now as a version.
func (b *batch) keep(m *messageRow) {
	b.versions = append(b.versions, Version{m.Room, m.Seq, m.Ver, max(m.At, m.EditedAt), m.Text, m.Data})
}

// bury is delete without a rev.
func (b *batch) bury(room *roomRow, m *messageRow, by, reason string) {
	b.mention(m, nil)
	b.drop(m.Files)
	if len(m.Reactions) > 0 {
		b.unreacted = append(b.unreacted, MessageKey{m.Room, m.Seq})
		b.forget(func(k ReactionKey) bool { return k.Room == m.Room && k.Seq == m.Seq })
	}
	if i := slices.Index(room.Pins, m.Seq); i >= 0 {
		room.Pins = slices.Delete(slices.Clone(room.Pins), i, i+1)
		room.InfoRev = room.Rev + 1
	}
	m.Text, m.Data, m.Files, m.Reactions, m.EditedAt = "", nil, nil, nil, 0
	m.Deleted = &Deletion{By: by, At: max(b.now, m.At), Reason: reason}
	m.dirty = true
}

func (x React) rooms() []string { return []string{x.Room} }

func (x React) needs(_ *batch, n *Needs) {
	n.actor(x.Room, x.By)
	n.Messages = append(n.Messages, MessageKey{x.Room, x.Seq})
	n.Reactions = append(n.Reactions, ReactionKey{x.Room, x.Seq, x.By, x.Emoji})
}

func (x React) apply(b *batch, r *Result) error {
	a, err := b.actor(x.Room, x.By)
	if err != nil {
		return err
	}
	room, m, err := b.find(a, x.Room, x.Seq)
	switch {
	case err != nil:
		return err
	case m.Deleted != nil:
		return refuse(Gone, "the message is deleted")
	}
	r.Seq, r.Rev, r.At, r.Author = m.Seq, m.Rev, m.At, m.Author
	f := flagOf(b.reactions, ReactionKey{x.Room, x.Seq, x.By, x.Emoji})
	if f.is == x.On {
		r.Dup = true
		return nil
	}
	if err := a.writer(b.now); err != nil {
		return err
	}
	reactions, ok := summed(m.Reactions, x)
	if !ok {
		return &Error{Code: TooLarge, Text: "too many different reactions", Field: "emoji", Limit: MaxEmoji}
	}
	m.Reactions, f.is, m.dirty = reactions, x.On, true
	if m.Rev <= room.from { // otherwise the range of this commit has the message already
		m.Rev = room.nextRev()
	}
	r.Rev = m.Rev
	return nil
}

// summed returns the summary after a change. It reports false if there would be
// too many emoji.
func summed(reactions []Reaction, x React) ([]Reaction, bool) {
	sum := slices.Clone(reactions)
	i := slices.IndexFunc(sum, func(r Reaction) bool { return r.Emoji == x.Emoji })
	if i < 0 {
		if len(sum) >= MaxEmoji {
			return nil, false
		}
		return append(sum, Reaction{Emoji: x.Emoji, N: 1, By: []string{x.By}}), true
	}
	of := &sum[i]
	of.By = slices.DeleteFunc(slices.Clone(of.By), func(user string) bool { return user == x.By })
	if x.On {
		of.N++
		if len(of.By) < MaxReactors {
			of.By = append(of.By, x.By)
		}
	} else if of.N--; of.N <= 0 {
		return slices.Delete(sum, i, i+1), true
	}
	return sum, true
}

func (p Replies) rooms() []string { return []string{p.Room} }

func (p Replies) needs(_ *batch, n *Needs) {
	n.Messages = append(n.Messages, MessageKey{p.Room, p.Seq})
}

func (p Replies) apply(b *batch, r *Result) error {
	room := b.room(p.Room)
	if room == nil {
		return refuse(NotFound, "no such room")
	}
	m := b.message(room, p.Seq)
	if m == nil {
		return refuse(NotFound, "no such message")
	}
	r.Seq, r.Rev, r.At, r.Author = m.Seq, m.Rev, m.At, m.Author
	if p.Replies <= m.Replies {
		r.Dup = true
		return nil
	}
	m.Replies, m.LastReply, m.dirty = p.Replies, p.LastReply, true
	if m.Rev <= room.from {
		m.Rev = room.nextRev()
	}
	r.Rev = m.Rev
	return nil
}

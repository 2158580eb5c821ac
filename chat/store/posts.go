package store

import (
	"bytes"
	"slices"
)

func (p Post) rooms() []string { return []string{p.Room} }

func (p Post) needs(b *batch, n *Needs) {
	n.actor(p.Room, p.By)
	if p.CID != "" {
		n.CIDs = append(n.CIDs, CIDKey{p.Room, p.Author, p.CID})
	}
	n.Files = append(n.Files, p.Files...)
	home := Home(p.Room)
	for _, user := range p.Mentions {
		n.Members = append(n.Members, MemberKey{home, user})
		n.Blocks = append(n.Blocks, BlockKey{user, p.Author})
	}
	if parent, seq, is := Parent(p.Room); is {
		n.Messages = append(n.Messages, MessageKey{parent, seq})
		n.Members = append(n.Members, MemberKey{p.Room, p.Author})
	}
	if r := b.room(home); r != nil && r.Kind == KindDirect {
		for i, user := range r.Pair {
			n.Members = append(n.Members, MemberKey{home, user})
			n.Blocks = append(n.Blocks, BlockKey{user, r.Pair[1-i]})
		}
	}
}

func (p Post) apply(b *batch, r *Result) error {
	switch {
	case b.repeated(p, r):
		return nil
	case p.Repeat:
		return refuse(NotFound, "no such post")
	}
	a, err := b.actor(p.Room, p.By)
	if err == nil {
		err = a.writer(b.now)
	}
	if err == nil {
		err = b.notBlocked(a)
	}
	if err == nil {
		err = a.paced(b.now)
	}
	if err == nil {
		err = b.free(p.Files, p.Author)
	}
	if err != nil {
		return err
	}
	if !b.replies(a, p) {
		return badField("replyTo")
	}
	room, err := b.postRoom(a, p)
	if err != nil {
		return err
	}
	r.Members = append(r.Members, b.unhide(room)...)
	b.add(room, a, p, r)
	return nil
}

// repeated answers a post that exists. It is asked first, because a rule may
// refuse the repetition of a post that it has allowed.
func (b *batch) repeated(p Post, r *Result) bool {
	if p.CID == "" {
		return false
	}
	seq, known := b.cids[CIDKey{p.Room, p.Author, p.CID}]
	if !known {
		return false
	}
	m := b.messages[MessageKey{p.Room, seq}]
	*r = Result{Seq: m.Seq, Rev: m.Rev, At: m.At, Dup: true}
	return true
}

// replies reports whether a post is no reply, or a reply to a message that its
// author may see.
func (b *batch) replies(a actor, p Post) bool {
	if p.ReplyTo == 0 {
		return true
	}
	room := b.room(p.Room)
	return room != nil && 0 < p.ReplyTo && p.ReplyTo <= room.Seq && (room != a.home || a.sees(p.ReplyTo))
}

// postRoom returns the room of a post. A thread is made by the first post, and
// its authors follow it.
func (b *batch) postRoom(a actor, p Post) (*roomRow, error) {
	if p.Room == a.home.ID {
		return a.home, nil
	}
	room, err := b.thread(a, p.Room)
	if err == nil {
		b.follow(room, p.Author)
	}
	return room, err
}

// thread returns a thread, and makes it if it does not exist.
func (b *batch) thread(a actor, id string) (*roomRow, error) {
	_, seq, _ := Parent(id)
	if _, m, err := b.find(a, a.home.ID, seq); err != nil {
		return nil, err
	} else if m.Deleted != nil && b.room(id) == nil {
		return nil, refuse(Gone, "the message is deleted")
	}
	return b.make(id, KindThread), nil
}

// make returns a room, and makes it if it does not exist.
func (b *batch) make(id string, kind Kind) *roomRow {
	if r := b.room(id); r != nil {
		return r
	}
	r := b.rooms[id]
	if r == nil {
		r = &roomRow{Room: Room{ID: id, Floor: 1}, isNew: true}
		b.rooms[id] = r
	}
	r.Kind, r.Epoch, r.Deleted, r.dirty = kind, NewEpoch(), false, true
	return r
}

// follow makes a user a member of a thread.
func (b *batch) follow(thread *roomRow, user string) *memberRow {
	m := b.member(thread.ID, user)
	if m.Role == "" {
		m.Role, m.Why = RoleMember, ""
		thread.Members++
		b.touch(thread, m)
		b.markers = append(b.markers, Marker{Room: thread.ID, User: user, Read: thread.Seq})
	}
	return m
}

// blocked reports whether a user blocks another.
func (b *batch) blocked(by, other string) bool {
	f := b.blocks[BlockKey{by, other}]
	return f != nil && f.is
}

// notBlocked returns an error if the other user of a direct room blocks the
// actor.
func (b *batch) notBlocked(a actor) error {
	if a.program() || a.home.Kind != KindDirect {
		return nil
	}
	for i, user := range a.home.Pair {
		if user != a.user && b.blocked(user, a.home.Pair[1-i]) {
			return refuse(Blocked, "the user blocks you")
		}
	}
	return nil
}

// paced returns an error if slow mode makes the actor wait.
func (a actor) paced(now int64) error {
	if a.home.SlowMode == 0 || a.rank() >= RoleModerator.Rank() {
		return nil
	}
	if a.member.LastPost > now { // the clock was set back
		return nil
	}
	if wait := a.member.LastPost + a.home.SlowMode - now; wait > 0 {
		return &Error{Code: SlowMode, Text: "slow mode", After: wait}
	}
	return nil
}

// unhide shows a direct room again to the users that have left it.
func (b *batch) unhide(r *roomRow) (shown []Member) {
	if r.Kind != KindDirect {
		return nil
	}
	for _, user := range r.Pair {
		if m := b.member(r.ID, user); m.Hidden {
			m.Hidden, m.dirty = false, true
			shown = append(shown, m.Member)
		}
	}
	return shown
}

// add adds the message of a post.
func (b *batch) add(room *roomRow, a actor, p Post, r *Result) {
	rev := room.nextRev()
	room.Seq++
	room.LastAt = max(b.now, room.LastAt)
	m := Message{
		Room: room.ID, Seq: room.Seq, Rev: rev, Ver: rev, Author: p.Author, CID: p.CID, At: room.LastAt,
		Text: p.Text, Data: p.Data, Files: b.attach(p.Files, room), ReplyTo: p.ReplyTo, Mentions: b.mentioned(a, p.Author, p.Mentions),
	}
	b.messages[MessageKey{m.Room, m.Seq}] = &messageRow{Message: m, isNew: true}
	if m.CID != "" {
		b.cids[CIDKey{m.Room, m.Author, m.CID}] = m.Seq
	}
	for _, user := range m.Mentions {
		flagOf(b.mentions, MentionKey{m.Room, m.Seq, user}).is = true
	}
	if p.Outbox {
		b.outbox = append(b.outbox, MessageKey{m.Room, m.Seq})
	}
	if a.home.SlowMode > 0 && !a.program() {
		a.member.LastPost, a.member.dirty = b.now, true
	}
	r.Seq, r.Rev, r.At = m.Seq, m.Rev, m.At
}

// mentioned returns the mentions that count, each once: members that do not
// block the author, and "*" if the author is a moderator.
func (b *batch) mentioned(a actor, author string, users []string) (count []string) {
	for _, user := range users {
		all := user == "*" && a.rank() >= RoleModerator.Rank()
		if (all || b.member(a.home.ID, user).Role != "" && !b.blocked(user, author)) && !slices.Contains(count, user) {
			count = append(count, user)
		}
	}
	return count
}

func (e Edit) rooms() []string { return []string{e.Room} }

func (e Edit) needs(_ *batch, n *Needs) {
	n.actor(e.Room, e.By)
	n.Messages = append(n.Messages, MessageKey{e.Room, e.Seq})
	for _, user := range e.Mentions {
		n.Members = append(n.Members, MemberKey{Home(e.Room), user})
		n.Blocks = append(n.Blocks, BlockKey{user, e.By})
	}
}

func (e Edit) apply(b *batch, r *Result) error {
	a, err := b.actor(e.Room, e.By)
	if err != nil {
		return err
	}
	room, m, err := b.find(a, e.Room, e.Seq)
	switch {
	case err != nil:
		return err
	case !a.program() && m.Author != e.By:
		return refuse(Forbidden, "the message is not yours")
	case m.Deleted != nil:
		return refuse(Gone, "the message is deleted")
	case !a.program() && e.Text == "" && e.Data == nil && len(m.Files) == 0:
		return badField("text")
	}
	mentions := b.mentioned(a, e.By, e.Mentions)
	r.Seq, r.Rev, r.At = m.Seq, m.Rev, m.At
	if m.Text == e.Text && bytes.Equal(m.Data, e.Data) && slices.Equal(m.Mentions, mentions) {
		r.Dup = true
		return nil
	}
	if err := a.writer(b.now); err != nil {
		return err
	}
	if e.Ver != 0 && e.Ver != m.Ver {
		now := m.Message
		return &Error{Code: Conflict, Text: "the message has changed", Message: &now}
	}
	if e.Keep {
		b.keep(m)
	}
	b.mention(m, mentions)
	m.Text, m.Data, m.EditedAt = e.Text, e.Data, max(b.now, m.At)
	m.Rev = room.nextRev()
	m.Ver, m.dirty = m.Rev, true
	r.Rev = m.Rev
	return nil
}

// mention replaces the mentions of a message.
func (b *batch) mention(m *messageRow, users []string) {
	for _, user := range m.Mentions {
		k := MentionKey{m.Room, m.Seq, user}
		if b.mentions[k] == nil {
			b.mentions[k] = &flag{was: true}
		}
		b.mentions[k].is = false
	}
	for _, user := range users {
		flagOf(b.mentions, MentionKey{m.Room, m.Seq, user}).is = true
	}
	m.Mentions = users
}

package store

import "slices"

// purgeLimit is how many messages a ban deletes at most.
const purgeLimit = 500

func (s SetMember) rooms() []string { return []string{s.Room} }

func (s SetMember) needs(b *batch, n *Needs) {
	n.actor(s.Room, s.By)
	n.actor(s.Room, s.User)
	if parent, seq, is := Parent(s.Room); is {
		n.Messages = append(n.Messages, MessageKey{parent, seq})
		n.Members = append(n.Members, MemberKey{s.Room, s.User})
	} else if s.Do == Leave || s.Do == Kick || s.Do == Ban {
		b.removes(s.Room, s.User)
	}
}

// removes notes that an operation may remove a user from a room.
func (b *batch) removes(room, user string) {
	if b.removals[room] == nil {
		b.removals[room] = make(map[string][]string)
	}
	b.removals[room][user] = nil
}

func (s SetMember) apply(b *batch, r *Result) error {
	by := s.By
	if s.Do == Join && s.Invited {
		by = "" // the program lets the user in
	}
	a, err := b.actor(s.Room, by)
	if err != nil {
		return err
	}
	if s.Room != a.home.ID {
		return s.inThread(b, a, r)
	}
	m := b.member(s.Room, s.User)
	before := m.Member
	if a.home.Kind == KindDirect {
		err = s.direct(a, m)
	} else {
		err = s.change(b, a, m, r)
	}
	if err != nil {
		return err
	}
	if m.Member != before {
		m.dirty = true
		r.Members = append(r.Members, m.Member)
	}
	r.Dup = m.Member == before && r.Purged == 0
	r.Rev = m.Rev
	return nil
}

// inThread follows a thread, or ends that.
func (s SetMember) inThread(b *batch, a actor, r *Result) error {
	switch {
	case s.By != "" && s.By != s.User:
		return refuse(Forbidden, "users follow threads themselves")
	case s.Do == Join:
		room, err := b.thread(a, s.Room)
		if err != nil {
			return err
		}
		r.Dup = b.member(s.Room, s.User).Role != ""
		m := b.follow(room, s.User)
		r.Members, r.Rev = []Member{m.Member}, m.Rev
		return nil
	case s.Do == Leave:
		if room, m := b.room(s.Room), b.member(s.Room, s.User); room != nil && m.Role != "" {
			b.unfollow(room, m, "leave")
			r.Members, r.Rev = []Member{m.Member}, m.Rev
			return nil
		}
		r.Dup = true
		return nil
	}
	return refuse(Forbidden, "members are those of the room")
}

func (b *batch) unfollow(thread *roomRow, m *memberRow, why string) {
	m.Role, m.Why = "", why
	thread.Members--
	b.touch(thread, m)
}

// direct changes one of the two members of a direct room.
func (s SetMember) direct(a actor, m *memberRow) error {
	own := s.By == "" || s.By == s.User
	switch {
	case !own || m.Role == "":
		return refuse(Forbidden, "a direct room has two members for ever")
	case s.Do == Join:
		m.Hidden = false
	case s.Do == Leave:
		m.Hidden = true
	case s.Do == SetNotify:
		m.Notify = s.Notify
	default:
		return refuse(Forbidden, "a direct room has two members for ever")
	}
	return nil
}

// change changes a member of an open or closed room.
func (s SetMember) change(b *batch, a actor, m *memberRow, r *Result) error {
	switch s.Do {
	case Join:
		return s.join(b, a, m)
	case Add:
		return s.add(b, a, m)
	case SetRole:
		return s.setRole(b, a, m)
	case Leave:
		return s.leave(b, a, m)
	case SetNotify:
		if m.Role == "" {
			return refuse(NotMember, "you are not a member of the room")
		}
		m.Notify = s.Notify
		return nil
	}
	if err := s.mayModerate(a, m); err != nil {
		return err
	}
	switch s.Do {
	case Kick:
		b.remove(a.home, m, "kick")
	case Ban:
		return s.ban(b, a, m, r)
	case Unban:
		m.Banned = false
	case Mute:
		m.MutedUntil = s.Until
	default:
		return badField("do")
	}
	return nil
}

func (s SetMember) join(b *batch, a actor, m *memberRow) error {
	switch {
	case m.Banned && a.home.Kind == KindOpen:
		return refuse(Banned, "you are banned from the room")
	case m.Banned:
		return refuse(NotFound, "no such room")
	case m.Role != "":
		return nil
	}
	return s.enter(b, a.home, m)
}

// enter makes a user a member.
func (s SetMember) enter(b *batch, room *roomRow, m *memberRow) error {
	if s.Max > 0 && room.Members >= s.Max {
		return &Error{Code: TooLarge, Text: "the room is full", Field: "members", Limit: s.Max}
	}
	if s.Role.Rank() == 0 {
		return badField("role")
	}
	const quiet = 1000 // from so many members on, a join takes no rev
	m.Role, m.Why, m.Hidden = s.Role, "", false
	m.Since = room.Seq + 1
	room.Members++
	if m.Role == RoleOwner {
		room.Owners++
	}
	room.Since, room.dirty = m.Since, true
	if room.Members <= quiet {
		b.touch(room, m)
	} else {
		m.Rev = room.Rev
	}
	m.JoinRev = m.Rev
	b.markers = append(b.markers, Marker{Room: room.ID, User: m.User, Read: room.Seq})
	return nil
}

func (s SetMember) add(b *batch, a actor, m *memberRow) error {
	switch err := a.atLeast(RoleModerator); {
	case err != nil:
		return err
	case s.Role.Rank() == 0:
		return badField("role")
	case m.Banned:
		return refuse(Banned, "the user is banned from the room")
	case m.Role != "":
		return nil
	case s.Role.Rank() >= a.rank() && a.rank() < RoleOwner.Rank():
		return refuse(Forbidden, "your role does not allow that")
	}
	return s.enter(b, a.home, m)
}

// mayModerate returns an error unless the actor's role is above that of the
// user.
func (s SetMember) mayModerate(a actor, m *memberRow) error {
	if err := a.atLeast(RoleModerator); err != nil {
		return err
	}
	if m.Role.Rank() >= a.rank() {
		return refuse(Forbidden, "the user's role is not below yours")
	}
	return nil
}

func (s SetMember) setRole(b *batch, a actor, m *memberRow) error {
	own := s.By == s.User && s.By != ""
	switch {
	case s.Role.Rank() == 0:
		return badField("role")
	case own && m.Role == "":
		return refuse(NotMember, "you are not a member of the room")
	case own && s.Role.Rank() > a.rank():
		return refuse(Forbidden, "your role does not allow that")
	case !own:
		if err := s.mayModerate(a, m); err != nil {
			return err
		}
		if s.Role.Rank() >= a.rank() && a.rank() < RoleOwner.Rank() {
			return refuse(Forbidden, "your role does not allow that")
		}
	}
	switch {
	case m.Role == "":
		return refuse(NotFound, "the user is not a member of the room")
	case m.Role == s.Role:
		return nil
	case m.Role == RoleOwner && a.home.Owners == 1:
		return refuse(Conflict, "the room needs an owner")
	}
	a.home.Owners += owners(s.Role) - owners(m.Role)
	m.Role = s.Role
	b.touch(a.home, m)
	return nil
}

func owners(role Role) int {
	if role == RoleOwner {
		return 1
	}
	return 0
}

func (s SetMember) leave(b *batch, a actor, m *memberRow) error {
	switch {
	case s.By != "" && s.By != s.User:
		return refuse(Forbidden, "users leave rooms themselves")
	case m.Role == "":
		return nil
	case m.Role == RoleOwner && a.home.Owners == 1 && a.home.Members > 1:
		return refuse(Conflict, "the room needs an owner")
	}
	b.remove(a.home, m, "leave")
	return nil
}

func (s SetMember) ban(b *batch, a actor, m *memberRow, r *Result) error {
	if !m.Banned {
		m.Banned = true
		if m.Role == "" { // a viewer, perhaps, who has to go at this rev
			m.Why = "ban"
			b.touch(a.home, m)
			b.leaveThreads(a.home, m.User, "ban")
		}
	}
	b.remove(a.home, m, "ban")
	if s.Purge <= 0 {
		return nil
	}
	posts, err := b.tx.Posts(b.ctx, MemberKey{s.Room, s.User}, b.now-s.Purge, purgeLimit)
	if err != nil {
		b.err = err
		return nil
	}
	for _, post := range posts {
		k := MessageKey{post.Room, post.Seq}
		if b.messages[k] == nil {
			b.messages[k] = &messageRow{Message: post, was: post.weight()}
		}
		if row := b.message(a.home, post.Seq); row != nil && row.Deleted == nil {
			if s.Keep {
				b.keep(row)
			}
			b.delete(a.home, row, s.By, s.Reason)
			r.Purged++
		}
	}
	return nil
}

// remove ends a membership, and that in the threads of the room.
func (b *batch) remove(room *roomRow, m *memberRow, why string) {
	if m.Role == "" {
		return
	}
	room.Members--
	room.Owners -= owners(m.Role)
	m.Role, m.Why = "", why
	b.touch(room, m)
	b.leaveThreads(room, m.User, why)
}

// leaveThreads ends a user's following of all threads of a room. The room's
// lock keeps others from writing into the threads meanwhile.
func (b *batch) leaveThreads(room *roomRow, user, why string) {
	threads := b.removals[room.ID][user]
	for k := range b.members { // followed in this batch
		if k.User == user && Home(k.Room) == room.ID && k.Room != room.ID {
			threads = append(threads, k.Room)
		}
	}
	for _, id := range roomsNamed(slices.Clone(threads)) {
		if thread, m := b.room(id), b.member(id, user); thread != nil && m.Role != "" {
			b.unfollow(thread, m, why)
		}
	}
}

package store

// An actor is a user that acts in a room, or the program. Home is the room
// whose members and settings decide: the parent of a thread, or the room
// itself.
type actor struct {
	user   string // "" for the program
	home   *roomRow
	member *memberRow // in home; nil for the program
}

// program reports whether everything is allowed.
func (a actor) program() bool { return a.user == "" }

// rank returns the rank of the actor's role.
func (a actor) rank() int {
	if a.program() {
		return 5
	}
	return a.member.Role.Rank()
}

// actor adds the rows that batch.actor needs.
func (n *Needs) actor(room, by string) {
	if by != "" {
		n.Members = append(n.Members, MemberKey{Home(room), by})
	}
}

// actor returns the actor in a room, or an error if the user must not know of
// the room.
func (b *batch) actor(room, by string) (actor, error) {
	home := b.room(Home(room))
	if home == nil || home.Kind == KindThread && home.ID != room { // there are no threads in threads
		return actor{}, refuse(NotFound, "no such room")
	}
	a := actor{user: by, home: home}
	if by == "" {
		return a, nil
	}
	a.member = b.member(home.ID, by)
	return a, Readable(&home.Room, &a.member.Member)
}

// Readable returns an error unless a user may read a room. R and m are the rows
// of the room; for a thread, they are the rows of its parent.
func Readable(r *Room, m *Member) error {
	switch {
	case r.ID == "" || r.Deleted, r.Kind != KindOpen && m.Role == "":
		return refuse(NotFound, "no such room")
	case m.Banned:
		return refuse(Banned, "you are banned from the room")
	}
	return nil
}

// Lowest returns the first seq of a room that a user may read.
func Lowest(r *Room, m *Member) int64 {
	if r.Visibility == VisibleJoined {
		return max(r.Floor, m.Since)
	}
	return r.Floor
}

// writer returns an error unless the actor may write now.
func (a actor) writer(now int64) error {
	switch {
	case a.program():
		return nil
	case a.member.Role == "":
		return refuse(NotMember, "you are not a member of the room")
	case a.rank() < RoleMember.Rank():
		return refuse(Forbidden, "you may only read")
	case a.home.Archived:
		return refuse(Forbidden, "the room is archived")
	case a.member.MutedUntil > now:
		return &Error{Code: Muted, Text: "you are muted", Until: a.member.MutedUntil}
	}
	return nil
}

// atLeast returns an error unless the actor is a member with this role or a
// higher one.
func (a actor) atLeast(role Role) error {
	switch {
	case a.rank() >= role.Rank():
		return nil
	case a.member.Role == "":
		return refuse(NotMember, "you are not a member of the room")
	}
	return refuse(Forbidden, "your role does not allow that")
}

// sees reports whether the actor may see messages from seq on. For a thread,
// seq is that of the message to which the thread belongs.
func (a actor) sees(seq int64) bool {
	return a.program() || a.home.Visibility != VisibleJoined || seq >= a.member.Since
}

// find returns a message that the actor may see.
func (b *batch) find(a actor, room string, seq int64) (*roomRow, *messageRow, error) {
	r := b.room(room)
	missing := refuse(NotFound, "no such message")
	if r == nil {
		return nil, nil, missing
	}
	visible := seq
	if r.ID != a.home.ID {
		_, visible, _ = Parent(room)
	}
	m := b.message(r, seq)
	if m == nil || !a.sees(visible) {
		return nil, nil, missing
	}
	return r, m, nil
}

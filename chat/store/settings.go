package store

import (
	"bytes"
	"slices"
)

func (c Create) rooms() []string { return []string{c.Room} }

func (c Create) needs(_ *batch, n *Needs) {
	if c.By != "" {
		n.Members = append(n.Members, MemberKey{c.Room, c.By})
	}
	if c.Kind != KindDirect {
		return
	}
	for i, user := range c.Pair {
		n.Members = append(n.Members, MemberKey{c.Room, user})
		n.Blocks = append(n.Blocks, BlockKey{user, c.Pair[1-i]})
	}
}

func (c Create) apply(b *batch, r *Result) error {
	if old := b.rooms[c.Room]; old != nil {
		switch {
		case !old.Deleted && old.Kind != c.Kind:
			return refuse(Conflict, "the room exists")
		case !old.Deleted && old.Pair != c.Pair:
			return refuse(Gone, "a user of the room was erased")
		case !old.Deleted:
			r.Rev, r.Dup = old.Rev, true
			return c.shown(b, old, r)
		case c.By != "":
			return refuse(Gone, "the room is deleted")
		}
	}
	if c.Kind == KindDirect {
		if err := c.allowed(b); err != nil {
			return err
		}
	}
	room := b.make(c.Room, c.Kind)
	room.Settings, room.Pair = c.Settings, c.Pair
	room.InfoRev = room.nextRev()
	enter := func(user string, role Role) {
		m := b.member(room.ID, user)
		if m.Role == "" {
			_ = SetMember{User: user, Role: role}.enter(b, room, m) // has a role and no limit
			r.Members = append(r.Members, m.Member)
		}
	}
	switch {
	case c.Kind == KindDirect:
		enter(c.Pair[0], RoleMember)
		enter(c.Pair[1], RoleMember)
	case c.By != "":
		enter(c.By, RoleOwner)
	}
	r.Rev = room.Rev
	return nil
}

// shown shows an existing direct room to the user that asks for it.
func (c Create) shown(b *batch, room *roomRow, r *Result) error {
	if c.Kind != KindDirect || c.By == "" {
		return nil
	}
	if m := b.member(room.ID, c.By); m.Hidden {
		m.Hidden, m.dirty = false, true
		r.Members = append(r.Members, m.Member)
	}
	return nil
}

// allowed returns an error if a user of a direct room blocks the other.
func (c Create) allowed(b *batch) error {
	if c.By == "" {
		return nil
	}
	for i, user := range c.Pair {
		if user != c.By && b.blocked(user, c.Pair[1-i]) {
			return refuse(Blocked, "the user blocks you")
		}
	}
	return nil
}

func (s SetRoom) rooms() []string { return []string{s.Room} }

func (s SetRoom) needs(_ *batch, n *Needs) {
	n.actor(s.Room, s.By)
	for _, seq := range []int64{s.Pin, s.Unpin} {
		if seq != 0 {
			n.Messages = append(n.Messages, MessageKey{s.Room, seq})
		}
	}
}

func (s SetRoom) apply(b *batch, r *Result) error {
	a, err := b.actor(s.Room, s.By)
	switch {
	case err != nil:
		return err
	case s.Room != a.home.ID || a.home.Kind == KindDirect:
		return refuse(Forbidden, "the room has no settings")
	}
	role := RoleModerator
	if s.Visibility != nil || s.Archived != nil {
		role = RoleOwner
	}
	if err := a.atLeast(role); err != nil {
		return err
	}
	settings, err := s.merged(b, a)
	if err != nil {
		return err
	}
	r.Rev = a.home.InfoRev
	if equalSettings(settings, a.home.Settings) {
		r.Dup = true
		return nil
	}
	a.home.Settings = settings
	a.home.InfoRev = a.home.nextRev()
	r.Rev = a.home.Rev
	return nil
}

// merged returns the settings after the change.
func (s SetRoom) merged(b *batch, a actor) (Settings, error) {
	v := a.home.Settings
	if s.Info != nil {
		v.Info = s.Info
	}
	if s.SlowMode != nil {
		v.SlowMode = *s.SlowMode
	}
	if s.Visibility != nil {
		v.Visibility = *s.Visibility
	}
	if s.Archived != nil {
		v.Archived = *s.Archived
	}
	if s.Pin != 0 && !slices.Contains(v.Pins, s.Pin) {
		_, m, err := b.find(a, s.Room, s.Pin)
		switch {
		case err != nil:
			return v, err
		case m.Deleted != nil:
			return v, refuse(Gone, "the message is deleted")
		case s.MaxPins > 0 && len(v.Pins) >= s.MaxPins:
			return v, &Error{Code: TooLarge, Text: "too many pins", Field: "pin", Limit: s.MaxPins}
		}
		v.Pins = append(slices.Clone(v.Pins), s.Pin)
	}
	if i := slices.Index(v.Pins, s.Unpin); i >= 0 {
		v.Pins = slices.Delete(slices.Clone(v.Pins), i, i+1)
	}
	return v, nil
}

func equalSettings(a, b Settings) bool {
	return bytes.Equal(a.Info, b.Info) && a.SlowMode == b.SlowMode && a.Visibility == b.Visibility &&
		a.Archived == b.Archived && slices.Equal(a.Pins, b.Pins)
}

func (d DeleteRoom) rooms() []string { return []string{d.Room} }

func (d DeleteRoom) needs(_ *batch, n *Needs) { n.actor(d.Room, d.By) }

func (d DeleteRoom) apply(b *batch, r *Result) error {
	a, err := b.actor(d.Room, d.By)
	switch {
	case err != nil:
		return err
	case d.Room != a.home.ID || a.home.Kind == KindDirect:
		return refuse(Forbidden, "the room cannot be deleted")
	}
	if err := a.atLeast(RoleOwner); err != nil {
		return err
	}
	room := a.home
	b.end(room)
	r.Rev = room.Rev
	return nil
}

// empty forgets the members of a room.
func (b *batch) empty(room string) {
	b.emptied = append(b.emptied, room)
	for k := range b.members {
		if k.Room == room {
			b.members[k] = &memberRow{Member: Member{Room: room, User: k.User}}
		}
	}
	b.markers = slices.DeleteFunc(b.markers, func(m Marker) bool { return m.Room == room })
	b.forget(func(k ReactionKey) bool { return k.Room == room })
	for k, f := range b.mentions {
		if k.Room == room {
			*f = flag{}
		}
	}
}

func (k Block) rooms() []string { return nil }

func (k Block) needs(_ *batch, n *Needs) {
	n.Blocks = append(n.Blocks, BlockKey{k.By, k.User})
}

func (k Block) apply(b *batch, r *Result) error {
	key := BlockKey{k.By, k.User}
	f := flagOf(b.blocks, key)
	r.Dup = f.is == k.On
	f.is = k.On
	return nil
}

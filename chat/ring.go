package chat

import "github.com/goroomcast/socketio/chat/store"

// A ring keeps the last changes of a room, whole, so that clients catch up
// without the store. Its ranges adjoin.
type ring struct {
	ranges []*store.Changes
	bytes  int
}

const (
	ringRows  = 256
	ringBytes = 256 << 10
)

// from returns the rev after which the ring has all changes up to head.
func (r *ring) from(head int64) int64 {
	if len(r.ranges) == 0 {
		return head
	}
	return r.ranges[0].From
}

// add adds the newest range, and drops the oldest.
func (r *ring) add(ch *store.Changes) {
	r.ranges = append(r.ranges, ch)
	r.bytes += bytesOf(ch)
	for len(r.ranges) > 1 && (len(r.ranges) > ringRows || r.bytes > ringBytes) {
		r.bytes -= bytesOf(r.ranges[0])
		r.ranges[0] = nil
		r.ranges = r.ranges[1:]
	}
}

// after returns the changes above a rev, or nil if no change is above it. The
// ring must reach back to the rev. A row that has changed several times is
// returned as it is after the last change.
func (r *ring) after(rev int64) *store.Changes {
	first := len(r.ranges)
	for first > 0 && r.ranges[first-1].To > rev {
		first--
	}
	if first == len(r.ranges) {
		return nil
	}
	messages, members := make(map[int64]int64), make(map[string]int64)
	for _, ch := range r.ranges[first:] {
		for i := range ch.Messages {
			messages[ch.Messages[i].Seq] = ch.Messages[i].Rev
		}
		for i := range ch.Members {
			members[ch.Members[i].User] = ch.Members[i].Rev
		}
	}
	newest := r.ranges[len(r.ranges)-1]
	all := &store.Changes{Room: newest.Room, From: rev, To: newest.To}
	for _, ch := range r.ranges[first:] {
		all.Settings = all.Settings || ch.Settings && ch.Room.InfoRev > rev
		for i := range ch.Messages {
			if m := &ch.Messages[i]; m.Rev > rev && messages[m.Seq] == m.Rev {
				all.Messages = append(all.Messages, *m)
			}
		}
		for _, m := range ch.Members {
			if m.Rev > rev && members[m.User] == m.Rev {
				all.Members = append(all.Members, m)
			}
		}
	}
	return all
}

// member returns the last change of a member above a rev, or nil.
func (r *ring) member(user string, rev int64) (last *store.Member) {
	for _, ch := range r.ranges {
		for i, m := range ch.Members {
			if m.User == user && m.Rev > rev {
				last = &ch.Members[i]
			}
		}
	}
	return last
}

// above returns the part of a range above a rev.
func above(ch *store.Changes, rev int64) *store.Changes {
	if rev <= ch.From {
		return ch
	}
	c := *ch
	c.From = rev
	c.Messages, c.Members = nil, nil
	for _, m := range ch.Messages {
		if m.Rev > rev {
			c.Messages = append(c.Messages, m)
		}
	}
	for _, m := range ch.Members {
		if m.Rev > rev {
			c.Members = append(c.Members, m)
		}
	}
	c.Settings = ch.Settings && ch.Room.InfoRev > rev
	return &c
}

func bytesOf(ch *store.Changes) int {
	n := 200 + 100*len(ch.Members)
	for i := range ch.Messages {
		n += ch.Messages[i].Size()
	}
	return n
}

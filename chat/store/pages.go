package store

import (
	"cmp"
	"iter"
	"slices"
)

// A Reader reads the messages and members of one room from one snapshot.
// [ReadChanges] and [ReadPage] make the results of [Store] from it. A sequence
// may end after n rows. ReadPage reads a sequence to its end before it asks for
// the next one; ReadChanges reads two at the same time.
type Reader interface {
	Up(from int64, n int) iter.Seq2[Message, error]        // seq >= from, ascending
	Down(from, to int64, n int) iter.Seq2[Message, error]  // from >= seq >= to, descending
	Some(seqs []int64) iter.Seq2[Message, error]           // with these seqs, in any order
	Messages(after int64, n int) iter.Seq2[Message, error] // rev > after, ascending by rev
	Members(after int64, n int) iter.Seq2[Member, error]   // likewise; further rows with the rev of row n follow it
}

// ReadChanges returns the changes of a room after a rev. It stops at a limit,
// but not between rows of the same rev, because a range contains all rows of
// its revs.
func ReadChanges(room Room, after int64, l Limit, from Reader) (*Changes, error) {
	c := &Changes{Room: room, From: after, To: room.Rev, Settings: room.InfoRev > after}
	nextMessage, stop := iter.Pull2(from.Messages(after, l.Rows+1))
	defer stop()
	nextMember, stop := iter.Pull2(from.Members(after, l.Rows+1))
	defer stop()
	message, err, moreMessages := nextMessage()
	if err != nil {
		return nil, err
	}
	member, err, moreMembers := nextMember()
	if err != nil {
		return nil, err
	}
	rows, bytes, last := 0, 0, after
	for moreMessages || moreMembers {
		rev := message.Rev
		if first := !moreMessages || moreMembers && member.Rev < rev; first {
			rev = member.Rev
		}
		if rev != last && (rows >= l.Rows || bytes >= l.Bytes) {
			c.To, c.More = last, true
			c.Settings = c.Settings && room.InfoRev <= last
			return c, nil
		}
		last = rev
		rows++
		if moreMessages && message.Rev == rev {
			bytes += message.Size()
			c.Messages = append(c.Messages, message)
			message, err, moreMessages = nextMessage()
		} else {
			bytes += 80 + len(member.User)
			c.Members = append(c.Members, member)
			member, err, moreMembers = nextMember()
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// ReadPage returns the page of messages that a query asks for.
func ReadPage(room Room, q Query, from Reader) (*Page, error) {
	low := max(q.Since, room.Floor)
	p := &Page{Room: room}
	var err error
	switch {
	case q.Seqs != nil:
		p.Messages, p.More, err = some(from, q.Seqs, low, q.Limit)
	case q.After != 0:
		p.Messages, p.More, err = collect(from.Up(max(q.After+1, low), q.Limit.Rows+1), q.Limit)
	case q.Around > 0:
		err = around(p, from, q.Around, low, q.Limit)
	case q.Before > 0:
		p.Messages, p.More, err = down(from, min(q.Before-1, room.Seq), low, q.Limit)
	default:
		p.Messages, p.More, err = down(from, room.Seq, low, q.Limit)
	}
	return p, err
}

// around fills a page with messages on both sides of one.
func around(p *Page, from Reader, seq, low int64, l Limit) error {
	half := Limit{Rows: (l.Rows + 1) / 2, Bytes: (l.Bytes + 1) / 2}
	after, _, err := collect(from.Up(max(seq, low), half.Rows+1), half)
	if err != nil {
		return err
	}
	before, more, err := down(from, min(seq-1, p.Room.Seq), low, Limit{Rows: max(l.Rows-len(after), 1), Bytes: half.Bytes})
	p.Messages, p.More = append(before, after...), more
	return err
}

func some(from Reader, seqs []int64, low int64, l Limit) ([]Message, bool, error) {
	seqs = slices.DeleteFunc(slices.Clone(seqs), func(seq int64) bool { return seq < low })
	slices.Sort(seqs)
	all, _, err := collect(from.Some(slices.Compact(seqs)), Limit{Rows: len(seqs), Bytes: 1 << 30})
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(all, func(a, b Message) int { return cmp.Compare(a.Seq, b.Seq) })
	return collect(func(yield func(Message, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}, l)
}

func down(from Reader, high, low int64, l Limit) ([]Message, bool, error) {
	if high < low {
		return nil, false, nil
	}
	messages, more, err := collect(from.Down(high, low, l.Rows+1), l)
	slices.Reverse(messages)
	return messages, more, err
}

// usualPage is how many messages a page has room for from the beginning, because
// most pages are full.
const usualPage = 50

// collect returns the first messages of a sequence, and whether there are more
// than the limit allows.
func collect(from iter.Seq2[Message, error], l Limit) (messages []Message, more bool, err error) {
	bytes := 0
	for m, err := range from {
		if err != nil {
			return nil, false, err
		}
		if len(messages) >= l.Rows || bytes >= l.Bytes {
			return messages, true, nil
		}
		if messages == nil {
			messages = make([]Message, 0, min(l.Rows, usualPage))
		}
		messages = append(messages, m)
		bytes += m.Size()
	}
	return messages, false, nil
}

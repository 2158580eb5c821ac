package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// read runs f as a transaction that reads: all its queries see the same rows.
func (s *db) read(ctx context.Context, f func(c *connection) error) error {
	return s.borrow(ctx, func(c *connection) error {
		return c.transaction("BEGIN", func() error { return f(c) })
	})
}

// borrow runs f with a connection that only reads.
func (s *db) borrow(ctx context.Context, f func(c *connection) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	select {
	case c, open := <-s.readers:
		if !open {
			return unavailable(sql.ErrConnDone)
		}
		defer func() { s.readers <- c }()
		if c == nil {
			var err error
			if c, err = connect(ctx, s.file); err != nil {
				return unavailable(err)
			}
		}
		return unavailable(f(c))
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// readRoom runs f on a snapshot with a room that exists.
func (s *db) readRoom(ctx context.Context, id string, f func(r roomReader) error) error {
	return s.read(ctx, func(c *connection) error {
		found, err := all(c.query(tables.Rooms.Select("rooms WHERE id = ? AND NOT deleted"), id), tables.Rooms.Scan)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return store.ErrNotFound
		}
		return f(roomReader{c, found[0]})
	})
}

// Changes implements store.Store.
func (s *db) Changes(ctx context.Context, room string, after int64, l store.Limit) (c *store.Changes, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		c, err = store.ReadChanges(r.room, after, l, r)
		return err
	})
	return c, err
}

// History implements store.Store.
func (s *db) History(ctx context.Context, room string, q store.Query) (p *store.Page, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		p, err = store.ReadPage(r.room, q, r)
		return err
	})
	return p, err
}

// Behind implements store.Store.
func (s *db) Behind(ctx context.Context, room string, after int64, limit int) (n int, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) error {
		for _, err := range each(r.query(`SELECT count(*) FROM (
			SELECT 1 FROM messages WHERE room = ?1 AND rev > ?2 AND seq >= ?3
			UNION ALL SELECT 1 FROM members WHERE room = ?1 AND rev > ?2 LIMIT 0+?4)`, room, after, r.room.Floor, limit),
			func(row tables.Scanner) (int, error) { return n, row(&n) }) {
			return err
		}
		return nil
	})
	return n, err
}

// Heads implements store.Store.
func (s *db) Heads(ctx context.Context, ids []string) ([]store.Head, error) {
	keys, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return one(ctx, s, func(row tables.Scanner) (h store.Head, err error) {
		return h, row(&h.Room, &h.Epoch, &h.Seq, &h.Rev, &h.Floor)
	}, `SELECT rooms.id, epoch, seq, rev, floor FROM json_each(?) AS key
		CROSS JOIN rooms ON rooms.id = key.value AND NOT deleted`, string(keys))
}

// The queries for what user ?1 is in rooms. Each is one text, so that it is
// prepared once.
var (
	lookedAt = "SELECT " + membershipColumns + ` FROM json_each(?2) AS key
		CROSS JOIN rooms ON rooms.id = key.value AND NOT rooms.deleted
		LEFT JOIN members ON members.room = rooms.id AND members.user_id = ?1` + membership
	memberships = "SELECT " + membershipColumns + ` FROM members
		CROSS JOIN rooms ON rooms.id = members.room AND NOT rooms.deleted` + membership + `
		WHERE members.user_id = ?1 AND members.room > ?2 AND members.role <> '' AND NOT members.hidden
		ORDER BY members.room LIMIT 0+?3`

	membershipColumns = tables.MembershipColumns + `,
		(SELECT count(*) FROM mentions WHERE mentions.room = rooms.id AND mentions.user_id IN (?1, '*')
			AND mentions.seq > coalesce(markers.read, 0) AND mentions.seq >= rooms.floor)`
	membership = `
		LEFT JOIN markers ON markers.room = rooms.id AND markers.user_id = ?1
		LEFT JOIN messages ON messages.room = rooms.id AND messages.seq = rooms.seq AND rooms.seq >= rooms.floor`
)

// Look implements store.Store.
func (s *db) Look(ctx context.Context, user string, ids []string) ([]store.Membership, error) {
	keys, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	rows, err := one(ctx, s, tables.ScanMemberships(user), lookedAt, user, string(keys))
	if err != nil {
		return nil, err
	}
	found := make(map[string]store.Membership)
	for _, m := range rows {
		found[m.Room.ID] = m
	}
	looked := make([]store.Membership, len(ids))
	for i, id := range ids {
		looked[i] = found[id]
	}
	return looked, nil
}

// Memberships implements store.Store.
func (s *db) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	return one(ctx, s, tables.ScanMemberships(user), memberships, user, after, limit)
}

// Members implements store.Store.
func (s *db) Members(ctx context.Context, room, after string, limit int) (list []store.Member, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		list, err = all(r.query(tables.Members.Select("members WHERE room = ? AND user_id > ? AND (role <> '' OR banned) ORDER BY user_id LIMIT 0+?"),
			room, after, limit), tables.Members.Scan)
		return err
	})
	return list, err
}

// Unread implements store.Store.
func (s *db) Unread(ctx context.Context, k store.MessageKey, author, after string, limit int) (list []store.Member, err error) {
	err = s.readRoom(ctx, k.Room, func(r roomReader) (err error) {
		list, err = all(r.query(tables.Members.Select(`members LEFT JOIN markers ON markers.room = members.room AND markers.user_id = members.user_id
			WHERE members.room = ?1 AND members.user_id > ?2 AND role <> '' AND members.user_id <> ?3 AND coalesce(read, 0) < ?4
			AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocks.user_id = members.user_id AND blocked = ?3)
			ORDER BY members.user_id LIMIT 0+?5`), k.Room, after, author, k.Seq, limit), tables.Members.Scan)
		return err
	})
	return list, err
}

// Reacted implements store.Store.
func (s *db) Reacted(ctx context.Context, user, room string, seqs []int64) (list []store.ReactionKey, err error) {
	keys, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		list, err = all(r.query(reactedBy, string(keys), room, user), tables.Reactions.Scan)
		return err
	})
	return list, err
}

// A roomReader is a store.Reader of one room.
type roomReader struct {
	*connection
	room store.Room
}

func (r roomReader) messages(rest string, args ...any) iter.Seq2[store.Message, error] {
	return each(r.query(tables.Messages.Select("messages WHERE room = ? AND "+rest), append([]any{r.room.ID}, args...)...), tables.Messages.ScanMany())
}

// Up implements store.Reader.
func (r roomReader) Up(from int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("seq >= ? ORDER BY seq LIMIT 0+?", from, n)
}

// Down implements store.Reader.
func (r roomReader) Down(from, to int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("seq <= ? AND seq >= ? ORDER BY seq DESC LIMIT 0+?", from, to, n)
}

// Some implements store.Reader.
func (r roomReader) Some(seqs []int64) iter.Seq2[store.Message, error] {
	keys, _ := json.Marshal(seqs) // numbers are no error
	return r.messages("seq IN (SELECT value FROM json_each(?))", string(keys))
}

// Messages implements store.Reader.
func (r roomReader) Messages(after int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("rev > ? AND seq >= ? ORDER BY rev LIMIT 0+?", after, r.room.Floor, n)
}

// Members implements store.Reader.
func (r roomReader) Members(after int64, _ int) iter.Seq2[store.Member, error] {
	return each(r.query(tables.Members.Select("members WHERE room = ? AND rev > ? ORDER BY rev, user_id"), r.room.ID, after), tables.Members.Scan)
}

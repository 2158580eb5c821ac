package postgres

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// A querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
}

// all returns the rows of a query.
func all[R any](ctx context.Context, q querier, scan func(row tables.Scanner) (R, error), text string, args ...any) ([]R, error) {
	rows, err := q.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (R, error) { return scan(row.Scan) })
	if len(found) == 0 {
		return nil, err
	}
	return found, err
}

// one runs a single query outside a transaction.
func one[R any](ctx context.Context, s *db, scan func(row tables.Scanner) (R, error), text string, args ...any) ([]R, error) {
	if s.closed.Load() {
		return nil, unavailable(errClosed)
	}
	found, err := all(ctx, s.pool, scan, text, args...)
	return found, unavailable(err)
}

// readRoom runs f on a snapshot with a room that exists.
func (s *db) readRoom(ctx context.Context, id string, f func(r roomReader) error) error {
	if s.closed.Load() {
		return unavailable(errClosed)
	}
	return unavailable(pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, err := all(ctx, tx, rooms.Scan, rooms.Where("id = $1 AND NOT deleted"), id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return store.ErrNotFound
		}
		return f(roomReader{ctx, tx, found[0]})
	}))
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
		return r.tx.QueryRow(ctx, `SELECT count(*) FROM (
			SELECT 1 FROM chat.messages WHERE room = $1 AND rev > $2 AND seq >= $3
			UNION ALL SELECT 1 FROM chat.members WHERE room = $1 AND rev > $2 LIMIT $4) AS rows`,
			room, after, r.room.Floor, limit).Scan(&n)
	})
	return n, err
}

// Heads implements store.Store.
func (s *db) Heads(ctx context.Context, ids []string) ([]store.Head, error) {
	return one(ctx, s, func(row tables.Scanner) (h store.Head, err error) {
		return h, row(&h.Room, &h.Epoch, &h.Seq, &h.Rev, &h.Floor)
	}, `SELECT id, epoch, seq, rev, floor FROM unnest($1::text[]) WITH ORDINALITY AS k (r, n)
		JOIN chat.rooms ON id = r AND NOT deleted ORDER BY n`, ids)
}

// membership is a query for what user $1 is in rooms. Between its two parts
// belongs a FROM that joins rooms and members; a condition belongs after them.
const membership = `
	LEFT JOIN chat.markers ON markers.room = rooms.id AND markers.user_id = $1
	LEFT JOIN chat.messages ON messages.room = rooms.id AND messages.seq = rooms.seq AND rooms.seq >= rooms.floor`

var membershipColumns = "SELECT " + tables.MembershipColumns + `,
	(SELECT count(*) FROM chat.mentions WHERE mentions.room = rooms.id AND mentions.user_id IN ($1, '*')
		AND mentions.seq > coalesce(markers.read, 0) AND mentions.seq >= rooms.floor)`

// Look implements store.Store.
func (s *db) Look(ctx context.Context, user string, ids []string) ([]store.Membership, error) {
	found, err := one(ctx, s, tables.ScanMemberships(user), membershipColumns+` FROM chat.rooms
		LEFT JOIN chat.members ON members.room = rooms.id AND members.user_id = $1`+membership+`
		WHERE rooms.id = ANY ($2) AND NOT rooms.deleted`, user, ids)
	if err != nil {
		return nil, err
	}
	looked := make([]store.Membership, len(ids))
	for i, id := range ids {
		if j := slices.IndexFunc(found, func(m store.Membership) bool { return m.Room.ID == id }); j >= 0 {
			looked[i] = found[j]
		}
	}
	return looked, nil
}

// Memberships implements store.Store.
func (s *db) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	return one(ctx, s, tables.ScanMemberships(user), membershipColumns+` FROM chat.members
		JOIN chat.rooms ON rooms.id = members.room AND NOT rooms.deleted`+membership+`
		WHERE members.user_id = $1 AND members.room > $2 AND members.role <> '' AND NOT members.hidden
		ORDER BY members.room LIMIT $3`, user, after, limit)
}

// Members implements store.Store.
func (s *db) Members(ctx context.Context, room, after string, limit int) (list []store.Member, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		list, err = all(ctx, r.tx, members.Scan,
			members.Where("room = $1 AND user_id > $2 AND (role <> '' OR banned) ORDER BY user_id LIMIT $3"), room, after, limit)
		return err
	})
	return list, err
}

// Unread implements store.Store.
func (s *db) Unread(ctx context.Context, k store.MessageKey, author, after string, limit int) (list []store.Member, err error) {
	err = s.readRoom(ctx, k.Room, func(r roomReader) (err error) {
		list, err = all(ctx, r.tx, members.Scan, members.Select(`chat.members LEFT JOIN chat.markers USING (room, user_id)
			WHERE room = $1 AND user_id > $2 AND role <> '' AND user_id <> $3 AND coalesce(read, 0) < $4
			AND NOT EXISTS (SELECT FROM chat.blocks WHERE blocks.user_id = members.user_id AND blocked = $3)
			ORDER BY user_id LIMIT $5`), k.Room, after, author, k.Seq, limit)
		return err
	})
	return list, err
}

// Reacted implements store.Store.
func (s *db) Reacted(ctx context.Context, user, room string, seqs []int64) (list []store.ReactionKey, err error) {
	err = s.readRoom(ctx, room, func(r roomReader) (err error) {
		list, err = all(ctx, r.tx, reactions.Scan, reactions.Where(reactedBy), room, seqs, user)
		return err
	})
	return list, err
}

// A roomReader is a store.Reader of one room. A connection has one query at a
// time, so each sequence is read as a whole before it begins.
type roomReader struct {
	ctx  context.Context
	tx   pgx.Tx
	room store.Room
}

func (r roomReader) messages(condition string, args ...any) iter.Seq2[store.Message, error] {
	return sequence(all(r.ctx, r.tx, messages.ScanMany(), messages.Where("room = $1 AND "+condition), append([]any{r.room.ID}, args...)...))
}

func sequence[R any](rows []R, err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			var none R
			yield(none, err)
		}
	}
}

// Up implements store.Reader.
func (r roomReader) Up(from int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("seq >= $2 ORDER BY seq LIMIT $3", from, n)
}

// Down implements store.Reader.
func (r roomReader) Down(from, to int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("seq <= $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4", from, to, n)
}

// Some implements store.Reader.
func (r roomReader) Some(seqs []int64) iter.Seq2[store.Message, error] {
	return r.messages("seq = ANY ($2)", seqs)
}

// Messages implements store.Reader.
func (r roomReader) Messages(after int64, n int) iter.Seq2[store.Message, error] {
	return r.messages("rev > $2 AND seq >= $3 ORDER BY rev LIMIT $4", after, r.room.Floor, n)
}

// Members implements store.Reader.
func (r roomReader) Members(after int64, n int) iter.Seq2[store.Member, error] {
	found, err := all(r.ctx, r.tx, members.Scan, members.Where("room = $1 AND rev > $2 ORDER BY rev FETCH FIRST $3 ROWS WITH TIES"), r.room.ID, after, n)
	slices.SortFunc(found, func(a, b store.Member) int { return cmp.Or(cmp.Compare(a.Rev, b.Rev), cmp.Compare(a.User, b.User)) })
	return sequence(found, err)
}

package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// The tables, in their schema.
var (
	rooms     = tables.Rooms.In("chat")
	members   = tables.Members.In("chat")
	messages  = tables.Messages.In("chat")
	markers   = tables.Markers.In("chat")
	reactions = tables.Reactions.In("chat")
	mentions  = tables.Mentions.In("chat")
	outbox    = tables.Outbox.In("chat")
	blocks    = tables.Blocks.In("chat")
	versions  = tables.Versions.In("chat")
	files     = tables.Files.In("chat")
)

// A writer is a store.Tx. READ COMMITTED is the level of its transaction: each
// statement sees what was committed before it began, so Load sees all that was
// committed before the locks of Lock were granted.
type writer struct{ tx pgx.Tx }

// Lock implements store.Tx.
func (w *writer) Lock(ctx context.Context, ids []string) (locked []store.Room, now int64, err error) {
	var b pgx.Batch
	queue(&b, rooms.Where("id = ANY ($1) ORDER BY id FOR UPDATE"), rooms.Scan, &locked, ids)
	b.Queue("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
	return locked, now, w.tx.SendBatch(ctx, &b).Close()
}

// queue adds a query to a batch. Its rows are appended to a slice.
func queue[R any](b *pgx.Batch, text string, scan func(row tables.Scanner) (R, error), into *[]R, args ...any) {
	b.Queue(text, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (R, error) { return scan(row.Scan) })
		*into = append(*into, found...)
		return err
	})
}

// Load implements store.Tx. All its queries go out together.
func (w *writer) Load(ctx context.Context, n *store.Needs) (*store.Rows, error) {
	r := new(store.Rows)
	var b pgx.Batch
	if k := n.Members; len(k) > 0 {
		queue(&b, members.Select("unnest($1::text[], $2::text[]) AS k (r, u) JOIN chat.members ON room = r AND user_id = u"),
			members.Scan, &r.Members,
			column(k, func(k store.MemberKey) string { return k.Room }), column(k, func(k store.MemberKey) string { return k.User }))
	}
	if k := n.Messages; len(k) > 0 {
		queue(&b, messages.Select("unnest($1::text[], $2::bigint[]) AS k (r, s) JOIN chat.messages ON room = r AND seq = s"),
			messages.Scan, &r.Messages,
			column(k, func(k store.MessageKey) string { return k.Room }), column(k, func(k store.MessageKey) int64 { return k.Seq }))
	}
	if k := n.CIDs; len(k) > 0 {
		queue(&b, messages.Select(`unnest($1::text[], $2::text[], $3::text[]) AS k (r, a, c)
			JOIN chat.messages ON room = r AND author = a AND cid = c AND cid <> ''`), messages.Scan, &r.Messages,
			column(k, func(k store.CIDKey) string { return k.Room }), column(k, func(k store.CIDKey) string { return k.Author }),
			column(k, func(k store.CIDKey) string { return k.CID }))
	}
	if k := n.Reactions; len(k) > 0 {
		queue(&b, reactions.Select(`unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS k (r, s, u, e)
			JOIN chat.reactions ON room = r AND seq = s AND user_id = u AND emoji = e`), reactions.Scan, &r.Reactions,
			column(k, func(k store.ReactionKey) string { return k.Room }), column(k, func(k store.ReactionKey) int64 { return k.Seq }),
			column(k, func(k store.ReactionKey) string { return k.User }), column(k, func(k store.ReactionKey) string { return k.Emoji }))
	}
	if k := n.Blocks; len(k) > 0 {
		queue(&b, blocks.Select("unnest($1::text[], $2::text[]) AS k (u, o) JOIN chat.blocks ON user_id = u AND blocked = o"),
			blocks.Scan, &r.Blocks,
			column(k, func(k store.BlockKey) string { return k.User }), column(k, func(k store.BlockKey) string { return k.Blocked }))
	}
	queueFiles(&b, n, r)
	if b.Len() == 0 {
		return r, nil
	}
	return r, w.tx.SendBatch(ctx, &b).Close()
}

// column returns one value of each key, as an array.
func column[K, V any](keys []K, value func(K) V) []V {
	values := make([]V, len(keys))
	for i, k := range keys {
		values[i] = value(k)
	}
	return values
}

// Threads implements store.Tx.
func (w *writer) Threads(ctx context.Context, k store.MemberKey) (threads []string, err error) {
	rows, err := w.tx.Query(ctx, `SELECT room FROM chat.members
		WHERE user_id = $1 AND room > $2 || '~' AND room < $2 || chr(127) AND role <> ''`, k.User, k.Room)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, id := range ids {
		if parent, _, is := store.Parent(id); is && parent == k.Room {
			threads = append(threads, id)
		}
	}
	return threads, err
}

// Posts implements store.Tx.
func (w *writer) Posts(ctx context.Context, k store.MemberKey, since int64, limit int) ([]store.Message, error) {
	rows, err := w.tx.Query(ctx, messages.Where(`room = $1 AND author = $2 AND at >= $3 AND deleted IS NULL
		AND seq >= (SELECT floor FROM chat.rooms WHERE id = $1) ORDER BY seq DESC LIMIT $4`), k.Room, k.User, since, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Message, error) { return messages.Scan(row.Scan) })
}

// mergeMarker is store.Marker.Merge of marker and room.
const mergeMarker = `INSERT INTO chat.markers AS m (room, user_id, read, delivered, gen)
	SELECT room, user_id, least($3, seq), least($4, seq), $5 FROM chat.members JOIN chat.rooms ON id = room AND NOT deleted
	WHERE room = $1 AND user_id = $2 AND role <> ''
	ON CONFLICT (room, user_id) DO UPDATE SET
		read = CASE WHEN excluded.gen > m.gen THEN excluded.read WHEN excluded.gen = m.gen THEN greatest(m.read, excluded.read) ELSE m.read END,
		delivered = greatest(m.delivered, excluded.delivered),
		gen = greatest(m.gen, excluded.gen)
	RETURNING room, user_id, read, delivered, gen`

// byOwner orders markers. All transactions write markers in this order, so that
// they cannot deadlock.
func byOwner(a, b store.Marker) int {
	return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User))
}

// write writes the rows that store.Apply has decided on, in one round trip.
func (w *writer) write(ctx context.Context, rows *store.Writes) error {
	if rows.Empty() {
		return nil
	}
	var b pgx.Batch
	for _, room := range rows.Emptied {
		for _, name := range []string{members.Name, markers.Name, reactions.Name, mentions.Name} {
			b.Queue("DELETE FROM chat."+name+" WHERE room = $1", room)
		}
	}
	queueEach(&b, rooms.Insert(tables.Dollar), rows.NewRooms, rooms.Values)
	queueEach(&b, rooms.Put(tables.Dollar), rows.Rooms, rooms.Values)
	queueEach(&b, members.Put(tables.Dollar), rows.Members, members.Values)
	queueEach(&b, messages.Insert(tables.Dollar), rows.NewMessages, messages.Values)
	queueEach(&b, messages.Put(tables.Dollar), rows.Messages, messages.Values)
	queueEach(&b, "DELETE FROM chat.reactions WHERE room = $1 AND seq = $2", rows.Unreacted, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} })
	queueEach(&b, reactions.Put(tables.Dollar), rows.Reactions, reactions.Values)
	queueEach(&b, reactions.Remove(tables.Dollar), rows.Unreactions, reactions.Values)
	queueEach(&b, mentions.Put(tables.Dollar), rows.Mentions, mentions.Values)
	queueEach(&b, mentions.Remove(tables.Dollar), rows.Unmentions, mentions.Values)
	queueEach(&b, outbox.Put(tables.Dollar), rows.Outbox, outbox.Values)
	queueEach(&b, blocks.Put(tables.Dollar), rows.Blocks, blocks.Values)
	queueEach(&b, blocks.Remove(tables.Dollar), rows.Unblocks, blocks.Values)
	writeFiles(&b, rows)
	queueEach(&b, mergeMarker, slices.SortedFunc(slices.Values(rows.Markers), byOwner), markers.Values)
	queueErasure(&b, rows)
	return w.tx.SendBatch(ctx, &b).Close()
}

// queueEach adds a statement for each row to a batch.
func queueEach[R any](b *pgx.Batch, text string, rows []R, values func(R) []any) {
	for _, r := range rows {
		b.Queue(text, values(r)...)
	}
}

// Mark implements store.Store.
func (s *db) Mark(ctx context.Context, given []store.Marker) ([]store.Marker, error) {
	if s.closed.Load() {
		return nil, unavailable(errClosed)
	}
	merged := slices.Clone(given)
	order := make([]int, len(given))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return byOwner(given[i], given[j]) })
	var b pgx.Batch
	for _, i := range order {
		b.Queue(mergeMarker, markers.Values(given[i])...).QueryRow(func(row pgx.Row) error {
			m, err := markers.Scan(row.Scan)
			switch {
			case errors.Is(err, pgx.ErrNoRows): // there is no such room
				return nil
			case err == nil:
				merged[i] = m
			}
			return err
		})
	}
	if err := s.pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, unavailable(err)
	}
	return merged, nil
}

package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// Statements about files.
const (
	lockUploaders = `SELECT pg_advisory_xact_lock(hashtextextended('roomcast chat files of ' || u, 0))
		FROM (SELECT u FROM unnest($1::text[]) AS k (u) ORDER BY u COLLATE "C") AS sorted`
	unusedFiles = `SELECT owner, count(*), coalesce(sum(size), 0)::bigint FROM chat.files
		WHERE owner = ANY ($1) AND room = '' AND at > 0 GROUP BY owner`

	dropFiles  = "UPDATE chat.files SET room = '', seq = 0, at = 0 WHERE "
	dropFile   = dropFiles + "id = $1"
	eraseFiles = "UPDATE chat.files SET owner = '', name = '', at = 0 WHERE owner = $1 AND room = ''"
	dropBelow  = dropFiles + "room > '' AND room = $1 AND seq < $2"
	// A thread of room r is r~seq. CASE keeps other rooms from the conversion.
	dropThreadsBelow = dropFiles + `room > $1 || '~' AND room < $1 || chr(127) AND room > ''
		AND CASE WHEN starts_with(room, $1 || '~') THEN substr(room, length($1) + 2)::bigint < $2 ELSE false END`
)

// queueFiles adds queries for the files that are needed. The locks of users come
// first, so two uploads of a user cannot both find room for one.
func queueFiles(b *pgx.Batch, n *store.Needs, r *store.Rows) {
	if len(n.Uploaders) > 0 {
		b.Queue(lockUploaders, n.Uploaders)
	}
	if len(n.Files) > 0 {
		queue(b, files.Where("id = ANY ($1) ORDER BY id FOR UPDATE"), files.Scan, &r.Files, n.Files)
	}
	if len(n.Uploaders) > 0 {
		queue(b, unusedFiles, func(row tables.Scanner) (u store.Unused, err error) {
			return u, row(&u.Owner, &u.Files, &u.Bytes)
		}, &r.Unused, n.Uploaders)
	}
}

// writeFiles adds the statements that write files. Files of deleted messages are
// updated in the order of ids, as they are locked.
func writeFiles(b *pgx.Batch, rows *store.Writes) {
	key := func(id string) []any { return []any{id} }
	below := func(k store.BelowKey) []any { return []any{k.Room, k.Seq} }
	queueEach(b, files.Put(tables.Dollar), rows.Files, files.Values)
	queueEach(b, dropFile, slices.Sorted(slices.Values(rows.Dropped)), key)
	queueEach(b, dropBelow, rows.Below, below)
	queueEach(b, dropThreadsBelow, rows.Below, below)
	queueEach(b, eraseFiles, rows.Erased, key)
	queueEach(b, files.Remove(tables.Dollar), rows.Removed, key)
}

// File implements store.Store.
func (s *db) File(ctx context.Context, id string) (*store.File, error) {
	return tables.First(one(ctx, s, files.Scan, files.Where("id = $1"), id))
}

// Strays implements store.Store.
func (s *db) Strays(ctx context.Context, before int64, after string, limit int) ([]store.File, error) {
	return one(ctx, s, files.Scan, files.Where("room = '' AND id > $1 AND at < $2 ORDER BY id LIMIT $3"), after, before, limit)
}

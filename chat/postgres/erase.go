package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

var dialect = tables.Dialect{Schema: "chat.", Deleter: "deleted::json ->> 'by'", Mark: tables.Dollar}

func text(row tables.Scanner) (s string, err error)  { return s, row(&s) }
func number(row tables.Scanner) (n int64, err error) { return n, row(&n) }

// Touched implements store.Store.
func (s *db) Touched(ctx context.Context, user, room string, after int64, limit int) ([]int64, error) {
	return one(ctx, s, number, dialect.Touched(), room, user, after, limit)
}

// Traces implements store.Store.
func (s *db) Traces(ctx context.Context, user, after string, limit int) ([]string, error) {
	return one(ctx, s, text, dialect.Traces(), after, user, limit)
}

// Blocks implements store.Store.
func (s *db) Blocks(ctx context.Context, user string) ([]string, error) {
	return one(ctx, s, text, "SELECT blocked FROM chat.blocks WHERE user_id = $1 ORDER BY blocked", user)
}

// Versions implements store.Store.
func (s *db) Versions(ctx context.Context, k store.MessageKey) ([]store.Version, error) {
	return one(ctx, s, versions.Scan, versions.Where("room = $1 AND seq = $2 ORDER BY ver"), k.Room, k.Seq)
}

// Erasures implements store.Store.
func (s *db) Erasures(ctx context.Context) ([]string, error) {
	return one(ctx, s, text, "SELECT user_id FROM chat.erasures")
}

// Touched implements store.Tx.
func (w *writer) Touched(ctx context.Context, k store.MemberKey, limit int) ([]int64, error) {
	return all(ctx, w.tx, number, dialect.AnyTouched(), k.Room, k.User, limit)
}

const reactedBy = "room = $1 AND seq = ANY ($2) AND user_id = $3"

// Reacted implements store.Tx.
func (w *writer) Reacted(ctx context.Context, user, room string, seqs []int64) ([]store.ReactionKey, error) {
	return all(ctx, w.tx, reactions.Scan, reactions.Where(reactedBy), room, seqs, user)
}

// queueErasure adds what belongs to versions and erasures to a batch.
func queueErasure(b *pgx.Batch, rows *store.Writes) {
	name := func(user string) []any { return []any{user} }
	queueEach(b, versions.Put(tables.Dollar), rows.Versions, versions.Values)
	queueEach(b, "DELETE FROM chat.versions WHERE room = $1 AND seq = $2", rows.Unversioned, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} })
	queueEach(b, markers.Remove(tables.Dollar), rows.Unmarked, func(k store.MemberKey) []any { return []any{k.Room, k.User} })
	queueEach(b, "INSERT INTO chat.erasures (user_id) VALUES ($1) ON CONFLICT DO NOTHING", rows.Erasing, name)
	queueEach(b, "DELETE FROM chat.erasures WHERE user_id = $1", rows.Erased, name)
	queueEach(b, "DELETE FROM chat.blocks WHERE user_id = $1 OR blocked = $1", rows.Erased, name)
	queueEach(b, "UPDATE chat.news SET user_id = '', room = '', blocked = '' WHERE user_id = $1 OR blocked = $1", rows.Erased, name)
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

var extents = "SELECT " + rooms.List() + `, coalesce(oldest.seq, 0), coalesce(oldest.at, 0) FROM chat.rooms
	LEFT JOIN LATERAL (SELECT seq, at FROM chat.messages WHERE room = rooms.id ORDER BY seq LIMIT 1) AS oldest ON true
	WHERE rooms.id > $1 ORDER BY rooms.id LIMIT $2`

// Extents implements store.Store.
func (s *db) Extents(ctx context.Context, after string, limit int) ([]store.Extent, error) {
	return one(ctx, s, tables.Extent, extents, after, limit)
}

// The statements of Sweep. Servers that sweep the same room at once remove
// different messages.
const (
	sweptMessages = `DELETE FROM chat.messages WHERE room = $1 AND seq = ANY (ARRAY(SELECT seq FROM chat.messages WHERE room = $1
		AND seq < (SELECT floor FROM chat.rooms WHERE id = $1) ORDER BY seq LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING seq`
	sweptReactions = "DELETE FROM chat.reactions WHERE room = $1 AND seq = ANY ($2)"
	sweptMentions  = "DELETE FROM chat.mentions WHERE room = $1 AND seq = ANY ($2)"
	sweptVersions  = "DELETE FROM chat.versions WHERE room = $1 AND seq = ANY ($2)"
	sweptThread    = "DELETE FROM chat.rooms WHERE id = $1 AND deleted AND NOT EXISTS (SELECT 1 FROM chat.messages WHERE room = $1)"
)

// Sweep implements store.Store.
func (s *db) Sweep(ctx context.Context, room string, limit int) (n int, err error) {
	if s.closed.Load() {
		return 0, unavailable(errClosed)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		seqs, err := all(ctx, tx, number, sweptMessages, room, limit)
		if err != nil {
			return err
		}
		n = len(seqs)
		var b pgx.Batch
		if n > 0 {
			b.Queue(sweptReactions, room, seqs)
			b.Queue(sweptMentions, room, seqs)
			b.Queue(sweptVersions, room, seqs)
		}
		if _, _, thread := store.Parent(room); thread {
			b.Queue(sweptThread, room)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	return n, unavailable(err)
}

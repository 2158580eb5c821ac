package sqlite

import (
	"context"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

var extents = "SELECT " + tables.Rooms.List() + `, coalesce(messages.seq, 0), coalesce(messages.at, 0) FROM rooms
	LEFT JOIN messages ON messages.room = rooms.id AND messages.seq = (SELECT min(seq) FROM messages WHERE room = rooms.id)
	WHERE rooms.id > ? ORDER BY rooms.id LIMIT 0+?`

// Extents implements store.Store.
func (s *db) Extents(ctx context.Context, after string, limit int) ([]store.Extent, error) {
	return one(ctx, s, tables.Extent, extents, after, limit)
}

// The statements of Sweep. Parameter 1 is the room, and parameter 2 the last
// seq that Sweep removes.
const (
	lastSwept = `SELECT coalesce(max(seq), 0), count(*) FROM (SELECT seq FROM messages WHERE room = ?1
		AND seq < (SELECT floor FROM rooms WHERE id = ?1) ORDER BY seq LIMIT 0+?2)`
	sweptMentions = `DELETE FROM mentions WHERE (room, user_id, seq) IN (SELECT messages.room, value, seq
		FROM messages CROSS JOIN json_each(messages.mentions) WHERE messages.room = ?1 AND seq <= ?2)`
	sweptReactions = "DELETE FROM reactions WHERE room = ?1 AND seq <= ?2"
	sweptVersions  = "DELETE FROM versions WHERE room = ?1 AND seq <= ?2"
	sweptMessages  = "DELETE FROM messages WHERE room = ?1 AND seq <= ?2"
	sweptThread    = "DELETE FROM rooms WHERE id = ?1 AND deleted AND NOT EXISTS (SELECT 1 FROM messages WHERE room = ?1)"
)

// Sweep implements store.Store.
func (s *db) Sweep(ctx context.Context, room string, limit int) (n int, err error) {
	err = s.write(ctx, func(w *writer) error {
		var last int64
		for _, err := range each(w.query(lastSwept, room, limit), func(row tables.Scanner) (int, error) { return 0, row(&last, &n) }) {
			if err != nil {
				return err
			}
		}
		for _, text := range []string{sweptMentions, sweptReactions, sweptVersions, sweptMessages} {
			if n > 0 {
				if err := w.exec(text, room, last); err != nil {
					return err
				}
			}
		}
		if _, _, thread := store.Parent(room); thread {
			return w.exec(sweptThread, room)
		}
		return nil
	})
	return n, err
}

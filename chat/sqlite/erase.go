package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

var dialect = tables.Dialect{Deleter: "deleted ->> 'by'", Mark: func(i int) string { return fmt.Sprint("?", i) }}

// The statements about the traces of a user.
var (
	touched     = dialect.Touched()
	anyTouched  = dialect.AnyTouched()
	traces      = dialect.Traces()
	blocksOf    = "SELECT blocked FROM blocks WHERE user_id = ? ORDER BY blocked"
	erasures    = "SELECT user_id FROM erasures"
	reactedBy   = tables.Reactions.Select("json_each(?) AS key CROSS JOIN reactions ON reactions.room = ? AND reactions.seq = key.value AND reactions.user_id = ?")
	putErasure  = "INSERT INTO erasures (user_id) VALUES (?) ON CONFLICT DO NOTHING"
	noErasure   = "DELETE FROM erasures WHERE user_id = ?"
	noMarker    = tables.Markers.Remove(tables.Question)
	versionsOf  = tables.Versions.Select("versions WHERE room = ? AND seq = ? ORDER BY ver")
	putVersion  = tables.Versions.Put(tables.Question)
	noVersions  = "DELETE FROM versions WHERE room = ? AND seq = ?"
	noBlocksBy  = "DELETE FROM blocks WHERE user_id = ?"
	noBlocksOf  = "DELETE FROM blocks WHERE blocked = ?"
	noNewsOf    = "UPDATE OR REPLACE news SET user_id = '', room = '', blocked = '' WHERE user_id = ?"
	noNewsAbout = "UPDATE OR REPLACE news SET user_id = '', room = '', blocked = '' WHERE blocked = ? AND blocked > ''"
	eraseOfUser = []string{noErasure, noBlocksBy, noBlocksOf, noNewsOf, noNewsAbout}
)

// Touched implements store.Store.
func (s *db) Touched(ctx context.Context, user, room string, after int64, limit int) ([]int64, error) {
	return one(ctx, s, scalar[int64], touched, room, user, after, limit)
}

// Traces implements store.Store.
func (s *db) Traces(ctx context.Context, user, after string, limit int) ([]string, error) {
	return one(ctx, s, scalar[string], traces, after, user, limit)
}

// Blocks implements store.Store.
func (s *db) Blocks(ctx context.Context, user string) ([]string, error) {
	return one(ctx, s, scalar[string], blocksOf, user)
}

// Versions implements store.Store.
func (s *db) Versions(ctx context.Context, k store.MessageKey) ([]store.Version, error) {
	return one(ctx, s, tables.Versions.Scan, versionsOf, k.Room, k.Seq)
}

// Erasures implements store.Store.
func (s *db) Erasures(ctx context.Context) ([]string, error) {
	return one(ctx, s, scalar[string], erasures)
}

// Touched implements store.Tx.
func (w *writer) Touched(_ context.Context, k store.MemberKey, limit int) ([]int64, error) {
	return all(w.query(anyTouched, k.Room, k.User, limit), scalar[int64])
}

// Reacted implements store.Tx.
func (w *writer) Reacted(_ context.Context, user, room string, seqs []int64) ([]store.ReactionKey, error) {
	keys, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	return all(w.query(reactedBy, string(keys), room, user), tables.Reactions.Scan)
}

// maxVacuum is the size of the largest file that an erasure rewrites, in bytes.
const maxVacuum = 128 << 20

func endsErasure(op store.Op) bool {
	e, is := op.(store.Erase)
	return is && e.Over
}

// vacuum rewrites the file without the remnants between the rows. It is called
// before the erasure ends, so that after a crash the erasure, and vacuum, run
// again.
func (s *db) vacuum(ctx context.Context) error {
	return s.alone(ctx, func(w *writer) error {
		var bytes int64
		err := w.conn.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&bytes)
		if err == nil && bytes <= maxVacuum {
			_, err = w.conn.ExecContext(context.WithoutCancel(ctx), "VACUUM")
		}
		return err
	})
}

// erase writes what belongs to versions and erasures.
func (w *writer) erase(rows *store.Writes) error {
	name := func(user string) []any { return []any{user} }
	err := writeEach(w, putVersion, rows.Versions, tables.Versions.Values)
	if err == nil {
		err = writeEach(w, noVersions, rows.Unversioned, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} })
	}
	if err == nil {
		err = writeEach(w, noMarker, rows.Unmarked, func(k store.MemberKey) []any { return []any{k.Room, k.User} })
	}
	if err == nil {
		err = writeEach(w, putErasure, rows.Erasing, name)
	}
	for _, text := range eraseOfUser {
		if err == nil {
			err = writeEach(w, text, rows.Erased, name)
		}
	}
	return err
}

package sqlite

import (
	"context"
	"errors"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// Statements about files.
var (
	filesByID  = named(tables.Files, "id")
	strayFiles = tables.Files.Select("files WHERE room = '' AND id > ? AND at < ? ORDER BY id LIMIT 0+?")
	putFile    = tables.Files.Put(tables.Question)
	noFile     = tables.Files.Remove(tables.Question)
)

const (
	unusedFiles = "SELECT count(*), coalesce(sum(size), 0) FROM files WHERE owner = ? AND room = '' AND at > 0"

	dropFiles        = "UPDATE files SET room = '', seq = 0, at = 0 WHERE "
	eraseFiles       = "UPDATE files SET owner = '', name = '', at = 0 WHERE owner = ? AND room = ''"
	dropFile         = dropFiles + "id = ?"
	dropBelow        = dropFiles + "room > '' AND room = ?1 AND seq < ?2"
	dropThreadsBelow = dropFiles + "room > ?1 || '~' AND room < ?1 || char(127) AND room > '' AND CAST(substr(room, length(?1) + 2) AS INTEGER) < ?2"
)

// loadFiles adds the files that are needed to rows.
func (w *writer) loadFiles(n *store.Needs, rows *store.Rows) (err error) {
	rows.Files, err = load(w, tables.Files, filesByID, n.Files, func(id string) []any { return []any{id} })
	for _, owner := range n.Uploaders {
		if err != nil {
			return err
		}
		var u []store.Unused
		u, err = all(w.query(unusedFiles, owner), func(row tables.Scanner) (u store.Unused, err error) {
			u.Owner = owner
			return u, row(&u.Files, &u.Bytes)
		})
		rows.Unused = append(rows.Unused, u...)
	}
	return err
}

// writeFiles runs the statements that write files.
func (w *writer) writeFiles(rows *store.Writes) error {
	key := func(id string) []any { return []any{id} }
	below := func(k store.BelowKey) []any { return []any{k.Room, k.Seq} }
	return errors.Join(
		writeEach(w, putFile, rows.Files, tables.Files.Values),
		writeEach(w, dropFile, rows.Dropped, key),
		writeEach(w, dropBelow, rows.Below, below),
		writeEach(w, dropThreadsBelow, rows.Below, below),
		writeEach(w, eraseFiles, rows.Erased, key),
		writeEach(w, noFile, rows.Removed, key),
	)
}

// File implements store.Store.
func (s *db) File(ctx context.Context, id string) (*store.File, error) {
	return tables.First(one(ctx, s, tables.Files.Scan, tables.Files.Select("files WHERE id = ?"), id))
}

// Strays implements store.Store.
func (s *db) Strays(ctx context.Context, before int64, after string, limit int) ([]store.File, error) {
	return one(ctx, s, tables.Files.Scan, strayFiles, after, before, limit)
}

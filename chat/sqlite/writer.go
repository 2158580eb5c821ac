package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// A writer is the connection that writes, with its prepared statements. It is a
// store.Tx while a transaction is under way.
type writer struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func newWriter(ctx context.Context, file *sql.DB) (*writer, error) {
	conn, err := file.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, conn); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &writer{conn, make(map[string]*sql.Stmt)}, nil
}

func (w *writer) close() error {
	var err error
	for _, s := range w.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.conn.Close())
}

func (w *writer) statement(text string) (*sql.Stmt, error) {
	s := w.statements[text]
	if s == nil {
		var err error
		if s, err = w.conn.PrepareContext(context.Background(), text); err != nil {
			return nil, err
		}
		w.statements[text] = s
	}
	return s, nil
}

func (w *writer) query(text string, args ...any) query {
	return func() (*sql.Rows, error) {
		s, err := w.statement(text)
		if err != nil {
			return nil, err
		}
		return s.Query(args...)
	}
}

func (w *writer) exec(text string, args ...any) error {
	s, err := w.statement(text)
	if err == nil {
		_, err = s.Exec(args...)
	}
	return err
}

// The statements of the writer. Each is one text, so that it is prepared once.
var (
	roomsByID      = rooms.selects("json_each(?) AS key CROSS JOIN rooms ON rooms.id = key.value")
	membersByKey   = members.named("room", "user")
	messagesByKey  = messages.named("room", "seq")
	messagesByCID  = messages.named("room", "author", "cid") + " AND messages.cid <> ''"
	reactionsByKey = reactions.named("room", "seq", "user", "emoji")
	blocksByKey    = blocks.named("user", "blocked")

	threadsOfUser = "SELECT room FROM members WHERE user = ?1 AND room > ?2 || '~' AND room < ?2 || char(127) AND role <> ''"
	newestFirst   = messages.selects("messages JOIN rooms ON rooms.id = messages.room" +
		" WHERE messages.room = ? AND messages.seq >= rooms.floor ORDER BY messages.seq DESC")

	putRoom, putMember, putMessage, putMarker = rooms.put(), members.put(), messages.put(), markers.put()
	newRoom, newMessage                       = rooms.insert(), messages.insert()
	putReaction, putMention, putBlock         = reactions.put(), mentions.put(), blocks.put()
	noReaction, noMention, noBlock            = reactions.remove(), mentions.remove(), blocks.remove()
	noReactions                               = "DELETE FROM reactions WHERE room = ? AND seq = ?"

	lastSeq    = "SELECT seq FROM rooms WHERE id = ? AND NOT deleted"
	markerByID = markers.selects("markers WHERE room = ? AND user = ?")
)

// Lock implements store.Tx. The transaction is the only one that writes.
func (w *writer) Lock(_ context.Context, ids []string) (locked []store.Room, now int64, err error) {
	keys, err := json.Marshal(ids)
	if err != nil {
		return nil, 0, err
	}
	locked, err = all(w.query(roomsByID, string(keys)), rooms.scan)
	return locked, time.Now().UnixMilli(), err
}

// Load implements store.Tx.
func (w *writer) Load(_ context.Context, n *store.Needs) (*store.Rows, error) {
	r := new(store.Rows)
	byCID, err := load(w, messages, messagesByCID, n.CIDs, func(k store.CIDKey) []any { return []any{k.Room, k.Author, k.CID} })
	if err != nil {
		return nil, err
	}
	r.Messages, err = load(w, messages, messagesByKey, n.Messages, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} })
	if err != nil {
		return nil, err
	}
	r.Messages = append(r.Messages, byCID...)
	r.Members, err = load(w, members, membersByKey, n.Members, func(k store.MemberKey) []any { return []any{k.Room, k.User} })
	if err != nil {
		return nil, err
	}
	r.Reactions, err = load(w, reactions, reactionsByKey, n.Reactions, reactions.values)
	if err != nil {
		return nil, err
	}
	r.Blocks, err = load(w, blocks, blocksByKey, n.Blocks, blocks.values)
	return r, err
}

// load returns the rows with these keys.
func load[R, K any](w *writer, t table[R], text string, keys []K, values func(K) []any) ([]R, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	arrays := make([][]any, len(keys))
	for i, k := range keys {
		arrays[i] = values(k)
	}
	arg, err := json.Marshal(arrays)
	if err != nil {
		return nil, err
	}
	return all(w.query(text, string(arg)), t.scan)
}

// Threads implements store.Tx.
func (w *writer) Threads(_ context.Context, k store.MemberKey) (threads []string, err error) {
	ids, err := all(w.query(threadsOfUser, k.User, k.Room), func(row scanner) (id string, err error) { return id, row(&id) })
	for _, id := range ids {
		if parent, _, is := store.Parent(id); is && parent == k.Room {
			threads = append(threads, id)
		}
	}
	return threads, err
}

// Posts implements store.Tx.
func (w *writer) Posts(_ context.Context, k store.MemberKey, since int64, limit int) (posts []store.Message, err error) {
	for m, err := range each(w.query(newestFirst, k.Room), messages.scan) {
		if err != nil {
			return nil, err
		}
		if m.At < since || len(posts) == limit {
			break
		}
		if m.Author == k.User && m.Deleted == nil {
			posts = append(posts, m)
		}
	}
	return posts, nil
}

// write writes the rows that store.Apply has decided on.
func (w *writer) write(rows *store.Writes) error {
	for _, room := range rows.Emptied {
		for _, name := range []string{members.name, markers.name, reactions.name, mentions.name} {
			if err := w.exec("DELETE FROM "+name+" WHERE room = ?", room); err != nil {
				return err
			}
		}
	}
	return errors.Join(
		writeEach(w, newRoom, rows.NewRooms, rooms.values),
		writeEach(w, putRoom, rows.Rooms, rooms.values),
		writeEach(w, putMember, rows.Members, members.values),
		writeEach(w, newMessage, rows.NewMessages, messages.values),
		writeEach(w, putMessage, rows.Messages, messages.values),
		writeEach(w, noReactions, rows.Unreacted, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} }),
		writeEach(w, putReaction, rows.Reactions, reactions.values),
		writeEach(w, noReaction, rows.Unreactions, reactions.values),
		writeEach(w, putMention, rows.Mentions, mentions.values),
		writeEach(w, noMention, rows.Unmentions, mentions.values),
		writeEach(w, putBlock, rows.Blocks, blocks.values),
		writeEach(w, noBlock, rows.Unblocks, blocks.values),
		w.mark(rows.Markers, nil),
	)
}

// writeEach runs a statement for each row.
func writeEach[R any](w *writer, text string, rows []R, values func(R) []any) error {
	for _, r := range rows {
		if err := w.exec(text, values(r)...); err != nil {
			return err
		}
	}
	return nil
}

// Mark implements store.Store.
func (s *db) Mark(ctx context.Context, given []store.Marker) ([]store.Marker, error) {
	merged := make([]store.Marker, len(given))
	err := s.write(ctx, func(w *writer) error { return w.mark(given, merged) })
	if err != nil {
		return nil, err
	}
	return merged, nil
}

// mark merges markers into those that are kept, and puts the results into
// merged, if that is not nil.
func (w *writer) mark(given, merged []store.Marker) error {
	for i, m := range given {
		m, err := w.markOne(m)
		if err != nil {
			return err
		}
		if merged != nil {
			merged[i] = m
		}
	}
	return nil
}

func (w *writer) markOne(m store.Marker) (store.Marker, error) {
	last, err := all(w.query(lastSeq, m.Room), func(row scanner) (seq int64, err error) { return seq, row(&seq) })
	if err != nil || len(last) == 0 {
		return m, err
	}
	m.Read, m.Delivered = min(m.Read, last[0]), min(m.Delivered, last[0])
	kept, err := all(w.query(markerByID, m.Room, m.User), markers.scan)
	if err != nil {
		return m, err
	}
	for _, k := range kept {
		m = k.Merge(m)
	}
	return m, w.exec(putMarker, markers.values(m)...)
}

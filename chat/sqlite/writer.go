package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/goroomcast/socketio/chat/internal/tables"
	"github.com/goroomcast/socketio/chat/store"
)

// A writer is the connection that writes. It is a store.Tx while a transaction
// is under way.
type writer struct {
	*connection
	log       string // the path of SQLite's log
	maxLog    int64  // the size at which it is emptied
	unindexed int    // how many messages wait about for the index
}

// connect opens the connection, migrates the file, and puts into the index what
// waits for that.
func (w *writer) connect(file *sql.DB) error {
	ctx := context.Background()
	c, err := connect(ctx, file)
	if err != nil {
		return err
	}
	w.connection = c
	err = migrate(ctx, c)
	if err == nil {
		err = w.transaction("BEGIN IMMEDIATE", w.index)
	}
	if err != nil {
		return errors.Join(err, c.close())
	}
	return nil
}

// The statements of the writer. Each is one text, so that it is prepared once.
var (
	roomsByID      = tables.Rooms.Select("json_each(?) AS key CROSS JOIN rooms ON rooms.id = key.value")
	membersByKey   = named(tables.Members, "room", "user_id")
	messagesByKey  = named(tables.Messages, "room", "seq")
	messagesByCID  = named(tables.Messages, "room", "author", "cid") + " AND messages.cid <> ''"
	reactionsByKey = named(tables.Reactions, "room", "seq", "user_id", "emoji")
	blocksByKey    = named(tables.Blocks, "user_id", "blocked")

	threadsOfUser = "SELECT room FROM members WHERE user_id = ?1 AND room > ?2 || '~' AND room < ?2 || char(127) AND role <> ''"
	newestFirst   = tables.Messages.Select("messages JOIN rooms ON rooms.id = messages.room" +
		" WHERE messages.room = ? AND messages.seq >= rooms.floor ORDER BY messages.seq DESC")

	putRoom, putMember, putMessage, putMarker = tables.Rooms.Put(tables.Question), tables.Members.Put(tables.Question), tables.Messages.Put(tables.Question), tables.Markers.Put(tables.Question)
	newRoom, newMessage                       = tables.Rooms.Insert(tables.Question), tables.Messages.Insert(tables.Question)
	putReaction, putMention, putBlock         = tables.Reactions.Put(tables.Question), tables.Mentions.Put(tables.Question), tables.Blocks.Put(tables.Question)
	noReaction, noMention, noBlock            = tables.Reactions.Remove(tables.Question), tables.Mentions.Remove(tables.Question), tables.Blocks.Remove(tables.Question)
	putOutbox                                 = tables.Outbox.Put(tables.Question)
	noReactions                               = "DELETE FROM reactions WHERE room = ? AND seq = ?"

	lastSeq    = "SELECT seq FROM members JOIN rooms ON rooms.id = room AND NOT deleted WHERE room = ? AND user_id = ? AND role <> ''"
	markerByID = tables.Markers.Select("markers WHERE room = ? AND user_id = ?")
)

// Lock implements store.Tx. The transaction is the only one that writes.
func (w *writer) Lock(_ context.Context, ids []string) (locked []store.Room, now int64, err error) {
	keys, err := json.Marshal(ids)
	if err != nil {
		return nil, 0, err
	}
	locked, err = all(w.query(roomsByID, string(keys)), tables.Rooms.Scan)
	return locked, time.Now().UnixMilli(), err
}

// Load implements store.Tx.
func (w *writer) Load(_ context.Context, n *store.Needs) (*store.Rows, error) {
	r := new(store.Rows)
	byCID, err := load(w, tables.Messages, messagesByCID, n.CIDs, func(k store.CIDKey) []any { return []any{k.Room, k.Author, k.CID} })
	if err != nil {
		return nil, err
	}
	r.Messages, err = load(w, tables.Messages, messagesByKey, n.Messages, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} })
	if err != nil {
		return nil, err
	}
	r.Messages = append(r.Messages, byCID...)
	r.Members, err = load(w, tables.Members, membersByKey, n.Members, func(k store.MemberKey) []any { return []any{k.Room, k.User} })
	if err != nil {
		return nil, err
	}
	r.Reactions, err = load(w, tables.Reactions, reactionsByKey, n.Reactions, tables.Reactions.Values)
	if err != nil {
		return nil, err
	}
	r.Blocks, err = load(w, tables.Blocks, blocksByKey, n.Blocks, tables.Blocks.Values)
	if err != nil {
		return nil, err
	}
	return r, w.loadFiles(n, r)
}

// load returns the rows with these keys.
func load[R, K any](w *writer, t tables.Table[R], text string, keys []K, values func(K) []any) ([]R, error) {
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
	return all(w.query(text, string(arg)), t.Scan)
}

// Threads implements store.Tx.
func (w *writer) Threads(_ context.Context, k store.MemberKey) (threads []string, err error) {
	ids, err := all(w.query(threadsOfUser, k.User, k.Room), scalar[string])
	for _, id := range ids {
		if parent, _, is := store.Parent(id); is && parent == k.Room {
			threads = append(threads, id)
		}
	}
	return threads, err
}

// Posts implements store.Tx.
func (w *writer) Posts(_ context.Context, k store.MemberKey, since int64, limit int) (posts []store.Message, err error) {
	for m, err := range each(w.query(newestFirst, k.Room), tables.Messages.Scan) {
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
		for _, name := range []string{tables.Members.Name, tables.Markers.Name, tables.Reactions.Name, tables.Mentions.Name} {
			if err := w.exec("DELETE FROM "+name+" WHERE room = ?", room); err != nil {
				return err
			}
		}
	}
	return errors.Join(
		writeEach(w, newRoom, rows.NewRooms, tables.Rooms.Values),
		writeEach(w, putRoom, rows.Rooms, tables.Rooms.Values),
		writeEach(w, putMember, rows.Members, tables.Members.Values),
		writeEach(w, newMessage, rows.NewMessages, tables.Messages.Values),
		writeEach(w, putMessage, rows.Messages, tables.Messages.Values),
		writeEach(w, noReactions, rows.Unreacted, func(k store.MessageKey) []any { return []any{k.Room, k.Seq} }),
		writeEach(w, putReaction, rows.Reactions, tables.Reactions.Values),
		writeEach(w, noReaction, rows.Unreactions, tables.Reactions.Values),
		writeEach(w, putMention, rows.Mentions, tables.Mentions.Values),
		writeEach(w, noMention, rows.Unmentions, tables.Mentions.Values),
		writeEach(w, putOutbox, rows.Outbox, tables.Outbox.Values),
		writeEach(w, putBlock, rows.Blocks, tables.Blocks.Values),
		writeEach(w, noBlock, rows.Unblocks, tables.Blocks.Values),
		w.writeFiles(rows),
		w.mark(rows.Markers, nil),
		w.erase(rows),
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

// mark merges markers into the rows of the table. If merged is not nil, it gets
// the results.
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
	last, err := all(w.query(lastSeq, m.Room, m.User), scalar[int64])
	if err != nil || len(last) == 0 {
		return m, err
	}
	m.Read, m.Delivered = min(m.Read, last[0]), min(m.Delivered, last[0])
	kept, err := all(w.query(markerByID, m.Room, m.User), tables.Markers.Scan)
	if err != nil {
		return m, err
	}
	for _, k := range kept {
		m = k.Merge(m)
	}
	return m, w.exec(putMarker, tables.Markers.Values(m)...)
}

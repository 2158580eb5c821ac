// Package tables contains what the stores in SQL databases share: the columns
// of each table, the fields of package store that contain their values, and the
// statements that both determine.
package tables

import (
	"fmt"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

// A Table describes a table to the code.
type Table[R any] struct {
	Name    string
	columns []string // the columns of the key first
	keys    int
	Fields  func(r *R) []any // pointers to scan into, in the order of the columns
	schema  string           // with a dot, or ""
}

// In returns the table in a schema.
func (t Table[R]) In(schema string) Table[R] {
	t.schema = schema + "."
	return t
}

// The tables.
var (
	Rooms = Table[store.Room]{Name: "rooms", columns: []string{"id", "kind", "epoch", "seq", "rev", "floor", "last_at", "since", "members", "owners", "bytes",
		"info", "slow_mode", "visibility", "archived", "pins", "info_rev", "first_user", "second_user", "deleted"}, keys: 1,
		Fields: func(r *store.Room) []any {
			return []any{&r.ID, &r.Kind, &r.Epoch, &r.Seq, &r.Rev, &r.Floor, &r.LastAt, &r.Since, &r.Members, &r.Owners, &r.Bytes,
				raw{&r.Info}, &r.SlowMode, &r.Visibility, &r.Archived, inJSON{&r.Pins}, &r.InfoRev, &r.Pair[0], &r.Pair[1], &r.Deleted}
		}}

	Members = Table[store.Member]{Name: "members", columns: []string{"room", "user_id", "role", "rev", "since", "join_rev", "banned",
		"muted_until", "last_post", "notify", "hidden", "why"}, keys: 2,
		Fields: func(m *store.Member) []any {
			return []any{&m.Room, &m.User, &m.Role, &m.Rev, &m.Since, &m.JoinRev, &m.Banned,
				&m.MutedUntil, &m.LastPost, &m.Notify, &m.Hidden, &m.Why}
		}}

	Messages = Table[store.Message]{Name: "messages", columns: []string{"room", "seq", "rev", "ver", "author", "cid", "at", "text", "data", "files",
		"reply_to", "mentions", "edited_at", "deleted", "reactions", "replies", "last_reply"}, keys: 2,
		Fields: func(m *store.Message) []any {
			return []any{&m.Room, &m.Seq, &m.Rev, &m.Ver, &m.Author, &m.CID, &m.At, &m.Text, raw{&m.Data}, inJSON{&m.Files},
				&m.ReplyTo, inJSON{&m.Mentions}, &m.EditedAt, inJSON{&m.Deleted}, inJSON{&m.Reactions}, &m.Replies, &m.LastReply}
		}}

	Markers = Table[store.Marker]{Name: "markers", columns: []string{"room", "user_id", "read", "delivered", "gen"}, keys: 2,
		Fields: func(m *store.Marker) []any { return []any{&m.Room, &m.User, &m.Read, &m.Delivered, &m.Gen} }}

	Reactions = Table[store.ReactionKey]{Name: "reactions", columns: []string{"room", "seq", "user_id", "emoji"}, keys: 4,
		Fields: func(k *store.ReactionKey) []any { return []any{&k.Room, &k.Seq, &k.User, &k.Emoji} }}

	Mentions = Table[store.MentionKey]{Name: "mentions", columns: []string{"room", "seq", "user_id"}, keys: 3,
		Fields: func(k *store.MentionKey) []any { return []any{&k.Room, &k.Seq, &k.User} }}

	Outbox = Table[store.MessageKey]{Name: "outbox", columns: []string{"room", "seq"}, keys: 2,
		Fields: func(k *store.MessageKey) []any { return []any{&k.Room, &k.Seq} }}

	Versions = Table[store.Version]{Name: "versions", columns: []string{"room", "seq", "ver", "at", "text", "data"}, keys: 3,
		Fields: func(v *store.Version) []any { return []any{&v.Room, &v.Seq, &v.Ver, &v.At, &v.Text, raw{&v.Data}} }}

	Blocks = Table[store.BlockKey]{Name: "blocks", columns: []string{"user_id", "blocked"}, keys: 2,
		Fields: func(k *store.BlockKey) []any { return []any{&k.User, &k.Blocked} }}

	Files = Table[store.File]{Name: "files", columns: []string{"id", "owner", "name", "type", "size", "sha256", "at", "room", "seq"}, keys: 1,
		Fields: func(f *store.File) []any {
			return []any{&f.ID, &f.Owner, &f.Name, &f.Type, &f.Size, &f.SHA256, &f.At, &f.Room, &f.Seq}
		}}
)

// A Mark returns the placeholder of parameter i of a statement, from 1 on.
type Mark func(i int) string

// Question is the Mark of SQLite, and Dollar that of PostgreSQL.
func Question(int) string { return "?" }

// Dollar is the Mark of PostgreSQL.
func Dollar(i int) string { return fmt.Sprint("$", i) }

// List returns the columns, separated by commas.
func (t Table[R]) List() string {
	return t.Name + "." + strings.Join(t.columns, ", "+t.Name+".")
}

// rest returns the columns that are not in the key, separated by commas.
func (t Table[R]) rest() string {
	t.columns = t.columns[t.keys:]
	return t.List()
}

// Select returns a query for rows. From is the part of the query after FROM.
func (t Table[R]) Select(from string) string { return "SELECT " + t.List() + " FROM " + from }

// Where returns a query for rows of the table alone.
func (t Table[R]) Where(condition string) string {
	return t.Select(t.schema + t.Name + " WHERE " + condition)
}

// Insert returns the statement that writes a new row.
func (t Table[R]) Insert(mark Mark) string {
	marks := make([]string, len(t.columns))
	for i := range marks {
		marks[i] = mark(i + 1)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.schema+t.Name, strings.Join(t.columns, ", "), strings.Join(marks, ", "))
}

// Put returns the statement that writes a row. The row replaces an existing row
// with its key.
func (t Table[R]) Put(mark Mark) string {
	s := t.Insert(mark) + " ON CONFLICT (" + strings.Join(t.columns[:t.keys], ", ") + ") DO "
	if t.keys == len(t.columns) {
		return s + "NOTHING"
	}
	set := make([]string, 0, len(t.columns))
	for _, c := range t.columns[t.keys:] {
		set = append(set, c+" = excluded."+c)
	}
	return s + "UPDATE SET " + strings.Join(set, ", ")
}

// Remove returns the statement that removes the row with a key.
func (t Table[R]) Remove(mark Mark) string {
	is := make([]string, t.keys)
	for i, c := range t.columns[:t.keys] {
		is[i] = c + " = " + mark(i+1)
	}
	return "DELETE FROM " + t.schema + t.Name + " WHERE " + strings.Join(is, " AND ")
}

// Scan reads a row by its method Scan.
func (t Table[R]) Scan(row Scanner) (r R, err error) {
	err = row(t.Fields(&r)...)
	return r, err
}

// ScanMany returns a Scan for the rows of one query. It scans all rows into the
// same memory, and returns copies.
func (t Table[R]) ScanMany() func(row Scanner) (R, error) {
	var r, none R
	fields := t.Fields(&r)
	return func(row Scanner) (R, error) {
		r = none
		err := row(fields...)
		return r, err
	}
}

// A Scanner is the method Scan of a row.
type Scanner func(into ...any) error

// First returns the row that a query has found, or store.ErrNotFound.
func First[R any](found []R, err error) (*R, error) {
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, store.ErrNotFound
	}
	return &found[0], nil
}

// Values returns the values of a row.
func (t Table[R]) Values(r R) []any {
	all := t.Fields(&r)
	for i, field := range all {
		all[i] = value(field)
	}
	return all
}

func value(field any) any {
	switch p := field.(type) {
	case *string:
		return *p
	case *int64:
		return *p
	case *int:
		return int64(*p)
	case *bool:
		return *p
	case *store.Kind:
		return string(*p)
	case *store.Visibility:
		return string(*p)
	case *store.Role:
		return string(*p)
	case *store.Notify:
		return string(*p)
	}
	return field // a driver.Valuer
}

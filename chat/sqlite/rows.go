package sqlite

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

// A table is what the code knows of one: its columns, those of its key first,
// and where the values of a row are.
type table[R any] struct {
	name    string
	columns []string
	keys    int
	fields  func(r *R) []any // pointers, in the order of the columns
}

var rooms = table[store.Room]{"rooms", []string{"id", "kind", "epoch", "seq", "rev", "floor", "last_at", "since", "members", "owners",
	"info", "slow_mode", "visibility", "archived", "pins", "info_rev", "first", "second", "deleted"}, 1,
	func(r *store.Room) []any {
		return []any{&r.ID, &r.Kind, &r.Epoch, &r.Seq, &r.Rev, &r.Floor, &r.LastAt, &r.Since, &r.Members, &r.Owners,
			raw{&r.Info}, &r.SlowMode, &r.Visibility, &r.Archived, inJSON{&r.Pins}, &r.InfoRev, &r.Pair[0], &r.Pair[1], &r.Deleted}
	}}

var members = table[store.Member]{"members", []string{"room", "user", "role", "rev", "since", "join_rev", "banned",
	"muted_until", "last_post", "notify", "hidden", "why"}, 2,
	func(m *store.Member) []any {
		return []any{&m.Room, &m.User, &m.Role, &m.Rev, &m.Since, &m.JoinRev, &m.Banned,
			&m.MutedUntil, &m.LastPost, &m.Notify, &m.Hidden, &m.Why}
	}}

var messages = table[store.Message]{"messages", []string{"room", "seq", "rev", "ver", "author", "cid", "at", "text", "data", "files",
	"reply_to", "mentions", "edited_at", "deleted", "reactions", "replies", "last_reply"}, 2,
	func(m *store.Message) []any {
		return []any{&m.Room, &m.Seq, &m.Rev, &m.Ver, &m.Author, &m.CID, &m.At, &m.Text, raw{&m.Data}, inJSON{&m.Files},
			&m.ReplyTo, inJSON{&m.Mentions}, &m.EditedAt, inJSON{&m.Deleted}, inJSON{&m.Reactions}, &m.Replies, &m.LastReply}
	}}

var markers = table[store.Marker]{"markers", []string{"room", "user", "read", "delivered", "gen"}, 2,
	func(m *store.Marker) []any { return []any{&m.Room, &m.User, &m.Read, &m.Delivered, &m.Gen} }}

var reactions = table[store.ReactionKey]{"reactions", []string{"room", "seq", "user", "emoji"}, 4,
	func(k *store.ReactionKey) []any { return []any{&k.Room, &k.Seq, &k.User, &k.Emoji} }}

var mentions = table[store.MentionKey]{"mentions", []string{"room", "seq", "user"}, 3,
	func(k *store.MentionKey) []any { return []any{&k.Room, &k.Seq, &k.User} }}

var blocks = table[store.BlockKey]{"blocks", []string{"user", "blocked"}, 2,
	func(k *store.BlockKey) []any { return []any{&k.User, &k.Blocked} }}

// list returns the columns, separated by commas.
func (t table[R]) list() string {
	return t.name + "." + strings.Join(t.columns, ", "+t.name+".")
}

// selects returns a query for rows. rest is what follows FROM.
func (t table[R]) selects(rest string) string { return "SELECT " + t.list() + " FROM " + rest }

// put returns the statement that writes a row, in place of one with its key.
func (t table[R]) put() string {
	var set []string
	for _, c := range t.columns[t.keys:] {
		set = append(set, c+" = excluded."+c)
	}
	s := t.insert() + " ON CONFLICT (" + strings.Join(t.columns[:t.keys], ", ") + ") DO "
	if set == nil {
		return s + "NOTHING"
	}
	return s + "UPDATE SET " + strings.Join(set, ", ")
}

// insert returns the statement that writes a row that does not exist.
func (t table[R]) insert() string {
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", t.name, strings.Join(t.columns, ", "), strings.Repeat(", ?", len(t.columns)-1))
}

// remove returns the statement that removes the row with a key.
func (t table[R]) remove() string {
	return "DELETE FROM " + t.name + " WHERE " + strings.Join(t.columns[:t.keys], " = ? AND ") + " = ?"
}

// named returns a query for the rows with the keys in a JSON array. Each key is
// an array of the columns given.
func (t table[R]) named(columns ...string) string {
	rest := "json_each(?) AS key CROSS JOIN " + t.name + " ON "
	for i, c := range columns {
		columns[i] = fmt.Sprintf("%s.%s = key.value ->> %d", t.name, c, i)
	}
	return t.selects(rest + strings.Join(columns, " AND "))
}

// scan reads a row.
func (t table[R]) scan(row scanner) (r R, err error) {
	err = row(t.fields(&r)...)
	return r, err
}

// values returns the values of a row.
func (t table[R]) values(r R) []any {
	all := t.fields(&r)
	for i, field := range all {
		all[i] = deref(field)
	}
	return all
}

func deref(field any) any {
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

// raw is a column with the program's JSON as it is, or NULL for none.
type raw struct{ json *json.RawMessage }

func (c raw) Scan(src any) error {
	if b, is := src.([]byte); is {
		*c.json = bytes.Clone(b)
	}
	return nil
}

func (c raw) Value() (driver.Value, error) {
	if len(*c.json) == 0 {
		return nil, nil
	}
	return []byte(*c.json), nil
}

// inJSON is a column with a value in JSON, or NULL for nil and for an empty
// slice.
type inJSON struct{ value any }

func (c inJSON) Scan(src any) error {
	if text, is := src.(string); is {
		return json.Unmarshal([]byte(text), c.value)
	}
	return nil
}

func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	if s := string(text); s == "null" || s == "[]" {
		return nil, err
	}
	return string(text), err
}

// A scanner is the method Scan of a row.
type scanner func(into ...any) error

// A query is what QueryContext returns, when it is asked for.
type query func() (*sql.Rows, error)

// each yields the rows of a query.
func each[R any](q query, scan func(row scanner) (R, error)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		rows, err := q()
		if err != nil {
			yield(none, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scan(rows.Scan)
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, err)
		}
	}
}

// all returns the rows of a query.
func all[R any](q query, scan func(row scanner) (R, error)) (rows []R, err error) {
	for r, err := range each(q, scan) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

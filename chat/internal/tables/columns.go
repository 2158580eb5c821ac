package tables

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"

	"github.com/goroomcast/socketio/chat/store"
)

// raw is a binary column with the program's JSON, unchanged. NULL means no
// JSON.
type raw struct{ json *json.RawMessage }

// Scan implements sql.Scanner.
func (c raw) Scan(src any) error {
	if b, is := src.([]byte); is {
		*c.json = bytes.Clone(b)
	}
	return nil
}

// Value implements driver.Valuer.
func (c raw) Value() (driver.Value, error) {
	if len(*c.json) == 0 {
		return nil, nil
	}
	return []byte(*c.json), nil
}

// inJSON is a text column with a value in JSON. NULL means nil or an empty
// slice.
type inJSON struct{ value any }

// Scan implements sql.Scanner.
func (c inJSON) Scan(src any) error {
	if text, is := src.(string); is {
		return json.Unmarshal([]byte(text), c.value)
	}
	return nil
}

// Value implements driver.Valuer.
func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	if s := string(text); s == "null" || s == "[]" {
		return nil, err
	}
	return string(text), err
}

// Extent reads a row with the columns of a room, and the seq and the time of
// its oldest message.
func Extent(row Scanner) (e store.Extent, err error) {
	err = row(append(Rooms.Fields(&e.Room), &e.Oldest, &e.OldestAt)...)
	return e, err
}

// MembershipColumns are the columns that ScanMemberships expects, before the
// number of mentions: those of a room, and of a member, a marker and the newest
// message without their keys, which the query knows already. All columns except
// the room's may be NULL.
var MembershipColumns = Rooms.List() + ", " + Members.rest() + ", " + Markers.rest() + ", " + Messages.rest()

// ScanMemberships returns a Scan for the rows of one query about a user. Like
// ScanMany, it scans all rows into the same memory.
func ScanMemberships(user string) func(row Scanner) (store.Membership, error) {
	var m, none store.Membership
	var last store.Message
	fields := Rooms.Fields(&m.Room)
	fields = append(fields, optional(Members.Fields(&m.Member)[Members.keys:])...)
	fields = append(fields, optional(Markers.Fields(&m.Marker)[Markers.keys:])...)
	fields = append(fields, optional(Messages.Fields(&last)[Messages.keys:])...)
	fields = append(fields, &m.Mentions)
	return func(row Scanner) (store.Membership, error) {
		m, last = none, store.Message{}
		if err := row(fields...); err != nil {
			return none, err
		}
		m.Member.Room, m.Member.User = m.Room.ID, user
		m.Marker.Room, m.Marker.User = m.Room.ID, user
		if last.Rev > 0 {
			newest := last
			newest.Room, newest.Seq = m.Room.ID, m.Room.Seq
			m.Last = &newest
		}
		return m, nil
	}
}

// optional returns fields that stay zero if the columns are NULL, as they are
// after a LEFT JOIN without a row.
func optional(fields []any) []any {
	for i, field := range fields {
		switch p := field.(type) {
		case *string:
			fields[i] = maybe[string]{p}
		case *int64:
			fields[i] = maybe[int64]{p}
		case *bool:
			fields[i] = maybe[bool]{p}
		case *store.Role:
			fields[i] = maybe[string]{(*string)(p)}
		case *store.Notify:
			fields[i] = maybe[string]{(*string)(p)}
		}
	}
	return fields
}

type maybe[T any] struct{ to *T }

// Scan implements sql.Scanner.
func (m maybe[T]) Scan(src any) error {
	if v, is := src.(T); is {
		*m.to = v
		return nil
	}
	var value sql.Null[T]
	err := value.Scan(src)
	*m.to = value.V
	return err
}

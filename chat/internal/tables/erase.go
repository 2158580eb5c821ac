package tables

import (
	"fmt"
	"strings"

	"github.com/goroomcast/socketio/chat/store"
)

// A Dialect contains the differences between the databases in the statements
// about the rows of a user.
type Dialect struct {
	Schema  string // with a dot, or ""
	Deleter string // the user that has deleted a message, of the column deleted
	Mark    Mark
}

// rowsOfUser are the rows of a user in a room, as FROM and WHERE. Partial
// indexes find the messages: one index for messages with a cid, one for
// messages without, and one for messages that the user has deleted.
func (d Dialect) rowsOfUser(room string) []string {
	user := d.Mark(2)
	return []string{
		fmt.Sprintf("%smessages WHERE room = %s AND author = %s AND cid <> ''", d.Schema, room, user),
		fmt.Sprintf("%smessages WHERE room = %s AND author = %s AND cid = '' AND author <> '%s'", d.Schema, room, user, store.Deleted),
		fmt.Sprintf("%smessages WHERE room = %s AND %s = %s AND deleted IS NOT NULL", d.Schema, room, d.Deleter, user),
		fmt.Sprintf("%smentions WHERE room = %s AND user_id = %s", d.Schema, room, user),
		fmt.Sprintf("%sreactions WHERE room = %s AND user_id = %s", d.Schema, room, user),
	}
}

// AnyTouched returns the query of store.Tx.Touched: room, user, limit.
func (d Dialect) AnyTouched() string {
	return d.union(" UNION ALL ", "") + " LIMIT " + d.Mark(3)
}

// Touched returns the query of store.Store.Touched: room, user, after, limit.
func (d Dialect) Touched() string {
	return d.union(" UNION ", " AND seq > "+d.Mark(3)) + " ORDER BY seq LIMIT " + d.Mark(4)
}

func (d Dialect) union(word, also string) string {
	parts := d.rowsOfUser(d.Mark(1))
	for i, part := range parts {
		parts[i] = "SELECT seq FROM " + part + also
	}
	return strings.Join(parts, word)
}

// Traces returns the query of store.Store.Traces: after, user, limit.
func (d Dialect) Traces() string {
	rows := append(d.rowsOfUser("rooms.id"),
		fmt.Sprintf("%smembers WHERE room = rooms.id AND user_id = %s AND why <> 'erase'", d.Schema, d.Mark(2)),
		fmt.Sprintf("%smarkers WHERE room = rooms.id AND user_id = %s", d.Schema, d.Mark(2)))
	for i, row := range rows {
		rows[i] = "EXISTS (SELECT 1 FROM " + row + ")"
	}
	return fmt.Sprintf("SELECT id FROM %srooms WHERE id > %s AND (%s) ORDER BY id LIMIT %s", d.Schema, d.Mark(1), strings.Join(rows, " OR "), d.Mark(3))
}

package tables

import (
	"fmt"

	"github.com/goroomcast/socketio/chat/store"
)

// NewsAfter returns the query of store.Store.News: after, limit. It ends with the
// whole transaction of the row at the limit.
func (d Dialect) NewsAfter() string {
	since := fmt.Sprintf("FROM %snews WHERE n > %s AND user_id || room <> ''", d.Schema, d.Mark(1))
	return fmt.Sprintf("SELECT n, user_id, room, blocked %[1]s AND n <= coalesce((SELECT n %[1]s ORDER BY n LIMIT 1 OFFSET %[2]s - 1), 9223372036854775807) ORDER BY n",
		since, d.Mark(2))
}

// News reads a row of the query NewsAfter.
func News(row Scanner) (n store.News, err error) {
	return n, row(&n.N, &n.User, &n.Room, &n.Blocked)
}

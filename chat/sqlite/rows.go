package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"github.com/goroomcast/socketio/chat/internal/tables"
)

// named returns a query for the rows with the keys in a JSON array. Each key is
// an array of the columns given.
func named[R any](t tables.Table[R], columns ...string) string {
	for i, c := range columns {
		columns[i] = fmt.Sprintf("%s.%s = key.value ->> %d", t.Name, c, i)
	}
	return t.Select("json_each(?) AS key CROSS JOIN " + t.Name + " ON " + strings.Join(columns, " AND "))
}

// A query runs a query and returns its rows, as QueryContext does.
type query func() (*sql.Rows, error)

// each yields the rows of a query.
func each[R any](q query, scan func(row tables.Scanner) (R, error)) iter.Seq2[R, error] {
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
func all[R any](q query, scan func(row tables.Scanner) (R, error)) (rows []R, err error) {
	for r, err := range each(q, scan) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// one returns the rows of a single query, which needs no transaction.
func one[R any](ctx context.Context, s *db, scan func(row tables.Scanner) (R, error), text string, args ...any) (rows []R, err error) {
	err = s.borrow(ctx, func(c *connection) (err error) {
		rows, err = all(c.query(text, args...), scan)
		return err
	})
	return rows, err
}

// scalar reads a row with one column.
func scalar[V any](row tables.Scanner) (v V, err error) { return v, row(&v) }

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// checkTable returns an error that says what to do if the table of long and
// binary messages cannot be used. Otherwise the first long message would be the
// first sign.
func (a *Adapter) checkTable(ctx context.Context, pg *pgconn.PgConn) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	const sql = `SELECT t::text, has_table_privilege(t, 'SELECT') AND has_table_privilege(t, 'INSERT')
FROM to_regclass($1::text) AS t`
	result := pg.ExecParams(ctx, sql, [][]byte{[]byte(a.o.table)}, nil, nil, nil).Read()
	switch {
	case result.Err != nil:
		return fmt.Errorf("postgres: table %s: %w", a.o.table, result.Err)
	case result.Rows[0][0] == nil:
		return fmt.Errorf("postgres: there is no table %s: create it by CREATE TABLE %[1]s "+
			"(id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)", a.o.table)
	case string(result.Rows[0][1]) != "t":
		return fmt.Errorf("postgres: the user of the database may not SELECT and INSERT in the table %s", a.o.table)
	}
	return nil
}

// cleanUp deletes old rows until ctx ends. All servers do.
func (a *Adapter) cleanUp(ctx context.Context) {
	sql := "DELETE FROM " + a.o.table + " WHERE created_at < now() - $1::interval"
	for {
		interval := a.o.CleanupInterval
		select {
		case <-time.After(interval - rand.N(interval/10+1)): // not all servers at the same moment
		case <-ctx.Done():
			return
		}
		limited, cancel := context.WithTimeout(ctx, readTime)
		_, err := a.pool.Exec(limited, sql, interval)
		cancel()
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			a.log.Warn("postgres: cannot delete old rows", "table", a.o.table, "err", err)
		}
	}
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// A connection has its own prepared statements. So it prepares a statement
// without a second connection of the pool, and does not wait for one.
type connection struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func connect(ctx context.Context, file *sql.DB) (*connection, error) {
	conn, err := file.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{conn, make(map[string]*sql.Stmt)}, nil
}

func (c *connection) close() error {
	var err error
	for _, s := range c.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.conn.Close())
}

func (c *connection) statement(text string) (*sql.Stmt, error) {
	s := c.statements[text]
	if s == nil {
		var err error
		if s, err = c.conn.PrepareContext(context.Background(), text); err != nil {
			return nil, err
		}
		c.statements[text] = s
	}
	return s, nil
}

// query returns a query that the end of no context interrupts. To wait for that
// takes goroutines, and a fifth of the time of a short query.
func (c *connection) query(text string, args ...any) query {
	return c.queryUntil(context.Background(), text, args...)
}

// queryUntil returns a query that the end of ctx interrupts.
func (c *connection) queryUntil(ctx context.Context, text string, args ...any) query {
	return func() (*sql.Rows, error) {
		s, err := c.statement(text)
		if err != nil {
			return nil, err
		}
		return s.QueryContext(ctx, args...)
	}
}

func (c *connection) exec(text string, args ...any) error {
	s, err := c.statement(text)
	if err == nil {
		_, err = s.Exec(args...)
	}
	return err
}

// transaction runs f between the statement begin and COMMIT. If one of the
// three fails, it rolls back. After a failed COMMIT the transaction may still
// be open, and would block the next one.
func (c *connection) transaction(begin string, f func() error) error {
	err := c.exec(begin)
	if err != nil {
		return err
	}
	if err = f(); err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		_ = c.exec("ROLLBACK") // an error means that SQLite has rolled back already
	}
	return err
}

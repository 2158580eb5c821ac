package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// A connection has its own prepared statements: to prepare one, it needs no
// second connection, for which it would have to wait.
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

func (c *connection) query(ctx context.Context, text string, args ...any) query {
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

// transaction runs f between begin, a statement, and COMMIT. If one of them
// fails, it rolls back. After a COMMIT that has failed the transaction may still
// be under way, and would be in the way of the next one.
func (c *connection) transaction(begin string, f func() error) error {
	err := c.exec(begin)
	if err != nil {
		return err
	}
	if err = f(); err == nil {
		err = c.exec("COMMIT")
	}
	if err != nil {
		_ = c.exec("ROLLBACK") // an error says that SQLite has done it already
	}
	return err
}

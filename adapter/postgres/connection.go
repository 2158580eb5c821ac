package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// answerTime is how long PostgreSQL may take to answer. A connection that
	// waits longer is given up.
	answerTime = 5 * time.Second

	// idleTime is how long a connection may be silent before it is asked whether
	// it is alive.
	idleTime = 5 * time.Second

	// maxRead is how many notifications are read before they are delivered.
	maxRead = 256

	// The pause before the third try to connect; it doubles from then on.
	minPause = 50 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// connect opens a connection as the pool does. purpose is for people that look
// at pg_stat_activity.
func (a *Adapter) connect(ctx context.Context, purpose string, heard pgconn.NotificationHandler) (*pgconn.PgConn, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	config := a.config.ConnConfig.Copy()
	config.OnNotification = heard
	if a.config.BeforeConnect != nil {
		if err := a.config.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "socketio " + purpose
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if a.config.AfterConnect != nil {
		if err := a.config.AfterConnect(ctx, conn); err != nil {
			hangUp(conn.PgConn())
			return nil, err
		}
	}
	return conn.PgConn(), nil
}

// hangUp closes a connection, and does not wait for long.
func hangUp(pg *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = pg.Close(ctx)
}

// run runs SQL without parameters.
func run(ctx context.Context, pg *pgconn.PgConn, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := pg.Exec(ctx, sql).ReadAll()
	return err
}

// wait waits for a notification, or until interrupted ends. If the connection is
// silent for idleTime, wait asks whether it is alive. The error says that the
// connection is lost or ctx has ended.
func wait(ctx, interrupted context.Context, pg *pgconn.PgConn) error {
	silent, cancel := context.WithTimeout(interrupted, idleTime)
	defer cancel()
	err := pg.WaitForNotification(silent)
	switch {
	case err == nil:
		return readOn(pg)
	case pg.IsClosed() || silent.Err() == nil:
		return err
	case interrupted.Err() != nil:
		return ctx.Err()
	}
	if err := run(ctx, pg, ""); err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	return nil
}

// readOn reads what else has arrived: waiting for each notification would cost
// more than reading it.
func readOn(pg *pgconn.PgConn) error {
	if pg.Frontend().ReadBufferLen() == 0 {
		return nil
	}
	if err := pg.Conn().SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	for range maxRead {
		if pg.Frontend().ReadBufferLen() == 0 {
			break
		}
		if _, err := pg.ReceiveMessage(context.Background()); err != nil {
			return fmt.Errorf("half a notification: %w", err)
		}
	}
	return pg.Conn().SetReadDeadline(time.Time{})
}

// A pause is the time before the next try to connect.
type pause time.Duration

// wait waits, longer each time, unless ctx ends. It does not wait at
// first after a connection that has lasted; since is when that was made, or zero.
func (p *pause) wait(ctx context.Context, since time.Time) {
	if !since.IsZero() && time.Since(since) > maxPause {
		*p = 0
	}
	d := time.Duration(*p)
	*p = pause(min(max(2*d, minPause), maxPause))
	if d == 0 {
		return
	}
	select {
	case <-time.After(d/2 + rand.N(d/2)): // not all servers at the same moment
	case <-ctx.Done():
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	notifySQL  = `SELECT pg_catalog.pg_notify($1::text, $2::text)`
	notifyName = "socketio_notify" // of the prepared statement

	roomTime = 5 * time.Minute // that emptying the queue of notifications may take

	// maxTransaction is how many notifications one transaction sends at most. If
	// one of them fails, all do.
	maxTransaction = 64
)

// prepare makes a new connection ready for send. No notification survives a
// crash of PostgreSQL, so the connection need not wait for the disk.
func prepare(ctx context.Context, pg *pgconn.PgConn) error {
	if err := run(ctx, pg, "SET synchronous_commit TO off"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := pg.Prepare(ctx, notifyName, notifySQL, nil)
	return err
}

// attachSQL inserts a row and sends its id in one transaction, so that a server
// that receives the id finds the row.
func (o *options) attachSQL() string {
	return `WITH attachment AS (INSERT INTO ` + o.table + ` (payload) VALUES ($3::bytea) RETURNING id)
SELECT pg_catalog.pg_notify($1::text, $2::text || attachment.id::text || '` + tail + `') FROM attachment`
}

// send sends a batch, in one round trip. The error says that the connection is
// lost; the job's errors are those of its notifications.
func send(a *Adapter, pg *pgconn.PgConn, j *job) error {
	if err := context.Cause(j.ctx); err != nil { // the connection need not suffer from it
		for i := range j.errs {
			j.errs[i] = err
		}
		return nil
	}
	ctx, cancel := context.WithCancel(j.ctx)
	defer cancel()
	defer context.AfterFunc(a.ctx, cancel)() // Close does not wait
	p := pg.StartPipeline(ctx)
	transactions := queue(p, a.o.attachSQL(), j.batch)
	err := p.Flush()
	sent := 0
	for _, n := range transactions {
		failed := err
		if failed == nil {
			failed, err = result(p)
		}
		for range n {
			j.errs[sent] = failed
			sent++
		}
	}
	if closeErr := p.Close(); err == nil && pg.IsClosed() {
		err = closeErr
	}
	a.makeRoom(j.errs)
	if err != nil && !pg.IsClosed() {
		hangUp(pg)
	}
	return err
}

// makeRoom has PostgreSQL look whether its queue of notifications is still full,
// if that is why some failed. It would look only after a notification that has
// been sent, so a queue that was full once would stay full. To empty the queue it
// deletes thousands of files.
func (a *Adapter) makeRoom(errs []error) {
	full := func(err error) bool {
		var refused *pgconn.PgError
		return errors.As(err, &refused) && refused.Code == queueFull
	}
	if !slices.ContainsFunc(errs, full) || a.makesRoom.Swap(true) {
		return
	}
	a.ended.Go(func() {
		defer a.makesRoom.Store(false)
		ctx, cancel := context.WithTimeout(a.ctx, roomTime)
		defer cancel()
		if _, err := a.pool.Exec(ctx, "SELECT pg_catalog.pg_notification_queue_usage()"); err != nil && a.ctx.Err() == nil {
			a.log.Warn("postgres: cannot empty the queue of notifications", "err", err)
		}
		select {
		case <-time.After(time.Second): // not for each batch
		case <-ctx.Done():
		}
	})
}

// queue puts a batch into a pipeline, and returns how many notifications each
// transaction has. PostgreSQL sends equal notifications of one transaction once,
// so the second one begins another. A row has a transaction of its own, because
// more can fail there.
func queue(p *pgconn.Pipeline, attachSQL string, batch []*notification) (transactions []int) {
	type key struct{ channel, payload string }
	seen := make(map[key]bool)
	count := 0
	end := func() {
		if count > 0 {
			p.SendPipelineSync()
			transactions = append(transactions, count)
			clear(seen)
			count = 0
		}
	}
	for _, n := range batch {
		k := key{n.channel, n.payload}
		if n.row != nil || seen[k] || count == maxTransaction {
			end()
		}
		params := [][]byte{[]byte(n.channel), []byte(n.payload)}
		if n.row == nil {
			p.SendQueryPrepared(notifyName, params, nil, nil)
		} else {
			p.SendQueryParams(attachSQL, append(params, n.row), nil, []int16{0, 0, 1}, nil)
		}
		seen[k] = true
		count++
		if n.row != nil {
			end()
		}
	}
	end()
	return transactions
}

// result reads what has become of a transaction. Unless it failed alone, err is
// the error of the connection.
func result(p *pgconn.Pipeline) (failed, err error) {
	for {
		r, err := p.GetResults()
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && refused.Code != readOnly:
			failed = fmt.Errorf("postgres: %w", err)
		case err != nil:
			return err, err
		default:
			switch r := r.(type) {
			case *pgconn.ResultReader:
				if _, err := r.Close(); err != nil {
					failed = err
				}
			case *pgconn.PipelineSync:
				return failed, nil
			default:
				err := fmt.Errorf("postgres: unexpected result %T", r)
				return err, err
			}
		}
	}
}

// Errors of PostgreSQL.
const (
	readOnly  = "25006" // it is a standby
	queueFull = "54000" // a listener has not read for long, and 8 GB of notifications wait
)

// Package postgres is a store for package chat, for any number of servers.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	if err != nil {
//		log.Fatal(err)
//	}
//	rooms, err := postgres.Open(ctx, pool, nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	c, err := chat.New(io.Of("/chat"), &chat.Options{Store: rooms, Authenticate: authenticate})
//
// Open makes the tables in the schema chat of the database. The first time, the
// role of the pool needs the right to create a schema.
//
// Search takes upper and lower case for the same as far as the database does: by
// its LC_CTYPE, which CREATE DATABASE sets. With LC_CTYPE "C" or "POSIX" this
// is so for A to Z alone: "GRÜSSE" does not find "grüsse" then.
//
// A transaction locks the rows of its rooms, so posts in different rooms do not
// wait for each other, on one server or on several.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/chat/store"
)

// Options of Open. A nil *Options means the defaults.
type Options struct {
	// Watch, if true, makes the store a [store.Watcher]: servers notify each
	// other of commits by NOTIFY. It is for servers without an adapter, and
	// costs speed: PostgreSQL commits transactions with a NOTIFY one after the
	// other. Defaults to false.
	Watch bool
}

// committers is how many transactions of one server run at the same time. Each
// has rooms of its own.
const committers = 4

// tries is how often Commit runs a transaction that conflicts with another one:
// both make the same room, for example.
const tries = 5

type db struct {
	pool   *pgxpool.Pool
	notify bool
	closed atomic.Bool
}

// Open opens the store, and makes the tables that are missing. The caller must
// close the pool after the store. The pool should have at least six
// connections, because four of them may write at the same time.
func Open(ctx context.Context, pool *pgxpool.Pool, o *Options) (store.Store, error) {
	s := &db{pool: pool, notify: o != nil && o.Watch}
	if err := s.migrate(ctx); err != nil {
		return nil, fmt.Errorf("chat/postgres: cannot prepare the tables: %w", err)
	}
	if s.notify {
		return watched{s}, nil
	}
	return s, nil
}

// Committers returns how many transactions package chat should have under way.
func (s *db) Committers() int { return committers }

// Close implements store.Store. The pool stays open.
func (s *db) Close() error {
	s.closed.Store(true)
	return nil
}

var errClosed = errors.New("the store is closed")

// unavailable returns the error of package store for an error of the database.
func unavailable(err error) error {
	var e *store.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &store.Error{Code: store.Unavailable, Text: "postgres: " + err.Error()}
}

// again reports whether a transaction may succeed when it runs again: it has
// violated a unique index because another one has made the same row, or
// PostgreSQL has ended it to resolve a deadlock.
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains([]string{"23505", "40001", "40P01"}, e.Code)
}

// Commit implements store.Store.
func (s *db) Commit(ctx context.Context, ops []store.Op) (done *store.Committed, err error) {
	for range tries {
		if done, err = s.commit(ctx, ops); !again(err) {
			break
		}
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return done, nil
}

func (s *db) commit(ctx context.Context, ops []store.Op) (done *store.Committed, err error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		w := &writer{tx}
		rows, committed, err := store.Apply(ctx, w, ops)
		if err != nil {
			return err
		}
		done = committed
		err = w.write(ctx, rows)
		if err == nil {
			done.News, err = w.addNews(ctx, rows.News)
		}
		if err != nil || !s.notify || len(done.Changes) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, "SELECT pg_notify($1, $2)", channel, payload(done.Changes))
		return err
	})
	return done, err
}

// NewEpoch implements store.Store.
func (s *db) NewEpoch(ctx context.Context) error {
	if s.closed.Load() {
		return unavailable(errClosed)
	}
	_, err := s.pool.Exec(ctx, "UPDATE chat.rooms SET epoch = replace(gen_random_uuid()::text, '-', '')")
	return unavailable(err)
}

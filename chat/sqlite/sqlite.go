// Package sqlite is a store for package chat: one file, and nothing to install.
//
//	rooms, err := sqlite.Open("chat.db")
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer rooms.Close()
//	c, err := chat.New(io.Of("/chat"), &chat.Options{Store: rooms, Authenticate: authenticate})
//
// A post is on the disk before its author gets the reply: SQLite writes the
// file in WAL mode with synchronous=FULL. The driver is modernc.org/sqlite. It
// is written in Go, so programs build without a C compiler, it is the most used
// driver of that kind, and it is maintained.
//
// Several processes of one machine may open the file. They do not notify each
// other of changes: a server without an adapter finds the changes of others by
// Options.WatchInterval only. For servers on several machines use Postgres.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/goroomcast/socketio/chat/store"
)

// pragmas are the pragmas of each connection. A transaction waits up to 5 s for
// a transaction of another process. SQLite overwrites deleted rows with zeros.
const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=secure_delete(ON)"

// db is the store. Its tables are in schema.go.
type db struct {
	file    *sql.DB
	writer  chan *writer     // has the writer while no transaction is under way; closed by Close
	readers chan *connection // the free ones; nil stands for one that is not connected yet; closed by Close
}

// Open opens the store in a file. If the file does not exist, Open makes it,
// and only its owner can read it. While the store is open, SQLite keeps two
// more files beside it; their names end in -wal and -shm. A backup must contain
// all three files, or be made by SQLite's VACUUM INTO.
//
// SQLite overwrites deleted rows, but copies of parts of a row that SQLite has
// moved earlier may stay in the file. So at the end of an erasure the store
// rewrites a file of up to 128 MiB. For a larger file, run SQLite's VACUUM when
// it suits you: posts wait meanwhile.
func Open(path string) (store.Store, error) {
	s, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("chat/sqlite: cannot open %s: %w", path, err)
	}
	return s, nil
}

func open(path string) (*db, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("a file is needed; store.Memory keeps rooms in memory")
	}
	if err := create(path); err != nil {
		return nil, err
	}
	file, err := sql.Open("sqlite", address(filepath.ToSlash(path)))
	if err != nil {
		return nil, err
	}
	w := &writer{log: path + "-wal", maxLog: maxLog}
	if err := patiently(func() error { return w.connect(file) }); err != nil {
		_ = file.Close()
		return nil, err
	}
	readers := 2 * runtime.GOMAXPROCS(0)
	s := &db{file, make(chan *writer, 1), make(chan *connection, readers)}
	s.writer <- w
	for range readers {
		s.readers <- nil
	}
	return s, nil
}

// Close implements store.Store.
func (s *db) Close() error {
	w, open := <-s.writer
	if !open {
		return nil
	}
	close(s.writer)
	var err error
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			err = errors.Join(err, c.close())
		}
	}
	close(s.readers)
	return errors.Join(err, w.close(), s.file.Close())
}

// alone calls f with the connection that writes; there is only one.
func (s *db) alone(ctx context.Context, f func(w *writer) error) error {
	if err := ctx.Err(); err != nil {
		return unavailable(err)
	}
	select {
	case w, open := <-s.writer:
		if !open {
			return unavailable(sql.ErrConnDone)
		}
		defer func() { s.writer <- w }()
		defer w.emptyLog()
		return unavailable(f(w))
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// write runs f as a transaction, and commits it unless f returns an error. The
// end of ctx does not interrupt it: it is short, and an interrupted COMMIT may
// have happened.
func (s *db) write(ctx context.Context, f func(w *writer) error) error {
	return s.alone(ctx, func(w *writer) error {
		return w.transaction("BEGIN IMMEDIATE", func() error { return f(w) })
	})
}

// Commit implements store.Store.
func (s *db) Commit(ctx context.Context, ops []store.Op) (done *store.Committed, err error) {
	if slices.ContainsFunc(ops, endsErasure) {
		if err := s.vacuum(ctx); err != nil {
			return nil, err
		}
	}
	err = s.write(ctx, func(w *writer) (err error) {
		writes, committed, err := store.Apply(context.WithoutCancel(ctx), w, ops)
		if err != nil {
			return err
		}
		done = committed
		if err := w.write(writes); err != nil {
			return err
		}
		if done.News, err = w.addNews(writes.News); err != nil {
			return err
		}
		if w.unindexed += len(writes.NewMessages) + len(writes.Messages); w.unindexed < maxUnindexed {
			return nil
		}
		return w.index()
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// NewEpoch implements store.Store.
func (s *db) NewEpoch(ctx context.Context) error {
	return s.write(ctx, func(w *writer) error {
		ids, err := all(w.query("SELECT id FROM rooms"), scalar[string])
		for _, id := range ids {
			if err == nil {
				_, err = w.conn.ExecContext(context.Background(), `UPDATE rooms SET epoch = ? WHERE id = ?`, store.NewEpoch(), id)
			}
		}
		return err
	})
}

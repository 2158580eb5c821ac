package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/goroomcast/socketio/chat/store"
)

// address returns the URI of a file, with forward slashes. Behind two slashes
// SQLite would look for the name of a machine.
func address(path string) string {
	uri := "file:"
	if strings.HasPrefix(path, "//") {
		uri = "file://"
	}
	return uri + (&url.URL{Path: path}).EscapedPath() + pragmas
}

// creating keeps other goroutines from opening a file that create has not
// closed yet, because closing the file would release their locks.
var creating sync.Mutex

// create makes the file if it does not exist, so that only its owner can read
// it. SQLite gives its other files the same permissions.
func create(path string) error {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// codeOf returns the code of SQLite's error, or 0.
func codeOf(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// unavailable returns the error of package store for an error of the database.
// It does not change errors about the statement or the rows, because SQLite
// would refuse them again.
func unavailable(err error) error {
	var e *store.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	switch codeOf(err) {
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CORRUPT:
		return err
	}
	return &store.Error{Code: store.Unavailable, Text: "sqlite: " + err.Error()}
}

// patiently calls f again while it returns that the file is locked, for up to 5
// s. SQLite does not wait by itself while it changes a file to WAL mode.
func patiently(f func() error) error {
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if err := f(); codeOf(err) != sqlite3.SQLITE_BUSY || time.Since(start) > 5*time.Second {
			return err
		}
	}
}

// maxLog is the size of the log, in bytes, above which the writer empties it.
// SQLite itself starts the log anew only at a moment without readers.
const maxLog = 16 << 20

// emptyLog empties the log if it is large, and waits at most 100 ms for
// readers. If the readers take longer, emptyLog tries again when the log has
// grown further.
func (w *writer) emptyLog() {
	info, err := os.Stat(w.log)
	if err != nil || info.Size() < w.maxLog {
		return
	}
	ctx := context.Background()
	_, _ = w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 100")
	var busy, pages, moved int
	err = w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	_, _ = w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 5000")
	w.maxLog = maxLog
	if err != nil || busy != 0 {
		w.maxLog += info.Size()
	}
}

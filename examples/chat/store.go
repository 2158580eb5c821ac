package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/chat/postgres"
	"github.com/goroomcast/socketio/chat/sqlite"
	"github.com/goroomcast/socketio/chat/store"
)

// openStore opens the store of a place: a file of SQLite, "memory", or the
// postgres:// address of a database. The function that it returns must be
// called after the store was closed.
func openStore(ctx context.Context, db string) (rooms store.Store, end func(), err error) {
	end = func() {}
	switch {
	case db == "memory":
		return store.Memory(), end, nil
	case strings.HasPrefix(db, "postgres://"), strings.HasPrefix(db, "postgresql://"):
		pool, err := pgxpool.New(ctx, db)
		if err != nil {
			return nil, end, err
		}
		rooms, err = postgres.Open(ctx, pool, nil)
		return rooms, pool.Close, err
	default:
		rooms, err = sqlite.Open(db)
		return rooms, end, err
	}
}

// checkFolder makes the folder for files, and returns an error if it cannot be
// written.
func checkFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	probe, err := os.CreateTemp(path, "")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// besideProgram returns the path of a file beside the program.
func besideProgram(name string) string {
	program, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(program), name)
}

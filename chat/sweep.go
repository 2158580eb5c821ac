package chat

import (
	"context"
	"errors"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

const (
	unusedLife = 24 * time.Hour // of a file that is in no message
	sweepEvery = time.Minute
	deleteTime = time.Minute // of one call of Blobs.Delete
)

// keepSweeping removes files until Close.
func (f *files) keepSweeping() {
	for {
		f.sweep(f.c.ctx)
		if !pause(f.c.ctx, sweepEvery) {
			return
		}
	}
}

// sweep removes the files that are in no message and too old. Files of deleted
// messages, and of uploads that a crash has ended, are among them. Several servers
// may sweep at once.
func (f *files) sweep(ctx context.Context) {
	before := time.Now().Add(-unusedLife).UnixMilli()
	for after, more := "", true; more && ctx.Err() == nil; {
		strays, err := f.strays(ctx, before, after)
		if err != nil {
			f.c.log.Error("chat: cannot look for files to remove", "err", err)
			return
		}
		for _, s := range strays {
			f.discard(ctx, s.ID)
			after = s.ID
		}
		more = len(strays) == maxList
	}
}

func (f *files) strays(ctx context.Context, before int64, after string) ([]store.File, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return f.c.store.Strays(ctx, before, after, maxList)
}

// discard removes a file unless a message has it: first nothing can use it any
// longer, then its content goes, then its row. If a step fails, the next sweep
// does the rest.
func (f *files) discard(ctx context.Context, id string) {
	_, err := f.c.do(ctx, id, store.DropFile{ID: id})
	if err == nil {
		err = f.delete(ctx, id)
	}
	if err == nil {
		_, err = f.c.do(ctx, id, store.RemoveFile{ID: id})
	}
	if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
		f.c.log.Error("chat: cannot remove a file now", "file", id, "err", err)
	}
}

// delete removes a content. It does not wait for Blobs for ever, because a sweep
// removes one file after another.
func (f *files) delete(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, deleteTime)
	defer cancel()
	return f.c.ask(ctx, func() error { return f.blobs.Delete(ctx, id) })
}

package chat_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// faultyBlobs are Blobs that fail where a test wants it.
type faultyBlobs struct {
	chat.Blobs
	mu                sync.Mutex
	put, open, delete func(id string) error // called before Blobs, if not nil
	blind             bool                  // Put takes every end of the content for a good one
	lazy              bool                  // Put does not read
}

func (b *faultyBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	if b.lazy {
		return nil
	}
	if put := b.fault(&b.put); put != nil {
		if err := put(id); err != nil {
			_, _ = io.CopyN(io.Discard, r, 3)
			return err
		}
	}
	err := b.Blobs.Put(ctx, id, r)
	if b.blind {
		return nil
	}
	return err
}

func (b *faultyBlobs) Open(ctx context.Context, id string) (io.ReadSeekCloser, error) {
	if open := b.fault(&b.open); open != nil {
		if err := open(id); err != nil {
			return nil, err
		}
	}
	return b.Blobs.Open(ctx, id)
}

func (b *faultyBlobs) Delete(ctx context.Context, id string) error {
	if remove := b.fault(&b.delete); remove != nil {
		if err := remove(id); err != nil {
			return err
		}
	}
	return b.Blobs.Delete(ctx, id)
}

// set sets one of the functions.
func (b *faultyBlobs) set(which *func(id string) error, f func(id string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*which = f
}

func (b *faultyBlobs) fault(which *func(id string) error) func(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *which
}

func small(o *chat.Options) { o.Limits.File, o.Limits.Unused = 100_000, 250_000 }

// endless is a body without an end. It counts what was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

// A body that is too large is cut at the limit, and not read on. Where its length
// is known it is not read at all.
func TestUploadIsCut(t *testing.T) {
	withFiles(t, small, func(w *fileWorld) {
		tooLarge := func(r *http.Request) {
			w.Helper()
			r.Header.Set("User", "ann")
			rec := httptest.NewRecorder()
			w.files.ServeHTTP(rec, r)
			status, reply := w.reply(rec)
			if status != 413 || reply.Data.Code != "too_large" || reply.Data.Field != "file" || reply.Data.Limit != 100_000 {
				w.Errorf("status %d, %+v", status, reply)
			}
			w.leaves("0 files, 0 rows")
		}
		body := &endless{}
		r, _ := http.NewRequest("POST", "/files", body)
		r.ContentLength = -1
		tooLarge(r)
		if body.read > 100_001 {
			w.Errorf("%d bytes were read", body.read)
		}
		body = &endless{}
		r, _ = http.NewRequest("POST", "/files", body)
		r.ContentLength = 100_001
		tooLarge(r)
		if body.read > 0 {
			w.Errorf("%d bytes of a body that is known to be too large were read", body.read)
		}
		w.blobs.blind = true
		r, _ = http.NewRequest("POST", "/files", &endless{})
		r.ContentLength = -1
		tooLarge(r)
		if f := w.upload("ann", strings.Repeat("x", 100_000)); f.Size != 100_000 {
			w.Errorf("a file of the limit's size: %+v", f)
		}
	})
}

// What is in no message is limited, also while it is uploaded.
func TestUnusedFilesAreLimited(t *testing.T) {
	withFiles(t, small, func(w *fileWorld) {
		w.room("r", chat.Open, "ann")
		full := strings.Repeat("x", 100_000)
		first := w.upload("ann", full).ID
		w.upload("ann", full)
		refused := func() {
			w.Helper()
			if status, r := w.post("ann", "x", full); status != 413 || r.Data.Field != "unused" || r.Data.Limit != 250_000 {
				w.Errorf("status %d, %+v", status, r)
			}
		}
		refused()
		w.upload("bob", full)
		w.connect("ann").must("post", withFile("r", "c", first))
		w.blobs.set(&w.blobs.put, func(string) error { // a third one is under way
			w.blobs.set(&w.blobs.put, nil)
			refused()
			return nil
		})
		w.upload("ann", full)
		refused()
		w.upload("ann", "small")
	})
}

// TestFaultyBlobs uploads to Blobs that fail in all ways, and downloads.
func TestFaultyBlobs(t *testing.T) {
	log := new(testserver.LogBook)
	withFiles(t, func(o *chat.Options) { o.Logger = log.Logger() }, func(w *fileWorld) {
		failed := errors.New("the disk is full")
		fails := func(string) error { return failed }
		panics := func(string) error { panic("a mistake") }
		uploads := func(want string) {
			w.Helper()
			status, r := w.post("ann", "x", "content")
			if got := fmt.Sprint(status, " ", r.Data.Code); got != want {
				w.Errorf("got %s, want %s", got, want)
			}
			w.leaves("0 files, 0 rows")
		}
		w.blobs.set(&w.blobs.put, fails)
		uploads("503 unavailable")
		w.blobs.set(&w.blobs.put, panics)
		uploads("500 internal")
		w.blobs.set(&w.blobs.put, nil)
		w.blobs.lazy = true
		uploads("503 unavailable")
		w.blobs.lazy = false

		file := w.upload("ann", png).ID
		for _, c := range []struct {
			open func(id string) error
			want string
		}{
			{fails, "503 unavailable"}, {panics, "500 internal"},
			{func(string) error { return fs.ErrNotExist }, "404 not_found"}, {nil, "200"},
		} {
			w.blobs.set(&w.blobs.open, c.open)
			w.gets("ann", file, c.want)
		}

		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		ann.must("post", withFile("r", "c", file))
		w.blobs.set(&w.blobs.delete, panics)
		ann.must("delete", obj{"room": "r", "seq": 1})
		testserver.Wait(2 * time.Minute)
		w.leaves("1 files, 1 rows")
		w.blobs.set(&w.blobs.delete, fails)
		other := w.upload("ann", png).ID
		ann.must("post", withFile("r", "d", other))
		ann.must("delete", obj{"room": "r", "seq": 2})
		w.blobs.set(&w.blobs.put, fails) // what it leaves stays, too
		w.post("ann", "x", "content")
		testserver.Wait(2 * time.Minute)
		w.leaves("2 files, 3 rows")
		w.gets("ann", other, "404 not_found")
		w.blobs.set(&w.blobs.delete, func(id string) error { // one of them fails on
			if id == file {
				return failed
			}
			return nil
		})
		testserver.Wait(2 * time.Minute)
		w.leaves("1 files, 1 rows")
		w.blobs.set(&w.blobs.delete, nil)
		testserver.Wait(2 * time.Minute)
		w.leaves("0 files, 0 rows")
	})
	if said := strings.Join(log.Lines(), "\n"); !strings.Contains(said, "the disk is full") || !strings.Contains(said, "a mistake") {
		t.Errorf("the log says %s", said)
	}
}

// begin sends the beginning of an upload to a server, and returns the
// connection. closeUpload closes it.
func (w *fileWorld) begin(head string) *bufio.ReadWriter {
	w.Helper()
	mux := http.NewServeMux()
	mux.Handle("/files", w.files)
	w.h.Serve(mux)
	conn, err := w.h.Listener.Dial(ctx)
	w.check(err)
	w.Cleanup(func() { conn.Close() })
	go fmt.Fprintf(conn, "POST /files HTTP/1.1\r\nHost: x\r\nUser: ann\r\n%s", head)
	w.closeUpload = conn.Close
	return bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
}

// An upload that ends early, or stands still, leaves nothing behind.
func TestAbortedUpload(t *testing.T) {
	const half = "Content-Length: 9\r\n\r\nhalf"
	withFiles(t, nil, func(w *fileWorld) {
		w.begin(half)
		synctest.Wait()
		w.leaves("1 files, 1 rows")
		w.check(w.closeUpload())
		synctest.Wait()
		w.leaves("0 files, 0 rows")

		start := time.Now()
		conn := w.begin(half)
		status, err := conn.ReadString('\n')
		if took := time.Since(start); took != time.Minute || !strings.Contains(status, " 400 ") {
			w.Errorf("an upload that stands still ended after %v with %q, %v", took, status, err)
		}
		w.leaves("0 files, 0 rows")

		w.blobs.set(&w.blobs.put, func(string) error { // it takes long, and the client waits
			w.blobs.set(&w.blobs.put, nil)
			testserver.Wait(5 * time.Minute)
			return nil
		})
		conn = w.begin("Content-Length: 4\r\n\r\ngood")
		if status, err := conn.ReadString('\n'); !strings.Contains(status, " 201 ") {
			w.Errorf("a slow store: %q, %v", status, err)
		}
		w.leaves("1 files, 1 rows")
	})
}

// A client that sends too much is told so, and the connection is closed.
func TestUploadIsRefusedEarly(t *testing.T) {
	withFiles(t, small, func(w *fileWorld) {
		for _, head := range []string{
			"Content-Length: 5000000000\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n1ffff\r\n" + strings.Repeat("x", 0x1ffff) + "\r\n",
		} {
			conn := w.begin(head)
			r, err := http.ReadResponse(conn.Reader, nil)
			w.check(err)
			if r.StatusCode != 413 || !r.Close {
				w.Errorf("%.30s: status %d, %s", head, r.StatusCode, r.Header)
			}
			w.check(w.closeUpload())
			testserver.Wait(time.Second) // the server closes it slowly
		}
		w.leaves("0 files, 0 rows")
	})
}

// A mortalStore fails from a moment on. Files that it adds are almost a day old.
type mortalStore struct {
	store.Store
	dead atomic.Bool
}

func (s *mortalStore) Commit(ctx context.Context, ops []store.Op) (*store.Committed, error) {
	if s.dead.Load() {
		return nil, store.ErrUnavailable
	}
	for i, op := range ops {
		if add, is := op.(store.AddFile); is {
			add.At -= (24*time.Hour - 10*time.Minute).Milliseconds()
			ops[i] = add
		}
	}
	return s.Store.Commit(ctx, ops)
}

// A crash between Put and the commit leaves a content without a file. The next
// server finds it after a day, as it finds what was never posted.
func TestOrphans(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		db := store.Memory()
		mortal := &mortalStore{Store: db}
		w := addFiles(serve(h, mortal, nil))
		w.upload("ann", "never posted")
		w.blobs.set(&w.blobs.put, func(string) error { mortal.dead.Store(true); return nil })
		if status, r := w.post("ann", "x", "content"); status != 503 {
			w.Errorf("status %d, %+v", status, r)
		}
		w.leaves("2 files, 2 rows")
		next := &fileWorld{world: serve(h.Other(nil), keepOpen{db}, nil), dir: w.dir}
		next.chat.Files(chat.Dir(w.dir), userOf)
		testserver.Wait(9 * time.Minute)
		next.leaves("2 files, 2 rows")
		testserver.Wait(2*time.Minute + time.Second)
		next.leaves("0 files, 0 rows")
	})
}

// keepOpen is a store that others use, too.
type keepOpen struct{ store.Store }

func (keepOpen) Close() error { return nil }

// A racingStore posts files after the sweep has found them.
type racingStore struct {
	store.Store
	posted atomic.Bool
}

func (s *racingStore) Strays(ctx context.Context, before int64, after string, limit int) ([]store.File, error) {
	strays, err := s.Store.Strays(ctx, before, after, limit)
	for _, f := range strays {
		_, err := s.Store.Commit(ctx, []store.Op{store.Post{Room: "r", By: "ann", Author: "ann", CID: f.ID, Files: []string{f.ID}}})
		if err != nil {
			return nil, err
		}
		s.posted.Store(true)
	}
	return strays, err
}

// A file that is posted after the sweep has found it stays.
func TestPostDuringSweep(t *testing.T) {
	racing := new(racingStore)
	withFiles(t, func(o *chat.Options) {
		racing.Store = o.Store
		o.Store = racing
	}, func(w *fileWorld) {
		w.room("r", chat.Open, "ann")
		file := store.File{Attachment: chat.Attachment{ID: "old"}, Owner: "ann", At: time.Now().Add(-24*time.Hour + time.Minute).UnixMilli()}
		_, err := w.store.Commit(ctx, []store.Op{
			store.AddFile{File: file, MaxFiles: 1}, store.EndFile{ID: "old", SHA256: "x", Size: int64(len(png))},
		})
		w.check(err)
		w.check(w.blobs.Put(ctx, "old", strings.NewReader(png)))
		testserver.Wait(5 * time.Minute)
		if !racing.posted.Load() {
			w.Error("the sweep has not found the file")
		}
		w.gets("ann", "old", "200")
	})
}

package chat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// An Attachment is a file as its message shows it.
type Attachment = store.Attachment

// Files returns a handler for the files of messages. It must be mounted at a
// path and at everything below that path. Auth returns the user of a request;
// if it returns an error, the status of the answer is 401, or 503 for
// ErrUnavailable. Files may be called once for a Chat, because it also starts
// the removal of files that are no longer needed.
//
// A POST uploads a file: its body is the content, and the parameter "name" of
// its URL is the file's name. The answer is JSON: id, name, type, size and
// sha256. Draft.Files of a post contains the id. Only the owner can post a
// file, and only in one message. The file is removed with the message. A file
// that is in no message is removed after 24 hours.
//
// A GET of the path, a slash and the id returns a file, to users that may read
// its message at that moment. Browsers show some types of pictures, videos and
// sounds; they save files of all other types.
//
// Errors have the codes of commands, as JSON in the same form. The handler sets
// no CORS headers and does not check the origin of a request. If auth reads a
// cookie, make the cookie SameSite, or wrap the handler in an
// http.CrossOriginProtection.
func (c *Chat) Files(blobs Blobs, auth func(r *http.Request) (User, error)) http.Handler {
	f := &files{c, blobs, auth}
	c.spawn(f.keepSweeping)
	return f
}

type files struct {
	c     *Chat
	blobs Blobs
	auth  func(r *http.Request) (User, error)
}

// ServeHTTP implements http.Handler.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	d, err := f.user(r)
	switch {
	case err != nil:
	case r.Method == http.MethodPost:
		err = f.upload(w, r, d)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		err = f.download(w, r, d)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		err = &Error{Code: store.BadRequest, Text: "GET, HEAD or POST is required", Field: "method"}
	}
	if err != nil {
		f.refuse(w, f.c.public("files", err))
	}
}

// user returns the user of a request, as a device without a socket.
func (f *files) user(r *http.Request) (*device, error) {
	var u User
	err := f.c.guard(func() (err error) {
		u, err = f.auth(r)
		return err
	})
	switch {
	case errors.Is(err, ErrUnavailable) || errors.Is(err, errPanic):
		return nil, err
	case err != nil || !validUser(u.ID):
		return nil, &Error{Code: store.Unauthenticated, Text: "unauthenticated"}
	}
	return &device{c: f.c, user: u}, nil
}

// failed returns the error of a request for one of Blobs.
func (f *files) failed(what string, id string, err error) error {
	if errors.Is(err, errPanic) {
		return err
	}
	f.c.log.Error("chat: Blobs have failed", "method", what, "file", id, "err", err)
	return ErrUnavailable
}

// statuses are those of codes. The others are 403.
var statuses = map[Code]int{
	store.BadRequest: http.StatusBadRequest, store.TooLarge: http.StatusRequestEntityTooLarge, store.Unauthenticated: http.StatusUnauthorized,
	store.NotFound: http.StatusNotFound, store.Conflict: http.StatusConflict, store.Gone: http.StatusGone,
	store.RateLimited: http.StatusTooManyRequests, store.SlowMode: http.StatusTooManyRequests,
	store.Unavailable: http.StatusServiceUnavailable, store.Internal: http.StatusInternalServerError,
}

func (f *files) refuse(w http.ResponseWriter, e *Error) {
	status, is := statuses[e.Code]
	switch {
	case e.Field == "method":
		status = http.StatusMethodNotAllowed
	case !is:
		status = http.StatusForbidden
	}
	if e.After > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((e.After+999)/1000, 10))
	}
	writeJSON(w, status, refusalOf(e))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// download answers with a file, if the user may read its message.
func (f *files) download(w http.ResponseWriter, r *http.Request, d *device) error {
	file, err := f.find(r.Context(), d, path.Base(r.URL.Path))
	if err != nil {
		return err
	}
	var content io.ReadSeekCloser
	err = f.c.guard(func() (err error) {
		content, err = f.blobs.Open(r.Context(), file.ID)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist): // removed since, or lost
		return noFile()
	case err != nil:
		return f.failed("Open", file.ID, err)
	}
	defer content.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if slices.Contains(shown, file.Type) {
		h.Set("Content-Type", file.Type)
	}
	h.Set("Content-Disposition", disposition(&file.Attachment))
	h.Set("Cache-Control", "private, no-cache") // may be kept, and asks each time
	h.Set("Vary", "Authorization, Cookie")
	h.Set("ETag", `"`+file.SHA256+`"`)
	http.ServeContent(w, r, "", time.UnixMilli(file.At), content)
	return nil
}

func noFile() error { return &Error{Code: store.NotFound, Text: "no such file"} }

// find returns a file that the user may read: that of a message which the user
// may read, or one of the user's own that is in no message yet.
func (f *files) find(ctx context.Context, d *device, id string) (*store.File, error) {
	if !isFileID(id) { // a database may fail for bytes that are no text
		return nil, noFile()
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	file, err := f.c.store.File(ctx, id)
	switch {
	case store.CodeOf(err) == store.NotFound:
		return nil, noFile()
	case err != nil:
		return nil, err
	case file.SHA256 == "" || file.Room == "" && (file.At == 0 || file.Owner != d.user.ID):
		return nil, noFile()
	case file.Room == "":
		return file, nil
	}
	m, err := d.message(ctx, file.Room, file.Seq)
	switch {
	case store.CodeOf(err) == store.NotFound:
		return nil, noFile()
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(m.Files, func(a Attachment) bool { return a.ID == id }):
		return nil, noFile()
	}
	return file, nil
}

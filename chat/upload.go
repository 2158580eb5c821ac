package chat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// maxUnused is how many files of a user may be in no message.
const maxUnused = 1000

// An uploaded is the answer to an upload.
type uploaded struct {
	Attachment
	SHA256 string `json:"sha256"`
}

// upload takes a file. Its row is in the store before its content is in Blobs:
// whatever ends the upload, the sweep finds what it has left.
func (f *files) upload(w http.ResponseWriter, r *http.Request, d *device) error {
	limits := &f.c.limits
	size := int64(limits.File)
	in := &intake{body: http.MaxBytesReader(w, r.Body, size), conn: http.NewResponseController(w), hash: sha256.New()}
	in.wait() // also if the body is not read, because the server reads the rest of a short one
	if r.ContentLength > size {
		return tooLargeFile(limits.File) // the server closes the connection
	}
	if r.ContentLength >= 0 {
		size = r.ContentLength
	}
	if err := d.limit("upload", limits.Changes); err != nil {
		return err
	}
	file := store.File{
		Attachment: Attachment{ID: strings.ToLower(rand.Text()), Name: nameOf(r.URL.Query().Get("name")), Size: size},
		Owner:      d.user.ID, At: time.Now().UnixMilli(),
	}
	add := store.AddFile{File: file, MaxFiles: maxUnused, MaxBytes: int64(limits.Unused)}
	if _, err := f.c.do(r.Context(), file.Owner, add); err != nil {
		return err
	}
	err := f.receive(r.Context(), in, &file)
	ctx := context.WithoutCancel(r.Context())
	if err == nil {
		_, err = f.c.do(ctx, file.Owner, store.EndFile{ID: file.ID, Type: file.Type, SHA256: file.SHA256, Size: file.Size})
	}
	if err != nil {
		f.discard(ctx, file.ID)
		return err
	}
	writeJSON(w, http.StatusCreated, uploaded{file.Attachment, file.SHA256})
	return nil
}

func tooLargeFile(limit int) error {
	return &Error{Code: store.TooLarge, Text: "the file is too large", Field: "file", Limit: limit}
}

// receive passes the body on to Blobs, and completes the file.
func (f *files) receive(ctx context.Context, in *intake, file *store.File) error {
	err := f.c.guard(func() error { return f.blobs.Put(ctx, file.ID, in) })
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(in.err, &tooLarge):
		return tooLargeFile(f.c.limits.File)
	case in.err != nil && in.err != io.EOF: //nolint:errorlint // Read returns io.EOF itself at the end; also if Put takes an error for an end
		return &Error{Code: store.BadRequest, Text: "the upload has ended early", Field: "file"}
	case err == nil && in.err == nil:
		err = errors.New("Put has not read all")
	}
	if err != nil {
		return f.failed("Put", file.ID, err)
	}
	file.Type, file.Size, file.SHA256 = typeOf(in.head), in.size, hex.EncodeToString(in.hash.Sum(nil))
	return nil
}

// An intake is the body of an upload. It notes what passes.
type intake struct {
	body io.Reader
	conn *http.ResponseController
	head []byte
	size int64
	hash hash.Hash
	err  error // with which the body has ended
}

// standstill is how long an upload may stand still.
const standstill = time.Minute

// wait lets the connection wait for the client, where the server can do that.
func (in *intake) wait() { _ = in.conn.SetReadDeadline(time.Now().Add(standstill)) }

// Read implements io.Reader.
func (in *intake) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	in.wait()
	n, err := in.body.Read(p)
	in.head = append(in.head, p[:min(n, sniffed-len(in.head))]...)
	in.size += int64(n)
	in.hash.Write(p[:n])
	if in.err = err; err == io.EOF {
		_ = in.conn.SetReadDeadline(time.Time{}) // Put may take longer
	}
	return n, err
}

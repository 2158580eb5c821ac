package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Blobs keep the contents of files, by ids that the chat makes of letters and
// digits. All methods must be safe for concurrent use. [Dir] makes Blobs of a
// folder; the storage of a cloud is another kind.
type Blobs interface {
	// Put keeps what r yields until io.EOF. If r returns another error, or
	// ctx ends, Put must return an error.
	Put(ctx context.Context, id string, r io.Reader) error

	// Open returns a content, to be read from any offset. The error is
	// fs.ErrNotExist if the content does not exist.
	Open(ctx context.Context, id string) (io.ReadSeekCloser, error)

	// Delete removes a content, also a part of one that Put has left. If the
	// content does not exist, Delete returns nil.
	Delete(ctx context.Context, id string) error
}

// Dir returns Blobs that keep each content in a file of a folder. If the folder
// does not exist, Put makes it, and only its owner can read it. Servers with the
// same store need the same folder.
func Dir(path string) Blobs { return dir(path) }

type dir string

// partial ends the name of a file that Put has not finished.
const partial = ".part"

// isFileID reports whether id has the form of those that the chat makes.
func isFileID(id string) bool {
	isOther := func(c rune) bool { return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') }
	return id != "" && len(id) <= maxCID && !strings.ContainsFunc(id, isOther)
}

// path returns that of a content. An id is no path.
func (d dir) path(id string) (string, error) {
	if !isFileID(id) {
		return "", fmt.Errorf("chat: %q is not the id of a file", id)
	}
	return filepath.Join(string(d), id), nil
}

// Put implements Blobs. The content is on the disk when it returns.
func (d dir) Put(_ context.Context, id string, r io.Reader) error {
	path, err := d.path(id)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, r); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+partial, path)
	}
	if err != nil {
		_ = os.Remove(path + partial)
		return err
	}
	d.sync()
	return nil
}

// sync puts the names in the folder on the disk, where the system can do that.
func (d dir) sync() {
	if f, err := os.Open(string(d)); err == nil {
		_ = f.Sync()
		_ = f.Close()
	}
}

// Open implements Blobs.
func (d dir) Open(_ context.Context, id string) (io.ReadSeekCloser, error) {
	path, err := d.path(id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Delete implements Blobs.
func (d dir) Delete(_ context.Context, id string) error {
	path, err := d.path(id)
	if err != nil {
		return err
	}
	for _, name := range []string{path + partial, path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

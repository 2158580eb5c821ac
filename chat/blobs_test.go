package chat_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/goroomcast/socketio/chat"
)

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	blobs := chat.Dir(path)
	if _, err := blobs.Open(ctx, "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := blobs.Delete(ctx, "x"); err != nil {
		t.Errorf("no folder: %v", err)
	}
	for _, content := range []string{"first", "second"} {
		if err := blobs.Put(ctx, "x", strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := blobs.Open(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(f); string(content) != "second" || err != nil {
		t.Errorf("%q %v", content, err)
	}
	f.Close()
	failed := errors.New("cut")
	if err := blobs.Put(ctx, "y", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(failed))); !errors.Is(err, failed) {
		t.Errorf("a content without end: %v", err)
	}
	if names := names(t, path); names != "x" {
		t.Errorf("names %q", names)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]fs.FileMode{"": 0o700, "x": 0o600} {
			if info, err := os.Stat(filepath.Join(path, name)); err != nil || info.Mode().Perm() != want {
				t.Errorf("%q: %v %v, want %v", name, info.Mode(), err, want)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(path, "z.part"), nil, 0o600); err != nil { // a crash
		t.Fatal(err)
	}
	for _, id := range []string{"x", "x", "z"} {
		if err := blobs.Delete(ctx, id); err != nil {
			t.Error(err)
		}
	}
	if names := names(t, path); names != "" {
		t.Errorf("names %q", names)
	}
}

// No id leads out of the folder.
func TestDirIsNotLeft(t *testing.T) {
	outer := t.TempDir()
	path := filepath.Join(outer, "files")
	blobs := chat.Dir(path)
	for _, name := range []string{"secret", "files"} {
		if err := os.MkdirAll(filepath.Join(outer, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{
		"", ".", "..", "../secret", "..\\secret", "/etc/passwd", "a/../../secret", "a/b", "a\\b", "C:x", "a.part", "a\x00b", "%2e%2e", "~", "ä", "x:y", "a ",
	} {
		if err := blobs.Put(ctx, id, strings.NewReader("x")); err == nil {
			t.Errorf("Put has taken %q", id)
		}
		if f, err := blobs.Open(ctx, id); err == nil {
			f.Close()
			t.Errorf("Open has taken %q", id)
		}
		if err := blobs.Delete(ctx, id); err == nil {
			t.Errorf("Delete has taken %q", id)
		}
	}
	if names := names(t, outer); names != "files secret" {
		t.Errorf("outside: %q", names)
	}
	if names := names(t, path); names != "" {
		t.Errorf("inside: %q", names)
	}
}

// A request can name no file that is not one of a message.
func TestPathsOfRequests(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.upload("ann", png)
		w.check(os.WriteFile(w.dir+"/secret", []byte("x"), 0o600))
		for _, url := range []string{"/files", "/files/", "/files/secret", "/files/../secret", "/files/%2e%2e%2fsecret", "/files/..", "/"} {
			if rec := w.request("ann", "GET", url, nil); rec.Code != 404 {
				w.Errorf("%s: %d %q", url, rec.Code, rec.Body)
			}
		}
	})
}

func names(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

package interop

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"slices"
	"testing"

	"github.com/goroomcast/socketio/clientbundle"
)

// TestClientBundle holds package clientbundle to the socket.io-client that is installed here.
func TestClientBundle(t *testing.T) {
	requireNode(t)
	const npm, ours = "node_modules/socket.io-client/", "../clientbundle/"
	const hint = "run make clientbundle"
	dist, err := os.ReadDir(npm + "dist")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, file := range dist {
		want = append(want, file.Name()+".gz")
		content := unzip(t, file.Name()+".gz")
		if !bytes.Equal(content, read(t, npm+"dist/"+file.Name())) {
			t.Errorf("%s differs: %s", file.Name(), hint)
		}
	}
	got, err := fs.Glob(clientbundle.Files, "*")
	if err != nil || len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("files %q, want %q (%v): %s", got, want, err, hint)
	}
	if !bytes.Equal(read(t, ours+"LICENSE"), read(t, npm+"LICENSE")) {
		t.Errorf("LICENSE differs: %s", hint)
	}
	var manifest struct{ Version string }
	if err := json.Unmarshal(read(t, npm+"package.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	if version := "socket.io-client " + manifest.Version + ","; !bytes.Contains(read(t, ours+"clientbundle.go"), []byte(version)) {
		t.Errorf("clientbundle.go does not speak of %q", version)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// unzip returns the content of an embedded file.
func unzip(t *testing.T, name string) []byte {
	t.Helper()
	file, err := clientbundle.Files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

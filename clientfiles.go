package socketio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/goroomcast/socketio/internal/contentcoding"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// clientTypes are the files that are served, by their extensions.
var clientTypes = map[string]string{
	".js":  "application/javascript; charset=utf-8",
	".map": "application/json; charset=utf-8",
}

// clientFiles serves the files of Options.ServeClient below a path and leaves
// all other requests to next.
type clientFiles struct {
	files  fs.FS  // nil: there are none
	path   string // with a slash at the end
	logger *rarelog.Logger
	next   http.Handler
}

func (c *clientFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, below := strings.CutPrefix(r.URL.Path, c.path)
	contentType := clientTypes[path.Ext(name)]
	if !below || contentType == "" || r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Query().Has("transport") {
		c.next.ServeHTTP(w, r)
		return
	}
	if c.files == nil {
		c.missing(w, r, path.Base(name), "a page asks for the JavaScript client, which is not served; to serve it, "+
			"import github.com/goroomcast/socketio/clientbundle and set Options.ServeClient: clientbundle.Files")
		return
	}
	content, zipped, err := c.read(name)
	if err != nil {
		c.missing(w, r, name, "a page asks for a file of the JavaScript client that Options.ServeClient does not contain")
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=0") // kept, but asked about each time
	h.Set("ETag", fmt.Sprintf(`W/"%x"`, sha256.Sum256(content)))
	h.Add("Vary", "Accept-Encoding")
	switch {
	case zipped && contentcoding.Accepted(r.Header, "gzip") != "":
		h.Set("Content-Encoding", "gzip")
	case zipped:
		if content, err = unzip(content); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// missing answers a request for a file that is not there. If it is named like
// one of the client's, the program has not thought of it.
func (c *clientFiles) missing(w http.ResponseWriter, r *http.Request, name, text string) {
	if !strings.HasPrefix(name, "socket.io.") {
		c.next.ServeHTTP(w, r)
		return
	}
	c.logger.About(r.URL.Path).Warn(text, "path", r.URL.Path)
	http.Error(w, "404: no such file of the client is served (see Options.ServeClient)", http.StatusNotFound)
}

// read returns a file's content, compressed if there is such a one.
func (c *clientFiles) read(name string) (content []byte, zipped bool, err error) {
	if content, err = fs.ReadFile(c.files, name+".gz"); err == nil {
		return content, true, nil
	}
	content, err = fs.ReadFile(c.files, name)
	return content, false, err
}

func unzip(content []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

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
	"strconv"
	"strings"
	"time"
)

// clientTypes are the files that are served, by their extensions.
var clientTypes = map[string]string{
	".js":  "application/javascript; charset=utf-8",
	".map": "application/json; charset=utf-8",
}

// clientFiles serves the files of Options.ServeClient below a path and leaves
// all other requests to next.
type clientFiles struct {
	files fs.FS
	path  string // with a slash at the end
	next  http.Handler
}

func (c *clientFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, below := strings.CutPrefix(r.URL.Path, c.path)
	contentType := clientTypes[path.Ext(name)]
	if !below || contentType == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.next.ServeHTTP(w, r)
		return
	}
	content, zipped, err := c.read(name)
	if err != nil {
		c.next.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=0") // kept, but asked about each time
	h.Set("ETag", fmt.Sprintf(`W/"%x"`, sha256.Sum256(content)))
	h.Add("Vary", "Accept-Encoding")
	switch {
	case zipped && acceptsGzip(r.Header):
		h.Set("Content-Encoding", "gzip")
	case zipped:
		if content, err = unzip(content); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
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

// acceptsGzip reports whether a client has named gzip (RFC 9110, section
// 12.5.3) and not with a weight of 0.
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighted := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return !weighted || err == nil && q > 0
		}
	}
	return false
}

package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/goroomcast/socketio/internal/contentcoding"
)

// A contentCoding is one that polls can be answered in.
type contentCoding struct {
	name    string
	writers sync.Pool
}

type contentWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

// contentCodings are those of RFC 9110, section 8.4.1, the better first. What
// HTTP calls deflate has zlib's wrapping.
var contentCodings = [...]*contentCoding{
	{"gzip", sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for other levels only
		return w
	}}},
	{"deflate", sync.Pool{New: func() any {
		w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed)
		return w
	}}},
}

// encodeContent compresses a body if the client accepts that, and says so in
// the answer's header.
func encodeContent(answer, request http.Header, body []byte) []byte {
	if answer.Get("Content-Encoding") != "" || headerHas(answer, "Vary", "Accept-Encoding") {
		return body // a handler in front sees to it
	}
	answer.Add("Vary", "Accept-Encoding")
	name := contentcoding.Accepted(request, contentCodings[0].name, contentCodings[1].name)
	i := slices.IndexFunc(contentCodings[:], func(c *contentCoding) bool { return c.name == name })
	if i < 0 {
		return body
	}
	coding := contentCodings[i]
	var encoded bytes.Buffer
	w := coding.writers.Get().(contentWriter)
	w.Reset(&encoded)
	_, _ = w.Write(body) // a Buffer takes all
	_ = w.Close()
	coding.writers.Put(w)
	if encoded.Len() >= len(body) {
		return body
	}
	answer.Set("Content-Encoding", coding.name)
	return encoded.Bytes()
}

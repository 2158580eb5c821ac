package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
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
	coding := acceptedCoding(request)
	if coding == nil {
		return body
	}
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

// acceptedCoding returns what a client would have rather than the body as it
// is, or nil (RFC 9110, section 12.5.3).
func acceptedCoding(request http.Header) (best *contentCoding) {
	weights := make(map[string]float64)
	for item := range strings.SplitSeq(strings.Join(request.Values("Accept-Encoding"), ","), ",") {
		name, param, weighted := strings.Cut(item, ";")
		weight := 1.0
		if weighted {
			q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(param)), "q=")
			if weight, _ = strconv.ParseFloat(q, 64); !ok {
				weight = 0
			}
		}
		weights[strings.ToLower(strings.TrimSpace(name))] = weight
	}
	most := weights["identity"]
	for _, coding := range contentCodings {
		weight, named := weights[coding.name]
		if !named {
			weight = weights["*"]
		}
		if weight > 0 && (weight > most || best == nil && weight == most) {
			best, most = coding, weight
		}
	}
	return best
}

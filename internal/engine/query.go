package engine

import (
	"net/http"
	"net/url"
	"strings"
)

// A query is the query of a request. One that is plain, as those of the stock
// clients are, is searched and not parsed.
type query struct {
	raw    string
	parsed url.Values // nil if raw is plain
}

func queryOf(r *http.Request) query {
	q := query{raw: r.URL.RawQuery}
	if strings.ContainsAny(q.raw, "%+;") {
		q.parsed = r.URL.Query()
	}
	return q
}

// Get returns the first value of a key, or "".
func (q query) Get(key string) string {
	value, _ := q.lookup(key)
	return value
}

// Has reports whether a key is there.
func (q query) Has(key string) bool {
	_, is := q.lookup(key)
	return is
}

func (q query) lookup(key string) (value string, is bool) {
	if q.parsed != nil {
		return q.parsed.Get(key), q.parsed.Has(key)
	}
	for field := range strings.SplitSeq(q.raw, "&") {
		if name, value, _ := strings.Cut(field, "="); name == key && field != "" {
			return value, true
		}
	}
	return "", false
}

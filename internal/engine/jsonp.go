package engine

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// jsonp is the query parameter of polling by script tags and forms, for
// browsers without cross-origin requests of their own: the answer calls the
// function of that number.
const jsonp = "j"

// appendScript appends a payload as the call of a page's function.
func appendScript(dst []byte, number string, payload []byte) []byte {
	dst = append(dst, "___eio["...)
	for _, c := range []byte(number) {
		if c >= '0' && c <= '9' {
			dst = append(dst, c)
		}
	}
	literal, err := json.Marshal(string(payload)) // escapes U+2028 and U+2029 too
	if err != nil {
		panic(err) // a string always encodes
	}
	return append(append(append(dst, "]("...), literal...), ");"...)
}

// formPayload returns the payload in a form's field d, or nil.
func formPayload(form []byte) []byte {
	fields, err := url.ParseQuery(string(form))
	if err != nil || !fields.Has("d") {
		return nil
	}
	return []byte(formNewlines.Replace(fields.Get("d")))
}

// formNewlines undoes the clients' escapes, which save newlines from the form:
// they send a newline as \n, and the two characters \n as \\n.
var formNewlines = strings.NewReplacer(`\\n`, `\n`, `\n`, "\n")

// withOrigin gives a request of a script tag, which has no Origin header and
// brings the visitor's cookies, the origin of the page in its Referer: by
// default the script of another page could read the answers.
func withOrigin(r *http.Request, query query) *http.Request {
	if !query.Has(jsonp) || r.Header.Get("Origin") != "" {
		return r
	}
	origin := "null"
	if page, err := url.Parse(r.Referer()); err == nil && page.Host != "" {
		origin = page.Scheme + "://" + page.Host
	}
	r = r.Clone(r.Context())
	r.Header.Set("Origin", origin)
	return r
}

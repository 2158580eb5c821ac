// Package contentcoding chooses how an answer is compressed.
package contentcoding

import (
	"net/http"
	"strconv"
	"strings"
)

// Accepted returns which of the codings a client prefers, by the
// Accept-Encoding of its request (RFC 9110, section 12.5.3), or "" if it
// prefers the body as it is. Of codings with the same weight the first one
// wins.
func Accepted(request http.Header, codings ...string) (best string) {
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
	for _, coding := range codings {
		weight, named := weights[coding]
		if !named {
			weight = weights["*"]
		}
		if weight > 0 && (weight > most || best == "" && weight == most) {
			best, most = coding, weight
		}
	}
	return best
}

package contentcoding

import (
	"net/http"
	"testing"
)

func TestAccepted(t *testing.T) {
	for accepts, want := range map[string]string{
		"":                                "",
		"gzip":                            "gzip",
		"GZip;Q=0.5":                      "gzip",
		"deflate":                         "deflate",
		"br, deflate, gzip":               "gzip",
		"gzip;q=0.5, deflate":             "deflate",
		"gzip;q=0":                        "",
		"gzip;q=0, *":                     "deflate",
		"*":                               "gzip",
		"*;q=0":                           "",
		"identity, gzip;q=0.5":            "",
		"identity;q=0.5, gzip":            "gzip",
		"identity;q=0.5, gzip;q=0.5":      "gzip",
		"gzip;level=1":                    "",
		"gzip;q=x":                        "",
		"br, compress, zstd, gzip;q=0.01": "gzip",
	} {
		if got := Accepted(http.Header{"Accept-Encoding": {accepts}}, "gzip", "deflate"); got != want {
			t.Errorf("Accept-Encoding %q: got %q, want %q", accepts, got, want)
		}
	}
	if got := Accepted(http.Header{"Accept-Encoding": {"br", "deflate"}}, "gzip", "deflate"); got != "deflate" {
		t.Errorf("two lines: got %q", got)
	}
	if got := Accepted(http.Header{"Accept-Encoding": {"*"}}, "gzip"); got != "gzip" {
		t.Errorf("one coding, any accepted: got %q", got)
	}
}

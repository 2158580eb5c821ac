package origin

import "testing"

var forms = map[string]string{
	"https://example.com:443":         "https://example.com",
	"http://example.com:443":          "http://example.com:443",
	"HTTPS://Example.COM:08443":       "https://example.com:8443",
	"https://BÜCHER.example":          "https://xn--bcher-kva.example",
	"https://*.bücher.example:443":    "https://*.xn--bcher-kva.example",
	"http://[0:0:0:0:0:0:0:1]:3000":   "http://[::1]:3000",
	"https://app-*.example.com":       "https://app-*.example.com",
	"capacitor://LocalHost":           "capacitor://localhost",
	"*":                               "*",
	"null":                            "null",
	"file://":                         "file://",
	"https://example.com/":            "",
	"https://*.a.*.org":               "",
	"wss://example.com":               "",
	"example.com":                     "",
	"https://user@example.com":        "",
	"https://127.1":                   "",
	"https://[::1%25eth0]":            "",
	"https://example.*":               "",
	"https://a..example":              "",
	"https://example.com:65536":       "",
	"https://example.com#fragment":    "",
	"https://example.com?query=value": "",
}

func TestNormalize(t *testing.T) {
	for written, want := range forms {
		got, err := Normalize(written, false)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q becomes %q, %v, want %q", written, got, err, want)
		}
	}
}

func TestCredentialsRefuseWhatMatchesAnybodysPages(t *testing.T) {
	for _, open := range []string{"*", "null", "https://*", "https://*.com"} {
		if _, err := Normalize(open, true); err == nil {
			t.Errorf("%q is allowed", open)
		}
		if _, err := Normalize(open, false); err != nil {
			t.Errorf("%q without credentials: %v", open, err)
		}
	}
}

// What Normalize returns is in the form in which browsers send it already.
func FuzzNormalizeTwice(f *testing.F) {
	for written := range forms {
		f.Add(written, false)
		f.Add(written, true)
	}
	f.Fuzz(func(t *testing.T, written string, credentials bool) {
		once, err := Normalize(written, credentials)
		if err != nil {
			return
		}
		if twice, err := Normalize(once, credentials); err != nil || twice != once {
			t.Errorf("%q becomes %q, then %q, %v", written, once, twice, err)
		}
	})
}

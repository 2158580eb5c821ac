package engine

import (
	"net/http"
	"net/url"
	"testing"
)

func TestQueryIsWhatNetURLParses(t *testing.T) {
	for _, raw := range []string{
		"",
		"EIO=4&transport=polling&t=abc&sid=x-_1",
		"transport=polling&transport=websocket&sid=",
		"sid", "sid&sid=a", "=a&sid==b=c", "&&sid=a&", "=",
		"s%69d=a%20b", "sid=a+b", "sid=%zz&EIO=4", "sid=a;EIO=4&j=0", "%", ";",
	} {
		want, _ := url.ParseQuery(raw)
		got := queryOf(&http.Request{URL: &url.URL{RawQuery: raw}})
		for _, key := range []string{"sid", "EIO", "transport", "j", "b64", "", "a", "s%69d"} {
			if got.Get(key) != want.Get(key) || got.Has(key) != want.Has(key) {
				t.Errorf("%q: %q is %q, %v; want %q, %v", raw, key, got.Get(key), got.Has(key), want.Get(key), want.Has(key))
			}
		}
	}
}

// Each request of a polling client has a query: making a map of it would cost
// as much as anything else that the server does with the request.
func TestPlainQueriesAreSearched(t *testing.T) {
	r := &http.Request{URL: &url.URL{RawQuery: "EIO=4&transport=polling&t=abc&sid=x-_1"}}
	allocations := testing.AllocsPerRun(1000, func() {
		q := queryOf(r)
		if q.Get("transport") != "polling" || q.Get("sid") != "x-_1" || q.Get("EIO") != "4" || q.Has("j") {
			t.Error("a wrong value")
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

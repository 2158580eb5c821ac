package engine_test

import (
	"strings"
	"testing"
)

// A client that offers protocols is answered with the first, without which it
// would not go on.
func TestSubprotocol(t *testing.T) {
	for _, c := range []struct {
		offered []string
		chosen  string
		status  int
	}{
		{nil, "", 101},
		{[]string{"mine"}, "mine", 101},
		{[]string{"first, second"}, "first", 101},
		{[]string{"first ,\tsecond", "third"}, "first", 101},
		{[]string{"v1.!#$%&'*+-^_`|~x"}, "v1.!#$%&'*+-^_`|~x", 101},
		{[]string{""}, "", 400},
		{[]string{"a,"}, "", 400},
		{[]string{",a"}, "", 400},
		{[]string{"a,,b"}, "", 400},
		{[]string{"a b"}, "", 400},
		{[]string{"a, b, a"}, "", 400},
		{[]string{"a", "a"}, "", 400},
		{[]string{"a/b"}, "", 400},
		{[]string{"é"}, "", 400},
	} {
		run(t, nil, func(h *harness) {
			r := h.openPolling()
			for _, query := range []string{"", "&sid=" + r.ID()} {
				var header []string
				for _, line := range c.offered {
					header = append(header, "Sec-WebSocket-Protocol", line)
				}
				w := h.wire(query, header...)
				got := strings.Join(w.resp.Header["Sec-Websocket-Protocol"], " and ")
				if w.resp.StatusCode != c.status || got != c.chosen {
					t.Errorf("%q is answered by %d and %q, want %d and %q", c.offered, w.resp.StatusCode, got, c.status, c.chosen)
				}
			}
		})
	}
}

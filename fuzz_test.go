package socketio_test

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/parser"
)

// FuzzQueryAuth decodes any query as an auth object: its names are those of
// the query, as far as that can be read.
func FuzzQueryAuth(f *testing.F) {
	for _, query := range []string{"", "token=x&token=y", "a=%zz&b", "a;b=1&__proto__=2", "%ff=%00", "token=%22%7d"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var auth map[string]string
		if err := socketio.DecodeQueryAuth(query, &auth); err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		values, _ := url.ParseQuery(query)
		for name, list := range values {
			valid := strings.ToValidUTF8(name, "\ufffd")
			if got, want := auth[name], list[len(list)-1]; valid == name && strings.ToValidUTF8(want, "") == want && got != want {
				t.Errorf("%q: %q is %q, want %q", query, name, got, want)
			}
		}
		var typed struct{ Token string }
		if err := socketio.DecodeQueryAuth(query, &typed); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	})
}

// FuzzValues relays what another server may have sent: it stays the same from
// the second time on.
func FuzzValues(f *testing.F) {
	f.Add(`["a",1,null,{"b":[]}]`, []byte(nil))
	f.Add(`["a",{"_placeholder":true,"num":0}]`, []byte("x"))
	f.Add(`[1e999,{"_placeholder":true,"num":-1}]`, []byte{0xff})
	f.Fuzz(func(t *testing.T, text string, attachment []byte) {
		array := parser.Encoded{Text: []byte(text)}
		if attachment != nil {
			array.Attachments = [][]byte{attachment}
		}
		once, err := socketio.RelayValues(array)
		if err != nil {
			return
		}
		twice, err := socketio.RelayValues(once)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", text, once.Text, err)
		}
		if !bytes.Equal(once.Text, twice.Text) || !slices.EqualFunc(once.Attachments, twice.Attachments, bytes.Equal) {
			t.Errorf("%q becomes %q, then %q", text, once.Text, twice.Text)
		}
	})
}

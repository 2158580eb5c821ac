package adapter

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/golden"
	"github.com/goroomcast/socketio/parser"
	"github.com/goroomcast/socketio/parser/msgpack"
)

// Messages of npm's servers keep their bytes when they are decoded and encoded
// again, in every form that has the envelope.
func TestGoldenMessages(t *testing.T) {
	counts := map[string]int{}
	for _, prefix := range []string{"redis-sharded", "redis-streams", "postgres"} {
		for _, l := range golden.Read(t, prefix) {
			form, message := l.Encoding, l.Payload
			switch {
			case l.From == "emitter": // other keys, in another order
				continue
			case l.Attachment != nil:
				form, message = "msgpack", l.Attachment
			case l.Command != "PUBLISH" && l.Command != "SPUBLISH" && l.Command != "NOTIFY":
				continue
			}
			counts[form]++
			t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
				var again []byte
				if form == "json" {
					again = recodeJSON(t, message)
				} else {
					again = recodeMsgpack(t, message)
				}
				if want := known(message); !bytes.Equal(again, want) {
					t.Errorf("%s: encoded again\n%q\nwant\n%q", l.Operation, again, want)
				}
			})
		}
	}
	if counts["json"] < 420 || counts["msgpack"] < 169 {
		t.Errorf("compared %v", counts)
	}
}

func recodeJSON(t *testing.T, message []byte) []byte {
	t.Helper()
	m, err := Decode(parser.Encoded{Text: message})
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Encode()
	if err != nil || again.Attachments != nil {
		t.Fatalf("%d attachments, %v", len(again.Attachments), err)
	}
	return again.Text
}

func recodeMsgpack(t *testing.T, message []byte) []byte {
	t.Helper()
	m, err := DecodeMsgpack(message)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.EncodeMsgpack()
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// The data of a stream's entries, which has no envelope.
func TestGoldenData(t *testing.T) {
	counts := map[string]int{}
	for _, l := range golden.Read(t, "redis-streams") {
		if l.Command != "XADD" {
			continue
		}
		counts[l.Encoding]++
		t.Run(fmt.Sprint(l.File, " line ", l.Number), func(t *testing.T) {
			var typ Type
			if _, err := fmt.Sscan(l.Fields["type"], &typ); err != nil {
				t.Fatal(err)
			}
			encoded := parser.Encoded{Text: l.Payload}
			if l.Encoding != "json" {
				var err error
				if encoded, err = msgpack.ToJSON(fromBase64(t, l.Payload)); err != nil {
					t.Fatal(err)
				}
			}
			m := Message{Type: typ}
			if err := m.DecodeData(encoded); err != nil {
				t.Fatal(err)
			}
			encoded, err := m.EncodeData()
			if err != nil {
				t.Fatal(err)
			}
			again := encoded.Text
			if l.Encoding != "json" {
				if again, err = msgpack.FromJSON(nil, encoded); err != nil {
					t.Fatal(err)
				}
				again = base64.StdEncoding.AppendEncode(nil, again)
			}
			if want := known(l.Payload); !bytes.Equal(again, want) {
				t.Errorf("%s: encoded again\n%q\nwant\n%q", l.Operation, again, want)
			}
		})
	}
	if counts["json"] < 80 || counts["base64 of msgpack"] < 9 {
		t.Errorf("compared %v", counts)
	}
}

func fromBase64(t *testing.T, text []byte) []byte {
	t.Helper()
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// known returns a message as our servers write it: without a flag that has no
// meaning between servers, without one that says what is so anyway, and with
// numbers that are rooms as text.
func known(message []byte) []byte {
	return []byte(strings.NewReplacer(
		`"expectSingleResponse":true,`, "", `"expectSingleResponse":true`, "", `"compress":true`, "",
		"\xa5flags\x81\xb4expectSingleResponse\xc3", "\xa5flags\x80", "\xa5flags\x82\xb4expectSingleResponse\xc3", "\xa5flags\x81",
		`"rooms":[42]`, `"rooms":["42"]`, `"r2",42]`, `"r2","42"]`, "\xa2r2\x2a", "\xa2r2\xa242",
	).Replace(string(message)))
}

package engine

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// decodePayload is what a POST's body means, on a copy of it.
func decodePayload(cut cutter, body string) (packets []packet, err error) {
	rest := []byte(body)
	for more := true; more; more = rest != nil {
		var p packet
		if p, rest, err = cut(rest); err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
	return packets, nil
}

// encodePayload is the body of an empty payload that gets messages.
func encodePayload(p *payload, messages ...*Message) string {
	for _, m := range messages {
		p.add(m)
	}
	return string(p.body)
}

func (p packet) String() string { return fmt.Sprintf("%c%s", p.kind, p.data) }

func TestDecodePayload(t *testing.T) {
	for wire, want := range map[string][]string{
		"4":                         {"4"},
		"4hello":                    {"4hello"},
		"4€😀":                       {"4€😀"},
		"2":                         {"2"},
		"3probe":                    {"3probe"},
		"4hello\x1e2\x1e4world":     {"4hello", "2", "4world"},
		"4\x1e4":                    {"4", "4"},
		"b":                         {"b"},
		"bAQIDBA==":                 {"b\x01\x02\x03\x04"},
		"4hello\x1ebAQIDBA==\x1e4x": {"4hello", "b\x01\x02\x03\x04", "4x"},
		"4bAQIDBA==":                {"4bAQIDBA=="},
		"0\x1e1\x1e5\x1e6":          {"0", "1", "5", "6"},
	} {
		t.Run(wire, func(t *testing.T) {
			packets, err := decodePayload(cutSeparated, wire)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range packets {
				got = append(got, p.String())
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestDecodePayloadRefuses(t *testing.T) {
	for _, wire := range []string{
		"", "7", "a", "hello", "\x1e", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b", " 4", "\x004",
		"bAQIDBA", "bAQIDBA=", "b====", "b*", "bAQ_-", "B",
	} {
		t.Run(wire, func(t *testing.T) {
			if packets, err := decodePayload(cutSeparated, wire); err == nil {
				t.Errorf("decodes to %q", packets)
			}
		})
	}
}

// A golden is what messages look like in the forms of revision 3.
type golden struct {
	name     string
	messages []*Message
	strings  string // the string payload
	octets   string // the binary payload
	frames   string // on a WebSocket
	text     string // on a WebSocket with b64
}

var goldens = []golden{
	{
		name:     "text",
		messages: []*Message{NewMessage([]byte(`2["hi","€"]`))},
		strings:  `12:42["hi","€"]`,
		octets:   "\x00\x01\x04\xff" + `42["hi","€"]`,
		frames:   "\x81\x0e" + `42["hi","€"]`,
		text:     "\x81\x0e" + `42["hi","€"]`,
	},
	{
		name: "characters outside the BMP beside an attachment",
		messages: []*Message{
			NewMessage([]byte(`51-["binback",{"_placeholder":true,"num":0},"é€😀"]`), []byte{1, 2, 0xff}),
		},
		strings: `52:451-["binback",{"_placeholder":true,"num":0},"é€😀"]6:b4AQL/`,
		octets: "\x00\x05\x07\xff" + `451-["binback",{"_placeholder":true,"num":0},"é€😀"]` +
			"\x01\x04\xff\x04\x01\x02\xff",
		frames: "\x81\x39" + `451-["binback",{"_placeholder":true,"num":0},"é€😀"]` + "\x82\x04\x04\x01\x02\xff",
		text:   "\x81\x39" + `451-["binback",{"_placeholder":true,"num":0},"é€😀"]` + "\x81\x06b4AQL/",
	},
	{
		name:     "binary only",
		messages: []*Message{NewMessage(nil, []byte{}, []byte{4})},
		strings:  "2:b46:b4BA==",
		octets:   "\x01\x01\xff\x04\x01\x02\xff\x04\x04",
		frames:   "\x82\x01\x04\x82\x02\x04\x04",
		text:     "\x81\x02b4\x81\x06b4BA==",
	},
	{
		name:     "several",
		messages: []*Message{pongPacket, NewMessage([]byte{}), NewMessage([]byte("x"), []byte{1}), probePacket},
		strings:  "1:31:42:4x6:b4AQ==6:3probe",
		octets:   "\x00\x01\xff3\x00\x01\xff4\x00\x02\xff4x\x01\x02\xff\x04\x01\x00\x06\xff3probe",
		frames:   "\x81\x013\x81\x014\x81\x024x\x82\x02\x04\x01\x81\x063probe",
		text:     "\x81\x013\x81\x014\x81\x024x\x81\x06b4AQ==\x81\x063probe",
	},
}

func TestRevision3(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			if got := encodePayload(&payload{dialect: revision3 | textOnly}, g.messages...); got != g.strings {
				t.Errorf("string payload %q, want %q", got, g.strings)
			}
			if got := encodePayload(&payload{dialect: revision3, octets: true}, g.messages...); got != g.octets {
				t.Errorf("binary payload %q, want %q", got, g.octets)
			}
			for d, want := range map[dialect]string{revision3: g.frames, revision3 | textOnly: g.text} {
				got := ""
				for _, m := range g.messages {
					got += string(m.frames(d))
				}
				if got != want {
					t.Errorf("frames of dialect %d %q, want %q", d, got, want)
				}
			}
			fromStrings, err := decodePayload(cutString, g.strings)
			if err != nil {
				t.Fatal(err)
			}
			fromOctets, err := decodePayload(cutRecord, g.octets)
			if err != nil {
				t.Fatal(err)
			}
			if s, o := fmt.Sprint(fromStrings), fmt.Sprint(fromOctets); s != o {
				t.Errorf("decode to %q and %q", s, o)
			}
		})
	}
}

// Receivers of all dialects share a message, and each its form of it.
func TestSharedMessage(t *testing.T) {
	m := NewMessage([]byte("x"), []byte{1, 2})
	wants := map[dialect]string{
		0:                    "\x81\x024x\x82\x02\x01\x02",
		textOnly:             "\x81\x024x\x81\x05bAQI=",
		revision3:            "\x81\x024x\x82\x03\x04\x01\x02",
		revision3 | textOnly: "\x81\x024x\x81\x06b4AQI=",
	}
	var first [dialects]*byte
	for range 2 {
		for d, want := range wants {
			got := m.frames(d)
			if string(got) != want {
				t.Errorf("frames of dialect %d %q, want %q", d, got, want)
			}
			if first[d] == nil {
				first[d] = &got[0]
			} else if first[d] != &got[0] {
				t.Errorf("dialect %d is made again", d)
			}
		}
	}
}

func TestDecodeStrings(t *testing.T) {
	testCutter(t, cutString, map[string]string{
		"1:4":                  "[4]",
		"2:40":                 "[40]",
		"5:4h😀i":               "[4h😀i]",
		"001:2":                "[2]",
		"0:":                   "[6]",
		"0:1:4":                "[6 4]",
		"3:4:12:4a":            "[4:1 4a]",
		"2:b4":                 "[b]",
		"10:b4AQIDBA==2:4€1:2": "[b\x01\x02\x03\x04 4€ 2]",
	}, []string{
		"", "4", "hello", ":", ":4", "1", "1:", "2:4", "1:42", "1:41", "1:7", "1:b", "2:b2", "3:b4A", "6:b4A===",
		"+1:4", "-1:4", " 1:4", "1 :4", "1.0:4", "0x1:4", "1e0:4", "2:4😀", "0:x",
		"999999999:4", "0000000001:4", "18446744073709551617:4", "1:4\x1e4",
	})
}

func TestDecodeOctets(t *testing.T) {
	testCutter(t, cutRecord, map[string]string{
		"\x00\x01\xff4":                                  "[4]",
		"\x00\x00\x01\xff4":                              "[4]",
		"\x00\x04\xff4€\x01\x01\xff\x04":                 "[4€ b]",
		"\x01\x04\xff\x04\xff\x00\x01\x00\x06\xffb4AQ==": "[b\xff\x00\x01 b\x01]",
	}, []string{
		"", "\x00", "\x01", "\x00\xff", "\x00\x01", "\x00\x01\xff", "\x00\x02\xff4", "\x02\x01\xff4", "4",
		"\x00\x00\xff", "\x01\x00\xff", "\x001\xff4", "\x00\x0a\xff4444444444", "\x00\x01\xff7",
		"\x00\x02\xff4\xff", "\x01\x02\xff\x05\x01", "\x01\x02\xff4x", "\x00\x01\xff44",
		"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff4", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff4",
	})
}

// testCutter wants each of some bodies to decode to the packets given, and
// others to be refused.
func testCutter(t *testing.T, cut cutter, wants map[string]string, malformed []string) {
	for wire, want := range wants {
		t.Run(fmt.Sprintf("%q", wire), func(t *testing.T) {
			packets, err := decodePayload(cut, wire)
			if got := fmt.Sprint(packets); err != nil || got != want {
				t.Errorf("decodes to %q, %v; want %q", got, err, want)
			}
		})
	}
	for _, wire := range malformed {
		t.Run(fmt.Sprintf("%q", wire), func(t *testing.T) {
			if packets, err := decodePayload(cut, wire); err == nil {
				t.Errorf("decodes to %q", packets)
			}
		})
	}
}

// The lengths of strings are those of JavaScript.
func TestUTF16(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "é": 1, "€": 1, "\uffff": 1, "😀": 2, "a😀b": 4, "\xff": 1} {
		if got := utf16Len([]byte(text)); got != want {
			t.Errorf("%q is %d long, want %d", text, got, want)
		}
		if got := utf16Index([]byte(text+"tail"), want); got != len(text) {
			t.Errorf("%q ends at %d, want %d", text, got, len(text))
		}
	}
}

func TestScript(t *testing.T) {
	got := string(appendScript(nil, "1a);2", []byte("4\"\\\n\u2028\u2029é")))
	if want := `___eio[12]("4\"\\\n\u2028\u2029é");`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFormPayload(t *testing.T) {
	for form, want := range map[string]string{
		"d=2:40":            "2:40",
		"x=1&d=4%C3%A9+%2B": "4é +",
		`d=a\nb`:            "a\nb",
		`d=a\\nb`:           `a\nb`,
		`d=a\\\nb`:          `a\\nb`,
		`d=%5C%5Cn%5Cn`:     "\\n\n",
		"d=":                "", "": "", "e=1": "", "d=%zz": "",
	} {
		if got := string(formPayload([]byte(form))); got != want {
			t.Errorf("%s is %q, want %q", form, got, want)
		}
	}
}

// Whatever decodes is the same after it has been encoded and decoded again.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"4hello", "2probe", "4a\x1e4b", "bAQIDBA==", "4€\x1eb\x1e6", "b\n\n", "", "\x1e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) { roundTrip(t, payload{}, body) })
}

func FuzzStrings(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.strings)
	}
	f.Add("0:1:4")
	f.Fuzz(func(t *testing.T, body string) {
		if utf8.ValidString(body) { // others are refused before
			roundTrip(t, payload{dialect: revision3 | textOnly}, body)
		}
	})
}

func FuzzOctets(f *testing.F) {
	for _, g := range goldens {
		f.Add(g.octets)
	}
	f.Fuzz(func(t *testing.T, body string) { roundTrip(t, payload{dialect: revision3, octets: true}, body) })
}

// A form is malformed or has a payload, and what a client escapes comes back.
func FuzzForm(f *testing.F) {
	f.Add("d=4a%5C%5Cnb&d=6", `4\n`)
	f.Add("x;d=1", "4a\nb")
	f.Fuzz(func(t *testing.T, form, text string) {
		fields, err := url.ParseQuery(form)
		if got := formPayload([]byte(form)); (got == nil) != (err != nil || fields["d"] == nil) {
			t.Errorf("%q has %q", form, got)
		}
		if strings.Contains(text, "\\\n") {
			return // that no client can escape
		}
		escaped := strings.NewReplacer(`\n`, `\\n`, "\n", `\n`).Replace(text)
		if got := formPayload([]byte("d=" + url.QueryEscape(escaped))); string(got) != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

func roundTrip(t *testing.T, p payload, body string) {
	cut := p.dialect.cutter(p.octets)
	packets, err := decodePayload(cut, body)
	if err != nil {
		return
	}
	for _, packet := range packets {
		if packet.kind == packetBinary {
			p.addBinary(packet.data)
		} else {
			p.addText([]byte(packet.String()))
		}
	}
	again, err := decodePayload(cut, string(p.body))
	if err != nil {
		t.Fatalf("%q, from %q: %v", p.body, body, err)
	}
	if fmt.Sprintf("%q", again) != fmt.Sprintf("%q", packets) {
		t.Errorf("%q decodes to %q, then to %q", body, packets, again)
	}
}

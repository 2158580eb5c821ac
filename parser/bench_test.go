package parser

import (
	"bytes"
	"strings"
	"testing"
)

type benchMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

var benchText = strings.Repeat("a message ", 7)[:64]

func BenchmarkEncode(b *testing.B) {
	for _, bm := range []struct {
		name string
		arg  any
	}{
		{"string", benchText},
		{"unicode", benchText + "é🎉"},
		{"struct", benchMessage{"lobby", benchText}},
		{"map", map[string]any{"room": "lobby", "text": benchText}},
		{"binary", make([]byte, 1024)},
		{"nested binary", map[string]any{"data": make([]byte, 1024)}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			h := Header{Type: Event, Event: "msg"}
			buf := make([]byte, 0, 256)
			for b.Loop() {
				if _, err := (JSON{}).Encode(buf, &h, bm.arg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bm := range []struct {
		name string
		arg  any
		into any
	}{
		{"string", benchText, new(string)},
		{"struct", benchMessage{"lobby", benchText}, new(benchMessage)},
		{"binary", make([]byte, 1024), new([]byte)},
		{"nested binary", map[string]any{"data": make([]byte, 1024)}, new(any)},
	} {
		e, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "msg"}, bm.arg)
		if err != nil {
			b.Fatal(err)
		}
		receive := func(b *testing.B, d Decoder) *Packet {
			p, err := d.Text(e.Text)
			for _, a := range e.Attachments {
				p, err = d.Binary(a)
			}
			if err != nil {
				b.Fatal(err)
			}
			return p
		}
		b.Run(bm.name+"/packet", func(b *testing.B) {
			b.ReportAllocs()
			d := JSON{}.NewDecoder()
			for b.Loop() {
				receive(b, d)
			}
		})
		b.Run(bm.name+"/arguments", func(b *testing.B) {
			b.ReportAllocs()
			p := receive(b, JSON{}.NewDecoder())
			for b.Loop() {
				if err := p.Args.Decode(bm.into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	for _, bm := range []struct {
		name string
		text []byte
	}{
		{"string", []byte(`"` + strings.Repeat("a", 4096) + `"`)},
		{"messages", append(append([]byte{'['}, bytes.Repeat([]byte(`{"room":"lobby","text":"a short message","n":12},`), 80)...), "0]"...)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(int64(len(bm.text)))
			for b.Loop() {
				if !scanText(bm.text) {
					b.Fatal("not JSON")
				}
			}
		})
	}
}

package msgpack

import (
	"strings"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

type benchMessage struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

var benchText = strings.Repeat("a message ", 7)[:64]

var benchmarks = []struct {
	name string
	arg  any
	into func() any
}{
	{"string", benchText, func() any { return new(string) }},
	{"struct", benchMessage{"lobby", benchText}, func() any { return new(benchMessage) }},
	{"map", map[string]any{"room": "lobby", "text": benchText, "n": 7}, func() any { return new(any) }},
	{"numbers", []float64{1.5, 2.25, 3, 1e100, 5, 6.125, 7, 8}, func() any { return new([]float64) }},
	{"binary", make([]byte, 1024), func() any { return new([]byte) }},
	{"nested binary", map[string]any{"data": make([]byte, 1024)}, func() any { return new(any) }},
}

func BenchmarkEncode(b *testing.B) {
	h := parser.Header{Type: parser.Event, Event: "msg"}
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (Parser{}).Encode(nil, &h, bm.arg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bm := range benchmarks {
		e, err := Parser{}.Encode(nil, &parser.Header{Type: parser.Event, Event: "msg"}, bm.arg)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bm.name+"/packet", func(b *testing.B) {
			b.ReportAllocs()
			d := Parser{}.NewDecoder()
			for b.Loop() {
				if _, err := d.Binary(e.Attachments[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bm.name+"/arguments", func(b *testing.B) {
			b.ReportAllocs()
			p, err := Parser{}.NewDecoder().Binary(e.Attachments[0])
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := p.Args.Decode(bm.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

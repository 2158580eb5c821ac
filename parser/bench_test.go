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

// benchmarks are operations with a budget of allocations. The budgets are for
// encoding/json as it is without GOEXPERIMENT=jsonv2.
var benchmarks = func() (list []benchmark) {
	for _, c := range []struct {
		name                   string
		arg                    any
		into                   any
		encode, packet, decode float64 // budgets
	}{
		{"string", benchText, new(string), 0, 2, 2},
		{"unicode", benchText + "é🎉", new(string), 0, 2, 2},
		{"struct", benchMessage{"lobby", benchText}, new(benchMessage), 0, 2, 7},
		{"map", map[string]any{"room": "lobby", "text": benchText}, new(any), 5, 2, 11},
		{"binary", make([]byte, 1024), new([]byte), 1, 2, 2},
		{"nested binary", map[string]any{"data": make([]byte, 1024)}, new(any), 17, 3, 15},
	} {
		h := Header{Type: Event, Event: "msg"}
		buf := make([]byte, 0, 256)
		e, err := JSON{}.Encode(nil, &h, c.arg)
		receive := func(d Decoder) *Packet {
			p, err := d.Text(e.Text)
			for _, a := range e.Attachments {
				p, err = d.Binary(a)
			}
			if err != nil {
				panic(err)
			}
			return p
		}
		if err != nil {
			panic(err)
		}
		d, p := JSON{}.NewDecoder(), receive(JSON{}.NewDecoder())
		if err := p.Args.Decode(c.into); err != nil {
			panic(err)
		}
		list = append(list,
			benchmark{"Encode/" + c.name, c.encode, func() { _, _ = JSON{}.Encode(buf, &h, c.arg) }},
			benchmark{"Decode/" + c.name + "/packet", c.packet, func() { receive(d) }},
			benchmark{"Decode/" + c.name + "/arguments", c.decode, func() { _ = p.Args.Decode(c.into) }},
		)
	}
	return list
}()

type benchmark struct {
	name   string
	budget float64
	op     func()
}

func BenchmarkJSON(b *testing.B) {
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.op()
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

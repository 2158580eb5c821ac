package parser

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"testing"
)

// What programs share between the targets of many events. Decoding may read it,
// as others do at the same time.
var (
	sharedColors = map[string]any{"sky": "blue", "list": []any{"a"}, "more": map[string]any{"sea": "green"}}
	sharedPoints = map[int][2]int{1: {2, 3}}
	sharedNames  = map[string][]byte{"a": []byte("b")}
	sharedNodes  = map[string]*sharedNode{"root": {Name: "root", Children: map[string]*sharedNode{"leaf": {Name: "leaf"}}}}
)

type sharedNode struct {
	Name     string
	Data     []byte
	Children map[string]*sharedNode
}

type defaults struct {
	Data   []byte
	Any    any
	Files  map[string]any
	Colors map[string]any
	Points map[int][2]int
	Names  map[string][]byte
	Nodes  map[string]*sharedNode
	Within []any
}

func newDefaults() defaults {
	return defaults{
		Colors: sharedColors, Points: sharedPoints, Names: sharedNames, Nodes: sharedNodes,
		Within: []any{sharedColors, &sharedNames, struct{ M map[int][2]int }{sharedPoints}},
	}
}

// selfSet sets its own defaults when it is decoded.
type selfSet struct{ defaults }

func (s *selfSet) UnmarshalJSON(text []byte) error {
	s.defaults = newDefaults()
	return json.Unmarshal(text, &s.defaults)
}

// Maps that a target has from the program are not written by the attachments of
// an event. Others read them meanwhile: under -race, and without it by the maps
// themselves, a write would be noticed.
func TestDecodeLeavesSharedMapsAlone(t *testing.T) {
	arg := map[string]any{
		"Data": []byte("x"), "Any": []any{[]byte("y")},
		"Files": map[string]any{"f": []byte("z"), "deep": map[string]any{"g": []byte("w")}},
	}
	encoded, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "e"}, arg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := receive(t, JSON{}.NewDecoder(), string(encoded.Text), encoded.Attachments...)
	if err != nil {
		t.Fatal(err)
	}
	decoders := map[string]func() (defaults, error){
		"preset in the target": func() (defaults, error) {
			d := newDefaults()
			err := p.Args.Decode(&d)
			return d, err
		},
		"behind an interface": func() (defaults, error) {
			d := newDefaults()
			var v any = &d
			err := p.Args.Decode(&v)
			return d, err
		},
		"set by an UnmarshalJSON": func() (defaults, error) {
			var s selfSet
			err := p.Args.Decode(&s)
			return s.defaults, err
		},
	}
	want := newDefaults()
	want.Data, want.Any, want.Files = []byte("x"), []any{[]byte("y")}, map[string]any{"f": []byte("z"), "deep": map[string]any{"g": []byte("w")}}
	for name, decode := range decoders {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 50 {
						if got, err := decode(); err != nil || !reflect.DeepEqual(got, want) {
							t.Errorf("got %v, %v; want %v", got, err, want)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// What is decoded into a map of values that hold their bytes themselves arrives
// there.
func TestDecodeBinaryIntoMapsOfValues(t *testing.T) {
	type holder struct {
		Data  []byte
		Inner struct{ List [2][]byte }
	}
	var got map[string]holder
	arg := map[string]any{"a": map[string]any{"Data": []byte("x"), "Inner": map[string]any{"List": [][]byte{[]byte("y"), []byte("z")}}}, "b": map[string]any{}}
	if err := transfer(t, arg, &got); err != nil {
		t.Fatal(err)
	}
	list := got["a"].Inner.List
	if string(got["a"].Data) != "x" || !slices.EqualFunc(list[:], []string{"y", "z"}, func(b []byte, s string) bool { return string(b) == s }) {
		t.Errorf("got %q", got)
	}
}

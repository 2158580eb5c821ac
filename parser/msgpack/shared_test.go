package msgpack

import (
	"reflect"
	"sync"
	"testing"

	"github.com/goroomcast/socketio/parser"
)

// A map that several targets have from the program is not written by the binary
// of an event, which the JSON parser puts in its place.
func TestDecodeLeavesSharedMapsAlone(t *testing.T) {
	shared := map[string]any{"sky": "blue", "more": map[string]any{"sea": "green"}}
	type target struct {
		Data   []byte
		Files  map[string]any
		Colors map[string]any
	}
	h := parser.Header{Type: parser.Event, Namespace: "/", Event: "e"}
	p, err := receive(encode(t, &h, map[string]any{"Data": []byte("x"), "Files": map[string]any{"f": []byte("y")}}))
	if err != nil {
		t.Fatal(err)
	}
	want := target{[]byte("x"), map[string]any{"f": []byte("y")}, shared}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				got := target{Colors: shared}
				if err := p.Args.Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %v, %v; want %v", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

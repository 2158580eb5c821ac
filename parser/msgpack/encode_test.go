package msgpack

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// encodeArg returns the bytes of one argument of an event.
func encodeArg(t testing.TB, arg any) []byte {
	t.Helper()
	message := encode(t, &parser.Header{Type: parser.Event}, arg)
	before, after := "\x83\xa4type\x02\xa4data\x92\xa0", "\xa3nsp\xa1/"
	raw, ok := strings.CutPrefix(string(message), before)
	if !ok || !strings.HasSuffix(raw, after) {
		t.Fatalf("message %x", message)
	}
	return []byte(strings.TrimSuffix(raw, after))
}

type loud string

func (s loud) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(s))), nil }

func TestEncodeArg(t *testing.T) {
	type point struct {
		X      int    `json:"x"`
		Y      *int   `json:"y,omitempty"`
		Data   []byte `json:"data,omitempty"`
		Hidden string `json:"-"`
		small  int
	}
	for _, tc := range []struct {
		behaviour, wire string
		arg             any
	}{
		{"nil", "c0", nil},
		{"nil pointer", "c0", (*point)(nil)},
		{"bool", "c3", true},
		{"int", "d0df", -33},
		{"int64 unharmed", "d38000000000000000", int64(math.MinInt64)},
		{"uint64 unharmed", "cfffffffffffffffff", uint64(math.MaxUint64)},
		{"integers in a struct unharmed", "81a14ecf0020000000000001", struct{ N int64 }{1<<53 + 1}},
		{"float64 of an integer", "05", 5.0},
		{"float64 beyond 64 bits", "cb7e37e43c8800759c", 1e300},
		{"float64", "cb3fb999999999999a", 0.1},
		{"float32", "cb3fb999999999999a", float32(0.1)},
		{"number beyond 64 bits", "cb4415af1d78b58c40", json.Number("100000000000000000000")},
		{"string", "a161", "a"},
		{"string that is not UTF-8", "a461efbfbd", "a\xff"},
		{"raw JSON that is not UTF-8", "a461efbfbd", json.RawMessage("\"a\xff\"")},
		{"raw JSON with white space", "82a1619101a0c0", json.RawMessage(` { "a" : [ 1 ] , "" : null } `)},
		{"raw JSON with escapes", "a561c3a9220a", json.RawMessage(`"a\u00e9\"\n"`)},
		{"bytes", "c403010203", []byte{1, 2, 3}},
		{"no bytes", "c400", []byte{}},
		{"nil bytes", "c0", []byte(nil)},
		{"struct", "81a17801", point{X: 1, Hidden: "secret", small: 7}},
		{"bytes in a struct", "82a17801a464617461c40109", &point{X: 1, Data: []byte{9}}},
		{"bytes twice", "92c40101c40102", [][]byte{{1}, {2}}},
		{"time", "b4323032342d30312d30325430333a30343a30355a", time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"text marshaler", "a14f", loud("o")},
		{"keys of integers", "81a137c3", map[int]bool{7: true}},
		{"array of 256 KB", "dd00040000" + strings.Repeat("01", 1<<18), slicesOfOnes(1 << 18)},
		{"text of 64 KB", "db00010000" + strings.Repeat("78", 1<<16), strings.Repeat("x", 1<<16)},
		{"text under 64 KB", "daffff" + strings.Repeat("78", 1<<16-1), strings.Repeat("x", 1<<16-1)},
		{"bytes of 64 KB", "c600010000" + strings.Repeat("07", 1<<16), sevens(1 << 16)},
		{"arrays that need longer heads", "dc0010" + strings.Repeat("dc0010"+strings.Repeat("01", 16), 16), [16][]int(repeat(slicesOfOnes(16), 16))},
	} {
		t.Run(tc.behaviour+" "+tc.wire[:min(len(tc.wire), 40)], func(t *testing.T) {
			if got := hex.EncodeToString(encodeArg(t, tc.arg)); got != tc.wire {
				t.Errorf("got %.200s, want %.200s", got, tc.wire)
			}
		})
	}
}

func slicesOfOnes(n int) []int {
	return repeat(1, n)
}

func repeat[T any](v T, n int) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func TestEncodeLeavesArgumentsAlone(t *testing.T) {
	data := []byte{1, 2, 3}
	arg := map[string]any{"data": data}
	message := encode(t, &eventA, arg)
	clear(message)
	if want := map[string]any{"data": []byte{1, 2, 3}}; !reflect.DeepEqual(arg, want) {
		t.Errorf("got %v", arg)
	}
}

// Between servers an event is JSON with placeholders, whatever parser the
// clients have. So what looks like one beside binary is refused for clients of
// MessagePack, too.
func TestEncodeLookalike(t *testing.T) {
	lookalike := map[string]any{"_placeholder": true, "num": 0}
	_, err := Parser{}.Encode(nil, &eventA, []byte{1}, lookalike)
	if want := `parser: argument 1: an object with "_placeholder":true would be taken for binary`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	got, err := receive(encode(t, &eventA, lookalike))
	if err != nil {
		t.Fatal(err)
	}
	if want := []any{map[string]any{"_placeholder": true, "num": 0.0}}; !reflect.DeepEqual(decodeAll(t, got), want) {
		t.Errorf("without binary: got %v, want %v", decodeAll(t, got), want)
	}
}

func TestEncodeNumberAlone(t *testing.T) {
	got := encode(t, &parser.Header{Type: parser.ConnectError}, -1)
	if want := "\x83\xa4type\x04\xa4data\xff\xa3nsp\xa1/"; string(got) != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestEncodeInvalid(t *testing.T) {
	for _, tc := range []struct {
		behaviour string
		header    parser.Header
		args      []any
		want      string
	}{
		{"channel", parser.Header{Type: parser.Event}, []any{1, make(chan int)}, "parser: argument 1: json: unsupported type: chan int"},
		{"not a number", parser.Header{Type: parser.Ack}, []any{math.NaN()}, "parser: argument 0: json: unsupported value: NaN"},
		{"beyond float64", parser.Header{Type: parser.Ack}, []any{json.Number("1e400")}, `msgpack: strconv.ParseFloat: parsing "1e400": value out of range`},
		{"arguments of DISCONNECT", parser.Header{Type: parser.Disconnect}, []any{1}, "parser: no packet of type DISCONNECT has 1 arguments"},
		{"CONNECT_ERROR without", parser.Header{Type: parser.ConnectError}, nil, "parser: no packet of type CONNECT_ERROR has 0 arguments"},
		{"binary type", parser.Header{Type: parser.BinaryEvent}, nil, "parser: no packet of type BINARY_EVENT has 0 arguments"},
	} {
		t.Run(tc.behaviour, func(t *testing.T) {
			e, err := Parser{}.Encode(nil, &tc.header, tc.args...)
			if err == nil || err.Error() != tc.want || e.Attachments != nil {
				t.Errorf("got %x, %v; want %s", e.Attachments, err, tc.want)
			}
		})
	}
	t.Run("binary values", func(t *testing.T) {
		if _, err := (Parser{}).Encode(nil, &eventA, repeat([]byte{}, maxBinaries)); err != nil {
			t.Errorf("as many as may be: %v", err)
		}
		if _, err := (Parser{}).Encode(nil, &eventA, repeat([]byte{}, maxBinaries+1)); !errors.Is(err, parser.ErrTooManyAttachments) {
			t.Errorf("one more: got %v, want %v", err, parser.ErrTooManyAttachments)
		}
	})
}

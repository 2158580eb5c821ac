package parser

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

type (
	namedBytes []byte
	namedByte  byte

	// upper is a []byte that writes itself.
	upper []byte

	// sealed has bytes that are its own affair.
	sealed struct{ Data []byte }

	// zeroer is zero by an unexported field.
	zeroer struct {
		Data  []byte
		unset bool
	}

	Inner     struct{ Promoted []byte }
	Inner2    struct{ Promoted []byte }
	ambiguous struct {
		Inner
		Inner2
	}
	inner  struct{ Hidden []byte }
	inner2 struct {
		Hidden2 []byte
		Other   int
	}

	document struct {
		Name      string `json:"name"`
		Data      []byte `json:"data"`
		Omitted   []byte `json:"omitted,omitempty"`
		Zero      []byte `json:"zero,omitzero"`
		Ignored   []byte `json:"-"`
		Dash      []byte `json:"-,"`
		Quoted    int64  `json:"quoted,string"`
		QuotedB   []byte `json:"quotedB,string"`
		Omitempty []byte `json:"omitempty"`
		Named     namedBytes
		Numbers   []namedByte
		Array     [2][]byte
		Digest    [3]byte
		Matrix    [][]byte
		Map       map[string][]byte
		ByNumber  map[int]any
		Any       any
		Pointer   *[]byte
		Next      *document `json:",omitempty"`
		Raw       json.RawMessage
		When      time.Time
		Address   net.IP
		Upper     upper
		Sealed    sealed
		Zeroer    zeroer `json:",omitzero"`
		Zeroer2   zeroer `json:",omitzero"`
		private   []byte
		mu        *sync.Mutex
		Inner
		inner
		*inner2
	}
)

func (u upper) MarshalText() ([]byte, error)   { return []byte(strings.ToUpper(string(u))), nil }
func (s sealed) MarshalJSON() ([]byte, error)  { return json.Marshal(len(s.Data)) }
func (s *sealed) UnmarshalJSON(b []byte) error { return nil }
func (z zeroer) IsZero() bool                  { return z.unset }

func full() document {
	data := []byte("pointed to")
	return document{
		Name: "<name>", Data: []byte("data"), Omitted: []byte("omitted"), Zero: []byte("zero"), Ignored: []byte("ignored"), Dash: []byte("dash"),
		Quoted: 12, QuotedB: []byte("quoted"), Omitempty: []byte("name of an option"), Named: namedBytes("named"), Numbers: []namedByte{1, 2},
		Array: [2][]byte{[]byte("first"), nil}, Digest: [3]byte{1, 2, 3}, Matrix: [][]byte{[]byte("row"), {}, nil},
		Map: map[string][]byte{"z": []byte("z"), "a": []byte("a"), "n": nil}, ByNumber: map[int]any{2: []byte("two"), 10: "ten"},
		Any: []any{map[string]any{"k": []byte("deep")}, []byte("any"), "text", 1.5, nil}, Pointer: &data,
		Next: &document{Data: []byte("next")}, Raw: json.RawMessage(`{"a":1}`), When: time.Unix(0, 0).UTC(), Address: net.IPv4(127, 0, 0, 1),
		Upper: upper("upper"), Sealed: sealed{[]byte("sealed")}, Zeroer: zeroer{[]byte("kept"), false}, Zeroer2: zeroer{[]byte("dropped"), true},
		private: []byte("private"), mu: new(sync.Mutex), Inner: Inner{[]byte("promoted")}, inner: inner{[]byte("hidden")}, inner2: &inner2{[]byte("hidden too"), 3},
	}
}

// base64Text is the JSON of an encoded argument with its attachments back in
// place, as base64: what encoding/json would have written.
func base64Text(text []byte, attachments [][]byte) string {
	var replace []string
	for i, a := range attachments {
		replace = append(replace, string(appendPlaceholder(nil, i)), strconv.Quote(base64.StdEncoding.EncodeToString(a)))
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

func TestEncodeBinary(t *testing.T) {
	doc := full()
	empty := document{Omitted: []byte{}, Zero: []byte{}, Matrix: [][]byte{}, Map: map[string][]byte{}, Data: []byte{}}
	bytes := []byte("x")
	pointer := &bytes
	for name, tc := range map[string]struct {
		arg  any
		want string // the attachments
	}{
		"struct": {doc, "data omitted zero dash quoted name of an option named \x01\x02 first row  a z two deep any pointed to next kept " +
			"promoted hidden hidden too"},
		"pointer to a struct":                {&doc, "data omitted zero dash quoted name of an option named \x01\x02 first row  a z two deep any pointed to next kept promoted hidden hidden too"},
		"zero struct":                        {document{}, ""},
		"empty bytes":                        {empty, " "}, // Data and Zero
		"named bytes":                        {namedBytes("x"), "x"},
		"slice of a named byte":              {[]namedByte{'x'}, "x"},
		"pointer to pointer":                 {&pointer, "x"},
		"slices":                             {[][]byte{{'a'}, nil, {}, {'b'}}, "a  b"},
		"array":                              {[2][]byte{{'a'}, {'b'}}, "a b"},
		"map, in the order of its keys":      {map[string][]byte{"b": {'b'}, "c": {'c'}, "a": {'a'}}, "a b c"},
		"map of interfaces":                  {map[string]any{"b": []byte{'b'}, "a": []any{[]byte{'a'}, nil}}, "a b"},
		"map of structs":                     {map[int]Inner{1: {[]byte("x")}, 2: {}}, "x"},
		"interfaces":                         {[]any{1, nil, []byte{'a'}, &bytes, "s", []any{[]byte{'b'}}}, "a x b"},
		"unexported embedded nil pointer":    {struct{ *inner }{}, ""},
		"ambiguous fields, which are left":   {ambiguous{Inner{[]byte("a")}, Inner2{[]byte("b")}}, ""},
		"marshalers, left alone":             {[]any{upper("x"), sealed{[]byte("x")}, net.IPv4(1, 2, 3, 4), time.Unix(0, 0).UTC(), json.RawMessage(`[1]`)}, ""},
		"marshaler beside binary":            {[]any{upper("x"), sealed{[]byte("x")}, []byte("y")}, "y"},
		"the same bytes twice":               {[]any{bytes, bytes}, "x x"},
		"text that looks like a placeholder": {[]any{`{"_placeholder":true,"num":0}`, []byte("x")}, "x"},
		"nil pointer":                        {(*document)(nil), ""},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := appendJSON(nil, tc.arg)
			if err != nil {
				t.Fatal(err)
			}
			var w writer
			err = w.arg(tc.arg)
			text, attachments := w.text, w.attachments
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range attachments {
				got = append(got, string(a))
			}
			if got := strings.Join(got, " "); got != tc.want {
				t.Errorf("attachments: got %q, want %q", got, tc.want)
			}
			if got := base64Text(text, attachments); got != string(want) {
				t.Errorf("with attachments as base64:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestEncodeBinaryNumbersAcrossArguments(t *testing.T) {
	got, err := JSON{}.Encode(nil, &Header{Type: Event, Event: "e"}, []byte("a"), 1, []any{[]byte("b")}, []byte("c"))
	if want := `53-["e",{"_placeholder":true,"num":0},1,[{"_placeholder":true,"num":1}],{"_placeholder":true,"num":2}]`; err != nil || string(got.Text) != want {
		t.Errorf("got %s, %v; want %s", got.Text, err, want)
	}
	if got := fmt.Sprintf("%s", got.Attachments); got != "[a b c]" {
		t.Errorf("attachments: got %s", got)
	}
}

func TestEncodeDoesNotModifyArguments(t *testing.T) {
	doc := full()
	h := Header{Type: Event, Event: "e"}
	if _, err := (JSON{100}).Encode(nil, &h, doc, &doc, []any{doc, []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if want := full(); !reflect.DeepEqual(doc, want) {
		t.Errorf("got %+v, want %+v", doc, want)
	}
	if want := (Header{Type: Event, Event: "e"}); h != want {
		t.Errorf("header: got %+v, want %+v", h, want)
	}
}

// A struct's lock may be in use by others while the rest of it is encoded.
func TestEncodeLeavesLocksAlone(t *testing.T) {
	var state struct {
		mu   sync.Mutex
		Data []byte
	}
	state.Data = []byte("x")
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 1000 {
			state.mu.Lock()
			state.mu.Unlock() //nolint:staticcheck // only the lock's own state is of interest
		}
	})
	for range 1000 {
		var w writer
		if err := w.arg(&state); err != nil || len(w.attachments) != 1 {
			t.Fatal(len(w.attachments), err)
		}
	}
	wg.Wait()
}

func TestMayHoldBytes(t *testing.T) {
	type list struct {
		Value string
		Next  *list
	}
	type a struct {
		B *struct{ A *a }
	}
	type tree struct {
		Children []*tree
		Value    any
	}
	for _, tc := range []struct {
		v    any
		want bool
	}{
		{"", false}, {1, false}, {[]string{}, false}, {map[string]int{}, false}, {[4]byte{}, false}, {list{}, false}, {a{}, false}, {time.Time{}, false},
		{net.IP{}, false}, {json.RawMessage{}, false}, {sealed{}, false}, {struct{ p []byte }{}, false},
		{struct {
			P []byte `json:"-"`
		}{}, false},
		{[]byte{}, true}, {[]any{}, true}, {tree{}, true}, {&tree{}, true}, {map[string][]byte{}, true}, {struct{ inner }{}, true}, {document{}, true},
		{struct{ error }{}, false}, {struct{ E error }{}, true}, {struct{ M json.Marshaler }{}, false},
	} {
		if got := shapeOf(reflect.TypeOf(tc.v)).mayHoldBytes; got != tc.want {
			t.Errorf("%T: got %v, want %v", tc.v, got, tc.want)
		}
	}
}

// transfer encodes an argument and decodes it into a target.
func transfer(t *testing.T, arg, into any) error {
	t.Helper()
	p := JSON{MaxAttachments: 100}
	e, err := p.Encode(nil, &Header{Type: Event, Event: "e"}, arg)
	if err != nil {
		t.Fatal(err)
	}
	packet, err := receive(t, p.NewDecoder(), string(e.Text), e.Attachments...)
	if err != nil {
		t.Fatal(err)
	}
	return packet.Args.Decode(into)
}

// Binary arrives wherever encoding/json would have put base64.
func TestDecodeBinary(t *testing.T) {
	doc := full()
	doc.inner2 = nil // encoding/json cannot allocate it
	doc.Any, doc.ByNumber, doc.Upper = nil, nil, nil
	for name, tc := range map[string]struct{ arg, into any }{
		"bytes":              {[]byte("x"), new([]byte)},
		"empty bytes":        {[]byte{}, new([]byte)},
		"named bytes":        {[]byte("x"), new(namedBytes)},
		"named byte":         {[]byte("x"), new([]namedByte)},
		"pointer":            {[]byte("x"), new(*[]byte)},
		"slices":             {[][]byte{{1}, nil, {}, {2}}, new([][]byte)},
		"array":              {[][]byte{{1}, {2}}, new([2][]byte)},
		"map":                {map[string][]byte{"a": {1}, "b": {2}}, new(map[string][]byte)},
		"map of structs":     {map[string]Inner{"a": {[]byte("x")}}, new(map[string]Inner)},
		"map of pointers":    {map[string]*Inner{"a": {[]byte("x")}}, new(map[string]*Inner)},
		"struct":             {doc, new(document)},
		"binary passed over": {map[string]any{"Promoted": []byte("x"), "more": []byte("y"), "again": []any{[]byte("y")}}, new(Inner)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := transfer(t, tc.arg, tc.into); err != nil {
				t.Fatal(err)
			}
			base64, err := appendJSON(nil, tc.arg)
			if err != nil {
				t.Fatal(err)
			}
			want := reflect.New(reflect.TypeOf(tc.into).Elem())
			if err := json.Unmarshal(base64, want.Interface()); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(tc.into, want.Interface()) {
				t.Errorf("got %+v, want %+v", tc.into, want)
			}
		})
	}
}

func TestDecodeBinaryIntoInterfaces(t *testing.T) {
	arg := map[string]any{"a": []any{[]byte("x"), "y", nil}, "b": map[string]any{"c": []byte{}}, "d": []byte("z")}
	var v any
	if err := transfer(t, arg, &v); err != nil || !reflect.DeepEqual(v, any(arg)) {
		t.Errorf("any: got %v, %v; want %v", v, err, arg)
	}
	var m map[string]any
	if err := transfer(t, arg, &m); err != nil || !reflect.DeepEqual(m, arg) {
		t.Errorf("map: got %v, %v; want %v", m, err, arg)
	}
	var target Inner
	v = &target
	if err := transfer(t, Inner{[]byte("x")}, &v); err != nil || string(target.Promoted) != "x" {
		t.Errorf("pointer in an any: got %v, %v", target, err)
	}
	var b []byte
	v = &b
	if err := transfer(t, []byte("x"), &v); err != nil || string(b) != "x" {
		t.Errorf("pointer to bytes in an any: got %v, %v", b, err)
	}
}

func TestDecodeBinaryIntoOtherTypes(t *testing.T) {
	for _, tc := range []struct{ arg, into any }{
		{[]byte("x"), new(string)},
		{[]byte("x"), new(int)},
		{[]byte("x"), new(json.RawMessage)},
		{[]byte("x"), new(map[string]any)},
		{[]byte("x"), new(struct{})},
		{[]byte("x"), (*[]byte)(nil)},
		{[]byte("x"), (*any)(nil)},
		{[]byte("x"), nil},
		{[]any{[]byte("x")}, new(json.RawMessage)},
		{[]any{1, []byte("x")}, new([]string)},
		{map[string]any{"a": []byte("x")}, new(map[string]string)},
		{map[string]any{"Raw": []any{[]byte("x")}}, new(document)},
		{map[string]any{"When": []byte("x")}, new(document)},
		{map[string]any{"quoted": []byte("x")}, new(document)},
	} {
		t.Run(fmt.Sprintf("%v into %T", tc.arg, tc.into), func(t *testing.T) {
			if err := transfer(t, tc.arg, tc.into); err == nil {
				t.Errorf("no error; decoded %v", tc.into)
			}
		})
	}
}

func TestDecodeBinaryIntoCyclicTarget(t *testing.T) {
	type node struct {
		Data  []byte
		Next  *node
		Nodes map[string]*node
		List  []*node
	}
	n := new(node)
	n.Next, n.Nodes, n.List = n, map[string]*node{"self": n}, []*node{n}
	if err := transfer(t, map[string]any{"Data": []byte("x")}, n); err != nil || string(n.Data) != "x" {
		t.Errorf("got %s, %v", n.Data, err)
	}
}

func TestDecodeBinaryOwnsWhatItReturns(t *testing.T) {
	p, err := receive(t, JSON{}.NewDecoder(), `52-["a",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]`, []byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var a []byte
		var b [][]byte
		if err := p.Args.Decode(&a, &b); err != nil || string(a) != "x" || string(b[0]) != "y" {
			t.Fatalf("got %q, %q, %v", a, b, err)
		}
		a[0], b[0][0] = 'z', 'z'
	}
}

// Clients name each attachment once. A packet that could name one as often as
// its text has room for would become as many attachments when it is encoded
// again.
func TestDecodeAttachmentNamedTwice(t *testing.T) {
	const text, other = `{"_placeholder":true,"num":0}`, `{"_placeholder":true,"num":1}`
	for name, args := range map[string]string{
		"by two arguments":          text + "," + text,
		"by 500":                    text + strings.Repeat(","+text, 499),
		"in an array":               "[" + text + "," + text + "]",
		"at two depths":             text + `,{"a":[` + text + `]}`,
		"by two members of a name":  `{"a":` + text + `,"a":` + text + `}`,
		"within itself":             `{"_placeholder":true,"num":0,"more":` + text + `}`,
		"after others":              other + "," + text + "," + text,
		"written differently":       text + `,{"num":0,"_placeholder":true}`,
		"by a number written twice": text + `,{"_placeholder":true,"num":1,"num":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, begin := range []string{`52-["a",`, `62-[`} {
				if p, err := (JSON{}).NewDecoder().Text([]byte(begin + args + "]")); !errors.Is(err, ErrInvalidPacket) {
					t.Errorf("got %v, %v; want %v", p, err, ErrInvalidPacket)
				}
			}
		})
	}
}

// What JavaScript's parser takes for a placeholder, and what it does not.
func TestDecodePlaceholder(t *testing.T) {
	for wire, want := range map[string]any{
		`{"_placeholder":true,"num":0}`:                        []byte("x"),
		`{"num":1,"_placeholder":true}`:                        []byte("y"),
		" {\n\"_placeholder\" : true , \"num\" :\t1 } ":        []byte("y"),
		`{"_placeholder":true,"num":0 }`:                       []byte("x"),
		`{"_placeholder":true,"num":0,"more":[{}]}`:            []byte("x"),
		`{"_placeholder":true,"num":1,"num":0}`:                []byte("x"),
		`{"_placeholder":true,"num":7,"num":0}`:                []byte("x"),
		`{"_placeholder":false,"_placeholder":true,"num":0}`:   []byte("x"),
		`{"_placeholder":true,"_placeholder":false,"num":0}`:   map[string]any{"_placeholder": false, "num": 0.0},
		`{"_placeholder":false,"num":9}`:                       map[string]any{"_placeholder": false, "num": 9.0},
		`{"_placeholder":1,"num":9}`:                           map[string]any{"_placeholder": 1.0, "num": 9.0},
		`{"_placeholder":"true","num":9}`:                      map[string]any{"_placeholder": "true", "num": 9.0},
		`{"num":9}`:                                            map[string]any{"num": 9.0},
		`{"a":{"_placeholder":true,"num":1},"b":[ 1 , "\"" ]}`: map[string]any{"a": []byte("y"), "b": []any{1.0, `"`}},
		`"{\"_placeholder\":true,\"num\":0}"`:                  `{"_placeholder":true,"num":0}`,
		`"eA=="`:                                               "eA==",
	} {
		t.Run(wire, func(t *testing.T) {
			p, err := receive(t, JSON{}.NewDecoder(), `52-["e",0,`+wire+` , "last" ]`, []byte("x"), []byte("y"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := decodeAll(t, p), []any{0.0, want, "last"}; !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// A telltale is told the JSON that it is decoded from, tokens and all.
type telltale struct{ json string }

func (t *telltale) UnmarshalJSON(b []byte) error {
	t.json = string(b)
	return nil
}

// A client that has learnt a token gains nothing by it.
func TestDecodeBinaryWithToldTokens(t *testing.T) {
	d := JSON{}.NewDecoder()
	p, err := receive(t, d, `52-["a",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]`, []byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	var told []telltale
	if err := p.Args.Decode(&told); err != nil || len(told) != 2 || told[1].json[0] != '"' {
		t.Fatalf("told %v, %v", told, err)
	}
	token := told[1].json // of an attachment that the next packet does not have
	p, err = receive(t, d, `51-["a",`+token+`,{"b":`+token+`},{"_placeholder":true,"num":0}]`, []byte("z"))
	if err != nil {
		t.Fatal(err)
	}
	for _, into := range []any{new(any), new([]byte), new(string), new(json.RawMessage)} {
		if err := p.Args.Decode(into); err == nil {
			t.Errorf("%T is decoded from a token", into)
		}
		if err := p.Args.Decode(new(telltale), into); err == nil {
			t.Errorf("%T is decoded from a token in an object", into)
		}
	}
	var last []byte
	if err := p.Args.Decode(new(telltale), new(telltale), &last); err != nil || string(last) != "z" {
		t.Errorf("got %q, %v", last, err)
	}
}

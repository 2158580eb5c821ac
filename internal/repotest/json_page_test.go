package repotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/parser"
)

// The types of docs/compatibility.md.
type hash [2]byte

type note struct {
	Text string
	Done time.Time `json:"done,omitempty"`
	Seen time.Time `json:"seen,omitzero"`
	Big  int64     `json:"big,omitzero,string"`
}

type code struct{ N int }

func (c *code) MarshalJSON() ([]byte, error) { return []byte(`"seven"`), nil }

// emitted are the values of the page's first table.
var emitted = map[string]any{
	`[]string(nil)`:                               []string(nil),
	`map[string]int(nil)`:                         map[string]int(nil),
	`note{Text: "hi"}`:                            note{Text: "hi"},
	`struct{ text string }{"hi"}`:                 struct{ text string }{"hi"},
	`struct{ Note note }{}`:                       struct{ Note note }{},
	`time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)`: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	`time.Second`:                                 time.Second,
	`int64(9007199254740993)`:                     int64(9007199254740993),
	`note{Seen: time.Unix(0, 0).UTC(), Big: 9007199254740993}`: note{Seen: time.Unix(0, 0).UTC(), Big: 9007199254740993},
	`math.NaN()`:                          math.NaN(),
	`math.Inf(1)`:                         math.Inf(1),
	`[]byte{1, 2}`:                        []byte{1, 2},
	`struct{ Data []byte }{[]byte{1, 2}}`: struct{ Data []byte }{[]byte{1, 2}},
	`[]byte(nil)`:                         []byte(nil),
	`hash{1, 2}`:                          hash{1, 2},
	`errors.New("full")`:                  errors.New("full"),
	`"<b>&\u2028"`:                        "<b>&\u2028",
	`"a\xff"`:                             "a\xff",
	`map[string]int{"b": 1, "a": 2}`:      map[string]int{"b": 1, "a": 2},
	`map[int]string{7: "a"}`:              map[int]string{7: "a"},
	`map[bool]int{true: 1}`:               map[bool]int{true: 1},
	`code{7}`:                             code{7},
	`map[string]code{"a": {7}}`:           map[string]code{"a": {7}},
	`&code{7}`:                            &code{7},
}

// asked are the types of its second table.
var asked = map[string]reflect.Type{
	`struct{ Text string }`: reflect.TypeFor[struct{ Text string }](),
	`int`:                   reflect.TypeFor[int](),
	`any`:                   reflect.TypeFor[any](),
	`time.Time`:             reflect.TypeFor[time.Time](),
	`map[string]int`:        reflect.TypeFor[map[string]int](),
	`map[string]any`:        reflect.TypeFor[map[string]any](),
	`[]byte`:                reflect.TypeFor[[]byte](),
	`string`:                reflect.TypeFor[string](),
	`[2]int`:                reflect.TypeFor[[2]int](),
	`[]string`:              reflect.TypeFor[[]string](),
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// rowsOf returns the rows of the table of docs/compatibility.md that begins with
// a heading, as cells.
func rowsOf(t *testing.T, heading string) (rows [][]string) {
	page, err := os.ReadFile("docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "\n| "+heading)
	if !found {
		t.Fatalf("no table that begins with %q", heading)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for _, line := range strings.Split(table, "\n")[2:] {
		rows = append(rows, strings.Split(strings.Trim(line, "| "), " | "))
	}
	return rows
}

// spans returns the pieces of code in a cell.
func spans(cell string) (code []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		code = append(code, m[1])
	}
	return code
}

// TestJSONToThePage emits the values of docs/compatibility.md.
func TestJSONToThePage(t *testing.T) {
	seen := 0
	for _, row := range rowsOf(t, "Go emits") {
		wants := spans(row[1])
		for i, expression := range spans(row[0]) {
			value, known := emitted[expression]
			if !known {
				t.Errorf("the test has no value for %s", expression)
				continue
			}
			seen++
			e, err := parser.JSON{}.Encode(nil, &parser.Header{Type: parser.Event, Event: "e"}, value)
			text := strings.TrimSuffix(strings.TrimPrefix(string(e.Text), `2["e",`), "]")
			switch {
			case row[1] == "an error of `Emit`":
				if err == nil {
					t.Errorf("%s is encoded as %s, want an error", expression, text)
				}
			case err != nil:
				t.Errorf("%s: %v", expression, err)
			case row[1] == "binary":
				if len(e.Attachments) != 1 {
					t.Errorf("%s has %d attachments, want 1", expression, len(e.Attachments))
				}
			case text != wants[min(i, len(wants)-1)]:
				t.Errorf("%s is encoded as %s, want %s", expression, text, wants)
			}
		}
	}
	if seen != len(emitted) {
		t.Errorf("the page shows %d values, the test knows %d", seen, len(emitted))
	}
}

// TestJSONFromThePage lets the stock client's parser encode the values of
// docs/compatibility.md, and decodes them.
func TestJSONFromThePage(t *testing.T) {
	const modules = "docs/e2e/node_modules"
	if _, err := os.Stat(modules); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no socket.io-parser: run npm ci in docs/e2e (Debian: apt-get install npm)")
	}
	rows := rowsOf(t, "the page emits")
	var expressions []string
	for _, row := range rows {
		expressions = append(expressions, spans(row[0])...)
	}
	packets := encodeInJavaScript(t, expressions)
	for _, row := range rows {
		for _, expression := range spans(row[0]) {
			got := decodeFromThePage(t, packets[expression], row[1])
			want := strings.Trim(row[2], "`")
			if code := spans(row[2]); strings.HasPrefix(row[2], "`") {
				want = code[0]
			}
			if got != want && !(got == "an error" && strings.HasPrefix(want, "an error")) {
				t.Errorf("%s for %s: got %s, want %s", expression, row[1], got, want)
			}
		}
	}
}

func decodeFromThePage(t *testing.T, messages [][]byte, typeName string) string {
	if messages == nil {
		return "an error"
	}
	wanted := asked[strings.Trim(typeName, "`")]
	if wanted == nil {
		t.Errorf("the test does not know the type %s", typeName)
		return ""
	}
	decoder := parser.JSON{}.NewDecoder()
	packet, err := decoder.Text(messages[0])
	for _, attachment := range messages[1:] {
		packet, err = decoder.Binary(attachment)
	}
	if err != nil {
		t.Fatal(err)
	}
	value := reflect.New(wanted)
	if err := packet.Args.Decode(value.Interface()); err != nil {
		return "an error"
	}
	return fmt.Sprint(value.Elem().Interface())
}

// encodeInJavaScript returns the messages of an event with each of some values,
// nil for a value that cannot be emitted.
func encodeInJavaScript(t *testing.T, expressions []string) (packets map[string][][]byte) {
	const script = `
		import { Encoder } from "socket.io-parser";
		const packets = {};
		for (const expression of JSON.parse(process.argv[1])) {
			const data = ["e", eval("(" + expression + ")")];
			try {
				packets[expression] = new Encoder().encode({ type: 2, nsp: "/", data }).map((m) => Buffer.from(m).toString("base64"));
			} catch {
				packets[expression] = null;
			}
		}
		console.log(JSON.stringify(packets));`
	list, err := json.Marshal(expressions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "--input-type=module", "-e", script, string(list))
	cmd.Dir = "docs/e2e"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if err := json.Unmarshal(out, &packets); err != nil {
		t.Fatal(err)
	}
	return packets
}

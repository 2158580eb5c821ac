package msgpack

import (
	"fmt"
	"math"

	"github.com/goroomcast/socketio/parser"
)

// args are arguments in MessagePack, checked already.
type args struct {
	raw []byte
	n   int
}

func (a *args) Len() int { return a.n }

func (a *args) Decode(into ...any) error {
	if len(into) > a.n {
		return fmt.Errorf("%w: %d instead of %d", parser.ErrTooFewArgs, a.n, len(into))
	}
	if a.decodeSimple(into) {
		return nil
	}
	asJSON, err := a.asJSON(len(into))
	if err != nil {
		return err
	}
	return asJSON.Decode(into...)
}

// asJSON returns the first n arguments as those of a packet of the JSON parser.
func (a *args) asJSON(n int) (parser.Args, error) {
	w := jsonWriter{rest: a.raw, out: make([]byte, 0, len(a.raw)*3/2+32)}
	w.elements(uint64(n))
	p, err := values.DecodePayload(parser.Ack, parser.Encoded{Text: w.out, Attachments: w.attachments})
	if err != nil {
		return nil, err
	}
	return p.Args, nil
}

// Values is for [parser.ValuesOf].
func (a *args) Values() ([]any, error) {
	asJSON, err := a.asJSON(a.n)
	return parser.ValuesOf(asJSON), err
}

// decodeSimple is Decode for arguments of the commonest types. If it reports
// false, some targets may be set.
func (a *args) decodeSimple(into []any) bool {
	rest := a.raw
	for _, target := range into {
		var ok bool
		if rest, ok = decodeSimple(rest, target); !ok {
			return false
		}
	}
	return true
}

// decodeSimple does what [Parser] says for the commonest types, if it is
// simple, and returns what follows.
func decodeSimple(data []byte, target any) (rest []byte, ok bool) {
	k, n, rest, _ := readHead(data)
	switch p := target.(type) {
	case *string:
		if p != nil && k == text {
			*p = string(rest[:n])
			return rest[n:], true
		}
	case *[]byte:
		if p != nil && k == bin {
			*p = append([]byte{}, rest[:n]...)
			return rest[n:], true
		}
	case *any:
		if p != nil && *p == nil {
			*p, rest = readAny(data)
			return rest, true
		}
	case *map[string]any:
		if p != nil && *p == nil && k == object {
			*p, rest = readMap(rest, n)
			return rest, true
		}
	case *bool:
		if p != nil && k == boolean {
			*p = n == 1
			return rest, true
		}
	case *int:
		if i, ok := integer(k, n); p != nil && ok && int64(int(i)) == i {
			*p = int(i)
			return rest, true
		}
	case *int64:
		if i, ok := integer(k, n); p != nil && ok {
			*p = i
			return rest, true
		}
	case *float64:
		if f, ok := number(k, n); p != nil && ok {
			*p = f
			return rest, true
		}
	}
	return nil, false
}

func integer(k kind, n uint64) (int64, bool) {
	return int64(n), k == signed || k == unsigned && n <= math.MaxInt64
}

func number(k kind, n uint64) (float64, bool) {
	switch k {
	case unsigned:
		return float64(n), true
	case signed:
		return float64(int64(n)), true
	default:
		return math.Float64frombits(n), k == float && isFinite(n)
	}
}

// isFinite reports whether the float64 of these bits is neither NaN nor an
// infinity, which JSON has not.
func isFinite(bits uint64) bool {
	const exponent = 0x7ff << 52
	return bits&exponent != exponent
}

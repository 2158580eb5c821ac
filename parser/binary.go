package parser

import (
	"bytes"
	"errors"
	"reflect"
)

// maxValueDepth bounds the walks through values, which may be cyclic. What can
// be received as an any can be sent: a level counts twice there, as an
// interface and as what is in it.
const maxValueDepth = 2 * maxDepth

var errValueDepth = errors.New("binary nested too deeply")

// holdsBytes reports whether v has a non-nil []byte in it that is to become an
// attachment.
func holdsBytes(v any) bool {
	return findBytes(reflect.ValueOf(v), 0)
}

// findBytes is holdsBytes at some depth. It says yes where that is too deep to
// know, and leaves the error to extraction.
func findBytes(v reflect.Value, depth int) bool {
	if depth > maxValueDepth {
		return true
	}
	s := shapeOf(v.Type())
	if !s.mayHoldBytes {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && findBytes(v.Elem(), depth+1)
	case reflect.Struct:
		if v.Type() == valueType {
			return len(v.Interface().(Value).attachments) > 0
		}
		for _, f := range s.fields {
			if f.mayHoldBytes && findBytes(v.Field(f.index), depth+1) {
				return true
			}
		}
	case reflect.Map:
		if m, ok := v.Interface().(map[string]any); ok { // the usual one, without an allocation for each element
			for _, elem := range m {
				if elem != nil && findBytes(reflect.ValueOf(elem), depth+1) {
					return true
				}
			}
			return false
		}
		for i := v.MapRange(); i.Next(); {
			if findBytes(i.Value(), depth+1) {
				return true
			}
		}
	default:
		if s.bytes {
			return !v.IsNil()
		}
		for i := range v.Len() {
			if findBytes(v.Index(i), depth+1) {
				return true
			}
		}
	}
	return false
}

// extracted writes the JSON of a value that holds bytes, and these as
// attachments. Which of them are in the JSON, and in what order, is
// encoding/json's affair: it gets a copy of the value with tokens in their
// place.
func (w *writer) extracted(arg any) error {
	x := extraction{tokens: newTokens()}
	original := reflect.ValueOf(arg)
	replaced := reflect.New(original.Type()).Elem()
	if !x.copy(replaced, original, 0) {
		if _, err := appendJSON(nil, arg); err != nil {
			return err // most likely a cycle, which encoding/json can name
		}
		return errValueDepth
	}
	text, err := appendJSON(nil, replaced.Interface())
	if err != nil {
		return err
	}
	for {
		i := bytes.Index(text, x.tokens.text[:])
		if i < 0 {
			w.text = append(w.text, text...)
			return nil
		}
		n, _ := x.tokens.textIndex(text[i : i+tokenTextLen])
		w.text = append(w.text, text[:i-1]...) // up to the quote
		w.attach(x.found[n])
		text = text[i+tokenTextLen+1:]
	}
}

// extraction copies values, so that the caller's stay as they are, and takes
// the bytes out of the copies.
type extraction struct {
	tokens *tokens
	found  [][]byte // by token
}

// copy sets dst, which is zero, to src with tokens for bytes. It reports
// whether src was not too deep.
func (x *extraction) copy(dst, src reflect.Value, depth int) bool {
	if depth > maxValueDepth {
		return false
	}
	s := shapeOf(src.Type())
	switch {
	case !s.mayHoldBytes:
		dst.Set(src)
		return true
	case src.Type() == valueType:
		dst.Set(reflect.ValueOf(x.value(src.Interface().(Value))))
		return true
	case src.Kind() == reflect.Struct:
		if s.isZeroer {
			dst.Set(src) // for the sake of unexported fields
		}
		return x.copyFields(dst, src, s, depth)
	case src.Kind() == reflect.Array:
		return x.copyElems(dst, src, depth)
	case src.IsNil():
		return true
	}
	switch src.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(src.Type().Elem()))
		return x.copy(dst.Elem(), src.Elem(), depth+1)
	case reflect.Interface:
		elem := reflect.New(src.Elem().Type()).Elem()
		ok := x.copy(elem, src.Elem(), depth+1)
		dst.Set(elem)
		return ok
	case reflect.Map:
		dst.Set(reflect.MakeMapWithSize(src.Type(), src.Len()))
		for i := src.MapRange(); i.Next(); {
			elem := reflect.New(src.Type().Elem()).Elem()
			if !x.copy(elem, i.Value(), depth+1) {
				return false
			}
			dst.SetMapIndex(i.Key(), elem)
		}
		return true
	default:
		if s.bytes {
			dst.SetBytes(x.tokens.append(nil, len(x.found)))
			x.found = append(x.found, src.Bytes())
			return true
		}
		dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
		return x.copyElems(dst, src, depth)
	}
}

func (x *extraction) copyElems(dst, src reflect.Value, depth int) bool {
	for i := range src.Len() {
		if !x.copy(dst.Index(i), src.Index(i), depth+1) {
			return false
		}
	}
	return true
}

// copyFields copies what encoding/json sees of a struct. The rest may be locks,
// and other goroutines' business.
func (x *extraction) copyFields(dst, src reflect.Value, s *shape, depth int) bool {
	for _, f := range s.fields {
		from, to := src.Field(f.index), dst.Field(f.index)
		switch {
		case f.unexported: // embedded
			if from.Kind() == reflect.Pointer {
				if from.IsNil() {
					continue
				}
				// Package reflect sets no unexported field, but the copy is
				// ours.
				to = reflect.NewAt(to.Type(), to.Addr().UnsafePointer()).Elem()
				to.Set(reflect.New(to.Type().Elem()))
				from, to = from.Elem(), to.Elem()
			}
			if depth == maxValueDepth || !x.copyFields(to, from, shapeOf(to.Type()), depth+1) {
				return false
			}
		case f.omitEmpty && from.Kind() == reflect.Slice && from.Len() == 0:
			to.Set(from) // a token would not be empty
		case !x.copy(to, from, depth+1):
			return false
		}
	}
	return true
}

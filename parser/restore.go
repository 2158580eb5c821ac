package parser

import (
	"cmp"
	"fmt"
	"reflect"
)

// restoration is one call of Decode. For a packet with attachments encoding/json
// puts tokens into the targets, and attachments take their place.
type restoration struct {
	args   *jsonArgs
	copies [][]byte           // of attachments; made once, however often an UnmarshalJSON has copied a token
	seen   map[reference]bool // a target may have been cyclic before
}

type reference struct {
	pointer uintptr
	len     int
	typ     reflect.Type
}

// decode decodes JSON that may have tokens in it.
func (r *restoration) decode(text []byte, target any) error {
	if r.args.tokens == nil {
		return decodeJSON(text, target)
	}
	if n, ok := r.own(r.args.tokens.jsonIndex(text)); ok {
		switch p := target.(type) {
		case *[]byte:
			if p != nil {
				*p = r.attachment(n)
				return nil
			}
		case *any:
			if p != nil && *p == nil {
				*p = r.attachment(n)
				return nil
			}
		}
	} else if !r.args.tokens.in(text) {
		return decodeJSON(text, target)
	}
	err := unmarshalJSON(text, target)
	_, restoreErr := r.restore(reflect.ValueOf(target)) // whatever else went wrong, no token is left behind
	return cmp.Or(err, restoreErr)
}

// own reports whether a token belongs to this packet. The client may know tokens
// of other packets: a target with an UnmarshalJSON method sees tokens, and may
// reveal them.
func (r *restoration) own(n int, token bool) (int, bool) {
	return n, token && n < len(r.copies)
}

// attachment returns a copy of attachment n, since Decode may be called again,
// or the attachment itself after HandOver.
func (r *restoration) attachment(n int) []byte {
	if r.args.given {
		return r.args.attachments[n]
	}
	if r.copies[n] == nil {
		r.copies[n] = append([]byte{}, r.args.attachments[n]...)
	}
	return r.copies[n]
}

// restore reports whether v itself has been changed, and not only what it
// points to.
func (r *restoration) restore(v reflect.Value) (changed bool, err error) {
	switch v.Kind() {
	case reflect.String:
		return false, r.refuse([]byte(v.String()), v.Type())
	case reflect.Interface:
		return r.restoreInterface(v)
	case reflect.Struct:
		return r.restoreFields(v)
	case reflect.Array:
		return r.restoreElems(v)
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || r.visited(v) {
			return false, nil
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		_, err = r.restore(v.Elem())
	case reflect.Map:
		err = r.restoreMap(v)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return r.restoreBytes(v)
		}
		_, err = r.restoreElems(v)
	}
	return false, err
}

func (r *restoration) restoreBytes(v reflect.Value) (changed bool, err error) {
	if n, ok := r.own(r.args.tokens.index(v.Bytes())); ok && v.CanSet() {
		v.SetBytes(r.attachment(n))
		return true, nil
	}
	return false, r.refuse(v.Bytes(), v.Type())
}

// refuse returns an error if a token stands in text of type t, whose place is
// not for binary.
func (r *restoration) refuse(text []byte, t reflect.Type) error {
	if _, token := r.args.tokens.index(text); token || r.args.tokens.in(text) {
		return fmt.Errorf("binary where %v is wanted", t)
	}
	return nil
}

func (r *restoration) visited(v reflect.Value) bool {
	ref := reference{pointer: v.Pointer(), typ: v.Type()}
	if v.Kind() == reflect.Slice {
		ref.len = v.Len()
	}
	if r.seen[ref] {
		return true
	}
	if r.seen == nil {
		r.seen = make(map[reference]bool)
	}
	r.seen[ref] = true
	return false
}

func (r *restoration) restoreInterface(v reflect.Value) (changed bool, err error) {
	if v.IsNil() {
		return false, nil
	}
	elem := v.Elem()
	if elem.Kind() == reflect.String && v.CanSet() && v.NumMethod() == 0 {
		if n, ok := r.own(r.args.tokens.textIndex([]byte(elem.String()))); ok {
			v.Set(reflect.ValueOf(r.attachment(n)))
			return true, nil
		}
	}
	_, err = r.restore(elem)
	return false, err
}

func (r *restoration) restoreFields(v reflect.Value) (changed bool, err error) {
	for i := range v.NumField() {
		if isVisible(v.Type().Field(i)) {
			fieldChanged, fieldErr := r.restore(v.Field(i))
			changed, err = changed || fieldChanged, cmp.Or(err, fieldErr)
		}
	}
	return changed, err
}

func (r *restoration) restoreElems(v reflect.Value) (changed bool, err error) {
	for i := range v.Len() {
		elemChanged, elemErr := r.restore(v.Index(i))
		changed, err = changed || elemChanged, cmp.Or(err, elemErr)
	}
	return changed, err
}

// restoreMap restores the elements of a map. They are not addressable, so it
// puts back the copies that have changed, and only these: the map may be the
// program's own, preset in a target or set by an UnmarshalJSON, and read by
// others.
func (r *restoration) restoreMap(v reflect.Value) (err error) {
	elem := reflect.New(v.Type().Elem()).Elem()
	for i := v.MapRange(); i.Next(); {
		elem.Set(i.Value())
		changed, elemErr := r.restore(elem)
		if changed {
			v.SetMapIndex(i.Key(), elem)
		}
		err = cmp.Or(err, elemErr)
	}
	return err
}

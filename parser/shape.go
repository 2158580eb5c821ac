package parser

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// shape is what the search for binary wants to know of a type, found out once.
type shape struct {
	mayHoldBytes bool
	bytes        bool    // encoding/json writes the type as base64
	isZeroer     bool    // has an IsZero method, which encoding/json asks about omitzero
	fields       []field // of a struct: those that encoding/json sees
}

type field struct {
	index        int
	mayHoldBytes bool
	unexported   bool // an embedded struct or pointer to one, whose exported fields are promoted
	omitEmpty    bool
}

var (
	shapes       sync.Map // reflect.Type to *shape
	isZeroerType = reflect.TypeFor[interface{ IsZero() bool }]()
)

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{
		mayHoldBytes: mayHoldBytes(t, make(map[reflect.Type]bool)),
		bytes:        isBytes(t),
		isZeroer:     t.Implements(isZeroerType) || reflect.PointerTo(t).Implements(isZeroerType),
	}
	if t.Kind() == reflect.Struct {
		s.fields = fieldsOf(t)
	}
	shapes.Store(t, s)
	return s
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !isVisible(f) {
			continue
		}
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, field{
			index:        i,
			mayHoldBytes: mayHoldBytes(f.Type, make(map[reflect.Type]bool)),
			unexported:   !f.IsExported(),
			omitEmpty:    slices.Contains(strings.Split(options, ","), "omitempty"),
		})
	}
	return fields
}

// isVisible reports whether encoding/json looks at a field.
func isVisible(f reflect.StructField) bool {
	if f.Tag.Get("json") == "-" {
		return false
	}
	if f.IsExported() {
		return true
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// mayHoldBytes reports whether a value of type t can have bytes in it. seen are
// the types that are being asked about: they are recursive, and add nothing.
func mayHoldBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch {
	case t == valueType, t == reflect.PointerTo(valueType):
		return true
	case seen[t] || marshalsItself(t):
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Map, reflect.Array:
		return mayHoldBytes(t.Elem(), seen)
	case reflect.Slice:
		return isBytes(t) || mayHoldBytes(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); isVisible(f) && mayHoldBytes(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// isBytes reports whether encoding/json writes values of type t as base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !marshalsItself(t) && !marshalsItself(t.Elem())
}

// marshalsItself reports whether t has a MarshalJSON or MarshalText method,
// perhaps on its pointer.
func marshalsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Implements(marshalerType) || t.Implements(textMarshalerType) ||
		p.Implements(marshalerType) || p.Implements(textMarshalerType)
}

// Package argstruct treats the fields of a struct as the arguments of an event.
// A struct is one of those if it embeds a marker as its first field.
package argstruct

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// A Struct says which arguments the fields of a struct type are.
type Struct struct {
	required int // the arguments that cannot be missing, and all before them
	fields   int
}

// Of looks at a type. The result is nil for types that do not embed the marker.
// The error says why the type, or a field of one that embeds the marker, cannot
// be an argument.
func Of(t, marker reflect.Type) (*Struct, error) {
	if isCode(t) {
		return nil, fmt.Errorf("%s cannot be sent%s", t, adviceFor(t))
	}
	if t.Kind() == reflect.Pointer && embeds(t.Elem(), marker) {
		return nil, fmt.Errorf("%s is a pointer; use the struct itself", t)
	}
	if !embeds(t, marker) {
		return nil, nil
	}
	if first := t.Field(0); !first.Anonymous || first.Type != marker {
		return nil, fmt.Errorf("%s does not embed %s as its first field", t, marker)
	}
	s := &Struct{fields: t.NumField() - 1}
	for i := range s.fields {
		switch f := t.Field(i + 1); {
		case f.Anonymous:
			return nil, fmt.Errorf("%s embeds %s: give the field a name, if it is an argument", t, f.Type)
		case !f.IsExported():
			return nil, fmt.Errorf("%s has the field %s, which is not exported", t, f.Name)
		case isCode(f.Type):
			return nil, fmt.Errorf("%s has the field %s: %s cannot be sent%s", t, f.Name, f.Type, adviceFor(f.Type))
		case !Optional(f.Type):
			s.required = i + 1
		}
	}
	return s, nil
}

func embeds(t, marker reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	return slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
		return len(f.Index) == 1 && f.Anonymous && (f.Type == marker || f.Type == reflect.PointerTo(marker))
	})
}

// isCode reports whether no parser can encode or decode the type: it is a
// function or a channel, and does not do it itself.
func isCode(t reflect.Type) bool {
	return (t.Kind() == reflect.Func || t.Kind() == reflect.Chan) && reflect.PointerTo(t).NumMethod() == 0
}

// adviceFor says what to write instead of the function that an acknowledgement
// is in JavaScript.
func adviceFor(t reflect.Type) string {
	if t.Kind() == reflect.Func {
		return "; the acknowledgement is what the handler of OnCall returns"
	}
	return ""
}

// Optional reports whether a value of the type can say that an argument is
// missing.
func Optional(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t == reflect.TypeFor[json.RawMessage]()
}

// Len returns the number of arguments.
func (s *Struct) Len() int { return s.fields }

// Targets returns pointers to the fields of a struct into which n arguments are
// to be decoded: more than n if arguments are missing that are not optional.
func (s *Struct) Targets(v reflect.Value, n int) []any {
	into := make([]any, max(s.required, min(n, s.fields)))
	for i := range into {
		into[i] = v.Field(i + 1).Addr().Interface()
	}
	return into
}

// Values returns the values of the fields.
func (s *Struct) Values(v reflect.Value) []any {
	values := make([]any, s.fields)
	for i := range values {
		values[i] = v.Field(i + 1).Interface()
	}
	return values
}

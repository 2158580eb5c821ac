package main

import (
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// A field is a field of a struct as encoding/json sees it.
type field struct {
	name     string
	variable *types.Var
	optional bool // left out if empty
	quoted   bool // a number or boolean in a string
	tagged   bool
	depth    int
}

// fields returns the fields of a struct by the rules of encoding/json: those of
// embedded structs are promoted, and of several with one name the shallowest
// one counts, or the only one with a tag.
func fields(st *types.Struct) []field {
	all := collectFields(st, 0, map[*types.Struct]bool{})
	byName := make(map[string][]field)
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var result []field
	for _, f := range all {
		if winner, is := dominant(byName[f.name]); is && winner.variable == f.variable {
			result = append(result, f)
		}
	}
	return result
}

func dominant(same []field) (field, bool) {
	shallowest := slices.MinFunc(same, func(a, b field) int { return a.depth - b.depth }).depth
	same = slices.DeleteFunc(slices.Clone(same), func(f field) bool { return f.depth > shallowest })
	if len(same) > 1 {
		same = slices.DeleteFunc(same, func(f field) bool { return !f.tagged })
	}
	if len(same) != 1 {
		return field{}, false
	}
	return same[0], true
}

func collectFields(st *types.Struct, depth int, seen map[*types.Struct]bool) (all []field) {
	if seen[st] {
		return nil
	}
	seen[st] = true
	for i := range st.NumFields() {
		variable := st.Field(i)
		tag := reflect.StructTag(st.Tag(i)).Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if variable.Embedded() && name == "" {
			t := variable.Type()
			if p, is := t.(*types.Pointer); is {
				t = p.Elem()
			}
			if inner, is := t.Underlying().(*types.Struct); is && marshaling(t) == marshalsFields {
				all = append(all, collectFields(inner, depth+1, seen)...)
				continue
			}
		}
		if !variable.Exported() {
			continue
		}
		f := field{name: name, variable: variable, tagged: name != "", depth: depth}
		if name == "" {
			f.name = variable.Name()
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				f.optional = f.optional || canBeEmpty(variable.Type())
			case "omitzero":
				f.optional = true
			case "string":
				b, is := variable.Type().Underlying().(*types.Basic)
				f.quoted = is && b.Info()&(types.IsNumeric|types.IsBoolean|types.IsString) != 0
			}
		}
		all = append(all, f)
	}
	return all
}

// canBeEmpty reports whether omitempty has an effect on values of a type.
func canBeEmpty(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Struct:
		return false
	case *types.Array:
		return t.Len() == 0
	}
	return true
}

// A marshalKind says how encoding/json encodes a type.
type marshalKind int

const (
	marshalsFields marshalKind = iota // by its structure
	marshalsText                      // by MarshalText, as a string
	marshalsJSON                      // by MarshalJSON, as anything
)

func marshaling(t types.Type) marshalKind {
	methods := types.NewMethodSet(types.NewPointer(t))
	if _, is := t.Underlying().(*types.Interface); is {
		return marshalsFields
	}
	has := func(name string) bool { return methods.Lookup(nil, name) != nil }
	switch {
	case has("MarshalJSON"), has("UnmarshalJSON"):
		return marshalsJSON
	case has("MarshalText"), has("UnmarshalText"):
		return marshalsText
	}
	return marshalsFields
}

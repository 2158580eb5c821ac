package main

import (
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A declared type has a name of its own in TypeScript.
type declared struct {
	named     *types.Named
	values    []string // of an enumeration
	hasBinary bool     // so that clients send another form than they receive
	sentOnly  bool     // clients never receive it
}

func (d declared) isInterface() bool {
	_, is := d.named.Underlying().(*types.Struct)
	return is
}

func key(t types.Type) string { return types.TypeString(t, nil) }

// collect finds the types to declare in a type.
func (w *writer) collect(t types.Type) {
	t = types.Unalias(t)
	if n, is := t.(*types.Named); is {
		if _, seen := w.types[key(n)]; seen || w.special(n) != "" {
			return
		}
		switch n.Underlying().(type) {
		case *types.Struct, *types.Slice, *types.Map:
			if n.Obj().Pkg() != nil && !isBytes(n) {
				w.types[key(n)] = declared{named: n, hasBinary: hasBinary(n, map[string]bool{})}
			}
		case *types.Basic:
			if values := constants(n); len(values) > 1 {
				w.types[key(n)] = declared{named: n, values: values}
			}
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		w.collect(u.Elem())
	case *types.Slice:
		w.collect(u.Elem())
	case *types.Array:
		w.collect(u.Elem())
	case *types.Map:
		w.collect(u.Key())
		w.collect(u.Elem())
	case *types.Struct:
		for _, f := range fields(u) {
			w.collect(f.variable.Type())
		}
	}
}

// constants returns the constants of a string type, sorted. Numbers are not
// looked at: they may be flags that are added up, or units.
func constants(n *types.Named) (values []string) {
	if b, is := n.Underlying().(*types.Basic); !is || b.Kind() != types.String || n.Obj().Pkg() == nil {
		return nil
	}
	scope := n.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, is := scope.Lookup(name).(*types.Const); is && types.Identical(c.Type(), n) {
			values = append(values, strconv.Quote(constant.StringVal(c.Val())))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// nameTypes gives each declared type a name. Types of one name in several
// packages get the package's name before theirs.
func (w *writer) nameTypes() {
	byName := make(map[string][]string)
	for _, k := range slices.Sorted(maps.Keys(w.types)) {
		name := instanceName(w.types[k].named)
		byName[name] = append(byName[name], k)
	}
	for name, keys := range byName {
		for i, k := range keys {
			w.names[k] = name
			if len(keys) > 1 {
				w.names[k] = pascal(w.types[k].named.Obj().Pkg().Name()) + name
			}
			if i > 0 && w.names[k] == w.names[keys[i-1]] {
				w.names[k] += strconv.Itoa(i + 1)
			}
		}
	}
}

// instanceName returns the name of a type, with those of its type arguments.
func instanceName(n *types.Named) string {
	name := strings.ToUpper(n.Obj().Name()[:1]) + n.Obj().Name()[1:]
	for arg := range n.TypeArgs().Types() {
		name += pascal(types.TypeString(arg, func(*types.Package) string { return "" }))
	}
	switch name {
	case "Failure", "Reply", "ClientToServerEvents", "ServerToClientEvents", "Record", "Partial", "ArrayBuffer", "Buffer", "Blob":
		name += "Type"
	}
	return name
}

// declarations returns the declarations of the types that the events need, in
// the order of their names.
func (w *writer) declarations(events string) (all []string) {
	texts := make(map[string]string) // by name
	for k, d := range w.types {
		texts[w.names[k]] = w.declaration(w.names[k], d, d.sentOnly)
		if d.hasBinary && !d.sentOnly {
			texts[w.names[k]+"Input"] = w.declaration(w.names[k]+"Input", d, true)
		}
	}
	needed := make(map[string]bool)
	var need func(text string)
	need = func(text string) {
		for _, name := range word.FindAllString(text, -1) {
			if declaration, is := texts[name]; is && !needed[name] {
				needed[name] = true
				need(comments.ReplaceAllString(declaration, ""))
			}
		}
	}
	need(events)
	for k, d := range w.types {
		d.sentOnly = d.hasBinary && !needed[w.names[k]]
		w.types[k] = d
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		all = append(all, texts[name])
	}
	return all
}

var comments = regexp.MustCompile(`(?s)/\*\*.*?\*/`)

var word = regexp.MustCompile(`\w+`)

func (w *writer) declaration(name string, d declared, going bool) string {
	var text strings.Builder
	comment(&text, "", w.doc(d.named.Origin().Obj()))
	switch u := d.named.Underlying().(type) {
	case *types.Struct:
		fmt.Fprintf(&text, "export interface %s {\n", name)
		w.fields(&text, u, going, "  ")
		text.WriteString("}\n")
	case *types.Basic:
		fmt.Fprintf(&text, "export type %s = %s;\n", name, strings.Join(d.values, " | "))
	default:
		fmt.Fprintf(&text, "export type %s = %s;\n", name, w.structure(u, going))
	}
	return text.String()
}

// fields writes the properties of a struct.
func (w *writer) fields(to *strings.Builder, st *types.Struct, going bool, indent string) {
	for _, f := range fields(st) {
		comment(to, indent, w.fieldDoc(f))
		t, mark := w.ts(f.variable.Type(), going), ""
		if f.quoted {
			t = "string"
		}
		if f.optional {
			t, mark = strings.TrimSuffix(t, " | null"), "?"
		}
		fmt.Fprintf(to, "%s%s%s: %s;\n", indent, property(f.name), mark, t)
	}
}

// fieldDoc returns the comment of a field, with a note where JavaScript's
// numbers may not be exact.
func (w *writer) fieldDoc(f field) string {
	text := w.doc(f.variable)
	if b, is := f.variable.Type().(*types.Basic); is && !f.quoted && (b.Kind() == types.Int64 || b.Kind() == types.Uint64) {
		text = strings.TrimSpace(text + "\n(64 bits: exact up to 2^53)")
	}
	return text
}

// comment writes a comment as JSDoc.
func comment(to *strings.Builder, indent, text string) {
	text = strings.ReplaceAll(text, "*/", "* /")
	switch lines := strings.Split(text, "\n"); {
	case text == "":
	case len(lines) == 1:
		fmt.Fprintf(to, "%s/** %s */\n", indent, text)
	default:
		fmt.Fprintf(to, "%s/**\n", indent)
		for _, line := range lines {
			fmt.Fprintf(to, "%s\n", strings.TrimRight(indent+" * "+line, " "))
		}
		fmt.Fprintf(to, "%s */\n", indent)
	}
}

// ts returns a type as TypeScript: as clients receive it, or as they send it
// if going is true.
func (w *writer) ts(t types.Type, going bool) string {
	t = types.Unalias(t)
	n, is := t.(*types.Named)
	if !is {
		return w.structure(t, going)
	}
	if special := w.special(n); special != "" {
		return special
	}
	d, is := w.types[key(n)]
	switch {
	case !is:
		return w.structure(n.Underlying(), going)
	case d.hasBinary && going && !d.sentOnly:
		return w.names[key(n)] + "Input"
	}
	return w.names[key(n)]
}

// special returns the TypeScript of types that their structure does not tell,
// "" for all others.
func (w *writer) special(n *types.Named) string {
	if text := w.typeDirective(n.Origin().Obj()); text != "" {
		return text
	}
	switch key(n) {
	case "time.Time":
		return "string"
	case "encoding/json.Number", "math/big.Int":
		return "number"
	}
	switch marshaling(n) {
	case marshalsJSON:
		return "unknown"
	case marshalsText:
		return "string"
	}
	return ""
}

// structure returns the TypeScript of a type without a name.
func (w *writer) structure(t types.Type, going bool) string {
	switch t := t.(type) {
	case *types.Basic:
		return basic(t)
	case *types.Pointer:
		return nullable(w.ts(t.Elem(), going))
	case *types.Slice:
		if isBytes(t) {
			return nullable(w.binary(going))
		}
		return nullable(array(w.ts(t.Elem(), going)))
	case *types.Array:
		return array(w.ts(t.Elem(), going))
	case *types.Map:
		return nullable(fmt.Sprintf("{ [key: string]: %s }", w.ts(t.Elem(), going)))
	case *types.Struct:
		var text strings.Builder
		w.fields(&text, t, going, "")
		return "{ " + strings.ReplaceAll(strings.TrimSpace(text.String()), "\n", " ") + " }"
	}
	return "unknown"
}

func basic(t *types.Basic) string {
	switch {
	case t.Info()&types.IsBoolean != 0:
		return "boolean"
	case t.Info()&types.IsNumeric != 0:
		return "number"
	case t.Info()&types.IsString != 0:
		return "string"
	case t.Kind() == types.UntypedNil:
		return "null"
	}
	return "unknown"
}

// binary returns the type of a []byte: an attachment.
func (w *writer) binary(going bool) string {
	switch {
	case w.node && going:
		return "Buffer | Uint8Array"
	case w.node:
		return "Buffer"
	case going:
		return "ArrayBuffer | Uint8Array | Blob"
	}
	return "ArrayBuffer"
}

func nullable(t string) string {
	if strings.HasSuffix(t, " | null") || t == "unknown" || t == "null" {
		return t
	}
	return t + " | null"
}

func array(t string) string {
	if strings.ContainsAny(t, " ") && !strings.HasPrefix(t, "{") || strings.Contains(t, "} |") {
		t = "(" + t + ")"
	}
	return t + "[]"
}

// isBytes reports whether values of a type travel as attachments.
func isBytes(t types.Type) bool {
	slice, is := t.Underlying().(*types.Slice)
	if !is {
		return false
	}
	b, is := slice.Elem().Underlying().(*types.Basic)
	if !is || b.Kind() != types.Uint8 {
		return false
	}
	n, is := slice.Elem().(*types.Named)
	return !is || marshaling(n) == marshalsFields
}

// hasBinary reports whether a type contains a []byte.
func hasBinary(t types.Type, seen map[string]bool) bool {
	t = types.Unalias(t)
	if n, is := t.(*types.Named); is {
		if seen[key(n)] || marshaling(n) != marshalsFields {
			return false
		}
		seen[key(n)] = true
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return hasBinary(u.Elem(), seen)
	case *types.Slice:
		return isBytes(t) || hasBinary(u.Elem(), seen)
	case *types.Array:
		return hasBinary(u.Elem(), seen)
	case *types.Map:
		return hasBinary(u.Elem(), seen)
	case *types.Struct:
		return slices.ContainsFunc(fields(u), func(f field) bool { return hasBinary(f.variable.Type(), seen) })
	}
	return false
}

var identifier = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)

// property returns a name as that of a property.
func property(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

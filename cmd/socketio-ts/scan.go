package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// An event is one call that names an event.
type event struct {
	namespace string
	name      string
	toServer  bool
	args      []argument
	ack       ack
	at        string // file:line, for messages
}

// An argument is one argument of an event.
type argument struct {
	name string
	typ  types.Type
	rest bool // the values of a slice, whose element is typ
}

// An ack is what the sender of an event gets back.
type ack struct {
	kind  ackKind
	reply types.Type // of ackCall and ackReply
}

// values returns the values of a reply.
func (a ack) values() []argument {
	if a.reply == nil {
		return nil
	}
	if all, several := severalArguments(a.reply); several && !empty(a.reply) {
		return all
	}
	return []argument{{name: "reply", typ: a.reply}}
}

type ackKind int

const (
	ackNone  ackKind = iota // the sender asks for no acknowledgement
	ackOn                   // On: the client may ask for one, which is empty or a failure
	ackCall                 // OnCall: a reply or a failure
	ackReply                // Call: the client's reply
	ackAny                  // values that the source does not tell
)

// A scan finds the events of a program.
type scan struct {
	*program
	pkg      *packages.Package // that is read now
	events   []event
	warnings []string

	wrappers   map[types.Object][]wrapper
	namespaces namespaces
}

func newScan(p *program) *scan {
	return &scan{program: p, wrappers: make(map[types.Object][]wrapper), namespaces: newNamespaces(p)}
}

// run finds the events: first those with a name, and the wrappers, then the
// calls of wrappers.
func (s *scan) run() {
	s.calls(s.call)
	s.calls(s.wrapped)
}

// calls calls f with every call of the program and the function that it is in.
func (s *scan) calls(f func(call *ast.CallExpr, in *ast.FuncDecl)) {
	for _, pkg := range s.packages {
		s.pkg = pkg
		for _, file := range pkg.Syntax {
			for _, decl := range file.Decls {
				in, _ := decl.(*ast.FuncDecl)
				ast.Inspect(decl, func(n ast.Node) bool {
					if call, is := n.(*ast.CallExpr); is {
						f(call, in)
					}
					return true
				})
			}
		}
	}
}

// callee returns the function or method that a call names, its receiver, if it
// is a method, and its type arguments.
func callee(info *types.Info, call *ast.CallExpr) (f *types.Func, receiver ast.Expr, args *types.TypeList) {
	fun := ast.Unparen(call.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
		if info.Selections[x] != nil {
			receiver = x.X
		}
	default:
		return nil, nil, nil
	}
	f, _ = info.Uses[id].(*types.Func)
	if f == nil {
		return nil, nil, nil
	}
	return f.Origin(), receiver, info.Instances[id].TypeArgs
}

// call takes a call of the library that names an event.
func (s *scan) call(call *ast.CallExpr, in *ast.FuncDecl) {
	f, receiver, typeArgs := callee(s.pkg.TypesInfo, call)
	if !callsLibrary(f) {
		return
	}
	e := event{at: s.at(call)}
	var name ast.Expr
	switch args := call.Args; f.Name() {
	case "On", "OnServerSide":
		switch {
		case f.Name() == "OnServerSide":
			return // between servers
		case receiver != nil && len(args) == 2:
			name, e.namespace = args[0], s.namespaces.of(s.pkg, receiver)
			e.args, e.ack = s.decoded(args[1])
		case receiver == nil && len(args) == 3:
			name, e.namespace = args[1], s.namespaces.of(s.pkg, args[0])
			e.args, e.ack.kind = s.payload(typeArgs.At(0), args[2]), ackOn
		}
		e.toServer = true
	case "OnCall":
		name, e.namespace, e.toServer = call.Args[1], s.namespaces.of(s.pkg, call.Args[0]), true
		e.args, e.ack = s.payload(typeArgs.At(0), call.Args[2]), ack{ackCall, typeArgs.At(1)}
	case "Call":
		if receiver == nil {
			name, e.namespace = args[2], s.namespaces.of(s.pkg, args[1])
			e.args, e.ack = s.sent(call, 3), ack{ackReply, typeArgs.At(0)}
			break
		}
		name, e.namespace = args[1], s.namespaces.of(s.pkg, receiver)
		e.args, e.ack.kind = s.sent(call, 2), ackAny
	case "CallFunc":
		name, e.namespace = args[1], s.namespaces.of(s.pkg, receiver)
		e.args, e.ack.kind = s.sent(call, 2), ackAny
	case "Emit":
		name, e.namespace = args[0], s.namespaces.of(s.pkg, receiver)
		e.args = s.sent(call, 1)
	}
	if name != nil {
		s.add(e, name, call, in)
	}
}

// add adds an event, or a wrapper if a parameter names the event.
func (s *scan) add(e event, name ast.Expr, call *ast.CallExpr, in *ast.FuncDecl) {
	if text := s.directive("event", call.Pos()); text != "" {
		fields := strings.Fields(text)
		if len(fields) > 1 {
			e.namespace = fields[0]
		}
		e.name = fields[len(fields)-1]
		s.events = append(s.events, e)
		return
	}
	if value := s.pkg.TypesInfo.Types[name].Value; value != nil && value.Kind() == constant.String {
		e.name = constant.StringVal(value)
		s.events = append(s.events, e)
		return
	}
	if id, is := ast.Unparen(name).(*ast.Ident); is && in != nil {
		f := s.pkg.TypesInfo.Defs[in.Name].(*types.Func)
		signature := f.Signature()
		for param := range signature.Params().Variables() {
			if param == s.pkg.TypesInfo.Uses[id] {
				w := wrapper{event: e, name: param}
				for param := range signature.Params().Variables() {
					w.params = append(w.params, param)
				}
				for t := range signature.TypeParams().TypeParams() {
					w.types = append(w.types, t)
				}
				s.wrappers[f] = append(s.wrappers[f], w)
				return
			}
		}
	}
	s.warn(e, "event name is not a constant; name it by //socketio:event")
}

func (s *scan) warn(e event, text string) { s.warnings = append(s.warnings, e.at+": "+text) }

// payload returns the arguments of a typed handler: the fields of a struct that
// embeds socketio.Args, nothing for struct{}, or else the one value.
func (s *scan) payload(t types.Type, handler ast.Expr) []argument {
	if all, several := severalArguments(t); several {
		return all
	}
	name := typeName(t)
	if f, is := ast.Unparen(handler).(*ast.FuncLit); is {
		if params := flatten(f.Type.Params); len(params) == 3 && params[2].Name != "_" {
			name = params[2].Name
		}
	}
	return []argument{{name: name, typ: t}}
}

// severalArguments returns the fields of a struct that embeds socketio.Args.
// several is also true of a struct without fields, which is no argument.
func severalArguments(t types.Type) (all []argument, several bool) {
	st, is := t.Underlying().(*types.Struct)
	switch {
	case !is:
		return nil, false
	case st.NumFields() == 0:
		return nil, true
	case !st.Field(0).Embedded() || !isLibrary(named(st.Field(0).Type())) || st.Field(0).Name() != "Args":
		return nil, false
	}
	for field := range st.Fields() {
		if !field.Embedded() {
			all = append(all, argument{name: lowerFirst(field.Name()), typ: field.Type()})
		}
	}
	return all, true
}

// decoded returns the arguments that a dynamic handler decodes.
func (s *scan) decoded(handler ast.Expr) (args []argument, a ack) {
	a.kind = ackOn
	f, is := ast.Unparen(handler).(*ast.FuncLit)
	if !is {
		return nil, ack{kind: ackAny}
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		m, _, _ := callee(s.pkg.TypesInfo, call)
		switch {
		case !callsLibrary(m):
		case m.Name() == "Decode" && len(args) < len(call.Args):
			args = nil
			for _, into := range call.Args {
				arg := s.argument(into)
				if p, is := arg.typ.(*types.Pointer); is {
					arg.typ = p.Elem()
				}
				if u, is := ast.Unparen(into).(*ast.UnaryExpr); is {
					arg.name = s.argument(u.X).name
				}
				args = append(args, arg)
			}
		case m.Name() == "Ack" && len(call.Args) == 1:
			a = ack{ackReply, s.pkg.TypesInfo.TypeOf(call.Args[0])}
		case m.Name() == "Ack" && len(call.Args) > 1:
			a = ack{kind: ackAny}
		}
		return true
	})
	return args, a
}

// sent returns the arguments of an event that the server sends, from the
// call's argument i on.
func (s *scan) sent(call *ast.CallExpr, i int) (all []argument) {
	for _, arg := range call.Args[i:] {
		all = append(all, s.argument(arg))
	}
	if call.Ellipsis != 0 && len(all) > 0 {
		last := &all[len(all)-1]
		if slice, is := last.typ.Underlying().(*types.Slice); is {
			last.typ, last.rest = slice.Elem(), true
		}
	}
	return all
}

func (s *scan) argument(x ast.Expr) argument {
	t := types.Default(s.pkg.TypesInfo.TypeOf(x))
	name := ""
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = lowerFirst(x.Sel.Name)
	}
	if name == "" || name == "nil" || name == "true" || name == "false" {
		name = typeName(t)
	}
	return argument{name: name, typ: t}
}

func (s *scan) at(n ast.Node) string {
	position := s.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", position.Filename, position.Line)
}

// named returns the name of a type, nil for a type without a name.
func named(t types.Type) types.Object {
	switch t := t.(type) {
	case *types.Named:
		return t.Obj()
	case *types.Alias:
		return named(types.Unalias(t))
	}
	return nil
}

// typeName returns a name for an argument by its type.
func typeName(t types.Type) string {
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	if o := named(t); o != nil && o.Pkg() != nil {
		return lowerFirst(o.Name())
	}
	return "arg"
}

func lowerFirst(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// flatten returns the names of parameters.
func flatten(list *ast.FieldList) (names []*ast.Ident) {
	for _, field := range list.List {
		names = append(names, field.Names...)
	}
	return names
}

package main

import (
	"go/ast"
	"go/constant"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// namespaces knows the namespace of each variable, field and parameter that
// holds a *Server, *Namespace, Broadcast, *Socket or *Event, as far as the
// source tells. All others belong to the main namespace, "/".
type namespaces struct {
	*program
	known map[types.Object]string
}

// rounds bounds how many assignments a namespace is followed through.
const rounds = 4

func newNamespaces(p *program) namespaces {
	ns := namespaces{p, make(map[types.Object]string)}
	for range rounds {
		before := len(ns.known)
		for _, pkg := range p.packages {
			for _, file := range pkg.Syntax {
				ast.Inspect(file, func(n ast.Node) bool { ns.learn(pkg, n); return true })
			}
		}
		if len(ns.known) == before {
			break
		}
	}
	return ns
}

// learn takes the namespaces that a statement passes on.
func (ns namespaces) learn(pkg *packages.Package, n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if len(n.Rhs) == len(n.Lhs) {
				ns.set(pkg, left, n.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				ns.set(pkg, name, n.Values[i])
			}
		}
	case *ast.CompositeLit:
		st, is := pkg.TypesInfo.TypeOf(n).Underlying().(*types.Struct)
		if !is {
			return
		}
		for i, element := range n.Elts {
			if pair, is := element.(*ast.KeyValueExpr); is {
				ns.set(pkg, pair.Key, pair.Value)
			} else if i < st.NumFields() {
				ns.put(st.Field(i), ns.find(pkg, element))
			}
		}
	case *ast.CallExpr:
		ns.learnCall(pkg, n)
	}
}

// learnCall takes the namespaces of a call's arguments, and of the parameters
// of the handlers among them.
func (ns namespaces) learnCall(pkg *packages.Package, call *ast.CallExpr) {
	f, receiver, _ := callee(pkg.TypesInfo, call)
	if f == nil {
		return
	}
	if !callsLibrary(f) {
		for i, arg := range call.Args {
			if params := f.Signature().Params(); i < params.Len() {
				ns.put(params.At(i), ns.find(pkg, arg))
			}
		}
		return
	}
	target := ns.find(pkg, receiver)
	if receiver == nil && len(call.Args) > 0 {
		target = ns.find(pkg, call.Args[0])
	}
	if target == "" {
		return
	}
	for _, arg := range call.Args {
		switch x := ast.Unparen(arg).(type) {
		case *ast.FuncLit:
			for _, param := range flatten(x.Type.Params) {
				ns.put(pkg.TypesInfo.Defs[param], target)
			}
		case *ast.Ident, *ast.SelectorExpr:
			id, is := x.(*ast.Ident)
			if !is {
				id = x.(*ast.SelectorExpr).Sel
			}
			if handler, is := pkg.TypesInfo.Uses[id].(*types.Func); is {
				for param := range handler.Signature().Params().Variables() {
					ns.put(param, target)
				}
			}
		}
	}
}

func (ns namespaces) set(pkg *packages.Package, left, right ast.Expr) {
	var id *ast.Ident
	switch x := ast.Unparen(left).(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return
	}
	ns.put(pkg.TypesInfo.ObjectOf(id), ns.find(pkg, right))
}

// put notes the namespace of an object whose type belongs to the library. The
// first one that is found counts.
func (ns namespaces) put(o types.Object, namespace string) {
	if o == nil || namespace == "" || ns.known[o] != "" || !holdsNamespace(o.Type()) {
		return
	}
	ns.known[o] = namespace
}

// holdsNamespace reports whether a value of a type belongs to a namespace.
func holdsNamespace(t types.Type) bool {
	if p, is := t.(*types.Pointer); is {
		t = p.Elem()
	}
	return isLibrary(named(t))
}

// of returns the namespace of an expression, "/" if the source does not tell.
func (ns namespaces) of(pkg *packages.Package, x ast.Expr) string {
	if name := ns.find(pkg, x); name != "" {
		return name
	}
	return "/"
}

// find returns the namespace of an expression, "" if the source does not tell.
func (ns namespaces) find(pkg *packages.Package, x ast.Expr) string {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		return ns.known[pkg.TypesInfo.ObjectOf(x)]
	case *ast.SelectorExpr:
		if name := ns.known[pkg.TypesInfo.ObjectOf(x.Sel)]; name != "" {
			return name
		}
		return ns.find(pkg, x.X) // an embedded namespace
	case *ast.CallExpr:
		f, receiver, _ := callee(pkg.TypesInfo, x)
		switch {
		case !callsLibrary(f):
		case f.Name() == "NewServer":
			return "/"
		case f.Name() == "Of" && len(x.Args) == 1:
			if value := pkg.TypesInfo.Types[x.Args[0]].Value; value != nil {
				return "/" + strings.TrimPrefix(constant.StringVal(value), "/")
			}
		case receiver != nil:
			return ns.find(pkg, receiver)
		}
	}
	return ""
}

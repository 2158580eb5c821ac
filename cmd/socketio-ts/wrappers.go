package main

import (
	"go/ast"
	"go/constant"
	"go/types"
)

// A wrapper is a call in a function of the program whose event is named by the
// function's callers.
type wrapper struct {
	event  event
	name   *types.Var // the parameter that names the event
	params []*types.Var
	types  []*types.TypeParam
}

// wrapped takes a call of a wrapper.
func (s *scan) wrapped(call *ast.CallExpr, in *ast.FuncDecl) {
	f, _, typeArgs := callee(s.pkg.TypesInfo, call)
	for _, w := range s.wrappers[f] {
		e := w.event
		e.at = s.at(call)
		var name ast.Expr
		e.args = nil
		for i, param := range w.params {
			if i < len(call.Args) && param == w.name {
				name = call.Args[i]
			}
		}
		for _, arg := range w.event.args {
			e.args = append(e.args, s.argumentOf(w, arg, call, typeArgs)...)
		}
		if e.ack.reply != nil {
			e.ack.reply = substitute(e.ack.reply, w.types, typeArgs)
		}
		if value := s.pkg.TypesInfo.Types[name].Value; value != nil {
			e.name = constant.StringVal(value)
			s.events = append(s.events, e)
		} else if s.directive("event", call.Pos()) != "" {
			s.add(e, name, call, in)
		} else {
			s.warn(e, "event name is not a constant; name it by //socketio:event")
		}
	}
}

// argumentOf returns what an argument of an event in a wrapper is for one call
// of the wrapper: the caller's own argument if the wrapper passes that on.
func (s *scan) argumentOf(w wrapper, arg argument, call *ast.CallExpr, typeArgs *types.TypeList) []argument {
	for i, param := range w.params {
		if param.Name() != arg.name {
			continue
		}
		if arg.rest && i == len(w.params)-1 && call.Ellipsis == 0 {
			var all []argument
			for _, passed := range call.Args[min(i, len(call.Args)):] {
				all = append(all, s.argument(passed))
			}
			return all
		}
		if i < len(call.Args) && types.IsInterface(arg.typ) {
			return []argument{s.argument(call.Args[i])}
		}
	}
	arg.typ = substitute(arg.typ, w.types, typeArgs)
	return []argument{arg}
}

// substitute puts type arguments in the place of type parameters.
func substitute(t types.Type, params []*types.TypeParam, args *types.TypeList) types.Type {
	switch t := t.(type) {
	case *types.TypeParam:
		for i, param := range params {
			if t == param && i < args.Len() {
				return args.At(i)
			}
		}
	case *types.Pointer:
		return types.NewPointer(substitute(t.Elem(), params, args))
	case *types.Slice:
		return types.NewSlice(substitute(t.Elem(), params, args))
	case *types.Map:
		return types.NewMap(t.Key(), substitute(t.Elem(), params, args))
	case *types.Named:
		if t.TypeArgs().Len() == 0 {
			return t
		}
		var inner []types.Type
		for arg := range t.TypeArgs().Types() {
			inner = append(inner, substitute(arg, params, args))
		}
		if instance, err := types.Instantiate(nil, t.Origin(), inner, false); err == nil {
			return instance
		}
	}
	return t
}

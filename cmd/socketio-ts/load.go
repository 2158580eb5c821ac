package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/packages"
)

// library is the import path of the package whose calls are events.
const library = "github.com/goroomcast/socketio"

// A program is the packages to read, type-checked.
type program struct {
	fset     *token.FileSet
	packages []*packages.Package
	docs     map[token.Pos]*ast.CommentGroup // of types and fields, by the position of the name
	comments map[string]map[int]string       // directives by file and line
}

func load(dir string, patterns []string) (*program, error) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: dir}, patterns...)
	if err != nil {
		return nil, err
	}
	p := &program{docs: make(map[token.Pos]*ast.CommentGroup), comments: make(map[string]map[int]string)}
	var errs []error
	for _, pkg := range loaded {
		for _, e := range pkg.Errors {
			errs = append(errs, e)
		}
		p.fset = pkg.Fset
		p.packages = append(p.packages, pkg)
		for _, file := range pkg.Syntax {
			p.readComments(file)
		}
	}
	switch {
	case len(errs) > 0:
		return nil, errors.Join(errs...)
	case len(loaded) == 0:
		return nil, fmt.Errorf("no packages match %s", strings.Join(patterns, " "))
	}
	return p, nil
}

// readComments notes the directives of a file, and the comments of its types
// and their fields.
func (p *program) readComments(file *ast.File) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			text, is := strings.CutPrefix(comment.Text, "//socketio:")
			if !is {
				continue
			}
			at := p.fset.Position(comment.Pos())
			if p.comments[at.Filename] == nil {
				p.comments[at.Filename] = make(map[int]string)
			}
			p.comments[at.Filename][at.Line] = text
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				if t, is := spec.(*ast.TypeSpec); is {
					p.note(t.Name.Pos(), t.Doc, n.Doc, t.Comment)
				}
			}
		case *ast.Field:
			for _, name := range n.Names {
				p.note(name.Pos(), n.Doc, n.Comment)
			}
		}
		return true
	})
}

func (p *program) note(name token.Pos, groups ...*ast.CommentGroup) {
	for _, group := range groups {
		if group != nil {
			p.docs[name] = group
			return
		}
	}
}

// doc returns the comment of a type or field, without directives.
func (p *program) doc(o types.Object) string {
	group := p.docs[o.Pos()]
	if group == nil {
		return ""
	}
	return strings.TrimSpace(group.Text())
}

// directive returns the text of a directive of this kind on a line or the one
// before, or "".
func (p *program) directive(kind string, at token.Pos) string {
	position := p.fset.Position(at)
	for _, line := range []int{position.Line - 1, position.Line} {
		if text, is := strings.CutPrefix(p.comments[position.Filename][line], kind+" "); is {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// typeDirective returns what a directive says the TypeScript of a Go type is.
func (p *program) typeDirective(o types.Object) string {
	group := p.docs[o.Pos()]
	if group == nil {
		return ""
	}
	for _, comment := range group.List {
		if text, is := strings.CutPrefix(comment.Text, "//socketio:ts "); is {
			return strings.TrimSpace(text)
		}
	}
	return ""
}

// callsLibrary reports whether a function that may be nil belongs to package
// socketio.
func callsLibrary(f *types.Func) bool { return f != nil && isLibrary(f) }

// isLibrary reports whether an object belongs to package socketio.
func isLibrary(o types.Object) bool { return o != nil && o.Pkg() != nil && o.Pkg().Path() == library }

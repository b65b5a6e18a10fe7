package vet

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/types/typeutil"
)

// Background reports a Context form that is called with a context that never ends.
var Background = &analysis.Analyzer{
	Name: "background",
	URL:  page,
	Doc: `report a Context form with a context that never ends

XContext(context.Background()) is X(): it waits for as long as it takes, and says
so. The fix calls X, where the results stay the same or nobody looks at them.
Package manager is left out, because its X panics where its XContext returns an
error. So are tests, which call each form on purpose.`,
	Run:      runBackground,
	Requires: []*analysis.Analyzer{inspect.Analyzer},
}

func runBackground(pass *analysis.Pass) (any, error) {
	inspectorOf(pass).WithStack([]ast.Node{(*ast.CallExpr)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		call := n.(*ast.CallExpr)
		c := callee(pass.TypesInfo, call)
		plain, isForm := strings.CutSuffix(c.fn, "Context")
		if !push || !isForm || plain == "" || !c.ours() || c.pkg == "manager" || len(call.Args) == 0 || inTest(pass, call.Pos()) {
			return true
		}
		ended, ok := ast.Unparen(call.Args[0]).(*ast.CallExpr)
		if !ok {
			return true
		}
		made := callee(pass.TypesInfo, ended)
		if made != (name{"/context", "", "Background"}) && made != (name{"/context", "", "TODO"}) {
			return true
		}
		fn := typeutil.Callee(pass.TypesInfo, call).(*types.Func)
		form := sibling(fn, plain)
		if form == nil || isBodyOf(pass, stack, form) || !sameParams(form.Signature(), fn.Signature()) {
			return true
		}
		d := at(call, "%s with a context that never ends is %s", c.short(), name{c.pkg, c.recv, plain}.short())
		if edits := toPlain(pass, call, stack, fn, form); edits != nil {
			d.SuggestedFixes = []analysis.SuggestedFix{{Message: "call " + plain, TextEdits: edits}}
		}
		report(pass, d)
		return true
	})
	return nil, nil
}

// isBodyOf reports whether the call is made by fn itself: that is how it is made of
// the one with a context.
func isBodyOf(pass *analysis.Pass, stack []ast.Node, fn *types.Func) bool {
	for _, n := range stack {
		if d, ok := n.(*ast.FuncDecl); ok {
			return pass.TypesInfo.Defs[d.Name] == fn.Origin()
		}
	}
	return false
}

// sibling returns the function, or the method of the same type, of another name.
func sibling(fn *types.Func, named string) *types.Func {
	var o types.Object
	if recv := fn.Signature().Recv(); recv != nil {
		o, _, _ = types.LookupFieldOrMethod(recv.Type(), true, fn.Pkg(), named)
	} else {
		o = fn.Pkg().Scope().Lookup(named)
	}
	found, _ := o.(*types.Func)
	return found
}

// sameParams reports whether a form takes what the one with a context takes behind
// it.
func sameParams(form, withContext *types.Signature) bool {
	if form.Params().Len()+1 != withContext.Params().Len() || form.Variadic() != withContext.Variadic() {
		return false
	}
	if withContext.TypeParams().Len() != 0 {
		return true // their types differ by their type parameters
	}
	for i := range form.Params().Len() {
		if !types.Identical(form.Params().At(i).Type(), withContext.Params().At(i+1).Type()) {
			return false
		}
	}
	return true
}

// toPlain returns the edits that make the call one of the plain form, or nil where
// somebody looks at a result that this does not have.
func toPlain(pass *analysis.Pass, call *ast.CallExpr, stack []ast.Node, fn, form *types.Func) []analysis.TextEdit {
	var edits []analysis.TextEdit
	from, to := fn.Signature().Results(), form.Signature().Results()
	same := from.Len() == to.Len()
	for i := 0; same && i < from.Len(); i++ {
		same = types.Identical(from.At(i).Type(), to.At(i).Type()) || fn.Signature().TypeParams().Len() != 0
	}
	if !same {
		switch parent := stack[len(stack)-2].(type) {
		case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt:
		case *ast.AssignStmt:
			for _, l := range parent.Lhs {
				if id, ok := l.(*ast.Ident); !ok || id.Name != "_" {
					return nil
				}
			}
			edits = append(edits, analysis.TextEdit{Pos: parent.Pos(), End: call.Pos()})
		default:
			return nil
		}
	}
	var written *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.SelectorExpr:
		written = f.Sel
	case *ast.Ident:
		written = f
	default:
		return nil
	}
	end := call.Args[0].End()
	if len(call.Args) > 1 {
		end = call.Args[1].Pos()
	}
	return append(edits,
		analysis.TextEdit{Pos: written.Pos(), End: written.End(), NewText: []byte(form.Name())},
		analysis.TextEdit{Pos: call.Args[0].Pos(), End: end})
}

// source is how an expression is written.
func source(fset *token.FileSet, e ast.Expr) string {
	var b bytes.Buffer
	if err := format.Node(&b, fset, e); err != nil {
		return ""
	}
	return b.String()
}

package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/types/typeutil"
)

// ForeignUnlock reports an RLock that is unlocked in a goroutine which did not lock
// it.
var ForeignUnlock = &analysis.Analyzer{
	Name: "foreignunlock",
	URL:  page,
	Doc: `report an RLock that is unlocked in a goroutine which did not lock it

An RLock belongs to the goroutine that locked it. A function that a go statement,
a Thread, a Timer or a Pool runs is another goroutine: an Unlock there that comes
without a Lock before it panics each time. A Lock may be unlocked by anybody.`,
	Run:      runForeignUnlock,
	Requires: []*analysis.Analyzer{inspect.Analyzer, lockflow},
}

func runForeignUnlock(pass *analysis.Pass) (any, error) {
	flows := map[ast.Node]*flow{}
	for _, f := range pass.ResultOf[lockflow].([]*flow) {
		flows[f.fn] = f
	}
	look := func(lit *ast.FuncLit, where string) {
		f := flows[lit]
		if f == nil {
			return
		}
		for _, e := range f.bare {
			if e.use.kind != reentrant || !outside(e.use.root.Pos(), lit) || f.mayHaveLocked(e) {
				continue
			}
			report(pass, at(e.call, "%s runs in another goroutine, which does not own %s: this panics",
				where, e.use.key))
		}
	}
	inspectorOf(pass).Preorder([]ast.Node{(*ast.GoStmt)(nil), (*ast.CallExpr)(nil)}, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.GoStmt:
			if lit, ok := ast.Unparen(n.Call.Fun).(*ast.FuncLit); ok {
				look(lit, "the go statement's function")
			}
			if u, ok := lockUseOf(pass.TypesInfo, n.Call); ok && u.kind == reentrant && u.op == release {
				report(pass, at(n.Call, "a go statement runs in another goroutine, which does not own %s: this panics", u.key))
			}
		case *ast.CallExpr:
			if lit, by, _ := started(pass.TypesInfo, n); lit != nil {
				look(lit, "the function of "+by.short())
			}
		}
	})
	return nil, nil
}

// mayHaveLocked reports whether the function acquires the lock of an Unlock
// anywhere, or calls a function value before, which may have done so.
func (f *flow) mayHaveLocked(e event) bool {
	info := f.pass.TypesInfo
	if uses(info, f.fn, func(u lockUse) bool { return u.key == e.use.key && u.op != release }) {
		return true
	}
	unseen := false
	ast.Inspect(f.fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || call.Pos() >= e.call.Pos() {
			return !unseen
		}
		if _, literal := ast.Unparen(call.Fun).(*ast.FuncLit); !literal && !isType(info, call.Fun) {
			_, known := typeutil.Callee(info, call).(*types.Func)
			_, builtin := typeutil.Callee(info, call).(*types.Builtin)
			unseen = unseen || !known && !builtin
		}
		return !unseen
	})
	return unseen
}

package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
)

// Dropped reports calls that may fail to lock, to acquire or to put, where the
// program goes on as if they had not.
var Dropped = &analysis.Analyzer{
	Name: "dropped",
	URL:  page,
	Doc: `report a try whose result nobody looks at

TryLock, LockTimeout, LockContext, TryAcquire, TryPut, PutTimeout and their like
say by their result whether they did anything. Without it, what follows runs also
when they did not, unless nothing follows. Also reported is an Unlock that is reached where the lock was
tried in vain. An assignment to _ says that it is meant. Tests are left out.`,
	Run:      runDropped,
	Requires: []*analysis.Analyzer{inspect.Analyzer, lockflow},
}

// tries are the methods and functions that may do nothing, and say so.
var tries = map[string]bool{
	"TryLock": true, "LockTimeout": true, "LockContext": true,
	"TryRLock": true, "RLockTimeout": true, "RLockContext": true,
	"TryAcquire": true, "AcquireTimeout": true, "AcquireContext": true,
	"TryAcquireN": true, "AcquireNTimeout": true, "AcquireNContext": true,
	"TryPut": true, "PutTimeout": true, "PutContext": true, "PutKey": true,
	"TrySend": true, "SendTimeout": true, "SendContext": true,
	"TryGo": true, "GoTimeout": true, "GoContext": true,
	"TryApplyAsync": true, "ApplyAsyncTimeout": true, "ApplyAsyncContext": true,
}

func runDropped(pass *analysis.Pass) (any, error) {
	kinds := []ast.Node{(*ast.ExprStmt)(nil), (*ast.DeferStmt)(nil), (*ast.GoStmt)(nil)}
	inspectorOf(pass).WithStack(kinds, func(n ast.Node, push bool, stack []ast.Node) bool {
		var call *ast.CallExpr
		switch n := n.(type) {
		case *ast.ExprStmt:
			call, _ = ast.Unparen(n.X).(*ast.CallExpr)
		case *ast.DeferStmt:
			call = n.Call
		case *ast.GoStmt:
			call = n.Call
		}
		if !push || call == nil || inTest(pass, call.Pos()) {
			return true
		}
		if c := callee(pass.TypesInfo, call); c.ours() && tries[c.fn] && !isAll(pass.TypesInfo, n, stack) {
			report(pass, at(call, "the result of %s is dropped: what follows runs also when it did nothing", c.short()))
		}
		return true
	})
	for _, f := range pass.ResultOf[lockflow].([]*flow) {
		for _, e := range f.untested {
			if e.use.name.ours() && !inTest(pass, e.call.Pos()) {
				report(pass, at(e.call, "%s is unlocked here also when the try in line %d has failed",
					e.use.key, line(pass, e.mark.at)))
			}
		}
	}
	return nil, nil
}

// isAll reports whether a statement is all that a function literal does which is
// started nowhere: nothing follows, and whoever gets the literal knows what it is
// called for.
func isAll(info *types.Info, n ast.Node, stack []ast.Node) bool {
	if len(stack) < 4 {
		return false
	}
	body, ok := stack[len(stack)-2].(*ast.BlockStmt)
	lit, isLit := stack[len(stack)-3].(*ast.FuncLit)
	if !ok || !isLit || len(body.List) != 1 {
		return false
	}
	for i := len(stack) - 4; i >= 0; i-- {
		switch above := stack[i].(type) {
		case *ast.ParenExpr:
		case *ast.CallExpr:
			if ast.Unparen(above.Fun) == lit { // called where it stands
				return false
			}
			begun, _, _ := started(info, above)
			return begun != lit
		default:
			return true
		}
	}
	return true
}

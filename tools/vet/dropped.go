package vet

import (
	"go/ast"

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
when they did not. Also reported is an Unlock that is reached where the lock was
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
	inspectorOf(pass).Preorder([]ast.Node{(*ast.ExprStmt)(nil), (*ast.DeferStmt)(nil), (*ast.GoStmt)(nil)}, func(n ast.Node) {
		var call *ast.CallExpr
		switch n := n.(type) {
		case *ast.ExprStmt:
			call, _ = ast.Unparen(n.X).(*ast.CallExpr)
		case *ast.DeferStmt:
			call = n.Call
		case *ast.GoStmt:
			call = n.Call
		}
		if call == nil || inTest(pass, call.Pos()) {
			return
		}
		if c := callee(pass.TypesInfo, call); c.ours() && tries[c.fn] {
			report(pass, at(call, "the result of %s is dropped: what follows runs also when it did nothing", c.short()))
		}
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

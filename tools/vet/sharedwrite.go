package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// SharedWrite reports a variable that several goroutines write, with nothing that
// keeps them apart.
var SharedWrite = &analysis.Analyzer{
	Name: "sharedwrite",
	URL:  page,
	Doc: `report a variable that several tasks or threads write without a lock

The function of a Map runs for many items at the same time, and a Thread or a task
that is started in a loop runs beside the others. What such a function assigns to a
variable from outside is a data race, which Python's global lock hid. Elements of a
slice are left alone, because each task may have its own. So is a function that
locks, waits or uses a channel, a pool of one worker, a loop that waits for what it
has started, and a write that only one of them makes. So are tests, which
go test -race watches.`,
	Run:      runSharedWrite,
	Requires: onlyInspect,
}

func runSharedWrite(pass *analysis.Pass) (any, error) {
	inspectorOf(pass).WithStack([]ast.Node{(*ast.CallExpr)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		if !push {
			return true
		}
		call := n.(*ast.CallExpr)
		lit, by, kind := started(pass.TypesInfo, call)
		if lit == nil || inTest(pass, call.Pos()) {
			return true
		}
		own := ast.Node(lit) // what is declared in it, each goroutine has for itself
		switch kind {
		case many:
			if fewItems(pass.TypesInfo, call) {
				return true
			}
		case once:
			loop := loopAround(stack)
			if loop == nil || waitsInside(loop, lit) || leavesAfter(stack) {
				return true
			}
			own = loop
		default:
			return true
		}
		if oneWorker(pass, call, stack) || keepsApart(lit.Body) {
			return true
		}
		for _, w := range writes(pass.TypesInfo, lit, own) {
			report(pass, at(w.at, "the function of %s writes %s, %s and has no lock", by.short(), w.text,
				map[starterKind]string{many: "runs for many items at the same time", once: "runs once for each turn of the loop, side by side,"}[kind]))
		}
		return true
	})
	return nil, nil
}

// fewItems reports whether a Map is of one item at most.
func fewItems(info *types.Info, call *ast.CallExpr) bool {
	if len(call.Args) < 3 {
		return false
	}
	items, ok := ast.Unparen(call.Args[2]).(*ast.CompositeLit)
	if !ok {
		return false
	}
	return len(items.Elts) <= 1
}

// loopAround returns the innermost loop of the same function.
func loopAround(stack []ast.Node) ast.Stmt {
	for i := len(stack) - 1; i >= 0; i-- {
		switch n := stack[i].(type) {
		case *ast.ForStmt:
			return n
		case *ast.RangeStmt:
			return n
		case *ast.FuncLit, *ast.FuncDecl:
			return nil
		}
	}
	return nil
}

// waitsInside reports whether the loop waits for anything, so that what it started
// may have ended before its next turn.
func waitsInside(loop ast.Stmt, lit *ast.FuncLit) (found bool) {
	ast.Inspect(loop, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return n != lit && false
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.SelectStmt:
			found = true
		case *ast.CallExpr:
			called := lastName(n.Fun)
			for _, w := range []string{"Join", "Wait", "Get", "Gather", "AsCompleted", "Shutdown", "Stop", "Acquire", "Lock"} {
				found = found || strings.HasPrefix(called, w)
			}
		}
		return !found
	})
	return found
}

// leavesAfter reports whether the loop is left in the block that starts it.
func leavesAfter(stack []ast.Node) bool {
	for i := len(stack) - 1; i >= 0; i-- {
		var list []ast.Stmt
		switch n := stack[i].(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		case *ast.CommClause:
			list = n.Body
		case *ast.ForStmt, *ast.RangeStmt:
			return false
		default:
			continue
		}
		if len(list) == 0 {
			continue
		}
		switch last := list[len(list)-1].(type) {
		case *ast.ReturnStmt:
			return true
		case *ast.BranchStmt:
			if last.Tok != token.CONTINUE {
				return true
			}
		}
	}
	return false
}

// oneWorker reports whether the pool of a call is made with one worker, as far as
// that can be seen.
func oneWorker(pass *analysis.Pass, call *ast.CallExpr, stack []ast.Node) bool {
	for _, arg := range append([]ast.Expr{receiver(call)}, call.Args...) {
		if arg == nil || typeName(pass.TypesInfo.TypeOf(arg)) != "Pool" {
			continue
		}
		made := ast.Unparen(arg)
		if id, ok := made.(*ast.Ident); ok {
			made = onlyValue(pass, pass.TypesInfo.ObjectOf(id), stack)
		}
		for { // a view of a pool has its workers
			c, ok := made.(*ast.CallExpr)
			if !ok {
				return false
			}
			switch callee(pass.TypesInfo, c) {
			case name{"pool", "", "New"}:
				if len(c.Args) == 0 {
					return false
				}
				v := pass.TypesInfo.Types[c.Args[0]].Value
				return v != nil && constant.Compare(v, token.EQL, constant.MakeInt64(1))
			case name{"pool", "Pool", "WithContext"}, name{"pool", "Pool", "WithPriority"}:
				made = ast.Unparen(receiver(c))
				if id, ok := made.(*ast.Ident); ok {
					made = onlyValue(pass, pass.TypesInfo.ObjectOf(id), stack)
				}
			default:
				return false
			}
		}
	}
	return false
}

func receiver(call *ast.CallExpr) ast.Expr {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return sel.X
	}
	return nil
}

// onlyValue returns the value that a variable is declared with.
func onlyValue(pass *analysis.Pass, v types.Object, stack []ast.Node) (value ast.Expr) {
	if v == nil {
		return nil
	}
	ast.Inspect(stack[0], func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && pass.TypesInfo.Defs[id] == v && len(n.Lhs) == len(n.Rhs) {
					value = ast.Unparen(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if pass.TypesInfo.Defs[id] == v && len(n.Names) == len(n.Values) {
					value = ast.Unparen(n.Values[i])
				}
			}
		}
		return true
	})
	return value
}

// keepsApart reports whether a function contains anything that may keep it apart
// from its like: a lock, a wait, a channel.
func keepsApart(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SendStmt, *ast.SelectStmt:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.CallExpr:
			called := strings.ToLower(lastName(n.Fun))
			for _, w := range []string{"lock", "acquire", "wait", "join", "enter"} {
				found = found || strings.Contains(called, w)
			}
		}
		return !found
	})
	return found
}

// A write is to a variable from outside.
type write struct {
	at   ast.Expr
	text string
}

// writes returns what lit writes of what is declared outside of own, once for each
// variable.
func writes(info *types.Info, lit *ast.FuncLit, own ast.Node) []write {
	var found []write
	seen := map[types.Object]bool{}
	add := func(e ast.Expr, stack []ast.Node) {
		root, text, ok := written(info, e)
		if !ok || seen[root] || !outside(root.Pos(), own) || !outside(root.Pos(), lit) || inOther(stack) || once1(info, stack, lit, own) {
			return
		}
		seen[root] = true
		found = append(found, write{e, text})
	}
	var stack []ast.Node
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					add(l, stack)
				}
			} else {
				for _, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok && info.Defs[id] == nil {
						add(l, stack)
					}
				}
			}
		case *ast.IncDecStmt:
			add(n.X, stack)
		case *ast.CallExpr:
			if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok && len(n.Args) > 0 {
				if b, ok := info.Uses[id].(*types.Builtin); ok && (b.Name() == "delete" || b.Name() == "clear") {
					if t := info.TypeOf(n.Args[0]); t != nil && isMap(t) {
						add(&ast.IndexExpr{X: n.Args[0], Lbrack: n.Args[0].End(), Index: n.Args[0], Rbrack: n.Args[0].End()}, stack)
					}
				}
			}
		}
		return true
	})
	return found
}

func isMap(t types.Type) bool { _, ok := t.Underlying().(*types.Map); return ok }

// written returns the variable that an assignment to e changes, and how a message
// names what is changed. It is not sure of elements of slices and arrays.
func written(info *types.Info, e ast.Expr) (types.Object, string, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		t := info.TypeOf(e.X)
		if t == nil || !isMap(t) {
			return nil, "", false
		}
		k, _, ok := keyOf(info, e.X)
		if !ok {
			return nil, "", false
		}
		return k.root, "the map " + k.String(), true
	case *ast.Ident, *ast.SelectorExpr, *ast.StarExpr:
		if id, ok := e.(*ast.Ident); ok && id.Name == "_" {
			return nil, "", false
		}
		k, _, ok := keyOf(info, e)
		if !ok {
			return nil, "", false
		}
		return k.root, k.String(), true
	}
	return nil, "", false
}

// inOther reports whether a write is in a literal inside the function that is not
// called where it stands: nobody sees when, or under which lock, it runs.
func inOther(stack []ast.Node) bool {
	for i, n := range stack {
		if _, ok := n.(*ast.FuncLit); ok && !calledInPlace(stack[:i+1]) {
			return true
		}
	}
	return false
}

// once1 reports whether a write is made only under a condition that tells one
// goroutine from the others, by something of its own.
func once1(info *types.Info, stack []ast.Node, lit *ast.FuncLit, own ast.Node) (found bool) {
	tells := func(e ast.Node) {
		if e == nil {
			return
		}
		ast.Inspect(e, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if v, ok := info.Uses[id].(*types.Var); ok && !outside(v.Pos(), own) {
					found = true
				}
			}
			return true
		})
	}
	for _, n := range stack {
		switch n := n.(type) {
		case *ast.IfStmt:
			ast.Inspect(n.Cond, func(e ast.Node) bool {
				if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.EQL {
					tells(b)
				}
				return true
			})
		case *ast.SwitchStmt:
			if n.Tag != nil {
				tells(n.Tag)
			}
		}
	}
	return found
}

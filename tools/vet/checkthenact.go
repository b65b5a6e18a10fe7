package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// CheckThenAct reports a call that waits, behind a question whose answer says that
// it would not have to.
var CheckThenAct = &analysis.Analyzer{
	Name: "checkthenact",
	URL:  page,
	Doc: `report a question whose answer may be out of date when it is acted upon

Between q.Empty() and q.Get() another goroutine may take the last item, and Get
waits; likewise for Full and Put, Locked and Lock, Value and Acquire. The Try form
asks and acts at once. A loop over a Try form that does nothing else than sleep is
the form that waits. What only one goroutine can reach is left alone, and so are
tests.`,
	Run:      runCheckThenAct,
	Requires: onlyInspect,
}

func runCheckThenAct(pass *analysis.Pass) (any, error) {
	inspectorOf(pass).WithStack([]ast.Node{(*ast.IfStmt)(nil), (*ast.ForStmt)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		if !push || inTest(pass, n.Pos()) {
			return true
		}
		switch n := n.(type) {
		case *ast.IfStmt:
			lookForQuestion(pass, n, n.Cond, n.Body, stack)
		case *ast.ForStmt:
			if n.Cond != nil {
				lookForPolling(pass, n)
				lookForQuestion(pass, n, n.Cond, n.Body, stack)
			}
		}
		return true
	})
	return nil, nil
}

// A question is a call that asks a primitive, in a form that says that the act
// would not wait.
type question struct {
	call *ast.CallExpr
	key  key
	name name
	act  string
}

// questions returns those of a condition that hold when it is true.
func questions(info *types.Info, cond ast.Expr) []question {
	switch e := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND:
			return append(questions(info, e.X), questions(info, e.Y)...)
		case token.GTR, token.NEQ:
			if isInt(info, e.Y, 0) {
				return ask(info, e.X, map[string]string{"Len": "Get", "Value": "Acquire"})
			}
		case token.GEQ:
			if isInt(info, e.Y, 1) {
				return ask(info, e.X, map[string]string{"Len": "Get", "Value": "Acquire"})
			}
		case token.LSS:
			if isInt(info, e.X, 0) {
				return ask(info, e.Y, map[string]string{"Len": "Get", "Value": "Acquire"})
			}
		}
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return ask(info, e.X, map[string]string{"Empty": "Get", "Full": "Put", "Locked": "Lock"})
		}
	}
	return nil
}

func isInt(info *types.Info, e ast.Expr, n int64) bool {
	v := info.Types[e].Value
	return v != nil && v.Kind() == constant.Int && constant.Compare(v, token.EQL, constant.MakeInt64(n))
}

func ask(info *types.Info, e ast.Expr, acts map[string]string) []question {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return nil
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || len(call.Args) != 0 {
		return nil
	}
	c := callee(info, call)
	act := acts[c.fn]
	if !c.ours() || act == "" || c.recv == "Map" || c.recv == "RLock" {
		return nil
	}
	switch c.recv {
	case "Queue", "Lock", "Semaphore", "BoundedSemaphore":
	default:
		return nil
	}
	k, _, ok := keyOf(info, sel.X)
	if !ok {
		return nil
	}
	return []question{{call, k, c, act}}
}

// lookForQuestion is for an if or a for whose condition asks, and whose body acts.
func lookForQuestion(pass *analysis.Pass, s ast.Stmt, cond ast.Expr, body *ast.BlockStmt, stack []ast.Node) {
	for _, q := range questions(pass.TypesInfo, cond) {
		act := firstUse(pass.TypesInfo, body, q.key)
		if act == nil || lastName(act.Fun) != q.act || isPrivate(pass.TypesInfo, q.key, stack) {
			continue
		}
		d := at(act, "%s may have to wait, whatever %s has said before; Try%s asks and acts at once",
			q.act, q.name.fn, q.act)
		d.Related = []analysis.RelatedInformation{{Pos: q.call.Pos(), Message: "asked here"}}
		if edits := toTry(pass, s, cond, body, q, act); edits != nil {
			d.SuggestedFixes = []analysis.SuggestedFix{{Message: "call Try" + q.act, TextEdits: edits}}
		}
		report(pass, d)
	}
}

// firstUse returns the first call of a method of what has the key.
func firstUse(info *types.Info, body *ast.BlockStmt, k key) (first *ast.CallExpr) {
	ast.Inspect(body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok || first != nil {
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
				if used, _, ok := keyOf(info, sel.X); ok && used == k {
					first = call
				}
			}
		}
		return true
	})
	return first
}

// toTry returns the edits that make a Try of it: TryGet in place of Get, where an
// error is looked at; TryLock in place of the question, where nothing else is asked
// and the body begins with the Lock.
func toTry(pass *analysis.Pass, s ast.Stmt, cond ast.Expr, body *ast.BlockStmt, q question, act *ast.CallExpr) []analysis.TextEdit {
	sel := ast.Unparen(act.Fun).(*ast.SelectorExpr)
	rename := analysis.TextEdit{Pos: sel.Sel.Pos(), End: sel.Sel.End(), NewText: []byte("Try" + q.act)}
	switch q.act {
	case "Get", "Put":
		if errorIsKept(body, act) {
			return []analysis.TextEdit{rename}
		}
	case "Lock", "Acquire":
		if len(body.List) == 0 {
			return nil
		}
		first, ok := body.List[0].(*ast.ExprStmt)
		if !ok || first.X != act || len(questions(pass.TypesInfo, cond)) != 1 {
			return nil
		}
		if b, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && b.Op == token.LAND {
			return nil
		}
		if _, loop := s.(*ast.ForStmt); loop {
			return nil
		}
		end := body.Rbrace
		if len(body.List) > 1 {
			end = body.List[1].Pos()
		}
		return []analysis.TextEdit{
			{Pos: cond.Pos(), End: cond.End(), NewText: []byte(source(pass.Fset, sel.X) + ".Try" + q.act + "()")},
			{Pos: first.Pos(), End: end},
		}
	}
	return nil
}

// errorIsKept reports whether the last result of a call goes into a variable.
func errorIsKept(body *ast.BlockStmt, call *ast.CallExpr) (kept bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if ok && len(a.Rhs) == 1 && ast.Unparen(a.Rhs[0]) == call {
			id, plain := a.Lhs[len(a.Lhs)-1].(*ast.Ident)
			kept = !plain || id.Name != "_"
		}
		return true
	})
	return kept
}

// isPrivate reports whether nobody else can reach what the key stands for: a
// variable of this function that no literal and no call gets.
func isPrivate(info *types.Info, k key, stack []ast.Node) bool {
	var body *ast.BlockStmt
	for i := len(stack) - 1; i >= 0 && body == nil; i-- {
		switch fn := stack[i].(type) {
		case *ast.FuncLit:
			body = fn.Body
		case *ast.FuncDecl:
			body = fn.Body
		}
	}
	if body == nil || outside(k.root.Pos(), body) {
		return false
	}
	private := true
	var path []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		if id, ok := n.(*ast.Ident); ok && info.Uses[id] == k.root {
			for _, p := range path {
				if _, ok := p.(*ast.FuncLit); ok {
					private = false
				}
			}
			if sel, ok := path[len(path)-2].(*ast.SelectorExpr); !ok || sel.X != n {
				private = false
			}
		}
		return true
	})
	return private
}

func outside(pos token.Pos, n ast.Node) bool { return pos < n.Pos() || pos >= n.End() }

// lookForPolling is for a loop that tries until it succeeds, and does nothing else
// meanwhile.
func lookForPolling(pass *analysis.Pass, loop *ast.ForStmt) {
	not, ok := ast.Unparen(loop.Cond).(*ast.UnaryExpr)
	if !ok || not.Op != token.NOT || loop.Init != nil || loop.Post != nil {
		return
	}
	call, ok := ast.Unparen(not.X).(*ast.CallExpr)
	if !ok {
		return
	}
	c := callee(pass.TypesInfo, call)
	waits, ok := strings.CutPrefix(c.fn, "Try")
	if !c.ours() || !ok || !tries[c.fn] {
		return
	}
	for _, s := range loop.Body.List {
		e, ok := s.(*ast.ExprStmt)
		if !ok {
			return
		}
		idle, ok := e.X.(*ast.CallExpr)
		if !ok {
			return
		}
		switch callee(pass.TypesInfo, idle) {
		case name{"/time", "", "Sleep"}, name{"/runtime", "", "Gosched"}:
		default:
			return
		}
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	d := at(loop, "this loop polls until it has succeeded, as %s does without polling; %sTimeout and %sContext give up", waits, waits, waits)
	d.End = loop.Body.Lbrace
	d.SuggestedFixes = []analysis.SuggestedFix{{Message: "call " + waits, TextEdits: []analysis.TextEdit{
		{Pos: loop.Pos(), End: call.Pos()},
		{Pos: sel.Sel.Pos(), End: sel.Sel.End(), NewText: []byte(waits)},
		{Pos: call.End(), End: loop.End()},
	}}}
	report(pass, d)
}

package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/cfg"
)

// Endless reports a loop that takes from a queue and goes on when there is nothing
// to take any more.
var Endless = &analysis.Analyzer{
	Name: "endless",
	URL:  page,
	Doc: `report a loop that never ends once its queue is shut down

Get returns an error only when the queue has been shut down and is drained, and
then it does so each time, at once. A loop that goes on after an error, or does not
look at it, and has no other way out, keeps a processor busy forever. The same
holds for a Conn whose other end is closed. A loop that gets another queue, or
another context, each time is left alone, and so is one that gives the error to a
function that may end it. A range over Tasks ends.`,
	Run:      runEndless,
	Requires: []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
}

// takes are the calls that fail only when nothing will ever come again.
func takes(n name) bool {
	switch n.recv {
	case "Queue":
		switch n.fn {
		case "Get", "GetContext", "GetN", "GetNContext":
			return n.pkg == "queue" || n.pkg == "process" || n.pkg == "manager"
		}
	case "Conn":
		return n.pkg == "process" && (n.fn == "Recv" || n.fn == "RecvContext")
	}
	return false
}

func runEndless(pass *analysis.Pass) (any, error) {
	cfgs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	inspectorOf(pass).Preorder([]ast.Node{(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)}, func(n ast.Node) {
		var graph *cfg.CFG
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body != nil {
				graph = cfgs.FuncDecl(n)
			}
		case *ast.FuncLit:
			graph = cfgs.FuncLit(n)
		}
		if graph == nil {
			return
		}
		for _, b := range graph.Blocks {
			if !b.Live {
				continue
			}
			for _, n := range b.Nodes {
				lookForEndless(pass, b, n)
			}
		}
	})
	return nil, nil
}

func lookForEndless(pass *analysis.Pass, b *cfg.Block, n ast.Node) {
	var call *ast.CallExpr
	var err types.Object // nil: dropped
	switch n := n.(type) {
	case *ast.AssignStmt:
		if len(n.Rhs) != 1 {
			return
		}
		call, _ = ast.Unparen(n.Rhs[0]).(*ast.CallExpr)
		id, ok := n.Lhs[len(n.Lhs)-1].(*ast.Ident)
		if !ok {
			return
		}
		if id.Name != "_" {
			if err = pass.TypesInfo.ObjectOf(id); err == nil {
				return
			}
		}
	case *ast.ExprStmt:
		call, _ = ast.Unparen(n.X).(*ast.CallExpr)
	}
	if call == nil || !takes(callee(pass.TypesInfo, call)) {
		return
	}
	same, ok := stays(pass.TypesInfo, call)
	if !ok || !comesBack(pass, b, n, err, same) {
		return
	}
	c := callee(pass.TypesInfo, call)
	why := "is shut down"
	if c.recv == "Conn" {
		why = "has no other end"
	}
	report(pass, at(call, "once the %s %s, %s returns an error at once, and this loop never ends", c.recv, why, c.fn))
}

// stays returns the variables that must stay the same for the call to fail again:
// what it takes from, and the context. It returns false where they have no name.
func stays(info *types.Info, call *ast.CallExpr) (same []types.Object, ok bool) {
	k, _, ok := keyOf(info, receiver(call))
	if !ok {
		return nil, false
	}
	same = append(same, k.root)
	if strings.HasSuffix(callee(info, call).fn, "Context") && len(call.Args) > 0 {
		k, _, ok := keyOf(info, call.Args[0])
		if !ok {
			return nil, false
		}
		same = append(same, k.root)
	}
	return same, true
}

// comesBack reports whether every way from n, in block b, leads to n again if err
// is not nil, and leaves the variables of same as they are.
func comesBack(pass *analysis.Pass, b *cfg.Block, n ast.Node, err types.Object, same []types.Object) bool {
	info := pass.TypesInfo
	seen := map[*cfg.Block]bool{}
	back := false
	changes := func(nodes []ast.Node) bool {
		for _, v := range same {
			if assigns(info, nodes, v) {
				return true
			}
		}
		return err != nil && passes(info, nodes, err)
	}
	var visit func(*cfg.Block, []ast.Node) bool // false: a way out
	visit = func(b *cfg.Block, nodes []ast.Node) bool {
		if len(b.Succs) == 0 {
			return b.Kind == cfg.KindSelectAfterCase // nobody comes here
		}
		if r, ok := b.Stmt.(*ast.RangeStmt); ok && b.Kind == cfg.KindRangeBody {
			nodes = append([]ast.Node{&ast.AssignStmt{Lhs: rangeVars(r)}}, nodes...)
		}
		if changes(nodes) {
			return false
		}
		known := err != nil && !assigns(info, nodes, err)
		for i, to := range b.Succs {
			if known && len(b.Succs) == 2 && len(nodes) > 0 {
				if cond, ok := nodes[len(nodes)-1].(ast.Expr); ok {
					if holds := onError(info, cond, err); holds == yes && i == 1 || holds == no && i == 0 {
						continue
					}
				}
			}
			if at := indexOf(to.Nodes, n); at >= 0 {
				if changes(to.Nodes[:at]) {
					return false
				}
				back = true
				continue
			}
			if seen[to] {
				continue
			}
			seen[to] = true
			if !visit(to, to.Nodes) {
				return false
			}
		}
		return true
	}
	return visit(b, b.Nodes[indexOf(b.Nodes, n)+1:]) && back
}

func rangeVars(r *ast.RangeStmt) (vars []ast.Expr) {
	for _, v := range []ast.Expr{r.Key, r.Value} {
		if v != nil {
			vars = append(vars, v)
		}
	}
	return vars
}

// passes reports whether err is given to a function that may end the loop because
// of it: to any that does not only write it down or compare it.
func passes(info *types.Info, nodes []ast.Node, err types.Object) (found bool) {
	for _, n := range nodes {
		ast.Inspect(n, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || found {
				return !found
			}
			switch callee(info, call).pkg {
			case "/errors", "/fmt", "/log", "/log/slog":
				return true
			}
			for _, arg := range call.Args {
				if id, ok := ast.Unparen(arg).(*ast.Ident); ok && info.Uses[id] == err {
					found = true
				}
			}
			return !found
		})
	}
	return found
}

func indexOf(nodes []ast.Node, n ast.Node) int {
	return slices.IndexFunc(nodes, func(m ast.Node) bool { return m == n })
}

// assigns reports whether the nodes give v another value.
func assigns(info *types.Info, nodes []ast.Node, v types.Object) (found bool) {
	for _, n := range nodes {
		ast.Inspect(n, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, l := range a.Lhs {
					if id, ok := l.(*ast.Ident); ok && info.ObjectOf(id) == v {
						found = true
					}
				}
			}
			return true
		})
	}
	return found
}

type answer int

const (
	unsure answer = iota
	yes
	no
)

func (a answer) not() answer {
	switch a {
	case yes:
		return no
	case no:
		return yes
	}
	return unsure
}

// onError tells whether a condition holds when err is not nil.
func onError(info *types.Info, cond ast.Expr, err types.Object) answer {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return onError(info, e.X, err).not()
		}
	case *ast.BinaryExpr:
		x, y := onError(info, e.X, err), onError(info, e.Y, err)
		switch e.Op {
		case token.LAND:
			switch {
			case x == no || y == no:
				return no
			case x == yes && y == yes:
				return yes
			}
		case token.LOR:
			return onError(info, &ast.BinaryExpr{X: not(e.X), Op: token.LAND, Y: not(e.Y)}, err).not()
		case token.EQL, token.NEQ:
			if id, ok := ast.Unparen(e.X).(*ast.Ident); ok && info.Uses[id] == err && isNil(info, e.Y) {
				if e.Op == token.NEQ {
					return yes
				}
				return no
			}
		}
	}
	return unsure
}

func not(e ast.Expr) ast.Expr { return &ast.UnaryExpr{Op: token.NOT, X: e} }

package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/cfg"
)

// lockflow follows the locks through each function of a package. What it says is
// certain for the way through the function: a lock is held only if it is so on
// every way that leads there. Whatever could change that unseen makes it unknown,
// and what is unknown is never reported.
var lockflow = &analysis.Analyzer{
	Name:       "lockflow",
	Doc:        "follow locks through functions, for the other analyzers",
	Run:        runLockflow,
	Requires:   []*analysis.Analyzer{inspect.Analyzer, ctrlflow.Analyzer},
	ResultType: reflect.TypeFor[[]*flow](),
}

// A flow is what happens to the locks in one function or function literal.
type flow struct {
	pass  *analysis.Pass
	fn    ast.Node // *ast.FuncDecl or *ast.FuncLit
	cfg   *cfg.CFG
	inner effects // of the package's functions

	uses     map[key]lockUse // one for each lock of the function
	escapes  map[key]bool    // others may unlock it, or lock it, unseen
	contract map[key]bool    // the function is called with it held
	tagged   map[*ast.CaseClause]bool

	now       *state
	recording bool

	exits    []exit
	relocks  []event // a Lock where it is held
	untested []event // an Unlock where a try may have failed
	bare     []event // an Unlock of what the function never locked
	sent     []event // a deferred Lock where it is held
}

// An exit is a return, and what is known there.
type exit struct {
	ret   *ast.ReturnStmt
	marks map[key]mark
}

// An event is a call on a lock that matters.
type event struct {
	call *ast.CallExpr
	use  lockUse
	mark mark // before the call
}

func runLockflow(pass *analysis.Pass) (any, error) {
	cfgs := pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs)
	inner := effectsOf(pass)
	var flows []*flow
	pass.ResultOf[inspect.Analyzer].(*inspector.Inspector).Preorder(
		[]ast.Node{(*ast.FuncDecl)(nil), (*ast.FuncLit)(nil)}, func(n ast.Node) {
			var body *ast.BlockStmt
			var graph *cfg.CFG
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Body == nil {
					return
				}
				body, graph = n.Body, cfgs.FuncDecl(n)
			case *ast.FuncLit:
				body, graph = n.Body, cfgs.FuncLit(n)
			}
			f := &flow{
				pass: pass, fn: n, cfg: graph, inner: inner,
				uses: map[key]lockUse{}, contract: map[key]bool{}, tagged: map[*ast.CaseClause]bool{},
			}
			f.collect(body)
			if len(f.uses) == 0 || graph == nil {
				return
			}
			f.escapes = escapes(pass.TypesInfo, body)
			f.solve()
			flows = append(flows, f)
		})
	return flows, nil
}

// collect finds the locks that the function itself uses, not its literals.
func (f *flow) collect(body *ast.BlockStmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SwitchStmt:
			if n.Tag != nil {
				for _, c := range n.Body.List {
					f.tagged[c.(*ast.CaseClause)] = true
				}
			}
		case *ast.CallExpr:
			if use, ok := lockUseOf(f.pass.TypesInfo, n); ok {
				if _, known := f.uses[use.key]; !known {
					f.uses[use.key] = use
				}
			}
		}
		return true
	})
}

// solve goes through the function until nothing new is learnt, and then once more
// to record.
func (f *flow) solve() {
	start := &state{marks: map[key]mark{}, bound: map[types.Object]bound{}}
	for k := range f.uses {
		start.marks[k] = mark{}
	}
	in := make([]*state, len(f.cfg.Blocks))
	in[0] = start
	work := []*cfg.Block{f.cfg.Blocks[0]}
	for len(work) > 0 {
		b := work[0]
		work = work[1:]
		for i, out := range f.through(b, in[b.Index]) {
			to := b.Succs[i]
			if in[to.Index] != nil {
				out = in[to.Index].join(out)
				if out.equal(in[to.Index]) {
					continue
				}
			}
			in[to.Index] = out
			work = append(work, to)
		}
	}
	f.recording = true
	for _, b := range f.cfg.Blocks {
		if in[b.Index] != nil {
			f.through(b, in[b.Index])
		}
	}
}

// through returns what is known at the end of a block, for each block behind it.
func (f *flow) through(b *cfg.Block, in *state) []*state {
	f.now = in.clone()
	if r, ok := b.Stmt.(*ast.RangeStmt); ok && b.Kind == cfg.KindRangeBody {
		f.define(r.Key)
		f.define(r.Value)
	}
	cond := f.condition(b)
	for _, n := range b.Nodes {
		if n == ast.Node(cond) {
			f.eval(n, true)
			continue
		}
		f.eval(n, false)
		f.now.blurUnbound()
	}
	if ret := b.Return(); ret != nil && f.recording {
		f.exits = append(f.exits, exit{ret, f.now.clone().marks})
	}
	switch {
	case cond != nil:
		whenTrue := f.now.clone()
		f.refine(whenTrue, cond, true, true)
		whenFalse := f.now
		f.refine(whenFalse, cond, false, false)
		whenTrue.blur()
		whenFalse.blur()
		return []*state{whenTrue, whenFalse}
	case len(b.Succs) == 2:
		f.now.blur()
		return []*state{f.now, f.now.clone()}
	case len(b.Succs) == 1:
		return []*state{f.now}
	}
	return nil
}

// condition returns the expression that decides which block follows, if it is one
// that can be true or false by itself.
func (f *flow) condition(b *cfg.Block) ast.Expr {
	if len(b.Succs) != 2 || len(b.Nodes) == 0 {
		return nil
	}
	e, ok := b.Nodes[len(b.Nodes)-1].(ast.Expr)
	if !ok {
		return nil
	}
	if c, ok := b.Succs[0].Stmt.(*ast.CaseClause); ok && f.tagged[c] {
		return nil
	}
	if t := f.pass.TypesInfo.TypeOf(e); t == nil || !isBool(t) {
		return nil
	}
	return e
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// blurUnbound is for the end of a statement: a try whose result went nowhere, or
// somewhere else than into a variable, is not known.
func (s *state) blurUnbound() {
	for k, m := range s.marks {
		if m.status == pending && !s.tells(m.try) {
			s.set(k, mark{status: maybe})
		}
	}
}

// refine adds to s what a condition says that turned out to be truth. then says
// that the branch is the first one, in the braces of the if.
func (f *flow) refine(s *state, cond ast.Expr, truth, then bool) {
	info := f.pass.TypesInfo
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			f.refine(s, e.X, !truth, then)
			return
		}
	case *ast.BinaryExpr:
		switch {
		case e.Op == token.LAND && truth, e.Op == token.LOR && !truth:
			f.refine(s, e.X, truth, then)
			f.refine(s, e.Y, truth, then)
			return
		case e.Op == token.EQL || e.Op == token.NEQ:
			if isNil(info, e.Y) {
				if b, ok := f.trial(s, e.X); ok && b.op == tryErr {
					s.decide(b, truth == (e.Op == token.EQL), then)
					return
				}
			}
		}
	case *ast.CallExpr, *ast.Ident:
		if b, ok := f.trial(s, e); ok && b.op == tryBool {
			s.decide(b, truth, then)
			return
		}
	}
	// It may say something of a try, in a way that is not understood.
	ast.Inspect(cond, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.Ident:
			if v := info.Uses[n]; v != nil {
				s.use(v)
			}
		}
		return true
	})
}

func isNil(info *types.Info, e ast.Expr) bool { return info.Types[e].IsNil() }

// trial returns the try whose result an expression is.
func (f *flow) trial(s *state, e ast.Expr) (bound, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		b, ok := s.bound[f.pass.TypesInfo.Uses[e]]
		return b, ok
	case *ast.CallExpr:
		use, ok := lockUseOf(f.pass.TypesInfo, e)
		return bound{use.key, e, use.op}, ok
	}
	return bound{}, false
}

// decide is for a try that is known to have succeeded or not. then says that this
// is known in the first branch.
func (s *state) decide(b bound, success, then bool) {
	m := s.marks[b.key]
	if m.try != b.try || m.status == maybe {
		return
	}
	if success {
		s.set(b.key, mark{status: held, at: b.try.Pos(), try: b.try})
	} else {
		s.set(b.key, mark{status: failed, at: b.try.Pos(), try: b.try, handled: then})
	}
}

// eval is what a statement or an expression does to the locks, in the order in
// which its calls are made. inCondition is for what decides a branch: refine says
// what that means.
func (f *flow) eval(n ast.Node, inCondition bool) {
	switch n := n.(type) {
	case *ast.FuncLit:
	case *ast.BinaryExpr:
		f.eval(n.X, inCondition)
		if n.Op != token.LAND && n.Op != token.LOR {
			f.eval(n.Y, inCondition)
			return
		}
		skipped := f.now.clone()
		f.eval(n.Y, inCondition)
		if joined := f.now.join(skipped); !inCondition {
			f.now = joined
		} else {
			f.keepTries(joined)
		}
	case *ast.Ident:
		if v := f.pass.TypesInfo.Uses[n]; v != nil && !inCondition {
			f.now.use(v)
		}
	case *ast.SelectorExpr:
		f.eval(n.X, inCondition)
	case *ast.CallExpr:
		f.each(n, inCondition)
		f.call(n)
	case *ast.AssignStmt:
		for _, e := range n.Rhs {
			f.eval(e, false)
		}
		for _, e := range n.Lhs {
			if _, plain := e.(*ast.Ident); !plain {
				f.eval(e, false)
			}
			f.define(e)
		}
		if len(n.Lhs) == 1 && len(n.Rhs) == 1 {
			f.bind(n.Lhs[0], n.Rhs[0])
		}
	case *ast.ValueSpec:
		for _, e := range n.Values {
			f.eval(e, false)
		}
		for _, e := range n.Names {
			f.define(e)
			if v := f.pass.TypesInfo.Defs[e]; v != nil && len(n.Values) == 0 {
				f.renew(v)
			}
		}
		if len(n.Names) == 1 && len(n.Values) == 1 {
			f.bind(n.Names[0], n.Values[0])
		}
	case *ast.DeferStmt:
		f.each(n.Call, false)
		f.deferCall(n.Call)
	case *ast.GoStmt:
		f.each(n.Call, false)
		if use, ok := lockUseOf(f.pass.TypesInfo, n.Call); ok {
			f.now.set(use.key, mark{status: maybe})
		}
	default:
		f.each(n, inCondition)
	}
}

// keepTries takes over what is known on both ways through && or ||, apart from the
// tries in it, which refine decides.
func (f *flow) keepTries(joined *state) {
	for k, m := range f.now.marks {
		if m.status == pending && !f.now.tells(m.try) {
			joined.marks[k] = m
		}
	}
	f.now = joined
}

// each evaluates the parts of a node.
func (f *flow) each(n ast.Node, inCondition bool) {
	ast.Inspect(n, func(part ast.Node) bool {
		if part == n {
			return true
		}
		if part != nil {
			f.eval(part, inCondition)
		}
		return false
	})
}

// define is for what gets a new value.
func (f *flow) define(e ast.Expr) {
	if e == nil {
		return
	}
	k, _, ok := keyOf(f.pass.TypesInfo, e)
	if !ok {
		return
	}
	if k.path == "" {
		f.now.forget(k.root)
		return
	}
	for other := range f.now.marks {
		if other.root == k.root && strings.HasPrefix(other.path, k.path) {
			f.now.marks[other] = mark{status: maybe}
		}
	}
}

// renew is for a variable that is declared without a value: its locks are new.
func (f *flow) renew(v types.Object) {
	for k := range f.now.marks {
		if k.root == v {
			f.now.marks[k] = mark{}
		}
	}
}

// bind is for a variable that gets the result of a try.
func (f *flow) bind(to, from ast.Expr) {
	call, ok := ast.Unparen(from).(*ast.CallExpr)
	if !ok {
		return
	}
	use, ok := lockUseOf(f.pass.TypesInfo, call)
	if !ok || f.now.marks[use.key].try != call {
		return
	}
	if id, ok := to.(*ast.Ident); ok && id.Name != "_" {
		if v := f.pass.TypesInfo.ObjectOf(id); v != nil {
			f.now.bound[v] = bound{use.key, call, use.op}
		}
	}
}

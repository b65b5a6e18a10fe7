package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// call is what a call does to the locks.
func (f *flow) call(call *ast.CallExpr) {
	use, ok := lockUseOf(f.pass.TypesInfo, call)
	if !ok {
		f.foreign(call)
		return
	}
	m := f.now.marks[use.key]
	switch use.op {
	case acquire:
		other := use.key
		other.reader = !use.reader
		switch {
		case use.kind == exclusive && m.status == held && !use.reader:
			f.record(&f.relocks, event{call, use, m})
		case use.kind == exclusive && f.now.marks[other].status == held:
			f.record(&f.relocks, event{call, use, f.now.marks[other]})
		case m.status == held: // one level deeper, or one reader more
			f.now.set(use.key, mark{status: maybe})
		default:
			f.now.set(use.key, mark{status: held, at: call.Pos()})
		}
	case tryBool, tryErr:
		switch {
		case m.status == held && use.kind == exclusive: // it stays so, however this goes
		case m.status == held:
			f.now.set(use.key, mark{status: maybe})
		default:
			f.now.set(use.key, mark{status: pending, at: call.Pos(), try: call})
		}
	case release:
		f.release(call, use, m)
	case downgrade:
		f.release(call, use, m)
		reader := use.key
		reader.reader = true
		if _, followed := f.uses[reader]; followed {
			f.now.set(reader, mark{status: held, at: call.Pos()})
		}
	}
}

func (f *flow) release(call *ast.CallExpr, use lockUse, m mark) {
	switch m.status {
	case untouched:
		f.record(&f.bare, event{call, use, m})
		fallthrough
	case free:
		f.contract[use.key] = true
		// It may be another name of one that is held.
		for k := range f.now.marks {
			if k != use.key {
				f.now.set(k, mark{status: maybe})
			}
		}
	case pending:
		f.record(&f.untested, event{call, use, m})
	case unchecked:
		if m.handled {
			f.record(&f.untested, event{call, use, m})
		}
	}
	f.now.set(use.key, mark{status: free})
}

// foreign is for a call of something that is no method of a lock with a key.
func (f *flow) foreign(call *ast.CallExpr) {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok { // called where it stands
		for k := range f.now.marks {
			if uses(f.pass.TypesInfo, lit, func(u lockUse) bool { return u.key == k }) {
				f.now.set(k, mark{status: maybe})
			}
		}
		return
	}
	releases, acquires := f.effect(call)
	for k := range f.now.marks {
		m := f.now.marks[k]
		if releases(k) || acquires(k) && m.status != held {
			f.now.set(k, mark{status: maybe})
		}
	}
}

// effect tells which locks a call may release, or acquire.
func (f *flow) effect(call *ast.CallExpr) (releases, acquires func(key) bool) {
	fn, _ := typeutil.Callee(f.pass.TypesInfo, call).(*types.Func)
	if fn != nil {
		if e, known := f.inner[fn.Origin()]; known {
			in := func(set map[types.Object]bool) func(key) bool {
				return func(k key) bool { return set[f.uses[k].last] }
			}
			return in(e.releases), in(e.acquires)
		}
	}
	// Nobody sees what it does, so its name has to say it.
	called := strings.ToLower(lastName(call.Fun))
	unlocks := strings.Contains(called, "unlock") || strings.Contains(called, "release")
	locks := strings.Contains(called, "lock") || strings.Contains(called, "acquire")
	return func(key) bool { return unlocks }, func(key) bool { return locks }
}

func lastName(e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return lastName(e.X)
	case *ast.IndexListExpr:
		return lastName(e.X)
	case *ast.CallExpr:
		return lastName(e.Fun)
	}
	return ""
}

// deferCall is for what a defer calls at the end.
func (f *flow) deferCall(call *ast.CallExpr) {
	info := f.pass.TypesInfo
	if use, ok := lockUseOf(info, call); ok {
		m := f.now.marks[use.key]
		switch {
		case use.op == acquire && m.status == held && use.kind == exclusive:
			f.record(&f.sent, event{call, use, m})
		case use.op == release:
			if m.status == pending || m.status == unchecked && m.handled {
				f.record(&f.untested, event{call, use, m})
			}
			if m.status == untouched {
				f.record(&f.bare, event{call, use, m})
			}
			m.deferred = true
			f.now.marks[use.key] = m
		}
		return
	}
	releases, _ := f.effect(call)
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		releases = func(k key) bool {
			return uses(info, lit, func(u lockUse) bool { return u.key == k && u.op == release })
		}
		if unlocksOthers(info, lit) {
			releases = func(key) bool { return true }
		}
	}
	for k := range f.now.marks {
		if m := f.now.marks[k]; releases(k) {
			m.deferred = true
			f.now.marks[k] = m
		}
	}
}

func (f *flow) record(list *[]event, e event) {
	if f.recording && !f.escapes[lockOf(e.use.key)] {
		*list = append(*list, e)
	}
}

// uses reports whether a literal, or one inside it, has a use that is such a one.
func uses(info *types.Info, lit ast.Node, such func(lockUse) bool) (found bool) {
	ast.Inspect(lit, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !found {
			if u, ok := lockUseOf(info, call); ok {
				found = such(u)
			}
		}
		return !found
	})
	return found
}

// unlocksOthers reports whether a literal calls something that unlocks by its name
// and is not known to be a certain lock's method.
func unlocksOthers(info *types.Info, lit *ast.FuncLit) (found bool) {
	ast.Inspect(lit, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !found {
			called := strings.ToLower(lastName(call.Fun))
			if _, known := lockUseOf(info, call); !known {
				found = strings.Contains(called, "unlock") || strings.Contains(called, "release")
			}
		}
		return !found
	})
	return found
}

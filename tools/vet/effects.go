package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// An effect is what a function may do to locks that outlive it: the fields and the
// package's variables whose locks it, or a function of the package that it calls,
// acquires or releases.
type effect struct{ releases, acquires map[types.Object]bool }

// effects has the effect of each function of a package.
type effects map[*types.Func]*effect

func effectsOf(pass *analysis.Pass) effects {
	all := effects{}
	calls := map[*types.Func]map[*types.Func]bool{}
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || d.Body == nil {
				continue
			}
			fn, ok := pass.TypesInfo.Defs[d.Name].(*types.Func)
			if !ok {
				continue
			}
			all[fn], calls[fn] = directEffect(pass, d.Body)
		}
	}
	for changed := true; changed; {
		changed = false
		for fn, e := range all {
			for callee := range calls[fn] {
				if c := all[callee]; c != nil {
					changed = add(e.releases, c.releases) || changed
					changed = add(e.acquires, c.acquires) || changed
				}
			}
		}
	}
	return all
}

func directEffect(pass *analysis.Pass, body *ast.BlockStmt) (*effect, map[*types.Func]bool) {
	e := &effect{releases: map[types.Object]bool{}, acquires: map[types.Object]bool{}}
	calls := map[*types.Func]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if u, ok := lockUseOf(pass.TypesInfo, call); ok {
			if u.op == release || u.op == downgrade {
				e.releases[u.last] = true
			} else {
				e.acquires[u.last] = true
			}
		} else if fn, ok := typeutil.Callee(pass.TypesInfo, call).(*types.Func); ok && fn.Pkg() == pass.Pkg {
			calls[fn.Origin()] = true
		}
		return true
	})
	return e, calls
}

func add(to, from map[types.Object]bool) (changed bool) {
	for o := range from {
		if !to[o] {
			to[o], changed = true, true
		}
	}
	return changed
}

// lockOf is the key of the lock itself, of which there may be several: the
// reader's side, the keys of a lock.Map.
func lockOf(k key) key {
	k.reader = false
	for i := range k.path {
		if k.path[i] == '[' {
			k.path = k.path[:i]
			break
		}
	}
	return k
}

// escapes returns the locks of a function that others may get hold of, or that its
// literals release at a time that nobody sees.
func escapes(info *types.Info, body *ast.BlockStmt) map[key]bool {
	found := map[key]bool{}
	var stack []ast.Node
	ast.Inspect(body, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.FuncLit:
			if !calledInPlace(stack) {
				ast.Inspect(n, func(inner ast.Node) bool {
					if call, ok := inner.(*ast.CallExpr); ok {
						if u, ok := lockUseOf(info, call); ok && (u.op == release || u.op == downgrade) {
							found[lockOf(u.key)] = true
						}
					}
					return true
				})
			}
		case *ast.SelectorExpr, *ast.Ident:
			e := n.(ast.Expr)
			if k, ok := methodValue(info, e, stack); ok {
				found[lockOf(k)] = true
			}
			if t := info.TypeOf(e); t != nil && isLock(t) && !isType(info, e) && leaves(info, stack) {
				if k, _, ok := keyOf(info, e); ok {
					found[lockOf(k)] = true
				}
			}
		}
		return true
	})
	return found
}

// calledInPlace reports whether the literal on top of the stack is called where it
// stands, or deferred.
func calledInPlace(stack []ast.Node) bool {
	i := len(stack) - 2
	for i >= 0 {
		if _, ok := stack[i].(*ast.ParenExpr); !ok {
			break
		}
		i--
	}
	if i < 0 {
		return false
	}
	call, ok := stack[i].(*ast.CallExpr)
	if !ok || ast.Unparen(call.Fun) != stack[len(stack)-1] {
		return false
	}
	if i == 0 {
		return true
	}
	_, goes := stack[i-1].(*ast.GoStmt)
	return !goes
}

// methodValue returns the lock whose method e is, if e does not call it.
func methodValue(info *types.Info, e ast.Expr, stack []ast.Node) (key, bool) {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return key{}, false
	}
	if len(stack) > 1 {
		if call, ok := stack[len(stack)-2].(*ast.CallExpr); ok && ast.Unparen(call.Fun) == e {
			return key{}, false
		}
	}
	u, ok := lockUseOf(info, &ast.CallExpr{Fun: sel})
	return u.key, ok
}

func isLock(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && lockKindOf(place(named.Obj().Pkg()), named.Obj().Name()) != noLock
}

func isType(info *types.Info, e ast.Expr) bool { return info.Types[e].IsType() }

// leaves reports whether the lock on top of the stack is used for something else
// than a call of its method, a comparison, or a new value.
func leaves(info *types.Info, stack []ast.Node) bool {
	e := stack[len(stack)-1]
	for i := len(stack) - 2; i >= 0; i-- {
		switch parent := stack[i].(type) {
		case *ast.ParenExpr, *ast.StarExpr, *ast.UnaryExpr:
			e = parent
			continue
		case *ast.SelectorExpr: // of a method, or e is the name of the field
			return false
		case *ast.BinaryExpr, *ast.ValueSpec, *ast.Field:
			return parent == nil || isValueOf(parent, e)
		case *ast.AssignStmt:
			for _, r := range parent.Rhs {
				if r == e {
					return true
				}
			}
			return false
		case *ast.KeyValueExpr:
			return parent.Value == e
		case *ast.CallExpr:
			switch n := callee(info, parent); n {
			case name{"condition", "", "New"}, name{".", "", "NewCondition"}, name{"/sync", "", "NewCond"},
				name{"diagnose", "", "Name"}:
				return false // what is done with it there leaves it as it was
			}
			return true
		default:
			return true
		}
	}
	return true
}

func isValueOf(parent, e ast.Node) bool {
	spec, ok := parent.(*ast.ValueSpec)
	if !ok {
		return false
	}
	for _, v := range spec.Values {
		if v == e {
			return true
		}
	}
	return false
}

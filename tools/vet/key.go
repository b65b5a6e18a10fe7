package vet

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// A key stands for one lock in one function: a variable and the fields that lead
// from it to the lock. Locks that are reached in another way (by an index, by a
// call) have none: nobody can tell whether two such expressions mean the same.
type key struct {
	root   types.Object
	path   string // ".pool.guard"; the constant key of a lock.Map at the end
	reader bool   // the reader's side of a lock of readers and writers
}

// A lockUse is what a call does to a lock.
type lockUse struct {
	key
	op   op
	kind lockKind
	last types.Object // the field, or the variable, that the lock is
	name name         // of the method
}

// lockUseOf tells what a call does, if it calls a method of a lock that has a key.
func lockUseOf(info *types.Info, call *ast.CallExpr) (lockUse, bool) {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return lockUse{}, false
	}
	selection := info.Selections[sel]
	if selection == nil || selection.Kind() != types.MethodVal {
		return lockUse{}, false
	}
	n := nameOf(selection.Obj().(*types.Func))
	kind := lockKindOf(n.pkg, n.recv)
	does := lockOps[n.fn]
	if kind == noLock || does.op == noOp {
		return lockUse{}, false
	}
	k, last, ok := keyOf(info, sel.X)
	if !ok {
		return lockUse{}, false
	}
	k, last = embedded(k, last, selection)
	k.reader = does.reader
	if n.recv == "Map" {
		if len(call.Args) == 0 {
			return lockUse{}, false
		}
		value := info.Types[call.Args[len(call.Args)-1]].Value
		if n.fn == "LockTimeout" {
			value = info.Types[call.Args[0]].Value
		}
		if value == nil || value.Kind() == constant.Unknown {
			return lockUse{}, false
		}
		k.path += "[" + value.ExactString() + "]"
	}
	return lockUse{k, does.op, kind, last, n}, true
}

// keyOf returns the key of a lock, or of what contains it.
func keyOf(info *types.Info, e ast.Expr) (k key, last types.Object, ok bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return keyOf(info, e.X)
	case *ast.StarExpr:
		return keyOf(info, e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return keyOf(info, e.X)
		}
	case *ast.Ident:
		v, ok := info.ObjectOf(e).(*types.Var)
		return key{root: v}, v, ok
	case *ast.SelectorExpr:
		selection := info.Selections[e]
		if selection == nil { // of a package
			v, ok := info.Uses[e.Sel].(*types.Var)
			return key{root: v}, v, ok
		}
		if selection.Kind() != types.FieldVal {
			return key{}, nil, false
		}
		k, last, ok := keyOf(info, e.X)
		if !ok {
			return key{}, nil, false
		}
		k, _ = embedded(k, last, selection)
		k.path += "." + e.Sel.Name
		return k, originOf(selection.Obj()), true
	}
	return key{}, nil, false
}

// embedded goes down the embedded fields that a selection leaves out.
func embedded(k key, last types.Object, selection *types.Selection) (key, types.Object) {
	t := selection.Recv()
	for _, i := range selection.Index()[:len(selection.Index())-1] {
		if p, ok := t.Underlying().(*types.Pointer); ok {
			t = p.Elem()
		}
		s, ok := t.Underlying().(*types.Struct)
		if !ok {
			break
		}
		f := s.Field(i)
		k.path += "." + f.Name()
		last, t = originOf(f), f.Type()
	}
	return k, last
}

// originOf is the field of the generic type for one of its instances.
func originOf(o types.Object) types.Object {
	if v, ok := o.(*types.Var); ok {
		return v.Origin()
	}
	return o
}

// String is how the source names it.
func (k key) String() string { return k.root.Name() + k.path }

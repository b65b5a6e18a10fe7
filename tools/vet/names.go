package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

const module = "github.com/gothreading/threading"

// A name is that of a function, or of a method of the type recv, in one of the
// toolkit's packages. pkg is the package's path below the module's, and "." for
// the module's root; packages outside keep their path, behind a "/".
type name struct{ pkg, recv, fn string }

// callee returns the name of what a call calls, and the zero name where that is
// not known before it runs.
func callee(info *types.Info, call *ast.CallExpr) name {
	fn, ok := typeutil.Callee(info, call).(*types.Func)
	if !ok {
		return name{}
	}
	return nameOf(fn)
}

func nameOf(fn *types.Func) name {
	if fn.Pkg() == nil {
		return name{fn: fn.Name()}
	}
	n := name{pkg: place(fn.Pkg()), fn: fn.Name()}
	if recv := fn.Signature().Recv(); recv != nil {
		n.recv = typeName(recv.Type())
	}
	return n
}

func place(pkg *types.Package) string {
	path := pkg.Path()
	switch below, ok := strings.CutPrefix(path, module+"/"); {
	case ok:
		return below
	case path == module:
		return "."
	}
	return "/" + path
}

func typeName(t types.Type) string {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// ours reports whether the name is one that the toolkit exports.
func (n name) ours() bool {
	first, _, _ := strings.Cut(n.pkg, "/")
	switch first {
	case "", "internal", "examples", "benchmarks", "tools":
		return false
	}
	return true
}

// short is how a message names what n names: "thread.New", "Lock.TryLock".
func (n name) short() string {
	if n.recv != "" {
		return n.recv + "." + n.fn
	}
	if n.pkg == "." {
		return "threading." + n.fn
	}
	return n.pkg[strings.LastIndex(n.pkg, "/")+1:] + "." + n.fn
}

// A kind of lock decides what a second Lock of its holder does.
type lockKind int

const (
	noLock    lockKind = iota
	exclusive          // waits
	reentrant          // goes one level deeper
	unknown            // depends on what it was made of
)

// lockKindOf returns the kind of a type whose methods are Lock, Unlock and their
// forms.
func lockKindOf(pkg, typ string) lockKind {
	switch pkg {
	case "lock", "rlock", "rwlock", "condition", "process", "manager":
		switch typ {
		case "Lock", "Map", "RWLock":
			return exclusive
		case "RLock":
			return reentrant
		case "Condition":
			return unknown
		}
	case "/sync":
		if typ == "Mutex" || typ == "RWMutex" {
			return exclusive
		}
	}
	return noLock
}

// An op is what a method does to a lock.
type op int

const (
	noOp op = iota
	acquire
	tryBool // acquires, and says so by a bool
	tryErr  // acquires, and says so by a nil error
	release
	downgrade // releases the writer and acquires the reader
)

var lockOps = map[string]struct {
	op     op
	reader bool
}{
	"Lock":          {acquire, false},
	"LockDepth":     {acquire, false},
	"TryLock":       {tryBool, false},
	"LockTimeout":   {tryBool, false},
	"LockContext":   {tryErr, false},
	"Unlock":        {release, false},
	"UnlockAll":     {release, false},
	"UnlockContext": {release, false},
	"Downgrade":     {downgrade, false},
	"RLock":         {acquire, true},
	"TryRLock":      {tryBool, true},
	"RLockTimeout":  {tryBool, true},
	"RLockContext":  {tryErr, true},
	"RUnlock":       {release, true},
}

// starters are the functions that call one of their arguments, at index fn, in
// another goroutine.
var starters = map[name]struct {
	fn   int
	kind starterKind
}{
	{"thread", "", "New"}:                          {0, once},
	{"thread", "", "Go"}:                           {0, once},
	{".", "", "NewThread"}:                         {0, once},
	{".", "", "Go"}:                                {0, once},
	{"timer", "", "New"}:                           {1, later},
	{"timer", "", "Every"}:                         {1, later},
	{".", "", "NewTimer"}:                          {1, later},
	{"waitgroup", "WaitGroup", "Go"}:               {0, once},
	{"pool", "", "Apply"}:                          {1, waits},
	{"pool", "", "ApplyAsync"}:                     {1, once},
	{"pool", "", "TryApplyAsync"}:                  {1, once},
	{"pool", "", "ApplyAsyncTimeout"}:              {2, once},
	{"pool", "", "ApplyAsyncContext"}:              {2, once},
	{"pool", "", "Spawn"}:                          {0, once},
	{"pool", "", "SpawnContext"}:                   {1, once},
	{"pool", "Pool", "Go"}:                         {0, once},
	{"pool", "Pool", "TryGo"}:                      {0, once},
	{"pool", "Pool", "GoTimeout"}:                  {1, once},
	{"pool", "Pool", "GoContext"}:                  {1, once},
	{"pool", "", "Map"}:                            {1, many},
	{"pool", "", "MapAsync"}:                       {1, many},
	{"pool", "", "ForEach"}:                        {1, many},
	{"pool", "", "IMap"}:                           {1, many},
	{"pool", "", "IMapUnordered"}:                  {1, many},
	{"/sync", "WaitGroup", "Go"}:                   {0, once},
	{"/golang.org/x/sync/errgroup", "Group", "Go"}: {0, once},
}

type starterKind int

const (
	once  starterKind = iota // once for each call, beside it
	later                    // beside it, at some time
	waits                    // in another goroutine, for which the call waits
	many                     // for many items, at the same time
)

// adapters make a pool's function of a simpler one, their first argument.
var adapters = map[string]bool{
	"Plain": true, "PlainErr": true, "Func": true, "FuncErr": true, "Do": true, "Unit": true,
	"Each": true, "EachErr": true, "Bind": true,
}

// started returns the function literal that a call starts in another goroutine.
func started(info *types.Info, call *ast.CallExpr) (*ast.FuncLit, name, starterKind) {
	n := callee(info, call)
	s, ok := starters[n]
	if !ok || s.fn >= len(call.Args) {
		return nil, name{}, 0
	}
	arg := ast.Unparen(call.Args[s.fn])
	for {
		inner, ok := arg.(*ast.CallExpr)
		if !ok || len(inner.Args) == 0 {
			break
		}
		if a := callee(info, inner); a.pkg != "pool" || a.recv != "" || !adapters[a.fn] {
			break
		}
		arg = ast.Unparen(inner.Args[0])
	}
	lit, _ := arg.(*ast.FuncLit)
	return lit, n, s.kind
}

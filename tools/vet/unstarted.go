package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Unstarted reports what is made, and never started.
var Unstarted = &analysis.Analyzer{
	Name: "unstarted",
	URL:  page,
	Doc: `report a Thread, a Timer, a generator or an IMap that is made and dropped

They do nothing by themselves: a Thread and a Timer need Start, a generator needs
Next, and what IMap, AsCompleted, Tasks, Watch and others return is a sequence
that runs while a loop ranges over it. Python's imap begins at once; this one does not.
Tests are left out.`,
	Run:      runUnstarted,
	Requires: onlyInspect,
}

// unstarted are the functions whose result is all that they do, and what to do
// with it. What returns a sequence is known by its type.
var unstarted = map[name]string{
	{"thread", "", "New"}:    "is never started: use thread.Go, or call its Start",
	{".", "", "NewThread"}:   "is never started: use threading.Go, or call its Start",
	{"timer", "", "New"}:     "is never started: call its Start",
	{"timer", "", "Every"}:   "is never started: call its Start",
	{".", "", "NewTimer"}:    "is never started: call its Start",
	{"process", "", "New"}:   "is never started: use process.Go, or call its Start",
	{"coroutine", "", "New"}: "never runs: call its Next",
	{"greenlet", "", "New"}:  "never runs: call its Switch",
}

const iterated = "does nothing until a loop ranges over it"

func runUnstarted(pass *analysis.Pass) (any, error) {
	inspectorOf(pass).Preorder([]ast.Node{(*ast.ExprStmt)(nil)}, func(n ast.Node) {
		call, ok := ast.Unparen(n.(*ast.ExprStmt).X).(*ast.CallExpr)
		if !ok || inTest(pass, call.Pos()) {
			return
		}
		c := callee(pass.TypesInfo, call)
		why, ok := unstarted[c]
		if !ok && c.ours() && isSequence(pass.TypesInfo.TypeOf(call)) {
			why, ok = iterated, true
		}
		if !ok {
			return
		}
		for _, arg := range call.Args {
			if isNil(pass.TypesInfo, arg) {
				return // it is called for its panic
			}
		}
		report(pass, at(call, "what %s returns is dropped, and %s", c.short(), why))
	})
	return nil, nil
}

// isSequence reports whether t is an iter.Seq or an iter.Seq2.
func isSequence(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != "iter" {
		return false
	}
	return named.Obj().Name() == "Seq" || named.Obj().Name() == "Seq2"
}

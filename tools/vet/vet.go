// Package vet finds mistakes in programs that use the threading toolkit.
//
// The command threadingvet runs its analyzers, by itself or under go vet:
//
//	go get -tool github.com/gothreading/threading/tools/vet/threadingvet@latest
//	go tool threadingvet ./...
//	go vet -vettool=$(go tool -n threadingvet) ./...
//
// An analyzer reports only what it is sure of. Where a lock could change hands
// unseen (its address is passed on, a function with "unlock" in its name is
// called), it says nothing.
//
//	heldreturn     a return with a lock held that the other returns unlock
//	dropped        a call that may fail to lock, acquire or put, and nobody looks
//	foreignunlock  an RLock that is unlocked in a goroutine which did not lock it
//	sharedwrite    a variable that several tasks or threads write without a lock
//	endless        a loop that never ends once its queue is shut down
//	relock         a Lock that is locked again by the function that holds it
//	unstarted      a Thread, a Timer or an IMap that is made and never started
//	checkthenact   a question to a lock or a queue whose answer is out of date
//	background     a Context form with a context that never ends
//
// A report names its analyzer at the end, so that -NAME=false leaves it out. With
// -sync, heldreturn and relock look at the locks of package sync too.
package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
)

// Analyzers returns all of them.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		HeldReturn, Dropped, ForeignUnlock, SharedWrite, Endless, Relock, Unstarted, CheckThenAct, Background,
	}
}

const page = "https://pkg.go.dev/github.com/gothreading/threading/tools/vet"

// report adds the analyzer's name to what is reported.
func report(pass *analysis.Pass, d analysis.Diagnostic) {
	d.Message = fmt.Sprintf("%s (%s)", d.Message, pass.Analyzer.Name)
	pass.Report(d)
}

func at(n ast.Node, format string, args ...any) analysis.Diagnostic {
	return analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Message: fmt.Sprintf(format, args...)}
}

// inTest reports whether a position is in a test file. Tests call for the effect
// what programs call for the result.
func inTest(pass *analysis.Pass, pos token.Pos) bool {
	return strings.HasSuffix(pass.Fset.Position(pos).Filename, "_test.go")
}

func line(pass *analysis.Pass, pos token.Pos) int { return pass.Fset.Position(pos).Line }

func inspectorOf(pass *analysis.Pass) *inspector.Inspector {
	return pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
}

var onlyInspect = []*analysis.Analyzer{inspect.Analyzer}

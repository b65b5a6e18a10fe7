package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// HeldReturn reports a return with a lock held that other returns of the function
// unlock.
var HeldReturn = &analysis.Analyzer{
	Name: "heldreturn",
	URL:  page,
	Doc: `report a return with a lock held that the other returns unlock

A return in the middle that was added later is where an Unlock is forgotten. A
function whose last return leaves the lock held is left alone, as is one whose
name or comment speaks of locking, one that unlocks what its caller holds, and
one whose results say that the lock is held.`,
	Run:      runHeldReturn,
	Requires: []*analysis.Analyzer{lockflow},
}

var heldReturnInSync bool

func init() {
	HeldReturn.Flags.BoolVar(&heldReturnInSync, "sync", false, "look at the locks of package sync too")
}

func runHeldReturn(pass *analysis.Pass) (any, error) {
	for _, f := range pass.ResultOf[lockflow].([]*flow) {
		if speaksOfLocking(f.fn) {
			continue
		}
		for k, use := range f.uses {
			if f.contract[k] || f.escapes[lockOf(k)] || !use.name.ours() && !heldReturnInSync {
				continue
			}
			f.heldReturns(pass, k)
		}
	}
	return nil, nil
}

func (f *flow) heldReturns(pass *analysis.Pass, k key) {
	var kept, freed []exit
	var last exit
	for _, e := range f.exits {
		if last.ret == nil || e.ret.Pos() > last.ret.Pos() {
			last = e
		}
		switch m := e.marks[k]; {
		case m.status == held && !m.deferred:
			kept = append(kept, e)
		case m.status == free || m.deferred:
			freed = append(freed, e)
		}
	}
	if len(kept) == 0 || len(freed) == 0 {
		return
	}
	if m := last.marks[k]; m.status == held && !m.deferred {
		return // that is its purpose
	}
	for _, e := range kept {
		if f.meant(e.ret, freed) {
			continue
		}
		m := e.marks[k]
		d := at(e.ret, "returns with %s locked since line %d, which other returns unlock", k, line(pass, m.at))
		if e.ret.End() > e.ret.Pos()+token.Pos(len("return")) && len(e.ret.Results) == 0 {
			d.End = e.ret.Pos() + 1 // the closing brace
		}
		d.Related = []analysis.RelatedInformation{{Pos: m.at, Message: "locked here"}}
		report(pass, d)
	}
}

var ofLocking = regexp.MustCompile(`(?i)\b(held|holds|holding|locked|unlocks?|unlocked|releases?)\b`)

func speaksOfLocking(fn ast.Node) bool {
	d, ok := fn.(*ast.FuncDecl)
	return ok && (strings.Contains(strings.ToLower(d.Name.Name), "lock") ||
		d.Doc != nil && ofLocking.MatchString(d.Doc.Text()))
}

// meant reports whether the results say that the lock is held: true where the
// other returns say false, no error where they have one, something where they have
// nothing.
func (f *flow) meant(ret *ast.ReturnStmt, others []exit) bool {
	info := f.pass.TypesInfo
	all := func(i int, such func(ast.Expr) bool) bool {
		for _, o := range others {
			if i >= len(o.ret.Results) || !such(o.ret.Results[i]) {
				return false
			}
		}
		return true
	}
	null := func(e ast.Expr) bool { return isNil(info, e) }
	for i, r := range ret.Results {
		t := info.TypeOf(r)
		switch {
		case isConst(info, r, "true") && all(i, func(e ast.Expr) bool { return isConst(info, e, "false") }),
			null(r) && all(i, func(e ast.Expr) bool { return !null(e) && isError(info.TypeOf(e)) }),
			!null(r) && !isError(t) && all(i, null):
			return true
		}
	}
	return false
}

func isConst(info *types.Info, e ast.Expr, text string) bool {
	v := info.Types[e].Value
	return v != nil && v.String() == text
}

func isError(t types.Type) bool {
	return t != nil && types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

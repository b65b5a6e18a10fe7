package vet

import (
	"golang.org/x/tools/go/analysis"
)

// Relock reports a Lock of a lock that the function holds already.
var Relock = &analysis.Analyzer{
	Name: "relock",
	URL:  page,
	Doc: `report a Lock of what the same function holds already

A Lock is not reentrant: the second Lock waits until another goroutine unlocks.
Also reported is defer l.Lock() where defer l.Unlock() was meant. An RLock, and a
Condition, may be locked again, and are left alone; so are reads within reads, and tests, which hang where it matters.`,
	Run:      runRelock,
	Requires: []*analysis.Analyzer{lockflow},
}

var relockInSync bool

func init() {
	Relock.Flags.BoolVar(&relockInSync, "sync", false, "look at the locks of package sync too")
}

func runRelock(pass *analysis.Pass) (any, error) {
	for _, f := range pass.ResultOf[lockflow].([]*flow) {
		for _, e := range f.relocks {
			if inTest(pass, e.call.Pos()) || !e.use.name.ours() && !relockInSync {
				continue
			}
			d := at(e.call, "%s is locked already since line %d: this waits for another goroutine to unlock it",
				e.use.key, line(pass, e.mark.at))
			d.Related = []analysis.RelatedInformation{{Pos: e.mark.at, Message: "locked here"}}
			report(pass, d)
		}
		for _, e := range f.sent {
			if !inTest(pass, e.call.Pos()) && (e.use.name.ours() || relockInSync) {
				f.lockAtTheEnd(pass, e)
			}
		}
	}
	return nil, nil
}

// lockAtTheEnd is for a deferred Lock of what is held where it is deferred. If it
// is held at every return, too, the function never ends.
func (f *flow) lockAtTheEnd(pass *analysis.Pass, e event) {
	for _, x := range f.exits {
		if x.marks[e.use.key].status != held {
			return
		}
	}
	report(pass, at(e.call, "%s is held when this deferred %s runs, which waits forever; was the unlock meant?",
		e.use.key, e.use.name.fn))
}

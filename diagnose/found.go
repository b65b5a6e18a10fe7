//go:build threadingdebug

package diagnose

import (
	"os"
	"sync"

	"github.com/gothreading/threading/internal/watch"
)

// found are the findings that come when they happen, and who is told of them.
var found struct {
	guard    sync.Mutex
	findings []Finding
	told     map[*func(Finding)]bool
}

// mostFound is how many are remembered.
const mostFound = 1000

func init() {
	watch.OnCycle = func(c watch.Cycle) { publish(read().deadlock(c)) }
	watch.OnOrder = func(o *watch.Order) { publish(read().order(o)) }
}

// publish tells those who want to know, or else standard error. It is called by a
// goroutine that may hold locks of the program.
func publish(f Finding) {
	found.guard.Lock()
	if len(found.findings) < mostFound {
		found.findings = append(found.findings, f)
	}
	var tell []*func(Finding)
	for t := range found.told {
		tell = append(tell, t)
	}
	found.guard.Unlock()
	for _, t := range tell {
		(*t)(f)
	}
	if len(tell) == 0 && !watch.Quiet() {
		_, _ = os.Stderr.WriteString("threading: " + f.text())
	}
}

// history returns how many findings there have been that come when they happen, and
// those behind the first n.
func history(n int) (int, []Finding) {
	found.guard.Lock()
	defer found.guard.Unlock()
	return len(found.findings), append([]Finding(nil), found.findings[min(n, len(found.findings)):]...)
}

// subscribe makes tell be called with each further finding, instead of printing it.
func subscribe(tell func(Finding)) (stop func()) {
	found.guard.Lock()
	defer found.guard.Unlock()
	if found.told == nil {
		found.told = map[*func(Finding)]bool{}
	}
	found.told[&tell] = true
	return func() {
		found.guard.Lock()
		defer found.guard.Unlock()
		delete(found.told, &tell)
	}
}

// Name gives a primitive a name in reports: x is the address of one of this toolkit.
// Without the tag threadingdebug it does nothing, and x does not escape. A value that
// is no such address is ignored.
func Name(x any, name string) { watch.Name(x, name) }

// holds returns what goroutines hold.
func (r *reading) holds() (held []Object) {
	for _, o := range r.report.Objects {
		if o.State == "locked" {
			held = append(held, o)
		}
	}
	return held
}

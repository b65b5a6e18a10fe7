package pool

import (
	"slices"
	"sync/atomic"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/thread"
)

// An errand is what a task waits for: it goes to the head of the queue until the
// wait is over. So the worker that takes the slot which was lent starts what is
// waited for, and not one more of the tasks that will come to wait: nested work
// runs depth first, and few are inside at once.
//
// What is waited for stays where it is in the queue, too. So a wait that gives
// up leaves the queue as if it had never been; and a wait for very many costs
// nothing for those that have been started by the time they are looked at.
//
// An errand is for entries of one pool. It needs the guard of that pool.
type errand struct {
	core   *core
	place  node[*errand] // among those awaited, as long as there may be something to start
	active bool          // the wait is on
	all    *domain       // what is waited for: what is queued there, or
	some   []*entry      // these,
	at     int           // from here on
	one    [1]*entry
}

// next returns the entry that is to be started next for it, or nil.
func (e *errand) next() *entry {
	if e.all != nil {
		return e.all.first()
	}
	for ; e.at < len(e.some); e.at++ {
		if queued := e.some[e.at]; queued != nil && queued.level != nil {
			return queued
		}
		e.some[e.at] = nil
	}
	return nil
}

// begin puts the errand before all others, or behind them if who waits is a
// task of another pool: there it is not depth that is won, and the first to come
// must not wait for all others.
func (e *errand) begin(front bool) {
	e.active = true
	e.place.of = e
	e.core.awaited.add(&e.place, front)
}

func (e *errand) end() {
	e.active = false
	if e.place.listed() {
		e.core.awaited.remove(&e.place)
	}
}

// more is called when there may be something to start again.
func (e *errand) more() {
	if e.active && !e.place.listed() {
		e.core.awaited.add(&e.place, true)
	}
}

// errands are those of one wait, one for each pool.
type errands []*errand

// add adds an entry of pool c and returns how to let go of it. A task of no pool
// needs no errand.
func (es *errands) add(c *core, of *entry) (letGo func()) {
	if c == nil {
		return func() {}
	}
	i := slices.IndexFunc(*es, func(e *errand) bool { return e.core == c })
	if i < 0 {
		i = len(*es)
		*es = append(*es, &errand{core: c})
	}
	e := (*es)[i]
	n := len(e.some)
	e.some = append(e.some, of)
	return func() { e.some[n] = nil } // only while the wait is not on
}

// local is the worker that the calling goroutine is. Most goroutines that wait are
// none, and learn so without a look into a map: crowd counts the workers by the
// last bits of the ident of their goroutine.
var (
	local thread.Local[*worker]
	crowd [1024]atomic.Int32
)

func count(ident uint64, n int32) { crowd[ident%uint64(len(crowd))].Add(n) }

// here returns the worker that the calling goroutine is, or nil.
func here() *worker {
	if crowd[goid.Get()%uint64(len(crowd))].Load() == 0 {
		return nil
	}
	w, _ := local.Lookup()
	return w
}

// lend gives away, before a wait, the slot that the calling goroutine holds, if
// it holds one. The wait is followed by back. Both can be called on nil.
func (w *worker) lend(es errands) *worker {
	if w == nil || w.slot == nil {
		return nil
	}
	c := w.core
	w.errands = es
	c.guard.Lock()
	*w.slot--
	if w.slot == &c.running {
		c.lent++
	}
	c.away++
	for _, e := range es {
		if e.core == c {
			e.begin(true)
		}
	}
	c.unlock()
	for _, e := range es {
		if e.core != c {
			e.core.guard.Lock()
			e.begin(false)
			e.core.guard.Unlock()
		}
	}
	return w
}

func (w *worker) back() {
	if w == nil {
		return
	}
	c := w.core
	c.guard.Lock()
	*w.slot++
	if w.slot == &c.running {
		c.lent--
	}
	c.away--
	for _, e := range w.errands {
		if e.core == c {
			e.end()
		}
	}
	c.unlock()
	for _, e := range w.errands {
		if e.core != c {
			e.core.guard.Lock()
			e.end()
			e.core.guard.Unlock()
		}
	}
	w.errands = nil
	w.errand.one[0] = nil
}

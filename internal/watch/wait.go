//go:build threadingdebug

package watch

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
)

// A Wait is one wait.
type Wait struct {
	Of    *Identity
	What  What
	Limit time.Duration // 0: none, or that of a context
	Ends  bool          // it ends by itself: it has a limit, or a context that can end
	Since time.Duration
	Own   uint64 // the goroutine that sleeps; it may act for another
	state *state
	outer *Wait // of the same goroutine
	at    *trace
}

// Frames returns the calls in which it waits, the innermost first.
func (w *Wait) Frames() *runtime.Frames { return w.at.frames() }

// Goroutine returns the id of the goroutine that waits, or for which a coroutine does.
func (w *Wait) Goroutine() uint64 { return w.state.id }

// begin notes that the calling goroutine waits.
func (id *Identity) begin(what What, limit park.Limit) *Wait {
	w := &Wait{Of: id, What: what, Limit: limit.Duration(), Ends: limit != park.Forever, Since: clock(), Own: goid.Own()}
	w.at = calls(2, 6) // behind begin and Wait come the lock's method and what it calls
	goroutine := goid.Get()
	s := shardOf(goroutine)
	s.Lock()
	w.state = s.state(goroutine)
	w.outer = w.state.wait
	w.state.wait = w
	s.Unlock()
	if what == Writer && !w.Ends {
		id.guard.Lock()
		id.queue = append(id.queue, w)
		id.guard.Unlock()
	}
	return w
}

// end notes that the wait is over.
func (w *Wait) end() {
	if w.What == Writer && !w.Ends {
		w.Of.guard.Lock()
		if i := slices.Index(w.Of.queue, w); i >= 0 {
			w.Of.queue = slices.Delete(w.Of.queue, i, i+1)
		}
		w.Of.guard.Unlock()
	}
	s := shardOf(w.state.id)
	s.Lock()
	w.state.wait = w.outer
	s.Unlock()
}

// Waiting reports whether w is recorded still.
func (w *Wait) Waiting() bool { return w.state.waiting() == w }

// SecondLook is after how long a cycle with a Lock in it is looked at again. Tests
// shorten it.
var SecondLook = time.Second

// wait calls wait, and looks for a cycle.
func (w *Wait) wait(limit park.Limit, wait func(park.Limit) bool) bool {
	if w.Ends {
		return wait(limit)
	}
	cycle := w.cycle()
	switch {
	case cycle == nil || cycle.passed():
	case cycle.owned():
		tell(cycle)
	case len(cycle) > 1:
		if wait(park.After(SecondLook)) {
			return true
		}
		if cycle.Stands() && !cycle.passed() {
			tell(cycle)
		}
	}
	return wait(limit)
}

// A Cycle is goroutines each of which waits for what the next holds.
type Cycle []Link

// A Link is a wait, and a hold that keeps it from ending.
type Link struct {
	Wait *Wait
	Hold *Hold // of what the wait is for, by the goroutine of the next link
	Via  *Wait // a writer that keeps out a reader because Hold keeps out the writer, or nil
}

// cycle returns the cycle that w closes, or nil. It was there at one instant.
func (w *Wait) cycle() Cycle {
	var path Cycle
	been := map[*Wait]bool{}
	var follow func(x *Wait) bool
	follow = func(x *Wait) bool {
		been[x] = true
		for _, link := range x.blockers() {
			path = append(path, link)
			next := link.Hold.state.waiting()
			if next == w || next != nil && !next.Ends && !been[next] && follow(next) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	if !follow(w) || !path.Stands() {
		return nil
	}
	return path
}

// blockers returns the holds that keep x from ending.
func (x *Wait) blockers() (links []Link) {
	id := x.Of
	if h := id.hold.Load(); h != nil {
		links = append(links, Link{Wait: x, Hold: h})
	}
	id.guard.Lock()
	defer id.guard.Unlock()
	var via *Wait
	if x.What == Reader { // another reader keeps it out only if a writer waits in between
		if len(id.queue) == 0 {
			return links
		}
		via = id.queue[0]
	}
	for _, h := range id.crowd {
		links = append(links, Link{Wait: x, Hold: h, Via: via})
	}
	return links
}

// Stands reports whether all links are as they were.
func (c Cycle) Stands() bool {
	for i, l := range c {
		if !l.Wait.Waiting() || !l.Hold.Held() || l.Via != nil && !l.Via.queued() {
			return false
		}
		if l.Hold.state != c[(i+1)%len(c)].Wait.state {
			return false
		}
	}
	return true
}

func (w *Wait) queued() bool {
	w.Of.guard.Lock()
	defer w.Of.guard.Unlock()
	return slices.Contains(w.Of.queue, w)
}

// passed reports whether any of it is passed on from goroutine to goroutine.
func (c Cycle) passed() bool {
	return slices.ContainsFunc(c, func(l Link) bool { return !l.Wait.What.owned() && l.Wait.Of.passed.Load() })
}

// owned reports whether nobody else can release any of it.
func (c Cycle) owned() bool {
	return !slices.ContainsFunc(c, func(l Link) bool { return !l.Wait.What.owned() })
}

// Owned reports whether nobody else can release any of it.
func (c Cycle) Owned() bool { return c.owned() }

// told are the cycles that were told of, as long as they stand.
var told struct {
	guard  sync.Mutex
	cycles []Cycle
}

// OnCycle is called for each cycle, in the goroutine that has closed it and waits.
// OnOrder is called for each cycle of orders, in the goroutine that has closed it.
var (
	OnCycle func(Cycle)
	OnOrder func(*Order)
)

// tell tells of a cycle, unless another goroutine of it has done so.
func tell(c Cycle) {
	told.guard.Lock()
	told.cycles = slices.DeleteFunc(told.cycles, func(c Cycle) bool { return !c.Stands() })
	for _, other := range told.cycles {
		if other.same(c) {
			told.guard.Unlock()
			return
		}
	}
	told.cycles = append(told.cycles, c)
	told.guard.Unlock()
	if OnCycle != nil {
		OnCycle(c)
	}
}

func (c Cycle) same(other Cycle) bool {
	return len(c) == len(other) && !slices.ContainsFunc(c, func(l Link) bool {
		return !slices.ContainsFunc(other, func(o Link) bool { return o.Wait.Of == l.Wait.Of })
	})
}

// Cycles returns the cycles that were told of and stand still.
func Cycles() []Cycle {
	told.guard.Lock()
	defer told.guard.Unlock()
	told.cycles = slices.DeleteFunc(told.cycles, func(c Cycle) bool { return !c.Stands() })
	return slices.Clone(told.cycles)
}

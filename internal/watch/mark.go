//go:build threadingdebug

package watch

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
	"weak"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
)

// On reports whether the build tag threadingdebug is set.
const On = true

// A Mark is the first field of what is watched. The zero value is ready.
type Mark struct{ identity atomic.Pointer[Identity] }

// An Identity is what is known of a lock, a thread, a task, a queue or a pool. It
// does not keep it alive.
type Identity struct {
	Number  uint64 // in the order of first use
	What    What
	Address uintptr // for people
	Name    atomic.Pointer[string]
	mark    weak.Pointer[Mark]
	passed  atomic.Bool // it was once released by another goroutine than its holder

	hold  atomic.Pointer[Hold] // of its only holder
	guard sync.Mutex
	crowd []*Hold // of several
	queue []*Wait // of writers that wait without limit
	takes map[uint64]struct{}
	stat  func() (Stat, bool)
}

// A Hold is one time that something was acquired.
type Hold struct {
	Of    *Identity
	What  What
	Group *Identity // of a task: the pool
	state *state
	Since time.Duration // of the clock
	at    *trace
}

// Frames returns the calls in which it was acquired, the innermost first.
func (h *Hold) Frames() *runtime.Frames { return h.at.frames() }

// Goroutine returns the id of the holder.
func (h *Hold) Goroutine() uint64 { return h.state.id }

var numbers atomic.Uint64

// of returns the Identity, which is made if there is none.
func (m *Mark) of(what What) *Identity {
	if id := m.identity.Load(); id != nil {
		return id
	}
	id := &Identity{Number: numbers.Add(1), What: what, Address: uintptr(unsafe.Pointer(m)), mark: weak.Make(m)}
	if !m.identity.CompareAndSwap(nil, id) {
		return m.identity.Load()
	}
	return id
}

// Renew makes the next use of the lock that of another one: it serves another key.
func (m *Mark) Renew() { m.identity.Store(nil) }

// Attempt notes that the calling goroutine is about to acquire the lock, however long
// that takes.
func (m *Mark) Attempt(what What) {
	if settings.order {
		attempt(m, what)
	}
}

// Taken notes that the calling goroutine has acquired it.
func (m *Mark) Taken(what What) {
	m.hold(&Hold{What: what, at: here()})
}

// Begin notes that the calling goroutine has begun the task, or to run a part of it.
func (m *Mark) Begin(pool *Mark) { m.hold(&Hold{What: Task, Group: pool.group()}) }

// group returns the Identity of a pool, or, of a task of no pool, one that stands for
// none.
func (m *Mark) group() *Identity {
	if m == nil {
		return &alone
	}
	return m.of(Pool)
}

var alone Identity

// hold records h, whose What, and Group or trace, are set.
func (m *Mark) hold(h *Hold) {
	what := h.What
	id := m.of(what)
	h.Of, h.Since = id, clock()
	goroutine := goid.Get()
	s := shardOf(goroutine)
	s.Lock()
	st := s.state(goroutine)
	h.state = st
	st.add(h)
	s.Unlock()
	if !what.shared() {
		id.hold.Store(h)
		return
	}
	id.guard.Lock()
	defer id.guard.Unlock()
	for i, other := range id.crowd {
		if what == Task && other.state == st { // it goes on after a panic
			other.drop()
			id.crowd[i] = h
			return
		}
	}
	id.crowd = append(id.crowd, h)
}

// Release notes that the calling goroutine is about to release it. It is called
// before that.
func (m *Mark) Release(what What) {
	id := m.identity.Load()
	if id == nil {
		return
	}
	me := goid.Get()
	var h *Hold
	if what.shared() {
		h = id.leave(me, what)
	} else {
		h = id.hold.Swap(nil)
	}
	if h == nil || h.state.id != me {
		id.passed.Store(true)
	}
	if h != nil {
		h.drop()
	}
}

// End undoes Begin.
func (m *Mark) End() { m.Release(Task) }

// Downgrade notes that the writer is about to become a reader.
func (m *Mark) Downgrade() {
	m.Release(Writer)
	m.Taken(Reader)
}

// leave takes the last hold of a goroutine out of the crowd, or, of a lock, the first
// of another if it has none.
func (id *Identity) leave(goroutine uint64, what What) *Hold {
	id.guard.Lock()
	defer id.guard.Unlock()
	at := -1
	for i, h := range id.crowd {
		if h.state.id == goroutine {
			at = i
		}
	}
	if at < 0 {
		if len(id.crowd) == 0 || what == Task {
			return nil
		}
		at = 0
	}
	h := id.crowd[at]
	id.crowd = append(id.crowd[:at], id.crowd[at+1:]...)
	return h
}

// drop takes h off the list of its goroutine.
func (h *Hold) drop() {
	s := shardOf(h.state.id)
	s.Lock()
	defer s.Unlock()
	holds := h.state.holds
	for i := len(holds) - 1; i >= 0; i-- {
		if holds[i] == h {
			h.state.holds = append(holds[:i], holds[i+1:]...)
			holds[len(holds)-1] = nil
			if n := len(h.state.holds); cap(holds) > 32 && n < cap(holds)/4 {
				h.state.holds = append(make([]*Hold, 0, 2*n), holds[:n]...) // it held very many
			}
			return
		}
	}
}

// Held reports whether h is recorded still.
func (h *Hold) Held() bool {
	if !h.What.shared() {
		return h.Of.hold.Load() == h
	}
	h.Of.guard.Lock()
	defer h.Of.guard.Unlock()
	for _, other := range h.Of.crowd {
		if other == h {
			return true
		}
	}
	return false
}

// mostTakers is how many goroutines are remembered. Who has so many consumers does
// not learn that a TaskDone is missing.
const mostTakers = 1000

// Took notes that the calling goroutine has taken an item out of the queue.
func (m *Mark) Took() {
	id, goroutine := m.of(Queue), goid.Get()
	id.guard.Lock()
	if id.takes == nil {
		id.takes = map[uint64]struct{}{}
	}
	if len(id.takes) < mostTakers {
		id.takes[goroutine] = struct{}{}
	}
	id.guard.Unlock()
}

// Takers returns the goroutines that have taken an item out of the queue.
func (id *Identity) Takers() (goroutines []uint64) {
	id.guard.Lock()
	defer id.guard.Unlock()
	if len(id.takes) == mostTakers {
		return nil
	}
	for g := range id.takes {
		goroutines = append(goroutines, g)
	}
	return goroutines
}

// Describe makes p, whose Mark m is, answer with f when a report is made.
func Describe[T any](m *Mark, what What, p *T, f func(*T) Stat) {
	id := m.of(what)
	id.guard.Lock()
	known := id.stat != nil
	if !known {
		p := weak.Make(p)
		id.stat = func() (s Stat, alive bool) {
			if p := p.Value(); p != nil {
				return f(p), true
			}
			return s, false
		}
	}
	id.guard.Unlock()
	switch {
	case known:
	case what == Pool:
		pools.add(id)
	default:
		queues.add(id)
	}
}

// Stat asks what the Mark belongs to. It reports false if it was not described, or is
// gone.
func (id *Identity) Stat() (s Stat, ok bool) {
	id.guard.Lock()
	stat := id.stat
	id.guard.Unlock()
	if stat == nil {
		return s, false
	}
	return stat()
}

// born is when the clock was 0.
var born = time.Now()

// clock is the time of Hold and Wait. In a testing/synctest bubble it means nothing.
func clock() time.Duration { return time.Since(born) }

// Age returns how long ago that was.
func Age(since time.Duration) time.Duration { return clock() - since }

// Wait waits, by calling wait, for what the Mark belongs to, and notes that the
// calling goroutine does so. A lock is acquired if wait returns true. The caller has
// found that there is something to wait for.
func (m *Mark) Wait(what What, limit park.Limit, wait func(park.Limit) bool) (done bool) {
	if what.Lockable() && limit == park.Forever {
		m.Attempt(what)
	}
	w := m.of(what).begin(what, limit)
	ended := false
	defer func() {
		if !ended { // by a panic, or the end of the goroutine
			w.end()
		}
	}()
	done = w.wait(limit, wait)
	w.end()
	ended = true
	if done && what.Lockable() {
		m.hold(&Hold{What: what, at: w.at})
	}
	return done
}

package park

import (
	"sync"
	"sync/atomic"
)

// A Gate is the mechanism of everything that is acquired and released: one atomic word that a free acquire or release
// changes with a single compare-and-swap, and a list for those who must wait. Lock, RLock and Semaphore differ only in
// what the word's value means, which a Policy says. The zero value is a Gate with value 0 and nobody waiting.
//
// # Barging, and its bound
//
// A released value is up for grabs. The first waiter is woken to compete for it, and a goroutine that happens to be
// running may be faster (it barges): that is what makes a contended lock fast, since the value need not lie idle until
// a sleeper has got up. A waiter that lost goes back to the front of the list. Once the first waiter has been passed
// over for a millisecond, the Gate is starving: newcomers take nothing, and a release hands the value to the
// first waiter, and so on in order until everybody has been served who was waiting at that moment. Then barging is
// open again. So nobody is overtaken for long, and the price, a switch of goroutines per hand-off, is paid for a
// bounded batch. It is the rule of sync.Mutex but for how it ends: sync.Mutex looks how long the next waiter has
// waited and so reads the clock in each sleep; a batch needs no clock until somebody was passed over.
//
// # The word
//
// Three flags and the value. The value may change by compare-and-swap at any time; the flags only under the guard,
// except that a woken waiter takes back the woken flag in the same swap in which it takes the value.
//
//	waiting   the list is not empty
//	woken     one waiter was woken to compete and has not decided yet: nobody else is woken meanwhile
//	starving  whoever is first is served next; only settle changes the value downwards
//
// # What each event must see
//
//   - A release and a new waiter. The newcomer sets waiting with a swap that fails if the value has become available,
//     so either it sees the release and takes the value, or the release sees waiting and calls settle.
//   - A release and a woken waiter. The release leaves the woken waiter to it. That waiter either takes the value, or
//     swaps woken away in a swap that fails if the value has become available: a release is never left to a waiter
//     that has already lost.
//   - Giving up. Asleep, the waiter has no flag of its own; awake and competing it goes through the list again, which
//     returns the woken flag, before its sleep gives up. In either case it settles afterwards, because those behind it
//     may be served now (they may want fewer permits) and because waiting or starving may have lost their reason.
//   - Success of a woken waiter. It settles when something may be left for the next: permits, never a lock.
type Gate struct {
	word  atomic.Uint64
	guard sync.Mutex
	list  List[entrant]
}

// An entrant is the Value of a Gate's Waiter.
type entrant struct {
	want     uint64
	patience Patience
}

var entrants = Waiters[entrant]()

const (
	waiting = 1 << iota
	woken
	starving
	flags     = waiting | woken | starving
	valueBits = 3
)

// MaxValue is the largest value of a Gate.
const MaxValue = 1<<(64-valueBits) - 1

// A Policy says what is left of a value when somebody takes what he wants, and whether he may.
type Policy func(value, want uint64) (left uint64, ok bool)

// Exclusive is the Policy of locks: 0 is free, and the owner's mark is left, which is what it wanted.
func Exclusive(value, want uint64) (uint64, bool) { return want, value == 0 }

// Counted is the Policy of semaphores: the value is the number of permits.
func Counted(value, want uint64) (uint64, bool) { return value - want, value >= want }

// Swap changes the value from old to new if nobody waits: the fast path of acquire and release.
func (g *Gate) Swap(old, new uint64) bool {
	return g.word.CompareAndSwap(old<<valueBits, new<<valueBits)
}

// Value returns the value.
func (g *Gate) Value() uint64 { return g.word.Load() >> valueBits }

// Locked reports whether an Exclusive Gate is taken or about to be handed over.
func (g *Gate) Locked() bool { return g.word.Load()&^(waiting|woken) != 0 }

// TryAcquire takes what is wanted if the policy allows it and no waiter is to be served first.
func (g *Gate) TryAcquire(policy Policy, want uint64) bool {
	for {
		old := g.word.Load()
		left, ok := policy(old>>valueBits, want)
		if !ok || old&starving != 0 {
			return false
		}
		if g.word.CompareAndSwap(old, left<<valueBits|old&flags) {
			return true
		}
	}
}

// spins is how often Acquire looks at the word before it sleeps. A value that is held for a few nanoseconds comes back
// meanwhile; more rounds gained nothing and cost those who wait behind a longer hold.
const spins = 30

// Acquire takes what is wanted as soon as it can, and reports false if it reached the limit first.
func (g *Gate) Acquire(policy Policy, want uint64, limit Limit) bool {
	if g.TryAcquire(policy, want) {
		return true
	}
	seen := g.word.Load()
	for range spins {
		if now := g.word.Load(); now != seen {
			if g.TryAcquire(policy, want) {
				return true
			}
			seen = now
		}
	}
	w := entrants.Get()
	w.Value.want = want
	acquired := g.await(w, policy, limit)
	entrants.Put(w)
	return acquired
}

func (g *Gate) await(w *Waiter[entrant], policy Policy, limit Limit) bool {
	for competing := false; ; competing = true {
		if g.takeOrList(w, policy, competing) {
			return true
		}
		switch w.Sleep(&g.guard, limit) {
		case Granted:
			return true
		case GaveUp:
			g.settle(policy)
			return false
		}
	}
}

// takeOrList takes what w wants, or puts w on the list and returns false with the guard held. A competing w was woken
// by settle: it gives the woken flag back in the same swap, and keeps its place in front.
func (g *Gate) takeOrList(w *Waiter[entrant], policy Policy, competing bool) (taken bool) {
	keep := uint64(flags)
	if competing {
		keep &^= woken
	}
	for guarded := false; ; {
		old := g.word.Load()
		left, ok := policy(old>>valueBits, w.Value.want)
		switch {
		case ok && old&starving == 0:
			if !g.word.CompareAndSwap(old, left<<valueBits|old&keep) {
				continue
			}
			if guarded {
				g.guard.Unlock()
			}
			if _, more := policy(left, 1); more && competing && old&waiting != 0 {
				g.settle(policy)
			}
			return true
		case !guarded:
			g.guard.Lock()
			guarded = true
		case g.word.CompareAndSwap(old, old&(keep|^uint64(flags))|waiting):
			if competing {
				g.list.PushFront(w)
				g.passOver(w)
			} else {
				g.list.PushBack(w)
			}
			return false
		}
	}
}

// passOver notes, under the guard, that w, the first waiter, found nothing to take, and makes the Gate starving when
// that has gone on for too long.
func (g *Gate) passOver(w *Waiter[entrant]) {
	if w.Value.patience.Ends() {
		g.list.Cut()
		g.word.Or(starving)
	}
}

// settle makes flags and list agree and serves whom it may. It is called when a value was released while somebody
// waits, and when a waiter has given up or left permits behind.
func (g *Gate) settle(policy Policy) {
	var (
		granted Chain[entrant]
		picked  *Waiter[entrant]
	)
	g.guard.Lock()
	for {
		w := g.list.Front()
		if w == nil {
			g.word.And(^uint64(waiting | starving))
			break
		}
		old := g.word.Load()
		if old&starving != 0 && !g.list.Early(w) {
			g.word.And(^uint64(starving)) // the batch is served: barging is open again
			continue
		}
		if old&woken != 0 {
			break
		}
		left, ok := policy(old>>valueBits, w.Value.want)
		if !ok {
			if old&starving == 0 {
				g.passOver(w)
			}
			break
		}
		if old&starving == 0 {
			picked = g.pick(w)
			break
		}
		if g.word.CompareAndSwap(old, left<<valueBits|old&flags) {
			g.list.Remove(w)
			granted.Add(w)
		}
	}
	g.guard.Unlock()
	granted.Wake(Granted)
	if picked != nil {
		picked.Wake(Retry)
	}
}

// pick takes w, the first waiter, off the list, under the guard, in order to wake it to compete.
func (g *Gate) pick(w *Waiter[entrant]) *Waiter[entrant] {
	g.list.Remove(w)
	if g.list.Front() != nil {
		g.word.Or(woken)
		// Where several wait, w may lie ready for long before it runs, and that counts. Where w is alone the clock
		// starts when it first loses: to read it here costs a tenth of a hand-off.
		w.Value.patience.Begin()
		return w
	}
	for {
		old := g.word.Load()
		if g.word.CompareAndSwap(old, old&^waiting|woken) {
			return w
		}
	}
}

// Free releases an Exclusive Gate. It reports false, and does nothing, if the Gate is not taken.
func (g *Gate) Free() bool {
	for {
		old := g.word.Load()
		if old>>valueBits == 0 {
			return false
		}
		if g.word.CompareAndSwap(old, old&flags) {
			if old&waiting != 0 && old&woken == 0 {
				g.settle(Exclusive)
			}
			return true
		}
	}
}

// Add releases n to a Counted Gate. It reports false, and does nothing, if the value would exceed limit.
func (g *Gate) Add(n, limit uint64) bool {
	for {
		old := g.word.Load()
		if value := old >> valueBits; value > limit || n > limit-value {
			return false
		}
		if g.word.CompareAndSwap(old, old+n<<valueBits) {
			if old&waiting != 0 && old&woken == 0 {
				g.settle(Counted)
			}
			return true
		}
	}
}

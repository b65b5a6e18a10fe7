package park

import (
	"math"
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
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
// The value and two flags. The value may change by compare-and-swap at any time; the flags only under the guard, except
// that a woken waiter sets calling in the same swap in which it takes the value.
//
//	calling   a release has to call settle: somebody waits and nobody is competing
//	starving  whoever is first is served next, so calling is set too; only settle takes from the value
//
// A waiter that was woken competes until it has taken the value or is listed again. Meanwhile calling is clear: it is
// this waiter who sees to it that nothing is left lying about, and a release can be as fast as if nobody waited. On a
// busy machine a woken waiter may be ready for milliseconds before it runs, so that is the normal state of a contended
// Gate, and what makes it fast.
//
// # What each event must see
//
//   - A release and a new waiter. If nobody competes, the newcomer sets calling with a swap that fails if the value has
//     become available: either it sees the release and takes the value, or the release sees calling and settles. If
//     somebody competes, the next point is enough.
//   - A release and a competing waiter. The waiter either takes the value and sets calling, so its own release will
//     settle; or it sets calling with a swap that fails if the value has become available, and is listed again. In
//     either case calling is set once nobody competes, and no release is left to a waiter that has already lost.
//   - Who competes. The guarded flag competing is set by the pick and outlives the decision, which may be made without
//     the guard; but calling, once set, says that the decision was made. So settle, which acts only if calling is set,
//     may reset it; and a newcomer that finds it set in vain finds calling set as well.
//   - Giving up. Asleep, a waiter has nothing to hand back; while it competes it is listed again, as above, before its
//     sleep gives up. Then it settles if something is there, because those behind it may be served now: they may want
//     fewer permits. If nothing is there, whoever releases will settle, and find the list as it is then. The flags may
//     have lost their reason with that waiter; that, too, the next release finds, and until then they hold up nobody,
//     since nothing is there to take.
//   - Success of a competing waiter. It settles if something is left for the next: permits, never a lock.
type Gate struct {
	word      atomic.Uint64
	guard     explore.Mutex
	list      List[entrant]
	era       Era  // under the guard, of the list: the next begins when the Gate is starving
	competing bool // under the guard; see above

	vain atomic.Uint32 // how often spin was in vain; a hint, so no two changes need to add up
}

// An entrant is the Value of a Gate's Waiter.
type entrant struct {
	want     uint64
	patience Patience
}

var entrants = Waiters[entrant]()

const (
	calling = 1 << iota
	starving
	flags     = calling | starving
	valueBits = 2
)

// MaxValue is the largest value of a Gate.
const MaxValue = 1<<(64-valueBits) - 1

// A Policy says what the value of a Gate means. It is no function, so that what it decides is decided inline.
type Policy bool

const (
	// Exclusive is the Policy of locks: 0 is free, and whoever takes it leaves the mark that it wanted.
	Exclusive Policy = false
	// Counted is the Policy of semaphores: the value is the number of permits.
	Counted Policy = true
)

// left says what is left of a value when somebody takes what he wants, and whether he may.
func (p Policy) left(value, want uint64) (left uint64, ok bool) {
	if p == Exclusive {
		return want, value == 0
	}
	return value - want, value >= want
}

// Swap changes the value from old to new if no flag is set: the fast path of acquire and release.
func (g *Gate) Swap(old, new uint64) bool {
	return g.word.CompareAndSwap(old<<valueBits, new<<valueBits)
}

// Value returns the value.
func (g *Gate) Value() uint64 { return g.word.Load() >> valueBits }

// Locked reports whether an Exclusive Gate is taken or about to be handed over.
func (g *Gate) Locked() bool { return g.word.Load()&^calling != 0 }

// TryAcquire takes what is wanted if the policy allows it and no waiter is to be served first.
func (g *Gate) TryAcquire(policy Policy, want uint64) bool { return g.take(policy, want, 0) }

// take is TryAcquire, and sets a flag.
func (g *Gate) take(policy Policy, want, flag uint64) bool {
	for {
		old := g.word.Load()
		left, ok := policy.left(old>>valueBits, want)
		if !ok || old&starving != 0 {
			return false
		}
		if explore.On {
			explore.Point("take")
		}
		if g.word.CompareAndSwap(old, left<<valueBits|old&flags|flag) {
			return true
		}
	}
}

// Acquire takes what is wanted as soon as it can, and reports false if it reached the limit first.
func (g *Gate) Acquire(policy Policy, want uint64, limit Limit) bool {
	return g.TryAcquire(policy, want) || g.spin(policy, want) || g.wait(policy, want, limit)
}

// How spin looks. Measured on 2 cores with 4 goroutines that hold a Lock for h ns and do something else for 3h, in ns for
// each Lock and Unlock, with sync.Mutex for comparison:
//
//	h                          8    24    40    80   160   240   800
//	sync.Mutex                64   223   191   222   375   530  1576
//	spins 0                   25    79   139   297   602   875  1845
//	spins 3000, glimpse 30    26    81   177   203   366   503  1638
//	spins 3000, glimpse 400   27    82   148   264   381   543  1733
const (
	spins   = 3000 // looks, each of half a nanosecond
	glimpse = 30   // who sees the word change within so many looks goes to sleep
	patient = 16   // so many looks in vain, one after the other, and nobody looks any more
)

// spin looks at the word for a microsecond or so, and reports whether it took what is wanted. That pays where a value is
// held for a fraction of that: to sleep takes longer, and the sleeper's processor has nothing else to do. Two things
// tell where it does not:
//
//   - The word changes within a glimpse. A value that comes and goes in next to no time passes through most hands if one
//     processor goes on alone: several spend that time on moving the word, and what it protects, from cache to cache.
//   - It was in vain again and again: the value is held for long, or is a signal that takes a switch of goroutines to
//     give, or there is one processor. Then nobody looks until somebody finds, on his way to sleep, that the value has
//     just come back; see takeOrList.
func (g *Gate) spin(policy Policy, want uint64) bool {
	vain := g.vain.Load()
	if vain == patient {
		return false
	}
	seen := g.word.Load()
	for i := range spins {
		now := g.word.Load()
		if now == seen {
			continue
		}
		if i < glimpse {
			return false
		}
		if g.TryAcquire(policy, want) {
			if vain != 0 {
				g.vain.Store(0)
			}
			return true
		}
		seen = now
	}
	g.vain.Store(vain + 1)
	return false
}

// wait is Acquire by one who has tried it.
func (g *Gate) wait(policy Policy, want uint64, limit Limit) bool {
	w := entrants.Get(limit)
	w.Value.want = want
	acquired := g.await(w, policy)
	entrants.Put(w)
	return acquired
}

func (g *Gate) await(w *Waiter[entrant], policy Policy) bool {
	if g.takeOrList(w, policy) {
		return true
	}
	for {
		switch w.Sleep(&g.guard) {
		case Granted:
			return true
		case GaveUp:
			g.passOn(policy)
			return false
		}
		if g.compete(w, policy) {
			return true
		}
	}
}

// passOn settles if anything is there for others: after a competing waiter has taken a part, and after one has given up.
func (g *Gate) passOn(policy Policy) {
	if _, more := policy.left(g.Value(), 1); more {
		g.settle(policy)
	}
}

// takeOrList takes what w, a newcomer, wants, or lists w and returns false with the guard held.
func (g *Gate) takeOrList(w *Waiter[entrant], policy Policy) (taken bool) {
	g.guard.Lock()
	for {
		if g.take(policy, w.Value.want, 0) {
			if g.vain.Load() == patient {
				g.vain.Store(patient - 1) // to look once more may not be in vain
			}
			g.guard.Unlock()
			return true
		}
		if g.competing || g.call(policy, w.Value.want) {
			w.Era = g.era
			g.list.PushBack(w)
			return false
		}
	}
}

// compete takes what w, which was woken for that, wants, or lists w in front and returns false with the guard held.
func (g *Gate) compete(w *Waiter[entrant], policy Policy) (taken bool) {
	if explore.On {
		explore.Point("compete")
	}
	if g.take(policy, w.Value.want, calling) {
		if explore.On {
			explore.Point("taken")
		}
		g.passOn(policy)
		return true
	}
	g.guard.Lock()
	for {
		if g.call(policy, w.Value.want) {
			w.Era = g.era
			g.list.PushFront(w)
			g.passOver(w, policy)
			return false
		}
		if g.take(policy, w.Value.want, calling) {
			g.guard.Unlock()
			return true
		}
	}
}

// call sets calling unless what is wanted has become available, and reports whether it did.
func (g *Gate) call(policy Policy, want uint64) bool {
	old := g.word.Load()
	if _, ok := policy.left(old>>valueBits, want); ok && old&starving == 0 {
		return false
	}
	if old&calling != 0 {
		return true // and nobody but us, under the guard, could clear it
	}
	if explore.On {
		explore.Point("call")
	}
	return g.word.CompareAndSwap(old, old|calling)
}

// passOver notes, under the guard, that w, the first waiter, found nothing to take, and makes the Gate starving when
// that has gone on for starvationThreshold. It does so only while what w wants is still not there: a Gate that is
// starving refuses others, and that must not be seen of one that is free but for the release that is settling it.
func (g *Gate) passOver(w *Waiter[entrant], policy Policy) {
	if !w.Value.patience.Ends() {
		return
	}
	for {
		old := g.word.Load()
		if _, ok := policy.left(old>>valueBits, w.Value.want); ok {
			return
		}
		if explore.On {
			explore.Point("pass over")
		}
		if g.word.CompareAndSwap(old, old|starving) {
			g.era++
			return
		}
	}
}

// settle makes flags and list agree and serves whom it may. It is called when a value was released while calling is
// set, and when a waiter has given up or left permits behind.
func (g *Gate) settle(policy Policy) {
	var (
		granted Chain[entrant]
		picked  *Waiter[entrant]
	)
	g.guard.Lock()
	for {
		old := g.word.Load()
		if explore.On {
			explore.Point("settle")
		}
		if old&calling == 0 {
			break // nobody waits, or somebody competes
		}
		g.competing = false // and nobody sets calling but under the guard, so it can be cleared
		w := g.list.Front()
		if w == nil {
			g.word.And(^uint64(flags))
			break
		}
		if old&starving != 0 && w.Era == g.era {
			g.word.And(^uint64(starving)) // the batch is served: barging is open again
			continue
		}
		left, ok := policy.left(old>>valueBits, w.Value.want)
		if !ok {
			if old&starving == 0 {
				g.passOver(w, policy)
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
	g.competing = true
	g.word.And(^uint64(calling))
	if g.list.Front() != nil {
		// Where several wait, w may lie ready for long before it runs, and that counts. Where w is alone the clock
		// starts when it first loses: to read it here costs a tenth of a hand-off.
		w.Value.patience.Begin()
	}
	return w
}

// Free releases an Exclusive Gate. It reports false, and does nothing, if the Gate is not taken.
func (g *Gate) Free() bool {
	for {
		old := g.word.Load()
		if old>>valueBits == 0 {
			return false
		}
		if explore.On {
			explore.Point("free")
		}
		if g.word.CompareAndSwap(old, old&flags) {
			if old&calling != 0 {
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
		if explore.On {
			explore.Point("add")
		}
		if g.word.CompareAndSwap(old, old+n<<valueBits) {
			if old&calling != 0 {
				g.settle(Counted)
			}
			return true
		}
	}
}

// Increment releases 1 to a Counted Gate in one step that cannot fail and is small enough to be inlined. It reports
// false if more is to be done: then Incremented must follow.
func (g *Gate) Increment() (done bool) {
	if explore.On {
		explore.Point("increment")
	}
	return g.word.Add(1<<valueBits)&(calling|large) == 0
}

// large is set in any word whose value may be too large for somebody.
const large = ^uint64(math.MaxInt32<<valueBits | flags)

// Incremented is the rest of an Increment that was not done: it serves who waits. It reports false if the value exceeds
// limit, and takes back what was released. That was there for a moment. Who acquires is not misled by one permit more
// than so many; but another who releases at that moment may be refused too. A release that must be exact at a limit that
// programs do reach is Add.
func (g *Gate) Incremented(limit uint64) bool {
	if g.Value() > limit {
		g.word.Add(^uint64(1<<valueBits - 1))
		return false
	}
	g.settle(Counted)
	return true
}

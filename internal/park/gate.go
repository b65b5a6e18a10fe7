package park

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/explore"
)

// A gate implements acquiring and releasing. The uncontended case is one
// compare-and-swap of an atomic word; goroutines that must wait are kept in a
// list. [Exclusive], [Permits] and [BoundedPermits] are gates whose word has a
// value of its own meaning, which a policy defines. The zero value is a gate with
// value 0 and no waiters.
//
// # Barging, and its bound
//
// A released value is up for grabs. The first waiter is woken to compete for it,
// and a goroutine that happens to be running may be faster (it barges). That is
// what makes a contended lock fast: the value need not lie idle until a sleeper
// has got up. A waiter that lost goes back to the front of the list. Once it has
// tried for a millisecond and failed again, the gate is starving: newcomers take
// nothing, and a release hands the value to the first waiter, and so on in order
// until every goroutine has been served that was waiting at that moment. Then
// barging is open again. The price of a hand-off, a switch of goroutines, is paid
// for a bounded batch.
//
// This is the rule of sync.Mutex except for how starvation ends: sync.Mutex checks
// how long the next waiter has waited, and so reads the clock on every sleep. A
// batch needs no clock until a waiter has been passed over.
//
// # The word
//
// The value and two flags. The value may change by compare-and-swap at any time;
// the flags only with the guard held, except that a woken waiter sets needSettle
// in the same swap in which it takes the value.
//
//	needSettle  a release has to call settle: a goroutine waits and none competes
//	starving    the first waiter is served next, so needSettle is set too;
//	            only settle takes from the value
//
// A waiter that was woken competes until it has taken the value or is listed again.
// Meanwhile needSettle is clear: this waiter is responsible for whatever becomes
// available, and a release can be as fast as if there were no waiters. On a busy
// machine a woken waiter may be ready for milliseconds before it runs, so that is
// the normal state of a contended gate, and what makes it fast.
//
// # What each event must see
//
//   - A release and a new waiter. If no waiter competes, the newcomer sets needSettle
//     with a swap that fails if the value has become available: either it sees the
//     release and takes the value, or the release sees needSettle and settles. If one
//     competes, the next point is enough.
//   - A release and a competing waiter. The waiter either takes the value and sets
//     needSettle, so that its own release will settle; or it sets needSettle with a
//     swap that fails if the value has become available, and is listed again. In
//     either case needSettle is set once no waiter competes, and no release relies
//     on a waiter that has already lost.
//   - Which waiter competes. The guarded flag competing is set by the pick and
//     outlives the decision, which may be made without the guard; but needSettle,
//     once set, says that the decision was made. So settle, which acts only if
//     needSettle is set, may reset it; and a newcomer that finds it set in vain finds
//     needSettle set as well.
//   - The end of a wait. Whether it succeeded or gave up, something may be left that
//     those behind it want: other permits than those it took, or permits that were
//     too few for it. All ends of await lead through settleRest. If nothing is left,
//     whoever releases will settle, and find the list as it is then. The flags may
//     have lost their reason with that waiter; the next release finds that too, and
//     until then they hold up no one, since nothing is there to take.
//   - A bound that changes; see [BoundedPermits].
type gate struct {
	word      atomic.Uint64
	guard     Guard
	list      List[entrant]
	batch     uint16        // counts the times the gate was starving; with the guard held
	competing bool          // see above; with the guard held
	failures  atomic.Uint32 // of spin, one after the other; a hint, so lost updates do no harm
}

// An entrant is the Value of a gate's [Waiter].
//
// Whether it belongs to the present batch is told by when it was listed: batches
// of two numbers, the present and an earlier one, are on the list at most, but for
// waiters that want more than the bound; so the number may wrap.
type entrant struct {
	want     uint64
	patience Patience
	batch    uint16 // of the gate, when it was listed
}

var entrants Pool[entrant]

const (
	needSettle = 1 << iota
	starving
	flags      = needSettle | starving
	valueShift = 2
)

// A policy defines what the value of a gate means. It is not a func, so that left
// can be inlined.
type policy struct {
	exclusive bool
	bound     *atomic.Uint64 // not nil: the value counts what is taken, up to this
}

// left returns what the value becomes when want is taken, and whether taking it
// is allowed.
func (p policy) left(value, want uint64) (left uint64, ok bool) {
	switch {
	case p.exclusive:
		return want, value == 0
	case p.bound != nil:
		return value + want, value+want <= p.bound.Load()
	}
	return value - want, value >= want
}

// excludes reports whether want cannot be taken whatever is released.
func (p policy) excludes(want uint64) bool { return p.bound != nil && want > p.bound.Load() }

func (g *gate) value() uint64 { return g.word.Load() >> valueShift }

// take takes want if the policy allows it and no waiter is to be served first, and
// sets a flag.
func (g *gate) take(p policy, want, flag uint64) bool {
	for {
		old := g.word.Load()
		left, ok := p.left(old>>valueShift, want)
		if !ok || old&starving != 0 {
			return false
		}
		explore.Point("take")
		if g.word.CompareAndSwap(old, left<<valueShift|old&flags|flag) {
			return true
		}
	}
}

// acquire takes want as soon as it can, or returns false if it reached the limit
// first. The caller has tried take.
func (g *gate) acquire(p policy, want uint64, limit Limit) bool {
	return g.spin(p, want) || g.wait(p, want, limit)
}

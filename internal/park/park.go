// Package park is the one place in this module where goroutines wait.
//
// A primitive (a lock, a queue, …) owns some state, a guard that protects it, and one or more Lists of Waiters. A
// call that cannot go on puts a Waiter on a list and sleeps; a call that makes progress possible takes a Waiter off a
// list and wakes it. Everything that can end a sleep meets here: a grant, a hand-off, a deadline, the end of a context.
//
// # The protocol
//
//	waiting goroutine                           granting goroutine
//	-----------------                           ------------------
//	guard.Lock()                                guard.Lock()
//	state says no: list.PushBack(w)             state changes: w := list.Front(); list.Remove(w)
//	w.Sleep(guard)                              guard.Unlock()
//	    … takes its place to sleep, and         w.Wake(Granted)
//	      only then guard.Unlock() …
//
// Three rules make it exact:
//
//  1. A Waiter is taken off its list under the guard, and taking it off decides everything: whoever removes it, be it
//     a granter, the deadline's timer or the waiter itself when its context ends, is the only one who determines the
//     verdict. There is no second flag that could disagree with membership in the list.
//  2. Whoever takes another goroutine's Waiter off owes it exactly one Wake. A Wake is never lost: the sleeper took its
//     place (the ticket of its condition variable, or the buffer of its channel) before it released the guard, and the
//     waker acts after it acquired the guard. A Wake is never doubled, so a Waiter can be reused at once.
//  3. What a granter writes (the state, Waiter.Value) it writes before Wake; the verdict is published by an atomic
//     store in Wake and read by an atomic load in Sleep. So the Wake synchronizes before the return of Sleep, which is
//     what every memory-model sentence of the primitives rests on. (sync.Cond promises that edge too, but does not show it
//     to the race detector.)
//
// # Every pair of events that can race
//
//   - Grant and deadline. Both need the guard. If the granter is first, the timer finds the waiter off the list and
//     only notes that time is up: the call reports success. If the timer is first, it takes the waiter off, the granter
//     never sees it and serves the next in line: the call reports that it gave up.
//   - Grant and the end of a context. The waiter wakes by its context, acquires the guard and looks whether it is
//     still listed. If so it takes itself off and gave up. If not, a grant is under way, perhaps not yet delivered: it
//     waits for that Wake, which is owed and needs nobody's help, and reports success.
//   - Deadline and a waiter that is awake. A waiter may be woken only to compete (Retry) and lose. Its timer may fire
//     meanwhile: it finds the waiter unlisted and notes that time is up; when the waiter is listed again and goes to
//     sleep, Sleep gives up at once. So one timer bounds the whole call, however often it sleeps.
//   - Deadline and the end of the call. Stop reports whether the timer's function was kept from starting. If it was
//     not, the function may still be about to look at the waiter: that waiter is left to the garbage collector
//     instead of being reused, so a late timer never touches somebody else's wait.
//   - Giving up and what the primitive promised. Sleep returns GaveUp with the waiter off every list and the guard
//     free. Whatever the waiter's departure makes possible for others (those behind it may now be served, a flag may
//     be stale) is the primitive's to settle under the guard, and until it has settled, others find a consistent list
//     that merely is one shorter.
//   - Wake and a new sleep. A waiter is woken once per sleep and only after it was taken off; a stale Wake does not
//     exist, so a sleep never ends for a reason that belongs to an earlier one. There are no spurious wakeups.
//
// # Where a waiter sleeps
//
// On a condition variable of its own, whose Locker's Unlock releases the guard. sync.Cond takes its ticket before it
// calls Unlock, which is rule 2. A sync.Cond, unlike a channel or a timer, does not belong to a testing/synctest
// bubble, so waiters can be pooled and a package-level primitive can be used outside and in one bubble after another;
// and a goroutine asleep in a Cond is durably blocked. A channel would wake a little faster but must be made for each
// wait, and that costs more than it saves. A wait bounded by a context needs a select and therefore makes that channel.
//
// Timers and channels are made when a wait begins and never kept: one made inside a bubble must not be used outside.
package park

import (
	"context"
	"math"
	"time"
)

// A Limit says when a call gives up waiting. The zero value is Forever.
type Limit struct {
	after time.Duration   // > 0: give up after it
	ctx   context.Context // not nil: give up when it ends
}

// Forever never gives up.
var Forever Limit

// After gives up when d has passed. d must be positive; math.MaxInt64 is for ever.
func After(d time.Duration) Limit {
	if d == math.MaxInt64 {
		return Forever
	}
	return Limit{after: d}
}

// Until gives up when ctx ends.
func Until(ctx context.Context) Limit { return Limit{ctx: ctx} }

// Allocates reports whether to get a Waiter with this limit allocates, and calls code of others: a context's Done.
func (l Limit) Allocates() bool { return l.ctx != nil }

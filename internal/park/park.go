// Package park is the one place in this module where goroutines wait.
//
// A primitive (a lock, a queue, …) owns some state, a [Guard] that protects it,
// and one or more [List]s of [Waiter]s. A call that cannot go on puts a Waiter
// on a list and sleeps. A call that makes progress possible takes a Waiter off
// a list and wakes it. Everything that can end a sleep meets here: a grant, a
// hand-off, a deadline, the end of a context.
//
// # The protocol
//
//	waiting goroutine                      granting goroutine
//	-----------------                      ------------------
//	guard.Lock()                           guard.Lock()
//	the state says no: list.PushBack(w)    the state changes: w := list.Front()
//	w.Sleep(guard)                         list.Remove(w)
//	    takes its place to sleep,          guard.Unlock()
//	    and then guard.Unlock()            w.Wake(Granted)
//
// Three rules make it exact:
//
//  1. A Waiter is taken off its list with the guard held, and taking it off
//     decides everything. Whoever removes it (a granter, the deadline's timer,
//     or the waiter itself when its context ends) alone determines the verdict.
//     There is no second flag that could disagree with membership in the list.
//  2. Whoever takes another goroutine's Waiter off its list owes it exactly one
//     Wake. A Wake is never lost: the sleeper took its place (the ticket of its
//     condition variable, or the buffer of its channel) before it released the
//     guard, and the waker acts after it acquired the guard. A Wake is never
//     doubled, so a Waiter can be reused at once.
//  3. What a granter writes (the state, Waiter.Value) it writes before Wake. The
//     verdict is published by an atomic store in Wake and read by an atomic load
//     in Sleep. So the Wake synchronizes before the return of Sleep, which is
//     what every memory-model sentence of the primitives rests on. (sync.Cond
//     promises that edge too, but does not show it to the race detector.)
//
// # Every pair of events that can race
//
//   - Grant and deadline. Both need the guard. If the granter is first, the timer
//     finds the waiter off the list and only notes that time is up: the call
//     reports success. If the timer is first, it takes the waiter off; the granter
//     never sees it and serves the next in line: the call reports that it gave up.
//   - Grant and the end of a context. The waiter wakes by its context, acquires the
//     guard and checks whether it is still listed. If so, it takes itself off and
//     gives up. If not, a grant is under way, perhaps not yet delivered: it waits
//     for that Wake, which is owed and depends on no other goroutine, and reports
//     success.
//   - Deadline and a waiter that is awake. A waiter may be woken only to compete
//     (Retry), and lose. Its timer may fire meanwhile: it finds the waiter unlisted
//     and notes that time is up. When the waiter is listed again and goes to sleep,
//     Sleep gives up at once. So one timer bounds the whole call, however often it
//     sleeps.
//   - Deadline and the end of the call. Stop reports whether the timer's function
//     was kept from starting. If it was not, the function may still be about to use
//     the waiter: then the waiter is left to the garbage collector instead of being
//     reused, so a late timer never touches another wait.
//   - Giving up and what the primitive promised. Sleep returns GaveUp with the
//     waiter off every list and the guard free. Whatever its departure makes
//     possible for others (those behind it may now be served, a flag may be stale)
//     is for the primitive to settle. Until then others find a consistent list that
//     merely is one shorter.
//   - Wake and a new sleep. A waiter is woken once per sleep and only after it was
//     taken off. A stale Wake does not exist, so a sleep never ends for a reason
//     that belongs to an earlier one. There are no spurious wakeups.
//
// # Where a waiter sleeps
//
// On a condition variable of its own, whose Locker's Unlock releases the guard.
// sync.Cond takes its ticket before it calls Unlock, which is rule 2. A
// sync.Cond, unlike a channel or a timer, does not belong to a testing/synctest
// bubble, so waiters can be pooled, and a package-level primitive can be used
// outside and in one bubble after another; and a goroutine asleep in a Cond is
// durably blocked. A channel would wake a little faster but must be made for
// each wait, and that costs more than it saves. A wait bounded by a context
// needs a select and therefore makes that channel.
//
// Timers and channels are made when a wait begins and never kept: one made
// inside a bubble must not be used outside.
package park

import (
	"context"
	"math"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A Guard protects the state of a primitive and its lists. It is held for a few
// steps only, and never while code of the caller runs: a context's methods, a
// predicate, a callback.
//
// It is a sync.Mutex, so a goroutine that waits for it is not durably blocked
// in the sense of testing/synctest: a call that does not wait can be made
// inside and outside of a bubble at the same moment. With the build tag
// threadingexplore it is a place where a schedule decides.
type Guard = explore.Mutex

// A Limit says when a call gives up waiting. The zero value is [Forever].
type Limit struct {
	after time.Duration   // > 0: give up after it
	done  <-chan struct{} // not nil: give up when it is closed
}

// Forever never gives up.
var Forever Limit

// After gives up when d has passed. d must be positive; math.MaxInt64 is
// forever.
func After(d time.Duration) Limit {
	if d == math.MaxInt64 {
		return Forever
	}
	return Limit{after: d}
}

// Duration returns how long the call waits, or 0 if it waits forever, or until a
// context ends.
func (l Limit) Duration() time.Duration { return l.after }

// Until gives up when ctx ends. It calls ctx.Done, which is code of the caller
// and may allocate, so a primitive calls it without its guard, and not before
// the fast path has failed.
func Until(ctx context.Context) Limit { return Limit{done: ctx.Done()} }

// Cause returns the error of a call that gave up because ctx ended. It is
// context.Cause(ctx), but never nil: success must not be inferred from what a
// context says that has closed its channel and reports no error.
func Cause(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return context.Canceled
}

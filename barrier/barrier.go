// Package barrier provides a barrier at which goroutines wait for each other,
// again and again: threading.Barrier for Go.
//
// What all packages of this module share (the four forms of a call that blocks,
// what giving up means, testing/synctest, misuse) is described in [Semantics].
//
// [Semantics]: https://github.com/gothreading/threading/blob/main/docs/semantics.md
package barrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/park"
)

var (
	// ErrBroken is returned by a wait whose generation was broken: because a
	// party gave up, by Abort or Reset, or because the action did not return.
	ErrBroken = errors.New("barrier: broken")
	// ErrParties is the error that New panics with if parties is below 1, and
	// every wait at the zero Barrier. The panic value of New wraps it and names
	// the number.
	ErrParties = errors.New("barrier: bad number of parties")
)

// A Barrier makes a fixed number of parties wait until all of them have
// arrived, and then lets them go on together. It can be used again at once:
// those that arrive next are the next generation.
//
// Make a Barrier with [New]. The zero value has no parties, and panics with
// [ErrParties] when it is used. A Barrier must not be copied after first use.
//
// It is Python's threading.Barrier:
//
//	wait()                 Wait
//	wait(timeout=d)        WaitTimeout
//	reset(), abort()       Reset, Abort
//	parties, n_waiting     Parties, Waiting
//	broken                 Broken
//	BrokenBarrierError     ErrBroken
//
// The arrival of every party “synchronizes before” the action of its
// generation, and that before the return of every wait of the generation.
//
// A party that gives up breaks its generation, and never a later one: the
// others get [ErrBroken], and so does every wait until Reset. The last arrival
// decides: from then on the generation cannot be given up. The last party calls
// the action, outside any lock, while the others wait for it. A party that
// arrives meanwhile belongs to the next generation, whose action does not start
// before this one has returned. The action may call the Barrier's methods
// except those that wait.
//
// A generation allocates once; a wait allocates only for its limit: a timer, or
// a channel.
//
// To wait for goroutines to end, use a [sync.WaitGroup]; if the number of
// parties varies, a condition.
type Barrier struct {
	parties int
	action  func()

	guard   park.Guard
	filling *generation
	acting  *generation            // whose action is running, or nil
	turns   park.List[*generation] // last arrivals that wait for it to return, each with its generation
	broken  bool
}

// A generation is the parties that wait for each other. Each of them keeps a
// pointer to its own, and whatever ends a wait looks at that: so nothing that
// happens to one generation can be mistaken for another's.
type generation struct {
	list    park.List[*generation]
	arrived int
	state   state
}

type state int

const (
	undecided state = iota // parties are missing
	decided                // all have arrived; the action has not returned
	passed
	broken
)

// What a waiter of a Barrier is woken with.
const (
	goesOn   = park.Granted
	isBroken = park.Own
)

var waiters park.Pool[*generation]

// errGaveUp is internal; WaitTimeout and WaitContext replace it by ErrBroken
// and the cause.
var errGaveUp = errors.New("barrier: gave up")

// New returns a Barrier for the given number of parties. If action is not nil,
// the last party of each generation calls it before any is released. New panics
// with [ErrParties] if parties is below 1.
func New(parties int, action func()) *Barrier {
	if parties < 1 {
		panic(fmt.Errorf("%w: New(%d): want at least 1", ErrParties, parties))
	}
	return &Barrier{parties: parties, action: action, filling: new(generation)}
}

// mustHaveParties panics if b is the zero Barrier.
func (b *Barrier) mustHaveParties() {
	if b.parties < 1 {
		panic(ErrParties)
	}
}

// Wait blocks until all parties have arrived and the action has returned. It
// returns the order of this party's arrival in its generation, from 0 to
// Parties()-1, or -1 and [ErrBroken].
func (b *Barrier) Wait() (index int, err error) { return b.wait(park.Forever, false) }

// WaitTimeout is like [Barrier.Wait], but if the others have not all arrived
// after d, it breaks the Barrier and returns [ErrBroken]. If d <= 0, it does so
// at once unless it is the last. A d of math.MaxInt64 never times out.
func (b *Barrier) WaitTimeout(d time.Duration) (index int, err error) {
	limit := park.Forever
	if d > 0 {
		limit = park.After(d)
	}
	index, err = b.wait(limit, d <= 0)
	if err == errGaveUp {
		err = ErrBroken
	}
	return index, err
}

// WaitContext is like [Barrier.Wait], but if ctx ends before the others have
// all arrived, it breaks the Barrier and returns [context.Cause] of ctx. If ctx
// has ended before the call, it does so at once unless it is the last.
func (b *Barrier) WaitContext(ctx context.Context) (index int, err error) {
	b.mustHaveParties()
	index, err = b.wait(park.Until(ctx), ctx.Err() != nil)
	if err == errGaveUp {
		err = park.Cause(ctx)
	}
	return index, err
}

// wait returns errGaveUp when its limit is reached. An impatient party never
// waits for others to arrive.
func (b *Barrier) wait(limit park.Limit, impatient bool) (index int, err error) {
	b.mustHaveParties()
	b.guard.Lock()
	if b.broken {
		b.guard.Unlock()
		return -1, ErrBroken
	}
	g := b.filling
	index = g.arrived
	g.arrived++
	switch {
	case g.arrived == b.parties:
		err = b.lead(g)
	case impatient:
		err = b.giveUp(g)
	default:
		err = b.follow(g, limit)
	}
	if err != nil {
		index = -1
	}
	return index, err
}

// follow waits, with the guard held, for what becomes of g.
func (b *Barrier) follow(g *generation, limit park.Limit) error {
	verdict := b.sleep(&g.list, g, limit)
	if verdict == park.GaveUp {
		// Reaching the limit counts only if g is still undecided now. If all
		// have arrived meanwhile, the outcome is theirs, and it is waited for
		// without a limit.
		b.guard.Lock()
		switch g.state {
		case undecided:
			return b.giveUp(g)
		case decided:
			verdict = b.sleep(&g.list, g, park.Forever)
		case passed:
			b.guard.Unlock()
			return nil
		case broken:
			b.guard.Unlock()
			return ErrBroken
		}
	}
	if verdict == isBroken {
		return ErrBroken
	}
	return nil
}

// sleep waits on a list, with the guard held, and returns without it.
func (b *Barrier) sleep(list *park.List[*generation], g *generation, limit park.Limit) park.Verdict {
	w := waiters.Get(limit)
	defer waiters.Put(w)
	w.Value = g
	list.PushBack(w)
	return w.Sleep(&b.guard)
}

// giveUp gives up, with the guard held, the generation that is filling.
func (b *Barrier) giveUp(g *generation) error {
	var woken park.Chain[*generation]
	b.broken = true
	b.filling = new(generation)
	g.end(broken, &woken)
	b.guard.Unlock()
	woken.Wake(isBroken)
	return errGaveUp
}

// end decides, with the guard held, what becomes of g, and takes its waiters
// off their list, to be woken.
func (g *generation) end(s state, woken *park.Chain[*generation]) {
	g.state = s
	g.list.TakeAll(woken)
}

// lead is what the last party of g does, with the guard held.
func (b *Barrier) lead(g *generation) error {
	g.state = decided
	b.filling = new(generation)
	if b.action == nil {
		var woken park.Chain[*generation]
		g.end(passed, &woken)
		b.guard.Unlock()
		woken.Wake(goesOn)
		return nil
	}
	if b.acting == nil {
		b.acting = g
		b.guard.Unlock()
	} else if b.sleep(&b.turns, g, park.Forever) == isBroken {
		return ErrBroken
	}
	return b.act(g)
}

// act calls the action for g, whose turn it is.
func (b *Barrier) act(g *generation) (err error) {
	returned := false
	defer func() {
		var (
			woken park.Chain[*generation]
			next  *park.Waiter[*generation]
		)
		b.guard.Lock()
		b.acting = nil
		switch {
		case g.state == broken: // by Abort or Reset, which also told the others
			err = ErrBroken
		case returned:
			g.end(passed, &woken)
		default: // it panicked, or ended its goroutine
			g.end(broken, &woken)
			b.broken = true
			b.scatter(&woken)
		}
		if next = b.turns.Front(); next != nil {
			b.turns.Remove(next)
			b.acting = next.Value
		}
		outcome := goesOn
		if g.state == broken {
			outcome = isBroken
		}
		b.guard.Unlock()
		woken.Wake(outcome)
		if next != nil {
			next.Wake(goesOn)
		}
	}()
	b.action()
	returned = true
	return nil
}

// scatter breaks, with the guard held, every generation that is present, and
// takes their waiters off their lists, to be woken.
func (b *Barrier) scatter(woken *park.Chain[*generation]) {
	b.filling.end(broken, woken)
	b.filling = new(generation)
	if b.acting != nil {
		b.acting.end(broken, woken)
	}
	for w := b.turns.Front(); w != nil; w = b.turns.Front() {
		b.turns.Remove(w)
		w.Value.end(broken, woken)
		woken.Add(w)
	}
}

// Abort breaks the Barrier: every party that waits gets [ErrBroken], and every
// party that arrives, until Reset.
func (b *Barrier) Abort() { b.breakUp(true) }

// Reset makes the Barrier as new: every party that waits gets [ErrBroken], and
// those that arrive from now on begin a new generation.
func (b *Barrier) Reset() { b.breakUp(false) }

func (b *Barrier) breakUp(forGood bool) {
	b.mustHaveParties()
	var woken park.Chain[*generation]
	b.guard.Lock()
	b.broken = forGood
	b.scatter(&woken)
	b.guard.Unlock()
	woken.Wake(isBroken)
}

// Parties returns the number of parties that the Barrier was made for.
func (b *Barrier) Parties() int { return b.parties }

// Waiting returns the number of parties that have arrived and wait for the
// others. Those of a generation whose action is running do not count.
func (b *Barrier) Waiting() int {
	b.mustHaveParties()
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.filling.arrived
}

// Broken reports whether the Barrier is broken, which it is until Reset.
func (b *Barrier) Broken() bool {
	b.guard.Lock()
	defer b.guard.Unlock()
	return b.broken
}

// Package barrier provides a barrier that parties wait at for each other, again and again: threading.Barrier for Go.
package barrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/internal/park"
)

var (
	// ErrBroken is returned by a Wait whose generation was broken: because another party gave up, by Abort or Reset,
	// because the action panicked, or because its own time ran out.
	ErrBroken = errors.New("barrier: broken")
	// ErrParties is what New panics with when parties is below 1. The value of the panic names the number, and is
	// ErrParties to errors.Is.
	ErrParties = errors.New("barrier: bad number of parties")
)

// A Barrier makes a fixed number of parties wait until all of them have arrived, and then lets them go on together. It
// can be used again at once: those who arrive next are the next generation.
//
// Make a Barrier with New. The zero value is not usable. A Barrier must not be copied after first use.
//
// Python: threading.Barrier. Wait, Reset and Abort are wait(), reset() and abort(); Parties, Waiting and Broken are
// parties, n_waiting and broken; ErrBroken is BrokenBarrierError.
//
// Memory model: the arrival of every party synchronizes before the action of its generation, and that before the
// return of every Wait of the generation.
//
// The last arrival decides: until then a generation can be broken by a party that gives up, and from then on nobody's
// time or ctx can break it. The last party runs the action, outside any lock, while the others wait for it. Who arrives
// meanwhile belongs to the next generation, whose action does not start before this one has returned. The action may
// call the Barrier's own methods except the forms of Wait.
//
// Giving up breaks the generation, since its parties would wait in vain: the others get ErrBroken. It never touches a
// later generation. A Barrier that is broken stays so until Reset; until then every Wait returns ErrBroken.
//
// A goroutine that waits is durably blocked in the sense of testing/synctest. The parties of a generation must be in
// one bubble.
//
// Cost: a generation allocates once; a wait allocates only for its limit: a timer, or a channel.
//
// Use a sync.WaitGroup where one goroutine waits for others to end, and a condition where the number of parties varies.
type Barrier struct {
	parties int
	action  func()

	guard   park.Guard
	filling *generation
	acting  *generation            // whose action is running, or nil
	turns   park.List[*generation] // last arrivals that wait for it to return, each with its generation
	broken  bool
}

// A generation is the parties that wait for each other. Each of them keeps a pointer to its own, and whatever ends a
// wait looks at that: so nothing that happens to one generation can be mistaken for another's.
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

var waiters park.Pool[*generation]

// errGaveUp is what the forms of Wait replace by what they return for their limit.
var errGaveUp = errors.New("barrier: gave up")

// New returns a Barrier for the given number of parties. If action is not nil, the last to arrive in each generation
// calls it before any is released. New panics with ErrParties if parties is below 1.
func New(parties int, action func()) *Barrier {
	if parties < 1 {
		panic(fmt.Errorf("%w: New(%d): want at least 1", ErrParties, parties))
	}
	return &Barrier{parties: parties, action: action, filling: new(generation)}
}

// Wait waits until all parties have arrived and the action has returned. It returns the order of this party's arrival
// in its generation, from 0 to Parties()-1, or -1 and ErrBroken.
func (b *Barrier) Wait() (index int, err error) { return b.wait(park.Forever, false) }

// WaitTimeout is Wait, but if the others have not all arrived within d, it breaks the Barrier and returns ErrBroken.
// With d <= 0 it does so at once unless it is the last; math.MaxInt64 is for ever.
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

// WaitContext is Wait, but if ctx ends before the others have all arrived, it breaks the Barrier and returns
// context.Cause(ctx). If ctx has ended already it does so at once unless it is the last.
func (b *Barrier) WaitContext(ctx context.Context) (index int, err error) {
	index, err = b.wait(park.Until(ctx), ctx.Err() != nil)
	if err == errGaveUp {
		err = park.Cause(ctx)
	}
	return index, err
}

// wait returns errGaveUp when it reached its limit, which for an impatient party is to wait at all.
func (b *Barrier) wait(limit park.Limit, impatient bool) (index int, err error) {
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
	w := waiters.Get(limit)
	defer waiters.Put(w)
	verdict := b.sleep(w, &g.list, g)
	if verdict == park.GaveUp {
		// Reaching the limit counts only if g is still undecided now. If all have arrived meanwhile, the outcome is
		// theirs, and it is waited for without a limit.
		b.guard.Lock()
		switch g.state {
		case undecided:
			return b.giveUp(g)
		case decided:
			verdict = b.sleepForever(&g.list, g)
		case passed:
			b.guard.Unlock()
			return nil
		case broken:
			b.guard.Unlock()
			return ErrBroken
		}
	}
	if verdict == outcomeBroken {
		return ErrBroken
	}
	return nil
}

// What a waiter of a Barrier is woken with.
const (
	outcomePassed = park.Granted
	outcomeBroken = park.Own
)

// sleep waits on a list, with the guard held, and returns without it.
func (b *Barrier) sleep(w *park.Waiter[*generation], list *park.List[*generation], g *generation) park.Verdict {
	w.Value = g
	list.PushBack(w)
	return w.Sleep(&b.guard)
}

func (b *Barrier) sleepForever(list *park.List[*generation], g *generation) park.Verdict {
	w := waiters.Get(park.Forever)
	defer waiters.Put(w)
	return b.sleep(w, list, g)
}

// giveUp gives up, with the guard held, the generation that is filling.
func (b *Barrier) giveUp(g *generation) error {
	var others park.Chain[*generation]
	b.broken = true
	b.filling = new(generation)
	g.end(broken, &others)
	b.guard.Unlock()
	others.Wake(outcomeBroken)
	return errGaveUp
}

// end decides, under the guard, what becomes of g, and takes those who wait for it off their list.
func (g *generation) end(s state, parties *park.Chain[*generation]) {
	g.state = s
	g.list.TakeAll(parties)
}

// lead is what the last party of g does, with the guard held.
func (b *Barrier) lead(g *generation) error {
	g.state = decided
	b.filling = new(generation)
	if b.action == nil {
		var others park.Chain[*generation]
		g.end(passed, &others)
		b.guard.Unlock()
		others.Wake(outcomePassed)
		return nil
	}
	if b.acting == nil {
		b.acting = g
		b.guard.Unlock()
	} else if b.sleepForever(&b.turns, g) == outcomeBroken {
		return ErrBroken
	}
	return b.act(g)
}

// act runs the action for g, whose turn it is.
func (b *Barrier) act(g *generation) (err error) {
	returned := false
	defer func() {
		var (
			others park.Chain[*generation]
			next   *park.Waiter[*generation]
		)
		b.guard.Lock()
		b.acting = nil
		switch {
		case g.state == broken: // by Abort or Reset, which also told the others
			err = ErrBroken
		case returned:
			g.end(passed, &others)
		default: // it panicked, or ended its goroutine
			g.end(broken, &others)
			b.broken = true
			b.scatter(&others)
		}
		if next = b.turns.Front(); next != nil {
			b.turns.Remove(next)
			b.acting = next.Value
		}
		outcome := outcomePassed
		if g.state == broken {
			outcome = outcomeBroken
		}
		b.guard.Unlock()
		others.Wake(outcome)
		if next != nil {
			next.Wake(outcomePassed)
		}
	}()
	b.action()
	returned = true
	return nil
}

// scatter breaks, under the guard, every generation that is present.
func (b *Barrier) scatter(parties *park.Chain[*generation]) {
	b.filling.end(broken, parties)
	b.filling = new(generation)
	if b.acting != nil {
		b.acting.end(broken, parties)
	}
	for w := b.turns.Front(); w != nil; w = b.turns.Front() {
		b.turns.Remove(w)
		w.Value.end(broken, parties)
		parties.Add(w)
	}
}

// Abort breaks the Barrier: everybody who waits gets ErrBroken, and everybody who comes, until Reset.
func (b *Barrier) Abort() { b.breakUp(true) }

// Reset makes the Barrier as new: everybody who waits gets ErrBroken, and who comes begins a new generation.
func (b *Barrier) Reset() { b.breakUp(false) }

func (b *Barrier) breakUp(forGood bool) {
	var parties park.Chain[*generation]
	b.guard.Lock()
	b.broken = forGood
	b.scatter(&parties)
	b.guard.Unlock()
	parties.Wake(outcomeBroken)
}

// Parties returns how many parties the Barrier was made for.
func (b *Barrier) Parties() int { return b.parties }

// Waiting returns how many parties of the next generation to pass have arrived and wait for the others.
func (b *Barrier) Waiting() int {
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

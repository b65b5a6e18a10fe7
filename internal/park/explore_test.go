//go:build threadingexplore

package park

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A kind of gate, as a test uses it: acquire and release of so many permits, all of which are there at first.
type kind struct {
	gate    *gate
	all     uint64
	acquire func(n uint64, limit Limit) bool
	release func(n uint64)
	left    func() uint64
}

// newLock, newPermits and newBounded make one.
func newLock() kind {
	e := new(Exclusive)
	left := func() uint64 {
		if e.Locked() {
			return 0
		}
		return 1
	}
	return kind{(*gate)(e), 1, e.Acquire, func(uint64) { e.Free() }, left}
}

func newPermits(n uint64) func() kind {
	return func() kind {
		s := new(Permits)
		s.Add(n, maxValue)
		return kind{(*gate)(s), n, func(n uint64, limit Limit) bool { return acquire(s, n, limit) }, func(n uint64) { s.Add(n, maxValue) }, s.Value}
	}
}

func newBounded(n uint64) func() kind {
	return func() kind {
		b := new(BoundedPermits)
		b.Resize(n)
		acquire := func(n uint64, limit Limit) bool { return b.TryAcquire(n) || b.Acquire(n, limit) }
		return kind{&b.gate, n, acquire, func(n uint64) { b.Release(n) }, b.Value}
	}
}

// A party wants something of a gate.
type party struct {
	want  uint64
	limit time.Duration // 0: it must get what it wants, in the end
	ctx   bool          // or until its context is ended, which may be at any time
}

// gateCase lets each party acquire and release so many times.
func gateCase(name string, make func() kind, rounds int, parties ...party) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			k            = make()
			inside, most uint64 // one goroutine runs at a time
			failed       error
		)
		for i, p := range parties {
			limit := After(explore.LastResort)
			if p.limit > 0 {
				limit = After(p.limit)
			}
			if p.ctx {
				ctx, cancel := context.WithCancel(context.Background())
				limit = Until(ctx)
				start(fmt.Sprint("canceller ", i), cancel)
			}
			start(fmt.Sprint("party ", i), func() {
				for range rounds {
					if !k.acquire(p.want, limit) {
						if p.limit == 0 && !p.ctx {
							failed = fmt.Errorf("party %d was forgotten", i)
						}
						continue
					}
					inside += p.want
					most = max(most, inside)
					explore.Point("inside")
					inside -= p.want
					k.release(p.want)
				}
			})
		}
		return func() error {
			switch {
			case failed != nil:
				return failed
			case most > k.all:
				return fmt.Errorf("%d were inside at once, and %d may be", most, k.all)
			case k.gate.list.Front() != nil:
				return fmt.Errorf("somebody is still listed")
			case k.left() != k.all || !k.acquire(k.all, After(1)):
				return fmt.Errorf("the word is %#x when all have left", k.gate.word.Load())
			}
			return nil
		}
	}}
}

const tick = explore.Tick

var gateCases = []explore.Case{
	gateCase("lock", newLock, 2, party{want: 1}, party{want: 1}),
	gateCase("lock, three", newLock, 2, party{want: 1}, party{want: 1}, party{want: 1}),
	gateCase("lock, one gives up", newLock, 1, party{want: 1}, party{want: 1, limit: tick}, party{want: 1}),
	gateCase("lock, two give up", newLock, 2, party{want: 1}, party{want: 1, limit: tick}, party{want: 1, limit: 2 * tick}),
	gateCase("lock, one is cancelled", newLock, 1, party{want: 1}, party{want: 1, ctx: true}, party{want: 1}),
	gateCase("permits", newPermits(2), 2, party{want: 1}, party{want: 2}, party{want: 1}),
	gateCase("permits, many give up", newPermits(2), 1, party{want: 2, limit: tick}, party{want: 1}, party{want: 2, limit: 2 * tick}, party{want: 1}),
	gateCase("permits, many are cancelled", newPermits(3), 1, party{want: 2}, party{want: 3, ctx: true}, party{want: 1}),
	gateCase("bounded", newBounded(2), 2, party{want: 1}, party{want: 2}, party{want: 1}),
	gateCase("bounded, many give up", newBounded(2), 1, party{want: 2, limit: tick}, party{want: 1}, party{want: 2, limit: 2 * tick}, party{want: 1}),
}

// latchCase lets waiters with and without patience meet Open.
var latchCase = explore.Case{Name: "latch", Start: func(start func(string, func())) func() error {
	var latch Latch
	var opened [3]bool
	for i, limit := range []time.Duration{explore.LastResort, tick, 2 * tick} {
		start(fmt.Sprint("waiter ", i), func() { opened[i] = latch.WaitTimeout(limit) })
	}
	start("opener", latch.Open)
	return func() error {
		if !opened[0] {
			return fmt.Errorf("a waiter was forgotten")
		}
		return nil
	}
}}

// blockedCase has one who wants much give up in front of one who wants little, and gets it only then: what is held
// meanwhile is not released before.
var blockedCase = explore.Case{Name: "permits, one gives up in front", Start: func(start func(string, func())) func() error {
	var (
		gate   Permits
		served Latch
		failed error
	)
	gate.Add(2, maxValue)
	gate.TryAcquire(2)
	start("holder", func() {
		gate.Add(1, maxValue)
		if !served.WaitTimeout(explore.LastResort) {
			failed = fmt.Errorf("who wants one was forgotten")
		}
		gate.Add(1, maxValue)
	})
	start("wants two", func() {
		if acquire(&gate, 2, After(tick)) {
			gate.Add(2, maxValue)
		}
	})
	start("wants one", func() {
		if acquire(&gate, 1, After(2*explore.LastResort)) {
			served.Open()
			gate.Add(1, maxValue)
		}
	})
	return func() error { return failed }
}}

func TestNoScheduleBreaksAGate(t *testing.T) {
	for _, c := range append(gateCases, blockedCase, latchCase) {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

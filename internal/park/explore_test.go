//go:build threadingexplore

package park

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
)

// A kind of gate, as a test uses it: acquire and release of so many permits,
// all of which are there at first.
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

// seatCase lets two that wait forever meet Open, and Open itself, and one that
// gives up.
var seatCase = explore.Case{Name: "the seat of a latch", Start: func(start func(string, func())) func() error {
	var latch Latch
	early := false
	wait := func() {
		latch.Wait()
		early = early || !latch.IsOpen()
	}
	start("waiter 0", wait)
	start("waiter 1", wait)
	start("waiter 2", func() { early = early || latch.WaitTimeout(tick) && !latch.IsOpen() })
	start("opener 0", latch.Open)
	start("opener 1", latch.Open)
	return func() error {
		if early {
			return fmt.Errorf("somebody went on before it was open")
		}
		return nil
	}
}}

// blockedCase has one who wants much give up in front of one who wants little,
// and gets it only then: what is held meanwhile is not released before.
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

// excludedCase has the bound lowered while one competes who wants more than
// that: it gives its turn to the one behind it, for whom there is enough.
var excludedCase = explore.Case{Name: "bounded, one who competes is excluded", Start: func(start func(string, func())) func() error {
	var (
		b      BoundedPermits
		served Latch
		failed error
	)
	b.Resize(2)
	b.TryAcquire(2)
	start("holder", func() { b.Release(2) })
	start("wants two", func() {
		if !b.Acquire(2, After(2*explore.LastResort)) {
			failed = fmt.Errorf("who wants two was forgotten")
			return
		}
		b.Release(2)
	})
	start("wants one", func() {
		if b.TryAcquire(1) || b.Acquire(1, After(2*explore.LastResort)) {
			served.Open()
		}
	})
	start("resizer", func() {
		b.Resize(1)
		if !served.WaitTimeout(explore.LastResort) {
			failed = fmt.Errorf("who wants one was forgotten")
		}
		b.Resize(3)
	})
	return func() error { return failed }
}}

// channelCase has a flag and its channel change at one instant, whichever is
// looked at first.
var channelCase = explore.Case{Name: "flag and channel", Start: func(start func(string, func())) func() error {
	var (
		f      Flag
		failed error
	)
	start("setter", f.Set)
	for i := range 2 {
		start(fmt.Sprint("observer ", i), func() {
			closed := func() bool {
				select {
				case <-f.Done():
					return true
				default:
					return false
				}
			}
			done := f.Done()
			for range 2 {
				explore.Point("look")
				set := f.IsSet()
				select {
				case <-done:
					if !f.IsSet() || !closed() {
						failed = fmt.Errorf("the channel is closed and the flag is not set")
					}
				default:
					if set {
						failed = fmt.Errorf("the flag is set and the channel is not closed")
					}
				}
			}
		})
	}
	return func() error { return failed }
}}

func TestNoScheduleBreaksAGate(t *testing.T) {
	for _, c := range append(gateCases, blockedCase, latchCase, seatCase, excludedCase, channelCase) {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

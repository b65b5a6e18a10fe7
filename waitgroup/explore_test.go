//go:build threadingexplore

package waitgroup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
)

// A waiter waits once, or until it is released.
type waiter struct {
	limit time.Duration // 0: it must be released in the end
	ctx   bool
	c     bool // asks for the channel, and looks whether it is closed when all is over
}

// roundsCase has waiters, and goroutines that add and take off. The count is 1 in the beginning. One of them ends the round
// and begins a second at once, which ends only long after: whoever was listed when the first ended must be released by
// that. If they race for the end there is no second round.
func roundsCase(name string, waiters []waiter, parties [][]int, race bool) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			w           WaitGroup
			begin       = time.Now()
			early, owed int // of those who do not give up: were released by the first round, had to be
			channels    []<-chan struct{}
			failed      error
			ended       = make([]park.Latch, len(parties))
		)
		const long = explore.LastResort / 2
		fail := func(format string, args ...any) {
			if failed == nil {
				failed = fmt.Errorf(format, args...)
			}
		}
		w.Add(1)
		onlyPatient := true
		for i, v := range waiters {
			onlyPatient = onlyPatient && v.limit == 0 && !v.c
			start(fmt.Sprint("waiter ", i), func() {
				switch {
				case v.c:
					channels = append(channels, w.C())
				case v.ctx:
					ctx, cancel := context.WithTimeout(context.Background(), v.limit)
					defer cancel()
					_ = w.WaitContext(ctx)
				case v.limit > 0:
					w.WaitTimeout(v.limit)
				default:
					if !w.WaitTimeout(2 * explore.LastResort) {
						fail("waiter %d was forgotten", i)
					}
					if time.Since(begin) < long/2 {
						early++
					}
				}
			})
		}
		for i, adds := range parties {
			w.Add(1)
			start(fmt.Sprint("party ", i), func() {
				sum := 0
				for _, n := range adds {
					w.Add(n)
					sum += n
				}
				w.Add(-sum)
				w.Done()
				ended[i].Open()
			})
		}
		if race {
			// Who has added something itself waits in vain.
			start("stranger", func() {
				w.Add(1)
				if w.WaitTimeout(explore.Tick) || w.Count() == 0 {
					fail("the stranger was released, and the count is not 0")
				}
				w.Done()
			})
		}
		start("holder", func() {
			if race {
				w.Done()
				return
			}
			for i := range ended {
				ended[i].WaitTimeout(explore.LastResort)
			}
			for e := w.list.Front(); e != nil && onlyPatient; e = w.list.Next(e) {
				owed++
			}
			w.Done()
			w.Add(1)
			time.Sleep(long)
			w.Done()
		})
		return func() error {
			if w.list.Front() != nil || w.state.Load() != 0 {
				fail("listed %v, state %#x", w.list.Front() != nil, w.state.Load())
			}
			for _, c := range channels {
				select {
				case <-c:
				default:
					fail("a channel was forgotten")
				}
			}
			if early < owed || race && onlyPatient && early < len(waiters) {
				fail("%d were released early, and %d were listed when the round ended", early, owed)
			}
			return failed
		}
	}}
}

func randomRoundsCase(seed uint64) explore.Case {
	r := rand.New(rand.NewPCG(seed, 3))
	var waiters []waiter
	for range 1 + r.IntN(4) {
		var v waiter
		switch r.IntN(6) {
		case 0, 1:
			v.limit, v.ctx = time.Duration(1+r.IntN(3))*explore.Tick, r.IntN(2) == 0
		case 2:
			v.c = true
		}
		waiters = append(waiters, v)
	}
	var parties [][]int
	for range r.IntN(3) {
		var adds []int
		for range 1 + r.IntN(2) {
			adds = append(adds, 1+r.IntN(2))
		}
		parties = append(parties, adds)
	}
	return roundsCase(fmt.Sprint("random ", seed), waiters, parties, r.IntN(2) == 0)
}

// Each form learns at the same instant that the count is 0: none is behind another.
var instantCase = explore.Case{Name: "one instant", Start: func(start func(string, func())) func() error {
	var (
		w      WaitGroup
		failed error
	)
	w.Add(1)
	c := w.C()
	start("done", w.Done)
	for i := range 2 {
		start(fmt.Sprint("looker ", i), func() {
			for range 4 {
				var closed bool
				select {
				case <-c:
					closed = true
				default:
				}
				zero := closed
				switch i {
				case 0:
					zero = w.Count() == 0
				case 1:
					zero = w.WaitTimeout(0)
				}
				if closed && !zero {
					failed = fmt.Errorf("the channel is closed and the count is not 0")
				}
				select {
				case <-c:
				default:
					if zero {
						failed = fmt.Errorf("the count is 0 and the channel is open")
					}
				}
			}
		})
	}
	return func() error { return failed }
}}

// The round ends when the waiter's time has run out, and it has not returned yet: it says that the round has ended.
var afterDeadlineCase = explore.Case{Name: "after the deadline", Start: func(start func(string, func())) func() error {
	var (
		w                  WaitGroup
		returned, released bool
		owed               bool
	)
	w.Add(1)
	start("waiter", func() { released = w.WaitTimeout(explore.Tick); returned = true })
	start("done", func() {
		waits := w.state.Load()&awaited != 0
		w.Done()
		owed = waits && !returned
		w.Add(1)
	})
	return func() error {
		if owed && !released {
			return fmt.Errorf("the round ended during the wait, which returned false")
		}
		return nil
	}
}}

func TestNoScheduleBreaksAWaitGroup(t *testing.T) {
	cases := []explore.Case{
		instantCase, afterDeadlineCase,
		roundsCase("two wait", []waiter{{}, {}}, nil, false),
		roundsCase("one gives up", []waiter{{}, {limit: explore.Tick}}, nil, false),
		roundsCase("one has the channel", []waiter{{c: true}, {}}, [][]int{{1}}, false),
		roundsCase("two race for the end", []waiter{{}}, [][]int{{2}}, true),
	}
	for seed := range uint64(12) {
		cases = append(cases, randomRoundsCase(seed))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

// Many more programs, a few schedules each.
func TestNoScheduleBreaksManyWaitGroups(t *testing.T) {
	for seed := range uint64(500) {
		c := randomRoundsCase(1000 + seed)
		for s := range uint64(20) {
			if err := explore.Run(t, c, explore.Random(s)); err != nil {
				t.Fatalf("%s, schedule %d: %v", c.Name, s, err)
			}
		}
	}
}

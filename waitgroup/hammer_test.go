package waitgroup_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/waitgroup"
)

// A million waits whose deadlines, or whose contexts' ends, meet the end of the round, after which another begins at once
// that ends much later. Who was not released by the round must have left before it ended.
func TestTheEndOfARoundRacesGivingUp(t *testing.T) {
	for _, limit := range impatient()[:2] {
		t.Run(limit.name, func(t *testing.T) {
			defer proof.Watch(t)()
			const waiters = 4
			var (
				w                waitgroup.WaitGroup
				d                = 10 * time.Microsecond
				start            = time.Now()
				released, gaveUp int
			)
			w.Add(1)
			for released+gaveUp < rounds(1_000_000) && !t.Failed() {
				var (
					wg           sync.WaitGroup
					reports      [waiters]bool
					began, ended [waiters]time.Duration
					returned     atomic.Int32
				)
				for i := range waiters {
					wg.Go(func() {
						began[i] = time.Since(start)
						reports[i] = limit.wait(&w, d)
						ended[i] = time.Since(start)
						returned.Add(1)
					})
				}
				// Those who have returned are counted first: they are no longer listed.
				for int(returned.Load())+w.Listed() < waiters {
					runtime.Gosched()
				}
				before := time.Since(start)
				w.Done()
				after := time.Since(start)
				w.Add(1)
				wg.Wait()
				late := 0
				for i := range waiters {
					switch {
					case reports[i] && ended[i] < before:
						t.Errorf("released %v before the end", before-ended[i])
					case !reports[i] && ended[i] < began[i]+d:
						t.Errorf("gave up after %v", ended[i]-began[i])
					case !reports[i] && after < began[i]+d:
						t.Errorf("not released by an end that was over %v before the deadline", began[i]+d-after)
					case !reports[i]:
						late++
					}
				}
				gaveUp += late
				released += waiters - late
				// The limit finds its own length, so that either outcome stays likely whatever machine this is.
				if late > waiters/2 {
					d += d/8 + 1
				} else if late < waiters/2 {
					d -= d / 8
				}
			}
			if w.Listed() != 0 {
				t.Error("somebody is listed although nobody waits")
			}
			if released == 0 || gaveUp == 0 {
				t.Errorf("%d were released and %d gave up: that was no race", released, gaveUp)
			}
			t.Logf("%d were released, %d gave up", released, gaveUp)
		})
	}
}

// A wait that begins as the round ends sees that it has, or is released. There is no other end to save it.
func TestTheEndOfARoundRacesTheBeginningOfAWait(t *testing.T) {
	for _, form := range all(time.Hour) {
		t.Run(form.name, func(t *testing.T) {
			defer proof.Watch(t)()
			var (
				w    waitgroup.WaitGroup
				turn atomic.Int64
				wg   sync.WaitGroup
				n    = int64(rounds(100_000))
				mine = rand.New(rand.NewPCG(7, 8))
			)
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(5, 6))
				for i := range n {
					await(func() bool { return turn.Load() > i })
					proof.Spin(rng.IntN(100))
					w.Done()
				}
			})
			for i := range n {
				w.Add(1)
				turn.Store(i + 1)
				proof.Spin(mine.IntN(400)) // the other needs a moment to see its turn
				if !form.wait(&w) {
					t.Error("a wait that began as the round ended was not released")
				}
			}
			wg.Wait()
		})
	}
}

// Whoever learns from one form that the count is 0 does not learn the opposite from another, while no new round begins:
// not from a channel that is still open, nor from Count after a channel was closed.
func TestNoFormIsBehindAnother(t *testing.T) {
	defer proof.Watch(t)()
	var (
		w    waitgroup.WaitGroup
		turn atomic.Int64
		wg   sync.WaitGroup
		n    = int64(rounds(500_000))
		late [4]int
	)
	wg.Go(func() {
		for i := range n {
			await(func() bool { return turn.Load() > i })
			w.Done()
		}
	})
	for i := range n {
		w.Add(1)
		c := w.C()
		turn.Store(i + 1)
		switch i % 4 {
		case 0:
			await(func() bool { return w.Count() == 0 })
		case 1:
			w.Wait()
		case 2:
			await(func() bool { return w.WaitTimeout(0) })
		case 3:
			await(func() bool { return isClosed(c) })
		}
		if !isClosed(c) || w.Count() != 0 || !w.WaitTimeout(0) || !isClosed(w.C()) {
			late[i%4]++
		}
	}
	wg.Wait()
	if late != [4]int{} {
		t.Errorf("forms contradict each other %v times of %d", late, n)
	}
}

// Many add and take off at the same time while others wait in every way. The count is right, and nobody is left behind.
func TestManyAddAndManyWait(t *testing.T) {
	defer proof.Watch(t)()
	var (
		w              waitgroup.WaitGroup
		users, waiters sync.WaitGroup
		over           atomic.Bool
		held           atomic.Int64
		released       atomic.Int64
	)
	for i := range 6 {
		users.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for range rounds(300_000) {
				n := 1 + rng.IntN(3)
				w.Add(n)
				held.Add(int64(n))
				if rng.IntN(16) == 0 {
					runtime.Gosched()
				}
				held.Add(int64(-n))
				if rng.IntN(2) == 0 {
					w.Add(-n)
				} else {
					for range n {
						w.Done()
					}
				}
			}
		})
	}
	for i := range 4 {
		waiters.Go(func() {
			forms := all(20 * time.Microsecond)
			for n := 0; !over.Load(); n++ {
				if forms[(i+n)%len(forms)].wait(&w) {
					released.Add(1)
				}
			}
		})
	}
	users.Wait()
	over.Store(true)
	waiters.Wait()
	if w.Count() != 0 || held.Load() != 0 || w.Listed() != 0 {
		t.Errorf("Count is %d, %d are listed", w.Count(), w.Listed())
	}
	t.Logf("%d waits were released", released.Load())
}

func TestTenThousandWaitersAreReleased(t *testing.T) {
	waiters := 10_000
	if proof.Race {
		waiters = 5_000 // the race detector knows no more than 8128 goroutines at a time
	}
	defer proof.Watch(t)()
	var (
		w               waitgroup.WaitGroup
		wg              sync.WaitGroup
		began, released atomic.Int64
	)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.Add(3)
	for i := range waiters {
		wg.Go(func() {
			began.Add(1)
			ok := true
			switch i % 4 {
			case 0:
				ok = w.WaitTimeout(century)
			case 1:
				ok = w.WaitContext(ctx) == nil
			case 2:
				w.Wait()
			case 3:
				<-w.C()
			}
			if ok {
				released.Add(1)
			}
		})
	}
	await(func() bool { return began.Load() == int64(waiters) && w.Listed() == waiters*3/4 })
	if n := released.Load(); n != 0 {
		t.Errorf("%d did not wait", n)
	}
	w.Add(-2)
	w.Done()
	w.Add(1) // the next round is none of theirs
	wg.Wait()
	if n := released.Load(); n != int64(waiters) || w.Listed() != 0 {
		t.Errorf("%d of %d were released, %d are listed", n, waiters, w.Listed())
	}
	w.Done()
}

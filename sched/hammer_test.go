package sched_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/sched"
)

// serve runs s in a goroutine until the test's end, or until stop is called.
func serve(t *testing.T, s *sched.Scheduler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// A million times Cancel meets the call, by two goroutines at once: either the function is called, or one Cancel is true.
func TestCancelRacingTheCallIsExact(t *testing.T) {
	defer proof.Watch(t)()
	var (
		s                 sched.Scheduler
		called, cancelled int
		rng               = rand.New(rand.NewPCG(1, 2))
		next              = make(chan *sched.Event)
		outcome           = make(chan bool)
		other             sync.WaitGroup
	)
	serve(t, &s)
	other.Go(func() {
		rng := rand.New(rand.NewPCG(3, 4))
		for e := range next {
			proof.Spin(rng.IntN(500))
			outcome <- s.Cancel(e)
		}
	})
	spin := 500 // finds its own length, so that either outcome stays likely whatever machine this is
	for range rounds(1_000_000) {
		var calls atomic.Int32
		e := s.Enter(time.Duration(rng.IntN(3)-1), 0, func() { calls.Add(1) })
		next <- e
		proof.Spin(rng.IntN(spin + 1))
		mine := s.Cancel(e)
		theirs := <-outcome
		if mine && theirs {
			t.Fatal("two Cancels were in time")
		}
		if mine || theirs {
			cancelled++
			spin += spin/8 + 1
			if calls.Load() != 0 {
				t.Fatal("called, and cancelled in time")
			}
			continue
		}
		spin -= spin / 8
		for i := 0; calls.Load() == 0; i++ { // it has begun
			runtime.Gosched()
		}
		called++
	}
	close(next)
	other.Wait()
	if called == 0 || cancelled == 0 || s.Len() != 0 {
		t.Errorf("%d were called, %d cancelled, %d are left: that was no race", called, cancelled, s.Len())
	}
	t.Logf("%d were called, %d cancelled", called, cancelled)
}

// An Event that is entered while the Scheduler goes to sleep, or sleeps, until one far away, is not overlooked. There is
// nothing else that would wake it.
func TestAnEarlierEventIsNeverOverlooked(t *testing.T) {
	for _, idle := range []bool{false, true} {
		defer proof.Watch(t)()
		var (
			s     sched.Scheduler
			calls atomic.Int64
			rng   = rand.New(rand.NewPCG(5, 6))
		)
		stop := serve(t, &s)
		if !idle {
			s.Enter(time.Hour, 0, func() {})
		}
		for i := range int64(rounds(500_000)) {
			s.Enter(time.Duration(-rng.IntN(2)), 0, func() { calls.Add(1) })
			for tries := 0; calls.Load() != i+1; tries++ {
				if tries > 100 {
					runtime.Gosched()
				}
			}
			proof.Spin(rng.IntN(1000)) // while it looks once more and goes to sleep
		}
		stop()
	}
}

// The last Event is cancelled while Run goes to sleep, or sleeps: Run returns.
func TestCancellingTheLastEndsRun(t *testing.T) {
	defer proof.Watch(t)()
	var (
		s    sched.Scheduler
		rng  = rand.New(rand.NewPCG(7, 8))
		runs = make(chan struct{})
		done = make(chan struct{})
	)
	go func() {
		for range runs {
			s.Run()
			done <- struct{}{}
		}
		close(done)
	}()
	for range rounds(300_000) {
		e := s.Enter(time.Hour, 0, func() { t.Error("called") })
		runs <- struct{}{}
		if rng.IntN(2) == 0 {
			runtime.Gosched()
		}
		proof.Spin(rng.IntN(3000))
		if !s.Cancel(e) {
			t.Fatal("Cancel was late")
		}
		<-done
	}
	close(runs)
	<-done
}

// Everything at once: what is entered is called or cancelled, each once, in the order in which it was due among those
// that one goroutine entered and left alone.
func TestNothingIsLostOrDoubled(t *testing.T) {
	defer proof.Watch(t)()
	const users = 6
	var (
		s                                  sched.Scheduler
		entered, called, cancelled, panics atomic.Int64
		wg, runner                         sync.WaitGroup
		over                               atomic.Bool
	)
	runner.Go(func() { // in every way, one after another
		rng := rand.New(rand.NewPCG(9, 9))
		forms := all()
		for !over.Load() || s.Len() > 0 {
			if proof.Recovered(func() {
				if rng.IntN(2) == 0 {
					limits := impatient()
					limits[rng.IntN(len(limits))].run(&s, time.Duration(rng.IntN(200_000)))
				} else {
					forms[rng.IntN(len(forms))].run(&s)
				}
			}) != nil {
				panics.Add(1)
			}
		}
	})
	for i := range users {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			var mine [4]*sched.Event
			for range rounds(300_000) / users {
				switch slot := rng.IntN(len(mine)); {
				case mine[slot] != nil && rng.IntN(2) == 0:
					if s.Cancel(mine[slot]) {
						cancelled.Add(1)
					}
				default:
					entered.Add(1)
					raises := rng.IntN(1000) == 0
					mine[slot] = s.Enter(time.Duration(rng.IntN(100_000)), rng.IntN(3), func() {
						called.Add(1)
						if raises {
							panic(errCause)
						}
					})
				}
			}
		})
	}
	wg.Wait()
	over.Store(true)
	runner.Wait()
	if entered.Load() != called.Load()+cancelled.Load() || called.Load() == 0 || cancelled.Load() == 0 {
		t.Errorf("%d were entered, %d called, %d cancelled", entered.Load(), called.Load(), cancelled.Load())
	}
	t.Logf("%d were called, %d cancelled, %d runs ended in a panic", called.Load(), cancelled.Load(), panics.Load())
}

package park

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A waiter is served by the next Set, however many took effect since it was
// listed and before anything could wake it.
func TestTheNumberOfSetsDoesNotWrap(t *testing.T) {
	for _, bits := range []uint{8, 16, 31, 32, 48} {
		synctest.Test(t, func(t *testing.T) {
			var (
				f    Flag
				woke atomic.Bool
			)
			go func() { f.Wait(); woke.Store(true) }()
			synctest.Wait()
			f.word.Store((1<<bits-1)<<flagShift | flagAwaited)
			f.Set()
			synctest.Wait()
			if !woke.Load() {
				t.Errorf("the %d'th Set woke nobody", uint64(1)<<bits)
				f.word.Store(flagAwaited)
				f.Set() // so that the bubble ends
			}
		})
	}
}

// A Set and a Clear come after the call began and before it is listed: it has
// been served.
func TestASetDuringTheCallEndsIt(t *testing.T) {
	var f Flag
	began := f.word.Load()
	f.Set()
	f.Clear()
	if !f.wait(began, After(time.Nanosecond)) {
		t.Error("told of no Set, and one took effect during the call")
	}
	if f.list.Front() != nil {
		t.Error("it waited")
	}
}

// Set wakes a batch itself; the rest is left to another goroutine, so that
// those who are awake cannot keep it from returning.
func TestSetOfManyReturnsBeforeAllAreAwake(t *testing.T) {
	if explore.On {
		t.Skip("a batch is smaller under the explorer")
	}
	const waiters = 350
	proof.Uninterrupted(t, func(t *testing.T) bool {
		var (
			f     Flag
			awake atomic.Int32
		)
		for range waiters {
			go func() { f.Wait(); awake.Add(1) }()
		}
		synctest.Wait()
		f.Set()
		left := 0
		f.guard.Lock()
		for w := f.list.Front(); w != nil; w = f.list.Next(w) {
			left++
		}
		f.guard.Unlock()
		synctest.Wait()
		if awake.Load() != waiters || f.list.Front() != nil {
			t.Errorf("%d of %d are awake", awake.Load(), waiters)
		}
		return left == waiters-wakeBatch()
	})
}

// Whoever comes after the Clear waits for the next Set, also while those before
// are being woken.
func TestWhoComesAfterTheClearIsNotWokenByTheSetBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 350
		var (
			f     Flag
			awake atomic.Int32
		)
		wait := func() { f.Wait(); awake.Add(1) }
		for round := range 10 {
			for range waiters {
				go wait()
			}
			synctest.Wait()
			if int(awake.Load()) != round*waiters {
				t.Fatalf("round %d: %d are awake", round, awake.Load())
			}
			f.Set()
			f.Clear()
			for range 5 {
				go func() {
					if f.WaitTimeout(time.Second) {
						t.Error("a waiter was woken by the Set before")
					}
				}()
			}
			time.Sleep(2 * time.Second)
		}
		if awake.Load() != 10*waiters {
			t.Errorf("%d of %d are awake", awake.Load(), 10*waiters)
		}
	})
}

// meet runs two functions at about the same moment, in two goroutines, again
// and again, each time with another Flag.
func meet(first, second func(f *Flag)) {
	var (
		flags [2]Flag
		turn  atomic.Int64
		wg    sync.WaitGroup
	)
	play := func(renews bool, act func(f *Flag)) {
		for round := range int64(proof.Rounds(1_000_000, 5, 20)) {
			for tries := 0; turn.Load() < 2*round; tries++ {
				if tries > 100 {
					runtime.Gosched()
				}
			}
			proof.Spin(rand.IntN(100))
			act(&flags[round%2])
			if renews { // both are through with the one before
				flags[(round+1)%2] = Flag{}
			}
			turn.Add(1)
		}
	}
	wg.Go(func() { play(true, first) })
	wg.Go(func() { play(false, second) })
	wg.Wait()
}

// A flag that is being set by one swap, and somebody who begins to wait.
func TestASetThatMeetsANewWaiterServesIt(t *testing.T) {
	defer proof.Watch(t)()
	meet((*Flag).Set, (*Flag).Wait)
}

// A flag that is set, and the channel that is closed with it, for somebody who
// sees the first and looks at the second.
func TestTheChannelIsClosedWhenTheFlagIsSet(t *testing.T) {
	defer proof.Watch(t)()
	meet((*Flag).Set, func(f *Flag) {
		done := f.Done()
		for tries := 0; !f.IsSet(); tries++ {
			if tries > 100 {
				runtime.Gosched()
			}
		}
		select {
		case <-done:
		default:
			t.Error("the flag is set and its channel is open")
		}
	})
}

// Set and Clear do not wait for the guard, where others may be in line; whoever
// waited is woken when it is free.
func TestSetAndClearDoNotWaitForTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Flag
		woken := 0
		go func() { f.Wait(); woken++ }()
		synctest.Wait()
		f.guard.Lock()
		f.Set() // or this does not return
		if !f.IsSet() || !f.WaitTimeout(1) {
			t.Error("not set")
		}
		f.Clear()
		f.Set()
		f.Clear()
		f.guard.Unlock()
		synctest.Wait()
		if woken != 1 || f.IsSet() {
			t.Errorf("%d are awake, set %v", woken, f.IsSet())
		}
	})
}

// Where others stand in line for the guard, Set leaves it alone: it would have
// to hand it over, and stand behind them itself.
func TestSetLeavesAGuardAloneThatOthersStandInLineFor(t *testing.T) {
	proof.Uninterrupted(t, func(t *testing.T) bool {
		var f Flag
		woken := 0
		go func() { f.Wait(); woken++ }()
		synctest.Wait()
		f.word.Or(flagCrowded)
		f.Set()
		f.guard.Lock()
		left := f.list.Front() != nil
		f.guard.Unlock()
		synctest.Wait()
		if woken != 1 {
			t.Errorf("%d are awake", woken)
		}
		return left
	})
}

// Whoever stands in line says so.
func TestAWaiterThatStandsInLineForTheGuardSaysSo(t *testing.T) {
	proof.Processors(t, 1)
	for range 100 {
		var f Flag
		served := make(chan bool)
		f.guard.Lock()
		go func() { f.Wait(); close(served) }()
		blockedOnGuard()
		f.guard.Unlock()
		for f.word.Load()&flagAwaited == 0 {
			runtime.Gosched()
		}
		crowded := f.word.Load()&flagCrowded != 0
		f.Set()
		<-served
		if crowded {
			return
		}
	}
	t.Error("it never did")
}

// A Flag that nobody waits for is set by one swap, and an early waiter does not
// keep later ones waiting.
func TestTheStatesOfAFlag(t *testing.T) {
	var f Flag
	state := func(want, sets uint64) {
		t.Helper()
		if got := f.word.Load(); got != sets<<flagShift|want {
			t.Errorf("%d Sets and state %04b, want %d and %04b", got>>flagShift, got&(1<<flagShift-1), sets, want)
		}
	}
	f.Set()
	f.Set()
	state(flagSet, 1)
	f.Clear()
	f.Clear()
	state(0, 1)
	if f.WaitTimeout(1) {
		t.Error("set by nobody")
	}
	state(flagAwaited, 1)
	f.Set()
	state(flagSet, 2)
	f.Clear()
	state(0, 2)
	done := f.Done()
	state(flagChannel, 2)
	f.Set()
	<-done
	state(flagSet|flagChannel, 3)
	if f.Done() != done {
		t.Error("another channel")
	}
	f.Clear()
	state(0, 3)
	f.Set()
	if again := f.Done(); again == done {
		t.Error("the channel of an earlier Set")
	} else {
		<-again
	}
	state(flagSet|flagChannel, 4)
	f.Clear()
	state(0, 4)
	if f.Done() == done {
		t.Error("a closed channel after a Clear")
	}
	state(flagChannel, 4)
}

package locktest

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// A section is a critical section that notices when two goroutines are in it,
// and that counts.
type section struct {
	inside int
	count  int
}

// enter returns false if another goroutine is inside. Both are called with the
// lock held, and so by one goroutine at a time if the lock works; if not, the
// race detector sees that as well.
func (s *section) enter() bool {
	s.inside++
	s.count++
	return s.inside == 1
}

func (s *section) leave() { s.inside-- }

// A tally is what a hammer's goroutines did.
type tally struct{ served, gaveUp int }

// check fails the test unless each grant is in the section's count once, and
// the lock is as good as new.
func check(t *testing.T, l Locker, s *section, tallies []tally) {
	t.Helper()
	var sum tally
	for _, each := range tallies {
		sum.served += each.served
		sum.gaveUp += each.gaveUp
	}
	if s.count != sum.served || s.inside != 0 {
		t.Errorf("%d were served, %d were in the critical section, %d still are", sum.served, s.count, s.inside)
	}
	// If all of one kind were missing, nothing has raced.
	if sum.served == 0 || sum.gaveUp == 0 {
		t.Errorf("%d were served and %d gave up: that was no race", sum.served, sum.gaveUp)
	}
	t.Logf("%d were served, %d gave up", sum.served, sum.gaveUp)
	Usable(t, l)
}

// UnlockRacesLockTimeout a million times: several goroutines lock with timeouts
// about as long as the lock is held, on the clock of the machine, so that
// deadlines and unlocks meet from either side.
func UnlockRacesLockTimeout(t *testing.T, newLock New) {
	defer proof.Watch(t)()
	const goroutines = 6
	var (
		l       = newLock()
		rounds  = int64(Rounds(1_000_000))
		next    atomic.Int64
		wg      sync.WaitGroup
		s       section
		tallies [goroutines]tally
	)
	for i := range goroutines {
		wg.Go(func() {
			var (
				rng   = rand.New(rand.NewPCG(uint64(i), 0))
				mine  tally
				limit = time.Microsecond
			)
			for next.Load() <= rounds {
				// Only those who have to wait count. Their limit finds its own
				// length: longer after giving up, shorter after success, so
				// that either outcome stays likely whatever machine this is,
				// however many share it.
				switch {
				case l.TryLock():
				case l.LockTimeout(limit):
					limit = max(limit-limit/8, 1)
					next.Add(1)
				default:
					limit += limit/8 + 1
					mine.gaveUp++
					next.Add(1)
					continue
				}
				mine.served++
				if !s.enter() {
					t.Error("two goroutines hold the lock")
				}
				for rng.IntN(2) == 0 {
					runtime.Gosched() // others come meanwhile
				}
				proof.Spin(rng.IntN(500))
				s.leave()
				l.Unlock()
				if rng.IntN(4) > 0 {
					runtime.Gosched() // or it would take the lock back a thousand times before the others' turn
				}
			}
			tallies[i] = mine
		})
	}
	wg.Wait()
	check(t, l, &s, tallies[:])
}

// UnlockRacesCancel a million times: whoever is about to unlock cancels
// another's context, shortly before, at the same time on another processor, or
// shortly after.
func UnlockRacesCancel(t *testing.T, newLock New) {
	defer proof.Watch(t)()
	const goroutines = 6
	var (
		l       = newLock()
		rounds  = int64(Rounds(1_000_000))
		next    atomic.Int64
		wg      sync.WaitGroup
		s       section
		tallies [goroutines]tally
		cancels [goroutines]atomic.Pointer[context.CancelCauseFunc]
	)
	for i := range goroutines {
		wg.Go(func() {
			var (
				rng  = rand.New(rand.NewPCG(uint64(i), 1))
				mine tally
			)
			victim := func() {
				if cancel := cancels[(i+1+rng.IntN(goroutines-1))%goroutines].Load(); cancel != nil {
					(*cancel)(errCause)
				}
			}
			for next.Add(1) <= rounds {
				ctx, cancel := context.WithCancelCause(context.Background())
				cancels[i].Store(&cancel)
				if err := l.LockContext(ctx); err != nil {
					if err != errCause {
						t.Errorf("LockContext returned %v, want the cause", err)
					}
					mine.gaveUp++
					continue
				}
				mine.served++
				if !s.enter() {
					t.Error("two goroutines hold the lock")
				}
				for rng.IntN(2) == 0 {
					runtime.Gosched()
				}
				proof.Spin(rng.IntN(500))
				early := rng.IntN(3) > 0
				if early {
					victim()
					if rng.IntN(2) == 0 {
						proof.Spin(rng.IntN(2000)) // until it has been woken on another processor
					}
				}
				s.leave()
				l.Unlock()
				if !early {
					victim()
				}
				cancel(nil)
			}
			cancels[i].Store(nil)
			tallies[i] = mine
		})
	}
	wg.Wait()
	check(t, l, &s, tallies[:])
}

// UnlockMeetsDeadlines in a bubble, where all who are due at an instant act at
// that very instant, on all processors: a goroutine's unlock, perhaps followed
// by its taking the lock back, others' timeouts, and the ends of others'
// contexts. And as time is exact there, no call may outlast its limit, or give
// up before. A hang is reported as a deadlock.
func UnlockMeetsDeadlines(t *testing.T, newLock New) {
	const goroutines = 6
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			var (
				l       = newLock()
				rounds  = Rounds(20_000) / goroutines
				wg      sync.WaitGroup
				s       section
				tallies [goroutines]tally
			)
			for i := range goroutines {
				wg.Go(func() {
					var (
						rng     = rand.New(rand.NewPCG(seed, uint64(i)))
						mine    tally
						some    = func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond / 2 }
						limited = Impatient()
					)
					lock := func() bool {
						switch rng.IntN(8) {
						case 0:
							l.Lock()
							return true
						case 1:
							return l.TryLock()
						}
						form, limit, start := limited[rng.IntN(len(limited))], some(8)+time.Millisecond/2, time.Now()
						acquired := form.Lock(l, limit)
						if took := time.Since(start); took > limit || !acquired && took < limit {
							t.Errorf("%s for %v: acquired is %v after %v", form.Name, limit, acquired, took)
						}
						return acquired
					}
					for range rounds {
						if !lock() {
							mine.gaveUp++
							continue
						}
						for again := true; again; again = rng.IntN(2) == 0 && l.TryLock() {
							mine.served++
							if !s.enter() {
								t.Error("two goroutines hold the lock")
							}
							time.Sleep(some(3))
							s.leave()
							l.Unlock()
						}
						time.Sleep(some(4))
					}
					tallies[i] = mine
				})
			}
			wg.Wait()
			check(t, l, &s, tallies[:])
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// AReleaseIsNeverMissed by the only goroutine that wants the lock, at whatever
// point of going to sleep, or of going back to sleep after it was overtaken, it
// is. No other goroutine comes that would wake it, so it would sleep forever.
// The time between its last look at the lock and its sleep is short; the race
// detector makes it longer.
func AReleaseIsNeverMissed(t *testing.T, newLock New) {
	forms := Patient()
	for _, form := range []Form{forms[0], forms[1], forms[3]} { // one of each way to sleep
		t.Run(form.Name, func(t *testing.T) {
			defer proof.Watch(t)()
			var (
				l      = newLock()
				rounds = int64(Rounds(100_000))
				wanted atomic.Int64 // the round in which the lock is wanted
				served atomic.Int64 // the round in which it was served last
				rng    = rand.New(rand.NewPCG(0, 3))
				until  = func(round *atomic.Int64, n int64) {
					for i := 0; round.Load() < n; i++ {
						if i > 1000 { // the other needs this processor
							runtime.Gosched()
						}
					}
				}
				done = make(chan struct{})
			)
			go func() {
				defer close(done)
				for round := int64(1); round <= rounds; round++ {
					until(&wanted, round)
					form.Lock(l)
					l.Unlock()
					served.Store(round)
				}
			}()
			for round := int64(1); round <= rounds; round++ {
				l.Lock()
				wanted.Store(round)
				proof.Spin(rng.IntN(600))
				for again := true; again; again = rng.IntN(2) == 0 && l.TryLock() {
					proof.Spin(rng.IntN(200))
					l.Unlock()
					proof.Spin(rng.IntN(20))
				}
				until(&served, round)
			}
			<-done
			Usable(t, l)
		})
	}
}

// MixedFormsExcludeEachOther on all processors: every form at once, most of
// them over in an instant.
func MixedFormsExcludeEachOther(t *testing.T, newLock New) {
	defer proof.Watch(t)()
	const goroutines = 16
	var (
		l       = newLock()
		rounds  = Rounds(20_000)
		wg      sync.WaitGroup
		s       section
		tallies [goroutines]tally
	)
	for i := range goroutines {
		wg.Go(func() {
			var (
				rng     = rand.New(rand.NewPCG(uint64(i), 2))
				mine    tally
				patient = Patient()
				limited = Impatient()
			)
			for range rounds {
				acquired := true
				switch rng.IntN(4) {
				case 0:
					acquired = l.TryLock()
				case 1:
					acquired = patient[rng.IntN(len(patient))].Lock(l)
				case 2:
					acquired = limited[rng.IntN(len(limited))].Lock(l, time.Duration(rng.IntN(20_000)))
				default:
					l.Lock()
				}
				if !acquired {
					mine.gaveUp++
					continue
				}
				mine.served++
				if !s.enter() {
					t.Error("two goroutines hold the lock")
				}
				if rng.IntN(8) == 0 {
					runtime.Gosched()
				}
				s.leave()
				l.Unlock()
			}
			tallies[i] = mine
		})
	}
	wg.Wait()
	check(t, l, &s, tallies[:])
}

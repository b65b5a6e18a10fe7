package locktest

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
)

// EveryFormAcquiresAFreeLock also shows that none of them takes any time.
func EveryFormAcquiresAFreeLock(t *testing.T, newLock New) {
	forms := append(Patient(),
		Form{"TryLock", Locker.TryLock},
		Form{"LockTimeout of nothing", func(l Locker) bool { return l.LockTimeout(0) }},
		Form{"LockTimeout of less than nothing", func(l Locker) bool { return l.LockTimeout(math.MinInt64) }},
		Form{"LockTimeout of a nanosecond", func(l Locker) bool { return l.LockTimeout(1) }},
	)
	for _, form := range forms {
		t.Run(form.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				for range 3 {
					start := time.Now()
					if !form.Lock(l) {
						t.Fatal("gave up on a free lock")
					}
					if waited := time.Since(start); waited != 0 {
						t.Errorf("waited for %v", waited)
					}
					if !l.Locked() {
						t.Error("Locked is false on a lock that is held")
					}
					l.Unlock()
					if l.Locked() {
						t.Error("Locked is true on a lock that is free")
					}
				}
				Usable(t, l)
			})
		})
	}
}

// NoTimeMeansTryLock is about LockTimeout of a lock that another goroutine
// holds.
func NoTimeMeansTryLock(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		l := newLock()
		l.Lock()
		for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
			start := time.Now()
			Elsewhere(func() {
				if l.LockTimeout(d) {
					t.Errorf("LockTimeout(%d) acquired a lock that is held", d)
				}
			})
			if waited := time.Since(start); waited != 0 {
				t.Errorf("LockTimeout(%d) waited for %v", d, waited)
			}
		}
		l.Unlock()
		Usable(t, l)
	})
}

// TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor leaves a lock behind in every
// way there is, and then tries to lock it.
func TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor(t *testing.T, newLock New) {
	t.Run("after waiters gave up", func(t *testing.T) {
		for _, form := range Impatient() {
			for _, gaveUpFirst := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					l := newLock()
					l.Lock()
					var wg sync.WaitGroup
					for range 3 {
						wg.Go(func() {
							if form.Lock(l, time.Second) {
								l.Unlock()
							}
						})
					}
					synctest.Wait()
					if gaveUpFirst {
						time.Sleep(time.Second)
						wg.Wait()
						l.Unlock()
					} else {
						l.Unlock()
						wg.Wait()
					}
					Usable(t, l)
				})
			}
		}
	})
	t.Run("after a starving waiter gave up", func(t *testing.T) {
		for _, form := range Impatient() {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				l := newLock()
				l.Lock()
				start := time.Now()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					if form.Lock(l, time.Second) {
						l.Unlock()
					}
				})
				if !starve(l) {
					return false
				}
				time.Sleep(time.Second - time.Since(start))
				wg.Wait()
				l.Unlock()
				Usable(t, l)
				return true
			})
		}
	})
	t.Run("after a batch was served", func(t *testing.T) {
		proof.Uninterrupted(t, func(t *testing.T) bool {
			l := newLock()
			l.Lock()
			var wg sync.WaitGroup
			defer wg.Wait()
			for range 3 {
				wg.Go(func() {
					l.Lock()
					l.Unlock()
				})
			}
			if !starve(l) {
				return false
			}
			l.Unlock()
			wg.Wait()
			Usable(t, l)
			return true
		})
	})
	t.Run("after a race", func(t *testing.T) {
		defer proof.Watch(t)()
		l := newLock()
		for range Rounds(10_000) {
			var wg sync.WaitGroup
			l.Lock()
			for i := range 3 {
				wg.Go(func() {
					if i == 0 {
						l.Lock()
						l.Unlock()
					} else if l.LockTimeout(time.Duration(i) * time.Microsecond) {
						l.Unlock()
					}
				})
			}
			l.Unlock()
			wg.Wait()
			if !l.TryLock() {
				t.Fatal("TryLock failed on a free lock that nobody waits for")
			}
			l.Unlock()
		}
	})
}

// AnEndedContextChangesNothing is about contexts that have ended at entry.
func AnEndedContextChangesNothing(t *testing.T, newLock New) {
	for name, ended := range proof.EndedContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, want := ended(t)
				l := newLock()
				refused := func(state string) {
					t.Helper()
					start := time.Now()
					if err := l.LockContext(ctx); err != want {
						t.Errorf("%s: LockContext returned %v, want %v", state, err, want)
					}
					if waited := time.Since(start); waited != 0 {
						t.Errorf("%s: LockContext waited for %v", state, waited)
					}
				}

				refused("free")
				if l.Locked() {
					t.Error("free: LockContext with an ended context acquired the lock")
				}

				l.Lock()
				Elsewhere(func() { refused("held by another") })
				if !l.Locked() {
					t.Error("held: LockContext with an ended context released the lock")
				}

				q := newQueue(t, l)
				q.wait("Lock", func() bool { l.Lock(); return true })
				q.wait("LockTimeout", func() bool { return l.LockTimeout(time.Hour) })
				Elsewhere(func() { refused("waited for") })
				l.Unlock()
				q.served("Lock", "LockTimeout")
				Usable(t, l)
			})
		})
	}
}

// AContextThatEndsReturnsItsCause is about contexts that end while LockContext
// waits.
func AContextThatEndsReturnsItsCause(t *testing.T, newLock New) {
	for name, c := range proof.EndingContexts(errCause) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLock()
				l.Lock()
				ctx, end := c.New()
				var got error
				var returned atomic.Bool
				go func() {
					got = l.LockContext(ctx)
					returned.Store(true)
				}()
				synctest.Wait()
				if returned.Load() {
					t.Fatalf("LockContext returned %v before its context ended", got)
				}
				end()
				synctest.Wait()
				if !returned.Load() {
					t.Error("LockContext waits on although its context has ended")
				}
				if got != c.Want {
					t.Errorf("LockContext returned %v, want %v", got, c.Want)
				}
				l.Unlock()
				Usable(t, l)
			})
		})
	}
}

// UncontendedPathsAllocateNothing is about all four forms, successful or not,
// that need not wait.
func UncontendedPathsAllocateNothing(t *testing.T, newLock New) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended, end := context.WithCancelCause(context.Background())
	end(errCause)
	l := newLock()
	held := newLock()
	Elsewhere(held.Lock)
	for name, f := range map[string]func(){
		"Lock":                           func() { l.Lock(); l.Unlock() },
		"TryLock":                        func() { l.TryLock(); l.Unlock() },
		"TryLock of a held lock":         func() { held.TryLock() },
		"LockTimeout":                    func() { l.LockTimeout(time.Hour); l.Unlock() },
		"LockTimeout for ever":           func() { l.LockTimeout(math.MaxInt64); l.Unlock() },
		"LockTimeout of nothing":         func() { l.LockTimeout(0); l.Unlock() },
		"LockTimeout(0) of a held lock":  func() { held.LockTimeout(0) },
		"LockContext":                    func() { _ = l.LockContext(ctx); l.Unlock() },
		"LockContext without end":        func() { _ = l.LockContext(context.Background()); l.Unlock() },
		"LockContext ended":              func() { _ = l.LockContext(ended) },
		"LockContext ended, a held lock": func() { _ = held.LockContext(ended) },
		"Locked":                         func() { l.Locked(); held.Locked() },
	} {
		NoAllocations(t, name, f)
	}
}

// NoAllocations fails the test if f allocates.
func NoAllocations(t *testing.T, name string, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, f); n != 0 {
		t.Errorf("%s: %v allocations", name, n)
	}
}

// NothingKeepsALockAlive uses a lock in every way that might leave something
// behind, drops it, and expects it to be collected: no pooled waiter, stopped
// timer or live context may refer to it.
func NothingKeepsALockAlive[L any](t *testing.T, locker func(*L) Locker) {
	defer proof.Watch(t)()
	live, cancel := context.WithCancel(context.Background())
	defer cancel()
	use := func() weak.Pointer[L] {
		lock := new(L)
		l := locker(lock)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 200 {
					acquired := false
					switch (i + j) % 4 {
					case 0:
						l.Lock()
						acquired = true
					case 1:
						acquired = l.LockTimeout(time.Duration(j) * time.Microsecond)
					case 2:
						acquired = l.LockTimeout(time.Hour)
					case 3:
						acquired = l.LockContext(live) == nil
					}
					if acquired {
						runtime.Gosched()
						l.Unlock()
					}
				}
			})
		}
		wg.Wait()
		return weak.Make(lock)
	}
	dropped := use()
	if !proof.Collected(dropped) {
		t.Error("something keeps a lock alive that nobody uses any more")
	}
}

// PlainDataIsPublished writes plain data before Unlock and reads it after each
// form, on each path by which a lock passes from one goroutine to another. Only
// the race detector can tell: the lock alone orders the two.
func PlainDataIsPublished(t *testing.T, newLock New) {
	forms := append(Patient(), Form{"TryLock", func(l Locker) bool {
		for !l.TryLock() {
			runtime.Gosched()
		}
		return true
	}})
	for _, form := range forms {
		tries := form.Name == "TryLock"
		t.Run(form.Name+"/contended", func(t *testing.T) {
			var data int
			l := newLock()
			l.Lock()
			done := make(chan struct{})
			go func() {
				defer close(done)
				form.Lock(l)
				data++
				l.Unlock()
			}()
			data = 1
			l.Unlock()
			<-done
			if data != 2 {
				t.Errorf("data = %d, want 2", data)
			}
		})
		if tries {
			continue // it never waits
		}
		t.Run(form.Name+"/woken to compete", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var data int
				l := newLock()
				l.Lock()
				go func() {
					form.Lock(l)
					data++
					l.Unlock()
				}()
				synctest.Wait()
				data = 1 // nothing but Unlock comes between this and what the waiter does
				l.Unlock()
				synctest.Wait()
				if data != 2 {
					t.Errorf("data = %d, want 2", data)
				}
			})
		})
		t.Run(form.Name+"/handed over", func(t *testing.T) {
			proof.Uninterrupted(t, func(t *testing.T) bool {
				var data int
				l := newLock()
				l.Lock()
				done := make(chan struct{})
				defer func() { <-done }()
				go func() {
					defer close(done)
					form.Lock(l)
					data++
					l.Unlock()
				}()
				if !starve(l) {
					return false
				}
				data = 1
				l.Unlock()
				l.Lock()
				if data != 2 {
					t.Error("the lock was not handed over")
				}
				l.Unlock()
				return true
			})
		})
	}
	// On several processors, whichever path it takes.
	t.Run("contended", func(t *testing.T) {
		defer proof.Watch(t)()
		var (
			data int
			wg   sync.WaitGroup
		)
		l := newLock()
		rounds := Rounds(100_000)
		for _, form := range forms {
			wg.Go(func() {
				for range rounds {
					form.Lock(l)
					data++
					l.Unlock()
				}
			})
		}
		wg.Wait()
		if want := rounds * len(forms); data != want {
			t.Errorf("%d increments under the lock make %d", want, data)
		}
	})
}

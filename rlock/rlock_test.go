package rlock_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rlock"
)

var (
	_ sync.Locker        = new(rlock.RLock)
	_ locktest.Reentrant = new(rlock.RLock)
)

func TestEveryFormAcquiresAFreeLock(t *testing.T) {
	locktest.EveryFormAcquiresAFreeLock(t, newLock)
}

func TestLockTimeoutOfNothingIsTryLock(t *testing.T) {
	locktest.NoTimeMeansTryLock(t, newLock)
}

func TestTryLockNeverFailsOnAFreeLockThatNobodyWaitsFor(t *testing.T) {
	locktest.TryLockNeverFailsOnAFreeLockThatNobodyWaitsFor(t, newLock)
}

func TestAnEndedContextChangesNothing(t *testing.T) {
	locktest.AnEndedContextChangesNothing(t, newLock)
}

func TestAContextThatEndsReturnsItsCause(t *testing.T) {
	locktest.AContextThatEndsReturnsItsCause(t, newLock)
}

func TestNothingKeepsALockAlive(t *testing.T) {
	locktest.NothingKeepsALockAlive(t, func(r *rlock.RLock) locktest.Locker { return r })
}

func TestPlainDataIsPublished(t *testing.T) {
	locktest.PlainDataIsPublished(t, newLock)
}

func TestUncontendedPathsAllocateNothing(t *testing.T) {
	locktest.UncontendedPathsAllocateNothing(t, newLock)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var r rlock.RLock
	for name, f := range map[string]func(){
		"nested Lock":        func() { r.Lock(); r.Lock(); r.Unlock(); r.Unlock() },
		"nested TryLock":     func() { r.Lock(); r.TryLock(); r.Unlock(); r.Unlock() },
		"nested LockTimeout": func() { r.Lock(); r.LockTimeout(time.Hour); r.Unlock(); r.Unlock() },
		"nested LockContext": func() { r.Lock(); _ = r.LockContext(ctx); r.Unlock(); r.Unlock() },
		"all levels at once": func() { r.LockDepth(3); r.UnlockAll() },
		"questions": func() {
			r.Lock()
			r.Owned()
			r.Depth()
			r.Locked()
			r.Unlock()
			r.Owned()
			r.Depth()
		},
	} {
		locktest.NoAllocations(t, name, f)
	}
}

// seen fails the test unless r is owned by the caller at this depth, and others
// know no more than that it is locked.
func seen(t *testing.T, r *rlock.RLock, depth int) {
	t.Helper()
	owned := depth > 0
	if r.Depth() != depth || r.Owned() != owned || r.Locked() != owned {
		t.Errorf("to the owner: Depth %d, Owned %v, Locked %v; want depth %d", r.Depth(), r.Owned(), r.Locked(), depth)
	}
	locktest.Elsewhere(func() {
		if r.Depth() != 0 || r.Owned() || r.Locked() != owned {
			t.Errorf("to another: Depth %d, Owned %v, Locked %v; want 0, false, %v", r.Depth(), r.Owned(), r.Locked(), owned)
		}
		if owned && (r.TryLock() || r.LockTimeout(0)) {
			t.Error("another goroutine acquired an RLock that is owned")
		}
	})
}

func TestTheOwnerReentersInEveryForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rlock.RLock
		seen(t, &r, 0)
		start := time.Now()
		depth := 0
		for _, form := range append(locktest.Patient(),
			locktest.Form{Name: "TryLock", Lock: locktest.Locker.TryLock},
			locktest.Form{Name: "LockTimeout of nothing", Lock: func(l locktest.Locker) bool { return l.LockTimeout(0) }},
			locktest.Form{Name: "LockTimeout of less", Lock: func(l locktest.Locker) bool { return l.LockTimeout(math.MinInt64) }},
		) {
			if !form.Lock(&r) {
				t.Errorf("the owner gave up in %s", form.Name)
			}
			depth++
			seen(t, &r, depth)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the owner waited for %v", waited)
		}
		for ; depth > 0; depth-- {
			seen(t, &r, depth)
			r.Unlock()
		}
		seen(t, &r, 0)
		locktest.Usable(t, &r)
	})
}

// The owner re-enters also while others wait, and even while the lock is
// starving: it need not be served, it is.
func TestTheOwnerReentersPastWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			r      rlock.RLock
			wg     sync.WaitGroup
			served int
		)
		r.Lock()
		for range 3 {
			wg.Go(func() {
				r.Lock()
				served++
				seen(t, &r, 1)
				r.Unlock()
			})
		}
		for range 3 {
			time.Sleep(time.Second)
			r.Lock()
			if !r.TryLock() || !r.LockTimeout(time.Second) || r.LockContext(t.Context()) != nil {
				t.Fatal("the owner gave up")
			}
			seen(t, &r, 5)
			for range 4 {
				r.Unlock()
			}
			seen(t, &r, 1)
			if served != 0 {
				t.Fatal("a waiter was served before the last Unlock")
			}
		}
		r.Unlock()
		wg.Wait()
		if served != 3 {
			t.Errorf("%d waiters were served, want 3", served)
		}
		locktest.Usable(t, &r)
	})
}

func TestAnEndedContextChangesNothingForTheOwner(t *testing.T) {
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	var r rlock.RLock
	for depth := range 4 {
		if err := r.LockContext(ctx); err != cause {
			t.Errorf("depth %d: LockContext returned %v, want the cause", depth, err)
		}
		seen(t, &r, depth)
		r.Lock()
	}
	if depth := r.UnlockAll(); depth != 4 {
		t.Errorf("UnlockAll returned %d, want 4", depth)
	}
	locktest.Usable(t, &r)
}

// Nor does it say anything about the level that the owner has.
func TestAContextThatEndsLaterChangesNothingForTheOwner(t *testing.T) {
	var r rlock.RLock
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.LockContext(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.LockContext(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	seen(t, &r, 2)
	r.Unlock()
	r.Unlock()
	locktest.Usable(t, &r)
}

func TestUnlockAllReleasesEveryLevelAndLockDepthRestoresThem(t *testing.T) {
	var r rlock.RLock
	for depth := 1; depth < 5; depth++ {
		for range depth {
			r.Lock()
		}
		seen(t, &r, depth)
		if got := r.UnlockAll(); got != depth {
			t.Errorf("UnlockAll returned %d, want %d", got, depth)
		}
		seen(t, &r, 0)
		locktest.Usable(t, &r)
		r.LockDepth(depth)
		seen(t, &r, depth)
		for left := depth - 1; left >= 0; left-- {
			r.Unlock()
			seen(t, &r, left)
		}
	}
}

func TestLockDepthAddsWhatTheOwnerAsksFor(t *testing.T) {
	var r rlock.RLock
	r.Lock()
	r.LockDepth(3)
	seen(t, &r, 4)
	r.LockDepth(1)
	seen(t, &r, 5)
	r.Unlock()
	seen(t, &r, 4)
	r.UnlockAll()
	locktest.Usable(t, &r)
}

func TestLockDepthBelowOneDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // if it waited for itself, that would be a deadlock
		var r rlock.RLock
		for _, depth := range []int{0, -1, math.MinInt} {
			r.LockDepth(depth)
			seen(t, &r, 0)
			r.LockDepth(2)
			r.LockDepth(depth)
			seen(t, &r, 2)
			locktest.Elsewhere(func() { r.LockDepth(depth) }) // does not even wait
			r.UnlockAll()
		}
		locktest.Usable(t, &r)
	})
}

// LockDepth waits like Lock, and has all its levels as soon as it has one.
func TestLockDepthWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rlock.RLock
		r.LockDepth(2)
		done := make(chan struct{})
		served := false
		go func() {
			defer close(done)
			r.LockDepth(3)
			served = true
			seen(t, &r, 3)
			if depth := r.UnlockAll(); depth != 3 {
				t.Errorf("UnlockAll returned %d, want 3", depth)
			}
		}()
		synctest.Wait()
		r.Unlock()
		synctest.Wait()
		if served {
			t.Error("LockDepth acquired an RLock that is owned")
		}
		r.Unlock()
		<-done
		locktest.Usable(t, &r)
	})
}

// stranger tries to unlock what is not its own, and expects to be told so.
func stranger(t *testing.T, r *rlock.RLock) {
	t.Helper()
	for name, unlock := range map[string]func(){"Unlock": r.Unlock, "UnlockAll": func() { r.UnlockAll() }} {
		p := proof.Recovered(unlock)
		if p != rlock.ErrNotOwner {
			t.Errorf("%s by a stranger panicked with %v, want ErrNotOwner", name, p)
		}
		if err, ok := p.(error); !ok || !errors.Is(err, rlock.ErrNotOwner) {
			t.Errorf("%s: the panic's value is not an error that is ErrNotOwner", name)
		}
	}
}

func TestUnlockByAStrangerPanicsAndChangesNothing(t *testing.T) {
	var r rlock.RLock
	stranger(t, &r) // nobody's
	seen(t, &r, 0)
	for depth := 1; depth < 4; depth++ {
		r.LockDepth(depth)
		locktest.Elsewhere(func() { stranger(t, &r) })
		seen(t, &r, depth)
		for range depth {
			r.Unlock()
		}
		stranger(t, &r) // the owner is none any more
		seen(t, &r, 0)
		locktest.Usable(t, &r)
	}
}

// While it is owned by somebody, and while it is handed from one to the next.
func TestUnlockByAStrangerChangesNothingWithWaitersAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			r      rlock.RLock
			wg     sync.WaitGroup
			served atomic.Int32
		)
		r.LockDepth(2)
		for i := range 5 {
			wg.Go(func() {
				switch {
				case i%2 == 0:
					r.Lock()
				case !r.LockTimeout(time.Hour):
					t.Error("gave up")
					return
				}
				served.Add(1)
				time.Sleep(time.Second)
				seen(t, &r, 1)
				r.Unlock()
				stranger(t, &r)
			})
		}
		synctest.Wait()
		locktest.Elsewhere(func() { stranger(t, &r) })
		seen(t, &r, 2)
		r.UnlockAll()
		for range 5 {
			stranger(t, &r)
			time.Sleep(time.Second)
		}
		wg.Wait()
		if n := served.Load(); n != 5 {
			t.Errorf("%d waiters were served, want 5", n)
		}
		locktest.Usable(t, &r)
	})
}

// However it ends. Ids of goroutines are not used twice, so nobody ever owns it
// again.
func TestAGoroutineThatEndsWhileItOwnsLeavesItLockedForEver(t *testing.T) {
	for name, end := range map[string]func(){
		"return": func() {},
		"Goexit": runtime.Goexit,
		"panic":  func() { panic("the end") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r rlock.RLock
				locktest.Elsewhere(func() {
					defer func() { _ = recover() }()
					r.LockDepth(2)
					end()
				})
				for range 100 { // one of many goroutines might be taken for the one that ended
					locktest.Elsewhere(func() { abandoned(t, &r) })
				}
			})
		})
	}
}

// abandoned fails the test unless the caller finds r locked and can do nothing
// about it.
func abandoned(t *testing.T, r *rlock.RLock) {
	t.Helper()
	if r.Owned() || r.Depth() != 0 {
		t.Errorf("Owned is %v and Depth %d for another, want false and 0", r.Owned(), r.Depth())
	}
	start := time.Now()
	if r.TryLock() || r.LockTimeout(time.Hour) {
		t.Error("acquired the lock of a goroutine that has ended")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := r.LockContext(ctx); err != context.DeadlineExceeded {
		t.Errorf("LockContext of the lock of a goroutine that has ended returned %v", err)
	}
	if waited := time.Since(start); waited != 2*time.Hour {
		t.Errorf("gave up after %v, want two hours", waited)
	}
	stranger(t, r)
	if !r.Locked() {
		t.Error("the lock of a goroutine that has ended became free")
	}
}

// On each path by which it changes hands: woken to compete, and handed over.
func TestTheLockIsOwnedByWhomItWasGivenTo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, starving := range []bool{false, true} {
		t.Run(fmt.Sprint("starving ", starving), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					r       rlock.RLock
					wg      sync.WaitGroup
					waiters = locktest.Patient()
					served  = 0
				)
				r.LockDepth(2)
				for i, form := range waiters {
					wg.Go(func() {
						if !form.Lock(&r) {
							t.Errorf("%s gave up", form.Name)
							return
						}
						if served != i {
							t.Errorf("%s was served as number %d, want %d", form.Name, served, i)
						}
						served++
						seen(t, &r, 1)
						r.Lock()
						time.Sleep(time.Second) // the others' turn, but for the lock
						seen(t, &r, 2)
						if depth := r.UnlockAll(); depth != 2 {
							t.Errorf("UnlockAll returned %d, want 2", depth)
						}
						if r.Owned() || r.Depth() != 0 {
							t.Error("a goroutine that has unlocked is the owner")
						}
					})
					synctest.Wait()
				}
				if starving {
					for range 2 { // pass the first one over for a second
						r.UnlockAll()
						r.LockDepth(2)
						time.Sleep(time.Second)
					}
				}
				seen(t, &r, 2)
				r.UnlockAll()
				wg.Wait()
				locktest.Usable(t, &r)
			})
		})
	}
}

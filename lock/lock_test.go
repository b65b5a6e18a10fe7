package lock_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
)

var _ sync.Locker = new(lock.Lock)

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

func TestUncontendedPathsAllocateNothing(t *testing.T) {
	locktest.UncontendedPathsAllocateNothing(t, newLock)
}

func TestNothingKeepsALockAlive(t *testing.T) {
	locktest.NothingKeepsALockAlive(t, func(l *lock.Lock) locktest.Locker { return l })
}

func TestPlainDataIsPublished(t *testing.T) {
	locktest.PlainDataIsPublished(t, newLock)
}

func TestAnyGoroutineMayUnlock(t *testing.T) {
	var l lock.Lock
	l.Lock()
	locktest.Elsewhere(l.Unlock)
	locktest.Usable(t, &l)

	// A goroutine that has locked it and ended leaves it to be unlocked.
	locktest.Elsewhere(l.Lock)
	if !l.Locked() {
		t.Error("unlocked although nobody unlocked it")
	}
	l.Unlock()
	locktest.Usable(t, &l)
}

func TestUnlockOfAFreeLockPanicsAndChangesNothing(t *testing.T) {
	var l lock.Lock
	misuse := func() {
		t.Helper()
		p := proof.Recovered(l.Unlock)
		if p != lock.ErrNotLocked {
			t.Errorf("Unlock of a free lock panicked with %v, want ErrNotLocked", p)
		}
		if err, ok := p.(error); !ok || !errors.Is(err, lock.ErrNotLocked) {
			t.Errorf("the panic's value is not an error that is ErrNotLocked")
		}
		if l.Locked() {
			t.Error("Unlock of a free lock locked it")
		}
	}
	misuse() // never used
	for range 3 {
		l.Lock()
		l.Unlock()
		misuse()
		misuse()
		locktest.Usable(t, &l)
	}
}

// A lock is free with waiters around while the one that was woken has not yet
// run. It and those behind it are served as if nobody had misused the lock.
func TestUnlockOfAFreeLockPanicsWithWaitersAround(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for waiters := 1; waiters <= 3; waiters++ {
		t.Run(fmt.Sprint(waiters), func(t *testing.T) {
			for range 100 {
				conclusive := false
				synctest.Test(t, func(t *testing.T) {
					var (
						l      lock.Lock
						wg     sync.WaitGroup
						served atomic.Int32
					)
					l.Lock()
					for i := range waiters {
						wg.Go(func() {
							if i%2 == 0 {
								l.Lock()
							} else if !l.LockTimeout(time.Hour) {
								t.Error("gave up")
							}
							served.Add(1)
							time.Sleep(time.Second)
							// Unless the waiter was so fast that the misuse was
							// none and unlocked this.
							_ = proof.Recovered(l.Unlock)
						})
						synctest.Wait()
					}
					l.Unlock()
					p := proof.Recovered(l.Unlock)
					conclusive = p != nil
					if conclusive && p != lock.ErrNotLocked {
						t.Errorf("panicked with %v, want ErrNotLocked", p)
					}
					if conclusive && l.Locked() {
						t.Error("the misuse locked it")
					}
					wg.Wait()
					if n := int(served.Load()); n != waiters {
						t.Errorf("%d waiters were served, want %d", n, waiters)
					}
					locktest.Usable(t, &l)
				})
				if conclusive || t.Failed() {
					return
				}
			}
			t.Error("Unlock of a free lock with waiters never panicked")
		})
	}
}

func TestLockingTwiceWaitsForAnotherToUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lock.Lock
		l.Lock()
		if l.TryLock() || l.LockTimeout(time.Second) {
			t.Error("the holder acquired the lock again")
		}
		go func() {
			time.Sleep(time.Hour)
			l.Unlock()
		}()
		start := time.Now()
		l.Lock()
		if waited := time.Since(start); waited != time.Hour {
			t.Errorf("waited for %v, want an hour", waited)
		}
		l.Unlock()
		locktest.Usable(t, &l)
	})
}

package lock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
)

// The cases of CPython's lock_tests.py and test_threading.py for Lock, and a weakness of CPython's own that is mended
// here.
func TestConformance(t *testing.T) {
	same := func(name string, test func(*testing.T, locktest.New)) {
		t.Run(name, func(t *testing.T) { test(t, newLock) })
	}
	same("L01 test_constructor", locktest.Constructor)
	same("L02 test_repr", locktest.Repr)
	same("L03 test_locked_repr", locktest.LockedRepr)
	same("L04 test_acquire_destroy", locktest.AcquireDestroy)
	same("L05 test_acquire_release", locktest.AcquireRelease)
	same("L06 test_try_acquire", locktest.TryAcquire)
	same("L07 test_try_acquire_contended", locktest.TryAcquireContended)
	same("L08 test_acquire_contended", locktest.AcquireContended)
	same("L09 test_with", locktest.With)
	same("L10 test_thread_leak", locktest.ThreadLeak)
	same("L11 test_timeout", locktest.Timeout)
	same("L16 test_state_after_timeout", locktest.StateAfterTimeout)

	// A second acquire by the same thread waits until another one releases.
	t.Run("L14 test_reacquire", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lock.Lock
			phase := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				l.Lock()
				phase = 1
				l.Lock()
				phase = 2
			}()
			synctest.Wait()
			if phase != 1 {
				t.Errorf("phase %d, want 1: the second Lock has to wait", phase)
			}
			l.Unlock()
			<-done
			if phase != 2 {
				t.Errorf("phase %d, want 2", phase)
			}
			l.Unlock()
		})
	})

	// A lock may be released by a thread that did not acquire it, and is usable afterwards.
	t.Run("L15 test_different_thread", func(t *testing.T) {
		var l lock.Lock
		l.Lock()
		locktest.Elsewhere(l.Unlock)
		l.Lock()
		l.Unlock()
		locktest.Usable(t, &l)
	})

	// The release of a free lock is refused, before any acquire as after a pair.
	t.Run("T61 test_releasing_unacquired_lock", func(t *testing.T) {
		var l lock.Lock
		for range 2 {
			if p := proof.Recovered(l.Unlock); p != lock.ErrNotLocked {
				t.Errorf("Unlock panicked with %v, want ErrNotLocked", p)
			}
			l.Lock()
			l.Unlock()
		}
		locktest.Usable(t, &l)
	})

	// locked() tells what other threads did, whether they are alive or not.
	t.Run("W17 locked in another thread", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var l lock.Lock
			go func() {
				l.Lock()
				time.Sleep(time.Second)
				l.Unlock()
				time.Sleep(time.Second)
				l.Lock()
			}()
			for i, want := range []bool{true, false, true} {
				synctest.Wait()
				if got := l.Locked(); got != want {
					t.Errorf("phase %d: Locked is %v, want %v", i, got, want)
				}
				time.Sleep(time.Second)
			}
			l.Unlock()
		})
	})
}

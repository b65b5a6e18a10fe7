package rlock_test

import (
	"testing"

	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/rlock"
)

// The cases of CPython's lock_tests.py for RLock, and weaknesses of CPython's own that are mended here.
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
	same("L16 test_state_after_timeout", locktest.StateAfterTimeout) // CPython's is for Lock only

	// Nested pairs work in any order that balances.
	t.Run("L18 test_reacquire", func(t *testing.T) {
		var r rlock.RLock
		r.Lock()
		r.Lock()
		r.Unlock()
		r.Lock()
		r.Unlock()
		r.Unlock()
		locktest.Usable(t, &r)
	})

	// Unlock without a lock is refused, at first and after balanced pairs.
	t.Run("L19 test_release_unacquired", func(t *testing.T) {
		var r rlock.RLock
		refused := func() {
			t.Helper()
			if p := proof.Recovered(r.Unlock); p != rlock.ErrNotOwner {
				t.Errorf("Unlock panicked with %v, want ErrNotOwner", p)
			}
		}
		refused()
		r.Lock()
		r.Lock()
		r.Unlock()
		r.Lock()
		r.Unlock()
		r.Unlock()
		refused()
	})

	// UnlockAll stands for the private _release_save.
	t.Run("L20 test_release_save_unacquired", func(t *testing.T) {
		var r rlock.RLock
		if p := proof.Recovered(func() { r.UnlockAll() }); p != rlock.ErrNotOwner {
			t.Errorf("UnlockAll panicked with %v, want ErrNotOwner", p)
		}
		locktest.Usable(t, &r)
	})

	t.Run("L21 test_recursion_count", func(t *testing.T) {
		var r rlock.RLock
		depth := func(mine, others int) {
			t.Helper()
			if got := r.Depth(); got != mine {
				t.Errorf("the depth is %d, want %d", got, mine)
			}
			locktest.Elsewhere(func() {
				if got := r.Depth(); got != others {
					t.Errorf("to another thread the depth is %d, want %d", got, others)
				}
			})
		}
		depth(0, 0)
		r.Lock()
		depth(1, 0)
		r.Lock()
		r.Lock()
		depth(3, 0)
		r.Unlock()
		depth(2, 0)
		r.Unlock()
		r.Unlock()
		depth(0, 0)

		held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			r.LockDepth(2)
			close(held)
			<-release
			r.UnlockAll()
		}()
		<-held
		depth(0, 0)
		close(release)
		<-done
	})

	// Release by another thread is refused while the owner lives.
	t.Run("L22 test_different_thread", func(t *testing.T) {
		var r rlock.RLock
		held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			r.Lock()
			close(held)
			<-release
			r.Unlock()
		}()
		<-held
		if p := proof.Recovered(r.Unlock); p != rlock.ErrNotOwner {
			t.Errorf("Unlock panicked with %v, want ErrNotOwner", p)
		}
		if !r.Locked() {
			t.Error("unlocked by another than its owner")
		}
		close(release)
		<-done
		locktest.Usable(t, &r)
	})

	t.Run("L23 test__is_owned", func(t *testing.T) {
		var r rlock.RLock
		owned := func(want bool) {
			t.Helper()
			if got := r.Owned(); got != want {
				t.Errorf("Owned is %v, want %v", got, want)
			}
			locktest.Elsewhere(func() {
				if r.Owned() {
					t.Error("Owned is true for another thread")
				}
			})
		}
		owned(false)
		r.Lock()
		owned(true)
		r.Lock()
		owned(true)
		r.Unlock()
		owned(true)
		r.Unlock()
		owned(false)
	})

	// Locked and Depth stand for what repr shows.
	t.Run("L24 test_repr_count", func(t *testing.T) {
		var r rlock.RLock
		shows := func(locked bool, depth int) {
			t.Helper()
			if r.Locked() != locked || r.Depth() != depth {
				t.Errorf("Locked is %v and Depth %d, want %v and %d", r.Locked(), r.Depth(), locked, depth)
			}
		}
		shows(false, 0)
		r.Lock()
		r.Lock()
		shows(true, 2)
		locktest.Elsewhere(func() { shows(true, 0) })
		r.UnlockAll()
		shows(false, 0)
		held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			r.Lock()
			close(held)
			<-release
			r.Unlock()
		}()
		<-held
		shows(true, 0)
		close(release)
		<-done
	})

	t.Run("L25 test_locked", func(t *testing.T) {
		var r rlock.RLock
		locked := func(want bool) {
			t.Helper()
			if got := r.Locked(); got != want {
				t.Errorf("Locked is %v, want %v", got, want)
			}
		}
		locked(false)
		r.Lock()
		locked(true)
		r.Lock()
		locked(true)
		r.Unlock()
		locked(true)
		r.Unlock()
		locked(false)
	})

	// CPython's locked() was wrong about other threads at first, which this case shows; it is its weakness W17, too.
	t.Run("L26 test_locked_with_2threads", func(t *testing.T) {
		var r rlock.RLock
		locktest.Elsewhere(r.Lock)
		if !r.Locked() {
			t.Error("Locked is false though a thread acquired it, and ended")
		}
	})
	t.Run("W17 locked in another thread", func(t *testing.T) {
		var r rlock.RLock
		held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			r.LockDepth(2)
			close(held)
			<-release
			r.UnlockAll()
		}()
		<-held
		if !r.Locked() {
			t.Error("Locked is false though another thread owns it")
		}
		close(release)
		<-done
		if r.Locked() {
			t.Error("Locked is true though its owner has released it")
		}
	})

	// Python has no public way to ask whether one holds a lock. Owned and Depth answer that, and a thread that would
	// wait for itself does not.
	t.Run("W07 who holds this", func(t *testing.T) {
		var r rlock.RLock
		r.Lock()
		if !r.Owned() || r.Depth() != 1 {
			t.Errorf("Owned is %v and Depth %d for the owner, want true and 1", r.Owned(), r.Depth())
		}
		r.Lock() // no deadlock
		r.UnlockAll()
		if r.Owned() {
			t.Error("Owned is true after the last release")
		}
	})
}

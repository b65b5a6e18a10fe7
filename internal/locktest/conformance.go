package locktest

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

// What follows are the cases that CPython's lock_tests.py has for every lock,
// written from their description. Where Go has no such thing, the comment says
// what stands for it.

// Constructor: one can be made and dropped.
func Constructor(_ *testing.T, newLock New) {
	_ = newLock()
	runtime.GC()
}

// Repr: a fresh lock says that it is unlocked. Locked stands for repr.
func Repr(t *testing.T, newLock New) {
	if newLock().Locked() {
		t.Error("a fresh lock is locked")
	}
}

// LockedRepr: a held lock says that it is locked, to every goroutine.
func LockedRepr(t *testing.T, newLock New) {
	l := newLock()
	l.Lock()
	if !l.Locked() {
		t.Error("a held lock says that it is free")
	}
	Elsewhere(func() {
		if !l.Locked() {
			t.Error("a held lock says to others that it is free")
		}
	})
	l.Unlock()
}

// AcquireDestroy: dropping a held lock is harmless.
func AcquireDestroy(_ *testing.T, newLock New) {
	newLock().Lock()
	runtime.GC()
}

// AcquireRelease: a plain pair works.
func AcquireRelease(t *testing.T, newLock New) {
	l := newLock()
	l.Lock()
	l.Unlock()
	Usable(t, l)
}

// TryAcquire: trying a free lock succeeds.
func TryAcquire(t *testing.T, newLock New) {
	l := newLock()
	if !l.TryLock() {
		t.Fatal("TryLock failed on a free lock")
	}
	l.Unlock()
}

// TryAcquireContended: trying a held lock on another goroutine fails.
func TryAcquireContended(t *testing.T, newLock New) {
	l := newLock()
	l.Lock()
	Elsewhere(func() {
		if l.TryLock() {
			t.Error("TryLock acquired a lock that is held")
		}
	})
	l.Unlock()
}

// AcquireContended: five goroutines wait until the holder unlocks, and then
// each gets its turn.
func AcquireContended(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		const goroutines = 5
		var (
			l     = newLock()
			count = 0
			wg    sync.WaitGroup
		)
		l.Lock()
		for range goroutines {
			wg.Go(func() {
				l.Lock()
				count++
				l.Unlock()
			})
		}
		synctest.Wait()
		if count != 0 {
			t.Errorf("%d goroutines acquired a lock that is held", count)
		}
		l.Unlock()
		wg.Wait()
		if count != goroutines {
			t.Errorf("%d goroutines acquired the lock, want %d", count, goroutines)
		}
	})
}

// With: the block form unlocks when the block ends, also when it raises. Go's
// is defer, and panic.
func With(t *testing.T, newLock New) {
	l := newLock()
	with := func(body func()) (raised any) {
		return proof.Recovered(func() {
			l.Lock()
			defer l.Unlock()
			body()
		})
	}
	held := func() {
		if !l.Locked() {
			t.Error("the lock is free inside the block")
		}
	}
	if raised := with(held); raised != nil {
		t.Errorf("the block raised %v", raised)
	}
	Usable(t, l)
	if raised := with(func() { held(); panic(errCause) }); raised != errCause {
		t.Errorf("the block raised %v, want what its body did", raised)
	}
	Usable(t, l)
}

// ThreadLeak: fifteen goroutines use the lock and leave nothing behind.
// synctest reports goroutines of the bubble that are left when its test
// returns, and goleak the others.
func ThreadLeak(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		var (
			l  = newLock()
			wg sync.WaitGroup
		)
		for range 15 {
			wg.Go(func() {
				for _, form := range slices.Concat(Patient(), Patient()) {
					if form.Lock(l) {
						l.Unlock()
					}
				}
			})
		}
		wg.Wait()
	})
}

// Timeout: what Python refuses (a try with a timeout, a negative one, one that
// is too long) cannot be written here, or is a try, or is long. A free lock
// does not wait, and a held one gives up after its time.
func Timeout(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		l := newLock()
		start := time.Now()
		for _, d := range []time.Duration{math.MinInt64, -100 * time.Second, 0, time.Second, math.MaxInt64} {
			if !l.LockTimeout(d) {
				t.Errorf("LockTimeout(%v) gave up on a free lock", d)
				continue
			}
			l.Unlock()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a free lock made its callers wait for %v", waited)
		}
		l.Lock()
		Elsewhere(func() {
			if l.LockTimeout(-100 * time.Second) {
				t.Error("a negative timeout acquired a lock that is held")
			}
			if waited := time.Since(start); waited != 0 {
				t.Errorf("a negative timeout waited for %v", waited)
			}
			if l.LockTimeout(500 * time.Millisecond) {
				t.Error("LockTimeout acquired a lock that is held")
			}
			if waited := time.Since(start); waited != 500*time.Millisecond {
				t.Errorf("LockTimeout(500ms) gave up after %v", waited)
			}
		})
		l.Unlock()
	})
}

// StateAfterTimeout: when one has given up and the holder unlocks, the lock is
// free and can be acquired.
func StateAfterTimeout(t *testing.T, newLock New) {
	synctest.Test(t, func(t *testing.T) {
		l := newLock()
		l.Lock()
		Elsewhere(func() {
			if l.LockTimeout(10 * time.Millisecond) {
				t.Error("LockTimeout acquired a lock that is held")
			}
		})
		l.Unlock()
		if l.Locked() {
			t.Error("the lock is locked although its holder unlocked it")
		}
		if !l.TryLock() {
			t.Fatal("the lock cannot be acquired although its holder unlocked it")
		}
		l.Unlock()
	})
}

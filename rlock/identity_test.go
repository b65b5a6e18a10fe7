package rlock_test

import (
	"iter"
	"math"
	"testing"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/locktest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/proof/cthread"
	"github.com/gothreading/threading/rlock"
)

// Every way to a level beyond math.MaxInt panics, and changes nothing.
func TestALevelBeyondMaxIntPanicsAndChangesNothing(t *testing.T) {
	var r rlock.RLock
	r.LockDepth(math.MaxInt)
	seen(t, &r, math.MaxInt)
	for name, f := range map[string]func(){
		"Lock":        r.Lock,
		"TryLock":     func() { r.TryLock() },
		"LockTimeout": func() { r.LockTimeout(math.MaxInt64) },
		"LockContext": func() { _ = r.LockContext(t.Context()) },
		"LockDepth":   func() { r.LockDepth(1) },
		"all of it":   func() { r.LockDepth(math.MaxInt) },
	} {
		if got := proof.Recovered(f); got != rlock.ErrOverflow {
			t.Errorf("%s panicked with %v, want ErrOverflow", name, got)
		}
		seen(t, &r, math.MaxInt)
	}
	r.Unlock()
	r.Lock()
	seen(t, &r, math.MaxInt)
	r.Unlock()
	r.Unlock()
	if got := proof.Recovered(func() { r.LockDepth(3) }); got != rlock.ErrOverflow {
		t.Errorf("LockDepth(3) panicked with %v, want ErrOverflow", got)
	}
	r.LockDepth(2)
	if depth := r.UnlockAll(); depth != math.MaxInt {
		t.Errorf("UnlockAll returned %d, want %d", depth, math.MaxInt)
	}
	locktest.Usable(t, &r)
}

// As documented: an iterator that is pulled is a goroutine of its own, and a
// stranger.
func TestAnIteratorThatIsPulledIsAStranger(t *testing.T) {
	var r rlock.RLock
	r.Lock()
	next, stop := iter.Pull(func(yield func(bool) bool) { yield(r.TryLock() || r.Owned()) })
	defer stop()
	if owned, _ := next(); owned {
		t.Error("the iterator owns what its caller has locked")
	}
	pushed := false
	for owned := range func(yield func(bool) bool) { yield(r.Owned()) } {
		pushed = owned
	}
	if !pushed {
		t.Error("an iterator that is ranged over runs in its caller, and owns what that has locked")
	}
	r.Unlock()
	locktest.Usable(t, &r)
}

// As documented: the runtime keeps a goroutine for a thread that C started, and
// gives it to the next one when that has ended; then the RLock that it left
// locked is the next one's. Nobody else owns it.
func TestAThreadOfCInheritsWhatTheLastLeftLocked(t *testing.T) {
	var (
		r             rlock.RLock
		ids           [2]uint64
		first, second bool
	)
	if !cthread.Run(func() { ids[0], first = goid.Get(), r.TryLock() }) {
		t.Skip("without cgo there are no threads of C")
	}
	if !first || !r.Locked() || r.Owned() {
		t.Fatalf("locked by the thread of C: %v, %v; owned here: %v", first, r.Locked(), r.Owned())
	}
	cthread.Run(func() { ids[1], second = goid.Get(), r.TryLock() })
	if second != (ids[0] == ids[1]) {
		t.Errorf("goroutine %d locked it, goroutine %d could lock it again: %v", ids[0], ids[1], second)
	}
	t.Logf("two threads of C, one after the other, ran on goroutines %d and %d", ids[0], ids[1])
}

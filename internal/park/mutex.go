package park

import "github.com/gothreading/threading/internal/explore"

// A Mutex is an Exclusive Gate as a lock: the mechanism of package lock, and the guard of primitives whose every
// operation needs their guard, where it beats sync.Mutex because it barges more freely. The zero value is unlocked.
type Mutex struct{ gate Gate }

// Lock acquires the Mutex.
func (m *Mutex) Lock() {
	if explore.On {
		explore.Point("lock")
	}
	if !m.gate.Swap(0, 1) {
		m.lockSlow()
	}
}

// lockSlow is apart, and kept apart, so that Lock is inlined where it is called; so is unlockSlow. It does not spin: a
// guard is held for next to no time.
//
//go:noinline
func (m *Mutex) lockSlow() {
	if !m.gate.TryAcquire(Exclusive, 1) {
		m.gate.wait(Exclusive, 1, Forever)
	}
}

// TryLock acquires the Mutex if that takes no waiting.
func (m *Mutex) TryLock() bool {
	return m.gate.Swap(0, 1) || m.gate.TryAcquire(Exclusive, 1)
}

// LockWithin acquires the Mutex unless the limit is reached first.
func (m *Mutex) LockWithin(limit Limit) bool { return m.gate.Acquire(Exclusive, 1, limit) }

// Unlock releases the Mutex.
func (m *Mutex) Unlock() {
	if explore.On {
		explore.Point("unlock")
	}
	if !m.gate.Swap(1, 0) {
		m.unlockSlow()
	}
}

//go:noinline
func (m *Mutex) unlockSlow() {
	if !m.gate.Free() {
		panic("park: Unlock of an unlocked Mutex")
	}
}

// TryUnlock releases the Mutex if it is locked.
func (m *Mutex) TryUnlock() bool { return m.gate.Swap(1, 0) || m.gate.Free() }

// Locked reports whether the Mutex is locked.
func (m *Mutex) Locked() bool { return m.gate.Locked() }

package park

import "github.com/gothreading/threading/internal/explore"

// A Mutex is an Exclusive Gate as a lock: the guard of primitives whose every operation needs their guard, where it beats
// sync.Mutex because it barges more freely. The zero value is unlocked.
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

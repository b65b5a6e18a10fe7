package shm

import (
	"math"
	"runtime"
	"unsafe"

	"github.com/gothreading/threading/internal/park"
)

// allSleepers is the count of a wake-up of all.
const allSleepers = math.MaxInt32

// A Mutex is a lock of processes: see owner for what it is between them. Among
// the goroutines of one process it is a park.Exclusive, which is taken first:
// so at most one goroutine of each process, and one of its threads, waits for
// the others, and the happens-before edges within the process are those of the
// gate, where the race detector sees them.
type Mutex struct {
	owner
	gate park.Exclusive
	seg  *segment
}

const ownerSize = int64(unsafe.Sizeof(ownerPage{}))

// NewMutex makes an unlocked Mutex.
func NewMutex() (*Mutex, error) { return create(KindMutex, ownerSize, false, 0, mutexOf) }

// AttachMutex returns the Mutex of a descriptor.
func AttachMutex(fd int) (*Mutex, error) {
	return attach(fd, KindMutex, func(uint64) int64 { return ownerSize }, mutexOf)
}

func mutexOf(s *segment) *Mutex {
	m := &Mutex{seg: s}
	m.bind((*ownerPage)(s.at(0)))
	return m
}

// bind makes m the Mutex whose word lies in shared memory.
func (m *Mutex) bind(page *ownerPage) {
	m.owner = newOwner(page)
	if m.mine() {
		m.gate.TryAcquire(1) // it was locked, and then this process had no way to it for a while
	}
}

// Descriptor returns the file of the Mutex.
func (m *Mutex) Descriptor() int { return m.seg.fd }

// Lock locks m, and reports false if l was over first.
func (m *Mutex) Lock(l *Limit) bool {
	if !m.gate.Swap(0, 1) && !m.gate.Acquire(1, l.local()) {
		return false
	}
	taken := m.take() || m.acquire(l)
	if !taken {
		m.gate.Free()
	}
	runtime.KeepAlive(m)
	return taken
}

// TryLock locks m if it is free, or if the process died that held it.
func (m *Mutex) TryLock() bool {
	if !m.gate.TryAcquire(1) {
		return false
	}
	taken := m.try()
	if !taken {
		m.gate.Free()
	}
	runtime.KeepAlive(m)
	return taken
}

// Unlock unlocks m. It reports false, and does nothing, if this process does
// not hold it.
func (m *Mutex) Unlock() bool {
	released := m.release() && m.gate.Free()
	runtime.KeepAlive(m)
	return released
}

// Locked reports whether a living process holds m.
func (m *Mutex) Locked() bool {
	held := m.held()
	runtime.KeepAlive(m)
	return held
}

// Held reports whether this process holds m.
func (m *Mutex) Held() bool {
	mine := m.mine()
	runtime.KeepAlive(m)
	return mine
}

// Abandoned reports whether this process holds m, and the one before it died
// holding it.
func (m *Mutex) Abandoned() bool {
	abandoned := m.abandoned()
	runtime.KeepAlive(m)
	return abandoned
}

//go:build threadingexplore

package explore

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/goid"
)

// On reports whether the build tag threadingexplore is set.
const On = true

// LastResort is the limit of a wait that should end otherwise.
const LastResort = 1000 * Tick

// Tick is by how much time passes when the scheduler lets it.
const Tick = time.Millisecond

// current is the scheduler of the present run.
var current atomic.Pointer[scheduler]

// Point is a place where a schedule may switch.
func Point(name string) { stop(name, nil) }

// stop lets the scheduler decide when the calling goroutine goes on, which must
// not be before may returns true.
func stop(name string, may func() bool) {
	if s := current.Load(); s != nil && goid.Own() != s.root {
		s.stop(name, may)
	}
}

// A Mutex guards the state of a primitive. While a schedule runs no goroutine
// ever waits in it: one that wants it is let go on when it is free.
type Mutex struct{ mutex sync.Mutex }

// Lock acquires the Mutex. It is a Point.
func (m *Mutex) Lock() {
	stop("guard", m.free)
	m.mutex.Lock()
}

// TryLock acquires the Mutex if it is free, and reports whether it did. It is a
// Point.
func (m *Mutex) TryLock() bool {
	stop("try guard", nil)
	return m.mutex.TryLock()
}

// Unlock releases the Mutex.
func (m *Mutex) Unlock() { m.mutex.Unlock() }

func (m *Mutex) free() bool {
	if m.mutex.TryLock() {
		m.mutex.Unlock()
		return true
	}
	return false
}

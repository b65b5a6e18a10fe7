package shm

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Semaphore is a number of permits, which have no holder.
//
//	    32         31      30       0
//	|reserved|  waiting  |  value  |
//
// Taking free permits and releasing some are one compare-and-swap each. A
// process that must wait first needs the turn, a Mutex. So at most one process
// sleeps on the word, a release wakes that one, and the fairness among the
// waiters is that of the Mutex. When the process with the turn has waited for a
// millisecond it reserves what is there and what comes: from then on no process
// takes anything without the turn.
//
// # Deaths
//
// Permits come and go in one step. The turn of a dead process goes to the next,
// which looks at the word before it sleeps. Both marks may be left behind:
// waiting costs a wake-up without a sleeper; reserved sends the next ones to
// the turn, and the first that has it removes the mark with the permits it
// takes. If a process is killed after a release, and before it has woken the
// sleeper, the death is announced, and the sleeper looks.
type Semaphore struct {
	word *atomic.Uint64
	turn Mutex
	edge edge
	seg  *segment
}

type semaphorePage struct {
	word atomic.Uint64
	_    [56]byte
	turn ownerPage
}

const (
	semaphoreSize = int64(unsafe.Sizeof(semaphorePage{}))

	valueMask         = 1<<31 - 1
	semaphoreWaiting  = 1 << 31
	semaphoreReserved = 1 << 32

	// MaxPermits is the largest value of a Semaphore.
	MaxPermits = valueMask
)

// NewSemaphore makes a Semaphore with n permits.
func NewSemaphore(value int) (*Semaphore, error) {
	s, err := create(KindSemaphore, semaphoreSize, false, 0, semaphoreOf)
	if err == nil {
		s.word.Store(uint64(value))
	}
	return s, err
}

// AttachSemaphore returns the Semaphore of a descriptor.
func AttachSemaphore(fd int) (*Semaphore, error) {
	return attach(fd, KindSemaphore, func(uint64) int64 { return semaphoreSize }, semaphoreOf)
}

func semaphoreOf(seg *segment) *Semaphore {
	page := (*semaphorePage)(seg.at(0))
	s := &Semaphore{word: &page.word, seg: seg}
	s.turn.bind(&page.turn)
	return s
}

// Descriptor returns the file of the Semaphore.
func (s *Semaphore) Descriptor() int { return s.seg.fd }

// TryAcquire takes n permits if they are free and not reserved.
func (s *Semaphore) TryAcquire(n int) bool {
	taken, reserved := s.take(uint64(n))
	if reserved && s.turn.TryLock() { // by a process that has died, or has just had its turn
		for old := s.word.Load(); !taken && old&valueMask >= uint64(n); old = s.word.Load() {
			taken = s.takeReserved(old, uint64(n))
		}
		s.turn.Unlock()
	}
	if taken {
		s.edge.acquire()
	}
	runtime.KeepAlive(s)
	return taken
}

// take takes n permits unless they are reserved.
func (s *Semaphore) take(n uint64) (taken, reserved bool) {
	for {
		old := s.word.Load()
		switch {
		case old&valueMask < n:
			return false, false
		case old&semaphoreReserved != 0:
			return false, true
		case s.word.CompareAndSwap(old, old-n):
			return true, false
		}
	}
}

// takeReserved takes n permits from a value that was looked at. It needs the
// turn.
func (s *Semaphore) takeReserved(old, n uint64) bool {
	return old&valueMask >= n && s.word.CompareAndSwap(old, old&valueMask-n)
}

// Acquire takes n permits as soon as it can, and reports false if l was over
// first.
func (s *Semaphore) Acquire(n int, l *Limit) bool {
	taken, _ := s.take(uint64(n))
	if !taken && s.turn.Lock(l) {
		taken = s.await(uint64(n), l)
		s.turn.Unlock()
	}
	if taken {
		s.edge.acquire()
	}
	runtime.KeepAlive(s)
	return taken
}

// await is Acquire for the process that has the turn.
func (s *Semaphore) await(n uint64, l *Limit) bool {
	var (
		sleep nap
		since time.Duration
	)
	for {
		seen := kin.deaths()
		old := s.word.Load()
		switch {
		case s.takeReserved(old, n):
			point("semaphore: taken after a wait")
			return true
		case old&valueMask >= n:
			continue
		case l.over():
			if s.word.CompareAndSwap(old, old&valueMask) {
				point("semaphore: given up")
				return false
			}
			continue
		case since != 0 && now()-since >= patience && old&semaphoreReserved == 0:
			s.word.CompareAndSwap(old, old|semaphoreReserved)
			point("semaphore: reserved")
			continue
		case old&semaphoreWaiting == 0:
			s.word.CompareAndSwap(old, old|semaphoreWaiting)
			point("semaphore: waiting")
			continue
		}
		if since == 0 {
			since = now()
		}
		sleep.sleep(half(s.word), uint32(old), seen, l)
	}
}

// Release adds n permits. It reports false, and does nothing, if there would be
// more than MaxPermits.
func (s *Semaphore) Release(n int) (ok bool) {
	s.edge.release()
	for {
		old := s.word.Load()
		if uint64(n) > valueMask-old&valueMask {
			break
		}
		point("semaphore: about to release")
		if ok = s.word.CompareAndSwap(old, old&^semaphoreWaiting+uint64(n)); !ok {
			continue
		}
		point("semaphore: released")
		if old&semaphoreWaiting != 0 {
			futexWake(half(s.word), 1)
			point("semaphore: woken")
		}
		break
	}
	runtime.KeepAlive(s)
	return ok
}

// Value returns how many permits there are.
func (s *Semaphore) Value() int {
	value := int(s.word.Load() & valueMask)
	runtime.KeepAlive(s)
	return value
}

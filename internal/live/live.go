// Package live knows what keeps thread.Main waiting: threads and timers that
// are not daemons, and pools that have work. A pending timer has no goroutine,
// and the work of a pool is not its workers, so each registers itself.
package live

import (
	"sync"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/park"
)

// A Work is something that Main waits for as long as it is busy.
type Work interface {
	// Busy returns a Latch that is opened when what there is to do now has
	// been done, or nil if there is nothing to do. begun counts how often there
	// came to be something to do: whoever is idle now, and was with the same
	// begun before, has been idle in between. It is called without any guard of
	// this package.
	Busy() (done *park.Latch, begun uint64)
}

// An Entry is the registration of a Work, which has it as a field. The zero
// Entry is none.
type Entry struct {
	work       Work
	bubble     uint64
	next, prev *Entry
}

var (
	guard   sync.Mutex
	entries Entry  // before the first and behind the last, of a ring in the order of Add
	changes uint64 // of the ring
)

func init() { entries.next, entries.prev = &entries, &entries }

// Add makes Wait wait for w whenever it is busy. now is the present time: if it
// was read inside a testing/synctest bubble, w belongs to the bubble of the
// calling goroutine, and otherwise to the outside.
//
// Whoever is busy only at times may stay registered in between, and has to be
// registered before it is busy.
func (e *Entry) Add(w Work, now time.Time) {
	bubble := bubbleAt(now)
	guard.Lock()
	defer guard.Unlock()
	e.work, e.bubble = w, bubble
	e.next, e.prev = &entries, entries.prev
	e.prev.next, entries.prev = e, e
	changes++
}

// Remove undoes Add. Of an Entry that is not registered it does nothing.
func (e *Entry) Remove() {
	guard.Lock()
	defer guard.Unlock()
	if e.next == nil {
		return
	}
	e.prev.next, e.next.prev = e.next, e.prev
	*e = Entry{}
	changes++
}

// Wait waits until nothing that belongs where the calling goroutine does, to
// its bubble or to the outside, is busy, except self, which may be nil. What
// becomes busy meanwhile is waited for, too.
//
// A bubble's own is told apart because a goroutine in a bubble must not be
// woken from outside of it.
func Wait(self *Entry) {
	bubble := bubbleAt(time.Now())
	var idle state
	for {
		s, waited := look(bubble, self)
		// Work that was idle when it was asked can have been given something by
		// work that was asked later. Not so if the next look finds the same:
		// then there was an instant between the two at which nothing was busy.
		if s.works == 0 || !waited && s == idle {
			return
		}
		idle = s
	}
}

// A state is what changes whenever any Work becomes busy.
type state struct {
	works          int
	changes, begun uint64
}

// look waits for each Work that is busy, one after the other.
func look(bubble uint64, self *Entry) (s state, waited bool) {
	works, changes := snapshot(bubble, self)
	s = state{works: len(works), changes: changes}
	for _, w := range works {
		done, begun := w.Busy()
		if done != nil {
			done.Wait()
			waited = true
		}
		s.begun += begun
	}
	return s, waited
}

func snapshot(bubble uint64, self *Entry) (works []Work, n uint64) {
	guard.Lock()
	defer guard.Unlock()
	for e := entries.next; e != &entries; e = e.next {
		if e.bubble == bubble && e != self {
			works = append(works, e.work)
		}
	}
	return works, changes
}

// bubbleAt returns the number of the bubble of the calling goroutine, or 0 if
// it is in none. Only the goroutine's description tells it, which takes a
// microsecond or two; so the description is asked for only if now has no
// monotonic reading, as times in a bubble have none. If that ceases to be so,
// TestMainInTwoBubblesAtOnce fails, and the description has to be asked for
// each time, or whatever tells a bubble then.
func bubbleAt(now time.Time) uint64 {
	if now != now.Round(0) {
		return 0
	}
	return goid.Bubble()
}

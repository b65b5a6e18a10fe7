// Package live knows what keeps thread.Main waiting: the threads and timers that are running and are not daemons. A
// pending timer has no goroutine and is in no list of threads, so it is each thing's end that is registered.
//
// Everybody waits on the ends themselves, one after the other, never on something shared by all: things that live in
// different synctest bubbles must not wake each other's waiters.
package live

import (
	"container/list"
	"sync"

	"github.com/gothreading/threading/internal/park"
)

var (
	guard sync.Mutex
	ends  list.List // of *park.Latch, in the order of Add
)

// A Stay is the registration of one end.
type Stay struct{ place *list.Element }

// Add makes Wait wait for end, from now on.
func Add(end *park.Latch) Stay {
	guard.Lock()
	defer guard.Unlock()
	return Stay{ends.PushBack(end)}
}

// Remove undoes Add. It must be called before the end is opened: somebody in Wait looks for what is left as soon as he
// is woken. The zero Stay is nothing to remove.
func (s Stay) Remove() {
	if s.place == nil {
		return
	}
	guard.Lock()
	defer guard.Unlock()
	ends.Remove(s.place)
}

// Wait waits until nothing is registered but self, which may be nil: also for what is added meanwhile.
func Wait(self *park.Latch) {
	for {
		others := snapshot(self)
		if len(others) == 0 {
			return
		}
		for _, end := range others {
			end.Wait()
		}
	}
}

func snapshot(self *park.Latch) []*park.Latch {
	guard.Lock()
	defer guard.Unlock()
	var others []*park.Latch
	for e := ends.Front(); e != nil; e = e.Next() {
		if end := e.Value.(*park.Latch); end != self {
			others = append(others, end)
		}
	}
	return others
}

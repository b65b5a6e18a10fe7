package shm

import (
	"runtime"
	"sync/atomic"

	"github.com/gothreading/threading/internal/park"
)

// A station is the goroutines of this process that wait for words of one object
// to change. One of them, the leader, sleeps in the kernel, on the bell that is
// rung after such a change; the others are parked, and the leader wakes those
// whose word has changed. When the leader has what it waits for, another takes
// its place. So a process has one thread asleep for an object however many of
// its goroutines wait, and a goroutine that waits alone is woken directly.
//
// A goroutine of its own that sleeps for all was measured, and costs each
// wake-up 3.5 microseconds more on one core, and 20 on two that are idle: the
// runtime finds out late that its thread sleeps in the kernel while others
// could run.
//
// Nothing here is shared, so no death matters here. What the leader must not
// miss is a change between its look and its sleep: it reads the bell first, and
// looks then. A follower looks once more when it is listed, and from then on
// the leader, or the next one, looks for it.
type station struct {
	bell *atomic.Uint32
	look func() // clears up when a process has died, or nothing was heard for long

	guard  park.Guard
	led    bool
	list   park.List[seat]
	looked uint32 // the deaths that look has seen; of the leader
	news   bool   // look was called at all
}

// A seat is what a follower waits for: word is not seen any more.
type seat struct {
	word *atomic.Uint64
	seen uint64
}

func (s *seat) over() bool { return s.word.Load() != s.seen }

var seats park.Pool[seat]

// wait waits until word is not seen any more, and reports false if l was over
// first, by what it looked like then.
func (s *station) wait(word *atomic.Uint64, seen uint64, l *Limit) bool {
	me := seat{word, seen}
	if me.over() {
		return true
	}
	if !s.follows(&me, l) {
		return s.lead(&me, l)
	}
	return me.over()
}

// follows waits for me as a follower. It reports false if there is no leader,
// so that the caller is the leader now.
func (s *station) follows(me *seat, l *Limit) bool {
	if s.claim() {
		return false
	}
	w := seats.Get(l.local())
	defer seats.Put(w)
	s.guard.Lock()
	switch {
	case !s.led:
		s.led = true
		s.guard.Unlock()
		return false
	case me.over():
		s.guard.Unlock()
		return true
	}
	w.Value = *me
	s.list.PushBack(w)
	return w.Sleep(&s.guard) != park.Retry
}

// claim makes the caller the leader if there is none.
func (s *station) claim() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.led {
		return false
	}
	s.led = true
	return true
}

// lead is what the leader does until its own word has changed, or l is over.
func (s *station) lead(me *seat, l *Limit) bool {
	defer s.resign()
	var n nap
	for sliced := false; ; {
		rung, seen := s.bell.Load(), kin.deaths()
		if s.look != nil && (!s.news || s.looked != seen || sliced) {
			s.look()
			s.looked, s.news = seen, true
		}
		woken := s.wake()
		switch {
		case me.over():
			return true
		case l.over():
			return false
		case woken:
			runtime.Gosched() // else they wait for this processor until the runtime has noticed that its thread sleeps
			sliced = false
			continue
		}
		n.sleep(s.bell, rung, seen, l)
		sliced = s.bell.Load() == rung
	}
}

// wake wakes the followers whose word has changed.
func (s *station) wake() (any bool) {
	var woken park.Chain[seat]
	s.guard.Lock()
	for w := s.list.Front(); w != nil; {
		next := s.list.Next(w)
		if w.Value.over() {
			s.list.Remove(w)
			woken.Add(w)
			any = true
		}
		w = next
	}
	s.guard.Unlock()
	woken.Wake(park.Granted)
	return any
}

// resign makes the first follower the leader, if there is one.
func (s *station) resign() {
	s.guard.Lock()
	w := s.list.Front()
	if w == nil {
		s.led = false
		s.guard.Unlock()
		return
	}
	s.list.Remove(w)
	s.guard.Unlock()
	w.Wake(park.Retry)
}

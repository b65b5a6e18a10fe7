package shm

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Sleepers is how a process sleeps where futex_waitv is missing or forbidden:
// on one word only. Then a death, and the end of a context, must come as a
// wake-up of that word. A waiter that has looked and does not sleep yet misses
// it; so it is repeated until all have heard. Those that sleep on the same word
// for another reason look, and sleep again.
type sleepers struct {
	guard    sync.Mutex
	all      map[*sleeper]struct{}
	watching bool // a goroutine waits for deaths
	calling  bool // a goroutine repeats wake-ups
}

// A sleeper is a goroutine that sleeps, or is about to.
type sleeper struct {
	word *atomic.Uint32
	seen uint32 // the deaths it knows of
	l    *Limit
}

// called reports whether there is something that it must not sleep through.
func (s *sleeper) called(f *family) bool {
	return f.deaths() != s.seen || s.l != nil && s.l.ended.Load() != 0
}

func (s *sleepers) sleep(f *family, me *sleeper, value uint32, deadline time.Duration) {
	s.guard.Lock()
	if s.all == nil {
		s.all = make(map[*sleeper]struct{})
	}
	s.all[me] = struct{}{}
	if !s.watching {
		s.watching = true
		go s.watch(f)
	}
	s.guard.Unlock()
	if !me.called(f) {
		sleepOnOne(me.word, value, deadline)
	}
	s.guard.Lock()
	delete(s.all, me)
	s.guard.Unlock()
}

// patrol is how often watch looks whether there are sleepers at all.
const patrol = 50 * time.Millisecond

// watch waits for deaths while there are sleepers.
func (s *sleepers) watch(f *family) {
	for {
		s.guard.Lock()
		if len(s.all) == 0 {
			s.watching = false
			s.guard.Unlock()
			return
		}
		s.guard.Unlock()
		seen := f.deaths()
		s.call(f)
		sleepOnOne(&f.page.deaths, seen, now()+patrol)
	}
}

// call wakes the sleepers that are called, again and again until all have
// heard.
func (s *sleepers) call(f *family) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.calling {
		return
	}
	s.calling = true
	defer func() { s.calling = false }()
	for s.wake(f) {
		s.guard.Unlock()
		time.Sleep(time.Millisecond)
		s.guard.Lock()
	}
}

// wake wakes the sleepers that are called, with the guard held, and reports
// whether there were any.
func (s *sleepers) wake(f *family) (any bool) {
	for one := range s.all {
		if one.called(f) {
			futexWake(one.word, math.MaxInt32)
			any = true
		}
	}
	return any
}

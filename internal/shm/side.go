package shm

import (
	"sync/atomic"
	"time"
)

// A side is the waiters of a guarded object that want the same: the getters, or
// the putters. A waiter needs the turn first, a Mutex; so only one process at a
// time sleeps here, and one wake-up is enough whatever has become possible: a
// process that has had the turn passes it on by unlocking it, and the next one
// looks for itself before it sleeps. So no wake-up can go to the wrong waiter,
// to one that gives up, or to one that is killed: the turn of a dead process
// goes to the next.
//
// The fairness among the waiters is that of a Mutex. A newcomer may be faster
// than a waiter that was just woken. When that has waited for a millisecond it
// reserves what comes, and then no process is served without the turn.
type side struct {
	turn Mutex
	page *sidePage
}

// A sidePage changes under the guard. It is about the sleepers, not about the
// state of the object: after a kill it may be out of date.
type sidePage struct {
	turn     ownerPage
	bell     atomic.Uint32
	asleep   atomic.Uint32 // a process sleeps until the bell rings
	reserved atomic.Uint32 // for the process that has the turn
	_        [36]byte
}

func (s *side) bind(page *sidePage) {
	s.page = page
	s.turn.bind(&page.turn)
}

// stir notes, under the guard, that there is something for this side, and
// reports whether wake must follow without it.
func (s *side) stir() bool {
	if s.page.asleep.Load() == 0 {
		return false
	}
	s.page.asleep.Store(0)
	point("side: somebody was asleep")
	s.page.bell.Add(1)
	point("side: rung")
	return true
}

func (s *side) wake() {
	futexWake(&s.page.bell, 1)
	point("side: woken")
}

// open reports, under the guard, whether newcomers are served.
func (s *side) open() bool { return s.page.reserved.Load() == 0 }

// A request is what a process wants of the object and could not have at once.
type request interface {
	// try does it if that is possible, with the guard held. quiet is that
	// nothing was heard since the last time.
	try(quiet bool) bool
	// follow is what is to be done without the guard when it was.
	follow()
}

// now serves a request, if that is possible, although what is there is
// reserved: by a process that has died, or has just had its turn.
func (s *side) now(g *guarded, r request) bool {
	if !s.turn.TryLock() {
		return false
	}
	g.enter()
	s.page.reserved.Store(0)
	done := r.try(false)
	g.leave()
	s.turn.Unlock()
	if done {
		r.follow()
	}
	return done
}

// await serves a request as soon as it can, and reports false if l was over
// first.
func (s *side) await(g *guarded, r request, l *Limit) bool {
	if !s.turn.Lock(l) {
		return false
	}
	done := s.wait(g, r, l)
	s.turn.Unlock()
	if done {
		r.follow()
	}
	return done
}

// wait is await for the process that has the turn. What is to follow is left to
// do.
func (s *side) wait(g *guarded, r request, l *Limit) bool {
	var (
		sleep nap
		since time.Duration
	)
	for quiet := false; ; {
		seen := kin.deaths()
		g.enter()
		if done := r.try(quiet); done || l.over() {
			s.page.reserved.Store(0)
			point("side: turn is over")
			g.leave()
			return done
		}
		if since == 0 {
			since = now()
		} else if now()-since >= patience {
			s.page.reserved.Store(1)
			point("side: reserved")
		}
		s.page.asleep.Store(1)
		point("side: asleep")
		rung := s.page.bell.Load()
		g.leave()
		sleep.sleep(&s.page.bell, rung, seen, l)
		quiet = s.page.bell.Load() == rung
	}
}

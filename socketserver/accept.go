package socketserver

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
	"github.com/gothreading/threading/internal/park"
)

// The pauses where something has run out.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
)

// next returns a task that was entered, and has a place.
func (s *service) next(base context.Context, limit netwait.Limit) (task, error) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		t, err := s.nextOnce(base, limit)
		switch {
		case !isForNow(err):
			return t, err
		case isGone(err):
			pause = shortestPause / 2
			continue
		}
		s.onError(nil, err)
		soon, release := limit.Within(pause)
		left, ok := soon.Park()
		closed := ok && s.closing.WaitLimit(left)
		release()
		if !closed && limit.Reached() {
			return nil, errGaveUp
		}
	}
}

func (s *service) nextOnce(base context.Context, limit netwait.Limit) (t task, err error) {
	if !s.turn.TryAcquire(1) {
		left, ok := limit.Park()
		if !ok || !s.turn.Acquire(1, left) {
			return nil, s.orClosed(errGaveUp)
		}
	}
	defer s.turn.Free()
	if err := s.takePlace(limit); err != nil {
		return nil, err
	}
	entered := false
	defer func() {
		if !entered {
			s.givePlace()
		}
	}()
	t, err = s.input.wait(limit)
	if err != nil {
		if !limit.IsForever() && netwait.GaveUp(err) {
			err = errGaveUp
		}
		return nil, s.orClosed(err)
	}
	entered = s.enter(t, base)
	return s.unlessRefused(t, entered)
}

// tryNext is next, and does not wait.
func (s *service) tryNext() (task, error) {
	t, err := s.tryOnce()
	switch {
	case isForNow(err):
		if !isGone(err) {
			s.onError(nil, err)
		}
		return nil, ErrTimeout
	case err == nonblock.ErrWouldBlock:
		return nil, ErrTimeout
	}
	return t, err
}

func (s *service) tryOnce() (t task, err error) {
	if s.isClosed() {
		return nil, ErrClosed
	}
	if !s.turn.TryAcquire(1) {
		return nil, nonblock.ErrWouldBlock
	}
	defer s.turn.Free()
	if !s.tryPlace() {
		return nil, s.orClosed(nonblock.ErrWouldBlock)
	}
	entered := false
	defer func() {
		if !entered {
			s.givePlace()
		}
	}()
	t, err = s.input.try()
	if err != nil {
		return nil, s.orClosed(err)
	}
	entered = s.enter(t, context.Background())
	return s.unlessRefused(t, entered)
}

// unlessRefused drops a task that came when the server had been closed.
func (s *service) unlessRefused(t task, entered bool) (task, error) {
	if entered {
		return t, nil
	}
	t.cut()
	return nil, ErrClosed
}

// takePlace takes a place among the handlers. Only whoever has the turn waits for one.
func (s *service) takePlace(limit netwait.Limit) error {
	for !s.tryPlace() {
		left, ok := limit.Park()
		if !ok {
			return s.orClosed(errGaveUp)
		}
		w := waiters.Get(left)
		s.guard.Lock()
		if s.closed || s.places > 0 {
			s.guard.Unlock()
		} else {
			s.place.PushBack(w)
			ok = w.Sleep(&s.guard) == park.Retry
		}
		waiters.Put(w)
		if s.isClosed() {
			return ErrClosed
		}
		if !ok {
			return errGaveUp
		}
	}
	return nil
}

var waiters park.Pool[struct{}]

func (s *service) tryPlace() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.closed || s.places == 0 {
		return false
	}
	s.places--
	return true
}

func (s *service) givePlace() {
	s.guard.Lock()
	w := s.freePlace()
	s.guard.Unlock()
	if w != nil {
		w.Wake(park.Retry)
	}
}

// freePlace gives a place back, under the guard, and returns whoever waits for it and is to be woken.
func (s *service) freePlace() *park.Waiter[struct{}] {
	s.places++
	return s.takeWaiter()
}

func (s *service) takeWaiter() *park.Waiter[struct{}] {
	w := s.place.Front()
	if w != nil {
		s.place.Remove(w)
	}
	return w
}

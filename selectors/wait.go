package selectors

import (
	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
)

// # How a Select waits
//
// Only one goroutine at a time can wait for a descriptor in the netpoller, and only one deadline can be set there. So
// those who Select take turns: whoever has the turn waits in the netpoller, with its own deadline; the others wait for the
// turn, each with its own limit. When the first is woken it takes what is ready and passes the turn on, and the next one
// looks before it waits. Therefore nothing that is ready is left lying while somebody waits.
//
// What the kernel reports is compared with what is registered, under the guard, and then with what is open, without it:
// for that the files themselves are asked. Three kinds of reports are no news:
//
//   - Of a file that was closed. The kernel forgets a file when its last descriptor is closed. Until then, because of a
//     duplicate or of a read that still ends, it goes on to report under the token of that registration; and it can only
//     be told to stop by the number of a descriptor that is closed. The token tells such a report from one of another
//     file that has got the number meanwhile.
//   - Of a registration that is gone, likewise.
//   - Of an error, or of the end of both directions, where only Except is wanted. The kernel reports those whether they
//     are wanted or not, and as long as they last.
//
// The last one is muted: watched for changes only, until something exceptional is reported. The others would be
// reported for as long as the epoll exists. So whoever has the turn next, and nobody can be waiting in it then, replaces it
// by a new one; see rebuild.

// A harvest is what the kernel has reported.
type harvest[D any] struct {
	ready []Ready[D]
	mute  []muting[D]
	stale bool // something is not registered any more
}

// A muting is whether a registration is to be muted.
type muting[D any] struct {
	of    *registration[D]
	muted bool
}

func (s *Selector[D]) selectUntil(limit netwait.Limit) ([]Ready[D], error) {
	for {
		got, err := s.wait(limit)
		if err != nil {
			return nil, err
		}
		for _, m := range got.mute {
			s.mute(m)
		}
		if ready := s.thoseOpen(got.ready); len(ready) > 0 {
			return ready, nil
		}
	}
}

// wait takes the turn and returns what is ready, or what is to be done about the epoll.
func (s *Selector[D]) wait(limit netwait.Limit) (got harvest[D], err error) {
	if !s.turn.TryAcquire(1) {
		left, ok := limit.Park()
		if !ok || !s.turn.Acquire(1, left) {
			return got, s.orClosed(errGaveUp)
		}
	}
	defer s.turn.Free()
	defer func() { got, s.got = s.got, harvest[D]{} }()
	e := s.prepare()
	if e == nil {
		return got, ErrClosed
	}
	if limit.IsForever() {
		return got, s.explain(e.conn.Read(s.ask))
	}
	if err := e.conn.Control(s.askOnce); err != nil || s.worthwhile() {
		return got, s.explain(err)
	}
	return got, s.explain(limit.Do(e.file.SetReadDeadline, func() error { return e.conn.Read(s.ask) }))
}

// explain returns what an error of the netpoller means.
func (s *Selector[D]) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case netwait.GaveUp(err):
		return s.orClosed(errGaveUp)
	}
	return s.orClosed(err)
}

// askKernel asks what is ready, and reports whether a wait is over. Only the goroutine that has the
// turn calls it.
func (s *Selector[D]) askKernel(fd uintptr) bool {
	n := poll(fd, s.reports)
	if n == 0 {
		return false
	}
	s.got = s.collect(s.reports[:n])
	return s.worthwhile()
}

func (s *Selector[D]) worthwhile() bool {
	return len(s.got.ready) > 0 || len(s.got.mute) > 0 || s.got.stale && !s.tolerant
}

// look is wait, and does not wait: also not for the turn. If somebody else has it, that one waits, or is about to look
// too; both may see the same.
func (s *Selector[D]) look() ([]Ready[D], error) {
	if s.turn.TryAcquire(1) {
		defer s.turn.Free()
		defer func() { s.got = harvest[D]{} }()
		e := s.prepare()
		if e == nil {
			return nil, ErrClosed
		}
		err := e.conn.Control(s.askOnce)
		return s.got.ready, s.explain(err)
	}
	for {
		s.guard.Lock()
		e, room := s.epoll, len(s.files)+1
		s.guard.Unlock()
		if e == nil {
			return nil, ErrClosed
		}
		var got harvest[D]
		err := e.conn.Control(func(fd uintptr) {
			reports := make([]report, room)
			got = s.collect(reports[:poll(fd, reports)])
		})
		if err == nil {
			return got.ready, nil
		} // else it was closed, or has a successor
	}
}

// prepare sees to it that there is room for the reports of all files, and that the epoll is worth waiting for. It returns
// nil if the Selector is closed.
func (s *Selector[D]) prepare() *epoll {
	s.guard.Lock()
	stale := s.stale
	s.guard.Unlock()
	if stale {
		s.tolerant = !s.rebuild()
	}
	s.guard.Lock()
	defer s.guard.Unlock()
	if n := len(s.files) + 1; len(s.reports) < n {
		s.reports = make([]report, n+n/4)
	}
	return s.epoll
}

// collect finds out what reports mean.
func (s *Selector[D]) collect(reports []report) (got harvest[D]) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if n := len(reports) + len(s.due); n > 0 && s.epoll != nil {
		got.ready = make([]Ready[D], 0, n)
	}
	for i := range reports {
		token := token(&reports[i])
		if token == 0 {
			continue // the pipe: something is due
		}
		r := s.find(token)
		if r == nil {
			got.stale, s.stale = true, true
			continue
		}
		e := told(&reports[i]) & r.key.Events
		if e != 0 {
			got.ready = append(got.ready, Ready[D]{r.key, e})
		}
		if muted := e == 0 && r.key.Events&conditions == Except; muted != r.muted {
			got.mute = append(got.mute, muting[D]{r, muted})
		}
	}
	for r := range s.due {
		got.ready = append(got.ready, Ready[D]{r.key, r.key.Events & (Read | Write)})
		if r.key.Events&Edge != 0 {
			s.clearDue(r)
		}
	}
	return got
}

// thoseOpen drops what was closed.
func (s *Selector[D]) thoseOpen(ready []Ready[D]) []Ready[D] {
	open := ready[:0]
	for _, r := range ready {
		if r.Key.conn.Control(nothing) == nil {
			open = append(open, r)
			continue
		}
		s.guard.Lock()
		if closed := s.files[r.Key.File]; closed != nil && closed.always {
			s.clearDue(closed)
		} else {
			s.stale = true
		}
		s.guard.Unlock()
	}
	return open
}

func nothing(uintptr) {}

// mute mutes a registration, or ends that.
func (s *Selector[D]) mute(m muting[D]) {
	r := m.of
	_ = nonblock.Control(r.conn, func(fd int) error {
		s.guard.Lock()
		defer s.guard.Unlock()
		if s.epoll == nil || !s.registered(r) || r.key.Events&conditions != Except {
			return nil
		}
		r.muted = m.muted
		return s.control(modify, fd, r)
	})
}

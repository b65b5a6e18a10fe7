package selectors

import "github.com/gothreading/threading/internal/nonblock"

// A successor is an epoll that is to take the place of another. While the files are added to it, what happens to the
// other one happens to it too.
type successor struct {
	*epoll
	failed bool
}

// control does what was done to the other one. Something may not have been added yet, or have been added before.
func (n *successor) control(c change, fd int, events Event, token uint64) {
	err := n.epoll.control(c, fd, events, token)
	switch {
	case err == nil, c == remove, c == add && isTaken(err):
	case c == modify:
		n.control(add, fd, events, token)
	default:
		n.failed = true
	}
}

// rebuild replaces the epoll by one that watches only what is registered and open. The caller has the turn, so nobody
// waits in the old one; those who look without the turn find the new one when the old one is closed. If rebuild reports
// false there was no room for a second one, and nothing has changed.
//
// The files are asked for their descriptors without the guard, because their methods are not ours; so they may be
// registered, modified and unregistered meanwhile.
func (s *Selector[D]) rebuild() bool {
	e, err := newEpoll()
	if err != nil {
		return false
	}
	next := &successor{epoll: e}
	s.guard.Lock()
	s.next = next
	old := s.epoll
	if old != nil && len(s.due) > 0 {
		next.control(add, int(s.pipe.Fd()), Read, 0)
	}
	all := s.all()
	s.guard.Unlock()
	finished := false
	defer func() {
		s.guard.Lock()
		s.next = nil
		use := finished && !next.failed && s.epoll != nil
		if use {
			s.epoll, s.stale = e, false
		}
		s.guard.Unlock()
		if !use {
			old = e
		}
		_ = old.file.Close()
	}()
	for _, r := range all {
		if r.always {
			continue
		}
		_ = nonblock.Control(r.conn, func(fd int) error { // it fails if the file is closed, which is the point
			s.guard.Lock()
			defer s.guard.Unlock()
			if s.epoll != nil && s.registered(r) {
				next.control(add, fd, r.watched(), r.token)
			}
			return nil
		})
	}
	finished = true
	return !next.failed
}

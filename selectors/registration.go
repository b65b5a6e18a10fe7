package selectors

import (
	"slices"
	"syscall"
)

// A registration is what a Selector knows of one file.
type registration[D any] struct {
	key    *Key[D] // under the guard
	conn   syscall.RawConn
	token  uint64 // its place in watch, and the low bits of when, so that no two look alike
	when   uint64 // in the order of registration
	always bool   // the kernel refused to watch it
	muted  bool   // under the guard: see mute
}

// watched returns what the kernel is to watch for.
func (r *registration[D]) watched() Event {
	if r.muted {
		return Except | Edge
	}
	return r.key.Events
}

// add registers r, under the guard, and begins to watch its descriptor.
func (s *Selector[D]) add(r *registration[D], fd int) error {
	if s.epoll == nil {
		return ErrClosed
	}
	if s.files[r.key.File] != nil {
		return ErrRegistered
	}
	s.number(r)
	r.key.FD = fd
	switch err := s.control(add, fd, r); {
	case isTaken(err):
		return ErrRegistered
	case isAlwaysReady(err):
		r.always = true
		if err := s.setDue(r); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	s.free = s.free[:len(s.free)-1]
	s.watch[place(r.token)] = r
	s.files[r.key.File] = r
	return nil
}

// number gives r its token.
func (s *Selector[D]) number(r *registration[D]) {
	s.count++
	r.when = s.count
	if len(s.free) == 0 {
		s.free = append(s.free, uint32(len(s.watch)))
		s.watch = append(s.watch, nil)
	}
	at := s.free[len(s.free)-1] // and is still free until r is registered
	r.token = uint64(at) + 1 | s.count<<32
}

// place returns the place that a token names. The token of the pipe is 0 and names none.
func place(token uint64) uint32 { return uint32(token) - 1 }

// find returns, under the guard, the registration that a token names, nil if it is gone.
func (s *Selector[D]) find(token uint64) *registration[D] {
	if at := place(token); at < uint32(len(s.watch)) {
		if r := s.watch[at]; r != nil && r.token == token {
			return r
		}
	}
	return nil
}

// replace gives r another key, under the guard. With a descriptor below 0 it does so only if the kernel need not know,
// and reports whether that was enough.
func (s *Selector[D]) replace(r *registration[D], fd int, e Event, data D) (key *Key[D], done bool, err error) {
	if s.epoll == nil {
		return nil, false, ErrClosed
	}
	if !s.registered(r) {
		return nil, false, ErrNotRegistered
	}
	old := r.key
	key = &Key[D]{File: old.File, FD: old.FD, Events: e, Data: data, conn: r.conn}
	switch {
	case r.always:
		r.key = key
		if err = s.setDue(r); err != nil {
			r.key = old
		}
		return key, true, err
	case e == old.Events && e&Edge == 0:
		r.key = key
		return key, true, nil
	case fd < 0:
		return nil, false, nil
	}
	muted := r.muted
	r.key, r.muted = key, false
	if err = s.control(modify, fd, r); err != nil {
		r.key, r.muted = old, muted
	}
	return key, true, err
}

// forget ends the registration of r, if there is one, under the guard. What the kernel knows is another matter.
func (s *Selector[D]) forget(r *registration[D]) {
	if !s.registered(r) {
		return
	}
	s.clearDue(r)
	s.watch[place(r.token)] = nil
	s.free = append(s.free, place(r.token))
	delete(s.files, r.key.File)
}

// undo ends the registration of r if there is one, without the file's help. The kernel is told by the number of the
// descriptor; it may be closed, and belong to another file, to which that must not happen.
func (s *Selector[D]) undo(r *registration[D]) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if !s.registered(r) {
		return
	}
	s.forget(r)
	for _, other := range s.files {
		if other.key.FD == r.key.FD {
			s.stale = true
			return
		}
	}
	_ = s.control(remove, r.key.FD, r)
}

// registered reports whether r is, under the guard.
func (s *Selector[D]) registered(r *registration[D]) bool { return s.find(r.token) == r }

// control tells the kernel what to do with a descriptor, under the guard.
func (s *Selector[D]) control(c change, fd int, r *registration[D]) error {
	err := s.epoll.control(c, fd, r.watched(), r.token)
	if err == nil && s.next != nil {
		s.next.control(c, fd, r.watched(), r.token)
	}
	return err
}

// setDue makes what the kernel refused to watch be reported, under the guard: always, or with Edge once.
func (s *Selector[D]) setDue(r *registration[D]) error {
	if r.key.Events&(Read|Write) == 0 {
		s.clearDue(r)
		return nil
	}
	if len(s.due) == 0 {
		if err := s.watchPipe(add); err != nil {
			return err
		}
		s.due = make(map[*registration[D]]struct{})
	}
	s.due[r] = struct{}{}
	return nil
}

func (s *Selector[D]) clearDue(r *registration[D]) {
	if _, there := s.due[r]; !there {
		return
	}
	delete(s.due, r)
	if len(s.due) == 0 {
		_ = s.watchPipe(remove)
	}
}

// watchPipe begins or ends to watch the pipe that is always ready: it is what ends a wait that has begun when something
// becomes due that the kernel does not watch.
func (s *Selector[D]) watchPipe(c change) (err error) {
	if s.pipe == nil {
		if s.pipe, err = newAlwaysReady(); err != nil {
			return err
		}
	}
	fd := int(s.pipe.Fd())
	if err = s.epoll.control(c, fd, Read, 0); err == nil && s.next != nil {
		s.next.control(c, fd, Read, 0)
	}
	return err
}

// all returns all registrations, in order, under the guard.
func (s *Selector[D]) all() []*registration[D] {
	all := make([]*registration[D], 0, len(s.files))
	for _, r := range s.files {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *registration[D]) int {
		if a.when < b.when {
			return -1
		}
		return 1
	})
	return all
}

package selectors

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"reflect"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
	"github.com/gothreading/threading/internal/park"
)

// A Selector waits for any of many files to become ready. D is the type of the
// data that is kept with each file. Make a Selector with [New]; the zero value
// is a closed one. A Selector must not be copied.
//
// It is Python's DefaultSelector. Unlike that, it may be used by any number of
// goroutines: a Register, Modify or Unregister takes effect at once, also for a
// Select that has begun.
//
// Memory model: the Register or Modify that made a Key synchronizes before the
// return of a Select that reports it.
//
// Fairness: goroutines that call Select on one Selector take turns, as with a
// lock.Lock. All of them may be given the same file, since what is ready is ready
// for all; add [Edge] where one must have it alone.
//
// A Select that gives up leaves no trace, and loses no event.
//
// A Selector has a descriptor of its own, and takes a few hundred bytes per
// file. A waiting Select occupies a goroutine and no thread. A Select allocates
// only the slice that it returns.
type Selector[D any] struct {
	// turn is held by whoever may wait in the netpoller, of which only one goroutine at a time can; see wait.
	turn park.Exclusive

	guard park.Guard // of what follows
	epoll *epoll     // what the kernel watches; nil: closed
	next  *successor // while rebuild works
	stale bool       // the kernel watches what is not registered any more
	files map[any]*registration[D]
	watch []*registration[D]            // by the place that their tokens name; nil: free
	free  []uint32                      // places in watch
	count uint64                        // registrations ever
	due   map[*registration[D]]struct{} // of those that the kernel refused to watch, whoever is to be reported
	pipe  *os.File                      // ready for as long as one is due; nil: nobody was so far

	// Of whoever has the turn.
	reports  []report
	got      harvest[D]
	tolerant bool                  // the last rebuild failed
	ask      func(fd uintptr) bool // askKernel, as a value that is made once
	askOnce  func(fd uintptr)
}

// New returns a Selector without files. It returns [errors.ErrUnsupported] on
// systems other than Linux, and the system's error if there is no descriptor
// left.
func New[D any]() (*Selector[D], error) {
	e, err := newEpoll()
	if err != nil {
		return nil, fmt.Errorf("selectors: New: %w", err)
	}
	s := &Selector[D]{epoll: e, files: make(map[any]*registration[D])}
	s.ask = s.askKernel
	s.askOnce = func(fd uintptr) { s.askKernel(fd) }
	return s, nil
}

// Register adds a file and returns its Key, which Select will report. A Select
// that has begun waits for the file too.
//
// The file is anything with a method SyscallConn and a descriptor behind it: an
// [*os.File], or a connection, listener or packet connection of package net.
//
// Register returns [ErrRegistered] if the file or its descriptor is registered,
// [ErrNotSelectable] if the file has no descriptor, [ErrEvents], [ErrClosed], or
// the system's error if the file is closed or there is no room. Then nothing has
// changed.
func (s *Selector[D]) Register(file any, e Event, data D) (*Key[D], error) {
	conn, err := s.checkRegister(file, e)
	if err != nil {
		return nil, err
	}
	key := &Key[D]{File: file, Events: e, Data: data, conn: conn}
	r := &registration[D]{key: key, conn: conn}
	stays := false
	defer func() {
		if !stays {
			s.undo(r) // whatever it was: the file's methods are not ours, and may fail late, panic or exit
		}
	}()
	err = nonblock.Control(conn, func(fd int) error {
		s.guard.Lock()
		defer s.guard.Unlock()
		return s.add(r, fd)
	})
	if err != nil {
		return nil, failed("Register", file, err)
	}
	stays = true
	return key, nil
}

func (s *Selector[D]) checkRegister(file any, e Event) (syscall.RawConn, error) {
	switch old, err := s.lookup(file); {
	case err != nil:
		return nil, err
	case !e.valid():
		return nil, fmt.Errorf("%w: Register of a %T for %v", ErrEvents, file, e)
	case old != nil:
		return nil, failed("Register", file, ErrRegistered)
	}
	return rawConn("Register", file)
}

// Modify changes the events and the data of a file, and returns its new Key. The
// old Key stays as it is, and a Select that returns at the same time may still
// report it.
//
// Modify returns [ErrNotRegistered], [ErrEvents], [ErrClosed], or the system's
// error if the file is closed and the events are to change. Then nothing has
// changed.
func (s *Selector[D]) Modify(file any, e Event, data D) (*Key[D], error) {
	r, err := s.lookup(file)
	switch {
	case err != nil:
		return nil, err
	case !e.valid():
		return nil, fmt.Errorf("%w: Modify of a %T to %v", ErrEvents, file, e)
	case r == nil:
		return nil, failed("Modify", file, ErrNotRegistered)
	}
	s.guard.Lock()
	key, done, err := s.replace(r, -1, e, data)
	s.guard.Unlock()
	if !done && err == nil {
		err = nonblock.Control(r.conn, func(fd int) (err error) {
			s.guard.Lock()
			defer s.guard.Unlock()
			key, _, err = s.replace(r, fd, e, data)
			return err
		})
	}
	if err != nil {
		return nil, failed("Modify", file, err)
	}
	return key, nil
}

// Unregister removes a file, which may have been closed before. A Select that
// returns at the same time may still report it. Unregister returns
// [ErrNotRegistered] or [ErrClosed].
func (s *Selector[D]) Unregister(file any) error {
	r, err := s.lookup(file)
	if err != nil {
		return err
	}
	if r == nil {
		return failed("Unregister", file, ErrNotRegistered)
	}
	found := false
	drop := func(fd int) error {
		s.guard.Lock()
		defer s.guard.Unlock()
		if found = s.registered(r); found {
			if fd >= 0 && !r.always {
				_ = s.control(remove, fd, r)
			}
			s.forget(r)
		}
		return nil
	}
	if nonblock.Control(r.conn, drop) != nil {
		_ = drop(-1) // the file is closed, and the kernel has forgotten it, or will be found to have not
	}
	if !found {
		return failed("Unregister", file, s.orClosed(ErrNotRegistered))
	}
	return nil
}

// Get returns the Key of a file, and whether the file is registered. It is
// Python's get_key.
func (s *Selector[D]) Get(file any) (*Key[D], bool) {
	r, _ := s.lookup(file)
	if r == nil {
		return nil, false
	}
	s.guard.Lock()
	defer s.guard.Unlock()
	return r.key, s.registered(r)
}

// Keys returns an iterator over the Keys of all files, in the order of
// registration, as they were when the loop began. It is Python's get_map.
func (s *Selector[D]) Keys() iter.Seq[*Key[D]] {
	return func(yield func(*Key[D]) bool) {
		s.guard.Lock()
		all := s.all()
		keys := make([]*Key[D], len(all))
		for i, r := range all {
			keys[i] = r.key
		}
		s.guard.Unlock()
		for _, key := range keys {
			if !yield(key) {
				return
			}
		}
	}
}

// Len returns the number of files.
func (s *Selector[D]) Len() int {
	s.guard.Lock()
	defer s.guard.Unlock()
	return len(s.files)
}

// Select waits until a file is ready, and returns all files that are, in no
// particular order. Without files it waits until one is registered. The slice is
// the caller's.
func (s *Selector[D]) Select() ([]Ready[D], error) { return s.selectUntil(netwait.Forever) }

// TrySelect returns the files that are ready, and does not wait: the slice may
// be empty.
func (s *Selector[D]) TrySelect() ([]Ready[D], error) {
	ready, err := s.look()
	if err != nil {
		return nil, err
	}
	return s.thoseOpen(ready), nil
}

// SelectTimeout is like Select but waits at most d, and then returns an empty
// slice and no error. With d <= 0 it is TrySelect; a d of math.MaxInt64 is
// forever.
func (s *Selector[D]) SelectTimeout(d time.Duration) ([]Ready[D], error) {
	if d <= 0 {
		return s.TrySelect()
	}
	ready, err := s.selectUntil(netwait.After(d))
	if err == errGaveUp {
		return nil, nil
	}
	return ready, err
}

// SelectContext is like Select but gives up when ctx ends, and then returns
// [context.Cause] of ctx; so it does if ctx has ended before, also when a file is
// ready.
func (s *Selector[D]) SelectContext(ctx context.Context) ([]Ready[D], error) {
	if ctx.Err() != nil {
		return nil, s.orClosed(park.Cause(ctx))
	}
	ready, err := s.selectUntil(netwait.Until(ctx))
	if err == errGaveUp {
		return nil, park.Cause(ctx)
	}
	return ready, err
}

// Close ends the Selector. Every Select that waits returns [ErrClosed], and so
// does every later call, a second Close included. The files stay open.
func (s *Selector[D]) Close() error {
	s.guard.Lock()
	e, pipe := s.epoll, s.pipe
	s.epoll, s.files, s.watch, s.free, s.due, s.pipe = nil, nil, nil, nil, nil, nil
	s.guard.Unlock()
	if e == nil {
		return ErrClosed
	}
	if pipe != nil {
		_ = pipe.Close()
	}
	return e.file.Close()
}

// lookup returns the registration of a file, or nil. The only error is ErrClosed.
func (s *Selector[D]) lookup(file any) (*registration[D], error) {
	known := isFile(file)
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.epoll == nil {
		return nil, ErrClosed
	}
	if !known {
		return nil, nil
	}
	return s.files[file], nil
}

// orClosed returns err, unless the Selector is closed.
func (s *Selector[D]) orClosed(err error) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	if s.epoll == nil {
		return ErrClosed
	}
	return err
}

// rawConn returns what gives access to the descriptor of a file.
func rawConn(call string, file any) (syscall.RawConn, error) {
	f, ok := file.(syscall.Conn)
	if !ok || !isFile(file) {
		return nil, failed(call, file, ErrNotSelectable)
	}
	conn, err := f.SyscallConn()
	if err == nil && conn == nil {
		err = ErrNotSelectable
	}
	if err != nil {
		return nil, failed(call, file, err)
	}
	return conn, nil
}

// isFile reports whether a file can be one at all: there is one, and it can be the key of a map.
func isFile(file any) bool {
	v := reflect.ValueOf(file)
	return v.IsValid() && v.Comparable() && (v.Kind() != reflect.Pointer || !v.IsNil())
}

// failed says which call failed, on what.
func failed(call string, file any, err error) error {
	if err == ErrClosed {
		return err
	}
	for _, own := range []error{ErrRegistered, ErrNotRegistered, ErrNotSelectable} {
		if err == own {
			return fmt.Errorf("%w: %s of a %T", own, call, file)
		}
	}
	return fmt.Errorf("selectors: %s of a %T: %w", call, file, err)
}

var errGaveUp = errors.New("selectors: gave up")

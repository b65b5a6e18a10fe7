package socketserver

import (
	"errors"
	"time"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// An input is where connections or packets come from: how to wait for one, and how to give up. Most sockets can be given
// a deadline and can be looked at. One that is only known by its Accept is accepted from by a goroutine, the pump, when
// somebody may have to give up; what it brings after that is kept for the next who asks. The pump is also how a look is
// had where the system offers none.
//
// Whoever has the turn calls wait and try, so one goroutine at a time waits for the pump. The pump accepts once, for one who
// asked, and ends: an idle server has none.
type input[T any] struct {
	accept      func() (T, error)
	look        func() (T, error)     // accept that does not wait; nil: there is none
	setDeadline func(time.Time) error // nil: there is none
	drop        func(T)               // what nobody wants any more
	begin       func() bool           // whether the pump may begin
	done        func()                // it has ended

	guard   park.Guard // of what follows
	pumping bool
	kept    *outcome[T]
	stopped bool
	waiting park.List[struct{}]
}

// An outcome is what an Accept came to.
type outcome[T any] struct {
	value    T
	err      error
	panicked any
}

func (in *input[T]) wait(limit netwait.Limit) (T, error) {
	switch {
	case in.pumps(), in.setDeadline == nil && !limit.IsForever():
		return in.waitForPump(limit)
	case limit.IsForever():
		return in.accept()
	}
	var value T
	err := limit.Do(in.setDeadline, func() (err error) {
		value, err = in.accept()
		return err
	})
	return value, err
}

func (in *input[T]) try() (value T, err error) {
	if in.look != nil && !in.pumps() {
		value, err = in.look()
		if !errors.Is(err, errors.ErrUnsupported) {
			return value, err
		}
	}
	in.guard.Lock()
	result, err := in.take()
	in.guard.Unlock()
	if result == nil && err == nil {
		err = nonblock.ErrWouldBlock
	}
	return result.unpack(err)
}

// pumps reports whether the pump is at work, or has brought something.
func (in *input[T]) pumps() bool {
	in.guard.Lock()
	defer in.guard.Unlock()
	return in.pumping || in.kept != nil
}

// take returns, under the guard, what the pump has brought, and sees to it that it is at work if that is nothing.
func (in *input[T]) take() (*outcome[T], error) {
	if in.kept != nil {
		result := in.kept
		in.kept = nil
		return result, nil
	}
	if in.stopped {
		return nil, ErrClosed
	}
	if !in.pumping {
		if !in.begin() {
			return nil, ErrClosed
		}
		in.pumping = true
		go in.pump()
	}
	return nil, nil
}

func (in *input[T]) waitForPump(limit netwait.Limit) (T, error) {
	for {
		left, ok := limit.Park()
		w := waiters.Get(left)
		in.guard.Lock()
		result, err := in.take()
		if result != nil || err != nil || !ok {
			in.guard.Unlock()
			waiters.Put(w)
			if result == nil && err == nil {
				err = errGaveUp
			}
			return result.unpack(err)
		}
		in.waiting.PushBack(w)
		verdict := w.Sleep(&in.guard)
		waiters.Put(w)
		if verdict == park.GaveUp {
			return (*outcome[T])(nil).unpack(errGaveUp)
		}
	}
}

// unpack returns what the call that made it would have, or err if there was none.
func (o *outcome[T]) unpack(err error) (value T, _ error) {
	if o == nil {
		return value, err
	}
	if o.panicked != nil {
		panic(o.panicked)
	}
	return o.value, o.err
}

// pump accepts once.
func (in *input[T]) pump() {
	result := &outcome[T]{err: thread.ErrGoexit}
	defer in.done()
	defer func() {
		result.panicked = recover()
		in.guard.Lock()
		in.pumping = false
		unwanted := in.stopped
		if !unwanted {
			in.kept = result
		}
		w := in.takeWaiter()
		in.guard.Unlock()
		if w != nil {
			w.Wake(park.Retry)
		}
		if unwanted && result.err == nil && result.panicked == nil {
			in.drop(result.value)
		}
	}()
	result.value, result.err = in.accept()
}

// stop lets the pump keep nothing any more, drops what it has kept, and wakes whoever waits for it. What ends the Accept is
// another matter.
func (in *input[T]) stop() {
	in.guard.Lock()
	in.stopped = true
	kept := in.kept
	in.kept = nil
	w := in.takeWaiter()
	in.guard.Unlock()
	if w != nil {
		w.Wake(park.Retry)
	}
	if kept != nil && kept.err == nil && kept.panicked == nil {
		in.drop(kept.value)
	}
}

func (in *input[T]) takeWaiter() *park.Waiter[struct{}] {
	w := in.waiting.Front()
	if w != nil {
		in.waiting.Remove(w)
	}
	return w
}

// Package coroutine provides generators that are sent to: functions that yield
// values one at a time, are given one back with each, and can be closed, thrown
// an error, and asked how far they are.
//
//	def summing():                         func summing(yield coroutine.Yield[int, int]) error {
//	    total = 0                              total := 0
//	    while True:                            for {
//	        x = yield total                        x, err := yield(total)
//	                                               if err != nil {
//	                                                   return err
//	                                               }
//	        total += x                             total += x
//	                                           }
//	                                       }
//
//	g = summing()                          g := coroutine.New(summing)
//	next(g)                                g.Next()
//	g.send(3)                              g.Send(3)
//	g.close()                              g.Close()
//
// # When less is enough
//
// A function that only feeds a loop is an [iter.Seq]: it needs no goroutine and
// costs nothing. One that is asked for a value now and then, from different
// places, is [iter.Pull]. A Generator is for what neither has: values sent in,
// errors thrown in, a Close that waits for the clean-up and returns its error,
// delegation, and an identity that follows the caller. Two functions that run
// at the same time are goroutines with a channel; here one waits while the
// other runs.
//
// # Who am I
//
// The body of a generator has a goroutine of its own, but acts for the
// goroutine that resumes it, as any function acts for its caller. In it
// thread.Current is the resumer's Thread and a thread.Local the resumer's
// value, an RLock that the resumer holds is the body's to lock again, and a
// wait for a pool lends the slot of the task that resumes it. What the body
// locks and does not unlock before it yields stays locked, by the resumer. A
// go statement in the body starts a goroutine that acts for itself; so does
// the function of a plain iter.Pull.
//
// # What must be closed
//
// A suspended generator holds a goroutine, and the collector frees neither:
// write
//
//	defer g.Close()
//
// where it is not run to its end. One that was forgotten is reported by
// goleak, as a goroutine in the state "coroutine", and keeps a synctest bubble
// from ending. One that was never started holds nothing.
//
// # Threads of the operating system
//
// A generator may be resumed by any goroutine, one after the other, with the
// exception that the runtime makes for [iter.Pull] too: a goroutine that resumes
// it must be locked to the same thread as the one that did so first, or to none if
// that one was. So a goroutine that called [runtime.LockOSThread] starts its own
// generators and shares none of them, and a body that calls LockOSThread calls
// UnlockOSThread before it yields or returns. Otherwise the process ends with
// "coro: OS thread locking must match". Callbacks from C are locked as well.
//
// # Bubbles and package initialization
//
// In a [testing/synctest] bubble a suspended generator is durably blocked, and
// time in its body is the bubble's. A generator that was started in a bubble
// can be resumed only there, one that was started outside only outside, and one
// that the initialization of a package has started only until the packages are
// initialized. A call that resumes it elsewhere panics with [ErrElsewhere] and
// changes nothing. A generator starts with the first Next, not with New.
package coroutine

import (
	"iter"
	"runtime"

	"github.com/gothreading/threading/internal/coro"
)

// A Yield is the function that a body calls to yield: x, err := yield(v) is
// Python's x = yield v. It returns when the generator is resumed: what Send was
// given, or after Next the zero value, and the error that Throw was given, or
// [ErrClosed] for Close. With an error the body should clean up and return.
//
// Only the goroutine that runs the body may call it, and only while it runs;
// else it panics with [ErrOutside].
//
// It is an alias, so that New infers its type arguments from the body. The
// first is what is sent in and the second what is yielded; Python's
// Generator[Yield, Send, Return] has the other order. struct{} stands for
// nothing: a Generator[string, struct{}] only takes, a Generator[struct{},
// string] only gives.
type Yield[In, Out any] = func(Out) (In, error)

// A Generator is a function, its body, that is run from one yield to the next.
// Make one with [New]; it must not be copied.
//
// It is Python's generator:
//
//	next(g)                                Next
//	g.send(x), g.throw(e), g.close()       Send, Throw, Close
//	for x in g                             All
//	yield from g                           From, or a call: see there
//	inspect.getgeneratorstate(g)           State
//	return value                           a variable that the body captures
//
// Any goroutine may resume it, one at a time. A call that resumes it while it
// runs, in another goroutine or in the body, panics with [ErrRunning] and
// changes nothing. A call of Send “synchronizes before” the return of the yield
// that it resumes, and a call of yield before the return of the Send that it
// ends; so do Next, Throw and Close.
//
// A call that resumes takes as long as the body does, and cannot give up: a
// body that waits takes a context. If the body panics, the generator has ended
// and the panic goes on in the call that resumed it. Its value is then an error
// that is a [*thread.PanicError], with the original value and the stack of the
// body, and prints both. A [runtime.Goexit] goes on there too.
//
// A resumption costs two switches of goroutines without the scheduler, less
// than a hundred nanoseconds, and no allocation. A started generator takes
// about 3 kB, most of it stack.
type Generator[In, Out any] struct {
	control control
	body    func(Yield[In, Out]) error // until it is called
	in      In                         // to the body
	out     Out                        // from the body
	err     error                      // to the body, and in the end from it
}

// New returns a Generator with a body. Nothing runs, and there is no goroutine,
// before the first Next. New panics if body is nil.
func New[In, Out any](body func(Yield[In, Out]) error) *Generator[In, Out] {
	if body == nil {
		panic("coroutine: New with a nil body")
	}
	return &Generator[In, Out]{body: body}
}

// Next runs g to its next yield and returns what that yields: Python's next(g).
// The first Next starts the body, later ones make its yield return a zero In.
//
// When the body returns, Next returns its error once, or [ErrDone] if that is
// nil, and ErrDone from then on. An error that is ErrDone to [errors.Is] is not
// mistaken for the end: Next returns one with the same text that is not.
func (g *Generator[In, Out]) Next() (out Out, err error) {
	switch g.control.enter(Running) {
	case Created:
		g.control.Start(g.main)
	case Ended:
		return out, ErrDone
	}
	// From here on as Send, and written again: a frame more would take longer than all of this. See package coro.
	if _, paused := g.control.Next(); !paused {
		return out, done(g.ending())
	}
	out, g.out = g.out, out
	g.control.suspend()
	return out, nil
}

// Send is like Next but makes the yield at which g is suspended return in:
// Python's g.send(in). Before the first Next there is no such yield, and Send
// panics with [ErrNotStarted] and changes nothing.
func (g *Generator[In, Out]) Send(in In) (out Out, err error) {
	switch g.control.enter(Created) {
	case Created:
		panic(ErrNotStarted)
	case Ended:
		return out, ErrDone
	}
	g.in = in
	if _, paused := g.control.Next(); !paused {
		return out, done(g.ending())
	}
	out, g.out = g.out, out
	g.control.suspend()
	return out, nil
}

// Throw is like Next but makes the yield at which g is suspended return err:
// Python's g.throw(err). If g has not started, it has then ended, without its
// body having run; in this case, and if g has ended before, Throw returns err.
// Throw panics if err is nil.
func (g *Generator[In, Out]) Throw(err error) (out Out, _ error) {
	if err == nil {
		panic("coroutine: Throw of a nil error")
	}
	switch g.control.enter(Ended) {
	case Created:
		g.body = nil
		return out, err
	case Ended:
		return out, err
	}
	g.err = err
	out, paused, err := g.resume()
	if !paused {
		return out, done(err)
	}
	g.control.suspend()
	return out, nil
}

// Close ends g and waits until its body has: Python's g.close(). The yield at
// which g is suspended returns [ErrClosed]. Close returns nil if the body then
// returns nil or ErrClosed itself, and otherwise the error of the body. If g
// has not started, its body never runs. If g has ended, Close returns nil.
//
// If the body yields again, Close panics with [ErrIgnoredClose], what was
// yielded is lost, and g goes on.
func (g *Generator[In, Out]) Close() error {
	switch g.control.enter(Ended) {
	case Created:
		g.body = nil
		return nil
	case Ended:
		return nil
	}
	g.err = ErrClosed
	_, paused, err := g.resume()
	if paused {
		g.control.suspend()
		panic(ErrIgnoredClose)
	}
	if err == ErrClosed {
		return nil
	}
	return err
}

// All returns an iterator over what is left of g: Python's for x in g. An error
// of the body comes last, once, with a zero Out. A loop that is left early
// leaves g suspended where it is; the next loop, or Next, goes on from there.
func (g *Generator[In, Out]) All() iter.Seq2[Out, error] {
	return func(loop func(Out, error) bool) {
		for {
			out, err := g.Next()
			if err == ErrDone || !loop(out, err) || err != nil {
				return
			}
		}
	}
}

// State returns the state of g: Python's inspect.getgeneratorstate(g). In the
// body it is Running.
func (g *Generator[In, Out]) State() State { return g.control.State() }

// resume is what Next and Send do, for those to whom a frame more matters less. It leaves g Running if it has paused.
func (g *Generator[In, Out]) resume() (out Out, paused bool, err error) {
	if _, paused := g.control.Next(); !paused {
		return out, false, g.ending()
	}
	out, g.out = g.out, out
	return out, true, nil
}

// ending returns the error of the body, which has ended, or panics as it did.
func (g *Generator[In, Out]) ending() error {
	err := g.err
	g.err = nil
	g.control.Forget()
	switch g.control.how {
	case panicked:
		panic(err)
	case exited: // and yet it came back: a panic(nil), with the GODEBUG setting that lets recover return nil for it
		panic(coro.Recovered(new(runtime.PanicNilError)))
	}
	return err
}

// main is the goroutine of the body.
func (g *Generator[In, Out]) main(pause func(struct{}) bool) {
	g.control.Begin(pause)
	defer g.end()
	body := g.body
	g.body = nil // what it captured is not kept alive by g
	g.err = notDone(body(func(v Out) (in In, err error) {
		g.control.mustBeHere()
		g.out = v
		g.control.Pause(struct{}{})
		in, g.in = g.in, in
		err, g.err = g.err, nil
		return in, err
	}))
	g.control.how = returned
}

// end notes how the body has ended. It runs also if that was by Goexit, which the resumer does not return from.
func (g *Generator[In, Out]) end() {
	if g.control.how != returned {
		if v := recover(); v != nil {
			g.control.how, g.err = panicked, coro.Recovered(v)
		}
	}
	g.control.End()
	g.control.set(Ended)
}

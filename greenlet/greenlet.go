// Package greenlet provides functions that pass control to each other by name:
// Python's greenlet.
//
//	def test1():                           gr1 = greenlet.New(func(any) (any, error) {
//	    print(12)                              fmt.Println(12)
//	    gr2.switch()                           _, err := gr2.Switch(nil)
//	    print(34)                              fmt.Println(34)
//	                                           return nil, err
//	                                       })
//	gr1 = greenlet(test1)                  gr1.Switch(nil)
//
// One greenlet of a thread runs at a time, and decides who is next. That is for
// programs whose parts must take turns in a certain order: a parser and its
// input, a simulation, code that was written for greenlet. A function that
// yields values to its caller is a coroutine.Generator, which has types. Tasks
// that wait, for time, a socket or each other, are goroutines: what gevent adds
// to greenlets is in pool.Spawn and pool.Gather.
//
// # Threads
//
// The greenlets of a thread form a tree. At its root is the main greenlet, which
// is the thread itself: any goroutine has one. [New] makes a child of the
// greenlet that calls it. Greenlets of different threads cannot switch to each
// other.
//
// Each greenlet has a goroutine of its own, but acts for its thread: in all of
// them thread.Current and the values of a thread.Local are the same, an RLock
// that one has locked is held by all, and a wait for a pool lends the slot of
// the task that they are part of. So does code that switches in the body of a
// coroutine.Generator: it is part of the greenlet that resumed the generator.
// The function of a plain [iter.Pull] is a thread of its own.
//
// # What must be ended
//
// A greenlet that has started and not ended holds a goroutine, and the collector
// frees neither. Throw([ErrExit]) ends it. A thread must do that before it ends;
// afterwards no goroutine can. A greenlet that was forgotten is reported by
// goleak, as a goroutine in the state "coroutine", and keeps a testing/synctest
// bubble from ending.
//
// The rule of [runtime.LockOSThread] is that of package coroutine: a goroutine
// that is locked when it starts greenlets stays so. What the initialization of a
// package starts must have ended when the packages are initialized; else Switch
// and Throw panic with [ErrElsewhere].
package greenlet

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/gothreading/threading/internal/coro"
)

// ErrExit, given to Throw, ends a Greenlet: GreenletExit. The Switch in which it
// waits returns ErrExit, and its function should clean up and return that, or an
// error that wraps it. The parent's Switch then returns that error as the value,
// and no error.
var ErrExit = errors.New("greenlet: exit")

// What misuse panics with.
var (
	// ErrOtherThread is for a Greenlet of another thread.
	ErrOtherThread = errors.New("greenlet: cannot switch to a different thread")

	// ErrCycle is for a SetParent that would make a Greenlet its own ancestor.
	ErrCycle = errors.New("greenlet: cyclic chain of parents")

	// ErrRoot is for a SetParent of a main greenlet.
	ErrRoot = errors.New("greenlet: cannot set the parent of a main greenlet")

	// ErrElsewhere is for a switch in a thread that has greenlets alive which it
	// started while packages were initialized, and is done with that.
	ErrElsewhere = coro.ErrElsewhere
)

// A Greenlet is a function that runs until it switches to another Greenlet, and
// goes on when one switches to it. Make one with [New]; it must not be copied.
//
// It is Python's greenlet, with one value in place of arguments and keywords:
//
//	greenlet(run)                          New
//	getcurrent()                           Current
//	g.switch(v)                            Switch
//	g.throw(e), g.throw()                  Throw, Throw(ErrExit)
//	g.parent                               Parent, SetParent
//	g.dead, bool(g)                        Dead, Active
//	GreenletExit                           ErrExit
//	greenlet.error                         ErrOtherThread, ErrCycle, ErrRoot
//
// A call of Switch or Throw “synchronizes before” the return of the Switch, or
// the start of the function, to which it leads. It costs at most two switches of
// goroutines on average, without the scheduler: some 50 ns. It cannot give up.
//
// Parent, Dead, Active and String may be called by any goroutine, the other
// methods only by those of the thread.
type Greenlet struct {
	tree   *tree
	parent atomic.Pointer[Greenlet] // nil: a main greenlet
	stage  atomic.Uint32
	run    func(any) (any, error) // until it is called

	// Of the tree's goroutines, one after the other; see tree.
	co      coro.Coroutine
	resumed bool
}

// The stages of a Greenlet.
const (
	pending uint32 = iota // not started
	active                // started, not ended
	dead
)

// New returns a Greenlet that calls run at the first switch to it, with the
// value of that Switch. Its parent is Current(). There is no goroutine before
// it starts. New panics if run is nil.
//
// When run returns, its parent goes on: the Switch in which the parent waits
// returns what run has returned, or, if run's error is ErrExit or wraps it, that
// error as the value and no error. A parent that has not started is started with
// the value, and killed by an error, which goes on to its own parent; so does
// whatever a dead parent would get. A panic of run goes on in the parent's
// Switch, as an error that is a [*thread.PanicError] with the value and the
// stack, and so does a [runtime.Goexit].
func New(run func(any) (any, error)) *Greenlet {
	if run == nil {
		panic("greenlet: New with a nil func")
	}
	t := here()
	g := &Greenlet{tree: t, run: run}
	g.parent.Store(t.current)
	return g
}

// Current returns the Greenlet that the calling code is part of: Python's
// getcurrent(). Outside of any it is the main greenlet of the thread, which is
// the same each time until the goroutine has ended.
func Current() *Greenlet { return here().current }

// Switch passes control to g and waits until control comes back to the calling
// Greenlet: Python's g.switch(v). If g has not started, its function is called
// with v; else the Switch in which g waits returns v. If g has ended, its parent
// takes its place. If g is the calling Greenlet, Switch returns v at once.
//
// Switch returns the value of the Switch that leads back, or what a child that
// has ended returned. The error is what was thrown, or what the child
// returned.
//
// It panics with [ErrOtherThread] if g belongs to another thread.
func (g *Greenlet) Switch(v any) (any, error) {
	t := g.enter()
	self := t.current
	t.address(g, message{value: v})
	// As pass, and written again: a frame more would take longer than all of this. See package coro.
	for t.target != self {
		if next := t.next(); next != nil {
			_, paused := next.co.Next()
			next.back(paused)
		} else {
			self.co.Pause(struct{}{})
		}
	}
	return t.arrive()
}

// Throw is like Switch, but the Switch in which g waits returns err: Python's
// g.throw(err). If g has not started, Throw kills it, and err goes on to its
// parent, as it does if g has ended. An [ErrExit], or an error that wraps it,
// goes on as a value. Throw panics if err is nil.
func (g *Greenlet) Throw(err error) (any, error) {
	if err == nil {
		panic("greenlet: Throw of a nil error")
	}
	exit := errors.Is(err, ErrExit)
	return g.enter().pass(g, message{err: err, exit: exit})
}

// Parent returns the parent of g, or nil if g is a main greenlet.
func (g *Greenlet) Parent() *Greenlet { return g.parent.Load() }

// SetParent makes p the parent of g. It panics, and changes nothing, with
// [ErrRoot] if g is a main greenlet, with [ErrOtherThread] if g, p and the caller
// are not of one thread, and with [ErrCycle] if g is p or an ancestor of p.
func (g *Greenlet) SetParent(p *Greenlet) {
	if p == nil {
		panic("greenlet: SetParent to nil")
	}
	if g.Parent() == nil {
		panic(ErrRoot)
	}
	g.mustBeOurs()
	p.mustBeOurs()
	for ancestor := p; ancestor != nil; ancestor = ancestor.Parent() {
		if ancestor == g {
			panic(ErrCycle)
		}
	}
	g.parent.Store(p)
}

// Dead reports whether g has ended, or was killed. A main greenlet is dead when
// its thread has ended, if that is one of package thread.
func (g *Greenlet) Dead() bool {
	if g == &g.tree.main {
		return !g.tree.thread.IsAlive()
	}
	return g.stage.Load() == dead
}

// Active reports whether g has started and is not dead.
func (g *Greenlet) Active() bool {
	return g.stage.Load() == active && !g.Dead()
}

// String describes g: its thread, its address, whether it is pending, current,
// suspended or dead, and whether it is a main greenlet. Seen from another thread
// none is current.
func (g *Greenlet) String() string {
	stage := "suspended"
	switch {
	case g.Dead():
		stage = "dead"
	case g.stage.Load() == pending:
		stage = "pending"
	case g.ours() && g.tree.current == g:
		stage = "current"
	}
	if g.Parent() == nil {
		stage += ", main"
	}
	return fmt.Sprintf("Greenlet(%s %p, %s)", g.tree.thread.Name(), g, stage)
}

// main is the goroutine of g.
func (g *Greenlet) main(pause func(struct{}) bool) {
	g.co.Begin(pause)
	m := message{gone: g} // unless it returns or panics
	defer func() {
		if m.gone != nil {
			if v := recover(); v != nil {
				m = message{panicked: coro.Recovered(v)}
			}
		}
		g.end(m)
	}()
	run := g.run
	g.run = nil // what it captured is not kept alive by g
	v, _ := g.tree.arrive()
	v, err := run(v)
	if err != nil && errors.Is(err, ErrExit) {
		v, err = err, nil
	}
	m = message{value: v, err: err}
}

// end passes control on, for the last time. One that exits waits until the Greenlet comes for it in which the Goexit goes
// on: iter.Pull lets it go on in whoever resumes.
func (g *Greenlet) end(m message) {
	g.stage.Store(dead)
	g.tree.address(g.Parent(), m)
	if m.gone != nil {
		g.co.Pause(struct{}{})
	}
	g.co.End()
}

// goOn resumes g, which has exited, so that its Goexit goes on in the caller.
func (g *Greenlet) goOn() {
	exit := g.co.Next
	g.forget()
	exit()
	// And yet it came back: a panic(nil), with the GODEBUG setting that lets recover return nil for it.
	panic(coro.Recovered(new(runtime.PanicNilError)))
}

// forget lets go of the goroutine of g, which has ended or is about to.
func (g *Greenlet) forget() {
	if g.co.Early() {
		g.tree.early--
	}
	g.co.Forget()
}

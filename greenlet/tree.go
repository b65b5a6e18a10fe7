package greenlet

import (
	"fmt"
	"runtime"
	"sync"
	"weak"

	"github.com/gothreading/threading/internal/coro"
	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/thread"
)

// A tree is the greenlets of one thread. Its goroutines run by turns, so one after the other has all that is in it but
// what never changes.
//
// # Who resumes whom
//
// A coroutine goes back to the goroutine that resumed it, and greenlets go to any of their kind. So a Switch is at most
// one resumption and some returns. The greenlets that are resumed and have not paused are a stack, with the main
// greenlet at the bottom and the current one on top: each waits in the Next of the one above it. Whoever passes control
// on sets the target, and then
//
//   - resumes it, if it is not on the stack, which it thereby comes on top of; or
//   - pauses, if it is: the one below looks for itself whether it is the target, or pauses as well.
//
// Each pause undoes a resumption, so on average there are no more of them: a Switch takes two switches of goroutines at
// most, and one where two greenlets take turns. If the main greenlet resumed all the others, each Switch would take two.
//
// # Where a greenlet is
//
// It is where its code runs, which may be the body of a generator that it resumes: another goroutine, with the same
// identity. That may resume and pause in the greenlet's name. Both end in the same switch, of the caller with whoever is
// blocked in the coroutine, and the runtime does not mind who calls.
type tree struct {
	ident  uint64
	thread *thread.Thread
	main   Greenlet

	current *Greenlet
	target  *Greenlet // to whom control is being passed
	message message   // and what it is to get
	early   int       // how many are alive that were started while packages were initialized
}

// A message is what goes with control.
type message struct {
	value    any
	err      error
	exit     bool        // err is an ErrExit
	panicked *coro.Panic // which goes on where it arrives
	gone     *Greenlet   // whose Goexit goes on where it arrives
}

// fails reports whether m kills whom it finds not started.
func (m message) fails() bool { return m.err != nil || m.panicked != nil || m.gone != nil }

// trees has the tree of each thread: uint64 -> weak.Pointer[tree]. A tree lives as long as one of its greenlets is
// reachable. Whether its goroutine does is not known; but then nobody can tell a new tree from the old one.
var trees sync.Map

// here returns the tree of the calling thread.
func here() *tree {
	id := goid.Get()
	if p, ok := trees.Load(id); ok {
		if t := p.(weak.Pointer[tree]).Value(); t != nil {
			return t
		}
	}
	t := &tree{ident: id, thread: thread.Current()}
	t.main.tree = t
	t.main.stage.Store(active)
	t.main.resumed = true
	t.current = &t.main
	entry := entry{id, weak.Make(t)}
	trees.Store(id, entry.tree)
	runtime.AddCleanup(t, entry.delete, struct{}{})
	return t
}

type entry struct {
	ident uint64
	tree  weak.Pointer[tree]
}

// delete leaves alone what the thread may have stored meanwhile.
func (e entry) delete(struct{}) { trees.CompareAndDelete(e.ident, e.tree) }

// ours reports whether g belongs to the calling thread.
func (g *Greenlet) ours() bool { return g.tree.ident == goid.Get() }

func (g *Greenlet) mustBeOurs() {
	if !g.ours() {
		panic(fmt.Errorf("%w: %v belongs to %v, and this is %v", ErrOtherThread, g, g.tree.thread, thread.Current()))
	}
}

// enter returns the tree of g for a switch to g.
func (g *Greenlet) enter() *tree {
	g.mustBeOurs()
	if t := g.tree; t.early == 0 || coro.Early() {
		return t
	}
	panic(ErrElsewhere)
}

// address makes g the target, or, where g cannot take m, the nearest of its ancestors that can. The main greenlet can take
// anything.
func (t *tree) address(g *Greenlet, m message) {
	for g.stage.Load() == dead || g.stage.Load() == pending && m.fails() {
		g.stage.Store(dead)
		g.run = nil
		if m.exit {
			m = message{value: m.err}
		}
		g = g.Parent()
	}
	t.target, t.message = g, m
}

// pass is what Switch does, with any message.
func (t *tree) pass(g *Greenlet, m message) (any, error) {
	self := t.current
	t.address(g, m)
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

// next returns the target, ready to be resumed, or nil if it is on the stack.
func (t *tree) next() *Greenlet {
	g := t.target
	if g.resumed {
		return nil
	}
	g.resumed = true
	if g.stage.Load() == pending {
		g.stage.Store(active)
		g.co.Start(g.main)
		if g.co.Early() {
			t.early++
		}
	}
	return g
}

// back is called by the one that resumed g.
func (g *Greenlet) back(paused bool) {
	g.resumed = false
	if !paused {
		g.forget()
	}
}

// arrive takes the message, in the target, and makes that the current one.
func (t *tree) arrive() (any, error) {
	m := t.message
	t.current, t.target, t.message = t.target, nil, message{}
	switch {
	case m.panicked != nil:
		panic(m.panicked)
	case m.gone != nil:
		m.gone.goOn()
	}
	return m.value, m.err
}

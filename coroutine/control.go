package coroutine

import (
	"sync/atomic"

	"github.com/gothreading/threading/internal/coro"
)

// A control is what is the same in every Generator, and compiled here once: see package coro on frames.
//
// Whoever makes the state Running has all that is in the Generator, until it makes it something else. Suspended is set by
// the resumer after the switch back, not by the body before it: another would come while the body still runs. Ended is
// set by the body, because nobody will switch again, and because a resumer in which Goexit goes on has no say.
type control struct {
	coro.Coroutine
	state atomic.Uint32
	how   ending
}

// An ending is how a body has ended.
type ending uint8

const (
	exited ending = iota // or has not ended
	returned
	panicked
)

// State returns the state.
func (c *control) State() State { return State(c.state.Load()) }

func (c *control) set(s State) { c.state.Store(uint32(s)) }

func (c *control) swap(old, new State) bool { return c.state.CompareAndSwap(uint32(old), uint32(new)) }

// enter is for whoever will resume. It returns the state, which was
//
//   - Suspended and is now Running, in the name of the caller,
//   - Created, and is now what the caller asks for,
//   - or Ended, and is still.
//
// It panics with ErrRunning if it was Running.
func (c *control) enter(created State) State {
	for !c.swap(Suspended, Running) {
		switch c.State() {
		case Running:
			panic(ErrRunning)
		case Ended:
			return Ended
		case Created:
			if c.swap(Created, created) {
				return Created
			}
		}
	}
	if err := c.Lead(); err != nil {
		c.suspend()
		panic(err)
	}
	return Suspended
}

// suspend is for whoever has resumed.
func (c *control) suspend() { c.set(Suspended) }

// mustBeHere panics unless the body calls.
func (c *control) mustBeHere() {
	if !c.Here() {
		panic(ErrOutside)
	}
}

// Package coro switches control between a caller and a function that has a stack of its own: what coroutine and greenlet
// have in common. It carries no values and decides nothing; who may resume, and when, is theirs.
//
// # The switch
//
// It is that of [iter.Pull], the only door to the runtime's own: the caller's processor goes on with the other goroutine
// at once, without the scheduler, in a fifth of the time that a channel takes. A function that is pulled is given no
// values here and yields none. Those are in fields of who uses a Coroutine, and the switch orders the accesses: what was
// written before Next, Pause finds when it returns, and the other way round. The race detector is told so by iter.Pull.
//
// # Frames
//
// After a switch the processor predicts each return wrong, because it has seen the calls of the other goroutine: about
// 6 ns for each frame that is left. So what leads to a switch may be called as a function, but Next, and Pause, are best
// called by the exported function itself. They are fields, because a method would not always be inlined: where a generic
// function is instantiated in another module's package, that of a package which this one does not import is not.
//
// # What iter.Pull's own stop is not used for
//
// Stop would end a function whose yield reports false. Generators and greenlets end by an error instead, which says why,
// and which the function may answer. So every function is resumed until it ends, by Next, and there is nothing to stop.
package coro

import (
	"iter"

	"github.com/gothreading/threading/internal/goid"
)

// A Coroutine is a function on a goroutine of its own, which runs only while somebody waits for it in Next, and in whose
// name: see [goid.Follower]. One call of Start or Lead comes before each call of Next. The user sees to it that only one
// goroutine at a time calls, and that nobody calls once the function has ended.
type Coroutine struct {
	// Next lets the function go on until it pauses or ends, and reports whether it has paused. A Goexit of the function
	// goes on in it.
	Next func() (_ struct{}, paused bool)
	// Pause lets Next return, until the next Next.
	Pause func(struct{}) bool

	follower goid.Follower
	place    place // where it was started
}

// Start makes the goroutine. It is called by whoever is about to resume it for the first time, and not before: what the
// runtime asks of a resumer, it compares with the one who has made the goroutine. The function must call Begin first and
// End last, also when it panics or exits.
func (c *Coroutine) Start(function iter.Seq[struct{}]) {
	c.place = here()
	c.follower.Lead(goid.Get())
	c.Next, _ = iter.Pull(function)
}

// Begin is what the function begins with.
func (c *Coroutine) Begin(pause func(struct{}) bool) {
	c.Pause = pause
	c.follower.Begin()
}

// End is what the function ends with.
func (c *Coroutine) End() { c.follower.End() }

// Lead makes the caller the one who resumes next. It returns ErrElsewhere, and changes nothing, if the runtime would not
// survive that.
func (c *Coroutine) Lead() error {
	id, ok := goid.Fast()
	if !ok {
		id = goid.Get()
	}
	if id == c.follower.Leader() && !c.place.early {
		return nil
	}
	return c.follow(id)
}

// follow is Lead by another than before.
func (c *Coroutine) follow(id uint64) error {
	if here() != c.place {
		return ErrElsewhere
	}
	c.follower.Lead(id)
	return nil
}

// Here reports whether the calling goroutine is c's.
func (c *Coroutine) Here() bool { return c.follower.Here() }

// Early reports whether c was started while packages were initialized.
func (c *Coroutine) Early() bool { return c.place.early }

// Forget lets go of what the function was. It must have ended.
func (c *Coroutine) Forget() { c.Next, c.Pause = nil, nil }

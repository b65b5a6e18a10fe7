package pool

import (
	"context"
	"iter"
	"math"
)

// IMap returns an iterator that calls fn in workers for the items that the input
// yields, and yields what fn returns, in the order of the items.
//
// Each range over it is a run of its own. The input is read in the ranging
// goroutine, no further ahead than [Buffer] says. So an input without an end is
// fine, one that keeps the loop waiting delays what is ready too, and one that
// waits for what the body of the loop puts into it never goes on: a crawler that
// feeds itself is a [Scope] whose tasks submit tasks. If an item fails it is
// yielded in its place, with the value that fn returned and an *ItemError, and
// the run goes on. With [FailFast] the run ends after the first error: what comes
// before it is still yielded, and nothing that comes behind is started.
//
// If the loop ends early, by break, return, a panic or runtime.Goexit, no more
// input is read, queued items are dropped, and the contexts of those that are
// running end with ErrCancelled as the cause; the loop ends when they have
// returned. If the input panics, items already read are yielded first and the
// panic then continues. Nothing is left behind.
//
// In a task, the loop lends the slot while it waits. iter.Pull2 runs the loop on
// a goroutine of its own, which lends nothing; one that is not stopped keeps
// Shutdown waiting forever.
//
// A run that has begun survives Close, and Join waits for it, so Join in the body
// of the loop panics with ErrJoinSelf. If p is closed before, terminated, or its
// context ends, the run yields one error that is no *ItemError (ErrClosed,
// ErrTerminated or the cause), and ends.
func IMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts ...MapOption,
) iter.Seq2[Out, error] {
	return newIMap(p, fn, items, opts, "IMap", true)
}

// IMapUnordered is like IMap but yields in the order in which chunks end.
func IMapUnordered[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts ...MapOption,
) iter.Seq2[Out, error] {
	return newIMap(p, fn, items, opts, "IMapUnordered", false)
}

func newIMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items iter.Seq[In], opts []MapOption, call string, ordered bool,
) iter.Seq2[Out, error] {
	needed(fn != nil, "func", call)
	needed(items != nil, "input", call)
	choices := choose(opts)
	return func(yield func(Out, error) bool) {
		r := &imapRun[In, Out]{
			fn: fn, yield: yield, ordered: ordered, failFast: choices.failFast,
			chunk: max(choices.chunk, 1), buffer: choices.buffer, progress: newProgress(choices.progress, -1),
			sent: make(map[*imapPart[In, Out]]struct{}),
		}
		if r.buffer == 0 {
			r.buffer = product(product(2, p.Workers()), r.chunk)
		}
		r.loop(p, items)
	}
}

// product returns a × b, both positive, or the largest number.
func product(a, b int) int {
	if a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}

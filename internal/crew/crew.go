// Package crew shows package process what it must know of a pool: a worker of
// the pool drives one child process, which is started, replaced and ended with
// it.
package crew

// A Pool is one pool of package pool.
type Pool interface {
	// Current returns the worker of the pool that the calling goroutine is, or
	// nil; and what it has in hand, if that is some items of a Map.
	Current() (worker any, part Part)
	// OnLeave makes every worker call f when it leaves, before a Join returns.
	OnLeave(f func(worker any))
	// End ends the pool as Terminate does, with err instead of ErrTerminated.
	End(err error)
}

// A Part is some items of a Map, which a worker calls one after the other while
// others may take over those it has not begun.
type Part interface {
	// Keep keeps the n items behind the one in hand, or as many as there are, and
	// no others, from being taken over. It returns two slices: the one in hand,
	// and those that it keeps; and where their values go.
	Keep(n int) (items, values any)
	// Skip moves on by n items, which are kept: their values are where they go.
	// The one behind them is in hand then.
	Skip(n int)
	// Notes is where the worker keeps what it knows of the part. It is gone with it.
	Notes() *any
}

// Of returns the Pool of a *pool.Pool. It is set by package pool.
var Of func(pool any) Pool

// Least returns a pool.MapOption: a part has at least as many items as f says at
// the time, unless others would get none. It is set by package pool.
var Least func(f func() int) any

// Package crew shows package process what it must know of a pool: a worker of
// the pool drives one child process, which is started, replaced and ended with
// it.
package crew

// A Pool is one pool of package pool.
type Pool interface {
	// Current returns the worker of the pool that the calling goroutine is, or
	// nil; what it is doing, which is another value for each task and each
	// chunk of a Map; and of a chunk, as a slice, the items that were left when
	// it was begun.
	Current() (worker, unit, rest any)
	// OnLeave makes every worker call f when it leaves, before a Join returns.
	OnLeave(f func(worker any))
	// End ends the pool as Terminate does, with err instead of ErrTerminated.
	End(err error)
}

// Of returns the Pool of a *pool.Pool. It is set by package pool.
var Of func(pool any) Pool

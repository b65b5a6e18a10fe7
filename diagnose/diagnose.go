// Package diagnose says who waits for what, who holds it, since when, and whether
// that can end.
//
// In an ordinary build it costs nothing until it is asked, and knows who waits: in
// which call, at which line, for which object, from what the runtime itself tells of
// all goroutines. Built with
//
//	go build -tags threadingdebug
//
// every Lock, RLock and RWLock also knows who holds it, from where and since when; and
// so do threads and tasks of pools, which others wait for. A deadlock is then reported
// on standard error when it closes, and so are locks that were acquired in
// contradictory orders. A program need not import this package for that.
//
//	faulthandler.dump_traceback()           Read().WriteTo(os.Stderr)
//	faulthandler.dump_traceback_later(s)    Watch(Options{Longer: d})
//	faulthandler.register(SIGUSR1)          Watch(Options{Signals: []os.Signal{syscall.SIGUSR1}})
//	python -m asyncio ps, pstree            Read(), or diagnosehttp.Handler()
//
// # What is found
//
// A [Finding] is called certain only if it is. A cycle counts as a [Deadlock] if each
// of its goroutines waits without a limit for what the next one holds, and all of that
// was true at one instant. A wait that ends by itself, by its timeout or its context,
// is no part of one. Only what has a holder can be: locks, the end of a thread, the end
// of a task that runs. A Lock and an RWLock may be released by any goroutine: a cycle
// with one of those is looked at again after a second, and never reported if it was
// ever released by another goroutine than its holder.
//
// # Settings
//
// With the tag, the environment variable THREADINGDEBUG has settings, written as those
// of GODEBUG are:
//
//	order=0     do not look at the order in which locks are acquired
//	stack=16    how many calls to note at each acquisition; 4 without it, 0 for none
//	quiet=1     print nothing unless asked
//
// # Costs
//
// In an ordinary build the packages of this module contain no code for this one. With
// the tag, a free Lock takes some 0.1 µs instead of 5 ns, however many others are held.
// A report stops the world for some 5 µs for each goroutine.
package diagnose

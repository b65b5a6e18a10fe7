package pool

import (
	"context"
	"time"
)

// An Option is a choice made when a Pool is created.
type Option struct{ apply func(*core) }

// Initializer makes each worker call f before it runs its first task, also after
// a task that ended its goroutine by runtime.Goexit. What f opens, each worker
// can keep in a [thread.Local], and [Finalizer] can close it. The first f that
// fails, panics or exits ends the pool as Terminate does, with that error in the
// place of ErrTerminated. f must not wait for tasks of the pool: they may be
// waiting for it.
func Initializer(f func() error) Option {
	needed(f != nil, "func", "Initializer")
	return Option{func(c *core) { c.initializer = f }}
}

// Finalizer makes each worker call f when it leaves: once for each Initializer
// that returned nil, in its thread, whatever ends the worker. Without an
// Initializer, each worker that ran a task calls it. Join waits for f. A panic in
// f is reported to the except hook of package thread.
func Finalizer(f func()) Option {
	needed(f != nil, "func", "Finalizer")
	return Option{func(c *core) { c.finalizer = f }}
}

// Backlog limits the queue to n tasks, not counting those that an idle worker is
// about to take. While it is full, submissions wait, or return ErrFull. With
// Backlog(0) a task is accepted only if a worker is free. A Map counts as one
// task. The default is no limit. Backlog panics with ErrValue if n < 0.
func Backlog(n int) Option {
	atLeast(0, n, "Backlog")
	return Option{func(c *core) { c.backlog = n }}
}

// LIFO starts the newest task of equal priority first.
func LIFO() Option { return Option{func(c *core) { c.lifo = true }} }

// Name sets the prefix of the names of the workers: PREFIX-1, PREFIX-2, and so
// on. Without it, or with the empty string, the prefix is Pool-N, where N counts
// such pools.
func Name(prefix string) Option { return Option{func(c *core) { c.given = prefix }} }

// Context makes ctx the parent of the context of every task. Its end ends the
// pool as Terminate does; the error then wraps ErrTerminated and the cause of
// ctx.
func Context(ctx context.Context) Option {
	needed(ctx != nil, "context", "Context")
	return Option{func(c *core) { c.root.given = ctx }}
}

// KeepAlive makes a worker leave that has been idle for d, at once if d <= 0. The
// default is that idle workers stay, except in a pool of [Unlimited] workers,
// where they leave at once.
func KeepAlive(d time.Duration) Option {
	return Option{func(c *core) { c.keepAlive = max(d, 0) }}
}

// Daemon(true) makes [thread.Main] return without waiting for this pool's work.
// The default is that Main waits until nothing is queued or running, as Python
// waits at exit for every ThreadPoolExecutor; a multiprocessing.pool.ThreadPool
// is a daemon.
func Daemon(daemon bool) Option { return Option{func(c *core) { c.daemon = daemon }} }

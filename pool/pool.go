// Package pool provides worker pools whose tasks return results, and in which nothing hangs: Python's
// multiprocessing.pool.ThreadPool and concurrent.futures.ThreadPoolExecutor as one Go pool.
//
//	p := pool.New(4)
//	defer p.Shutdown()
//	sizes, err := pool.Map(p, pool.PlainErr(fileSize), names)
//
// # What resolves
//
// Every Result resolves: with what its function returned, with a *thread.PanicError if it panicked, with ErrGoexit if
// it ended its goroutine, and with the reason if the function will never be called: ErrCancelled, ErrClosed,
// ErrTerminated, the error of the Initializer, or the cause of a context. No panic ends the process or loses a worker.
//
// # Tasks that wait for tasks
//
// A task that waits for another would, in a pool of n workers, come to a stop when n tasks wait. Here a task that waits
// in one of these calls lends its slot until the wait ends, and another worker starts what is queued:
//
//   - Apply, Map, the loop over an IMap, IMapUnordered, AsCompleted or AsCompletedContext
//   - a Get or Wait form of a Result, of any pool, and a Join form of another pool
//   - a submission that waits for a place in a backlog
//
// So waits for Results that do not go in a circle cannot deadlock, nested to any depth, at one worker. After the wait
// the task goes on at once, without asking for a slot. Therefore more tasks may be running than the pool has workers;
// what is bounded is starting: while more run than Workers, none is started. A task or callback that waits for its own
// Result, or for the end of its own pool, panics with ErrJoinSelf. A wait for anything else (a lock, a channel, Done)
// lends nothing, and neither does a goroutine that a task started.
//
// # Where the code of others runs
//
// Functions and callbacks run in workers, which are daemon threads of package thread: thread.Current, thread.Local and
// profiles see them. The callbacks of tasks that are never started, and the functions given to OnDone for them, run in a
// thread of their own kind, not in the one that cancelled or terminated. What panics and has no Result to tell it, the
// function of Go, a callback, a function given to OnDone or to Progress, goes to the except hook of package thread.
//
// In a testing/synctest bubble everything here blocks durably; a pool belongs to the bubble, or to the outside, that
// uses it first, because its workers do.
package pool

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// A Pool runs tasks on a number of workers.
//
// Make a Pool with New. The zero value is not usable. A *Pool can be a view, see WithContext and WithPriority: all views
// of a pool share everything but the context and the priority of what is submitted through them.
//
// Python: multiprocessing.pool.ThreadPool and concurrent.futures.ThreadPoolExecutor. Close, Terminate and Join are
// close(), terminate() and join(); Shutdown is Executor.shutdown(), and Terminate is what the with block of a ThreadPool
// does at its end. Functions stand for apply, map and the like, because methods cannot have type
// parameters.
//
// Memory model: a submission synchronizes before the call of its function, and that before the return of every wait
// that reports its Result.
//
// Order: tasks are started in the order of their priority, and those of equal priority in the order of submission, or
// newest first with the option LIFO. Submissions that wait for a place in the Backlog get it in the order of arrival.
//
// Giving up: a submission that gives up has not been made: its function will not be called. A wait that gives up leaves
// no trace, and the task goes on.
//
// Cost: a submission is a few hundred bytes for a Result, and nothing for Go while few are queued; a worker costs
// nothing before it is needed.
//
// Use an errgroup.Group where a handful of goroutines work on one thing and the first error ends it.
type Pool struct {
	core     *core
	ctx      context.Context // nil: the pool's
	priority int
}

// An Option is a choice made when a Pool is created.
type Option func(*core)

// Initializer lets every worker call f before its first task. The first one that fails or panics ends the pool as
// Terminate does, with its error instead of ErrTerminated. f must not wait for tasks of the pool: they may be waiting for it.
func Initializer(f func() error) Option {
	if f == nil {
		panic("pool: Initializer of a nil func")
	}
	return func(c *core) { c.initializer = f }
}

// Backlog bounds how many tasks may be queued beyond those that a free worker is about to take: a submission waits, or
// fails, while n are. With 0, a task is accepted only if a worker is free. A Map is one task here. The default is no
// bound. Backlog panics with ErrValue if n < 0.
func Backlog(n int) Option {
	atLeast(0, n, "Backlog")
	return func(c *core) { c.backlog = n }
}

// LIFO starts the newest of equal priority first.
func LIFO() Option { return func(c *core) { c.lifo = true } }

// Name sets the prefix of the names of the workers, PREFIX-1, PREFIX-2, … Without it, or with the empty string, it is
// Pool-N, where N counts such pools.
func Name(prefix string) Option { return func(c *core) { c.prefix = prefix } }

// Context makes ctx the parent of the context of every task that is not given another one, by a view or by a Context form.
// Its end ends the pool as Terminate does.
func Context(ctx context.Context) Option { return func(c *core) { c.ctx = ctx } }

// New returns a Pool with so many workers, 0 for as many as GOMAXPROCS says. They are started when tasks need them. New
// panics with ErrValue if workers < 0.
func New(workers int, opts ...Option) *Pool {
	atLeast(0, workers, "New")
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	c := &core{target: workers, backlog: math.MaxInt, ctx: context.Background(), crew: make(map[*worker]struct{})}
	for _, opt := range opts {
		opt(c)
	}
	if c.prefix == "" {
		c.prefix = "Pool-" + strconv.FormatUint(named.Add(1), 10)
	}
	parent := c.ctx
	c.ctx, c.cancel = context.WithCancelCause(parent)
	c.unfollow = func() bool { return true }
	switch {
	case parent.Err() != nil:
		c.terminate(ErrTerminated)
	case parent.Done() != nil:
		c.guard.Lock() // it may end already
		c.follows = true
		c.unfollow = context.AfterFunc(parent, func() { c.terminate(ErrTerminated) })
		c.guard.Unlock()
	}
	return &Pool{core: c}
}

// WithContext returns a view of the pool. What goes through it gives up when ctx ends, and has ctx as the parent of its
// context: a submission stops waiting for a place, Apply stops waiting for the Result, and a task that is queued is
// dropped; each time the error is context.Cause(ctx). A Map drops what it has not started, and returns when the rest has
// returned. ctx takes the place of the context that p had as a view.
func (p *Pool) WithContext(ctx context.Context) *Pool {
	if ctx == nil {
		panic("pool: WithContext with a nil context")
	}
	return &Pool{p.core, ctx, p.priority}
}

// WithPriority returns a view of the pool. What goes through it has priority n: smaller ones are started first. The
// default is 0.
func (p *Pool) WithPriority(n int) *Pool { return &Pool{p.core, p.ctx, n} }

// Close lets the pool end when everything that was submitted has ended. Submissions fail with ErrClosed from now on, those
// that wait for a place too; only a loop over an IMap that has begun goes on. A second Close does nothing.
func (p *Pool) Close() { p.core.close() }

// Terminate ends the pool. What was not started never is, and resolves with ErrTerminated; the context of what is running
// ends with that cause, and its Result is what it returns. Submissions fail with ErrTerminated from now on. Terminate
// returns at once; Join waits for what is running.
func (p *Pool) Terminate() { p.core.terminate(ErrTerminated) }

// Join waits until everything has ended: all tasks, callbacks and workers. It panics with ErrRunning before Close or
// Terminate, and with ErrJoinSelf in a task or callback of the pool.
func (p *Pool) Join() { p.join(park.Forever, func(t *thread.Thread) bool { t.Join(); return true }) }

// JoinTimeout is Join, for d at the longest, and reports whether all has ended. With d <= 0 it does not wait;
// math.MaxInt64 is for ever.
func (p *Pool) JoinTimeout(d time.Duration) bool {
	if d <= 0 {
		p.checkJoin()
		return p.core.over.IsOpen() && p.joinThreads(func(t *thread.Thread) bool { return t.JoinTimeout(0) })
	}
	if d == math.MaxInt64 {
		p.Join()
		return true
	}
	start := time.Now()
	return p.join(park.After(d), func(t *thread.Thread) bool { return t.JoinTimeout(d - time.Since(start)) })
}

// JoinContext is Join, unless ctx ends first; then it returns context.Cause(ctx).
func (p *Pool) JoinContext(ctx context.Context) error {
	p.checkJoin()
	if ctx.Err() != nil ||
		!p.join(park.Until(ctx), func(t *thread.Thread) bool { return t.JoinContext(ctx) == nil }) {
		return park.Cause(ctx)
	}
	return nil
}

// Shutdown is Close and Join.
func (p *Pool) Shutdown() {
	if w, _ := here.Lookup(); w != nil && w.core == p.core {
		panic(ErrJoinSelf)
	}
	p.Close()
	p.Join()
}

func (p *Pool) checkJoin() {
	c := p.core
	if w, _ := here.Lookup(); w != nil && w.core == c {
		panic(ErrJoinSelf)
	}
	c.guard.Lock()
	running := c.err == nil
	c.guard.Unlock()
	if running {
		panic(ErrRunning)
	}
}

func (p *Pool) join(limit park.Limit, end func(*thread.Thread) bool) bool {
	p.checkJoin()
	if !p.core.over.IsOpen() {
		defer lend().back()
		if !p.core.over.WaitLimit(limit) {
			return false
		}
	}
	return p.joinThreads(end)
}

// joinThreads waits for the threads, which have nothing left to do, or only the callbacks of what was refused since.
func (p *Pool) joinThreads(end func(*thread.Thread) bool) bool {
	c := p.core
	for {
		c.guard.Lock()
		c.forgetEnded()
		threads := slices.Clone(c.threads)
		c.guard.Unlock()
		if len(threads) == 0 {
			return true
		}
		for _, t := range threads {
			if !end(t) {
				return false
			}
		}
	} // one that a callback ended by Goexit has left the rest to another
}

// CancelPending drops everything that is queued, as Result.Cancel does, and returns how many tasks that were; of a Map
// every chunk that was not started counts. The context of what is running does not end, but a Map that has lost chunks
// starts no further item.
func (p *Pool) CancelPending() int {
	c := p.core
	d := newDrop(c)
	c.guard.Lock()
	n := c.discardAll(ErrCancelled, d)
	d.unlock()
	return n
}

// Resize changes the number of workers. If it grows, more tasks are started at once, as far as any are queued; if it
// shrinks, those that are running are not disturbed, and surplus workers leave after their task. Resize panics with
// ErrValue if n < 1.
func (p *Pool) Resize(n int) {
	atLeast(1, n, "Resize")
	c := p.core
	var idle park.Chain[struct{}]
	c.guard.Lock()
	c.target = n
	for surplus := c.workers - c.lent - n; surplus > 0 && c.idle.Front() != nil; surplus-- {
		c.wake(c.idle.Front(), &idle)
	}
	c.unlock()
	idle.Wake(park.Granted)
}

// Workers returns the number of workers that New or Resize asked for.
func (p *Pool) Workers() int {
	p.core.guard.Lock()
	defer p.core.guard.Unlock()
	return p.core.target
}

// Stats is what a pool has done and is doing, at one instant. A task is what a worker does in one go: one Apply or Go,
// one chunk of a Map or IMap. Each is in one place:
//
//	Submitted = Queued + Running + Lent + Succeeded + Failed + Cancelled
//
// What was refused was not submitted.
type Stats struct {
	Workers int // the number that New or Resize asked for
	Running int // tasks that hold a slot, their callbacks included
	Lent    int // tasks that wait and have lent theirs
	Queued  int // tasks not started

	Submitted uint64
	Succeeded uint64 // returned without an error
	Failed    uint64 // returned an error, panicked or exited
	Cancelled uint64 // dropped before they were started
}

// Stats returns what the pool has done and is doing.
func (p *Pool) Stats() Stats {
	c := p.core
	c.guard.Lock()
	defer c.guard.Unlock()
	return Stats{
		Workers: c.target, Running: c.running, Lent: c.lent, Queued: c.units,
		Submitted: c.submitted, Succeeded: c.succeeded, Failed: c.failed, Cancelled: c.cancelled,
	}
}

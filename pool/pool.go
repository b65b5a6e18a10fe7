// Package pool provides worker pools whose tasks return results and may wait for
// each other, scopes, and results that need no pool. It is Python's
// multiprocessing.pool.ThreadPool, concurrent.futures, and the tasks of gevent
// and asyncio.
//
//	p := pool.New(4)
//	defer p.Shutdown()
//	sizes, err := pool.Map(p, pool.PlainErr(fileSize), names)
//
// # What resolves
//
// Every Result becomes ready: with what its function returned, with a
// *thread.PanicError if it panicked, with ErrGoexit if it ended its goroutine,
// or with the reason why the function will never be called: ErrCancelled,
// ErrClosed, ErrTerminated, the error of the Initializer, or the cause of a
// context. No panic ends the process or loses a worker.
//
// # Tasks that wait for tasks
//
// In most pools of n workers, n tasks that wait for other tasks are a deadlock.
// Here a task that waits in one of these calls lends its slot until the wait
// ends, and another worker starts what is queued:
//
//   - Apply, Map, ForEach, Scope, Gather, Wait, and the loop over an IMap or
//     AsCompleted
//   - the Get and Wait forms of a Result, of any pool or none, and the Join forms
//     of another pool
//   - a submission that waits for room in a Backlog
//
// So waits for Results that do not go in a circle cannot deadlock, nested to any
// depth, at one worker. What is waited for is started next, before all else that
// is queued: nested work runs depth first, and few tasks are inside at once.
// After the wait the task goes on at once, without asking for a slot. So more
// tasks may be running than the pool has workers; while that is so, none is
// started. A task or callback that waits for its own Result, or for the end of
// its own pool, panics with ErrJoinSelf. Waiting for anything else, such as a
// lock, a channel or Done, keeps the slot. So does waiting in a goroutine that
// the task started. Each task that waits is a worker with a goroutine of its own.
//
// # Where functions and callbacks run
//
// Functions and callbacks run in workers, which are daemon threads of package
// thread: thread.Current, thread.Local and profiles see them. Callbacks of tasks
// that are never started, and functions given to OnDone, run in threads of the
// pool too, and not in the goroutine that cancelled or terminated. A panic that
// no Result can report, such as one in a callback, is reported to the except hook
// of package thread. What a task sets as profile labels is gone after it;
// runtime.LockOSThread without an unlock is not: the next task runs in the same
// thread of the system, unless the task ends with runtime.Goexit.
//
// In a testing/synctest bubble everything here blocks durably. A pool belongs to
// the bubble, or to the outside, that uses it first, because its workers do.
package pool

import (
	"context"
	"math"
	"runtime"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/watch"
)

// A Pool runs tasks on a number of workers.
//
// Make a Pool with New; the zero value is not usable. A *Pool can be a view, made
// by WithContext or WithPriority, or passed to the body of a Scope. All views of
// a pool share everything but the context and the priority of what is submitted
// through them: Close, Join, Resize and Stats of a view are those of the pool.
//
// It is Python's multiprocessing.pool.ThreadPool and
// concurrent.futures.ThreadPoolExecutor. Functions stand for its methods with
// results, because methods cannot have type parameters:
//
//	apply_async, submit        ApplyAsync
//	apply                      Apply
//	map, starmap               Map
//	imap, imap_unordered       IMap, IMapUnordered
//	as_completed, wait         AsCompleted, Wait
//	close, terminate, join     Close, Terminate, Join
//	shutdown                   Shutdown
//
// A submission synchronizes before the call of its function, and the return of
// that before the return of every wait that reports its Result.
//
// Tasks are started in the order of their priority, and those of equal priority
// in the order of submission, or newest first with the option LIFO; but what a
// task waits for is started before all others. Submissions that wait for room in
// the Backlog get it in the order of arrival.
//
// A submission that gives up has not been made: its function will not be called.
// A wait that gives up leaves no trace, and the task goes on.
//
// A submission costs one allocation for its Result; Apply and Go cost none. It
// takes at most the logarithm of the number of priorities in use.
type Pool struct {
	core     *core
	domain   *domain
	priority int
}

// Unlimited, as the number of workers, lets each task start at once, on a worker
// that leaves when it finds nothing more to do. Larger numbers are the same.
const Unlimited = math.MaxInt32

// New returns a Pool of the given number of workers; 0 means
// runtime.GOMAXPROCS(0). For tasks that wait for something else than a processor,
// such as a network, give a larger number. Workers are started on demand. New
// panics with ErrValue if workers < 0.
func New(workers int, opts ...Option) *Pool {
	atLeast(0, workers, "New")
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	c := &core{target: min(workers, Unlimited), backlog: math.MaxInt, keepAlive: -1}
	c.root.core = c
	for _, opt := range opts {
		if opt.apply != nil {
			opt.apply(c)
		}
	}
	if c.given == "" {
		c.number = named.Add(1)
	}
	if watch.On {
		watch.Describe(&c.mark, watch.Pool, c, (*core).stat)
	}
	c.unfollow = func() {}
	if given := c.root.given; given != nil && given.Done() != nil {
		c.root.asks = true
		if c.root.gone() == nil {
			unfollow := follow(given, func() { c.expire() }) // which may be under way already
			c.guard.Lock()
			c.unfollow = unfollow
			c.guard.Unlock()
		}
	}
	return &Pool{core: c, domain: &c.root}
}

// WithContext returns a view of the pool. When ctx ends, submissions and waits
// through the view give up, queued tasks are dropped, and Apply stops waiting;
// each reports the cause of ctx. A Map drops what it has not started, and returns
// when the rest has returned. Tasks get a context derived from ctx. A view of a
// view obeys both: its tasks see the values of ctx, the earlier deadline, and the
// end of whichever ends first.
func (p *Pool) WithContext(ctx context.Context) *Pool {
	needed(ctx != nil, "context", "WithContext")
	return &Pool{p.core, p.domain.under(ctx), p.priority}
}

// WithPriority returns a view of the pool. What is submitted through it has
// priority n: smaller ones are started first. The default is 0.
func (p *Pool) WithPriority(n int) *Pool { return &Pool{p.core, p.domain, n} }

// Resize changes the number of workers. If it grows, more tasks are started at
// once, as far as any are queued. If it shrinks, those that are running are not
// disturbed, and surplus workers leave after their task. Resize panics with
// ErrValue if n < 1.
func (p *Pool) Resize(n int) {
	atLeast(1, n, "Resize")
	c := p.core
	var woken park.Chain[struct{}]
	c.guard.Lock()
	c.target, c.mostAway = min(n, Unlimited), 0
	for surplus := c.surplus(); surplus > 0 && c.idle.Front() != nil; surplus-- {
		c.wake(&woken)
	}
	c.unlock()
	woken.Wake(park.Granted)
}

// Workers returns the number of workers that New or Resize asked for.
func (p *Pool) Workers() int {
	p.core.guard.Lock()
	defer p.core.guard.Unlock()
	return p.core.target
}

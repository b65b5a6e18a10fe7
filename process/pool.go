package process

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/crew"
	"github.com/gothreading/threading/pool"
)

// A Pool is a pool whose tasks run in other processes. It is a *pool.Pool with
// all that package offers: Apply, Map, IMap, views, priorities, callbacks,
// scopes. On makes a function for them of a registered one:
//
//	p := process.NewPool(4)
//	defer p.Shutdown()
//	n, err := pool.Apply(p.Pool, pool.Bind(count.On(p), "a.txt"))
//	all, err := process.Map(p, count, names)
//
// It is Python's multiprocessing.Pool and
// concurrent.futures.ProcessPoolExecutor.
//
// Each worker of the pool drives one child process, a daemon, which is started
// when it is first needed and ends with the worker. If a child ends while it
// runs a task, in whatever way, that task fails with an [*ExitError] and the
// child is replaced; a task that was sent to it and had not begun goes to the
// replacement. When the context of a task ends, so does its context in the
// child; if the task still runs after the time given to [Grace], or at once
// without, the child is killed and replaced. So any task can be cancelled,
// whatever it does.
//
// An Initializer that fails ends the pool with its error. So do three children
// in a row that end before a task has begun in them, with the last one's
// [*ExitError]. Children ignore SIGINT.
//
// A task is two messages between processes. Small tasks are best sent many at a
// time, by [Map]. Where tasks need not be apart from the rest of the program,
// use a pool.Pool: its workers use all processors.
type Pool struct {
	*pool.Pool
	team *team
}

// A PoolOption is a choice made when a Pool is made.
type PoolOption func(*poolChoices)

type poolChoices struct {
	core    []pool.Option
	workers []Option
	tasks   int // 0: no bound
	init    func() (*batch, error)
}

// Initializer makes every child call fn with in before its first task.
func Initializer[In any](fn *Func[In, struct{}], in In) PoolOption {
	if fn == nil {
		panic("process: Initializer of a nil Func")
	}
	return func(c *poolChoices) {
		c.init = func() (*batch, error) { return batchOf(fn, in) }
	}
}

// MaxTasks makes a child end after n tasks, counting the items of a Map, and be
// replaced: Python's maxtasksperchild. It panics with pool.ErrValue if n < 1.
func MaxTasks(n int) PoolOption {
	if n < 1 {
		panic(fmt.Errorf("%w: process: MaxTasks(%d): want 1 or more", pool.ErrValue, n))
	}
	return func(c *poolChoices) { c.tasks = n }
}

// Workers gives options to each child: Env, Dir, Grace and the streams. The
// children have the names of the pool's workers and are daemons, whatever is
// said here.
func Workers(opts ...Option) PoolOption {
	return func(c *poolChoices) { c.workers = append(c.workers, opts...) }
}

// Core gives options to the pool.Pool, such as pool.Backlog and pool.Name.
func Core(opts ...pool.Option) PoolOption {
	return func(c *poolChoices) { c.core = append(c.core, opts...) }
}

// NewPool returns a Pool of n workers, or of as many as GOMAXPROCS says if n is
// 0. It panics with pool.ErrValue if n < 0, and with [ErrInit] before Init.
func NewPool(workers int, opts ...PoolOption) *Pool {
	if !begun.Load() {
		panic(fmt.Errorf("%w: a Pool was to be made before it", ErrInit))
	}
	t := &team{drivers: make(map[any]*driver)}
	for _, opt := range opts {
		opt(&t.choices)
	}
	p := &Pool{Pool: pool.New(workers, t.choices.core...), team: t}
	t.crew = crew.Of(p.Pool)
	t.crew.OnLeave(t.leave)
	return p
}

// On returns f as a function for Apply, Map, IMap and their like on p: a call
// runs in a child of p. Called outside the tasks of p, it submits itself with
// Apply.
func (f *Func[In, Out]) On(p *Pool) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (out Out, err error) {
		d := p.team.driver()
		if d == nil {
			return pool.Apply(p.Pool.WithContext(ctx), pool.Bind(f.On(p), in))
		}
		b, err := batchOf(f, in)
		if err != nil {
			return out, err
		}
		if err := d.run(ctx, b); err != nil {
			return out, err
		}
		result, _ := cut(b.results)
		return f.out.decode(result, nil)
	}
}

// A team is the children of a Pool.
type team struct {
	choices poolChoices
	crew    crew.Pool
	paces   sync.Map // id of a Func -> *pace

	guard   sync.Mutex
	drivers map[any]*driver // by worker
	early   int             // children in a row that ended before a task had begun
}

// driver returns that of the worker which the calling goroutine is, or nil.
func (t *team) driver() *driver {
	w, _ := t.crew.Current()
	if w == nil {
		return nil
	}
	t.guard.Lock()
	defer t.guard.Unlock()
	d := t.drivers[w]
	if d == nil {
		d = &driver{team: t}
		t.drivers[w] = d
	}
	return d
}

// leave ends the child of a worker that leaves.
func (t *team) leave(worker any) {
	t.guard.Lock()
	d := t.drivers[worker]
	delete(t.drivers, worker)
	t.guard.Unlock()
	if d != nil {
		d.dismiss()
	}
}

// begun notes that a task has begun in a child, or that one has ended before;
// three of those end the pool.
func (t *team) noteBegun(begun bool, exit error) (over bool) {
	t.guard.Lock()
	if begun {
		t.early = 0
	} else {
		t.early++
	}
	over = t.early >= 3
	t.guard.Unlock()
	if over {
		t.crew.End(exit)
	}
	return over
}

// farewell is how long a child without a task may take to end.
const farewell = 2 * time.Second

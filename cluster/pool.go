package cluster

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/pool"
)

// A Pool is tasks that wait in etcd and workers, in any process, that run them:
// what Celery is for Python, without a broker beside the store.
//
//	apply_async(args)            ApplyAsync
//	apply_async(countdown=, eta=, priority=)   Delay, At, Priority
//	AsyncResult(id)              ResultOf
//	result.get(), .state         Get, State
//	result.revoke()              Cancel
//	celery worker                Pool.Work
//	celery beat                  Every, Schedule
//
// A task that was accepted is stored, and runs at least once: a worker that dies
// loses nothing, the task goes back at once when its session ends, and no timeout
// decides how long a task may take. One attempt at most stores a result, in the
// same step that takes the task from its worker. A task that has lost its worker 20
// times is dead: see [Pool.Dead].
//
// Tasks run in the order of their priority, and then roughly in that of their
// submission.
//
// A task that waits for another, in Map, Apply or [Result.Get], occupies its
// worker meanwhile: put what waits into another Pool than what it waits for, or
// both stand still when all workers wait. This differs from package pool.
type Pool struct {
	c      *Cluster
	name   string
	tasks  *etcd.Tasks
	limits etcd.Limits
}

// A PoolOption limits a pool. It is no part of its identity: those of the
// [Pool.Work] that began last hold for all workers.
type PoolOption struct{ set func(*etcd.Limits) }

// MaxRunning lets at most n tasks of the pool run at a time, over all workers.
func MaxRunning(n int) PoolOption {
	if n < 1 {
		panic(backend.Errorf(manager.ErrValue, "cluster.MaxRunning(%d): want at least 1", n))
	}
	return PoolOption{func(l *etcd.Limits) { l.MaxRunning = n }}
}

// Rate lets at most n tasks of the pool start within d, over all workers, evenly.
// It goes by the workers' clocks: one that is ahead makes the others wait.
func Rate(n int, d time.Duration) PoolOption {
	if n < 1 || d <= 0 {
		panic(backend.Errorf(manager.ErrValue, "cluster.Rate(%d, %v): want at least 1, and a time", n, d))
	}
	return PoolOption{func(l *etcd.Limits) { l.Interval = max(d/time.Duration(n), 1) }}
}

// Pool returns the pool of that name. It costs nothing until it is used.
func (c *Cluster) Pool(name string, opts ...PoolOption) *Pool {
	p := &Pool{c: c, name: name, tasks: c.b.Tasks(name)}
	for _, o := range opts {
		if o.set != nil {
			o.set(&p.limits)
		}
	}
	return p
}

// A SubmitOption says how one task is run.
type SubmitOption struct {
	set func(*etcd.Submission)
}

// Delay lets a task run after d at the earliest. It waits in etcd, not in a
// worker.
func Delay(d time.Duration) SubmitOption {
	return SubmitOption{func(s *etcd.Submission) { s.Due = time.Now().Add(d) }}
}

// At lets a task run at t at the earliest, by the clocks of the workers.
func At(t time.Time) SubmitOption { return SubmitOption{func(s *etcd.Submission) { s.Due = t }} }

// Priority lets a task run before those with a larger n, and after those with a
// smaller one; the default is 0. It panics with [manager.ErrValue] unless n is
// from -128 to 127.
func Priority(n int) SubmitOption {
	if n < -128 || n > 127 {
		panic(backend.Errorf(manager.ErrValue, "cluster.Priority(%d): want -128 to 127", n))
	}
	return SubmitOption{func(s *etcd.Submission) { s.Priority = int8(n) }}
}

// Key makes a submission return ErrDuplicate, with the Result of the task that is
// there, if one with that key was submitted within its window, also if that one
// has ended. So it is safe to repeat one that returned ErrUnknown.
func Key(key string, window time.Duration) SubmitOption {
	return SubmitOption{func(s *etcd.Submission) { s.Key, s.Window = key, window }}
}

// Forget stores no result: the task is gone when it has ended.
func Forget() SubmitOption { return SubmitOption{func(s *etcd.Submission) { s.Forget = true }} }

func submission[In, Out any](p *Pool, t *Task[In, Out], in In, opts []SubmitOption) (*etcd.Submission, error) {
	data, err := encode(p.c.codec, in)
	if err != nil {
		return nil, err
	}
	s := &etcd.Submission{Task: t.task.name, Payload: data, Keep: t.task.keep}
	for _, o := range opts {
		if o.set != nil {
			o.set(s)
		}
	}
	return s, nil
}

// ended returns what a call with a ctx that has ended returns.
func (p *Pool) ended(ctx context.Context) error {
	switch {
	case p.c.b.Closed():
		return manager.ErrClosed
	case backend.Ended(ctx):
		return backend.Cause(ctx)
	}
	return nil
}

// ApplyAsync submits a task. ctx bounds the submission only: if it ends meanwhile
// the error is [manager.ErrUnknown].
func ApplyAsync[In, Out any](ctx context.Context, p *Pool, t *Task[In, Out], in In, opts ...SubmitOption) (*Result[Out], error) {
	if err := p.ended(ctx); err != nil {
		return nil, err
	}
	s, err := submission(p, t, in, opts)
	if err != nil {
		return nil, err
	}
	ids, err := p.tasks.Submit(ctx, []*etcd.Submission{s})
	if len(ids) == 0 {
		return nil, err
	}
	return ResultOf(p, t, ids[0]), err
}

// Apply submits a task and returns what it returns. If ctx ends first the task is
// cancelled, and Apply returns the cause.
func Apply[In, Out any](ctx context.Context, p *Pool, t *Task[In, Out], in In, opts ...SubmitOption) (out Out, err error) {
	r, err := ApplyAsync(ctx, p, t, in, opts...)
	if err != nil {
		return out, err
	}
	out, err = r.Get(ctx)
	if backend.Ended(ctx) {
		r.abandon()
	}
	return out, err
}

// Map submits a task for each input and returns their results in order. It waits
// for all of them; those that failed are in a [*pool.MapError]. If ctx ends first
// they are cancelled, and Map returns the cause.
func Map[In, Out any](ctx context.Context, p *Pool, t *Task[In, Out], ins []In, opts ...SubmitOption) ([]Out, error) {
	outs := make([]Out, len(ins))
	results, err := submitAll(ctx, p, t, ins, opts)
	defer func() {
		if backend.Ended(ctx) {
			abandonAll(results)
		}
	}()
	if err != nil {
		return outs, err
	}
	failed := &pool.MapError{Total: len(ins)}
	for i, r := range results {
		if outs[i], err = r.Get(ctx); err != nil {
			if backend.Ended(ctx) || p.c.b.Closed() {
				return outs, err
			}
			failed.Items = append(failed.Items, &pool.ItemError{Index: i, Err: err})
		}
	}
	if len(failed.Items) > 0 {
		return outs, failed
	}
	return outs, nil
}

// atOnce is how many tasks one step submits.
const atOnce = 50

func submitAll[In, Out any](ctx context.Context, p *Pool, t *Task[In, Out], ins []In, opts []SubmitOption) (results []*Result[Out], err error) {
	if err := p.ended(ctx); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(ins, atOnce) {
		all := make([]*etcd.Submission, len(part))
		size := 0
		for i, in := range part {
			if all[i], err = submission(p, t, in, opts); err != nil {
				return results, err
			}
			size += len(all[i].Payload)
			if all[i].Key != "" { // the key is one task's
				return results, backend.Errorf(manager.ErrValue, "cluster: Key for several tasks at once")
			}
		}
		step := atOnce
		if size > 1<<19 {
			step = 1
		}
		for some := range slices.Chunk(all, step) {
			ids, err := p.tasks.Submit(ctx, some)
			if err != nil {
				return results, err
			}
			for _, id := range ids {
				results = append(results, ResultOf(p, t, id))
			}
		}
	}
	return results, nil
}

func abandonAll[Out any](results []*Result[Out]) {
	for _, r := range results {
		r.abandon()
	}
}

// IMapUnordered is like Map for inputs that come one by one: it yields results as
// they come, and reads up to a few hundred inputs ahead. An item's error is
// yielded in its place. A break cancels what is left.
func IMapUnordered[In, Out any](ctx context.Context, p *Pool, t *Task[In, Out], ins iter.Seq[In], opts ...SubmitOption) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		type end struct {
			r   *Result[Out]
			out Out
			err error
		}
		inner, cancel := context.WithCancel(backend.Sound(ctx))
		ends := make(chan end)
		waiting := map[*Result[Out]]bool{}
		defer func() {
			cancel()
			for r := range waiting {
				r.abandon()
			}
			for range waiting {
				<-ends
			}
		}()
		next, stop := iter.Pull(ins)
		defer stop()
		more := true
		fail := func(err error) {
			var none Out
			yield(none, err)
		}
		for {
			if more && len(waiting) < ahead/2 {
				var part []In
				for len(waiting)+len(part) < ahead && len(part) < atOnce {
					in, ok := next()
					if more = ok; !ok {
						break
					}
					part = append(part, in)
				}
				results, err := submitAll(ctx, p, t, part, opts)
				for _, r := range results {
					waiting[r] = true
					go func() {
						out, err := r.Get(inner)
						ends <- end{r, out, err}
					}()
				}
				if err != nil {
					fail(err)
					return
				}
				if more && len(waiting) < ahead/2 {
					continue
				}
			}
			if len(waiting) == 0 {
				return
			}
			e := <-ends
			delete(waiting, e.r)
			if backend.Ended(ctx) {
				waiting[e.r] = false // to be cancelled, but it has answered
				delete(waiting, e.r)
				e.r.abandon()
				fail(backend.Cause(ctx))
				return
			}
			if p.c.b.Closed() {
				fail(manager.ErrClosed)
				return
			}
			if !yield(e.out, e.err) {
				return
			}
		}
	}
}

const ahead = 256

// A Result is what will become of a task: Celery's AsyncResult. It is an ID and
// can be made again from that, in any process, by [ResultOf].
type Result[Out any] struct {
	p  *Pool
	id string
}

// ResultOf returns the Result of the task with that ID.
func ResultOf[In, Out any](p *Pool, t *Task[In, Out], id string) *Result[Out] {
	return &Result[Out]{p, id}
}

// ID returns the ID of the task.
func (r *Result[Out]) ID() string { return r.id }

// Get waits until the task has ended and returns what it returned: an error as a
// [*manager.RemoteError], [pool.ErrCancelled] if it was cancelled. ctx bounds the
// wait. It returns [manager.ErrNotFound] if the task is not known, was forgotten or
// ended too long ago.
func (r *Result[Out]) Get(ctx context.Context) (out Out, err error) {
	if err := r.p.ended(ctx); err != nil {
		return out, err
	}
	record, err := r.p.tasks.Wait(ctx, r.id)
	if err != nil {
		return out, err
	}
	return r.of(record)
}

// TryGet is like Get, but returns [pool.ErrTimeout] if the task has not ended.
func (r *Result[Out]) TryGet(ctx context.Context) (out Out, err error) {
	if err := r.p.ended(ctx); err != nil {
		return out, err
	}
	record, err := r.p.tasks.Record(ctx, r.id)
	if err != nil {
		return out, err
	}
	if !record.Ended() {
		return out, pool.ErrTimeout
	}
	return r.of(record)
}

func (r *Result[Out]) of(record *etcd.Record) (out Out, err error) {
	switch record.State {
	case etcd.Cancelled:
		return out, pool.ErrCancelled
	case etcd.Failed:
		return out, backend.RemoteError(*record.Fault)
	}
	return decode[Out](r.p.c.codec, record.Out)
}

// State returns where the task is in its life.
func (r *Result[Out]) State(ctx context.Context) (State, error) {
	if err := r.p.ended(ctx); err != nil {
		return "", err
	}
	record, err := r.p.tasks.Record(ctx, r.id)
	if err != nil {
		return "", err
	}
	return State(record.State), nil
}

// Cancel cancels the task. It returns true if the task will not run, or not again;
// its result is [pool.ErrCancelled] then. If it runs, its context ends with that
// cause, and what it returns is the result.
func (r *Result[Out]) Cancel(ctx context.Context) (bool, error) {
	if err := r.p.ended(ctx); err != nil {
		return false, err
	}
	return r.p.tasks.Cancel(ctx, r.id)
}

// abandon cancels the task, if that can be done soon.
func (r *Result[Out]) abandon() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = r.p.tasks.Cancel(ctx, r.id)
}

// Progress yields what the task reports, from the newest report on, until it has
// ended. Of several reports in a row the last may stand for all.
func (r *Result[Out]) Progress(ctx context.Context) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		err := r.p.ended(ctx)
		if err == nil {
			err = r.p.tasks.Progress(ctx, r.id, func(data []byte) bool {
				var progress Progress
				err := r.p.c.codec.Unmarshal(data, &progress)
				return yield(progress, err) && err == nil
			})
		}
		if err != nil {
			yield(Progress{}, err)
		}
	}
}

// Stats are how many tasks of a pool are where. Unknown are those of the queued
// that no worker at work knows.
type Stats struct {
	Queued, Delayed, Running, Dead, Unknown, Workers int
	Paused                                           bool
}

// Stats counts the tasks. That takes time in proportion to those that wait.
func (p *Pool) Stats(ctx context.Context) (Stats, error) {
	if err := p.ended(ctx); err != nil {
		return Stats{}, err
	}
	c, err := p.tasks.Count(ctx)
	return Stats(c), err
}

// Tasks yields the tasks in a state.
func (p *Pool) Tasks(ctx context.Context, state State) iter.Seq2[TaskInfo, error] {
	return func(yield func(TaskInfo, error) bool) {
		err := p.ended(ctx)
		if err == nil {
			err = p.tasks.Each(ctx, string(state), func(r *etcd.Record) bool { return yield(p.info(r), nil) })
		}
		if err != nil {
			yield(TaskInfo{}, err)
		}
	}
}

// A DeadTask is one that lost its worker too often. Err is what Get returns.
type DeadTask struct {
	TaskInfo
	Err error

	p *Pool
	r *etcd.Record
}

// Dead yields the dead tasks.
func (p *Pool) Dead(ctx context.Context) iter.Seq2[*DeadTask, error] {
	return func(yield func(*DeadTask, error) bool) {
		err := p.ended(ctx)
		if err == nil {
			err = p.tasks.EachDead(ctx, func(r *etcd.Record) bool {
				return yield(&DeadTask{p.info(r), backend.RemoteError(*r.Fault), p, r}, nil)
			})
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// Revive lets the task run again; its Attempt begins at 1. It returns
// [manager.ErrNotFound] if somebody else has settled it.
func (d *DeadTask) Revive(ctx context.Context) error { return d.settle(ctx, true) }

// Drop deletes the task.
func (d *DeadTask) Drop(ctx context.Context) error { return d.settle(ctx, false) }

func (d *DeadTask) settle(ctx context.Context, revive bool) error {
	if d.p == nil {
		return backend.Errorf(errors.ErrUnsupported, "a DeadTask that Dead has not yielded")
	}
	if err := d.p.ended(ctx); err != nil {
		return err
	}
	return d.p.tasks.Settle(ctx, d.r, revive)
}

// Pause keeps all workers from taking tasks, until Resume. Those that run go on.
func (p *Pool) Pause(ctx context.Context) error {
	if err := p.ended(ctx); err != nil {
		return err
	}
	return p.tasks.Pause(ctx, true)
}

// Resume ends a Pause.
func (p *Pool) Resume(ctx context.Context) error {
	if err := p.ended(ctx); err != nil {
		return err
	}
	return p.tasks.Pause(ctx, false)
}

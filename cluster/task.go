package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/thread"
)

// A Task is a function that workers of any process can run, by its name: Celery's
// @app.task. It is made by [Register].
//
// The input and the result pass the codec of the Cluster. A task is run at least
// once: if its worker dies, another runs it again.
type Task[In, Out any] struct{ task *task }

// A task is what is registered.
type task struct {
	name    string
	run     func(ctx context.Context, codec manager.Codec, in []byte) (out []byte, err error)
	retries int
	backoff func(attempt int) time.Duration
	timeout time.Duration
	keep    time.Duration
}

// A TaskRef is a *Task of any types.
type TaskRef interface {
	Name() string
	registered() *task
}

// Name returns the name under which the task was registered.
func (t *Task[In, Out]) Name() string { return t.task.name }

func (t *Task[In, Out]) registered() *task { return t.task }

// A TaskOption says how a task is run.
type TaskOption struct{ set func(*task) }

const keepResult = time.Hour

var registered sync.Map // name -> *task

// Register makes a function known to this process under a name. It is called for
// package variables, so that every process that submits or runs the task knows it.
// A name twice panics with [manager.ErrDuplicate].
func Register[In, Out any](name string, fn func(ctx context.Context, in In) (Out, error), opts ...TaskOption) *Task[In, Out] {
	if fn == nil {
		panic("cluster: Register with a nil function")
	}
	t := &task{name: name, keep: keepResult}
	t.run = func(ctx context.Context, codec manager.Codec, in []byte) ([]byte, error) {
		arg, err := decode[In](codec, in)
		if err != nil {
			return nil, Permanent(err)
		}
		out, err := fn(ctx, arg)
		if err != nil {
			return nil, err
		}
		data, err := encode(codec, out)
		if err != nil {
			return nil, Permanent(err)
		}
		return data, nil
	}
	for _, o := range opts {
		if o.set != nil {
			o.set(t)
		}
	}
	if _, known := registered.LoadOrStore(name, t); known {
		panic(backend.Errorf(manager.ErrDuplicate, "cluster.Register(%q)", name))
	}
	return &Task[In, Out]{t}
}

// Retries lets an error be tried again, up to n times. backoff says after what
// time the attempt after this one begins; nil is 1 s, doubling up to 1 h, with
// jitter. Without Retries an error is the result, as in package pool.
func Retries(n int, backoff func(attempt int) time.Duration) TaskOption {
	if n < 0 {
		panic(backend.Errorf(manager.ErrValue, "cluster.Retries(%d): want at least 0", n))
	}
	if backoff == nil {
		backoff = doubling
	}
	return TaskOption{func(t *task) { t.retries, t.backoff = n, backoff }}
}

func doubling(attempt int) time.Duration {
	d := min(time.Second<<min(max(attempt-1, 0), 20), time.Hour)
	return d - rand.N(d/4)
}

// Timeout ends the context of an attempt after d, with the cause
// [context.DeadlineExceeded].
func Timeout(d time.Duration) TaskOption { return TaskOption{func(t *task) { t.timeout = d }} }

// KeepResult says for how long a result can be got: at least d, and at most 9/8 of
// it. The default is 1 h.
func KeepResult(d time.Duration) TaskOption {
	if d <= 0 {
		panic(backend.Errorf(manager.ErrValue, "cluster.KeepResult(%v): want more than 0; see Forget", d))
	}
	return TaskOption{func(t *task) { t.keep = d }}
}

// A directive is an error that says what becomes of the task.
type directive struct {
	err   error
	again bool
	snooz bool
	after time.Duration
}

func (d *directive) Error() string {
	if d.err == nil {
		return "cluster: again after " + d.after.String()
	}
	return d.err.Error()
}

func (d *directive) Unwrap() error { return d.err }

// Permanent returns an error that is err and is never tried again. Permanent of
// nil is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &directive{err: err}
}

// RetryAfter returns an error that is err and is tried again after d, as one of
// the task's Retries. RetryAfter of nil is nil.
func RetryAfter(err error, d time.Duration) error {
	if err == nil {
		return nil
	}
	return &directive{err: err, again: true, after: d}
}

// Snooze returns an error for a task that wants to run again after d: this attempt
// is not counted.
func Snooze(d time.Duration) error { return &directive{snooz: true, after: d} }

// A Progress is how far a task has come.
type Progress struct {
	Done, Total int64
	Text        string
}

// A State is where a task is in its life.
type State string

// The states.
const (
	Delayed   State = etcd.Delayed
	Queued    State = etcd.Queued
	Running   State = etcd.Running
	Retrying  State = etcd.Retrying
	Succeeded State = etcd.Succeeded
	Failed    State = etcd.Failed
	Cancelled State = etcd.Cancelled
)

// A TaskInfo describes a task that was submitted. Token is that of the attempt: it
// grows with each, and what a late attempt must not spoil can refuse smaller ones.
type TaskInfo struct {
	ID, Task, Pool string
	State          State
	Attempt        int
	Token          uint64
	Submitted      time.Time
}

func (p *Pool) info(r *etcd.Record) TaskInfo {
	return TaskInfo{ID: r.ID, Task: r.Task, Pool: p.name, State: State(r.State), Attempt: r.Attempt, Token: r.Token(), Submitted: r.Submitted}
}

// A running is what a task's context leads to.
type running struct {
	p *Pool
	s *etcd.Session
	r *etcd.Record
}

type runningKey struct{}

// Info returns what is known of the task whose context ctx is, or the zero
// TaskInfo.
func Info(ctx context.Context) TaskInfo {
	if run, ok := ctx.Value(runningKey{}).(*running); ok {
		return run.p.info(run.r)
	}
	return TaskInfo{}
}

// Report stores the progress of the task whose context ctx is, for
// [Result.Progress]. It returns [manager.ErrLost] if the task is not this worker's
// any more. Elsewhere it returns an error that is [errors.ErrUnsupported].
func Report(ctx context.Context, progress Progress) error {
	run, ok := ctx.Value(runningKey{}).(*running)
	if !ok {
		return backend.Errorf(errors.ErrUnsupported, "cluster.Report outside of a task")
	}
	data, err := run.p.c.codec.Marshal(progress)
	if err != nil {
		return err
	}
	return run.p.tasks.SetProgress(run.s, run.r, data)
}

// execute runs a task here. A panic is a *thread.PanicError, a Goexit thread.ErrGoexit.
func (t *task) execute(ctx context.Context, codec manager.Codec, in []byte) (out []byte, err error) {
	returned := false
	failed := thread.Try(func() {
		defer func() {
			if !returned {
				err = thread.ErrGoexit
			}
		}()
		out, err = t.run(ctx, codec, in)
		returned = true
	})
	if failed != nil {
		return nil, failed
	}
	return out, err
}

func encode[T any](codec manager.Codec, v T) ([]byte, error) {
	if raw, ok := any(v).([]byte); ok {
		return append([]byte{}, raw...), nil
	}
	return codec.Marshal(v)
}

func decode[T any](codec manager.Codec, data []byte) (v T, err error) {
	if raw, ok := any(&v).(*[]byte); ok {
		*raw = append([]byte{}, data...)
		return v, nil
	}
	return v, codec.Unmarshal(data, &v)
}

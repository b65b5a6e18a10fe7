package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// A WorkOption changes how [Pool.Work] works.
type WorkOption struct{ set func(*work) }

// Only lets a Work take only these tasks.
func Only(tasks ...TaskRef) WorkOption {
	return WorkOption{func(w *work) {
		w.only = true
		for _, t := range tasks {
			w.known[t.Name()] = t.registered()
		}
	}}
}

// Grace is for how long tasks may go on that run when the ctx of Work ends; the
// default is 30 s. Then their contexts end, and one that returns that cause goes
// back, for another worker.
func Grace(d time.Duration) WorkOption { return WorkOption{func(w *work) { w.grace = max(d, 0) }} }

const defaultGrace = 30 * time.Second

// errDrained is the cause of the contexts of tasks when Grace is over.
var errDrained = errors.New("cluster: the worker ends, and its grace is over")

// A work is a call of Work.
type work struct {
	p     *Pool
	only  bool
	known map[string]*task
	grace time.Duration
	slots chan struct{}
	wg    sync.WaitGroup
	stop  context.Context // ends the tasks, with errDrained

	guard   sync.Mutex
	running map[string]context.CancelCauseFunc // by ID
}

// Work takes tasks and runs up to workers of them at a time, until ctx ends. Then
// it takes no more, waits for those that run, as [Grace] says, and returns the
// cause. It takes only tasks that are registered in this process; the others stay,
// uncounted, for workers that know them: so a deploy may roll. A lost session ends
// the contexts of its tasks with the cause [manager.ErrLost], and Work goes on
// under the next one.
func (p *Pool) Work(ctx context.Context, workers int, opts ...WorkOption) error {
	if workers < 1 {
		panic(backend.Errorf(manager.ErrValue, "cluster: Work with %d workers: want at least 1", workers))
	}
	if err := p.ended(ctx); err != nil {
		return err
	}
	w := &work{p: p, known: make(map[string]*task), grace: defaultGrace, slots: make(chan struct{}, workers), running: make(map[string]context.CancelCauseFunc)}
	for _, o := range opts {
		if o.set != nil {
			o.set(w)
		}
	}
	if !w.only {
		registered.Range(func(name, t any) bool {
			w.known[name.(string)] = t.(*task)
			return true
		})
	}
	stop, cut := context.WithCancelCause(context.Background())
	defer cut(nil)
	w.stop = stop
	inner, cancel := context.WithCancel(backend.Sound(ctx))
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() { p.tasks.Tick(inner, "", nil) })
	others.Go(func() { p.tasks.Cancelled(inner, w.cancel) })
	var err error
	for err == nil && !backend.Ended(ctx) {
		err = w.session(ctx, workers)
	}
	if backend.Ended(ctx) {
		err = backend.Cause(ctx)
	}
	if w.grace < time.Duration(1<<62) {
		timer := time.AfterFunc(w.grace, func() { cut(errDrained) })
		defer timer.Stop()
	}
	w.wg.Wait()
	cancel()
	others.Wait()
	return err
}

// session works under one session. It returns nil if that was lost.
func (w *work) session(ctx context.Context, workers int) error {
	inner := backend.Sound(ctx)
	s, err := w.p.c.b.Present(inner)
	if err != nil {
		return w.passing(ctx, err)
	}
	names := make([]string, 0, len(w.known))
	for name := range w.known {
		names = append(names, name)
	}
	leave, err := w.p.tasks.Enter(inner, s, workers, names, w.p.limits)
	if err != nil {
		return w.passing(ctx, err)
	}
	defer leave()
	for {
		// One slot has to be free; then as many as there are.
		select {
		case w.slots <- struct{}{}:
		case <-s.Lost():
			return nil
		case <-inner.Done():
			return nil
		}
		n := 1
	fill:
		for {
			select {
			case w.slots <- struct{}{}:
				n++
			default:
				break fill
			}
		}
		got, err := w.p.tasks.Claim(inner, s, names, n)
		for range n - len(got) {
			<-w.slots
		}
		for _, r := range got {
			if backend.Ended(ctx) { // too late to begin it
				_ = w.p.tasks.Again(s, r, etcd.Queued, 0, false, nil)
				<-w.slots
				continue
			}
			w.wg.Go(func() { w.run(s, r) })
		}
		if err != nil {
			return w.passing(ctx, err)
		}
		if backend.Ended(ctx) {
			return nil
		}
	}
}

// passing returns err unless it passes.
func (w *work) passing(ctx context.Context, err error) error {
	if errors.Is(err, manager.ErrLost) && !errors.Is(err, manager.ErrClosed) || backend.Ended(ctx) {
		return nil
	}
	if errors.Is(err, manager.ErrQuota) || errors.Is(err, manager.ErrUnknown) && !errors.Is(err, manager.ErrClosed) {
		_ = thread.SleepContext(ctx, time.Second)
		return nil
	}
	return err
}

func (w *work) cancel(id string) {
	w.guard.Lock()
	defer w.guard.Unlock()
	if cancel := w.running[id]; cancel != nil {
		cancel(pool.ErrCancelled)
	}
}

// run runs a task and says what becomes of it.
func (w *work) run(s *etcd.Session, r *etcd.Record) {
	defer func() { <-w.slots }()
	t := w.known[r.Task]
	ctx, cancel := context.WithCancelCause(w.stop)
	defer cancel(nil)
	w.guard.Lock()
	w.running[r.ID] = cancel
	w.guard.Unlock()
	defer func() {
		w.guard.Lock()
		defer w.guard.Unlock()
		delete(w.running, r.ID)
	}()
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-s.Lost():
			cancel(manager.ErrLost)
		case <-ended:
		}
	})
	run, stop := ctx, context.CancelFunc(func() {})
	if t.timeout > 0 {
		run, stop = context.WithTimeout(ctx, t.timeout)
	}
	run = context.WithValue(run, runningKey{}, &running{w.p, s, r})
	out, err := t.execute(run, w.p.c.codec, r.Payload())
	stop()
	close(ended)
	watching.Wait()
	_ = w.settle(s, r, t, out, err)
}

// settle says what becomes of a task that has run.
func (w *work) settle(s *etcd.Session, r *etcd.Record, t *task, out []byte, err error) error {
	tasks := w.p.tasks
	if err == nil {
		return tasks.Finish(s, r, etcd.Succeeded, out, nil)
	}
	if errors.Is(err, errDrained) && w.stop.Err() != nil {
		return tasks.Again(s, r, etcd.Queued, 0, true, nil)
	}
	var d *directive
	asked := errors.As(err, &d)
	if asked && d.snooz {
		return tasks.Again(s, r, etcd.Delayed, max(d.after, 1), false, nil)
	}
	if asked && d.err != nil && err == error(d) {
		err = d.err
	}
	fault := backend.FaultOf(err)
	if r.Failures < t.retries && (!asked || d.again) && !errors.Is(err, pool.ErrCancelled) {
		after := time.Duration(0)
		switch {
		case asked:
			after = d.after
		case t.backoff != nil:
			after = t.backoff(r.Failures + 1)
		}
		return tasks.Again(s, r, etcd.Retrying, max(after, 1), true, &fault)
	}
	if errors.Is(err, pool.ErrCancelled) {
		return tasks.Finish(s, r, etcd.Cancelled, nil, nil)
	}
	return tasks.Finish(s, r, etcd.Failed, nil, &fault)
}

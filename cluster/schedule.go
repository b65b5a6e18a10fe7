package cluster

import (
	"context"
	"iter"
	"time"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// A ScheduleInfo describes a schedule. Every is 0 for one that [Schedule] made.
type ScheduleInfo struct {
	Name, Task string
	Every      time.Duration
	Next       time.Time
}

// Every submits a task every d, for the first time d from now. Whichever worker of
// the pool is first does it, so each run is submitted once however many there are;
// while no worker is at work nothing is, and afterwards one run stands for all
// that were missed. The same call again changes nothing, so every process may make
// it when it starts. With another d, task or input it replaces the schedule of
// that name, and the next run is at the earlier of the two times.
func Every[In, Out any](ctx context.Context, p *Pool, name string, d time.Duration, t *Task[In, Out], in In, opts ...SubmitOption) error {
	if d <= 0 {
		panic(backend.Errorf(manager.ErrValue, "cluster.Every(%q, %v): want more than 0", name, d))
	}
	return schedule(ctx, p, etcd.Entry{Name: name, Every: d, Next: time.Now().Add(d)}, t, in, opts)
}

// Schedule is like [Every] for times that s says, such as a Schedule of
// github.com/robfig/cron. s lives in the processes that have called Schedule, so
// each worker does when it starts. Those submit the runs, until their Cluster is
// closed or the schedule deleted; while none of them lives nothing is submitted,
// and afterwards one run stands for all that were missed. When s.Next returns the
// zero time the schedule is over.
func Schedule[In, Out any](ctx context.Context, p *Pool, name string, s interface{ Next(time.Time) time.Time }, t *Task[In, Out], in In, opts ...SubmitOption) error {
	if s == nil {
		panic("cluster: Schedule with a nil schedule")
	}
	next := s.Next(time.Now())
	if next.IsZero() {
		return p.ended(ctx)
	}
	if err := schedule(ctx, p, etcd.Entry{Name: name, Next: next}, t, in, opts); err != nil {
		return err
	}
	p.c.b.Go(func(life context.Context) { p.tasks.Tick(life, name, s.Next) })
	return nil
}

func schedule[In, Out any](ctx context.Context, p *Pool, e etcd.Entry, t *Task[In, Out], in In, opts []SubmitOption) error {
	if err := p.ended(ctx); err != nil {
		return err
	}
	s, err := submission(p, t, in, opts)
	if err != nil {
		return err
	}
	if s.Key != "" || !s.Due.IsZero() {
		return backend.Errorf(manager.ErrValue, "cluster: a schedule with Key, Delay or At")
	}
	e.Submission = *s
	return p.tasks.Schedule(ctx, e)
}

// Unschedule deletes a schedule, and reports whether there was one.
func (p *Pool) Unschedule(ctx context.Context, name string) (bool, error) {
	if err := p.ended(ctx); err != nil {
		return false, err
	}
	return p.tasks.Unschedule(ctx, name)
}

// Schedules yields the schedules of the pool.
func (p *Pool) Schedules(ctx context.Context) iter.Seq2[ScheduleInfo, error] {
	return func(yield func(ScheduleInfo, error) bool) {
		err := p.ended(ctx)
		if err == nil {
			err = p.tasks.Entries(ctx, func(e *etcd.Entry) bool {
				return yield(ScheduleInfo{e.Name, e.Task, e.Every, e.Next}, nil)
			})
		}
		if err != nil {
			yield(ScheduleInfo{}, err)
		}
	}
}

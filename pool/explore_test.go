//go:build threadingexplore

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/pool"
)

// A resolveCase submits tasks, lets others meddle, and shuts the pool down when all of them have done so. Every Result
// must resolve, to one of what it may be, and what was cancelled in time must not have run.
func resolveCase(
	name string, workers, tasks int, callbacks bool, opts []pool.Option, meddle ...func(*pool.Pool, []*pool.Result[int]),
) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			p        = pool.New(workers, opts...)
			results  = make([]*pool.Result[int], tasks)
			ran      = make([]int, tasks)
			called   = make([]int, tasks)
			failures []error
		)
		start("submitter", func() {
			for i := range tasks {
				task := func(context.Context) (int, error) {
					ran[i]++
					explore.Point("task")
					return i, nil
				}
				if callbacks {
					results[i] = pool.ApplyAsync(p, task, pool.Callback(func(int, error) { called[i]++ }))
				} else {
					results[i], called[i] = pool.ApplyAsync(p, task), 1
				}
			}
			start("waiter", func() {
				for i, r := range results {
					if !r.WaitTimeout(explore.LastResort) {
						failures = append(failures, fmt.Errorf("result %d was never ready", i))
					}
				}
			})
			for i, m := range meddle {
				done := make(chan struct{})
				go func() {
					explore.Point(fmt.Sprint("meddler ", i))
					m(p, results)
					close(done)
				}()
				defer func() { <-done }()
			}
			p.Close()
			if !p.JoinTimeout(explore.LastResort) {
				failures = append(failures, errors.New("the pool does not end"))
			}
			for i, r := range results {
				if !r.Ready() || called[i] != 1 {
					failures = append(failures, fmt.Errorf("after Join, result %d is ready: %v, callbacks: %d", i, r.Ready(), called[i]))
				}
			}
		})
		return func() error {
			for i, r := range results {
				v, err := r.TryGet()
				switch ok := err == nil && v == i && ran[i] == 1; {
				case !ok && ran[i] != 0:
					failures = append(failures, fmt.Errorf("task %d ran %d times, and became %d, %v", i, ran[i], v, err))
				}
			}
			if s := p.Stats(); s.Submitted != s.Succeeded+s.Failed+s.Cancelled || s.Running+s.Lent+s.Queued != 0 {
				failures = append(failures, fmt.Errorf("%+v", s))
			}
			return errors.Join(failures...)
		}
	}}
}

// nestedCase has tasks that wait for tasks, at one worker.
var nestedCase = explore.Case{Name: "nested", Start: func(start func(string, func())) func() error {
	p := pool.New(1)
	var v int
	var err error
	ended := false
	start("submitter", func() {
		v, err = pool.Apply(p, func(context.Context) (int, error) {
			inner := pool.ApplyAsync(p, func(context.Context) (int, error) { return 1, nil })
			v, err := pool.Apply(p, func(context.Context) (int, error) { return 2, nil })
			w, _ := inner.GetTimeout(explore.LastResort)
			return v + w, err
		})
		p.Close()
		ended = p.JoinTimeout(explore.LastResort)
	})
	return func() error {
		if v != 3 || err != nil || !ended {
			return fmt.Errorf("got %d, %v; the pool ended: %v", v, err, ended)
		}
		return nil
	}
}}

// failFastCase has a Map of two items that fail at the same time: one of them, and no other, is its error.
var failFastCase = explore.Case{Name: "two fail at once", Start: func(start func(string, func())) func() error {
	p := pool.New(2)
	var err error
	start("caller", func() {
		_, err = pool.Map(p, func(_ context.Context, i int) (int, error) {
			explore.Point("item")
			return 0, fmt.Errorf("item %d", i)
		}, []int{0, 1}, pool.ChunkSize(1), pool.FailFast())
		p.Close()
		p.JoinTimeout(explore.LastResort)
	})
	return func() error {
		var failed *pool.MapError
		if !errors.As(err, &failed) || len(failed.Items) != 1 || err != error(failed) {
			return fmt.Errorf("the error is %v", err)
		}
		return nil
	}
}}

// meetingCase has tasks that meet each other, so that as many workers as there are must come.
var meetingCase = explore.Case{Name: "meeting", Start: func(start func(string, func())) func() error {
	const workers = 3
	p := pool.New(workers)
	missed := 0
	start("submitter", func() {
		var here sync.WaitGroup
		here.Add(workers)
		all := make(chan struct{})
		for range workers {
			_ = p.Go(func(context.Context) error {
				here.Done()
				select {
				case <-all:
				case <-time.After(explore.LastResort):
					missed++
				}
				return nil
			})
		}
		here.Wait()
		close(all)
		p.Shutdown()
	})
	return func() error {
		if missed > 0 {
			return fmt.Errorf("%d workers waited for another", missed)
		}
		return nil
	}
}}

// lateCase has a scope in a task, at one worker, and an outsider who gives the scope one more task when its last has ended,
// which may be a moment before the scope is over: then the task that waits for the scope must give its slot away again.
var lateCase = explore.Case{Name: "late for a scope", Start: func(start func(string, func())) func() error {
	p := pool.New(1)
	one := func(context.Context) (int, error) { return 1, nil }
	var late error
	start("caller", func() {
		var g *pool.Pool
		var first *pool.Result[int]
		given, done := make(chan struct{}), make(chan struct{})
		go func() {
			<-given
			first.Wait()
			_, late = pool.ApplyAsync(g, one).GetTimeout(explore.LastResort)
			close(done)
		}()
		_ = p.Go(func(ctx context.Context) error {
			return p.Scope(ctx, func(_ context.Context, view *pool.Pool) error {
				g, first = view, pool.ApplyAsync(view, one)
				close(given)
				return nil
			})
		})
		<-done
		p.Shutdown()
	})
	return func() error {
		if late != nil && late != pool.ErrClosed {
			return fmt.Errorf("what came late became %v", late)
		}
		return nil
	}
}}

func TestNoScheduleBreaksAPool(t *testing.T) {
	type results = []*pool.Result[int]
	cancel := func(i int) func(*pool.Pool, results) {
		return func(_ *pool.Pool, rs results) { rs[i].Cancel() }
	}
	terminate := func(p *pool.Pool, _ results) { p.Terminate() }
	pending := func(p *pool.Pool, _ results) { p.CancelPending() }
	resize := func(n int) func(*pool.Pool, results) { return func(p *pool.Pool, _ results) { p.Resize(n) } }
	for _, c := range []explore.Case{
		resolveCase("cancel", 1, 2, true, nil, cancel(0), cancel(1)),
		resolveCase("cancel and terminate", 2, 3, true, nil, cancel(1), terminate),
		resolveCase("cancel pending and resize", 2, 3, true, nil, pending, resize(1)),
		resolveCase("resize", 1, 3, true, []pool.Option{pool.LIFO()}, resize(2), resize(1)),
		resolveCase("backlog", 1, 3, true, []pool.Option{pool.Backlog(0)}, cancel(2)),
		resolveCase("terminate, nobody is called back", 1, 2, false, nil, terminate),
		nestedCase,
		failFastCase,
		meetingCase,
		lateCase,
	} {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

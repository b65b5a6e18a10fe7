package cases

import (
	"context"
	"sync/atomic"

	"github.com/alitto/pond/v2"
	"github.com/gammazero/workerpool"
	"github.com/gothreading/threading/pool"
	"github.com/panjf2000/ants/v2"
	concpool "github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"
)

const (
	workers = 8
	window  = 1000 // how many results are awaited together
)

func poolRows(Sizes) []Row {
	return []Row{{
		Name: "Pool: ApplyAsync and Get", Group: "Pools", Batch: window,
		Ours: results("pool.ApplyAsync", false, func(task func() int) (func([]int), func()) {
			p := pool.New(workers)
			fn := func(context.Context) (int, error) { return task(), nil }
			pending := make([]*pool.Result[int], window)
			return func(out []int) {
				for i := range pending {
					pending[i] = pool.ApplyAsync(p, fn)
				}
				for i, r := range pending {
					out[i], _ = r.Get()
				}
			}, p.Shutdown
		}),
		Rivals: []Contender{
			results("go and result channel", true, goAndChannel),
			results("pond", true, func(task func() int) (func([]int), func()) {
				p := pond.NewResultPool[int](workers)
				pending := make([]pond.ResultTask[int], window)
				return func(out []int) {
					for i := range pending {
						pending[i] = p.Submit(task)
					}
					for i, r := range pending {
						out[i], _ = r.Wait()
					}
				}, p.StopAndWait
			}),
			results("conc", false, func(task func() int) (func([]int), func()) {
				return func(out []int) {
					p := concpool.NewWithResults[int]().WithMaxGoroutines(workers)
					for range out {
						p.Go(task)
					}
					copy(out, p.Wait())
				}, nil
			}),
		},
	}, {
		Name: "Pool: Apply, one at a time", Group: "Pools",
		Ours: Contender{Name: "pool.Apply", New: func() Body {
			p, count := pool.New(workers), 0
			fn := func(context.Context) (int, error) { return 1, nil }
			body := single(&count, func(n int) {
				for range n {
					one, _ := pool.Apply(p, fn)
					count += one
				}
			})
			body.Close = p.Shutdown
			return body
		}},
		Rivals: []Contender{{Name: "go and result channel", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					c := make(chan int, 1)
					go func() { c <- 1 }()
					count += <-c
				}
			})
		}}, {Name: "pond", New: func() Body {
			p, count := pond.NewResultPool[int](workers), 0
			body := single(&count, func(n int) {
				for range n {
					one, _ := p.Submit(func() int { return 1 }).Wait()
					count += one
				}
			})
			body.Close = p.StopAndWait
			return body
		}}},
	}, {
		Name: "Pool: Go", Group: "Pools",
		Ours: tasks("pool.Go", false, onPool),
		Rivals: []Contender{
			tasks("pond", true, onPond),
			tasks("ants", true, func(task func()) (func(), func(), func()) {
				p, err := ants.NewPool(workers, ants.WithDisablePurge(true))
				if err != nil {
					panic(err)
				}
				return func() { _ = p.Submit(task) }, nil, func() { _ = p.ReleaseContext(context.Background()) }
			}),
			tasks("conc", true, func(task func()) (func(), func(), func()) {
				p := concpool.New().WithMaxGoroutines(workers)
				return func() { p.Go(task) }, nil, p.Wait
			}),
			tasks("gammazero/workerpool", false, func(task func()) (func(), func(), func()) {
				p := workerpool.New(workers)
				return func() { p.Submit(task) }, nil, p.StopWait
			}),
			tasks("errgroup, limited", false, func(task func()) (func(), func(), func()) {
				var g errgroup.Group
				g.SetLimit(workers)
				fn := func() error {
					task()
					return nil
				}
				return func() { g.Go(fn) }, func() { _ = g.Wait() }, nil
			}),
			tasks("go statement", false, onNothing),
		},
	}}
}

func onPool(task func()) (submit, wait, end func()) {
	p := pool.New(workers)
	fn := func(context.Context) error { task(); return nil }
	return func() { _ = p.Go(fn) }, nil, p.Shutdown
}

func onPond(task func()) (submit, wait, end func()) {
	p := pond.NewPool(workers)
	return func() { _ = p.Go(task) }, nil, p.StopAndWait
}

func onNothing(task func()) (submit, wait, end func()) {
	return func() { go task() }, nil, nil
}

// results submits a window of tiny tasks, awaits the value of each, and so on. Only what has the right sum counts.
func results(name string, main bool, newPool func(task func() int) (get func(out []int), end func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		var (
			next  atomic.Int64
			count int
			sum   int64
			out   = make([]int, window)
		)
		get, end := newPool(func() int { return int(next.Add(1)) })
		return Body{
			Run: func(_ Timer, n int) {
				for range n / window {
					clear(out)
					get(out)
					for _, v := range out {
						sum += int64(v)
					}
					count += window
				}
			},
			Count: func() int {
				if all := int64(count); sum != all*(all+1)/2 {
					return -1
				}
				return count
			},
			Close: end,
		}
	}}
}

// tasks submits tiny tasks and waits until the last has run. The task counts down, so that how the end is noticed is
// the same for all; wait is for those who must be waited for before they are used again.
func tasks(name string, main bool, newPool func(task func()) (submit, wait, end func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		var (
			left atomic.Int64
			done = make(chan struct{}, 1)
			all  int
		)
		submit, wait, end := newPool(func() {
			if left.Add(-1) == 0 {
				done <- struct{}{}
			}
		})
		return Body{
			Run: func(_ Timer, n int) {
				left.Store(int64(n))
				for range n {
					submit()
				}
				<-done
				if wait != nil {
					wait()
				}
				all += n
			},
			Count: func() int { return all - int(left.Load()) },
			Close: end,
		}
	}}
}

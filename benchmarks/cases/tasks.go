package cases

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/alitto/pond/v2"
	"github.com/gothreading/threading/pool"
	"github.com/sourcegraph/conc"
	concpool "github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"
)

const together = 10 // tasks that are started and awaited together

// taskRows are about tasks that need no pool of their own, and tasks that wait for others.
func taskRows(s Sizes) []Row {
	return []Row{{
		Name: "Pool: Spawn and Get", Group: "Pools", Batch: window,
		Ours: results("pool.Spawn", false, func(task func() int) (func([]int), func()) {
			fn := func(context.Context) (int, error) { return task(), nil }
			pending := make([]*pool.Result[int], window)
			return func(out []int) {
				for i := range pending {
					pending[i] = pool.Spawn(fn)
				}
				for i, r := range pending {
					out[i], _ = r.Get()
				}
			}, nil
		}),
		Rivals: []Contender{
			results("go and result channel", true, goAndChannel),
			results("conc", true, func(task func() int) (func([]int), func()) {
				return func(out []int) {
					var wg conc.WaitGroup
					for i := range out {
						wg.Go(func() { out[i] = task() })
					}
					wg.Wait()
				}, nil
			}),
		},
	}, {
		Name: "Pool: Gather of " + size(window) + " Spawns", Group: "Pools", Batch: window,
		Ours: results("pool.Gather", false, func(task func() int) (func([]int), func()) {
			fn := func(context.Context) (int, error) { return task(), nil }
			pending := make([]*pool.Result[int], window)
			return func(out []int) {
				for i := range pending {
					pending[i] = pool.Spawn(fn)
				}
				values, _ := pool.Gather(pending...)
				copy(out, values)
			}, nil
		}),
		Rivals: []Contender{results("go and result channel", true, goAndChannel)},
	}, {
		Name: "Pool: Gather of " + size(together), Group: "Pools",
		Ours: groups("pool.Gather", false, func(task func() int) (func() int, func()) {
			p := pool.New(workers)
			fn := func(context.Context) (int, error) { return task(), nil }
			pending := make([]*pool.Result[int], together)
			return func() int {
				for i := range pending {
					pending[i] = pool.ApplyAsync(p, fn)
				}
				values, _ := pool.Gather(pending...)
				return sum(values)
			}, p.Shutdown
		}),
		Rivals: []Contender{groups("errgroup", true, func(task func() int) (func() int, func()) {
			return func() int {
				var g errgroup.Group
				values := make([]int, together)
				for i := range values {
					g.Go(func() error {
						values[i] = task()
						return nil
					})
				}
				_ = g.Wait()
				return sum(values)
			}, nil
		})},
	}, {
		Name: "Pool: Scope of " + size(together) + " tasks", Group: "Pools",
		Ours: groups("pool.Scope", false, func(task func() int) (func() int, func()) {
			return func() int {
				var all atomic.Int64
				fn := func(context.Context) error {
					all.Add(int64(task()))
					return nil
				}
				_ = pool.Scope(context.Background(), func(_ context.Context, g *pool.Pool) error {
					for range together {
						if err := g.Go(fn); err != nil {
							return err
						}
					}
					return nil
				})
				return int(all.Load())
			}, nil
		}),
		Rivals: []Contender{groups("errgroup", true, func(task func() int) (func() int, func()) {
			return func() int {
				var all atomic.Int64
				g, _ := errgroup.WithContext(context.Background())
				fn := func() error {
					all.Add(int64(task()))
					return nil
				}
				for range together {
					g.Go(fn)
				}
				_ = g.Wait()
				return int(all.Load())
			}, nil
		}), groups("conc", true, func(task func() int) (func() int, func()) {
			return func() int {
				var all atomic.Int64
				p := concpool.New().WithContext(context.Background()).WithCancelOnError()
				fn := func(context.Context) error {
					all.Add(int64(task()))
					return nil
				}
				for range together {
					p.Go(fn)
				}
				_ = p.Wait()
				return int(all.Load())
			}, nil
		})},
	}, {
		Name: "Pool: Promise, set and get", Group: "Pools",
		Ours: Contender{Name: "pool.Promise", New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					var p pool.Promise[int]
					p.Set(1, nil)
					one, _ := p.Result().Get()
					count += one
				}
			})
		}},
		Rivals: []Contender{{Name: "channel of 1", Main: true, New: func() Body {
			count := 0
			return single(&count, func(n int) {
				for range n {
					c := make(chan int, 1)
					c <- 1
					count += <-c
				}
			})
		}}},
	}, nestedRow(s.Nested)}
}

// nestedRow is tasks each of which waits for another one, on few workers: so what waits must not keep what it waits for
// from running. Pools whose workers wait idly need a pool for each level, or goroutines without a bound.
func nestedRow(outer int) Row {
	const few = 4
	return Row{
		Name:  "Pool: " + size(outer) + " tasks that each wait for one inner, 4 workers",
		Group: "Pools", Batch: outer,
		Ours: nesting("pool.Apply in a task", false, outer, func(inner func() int, done func(int)) (func(), func(), func()) {
			p := pool.New(few)
			in := func(context.Context) (int, error) { return inner(), nil }
			out := func(context.Context) error {
				one, err := pool.Apply(p, in)
				done(one)
				return err
			}
			return func() { _ = p.Go(out) }, nil, p.Shutdown
		}),
		Rivals: []Contender{
			nesting("pond, a pool for each level", true, outer, func(inner func() int, done func(int)) (func(), func(), func()) {
				outers, inners := pond.NewPool(few), pond.NewResultPool[int](few)
				out := func() {
					one, _ := inners.Submit(inner).Wait()
					done(one)
				}
				return func() { _ = outers.Go(out) }, nil, func() {
					outers.StopAndWait()
					inners.StopAndWait()
				}
			}),
			nesting("go statements", true, outer, func(inner func() int, done func(int)) (func(), func(), func()) {
				var wg sync.WaitGroup
				out := func() {
					c := make(chan int, 1)
					go func() { c <- inner() }()
					done(<-c)
				}
				return func() { wg.Go(out) }, wg.Wait, nil
			}),
		},
	}
}

// nesting submits a batch of tasks that each start an inner one and are done with its value, which is 1.
func nesting(
	name string, main bool, outer int,
	newPool func(inner func() int, done func(int)) (submit, wait, end func()),
) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		var (
			all  atomic.Int64
			left atomic.Int64
			last = make(chan struct{}, 1)
		)
		submit, wait, end := newPool(func() int { return 1 }, func(one int) {
			all.Add(int64(one))
			if left.Add(-1) == 0 {
				last <- struct{}{}
			}
		})
		return Body{
			Run: func(_ Timer, n int) {
				for range n / outer {
					left.Store(int64(outer))
					for range outer {
						submit()
					}
					<-last
					if wait != nil {
						wait()
					}
				}
			},
			Count: func() int { return int(all.Load()) },
			Close: end,
		}
	}}
}

// groups runs a few tiny tasks together and adds up their values, and so on. Only what has the right sum counts.
func groups(name string, main bool, newGroup func(task func() int) (run func() int, end func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		count := 0
		run, end := newGroup(func() int { return 1 })
		body := single(&count, func(n int) {
			for range n {
				if run() == together {
					count++
				}
			}
		})
		body.Close = end
		return body
	}}
}

func sum(values []int) (all int) {
	for _, v := range values {
		all += v
	}
	return all
}

func goAndChannel(task func() int) (get func([]int), end func()) {
	pending := make([]chan int, window)
	return func(out []int) {
		for i := range pending {
			c := make(chan int, 1)
			go func() { c <- task() }()
			pending[i] = c
		}
		for i, c := range pending {
			out[i] = <-c
		}
	}, nil
}

package pool_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
)

// A headcount is how many are inside at once.
type headcount struct{ now, most atomic.Int64 }

func (h *headcount) enter() (leave func()) {
	n := h.now.Add(1)
	for most := h.most.Load(); n > most && !h.most.CompareAndSwap(most, n); most = h.most.Load() {
	}
	return func() { h.now.Add(-1) }
}

// Work that waits for work runs depth first: of ten thousand tasks that wait for one each, or for ten, only so many are
// inside at once as there are workers, and a few more; and no more workers than that are ever started.
func TestNestedTasksDoNotStartEveryOtherTaskFirst(t *testing.T) {
	const workers, tasks = 4, 10_000
	one := func(context.Context) (int, error) { return 1, nil }
	for name, inner := range map[string]func(p *pool.Pool) (int, error){
		"Apply": func(p *pool.Pool) (int, error) { return pool.Apply(p, one) },
		"Gather": func(p *pool.Pool) (int, error) {
			vs, err := pool.Gather(pool.ApplyAsync(p, one), pool.ApplyAsync(p, one), pool.ApplyAsync(p, one))
			return vs[0] + vs[1] + vs[2] - 2, err
		},
		"AsCompleted": func(p *pool.Pool) (n int, err error) {
			for r := range pool.AsCompleted(pool.ApplyAsync(p, one), pool.ApplyAsync(p, one)) {
				n, err = r.Get()
			}
			return n, err
		},
		"Wait": func(p *pool.Pool) (int, error) {
			done, _ := pool.Wait(1, pool.ApplyAsync(p, one), pool.ApplyAsync(p, one))
			return done[0].Get()
		},
		"Map": func(p *pool.Pool) (int, error) {
			_, err := pool.Map(p, pool.Plain(square), []int{1, 2, 3})
			return 1, err
		},
		"ForEach": func(p *pool.Pool) (int, error) {
			return 1, pool.ForEach(p, pool.Each(func(int) {}), []int{1, 2, 3}, pool.ChunkSize(1))
		},
		"IMap": func(p *pool.Pool) (n int, err error) {
			for _, err = range pool.IMap(p, pool.Plain(square), slices.Values([]int{1, 2, 3}), pool.Buffer(2)) {
				n = 1
			}
			return n, err
		},
		"IMapUnordered": func(p *pool.Pool) (n int, err error) {
			for _, err = range pool.IMapUnordered(p, pool.Plain(square), slices.Values([]int{1, 2, 3})) {
				n = 1
			}
			return n, err
		},
		"Scope": func(p *pool.Pool) (int, error) {
			return 1, p.Scope(context.Background(), func(_ context.Context, g *pool.Pool) error {
				return g.Go(func(context.Context) error { return g.Go(func(context.Context) error { return nil }) })
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer hangs(t)()
			var inits atomic.Int64
			var inside headcount
			p := newPool(t, workers, pool.Initializer(func() error { inits.Add(1); return nil }))
			busy := occupyAll(t, p, workers) // all are queued before the first begins
			rs := make([]*pool.Result[int], tasks)
			for i := range rs {
				rs[i] = pool.ApplyAsync(p, func(context.Context) (int, error) {
					defer inside.enter()() // from here to the end it holds a file, say
					return inner(p)
				})
			}
			busy.open()
			for _, r := range rs {
				if v, err := r.Get(); v != 1 || err != nil {
					t.Fatal(v, err)
				}
			}
			// A task that was preempted between its submission and its wait, or between two waits, does not lend yet and is not
			// at the head yet, so a few more may begin. Breadth first they would be thousands.
			if n := inside.most.Load(); n > 40*workers {
				t.Errorf("%d of %d tasks were inside at once", n, tasks)
			}
			if n := inits.Load(); n > 100*workers {
				t.Errorf("the Initializer ran %d times", n)
			}
		})
	}
}

// Exactly, where nothing is left to chance: at one worker the task and what it waits for take turns.
func TestNestedTasksTakeTurnsAtOneWorker(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		busy := occupy(t, p, 1)
		var order []string
		for i := range 3 {
			pool.ApplyAsync(p, func(context.Context) (int, error) {
				order = append(order, fmt.Sprint(i, "<"))
				_, _ = pool.Apply(p, func(context.Context) (int, error) { order = append(order, fmt.Sprint(i)); return 0, nil })
				order = append(order, fmt.Sprint(i, ">"))
				time.Sleep(time.Second)
				return 0, nil
			})
		}
		_ = p.WithPriority(-1).Go(func(context.Context) error { order = append(order, "urgent"); return nil })
		busy.open()
		time.Sleep(time.Minute)
		synctest.Wait()
		// The slot of one that goes on is taken, so the next begins meanwhile.
		if want := []string{"urgent", "0<", "0", "0>", "1<", "1", "1>", "2<", "2", "2>"}; !slices.Equal(order, want) {
			t.Errorf("%q, want %q", order, want)
		}
	})
}

// What a task waits for comes before all else, whatever the priorities: it is what keeps one that was started from
// going on. A wait that gives up leaves the queue as it was.
func TestWhatIsWaitedForGoesToTheHeadAndBack(t *testing.T) {
	for _, gives := range []bool{false, true} {
		inBubble(t, fmt.Sprint("gives up: ", gives), func(t *testing.T) {
			p := newPool(t, 2)
			waits, busy := newGate(t), newGate(t)
			var order []int
			note := func(i int) func(context.Context) (int, error) {
				return func(context.Context) (int, error) { order = append(order, i); return i, nil }
			}
			var last *pool.Result[int]
			_ = p.Go(func(context.Context) error {
				waits.pass()
				if gives {
					last.WaitTimeout(time.Second)
				} else {
					last.Wait()
				}
				busy.pass()
				return nil
			})
			_ = p.Go(func(context.Context) error { busy.pass(); return nil })
			synctest.Wait()
			p.Resize(1)
			pool.ApplyAsync(p.WithPriority(-5), note(-5))
			pool.ApplyAsync(p, note(1))
			last = pool.ApplyAsync(p, note(2))
			pool.ApplyAsync(p, note(3))
			pool.ApplyAsync(p.WithPriority(7), note(7))
			waits.open()
			synctest.Wait()
			if gives {
				time.Sleep(time.Minute)
			}
			busy.open()
			synctest.Wait()
			want := []int{2, -5, 1, 3, 7}
			if gives {
				want = []int{-5, 1, 2, 3, 7}
			}
			if !slices.Equal(order, want) {
				t.Errorf("started in the order %v, want %v", order, want)
			}
		})
	}
}

// A task of another pool that waits makes it so too, and the first to wait is served first.
func TestWhatATaskOfAnotherPoolWaitsForComesFirst(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p, other := newPool(t, 1), newPool(t, 3)
		busy := occupy(t, p, 1)
		var order []int
		var rs []*pool.Result[int]
		for i := range 5 {
			rs = append(rs, pool.ApplyAsync(p, func(context.Context) (int, error) { order = append(order, i); return i, nil }))
		}
		for _, i := range []int{3, 1} {
			pool.ApplyAsync(other, func(context.Context) (int, error) { return rs[i].Get() })
			synctest.Wait()
		}
		go rs[4].Wait() // no task
		synctest.Wait()
		busy.open()
		synctest.Wait()
		if want := []int{3, 1, 0, 2, 4}; !slices.Equal(order, want) {
			t.Errorf("started in the order %v, want %v", order, want)
		}
	})
}

// A Map that a task waits for does not go back behind what else waits, and one that nobody waits for does.
// A scope that a task waits for may have had nothing to start for a while: what is added then still comes before what was
// queued first.
func TestWhatIsAddedToAScopeThatIsWaitedForComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		more, end := make(chan struct{}), make(chan struct{})
		var order []string // of one worker, as the other is busy
		note := func(name string) func(context.Context) error {
			return func(context.Context) error {
				order = append(order, name)
				return nil
			}
		}
		_ = p.Go(func(ctx context.Context) error {
			return p.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
				return g.Go(func(context.Context) error {
					<-more
					return g.Go(note("added"))
				})
			})
		})
		synctest.Wait()
		_ = p.Go(func(context.Context) error { <-end; return nil }) // whoever starts it finds nothing of the scope
		synctest.Wait()
		_ = p.Go(note("queued first"))
		close(more)
		synctest.Wait()
		close(end)
		p.Shutdown()
		if !slices.Equal(order, []string{"added", "queued first"}) {
			t.Errorf("the order is %v", order)
		}
	})
}

func TestAMapThatATaskWaitsForStaysInFront(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		busy := occupy(t, p, 1)
		var order []int
		note := func(_ context.Context, i int) error { order = append(order, i); return nil }
		for _, first := range []int{10, 20} {
			_ = p.Go(func(context.Context) error {
				return pool.ForEach(p, note, []int{first, first + 1, first + 2}, pool.ChunkSize(1))
			})
		}
		pool.MapAsync(p, pool.Unit(note), []int{30, 31}, pool.ChunkSize(1))
		_ = p.Go(func(context.Context) error { return note(nil, 40) })
		busy.open()
		synctest.Wait()
		if want := []int{10, 11, 12, 20, 21, 22, 30, 40, 31}; !slices.Equal(order, want) {
			t.Errorf("started in the order %v, want %v", order, want)
		}
	})
}

func TestAChainOfTenThousandNestedApplies(t *testing.T) {
	defer hangs(t)()
	p := newPool(t, 2)
	depth := rounds(10_000)
	if !race {
		depth = 10_000
	}
	depth = min(depth, 10_000)
	var level func(n int) function
	level = func(n int) function {
		return func(context.Context) (int, error) {
			if n == 0 {
				return 0, nil
			}
			v, err := pool.Apply(p, level(n-1))
			return v + 1, err
		}
	}
	if v, err := pool.Apply(p, level(depth)); v != depth || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

// A Map of Maps of Maps on few workers ends, and does not hold all of them at once.
func TestAMapInAMapInAMap(t *testing.T) {
	defer hangs(t)()
	for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(1)}, {pool.ChunkSize(3)}} {
		p := newPool(t, 3)
		var inside headcount
		var level func(depth int) func(context.Context, int) (int, error)
		level = func(depth int) func(context.Context, int) (int, error) {
			return func(context.Context, int) (int, error) {
				defer inside.enter()()
				if depth == 0 {
					return 1, nil
				}
				vs, err := pool.Map(p, level(depth-1), make([]int, 20), opts...)
				sum := 0
				for _, v := range vs {
					sum += v
				}
				return sum, err
			}
		}
		if v, err := level(3)(nil, 0); v != 20*20*20 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
		if n := inside.most.Load(); n > 300 {
			t.Errorf("%d were inside at once", n)
		}
	}
}

package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// Everything that changes the numbers goes on while they are read.
func TestStatsAddUpAtEveryMoment(t *testing.T) {
	defer hangs(t)()
	for round := range rounds(100) {
		hookPanics(t)
		opts := []pool.Option{pool.Name("counted")}
		if round%2 == 0 {
			opts = append(opts, pool.Backlog(20))
		}
		if round%3 == 0 {
			opts = append(opts, pool.LIFO())
		}
		p := pool.New(3, opts...)
		var stop atomic.Bool
		var samplers, users sync.WaitGroup
		samplers.Go(func() {
			var last pool.Stats
			for !stop.Load() {
				s := p.Stats()
				addsUp(t, s)
				if s.Submitted < last.Submitted || s.Succeeded < last.Succeeded ||
					s.Failed < last.Failed || s.Cancelled < last.Cancelled {
					t.Errorf("counts went back: %+v, then %+v", last, s)
				}
				last = s
				runtime.Gosched()
			}
		})
		for user := range 4 {
			users.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(user)))
				for range 100 {
					switch random.IntN(12) {
					case 0:
						_ = p.Go(func(context.Context) error { return nil })
					case 1:
						_ = p.Go(func(context.Context) error { panic(errTest) })
					case 2:
						_ = p.Go(func(context.Context) error { runtime.Goexit(); return nil })
					case 3:
						pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, errTest })
					case 4:
						pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }).Cancel()
					case 5:
						_, _ = pool.Apply(p, func(context.Context) (int, error) {
							return pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
						})
					case 6:
						_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
							if i == 5 {
								return 0, errTest
							}
							return 0, nil
						}, make([]int, 20), pool.FailFast())
					case 7:
						for _, err := range pool.IMapUnordered(p, func(context.Context, int) (int, error) { return 0, nil },
							slices.Values(make([]int, 10))) {
							if err != nil || random.IntN(5) == 0 {
								break
							}
						}
					case 8:
						ctx, cancel := context.WithCancel(context.Background())
						pool.MapAsync(p.WithContext(ctx), func(context.Context, int) (int, error) { return 0, nil }, make([]int, 30))
						cancel()
					case 9:
						p.CancelPending()
					case 10:
						p.Resize(1 + random.IntN(5))
					case 11:
						_ = p.TryGo(func(context.Context) error { _ = p.Go(func(context.Context) error { return nil }); return nil })
					}
				}
			})
		}
		users.Wait()
		if round%2 == 0 {
			p.Terminate()
		} else {
			p.Close()
		}
		p.Join()
		stop.Store(true)
		samplers.Wait()
		wantOver(t, p, "counted")
	}
}

func TestStatsCountEachEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hookPanics(t)
		p := newPool(t, 2, pool.Backlog(10))
		want := pool.Stats{Workers: 2}
		check := func(what string) {
			t.Helper()
			synctest.Wait()
			if got := p.Stats(); got != want {
				t.Errorf("%s: %+v, want %+v", what, got, want)
			}
		}
		check("new")
		g := newGate(t)
		for range 2 {
			_ = p.Go(func(context.Context) error { g.pass(); return nil })
		}
		want.Submitted, want.Running = 2, 2
		check("running")
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, errTest })
		_ = p.Go(func(context.Context) error { panic(errTest) })
		_ = p.Go(func(context.Context) error { runtime.Goexit(); return nil })
		dropped := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		item := func(context.Context, int) (int, error) { return 0, nil }
		m := pool.MapAsync(p, item, make([]int, 7), pool.ChunkSize(2))
		want.Submitted, want.Queued = 10, 8
		check("queued")
		dropped.Cancel()
		want.Queued, want.Cancelled = 7, 1
		check("cancelled")
		p.Resize(3)
		want.Workers, want.Queued, want.Failed, want.Succeeded = 3, 0, 3, 4
		check("Resize")
		if !r.Ready() || !m.Ready() {
			t.Error("not ready")
		}
		g.open()
		want.Running, want.Succeeded = 0, 6
		check("idle")
		held := newGate(t)
		_ = p.Go(func(context.Context) error {
			_, _ = pool.Apply(p, func(context.Context) (int, error) { held.pass(); return 0, nil })
			return nil
		})
		want.Submitted, want.Running, want.Lent = 8+2+2, 1, 1
		check("lent")
		held.open()
		want.Running, want.Lent, want.Succeeded = 0, 0, 8
		check("given back")
		called := newGate(t)
		pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
			pool.Callback(func(int, error) { called.pass() }))
		want.Submitted, want.Running = 13, 1
		check("in a callback")
		after := newGate(t)
		called.open()
		want.Running, want.Succeeded = 0, 9
		check("after the callback")
		held = newGate(t)
		last := pool.ApplyAsync(p, func(context.Context) (int, error) { held.pass(); return 0, nil })
		last.OnDone(func(int, error) { after.pass() })
		held.open()
		want.Submitted, want.Succeeded = 14, 10
		check("in a function for after the end, which holds no slot")
		after.open()
		p.Close()
		_ = p.Go(func(context.Context) error { return nil })
		pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		check("refused")
	})
}

func TestWorkersStartWhenTheyAreNeededAndAreReused(t *testing.T) {
	one := func(context.Context) (int, error) { return 1, nil }
	inBubble(t, "none before the first task", func(t *testing.T) {
		p := newPool(t, 4, pool.Name("lazy"))
		synctest.Wait()
		wantWorkers(t, "lazy", 0)
		p.Shutdown()
	})
	for name, submit := range map[string]func(p *pool.Pool){
		"Apply":      func(p *pool.Pool) { _, _ = pool.Apply(p, one) },
		"ApplyAsync": func(p *pool.Pool) { pool.ApplyAsync(p, one).Wait() },
		"Go":         func(p *pool.Pool) { _ = p.Go(func(context.Context) error { return nil }) },
		"Map of one": func(p *pool.Pool) {
			_, _ = pool.Map(p, func(context.Context, int) (int, error) { return 0, nil }, []int{1})
		},
		"one with a callback": func(p *pool.Pool) {
			pool.ApplyAsync(p, one, pool.Callback(func(int, error) {})).Wait()
		},
	} {
		for _, initialized := range []bool{false, true} {
			inBubble(t, fmt.Sprintf("three in a row are one worker's/%s, initializer: %t", name, initialized), func(t *testing.T) {
				opts := []pool.Option{pool.Name("lazy")}
				if initialized {
					opts = append(opts, pool.Initializer(func() error { return nil }))
				}
				p := newPool(t, 4, opts...)
				for range 3 {
					submit(p)
					synctest.Wait()
				}
				wantWorkers(t, "lazy", 1)
			})
		}
	}
	t.Run("a worker that is about to look for work is reused", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
		for _, procs := range []int{1, 2} {
			runtime.GOMAXPROCS(procs)
			p := newPool(t, 1, pool.Name("one"))
			for i := range rounds(20_000) {
				name, _ := pool.Apply(p, func(context.Context) (string, error) { return thread.Current().Name(), nil })
				if name != "one-1" {
					t.Fatalf("task %d of a pool of one worker, at GOMAXPROCS %d, runs in %s", i, procs, name)
				}
			}
			p.Shutdown()
		}
	})
	inBubble(t, "sixty blocked ones have as many as the pool has", func(t *testing.T) {
		p := newPool(t, 4, pool.Name("full"))
		g := newGate(t)
		for range 60 {
			_ = p.Go(func(context.Context) error { g.pass(); return nil })
		}
		synctest.Wait()
		wantWorkers(t, "full", 4)
		g.open()
		synctest.Wait()
		wantWorkers(t, "full", 4)
		p.Shutdown()
		wantWorkers(t, "full", 0)
	})
	inBubble(t, "as many as there are tasks", func(t *testing.T) {
		p := newPool(t, 50, pool.Name("many"))
		for i := range 50 {
			occupy(t, p, 1)
			if got := aliveWorkers("many"); got != i+1 {
				t.Fatalf("%d threads for %d tasks", got, i+1)
			}
		}
	})
	inBubble(t, "a worker is free again before the next task", func(t *testing.T) {
		p := newPool(t, 8, pool.Name("reused"))
		occupy(t, p, 3)
		for range 100 {
			_, _ = pool.Apply(p, one)
			synctest.Wait()
		}
		wantWorkers(t, "reused", 4)
	})
}

func TestWorkersAreDaemonThreadsNamedAfterThePool(t *testing.T) {
	inBubble(t, "a prefix of its own", func(t *testing.T) {
		p := newPool(t, 3, pool.Name("named"))
		occupy(t, p, 3)
		var names []string
		for _, th := range thread.Enumerate() {
			if strings.HasPrefix(th.Name(), "named-") {
				names = append(names, th.Name())
				if !th.Daemon() {
					t.Errorf("%s is no daemon", th.Name())
				}
			}
		}
		slices.Sort(names)
		if want := []string{"named-1", "named-2", "named-3"}; !slices.Equal(names, want) {
			t.Errorf("%v, want %v", names, want)
		}
	})
	inBubble(t, "Current", func(t *testing.T) {
		p := newPool(t, 1, pool.Name("current"))
		name, err := pool.Apply(p, func(context.Context) (string, error) { return thread.Current().Name(), nil })
		if name != "current-1" || err != nil {
			t.Errorf("%s, %v", name, err)
		}
	})
	inBubble(t, "automatic prefixes", func(t *testing.T) {
		prefixes := make(map[string]bool)
		for range 3 {
			p := newPool(t, 1, pool.Name(""))
			name, _ := pool.Apply(p, func(context.Context) (string, error) { return thread.Current().Name(), nil })
			var pools, workers int
			if _, err := fmt.Sscanf(name, "Pool-%d-%d", &pools, &workers); err != nil || workers != 1 {
				t.Errorf("worker named %s", name)
			}
			prefixes[strings.TrimSuffix(name, "-1")] = true
		}
		if len(prefixes) != 3 {
			t.Errorf("prefixes %v are not distinct", prefixes)
		}
	})
}

func TestSurplusWorkersLeave(t *testing.T) {
	inBubble(t, "at once if they are idle", func(t *testing.T) {
		p := newPool(t, 8, pool.Name("surplus"))
		occupy(t, p, 8).open()
		synctest.Wait()
		wantWorkers(t, "surplus", 8)
		for _, n := range []int{5, 2, 3, 1} {
			p.Resize(n)
			synctest.Wait()
			if got := aliveWorkers("surplus"); got > n {
				t.Errorf("%d are left after Resize(%d)", got, n)
			}
			if p.Workers() != n {
				t.Errorf("Workers() = %d", p.Workers())
			}
		}
		wantWorkers(t, "surplus", 1)
	})
	inBubble(t, "after their task if they are busy", func(t *testing.T) {
		p := newPool(t, 4, pool.Name("surplus"))
		var gates []*gate
		for range 4 {
			gates = append(gates, occupy(t, p, 1))
		}
		queued := 0
		for range 3 {
			_ = p.Go(func(context.Context) error { queued++; return nil })
		}
		p.Resize(2)
		synctest.Wait()
		wantWorkers(t, "surplus", 4)
		for i, want := range []int{3, 2} {
			gates[i].open()
			synctest.Wait()
			wantWorkers(t, "surplus", want)
			if queued != 0 {
				t.Error("one was started while more run than there are workers")
			}
		}
		gates[2].open()
		synctest.Wait()
		wantWorkers(t, "surplus", 2)
		if queued != 3 {
			t.Errorf("%d of 3 ran", queued)
		}
	})
	inBubble(t, "and some of both", func(t *testing.T) {
		p := newPool(t, 6, pool.Name("surplus"))
		occupy(t, p, 6).open()
		synctest.Wait()
		g := occupy(t, p, 3)
		p.Resize(1)
		synctest.Wait()
		wantWorkers(t, "surplus", 3)
		g.open()
		synctest.Wait()
		wantWorkers(t, "surplus", 1)
	})
	inBubble(t, "those that stood in for lenders too", func(t *testing.T) {
		p := newPool(t, 1, pool.Name("surplus"))
		var nest func(depth int) int
		nest = func(depth int) int {
			if depth == 0 {
				return 0
			}
			v, _ := pool.Apply(p, func(context.Context) (int, error) { return 1 + nest(depth-1), nil })
			return v
		}
		if got := nest(20); got != 20 {
			t.Errorf("depth %d", got)
		}
		synctest.Wait()
		wantWorkers(t, "surplus", 1)
	})
}

func TestResizeStartsAndStopsExactlyAsManyAsItSays(t *testing.T) {
	for seed := range uint64(rounds(50)) {
		inBubble(t, fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 6))
			p := newPool(t, 1, pool.Name("resized"))
			step := make(chan struct{})
			defer close(step)
			target, running, queued, started := 1, 0, 0, 0
			settle := func() {
				for queued > 0 && running < target {
					queued, running, started = queued-1, running+1, started+1
				}
			}
			var got atomic.Int64
			for range 300 {
				switch random.IntN(4) {
				case 0, 1:
					_ = p.Go(func(context.Context) error { got.Add(1); <-step; return nil })
					queued++
				case 2:
					if running > 0 {
						step <- struct{}{}
						running--
					}
				case 3:
					target = 1 + random.IntN(8)
					p.Resize(target)
				}
				settle()
				synctest.Wait()
				s := p.Stats()
				if s.Workers != target || s.Running != running || s.Queued != queued || int(got.Load()) != started {
					t.Fatalf("%+v with %d started, want target %d, running %d, queued %d, started %d",
						s, got.Load(), target, running, queued, started)
				}
				if n := aliveWorkers("resized"); n > max(target, running) {
					t.Fatalf("%d threads for target %d and %d that run", n, target, running)
				}
			}
		})
	}
}

// The same from outside, under load. A task that finds more running than the limit, while the limit has not changed since
// it was started, was started too soon.
func TestNoTaskIsStartedBeyondWorkersWhileThePoolIsResized(t *testing.T) {
	p := pool.New(1, pool.Backlog(100), pool.Name("loaded"))
	var running, most, limit atomic.Int64 // limit: a version above the lowest 8 bits
	limit.Store(1)
	setLimit := func(n int) { limit.Store((limit.Load()>>8+1)<<8 | int64(n)) }
	var feeders sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		feeders.Go(func() {
			for !stop.Load() {
				_ = p.Go(func(context.Context) error {
					before := limit.Load()
					now := running.Add(1)
					if now > before&0xff && limit.Load() == before {
						t.Errorf("%d are running, and %d may", now, before&0xff)
					}
					for {
						m := most.Load()
						if now <= m || most.CompareAndSwap(m, now) {
							break
						}
					}
					runtime.Gosched()
					running.Add(-1)
					return nil
				})
			}
		})
	}
	random := rand.New(rand.NewPCG(7, 7))
	current := 1
	for range rounds(3000) {
		n := 1 + random.IntN(8)
		if n > current {
			setLimit(n)
			p.Resize(n)
		} else {
			p.Resize(n)
			for p.Stats().Running > n { // those that were running before
				runtime.Gosched()
			}
			setLimit(n)
		}
		current = n
		runtime.Gosched()
	}
	stop.Store(true)
	feeders.Wait()
	p.Shutdown()
	wantOver(t, p, "loaded")
	t.Logf("at most %d at once", most.Load())
}

// Resize races with everything that starts and stops workers: nothing queued may be left without one.
func TestNothingIsLeftLyingWhenResizeRacesWithSubmissions(t *testing.T) {
	defer hangs(t)()
	for round := range rounds(2000) {
		p := pool.New(4)
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 20 {
				p.Resize(1 + (round+i)%5)
			}
		})
		for range 2 {
			wg.Go(func() {
				for range 20 {
					_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
				}
			})
		}
		wg.Wait()
		p.Shutdown()
	}
}

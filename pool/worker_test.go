package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// A crew counts the calls of an Initializer and a Finalizer, and pairs them by thread.
type crew struct {
	mu       sync.Mutex
	conn     thread.Local[string]
	opened   int
	closed   []string
	finalize func()
}

func (c *crew) options() []pool.Option {
	return []pool.Option{
		pool.Initializer(func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.opened++
			c.conn.Set(fmt.Sprint("connection ", c.opened))
			return nil
		}),
		pool.Finalizer(func() {
			name, _ := c.conn.Lookup()
			c.mu.Lock()
			c.closed = append(c.closed, name)
			c.mu.Unlock()
			if c.finalize != nil {
				c.finalize()
			}
		}),
	}
}

// wantPairs checks that each connection that was opened was closed, once, in its own thread.
func (c *crew) wantPairs(t testing.TB, opened int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if opened >= 0 && c.opened != opened {
		t.Errorf("%d were opened, want %d", c.opened, opened)
	}
	slices.Sort(c.closed)
	if len(slices.Compact(slices.Clone(c.closed))) != c.opened || len(c.closed) != c.opened || slices.Contains(c.closed, "") {
		t.Errorf("%d were opened, and closed were %q", c.opened, c.closed)
	}
}

// After a task that ended its goroutine the worker is initialized again, before whatever is left to call.
func TestAWorkerIsInitializedAgainAfterGoexit(t *testing.T) {
	for name, exit := range map[string]func(p *pool.Pool, look func()) *pool.Result[int]{
		"a task": func(p *pool.Pool, look func()) *pool.Result[int] {
			return pool.ApplyAsync(p, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
				pool.Callback(func(int, error) { look() }))
		},
		"a callback": func(p *pool.Pool, look func()) *pool.Result[int] {
			return pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
				pool.Callback(func(int, error) { runtime.Goexit() }), pool.Callback(func(int, error) { look() }))
		},
		"an item": func(p *pool.Pool, look func()) *pool.Result[int] {
			_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) {
				if i == 1 {
					runtime.Goexit()
				}
				look()
				return 0, nil
			}, []int{0, 1, 2}, pool.ChunkSize(3))
			return pool.ApplyAsync(p, func(context.Context) (int, error) { look(); return 0, nil })
		},
		"Progress": func(p *pool.Pool, look func()) *pool.Result[int] {
			_, _ = pool.Map(p, func(context.Context, int) (int, error) { look(); return 0, nil }, []int{0, 1}, pool.ChunkSize(2),
				pool.Progress(func(done, _ int) {
					if done == 1 {
						runtime.Goexit()
					}
				}))
			return pool.ApplyAsync(p, func(context.Context) (int, error) { look(); return 0, nil })
		},
		"Go": func(p *pool.Pool, look func()) *pool.Result[int] {
			_ = p.Go(func(context.Context) error { runtime.Goexit(); return nil })
			return pool.ApplyAsync(p, func(context.Context) (int, error) { look(); return 0, nil })
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			var c crew
			p := pool.New(1, c.options()...)
			looks := 0
			exit(p, func() {
				looks++
				if s, ok := c.conn.Lookup(); !ok {
					t.Errorf("the worker has no connection, but %q", s)
				}
			}).Wait()
			p.Shutdown()
			if looks == 0 {
				t.Error("nobody looked")
			}
			c.wantPairs(t, 2)
		})
	}
}

// Each Initializer that returned nil is answered by one Finalizer, in its thread, whatever ends the worker.
func TestEachInitializerIsAnsweredByAFinalizer(t *testing.T) {
	work := func(p *pool.Pool, n int) {
		for range n {
			_ = p.Go(func(context.Context) error { time.Sleep(time.Second); return nil })
		}
	}
	for name, c := range map[string]struct {
		opts   []pool.Option
		opened int
		end    func(t *testing.T, p *pool.Pool)
	}{
		"never used": {nil, 0, func(_ *testing.T, p *pool.Pool) { p.Shutdown() }},
		"Shutdown":   {nil, 3, func(_ *testing.T, p *pool.Pool) { work(p, 10); p.Shutdown() }},
		"Terminate": {nil, 3, func(_ *testing.T, p *pool.Pool) {
			work(p, 10)
			synctest.Wait()
			p.Terminate()
			p.Join()
		}},
		"the end of the context": {nil, 3, func(t *testing.T, p *pool.Pool) {
			work(p, 10)
			synctest.Wait()
			if p.ShutdownTimeout(time.Second / 2) {
				t.Error("in time")
			}
			p.Join()
		}},
		"Resize": {nil, 3, func(t *testing.T, p *pool.Pool) {
			work(p, 3)
			time.Sleep(time.Minute)
			p.Resize(1)
			synctest.Wait()
			if s := p.Stats(); s.Running > 0 {
				t.Error(s)
			}
			p.Shutdown()
		}},
		"Goexit again and again": {nil, 11, func(_ *testing.T, p *pool.Pool) {
			p.Resize(1)
			for range 10 {
				_ = p.Go(func(context.Context) error { runtime.Goexit(); return nil })
			}
			p.Shutdown()
		}},
		"KeepAlive": {[]pool.Option{pool.KeepAlive(time.Minute)}, 6, func(t *testing.T, p *pool.Pool) {
			for range 2 {
				work(p, 3)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				wantWorkers(t, "crew", 0)
			}
			p.Shutdown()
		}},
		"lent slots": {nil, -1, func(_ *testing.T, p *pool.Pool) {
			var deep func(n int) function
			deep = func(n int) function {
				return func(context.Context) (int, error) {
					if n == 0 {
						return 0, nil
					}
					return pool.Apply(p, deep(n-1))
				}
			}
			_, _ = pool.Apply(p, deep(20))
			p.Shutdown()
		}},
	} {
		inBubble(t, name, func(t *testing.T) {
			var cr crew
			p := pool.New(3, append(append(cr.options(), pool.Name("crew")), c.opts...)...)
			c.end(t, p)
			cr.wantPairs(t, c.opened)
			wantOver(t, p, "crew")
		})
	}
}

// A Finalizer without an Initializer is called by each worker that ran a task; one that fails is reported, one that exits
// or is slow keeps nothing from ending; Join waits for it.
func TestFinalizersThatMisbehave(t *testing.T) {
	hook := hookPanics(t)
	for name, f := range map[string]func(){
		"panics": func() { panic("finalizer") },
		"exits":  runtime.Goexit,
		"sleeps": func() { time.Sleep(time.Hour) },
	} {
		inBubble(t, name, func(t *testing.T) {
			var calls atomic.Int32
			p := pool.New(2, pool.Finalizer(func() { calls.Add(1); f() }), pool.Name("misbehaving"))
			occupy(t, p, 2).open()
			began := time.Now()
			p.Close()
			synctest.Wait()
			if name == "sleeps" && p.JoinTimeout(time.Minute) {
				t.Error("Join did not wait for the Finalizer")
			}
			p.Join()
			if calls.Load() != 2 {
				t.Errorf("%d calls, want 2", calls.Load())
			}
			if took := time.Since(began); (name == "sleeps") != (took == time.Hour) {
				t.Errorf("Join took %v", took)
			}
			wantOver(t, p, "misbehaving")
		})
	}
	hook.wantValues(t, "finalizer", "finalizer")
}

// A worker that only calls what was dropped needs no connection.
func TestCallbacksOfDroppedTasksNeedNoInitializer(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		var c crew
		p := pool.New(1, c.options()...)
		busy := occupy(t, p, 1)
		called := false
		pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }, pool.Callback(func(int, error) { called = true })).Cancel()
		synctest.Wait()
		if !called || c.opened != 1 {
			t.Errorf("called: %t, %d connections", called, c.opened)
		}
		busy.open()
		p.Shutdown()
		c.wantPairs(t, 1)
	})
}

// A worker that is idle starts what is queued, however long another one takes to get ready; so do new ones.
func TestAnIdleWorkerIsUsedWhileAnotherInitializes(t *testing.T) {
	for _, kind := range []string{"ApplyAsync", "Go", "Map"} {
		inBubble(t, kind, func(t *testing.T) {
			var workers atomic.Int32
			p := newPool(t, 2, pool.Initializer(func() error {
				if workers.Add(1) == 2 {
					time.Sleep(time.Hour) // the second one does not get its connection
				}
				return nil
			}))
			g := newGate(t)
			_ = p.Go(func(context.Context) error { g.pass(); return nil })
			synctest.Wait()
			_ = p.Go(func(context.Context) error { return nil }) // hires the second worker
			synctest.Wait()
			g.open() // the first one does both, and is idle
			synctest.Wait()
			began := time.Now()
			for range 3 {
				switch kind {
				case "ApplyAsync":
					pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }).Wait()
				case "Go":
					done := make(chan struct{})
					_ = p.Go(func(context.Context) error { close(done); return nil })
					<-done
				case "Map":
					_, _ = pool.Map(p, pool.Plain(square), upTo(10))
				}
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("it waited %v though a worker was idle", d)
			}
		})
	}
}

// One slow Initializer holds up nobody: others are hired, and the parts of a Map too.
func TestASlowInitializerHoldsUpNobody(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		var workers atomic.Int32
		p := newPool(t, 4, pool.Initializer(func() error {
			if workers.Add(1) == 1 {
				time.Sleep(time.Hour)
			}
			return nil
		}))
		began := time.Now()
		_, _ = pool.Map(p, func(context.Context, int) (int, error) { time.Sleep(time.Second); return 0, nil }, upTo(30))
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("30 items of a second took three workers %v", took)
		}
	})
}

// An Initializer that fails, panics or exits ends the pool with its error: once, whatever the others say.
func TestTheFirstInitializerThatFailsEndsThePool(t *testing.T) {
	for name, c := range map[string]struct {
		f    func() error
		want func(error) bool
	}{
		"fails":  {func() error { return errTest }, func(err error) bool { return err == errTest }},
		"panics": {func() error { panic(errTest) }, func(err error) bool { var p *thread.PanicError; return errors.As(err, &p) && p.Value == errTest }},
		"exits":  {func() error { runtime.Goexit(); return nil }, func(err error) bool { return err == pool.ErrGoexit }},
	} {
		inBubble(t, name, func(t *testing.T) {
			finals := 0
			p := newPool(t, 3, pool.Initializer(c.f), pool.Finalizer(func() { finals++ }), pool.Name("failing"))
			var rs []*pool.Result[int]
			for range 10 {
				rs = append(rs, pool.ApplyAsync(p, func(context.Context) (int, error) { t.Error("called"); return 0, nil }))
			}
			for _, r := range rs {
				if _, err := r.Get(); !c.want(err) || r.Started() {
					t.Errorf("the Result is %v, started: %t", err, r.Started())
				}
			}
			if err := p.Go(func(context.Context) error { return nil }); !c.want(err) {
				t.Errorf("Go: %v", err)
			}
			p.Join()
			if finals > 0 {
				t.Errorf("%d Finalizers", finals)
			}
			wantOver(t, p, "failing")
		})
	}
}

// A pool that was busy and is idle has no goroutine left after d, and works as before.
func TestKeepAlive(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, time.Second, time.Hour} {
		inBubble(t, d.String(), func(t *testing.T) {
			p := newPool(t, 3, pool.KeepAlive(d), pool.Name("alive"))
			for range 3 {
				occupy(t, p, 3).open()
				synctest.Wait()
				if d > 0 {
					wantWorkers(t, "alive", 3)
					time.Sleep(d - 1)
					synctest.Wait()
					wantWorkers(t, "alive", 3)
					time.Sleep(time.Nanosecond)
					synctest.Wait()
				}
				wantWorkers(t, "alive", 0)
			}
			// One that has something to do again and again stays.
			for range 10 {
				if d > 0 {
					time.Sleep(d / 2)
				}
				_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
			}
			if d > 0 {
				wantWorkers(t, "alive", 1)
			}
		})
	}
	inBubble(t, "not given", func(t *testing.T) {
		p := newPool(t, 3, pool.Name("alive"))
		occupy(t, p, 3).open()
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		wantWorkers(t, "alive", 3)
	})
}

// Work that comes just as a worker leaves is done.
func TestNothingIsForgottenByWorkersThatLeaveIdle(t *testing.T) {
	defer hangs(t)()
	for _, d := range []time.Duration{0, time.Microsecond, 20 * time.Microsecond} {
		p := newPool(t, 2, pool.KeepAlive(d), pool.Finalizer(func() { runtime.Gosched() }))
		for i := range rounds(20_000) {
			if v, err := pool.Apply(p, func(context.Context) (int, error) { return i, nil }); v != i || err != nil {
				t.Fatal(v, err)
			}
			for range i % 200 {
				_ = p.Stats()
			}
		}
	}
}

func TestUnlimited(t *testing.T) {
	inBubble(t, "each task starts at once, and leaves nothing", func(t *testing.T) {
		for _, n := range []int{pool.Unlimited, 1<<31 - 1} {
			p := newPool(t, n, pool.Name("unlimited"))
			occupied := occupy(t, p, 1000)
			if s := p.Stats(); s.Running != 1000 || s.Queued != 0 || s.Workers != pool.Unlimited {
				t.Errorf("%+v", s)
			}
			occupied.open()
			synctest.Wait()
			wantWorkers(t, "unlimited", 0)
			p.Resize(2)
			occupied = occupy(t, p, 2)
			occupied.open()
			synctest.Wait()
			wantWorkers(t, "unlimited", 2)
			p.Resize(pool.Unlimited)
			synctest.Wait()
			_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
			synctest.Wait()
			if n := aliveWorkers("unlimited"); n > 1 {
				t.Errorf("%d workers are left", n)
			}
			p.Shutdown()
		}
	})
	inBubble(t, "a Map has a worker for each item that waits", func(t *testing.T) {
		p := newPool(t, pool.Unlimited)
		began := time.Now()
		_, _ = pool.Map(p, func(context.Context, int) (int, error) { time.Sleep(time.Second); return 0, nil }, upTo(500))
		if took := time.Since(began); took != time.Second {
			t.Errorf("500 items of a second took %v", took)
		}
	})
	inBubble(t, "KeepAlive", func(t *testing.T) {
		p := newPool(t, pool.Unlimited, pool.KeepAlive(time.Minute), pool.Name("unlimited"))
		occupy(t, p, 10).open()
		synctest.Wait()
		wantWorkers(t, "unlimited", 10)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantWorkers(t, "unlimited", 0)
	})
}

// Labels that a task sets are gone after it, and the worker keeps its own.
func TestLabelsStayWithTheirTask(t *testing.T) {
	p := newPool(t, 1, pool.Name("labelled"))
	profile := func() string {
		var b strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		return b.String()
	}
	label := func(ctx context.Context) {
		pprof.Do(ctx, pprof.Labels("request", "42"), func(context.Context) {})
		pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("request", "43")))
	}
	for name, set := range map[string]func(){
		"Apply": func() { _, _ = pool.Apply(p, func(ctx context.Context) (int, error) { label(ctx); return 0, nil }) },
		"panic": func() { _, _ = pool.Apply(p, func(ctx context.Context) (int, error) { label(ctx); panic(1) }) },
		"exit": func() {
			_, _ = pool.Apply(p, func(ctx context.Context) (int, error) { label(ctx); runtime.Goexit(); return 0, nil })
		},
		"Go": func() {
			done := make(chan struct{})
			_ = p.Go(func(ctx context.Context) error { label(ctx); close(done); return nil })
			<-done
		},
		"Map": func() {
			_, _ = pool.Map(p, func(ctx context.Context, _ int) (int, error) { label(ctx); return 0, nil }, upTo(3))
		},
		"Callback": func() {
			pool.ApplyAsync(p, func(ctx context.Context) (int, error) { return 0, nil },
				pool.Callback(func(int, error) { label(context.Background()) })).Wait()
		},
		"OnDone": func() {
			done := make(chan struct{})
			hold := make(chan struct{})
			r := pool.ApplyAsync(p, func(ctx context.Context) (int, error) { <-hold; return 0, nil })
			r.OnDone(func(int, error) { label(context.Background()); close(done) })
			close(hold)
			<-done
		},
	} {
		t.Run(name, func(t *testing.T) {
			set()
			_, _ = pool.Apply(p, func(context.Context) (int, error) {
				text := profile()
				if !strings.Contains(text, `"thread":"labelled-`) {
					t.Error("the worker has no label any more")
				}
				// Another worker may still be about to take off what a function given to OnDone has set.
				for range 10_000 {
					if !strings.Contains(text, `"request"`) {
						return 0, nil
					}
					time.Sleep(time.Millisecond)
					text = profile()
				}
				t.Error("a task carries a label that another one set")
				return 0, nil
			})
		})
	}
	t.Run("SetName", func(t *testing.T) {
		_, _ = pool.Apply(p, func(context.Context) (int, error) { thread.Current().SetName("renamed"); return 0, nil })
		_, _ = pool.Apply(p, func(context.Context) (int, error) {
			if !strings.Contains(profile(), `"thread":"renamed"`) || thread.Current().Name() != "renamed" {
				t.Error("the name and the label differ")
			}
			return 0, nil
		})
	})
}

// A loop that outlives Close keeps its workers from one item to the next.
func TestARunThatOutlivesCloseKeepsItsWorkers(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		var initialized atomic.Int32
		p := pool.New(1, pool.Initializer(func() error { initialized.Add(1); return nil }))
		n := 0
		for _, err := range pool.IMap(p, pool.Plain(square), slices.Values(upTo(20)), pool.Buffer(1)) {
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			synctest.Wait() // the worker has nothing to do
			n++
		}
		p.Join()
		if n != 20 || initialized.Load() != 1 {
			t.Errorf("%d items, and %d workers were initialized", n, initialized.Load())
		}
	})
}

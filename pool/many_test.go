package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// sleeper returns a Result of d after d.
func sleeper(d time.Duration) *pool.Result[time.Duration] {
	return pool.Spawn(func(ctx context.Context) (time.Duration, error) { return d, thread.SleepContext(ctx, d) })
}

func TestGather(t *testing.T) {
	inBubble(t, "values in order, errors by index", func(t *testing.T) {
		began := time.Now()
		a, b := sleeper(time.Second), sleeper(time.Minute)
		fails := pool.Spawn(func(context.Context) (time.Duration, error) { return 7, errTest })
		panics := pool.Spawn(func(context.Context) (time.Duration, error) { panic(errBoom) })
		vs, err := pool.Gather(b, fails, a, panics, a)
		if want := []time.Duration{time.Minute, 7, time.Second, 0, time.Second}; !slices.Equal(vs, want) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v, want %v", vs, time.Since(began), want)
		}
		var all *pool.MapError
		if wantFailed(t, err, 1, 3); !errors.As(err, &all) || all.Total != 5 || !errors.Is(err, errTest) || !errors.Is(err, errBoom) {
			t.Errorf("%v", err)
		}
		if vs, err := pool.Gather[int](); len(vs) != 0 || err != nil {
			t.Error(vs, err)
		}
	})
	inBubble(t, "out of time", func(t *testing.T) {
		a, b := sleeper(time.Second), sleeper(time.Minute)
		fails := pool.Spawn(func(context.Context) (time.Duration, error) { return 7, errTest })
		for _, d := range []time.Duration{2 * time.Second, 0, -1} {
			began := time.Now()
			vs, err := pool.GatherTimeout(d, b, fails, a)
			if want := []time.Duration{0, 7, time.Second}; !slices.Equal(vs, want) || !errors.Is(err, pool.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, %v, want %v", vs, err, want)
			}
			if wantFailed(t, err, 1); time.Since(began) != max(d, 0) {
				t.Errorf("it took %v, want %v", time.Since(began), d)
			}
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errStop) })
		vs, err := pool.GatherContext(ctx, a, b)
		if !slices.Equal(vs, []time.Duration{time.Second, 0}) || err != errStop {
			t.Error(vs, err)
		}
		if _, err := pool.GatherContext(ctx, a); err != errStop {
			t.Errorf("with a context that has ended, though all are ready: %v", err)
		}
		if vs, err := pool.GatherTimeout(0, a); vs[0] != time.Second || err != nil {
			t.Errorf("at once, all being ready: %v, %v", vs, err)
		}
		if vs, err := pool.GatherTimeout(math.MaxInt64, a, b); vs[1] != time.Minute || err != nil {
			t.Errorf("forever: %v, %v", vs, err)
		}
	})
}

// The clock is one for all of them.
func TestTheTimeIsForAllOfThem(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		var rs []*pool.Result[time.Duration]
		for i := range 10 {
			rs = append(rs, sleeper(time.Duration(i+1)*time.Second))
		}
		began := time.Now()
		n := 0
		for range pool.AsCompletedTimeout(5*time.Second+1, rs...) {
			n++
		}
		if n != 5 || time.Since(began) != 5*time.Second+1 {
			t.Errorf("AsCompletedTimeout: %d after %v", n, time.Since(began))
		}
		if done, pending := pool.WaitTimeout(2*time.Second, 10, rs...); len(done) != 7 || len(pending) != 3 {
			t.Errorf("WaitTimeout: %d and %d after %v", len(done), len(pending), time.Since(began))
		}
		if _, err := pool.GatherTimeout(2*time.Second, rs...); !errors.Is(err, pool.ErrTimeout) || time.Since(began) != 9*time.Second+1 {
			t.Errorf("GatherTimeout: %v after %v", err, time.Since(began))
		}
		_, _ = pool.Gather(rs...)
	})
}

func TestWaitReturnsThePartsInTheOrderGiven(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		a, b, c := sleeper(time.Second), sleeper(2*time.Second), sleeper(3*time.Second)
		type rs = []*pool.Result[time.Duration]
		check := func(what string, done, pending, wantDone, wantPending rs) {
			t.Helper()
			if !slices.Equal(done, wantDone) || !slices.Equal(pending, wantPending) {
				t.Errorf("%s: %d and %d, in another order or number", what, len(done), len(pending))
			}
		}
		began := time.Now()
		for _, n := range []int{0, -1, math.MinInt} {
			done, pending := pool.Wait(n, c, b, a)
			check("none", done, pending, nil, rs{c, b, a})
		}
		done, pending := pool.WaitTimeout(0, 3, c, b, a)
		check("no time", done, pending, nil, rs{c, b, a})
		done, pending = pool.Wait(1, c, a, b)
		check("the first", done, pending, rs{a}, rs{c, b})
		done, pending = pool.Wait(2, c, a, b, a)
		check("two, one of them twice", done, pending, rs{a, a}, rs{c, b})
		done, pending = pool.Wait(3, c, a, b, a)
		check("three", done, pending, rs{a, b, a}, rs{c})
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second/2, cancel)
		done, pending = pool.WaitContext(ctx, 3, c, b, a)
		check("until the context ends", done, pending, rs{b, a}, rs{c})
		done, pending = pool.WaitContext(ctx, 3, c, b, a)
		check("with a context that has ended", done, pending, rs{b, a}, rs{c})
		if took := time.Since(began); took != 2*time.Second+time.Second/2 {
			t.Errorf("all that took %v", took)
		}
		done, pending = pool.WaitTimeout(math.MaxInt64, math.MaxInt, c, b, a)
		check("all", done, pending, rs{c, b, a}, nil)
		if done, pending := pool.Wait[int](5); done != nil || pending != nil {
			t.Error("of none")
		}
	})
}

// A nil Result panics before anything is registered; so does one's own, unless it is not waited for.
func TestMisuseOfTheCallsForMany(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		r := sleeper(time.Second)
		calls := map[string]func(rs ...*pool.Result[time.Duration]){
			"Gather":        func(rs ...*pool.Result[time.Duration]) { _, _ = pool.Gather(rs...) },
			"GatherTimeout": func(rs ...*pool.Result[time.Duration]) { _, _ = pool.GatherTimeout(time.Hour, rs...) },
			"GatherContext": func(rs ...*pool.Result[time.Duration]) { _, _ = pool.GatherContext(context.Background(), rs...) },
			"Wait":          func(rs ...*pool.Result[time.Duration]) { pool.Wait(2, rs...) },
			"WaitTimeout":   func(rs ...*pool.Result[time.Duration]) { pool.WaitTimeout(time.Hour, 2, rs...) },
			"WaitContext":   func(rs ...*pool.Result[time.Duration]) { pool.WaitContext(context.Background(), 2, rs...) },
			"AsCompleted": func(rs ...*pool.Result[time.Duration]) {
				for range pool.AsCompleted(rs...) {
				}
			},
			"AsCompletedTimeout": func(rs ...*pool.Result[time.Duration]) {
				for range pool.AsCompletedTimeout(time.Hour, rs...) {
				}
			},
			"AsCompletedContext": func(rs ...*pool.Result[time.Duration]) {
				for range pool.AsCompletedContext(context.Background(), rs...) {
				}
			},
		}
		for name, call := range calls {
			if text, _ := recovered(func() { call(r, nil) }).(string); !strings.Contains(text, "nil Result") {
				t.Errorf("%s with a nil Result panics with %q", name, text)
			}
			p := pool.New(1)
			var own pool.Promise[*pool.Result[time.Duration]]
			self := pool.ApplyAsync(p, func(context.Context) (time.Duration, error) {
				self, _ := own.Result().Get()
				wantPanic(t, name, pool.ErrJoinSelf, func() { call(r, self) })
				return 0, nil
			})
			own.Set(self, nil)
			self.Wait()
			p.Shutdown()
		}
		r.Wait()
	})
}

// Loops and waits that were left or gave up leave nothing with the Results.
func TestWaitsThatWereLeftLeaveNothing(t *testing.T) {
	var told pool.Promise[int]
	r := told.Result()
	others := []*pool.Result[int]{r, new(pool.Promise[int]).Result(), new(pool.Promise[int]).Result()}
	churn := func() {
		for range 1000 {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, _ = pool.GatherTimeout(1, others...)
			pool.WaitTimeout(1, 2, others...)
			for range pool.AsCompletedTimeout(1, others...) {
			}
			pool.WaitContext(ctx, 1, others...)
		}
	}
	memory := func() uint64 {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	churn()
	before := memory()
	for range rounds(40) {
		churn()
	}
	after := memory()
	for i := 0; i < 100 && after > before+512<<10; i++ { // until all that gave up by a timer has got to its end
		runtime.Gosched()
		after = memory()
	}
	if after > before+512<<10 {
		t.Errorf("%d bytes are left", after-before)
	}
	runtime.KeepAlive(others)
}

// What is ready when the context ends is yielded, also if its end has not been told to the loop yet.
func TestAsCompletedYieldsWhatWasReadyBeforeTheContextEnded(t *testing.T) {
	defer hangs(t)()
	p := newPool(t, 2)
	first := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
	first.Wait()
	missed, n := 0, rounds(20_000)
	for range n {
		ctx, cancel := context.WithCancel(context.Background())
		goOn, loop, got := make(chan struct{}), make(chan struct{}), make(chan bool)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { <-goOn; return 1, nil })
		go func() {
			yielded := false
			for x := range pool.AsCompletedContext(ctx, first, r) {
				if x == first {
					close(loop) // it has begun
				}
				yielded = yielded || x == r
			}
			got <- yielded
		}()
		<-loop
		go close(goOn)
		for spins := 0; !r.Ready(); spins++ {
			if spins > 1000 { // there may be one processor
				runtime.Gosched()
			}
		}
		cancel()
		if !<-got {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d were Ready before the context ended, and were not yielded", missed, n)
	}
}

// A loop lets go of what it has yielded.
func TestAsCompletedLetsGoOfWhatItHasYielded(t *testing.T) {
	for _, where := range []string{"outside", "in a task"} {
		t.Run(where, func(t *testing.T) {
			p := newPool(t, 2)
			const n = 20
			var freed atomic.Int32
			rs := make([]*pool.Result[*load], n)
			for i := range rs {
				rs[i] = pool.ApplyAsync(p, func(context.Context) (*load, error) {
					l := new(load)
					runtime.AddCleanup(l, func(*atomic.Int32) { freed.Add(1) }, &freed)
					return l, nil
				})
			}
			loop := func() {
				seen := 0
				for r := range pool.AsCompleted(rs...) {
					rs[slices.Index(rs, r)] = nil
					if seen++; seen < n-1 {
						continue
					}
					if !proof.Collect(func() bool { return freed.Load() >= n-3 }) {
						t.Errorf("%d of %d values were let go of", freed.Load(), seen)
					}
					break
				}
			}
			if where == "outside" {
				loop()
			} else {
				_, _ = pool.Apply(p, func(context.Context) (int, error) { loop(); return 0, nil })
			}
		})
	}
}

func TestSpawn(t *testing.T) {
	hook := hookPanics(t)
	inBubble(t, "runs at once, in a daemon thread of its own", func(t *testing.T) {
		before := thread.Enumerate()
		r := pool.Spawn(func(context.Context) (*thread.Thread, error) { time.Sleep(time.Second); return thread.Current(), nil })
		// One that reports a panic of another test's comes with the collector.
		added := slices.DeleteFunc(thread.Enumerate(), func(th *thread.Thread) bool {
			return th.Name() == nobodyRead || slices.Contains(before, th)
		})
		if len(added) != 1 || r.Ready() {
			t.Errorf("%v were started", added)
		}
		th, err := r.Get()
		if err != nil || !th.Daemon() || !r.Started() || !r.Successful() {
			t.Error(th, err)
		}
		th.Join()
	})
	inBubble(t, "panic and exit", func(t *testing.T) {
		var pan *thread.PanicError
		if _, err := pool.Spawn(func(context.Context) (int, error) { panic(errTest) }).Get(); !errors.As(err, &pan) || pan.Value != errTest {
			t.Error(err)
		}
		if _, err := pool.Spawn(func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }).Get(); err != pool.ErrGoexit {
			t.Error(err)
		}
	})
	inBubble(t, "Cancel before it got going", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		never := 0
		for range 20 {
			var order []string
			r := pool.Spawn(func(ctx context.Context) (int, error) { <-ctx.Done(); return 1, context.Cause(ctx) },
				pool.Callback(func(_ int, err error) { order = append(order, fmt.Sprint("callback ", err)) }))
			r.OnDone(func(int, error) { order = append(order, "done") })
			if r.Cancel() {
				never++
				if r.Cancel() {
					t.Error("Cancel a second time")
				}
			}
			_, err := r.Get()
			synctest.Wait()
			if !errors.Is(err, pool.ErrCancelled) || len(order) != 2 || order[0] != "callback pool: cancelled" {
				t.Errorf("%v, %q", err, order)
			}
		}
		if never == 0 {
			t.Error("Cancel was never in time")
		}
	})
	inBubble(t, "Cancel is in time and ready at once without callbacks", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		for range 20 {
			r := pool.Spawn(func(context.Context) (int, error) { return 1, nil })
			if r.Cancel() && (!r.Ready() || r.Started()) {
				t.Error("it is not ready, or started")
			}
			r.Wait()
		}
	})
	inBubble(t, "Cancel while it runs", func(t *testing.T) {
		r := pool.Spawn(func(ctx context.Context) (int, error) { <-ctx.Done(); return 3, context.Cause(ctx) })
		synctest.Wait()
		if r.Cancel() || !r.Started() {
			t.Error("in time")
		}
		if v, err := r.Get(); v != 3 || err != pool.ErrCancelled {
			t.Error(v, err)
		}
	})
	inBubble(t, "a context", func(t *testing.T) {
		type key struct{}
		ctx, cancel := context.WithCancelCause(context.WithValue(context.Background(), key{}, 1))
		r := pool.SpawnContext(ctx, func(ctx context.Context) (any, error) { <-ctx.Done(); return ctx.Value(key{}), context.Cause(ctx) })
		synctest.Wait()
		cancel(errStop)
		if v, err := r.Get(); v != 1 || err != errStop {
			t.Error(v, err)
		}
		called := 0
		r = pool.SpawnContext(ctx, func(context.Context) (any, error) { t.Error("called"); return 0, nil },
			pool.Callback(func(_ any, err error) { called++ }))
		if _, err := r.Get(); err != errStop || r.Started() || called != 1 {
			t.Error(err, called)
		}
	})
	inBubble(t, "callbacks and OnDone, also behind some that panic or exit", func(t *testing.T) {
		var order []int
		r := pool.Spawn(func(context.Context) (int, error) { time.Sleep(time.Second); return 7, nil },
			pool.Callback(func(v int, _ error) { order = append(order, v); panic("callback") }),
			pool.Callback(func(v int, _ error) { order = append(order, v+1); runtime.Goexit() }),
			pool.Callback(func(v int, _ error) { order = append(order, v+2) }))
		r.OnDone(func(int, error) { order = append(order, 10); panic("done") })
		r.OnDone(func(int, error) { order = append(order, 11); runtime.Goexit() })
		r.OnDone(func(int, error) { order = append(order, 12) })
		r.Wait()
		synctest.Wait()
		if !slices.Equal(order, []int{7, 8, 9, 10, 11, 12}) {
			t.Error(order)
		}
	})
	inBubble(t, "waiting for oneself", func(t *testing.T) {
		var own pool.Promise[*pool.Result[int]]
		f := func() error {
			r, _ := own.Result().Get()
			r.Wait()
			return nil
		}
		r := pool.Spawn(func(context.Context) (int, error) { return 0, f() },
			pool.Callback(func(int, error) { wantPanic(t, "in a callback", pool.ErrJoinSelf, func() { _ = f() }) }))
		r.OnDone(func(int, error) { _ = f() })
		own.Set(r, nil)
		if _, err := r.Get(); !errors.Is(err, pool.ErrJoinSelf) {
			t.Error(err)
		}
	})
	hook.wantValues(t, "callback", "done")
}

func TestPromise(t *testing.T) {
	inBubble(t, "set once", func(t *testing.T) {
		var p pool.Promise[string]
		r := p.Result()
		if r != p.Result() || r.Ready() || r.Started() {
			t.Error("a new Promise")
		}
		wantPanic(t, "Successful", pool.ErrNotReady, func() { r.Successful() })
		var order []string
		me := thread.Current().Ident()
		r.OnDone(func(v string, err error) {
			order = append(order, fmt.Sprint(v, err, thread.Current().Ident() == me))
		})
		waiting := start(func() error { _, err := r.Get(); return err })
		synctest.Wait()
		p.Set("x", errTest)
		if v, err := r.TryGet(); v != "x" || err != errTest || !r.Started() || r.Successful() {
			t.Error(v, err)
		}
		if !slices.Equal(order, []string{"xof the test true"}) {
			t.Errorf("OnDone runs in the goroutine that sets: %q", order)
		}
		<-waiting.done
		waiting.want(t, "Get", errTest)
		wantPanic(t, "the second Set", pool.ErrSet, func() { p.Set("y", nil) })
		if p.TrySet("y", nil) || r.Cancel() {
			t.Error("TrySet or Cancel after Set")
		}
	})
	inBubble(t, "cancelled", func(t *testing.T) {
		var p pool.Promise[int]
		var where *thread.Thread
		p.Result().OnDone(func(_ int, err error) { where = thread.Current() })
		if !p.Result().Cancel() || !p.Result().Ready() || p.Result().Started() || p.Result().Cancel() {
			t.Error("Cancel")
		}
		p.Set(1, nil)
		if p.TrySet(1, nil) {
			t.Error("TrySet after Cancel")
		}
		if _, err := p.Result().Get(); err != pool.ErrCancelled {
			t.Error(err)
		}
		synctest.Wait()
		if where == nil || where.Ident() == thread.Current().Ident() {
			t.Error("OnDone ran in the goroutine that cancelled, or not at all")
		}
	})
	inBubble(t, "functions of OnDone that panic or exit", func(t *testing.T) {
		hook := hookPanics(t)
		var p pool.Promise[int]
		called := 0
		for range 3 {
			p.Result().OnDone(func(int, error) { called++; panic("done") })
			p.Result().OnDone(func(int, error) { called++; runtime.Goexit() })
		}
		c := startCall(func() { p.Set(1, nil) })
		synctest.Wait()
		if called != 6 || !c.returned() || c.finished {
			t.Errorf("%d of 6 were called, and Set returned: %t", called, c.finished)
		}
		hook.wantValues(t, "done", "done", "done")
	})
	inBubble(t, "a wait for one lends the slot", func(t *testing.T) {
		p := newPool(t, 1)
		var told pool.Promise[int]
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return told.Result().Get() })
		_ = p.Go(func(context.Context) error { told.Set(5, nil); return nil })
		if v, err := r.Get(); v != 5 || err != nil {
			t.Error(v, err)
		}
	})
	t.Run("many set and cancel it at once", func(t *testing.T) {
		defer hangs(t)()
		for range rounds(20_000) {
			var p pool.Promise[int]
			var won atomic.Int32
			var calls [4]*call
			for i := range calls {
				calls[i] = startCall(func() {
					if i == 3 && p.Result().Cancel() || i < 3 && p.TrySet(i, nil) {
						won.Add(1)
					}
				})
			}
			v, err := p.Result().Get()
			for _, c := range calls {
				<-c.done
			}
			if won.Load() != 1 || (err != nil) != (err == pool.ErrCancelled) {
				t.Fatal(won.Load(), v, err)
			}
		}
	})
}

// Whether the function was ever called, in each state; what never ran can be submitted again.
func TestStarted(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithCancel(context.Background())
		for _, view := range []*pool.Pool{p, p.WithContext(context.Background()), p.WithContext(ctx)} {
			busy := occupy(t, p, 1)
			r := pool.ApplyAsync(view, nil2ctx)
			m := pool.MapAsync(view, pool.Plain(square), upTo(3))
			dropped := pool.ApplyAsync(view, nil2ctx)
			dropped.Cancel()
			if r.Started() || m.Started() || dropped.Started() {
				t.Error("started in the queue")
			}
			busy.open()
			synctest.Wait()
			if !r.Started() || !m.Started() || dropped.Started() {
				t.Errorf("at the end: %t, %t, %t", r.Started(), m.Started(), dropped.Started())
			}
			running := pool.ApplyAsync(view, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
			synctest.Wait()
			if !running.Started() {
				t.Error("not started while it runs")
			}
			running.Cancel()
		}
		cancel()
		p.Close()
		if pool.ApplyAsync(p, nil2ctx).Started() || pool.MapAsync(p, pool.Plain(square), upTo(3)).Started() {
			t.Error("started after Close")
		}
	})
}

package pool_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// Allocations that a submission of a function that captures nothing, and the wait for it, may cost.
const (
	applyAsyncAllocs = 1 // the Result
	goAllocs         = 1
	goFewAllocs      = 0 // while few are queued
	cancelAllocs     = 3 // a submission and Cancel
	viewGoAllocs     = 1 // the context; through a view of its own, a function has one that ends with it
	spawnAllocs      = 12
	scopeAllocs      = 60 // with ten tasks, on a pool of its own, which starts two or three threads
)

func wantAllocs(t *testing.T, what string, most float64, f func()) {
	t.Helper()
	if race {
		t.Skip("the race detector allocates too")
	}
	if got := testing.AllocsPerRun(2000, f); got > most {
		t.Errorf("%s costs %v allocations, want %v at most", what, got, most)
	}
}

func TestASubmissionCostsFewAllocations(t *testing.T) {
	nothing := func(context.Context) (int, error) { return 7, nil }
	silent := func(context.Context) error { return nil }
	t.Run("ApplyAsync and Get", func(t *testing.T) {
		p := newPool(t, 1)
		wantAllocs(t, "ApplyAsync", applyAsyncAllocs, func() { _, _ = pool.ApplyAsync(p, nothing).Get() })
	})
	t.Run("Apply", func(t *testing.T) {
		p := newPool(t, 2)
		wantAllocs(t, "Apply", 0, func() { _, _ = pool.Apply(p, nothing) })
	})
	t.Run("ApplyAsync of many", func(t *testing.T) {
		p := newPool(t, 2)
		const n = 1000
		results := make([]*pool.Result[int], n)
		wantAllocs(t, "ApplyAsync", applyAsyncAllocs*n+n/100, func() { // contexts are made many at a time
			for i := range results {
				results[i] = pool.ApplyAsync(p, nothing)
			}
			for _, r := range results {
				r.Wait()
			}
		})
	})
	t.Run("ApplyAsync of what is cancelled", func(t *testing.T) {
		p := newPool(t, 1)
		occupyAll(t, p, 1)
		wantAllocs(t, "ApplyAsync and Cancel", cancelAllocs, func() { pool.ApplyAsync(p, nothing).Cancel() })
	})
	t.Run("priority", func(t *testing.T) {
		p := newPool(t, 1).WithPriority(3)
		wantAllocs(t, "ApplyAsync", applyAsyncAllocs, func() { _, _ = pool.ApplyAsync(p, nothing).Get() })
	})
	t.Run("a bounded backlog", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(4))
		wantAllocs(t, "ApplyAsync", applyAsyncAllocs, func() { _, _ = pool.ApplyAsync(p, nothing).Get() })
		wantAllocs(t, "Go", goFewAllocs, func() { _ = p.Go(silent) })
	})
	t.Run("Go of one", func(t *testing.T) {
		p := newPool(t, 1)
		done := make(chan struct{})
		signal := func(context.Context) error { done <- struct{}{}; return nil }
		wantAllocs(t, "Go", goFewAllocs, func() { _ = p.Go(signal); <-done })
	})
	t.Run("Go of a hundred", func(t *testing.T) {
		p := newPool(t, 1)
		done := make(chan struct{})
		signal := func(context.Context) error { done <- struct{}{}; return nil }
		wantAllocs(t, "Go of 100", goFewAllocs, func() {
			for range 99 {
				_ = p.Go(silent)
			}
			_ = p.Go(signal)
			<-done
		})
	})
	t.Run("Go of ten thousand", func(t *testing.T) {
		if testing.Short() {
			t.Skip("long")
		}
		p := newPool(t, 1)
		done := make(chan struct{})
		signal := func(context.Context) error { done <- struct{}{}; return nil }
		wantAllocs(t, "Go of 10000", goAllocs*10_000, func() {
			for range 9999 {
				_ = p.Go(silent)
			}
			_ = p.Go(signal)
			<-done
		})
	})
	t.Run("Go through a view", func(t *testing.T) {
		p := newPool(t, 1).WithContext(context.Background())
		done := make(chan struct{})
		signal := func(context.Context) error { done <- struct{}{}; return nil }
		wantAllocs(t, "Go of 100", viewGoAllocs*100+2, func() {
			for range 99 {
				_ = p.Go(silent)
			}
			_ = p.Go(signal)
			<-done
		})
	})
	t.Run("Spawn", func(t *testing.T) {
		wantAllocs(t, "Spawn", spawnAllocs, func() { _, _ = pool.Spawn(nothing).Get() })
	})
	t.Run("Scope", func(t *testing.T) {
		wantAllocs(t, "Scope", scopeAllocs, func() {
			_ = pool.Scope(context.Background(), func(_ context.Context, g *pool.Pool) error {
				for range 10 {
					_ = g.Go(silent)
				}
				return nil
			})
		})
	})
	t.Run("TryGo that is full", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(0))
		occupyAll(t, p, 1)
		wantAllocs(t, "TryGo", goAllocs, func() { _ = p.TryGo(silent) })
	})
	t.Run("a look at a Result", func(t *testing.T) {
		p := newPool(t, 1)
		r := pool.ApplyAsync(p, nothing)
		r.Wait()
		wantAllocs(t, "Get, Ready and the like", 0, func() {
			_, _ = r.Get()
			_, _ = r.TryGet()
			_, _ = r.GetTimeout(time.Hour)
			r.WaitTimeout(time.Hour)
			_ = r.Ready()
			_ = r.Successful()
			_ = p.Stats()
		})
	})
	t.Run("the context", func(t *testing.T) {
		p := newPool(t, 1)
		deadline := func(ctx context.Context) (bool, error) { _, ok := ctx.Deadline(); return ok, nil }
		wantAllocs(t, "a context that is not waited for", applyAsyncAllocs, func() { _, _ = pool.Apply(p, deadline) })
	})
}

// load is what a function captures, or returns: something big enough to have a place of its own in memory.
type load [1024]byte

// gone collects garbage and reports whether all of it went. A worker that was interrupted while it told of an end may hold
// on to what has ended for a few rounds.
func gone(loads ...weak.Pointer[load]) bool {
	return proof.Collect(func() bool {
		return !slices.ContainsFunc(loads, func(l weak.Pointer[load]) bool { return l.Value() != nil })
	})
}

// bundle returns a function that captures a load.
func bundle() (func(context.Context) (int, error), weak.Pointer[load]) {
	l := new(load)
	return func(context.Context) (int, error) { return int(l[0]), nil }, weak.Make(l)
}

func bundleGo() (func(context.Context) error, weak.Pointer[load]) {
	l := new(load)
	return func(context.Context) error { l[0]++; return nil }, weak.Make(l)
}

func bundleCallback() (func(int, error), weak.Pointer[load]) {
	l := new(load)
	return func(int, error) { l[0]++ }, weak.Make(l)
}

func TestAResultDoesNotKeepItsFunctionAlive(t *testing.T) {
	type setting struct {
		p    *pool.Pool
		hold *gate
		ctx  context.Context
		end  context.CancelCauseFunc
	}
	for _, c := range []struct {
		name string
		busy bool
		end  func(s *setting, r *pool.Result[int])
		pre  func(s *setting)
	}{
		{"it has returned", false, func(*setting, *pool.Result[int]) {}, nil},
		{"it was cancelled", true, func(_ *setting, r *pool.Result[int]) { r.Cancel() }, nil},
		{"it was dropped by CancelPending", true, func(s *setting, _ *pool.Result[int]) { s.p.CancelPending() }, nil},
		{"it was dropped by Terminate", true, func(s *setting, _ *pool.Result[int]) { s.p.Terminate() }, nil},
		{"it was dropped by the end of its context", true, func(s *setting, _ *pool.Result[int]) { s.end(errStop) }, nil},
		{"it was refused after Close", false, func(*setting, *pool.Result[int]) {}, func(s *setting) { s.p.Close() }},
		{"it was refused after the end of its context", false, func(*setting, *pool.Result[int]) {},
			func(s *setting) { s.end(errStop) }},
	} {
		for _, form := range []string{"ApplyAsync", "with a callback", "with an OnDone"} {
			t.Run(c.name+"/"+form, func(t *testing.T) {
				s := &setting{p: newPool(t, 1)}
				s.ctx, s.end = context.WithCancelCause(t.Context())
				defer s.end(nil)
				if c.busy {
					s.hold = occupyAll(t, s.p, 1)
				}
				if c.pre != nil {
					c.pre(s)
				}
				loads, r := func() (loads []weak.Pointer[load], r *pool.Result[int]) {
					fn, l := bundle()
					loads = append(loads, l)
					var opts []pool.TaskOption[int]
					f, l := bundleCallback()
					switch form {
					case "with a callback":
						opts = append(opts, pool.Callback(f))
						loads = append(loads, l)
					}
					r = pool.ApplyAsync(s.p.WithContext(s.ctx), fn, opts...)
					if form == "with an OnDone" {
						r.OnDone(f)
						loads = append(loads, l)
					}
					return loads, r
				}()
				c.end(s, r)
				r.Wait()
				if !gone(loads...) {
					t.Errorf("the Result, or the pool, keeps a function alive: %v", loads)
				}
				runtime.KeepAlive(r)
				runtime.KeepAlive(s.p)
			})
		}
	}
	t.Run("a task of Go", func(t *testing.T) {
		for _, drop := range []bool{false, true} {
			p := newPool(t, 1)
			g := occupyAll(t, p, 1)
			var loads []weak.Pointer[load]
			for i := range 300 {
				fn, l := bundleGo()
				loads = append(loads, l)
				if i%50 == 49 {
					_ = p.GoContext(context.Background(), fn)
				} else {
					_ = p.Go(fn)
				}
			}
			if drop {
				p.CancelPending()
			} else {
				g.open()
				_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
			}
			if !gone(loads...) {
				t.Errorf("the pool keeps functions alive, dropped: %t", drop)
			}
			runtime.KeepAlive(p)
		}
	})
	t.Run("a Map", func(t *testing.T) {
		for name, end := range map[string]func(p *pool.Pool, g *gate, r *pool.Result[[]int]){
			"returned":  func(_ *pool.Pool, g *gate, _ *pool.Result[[]int]) { g.open() },
			"cancelled": func(_ *pool.Pool, _ *gate, r *pool.Result[[]int]) { r.Cancel() },
			"refused":   nil,
		} {
			p := newPool(t, 1)
			g := occupyAll(t, p, 1)
			if end == nil {
				p.Close()
			}
			l, item, r := func() (weak.Pointer[load], weak.Pointer[load], *pool.Result[[]int]) {
				fn, l := bundle()
				item := new(load)
				r := pool.MapAsync(p, func(ctx context.Context, in *load) (int, error) { return fn(ctx) }, []*load{item, item})
				return l, weak.Make(item), r
			}()
			if end != nil {
				end(p, g, r)
			}
			r.Wait()
			if !gone(l, item) {
				t.Errorf("the Result of a Map that was %s keeps the function alive: %t, the items: %t",
					name, l.Value() != nil, item.Value() != nil)
			}
			runtime.KeepAlive(r)
		}
	})
}

// A worker that has nothing to do does not keep what the last task left, and the pool nothing of what has ended.
func TestAnIdlePoolKeepsNoResultAlive(t *testing.T) {
	value := func(context.Context) (*load, error) { return new(load), nil }
	for name, use := range map[string]func(p *pool.Pool) *pool.Result[*load]{
		"ApplyAsync": func(p *pool.Pool) *pool.Result[*load] { return pool.ApplyAsync(p, value) },
		"Apply": func(p *pool.Pool) *pool.Result[*load] {
			var r pool.Promise[*load]
			r.Set(pool.Apply(p, value))
			return r.Result()
		},
		"OnDone": func(p *pool.Pool) *pool.Result[*load] {
			g := occupyAll(t, p, 1)
			r := pool.ApplyAsync(p, value)
			r.OnDone(func(*load, error) {})
			g.open()
			return r
		},
		"several OnDones": func(p *pool.Pool) *pool.Result[*load] {
			g := occupyAll(t, p, 1)
			r := pool.ApplyAsync(p, value)
			called := make(chan struct{})
			for range 5 {
				r.OnDone(func(*load, error) {})
			}
			r.OnDone(func(*load, error) { close(called) })
			g.open()
			<-called
			return r
		},
		"Callback": func(p *pool.Pool) *pool.Result[*load] {
			return pool.ApplyAsync(p, value, pool.Callback(func(*load, error) {}))
		},
		"a context that goes on": func(p *pool.Pool) *pool.Result[*load] {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			return pool.ApplyAsync(p.WithContext(ctx), value)
		},
		"AsCompleted": func(p *pool.Pool) *pool.Result[*load] {
			r := pool.ApplyAsync(p, value)
			for range pool.AsCompleted(r) {
			}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 1)
			l := func() weak.Pointer[load] {
				r := use(p)
				v, _ := r.Get()
				w := weak.Make(v)
				runtime.GC()
				if w.Value() == nil { // for as long as the Result is there, its value is
					t.Error("the Result has lost its value")
				}
				runtime.KeepAlive(r)
				return w
			}()
			if !gone(l) {
				t.Error("the value is alive, and nobody has the Result")
			}
			runtime.KeepAlive(p)
		})
	}
	t.Run("a backlog that gave up", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(0))
		occupyAll(t, p, 1)
		l := func() weak.Pointer[load] {
			fn, l := bundleGo()
			wantErr(t, "GoTimeout", p.GoTimeout(time.Microsecond, fn), pool.ErrFull)
			wantErr(t, "TryGo", p.TryGo(fn), pool.ErrFull)
			return l
		}()
		if !gone(l) {
			t.Error("what gave up is alive")
		}
		runtime.KeepAlive(p)
	})
}

// An Apply uses again what another one has left.
func TestAnApplyLeavesNothingToTheNext(t *testing.T) {
	p := newPool(t, 1)
	seven := func(context.Context) (int, error) { return 7, nil }
	planned := errors.New("planned")
	var panicked *thread.PanicError
	for _, next := range []struct {
		fn    func(context.Context) (int, error)
		want  int
		check func(error) bool
	}{
		{func(context.Context) (int, error) { panic(planned) }, 0, func(err error) bool { return errors.As(err, &panicked) && errors.Is(err, planned) }},
		{func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, 0, func(err error) bool { return errors.Is(err, pool.ErrGoexit) }},
		{func(context.Context) (int, error) { return 3, planned }, 3, func(err error) bool { return err == planned }},
		{func(context.Context) (int, error) { return pool.Apply(p, seven) }, 7, func(err error) bool { return err == nil }},
		{func(context.Context) (int, error) {
			s, err := pool.Apply(p, func(context.Context) (string, error) { return "seven", nil })
			return len(s), err
		}, 5, func(err error) bool { return err == nil }},
	} {
		for range 3 {
			if v, err := pool.Apply(p, seven); v != 7 || err != nil {
				t.Fatalf("Apply returned %d, %v, want 7, nil", v, err)
			}
			if v, err := pool.Apply(p, next.fn); v != next.want || !next.check(err) {
				t.Fatalf("Apply returned %d, %v after one that returned 7, nil", v, err)
			}
		}
	}
	p.Terminate()
	if v, err := pool.Apply(p, seven); v != 0 || err != pool.ErrTerminated {
		t.Errorf("Apply returned %d, %v after Terminate", v, err)
	}
}

func TestAnIdlePoolKeepsNoViewAlive(t *testing.T) {
	type key struct{}
	p := newPool(t, 1)
	l := func() weak.Pointer[load] {
		v := new(load)
		_ = p.GoContext(context.WithValue(context.Background(), key{}, v), func(context.Context) error { return nil })
		_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
		return weak.Make(v)
	}()
	if !gone(l) {
		t.Error("the view of the last function is alive, which has returned")
	}
	runtime.KeepAlive(p)
}

func TestTheContextOfATaskKeepsNoResultAlive(t *testing.T) {
	p := newPool(t, 1).WithContext(context.Background())
	var kept context.Context
	l := func() weak.Pointer[load] {
		v, _ := pool.ApplyAsync(p, func(ctx context.Context) (*load, error) {
			kept = ctx
			return new(load), nil
		}).Get()
		return weak.Make(v)
	}()
	if !gone(l) {
		t.Error("the value is alive, and nobody has the Result")
	}
	runtime.KeepAlive(kept)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestADrainedBacklogGivesItsMemoryBack(t *testing.T) {
	if race {
		t.Skip("the race detector keeps memory of its own, and a hundred thousand of anything take long")
	}
	const n, slack = 100_000, 1 << 20
	for _, name := range []string{
		"Go", "ApplyAsync", "distinct priorities", "dropped Go", "dropped ApplyAsync", "cancelled one by one",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 1)
			_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
			before := heap()
			g := occupyAll(t, p, 1)
			var cancels []func() bool
			for i := range n {
				switch name {
				case "Go", "dropped Go":
					_ = p.Go(func(context.Context) error { return nil })
				case "distinct priorities":
					if i < n/10 { // each is a level
						_ = p.WithPriority(i).Go(func(context.Context) error { return nil })
					}
				default:
					r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
					if name == "cancelled one by one" {
						cancels = append(cancels, r.Cancel)
					}
				}
			}
			full := heap()
			if full-before < 300_000 {
				t.Errorf("a backlog of %d takes %d bytes: is it there?", n, full-before)
			}
			switch name {
			case "dropped Go", "dropped ApplyAsync":
				p.CancelPending()
			case "cancelled one by one":
				for _, cancel := range cancels {
					cancel()
				}
				cancels = nil
			}
			g.open()
			_, _ = pool.Apply(p.WithPriority(n), func(context.Context) (int, error) { return 0, nil })
			most := int64(slack)
			if name == "distinct priorities" {
				most /= 8 // a level is small
			}
			if left := heap() - before; left > most {
				t.Errorf("%d of %d bytes are left after the backlog has drained", left, full-before)
			}
			t.Logf("%d bytes for each that was queued", (full-before)/n)
			runtime.KeepAlive(p)
		})
	}
}

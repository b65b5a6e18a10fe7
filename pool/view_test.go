package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// submitters are the ways to submit a function through a pool or a view; each returns what became of it.
var submitters = map[string]func(p *pool.Pool, f function) error{
	"Apply":      func(p *pool.Pool, f function) error { _, err := pool.Apply(p, f); return err },
	"ApplyAsync": func(p *pool.Pool, f function) error { _, err := pool.ApplyAsync(p, f).Get(); return err },
	"ApplyAsyncContext": func(p *pool.Pool, f function) error {
		r, err := pool.ApplyAsyncContext(context.Background(), p, f)
		if err != nil {
			return err
		}
		_, err = r.Get()
		return err
	},
	"Map": func(p *pool.Pool, f function) error {
		_, err := pool.Map(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, []int{0})
		return err
	},
	"ForEach": func(p *pool.Pool, f function) error {
		return pool.ForEach(p, func(ctx context.Context, _ int) error { _, err := f(ctx); return err }, []int{0})
	},
	"IMap": func(p *pool.Pool, f function) (err error) {
		for _, err = range pool.IMap(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, once) {
			_ = err
		}
		return err
	},
}

var errExited = errors.New("it ended its goroutine")

// attempt is start for what may panic with an error, or exit: that is its error then.
func attempt(f func() error) *call {
	return start(func() (err error) {
		c := start(func() (err error) {
			err = errExited
			defer func() {
				if v := recover(); v != nil {
					err = v.(error)
				}
			}()
			return f()
		})
		<-c.done
		if c.err == nil && !c.finished {
			return errExited
		}
		return c.err
	})
}

// A view of a view obeys both: it ends with whichever ends first and says why, its tasks see the values of the inner one
// and the earlier deadline.
func TestAViewOfAViewObeysBoth(t *testing.T) {
	type key struct{}
	why, other := errors.New("why"), errors.New("other")
	for name, submit := range submitters {
		for _, first := range []string{"the inner", "the outer", "the middle", "the pool's"} {
			inBubble(t, name+" "+first, func(t *testing.T) {
				base, endPool := context.WithCancelCause(context.WithValue(context.Background(), key{}, "pool"))
				outer, endOuter := context.WithCancelCause(context.WithValue(context.Background(), key{}, "outer"))
				middle, endMiddle := context.WithCancelCause(context.Background())
				inner, endInner := context.WithCancelCause(context.WithValue(context.Background(), key{}, "inner"))
				defer func() { endPool(nil); endOuter(other); endMiddle(other); endInner(other) }()
				p := newPool(t, 1, pool.Context(base))
				view := p.WithContext(outer).WithPriority(3).WithContext(middle).WithContext(inner)
				c := start(func() error {
					return submit(view, func(ctx context.Context) (int, error) {
						if got := ctx.Value(key{}); got != "inner" && name != "ApplyAsyncContext" { // which has one more
							t.Errorf("the value is %v", got)
						}
						child, cancel := context.WithCancel(ctx)
						defer cancel()
						<-child.Done()
						if child.Err() != context.Canceled || ctx.Err() != context.Canceled || context.Cause(child) != context.Cause(ctx) {
							t.Errorf("the child says %v and %v, the parent %v", child.Err(), context.Cause(child), ctx.Err())
						}
						return 0, context.Cause(ctx)
					})
				})
				synctest.Wait()
				map[string]context.CancelCauseFunc{
					"the inner": endInner, "the outer": endOuter, "the middle": endMiddle, "the pool's": endPool,
				}[first](why)
				<-c.done
				if err := c.err; !errors.Is(err, why) || errors.Is(err, pool.ErrTerminated) != (first == "the pool's") {
					t.Errorf("it ended with %v", err)
				}
				if err := view.Go(func(context.Context) error { return nil }); !errors.Is(err, why) {
					t.Errorf("then Go says %v", err)
				}
				if err := p.Go(func(context.Context) error { return nil }); (err == nil) != (first != "the pool's") {
					t.Errorf("Go of the pool says %v", err)
				}
			})
		}
	}
}

// The deadline is the earliest of all, and its passing is told as such, also by what is derived.
func TestTheDeadlineOfATaskIsTheEarliest(t *testing.T) {
	early := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), time.Second)
	}
	late := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), time.Hour)
	}
	type made = func() (context.Context, context.CancelFunc)
	for name, c := range map[string][3]made{
		"the pool's": {early, late, late}, "the view's": {late, early, late}, "its own": {late, late, early},
	} {
		inBubble(t, name, func(t *testing.T) {
			var ctxs [3]context.Context
			for i, make := range c {
				ctx, cancel := make()
				defer cancel()
				ctxs[i] = ctx
			}
			want := time.Now().Add(time.Second)
			p := newPool(t, 1, pool.Context(ctxs[0]))
			r, err := pool.ApplyAsyncContext(ctxs[2], p.WithContext(ctxs[1]), func(ctx context.Context) (int, error) {
				if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
					t.Errorf("the deadline is %v, %t, want %v", got, ok, want)
				}
				child, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				if got, _ := child.Deadline(); !got.Equal(want) {
					t.Errorf("the deadline of a child is %v, want %v", got, want)
				}
				<-child.Done()
				if child.Err() != context.DeadlineExceeded || ctx.Err() != context.DeadlineExceeded {
					t.Errorf("Err is %v, of a child %v", ctx.Err(), child.Err())
				}
				return 0, ctx.Err()
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Get(); !errors.Is(err, context.DeadlineExceeded) || !time.Now().Equal(want) {
				t.Errorf("%v at %v", err, time.Now())
			}
		})
	}
}

// A context can be printed while others change what it stands for, and shows no pointers. With the race detector.
func TestTheContextOfATaskCanBePrinted(t *testing.T) {
	p := newPool(t, 4, pool.Name("printer"))
	var texts [6]atomic.Pointer[string]
	note := func(i int, ctx context.Context) {
		text := fmt.Sprint(ctx) + fmt.Sprintf(" %v %+v %s", ctx, ctx, ctx)
		texts[i].Store(&text)
	}
	item := func(i int) func(context.Context, int) (int, error) {
		return func(ctx context.Context, _ int) (int, error) { note(i, ctx); return 0, nil }
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, _ = pool.Map(p, item(0), make([]int, rounds(2000)), pool.ChunkSize(1))
	_, _ = pool.Map(p.WithContext(ctx), item(1), make([]int, rounds(2000)), pool.ChunkSize(1))
	for range pool.IMap(p, item(2), slices.Values(make([]int, rounds(2000)))) {
	}
	_ = p.Scope(ctx, func(ctx context.Context, g *pool.Pool) error {
		note(3, ctx)
		for range rounds(2000) {
			_ = g.Go(func(ctx context.Context) error { note(3, ctx); return nil })
		}
		return nil
	})
	for range rounds(1000) {
		_ = p.Go(func(ctx context.Context) error { note(4, ctx); return nil })
	}
	pool.Spawn(func(ctx context.Context) (int, error) { note(5, ctx); return 0, nil }).Wait()
	p.Shutdown()
	for i := range texts {
		if text := *texts[i].Load(); strings.Contains(text, "0x") || text == "" || i < 5 && !strings.Contains(text, "printer") {
			t.Errorf("context %d prints as %s", i, text)
		}
	}
}

// A foreign context is one that package context did not make.
type foreignContext struct {
	context.Context
	done <-chan struct{}
	err  func() error
}

func (c *foreignContext) Done() <-chan struct{} { return c.done }
func (c *foreignContext) Err() error            { return c.err() }

// Code of a context may use the pool, and take locks whose holders do.
func TestErrOfAContextMayUseThePool(t *testing.T) {
	for name, submit := range submitters {
		t.Run(name, func(t *testing.T) {
			defer hangs(t)()
			p := newPool(t, 2, pool.Backlog(1))
			done := make(chan struct{})
			asked := 0
			ctx := &foreignContext{context.Background(), done, func() error {
				asked++
				p.Stats()
				p.CancelPending()
				_ = p.TryGo(func(context.Context) error { return nil })
				select {
				case <-done:
					return errStop
				default:
					return nil
				}
			}}
			if err := submit(p.WithContext(ctx), func(context.Context) (int, error) { return 1, nil }); err != nil {
				if !errors.Is(err, pool.ErrCancelled) {
					t.Error(err)
				}
			}
			if asked == 0 {
				t.Error("it was not asked")
			}
		})
	}
}

// A context that panics, or ends the goroutine, at any of its calls, harms nobody but the task: nothing is lost without a
// word, and the pool goes on.
func TestAContextThatMisbehavesHarmsNobody(t *testing.T) {
	for name, submit := range submitters {
		for how, misbehave := range map[string]func(){"panics": func() { panic(errBoom) }, "exits": runtime.Goexit} {
			for at := 1; at <= 4; at++ {
				inBubble(t, fmt.Sprint(name, " ", how, " at call ", at), func(t *testing.T) {
					hook := hookPanics(t)
					p := newPool(t, 1, pool.Name("survivor"))
					var asked atomic.Int32
					ctx := &foreignContext{context.Background(), make(chan struct{}), func() error {
						if int(asked.Add(1)) == at {
							misbehave()
						}
						return nil
					}}
					called := false
					c := attempt(func() error { // the panic may come out where it is submitted
						return submit(p.WithContext(ctx), func(context.Context) (int, error) { called = true; return 0, nil })
					})
					synctest.Wait()
					if !c.returned() {
						t.Fatal("the submission does not return")
					}
					if !called && c.err == nil {
						t.Error("it was not called, and nobody was told")
					}
					for range 3 {
						if v, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
							t.Errorf("then %d, %v", v, err)
						}
					}
					p.Shutdown()
					wantOver(t, p, "survivor")
					hook.wantValues(t)
				})
			}
		}
	}
}

// A context whose Done is closed while Err says nothing, as those of some frameworks after the request: whatever gave up
// because of it says so, and nothing crashes.
func TestAContextThatEndsInSilence(t *testing.T) {
	for name, submit := range submitters {
		inBubble(t, name, func(t *testing.T) {
			done := make(chan struct{})
			silent := &foreignContext{context.Background(), done, func() error { return nil }}
			p := newPool(t, 1)
			c := start(func() error {
				return submit(p.WithContext(silent), func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, context.Cause(ctx)
				})
			})
			synctest.Wait()
			close(done)
			<-c.done
			if err := c.err; !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			if name != "Map" {
				return
			}
			busy := occupy(t, p, 1)
			q := newPool(t, 1, pool.Backlog(0))
			occupy(t, q, 1)
			r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
			silent.done = done
			var told pool.Promise[int]
			for what, call := range map[string]func() error{
				"WaitContext": func() error { return r.WaitContext(silent) },
				"GetContext":  func() error { _, err := r.GetContext(silent); return err },
				"Promise":     func() error { _, err := told.Result().GetContext(silent); return err },
				"Gather":      func() error { _, err := pool.GatherContext(silent, r); return err },
				"GoContext":   func() error { return q.GoContext(silent, func(context.Context) error { return nil }) },
				"Scope": func() error {
					return pool.Scope(silent, func(ctx context.Context, g *pool.Pool) error { <-ctx.Done(); return nil })
				},
				"Spawn": func() error {
					_, err := pool.SpawnContext(silent, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }).Get()
					return err
				},
				"ShutdownContext": func() error {
					s := pool.New(1)
					_ = s.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
					return s.ShutdownContext(silent)
				},
			} {
				if err := call(); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", what, err)
				}
			}
			busy.open()
		})
	}
}

// The end of a view drops all its tasks, starts no goroutine for each, and resolves each with the cause; the others go on.
func TestTheEndOfAViewStartsNoGoroutineForEachTask(t *testing.T) {
	for how, context := range map[string]func() (context.Context, context.CancelCauseFunc){
		"of package context": func() (context.Context, context.CancelCauseFunc) {
			return context.WithCancelCause(context.Background())
		},
		"a foreign one": func() (context.Context, context.CancelCauseFunc) {
			ctx, cancel := context.WithCancelCause(context.Background())
			return &foreignContext{ctx, ctx.Done(), ctx.Err}, cancel
		},
	} {
		for views, one := range map[string]bool{"one view": true, "a view for each task": false} {
			t.Run(how+"/"+views, func(t *testing.T) {
				defer hangs(t)()
				p := newPool(t, 1)
				g := occupyAll(t, p, 1)
				ctx, cancel := context()
				view := p.WithContext(ctx)
				before := runtime.NumGoroutine()
				const n = 50_000
				rs := make([]*pool.Result[int], n)
				for i := range rs {
					if !one {
						view = p.WithContext(ctx)
					}
					rs[i] = pool.ApplyAsync(view, function(nil2ctx))
				}
				other := pool.ApplyAsync(p, function(nil2ctx))
				cancel(errStop)
				if now := runtime.NumGoroutine(); now > before+20 {
					t.Errorf("%d goroutines, %d before", now, before)
				}
				for _, r := range rs {
					if _, err := r.Get(); !errors.Is(err, errStop) || r.Started() {
						t.Fatal(err)
					}
				}
				g.open()
				if _, err := other.Get(); err != nil {
					t.Error(err)
				}
				s := p.Stats()
				if addsUp(t, s); s.Cancelled != n || s.Queued != 0 {
					t.Errorf("%+v", s)
				}
			})
		}
	}
}

func nil2ctx(context.Context) (int, error) { return 0, nil }

// Terminate and the end of a pool that runs very many tasks start no goroutine for each either.
func TestTerminateStartsNoGoroutineForEachTask(t *testing.T) {
	defer hangs(t)()
	p := newPool(t, pool.Unlimited)
	const n = 2000
	var up, told atomic.Int32
	rs := make([]*pool.Result[int], n)
	for i := range rs {
		rs[i] = pool.ApplyAsync(p, func(ctx context.Context) (int, error) {
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			up.Add(1)
			<-child.Done()
			told.Add(1)
			return 0, context.Cause(ctx)
		})
	}
	for up.Load() < n {
		runtime.Gosched()
	}
	before := runtime.NumGoroutine()
	p.Terminate()
	if now := runtime.NumGoroutine(); now > before+20 {
		t.Errorf("%d goroutines, %d before", now, before)
	}
	for _, r := range rs {
		if _, err := r.Get(); err != pool.ErrTerminated {
			t.Fatal(err)
		}
	}
}

// Views come and go by the thousand: one that has no task any more is followed by nobody, and can be used again.
func TestAViewThatIsLeftIsForgotten(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		counted := &countingContext{Context: ctx}
		view := p.WithContext(counted)
		for range 100 {
			_, _ = pool.Apply(view, nil2ctx)
			_, _ = pool.Map(view.WithContext(context.WithValue(counted, counted, 1)), pool.Plain(square), upTo(10))
			_ = view.Go(func(context.Context) error { return nil })
			for range pool.IMap(view, pool.Plain(square), slices.Values(upTo(10))) {
				break
			}
			synctest.Wait()
			if n := counted.following.Load(); n != 0 {
				t.Fatalf("%d still follow the context", n)
			}
		}
	})
}

// A countingContext knows how many follow it.
type countingContext struct {
	context.Context
	following atomic.Int32
}

func (c *countingContext) AfterFunc(f func()) (stop func() bool) {
	c.following.Add(1)
	undo := context.AfterFunc(c.Context, f)
	return func() bool { c.following.Add(-1); return undo() }
}

// What is reported after the end of the pool's context: nothing is accepted, also if the pool has not been told yet.
func TestNothingIsAcceptedAfterTheContextOfThePoolHasEnded(t *testing.T) {
	for i := range rounds(5000) {
		ctx, cancel := context.WithCancelCause(context.Background())
		p := pool.New(1, pool.Context(ctx))
		cancel(errStop)
		called := false
		var err error
		switch i % 4 {
		case 0:
			err = p.Go(func(context.Context) error { called = true; return nil })
		case 1:
			_, err = pool.TryApplyAsync(p, func(context.Context) (int, error) { called = true; return 0, nil })
		case 2:
			err = p.WithContext(context.Background()).Go(func(context.Context) error { called = true; return nil })
		case 3:
			_, err = pool.Map(p, func(context.Context, int) (int, error) { called = true; return 0, nil }, []int{1})
		}
		p.Join() // it looks at the context itself
		if called || !errors.Is(err, pool.ErrTerminated) || !errors.Is(err, errStop) {
			t.Fatalf("%v, called: %t", err, called)
		}
	}
}

// A task that was queued when its context ended is not started, whatever the pool has been told: the context is asked.
func TestATaskWhoseContextHasEndedIsNotStarted(t *testing.T) {
	for range rounds(2000) {
		p := pool.New(1)
		g := newGate(t)
		_ = p.Go(func(context.Context) error { g.pass(); return nil })
		ctx, cancel := context.WithCancelCause(context.Background())
		r := pool.ApplyAsync(p.WithContext(ctx), func(context.Context) (int, error) { t.Error("called"); return 0, nil })
		cancel(errStop)
		g.open()
		if _, err := r.Get(); err != errStop || r.Started() {
			t.Fatal(err)
		}
		p.Shutdown()
	}
}

var _ = thread.ErrGoexit

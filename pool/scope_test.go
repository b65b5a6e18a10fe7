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

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

type scopeBody = func(ctx context.Context, g *pool.Pool) error

// scopes are the two kinds: of a pool of its own, and on the workers of a pool of one or three. After each, nothing may be
// left.
var scopes = []struct {
	name string
	run  func(t testing.TB, ctx context.Context, body scopeBody) error
}{
	{"its own pool", func(t testing.TB, ctx context.Context, body scopeBody) error {
		var g *pool.Pool
		defer func() { wantScopeOver(t, g) }()
		return pool.Scope(ctx, func(ctx context.Context, view *pool.Pool) error { g = view; return body(ctx, view) })
	}},
	{"a shared pool of 1", func(t testing.TB, ctx context.Context, body scopeBody) error { return sharedScope(t, ctx, 1, body) }},
	{"a shared pool of 3", func(t testing.TB, ctx context.Context, body scopeBody) error { return sharedScope(t, ctx, 3, body) }},
	{"a view of a shared pool", func(t testing.TB, ctx context.Context, body scopeBody) error {
		p := pool.New(2, pool.Backlog(50))
		defer p.Shutdown()
		outer, cancel := context.WithCancel(context.Background())
		defer cancel()
		var g *pool.Pool
		defer func() { wantScopeOver(t, g) }()
		return p.WithContext(outer).WithPriority(2).Scope(ctx, func(ctx context.Context, view *pool.Pool) error {
			g = view
			return body(ctx, view)
		})
	}},
	{"a task of the shared pool", func(t testing.TB, ctx context.Context, body scopeBody) (err error) {
		p := pool.New(1)
		defer p.Shutdown()
		_, e := pool.Apply(p, func(context.Context) (int, error) {
			err = p.Scope(ctx, body)
			return 0, nil
		})
		if e != nil { // the body panicked or exited
			err = e
		}
		return err
	}},
}

func sharedScope(t testing.TB, ctx context.Context, workers int, body scopeBody) error {
	p := pool.New(workers)
	defer p.Shutdown()
	var g *pool.Pool
	defer func() {
		wantScopeOver(t, g)
		if v, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
			t.Errorf("the pool after the scope: %d, %v", v, err)
		}
	}()
	return p.Scope(ctx, func(ctx context.Context, view *pool.Pool) error { g = view; return body(ctx, view) })
}

// wantScopeOver checks that nothing runs in g, and that it refuses.
func wantScopeOver(t testing.TB, g *pool.Pool) {
	t.Helper()
	if g == nil {
		return
	}
	s := g.Stats()
	if addsUp(t, s); s.Queued != 0 || s.Lent != 0 {
		t.Errorf("something is left: %+v", s)
	}
	if err := g.Go(func(context.Context) error { t.Error("called"); return nil }); err != pool.ErrClosed {
		t.Errorf("Go after the end: %v", err)
	}
	if _, err := pool.ApplyAsync(g, nil2ctx).Get(); err != pool.ErrClosed {
		t.Errorf("ApplyAsync after the end: %v", err)
	}
	if err := g.Scope(context.Background(), func(context.Context, *pool.Pool) error { t.Error("called"); return nil }); err != pool.ErrClosed {
		t.Errorf("Scope after the end: %v", err)
	}
	for _, err := range pool.IMap(g, pool.Plain(square), once) {
		if err != pool.ErrClosed {
			t.Errorf("IMap after the end: %v", err)
		}
	}
}

// inScopes runs a test for each kind of scope in a bubble of its own.
func inScopes(t *testing.T, name string, test func(t *testing.T, run func(ctx context.Context, body scopeBody) error)) {
	t.Helper()
	for _, s := range scopes {
		inBubble(t, name+", "+s.name, func(t *testing.T) {
			test(t, func(ctx context.Context, body scopeBody) error { return s.run(t, ctx, body) })
		})
	}
}

var background = context.Background()

func TestAScopeWaitsForAllItsTasks(t *testing.T) {
	inScopes(t, "Go, ApplyAsync, MapAsync", func(t *testing.T, run func(context.Context, scopeBody) error) {
		var done atomic.Int32
		began := time.Now()
		err := run(background, func(ctx context.Context, g *pool.Pool) error {
			nap := func() { time.Sleep(time.Second); done.Add(1) }
			_ = g.Go(func(context.Context) error { nap(); return nil })
			pool.ApplyAsync(g, pool.Func(func() int { nap(); return 0 }))
			pool.MapAsync(g, pool.Plain(func(int) int { nap(); return 0 }), upTo(3))
			_ = g.TryGo(func(context.Context) error { nap(); return nil })
			_, _ = pool.TryApplyAsync(g, pool.Func(func() int { nap(); return 0 }))
			_ = g.WithContext(ctx).Go(func(context.Context) error { nap(); return nil })
			_ = g.WithPriority(-1).GoContext(ctx, func(context.Context) error { nap(); return nil })
			return nil
		})
		if err != nil || done.Load() != 9 || time.Since(began) == 0 {
			t.Errorf("%v after %v, %d of 9 were done", err, time.Since(began), done.Load())
		}
	})
	inScopes(t, "tasks that add tasks after body has returned", func(t *testing.T, run func(context.Context, scopeBody) error) {
		n := 0
		var grow func(g *pool.Pool, left int) error
		grow = func(g *pool.Pool, left int) error {
			n++
			if left == 0 {
				return nil
			}
			time.Sleep(time.Second)
			return g.Go(func(context.Context) error { return grow(g, left-1) })
		}
		if err := run(background, func(_ context.Context, g *pool.Pool) error {
			return g.Go(func(context.Context) error { return grow(g, 10) })
		}); err != nil || n != 11 {
			t.Errorf("%v, %d of 11", err, n)
		}
	})
	inScopes(t, "what others add until the end", func(t *testing.T, run func(context.Context, scopeBody) error) {
		late := make(chan error, 1)
		err := run(background, func(_ context.Context, g *pool.Pool) error {
			go func() {
				time.Sleep(time.Second)
				late <- g.Go(func(context.Context) error { time.Sleep(time.Second); return errTest })
			}()
			return g.Go(func(context.Context) error { time.Sleep(time.Minute); return nil })
		})
		if e := <-late; e != nil || err != errTest {
			t.Errorf("%v, %v", e, err)
		}
	})
	inScopes(t, "nothing", func(t *testing.T, run func(context.Context, scopeBody) error) {
		if err := run(background, func(context.Context, *pool.Pool) error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// The first error ends all; Scope returns when all have returned, with it and behind it the others that are not the
// cancellation itself, and none is forgotten.
func TestTheFirstErrorEndsAScope(t *testing.T) {
	other, third := errors.New("other"), errors.New("third")
	for name, fail := range map[string]func(ctx context.Context, g *pool.Pool) error{
		"of Go": func(_ context.Context, g *pool.Pool) error {
			return g.Go(func(context.Context) error { return errTest })
		},
		"of body": func(context.Context, *pool.Pool) error { return errTest },
		"of ApplyAsync": func(_ context.Context, g *pool.Pool) error {
			pool.ApplyAsync(g, pool.Do(func(context.Context) error { return errTest }))
			return nil
		},
		"of MapAsync": func(_ context.Context, g *pool.Pool) error {
			pool.MapAsync(g, func(_ context.Context, i int) (int, error) {
				if i == 2 {
					return 0, errTest
				}
				return 0, nil
			}, upTo(5))
			return nil
		},
		"of a panic": func(_ context.Context, g *pool.Pool) error {
			return g.Go(func(context.Context) error { panic(errTest) })
		},
		"of a Result's panic": func(_ context.Context, g *pool.Pool) error {
			pool.ApplyAsync(g, func(context.Context) (int, error) { panic(errTest) })
			return nil
		},
		"of an inner scope": func(ctx context.Context, g *pool.Pool) error {
			return g.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
				return g.Go(func(context.Context) error { return errTest })
			})
		},
	} {
		for _, s := range scopes {
			if s.name == "a task of the shared pool" && strings.Contains(name, "panic") {
				continue // which tells of that in its own way
			}
			inBubble(t, name+", "+s.name, func(t *testing.T) {
				hook := hookPanics(t)
				var ended, dropped atomic.Int64
				began := time.Now()
				var cause error
				err := s.run(t, background, func(ctx context.Context, g *pool.Pool) error {
					obeys := func(ctx context.Context) error { <-ctx.Done(); ended.Add(1); return context.Cause(ctx) }
					wraps := func(ctx context.Context) error {
						<-ctx.Done()
						ended.Add(1)
						return fmt.Errorf("reading: %w", ctx.Err())
					}
					late := func(err error, d time.Duration) func(context.Context) error {
						return func(ctx context.Context) error { <-ctx.Done(); time.Sleep(d); ended.Add(1); return err }
					}
					tasks := []func(context.Context) error{obeys, wraps, late(nil, 0), late(other, time.Second), late(third, time.Minute)}
					g.Resize(len(tasks) + 2) // the body may be a task itself
					for i, f := range tasks {
						if i%2 == 0 {
							_ = g.Go(f)
						} else {
							pool.ApplyAsync(g, pool.Do(f))
						}
						synctest.Wait()
					}
					// While it fails nothing that is queued is started.
					failed := fail(ctx, g)
					for range 20 {
						pool.ApplyAsync(g.WithPriority(9), pool.Do(func(ctx context.Context) error {
							if ctx.Err() == nil {
								<-ctx.Done() // the worker was faster than the failure
							}
							return nil
						}), pool.Callback(func(struct{}, error) { dropped.Add(1) }))
					}
					if failed != nil {
						return failed
					}
					<-ctx.Done()
					cause = context.Cause(ctx)
					return ctx.Err()
				})
				if !errors.Is(err, errTest) || !errors.Is(err, other) || !errors.Is(err, third) || strings.Contains(err.Error(), "reading") {
					t.Errorf("the error is %q", err)
				}
				text := err.Error()
				if n := strings.Count(text, "of the test"); n != 1 || strings.Index(text, "of the test") > strings.Index(text, "other") ||
					strings.Index(text, "other") > strings.Index(text, "third") {
					t.Errorf("the error is %q", text)
				}
				if n := dropped.Load(); n != 20 {
					t.Errorf("%d of 20 callbacks had run", n)
				}
				if ended.Load() != 5 || time.Since(began) != time.Minute {
					t.Errorf("%d of 5 tasks had ended after %v", ended.Load(), time.Since(began))
				}
				if cause != nil && !errors.Is(cause, errTest) {
					t.Errorf("body was told %v", cause)
				}
				hook.wantValues(t)
			})
		}
	}
}

// A failure refuses what comes later, with the reason, and drops what is queued.
func TestAScopeThatHasFailedRefuses(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		var queued *pool.Result[int]
		err := p.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			_ = g.Go(func(context.Context) error { time.Sleep(time.Second); return errTest })
			queued = pool.ApplyAsync(g, nil2ctx)
			outside := pool.ApplyAsync(p, nil2ctx)
			<-ctx.Done()
			if context.Cause(ctx) != errTest || ctx.Err() != context.Canceled {
				t.Error(ctx.Err(), context.Cause(ctx))
			}
			if err := g.Go(func(context.Context) error { t.Error("called"); return nil }); err != errTest {
				t.Errorf("Go: %v", err)
			}
			if _, err := pool.Map(g, pool.Plain(square), upTo(3)); !errors.Is(err, errTest) {
				t.Errorf("Map: %v", err)
			}
			if _, err := outside.Get(); err != nil {
				t.Errorf("what does not belong to the scope: %v", err)
			}
			return nil
		})
		if err != errTest {
			t.Error(err)
		}
		if _, err := queued.Get(); err != errTest || queued.Started() {
			t.Errorf("what was queued: %v", err)
		}
	})
}

// What is dropped uncalled fails nothing; nor does a task that says that its own context was ended.
func TestWhatIsDroppedFailsNoScope(t *testing.T) {
	idle := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }
	inScopes(t, "", func(t *testing.T, run func(context.Context, scopeBody) error) {
		err := run(background, func(ctx context.Context, g *pool.Pool) error {
			view, cancel := context.WithCancelCause(context.Background())
			var rs []*pool.Result[int]
			for range 3 {
				rs = append(rs, pool.ApplyAsync(g, idle), pool.ApplyAsync(g.WithContext(view), idle))
				_ = g.WithContext(view).Go(func(ctx context.Context) error { _, err := idle(ctx); return err })
			}
			m := pool.MapAsync(g, func(ctx context.Context, _ int) (int, error) { return idle(ctx) }, upTo(4), pool.ChunkSize(1))
			synctest.Wait()
			cancel(errStop)
			for _, r := range rs {
				r.Cancel()
			}
			m.Cancel()
			pool.ApplyAsync(g, idle).Cancel()
			synctest.Wait()
			_ = g.Go(func(ctx context.Context) error { time.Sleep(time.Second); return nil })
			for range 5 {
				pool.ApplyAsync(g, func(context.Context) (int, error) { time.Sleep(time.Minute); return 0, nil })
			}
			g.CancelPending()
			_, _ = m.Get()
			return nil
		})
		if err != nil {
			// Items of a cancelled Map have run and failed, but with what their own context said.
			t.Errorf("the error is %q", err)
		}
	})
}

// What Apply, Map, ForEach and IMap return is their caller's.
func TestWhatIsReturnedFailsNoScope(t *testing.T) {
	inScopes(t, "", func(t *testing.T, run func(context.Context, scopeBody) error) {
		fails := func(context.Context) (int, error) { return 0, errTest }
		item := func(context.Context, int) (int, error) { return 0, errTest }
		err := run(background, func(ctx context.Context, g *pool.Pool) error {
			if _, err := pool.Apply(g, fails); err != errTest {
				t.Error(err)
			}
			if _, err := pool.Map(g, item, upTo(3)); !errors.Is(err, errTest) {
				t.Error(err)
			}
			if err := pool.ForEach(g, func(context.Context, int) error { return errTest }, upTo(3)); !errors.Is(err, errTest) {
				t.Error(err)
			}
			for _, err := range pool.IMap(g, item, slices.Values(upTo(3))) {
				if !errors.Is(err, errTest) {
					t.Error(err)
				}
			}
			return ctx.Err()
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A task that was started, and not called because its view's context says that it has ended, of which the view has not been
// told, fails no scope.
func TestWhatIsNotCalledFailsNoScope(t *testing.T) {
	p := newPool(t, 1)
	g := occupyAll(t, p, 1)
	var over atomic.Bool
	late := &foreignContext{background, make(chan struct{}), func() error {
		if over.Load() {
			return errStop
		}
		return nil
	}}
	var r *pool.Result[int]
	err := p.Scope(background, func(ctx context.Context, s *pool.Pool) error {
		r = pool.ApplyAsync(s.WithContext(late), func(context.Context) (int, error) { t.Error("called"); return 0, nil })
		over.Store(true)
		g.open()
		r.Wait()
		return ctx.Err()
	})
	if _, failed := r.Get(); err != nil || !errors.Is(failed, errStop) || r.Started() {
		t.Errorf("Scope returned %v; the task %v, started: %t", err, failed, r.Started())
	}
}

// What an outer context ended is never reported as done.
func TestTheOuterContextEndsAScope(t *testing.T) {
	inScopes(t, "while tasks run", func(t *testing.T, run func(context.Context, scopeBody) error) {
		ctx, cancel := context.WithCancelCause(context.WithValue(background, errTest, 1))
		time.AfterFunc(time.Second, func() { cancel(errStop) })
		late := errors.New("late")
		err := run(ctx, func(ctx context.Context, g *pool.Pool) error {
			g.Resize(4)
			_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
			_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
			_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return late })
			<-ctx.Done()
			if context.Cause(ctx) != errStop || ctx.Value(errTest) != 1 {
				t.Error(context.Cause(ctx))
			}
			return nil
		})
		if !errors.Is(err, errStop) || !errors.Is(err, late) || strings.Count(err.Error(), "stop") != 1 {
			t.Errorf("%q", err)
		}
	})
	inScopes(t, "by its deadline", func(t *testing.T, run func(context.Context, scopeBody) error) {
		ctx, cancel := context.WithTimeout(background, time.Second)
		defer cancel()
		err := run(ctx, func(ctx context.Context, g *pool.Pool) error {
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != time.Second {
				t.Error(d, ok)
			}
			_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			return nil
		})
		if err != context.DeadlineExceeded {
			t.Error(err)
		}
	})
	inScopes(t, "which tasks do not look at", func(t *testing.T, run func(context.Context, scopeBody) error) {
		ctx, cancel := context.WithCancelCause(background)
		err := run(ctx, func(_ context.Context, g *pool.Pool) error {
			_ = g.Go(func(context.Context) error { cancel(errStop); return nil })
			return nil
		})
		if err != errStop {
			t.Error(err)
		}
	})
	inScopes(t, "after an error", func(t *testing.T, run func(context.Context, scopeBody) error) {
		ctx, cancel := context.WithCancelCause(background)
		err := run(ctx, func(_ context.Context, g *pool.Pool) error {
			g.Resize(2)
			_ = g.Go(func(ctx context.Context) error { return errTest })
			synctest.Wait()
			cancel(errStop)
			return nil
		})
		if err != errTest {
			t.Error(err)
		}
	})
	inScopes(t, "before", func(t *testing.T, run func(context.Context, scopeBody) error) {
		ctx, cancel := context.WithCancelCause(background)
		cancel(errStop)
		if err := run(ctx, func(context.Context, *pool.Pool) error { t.Error("called"); return nil }); err != errStop {
			t.Error(err)
		}
	})
	t.Run("at any moment", func(t *testing.T) {
		p := newPool(t, 2)
		for i := range rounds(5000) {
			ctx, cancel := context.WithCancelCause(background)
			var seen atomic.Bool
			go cancel(errStop)
			err := p.Scope(ctx, func(sc context.Context, g *pool.Pool) error {
				for range i % 7 {
					_ = g.Go(func(context.Context) error {
						if ctx.Err() != nil {
							seen.Store(true)
						}
						return nil
					})
				}
				return nil
			})
			if err != nil && err != errStop || err == nil && seen.Load() {
				t.Fatalf("%v, though a task had seen the end: %t", err, seen.Load())
			}
		}
	})
	t.Run("with the pool, when it begins", func(t *testing.T) {
		defer hangs(t)()
		for i := range rounds(5000) {
			p := pool.New(1)
			outer, cancel := context.WithCancelCause(background)
			v := p.WithContext(outer)
			if end := p.Terminate; i%2 == 0 {
				go end()
			} else {
				go cancel(errStop)
			}
			err := v.Scope(background, func(ctx context.Context, g *pool.Pool) error {
				if i%3 == 0 {
					_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
				}
				<-ctx.Done()
				return nil
			})
			if err != pool.ErrTerminated && err != errStop {
				t.Fatal(err)
			}
			p.Terminate()
			p.Join()
			cancel(nil)
		}
	})
}

// A panic and a Goexit of body end the rest, wait, and go on.
func TestABodyThatPanicsOrExits(t *testing.T) {
	for _, s := range scopes[:4] {
		for _, how := range []string{"panics", "exits", "panics with nil"} {
			inBubble(t, how+", "+s.name, func(t *testing.T) {
				var waited, beyond bool
				c := attempt(func() error {
					err := s.run(t, background, func(ctx context.Context, g *pool.Pool) error {
						_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); waited = true; return errBoom })
						synctest.Wait()
						switch how {
						case "panics":
							panic(errTest)
						case "exits":
							runtime.Goexit()
						}
						var none any
						panic(none)
					})
					beyond = true
					return err
				})
				<-c.done
				if !waited || beyond {
					t.Errorf("waited: %t, returned: %t", waited, beyond)
				}
				var isNil *runtime.PanicNilError
				switch how {
				case "panics":
					c.want(t, "Scope", errTest)
				case "exits":
					c.want(t, "Scope", errExited)
				default:
					if !errors.As(c.err, &isNil) {
						t.Error(c.err)
					}
				}
			})
		}
	}
}

func TestScopesInScopes(t *testing.T) {
	inScopes(t, "an inner failure is the caller's", func(t *testing.T, run func(context.Context, scopeBody) error) {
		outerRuns := false
		err := run(background, func(ctx context.Context, g *pool.Pool) error {
			g.Resize(4)
			_ = g.Go(func(ctx context.Context) error {
				err := g.Scope(ctx, func(ctx context.Context, inner *pool.Pool) error {
					_ = inner.Go(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
					return inner.Go(func(context.Context) error { return errTest })
				})
				if err != errTest {
					t.Errorf("the inner scope: %v", err)
				}
				return nil
			})
			time.Sleep(time.Second)
			outerRuns = ctx.Err() == nil
			return nil
		})
		if err != nil || !outerRuns {
			t.Errorf("%v, the outer one goes on: %t", err, outerRuns)
		}
	})
	inScopes(t, "an outer failure ends the inner, and is told once", func(t *testing.T, run func(context.Context, scopeBody) error) {
		var inner atomic.Int64
		err := run(background, func(ctx context.Context, g *pool.Pool) error {
			g.Resize(10)
			for range 2 {
				_ = g.Go(func(ctx context.Context) error {
					return g.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
						for range 2 {
							_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); inner.Add(1); return context.Cause(ctx) })
						}
						return nil
					})
				})
			}
			time.Sleep(time.Second)
			return errTest
		})
		if err != errTest || inner.Load() != 4 {
			t.Errorf("%v, %d of 4 were told", err, inner.Load())
		}
	})
	inBubble(t, "to any depth at one worker", func(t *testing.T) {
		p := newPool(t, 1)
		var deep func(g *pool.Pool, n int) error
		deep = func(g *pool.Pool, n int) error {
			if n == 0 {
				return errTest
			}
			return g.Scope(background, func(_ context.Context, inner *pool.Pool) error {
				return inner.Go(func(context.Context) error { return deep(inner, n-1) })
			})
		}
		if err := p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			return g.Go(func(context.Context) error { return deep(g, 50) })
		}); err != errTest {
			t.Error(err)
		}
	})
	inBubble(t, "used by somebody else, it keeps the outer one open", func(t *testing.T) {
		p := newPool(t, 2)
		release := newGate(t)
		began := time.Now()
		err := p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			up := make(chan struct{})
			go func() {
				_ = g.Scope(background, func(context.Context, *pool.Pool) error { close(up); release.pass(); return nil })
			}()
			<-up
			time.AfterFunc(time.Minute, release.open)
			return nil
		})
		if err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A scope on a shared pool whose workers are all busy with its own parents: they lend.
func TestAScopeOnAPoolThatIsBusyWithItsParents(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2, pool.Name("parents"))
		var rs []*pool.Result[int]
		for range 20 {
			rs = append(rs, pool.ApplyAsync(p, func(ctx context.Context) (int, error) {
				var n atomic.Int32
				err := p.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
					for range 3 {
						_ = g.Go(func(context.Context) error {
							return g.Go(func(context.Context) error { n.Add(1); return nil })
						})
					}
					return nil
				})
				return int(n.Load()), err
			}))
		}
		vs, err := pool.Gather(rs...)
		for _, v := range vs {
			if v != 3 {
				t.Errorf("%d of 3", v)
			}
		}
		if err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := aliveWorkers("parents"); n > 2 {
			t.Errorf("%d workers stayed", n)
		}
	})
}

// Close, Terminate and CancelPending of g are those of the scope; Resize, Workers and Stats of the pool; a wait for its end
// would wait for itself.
func TestTheCallsOfAScopesView(t *testing.T) {
	inBubble(t, "Close", func(t *testing.T) {
		p := newPool(t, 1)
		var outside, inside, body error
		err := p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			_ = g.Go(func(context.Context) error {
				time.Sleep(time.Second)
				inside = g.Go(func(context.Context) error { return nil })
				return nil
			})
			_ = g.Go(func(context.Context) error { return nil })
			g.Close()
			body = g.Go(func(context.Context) error { t.Error("called"); return nil })
			c := start(func() error { return g.Go(func(context.Context) error { t.Error("called"); return nil }) })
			<-c.done
			outside = c.err
			return nil
		})
		if err != nil || inside != nil || body != pool.ErrClosed || outside != pool.ErrClosed {
			t.Errorf("%v; from inside %v, from body %v, from outside %v", err, inside, body, outside)
		}
		if err := p.Go(func(context.Context) error { return nil }); err != nil {
			t.Errorf("the pool: %v", err)
		}
	})
	inBubble(t, "Terminate", func(t *testing.T) {
		p := newPool(t, 1)
		other := pool.ApplyAsync(p, func(ctx context.Context) (int, error) { time.Sleep(time.Second); return 1, ctx.Err() })
		var queued *pool.Result[int]
		err := p.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			queued = pool.ApplyAsync(g, nil2ctx)
			g.WithPriority(1).Terminate()
			if context.Cause(ctx) != pool.ErrTerminated {
				t.Error(context.Cause(ctx))
			}
			return nil
		})
		if err != pool.ErrTerminated {
			t.Error(err)
		}
		if _, err := queued.Get(); err != pool.ErrTerminated {
			t.Error(err)
		}
		if _, err := other.Get(); err != nil {
			t.Errorf("what is not of the scope: %v", err)
		}
		err = p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			_ = g.Go(func(context.Context) error { return errTest })
			synctest.Wait()
			g.Terminate()
			return nil
		})
		if err != errTest {
			t.Errorf("Terminate after an error: %v", err)
		}
	})
	inBubble(t, "CancelPending", func(t *testing.T) {
		p := newPool(t, 1)
		busy := occupy(t, p, 1)
		mine := pool.ApplyAsync(p, nil2ctx)
		if err := p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			_ = g.Go(func(context.Context) error { t.Error("called"); return nil })
			r := pool.ApplyAsync(g.WithContext(t.Context()), nil2ctx)
			m := pool.MapAsync(g, pool.Plain(square), upTo(4), pool.ChunkSize(2))
			if n := g.CancelPending(); n != 4 {
				t.Errorf("%d were cancelled, want 4", n)
			}
			for _, err := range []error{get(r), get(m)} {
				if err != pool.ErrCancelled {
					t.Error(err)
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		busy.open()
		if err := get(mine); err != nil {
			t.Error(err)
		}
	})
	inBubble(t, "the others", func(t *testing.T) {
		p := newPool(t, 3)
		_ = p.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			g.Resize(2)
			if p.Workers() != 2 || g.Workers() != 2 || g.Stats() != p.Stats() {
				t.Error("Resize, Workers or Stats")
			}
			for _, view := range []*pool.Pool{g, g.WithContext(ctx), g.WithPriority(1)} {
				for name, call := range map[string]func(){
					"Join": view.Join, "JoinTimeout": func() { view.JoinTimeout(0) }, "JoinContext": func() { _ = view.JoinContext(ctx) },
					"Shutdown": view.Shutdown, "ShutdownTimeout": func() { view.ShutdownTimeout(0) },
					"ShutdownContext": func() { _ = view.ShutdownContext(ctx) }, "Join of the pool": p.Join, "Shutdown of the pool": p.Shutdown,
				} {
					wantPanic(t, name, pool.ErrJoinSelf, call)
				}
			}
			return nil
		})
	})
	inBubble(t, "the pool is closed, or terminated, meanwhile", func(t *testing.T) {
		p := pool.New(1)
		joined := false
		err := p.Scope(background, func(_ context.Context, g *pool.Pool) error {
			p.Close()
			go func() { p.Join(); joined = true }()
			synctest.Wait()
			if err := p.Go(func(context.Context) error { return nil }); err != pool.ErrClosed {
				t.Error(err)
			}
			if joined {
				t.Error("Join returned before the scope")
			}
			return g.Go(func(context.Context) error { time.Sleep(time.Second); return nil })
		})
		synctest.Wait()
		if err != nil || !joined {
			t.Error(err, joined)
		}
		if err := p.Scope(background, func(context.Context, *pool.Pool) error { t.Error("called"); return nil }); err != pool.ErrClosed {
			t.Error(err)
		}
		q := pool.New(1)
		err = q.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			_ = g.Go(func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
			synctest.Wait()
			q.Terminate()
			return context.Cause(ctx)
		})
		if err != pool.ErrTerminated {
			t.Error(err)
		}
		q.Join()
	})
}

func get[T any](r *pool.Result[T]) error { _, err := r.Get(); return err }

// The options of a scope's own pool, and what it does to them in the end.
func TestTheOptionsOfAScope(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		var c crew
		var name atomic.Value
		most := headcount{}
		err := pool.Scope(background, func(_ context.Context, g *pool.Pool) error {
			g.Resize(2) // SetLimit
			for range 10 {
				_ = g.Go(func(context.Context) error {
					defer most.enter()()
					name.Store(thread.Current().Name())
					time.Sleep(time.Second)
					return nil
				})
			}
			return nil
		}, append(c.options(), pool.Name("crawler"))...)
		if err != nil || most.most.Load() != 2 || !strings.HasPrefix(name.Load().(string), "crawler-") {
			t.Errorf("%v, %d at once, named %q", err, most.most.Load(), name.Load())
		}
		c.wantPairs(t, 2)
		wantWorkers(t, "crawler", 0)
		began := time.Now()
		_ = pool.Scope(background, func(_ context.Context, g *pool.Pool) error {
			for range 100 {
				_ = g.Go(func(context.Context) error { time.Sleep(time.Second); return nil })
			}
			return nil
		})
		if took := time.Since(began); took != time.Second {
			t.Errorf("a hundred at once took %v", took)
		}
	})
}

// Tasks that have ended are not kept, though the scope goes on.
func TestAScopeKeepsNoTaskThatHasEnded(t *testing.T) {
	p := newPool(t, 1)
	_ = p.Scope(background, func(_ context.Context, g *pool.Pool) error {
		var freed atomic.Int32
		for range 50 {
			func() {
				l := new(load)
				runtime.AddCleanup(l, func(*atomic.Int32) { freed.Add(1) }, &freed)
				r := pool.ApplyAsync(g, func(context.Context) (*load, error) { l[0]++; return l, nil })
				r.Wait()
			}()
		}
		if !proof.Collect(func() bool { return freed.Load() >= 48 }) {
			t.Errorf("%d of 50 are gone", freed.Load())
		}
		return nil
	})
}

// Everything at once, on the real scheduler: each scope ends, with a reason that it was given.
func TestScopesThatEndInEveryWayAtOnce(t *testing.T) {
	defer hangs(t)()
	hookPanics(t)
	p := newPool(t, 2)
	var own atomic.Int64
	for round := range rounds(400) {
		var cs []*call
		for i := range 4 {
			cs = append(cs, start(func() error {
				ctx, cancel := context.WithCancelCause(background)
				defer cancel(nil)
				if (round+i)%3 == 0 {
					go cancel(errStop)
				}
				body := func(ctx context.Context, g *pool.Pool) error {
					for k := range 10 {
						_ = g.Go(func(ctx context.Context) error {
							own.Add(1)
							switch (round + i + k) % 17 {
							case 0:
								return errTest
							case 1:
								panic(errBoom)
							case 2:
								return g.Go(func(context.Context) error { own.Add(1); return nil })
							case 3:
								g.CancelPending()
							case 4:
								runtime.Goexit()
							}
							return ctx.Err()
						})
					}
					return nil
				}
				if i%2 == 0 {
					return p.Scope(ctx, body)
				}
				return pool.Scope(ctx, body)
			}))
		}
		for _, c := range cs {
			<-c.done
			if err := c.err; err != nil && !errors.Is(err, errStop) && !errors.Is(err, errTest) && !errors.Is(err, errBoom) && !errors.Is(err, pool.ErrGoexit) {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
	s := p.Stats()
	if addsUp(t, s); s.Queued+s.Running+s.Lent > 0 {
		t.Errorf("%+v", s)
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// eachFate runs a test of what an ApplyAsync can come to.
func eachFate(t *testing.T, test func(t *testing.T, f *destiny)) {
	for i := range destinies {
		f := &destinies[i]
		inBubble(t, f.name, func(t *testing.T) { test(t, f) })
	}
}

// submitWith submits the task of a fate with callbacks.
func (f *destiny) submitWith(s *stage, callbacks ...func(int, error)) *pool.Result[int] {
	var opts []pool.TaskOption[int]
	for _, c := range callbacks {
		opts = append(opts, pool.Callback(c))
	}
	r := pool.ApplyAsync(s.view(f), f.fnOn(s), opts...)
	s.cancel = r.Cancel
	return r
}

// finish brings the end about and checks that the Result is ready afterwards.
func (f *destiny) finish(s *stage, r *pool.Result[int]) {
	s.t.Helper()
	synctest.Wait()
	if f.end != nil {
		f.end(s)
	}
	synctest.Wait()
	wantReady(s.t, "the Result", r)
}

func TestNobodyLearnsOfTheEndBeforeTheCallbackHasReturned(t *testing.T) {
	eachFate(t, func(t *testing.T, f *destiny) {
		s := f.setUp(t)
		held := newGate(t)
		var calling atomic.Bool
		r := f.submitWith(s, func(int, error) {
			calling.Store(true)
			held.pass()
		})
		var waiters []*call
		for _, w := range ways[int]() {
			if w.name == "TryGet" || strings.Contains(w.name, "gives up") {
				continue
			}
			waiters = append(waiters, start(func() error {
				v, err := w.wait(t, r)
				f.want(s, w.name, v, err)
				return nil
			}))
		}
		synctest.Wait()
		if f.end != nil {
			f.end(s)
			synctest.Wait()
		}
		if !calling.Load() {
			t.Fatal("the callback has not been called")
		}
		late := start(func() error { r.Wait(); return nil })
		for range 2 {
			if r.Ready() {
				t.Error("ready")
			}
			if _, err := r.TryGet(); err != pool.ErrTimeout {
				t.Errorf("TryGet: %v", err)
			}
			if r.WaitTimeout(time.Minute) {
				t.Error("WaitTimeout reports the end")
			}
			wantPanic(t, "Successful", pool.ErrNotReady, func() { r.Successful() })
			for _, c := range append(waiters, late) {
				c.wantWaiting(t, "a waiter")
			}
		}
		held.open()
		synctest.Wait()
		for _, c := range append(waiters, late) {
			c.want(t, "a waiter", nil)
		}
		f.tearDown(s)
	})
}

// The callback needs a lock that is held while the task is submitted and while its end is brought about: whoever does
// that must neither call it nor wait for it.
func TestACallbackIsNotCalledByWhoeverEndsTheTask(t *testing.T) {
	eachFate(t, func(t *testing.T, f *destiny) {
		s := f.setUp(t)
		var mu lock.Lock
		var caller atomic.Pointer[thread.Thread]
		called := func(int, error) {
			mu.Lock()
			defer mu.Unlock()
			caller.Store(thread.Current())
		}
		mu.Lock()
		r := f.submitWith(s, called)
		synctest.Wait()
		if f.end != nil {
			f.end(s)
		}
		synctest.Wait()
		if caller.Load() != nil || r.Ready() {
			t.Error("the lock was of no use")
		}
		mu.Unlock()
		synctest.Wait()
		wantReady(t, "the Result", r)
		if th := caller.Load(); th == nil || !strings.HasPrefix(th.Name(), resolving+"-") || !th.Daemon() {
			t.Errorf("the callback was called by %v", th)
		}
		f.tearDown(s)
	})
}

func TestJoinWaitsForCallbacks(t *testing.T) {
	eachFate(t, func(t *testing.T, f *destiny) {
		s := f.setUp(t)
		var callback, onDone, later atomic.Bool
		var r *pool.Result[int]
		set := startCall(func() {
			r = pool.ApplyAsync(s.view(f), f.fnOn(s), pool.Callback(func(int, error) {
				time.Sleep(time.Minute)
				callback.Store(true)
			}))
			s.cancel = r.Cancel
			r.OnDone(func(int, error) {
				time.Sleep(time.Minute)
				onDone.Store(true)
			})
			r.OnDone(func(int, error) {
				time.Sleep(time.Minute)
				later.Store(true)
			})
		})
		if f.waits {
			time.Sleep(time.Second)
		}
		synctest.Wait()
		set.want(t, "submission", nil)
		if f.end != nil {
			f.end(s)
			synctest.Wait() // the end of a context takes effect in its own time
		}
		s.gate.open()
		if s.blocker != nil {
			s.blocker.open()
		}
		s.p.Shutdown()
		if !callback.Load() || !onDone.Load() || !later.Load() {
			t.Errorf("called before Join returned: Callback %t, OnDone %t, the second %t",
				callback.Load(), onDone.Load(), later.Load())
		}
		f.tearDown(s)
	})
}

func TestSeveralCallbacksRunInOrderThoughOnePanicsAndOneExits(t *testing.T) {
	eachFate(t, func(t *testing.T, f *destiny) {
		hook := hookPanics(t)
		s := f.setUp(t)
		var mu sync.Mutex
		var order []string
		note := func(what string) func(v int, err error) {
			return func(v int, err error) {
				f.want(s, what, v, err)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, what)
			}
		}
		r := f.submitWith(s,
			note("first"),
			func(int, error) { panic(errTest) },
			note("second"),
			func(int, error) { runtime.Goexit() },
			note("third"),
			func(int, error) { panic("last") },
		)
		if f.end == nil {
			// The Result may have ended; functions for after the end are then called here, and a panic stays here.
			f.finish(s, r)
		}
		r.OnDone(note("after"))
		r.OnDone(func(int, error) { panic("on done") })
		if f.end != nil {
			r.OnDone(func(int, error) { runtime.Goexit() })
		}
		r.OnDone(note("after all"))
		f.finish(s, r)
		r.OnDone(note("late"))
		f.tearDown(s)
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"first", "second", "third", "after", "after all", "late"}; !slices.Equal(order, want) {
			t.Errorf("called %q, want %q", order, want)
		}
		hook.wantValues(t, errTest, "last", "on done")
	})
}

// A worker whose goroutine was ended by a callback is replaced, and goes on where it stopped.
func TestAPoolSurvivesAThousandCallbacksThatExit(t *testing.T) {
	inBubble(t, "Callback", func(t *testing.T) {
		p := newPool(t, 2, pool.Name("exiting"))
		var results []*pool.Result[int]
		for i := range rounds(1000) {
			results = append(results, pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil },
				pool.Callback(func(int, error) { runtime.Goexit() })))
		}
		for i, r := range results {
			if v, err := r.Get(); v != i || err != nil {
				t.Fatalf("Get of %d: %d, %v", i, v, err)
			}
		}
		p.Shutdown()
		wantOver(t, p, "exiting")
	})
	inBubble(t, "OnDone", func(t *testing.T) {
		p := newPool(t, 2, pool.Name("exiting"))
		g := occupy(t, p, 2)
		n := rounds(1000)
		var called atomic.Int32
		for range n {
			pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }).
				OnDone(func(int, error) { called.Add(1); runtime.Goexit() })
		}
		g.open()
		p.Shutdown()
		if got := int(called.Load()); got != n {
			t.Errorf("called %d times, want %d", got, n)
		}
		wantOver(t, p, "exiting")
	})
	inBubble(t, "callbacks of what is dropped", func(t *testing.T) {
		p := newPool(t, 1, pool.Name("exiting"))
		occupy(t, p, 1)
		n := rounds(1000)
		var called atomic.Int32
		for range n {
			pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
				pool.Callback(func(int, error) { called.Add(1); runtime.Goexit() }),
				pool.Callback(func(int, error) { called.Add(1) }))
		}
		if got := p.CancelPending(); got != n {
			t.Errorf("CancelPending() = %d, want %d", got, n)
		}
		synctest.Wait()
		if got := int(called.Load()); got != 2*n {
			t.Errorf("called %d times, want %d", got, 2*n)
		}
	})
}

// What a callback may do at one worker, and must not hang: all that a task may.
func TestACallbackMaySubmitAndWaitAtOneWorker(t *testing.T) {
	seven := func(context.Context) (int, error) { return 7, nil }
	for name, wait := range map[string]func(p *pool.Pool) (int, error){
		"Apply":      func(p *pool.Pool) (int, error) { return pool.Apply(p, seven) },
		"Get":        func(p *pool.Pool) (int, error) { return pool.ApplyAsync(p, seven).Get() },
		"GetTimeout": func(p *pool.Pool) (int, error) { return pool.ApplyAsync(p, seven).GetTimeout(ages) },
		"GetContext": func(p *pool.Pool) (int, error) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return pool.ApplyAsync(p, seven).GetContext(ctx)
		},
		"one with a callback that waits": func(p *pool.Pool) (int, error) {
			return pool.ApplyAsync(p, seven, pool.Callback(func(int, error) { _, _ = pool.Apply(p, seven) })).Get()
		},
		"one with an OnDone that waits": func(p *pool.Pool) (int, error) {
			r := pool.ApplyAsync(p, seven)
			r.OnDone(func(int, error) { _, _ = pool.Apply(p, seven) })
			return r.Get()
		},
		"Map": func(p *pool.Pool) (int, error) {
			vs, err := pool.Map(p, func(_ context.Context, i int) (int, error) { return i, nil }, []int{3, 4})
			return vs[0] + vs[1], err
		},
		"AsCompleted": func(p *pool.Pool) (v int, err error) {
			for r := range pool.AsCompleted(pool.ApplyAsync(p, seven)) {
				v, err = r.Get()
			}
			return v, err
		},
	} {
		check := func(t *testing.T, p *pool.Pool, called *atomic.Int32) func(int, error) {
			return func(int, error) {
				if v, err := wait(p); v != 7 || err != nil {
					t.Errorf("the callback got %d, %v", v, err)
				}
				called.Add(1)
			}
		}
		t.Run(name, func(t *testing.T) {
			for _, form := range []string{"Callback", "OnDone"} {
				inBubble(t, form+" of a task that ran", func(t *testing.T) {
					p := newPool(t, 1)
					var called atomic.Int32
					g := newGate(t)
					fn := func(context.Context) (int, error) { g.pass(); return 0, errBoom }
					var r *pool.Result[int]
					if form == "Callback" {
						r = pool.ApplyAsync(p, fn, pool.Callback(check(t, p, &called)))
					} else {
						r = pool.ApplyAsync(p, fn)
						r.OnDone(check(t, p, &called))
					}
					behind := pool.ApplyAsync(p, seven)
					g.open()
					synctest.Wait()
					wantResult(t, "the task", r, 0, errBoom)
					wantResult(t, "the one behind", behind, 7, nil)
					if called.Load() != 1 {
						t.Errorf("called %d times", called.Load())
					}
				})
				inBubble(t, form+" of a task that is dropped", func(t *testing.T) {
					p := newPool(t, 1)
					g := occupy(t, p, 1)
					var called atomic.Int32
					var r *pool.Result[int]
					if form == "Callback" {
						r = pool.ApplyAsync(p, seven, pool.Callback(check(t, p, &called)))
					} else {
						r = pool.ApplyAsync(p, seven)
						r.OnDone(check(t, p, &called))
					}
					if !r.Cancel() {
						t.Error("Cancel() = false")
					}
					synctest.Wait()
					if called.Load() != 0 {
						t.Error("a worker that is busy ran a task")
					}
					g.open()
					synctest.Wait()
					wantResult(t, "the task", r, 0, pool.ErrCancelled)
					if called.Load() != 1 {
						t.Errorf("called %d times", called.Load())
					}
				})
			}
		})
	}
}

// Tasks that are dropped together may wait for each other in their callbacks, in whatever order.
func TestTheCallbackOfADroppedTaskMayWaitForAnotherDroppedTask(t *testing.T) {
	nothing := func(context.Context) (int, error) { return 0, nil }
	for name, drop := range map[string]func(p *pool.Pool, end context.CancelCauseFunc){
		"CancelPending":         func(p *pool.Pool, _ context.CancelCauseFunc) { p.CancelPending() },
		"Terminate":             func(p *pool.Pool, _ context.CancelCauseFunc) { p.Terminate() },
		"the end of a context":  func(_ *pool.Pool, end context.CancelCauseFunc) { end(errStop) },
		"Terminate after Close": func(p *pool.Pool, _ context.CancelCauseFunc) { p.Close(); p.Terminate() },
	} {
		for _, form := range []string{"Callback", "OnDone"} {
			for _, chain := range []string{"each for the one before", "each for the one behind"} {
				inBubble(t, name+"/"+form+"/"+chain, func(t *testing.T) {
					p := newPool(t, 1)
					ctx, end := context.WithCancelCause(t.Context())
					defer end(nil)
					occupy(t, p, 1)
					view := p.WithContext(ctx)
					const n = 20
					results := make([]*pool.Result[int], n)
					var called atomic.Int32
					for i := range n {
						f := func(int, error) {
							defer called.Add(1)
							other := i - 1
							if chain == "each for the one behind" {
								other = i + 1
							}
							if other >= 0 && other < n {
								if _, err := results[other].Get(); err == nil {
									t.Error("the other was not dropped")
								}
							}
						}
						if form == "Callback" {
							results[i] = pool.ApplyAsync(view, nothing, pool.Callback(f))
						} else {
							results[i] = pool.ApplyAsync(view, nothing)
							results[i].OnDone(f)
						}
					}
					drop(p, end)
					synctest.Wait()
					for i, r := range results {
						wantReady(t, fmt.Sprint("result ", i), r)
					}
					if called.Load() != n {
						t.Errorf("called %d times, want %d", called.Load(), n)
					}
				})
			}
		}
	}
}

// selfish are the calls that would never return in a callback of the Result.
var selfishWaits = map[string]func(p *pool.Pool, r *pool.Result[int]){
	"Get":         func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.Get() },
	"GetTimeout":  func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.GetTimeout(time.Hour) },
	"GetContext":  func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.GetContext(context.Background()) },
	"Wait":        func(_ *pool.Pool, r *pool.Result[int]) { r.Wait() },
	"WaitTimeout": func(_ *pool.Pool, r *pool.Result[int]) { r.WaitTimeout(time.Hour) },
	"WaitContext": func(_ *pool.Pool, r *pool.Result[int]) { _ = r.WaitContext(context.Background()) },
	"AsCompleted": func(_ *pool.Pool, r *pool.Result[int]) { drain(pool.AsCompleted(r)) },
	"AsCompletedContext": func(_ *pool.Pool, r *pool.Result[int]) {
		drain(pool.AsCompletedContext(context.Background(), r))
	},
}

func drain(results func(func(*pool.Result[int]) bool)) {
	results(func(*pool.Result[int]) bool { return true })
}

// selfishJoins are those that would never return in any code of the pool.
var selfishJoins = map[string]func(p *pool.Pool){
	"Join":        func(p *pool.Pool) { p.Join() },
	"JoinTimeout": func(p *pool.Pool) { p.JoinTimeout(time.Hour) },
	"JoinTimeout that does not wait": func(p *pool.Pool) {
		p.JoinTimeout(0)
	},
	"JoinContext":      func(p *pool.Pool) { _ = p.JoinContext(context.Background()) },
	"Shutdown":         func(p *pool.Pool) { p.Shutdown() },
	"Join of a view":   func(p *pool.Pool) { p.WithPriority(3).Join() },
	"Join after Close": func(p *pool.Pool) { p.Close(); p.Join() },
}

func TestACallbackThatWaitsForItsOwnResultPanics(t *testing.T) {
	for name, wait := range selfishWaits {
		t.Run(name, func(t *testing.T) {
			eachFate(t, func(t *testing.T, f *destiny) {
				hook := hookPanics(t)
				s := f.setUp(t)
				var own atomic.Pointer[pool.Result[int]]
				known := newGate(t)
				var panics atomic.Int32
				r := f.submitWith(s, func(int, error) {
					known.pass()
					defer func() {
						if err, ok := recover().(error); ok && errors.Is(err, pool.ErrJoinSelf) {
							panics.Add(1)
						}
					}()
					wait(s.p, own.Load())
				})
				own.Store(r)
				known.open()
				f.finish(s, r)
				if panics.Load() != 1 {
					t.Error("it did not panic with ErrJoinSelf")
				}
				f.tearDown(s)
				hook.wantValues(t)
			})
		})
	}
}

// In a function given to OnDone the Result is ready: a wait returns at once.
func TestOnDoneMayGetItsOwnResult(t *testing.T) {
	for name, wait := range selfishWaits {
		inBubble(t, name, func(t *testing.T) {
			hook := hookPanics(t)
			p := newPool(t, 1)
			g := occupy(t, p, 1)
			ran := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil })
			dropped := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil })
			var returned atomic.Int32
			for _, r := range []*pool.Result[int]{ran, dropped} {
				r.OnDone(func(int, error) { wait(p, r); returned.Add(1) })
			}
			dropped.Cancel()
			g.open()
			synctest.Wait()
			if returned.Load() != 2 {
				t.Errorf("%d of 2 have returned", returned.Load())
			}
			hook.wantValues(t)
		})
	}
}

func TestOnDoneIsCalledOnceAndInOrder(t *testing.T) {
	inBubble(t, "before and after the end", func(t *testing.T) {
		p := newPool(t, 1)
		g := newGate(t)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { g.pass(); return 7, errBoom })
		var mu sync.Mutex
		var order []int
		for i := range 5 {
			r.OnDone(func(v int, err error) {
				if v != 7 || err != errBoom || !r.Ready() {
					t.Errorf("OnDone(%d, %v), Ready() = %t", v, err, r.Ready())
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
		}
		g.open()
		synctest.Wait()
		me := thread.Current().Ident()
		r.OnDone(func(v int, err error) {
			if v != 7 || err != errBoom || thread.Current().Ident() != me {
				t.Errorf("OnDone(%d, %v) after the end, in %v", v, err, thread.Current().Name())
			}
			order = append(order, 5)
		})
		if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(order, want) {
			t.Errorf("called %v, want %v", order, want)
		}
	})
	inBubble(t, "while the callbacks are running", func(t *testing.T) {
		p := newPool(t, 1)
		g := occupy(t, p, 1)
		for _, drop := range []bool{true, false} {
			in := newGate(t)
			r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil },
				pool.Callback(func(int, error) { in.pass() }))
			if drop {
				r.Cancel()
			} else {
				g.open()
			}
			synctest.Wait()
			var calls atomic.Int32
			r.OnDone(func(int, error) { calls.Add(1) })
			if calls.Load() != 0 {
				t.Error("called before the end")
			}
			in.open()
			synctest.Wait()
			if calls.Load() != 1 {
				t.Errorf("called %d times", calls.Load())
			}
		}
	})
	t.Run("racing with the end", func(t *testing.T) {
		p := newPool(t, 2)
		for i := range rounds(20_000) {
			var calls atomic.Int32
			r := pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil },
				pool.Callback(func(int, error) { calls.Add(1) }))
			if i%3 == 0 {
				go r.Cancel()
			}
			done := make(chan struct{})
			r.OnDone(func(int, error) {
				if n := calls.Add(1); n != 2 {
					t.Errorf("call %d is OnDone's", n)
				}
				close(done) // a second call panics
			})
			<-done
		}
	})
}

func TestAPanicOfOnDoneStaysOutOfTheCaller(t *testing.T) {
	inBubble(t, "after the end", func(t *testing.T) {
		hook := hookPanics(t)
		p := newPool(t, 1)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil })
		r.Wait()
		r.OnDone(func(int, error) { panic(errTest) })
		hook.wantValues(t, errTest)
	})
	inBubble(t, "before the end", func(t *testing.T) {
		hook := hookPanics(t)
		p := newPool(t, 1)
		g := occupy(t, p, 1)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 7, nil })
		r.OnDone(func(int, error) { panic(errTest) })
		g.open()
		synctest.Wait()
		hook.wantValues(t, errTest)
		if v, err := pool.Apply(p, func(context.Context) (int, error) { return 8, nil }); v != 8 || err != nil {
			t.Errorf("Apply afterwards: %d, %v", v, err)
		}
	})
}

// What is called after the end of a task has no slot; a queue of others, even if they are all there is to wait for, gets
// the one worker.
func TestOnDoneMayWaitForWhatIsQueuedAtOneWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		g := occupy(t, p, 1)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 1, nil })
		var behind []*pool.Result[int]
		for i := range 10 {
			behind = append(behind, pool.ApplyAsync(p, func(context.Context) (int, error) { return i, nil }))
		}
		var sum atomic.Int32
		r.OnDone(func(int, error) {
			for _, b := range behind {
				<-b.Done() // lends nothing, and need not
				v, _ := b.Get()
				sum.Add(int32(v))
			}
		})
		g.open()
		synctest.Wait()
		if sum.Load() != 45 {
			t.Errorf("OnDone has got %d, want 45", sum.Load())
		}
	})
}

// The except hook runs in the worker too.
func TestAnExceptHookMayWaitForWhatIsQueuedAtOneWorker(t *testing.T) {
	panics := func(context.Context) (int, error) { return 0, nil }
	for name, submit := range map[string]func(p *pool.Pool){
		"Go": func(p *pool.Pool) { _ = p.Go(func(context.Context) error { panic(errTest) }) },
		"GoView": func(p *pool.Pool) {
			_ = p.GoContext(context.Background(), func(context.Context) error { panic(errTest) })
		},
		"Callback": func(p *pool.Pool) { pool.ApplyAsync(p, panics, pool.Callback(func(int, error) { panic(errTest) })) },
		"OnDone":   func(p *pool.Pool) { pool.ApplyAsync(p, panics).OnDone(func(int, error) { panic(errTest) }) },
		"Callback of what is dropped": func(p *pool.Pool) {
			pool.ApplyAsync(p, panics, pool.Callback(func(int, error) { panic(errTest) })).Cancel()
		},
	} {
		for _, how := range []string{"waits", "exits"} {
			inBubble(t, name+"/"+how, func(t *testing.T) {
				var got atomic.Int32
				var p *pool.Pool
				exceptHook(t, false, func(e *thread.PanicError) {
					v, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil })
					if e.Value != errTest || err != nil {
						t.Errorf("the hook was told %v and got %v", e.Value, err)
					}
					got.Add(int32(v))
					if how == "exits" {
						runtime.Goexit()
					}
				})
				p = newPool(t, 1)
				g := occupy(t, p, 1)
				submit(p)
				behind := pool.ApplyAsync(p, func(context.Context) (int, error) { return 8, nil })
				g.open()
				synctest.Wait()
				if got.Load() != 7 {
					t.Errorf("the hook has got %d, want 7 once", got.Load())
				}
				wantResult(t, "what was behind", behind, 8, nil)
				p.Shutdown()
			})
		}
	}
}

// The callbacks behind one that exits are called by another thread, which Join has to wait for as well.
func TestJoinWaitsForTheCallbacksBehindOneThatExits(t *testing.T) {
	type wait struct {
		name string
		join func(*pool.Pool) error
	}
	for name, enter := range map[string]func(p *pool.Pool, submit func()){
		"the task runs": func(p *pool.Pool, submit func()) { submit(); p.Close() },
		"Terminate drops it": func(p *pool.Pool, submit func()) {
			_ = p.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
			synctest.Wait()
			submit()
			p.Terminate()
		},
		"it is refused":                  func(p *pool.Pool, submit func()) { p.Close(); submit() },
		"it is refused when all is over": func(p *pool.Pool, submit func()) { p.Shutdown(); submit() },
	} {
		for _, w := range []wait{
			{"Join", func(p *pool.Pool) error { p.Join(); return nil }},
			{"JoinTimeout", func(p *pool.Pool) error { return joinTimeout(p, time.Hour) }},
			{"JoinContext", func(p *pool.Pool) error { return p.JoinContext(context.Background()) }},
		} {
			inBubble(t, name+"/"+w.name, func(t *testing.T) {
				p := newPool(t, 1, pool.Name("exited"))
				var called atomic.Int32
				var r *pool.Result[int]
				enter(p, func() {
					r = pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
						pool.Callback(func(int, error) { time.Sleep(time.Minute); called.Add(1); runtime.Goexit() }),
						pool.Callback(func(int, error) { time.Sleep(time.Minute); called.Add(1); runtime.Goexit() }),
						pool.Callback(func(int, error) { time.Sleep(time.Minute); called.Add(1) }))
				})
				r.OnDone(func(int, error) { time.Sleep(time.Minute); called.Add(1); runtime.Goexit() })
				r.OnDone(func(int, error) { time.Sleep(time.Minute); called.Add(1) })
				begin := time.Now()
				if p.JoinTimeout(0) || p.JoinTimeout(time.Second) {
					t.Error("JoinTimeout says that all has ended")
				}
				wantErr(t, w.name, w.join(p), nil)
				if n := called.Load(); n != 5 {
					t.Errorf("%s returned after %v, and %d of 5 have been called", w.name, time.Since(begin), n)
				}
				wantWorkers(t, "exited", 0)
				time.Sleep(time.Hour) // whatever is left
			})
		}
	}
}

// Callbacks of what was refused run in threads too, and Join may be called at any time.
func TestJoinWhileSubmissionsAreRefused(t *testing.T) {
	p := pool.New(1, pool.Name("refused"))
	p.Shutdown()
	n := rounds(5000)
	var called atomic.Int32
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range n {
				r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
					pool.Callback(func(int, error) { called.Add(1) }))
				if _, err := r.Get(); err != pool.ErrClosed {
					t.Errorf("Get: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range n {
				if v := recovered(func() { p.Join(); p.JoinTimeout(0) }); v != nil {
					t.Errorf("Join panicked with %v", v)
					return
				}
			}
		})
	}
	wg.Wait()
	p.Join()
	if got := int(called.Load()); got != 2*n {
		t.Errorf("called %d times, want %d", got, 2*n)
	}
	wantOver(t, p, "refused")
}

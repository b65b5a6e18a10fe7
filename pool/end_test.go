package pool_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// errNotYet stands for the false of JoinTimeout where calls are compared by their errors.
var errNotYet = errors.New("JoinTimeout reported false")

func joinTimeout(p *pool.Pool, d time.Duration) error {
	if !p.JoinTimeout(d) {
		return errNotYet
	}
	return nil
}

// A phase is a state that a pool can be in.
type phase struct {
	name string
	// enter brings a pool of one worker there. What returns lets the tasks that are running return.
	enter func(t *testing.T, p *pool.Pool) (free func())
	open  bool  // neither closed nor terminated
	over  bool  // a Join has nothing to wait for
	err   error // of a submission, unless open
}

func busy(t *testing.T, p *pool.Pool) func() {
	g := occupy(t, p, 1)
	for range 3 {
		if err := p.Go(func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return g.open
}

func unused(*testing.T, *pool.Pool) func() { return func() {} }

func used(t *testing.T, p *pool.Pool) func() {
	if v, err := pool.Apply(p, func(context.Context) (int, error) { return 1, nil }); v != 1 || err != nil {
		t.Fatalf("Apply: %d, %v", v, err)
	}
	synctest.Wait()
	return func() {}
}

func followed(
	enter func(*testing.T, *pool.Pool) func(), then ...func(*pool.Pool),
) func(*testing.T, *pool.Pool) func() {
	return func(t *testing.T, p *pool.Pool) func() {
		free := enter(t, p)
		for _, f := range then {
			f(p)
		}
		synctest.Wait()
		return free
	}
}

var phases = []phase{
	{"new", unused, true, false, nil},
	{"idle", used, true, false, nil},
	{"busy", busy, true, false, nil},
	{"closed unused", followed(unused, (*pool.Pool).Close), false, true, pool.ErrClosed},
	{"closed idle", followed(used, (*pool.Pool).Close), false, true, pool.ErrClosed},
	{"closed busy", followed(busy, (*pool.Pool).Close), false, false, pool.ErrClosed},
	{"terminated unused", followed(unused, (*pool.Pool).Terminate), false, true, pool.ErrTerminated},
	{"terminated idle", followed(used, (*pool.Pool).Terminate), false, true, pool.ErrTerminated},
	{"terminated busy", followed(busy, (*pool.Pool).Terminate), false, false, pool.ErrTerminated},
	{"closed and terminated busy", followed(busy, (*pool.Pool).Close, (*pool.Pool).Terminate),
		false, false, pool.ErrTerminated},
	{"terminated and closed busy", followed(busy, (*pool.Pool).Terminate, (*pool.Pool).Close),
		false, false, pool.ErrTerminated},
	{"shut down", followed(used, (*pool.Pool).Shutdown), false, true, pool.ErrClosed},
	{"shut down unused", followed(unused, (*pool.Pool).Shutdown), false, true, pool.ErrClosed},
}

// A pair of calls, in each order and twice the same, in every phase.
func TestAPoolEndsFromEveryStateByEveryCallTwiceAndInEachOrder(t *testing.T) {
	type end struct {
		name string
		call func(*pool.Pool) error
		ends error // what submissions report afterwards; nil: it ends nothing
		join bool
	}
	ends := []end{
		{"Close", func(p *pool.Pool) error { p.Close(); return nil }, pool.ErrClosed, false},
		{"Terminate", func(p *pool.Pool) error { p.Terminate(); return nil }, pool.ErrTerminated, false},
		{"Shutdown", func(p *pool.Pool) error { p.Shutdown(); return nil }, pool.ErrClosed, true},
		{"Join", func(p *pool.Pool) error { p.Join(); return nil }, nil, true},
		{"JoinTimeout", func(p *pool.Pool) error { return joinTimeout(p, ages) }, nil, true},
		{"JoinTimeout for ever", func(p *pool.Pool) error { return joinTimeout(p, forever) }, nil, true},
		{"JoinContext", func(p *pool.Pool) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return p.JoinContext(ctx)
		}, nil, true},
		{"JoinContext without an end", func(p *pool.Pool) error { return p.JoinContext(context.Background()) }, nil, true},
	}
	for _, ph := range phases {
		for _, one := range ends {
			for _, two := range ends {
				inBubble(t, ph.name+"/"+one.name+", "+two.name, func(t *testing.T) {
					p := newPool(t, 1, pool.Name("ending"))
					free := ph.enter(t, p)
					open, over, err := ph.open, ph.over, ph.err
					for i, e := range []end{one, two} {
						what := fmt.Sprint("call ", i+1, ", ", e.name)
						if e.join && e.ends == nil && open {
							wantPanic(t, what, pool.ErrRunning, func() { _ = e.call(p) })
							continue
						}
						c := start(func() error { return e.call(p) })
						synctest.Wait()
						if e.ends == pool.ErrTerminated || open && e.ends != nil {
							open, err = false, e.ends
						}
						if e.join && !over && !c.returned() {
							time.Sleep(time.Hour)
							c.wantWaiting(t, what)
							free()
							synctest.Wait()
						}
						if e.join {
							over = true
						}
						c.want(t, what, nil)
						wantErr(t, "Go after "+what, p.TryGo(func(context.Context) error { return nil }), err)
					}
					if over {
						wantOver(t, p, "ending")
						return
					}
					if open {
						p.Close()
					}
					free()
					p.Join()
					wantOver(t, p, "ending")
				})
			}
		}
	}
}

func TestAJoinThatGivesUpChangesNothing(t *testing.T) {
	ended, end := context.WithCancelCause(context.Background())
	end(errStop)
	for _, ph := range phases {
		inBubble(t, ph.name, func(t *testing.T) {
			p := newPool(t, 1)
			free := ph.enter(t, p)
			before := p.Stats()
			begin := time.Now()
			soon := func() context.Context {
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errStop)
				t.Cleanup(cancel)
				return ctx
			}
			calls := []struct {
				name  string
				call  func() error
				busy  error // what it reports if there is something to wait for
				over  error // and if not
				lasts time.Duration
			}{
				{"JoinTimeout(0)", func() error { return joinTimeout(p, 0) }, errNotYet, nil, 0},
				{"JoinTimeout(-1)", func() error { return joinTimeout(p, -1) }, errNotYet, nil, 0},
				{"JoinTimeout(1s)", func() error { return joinTimeout(p, time.Second) }, errNotYet, nil, time.Second},
				{"JoinContext ended", func() error { return p.JoinContext(ended) }, errStop, errStop, 0},
				{"JoinContext soon", func() error { return p.JoinContext(soon()) }, errStop, nil, time.Second},
			}
			for _, c := range calls {
				if ph.open {
					wantPanic(t, c.name, pool.ErrRunning, func() { _ = c.call() })
					continue
				}
				begin = time.Now()
				err := c.call()
				want, lasts := c.busy, c.lasts
				if ph.over {
					want, lasts = c.over, 0
				}
				wantErr(t, c.name, err, want)
				if took := time.Since(begin); took != lasts {
					t.Errorf("%s took %v, want %v", c.name, took, lasts)
				}
			}
			if after := p.Stats(); after != before {
				t.Errorf("stats were %+v and are %+v", before, after)
			}
			if ph.open {
				if time.Since(begin) != 0 {
					t.Error("misuse took time")
				}
				p.Close()
			}
			free()
			p.Join()
		})
	}
}

func TestJoinInCodeOfThePoolPanics(t *testing.T) {
	nothing := func(context.Context) (int, error) { return 0, nil }
	for name, join := range selfishJoins {
		for place, run := range map[string]func(t *testing.T, p *pool.Pool, try func()){
			"task": func(_ *testing.T, p *pool.Pool, try func()) {
				_ = p.Go(func(context.Context) error { try(); return nil })
			},
			"Go task": func(_ *testing.T, p *pool.Pool, try func()) {
				_ = p.Go(func(context.Context) error { try(); return nil })
			},
			"Go task with a context": func(_ *testing.T, p *pool.Pool, try func()) {
				_ = p.GoContext(context.Background(), func(context.Context) error { try(); return nil })
			},
			"Map": func(_ *testing.T, p *pool.Pool, try func()) {
				pool.MapAsync(p, func(context.Context, int) (int, error) { try(); return 0, nil }, []int{1})
			},
			"IMap": func(_ *testing.T, p *pool.Pool, try func()) {
				for range pool.IMap(p, func(context.Context, int) (int, error) { try(); return 0, nil },
					func(yield func(int) bool) { yield(1) }) {
				}
			},
			"Progress": func(_ *testing.T, p *pool.Pool, try func()) {
				item := func(context.Context, int) (int, error) { return 0, nil }
				pool.MapAsync(p, item, []int{1}, pool.Progress(func(int, int) { try() }))
			},
			"Callback": func(_ *testing.T, p *pool.Pool, try func()) {
				pool.ApplyAsync(p, nothing, pool.Callback(func(int, error) { try() }))
			},
			"Callback of what is dropped": func(t *testing.T, p *pool.Pool, try func()) {
				g := occupy(t, p, 2)
				pool.ApplyAsync(p, nothing, pool.Callback(func(int, error) { try() })).Cancel()
				synctest.Wait()
				g.open()
			},
			"OnDone": func(t *testing.T, p *pool.Pool, try func()) {
				g := occupy(t, p, 2)
				pool.ApplyAsync(p, nothing).OnDone(func(int, error) { try() })
				g.open()
			},
			"OnDone of what is dropped": func(t *testing.T, p *pool.Pool, try func()) {
				g := occupy(t, p, 2)
				r := pool.ApplyAsync(p, nothing)
				r.OnDone(func(int, error) { try() })
				r.Cancel()
				synctest.Wait()
				g.open()
			},
			"task that waits in another pool for a task": func(t *testing.T, p *pool.Pool, try func()) {
				other := newPool(t, 1)
				_ = p.Go(func(context.Context) error {
					_, _ = pool.Apply(other, nothing)
					try()
					return nil
				})
			},
		} {
			inBubble(t, name+"/in "+place, func(t *testing.T) {
				p := newPool(t, 2)
				var panics atomic.Int32
				run(t, p, func() {
					if err, ok := recovered(func() { join(p) }).(error); ok && errors.Is(err, pool.ErrJoinSelf) {
						panics.Add(1)
					}
				})
				synctest.Wait()
				if panics.Load() != 1 {
					t.Error("it did not panic with ErrJoinSelf")
				}
				if err := p.TryGo(func(context.Context) error { return nil }); err != nil && name != "Join after Close" {
					t.Errorf("the pool has changed: %v", err)
				}
			})
		}
		inBubble(t, name+"/in the Initializer", func(t *testing.T) {
			var p *pool.Pool
			p = pool.New(1, pool.Initializer(func() error { join(p); return nil }))
			_, err := pool.Apply(p, nothing)
			var pe *thread.PanicError
			if !errors.Is(err, pool.ErrJoinSelf) || !errors.As(err, &pe) {
				t.Errorf("Apply: %v, want the panic with ErrJoinSelf", err)
			}
			p.Join()
		})
		inBubble(t, name+"/in the except hook", func(t *testing.T) {
			var p *pool.Pool
			var panics atomic.Int32
			exceptHook(t, false, func(*thread.PanicError) {
				if err, ok := recovered(func() { join(p) }).(error); ok && errors.Is(err, pool.ErrJoinSelf) {
					panics.Add(1)
				}
			})
			p = newPool(t, 1)
			_ = p.Go(func(context.Context) error { panic(errTest) })
			synctest.Wait()
			if panics.Load() != 1 {
				t.Error("it did not panic with ErrJoinSelf")
			}
		})
	}
}

func TestJoinOfAnotherPoolInATaskWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, other := newPool(t, 1), newPool(t, 1)
		g := occupy(t, other, 1)
		other.Close()
		c := start(func() error {
			_, err := pool.Apply(p, func(context.Context) (int, error) { other.Join(); return 0, nil })
			return err
		})
		synctest.Wait()
		c.wantWaiting(t, "the task")
		if s := p.Stats(); s.Lent != 1 || s.Running != 0 {
			t.Errorf("Join of another pool lends nothing: %+v", s)
		}
		g.open()
		synctest.Wait()
		c.want(t, "the task", nil)
	})
}

// OnDone calls in the caller if the task has ended; the caller is then not code of the pool.
func TestJoinInAnOnDoneThatRunsInTheCallerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		r.Wait()
		r.OnDone(func(int, error) { p.Shutdown() })
		r.OnDone(func(int, error) { p.Join() })
	})
}

func TestEverybodyWhoJoinsReturnsWhenTerminateEndsAClosedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 3, pool.Name("joined"))
		for range 3 {
			_ = p.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
		}
		queued := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		p.Close()
		var joins []*call
		for range 10 {
			joins = append(joins, startCall(p.Join), start(func() error { return joinTimeout(p, ages) }),
				start(func() error { return p.JoinContext(context.Background()) }), startCall(p.Shutdown))
		}
		time.Sleep(time.Hour)
		for _, j := range joins {
			j.wantWaiting(t, "Join")
		}
		p.Terminate()
		synctest.Wait()
		for _, j := range joins {
			j.want(t, "Join", nil)
		}
		wantResult(t, "what was queued", queued, 0, pool.ErrTerminated)
		wantOver(t, p, "joined")
	})
}

// What a thread does when its worker has left takes a moment, and Join waits for that too.
func TestNoThreadIsLeftAfterJoin(t *testing.T) {
	for i := range 2000 {
		p := pool.New(2, pool.Name("left"))
		for range 2 {
			_ = p.Go(func(context.Context) error { return nil })
		}
		p.Shutdown()
		if n := aliveWorkers("left"); n != 0 {
			t.Fatalf("round %d: %d threads are left", i, n)
		}
	}
}

func TestJoinRacesWithTerminateAndSubmissions(t *testing.T) {
	for range rounds(500) {
		p := pool.New(2, pool.Name("racing"))
		var wg sync.WaitGroup
		var accepted, ran atomic.Int64
		for range 2 {
			wg.Go(func() {
				for {
					if p.Go(func(context.Context) error { ran.Add(1); return nil }) != nil {
						return
					}
					accepted.Add(1)
				}
			})
		}
		wg.Go(func() { runtime.Gosched(); p.Close(); p.Join() })
		wg.Go(func() { p.Terminate(); p.Join() })
		wg.Wait()
		s := p.Stats()
		wantOver(t, p, "racing")
		if uint64(accepted.Load()) != s.Submitted || uint64(ran.Load()) != s.Succeeded {
			t.Fatalf("%d accepted, %d ran: %+v", accepted.Load(), ran.Load(), s)
		}
	}
}

func TestAllThatWasSubmittedBeforeCloseRuns(t *testing.T) {
	for range rounds(500) {
		p := pool.New(2)
		var wg sync.WaitGroup
		var accepted, ran atomic.Int64
		for range 2 {
			wg.Go(func() {
				for p.Go(func(context.Context) error { ran.Add(1); return nil }) == nil {
					accepted.Add(1)
				}
			})
		}
		wg.Go(p.Shutdown)
		wg.Wait()
		p.Join()
		if accepted.Load() != ran.Load() {
			t.Fatalf("%d accepted, %d ran", accepted.Load(), ran.Load())
		}
	}
}

// Terminate waits for nothing, however much is queued, and when it has returned, what was queued is ready; where there is
// a callback, as soon as that has returned.
func TestTerminateReturnsAtOnceThoughTenThousandAreQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 4, pool.Name("terminated"))
		held := newGate(t)
		g := occupy(t, p, 4)
		var results []*pool.Result[int]
		var called atomic.Int32
		const n = 10_000
		for i := range n {
			view := p.WithPriority(i % 100)
			if i%10 == 0 {
				_ = view.Go(func(context.Context) error { t.Error("started"); return nil })
				continue
			}
			var opts []pool.TaskOption[int]
			if i%10 == 1 {
				opts = append(opts, pool.Callback(func(int, error) { held.pass(); called.Add(1) }))
			}
			r := pool.ApplyAsync(view, func(context.Context) (int, error) { t.Error("started"); return 0, nil }, opts...)
			if i%10 != 1 {
				results = append(results, r)
			}
		}
		begin := time.Now()
		p.Terminate()
		if took := time.Since(begin); took != 0 {
			t.Errorf("Terminate took %v", took)
		}
		for _, r := range results {
			wantReady(t, "what was queued", r)
			if _, err := r.Get(); err != pool.ErrTerminated {
				t.Fatal(err)
			}
		}
		if s := p.Stats(); s.Running != 4 || s.Queued != 0 || s.Cancelled != n {
			t.Errorf("%+v", s)
		}
		held.open()
		g.open()
		p.Join()
		if called.Load() != n/10 {
			t.Errorf("%d callbacks", called.Load())
		}
		wantOver(t, p, "terminated")
	})
}

func TestTerminateAndTheEndOfTheContextEndTheContextOfEveryTask(t *testing.T) {
	for name, submit := range map[string]func(p *pool.Pool, fn func(context.Context)){
		"Go":        func(p *pool.Pool, fn func(context.Context)) { _ = p.Go(quiet(fn)) },
		"GoContext": func(p *pool.Pool, fn func(context.Context)) { _ = p.GoContext(context.Background(), quiet(fn)) },
		"Go in a view": func(p *pool.Pool, fn func(context.Context)) {
			_ = p.WithContext(context.Background()).Go(quiet(fn))
		},
		"GoTimeout that waited": func(p *pool.Pool, fn func(context.Context)) { _ = p.GoTimeout(ages, quiet(fn)) },
		"ApplyAsync": func(p *pool.Pool, fn func(context.Context)) {
			pool.ApplyAsync(p, func(ctx context.Context) (int, error) { fn(ctx); return 0, nil })
		},
		"ApplyAsyncContext": func(p *pool.Pool, fn func(context.Context)) {
			_, _ = pool.ApplyAsyncContext(context.Background(), p,
				func(ctx context.Context) (int, error) { fn(ctx); return 0, nil })
		},
		"Map": func(p *pool.Pool, fn func(context.Context)) {
			pool.MapAsync(p, func(ctx context.Context, _ int) (int, error) { fn(ctx); return 0, nil }, []int{1})
		},
		"Map in a view": func(p *pool.Pool, fn func(context.Context)) {
			pool.MapAsync(p.WithContext(context.Background()),
				func(ctx context.Context, _ int) (int, error) { fn(ctx); return 0, nil }, []int{1})
		},
		"a task that has lent its slot": func(p *pool.Pool, fn func(context.Context)) {
			_ = p.Go(func(ctx context.Context) error {
				_ = p.Go(quiet(fn))
				_, _ = pool.Apply(p, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
				<-ctx.Done() // perhaps a moment later than that of the other
				return nil
			})
		},
	} {
		for _, how := range []string{"Terminate", "Context"} {
			for _, looks := range []string{"Done", "Err", "AfterFunc", "a child"} {
				inBubble(t, name+"/"+how+"/"+looks, func(t *testing.T) {
					hook := hookPanics(t)
					parent, end := context.WithCancelCause(t.Context())
					defer end(nil)
					p := newPool(t, 2, pool.Context(parent))
					var got error
					up, told := newGate(t), newGate(t)
					submit(p, func(ctx context.Context) {
						up.open()
						switch looks {
						case "Err":
							told.pass()
						case "AfterFunc":
							ran := make(chan struct{})
							defer context.AfterFunc(ctx, func() { close(ran) })()
							<-ran
						case "a child":
							child, cancel := context.WithCancel(ctx)
							defer cancel()
							<-child.Done()
							if context.Cause(child) != context.Cause(ctx) {
								t.Errorf("the cause of a child is %v", context.Cause(child))
							}
						default:
							<-ctx.Done()
						}
						if ctx.Err() != context.Canceled {
							t.Errorf("Err() = %v", ctx.Err())
						}
						got = context.Cause(ctx)
					})
					up.pass()
					if how == "Terminate" {
						p.Terminate()
					} else {
						end(errStop)
					}
					synctest.Wait()
					told.open()
					p.Join()
					if !errors.Is(got, pool.ErrTerminated) || (how != "Terminate") != errors.Is(got, errStop) {
						t.Errorf("the cause is %v", got)
					}
					hook.wantValues(t)
				})
			}
		}
	}
}

func TestTheEndOfTheContextIsTerminate(t *testing.T) {
	inBubble(t, "ended before New", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := pool.New(2, pool.Context(ctx), pool.Name("context"))
		wantErr(t, "Go", p.Go(func(context.Context) error { t.Error("called"); return nil }), pool.ErrTerminated)
		p.Join() // no ErrRunning
		wantOver(t, p, "context")
	})
	inBubble(t, "ends while nothing is going on", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPool(t, 2, pool.Context(ctx), pool.Name("context"))
		used(t, p)
		cancel()
		synctest.Wait()
		wantWorkers(t, "context", 0)
		wantErr(t, "Go", p.Go(func(context.Context) error { t.Error("called"); return nil }), pool.ErrTerminated)
		p.Join()
	})
	inBubble(t, "by its deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := newPool(t, 1, pool.Context(ctx))
		r := pool.ApplyAsync(p, func(ctx context.Context) (int, error) {
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != time.Minute {
				t.Errorf("Deadline() = %v, %t", d, ok)
			}
			<-ctx.Done()
			return 1, ctx.Err()
		})
		begin := time.Now()
		if v, err := r.Get(); v != 1 || err != context.DeadlineExceeded || time.Since(begin) != time.Minute {
			t.Errorf("Get: %d, %v after %v", v, err, time.Since(begin))
		}
		synctest.Wait()
		p.Join()
	})
	inBubble(t, "ends after the pool", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newPool(t, 1, pool.Context(ctx))
		p.Shutdown()
		cancel()
		synctest.Wait()
		wantErr(t, "Go", p.Go(func(context.Context) error { return nil }), pool.ErrClosed)
	})
}

// A task that heeds the end of a context, the pool's or a view's, may return before the pool has heard of the same end.
func TestNothingIsStartedWhoseContextHasEndedThoughAWorkerBecomesFreeByTheSameEnd(t *testing.T) {
	for _, whose := range []string{"the pool's", "a view's"} {
		t.Run(whose, func(t *testing.T) {
			for range rounds(1000) {
				ctx, cancel := context.WithCancelCause(t.Context())
				var p, view *pool.Pool
				want := errStop
				if whose == "a view's" {
					p = pool.New(2)
					view = p.WithContext(ctx)
				} else {
					p = pool.New(2, pool.Context(ctx))
					view, want = p, pool.ErrTerminated
				}
				up := make(chan struct{})
				for range 2 {
					_ = view.Go(func(ctx context.Context) error { up <- struct{}{}; <-ctx.Done(); return nil })
				}
				<-up
				<-up
				var started atomic.Int32
				var queued []*pool.Result[int]
				for range 3 {
					queued = append(queued, pool.ApplyAsync(view, returning(func() { started.Add(1) })))
					_ = view.Go(func(context.Context) error { started.Add(1); return nil })
				}
				m := pool.MapAsync(view, func(context.Context, int) (int, error) { started.Add(1); return 0, nil },
					[]int{1, 2, 3})
				cancel(errStop)
				for _, r := range queued {
					if _, err := r.Get(); !errors.Is(err, want) || !errors.Is(err, errStop) {
						t.Errorf("Get: %v", err)
					}
				}
				if _, err := m.Get(); !errors.Is(err, want) || !errors.Is(err, errStop) {
					t.Errorf("Get of the Map: %v", err)
				}
				if view != p {
					p.Close()
				}
				for recovered(p.Join) != nil { // ErrRunning until the end has taken effect
					runtime.Gosched()
				}
				if n := started.Load(); n != 0 {
					t.Fatalf("%d were started after the end of their context", n)
				}
			}
		})
	}
}

// The end may come while New is at work.
func TestTheContextEndsWhileThePoolIsMade(t *testing.T) {
	for i := range rounds(20_000) {
		ctx, cancel := context.WithCancel(context.Background())
		c := startCall(cancel)
		for range i % 5 {
			runtime.Gosched()
		}
		p := pool.New(1, pool.Context(ctx))
		if i%2 == 0 {
			<-c.done
			runtime.Gosched()
		}
		if err := p.Go(func(context.Context) error { return nil }); err != nil && !errors.Is(err, pool.ErrTerminated) {
			t.Errorf("Go: %v", err)
		}
		<-c.done
		for recovered(p.Join) != nil { // ErrRunning until the end has taken effect
			runtime.Gosched()
		}
		wantErr(t, "Go", p.Go(func(context.Context) error { return nil }), pool.ErrTerminated)
	}
}

func TestAnInitializerRunsOnceInEveryWorkerBeforeItsFirstTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var local thread.Local[int]
		var calls atomic.Int32
		p := newPool(t, 3, pool.Name("initialized"), pool.Initializer(func() error {
			calls.Add(1)
			if !strings.HasPrefix(thread.Current().Name(), "initialized-") {
				t.Errorf("initializer in %s", thread.Current().Name())
			}
			v, _ := local.Lookup()
			local.Set(v + 1)
			return nil
		}))
		synctest.Wait()
		if calls.Load() != 0 {
			t.Error("called before there is work")
		}
		check := func(context.Context, int) (int, error) { v, _ := local.Lookup(); return v, nil }
		for range 3 {
			g := occupy(t, p, 2)
			vs, err := pool.Map(p, check, make([]int, 50), pool.ChunkSize(1))
			g.open()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range vs {
				if v != 1 {
					t.Errorf("the initializer ran %d times in the worker of a task", v)
				}
			}
		}
		if calls.Load() != 3 {
			t.Errorf("called %d times for 3 workers", calls.Load())
		}
	})
}

func TestTheErrorOfAnInitializerEndsThePool(t *testing.T) {
	for name, fail := range map[string]func() error{
		"fails":  func() error { return errBoom },
		"panics": func() error { panic(errBoom) },
		"exits":  func() error { runtime.Goexit(); return nil },
	} {
		inBubble(t, name, func(t *testing.T) {
			want := errBoom
			if name == "exits" {
				want = pool.ErrGoexit
			}
			hook := hookPanics(t)
			var calls atomic.Int32
			p := newPool(t, 4, pool.Name("failing"), pool.Initializer(func() error { calls.Add(1); return fail() }))
			var results []*pool.Result[int]
			for range 20 {
				results = append(results, pool.ApplyAsync(p, returning(func() { t.Error("started") })))
			}
			synctest.Wait()
			for i, r := range results {
				wantReady(t, fmt.Sprint("result ", i), r)
				if _, err := r.Get(); !errors.Is(err, want) {
					t.Errorf("result %d: %v, want %v", i, err, want)
				}
			}
			wantErr(t, "Go", p.Go(func(context.Context) error { return nil }), want)
			p.Terminate()
			p.Close()
			wantErr(t, "Go after Terminate", p.Go(func(context.Context) error { return nil }), want)
			p.Join()
			if n := calls.Load(); n < 1 || n > 4 {
				t.Errorf("the initializer was called %d times", n)
			}
			wantOver(t, p, "failing")
			hook.wantValues(t)
		})
	}
}

// A key of the values of contexts.
type key struct{}

// entrances are all ways to have a function called with a context, through a view whose context is the parent.
func entrances(parent context.Context) map[string]func(p *pool.Pool, fn func(context.Context)) {
	returns := func(fn func(context.Context)) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { fn(ctx); return 0, nil }
	}
	item := func(fn func(context.Context)) func(context.Context, int) (int, error) {
		return func(ctx context.Context, _ int) (int, error) { fn(ctx); return 0, nil }
	}
	one := func(yield func(int) bool) { yield(1) }
	other := func() context.Context { // one that could end, and does not
		ctx, cancel := context.WithCancel(context.Background())
		_ = cancel
		return ctx
	}
	return map[string]func(p *pool.Pool, fn func(context.Context)){
		"Apply": func(p *pool.Pool, fn func(context.Context)) { _, _ = pool.Apply(p.WithContext(parent), returns(fn)) },
		"ApplyAsync": func(p *pool.Pool, fn func(context.Context)) {
			pool.ApplyAsync(p.WithContext(parent), returns(fn)).Wait()
		},
		"ApplyAsyncContext": func(p *pool.Pool, fn func(context.Context)) {
			r, _ := pool.ApplyAsyncContext(parent, p, returns(fn))
			r.Wait()
		},
		"ApplyAsyncContext in a view": func(p *pool.Pool, fn func(context.Context)) {
			r, _ := pool.ApplyAsyncContext(parent, p.WithContext(other()), returns(fn))
			r.Wait()
		},
		"Go":        func(p *pool.Pool, fn func(context.Context)) { _ = p.WithContext(parent).Go(quiet(fn)) },
		"GoContext": func(p *pool.Pool, fn func(context.Context)) { _ = p.GoContext(parent, quiet(fn)) },
		"GoContext in a view": func(p *pool.Pool, fn func(context.Context)) {
			_ = p.WithContext(other()).GoContext(parent, quiet(fn))
		},
		"Map": func(p *pool.Pool, fn func(context.Context)) {
			_, _ = pool.Map(p.WithContext(parent), item(fn), []int{1})
		},
		"IMap": func(p *pool.Pool, fn func(context.Context)) {
			for range pool.IMap(p.WithContext(parent), item(fn), one) {
			}
		},
		"IMapUnordered": func(p *pool.Pool, fn func(context.Context)) {
			for range pool.IMapUnordered(p.WithContext(parent), item(fn), one) {
			}
		},
	}
}

func TestTheContextOfATaskHasWhatItsParentHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithDeadline(context.WithValue(t.Context(), key{}, "value"), time.Now().Add(time.Hour))
		defer cancel()
		for name, enter := range entrances(parent) {
			p := newPool(t, 1)
			called := false
			enter(p, func(ctx context.Context) {
				called = true
				if v := ctx.Value(key{}); v != "value" {
					t.Errorf("%s: Value = %v", name, v)
				}
				if d, ok := ctx.Deadline(); !ok || time.Until(d) != time.Hour {
					t.Errorf("%s: Deadline = %v, %t", name, d, ok)
				}
				if ctx.Err() != nil || context.Cause(ctx) != nil {
					t.Errorf("%s: it has ended: %v", name, ctx.Err())
				}
				select {
				case <-ctx.Done():
					t.Errorf("%s: Done is closed", name)
				default:
				}
			})
			p.Shutdown()
			if !called {
				t.Errorf("%s: not called", name)
			}
		}
		p := newPool(t, 1, pool.Context(parent))
		_ = p.Go(func(ctx context.Context) error {
			if v := ctx.Value(key{}); v != "value" {
				t.Errorf("the pool's Context: Value = %v", v)
			}
			return nil
		})
		v, err := pool.Apply(p, func(ctx context.Context) (any, error) { return ctx.Value(key{}), nil })
		if v != "value" || err != nil {
			t.Errorf("the pool's Context: Value = %v, %v", v, err)
		}
	})
}

// Whoever keeps the context of a task that has returned finds it ended: what was derived from it is let go of.
func TestTheContextOfATaskEndsWhenItHasReturned(t *testing.T) {
	for _, ends := range []string{"returns", "panics", "exits"} {
		for _, looks := range []bool{true, false} {
			for name, enter := range entrances(context.Background()) {
				inBubble(t, fmt.Sprint(name, " ", ends, ", looked at: ", looks), func(t *testing.T) {
					hookPanics(t)
					p := newPool(t, 1)
					var kept context.Context
					var ran atomic.Bool
					c := startCall(func() {
						enter(p, func(ctx context.Context) {
							kept = ctx
							if looks {
								context.AfterFunc(ctx, func() { ran.Store(true) })
								_ = ctx.Done()
							}
							switch ends {
							case "panics":
								panic(errTest)
							case "exits":
								runtime.Goexit()
							}
						})
					})
					<-c.done
					synctest.Wait()
					select {
					case <-kept.Done():
					default:
						t.Error("Done is not closed")
					}
					if kept.Err() != context.Canceled || context.Cause(kept) != context.Canceled {
						t.Errorf("Err() = %v, Cause = %v", kept.Err(), context.Cause(kept))
					}
					if looks != ran.Load() {
						t.Errorf("the function that follows its end ran: %t", ran.Load())
					}
					child, cancel := context.WithCancel(kept)
					defer cancel()
					if child.Err() != context.Canceled {
						t.Errorf("a child made afterwards: %v", child.Err())
					}
					late := make(chan struct{})
					context.AfterFunc(kept, func() { close(late) })
					<-late
				})
			}
		}
	}
}

// A child of the context and what follows its end need no goroutine.
func TestTheContextOfATaskIsAsCheapAParentAsTheStandardOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		r := pool.ApplyAsync(p, func(ctx context.Context) (int, error) {
			before := runtime.NumGoroutine()
			for range 100 {
				_, cancel := context.WithCancel(ctx)
				defer cancel()
				defer context.AfterFunc(ctx, func() {})()
			}
			return runtime.NumGoroutine() - before, nil
		})
		if n, err := r.Get(); n > 20 || err != nil {
			t.Errorf("%d goroutines for 100 children, %v", n, err)
		}
	})
}

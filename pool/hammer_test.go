package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/pool"
)

// A task is cancelled, terminated, its context ended, and started, all at about the same moment. Exactly one of them
// has its way, and everybody is told the same.
func TestExactlyOneDecidesWhatBecomesOfATask(t *testing.T) {
	defer hangs(t)()
	var ran, cancels, terminated, ended, missed int
	var p *pool.Pool
	n := rounds(100_000)
	for i := range n {
		if i%16 == 0 {
			p = pool.New(1)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		f := new(fate)
		hold := make(chan struct{})
		_ = p.Go(func(context.Context) error { <-hold; return nil })
		r, err := pool.ApplyAsyncContext(ctx, p, func(context.Context) (int, error) {
			f.ran.Add(1)
			return 7, errTest
		}, pool.Callback(func(_ int, err error) { f.callbacks.Add(1); f.tell(err) }))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var trueCancels atomic.Int32
		actions := []func(){
			func() { close(hold) },
			func() { cancel(errWorld) },
			func() { r.OnDone(func(_ int, err error) { f.afters.Add(1); f.tell(err) }) },
			func() {
				_, err := r.Get()
				f.tell(err)
			},
		}
		for range 2 {
			actions = append(actions, func() {
				if r.Cancel() {
					trueCancels.Add(1)
				}
			})
		}
		if i%16 == 15 {
			actions = append(actions, p.Terminate)
		}
		rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
		for _, a := range actions {
			wg.Go(a)
		}
		wg.Wait()
		if i%16 == 15 {
			p.Join()
		}
		_, err = r.Get()
		switch {
		case errors.Is(err, errTest):
			ran++
			if f.ran.Load() != 1 || trueCancels.Load() != 0 {
				t.Errorf("the result of a run, after %d runs and %d Cancels", f.ran.Load(), trueCancels.Load())
			}
		case f.ran.Load() != 0:
			t.Errorf("%v although it ran", err)
		case err == pool.ErrCancelled:
			cancels++
			if trueCancels.Load() != 1 {
				t.Errorf("ErrCancelled, and %d Cancels reported true", trueCancels.Load())
			}
		case trueCancels.Load() != 0:
			t.Errorf("Cancel reported true, and the Result is %v", err)
		case err == pool.ErrTerminated:
			terminated++
		case err == errWorld:
			ended++
		default:
			t.Errorf("the Result is %v", err)
		}
		if f.callbacks.Load() != 1 {
			t.Errorf("the callback was called %d times", f.callbacks.Load())
		}
		f.mu.Lock()
		for _, told := range f.told {
			if told != err {
				t.Errorf("told of %v, the Result is %v", told, err)
			}
		}
		if len(f.told) < 3 {
			missed++ // OnDone comes after the end, maybe later than this
		}
		f.mu.Unlock()
		if t.Failed() {
			t.Fatalf("in round %d", i)
		}
	}
	p.Terminate()
	p.Join()
	if ran == 0 || cancels == 0 || ended == 0 {
		t.Errorf("this was no race: %d ran, %d cancelled, %d terminated, %d ended", ran, cancels, terminated, ended)
	}
	t.Logf("%d ran, %d cancelled, %d terminated, %d ended with their context; OnDone was late %d times", ran, cancels, terminated, ended, missed)
}

// The same for a Map that is running.
func TestExactlyOneDecidesWhatBecomesOfAMap(t *testing.T) {
	defer hangs(t)()
	var done, cancelled, ended int
	p := pool.New(2)
	for i := range rounds(50_000) {
		ctx, cancel := context.WithCancelCause(context.Background())
		calls := make([]atomic.Int32, 6)
		r := pool.MapAsync(p.WithContext(ctx), func(_ context.Context, i int) (int, error) {
			calls[i].Add(1)
			if i%2 == 0 {
				runtime.Gosched()
			}
			return i + 1, nil
		}, upTo(6), pool.ChunkSize(2))
		var reported atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for range rand.IntN(40) {
				runtime.Gosched()
			}
			reported.Store(r.Cancel())
		})
		if i%2 == 0 {
			wg.Go(func() {
				for range rand.IntN(60) {
					runtime.Gosched()
				}
				cancel(errWorld)
			})
		}
		wg.Wait()
		values, err := r.Get()
		switch err {
		case nil:
			done++
			if reported.Load() || !slices.Equal(values, []int{1, 2, 3, 4, 5, 6}) {
				t.Errorf("%v, nil, and Cancel reported %t", values, reported.Load())
			}
		case pool.ErrCancelled:
			cancelled++
			if !reported.Load() {
				t.Error("ErrCancelled, and Cancel reported false")
			}
		case errWorld:
			ended++
		default:
			t.Errorf("the Map is %v", err)
		}
		for i := range calls {
			c := calls[i].Load()
			if c > 1 || (c == 1) != (values[i] != 0) {
				t.Errorf("item %d was called %d times, its value is %d", i, c, values[i])
			}
		}
		cancel(nil)
	}
	p.Shutdown()
	if done == 0 || cancelled == 0 || ended == 0 {
		t.Errorf("this was no race: %d done, %d cancelled, %d ended", done, cancelled, ended)
	}
}

// A submission waits for a place while its context ends and a place is made. If it was accepted it must be dropped like
// everything else that is queued when its context ends: not stay until a worker is free.
func TestATaskIsDroppedThoughItsContextEndsWhileItIsGivenAPlace(t *testing.T) {
	accepted := 0
	for i := range rounds(50_000) {
		synctest.Test(t, func(t *testing.T) {
			p := pool.New(1, pool.Backlog(1))
			step, hold := make(chan struct{}), make(chan struct{})
			_ = p.Go(func(context.Context) error { <-step; return nil })
			synctest.Wait()
			_ = p.Go(func(context.Context) error { <-hold; return nil }) // fills the backlog, and then the worker
			ctx, cancel := context.WithCancelCause(context.Background())
			var r *pool.Result[int]
			go func() {
				r, _ = pool.ApplyAsyncContext(ctx, p, func(context.Context) (int, error) { return 0, nil })
			}()
			synctest.Wait()
			go cancel(errTest)
			if i%2 == 0 {
				runtime.Gosched()
			}
			close(step)
			synctest.Wait()
			if r != nil {
				accepted++
				if !r.Ready() {
					t.Errorf("round %d: the context has ended, and the task is still queued", i)
				} else if _, err := r.TryGet(); err != errTest {
					t.Errorf("round %d: %v", i, err)
				}
			}
			close(hold)
			p.Shutdown()
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d were accepted", accepted)
}

// A run of IMap ends while it is left, closed, terminated, resized.
func TestARunIsEndedFromEverywhereAtOnce(t *testing.T) {
	defer hangs(t)()
	for i := range rounds(10_000) {
		m := imaps[i%2]
		ctx, cancel := context.WithCancelCause(context.Background())
		p := pool.New(1+i%3, pool.Backlog(i%4))
		var running, others atomic.Int32
		var wg sync.WaitGroup
		for _, action := range []func(){p.Close, p.Terminate, func() { cancel(errWorld) }, func() { p.CancelPending() }, func() { p.Resize(3) }} {
			if rand.IntN(2) == 0 {
				wg.Go(func() {
					for range rand.IntN(100) {
						runtime.Gosched()
					}
					action()
				})
			}
		}
		n, leaveAt := 0, rand.IntN(50)
		for v, err := range m.run(p.WithContext(ctx), func(_ context.Context, i int) (int, error) {
			running.Add(1)
			defer running.Add(-1)
			return i, nil
		}, slices.Values(upTo(30)), pool.ChunkSize(1+rand.IntN(3))) {
			if err != nil {
				if !mayNotStart(err) {
					t.Errorf("%v", err)
				}
				others.Add(1)
			} else if m.ordered && v != n {
				t.Errorf("%d came as number %d", v, n)
			}
			if n++; n == leaveAt {
				break
			}
		}
		if running.Load() != 0 || others.Load() > 1 {
			t.Errorf("%d running, %d errors", running.Load(), others.Load())
		}
		wg.Wait()
		cancel(nil)
		p.Shutdown()
		if s := p.Stats(); s.Submitted != s.Succeeded+s.Failed+s.Cancelled {
			t.Errorf("%+v", s)
		}
	}
}

// The last worker leaves while a submission comes; waking is never lost.
func TestNoSubmissionIsForgottenByWorkersThatLeave(t *testing.T) {
	defer hangs(t)()
	p := pool.New(4)
	for i := range rounds(50_000) {
		var wg sync.WaitGroup
		wg.Go(func() { p.Resize(1 + i%4) })
		for range 3 {
			wg.Go(func() {
				if v, err := pool.Apply(p, func(context.Context) (int, error) {
					if i%5 == 0 {
						runtime.Goexit()
					}
					return 1, nil
				}); v != 1 && !errors.Is(err, pool.ErrGoexit) {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		wg.Wait()
	}
	p.Shutdown()
}

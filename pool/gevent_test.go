package pool_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

// later makes a function that returns v and err after d, or the cause of its context if that ends before.
func later(d time.Duration, v int, err error) function {
	return func(ctx context.Context) (int, error) {
		if e := thread.SleepContext(ctx, d); e != nil {
			return 0, e
		}
		return v, err
	}
}

// The cases of gevent's tests of greenlets, their links and their results (GV001 to GV106), each under its number in the list
// of conformance and gevent's name for it. Spawn stands for gevent.spawn, a Result for a Greenlet, OnDone for link, Cancel
// for kill, and a Promise for an AsyncResult.
func TestGeventTasks(t *testing.T) {
	inBubble(t, "GV001-GV004 test_link_to_asyncresult", func(t *testing.T) {
		for _, want := range []error{nil, errTest} {
			r := pool.Spawn(later(time.Second, 7, want))
			var p pool.Promise[int]
			var q queue.Queue[int]
			c := make(chan int, 1)
			r.OnDone(p.Set)
			r.OnDone(func(v int, _ error) { _ = q.Put(v); c <- v })
			if v, err := p.Result().Get(); v != 7 || err != want {
				t.Errorf("%d, %v, want 7, %v", v, err, want)
			}
			if v, _ := q.Get(); v != 7 || <-c != 7 {
				t.Errorf("%d", v)
			}
		}
	})
	inBubble(t, "GV008-GV010 test_return", func(t *testing.T) {
		for _, end := range []error{nil, errTest, pool.ErrCancelled} {
			var before, after atomic.Int32
			r := pool.Spawn(later(time.Second, 1, end))
			r.OnDone(func(_ int, err error) { before.Add(1); wantErr(t, "before", err, end) })
			if end == pool.ErrCancelled {
				synctest.Wait()
				r.Cancel()
			}
			r.Wait()
			r.OnDone(func(_ int, err error) { after.Add(1); wantErr(t, "after", err, end) })
			synctest.Wait()
			if before.Load() != 1 || after.Load() != 1 {
				t.Errorf("called %d times and %d times", before.Load(), after.Load())
			}
		}
	})
	inBubble(t, "GV012-GV013 test_wait_noerrors", func(t *testing.T) {
		x, y, z := pool.Spawn(later(time.Second, 1, nil)), pool.Spawn(later(3*time.Second, 2, nil)), pool.Spawn(later(time.Second, 3, errTest))
		began := time.Now()
		if vs, err := pool.Gather(x, y); err != nil || !slices.Equal(vs, []int{1, 2}) {
			t.Errorf("%v, %v", vs, err)
		}
		vs, err := pool.Gather(z, y)
		if wantErr(t, "Gather", err, errTest); !slices.Equal(vs, []int{3, 2}) || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", vs, time.Since(began))
		}
	})
	inBubble(t, "GV014 test_joinall_exception_order", func(t *testing.T) {
		late, early := pool.Spawn(later(2*time.Second, 0, errBoom)), pool.Spawn(later(time.Second, 0, errStop))
		var all *pool.MapError
		if _, err := pool.Gather(late, early); !errors.As(err, &all) || all.Items[0].Err != errBoom || all.Items[1].Err != errStop {
			t.Errorf("%v", err)
		}
		for r := range pool.AsCompleted(late, early) {
			if r != late { // both are ready: the order given
				t.Error("not the first")
			}
			break
		}
		late, early = pool.Spawn(later(2*time.Second, 0, errBoom)), pool.Spawn(later(time.Second, 0, errStop))
		for r := range pool.AsCompleted(late, early) {
			if r != early {
				t.Error("not the earliest")
			}
			break
		}
		late.Wait()
	})
	inBubble(t, "GV015 test_joinall_count_raise_error", func(t *testing.T) {
		fails, goes := pool.Spawn(later(time.Second, 0, errTest)), pool.Spawn(later(2*time.Second, 1, nil))
		for r := range pool.AsCompleted(goes, fails) {
			if r != fails || r.Successful() {
				t.Error("the first is not the one that fails")
			}
			break
		}
		if v, err := goes.Get(); v != 1 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
	inBubble(t, "GV016 test_multiple_listeners_error", func(t *testing.T) {
		told := hookPanics(t)
		var called []int
		r := pool.Spawn(later(time.Second, 0, nil))
		for i := range 3 {
			r.OnDone(func(int, error) {
				called = append(called, i)
				if i == 1 {
					panic(errTest)
				}
			})
		}
		r.Wait()
		synctest.Wait()
		if !slices.Equal(called, []int{0, 1, 2}) || len(told.values()) != 1 {
			t.Errorf("called %v, told %v", called, told.values())
		}
	})
	t.Run("GV023 test_spawn_non_callable", func(t *testing.T) {
		if recovered(func() { pool.Spawn[int](nil) }) == nil {
			t.Error("a nil function is spawned")
		}
	})
	inBubble(t, "GV025-GV026 test_simple_exit", func(t *testing.T) {
		for _, end := range []error{nil, errTest} {
			r := pool.Spawn(later(time.Second, 1, end))
			if v, err := r.TryGet(); r.Ready() || v != 0 || err != pool.ErrTimeout {
				t.Errorf("before: %d, %v", v, err)
			}
			if v, err := r.GetTimeout(time.Millisecond); v != 0 || err != pool.ErrTimeout {
				t.Errorf("during: %d, %v", v, err)
			}
			wantPanic(t, "Successful", pool.ErrNotReady, func() { r.Successful() })
			if v, err := r.Get(); v != 1 || err != end || !r.Ready() || !r.Started() || r.Successful() != (end == nil) {
				t.Errorf("after: %d, %v", v, err)
			}
		}
	})
	inBubble(t, "GV033-GV044 test_block and GV054-GV055 test_kill_scheduled", func(t *testing.T) {
		p := newPool(t, 1)
		occupied := occupy(t, p, 1)
		var done atomic.Int32
		waiting := pool.ApplyAsync(p, func(context.Context) (int, error) { t.Error("called"); return 0, nil })
		waiting.OnDone(func(int, error) { done.Add(1) })
		if !waiting.Cancel() || waiting.Cancel() || waiting.Started() {
			t.Error("a task that has not begun")
		}
		if _, err := waiting.Get(); err != pool.ErrCancelled {
			t.Error(err)
		}
		occupied.open()
		var rs []*pool.Result[int]
		for range 3 { // killall
			rs = append(rs, pool.Spawn(later(ages, 0, nil)))
		}
		synctest.Wait()
		for _, r := range rs {
			r.OnDone(func(int, error) { done.Add(1) })
			if once, twice := r.Cancel(), r.Cancel(); once || twice {
				t.Error("Cancel of what runs reports true")
			}
		}
		synctest.Wait()
		for _, r := range rs {
			if _, err := r.TryGet(); err != pool.ErrCancelled {
				t.Error(err)
			}
		}
		if done.Load() != 4 {
			t.Errorf("OnDone was called %d times", done.Load())
		}
	})
	inBubble(t, "GV046-GV051 test_simple", func(t *testing.T) {
		for _, d := range []time.Duration{0, time.Second} { // of body
			for _, fails := range []bool{false, true} {
				for _, task := range []error{nil, errBoom} {
					began, ended := false, false
					err := pool.Scope(context.Background(), func(ctx context.Context, g *pool.Pool) error {
						_ = g.Go(func(ctx context.Context) error {
							began = true
							defer func() { ended = true }()
							if e := thread.SleepContext(ctx, 2*time.Second); e != nil {
								return e
							}
							return task
						})
						time.Sleep(d)
						if fails {
							return errStop
						}
						return nil
					})
					want := task
					if fails {
						want = errStop
					}
					if wantErr(t, "Scope", err, want); ended != began || !ended && !fails {
						t.Error("a task goes on")
					}
				}
			}
		}
	})
	t.Run("GV059-GV061 test_noiter", func(t *testing.T) {
		p := new(pool.Promise[*[1 << 16]byte])
		for range pool.AsCompletedTimeout(0, p.Result()) {
			t.Error("yielded")
		}
		ready := pool.Spawn(func(context.Context) (*[1 << 16]byte, error) { return nil, nil })
		for r := range pool.AsCompleted(p.Result(), ready) {
			if r != ready {
				t.Error("not the one that is ready")
			}
			break
		}
		runtime.KeepAlive(p) // TestAsCompletedLetsGoOfWhatItHasYielded and TestWaitsThatWereLeftLeaveNothing look for garbage
	})
	inBubble(t, "GV062 test", func(t *testing.T) {
		r := pool.Spawn(later(time.Second, 1, nil))
		if vs, err := pool.Gather(r, r); err != nil || !slices.Equal(vs, []int{1, 1}) {
			t.Errorf("%v, %v", vs, err)
		}
		n := 0
		for range pool.AsCompleted(r, r) {
			n++
		}
		if n != 1 {
			t.Errorf("yielded %d times", n)
		}
	})
	inBubble(t, "GV072 test_greenlet_link", func(t *testing.T) {
		var order []int
		r := pool.Spawn(later(time.Second, 0, nil))
		for i := range 3 {
			r.OnDone(func(int, error) { order = append(order, i) })
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("%v", order)
		}
	})
	t.Run("GV073 test", func(t *testing.T) {
		turns := func(context.Context) (int, error) {
			for range 10 {
				runtime.Gosched()
			}
			return 10, nil
		}
		if vs, err := pool.Gather(pool.Spawn(turns), pool.Spawn(turns)); err != nil || !slices.Equal(vs, []int{10, 10}) {
			t.Errorf("%v, %v", vs, err)
		}
	})
	inBubble(t, "GV076 test_expires and GV080 test_context_manager and GV083-GV084 test_cancel", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		if err := thread.SleepContext(ctx, time.Hour); err != context.DeadlineExceeded || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		in, cancelIn := context.WithTimeout(context.Background(), time.Second)
		wantErr(t, "in time", thread.SleepContext(in, time.Millisecond), nil)
		cancelIn()
	})
	inBubble(t, "GV087 test_api and GV089 test_nested_timeout", func(t *testing.T) {
		outer, cancel := context.WithTimeoutCause(context.Background(), time.Second, errBoom)
		defer cancel()
		inner, cancelInner := context.WithTimeoutCause(outer, 2*time.Second, errStop)
		defer cancelInner()
		wantErr(t, "the outer is due", thread.SleepContext(inner, time.Hour), errBoom)
		outer, cancel2 := context.WithTimeoutCause(context.Background(), 2*time.Second, errBoom)
		defer cancel2()
		inner, cancelInner2 := context.WithTimeoutCause(outer, time.Second, errStop)
		defer cancelInner2()
		wantErr(t, "the inner is due", thread.SleepContext(inner, time.Hour), errStop)
		wantErr(t, "and the outer goes on", thread.SleepContext(outer, time.Millisecond), nil)
	})
	inBubble(t, "GV093-GV096 test_set_exc and GV103-GV104 test_set", func(t *testing.T) {
		for _, want := range []error{nil, errTest} {
			var p pool.Promise[int]
			if _, err := p.Result().TryGet(); err != pool.ErrTimeout {
				t.Error(err)
			}
			if _, err := p.Result().GetTimeout(time.Second); err != pool.ErrTimeout {
				t.Error(err)
			}
			pool.Spawn(later(time.Second, 5, want)).OnDone(p.Set)
			if v, err := p.Result().GetTimeout(time.Hour); v != 5 || err != want {
				t.Errorf("%d, %v", v, err)
			}
			wantPanic(t, "Set", pool.ErrSet, func() { p.Set(1, nil) })
		}
	})
	inBubble(t, "GV097-GV102 test_cross_thread_use", func(t *testing.T) {
		for _, timed := range []bool{false, true} {
			var p pool.Promise[int]
			got := make(chan int)
			thread.Go(func() {
				var v int
				if timed {
					v, _ = p.Result().GetTimeout(time.Hour)
				} else {
					v, _ = p.Result().Get()
				}
				got <- v
			})
			thread.Go(func() { time.Sleep(time.Second); p.Set(3, nil) })
			if v := <-got; v != 3 {
				t.Errorf("%d", v)
			}
		}
	})
	inBubble(t, "GV105-GV106 test", func(t *testing.T) {
		var e event.Event
		var rs []*pool.Result[int]
		for range 3 {
			rs = append(rs, pool.Spawn(func(context.Context) (int, error) { e.Wait(); return 1, nil }))
		}
		synctest.Wait()
		e.Set()
		e.Clear()
		if done, pending := pool.WaitTimeout(time.Second, 3, rs...); len(done) != 3 || len(pending) != 0 {
			t.Errorf("%d are free, %d are not", len(done), len(pending))
		}
		a, b := pool.Spawn(later(time.Second, 0, nil)), pool.Spawn(later(2*time.Second, 0, nil))
		if done, pending := pool.Wait(1, b, a); !slices.Equal(done, []*pool.Result[int]{a}) || !slices.Equal(pending, []*pool.Result[int]{b}) {
			t.Errorf("%d and %d", len(done), len(pending))
		}
		if done, _ := pool.WaitTimeout(time.Millisecond, 2, a, b); len(done) != 1 {
			t.Errorf("%d", len(done))
		}
		b.Wait()
	})
}

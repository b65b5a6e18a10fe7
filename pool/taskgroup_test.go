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
	"weak"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// sleeping makes a task of a scope that returns err after d, or the cause of its context if that ends before.
func sleeping(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error { _, e := later(d, 0, err)(ctx); return e }
}

// stubborn makes a task of a scope that returns err when its context ends.
func stubborn(err error) func(context.Context) error {
	return func(ctx context.Context) error { <-ctx.Done(); return err }
}

// The cases of CPython's test_taskgroups, each under its number in the list of conformance and CPython's name for it. A Scope
// stands for a TaskGroup.
func TestTaskGroups(t *testing.T) {
	background := context.Background()
	// scope runs a Scope in a bubble whose body starts the tasks, and then does what rest says.
	scope := func(ctx context.Context, rest func(context.Context, *pool.Pool) error, tasks ...func(context.Context) error) error {
		return pool.Scope(ctx, func(ctx context.Context, g *pool.Pool) error {
			for _, task := range tasks {
				if err := g.Go(task); err != nil {
					return err
				}
			}
			synctest.Wait()
			return rest(ctx, g)
		})
	}
	nothing := func(context.Context, *pool.Pool) error { return nil }
	inBubble(t, "AT01-AT02 test_taskgroup_01", func(t *testing.T) {
		var a, b, c *pool.Result[int]
		err := pool.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			a, b = pool.ApplyAsync(g, later(time.Second, 1, nil)), pool.ApplyAsync(g, later(2*time.Second, 2, nil))
			time.Sleep(1500 * time.Millisecond)
			c = pool.ApplyAsync(g, later(time.Second, 3, nil))
			return nil
		})
		vs, _ := pool.Gather(a, b, c)
		if err != nil || !slices.Equal(vs, []int{1, 2, 3}) {
			t.Errorf("%v, %v", vs, err)
		}
	})
	inBubble(t, "AT03 test_taskgroup_03", func(t *testing.T) {
		err := pool.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			r := pool.ApplyAsync(g, later(ages, 0, nil))
			synctest.Wait()
			r.Cancel()
			return nil
		})
		wantErr(t, "Scope", err, nil)
	})
	inBubble(t, "AT04-AT05 test_taskgroup_04 and AT09-AT10 test_taskgroup_09", func(t *testing.T) {
		var other, body error
		err := scope(background, func(ctx context.Context, _ *pool.Pool) error {
			body = thread.SleepContext(ctx, ages)
			return body
		}, sleeping(time.Second, errTest), func(ctx context.Context) error { other = sleeping(ages, nil)(ctx); return other })
		if err != errTest || other != errTest || body != errTest {
			t.Errorf("Scope %v, the other %v, body %v", err, other, body)
		}
	})
	inBubble(t, "AT06-AT07 test_cancellation and AT11 test_taskgroup_11 and AT17 test_taskgroup_17 and AT23 test_taskgroup_22", func(t *testing.T) {
		for _, waits := range []bool{false, true} { // in body
			ctx, cancel := context.WithCancelCause(background)
			var task, body error
			go func() { time.Sleep(time.Second); cancel(errStop) }()
			err := scope(ctx, func(ctx context.Context, _ *pool.Pool) error {
				if waits {
					body = thread.SleepContext(ctx, ages)
				} else {
					body = errStop
				}
				return nil
			}, func(ctx context.Context) error { task = sleeping(ages, nil)(ctx); return task })
			if err != errStop || task != errStop || body != errStop {
				t.Errorf("Scope %v, the task %v, body %v", err, task, body)
			}
		}
	})
	inBubble(t, "AT08 test_taskgroup_08 and AT15-AT16 test_taskgroup_15 and AT18-AT19 test_taskgroup_18 and AT39 test_error_and_cancel", func(t *testing.T) {
		err := scope(background, nothing, sleeping(time.Second, errTest), stubborn(errBoom), stubborn(errStop))
		if !errors.Is(err, errTest) || !errors.Is(err, errBoom) || !errors.Is(err, errStop) {
			t.Errorf("of tasks: %v", err)
		}
		err = scope(background, func(context.Context, *pool.Pool) error { return errTest }, stubborn(errBoom))
		if !errors.Is(err, errTest) || !errors.Is(err, errBoom) {
			t.Errorf("of body and a task: %v", err)
		}
		ctx, cancel := context.WithCancelCause(background)
		err = scope(ctx, func(context.Context, *pool.Pool) error { cancel(errStop); return nil }, stubborn(errBoom))
		if !errors.Is(err, errStop) || !errors.Is(err, errBoom) {
			t.Errorf("from outside, and of a task: %v", err)
		}
	})
	inBubble(t, "AT12-AT14 test_taskgroup_12 and AT38 test_nested_groups_both_cancelled", func(t *testing.T) {
		inner := func(task error) func(context.Context) error {
			return func(ctx context.Context) error {
				return scope2(ctx, sleeping(time.Second, task), sleeping(2*time.Second, nil))
			}
		}
		wantErr(t, "all well", scope2(background, inner(nil), inner(nil)), nil)
		wantErr(t, "an inner one fails", scope2(background, inner(errTest), inner(nil)), errTest)
		ctx, cancel := context.WithTimeoutCause(background, 500*time.Millisecond, errStop)
		defer cancel()
		if err := scope2(ctx, inner(nil), inner(errTest)); err != errStop {
			t.Errorf("both ended from outside: %v", err)
		}
	})
	inBubble(t, "AT20-AT22 test_taskgroup_20", func(t *testing.T) {
		ended := false
		var err error
		wantPanic(t, "Scope", errBoom, func() {
			err = scope(background, func(context.Context, *pool.Pool) error { panic(errBoom) }, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				ended = true
				return errTest
			})
		})
		if err != nil || !ended {
			t.Errorf("%v, and the task has ended: %t", err, ended)
		}
	})
	t.Run("AT24 test_taskgroup_23", func(t *testing.T) {
		err := pool.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			w := func() weak.Pointer[[1 << 16]byte] {
				big := new([1 << 16]byte)
				r := pool.ApplyAsync(g, func(context.Context) (*[1 << 16]byte, error) { return big, nil })
				r.Wait()
				return weak.Make(big)
			}()
			collected(t, "the value of a task that has ended", w)
			runtime.KeepAlive(g)
			return nil
		})
		wantErr(t, "Scope", err, nil)
	})
	inBubble(t, "AT25 test_taskgroup_24", func(t *testing.T) {
		var ran atomic.Int32
		err := pool.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			return g.Go(func(context.Context) error {
				time.Sleep(time.Second) // body has returned
				return g.Go(func(context.Context) error { time.Sleep(time.Second); ran.Add(1); return nil })
			})
		})
		if err != nil || ran.Load() != 1 {
			t.Errorf("%v; %d ran", err, ran.Load())
		}
	})
	inBubble(t, "AT26 test_taskgroup_25", func(t *testing.T) {
		var begun, open atomic.Int32
		err := pool.Scope(background, func(ctx context.Context, g *pool.Pool) error {
			var task func(context.Context) error
			task = func(ctx context.Context) error {
				open.Add(1)
				defer open.Add(-1)
				if begun.Add(1) == 100 {
					return errTest
				}
				_ = g.Go(task)
				_ = g.Go(task)
				return sleeping(time.Second, nil)(ctx)
			}
			return g.Go(task)
		})
		if !errors.Is(err, errTest) || open.Load() != 0 {
			t.Errorf("%v; %d are inside", err, open.Load())
		}
	})
	inBubble(t, "AT29 test_taskgroup_no_create_task_after_failure and AT33 test_taskgroup_finished and AT36 test_coro_closed_when_tg_closed", func(t *testing.T) {
		var after *pool.Pool
		err := scope(background, func(ctx context.Context, g *pool.Pool) error {
			after = g
			<-ctx.Done()
			never := func(context.Context) error { t.Error("called"); return nil }
			wantErr(t, "after a failure", g.Go(never), errTest)
			return nil
		}, sleeping(time.Second, errTest))
		wantErr(t, "Scope", err, errTest)
		r := pool.ApplyAsync(after, func(context.Context) (int, error) { t.Error("called"); return 0, nil })
		if _, err := r.TryGet(); err != pool.ErrClosed && !errors.Is(err, errTest) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// scope2 is a Scope of these tasks.
func scope2(ctx context.Context, tasks ...func(context.Context) error) error {
	return pool.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
		for _, task := range tasks {
			if err := g.Go(task); err != nil {
				return err
			}
		}
		return nil
	})
}

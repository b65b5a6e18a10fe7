package pool_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
)

// The cases of gevent's tests of groups and pools, each under its number in the list of conformance and gevent's name for
// it. A pool of Unlimited workers stands for a Group, and one with Backlog(0) for a Pool, whose spawn waits for a free
// greenlet.
func TestGeventPools(t *testing.T) {
	inBubble(t, "GV063-GV066 test_basic and GV067 test_kill_fires_once and GV068-GV071 test_killall", func(t *testing.T) {
		p := pool.New(pool.Unlimited)
		for range 3 {
			pool.ApplyAsync(p, later(time.Second, 1, nil))
		}
		synctest.Wait()
		if s := p.Stats(); s.Running != 3 {
			t.Errorf("%+v", s)
		}
		if p.Close(); p.JoinTimeout(time.Millisecond) || !p.JoinTimeout(time.Second) {
			t.Error("waitall")
		}
		p = pool.New(pool.Unlimited)
		var ends atomic.Int32
		for range 3 {
			_ = p.Go(func(ctx context.Context) error {
				<-ctx.Done()
				ends.Add(1)
				time.Sleep(time.Second)
				return context.Cause(ctx)
			})
		}
		synctest.Wait()
		p.Terminate() // without waiting, and once more
		p.Terminate()
		if p.JoinTimeout(time.Millisecond) {
			t.Error("they have ended")
		}
		if !p.JoinTimeout(time.Hour) || ends.Load() != 3 {
			t.Errorf("%d have ended", ends.Load())
		}
		p = pool.New(1) // and one that was not started
		running, waiting := pool.ApplyAsync(p, later(ages, 0, nil)), pool.ApplyAsync(p, later(ages, 0, nil))
		synctest.Wait()
		p.Terminate()
		p.Join()
		if _, err := running.TryGet(); !errors.Is(err, pool.ErrTerminated) || !running.Started() {
			t.Error(err)
		}
		if _, err := waiting.TryGet(); err != pool.ErrTerminated || waiting.Started() {
			t.Error(err)
		}
	})
	inBubble(t, "GV110-GV114 test_apply_async", func(t *testing.T) {
		p := newPool(t, 2, pool.Backlog(0))
		if v, err := pool.ApplyAsync(p, later(time.Second, 4, nil)).Get(); v != 4 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
		_, err := pool.Apply(p, later(time.Second, 0, errTest))
		wantErr(t, "Apply", err, errTest)
		inner := func(context.Context) (int, error) { return pool.Apply(p, later(time.Second, 5, nil)) }
		if v, err := pool.Apply(p, inner); v != 5 || err != nil {
			t.Errorf("a task of the pool that uses it: %d, %v", v, err)
		}
	})
	inBubble(t, "GV116 test_execute_async and GV119-GV123 test_add_method_non_blocking", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(0))
		_ = p.Go(func(ctx context.Context) error { time.Sleep(3 * time.Second); return nil })
		wantErr(t, "at once", p.TryGo(func(context.Context) error { return nil }), pool.ErrFull)
		began := time.Now()
		wantErr(t, "in time", p.GoTimeout(time.Second, func(context.Context) error { return nil }), pool.ErrFull)
		if took := time.Since(began); took != time.Second {
			t.Errorf("gave up after %v", took)
		}
		ran := make(chan bool, 1)
		wantErr(t, "later", p.Go(func(context.Context) error { ran <- true; return nil }), nil)
		<-ran
		wantPanic(t, "New", pool.ErrValue, func() { pool.New(-1) })
	})
	for _, size := range []int{1, 2, 3, 10, pool.Unlimited} {
		inBubble(t, "GV124-GV128 test_apply and GV137-GV138 test_empty_map", func(t *testing.T) {
			p := newPool(t, size)
			if v, err := pool.Apply(p, pool.Bind(pool.Plain(square), 5)); v != 25 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
			for _, n := range []int{0, 10, 100} {
				if vs, err := pool.Map(p, pool.Plain(square), upTo(n)); err != nil || len(vs) != n || n > 0 && vs[n-1] != square(n-1) {
					t.Errorf("%v, %v", vs, err)
				}
			}
			told := 0
			r := pool.ApplyAsync(p, later(time.Second, 7, nil), pool.Callback(func(v int, _ error) { told = v }))
			if _, err := r.GetTimeout(time.Millisecond); err != pool.ErrTimeout {
				t.Error(err)
			}
			if v, err := r.Get(); v != 7 || err != nil || told != 7 {
				t.Errorf("%d, %v; the callback was told %d", v, err, told)
			}
			long := pool.MapAsync(p, func(ctx context.Context, _ int) (int, error) { return later(ages, 0, nil)(ctx) }, upTo(1000))
			synctest.Wait()
			p.Terminate()
			p.Join()
			if _, err := long.TryGet(); !errors.Is(err, pool.ErrTerminated) {
				t.Error(err)
			}
		})
		inBubble(t, "GV129-GV136 test_imap_list_small and GV139-GV144 test_imap_unordered_sleep", func(t *testing.T) {
			p := newPool(t, size)
			slow := func(_ context.Context, i int) (int, error) {
				time.Sleep(time.Duration(i*7%10) * time.Millisecond)
				return i, nil
			}
			for _, n := range []int{0, 10, 100} {
				var vs []int
				for v, err := range pool.IMap(p, slow, slices.Values(upTo(n)), pool.Buffer(10)) {
					if vs = append(vs, v); err != nil {
						t.Error(err)
					}
				}
				if !slices.Equal(vs, upTo(n)) {
					t.Errorf("in order: %v", vs)
				}
				vs = nil
				read := 0
				input := func(yield func(int) bool) {
					for i := range n {
						if read++; read-len(vs) > 10 {
							t.Errorf("%d were read and %d yielded", read, len(vs))
						}
						if !yield(i) {
							return
						}
					}
				}
				for v, err := range pool.IMapUnordered(p, slow, input, pool.Buffer(10)) {
					if vs = append(vs, v); err != nil {
						t.Error(err)
					}
				}
				if slices.Sort(vs); !slices.Equal(vs, upTo(n)) {
					t.Errorf("in any order: %v", vs)
				}
			}
		})
	}
	inBubble(t, "GV145 test_wait_full and GV146 test and GV147-GV148 test", func(t *testing.T) {
		wantPanic(t, "a pool of no place that is resized to none", pool.ErrValue, func() { newPool(t, 1).Resize(0) })
		p := pool.New(1)
		p.Shutdown() // nothing was spawned
		p = newPool(t, 1, pool.Backlog(0))
		began := time.Now()
		for range 2 {
			_ = p.Go(func(context.Context) error { time.Sleep(time.Second); return nil })
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("the second was spawned after %v", took)
		}
	})
	for name, imap := range map[string]func(*pool.Pool, func(context.Context, int) (int, error), iter.Seq[int], ...pool.MapOption) iter.Seq2[int, error]{
		"GV149 test and GV152 test_imap": pool.IMap[int, int], "GV150 test_unordered and GV153 test_imap_unordered": pool.IMapUnordered[int, int],
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 3)
			input := func(yield func(int) bool) { _ = yield(1) && yield(2); panic(errTest) }
			n := 0
			wantPanic(t, "the input", errTest, func() {
				for range imap(p, pool.Plain(square), input) {
					n++
				}
			})
			if n != 2 {
				t.Errorf("%d were yielded", n)
			}
			values, failures := 0, 0
			divide := func(_ context.Context, i int) (int, error) { return 1 / i, nil }
			for _, err := range imap(p, divide, slices.Values([]int{1, 0, 1})) {
				if err == nil {
					values++
				} else {
					failures++
				}
			}
			if values != 2 || failures != 1 {
				t.Errorf("%d values and %d failures", values, failures)
			}
		})
	}
	inBubble(t, "GV151 test_map", func(t *testing.T) {
		_, err := pool.Map(newPool(t, 3), func(_ context.Context, i int) (int, error) { return 1 / i, nil }, []int{1, 0, 1})
		var all *pool.MapError
		if !errors.As(err, &all) || len(all.Items) != 1 || all.Items[0].Index != 1 {
			t.Errorf("%v", err)
		}
	})
}

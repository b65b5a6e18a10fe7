package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
)

// after returns a task that takes so long and returns its duration in seconds.
func after(p *pool.Pool, d time.Duration) *pool.Result[int] {
	return pool.ApplyAsync(p, func(context.Context) (int, error) {
		time.Sleep(d)
		return int(d / time.Second), nil
	})
}

func valueOf(t *testing.T, r *pool.Result[int]) int {
	t.Helper()
	if !r.Ready() {
		t.Error("yielded before it is ready")
	}
	v, _ := r.TryGet()
	return v
}

func TestAsCompletedYieldsInTheOrderOfCompletion(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 5)
		began := time.Now()
		rs := []*pool.Result[int]{after(p, 3*time.Second), after(p, time.Second), after(p, 5*time.Second), after(p, 2*time.Second)}
		var got []int
		for r := range pool.AsCompleted(rs...) {
			v := valueOf(t, r)
			if since := time.Since(began); since != time.Duration(v)*time.Second {
				t.Errorf("the one of %d s is yielded after %v", v, since)
			}
			got = append(got, v)
		}
		if want := []int{1, 2, 3, 5}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestAsCompletedYieldsWhatIsReadyFirstInTheOrderGiven(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 5)
		rs := []*pool.Result[int]{
			after(p, 9*time.Second), after(p, 3*time.Second), after(p, 1*time.Second), after(p, 7*time.Second), after(p, 2*time.Second),
		}
		time.Sleep(5 * time.Second)
		began := time.Now()
		var got []int
		for r := range pool.AsCompleted(rs...) {
			got = append(got, valueOf(t, r))
			if len(got) == 3 && time.Since(began) > 0 {
				t.Error("it waited although three were ready")
			}
		}
		if want := []int{3, 1, 2, 7, 9}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestAsCompletedYieldsEachOnce(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		a, b := after(p, 2*time.Second), after(p, time.Second)
		for range 2 { // the second time both are ready
			var got []*pool.Result[int]
			for r := range pool.AsCompleted(a, a, b, a, b) {
				got = append(got, r)
			}
			if len(got) != 2 || got[0] == got[1] {
				t.Errorf("%d yielded, want each once", len(got))
			}
		}
		for range pool.AsCompleted[int]() {
			t.Error("yielded something of nothing")
		}
	})
}

// However a Result ends, it comes out.
func TestAsCompletedYieldsEveryKindOfEnd(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		busy := occupy(t, p, 1)
		fine := func(context.Context) (int, error) { return 1, nil }
		submit := func(p *pool.Pool, f function) *pool.Result[int] { return pool.ApplyAsync(p, f) }
		closed := newPool(t, 1)
		closed.Close()
		ctx, cancel := context.WithCancelCause(context.Background())
		rs := map[*pool.Result[int]]error{
			submit(p, fine): nil,
			submit(p, func(context.Context) (int, error) { return 0, errTest }):               errTest,
			submit(p, func(context.Context) (int, error) { panic(errTest) }):                  errTest,
			submit(p, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }): pool.ErrGoexit,
			submit(closed, fine):             pool.ErrClosed,
			submit(p.WithContext(ctx), fine): context.Canceled,
		}
		cancelled := submit(p, fine)
		cancelled.Cancel()
		rs[cancelled] = pool.ErrCancelled
		later := pool.ApplyAsync(p, fine, pool.Callback(func(int, error) {}))
		rs[later] = pool.ErrCancelled
		last := submit(p.WithPriority(9), fine)
		rs[last] = pool.ErrTerminated
		var all []*pool.Result[int]
		for r := range rs {
			all = append(all, r)
		}
		time.AfterFunc(time.Second, func() { cancel(nil) })
		time.AfterFunc(2*time.Second, func() { later.Cancel() })
		time.AfterFunc(3*time.Second, func() {
			_ = p.WithPriority(5).Go(func(context.Context) error { p.Terminate(); return nil })
			busy.open()
		})
		for r := range pool.AsCompleted(all...) {
			want, known := rs[r]
			if !known {
				t.Error("yielded twice")
			}
			delete(rs, r)
			_, err := r.TryGet()
			wantErr(t, "a Result", err, want)
		}
		if len(rs) > 0 {
			t.Errorf("%d were not yielded", len(rs))
		}
	})
}

func TestAsCompletedCanBeLeftAndResumed(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 4)
		rs := []*pool.Result[int]{after(p, 4*time.Second), after(p, 2*time.Second), after(p, 3*time.Second), after(p, time.Second)}
		var got []int
		for len(rs) > 0 { // wait(FIRST_COMPLETED), again and again
			for r := range pool.AsCompleted(rs...) {
				got = append(got, valueOf(t, r))
				rs = slices.DeleteFunc(rs, func(other *pool.Result[int]) bool { return other == r })
				break
			}
		}
		if want := []int{1, 2, 3, 4}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// A loop that was left by a panic or Goexit, or never begun, leaves nothing behind.
func TestAsCompletedCanBeLeftInAnyWay(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		slow, fast := after(p, time.Hour), after(p, time.Second)
		_ = pool.AsCompleted(slow, fast)
		if v := recovered(func() {
			for range pool.AsCompleted(slow, fast) {
				panic(errTest)
			}
		}); v != errTest {
			t.Errorf("recovered %v", v)
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range pool.AsCompleted(slow, fast) {
				runtime.Goexit()
			}
		}()
		<-over
		if slow.Ready() {
			t.Error("a loop waited for more than it was asked for")
		}
		if v, err := slow.Get(); v != 3600 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
}

func TestAsCompletedContextEndsWithTheContext(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 3)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		ready := after(p, 0)
		ready.Wait()
		n := 0
		for r := range pool.AsCompletedContext(ended, after(p, time.Second), ready) {
			if n++; r != ready {
				t.Error("yielded one that is not ready")
			}
		}
		if n != 1 {
			t.Errorf("%d yielded, want the one that is ready", n)
		}

		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		a, b := after(p, time.Second), after(p, time.Minute)
		var got []int
		for r := range pool.AsCompletedContext(ctx, b, a) {
			got = append(got, valueOf(t, r))
		}
		if since := time.Since(began); !slices.Equal(got, []int{1}) || since != 3*time.Second {
			t.Errorf("%v after %v, want [1] after 3s", got, since)
		}
		if b.Ready() {
			t.Error("the end of the loop ended the task")
		}

		// What is ready is not left out when it ends on the way, and the rest is not waited for.
		ctx, cancel = context.WithCancel(context.Background())
		defer cancel()
		n = 0
		for range pool.AsCompletedContext(ctx, after(p, time.Hour), ready, a) {
			n++
			cancel()
		}
		if n != 2 {
			t.Errorf("%d yielded, want the 2 that are ready", n)
		}
	})
}

func TestAsCompletedPanicsWithANilResultBeforeAnyLoop(t *testing.T) {
	r := new(pool.Promise[int]).Result()
	for name, call := range map[string]func(){
		"AsCompleted":        func() { pool.AsCompleted(r, nil) },
		"AsCompletedTimeout": func() { pool.AsCompletedTimeout(time.Second, r, nil) },
		"AsCompletedContext": func() { pool.AsCompletedContext(context.Background(), r, nil) },
	} {
		if recovered(call) == nil {
			t.Errorf("%s of a nil Result does not panic", name)
		}
	}
}

func TestAsCompletedContextWithTimeToSpareYieldsAll(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 3)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		n := 0
		for range pool.AsCompletedContext(ctx, after(p, 3*time.Second), after(p, time.Second)) {
			n++
		}
		if n != 2 || ctx.Err() != nil {
			t.Errorf("%d yielded, %v", n, ctx.Err())
		}
	})
}

func TestAsCompletedOfMaps(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		m := func(d time.Duration) *pool.Result[[]int] {
			return pool.MapAsync(p, func(_ context.Context, i int) (int, error) { time.Sleep(d); return i, nil }, upTo(2))
		}
		slow, fast, empty := m(time.Hour), m(time.Second), pool.MapAsync(p, pool.Plain(square), nil)
		var got []*pool.Result[[]int]
		for r := range pool.AsCompleted(slow, fast, empty) {
			got = append(got, r)
		}
		if len(got) != 3 || got[0] != empty {
			t.Errorf("%d yielded, the empty one first: %t", len(got), len(got) > 0 && got[0] == empty)
		}
	})
}

// In a task it lends the slot; see also the tests of nesting.
func TestAsCompletedInATaskOverManyTasks(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		sum, err := pool.Apply(p, func(context.Context) (sum int, err error) {
			var rs []*pool.Result[int]
			for i := range 20 {
				rs = append(rs, pool.ApplyAsync(p, pool.Bind(pool.Plain(square), i)))
			}
			for r := range pool.AsCompleted(rs...) {
				v, e := r.Get()
				sum, err = sum+v, errors.Join(err, e)
			}
			return sum, err
		})
		if sum != 2470 || err != nil {
			t.Errorf("%d, %v, want 2470", sum, err)
		}
	})
}

// A hundred Results end at once while others look, again and again: each is yielded once, to each loop.
func TestAsCompletedWhileEverythingEnds(t *testing.T) {
	defer hangs(t)()
	for range rounds(300) {
		p := pool.New(4)
		rs := make([]*pool.Result[int], 50)
		for i := range rs {
			rs[i] = pool.ApplyAsync(p, func(context.Context) (int, error) {
				if i%3 == 0 {
					runtime.Gosched()
				}
				return i, nil
			})
		}
		var loops [3]int
		done := make(chan struct{})
		for l := range loops {
			go func() {
				defer func() { done <- struct{}{} }()
				seen := make(map[*pool.Result[int]]bool)
				for r := range pool.AsCompleted(rs...) {
					if seen[r] || !r.Ready() {
						t.Error("yielded twice, or too early")
					}
					seen[r] = true
					if l == 2 && rand.IntN(50) == 0 {
						loops[l] = len(rs)
						return
					}
				}
				loops[l] = len(seen)
			}()
		}
		for _, r := range rs {
			if rand.IntN(4) == 0 {
				r.Cancel()
			}
		}
		for range loops {
			<-done
		}
		if loops != [3]int{len(rs), len(rs), len(rs)} {
			t.Errorf("the loops saw %v of %d", loops, len(rs))
		}
		p.Shutdown()
	}
}

// A loop that was left is not kept alive by what it did not wait for.
func TestALoopThatWasLeftIsForgotten(t *testing.T) {
	p := pool.New(2)
	defer p.Shutdown()
	hold := newGate(t)
	defer hold.open()
	slow := pool.ApplyAsync(p, func(context.Context) (*[1 << 10]byte, error) { hold.pass(); return nil, nil })
	fast := func() weak.Pointer[[1 << 10]byte] {
		big := new([1 << 10]byte)
		a := pool.ApplyAsync(p, func(context.Context) (*[1 << 10]byte, error) { return nil, nil })
		b := pool.ApplyAsync(p, func(context.Context) (*[1 << 10]byte, error) { return big, nil })
		a.Wait()
		b.Wait()
		for range pool.AsCompleted(slow, a, b) {
			break
		}
		return weak.Make(big)
	}()
	collected(t, "the Result that was not yielded", fast)
	runtime.KeepAlive(slow)
}

// collected wants what w points to to be garbage soon.
func collected[T any](t *testing.T, what string, w weak.Pointer[T]) {
	t.Helper()
	if !proof.Collected(w) {
		t.Errorf("%s is kept alive", what)
	}
}

func TestManyLoopsOverTheSameResults(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		r := after(p, time.Second)
		var n atomic.Int32
		for range 100 {
			go func() {
				for range pool.AsCompleted(r, r) {
					n.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n.Load() != 100 {
			t.Errorf("%d of 100 loops saw it", n.Load())
		}
	})
}

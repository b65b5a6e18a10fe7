package pool_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// The cases of CPython's pool tests (P..) and of test_concurrent_futures (F..) that mean something in Go, each under its
// number in the list of semantics and CPython's name for it. What Python raises is an error here, and a panic where the
// program is wrong.
//
// Left out, because there is no such thing here: pickling and other processes (P07, P20, P27, F69-F72, F74, F76-F77,
// F79-F80, F82, F84; of F85-F100 the idea is kept), workers that are replaced after some tasks (P28-P30, F81, F83), the
// interpreter's exit and its finalizers (P25, P31, F56-F57, F60, F64, F68: a pool lives until it is closed), keyword
// arguments and falsy exceptions (F02, F10), process start methods and fork (F47-F48, F53), a limit of Windows (F73).

func TestCPythonPool(t *testing.T) {
	squareOf := pool.Plain(square)
	wantSquares := func(t *testing.T, values []int, n int) {
		t.Helper()
		if len(values) != n {
			t.Errorf("%d values, want %d", len(values), n)
		}
		for i, v := range values {
			if v != i*i {
				t.Errorf("value %d is %d", i, v)
			}
		}
	}
	type pair struct{ x, y int }
	product := func(p pair) int { return p.x * p.y }

	inBubble(t, "P01 test_apply", func(t *testing.T) {
		p := newPool(t, 4)
		if v, err := pool.Apply(p, pool.Bind(squareOf, 5)); v != 25 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})

	inBubble(t, "P02 test_map", func(t *testing.T) {
		p := newPool(t, 4)
		for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(20)}} {
			for _, n := range []int{10, 100} {
				values, err := pool.Map(p, squareOf, upTo(n), opts...)
				wantErr(t, "Map", err, nil)
				wantSquares(t, values, n)
			}
		}
	})

	inBubble(t, "P03 test_starmap", func(t *testing.T) { // several arguments are a struct
		p := newPool(t, 4)
		pairs := []pair{{1, 9}, {2, 8}, {3, 7}, {4, 6}}
		for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(3)}} {
			values, err := pool.Map(p, pool.Plain(product), pairs, opts...)
			if want := []int{9, 16, 21, 24}; !slices.Equal(values, want) || err != nil {
				t.Errorf("%v, %v, want %v", values, err, want)
			}
		}
	})

	inBubble(t, "P04 test_starmap_async", func(t *testing.T) {
		p := newPool(t, 4)
		values, err := pool.MapAsync(p, pool.Plain(product), []pair{{3, 4}, {5, 6}}).Get()
		if want := []int{12, 30}; !slices.Equal(values, want) || err != nil {
			t.Errorf("%v, %v, want %v", values, err, want)
		}
	})

	inBubble(t, "P05 test_map_async", func(t *testing.T) {
		p := newPool(t, 4)
		values, err := pool.MapAsync(p, squareOf, upTo(10)).Get()
		wantErr(t, "Get", err, nil)
		wantSquares(t, values, 10)
	})

	// Python calls back before wait returns; a Map here is told of by OnDone, which comes after the end.
	inBubble(t, "P06 test_map_async_callbacks", func(t *testing.T) {
		p := newPool(t, 1)
		var lists [][]int
		var errs []error
		see := func(values []int, err error) { lists, errs = append(lists, values), append(errs, err) }
		pool.MapAsync(p, squareOf, []int{1, 2}).OnDone(see)
		synctest.Wait()
		if len(lists) != 1 || !slices.Equal(lists[0], []int{1, 4}) || errs[0] != nil {
			t.Errorf("told of %v, %v", lists, errs)
		}
		pool.MapAsync(p, func(context.Context, int) (int, error) { return 0, errTest }, []int{1}).OnDone(see)
		synctest.Wait()
		if len(errs) != 2 || !errors.Is(errs[1], errTest) {
			t.Errorf("told of %v", errs)
		}
	})

	inBubble(t, "P08 test_map_chunksize", func(t *testing.T) {
		p := newPool(t, 4)
		if v, err := pool.MapAsync(p, squareOf, nil, pool.ChunkSize(1)).GetTimeout(time.Second); len(v) != 0 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
	})

	// Map takes a slice, which cannot fail; an input that can is for IMap.
	inBubble(t, "P09 test_map_handle_iterable_exception", func(t *testing.T) {
		p := newPool(t, 4)
		for _, at := range []int{0, 0, 1, 7} {
			v := recovered(func() {
				for range pool.IMap(p, squareOf, func(yield func(int) bool) {
					for i := range at {
						yield(i)
					}
					panic(errTest)
				}) {
				}
			})
			if v != errTest {
				t.Errorf("an input that panics at %d: %v", at, v)
			}
		}
	})

	inBubble(t, "P10 test_async", func(t *testing.T) {
		p := newPool(t, 4)
		began := time.Now()
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { time.Sleep(time.Second); return 49, nil })
		if v, err := r.Get(); v != 49 || err != nil || time.Since(began) != time.Second {
			t.Errorf("%d, %v after %v", v, err, time.Since(began))
		}
	})

	inBubble(t, "P11 test_async_timeout", func(t *testing.T) {
		p := newPool(t, 1)
		began := time.Now()
		r := pool.ApplyAsync(p, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) })
		_, err := r.GetTimeout(200 * time.Millisecond)
		wantErr(t, "GetTimeout", err, pool.ErrTimeout)
		wantErr(t, "GetTimeout", err, context.DeadlineExceeded)
		if since := time.Since(began); since != 200*time.Millisecond {
			t.Errorf("timed out after %v", since)
		}
		p.Terminate()
		p.Join()
	})

	inBubble(t, "P12 test_imap", func(t *testing.T) {
		p := newPool(t, 4)
		for _, size := range []int{1, 100} {
			got := collect(pool.IMap(p, squareOf, slices.Values(upTo(1000)), pool.ChunkSize(size)))
			wantSquares(t, valuesOf(got), 1000)
		}
		next, stop := iter.Pull2(pool.IMap(p, squareOf, slices.Values(upTo(10))))
		defer stop()
		for i := range 10 {
			if v, _, ok := next(); v != i*i || !ok {
				t.Errorf("number %d is %d, %t", i, v, ok)
			}
		}
		for range 2 {
			if _, _, ok := next(); ok {
				t.Error("there is more after the end")
			}
		}
	})

	// In Python a chunk that is not complete is lost with the input that failed. Here it is not.
	imapOfAFailingInput := func(m imapFunc) func(t *testing.T) {
		return func(t *testing.T) {
			p := newPool(t, 4)
			for _, size := range []int{1, 2, 4} {
				var got []int
				v := recovered(func() {
					for v := range m(p, squareOf, func(yield func(int) bool) {
						for i := range 7 {
							yield(i)
						}
						panic(errTest)
					}, pool.ChunkSize(size)) {
						got = append(got, v)
					}
				})
				slices.Sort(got)
				wantSquares(t, got, 7)
				if v != errTest {
					t.Errorf("recovered %v", v)
				}
			}
		}
	}
	inBubble(t, "P13 test_imap_handle_iterable_exception", imapOfAFailingInput(pool.IMap[int, int]))
	inBubble(t, "P15 test_imap_unordered_handle_iterable_exception", imapOfAFailingInput(pool.IMapUnordered[int, int]))

	inBubble(t, "P14 test_imap_unordered", func(t *testing.T) {
		p := newPool(t, 4)
		for _, size := range []int{1, 100} {
			got := valuesOf(collect(pool.IMapUnordered(p, squareOf, slices.Values(upTo(420)), pool.ChunkSize(size))))
			slices.Sort(got)
			wantSquares(t, got, 420)
		}
	})

	// 0 asks for as many as the machine has.
	inBubble(t, "P16 test_make_pool", func(t *testing.T) {
		wantPanic(t, "New(-1)", pool.ErrValue, func() { pool.New(-1) })
		if n := newPool(t, 3).Workers(); n != 3 {
			t.Errorf("%d workers, want 3", n)
		}
		if n := newPool(t, 0).Workers(); n != runtime.GOMAXPROCS(0) {
			t.Errorf("%d workers, want GOMAXPROCS", n)
		}
	})

	inBubble(t, "P17 test_terminate", func(t *testing.T) {
		p := newPool(t, 4)
		began := time.Now()
		r := pool.MapAsync(p, func(ctx context.Context, _ int) (int, error) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			return 0, nil
		}, upTo(10_000), pool.ChunkSize(1))
		synctest.Wait()
		p.Terminate()
		p.Join()
		if since := time.Since(began); since > 0 {
			t.Errorf("it took %v", since)
		}
		_, err := r.TryGet()
		wantErr(t, "the Map", err, pool.ErrTerminated)
	})

	inBubble(t, "P18 test_empty_iterable", func(t *testing.T) {
		p := newPool(t, 1)
		if v, err := pool.Map(p, squareOf, []int{}); len(v) != 0 || err != nil {
			t.Errorf("Map: %v, %v", v, err)
		}
		if v, err := pool.MapAsync(p, squareOf, []int{}).Get(); len(v) != 0 || err != nil {
			t.Errorf("MapAsync: %v, %v", v, err)
		}
		for _, m := range imaps {
			if got := collect(m.run(p, squareOf, slices.Values([]int{}))); len(got) > 0 {
				t.Errorf("%s: %v", m.name, got)
			}
		}
	})

	inBubble(t, "P19 test_context", func(t *testing.T) {
		var p *pool.Pool
		func() {
			p = pool.New(2)
			defer func() { p.Terminate(); p.Join() }()
			values, _ := pool.Map(p, squareOf, upTo(10))
			wantSquares(t, values, 10)
		}()
		_, err := pool.Apply(p, pool.Bind(squareOf, 1))
		wantErr(t, "Apply", err, pool.ErrTerminated)
		_, err = pool.MapAsync(p, squareOf, upTo(10)).Get()
		wantErr(t, "MapAsync", err, pool.ErrTerminated)
	})

	inBubble(t, "P21 test_wrapped_exception", func(t *testing.T) {
		p := newPool(t, 1)
		_, err := pool.Apply(p, func(context.Context) (int, error) { return 0, errTest })
		if err != errTest {
			t.Errorf("%#v, want the error itself", err)
		}
		_, err = pool.Apply(p, func(context.Context) (int, error) { panic(errTest) })
		wantErr(t, "a panic", err, errTest)
	})

	inBubble(t, "P22 test_map_no_failfast", func(t *testing.T) {
		p := newPool(t, 2)
		began := time.Now()
		_, err := pool.Map(p, func(_ context.Context, d time.Duration) (int, error) {
			if d < 0 {
				return 0, errTest
			}
			time.Sleep(d)
			return 0, nil
		}, []time.Duration{-1, time.Second}, pool.ChunkSize(1))
		wantErr(t, "Map", err, errTest)
		if since := time.Since(began); since != time.Second {
			t.Errorf("returned after %v, before the other had ended", since)
		}
	})

	t.Run("P23 test_release_task_refs", func(t *testing.T) {
		p := pool.New(2)
		defer p.Shutdown()
		args := make([]weak.Pointer[[64]int], 10)
		results := make([]weak.Pointer[[64]int], 10)
		var done *pool.Result[[]*[64]int]
		func() {
			items := make([]*[64]int, len(args))
			for i := range items {
				items[i] = new([64]int)
				args[i] = weak.Make(items[i])
			}
			values, _ := pool.Map(p, func(_ context.Context, in *[64]int) (*[64]int, error) { return new([64]int), nil }, items)
			for i, v := range values {
				results[i] = weak.Make(v)
			}
			done = pool.MapAsync(p, func(_ context.Context, in *[64]int) (*[64]int, error) { return nil, nil }, items)
			done.Wait()
		}()
		// The workers are idle now and have nothing in hand.
		_, _ = pool.Map(p, squareOf, upTo(8))
		for i := range args {
			collected(t, "an argument", args[i])
			collected(t, "a result", results[i])
		}
		runtime.KeepAlive(done)
	})

	inBubble(t, "P24 test_enter", func(t *testing.T) { // to begin with a pool that is over is an error
		p := newPool(t, 1)
		p.Terminate()
		wantErr(t, "Go", p.Go(func(context.Context) error { return nil }), pool.ErrTerminated)
	})

	inBubble(t, "P26 test_async_error_callback", func(t *testing.T) {
		p := newPool(t, 2)
		var told error
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, errTest },
			pool.Callback(func(_ int, err error) { told = err }))
		_, err := r.Get()
		if err != errTest || told != errTest {
			t.Errorf("Get: %v, the callback: %v", err, told)
		}
	})

	// A worker that cannot start: its Initializer fails. The others are stopped, and the error comes to light.
	inBubble(t, "P32 test_release_unused_processes", func(t *testing.T) {
		var n atomic.Int32
		p := newPool(t, 6, pool.Name("P32"), pool.Initializer(func() error {
			if n.Add(1) == 4 {
				return errTest
			}
			return nil
		}))
		hold := newGate(t)
		r := pool.MapAsync(p, func(context.Context, int) (int, error) { hold.pass(); return 0, nil }, upTo(60))
		synctest.Wait()
		hold.open()
		_, err := r.Get()
		wantErr(t, "the Map", err, errTest)
		p.Join()
		if n := aliveWorkers("P32"); n != 0 {
			t.Errorf("%d workers are left", n)
		}
	})

	inBubble(t, "P33 test_pool_initializer", func(t *testing.T) {
		if v := recovered(func() { pool.Initializer(nil) }); v == nil {
			t.Error("an Initializer of nil is accepted")
		}
		var n atomic.Int32
		p := newPool(t, 3, pool.Initializer(func() error { n.Add(1); return nil }))
		busy := occupy(t, p, 3)
		if n.Load() != 3 {
			t.Errorf("it ran %d times for 3 workers", n.Load())
		}
		busy.open()
		_, _ = pool.Map(p, squareOf, upTo(100))
		if n.Load() != 3 {
			t.Errorf("it ran %d times for 3 workers, in the end", n.Load())
		}
	})

	t.Run("P34 test_large_pool", func(t *testing.T) {
		p := pool.New(200)
		defer p.Shutdown()
		values, err := pool.Map(p, squareOf, upTo(10_000), pool.ChunkSize(1))
		wantErr(t, "Map", err, nil)
		wantSquares(t, values, 10_000)
	})
}

// futures are Results in every state that CPython's tests of Future know.
type futures struct {
	pending, running, cancelled, notified, failed, successful *pool.Result[int]
	p                                                         *pool.Pool
	hold                                                      *gate
	cause                                                     error // why the context of the running one ended
}

func newFutures(t *testing.T) *futures {
	fs := &futures{p: newPool(t, 1), hold: newGate(t)}
	submit := func(f function) *pool.Result[int] { return pool.ApplyAsync(fs.p, f) }
	fs.failed = submit(func(context.Context) (int, error) { return 0, errTest })
	fs.successful = submit(func(context.Context) (int, error) { return 42, nil })
	synctest.Wait()
	fs.running = submit(func(ctx context.Context) (int, error) {
		fs.hold.pass()
		fs.cause = context.Cause(ctx)
		return 7, nil
	})
	synctest.Wait()
	fs.pending = submit(func(context.Context) (int, error) { return 8, nil })
	fs.cancelled, fs.notified = submit(nop), submit(nop)
	fs.cancelled.Cancel()
	fs.notified.Cancel()
	fs.notified.Wait()
	return fs
}

func nop(context.Context) (int, error) { return 0, nil }

func TestCPythonFutures(t *testing.T) {
	squareOf := pool.Plain(square)

	inBubble(t, "F01 test_submit", func(t *testing.T) {
		p := newPool(t, 5)
		if v, err := pool.ApplyAsync(p, pool.Bind(squareOf, 16)).Get(); v != 256 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})

	inBubble(t, "F03 test_map", func(t *testing.T) {
		p := newPool(t, 5)
		for _, size := range []int{1, 3} {
			got := collect(pool.IMap(p, squareOf, slices.Values(upTo(10)), pool.ChunkSize(size)))
			if v := valuesOf(got); len(v) != 10 || v[9] != 81 {
				t.Errorf("%v", v)
			}
		}
	})

	inBubble(t, "F04 test_map_exception", func(t *testing.T) {
		p := newPool(t, 5)
		got := collect(pool.IMap(p, pool.Plain(func(i int) int { return 10 / i }), slices.Values([]int{1, 2, 0, 5})))
		if len(got) != 4 || got[0].v != 10 || got[1].v != 5 || got[3].v != 2 {
			t.Fatalf("%v", got)
		}
		var re runtime.Error
		if !errors.As(got[2].err, &re) {
			t.Errorf("the third is %v, want a division by zero", got[2].err)
		}
	})

	inBubble(t, "F05 test_map_timeout", func(t *testing.T) {
		p := newPool(t, 5)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		got := collect(pool.IMap(p.WithContext(ctx), func(ctx context.Context, i int) (int, error) {
			select {
			case <-time.After(time.Duration(i) * time.Second):
				return i, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}, slices.Values([]int{0, 0, 6})))
		if len(got) < 3 || got[0].err != nil || got[1].err != nil || !errors.Is(got[len(got)-1].err, context.DeadlineExceeded) {
			t.Errorf("%v", got)
		}
	})

	inBubble(t, "F06 test_shutdown_race_issue12456", func(t *testing.T) {
		p := newPool(t, 1)
		pool.MapAsync(p, squareOf, upTo(100))
		p.Shutdown()
	})

	t.Run("F07 test_no_stale_references", func(t *testing.T) {
		p := pool.New(1)
		defer p.Shutdown()
		var r *pool.Result[int]
		object := func() weak.Pointer[[64]int] {
			object := new([64]int)
			r = pool.ApplyAsync(p, func(context.Context) (int, error) { return object[0], nil })
			return weak.Make(object)
		}()
		r.Wait()
		_, _ = pool.Apply(p, nop) // the worker has taken something else in hand since
		collected(t, "what a finished call used", object)
		runtime.KeepAlive(r)
	})

	inBubble(t, "F08 test_max_workers_negative", func(t *testing.T) {
		wantPanic(t, "New(-1)", pool.ErrValue, func() { pool.New(-1) })
		wantPanic(t, "Resize(0)", pool.ErrValue, func() { newPool(t, 1).Resize(0) })
	})

	t.Run("F09 test_free_reference", func(t *testing.T) {
		p := pool.New(1)
		defer p.Shutdown()
		for v := range pool.IMap(p, pool.Plain(func(int) *[64]int { return new([64]int) }), slices.Values(upTo(5))) {
			w := weak.Make(v)
			v = nil
			_, _ = pool.Apply(p, nop)
			collected(t, "what was yielded", w)
		}
	})

	inBubble(t, "F11 test_no_timeout", func(t *testing.T) {
		fs := newFutures(t)
		time.AfterFunc(time.Second, fs.hold.open)
		all := []*pool.Result[int]{fs.notified, fs.failed, fs.successful, fs.running, fs.pending, fs.cancelled}
		n := 0
		for r := range pool.AsCompleted(all...) {
			if !slices.Contains(all, r) {
				t.Error("yielded something else")
			}
			n++
		}
		if n != len(all) {
			t.Errorf("%d yielded", n)
		}
	})

	inBubble(t, "F12 test_future_times_out", func(t *testing.T) {
		fs := newFutures(t)
		for _, d := range []time.Duration{0, 100 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			n := 0
			for range pool.AsCompletedContext(ctx, fs.notified, fs.failed, fs.successful, fs.running) {
				n++
			}
			if n != 3 || ctx.Err() != context.DeadlineExceeded {
				t.Errorf("%d yielded within %v, %v", n, d, ctx.Err())
			}
			cancel()
		}
	})

	inBubble(t, "F13 test_duplicate_futures", func(t *testing.T) {
		p := newPool(t, 1)
		r := after(p, 2*time.Second)
		n := 0
		for range pool.AsCompleted(r, r, r) {
			n++
		}
		if n != 1 {
			t.Errorf("%d yielded", n)
		}
	})

	t.Run("F14 test_free_reference_yielded_future", func(t *testing.T) {
		p := pool.New(1)
		defer p.Shutdown()
		rs := make([]*pool.Result[*[64]int], 3)
		for i := range rs {
			rs[i] = pool.ApplyAsync(p, func(context.Context) (*[64]int, error) { return new([64]int), nil })
		}
		w := func() weak.Pointer[pool.Result[*[64]int]] {
			for r := range pool.AsCompleted(rs...) {
				rs[slices.Index(rs, r)] = nil
				return weak.Make(r)
			}
			return weak.Pointer[pool.Result[*[64]int]]{}
		}()
		_, _ = pool.Apply(p, nop)
		collected(t, "the Result that was yielded", w)
	})

	inBubble(t, "F15 test_correct_timeout_exception_msg", func(t *testing.T) { // who wants to count can
		fs := newFutures(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		left := 4
		for range pool.AsCompletedContext(ctx, fs.notified, fs.running, fs.pending, fs.successful) {
			left--
		}
		if left != 2 {
			t.Errorf("%d left", left)
		}
	})

	// wait(fs, return_when) is a loop over AsCompleted that is left when there is enough.
	wait := func(until func(*pool.Result[int]) bool, rs ...*pool.Result[int]) (done []*pool.Result[int]) {
		for r := range pool.AsCompleted(rs...) {
			done = append(done, r)
			if until(r) {
				break
			}
		}
		return done
	}
	any1 := func(*pool.Result[int]) bool { return true }
	all := func(*pool.Result[int]) bool { return false }
	exception := func(r *pool.Result[int]) bool {
		_, err := r.TryGet()
		return err != nil && err != pool.ErrCancelled
	}

	inBubble(t, "F16 test_20369", func(t *testing.T) {
		p := newPool(t, 1)
		r := after(p, time.Second)
		if done := wait(all, r, r); len(done) != 1 {
			t.Errorf("%d done", len(done))
		}
	})
	inBubble(t, "F17 test_first_completed", func(t *testing.T) { // what is cancelled counts as done
		p := newPool(t, 2)
		slow, fast := after(p, time.Hour), after(p, time.Second)
		if done := wait(any1, slow, fast); len(done) != 1 || done[0] != fast {
			t.Error("not the one that has ended")
		}
		fs := newFutures(t)
		if done := wait(any1, fs.pending, fs.running, fs.cancelled); done[0] != fs.cancelled {
			t.Error("what is cancelled is not done")
		}
	})
	inBubble(t, "F18 test_first_completed_some_already_completed", func(t *testing.T) {
		fs := newFutures(t)
		if done := wait(any1, fs.pending, fs.notified, fs.successful); len(done) != 1 || done[0] != fs.notified {
			t.Error("not the first that was ready")
		}
	})
	inBubble(t, "F19 test_first_exception", func(t *testing.T) {
		p := newPool(t, 3)
		fine, slow := after(p, time.Second), after(p, time.Hour)
		fails := pool.ApplyAsync(p, func(context.Context) (int, error) { time.Sleep(2 * time.Second); return 0, errTest })
		if done := wait(exception, fine, fails, slow); !slices.Equal(done, []*pool.Result[int]{fine, fails}) || slow.Ready() {
			t.Errorf("%d done", len(done))
		}
	})
	inBubble(t, "F20 test_first_exception_some_already_complete", func(t *testing.T) {
		fs := newFutures(t)
		fails := pool.ApplyAsync(fs.p.WithPriority(-1), func(context.Context) (int, error) { return 0, errTest })
		time.AfterFunc(time.Second, fs.hold.open)
		done := wait(exception, fs.successful, fs.cancelled, fs.notified, fails)
		if len(done) != 4 || done[3] != fails {
			t.Errorf("%d done", len(done))
		}
	})
	inBubble(t, "F21 test_first_exception_one_already_failed", func(t *testing.T) {
		fs := newFutures(t)
		if done := wait(exception, fs.failed, fs.running); len(done) != 1 || done[0] != fs.failed {
			t.Errorf("%d done", len(done))
		}
	})
	inBubble(t, "F22 test_all_completed", func(t *testing.T) {
		fs := newFutures(t)
		time.AfterFunc(time.Second, fs.hold.open)
		if done := wait(all, fs.notified, fs.failed, fs.running, fs.pending); len(done) != 4 {
			t.Errorf("%d done", len(done))
		}
	})
	inBubble(t, "F23 test_timeout", func(t *testing.T) {
		fs := newFutures(t)
		began := time.Now()
		if fs.running.WaitTimeout(50*time.Millisecond) || time.Since(began) != 50*time.Millisecond {
			t.Errorf("done after %v", time.Since(began))
		}
		if !fs.successful.WaitTimeout(50 * time.Millisecond) {
			t.Error("what is done is not")
		}
	})
	t.Run("F24 test_pending_calls_race", func(t *testing.T) {
		p := pool.New(100)
		defer p.Shutdown()
		hold := make(chan struct{})
		rs := make([]*pool.Result[int], 100)
		for i := range rs {
			rs[i] = pool.ApplyAsync(p, func(context.Context) (int, error) { <-hold; return 0, nil })
		}
		close(hold)
		if done := wait(all, rs...); len(done) != 100 {
			t.Errorf("%d done", len(done))
		}
	})

	// add_done_callback is OnDone: f is called in a thread of the pool, or at once if it has ended.
	told := func(r *pool.Result[int]) *[]yielded {
		var seen []yielded
		r.OnDone(func(v int, err error) { seen = append(seen, yielded{v, err}) })
		return &seen
	}
	wantTold := func(t *testing.T, seen *[]yielded, v int, err error) {
		t.Helper()
		synctest.Wait()
		if len(*seen) != 1 || (*seen)[0] != (yielded{v, err}) {
			t.Errorf("told of %v, want once of %d, %v", *seen, v, err)
		}
	}
	inBubble(t, "F25 test_done_callback_with_result", func(t *testing.T) {
		fs := newFutures(t)
		seen := told(fs.running)
		fs.hold.open()
		wantTold(t, seen, 7, nil)
	})
	inBubble(t, "F26 test_done_callback_with_exception", func(t *testing.T) {
		fs := newFutures(t)
		seen := told(pool.ApplyAsync(fs.p, func(context.Context) (int, error) { return 0, errTest }))
		fs.hold.open()
		wantTold(t, seen, 0, errTest)
	})
	inBubble(t, "F27 test_done_callback_with_cancel", func(t *testing.T) {
		fs := newFutures(t)
		seen := told(fs.pending)
		if !fs.pending.Cancel() {
			t.Error("Cancel reported false")
		}
		wantTold(t, seen, 0, pool.ErrCancelled)
	})
	inBubble(t, "F28 test_done_callback_raises", func(t *testing.T) {
		fs := newFutures(t)
		panics := hookPanics(t)
		fs.running.OnDone(func(int, error) { panic(errTest) })
		seen := told(fs.running)
		fs.hold.open()
		wantTold(t, seen, 7, nil)
		if v := panics.values(); len(v) != 1 || v[0] != errTest {
			t.Errorf("the hook was told of %v", v)
		}
	})
	inBubble(t, "F29 test_done_callback_already_successful", func(t *testing.T) {
		wantTold(t, told(newFutures(t).successful), 42, nil)
	})
	inBubble(t, "F30 test_done_callback_already_failed", func(t *testing.T) {
		wantTold(t, told(newFutures(t).failed), 0, errTest)
	})
	inBubble(t, "F31 test_done_callback_already_cancelled", func(t *testing.T) {
		wantTold(t, told(newFutures(t).cancelled), 0, pool.ErrCancelled)
	})
	inBubble(t, "F32 test_done_callback_raises_already_succeeded", func(t *testing.T) {
		panics := hookPanics(t)
		newFutures(t).successful.OnDone(func(int, error) { panic(errTest) })
		if v := panics.values(); len(v) != 1 || v[0] != errTest {
			t.Errorf("the hook was told of %v", v)
		}
	})

	// There is no state to print: each can be asked for.
	inBubble(t, "F33 test_repr", func(t *testing.T) {
		_, err := newFutures(t).cancelled.TryGet()
		if !strings.Contains(err.Error(), "cancelled") {
			t.Errorf("a cancelled one says %q", err)
		}
	})
	inBubble(t, "F34 test_cancel", func(t *testing.T) {
		fs := newFutures(t)
		if !fs.pending.Cancel() {
			t.Error("pending: false")
		}
		for name, r := range map[string]*pool.Result[int]{
			"running": fs.running, "cancelled": fs.cancelled, "notified": fs.notified, "failed": fs.failed, "successful": fs.successful,
		} {
			if r.Cancel() { // Python: true of what is cancelled already
				t.Errorf("%s: true", name)
			}
		}
		wantErr(t, "a running one that was cancelled", second(fs.running.TryGet()), pool.ErrTimeout)
		fs.hold.open()
		if v, err := fs.running.Get(); v != 7 || err != nil {
			t.Errorf("a running one that was cancelled: %d, %v", v, err)
		}
		if fs.cause != pool.ErrCancelled {
			t.Errorf("the context of a running one that was cancelled ended because of %v", fs.cause)
		}
	})
	inBubble(t, "F35 test_cancelled", func(t *testing.T) {
		fs := newFutures(t)
		for r, want := range map[*pool.Result[int]]bool{
			fs.pending: false, fs.running: false, fs.cancelled: true, fs.notified: true, fs.failed: false, fs.successful: false,
		} {
			if _, err := r.TryGet(); errors.Is(err, pool.ErrCancelled) != want {
				t.Errorf("%v, cancelled: %t", err, want)
			}
		}
	})
	inBubble(t, "F36 test_done", func(t *testing.T) {
		fs := newFutures(t)
		for r, want := range map[*pool.Result[int]]bool{
			fs.pending: false, fs.running: false, fs.cancelled: true, fs.notified: true, fs.failed: true, fs.successful: true,
		} {
			if r.Ready() != want {
				t.Errorf("Ready() = %t", !want)
			}
		}
	})
	inBubble(t, "F37 test_running", func(t *testing.T) { // of a pool, not of a Result
		if s := newFutures(t).p.Stats(); s.Running != 1 || s.Queued != 1 {
			t.Errorf("%+v", s)
		}
	})
	perState := func(get func(*pool.Result[int]) error) func(*testing.T) {
		return func(t *testing.T) {
			fs := newFutures(t)
			for r, want := range map[*pool.Result[int]]error{
				fs.pending: pool.ErrTimeout, fs.running: pool.ErrTimeout, fs.cancelled: pool.ErrCancelled,
				fs.notified: pool.ErrCancelled, fs.failed: errTest, fs.successful: nil,
			} {
				wantErr(t, "Get", get(r), want)
			}
		}
	}
	inBubble(t, "F38 test_result_with_timeout", perState(func(r *pool.Result[int]) error { return second(r.GetTimeout(0)) }))
	inBubble(t, "F41 test_exception_with_timeout", perState(func(r *pool.Result[int]) error { return second(r.TryGet()) }))
	inBubble(t, "F39 test_result_with_success", func(t *testing.T) {
		fs := newFutures(t)
		time.AfterFunc(time.Second, fs.hold.open)
		if v, err := fs.running.Get(); v != 7 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
	inBubble(t, "F40 test_result_with_cancel", func(t *testing.T) {
		fs := newFutures(t)
		time.AfterFunc(time.Second, func() { fs.pending.Cancel() })
		_, err := fs.pending.Get()
		wantErr(t, "Get", err, pool.ErrCancelled)
	})
	inBubble(t, "F42 test_exception_with_success", func(t *testing.T) {
		p := newPool(t, 1)
		_, err := pool.ApplyAsync(p, func(context.Context) (int, error) { time.Sleep(time.Second); return 0, errTest }).Get()
		wantErr(t, "Get", err, errTest)
	})
	// Nobody can set a Result twice; the first end is the one that stays.
	oneEnd := func(t *testing.T) {
		fs := newFutures(t)
		fs.pending.Cancel()
		fs.p.CancelPending()
		fs.p.Terminate()
		fs.hold.open()
		fs.p.Join()
		for range 2 {
			wantErr(t, "the first end", second(fs.pending.Get()), pool.ErrCancelled)
			wantErr(t, "a failure", second(fs.failed.Get()), errTest)
			if v, err := fs.successful.Get(); v != 42 || err != nil {
				t.Errorf("%d, %v", v, err)
			}
		}
	}
	inBubble(t, "F43 test_multiple_set_result", oneEnd)
	inBubble(t, "F44 test_multiple_set_exception", oneEnd)

	inBubble(t, "F45 test_initializer", func(t *testing.T) {
		initialized := thread.Local[bool]{}
		p := newPool(t, 4, pool.Initializer(func() error { initialized.Set(true); return nil }))
		values, err := pool.Map(p, func(context.Context, int) (bool, error) { return initialized.Get(), nil }, upTo(100))
		if slices.Contains(values, false) || err != nil {
			t.Errorf("a worker was not initialized, %v", err)
		}
	})
	inBubble(t, "F46 test_initializer of FailingInitializerMixin", func(t *testing.T) {
		p := newPool(t, 2, pool.Initializer(func() error { return errTest }))
		_, err := pool.ApplyAsync(p, nop).Get()
		wantErr(t, "what was pending", err, errTest)
		synctest.Wait()
		_, err = pool.ApplyAsync(p, nop).Get()
		wantErr(t, "what came later", err, errTest)
	})

	inBubble(t, "F49 test_map_submits_without_iteration", func(t *testing.T) {
		p := newPool(t, 2)
		var n atomic.Int32
		pool.MapAsync(p, func(context.Context, int) (int, error) { n.Add(1); return 0, nil }, upTo(10))
		p.Shutdown()
		if n.Load() != 10 {
			t.Errorf("%d calls", n.Load())
		}
	})
	inBubble(t, "F50 test_default_workers", func(t *testing.T) {
		if n := newPool(t, 0).Workers(); n != runtime.GOMAXPROCS(0) {
			t.Errorf("%d workers", n)
		}
	})
	saturation := func(t *testing.T) {
		p := newPool(t, 4, pool.Name("F51"))
		hold := newGate(t)
		for range 60 {
			_ = p.Go(func(context.Context) error { hold.pass(); return nil })
		}
		synctest.Wait()
		if n := aliveWorkers("F51"); n != 4 {
			t.Errorf("%d workers", n)
		}
	}
	inBubble(t, "F51 test_saturation", saturation)
	inBubble(t, "F78 test_saturation", saturation)
	inBubble(t, "F52 test_idle_thread_reuse", func(t *testing.T) {
		p := newPool(t, 10, pool.Name("F52"))
		for range 3 {
			_, _ = pool.Apply(p, nop)
			synctest.Wait()
		}
		if n := aliveWorkers("F52"); n != 1 {
			t.Errorf("%d workers", n)
		}
	})
	inBubble(t, "F54 test_executor_map_current_future_cancel", func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		calls, ended := 0, false
		_, err := pool.Map(p.WithContext(ctx), func(ctx context.Context, _ int) (int, error) {
			calls++
			<-ctx.Done()
			ended = true
			return 0, nil
		}, upTo(4))
		wantErr(t, "Map", err, context.DeadlineExceeded)
		if calls != 1 || !ended {
			t.Errorf("%d calls, the first was told to end: %t", calls, ended)
		}
	})

	inBubble(t, "F55 test_run_after_shutdown", func(t *testing.T) {
		p := newPool(t, 1)
		p.Shutdown()
		_, err := pool.ApplyAsync(p, nop).Get()
		wantErr(t, "ApplyAsync", err, pool.ErrClosed)
	})
	inBubble(t, "F58 test_hang_issue12364", func(t *testing.T) {
		p := newPool(t, 5)
		rs := make([]*pool.Result[int], 50)
		for i := range rs {
			rs[i] = after(p, 100*time.Millisecond)
		}
		p.Shutdown()
		for _, r := range rs {
			if !r.Ready() || !r.Successful() {
				t.Error("a result is missing")
			}
		}
	})
	inBubble(t, "F59 test_cancel_futures", func(t *testing.T) {
		p := newPool(t, 2)
		rs := make([]*pool.Result[int], 50)
		for i := range rs {
			rs[i] = after(p, 100*time.Millisecond)
		}
		synctest.Wait()
		if n := p.CancelPending(); n != 48 {
			t.Errorf("%d cancelled", n)
		}
		p.Shutdown()
		done := 0
		for _, r := range rs {
			switch _, err := r.TryGet(); err {
			case nil:
				done++
			default:
				wantErr(t, "a Result", err, pool.ErrCancelled)
			}
		}
		if done != 2 {
			t.Errorf("%d done", done)
		}
	})
	inBubble(t, "F61 test_hang_gh94440", func(t *testing.T) {
		p := newPool(t, 1)
		r := pool.ApplyAsync(p, nop)
		r.Cancel()
		p.Shutdown()
		r.Wait()
	})
	inBubble(t, "F62 test_threads_terminate", func(t *testing.T) {
		p := newPool(t, 5, pool.Name("F62"))
		busy := occupy(t, p, 3)
		if n := aliveWorkers("F62"); n != 3 {
			t.Errorf("%d workers for 3 tasks", n)
		}
		busy.open()
		p.Shutdown()
		if n := aliveWorkers("F62"); n != 0 {
			t.Errorf("%d workers after Shutdown", n)
		}
	})
	inBubble(t, "F63 test_context_manager_shutdown", func(t *testing.T) {
		func() {
			p := pool.New(5, pool.Name("F63"))
			defer p.Shutdown()
			if got := collect(pool.IMap(p, squareOf, slices.Values(upTo(6)))); len(got) != 6 {
				t.Errorf("%v", got)
			}
		}()
		if n := aliveWorkers("F63"); n != 0 {
			t.Errorf("%d workers", n)
		}
	})
	inBubble(t, "F65 test_shutdown_no_wait", func(t *testing.T) {
		p := newPool(t, 5, pool.Name("F65"))
		rs := make([]*pool.Result[int], 20)
		for i := range rs {
			rs[i] = after(p, time.Second)
		}
		p.Close()
		for _, r := range rs {
			if _, err := r.Get(); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if n := aliveWorkers("F65"); n != 0 {
			t.Errorf("%d workers", n)
		}
	})
	names := func(t *testing.T, prefix string, opts ...pool.Option) (seen []string) {
		p := newPool(t, 5, opts...)
		var mu sync.Mutex
		_, _ = pool.Map(p, func(context.Context, int) (int, error) {
			mu.Lock()
			seen = append(seen, thread.Current().Name())
			mu.Unlock()
			time.Sleep(time.Second)
			return 0, nil
		}, upTo(5))
		for _, name := range seen {
			if !strings.HasPrefix(name, prefix) {
				t.Errorf("a worker is named %s, want %sN", name, prefix)
			}
		}
		return seen
	}
	inBubble(t, "F66 test_thread_names_assigned", func(t *testing.T) {
		seen := names(t, "SpecialPool-", pool.Name("SpecialPool"))
		slices.Sort(seen)
		if want := "SpecialPool-1 SpecialPool-2 SpecialPool-3 SpecialPool-4 SpecialPool-5"; strings.Join(seen, " ") != want {
			t.Errorf("%v", seen)
		}
	})
	inBubble(t, "F67 test_thread_names_default", func(t *testing.T) { names(t, "Pool-") })

	inBubble(t, "F75 test_map_chunksize", func(t *testing.T) {
		p := newPool(t, 5)
		for _, size := range []int{6, 50, 40} {
			if got := collect(pool.IMap(p, squareOf, slices.Values(upTo(40)), pool.ChunkSize(size))); len(got) != 40 {
				t.Errorf("%d values in chunks of %d", len(got), size)
			}
		}
		wantPanic(t, "ChunkSize(-1)", pool.ErrValue, func() { pool.ChunkSize(-1) })
	})

	// Whatever fails, every Result resolves, and the pool goes on.
	inBubble(t, "F85-F100 test_deadlock", func(t *testing.T) {
		p := newPool(t, 2)
		panics := hookPanics(t)
		big := make([]byte, 1<<20)
		for name, c := range map[string]struct {
			fn   func(context.Context) ([]byte, error)
			opts []pool.TaskOption[[]byte]
			want error
		}{
			"an error":                {func(context.Context) ([]byte, error) { return nil, errTest }, nil, errTest},
			"a panic":                 {func(context.Context) ([]byte, error) { panic(errTest) }, nil, errTest},
			"a runtime error":         {func(context.Context) ([]byte, error) { return big[len(big):][:1:1][1:2], nil }, nil, errAny},
			"an exit":                 {func(context.Context) ([]byte, error) { runtime.Goexit(); return nil, nil }, nil, pool.ErrGoexit},
			"a panic of nil":          {func(context.Context) ([]byte, error) { panic(any(nil)) }, nil, errAny},
			"a panic while panicking": {func(context.Context) ([]byte, error) { defer panic(errTest); panic(0) }, nil, errTest},
			"a callback that panics": {func(context.Context) ([]byte, error) { return big, nil },
				[]pool.TaskOption[[]byte]{pool.Callback(func([]byte, error) { panic(errTest) })}, nil},
			"a callback that exits": {func(context.Context) ([]byte, error) { return big, nil },
				[]pool.TaskOption[[]byte]{pool.Callback(func([]byte, error) { runtime.Goexit() })}, nil},
			"large data": {func(context.Context) ([]byte, error) { return big, nil }, nil, nil},
		} {
			rs := make([]*pool.Result[[]byte], 5)
			for i := range rs {
				rs[i] = pool.ApplyAsync(p, c.fn, c.opts...)
			}
			for _, r := range rs {
				_, err := r.GetTimeout(time.Hour)
				if c.want == errAny {
					if err == nil || err == pool.ErrTimeout {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				wantErr(t, name, err, c.want)
			}
		}
		if n := len(panics.values()); n != 5 {
			t.Errorf("the hook was told of %d panics, want those of the callbacks", n)
		}
		p.Shutdown()
	})
}

// errAny stands for an error of any kind.
var errAny = errors.New("any error")

func second(_ int, err error) error { return err }

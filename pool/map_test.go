package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// upTo returns 0, 1, …, n-1.
func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func square(i int) int { return i * i }

func TestMapKeepsTheOrder(t *testing.T) {
	for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(1)}, {pool.ChunkSize(7)}, {pool.ChunkSize(1000)}, {pool.FailFast()}} {
		inBubble(t, fmt.Sprint(len(opts)), func(t *testing.T) {
			p := newPool(t, 3)
			values, err := pool.Map(p, func(_ context.Context, i int) (int, error) {
				time.Sleep(time.Duration(100-i) * time.Second)
				return square(i), nil
			}, upTo(100), opts...)
			if err != nil {
				t.Error(err)
			}
			for i, v := range values {
				if v != i*i {
					t.Errorf("value %d is %d", i, v)
				}
			}
		})
	}
}

// The parts are a quarter of a worker's share of what is left, as Python's chunks are of the whole, and so become smaller.
// At one worker nobody takes over half of one, so they can be counted.
func TestWithoutChunkSizeThePartsBecomeSmaller(t *testing.T) {
	for _, c := range []struct {
		n     int
		parts uint64
	}{{1, 1}, {4, 4}, {5, 4}, {7, 5}, {100, 14}, {1000, 22}} {
		inBubble(t, fmt.Sprintf("%d items", c.n), func(t *testing.T) {
			p := newPool(t, 1)
			if _, err := pool.Map(p, pool.Plain(square), upTo(c.n)); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); s.Submitted != c.parts || s.Succeeded != c.parts {
				t.Errorf("%d parts, want %d", s.Submitted, c.parts)
			}
		})
	}
}

// The default counts the workers that the pool has now.
func TestThePartsFollowResize(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 5)
		p.Resize(1)
		_, _ = pool.Map(p, pool.Plain(square), upTo(100))
		if n := p.Stats().Submitted; n != 14 {
			t.Errorf("%d parts, want 14", n)
		}
	})
}

// failedItems returns the indices in the error of a Map.
func failedItems(t testing.TB, err error) (failed []int) {
	t.Helper()
	var all *pool.MapError
	if !errors.As(err, &all) {
		t.Errorf("the error is %v, and no MapError", err)
		return nil
	}
	for _, item := range all.Items {
		failed = append(failed, item.Index)
	}
	return failed
}

func wantFailed(t testing.TB, err error, want ...int) {
	t.Helper()
	if got := failedItems(t, err); !slices.Equal(got, want) {
		t.Errorf("items %v failed, want %v: %v", got, want, err)
	}
}

func TestAChunkIsCalledInOneWorkerInOrder(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 3)
		where := make([]*thread.Thread, 30)
		var at [3]int
		_, err := pool.Map(p, func(_ context.Context, i int) (int, error) {
			where[i] = thread.Current()
			if i%10 != at[i/10] {
				t.Errorf("item %d was called after %d of its chunk", i, at[i/10])
			}
			at[i/10]++
			time.Sleep(time.Second)
			return 0, nil
		}, upTo(30), pool.ChunkSize(10))
		if err != nil {
			t.Error(err)
		}
		for i := range where {
			if where[i] != where[i/10*10] {
				t.Errorf("item %d was called in another worker than the first of its chunk", i)
			}
		}
	})
}

func TestChunkSizeAndBufferBelowOnePanic(t *testing.T) {
	for _, n := range []int{0, -1, math.MinInt} {
		wantPanic(t, "ChunkSize", pool.ErrValue, func() { pool.ChunkSize(n) })
		wantPanic(t, "Buffer", pool.ErrValue, func() { pool.Buffer(n) })
	}
}

func TestAnEmptyMapIsReadyAtOnce(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		busy := occupy(t, p, 1)
		fn := func(context.Context, int) (int, error) { t.Error("called"); return 0, nil }
		for _, items := range [][]int{nil, {}} {
			for _, opts := range [][]pool.MapOption{nil, {pool.ChunkSize(1)}, {pool.ChunkSize(9), pool.FailFast()}} {
				r := pool.MapAsync(p, fn, items, opts...)
				if v, err := r.TryGet(); v == nil || len(v) != 0 || err != nil {
					t.Errorf("%v, %v, want [], nil", v, err)
				}
				called := 0
				r.OnDone(func(v []int, err error) { called++ })
				if called != 1 || !r.Successful() || r.Cancel() {
					t.Errorf("OnDone was called %d times", called)
				}
			}
		}
		if n := p.Stats().Submitted; n != 1 {
			t.Errorf("%d submitted, want only the one that keeps the worker", n)
		}
		busy.open()
		p.Close()
		if v, err := pool.Map(p, fn, nil); len(v) != 0 || err != pool.ErrClosed {
			t.Errorf("%v, %v after Close", v, err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errTest)
		other := newPool(t, 1)
		if v, err := pool.Map(other.WithContext(ctx), fn, nil); len(v) != 0 || err != errTest {
			t.Errorf("%v, %v with a context that has ended", v, err)
		}
	})
}

// Map returns when everything has, not when the first has failed.
func TestMapWaitsForAllAndReportsEveryError(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 4)
		began := time.Now()
		var calls atomic.Int32
		late, early := errors.New("late"), errors.New("early")
		values, err := pool.Map(p, func(_ context.Context, i int) (string, error) {
			calls.Add(1)
			switch i {
			case 1:
				time.Sleep(time.Hour)
				return "kept", late
			case 3:
				return "", early
			}
			return "ok", nil
		}, upTo(8), pool.ChunkSize(1))
		if since := time.Since(began); since != time.Hour || calls.Load() != 8 {
			t.Errorf("returned after %v and %d calls, want 1h and 8", since, calls.Load())
		}
		item := (*pool.ItemError)(nil)
		if !errors.As(err, &item) || item.Index != 1 || item.Err != late || !errors.Is(err, late) || !errors.Is(err, early) {
			t.Errorf("the error is %#v, want those of items 1 and 3", err)
		}
		wantFailed(t, err, 1, 3)
		if want := []string{"ok", "kept", "ok", "", "ok", "ok", "ok", "ok"}; !slices.Equal(values, want) {
			t.Errorf("%q, want %q", values, want)
		}
		if !strings.Contains(err.Error(), "1") || !strings.Contains(err.Error(), "late") {
			t.Errorf("the error says %q", err)
		}
	})
}

func panicsHere(v any) { panic(v) }

func TestAPanicOrGoexitOfAnItemIsItsErrorAndTheRestIsCalled(t *testing.T) {
	for _, size := range []int{1, 3, 10} {
		inBubble(t, fmt.Sprint("chunks of ", size), func(t *testing.T) {
			p := newPool(t, 2, pool.Name("items"))
			for round := range 3 {
				calls := make([]int, 10)
				values, err := pool.Map(p, func(_ context.Context, i int) (int, error) {
					calls[i]++
					switch i {
					case 4:
						panicsHere(errTest)
					case 6:
						runtime.Goexit()
					case 8:
						panicsHere("no error")
					}
					return i, nil
				}, upTo(10), pool.ChunkSize(size))
				if want := []int{0, 1, 2, 3, 0, 5, 0, 7, 0, 9}; !slices.Equal(values, want) {
					t.Errorf("round %d: %v, want %v", round, values, want)
				}
				if !slices.Equal(calls, slices.Repeat([]int{1}, 10)) {
					t.Errorf("round %d: calls %v", round, calls)
				}
				var pan *thread.PanicError
				if wantFailed(t, err, 4, 6, 8); !errors.As(err, &pan) || pan.Value != errTest || !errors.Is(err, errTest) {
					t.Fatalf("round %d: %v, want the panic of item 4", round, err)
				}
				if !strings.Contains(string(pan.Stack), "panicsHere") {
					t.Errorf("round %d: the stack does not show where it panicked:\n%s", round, pan.Stack)
				}
			}
			_, err := pool.Map(p, func(_ context.Context, i int) (int, error) { runtime.Goexit(); return 1, nil }, upTo(3))
			if wantFailed(t, err, 0, 1, 2); !errors.Is(err, pool.ErrGoexit) {
				t.Errorf("%v, want ErrGoexit", err)
			}
			synctest.Wait()
			if n := aliveWorkers("items"); n > 2 {
				t.Errorf("%d workers", n)
			}
			if s := p.Stats(); s.Running != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestFailFastReportsTheErrorThatArrivedFirst(t *testing.T) {
	for _, how := range []string{"error", "panic", "exit"} {
		inBubble(t, how, func(t *testing.T) {
			p := newPool(t, 3)
			began := time.Now()
			var started []int
			var mu sync.Mutex
			values, err := pool.Map(p, func(ctx context.Context, i int) (int, error) {
				mu.Lock()
				started = append(started, i)
				mu.Unlock()
				switch i {
				case 0: // fails too, when its context has ended: later
					<-ctx.Done()
					var item *pool.ItemError
					if !errors.As(context.Cause(ctx), &item) || item.Index != 6 {
						t.Errorf("the cause is %v, want the error of item 6", context.Cause(ctx))
					}
					time.Sleep(time.Minute)
					return 5, errors.New("too late")
				case 6:
					time.Sleep(time.Second)
					switch how {
					case "panic":
						panic(errTest)
					case "exit":
						runtime.Goexit()
					}
					return 1, errTest
				case 3:
					<-ctx.Done()
					return 3, nil
				}
				return i, nil
			}, upTo(30), pool.ChunkSize(3), pool.FailFast())
			// Item 0 and item 3 wait for the end; 6 ends it. Nothing else can have started.
			slices.Sort(started)
			if want := []int{0, 3, 6}; !slices.Equal(started, want) {
				t.Errorf("started %v, want %v", started, want)
			}
			var item *pool.ItemError
			if wantFailed(t, err, 6); !errors.As(err, &item) || item.Index != 6 {
				t.Errorf("the error is %v, want that of item 6", err)
			}
			if (how == "exit") != errors.Is(err, pool.ErrGoexit) || (how != "exit") != errors.Is(err, errTest) {
				t.Errorf("the error is %v", err)
			}
			if since := time.Since(began); since != time.Minute+time.Second {
				t.Errorf("returned after %v, want 1m1s, when all had returned", since)
			}
			if len(values) != 30 || values[3] != 3 || values[0] != 5 || values[4] != 0 {
				t.Errorf("values %v", values)
			}
			s := p.Stats()
			if s.Submitted != 10 || s.Cancelled != 7 || s.Failed != 2 || s.Succeeded != 1 {
				t.Errorf("%+v, want 10 chunks: 7 cancelled, 2 failed, 1 succeeded", s)
			}
		})
	}
}

func TestFailFastAtOneWorkerIsTheSequentialLoop(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		for fails := range 12 {
			for size := 1; size < 14; size++ {
				calls := 0
				values, err := pool.Map(p, func(_ context.Context, i int) (int, error) {
					calls++
					if i == fails || i == fails+2 {
						return 0, errTest
					}
					return 1, nil
				}, upTo(12), pool.ChunkSize(size), pool.FailFast())
				if wantFailed(t, err, fails); calls != fails+1 || len(values) != 12 {
					t.Errorf("chunks of %d, item %d fails: %d calls, %v", size, fails, calls, err)
				}
			}
		}
	})
}

func TestFailFastWithoutAFailureIsAsWithout(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		values, err := pool.Map(p, pool.Plain(square), upTo(9), pool.FailFast())
		if err != nil || values[8] != 64 {
			t.Errorf("%v, %v", values, err)
		}
	})
}

// Map against a loop: random sizes, chunks, workers, and items that fail in every way.
func TestMapIsTheSequentialLoop(t *testing.T) {
	for range rounds(3000) {
		seed := rand.Uint64()
		ok := true
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			workers, n := 1+r.IntN(5), r.IntN(50)
			p := newPool(t, workers)
			rate := []int{0, 10, 50, 100}[r.IntN(4)]
			kinds, delays := make([]int, n), make([]time.Duration, n)
			for i := range kinds {
				if r.IntN(100) < rate {
					kinds[i] = 1 + r.IntN(4)
				}
				delays[i] = time.Duration(r.IntN(3))
			}
			calls := make([]atomic.Int32, n)
			fn := func(i int) (v int, err error) {
				calls[i].Add(1)
				time.Sleep(delays[i])
				switch kinds[i] {
				case 1:
					return -i, errTest
				case 2:
					panic(i)
				case 3:
					runtime.Goexit()
				case 4:
					return 0, errTest
				}
				return i * 3, nil
			}
			var opts []pool.MapOption
			if r.IntN(2) == 0 {
				opts = append(opts, pool.ChunkSize(1+r.IntN(n+3)))
			}
			last, overlapping := 0, atomic.Int32{}
			if r.IntN(2) == 0 {
				opts = append(opts, pool.Progress(func(done, total int) {
					if overlapping.Add(1) > 1 || done <= last || done > n || total != n {
						t.Errorf("Progress(%d, %d) after %d", done, total, last)
					}
					last = done
					time.Sleep(time.Duration(done % 2))
					overlapping.Add(-1)
				}))
			} else {
				last = n
			}
			failFast := r.IntN(3) == 0
			if failFast {
				opts = append(opts, pool.FailFast())
			}
			values, err := pool.Map(p, pool.PlainErr(fn), upTo(n), opts...)
			lowest := slices.IndexFunc(kinds, func(kind int) bool { return kind > 0 })
			if len(values) != n {
				t.Fatalf("%d values, want %d", len(values), n)
			}
			called := 0
			for i, v := range values {
				c := calls[i].Load()
				called += int(c)
				want := [...]int{i * 3, -i, 0, 0, 0}[kinds[i]]
				if c == 0 {
					want = 0
				}
				if v != want {
					t.Errorf("value %d is %d, want %d", i, v, want)
				}
				if c > 1 || c == 0 && (!failFast || lowest < 0) {
					t.Errorf("item %d was called %d times", i, c)
				}
			}
			if last != called && last != n {
				t.Errorf("the last Progress was of %d of %d", last, called)
			}
			var all *pool.MapError
			if errors.As(err, &all) != (lowest >= 0) {
				t.Fatalf("the error is %v", err)
			}
			if lowest >= 0 {
				failed := 0
				for _, kind := range kinds {
					if kind > 0 {
						failed++
					}
				}
				if failFast {
					failed = 1
				}
				if len(all.Items) != failed || all.Total != n {
					t.Errorf("the error is %v, want %d of %d", err, failed, n)
				}
				for i, item := range all.Items {
					kind := kinds[item.Index]
					switch {
					case kind == 0 || calls[item.Index].Load() != 1:
						t.Errorf("an error of item %d, which did not fail: %v", item.Index, item)
					case i > 0 && all.Items[i-1].Index >= item.Index:
						t.Errorf("item %d behind %d", item.Index, all.Items[i-1].Index)
					case (kind%3 == 1) != errors.Is(item, errTest), (kind == 3) != errors.Is(item, pool.ErrGoexit):
						t.Errorf("the error is %v, the item failed in way %d", item, kind)
					}
				}
			}
			ok = !t.Failed()
		})
		if !ok {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestMapOfAPoolThatIsOverReportsIt(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*pool.Pool)
		want error
	}{
		"closed":     {(*pool.Pool).Close, pool.ErrClosed},
		"terminated": {(*pool.Pool).Terminate, pool.ErrTerminated},
		"both":       {func(p *pool.Pool) { p.Terminate(); p.Close() }, pool.ErrTerminated},
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 1)
			c.end(p)
			fn := func(context.Context, int) (int, error) { t.Error("called"); return 0, nil }
			if v, err := pool.Map(p, fn, upTo(5)); len(v) != 5 || err != c.want {
				t.Errorf("%v, %v, want 5 zeros and %v", v, err, c.want)
			}
			r := pool.MapAsync(p, fn, upTo(5))
			if v, err := r.TryGet(); len(v) != 5 || err != c.want {
				t.Errorf("MapAsync: %v, %v", v, err)
			}
			if s := p.Stats(); s.Submitted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestMapThroughAViewWhoseContextHasEndedCallsNothing(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errTest)
		v, err := pool.Map(p.WithContext(ctx), func(context.Context, int) (int, error) { t.Error("called"); return 1, nil }, upTo(5))
		if len(v) != 5 || err != errTest {
			t.Errorf("%v, %v", v, err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Submitted != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A Map of six chunks of two items at two workers, at a stage, and what ends it.
type mapStage struct {
	p       *pool.Pool
	r       *pool.Result[[]int]
	cancel  context.CancelCauseFunc // of the context of the view
	poolCtx context.CancelCauseFunc
	hold    *gate // keeps the items from returning
	busy    *gate // keeps the workers from the Map

	mu      sync.Mutex
	started []int
	causes  []error // with which the contexts of running items ended
}

func newMapStage(t *testing.T, busy bool) *mapStage {
	ctx, cancel := context.WithCancelCause(context.Background())
	poolCtx, poolCancel := context.WithCancelCause(context.Background())
	m := &mapStage{p: newPool(t, 2, pool.Context(poolCtx)), cancel: cancel, poolCtx: poolCancel, hold: newGate(t)}
	if busy {
		m.busy = occupy(t, m.p, 2)
	}
	m.r = pool.MapAsync(m.p.WithContext(ctx), func(ctx context.Context, i int) (int, error) {
		m.mu.Lock()
		m.started = append(m.started, i)
		m.mu.Unlock()
		m.hold.pass()
		if ctx.Err() != nil {
			m.mu.Lock()
			m.causes = append(m.causes, context.Cause(ctx))
			m.mu.Unlock()
		}
		return i + 1, nil
	}, upTo(12), pool.ChunkSize(2))
	synctest.Wait()
	return m
}

func TestAMapCanBeEndedAtEachStage(t *testing.T) {
	for name, c := range map[string]struct {
		end      func(m *mapStage)
		want     error
		tellsCtx bool
	}{
		"Cancel": {func(m *mapStage) {
			if !m.r.Cancel() {
				panic("Cancel reported false")
			}
		}, pool.ErrCancelled, true},
		"Cancel twice": {func(m *mapStage) {
			m.r.Cancel()
			if first := m.r.Ready(); m.r.Cancel() == first {
				panic("Cancel reported the wrong thing the second time")
			}
		}, pool.ErrCancelled, true},
		"CancelPending":           {func(m *mapStage) { m.p.CancelPending() }, pool.ErrCancelled, false},
		"Terminate":               {func(m *mapStage) { m.p.Terminate() }, pool.ErrTerminated, true},
		"the context of the view": {func(m *mapStage) { m.cancel(errTest); synctest.Wait() }, errTest, true},
		"the context of the pool": {func(m *mapStage) { m.poolCtx(errTest); synctest.Wait() }, pool.ErrTerminated, true},
	} {
		inBubble(t, name+" before any chunk", func(t *testing.T) {
			m := newMapStage(t, true)
			c.end(m)
			if v, err := m.r.TryGet(); len(v) != 12 || !errors.Is(err, c.want) || v[0] != 0 {
				t.Errorf("%v, %v, want %v at once", v, err, c.want)
			}
			if m.r.Cancel() {
				t.Error("Cancel after the end reported true")
			}
			m.busy.open()
			m.hold.open()
			synctest.Wait()
			if len(m.started) > 0 {
				t.Errorf("started %v", m.started)
			}
			s := m.p.Stats()
			if s.Submitted != 8 || s.Cancelled != 6 || s.Succeeded != 2 {
				t.Errorf("%+v", s)
			}
		})
		inBubble(t, name+" while some are running", func(t *testing.T) {
			m := newMapStage(t, false)
			c.end(m)
			synctest.Wait()
			if m.r.Ready() {
				t.Error("ready before the running items have returned")
			}
			m.hold.open()
			v, err := m.r.Get()
			if want := []int{1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(v, want) || !errors.Is(err, c.want) {
				t.Errorf("%v, %v, want %v and %v", v, err, want, c.want)
			}
			slices.Sort(m.started)
			if want := []int{0, 2}; !slices.Equal(m.started, want) {
				t.Errorf("started %v, want %v", m.started, want)
			}
			told := 0
			for _, cause := range m.causes {
				if !errors.Is(cause, c.want) && cause != errTest {
					t.Errorf("the cause is %v, want %v", cause, c.want)
				}
				told++
			}
			if c.tellsCtx && told != 2 {
				t.Errorf("the contexts of %d items ended, want 2", told)
			}
			s := m.p.Stats()
			if s.Submitted != 6 || s.Cancelled != 4 || s.Succeeded != 2 {
				t.Errorf("%+v", s)
			}
		})
		inBubble(t, name+" after the end", func(t *testing.T) {
			m := newMapStage(t, false)
			m.hold.open()
			synctest.Wait()
			if m.r.Cancel() {
				t.Error("Cancel of a Map that has ended reported true")
			}
			if name != "Cancel" && name != "Cancel twice" {
				c.end(m)
			}
			if v, err := m.r.TryGet(); err != nil || v[11] != 12 {
				t.Errorf("%v, %v", v, err)
			}
		})
	}
}

// All items have been started: Cancel can only tell them, and the Result is ErrCancelled all the same.
func TestCancelOfAMapWhoseLastItemsAreRunning(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		r := pool.MapAsync(p, func(ctx context.Context, i int) (int, error) {
			<-ctx.Done()
			return i + 1, context.Cause(ctx)
		}, upTo(2))
		synctest.Wait()
		if !r.Cancel() {
			t.Error("Cancel reported false")
		}
		v, err := r.Get()
		if !errors.Is(err, pool.ErrCancelled) || !slices.Equal(v, []int{1, 2}) {
			t.Errorf("%v, %v, want [1 2], ErrCancelled", v, err)
		}
		wantFailed(t, err, 0, 1)
		if s := p.Stats(); s.Failed != 2 || s.Cancelled != 0 {
			t.Errorf("%+v, want 2 failed", s)
		}
	})
}

// If Cancel reports true the Result is ErrCancelled, also if something else had ended the Map before.
func TestCancelOfAMapThatEndsForAnotherReasonReportsFalse(t *testing.T) {
	for name, end := range map[string]func(*pool.Pool, context.CancelCauseFunc, chan error){
		"Terminate":               func(p *pool.Pool, _ context.CancelCauseFunc, _ chan error) { p.Terminate() },
		"the context of the view": func(_ *pool.Pool, cancel context.CancelCauseFunc, _ chan error) { cancel(errTest) },
		"FailFast":                func(_ *pool.Pool, _ context.CancelCauseFunc, fail chan error) { fail <- errTest },
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 2)
			hold := newGate(t)
			fail := make(chan error, 1)
			ctx, cancel := context.WithCancelCause(context.Background())
			r := pool.MapAsync(p.WithContext(ctx), func(ctx context.Context, i int) (int, error) {
				if i == 1 {
					select {
					case err := <-fail:
						return 0, err
					case <-ctx.Done():
					}
				}
				hold.pass()
				return 0, nil
			}, upTo(9), pool.ChunkSize(1), pool.FailFast())
			synctest.Wait()
			end(p, cancel, fail)
			synctest.Wait()
			cancelled := r.Cancel()
			hold.open()
			if _, err := r.Get(); cancelled != errors.Is(err, pool.ErrCancelled) {
				t.Errorf("Cancel reported %t, and the Result is %v", cancelled, err)
			}
		})
	}
}

func TestCancelPendingCountsEachChunkThatWasNotStarted(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		m := newMapStage(t, false)
		_ = m.p.Go(func(context.Context) error { return nil })
		if n := m.p.CancelPending(); n != 5 {
			t.Errorf("%d, want 4 chunks and one other task", n)
		}
		if n := m.p.CancelPending(); n != 0 {
			t.Errorf("%d the second time", n)
		}
	})
}

// record notes the order of starts at one worker.
type record struct{ starts []string }

func (r *record) task(p *pool.Pool, name string) {
	_ = p.Go(func(context.Context) error { r.starts = append(r.starts, name); return nil })
}

func (r *record) mapping(p *pool.Pool, name string, n, size int, during func(i int)) *pool.Result[[]int] {
	return pool.MapAsync(p, func(_ context.Context, i int) (int, error) {
		r.starts = append(r.starts, fmt.Sprint(name, i))
		if during != nil {
			during(i)
		}
		return 0, nil
	}, upTo(n), pool.ChunkSize(size))
}

func (r *record) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(r.starts, " "); got != want {
		t.Errorf("started %s, want %s", got, want)
	}
}

func TestALongMapDoesNotStarveWhatComesLater(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []pool.Option
		run  func(p *pool.Pool, r *record)
		want string
	}{
		{"FIFO", nil, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 6, 2, nil)
			r.task(p, "a")
			r.task(p, "b")
		}, "m0 m1 a b m2 m3 m4 m5"},
		{"FIFO, submitted meanwhile", nil, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 6, 2, func(i int) { r.task(p, fmt.Sprint("a", i)) })
		}, "m0 m1 m2 m3 a0 a1 m4 m5 a2 a3 a4 a5"}, // it went back when its first chunk was taken, before a0 came
		{"two Maps", nil, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 6, 2, nil)
			r.mapping(p, "n", 3, 1, nil)
		}, "m0 m1 n0 m2 m3 n1 m4 m5 n2"},
		{"LIFO", []pool.Option{pool.LIFO()}, func(p *pool.Pool, r *record) {
			r.task(p, "a")
			r.mapping(p, "m", 6, 2, nil)
			r.task(p, "b")
		}, "b m0 m1 a m2 m3 m4 m5"},
		{"LIFO, submitted meanwhile", []pool.Option{pool.LIFO()}, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 6, 2, func(i int) { r.task(p, fmt.Sprint("a", i)) })
		}, "m0 m1 a1 a0 m2 m3 a3 a2 m4 m5 a5 a4"},
		{"LIFO, two Maps", []pool.Option{pool.LIFO()}, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 4, 2, nil)
			r.mapping(p, "n", 2, 1, nil)
		}, "n0 m0 m1 n1 m2 m3"},
		{"a better priority", nil, func(p *pool.Pool, r *record) {
			r.mapping(p, "m", 4, 2, func(i int) {
				r.task(p.WithPriority(-1), fmt.Sprint("better", i))
				r.task(p.WithPriority(1), fmt.Sprint("worse", i))
			})
			r.task(p, "equal")
		}, "m0 m1 better0 better1 equal m2 m3 better2 better3 worse0 worse1 worse2 worse3"},
		{"a Map of better priority is not interrupted", nil, func(p *pool.Pool, r *record) {
			r.task(p, "a")
			r.mapping(p.WithPriority(-7), "m", 3, 1, nil)
		}, "m0 m1 m2 a"},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			p := newPool(t, 1, c.opts...)
			busy := occupy(t, p, 1)
			var r record
			c.run(p, &r)
			busy.open()
			synctest.Wait()
			r.want(t, c.want)
		})
	}
}

// One place in the backlog is enough for the longest Map, and it keeps it until its last chunk is taken.
func TestAMapTakesOnePlaceInTheBacklog(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(1))
		busy := occupy(t, p, 1)
		step := make(chan struct{})
		r := pool.MapAsync(p, func(context.Context, int) (int, error) { <-step; return 0, nil }, upTo(3), pool.ChunkSize(1))
		nothing := func(context.Context) error { return nil }
		wantErr(t, "TryGo while the Map is queued", p.TryGo(nothing), pool.ErrFull)
		busy.open()
		for i := range 2 {
			synctest.Wait()
			wantErr(t, fmt.Sprint("TryGo in chunk ", i), p.TryGo(nothing), pool.ErrFull)
			step <- struct{}{}
		}
		synctest.Wait()
		wantErr(t, "TryGo in the last chunk", p.TryGo(nothing), nil)
		step <- struct{}{}
		r.Wait()
	})
}

func TestProgressGrowsAndEndsBeforeMapReturns(t *testing.T) {
	for range rounds(300) {
		p := pool.New(4)
		const n = 100
		var inside, last atomic.Int32
		_, err := pool.Map(p, pool.Plain(square), upTo(n), pool.ChunkSize(3), pool.Progress(func(done, total int) {
			if inside.Add(1) != 1 {
				t.Error("two calls at once")
			}
			if int(last.Load()) >= done || done > n || total != n {
				t.Errorf("Progress(%d, %d) after %d", done, total, last.Load())
			}
			last.Store(int32(done))
			runtime.Gosched()
			inside.Add(-1)
		}))
		if err != nil || last.Load() != n {
			t.Errorf("%v; the last call was of %d", err, last.Load())
		}
		p.Shutdown()
	}
}

// Failures count as done too, and what FailFast or Cancel left out does not.
func TestProgressCountsWhatHasEnded(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		var seen []int
		count := pool.Progress(func(done, _ int) { seen = append(seen, done) })
		fails := func(_ context.Context, i int) (int, error) {
			switch i {
			case 1:
				return 0, errTest
			case 2:
				panic(i)
			case 3:
				runtime.Goexit()
			}
			return 0, nil
		}
		_, _ = pool.Map(p, fails, upTo(5), count)
		if want := []int{1, 2, 3, 4, 5}; !slices.Equal(seen, want) {
			t.Errorf("%v, want %v", seen, want)
		}
		seen = nil
		_, _ = pool.Map(p, fails, upTo(5), count, pool.FailFast())
		if want := []int{1, 2}; !slices.Equal(seen, want) {
			t.Errorf("with FailFast %v, want %v", seen, want)
		}
	})
}

func TestProgressThatPanicsOrExitsHarmsNobody(t *testing.T) {
	for name, end := range map[string]func(){
		"panics": func() { panic(errTest) },
		"exits":  runtime.Goexit,
	} {
		inBubble(t, name, func(t *testing.T) {
			panics := hookPanics(t)
			p := newPool(t, 2, pool.Name("told"))
			var calls []int
			v, err := pool.Map(p, func(_ context.Context, i int) (int, error) {
				if i == 3 {
					panic(i)
				}
				return square(i), nil
			}, upTo(8), pool.ChunkSize(4), pool.Progress(func(done, _ int) {
				calls = append(calls, done)
				end()
			}))
			if want := []int{0, 1, 4, 0, 16, 25, 36, 49}; !slices.Equal(v, want) || !slices.Equal(failedItems(t, err), []int{3}) {
				t.Errorf("%v, %v, want %v", v, err, want)
			}
			if !slices.IsSorted(calls) || len(calls) == 0 || calls[len(calls)-1] != 8 {
				t.Errorf("calls %v", calls)
			}
			want := 0
			if name == "panics" {
				want = len(calls)
			}
			if got := panics.values(); len(got) != want {
				t.Errorf("the hook was told of %d panics, want %d", len(got), want)
			}
			synctest.Wait()
			if n := aliveWorkers("told"); n > 2 {
				t.Errorf("%d workers", n)
			}
		})
	}
}

// Who waits in Progress holds up nobody else's items, only the return.
func TestProgressThatWaitsHoldsUpNoItem(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		all := newGate(t)
		var ended atomic.Int32
		first := true
		var seen []int
		_, _ = pool.Map(p, func(context.Context, int) (int, error) {
			if ended.Add(1) == 10 {
				all.open()
			}
			return 0, nil
		}, upTo(11), pool.ChunkSize(1), pool.Progress(func(done, _ int) {
			seen = append(seen, done)
			if first {
				first = false
				all.pass() // until the others have ended
			}
		}))
		if seen[0] != 1 || seen[len(seen)-1] != 11 || !slices.IsSorted(seen) {
			t.Errorf("%v", seen)
		}
	})
}

func TestOnDoneOfAMapAsyncIsCalledWithTheValues(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		hold := newGate(t)
		type end struct {
			v   []int
			err error
		}
		var got []end
		see := func(v []int, err error) { got = append(got, end{v, err}) }
		r := pool.MapAsync(p, func(_ context.Context, i int) (int, error) {
			hold.pass()
			if i == 2 {
				return 9, errTest
			}
			return i, nil
		}, upTo(4))
		r.OnDone(see)
		synctest.Wait()
		if len(got) > 0 {
			t.Error("called before the end")
		}
		hold.open()
		r.Wait()
		synctest.Wait()
		r.OnDone(see)
		if len(got) != 2 {
			t.Fatalf("called %d times, want twice", len(got))
		}
		for _, e := range got {
			if !slices.Equal(e.v, []int{0, 1, 9, 3}) || !errors.Is(e.err, errTest) {
				t.Errorf("called with %v, %v", e.v, e.err)
			}
		}
	})
}

func TestMapInsideAMapSharesTheWorkers(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		var running, most atomic.Int32
		_, err := pool.Map(p, func(context.Context, int) (int, error) {
			_, err := pool.Map(p, func(context.Context, int) (int, error) {
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				running.Add(-1)
				return 0, nil
			}, upTo(4))
			return 0, err
		}, upTo(4))
		if err != nil || most.Load() != 2 {
			t.Errorf("%v, %d at once, want 2", err, most.Load())
		}
	})
}

func TestAMapThatGivesUpInTheBacklogWasNeverMade(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(0))
		busy := occupy(t, p, 1)
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errTest)
		defer cancel()
		began := time.Now()
		v, err := pool.Map(p.WithContext(ctx), func(context.Context, int) (int, error) { t.Error("called"); return 0, nil }, upTo(3))
		if len(v) != 3 || err != errTest || time.Since(began) != time.Second {
			t.Errorf("%v, %v after %v", v, err, time.Since(began))
		}
		busy.open()
		synctest.Wait()
		if s := p.Stats(); s.Submitted != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// An uncomparable is an error of a type that == panics for.
type uncomparable []string

func (e uncomparable) Error() string { return e[0] }

func TestAnErrorNeedNotBeComparable(t *testing.T) {
	reason := uncomparable{"a reason"}
	is := func(t *testing.T, what string, err error) {
		t.Helper()
		if e := (uncomparable)(nil); !errors.As(err, &e) {
			t.Errorf("%s: %v, want the reason", what, err)
		}
	}
	for _, queued := range []bool{true, false} {
		inBubble(t, fmt.Sprintf("of a context, queued: %t", queued), func(t *testing.T) {
			p := newPool(t, 2)
			busy := newGate(t)
			if queued {
				busy = occupy(t, p, 2)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			view := p.WithContext(ctx)
			until := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }
			item := func(ctx context.Context, _ int) (int, error) { return until(ctx) }
			mapped := pool.MapAsync(view, item, upTo(8), pool.FailFast())
			applied := pool.ApplyAsync(view, until)
			var got [2][]yielded
			for i, m := range imaps {
				go func() { got[i] = collect(m.run(view, item, count, pool.FailFast())) }()
			}
			synctest.Wait()
			cancel(reason)
			synctest.Wait()
			mapped.Cancel()
			busy.open()
			_, err := mapped.Get()
			is(t, "Map", err)
			_, err = applied.Get()
			is(t, "Apply", err)
			synctest.Wait()
			for i, m := range imaps {
				if len(got[i]) == 0 {
					t.Fatalf("%s has not ended", m.name)
				}
				is(t, m.name, got[i][len(got[i])-1].err)
			}
		})
	}
	inBubble(t, "of an item", func(t *testing.T) {
		p := newPool(t, 2)
		item := func(context.Context, int) (int, error) { return 0, reason }
		_, err := pool.Map(p, item, upTo(8), pool.FailFast())
		is(t, "Map", err)
		for _, m := range imaps {
			got := collect(m.run(p, item, count, pool.FailFast()))
			is(t, m.name, got[0].err)
		}
	})
	inBubble(t, "of an Initializer", func(t *testing.T) {
		p := newPool(t, 2, pool.Initializer(func() error { time.Sleep(time.Second); return reason }))
		_, err := pool.Map(p, pool.Plain(square), upTo(8))
		is(t, "Map", err)
		is(t, "Go", p.Go(func(context.Context) error { return nil }))
	})
}

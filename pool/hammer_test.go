package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
)

// Goroutines that do everything at once to one pool after the other. A counter per task tells what became of it.

// A fate is what is known of one submission.
type fate struct {
	ran, callbacks, afters atomic.Int32
	mu                     sync.Mutex
	told                   []error // by callbacks and OnDone
	cancelled              atomic.Bool
}

func (f *fate) tell(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, err)
}

// A mob is one pool and everything that was submitted to it.
type mob struct {
	t *testing.T
	p *pool.Pool

	mu    sync.Mutex
	fates map[*pool.Result[int]]*fate
	maps  []*pool.Result[[]int]

	cancels []context.CancelCauseFunc // of contexts that did not end meanwhile
}

var errMob = errors.New("a context of the mob")

// legal are the reasons why a task of the mob may not have run.
var legal = []error{pool.ErrCancelled, pool.ErrClosed, pool.ErrTerminated, pool.ErrFull, errMob, pool.ErrTimeout}

func isLegal(err error) bool {
	return slices.ContainsFunc(legal, func(e error) bool { return errors.Is(err, e) })
}

// body is what a task does, maybe with tasks of its own.
func (m *mob) body(r *rand.Rand, depth int) function {
	kind, seed := r.IntN(12), r.Uint64()
	return func(ctx context.Context) (int, error) {
		r := rand.New(rand.NewPCG(seed, 0))
		switch kind {
		case 0:
			runtime.Gosched()
		case 1:
			return 0, errTest
		case 2:
			panic(errTest)
		case 3:
			runtime.Goexit()
		case 4:
			if depth > 0 {
				v, err := pool.Apply(m.p, m.body(r, depth-1))
				return v, err
			}
		case 5:
			if depth > 0 {
				m.submit(r, depth-1)
			}
		case 6:
			if depth > 0 {
				_, err := pool.Map(m.p, func(ctx context.Context, i int) (int, error) { return m.body(r2(seed, i), depth-1)(ctx) }, upTo(3))
				return 0, err
			}
		case 7:
			if depth > 0 {
				for _, err := range pool.IMap(m.p, func(ctx context.Context, i int) (int, error) { return m.body(r2(seed, i), depth-1)(ctx) }, count) {
					if err != nil || r.IntN(4) == 0 {
						break
					}
				}
			}
		case 8: // waits to be told, or for a little
			for range 50 {
				if ctx.Err() != nil {
					return 0, context.Cause(ctx)
				}
				runtime.Gosched()
			}
		}
		return 1, nil
	}
}

func r2(seed uint64, i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }

// view is the pool, or a view of it.
func (m *mob) view(r *rand.Rand) (*pool.Pool, context.Context, context.CancelCauseFunc) {
	p := m.p
	if r.IntN(3) == 0 {
		p = p.WithPriority(r.IntN(3) - 1)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	if r.IntN(3) == 0 {
		p = p.WithContext(ctx)
	}
	return p, ctx, cancel
}

// submit does one random thing with one task, or Map, and returns when that is submitted.
func (m *mob) submit(r *rand.Rand, depth int) {
	p, ctx, cancel := m.view(r)
	f := new(fate)
	inner := m.body(r, depth)
	fn := func(ctx context.Context) (int, error) {
		f.ran.Add(1)
		return inner(ctx)
	}
	callback := pool.Callback(func(_ int, err error) {
		f.callbacks.Add(1)
		f.tell(err)
		if r2(uint64(depth), int(f.callbacks.Load())).IntN(20) == 0 {
			panic(errTest)
		}
	})
	var res *pool.Result[int]
	var err error
	switch r.IntN(9) {
	case 0:
		res = pool.ApplyAsync(p, fn, callback)
	case 1:
		res, err = pool.TryApplyAsync(p, fn, callback)
	case 2:
		res, err = pool.ApplyAsyncTimeout(p, time.Duration(r.IntN(50_000)), fn, callback)
	case 3:
		res, err = pool.ApplyAsyncContext(ctx, p, fn, callback)
	case 4:
		err = p.TryGo(func(ctx context.Context) error { _, _ = inner(ctx); return nil })
	case 5:
		err = p.GoTimeout(time.Duration(r.IntN(50_000)), func(ctx context.Context) error { _, _ = inner(ctx); return nil })
	case 6:
		err = p.GoContext(ctx, func(ctx context.Context) error { _, _ = inner(ctx); return nil })
	case 7:
		item := func(ctx context.Context, i int) (int, error) { return m.body(r2(uint64(i), 7), depth)(ctx) }
		mapped := pool.MapAsync(p, item, upTo(r.IntN(12)), pool.ChunkSize(1+r.IntN(4)))
		m.mu.Lock()
		m.maps = append(m.maps, mapped)
		m.mu.Unlock()
		if r.IntN(3) == 0 {
			if mapped.Cancel() {
				if _, err := mapped.GetTimeout(0); err != pool.ErrTimeout && !isLegal(err) {
					m.t.Errorf("a Map that was cancelled is %v", err)
				}
			}
		}
	case 8:
		n := 0
		for _, err := range pool.IMapUnordered(p, func(ctx context.Context, i int) (int, error) { return i, nil }, slices.Values(upTo(20)),
			pool.ChunkSize(1+r.IntN(3)), pool.Buffer(1+r.IntN(9))) {
			if err != nil && !isLegal(err) {
				m.t.Errorf("an IMap yields %v", err)
			}
			if n++; r.IntN(15) == 0 {
				break
			}
		}
	}
	switch {
	case err != nil && !isLegal(err):
		m.t.Errorf("a submission returned %v", err)
	case err != nil && f.ran.Load()+f.callbacks.Load() > 0:
		m.t.Error("what was not accepted ran, or its callback")
	case res != nil:
		res.OnDone(func(_ int, err error) {
			f.afters.Add(1)
			f.tell(err)
		})
		m.mu.Lock()
		m.fates[res] = f
		m.mu.Unlock()
		switch r.IntN(6) {
		case 0:
			if res.Cancel() {
				f.cancelled.Store(true)
			}
		case 1:
			cancel(errMob)
		case 2:
			_, _ = res.GetTimeout(time.Duration(r.IntN(20_000)))
		case 3:
			for range pool.AsCompletedContext(ctx, res) {
			}
		}
	}
	if r.IntN(2) == 0 {
		cancel(errMob)
		return
	}
	m.mu.Lock()
	m.cancels = append(m.cancels, cancel)
	m.mu.Unlock()
}

// settle checks what became of everything, when the pool was joined.
func (m *mob) settle() {
	t := m.t
	for _, cancel := range m.cancels {
		cancel(nil)
	}
	for res, f := range m.fates {
		if !res.Ready() {
			t.Error("a Result has not resolved")
			continue
		}
		_, err := res.TryGet()
		ran := f.ran.Load()
		switch {
		case f.callbacks.Load() != 1 || f.afters.Load() != 1:
			t.Errorf("callbacks ran %d times and OnDone %d times, want once", f.callbacks.Load(), f.afters.Load())
		case ran > 1:
			t.Errorf("a task ran %d times", ran)
		case ran == 0 && !isLegal(err):
			t.Errorf("a task that did not run is %v", err)
		case f.cancelled.Load() && (ran != 0 || err != pool.ErrCancelled):
			t.Errorf("Cancel reported true; the task ran %d times and is %v", ran, err)
		}
		for _, told := range f.told {
			if told != err {
				t.Errorf("told of %v, the Result is %v", told, err)
			}
		}
	}
	for _, r := range m.maps {
		if !r.Ready() {
			t.Error("the Result of a Map has not resolved")
		}
	}
	s := m.p.Stats()
	if s.Running+s.Lent+s.Queued != 0 || s.Submitted != s.Succeeded+s.Failed+s.Cancelled {
		t.Errorf("in the end %+v", s)
	}
}

func TestEverythingAtOnce(t *testing.T) {
	defer hangs(t)()
	hookPanics(t)
	const crowd, each = 8, 15
	lives := 300 // also under the race detector, for which this is made
	if testing.Short() {
		lives = 30
	}
	for life := range lives {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		own, cancelOwn := context.WithCancel(context.Background())
		name := fmt.Sprint("mob", life)
		opts := []pool.Option{pool.Name(name)}
		if r.IntN(2) == 0 {
			opts = append(opts, pool.Backlog(r.IntN(9)))
		}
		if r.IntN(2) == 0 {
			opts = append(opts, pool.LIFO())
		}
		if r.IntN(2) == 0 {
			opts = append(opts, pool.Context(own))
		}
		m := &mob{t: t, p: pool.New(1+r.IntN(4), opts...), fates: make(map[*pool.Result[int]]*fate)}
		end := int32(r.IntN(crowd * each * 3 / 2))
		var steps atomic.Int32
		var wg sync.WaitGroup
		for g := range crowd {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(g)+1))
				for range each {
					if steps.Add(1) == end {
						switch r.IntN(3) {
						case 0:
							m.p.Close()
						case 1:
							m.p.Terminate()
						case 2:
							cancelOwn()
						}
					}
					switch r.IntN(20) {
					case 0:
						m.p.Resize(1 + r.IntN(5))
					case 1:
						m.p.CancelPending()
					case 2:
						if s := m.p.Stats(); s.Submitted != uint64(s.Running+s.Lent+s.Queued)+s.Succeeded+s.Failed+s.Cancelled {
							t.Errorf("%+v does not add up", s)
						}
					default:
						m.submit(r, 2)
					}
				}
			})
		}
		wg.Wait()
		switch r.IntN(4) {
		case 0:
			m.p.Terminate()
		case 1:
			cancelOwn()
		}
		m.p.Close()
		m.p.Join()
		cancelOwn()
		m.settle()
		if n := aliveWorkers(name); n > 0 {
			t.Errorf("%d workers are left", n)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

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
			func() { cancel(errMob) },
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
		case err == errMob:
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
				cancel(errMob)
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
		case errMob:
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
		for _, action := range []func(){p.Close, p.Terminate, func() { cancel(errMob) }, func() { p.CancelPending() }, func() { p.Resize(3) }} {
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
				if !isLegal(err) {
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

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

type function = func(context.Context) (int, error)

// once is an input of one item.
func once(yield func(int) bool) { yield(0) }

// first is what a loop over an IMap of one item yields.
func first(run iter.Seq2[int, error]) (v int, err error) {
	for v, err = range run {
		_ = v
	}
	return v, err
}

// waits are the ways to have f run by a worker and wait for it.
var waits = []struct {
	name string
	call func(p *pool.Pool, f function) (int, error)
}{
	{"Apply", pool.Apply[int]},
	{"Get", func(p *pool.Pool, f function) (int, error) { return pool.ApplyAsync(p, f).Get() }},
	{"GetTimeout", func(p *pool.Pool, f function) (int, error) {
		return pool.ApplyAsync(p, f).GetTimeout(time.Hour)
	}},
	{"GetContext", func(p *pool.Pool, f function) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		return pool.ApplyAsync(p, f).GetContext(ctx)
	}},
	{"Wait", func(p *pool.Pool, f function) (int, error) {
		r := pool.ApplyAsync(p, f)
		r.Wait()
		return r.TryGet()
	}},
	{"WaitTimeout", func(p *pool.Pool, f function) (int, error) {
		r := pool.ApplyAsync(p, f)
		r.WaitTimeout(time.Hour)
		return r.TryGet()
	}},
	{"WaitContext", func(p *pool.Pool, f function) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		r, err := pool.ApplyAsyncContext(ctx, p, f)
		if err != nil {
			return 0, err
		}
		if err := r.WaitContext(ctx); err != nil {
			return 0, err
		}
		return r.TryGet()
	}},
	{"view", func(p *pool.Pool, f function) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		return pool.Apply(p.WithContext(ctx), f)
	}},
	{"Map", func(p *pool.Pool, f function) (int, error) {
		values, err := pool.Map(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, []int{0})
		return values[0], err
	}},
	{"MapAsync", func(p *pool.Pool, f function) (int, error) {
		values, err := pool.MapAsync(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, []int{0}).Get()
		return values[0], err
	}},
	{"IMap", func(p *pool.Pool, f function) (int, error) {
		return first(pool.IMap(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, once))
	}},
	{"IMapUnordered", func(p *pool.Pool, f function) (int, error) {
		return first(pool.IMapUnordered(p, func(ctx context.Context, _ int) (int, error) { return f(ctx) }, once))
	}},
	{"AsCompleted", func(p *pool.Pool, f function) (v int, err error) {
		for r := range pool.AsCompleted(pool.ApplyAsync(p, f)) {
			v, err = r.TryGet()
		}
		return v, err
	}},
	{"AsCompletedContext", func(p *pool.Pool, f function) (v int, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		for r := range pool.AsCompletedContext(ctx, pool.ApplyAsync(p, f)) {
			v, err = r.TryGet()
		}
		return v, errors.Join(err, ctx.Err())
	}},
	{"a task of another pool", func(p *pool.Pool, f function) (int, error) {
		other := pool.New(1)
		defer other.Shutdown()
		return pool.Apply(other, func(context.Context) (int, error) { return pool.Apply(p, f) })
	}},
	{"Join of another pool", func(p *pool.Pool, f function) (int, error) {
		other := pool.New(1)
		r := pool.ApplyAsync(other, func(context.Context) (int, error) { return pool.Apply(p, f) })
		other.Close()
		other.Join()
		return r.TryGet()
	}},
	{"JoinTimeout of another pool", func(p *pool.Pool, f function) (int, error) {
		other := pool.New(1)
		r := pool.ApplyAsync(other, func(context.Context) (int, error) { return pool.Apply(p, f) })
		other.Close()
		other.JoinTimeout(time.Hour)
		return r.TryGet()
	}},
	{"JoinContext of another pool", func(p *pool.Pool, f function) (int, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		other := pool.New(1)
		r := pool.ApplyAsync(other, func(context.Context) (int, error) { return pool.Apply(p, f) })
		other.Close()
		if err := other.JoinContext(ctx); err != nil {
			return 0, err
		}
		return r.TryGet()
	}},
	{"Shutdown of another pool", func(p *pool.Pool, f function) (int, error) {
		other := pool.New(1)
		r := pool.ApplyAsync(other, func(context.Context) (int, error) { return pool.Apply(p, f) })
		other.Shutdown()
		return r.TryGet()
	}},
}

// backlogs are the options that matter to tasks that submit.
var backlogs = []struct {
	name string
	opts []pool.Option
}{
	{"unbounded", nil},
	{"LIFO", []pool.Option{pool.LIFO()}},
	{"Backlog(0)", []pool.Option{pool.Backlog(0)}},
	{"Backlog(1)", []pool.Option{pool.Backlog(1)}},
}

// In a bubble a deadlock is noticed at once, and a wait with a limit, of an hour, would run into it.
func TestTasksCanWaitForTasksToAnyDepthAtOneWorker(t *testing.T) {
	for _, depth := range []int{1, 3, 100} {
		for _, b := range backlogs {
			for _, w := range waits {
				inBubble(t, fmt.Sprint(w.name, " ", depth, " deep ", b.name), func(t *testing.T) {
					p := newPool(t, 1, append(b.opts, pool.Name("deep"))...)
					var level func(n int) function
					level = func(n int) function {
						return func(context.Context) (int, error) {
							if n == 0 {
								return 0, nil
							}
							v, err := w.call(p, level(n-1))
							return v + 1, err
						}
					}
					began := time.Now()
					if v, err := w.call(p, level(depth)); v != depth || err != nil {
						t.Errorf("%d, %v, want %d, nil", v, err, depth)
					}
					if since := time.Since(began); since > 0 {
						t.Errorf("it took %v: a wait gave up", since)
					}
					synctest.Wait()
					if n := aliveWorkers("deep"); n != 1 {
						t.Errorf("%d workers stayed, want 1", n)
					}
					if s := p.Stats(); s.Running+s.Lent+s.Queued > 0 {
						t.Errorf("in the end %+v", s)
					}
				})
			}
		}
	}
}

// Each level waits in another way than the ones around it.
func TestTheWaysToWaitCanBeMixed(t *testing.T) {
	for _, b := range backlogs {
		inBubble(t, b.name, func(t *testing.T) {
			p := newPool(t, 1, b.opts...)
			var level func(n int) function
			level = func(n int) function {
				return func(context.Context) (int, error) {
					if n == 0 {
						return 0, nil
					}
					v, err := waits[rand.IntN(len(waits))].call(p, level(n-1))
					return v + 1, err
				}
			}
			if v, err := pool.Apply(p, level(100)); v != 100 || err != nil {
				t.Errorf("%d, %v, want 100, nil", v, err)
			}
		})
	}
}

// Every place where a pool calls the code of others.
var places = []struct {
	name string
	call func(p *pool.Pool, f func()) // calls f there, and returns when it has returned or a task was submitted that will
}{
	{"Go", func(p *pool.Pool, f func()) { _ = p.Go(func(context.Context) error { f(); return nil }) }},
	{"ApplyAsync", func(p *pool.Pool, f func()) {
		pool.ApplyAsync(p, func(context.Context) (int, error) { f(); return 0, nil })
	}},
	{"an item of a Map", func(p *pool.Pool, f func()) {
		pool.MapAsync(p, func(_ context.Context, i int) (int, error) {
			if i == 2 {
				f()
			}
			return 0, nil
		}, []int{0, 1, 2, 3, 4})
	}},
	{"an item of an IMap", func(p *pool.Pool, f func()) {
		for range pool.IMap(p, func(context.Context, int) (int, error) { f(); return 0, nil }, once) {
		}
	}},
	{"the body of an IMap", func(p *pool.Pool, f func()) {
		for range pool.IMap(p, pool.Plain(func(i int) int { return i }), once) {
			f()
		}
	}},
	{"the input of an IMap", func(p *pool.Pool, f func()) {
		for range pool.IMap(p, pool.Plain(func(i int) int { return i }), func(yield func(int) bool) {
			f()
			_ = yield(0) && yield(1)
		}) {
		}
	}},
	{"the body of an IMap in a task", func(p *pool.Pool, f func()) {
		_ = p.Go(func(context.Context) error {
			for range pool.IMap(p, pool.Plain(func(i int) int { return i }), slices.Values([]int{1, 2, 3}), pool.Buffer(2)) {
				f()
			}
			return nil
		})
	}},
	{"Callback", func(p *pool.Pool, f func()) {
		pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }, pool.Callback(func(int, error) { f() }))
	}},
	{"two Callbacks", func(p *pool.Pool, f func()) {
		callback := pool.Callback(func(int, error) { f() })
		pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }, callback, callback)
	}},
	{"Callback of what was cancelled", func(p *pool.Pool, f func()) {
		busy := make(chan struct{})
		_ = p.Go(func(context.Context) error { <-busy; return nil })
		synctest.Wait()
		// With Backlog(0) there is no place while the worker is busy, and nothing to cancel.
		r, err := pool.TryApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
			pool.Callback(func(int, error) { f() }))
		if err == nil {
			r.Cancel()
		}
		close(busy)
		if err != nil {
			f()
		}
	}},
	{"Callbacks of what CancelPending dropped", func(p *pool.Pool, f func()) {
		busy := make(chan struct{})
		_ = p.Go(func(context.Context) error { <-busy; return nil })
		synctest.Wait()
		for range 3 {
			_, _ = pool.TryApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
				pool.Callback(func(int, error) { f() }))
		}
		p.CancelPending()
		close(busy)
	}},
	{"OnDone", func(p *pool.Pool, f func()) {
		busy := make(chan struct{})
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { <-busy; return 0, nil })
		r.OnDone(func(int, error) { f() })
		r.OnDone(func(int, error) { f() })
		close(busy)
	}},
	{"OnDone of what was cancelled", func(p *pool.Pool, f func()) {
		busy := make(chan struct{})
		_ = p.Go(func(context.Context) error { <-busy; return nil })
		synctest.Wait()
		r, err := pool.TryApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		if err == nil {
			r.OnDone(func(int, error) { f() })
			r.Cancel()
		}
		close(busy)
		if err != nil {
			f()
		}
	}},
	{"Progress of a Map", func(p *pool.Pool, f func()) {
		pool.MapAsync(p, pool.Plain(func(i int) int { return i }), []int{1, 2, 3, 4, 5, 6},
			pool.Progress(func(int, int) { f() }))
	}},
	{"Progress of an IMap", func(p *pool.Pool, f func()) {
		for range pool.IMap(p, pool.Plain(func(i int) int { return i }), slices.Values([]int{1, 2, 3}),
			pool.Progress(func(int, int) { f() })) {
		}
	}},
}

func TestWhateverCodeAPoolCallsCanSubmitAndWait(t *testing.T) {
	for _, place := range places {
		for _, b := range backlogs {
			inBubble(t, place.name+" "+b.name, func(t *testing.T) {
				panics := hookPanics(t)
				for _, w := range waits {
					p := pool.New(1, append(b.opts, pool.Name("place"))...)
					called := false
					began := time.Now()
					var mu sync.Mutex // functions of two Results may run at once
					place.call(p, func() {
						v, err := w.call(p, func(context.Context) (int, error) { return 42, nil })
						mu.Lock()
						defer mu.Unlock()
						called = true
						if v != 42 || err != nil {
							t.Errorf("%s: %d, %v, want 42, nil", w.name, v, err)
						}
					})
					synctest.Wait()
					if !called && !(b.name == "Backlog(0)" && place.name == "Callbacks of what CancelPending dropped") {
						t.Errorf("%s: not called", w.name)
					}
					if n := aliveWorkers("place"); n > 1 {
						t.Errorf("%s: %d workers stayed, want 1", w.name, n)
					}
					p.Shutdown()
					if since := time.Since(began); since > 0 {
						t.Errorf("%s: it took %v: a wait gave up", w.name, since)
					}
				}
				if v := panics.values(); len(v) > 0 {
					t.Errorf("panics: %v", v)
				}
			})
		}
	}
}

// Not only one task inside another: there are always more that wait than there are workers.
func TestManyTasksThatWaitForManyTasks(t *testing.T) {
	for _, workers := range []int{1, 3} {
		for _, b := range backlogs {
			inBubble(t, fmt.Sprint(workers, " workers ", b.name), func(t *testing.T) {
				p := newPool(t, workers, b.opts...)
				leaves := pool.Plain(func(i int) int { return 1 })
				sum := func(values []int, err error) (n int, _ error) {
					for _, v := range values {
						n += v
					}
					return n, err
				}
				ten := make([]int, 10)
				branches := func(context.Context, int) (int, error) { return sum(pool.Map(p, leaves, ten)) }
				lazily := func(context.Context, int) (n int, err error) {
					for v, e := range pool.IMap(p, branches, slices.Values(ten)) {
						n, err = n+v, errors.Join(err, e)
					}
					return n, err
				}
				trunks := func(context.Context, int) (int, error) { return sum(pool.Map(p, lazily, ten[:3], pool.ChunkSize(1))) }
				n, err := 0, error(nil)
				for v, e := range pool.IMapUnordered(p, trunks, slices.Values(ten[:3])) {
					n, err = n+v, errors.Join(err, e)
				}
				if n != 900 || err != nil {
					t.Errorf("%d, %v, want 900, nil", n, err)
				}
			})
		}
	}
}

func TestTwoPoolsWhoseTasksWaitForEachOther(t *testing.T) {
	for _, w := range waits {
		inBubble(t, w.name, func(t *testing.T) {
			ping, pong := newPool(t, 1, pool.Backlog(0)), newPool(t, 1)
			var level func(n int) function
			level = func(n int) function {
				return func(context.Context) (int, error) {
					if n == 0 {
						return 0, nil
					}
					p := ping
					if n%2 == 0 {
						p = pong
					}
					v, err := w.call(p, level(n-1))
					return v + 1, err
				}
			}
			if v, err := pool.Apply(pong, level(31)); v != 31 || err != nil {
				t.Errorf("%d, %v, want 31, nil", v, err)
			}
		})
	}
}

// A lane is what a task of the random test below does: it waits for orders.
type lane struct {
	id     int
	orders chan func()
	over   bool
	parent *lane
}

// A town holds the tasks of the random test by what they are doing. Everything is looked at when all are settled.
type town struct {
	mu      sync.Mutex
	p       *pool.Pool
	abort   *gate // the test has failed
	nextID  int
	rank    map[int]int // by id: smaller ones are started first
	queued  []int       // ids
	started []int       // ids in the order of starting, since the last look
	running []*lane
	lent    []*lane
}

func (w *town) submitted(parent *lane) (function, *lane) {
	l := &lane{orders: make(chan func()), parent: parent}
	w.mu.Lock()
	defer w.mu.Unlock()
	l.id = w.nextID
	w.nextID++
	w.rank[l.id] = w.nextID
	if parent != nil { // it is waited for, and so comes before all others
		w.rank[l.id] = -w.nextID
	}
	w.queued = append(w.queued, l.id)
	return func(context.Context) (int, error) {
		w.mu.Lock()
		w.running = append(w.running, l)
		w.started = append(w.started, l.id)
		w.queued = slices.DeleteFunc(w.queued, func(id int) bool { return id == l.id })
		w.mu.Unlock()
		for !l.over {
			select {
			case order := <-l.orders:
				order()
			case <-w.abort.opened:
				return 0, nil
			}
		}
		return 0, nil
	}, l
}

func (w *town) wait(l *lane) {
	f, _ := w.submitted(l)
	r := pool.ApplyAsync(w.p, f)
	w.mu.Lock()
	w.running = slices.DeleteFunc(w.running, func(other *lane) bool { return other == l })
	w.lent = append(w.lent, l)
	w.mu.Unlock()
	r.Wait()
	w.mu.Lock()
	w.lent = slices.DeleteFunc(w.lent, func(other *lane) bool { return other == l })
	w.running = append(w.running, l)
	w.mu.Unlock()
}

func (w *town) end(l *lane) {
	l.over = true
	w.mu.Lock()
	w.running = slices.DeleteFunc(w.running, func(other *lane) bool { return other == l })
	w.mu.Unlock()
}

// A random sequence of submissions, waits, ends and Resizes. After each, when all has settled: tasks were started only
// while fewer than Workers were running, those that are waited for first, newest first, and the others in the order of
// submission, and none is queued that could have been started;
// whoever waited for what has ended is running again; Stats says the same; and there are no more threads than needed.
func TestNoTaskIsStartedWhileMoreThanWorkersRun(t *testing.T) {
	for range rounds(500) {
		seed := rand.Uint64()
		if !t.Run("", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				target := 1 + r.IntN(3)
				w := &town{p: newPool(t, target, pool.Name("town")), abort: newGate(t), rank: make(map[int]int)}
				for step := 0; step < 60 || len(w.running) > 0; step++ {
					var order string
					back := 0 // how many go on running in this step without being started
					if l := pick(r, w.running); l != nil && (step >= 60 || r.IntN(2) == 0) {
						if step < 60 && r.IntN(3) > 0 {
							order = fmt.Sprint("wait in ", l.id)
							l.orders <- func() { w.wait(l) }
						} else {
							order = fmt.Sprint("end of ", l.id)
							l.orders <- func() { w.end(l) }
							if l.parent != nil {
								back = 1
							}
						}
					} else if r.IntN(4) == 0 {
						target = 1 + r.IntN(4)
						order = fmt.Sprintf("Resize(%d)", target)
						w.p.Resize(target)
					} else {
						order = "submission"
						f, _ := w.submitted(nil)
						_ = w.p.Go(func(ctx context.Context) error { _, _ = f(ctx); return nil })
					}
					synctest.Wait()
					if n := len(w.running); len(w.started) > 0 && n-back > target {
						t.Errorf("%d started while %d were running, the pool has %d workers", w.started, n, target)
					}
					if n := len(w.running); len(w.queued) > 0 && n < target {
						t.Errorf("%d are queued although %d of %d are running", w.queued, n, target)
					}
					for _, started := range w.started {
						for _, queued := range w.queued {
							if w.rank[started] > w.rank[queued] {
								t.Errorf("%d started before %d", started, queued)
							}
						}
					}
					w.started = nil
					s := w.p.Stats()
					want := pool.Stats{
						Workers: target, Running: len(w.running), Lent: len(w.lent), Queued: len(w.queued),
						Submitted: uint64(w.nextID),
					}
					want.Succeeded = want.Submitted - uint64(want.Running+want.Lent+want.Queued)
					if s != want {
						t.Errorf("Stats are %+v, want %+v", s, want)
					}
					// One that has nothing to do may stay until one that has is done.
					if n, most := aliveWorkers("town"), len(w.lent)+len(w.running)+target; n > most {
						t.Errorf("%d workers, want %d at most", n, most)
					}
					if t.Failed() {
						t.Fatalf("in step %d, %s, of seed %d", step, order, seed)
					}
				}
				if n := aliveWorkers("town"); n > target {
					t.Errorf("%d workers stayed, want %d at most; seed %d", n, target, seed)
				}
			})
		}) {
			break
		}
	}
}

func pick(r *rand.Rand, lanes []*lane) *lane {
	if len(lanes) == 0 {
		return nil
	}
	return lanes[r.IntN(len(lanes))]
}

func TestALenderGoesOnAtOnceThoughItsSlotIsTaken(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 2)
		waited := newGate(t)
		goesOn := false
		outer := pool.ApplyAsync(p, func(context.Context) (int, error) {
			_, _ = pool.Apply(p, func(context.Context) (int, error) { waited.pass(); return 0, nil })
			goesOn = true
			return 0, nil
		})
		synctest.Wait()
		busy := occupy(t, p, 1) // the slot that was lent
		p.Resize(1)
		started := false
		_ = p.Go(func(context.Context) error { started = true; return nil })
		if s := p.Stats(); s.Running != 2 || s.Lent != 1 || s.Queued != 1 {
			t.Fatalf("%+v, want 2 running, 1 lent, 1 queued", s)
		}
		waited.open()
		synctest.Wait()
		if !goesOn || !outer.Ready() {
			t.Error("the lender still waits for a slot")
		}
		if started {
			t.Error("a task was started although one worker of one was busy all the time")
		}
		busy.open()
		synctest.Wait()
		if !started {
			t.Error("the queued task was not started")
		}
	})
}

// What a wait that gave up had lent, it has back.
func TestAWaitThatGivesUpHasItsSlotBack(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(1))
		never := newGate(t)
		step := make(chan struct{})
		other := newPool(t, 1)
		hanging := pool.ApplyAsync(other, func(context.Context) (int, error) { never.pass(); return 0, nil })
		closed := pool.New(1)
		_ = closed.Go(func(context.Context) error { never.pass(); return nil })
		closed.Close()
		synctest.Wait() // or else what is waited for in the other pool could be started first
		t.Cleanup(func() { never.open(); closed.Join() })
		short := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		}
		ways := map[string]func(){
			"GetTimeout":  func() { _, _ = hanging.GetTimeout(time.Second) },
			"WaitTimeout": func() { hanging.WaitTimeout(time.Second) },
			"GetContext": func() {
				ctx, cancel := short()
				defer cancel()
				_, _ = hanging.GetContext(ctx)
			},
			"WaitContext": func() {
				ctx, cancel := short()
				defer cancel()
				_ = hanging.WaitContext(ctx)
			},
			"AsCompletedContext": func() {
				ctx, cancel := short()
				defer cancel()
				for range pool.AsCompletedContext(ctx, hanging) {
				}
			},
			"JoinTimeout of another pool": func() { closed.JoinTimeout(time.Second) },
			"JoinContext of another pool": func() {
				ctx, cancel := short()
				defer cancel()
				_ = closed.JoinContext(ctx)
			},
			"Apply through a view": func() {
				ctx, cancel := short()
				defer cancel()
				_, _ = pool.Apply(other.WithContext(ctx), func(context.Context) (int, error) { return 0, nil })
			},
			"a loop over an IMap through a view": func() {
				ctx, cancel := short()
				defer cancel()
				for range pool.IMap(other.WithContext(ctx), pool.Plain(func(i int) int { return i }), once) {
				}
			},
		}
		for name, way := range ways {
			began := time.Now()
			task := pool.ApplyAsync(p, func(context.Context) (int, error) { way(); step <- struct{}{}; return 0, nil })
			synctest.Wait()
			if s := p.Stats(); s.Running != 0 || s.Lent != 1 {
				t.Errorf("%s, waiting: %+v, want 1 lent", name, s)
			}
			time.Sleep(2 * time.Second)
			if s := p.Stats(); s.Running != 1 || s.Lent != 0 {
				t.Errorf("%s, afterwards: %+v, want 1 running", name, s)
			}
			<-step
			task.Wait()
			if since := time.Since(began); since != 2*time.Second {
				t.Errorf("%s took %v", name, since)
			}
		}
	})
}

func TestASubmissionThatGivesUpWaitingInATaskHasItsSlotBack(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p, other := newPool(t, 1), newPool(t, 1, pool.Backlog(0))
		occupy(t, other, 1)
		step := make(chan struct{})
		_ = p.Go(func(context.Context) error {
			wantErr(t, "GoTimeout", other.GoTimeout(time.Second, func(context.Context) error { return nil }), pool.ErrFull)
			step <- struct{}{}
			return nil
		})
		synctest.Wait()
		if s := p.Stats(); s.Running != 0 || s.Lent != 1 {
			t.Errorf("waiting for a place: %+v, want 1 lent", s)
		}
		time.Sleep(2 * time.Second)
		if s := p.Stats(); s.Running != 1 || s.Lent != 0 {
			t.Errorf("afterwards: %+v, want 1 running", s)
		}
		<-step
	})
}

// A wait for a channel, a lock, or Done keeps the slot; so does a goroutine that the task started.
func TestAWaitForAnythingElseLendsNothing(t *testing.T) {
	for name, wait := range map[string]func(p *pool.Pool, until *gate){
		"a channel": func(_ *pool.Pool, until *gate) { until.pass() },
		"Done": func(p *pool.Pool, until *gate) {
			other := pool.New(1)
			defer other.Shutdown()
			<-pool.ApplyAsync(other, func(context.Context) (int, error) { until.pass(); return 0, nil }).Done()
		},
		"a goroutine that waits": func(p *pool.Pool, until *gate) {
			other := pool.New(1)
			defer other.Shutdown()
			r := pool.ApplyAsync(other, func(context.Context) (int, error) { until.pass(); return 0, nil })
			var wg sync.WaitGroup
			wg.Go(r.Wait)
			wg.Wait()
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 1)
			until := newGate(t)
			_ = p.Go(func(context.Context) error { wait(p, until); return nil })
			started := false
			_ = p.Go(func(context.Context) error { started = true; return nil })
			synctest.Wait()
			if s := p.Stats(); started || s.Running != 1 || s.Lent != 0 {
				t.Errorf("the other task started: %t, %+v", started, s)
			}
			until.open()
			synctest.Wait()
			if !started {
				t.Error("the other task did not start")
			}
		})
	}
}

// The ways to wait for one's own end.
var selfish = map[string]func(p *pool.Pool, r *pool.Result[int]){
	"Get":         func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.Get() },
	"GetTimeout":  func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.GetTimeout(time.Hour) },
	"GetContext":  func(_ *pool.Pool, r *pool.Result[int]) { _, _ = r.GetContext(context.Background()) },
	"Wait":        func(_ *pool.Pool, r *pool.Result[int]) { r.Wait() },
	"WaitTimeout": func(_ *pool.Pool, r *pool.Result[int]) { r.WaitTimeout(time.Hour) },
	"WaitContext": func(_ *pool.Pool, r *pool.Result[int]) { _ = r.WaitContext(context.Background()) },
	"AsCompleted": func(_ *pool.Pool, r *pool.Result[int]) {
		for range pool.AsCompleted(r) {
		}
	},
	"AsCompleted with others": func(p *pool.Pool, r *pool.Result[int]) {
		other := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
		for range pool.AsCompleted(other, r, other) {
		}
	},
	"AsCompletedContext": func(_ *pool.Pool, r *pool.Result[int]) {
		for range pool.AsCompletedContext(context.Background(), r) {
		}
	},
	"Join":          func(p *pool.Pool, _ *pool.Result[int]) { p.Join() },
	"JoinTimeout":   func(p *pool.Pool, _ *pool.Result[int]) { p.JoinTimeout(time.Hour) },
	"JoinTimeout 0": func(p *pool.Pool, _ *pool.Result[int]) { p.JoinTimeout(0) },
	"JoinContext":   func(p *pool.Pool, _ *pool.Result[int]) { _ = p.JoinContext(context.Background()) },
	"Shutdown":      func(p *pool.Pool, _ *pool.Result[int]) { p.Shutdown() },
	"Join of a view": func(p *pool.Pool, _ *pool.Result[int]) {
		p.WithPriority(3).WithContext(context.Background()).Join()
	},
}

func TestWaitingForOneselfPanics(t *testing.T) {
	for name, wait := range selfish {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 1)
			check := func(where string, r *pool.Result[int]) {
				t.Helper()
				wantPanic(t, where, pool.ErrJoinSelf, func() { wait(p, r) })
			}
			var r *pool.Result[int]
			known := make(chan struct{})
			r = pool.ApplyAsync(p, func(context.Context) (int, error) {
				<-known
				check("in the task", r)
				func() {
					defer func() { check("in the task while it panics", r); _ = recover() }()
					panic(errTest)
				}()
				// Also after it has lent its slot.
				_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
				check("in the task after another wait", r)
				return 1, nil
			}, pool.Callback(func(int, error) { check("in the callback", r) }))
			close(known)
			if v, err := r.Get(); v != 1 || err != nil {
				t.Errorf("the task is %d, %v", v, err)
			}

			busy := occupy(t, p, 1)
			r = pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil },
				pool.Callback(func(int, error) { check("in the callback of a cancelled task", r) }))
			r.Cancel()
			r.Wait()
			busy.open()

			// Not recovered, it is what became of the task, and of nothing else.
			known = make(chan struct{})
			r = pool.ApplyAsync(p, func(context.Context) (int, error) { <-known; wait(p, r); return 0, nil })
			close(known)
			_, err := r.Get()
			wantErr(t, "the task", err, pool.ErrJoinSelf)
			if v := (*thread.PanicError)(nil); !errors.As(err, &v) || v.Value != pool.ErrJoinSelf {
				t.Errorf("the error is %#v, want a PanicError of ErrJoinSelf", err)
			}
			if v, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
				t.Errorf("afterwards: %d, %v", v, err)
			}
		})
	}
}

func TestAnItemThatWaitsForItsMapPanics(t *testing.T) {
	for name, wait := range map[string]func(r *pool.Result[[]int]){
		"Get":         func(r *pool.Result[[]int]) { _, _ = r.Get() },
		"WaitTimeout": func(r *pool.Result[[]int]) { r.WaitTimeout(time.Hour) },
		"WaitContext": func(r *pool.Result[[]int]) { _ = r.WaitContext(context.Background()) },
		"AsCompleted": func(r *pool.Result[[]int]) {
			for range pool.AsCompleted(r) {
			}
		},
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 2)
			var r *pool.Result[[]int]
			known := make(chan struct{})
			panics := hookPanics(t)
			r = pool.MapAsync(p, func(_ context.Context, i int) (int, error) {
				<-known
				if i%2 == 1 {
					wait(r)
				}
				return i, nil
			}, []int{0, 1, 2, 3}, pool.ChunkSize(2), pool.Progress(func(done, _ int) {
				if done == 4 {
					wait(r)
				}
			}))
			close(known)
			values, err := r.Get()
			if want := []int{0, 0, 2, 0}; !slices.Equal(values, want) {
				t.Errorf("values %d, want %d", values, want)
			}
			wantErr(t, "the Map", err, pool.ErrJoinSelf)
			if v := panics.values(); len(v) != 1 || v[0] != pool.ErrJoinSelf {
				t.Errorf("of Progress: %v, want ErrJoinSelf", v)
			}
			if _, err := pool.Apply(p, func(context.Context) (int, error) { return 7, nil }); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// Looking is not waiting: it is allowed in the task itself.
func TestATaskMayLookAtItsOwnResult(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		var r *pool.Result[int]
		known := make(chan struct{})
		r = pool.ApplyAsync(p, func(context.Context) (int, error) {
			<-known
			_, err := r.TryGet()
			wantErr(t, "TryGet", err, pool.ErrTimeout)
			_, err = r.GetTimeout(0)
			wantErr(t, "GetTimeout(0)", err, pool.ErrTimeout)
			if r.WaitTimeout(-1) || r.Ready() {
				t.Error("ready before it has ended")
			}
			if r.Cancel() {
				t.Error("Cancel of a running task reported true")
			}
			return 3, nil
		})
		close(known)
		if v, err := r.Get(); v != 3 || err != nil {
			t.Errorf("%d, %v, want 3, nil", v, err)
		}
	})
}

// Misuse is reported before a context that has ended.
func TestAnEndedContextDoesNotHideThatATaskWaitsForItself(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p := newPool(t, 1)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		var r *pool.Result[int]
		known := make(chan struct{})
		r = pool.ApplyAsync(p, func(context.Context) (int, error) {
			<-known
			wantPanic(t, "WaitContext", pool.ErrJoinSelf, func() { _ = r.WaitContext(ended) })
			wantPanic(t, "GetContext", pool.ErrJoinSelf, func() { _, _ = r.GetContext(ended) })
			wantPanic(t, "AsCompletedContext", pool.ErrJoinSelf, func() {
				for range pool.AsCompletedContext(ended, r) {
				}
			})
			wantPanic(t, "JoinContext", pool.ErrJoinSelf, func() { _ = p.JoinContext(ended) })
			return 0, nil
		})
		close(known)
		r.Wait()
	})
}

func TestJoinOfAnotherPoolsViewFromATaskWaits(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		p, other := newPool(t, 1), pool.New(1)
		began := time.Now()
		_ = other.Go(func(context.Context) error { time.Sleep(time.Minute); return nil })
		other.Close()
		r := pool.ApplyAsync(p, func(context.Context) (int, error) {
			other.WithPriority(1).Join()
			return int(time.Since(began) / time.Second), nil
		})
		if v, err := r.Get(); v != 60 || err != nil {
			t.Errorf("joined after %d s, %v, want 60 s", v, err)
		}
	})
}

// The callbacks of what is dropped at once run one after the other; one that waits for another's Result lets it pass.
func TestACallbackCanWaitForWhatWasDroppedWithItsTask(t *testing.T) {
	for name, drop := range map[string]func(p *pool.Pool){
		"CancelPending": func(p *pool.Pool) { p.CancelPending() },
		"Terminate":     (*pool.Pool).Terminate,
	} {
		for _, w := range []string{"Get", "AsCompleted", "OnDone"} {
			inBubble(t, name+" "+w, func(t *testing.T) {
				p := newPool(t, 1)
				busy := occupy(t, p, 1)
				rs := make([]*pool.Result[int], 10)
				var ready atomic.Int32
				for i := range rs {
					wait := func(int, error) {
						if i+1 == len(rs) {
							return
						}
						if w == "AsCompleted" {
							for range pool.AsCompleted(rs[i+1:]...) {
							}
						} else {
							rs[i+1].Wait()
						}
						ready.Add(1)
					}
					if w == "OnDone" {
						rs[i] = pool.ApplyAsync(p, nop)
						rs[i].OnDone(wait)
					} else {
						rs[i] = pool.ApplyAsync(p, nop, pool.Callback(wait))
					}
				}
				drop(p)
				synctest.Wait()
				if n := int(ready.Load()); n != len(rs)-1 {
					t.Errorf("%d callbacks returned from their wait, want %d", n, len(rs)-1)
				}
				for _, r := range rs {
					r.Wait()
				}
				busy.open()
			})
		}
	}
}

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// A world is pools, and goroutines and tasks that do to them what the API offers, drawn at random: an open system. It
// keeps books of what it was told, and in the end, or at any moment, all must agree. It is used in bubbles, on the real
// scheduler, and under the explorer.
type world struct {
	tick    time.Duration // what the length of a wait is made of
	lands   []*land
	left    atomic.Int64 // how much tasks may still do
	spreads atomic.Bool  // the error of one task may be that of others
	depth   int

	mu      sync.Mutex
	faults  []error
	fates   []*fate
	maps    []*pool.Result[[]int]
	cancels []func() // of contexts that did not end meanwhile
}

// A land is a pool with its books.
type land struct {
	*world
	name        string
	p           *pool.Pool
	books       *books
	ends        []func()     // every way to end it
	inits, fins atomic.Int64 // calls of the Initializer that returned nil, and of the Finalizer
	own         bool         // of a Scope: not to be joined by us
}

// The books of a pool say what was submitted to it.
type books struct {
	single            atomic.Bool  // only tasks of their own, and so the books can be exact
	accepted, perhaps atomic.Int64 // submissions
	called            atomic.Int64
}

// A fate is what is known of one submission.
type fate struct {
	result                 *pool.Result[int]
	callback, after        bool // were asked for
	ran, callbacks, afters atomic.Int32
	cancelled              atomic.Bool
	mu                     sync.Mutex
	told                   []error // by callbacks and OnDone
}

var errWorld = errors.New("a context of the world")

func (w *world) errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) < 10 {
		w.faults = append(w.faults, fmt.Errorf(format, args...))
	}
}

// unstarted reports whether a task may not have run because of err. The context of a task, which it submits others with,
// ends with context.Canceled when it has returned; and where one error ends all, in a scope or with FailFast, it comes to
// all that belongs to those, and to all that was submitted with the context of one of them.
func (w *world) unstarted(err error) bool {
	return w.spreads.Load() && err != nil && ended(err) || mayNotStart(err)
}

func mayNotStart(err error) bool {
	return slices.ContainsFunc([]error{
		context.Canceled, pool.ErrCancelled, pool.ErrClosed, pool.ErrTerminated, pool.ErrFull, errWorld, pool.ErrTimeout,
		proof.ErrForeign, errInit,
	}, func(e error) bool { return errors.Is(err, e) })
}

var errInit = errors.New("of the Initializer")

// ended reports whether err is what a task of the world may end with.
func ended(err error) bool {
	var p *thread.PanicError
	return err == nil || mayNotStart(err) || errors.Is(err, errTest) || errors.As(err, &p) || errors.Is(err, pool.ErrGoexit)
}

// found makes a pool with options drawn at random. exact is for what lets the books be exact.
func (w *world) found(r *rand.Rand, name string, exact bool) *land {
	l := &land{world: w, name: name, books: new(books)}
	l.books.single.Store(exact)
	opts := []pool.Option{pool.Name(name)}
	workers := 1 + r.IntN(3)
	ctx, cancel := context.WithCancelCause(context.Background())
	w.cancels = append(w.cancels, func() { cancel(nil) })
	fails := math.MaxInt
	if r.IntN(20) == 0 {
		fails = 1 + r.IntN(4)
	}
	for _, o := range []func() pool.Option{
		func() pool.Option {
			calls := new(atomic.Int64)
			return pool.Initializer(func() error {
				proof.Pause()
				switch {
				case calls.Add(1) < int64(fails):
					l.inits.Add(1)
					return nil
				case fails%2 == 0:
					panic(errInit)
				}
				return errInit
			})
		},
		func() pool.Option {
			l.inits.Store(math.MinInt32) // unless there is an Initializer
			return pool.Finalizer(func() { proof.Pause(); l.fins.Add(1) })
		},
		func() pool.Option { return pool.Backlog(r.IntN(5)) },
		pool.LIFO,
		func() pool.Option {
			l.ends = append(l.ends, func() { cancel(errWorld) })
			return pool.Context(ctx)
		},
		func() pool.Option { return pool.KeepAlive(w.wait(r)) },
		func() pool.Option { return pool.Daemon(r.IntN(2) == 0) },
		func() pool.Option { workers = pool.Unlimited; return pool.Name(name) },
	} {
		if r.IntN(3) == 0 {
			opts = append(opts, o())
		}
	}
	l.p = pool.New(workers, opts...)
	patience := w.wait(r)
	l.ends = append(l.ends, l.p.Close, l.p.Terminate,
		func() { l.p.ShutdownTimeout(patience) },
		func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = l.p.ShutdownContext(ctx)
		})
	w.lands = append(w.lands, l)
	return l
}

// wait is how long to wait for something, at random.
func (w *world) wait(r *rand.Rand) time.Duration {
	return []time.Duration{0, 1, w.tick, w.tick, time.Duration(r.IntN(8)) * w.tick}[r.IntN(5)]
}

// ctx makes a context at random. It may end at any time, and does in the end.
func (w *world) ctx(r *rand.Rand, parent context.Context) context.Context {
	var ctx context.Context
	var end func()
	switch r.IntN(4) {
	case 0:
		f := proof.NewForeign()
		ctx, end = f, sync.OnceFunc(f.End)
	case 1:
		c, cancel := context.WithTimeoutCause(parent, w.wait(r)+1, errWorld)
		ctx, end = c, cancel
	default:
		c, cancel := context.WithCancelCause(parent)
		ctx, end = c, func() { cancel(errWorld) }
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancels = append(w.cancels, end)
	if r.IntN(3) == 0 && !explore.On {
		go func() { proof.Pause(); end() }()
	}
	return ctx
}

// some is a task that was submitted before, if there is one.
func (w *world) some(r *rand.Rand) *fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.fates) == 0 {
		return nil
	}
	return w.fates[r.IntN(len(w.fates))]
}

func (w *world) keep(f *fate, r *pool.Result[int]) *pool.Result[int] {
	f.result = r
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fates = append(w.fates, f)
	return r
}

// view is l's pool, or a view of it.
func (l *land) view(r *rand.Rand, parent context.Context) *pool.Pool {
	p := l.p
	if r.IntN(3) == 0 {
		p = p.WithPriority(r.IntN(3) - 1)
	}
	for r.IntN(3) == 0 {
		p = p.WithContext(l.ctx(r, parent))
	}
	return p
}

// body is what a task does, maybe with tasks of its own.
func (l *land) body(f *fate, seed uint64, depth int) function {
	return func(ctx context.Context) (int, error) {
		if n := f.ran.Add(1); n > 1 {
			l.errorf("a task was called %d times", n)
		}
		l.books.called.Add(1)
		r := rand.New(rand.NewPCG(seed, uint64(depth)))
		for range r.IntN(3) {
			proof.Pause()
			if depth < l.depth && l.left.Add(-1) >= 0 {
				to := l
				if !l.own && r.IntN(3) == 0 {
					to = l.lands[r.IntN(len(l.lands))]
				}
				to.act(ctx, r, depth+1)
			}
		}
		switch r.IntN(14) {
		case 0:
			panic(errTest)
		case 1:
			runtime.Goexit()
		case 2:
			return 0, errTest
		case 3:
			var nothing any
			panic(nothing)
		case 4:
			pause(ctx, l.wait(r))
			return 0, context.Cause(ctx)
		case 5:
			_ = fmt.Sprint(ctx)
			ctx.Deadline()
		}
		return 1, nil
	}
}

// pause waits until ctx ends, at most d.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// item makes a function for Map of what tasks do.
func (l *land) item(r *rand.Rand, depth int) func(context.Context, int) (int, error) {
	seed := r.Uint64()
	return func(ctx context.Context, i int) (int, error) {
		return l.body(new(fate), seed+uint64(i), depth+1)(ctx)
	}
}

// callback is what f's task is submitted with.
func (l *land) callback(r *rand.Rand, f *fate, depth int) []pool.TaskOption[int] {
	kind, seed := r.IntN(7), r.Uint64()
	if kind == 6 {
		return nil
	}
	f.callback = true
	return []pool.TaskOption[int]{pool.Callback(func(_ int, err error) {
		f.callbacks.Add(1)
		f.tell(err)
		switch kind {
		case 0:
			panic(errTest)
		case 1:
			runtime.Goexit()
		case 2:
			if l.left.Add(-1) >= 0 {
				l.act(context.Background(), rand.New(rand.NewPCG(seed, 1)), depth+1)
			}
		}
	})}
}

func (f *fate) tell(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, err)
}

// submit submits one task, in one of the ways that make a Result, and returns that, or nil.
func (l *land) submit(ctx context.Context, r *rand.Rand, depth int) *fate {
	f := new(fate)
	fn := l.body(f, r.Uint64(), depth)
	opts := l.callback(r, f, depth)
	p := l.view(r, ctx)
	var res *pool.Result[int]
	var err error
	switch r.IntN(4) {
	case 0:
		l.books.perhaps.Add(1)
		res = pool.ApplyAsync(p, fn, opts...)
	case 1:
		res, err = pool.TryApplyAsync(p, fn, opts...)
		l.note(err)
	case 2:
		res, err = pool.ApplyAsyncTimeout(p, l.wait(r), fn, opts...)
		l.note(err)
	case 3:
		res, err = pool.ApplyAsyncContext(l.ctx(r, ctx), p, fn, opts...)
		l.note(err)
	}
	switch {
	case res == nil && err == nil, res != nil && err != nil, err != nil && !l.unstarted(err):
		l.errorf("a submission returned %v, %v", res, err)
	case err != nil && f.ran.Load()+f.callbacks.Load() > 0:
		l.errorf("what was not accepted ran, or its callback")
	}
	if res == nil {
		return nil
	}
	l.keep(f, res)
	if r.IntN(2) == 0 {
		f.after = true
		seed := r.Uint64()
		res.OnDone(func(_ int, err error) {
			f.afters.Add(1)
			f.tell(err)
			switch r := rand.New(rand.NewPCG(seed, 2)); r.IntN(5) {
			case 0:
				panic(errTest)
			case 1:
				if l.left.Add(-1) >= 0 {
					l.act(context.Background(), r, depth+1)
				}
			}
		})
	}
	return f
}

// note keeps the books.
func (l *land) note(err error) {
	if err == nil {
		l.books.accepted.Add(1)
	}
}

// act does one thing, of one kind.
func (l *land) act(ctx context.Context, r *rand.Rand, depth int) {
	kinds := []func(context.Context, *rand.Rand, int){l.one, l.one, l.many, l.wide, l.meddle}
	if l.books.single.Load() {
		kinds = []func(context.Context, *rand.Rand, int){l.one, l.many, l.meddle}
	}
	kinds[r.IntN(len(kinds))](ctx, r, depth)
	l.look()
}

// look checks the Stats.
func (l *land) look() {
	s := l.p.Stats()
	if sum := uint64(s.Queued+s.Running+s.Lent) + s.Succeeded + s.Failed + s.Cancelled; sum != s.Submitted ||
		s.Queued < 0 || s.Running < 0 || s.Lent < 0 {
		l.errorf("%s: %+v does not add up", l.name, s)
	}
}

// one submits one task and may wait for it.
func (l *land) one(ctx context.Context, r *rand.Rand, depth int) {
	simple := func() (*fate, func(context.Context) error) {
		f := new(fate)
		fn := l.body(f, r.Uint64(), depth)
		return f, func(ctx context.Context) error { _, err := fn(ctx); return err }
	}
	var err error
	p := l.view(r, ctx)
	switch r.IntN(8) {
	case 0:
		f := new(fate)
		l.books.perhaps.Add(1)
		if _, err := pool.Apply(p, l.body(f, r.Uint64(), depth)); !ended(err) || f.ran.Load() == 0 && !l.unstarted(err) {
			l.errorf("Apply: %v", err)
		}
		return
	case 1:
		_, fn := simple()
		err = p.Go(fn)
	case 2:
		_, fn := simple()
		err = p.TryGo(fn)
	case 3:
		_, fn := simple()
		err = p.GoTimeout(l.wait(r), fn)
	case 4:
		_, fn := simple()
		err = p.GoContext(l.ctx(r, ctx), fn)
	case 5:
		l.submit(ctx, r, depth)
		return
	default:
		f := l.submit(ctx, r, depth)
		if f == nil {
			return
		}
		if r.IntN(3) == 0 && f.result.Cancel() {
			f.cancelled.Store(true)
		}
		l.await(ctx, r, f.result)
		if _, err := f.result.TryGet(); !ended(err) {
			l.errorf("a task ended with %v", err)
		}
		return
	}
	l.note(err)
	if err != nil && !l.unstarted(err) {
		l.errorf("Go: %v", err)
	}
}

// await waits for the end of what will end.
func (l *land) await(ctx context.Context, r *rand.Rand, res *pool.Result[int]) {
	ok := true
	switch r.IntN(6) {
	case 0:
		_, err := res.GetTimeout(explore.LastResort)
		ok = err != pool.ErrTimeout
	case 1:
		ok = res.WaitTimeout(explore.LastResort)
	case 2:
		if res.WaitContext(l.ctx(r, ctx)) != nil {
			ok = res.WaitTimeout(explore.LastResort)
		}
	case 3:
		select {
		case <-res.Done():
		case <-time.After(l.tick):
			_, _ = res.GetContext(l.ctx(r, ctx))
			ok = res.WaitTimeout(explore.LastResort)
		}
	case 4:
		if _, err := res.GetTimeout(l.wait(r)); err == pool.ErrTimeout {
			ok = res.WaitTimeout(explore.LastResort)
		}
	case 5:
		n := 0
		for range pool.AsCompletedTimeout(explore.LastResort, res, res) {
			n++
		}
		ok = n == 1
	}
	if !ok {
		l.errorf("%s: a task is never ready: %+v", l.name, l.p.Stats())
	}
}

// many submits several tasks and waits for all, or some.
func (l *land) many(ctx context.Context, r *rand.Rand, depth int) {
	var rs []*pool.Result[int]
	for range r.IntN(4) {
		if f := l.submit(ctx, r, depth); f != nil {
			rs = append(rs, f.result)
		}
	}
	most := r.IntN(5)
	loop := pool.AsCompleted(rs...)
	switch r.IntN(8) {
	case 0:
		loop = pool.AsCompletedTimeout(l.wait(r), rs...)
	case 1:
		loop = pool.AsCompletedContext(l.ctx(r, ctx), rs...)
	case 2:
		_, err := pool.GatherTimeout(l.wait(r), rs...)
		l.wantMapError(err)
		return
	case 3:
		_, err := pool.GatherContext(l.ctx(r, ctx), rs...)
		l.wantMapError(err)
		return
	case 4:
		vs, err := pool.GatherTimeout(explore.LastResort, rs...)
		if l.wantMapError(err); len(vs) != len(rs) || errors.Is(err, pool.ErrTimeout) && !slices.ContainsFunc(rs, timedOut) {
			l.errorf("Gather of %d: %v, %v", len(rs), vs, err)
		}
		return
	case 5:
		done, pending := pool.WaitTimeout(l.wait(r), most, rs...)
		l.wantParts(len(rs), done, pending)
		return
	case 6:
		done, pending := pool.WaitContext(l.ctx(r, ctx), most, rs...)
		l.wantParts(len(rs), done, pending)
		return
	}
	for res := range loop {
		if !res.Ready() {
			l.errorf("AsCompleted yields what is not ready")
		}
		if most--; most < 0 {
			break
		}
	}
}

// timedOut reports whether a task, and not the wait for it, ended with a timeout.
func timedOut(res *pool.Result[int]) bool {
	_, err := res.TryGet()
	return res.Ready() && errors.Is(err, pool.ErrTimeout)
}

func (l *land) wantMapError(err error) {
	var failed *pool.MapError
	if errors.As(err, &failed) {
		for i, item := range failed.Items {
			if i > 0 && failed.Items[i-1].Index >= item.Index || item.Index >= failed.Total {
				l.errorf("a MapError out of order: %v", failed)
			}
		}
	}
	if !ended(err) {
		l.errorf("Gather: %v", err)
	}
}

func (l *land) wantParts(n int, done, pending []*pool.Result[int]) {
	for _, res := range done {
		if !res.Ready() {
			l.errorf("done, and not ready")
		}
	}
	if len(done)+len(pending) != n {
		l.errorf("Wait has made %d and %d of %d", len(done), len(pending), n)
	}
}

// wide does what is more than single tasks.
func (l *land) wide(ctx context.Context, r *rand.Rand, depth int) {
	items := upTo(r.IntN(12))
	p := l.view(r, ctx)
	var opts []pool.MapOption
	if r.IntN(2) == 0 {
		opts = append(opts, pool.ChunkSize(1+r.IntN(4)))
	}
	if r.IntN(3) == 0 {
		l.spreads.Store(true)
		opts = append(opts, pool.FailFast())
	}
	if r.IntN(3) == 0 {
		last, n := atomic.Int64{}, r.IntN(20)
		opts = append(opts, pool.Progress(func(done, _ int) {
			if last.Swap(int64(done)) > int64(done) {
				l.errorf("progress shrinks")
			}
			switch n {
			case 0:
				panic(errTest)
			case 1:
				runtime.Goexit()
			}
		}))
	}
	switch r.IntN(8) {
	case 0:
		out, err := pool.Map(p, l.item(r, depth), items, opts...)
		if l.wantMapError(err); len(out) != len(items) {
			l.errorf("Map of %d has made %d", len(items), len(out))
		}
	case 1:
		fn := l.item(r, depth)
		l.wantMapError(pool.ForEach(p, func(ctx context.Context, i int) error { _, err := fn(ctx, i); return err }, items, opts...))
	case 2:
		res := pool.MapAsync(p, l.item(r, depth), items, opts...)
		l.mu.Lock()
		l.maps = append(l.maps, res)
		l.mu.Unlock()
		if r.IntN(2) == 0 && res.Cancel() {
			if _, err := res.GetTimeout(explore.LastResort); !errors.Is(err, pool.ErrCancelled) {
				l.errorf("a Map that was cancelled is %v", err)
			}
		}
		_, _ = res.GetTimeout(l.wait(r))
	case 3, 4:
		loop := pool.IMap[int, int]
		if r.IntN(2) == 0 {
			loop = pool.IMapUnordered[int, int]
		}
		if r.IntN(2) == 0 {
			opts = append(opts, pool.Buffer(1+r.IntN(8)))
		}
		most, n := r.IntN(20), 0
		for _, err := range loop(p, l.item(r, depth), slices.Values(items), opts...) {
			if n++; !ended(err) {
				l.errorf("IMap: %v", err)
			}
			if most--; most < 0 {
				break
			}
		}
		if n > len(items)+1 {
			l.errorf("IMap of %d has yielded %d", len(items), n)
		}
	case 5:
		l.scope(ctx, r, depth, p.Scope, l)
	case 6:
		own := &land{world: l.world, name: l.name + ".Scope", own: true, books: new(books)}
		l.scope(ctx, r, depth, func(ctx context.Context, body func(context.Context, *pool.Pool) error) error {
			if r.IntN(2) == 0 {
				return pool.Scope(ctx, body, pool.Backlog(r.IntN(3)))
			}
			return pool.Scope(ctx, body)
		}, own)
	case 7:
		l.alone(ctx, r, depth)
	}
}

// scope runs a Scope and compares what it returns with what its tasks have returned.
func (l *land) scope(
	ctx context.Context, r *rand.Rand, depth int, run func(context.Context, func(context.Context, *pool.Pool) error) error, of *land,
) {
	l.spreads.Store(true)
	var inside, failed atomic.Int64
	var g *pool.Pool
	outer := l.ctx(r, ctx)
	err := run(outer, func(ctx context.Context, view *pool.Pool) error {
		g = view
		in := &land{world: of.world, name: of.name, own: true, p: view, books: of.books}
		for range r.IntN(5) {
			if r.IntN(3) == 0 {
				in.act(ctx, r, depth+1)
				continue
			}
			fn := in.body(new(fate), r.Uint64(), depth+1)
			_ = g.Go(func(ctx context.Context) error {
				inside.Add(1)
				defer inside.Add(-1)
				_, err := fn(ctx)
				if err == errTest && context.Cause(ctx) != errTest {
					failed.Add(1)
				}
				return err
			})
		}
		if r.IntN(8) == 0 {
			return errTest
		}
		return nil
	})
	switch {
	case g == nil && !l.unstarted(err):
		l.errorf("a scope that has not begun: %v", err)
	case inside.Load() != 0:
		l.errorf("%d tasks of a scope that is over", inside.Load())
	case failed.Load() > 0 && !errors.Is(err, errTest):
		l.errorf("a task of the scope has failed, and that returned %v", err)
	case !ended(err):
		l.errorf("Scope: %v", err)
	case g != nil:
		e := g.TryGo(func(context.Context) error { return nil })
		if !errors.Is(e, pool.ErrClosed) && !errors.Is(e, pool.ErrTerminated) && !errors.Is(e, errInit) {
			l.errorf("a scope that is over accepts, or says %v", e)
		}
	}
}

// alone is what needs no pool.
func (l *land) alone(ctx context.Context, r *rand.Rand, depth int) {
	f := new(fate)
	opts := l.callback(r, f, depth)
	switch r.IntN(3) {
	case 0:
		l.await(ctx, r, l.keep(f, pool.Spawn(l.body(f, r.Uint64(), depth+1), opts...)))
	case 1:
		l.keep(f, pool.SpawnContext(l.ctx(r, ctx), l.body(f, r.Uint64(), depth+1), opts...))
	case 2:
		var p pool.Promise[int]
		f.callback = false
		set := func() {
			if p.TrySet(1, nil) {
				f.ran.Add(1)
			}
		}
		l.keep(f, p.Result())
		if err := l.p.TryGo(func(context.Context) error { set(); return nil }); err != nil || r.IntN(3) == 0 {
			set()
		}
		p.Result().WaitTimeout(l.wait(r))
		p.Result().Cancel()
	}
}

// meddle does something to what others do.
func (l *land) meddle(ctx context.Context, r *rand.Rand, _ int) {
	switch r.IntN(10) {
	case 0:
		l.p.Resize([]int{1, 2, 3, 4, math.MaxInt}[r.IntN(5)])
	case 1:
		l.p.CancelPending()
	case 2, 3:
		if f := l.some(r); f != nil && f.result.Cancel() {
			f.cancelled.Store(true)
		}
	case 4, 5:
		if f := l.some(r); f != nil {
			_, _ = f.result.GetTimeout(l.wait(r))
		}
	case 6:
		l.mu.Lock()
		if n := len(l.cancels); n > 0 {
			end := l.cancels[r.IntN(n)]
			defer end()
		}
		l.mu.Unlock()
	case 7:
		if f := l.some(r); f != nil {
			f.result.Started()
			f.result.Ready()
			ctx, cancel := context.WithTimeout(ctx, l.wait(r)+1) // it may be waiting for us
			defer cancel()
			_ = f.result.WaitContext(ctx)
		}
	case 8:
		l.p.Workers()
	}
}

// settle ends everything and checks the books. It returns what was wrong.
func (w *world) settle(r *rand.Rand) error {
	for _, l := range w.lands {
		if r.IntN(2) == 0 {
			l.ends[r.IntN(len(l.ends))]()
		}
		l.p.Close()
	}
	if err := w.quiesce(); err != nil {
		return err
	}
	for _, cancel := range w.cancels {
		cancel()
	}
	for _, l := range w.lands {
		l.audit()
	}
	for _, f := range w.fates {
		w.review(f)
	}
	for _, m := range w.maps {
		if !m.Ready() {
			w.errorf("a Map does not resolve")
		}
	}
	return errors.Join(w.faults...)
}

// quiesce waits until nothing is under way any more. What is refused by a pool that has ended has callbacks too, which
// submit more; so it does so until nothing was added.
func (w *world) quiesce() error {
	for seen := -1; ; {
		w.mu.Lock()
		fates := slices.Clone(w.fates)
		w.mu.Unlock()
		for _, l := range w.lands {
			if !l.p.JoinTimeout(explore.LastResort) {
				w.errorf("%s does not end: %+v", l.name, l.p.Stats())
				return errors.Join(w.faults...)
			}
		}
		for _, f := range fates { // also of what was spawned
			if !f.result.WaitTimeout(explore.LastResort) {
				w.errorf("a Result does not resolve")
				return errors.Join(w.faults...)
			}
		}
		if len(fates) == seen {
			return nil
		}
		seen = len(fates)
	}
}

// audit compares the books of a pool that was joined with what it says.
func (l *land) audit() {
	s, b := l.p.Stats(), l.books
	l.look()
	if s.Queued+s.Running+s.Lent != 0 {
		l.errorf("%s: in the end %+v", l.name, s)
	}
	if inits, fins := l.inits.Load(), l.fins.Load(); inits >= 0 && fins > 0 && inits != fins {
		l.errorf("%s: %d Initializers and %d Finalizers", l.name, inits, fins)
	}
	if n := aliveWorkers(l.name); n > 0 {
		l.errorf("%s: %d workers are left", l.name, n)
	}
	if !b.single.Load() {
		return
	}
	least, most := uint64(b.accepted.Load()), uint64(b.accepted.Load()+b.perhaps.Load())
	if s.Submitted < least || s.Submitted > most || s.Succeeded+s.Failed != uint64(b.called.Load()) {
		l.errorf("%s: %+v, and %d to %d were accepted, and %d called", l.name, s, least, most, b.called.Load())
	}
}

// review looks at what became of a task.
func (w *world) review(f *fate) {
	_, err := f.result.TryGet()
	ran := f.ran.Load()
	switch {
	case f.callback != (f.callbacks.Load() == 1), f.after != (f.afters.Load() == 1):
		w.errorf("callbacks ran %d times and OnDone %d times", f.callbacks.Load(), f.afters.Load())
	case ran == 0 && !w.unstarted(err):
		w.errorf("a task that did not run is %v", err)
	case f.result.Started() != (ran == 1):
		w.errorf("a task that ran %d times says that it was started: %t", ran, f.result.Started())
	case f.cancelled.Load() && (ran != 0 || err != pool.ErrCancelled):
		w.errorf("Cancel reported true; the task ran %d times and is %v", ran, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, told := range f.told {
		if told != err {
			w.errorf("told of %v, the Result is %v", told, err)
		}
	}
}

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
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
)

// An admission is a way to submit a function that may have to wait for a place.
type admission struct {
	name   string
	submit func(p *pool.Pool, fn func()) error
	gives  error         // what it reports if there is no place; nil: it waits for ever
	after  time.Duration // and when
}

func returning(fn func()) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { fn(); return 0, nil }
}

// A callback of what was not accepted must not be called.
func noCallback() pool.TaskOption[int] {
	return pool.Callback(func(_ int, err error) {
		if err != nil {
			panic(fmt.Sprint("callback with ", err))
		}
	})
}

// soon returns a context that ends after d, and is released by that.
func soon(d time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(d, func() { cancel(errStop) })
	return ctx
}

func errOf[T any](_ T, err error) error { return err }

var admissions = []admission{
	{"Go", func(p *pool.Pool, fn func()) error { return p.Go(func(context.Context) error { fn(); return nil }) }, nil, 0},
	{"TryGo", func(p *pool.Pool, fn func()) error { return p.TryGo(func(context.Context) error { fn(); return nil }) }, pool.ErrFull, 0},
	{"GoTimeout(0)", func(p *pool.Pool, fn func()) error {
		return p.GoTimeout(0, func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, 0},
	{"GoTimeout(-1)", func(p *pool.Pool, fn func()) error {
		return p.GoTimeout(-1, func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, 0},
	{"GoTimeout(1s)", func(p *pool.Pool, fn func()) error {
		return p.GoTimeout(time.Second, func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, time.Second},
	{"GoTimeout for ever", func(p *pool.Pool, fn func()) error {
		return p.GoTimeout(forever, func(context.Context) error { fn(); return nil })
	}, nil, 0},
	{"GoContext", func(p *pool.Pool, fn func()) error {
		return p.GoContext(soon(time.Second), func(context.Context) error { fn(); return nil })
	}, errStop, time.Second},
	{"GoContext without an end", func(p *pool.Pool, fn func()) error {
		return p.GoContext(context.Background(), func(context.Context) error { fn(); return nil })
	}, nil, 0},
	{"Go in a view", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Second)).Go(func(context.Context) error { fn(); return nil })
	}, errStop, time.Second},
	{"TryGo in a view", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Second)).TryGo(func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, 0},
	{"GoTimeout(0) in a view", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Second)).GoTimeout(0, func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, 0},
	{"GoTimeout(1s) in a view that ends later", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Minute)).GoTimeout(time.Second, func(context.Context) error { fn(); return nil })
	}, pool.ErrFull, time.Second},
	{"GoTimeout(1m) in a view that ends sooner", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Second)).GoTimeout(time.Minute, func(context.Context) error { fn(); return nil })
	}, errStop, time.Second},
	{"GoTimeout in a view whose deadline is sooner", func(p *pool.Pool, fn func()) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		time.AfterFunc(time.Minute, cancel) // not before a function that was accepted has been called
		return p.WithContext(ctx).GoTimeout(time.Minute, func(context.Context) error { fn(); return nil })
	}, context.DeadlineExceeded, time.Second},
	{"GoContext in a view, whose ends sooner", func(p *pool.Pool, fn func()) error {
		return p.WithContext(soon(time.Second)).GoContext(soon(time.Minute), func(context.Context) error { fn(); return nil })
	}, errStop, time.Second},
	{"TryApplyAsync", func(p *pool.Pool, fn func()) error {
		return errOf(pool.TryApplyAsync(p, returning(fn), noCallback()))
	}, pool.ErrFull, 0},
	{"ApplyAsync", func(p *pool.Pool, fn func()) error {
		r := pool.ApplyAsync(p, returning(fn))
		if r.Ready() {
			return errOf(r.Get())
		}
		return nil
	}, nil, 0},
	{"ApplyAsync in a view", func(p *pool.Pool, fn func()) error {
		r := pool.ApplyAsync(p.WithContext(soon(time.Second)), returning(fn))
		if r.Ready() {
			return errOf(r.Get())
		}
		return nil
	}, errStop, time.Second},
	{"ApplyAsyncTimeout(0)", func(p *pool.Pool, fn func()) error {
		return errOf(pool.ApplyAsyncTimeout(p, 0, returning(fn), noCallback()))
	}, pool.ErrFull, 0},
	{"ApplyAsyncTimeout(1s)", func(p *pool.Pool, fn func()) error {
		return errOf(pool.ApplyAsyncTimeout(p, time.Second, returning(fn), noCallback()))
	}, pool.ErrFull, time.Second},
	{"ApplyAsyncTimeout for ever", func(p *pool.Pool, fn func()) error {
		return errOf(pool.ApplyAsyncTimeout(p, forever, returning(fn)))
	}, nil, 0},
	{"ApplyAsyncContext", func(p *pool.Pool, fn func()) error {
		return errOf(pool.ApplyAsyncContext(soon(time.Second), p, returning(fn), noCallback()))
	}, errStop, time.Second},
	{"Apply in a view", func(p *pool.Pool, fn func()) error {
		return errOf(pool.Apply(p.WithContext(soon(time.Second)), returning(fn)))
	}, errStop, time.Second},
	{"Map in a view", func(p *pool.Pool, fn func()) error {
		item := func(context.Context, int) (int, error) { fn(); return 0, nil }
		return errOf(pool.Map(p.WithContext(soon(time.Second)), item, []int{1}))
	}, errStop, time.Second},
}

// fill submits without waiting until there is no place left, and returns how many were accepted.
func fill(t testing.TB, p *pool.Pool) (n int) {
	t.Helper()
	for {
		switch err := p.TryGo(func(context.Context) error { return nil }); {
		case err == pool.ErrFull:
			return n
		case err != nil:
			t.Fatalf("TryGo: %v", err)
		}
		n++
	}
}

func TestABacklogHasSoManyPlacesBeyondTheFreeWorkers(t *testing.T) {
	for _, workers := range []int{1, 3} {
		for _, n := range []int{0, 1, 5, 300} {
			inBubble(t, fmt.Sprint(workers, " workers, backlog ", n), func(t *testing.T) {
				p := newPool(t, workers, pool.Backlog(n))
				g := newGate(t)
				for i := range workers + n { // also before any worker has been started
					if err := p.TryGo(func(context.Context) error { g.pass(); return nil }); err != nil {
						t.Fatalf("submission %d: %v", i, err)
					}
				}
				for range 2 {
					wantErr(t, "one more", p.TryGo(func(context.Context) error { t.Error("called"); return nil }), pool.ErrFull)
					if _, err := pool.TryApplyAsync(p, returning(func() { t.Error("called") })); err != pool.ErrFull {
						t.Errorf("one more: %v", err)
					}
					synctest.Wait()
				}
				if s := p.Stats(); s.Running != workers || s.Queued != n || s.Submitted != uint64(workers+n) {
					t.Errorf("%+v", s)
				}
				g.open()
				synctest.Wait()
				g = occupy(t, p, workers)
				if got := fill(t, p); got != n {
					t.Errorf("%d places, want %d", got, n)
				}
				g.open()
			})
		}
	}
	inBubble(t, "none by default", func(t *testing.T) {
		p := newPool(t, 1)
		occupy(t, p, 1)
		for range 10_000 {
			if err := p.TryGo(func(context.Context) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestASubmissionThatFindsNoPlaceWaitsOrGivesUpExactly(t *testing.T) {
	for _, a := range admissions {
		for _, n := range []int{0, 1} {
			for _, through := range []string{"the pool", "a view"} {
				inBubble(t, fmt.Sprint(a.name, "/backlog ", n, "/", through), func(t *testing.T) {
					hook := hookPanics(t)
					p := newPool(t, 1, pool.Backlog(n))
					view := p
					if through == "a view" {
						view = p.WithPriority(-1)
					}
					g := occupy(t, p, 1)
					fill(t, p)
					before := p.Stats()
					var ran atomic.Int32
					begin := time.Now()
					c := start(func() error { return a.submit(view, func() { ran.Add(1) }) })
					synctest.Wait()
					switch {
					case a.gives == nil:
						time.Sleep(1000 * time.Hour)
						c.wantWaiting(t, a.name)
						if after := p.Stats(); after != before {
							t.Errorf("one that waits is counted: %+v, before: %+v", after, before)
						}
						g.open()
						synctest.Wait()
						c.want(t, a.name, nil)
						if ran.Load() != 1 {
							t.Errorf("the function was called %d times", ran.Load())
						}
						return
					case a.after > 0:
						time.Sleep(a.after - 1)
						synctest.Wait()
						c.wantWaiting(t, a.name)
						time.Sleep(time.Nanosecond)
						synctest.Wait()
					}
					c.want(t, a.name, a.gives)
					if took := time.Since(begin); took != a.after {
						t.Errorf("it took %v, want %v", took, a.after)
					}
					if after := p.Stats(); after != before {
						t.Errorf("one that gave up is counted: %+v, before: %+v", after, before)
					}
					wantErr(t, "TryGo", p.TryGo(func(context.Context) error { return nil }), pool.ErrFull)
					g.open()
					synctest.Wait()
					if ran.Load() != 0 {
						t.Error("it gave up, and its function was called")
					}
					// What it wanted is free for others, and for itself.
					c = start(func() error { return a.submit(view, func() { ran.Add(1) }) })
					synctest.Wait()
					c.want(t, a.name+" again", nil)
					if ran.Load() != 1 {
						t.Errorf("the function was called %d times", ran.Load())
					}
					time.Sleep(time.Hour)
					hook.wantValues(t)
				})
			}
		}
	}
}

// Everything that makes a place lets the first in line in, and only as many as there are places.
func TestWhateverMakesAPlaceServesTheFirstInLine(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int // that get in
		place func(p *pool.Pool, s *placeStage)
	}{
		{"a task is cancelled", 1, func(_ *pool.Pool, s *placeStage) { s.queued[1].Cancel() }},
		{"CancelPending", 2, func(p *pool.Pool, _ *placeStage) { p.CancelPending() }},
		{"the context of what is queued ends", 2, func(_ *pool.Pool, s *placeStage) { s.end(errStop) }},
		{"a task returns", 1, func(_ *pool.Pool, s *placeStage) { s.first.open() }},
		{"Resize", 1, func(p *pool.Pool, _ *placeStage) { p.Resize(2) }},
		{"Resize to more", 3, func(p *pool.Pool, _ *placeStage) { p.Resize(4) }},
		{"Resize to much more", 4, func(p *pool.Pool, _ *placeStage) { p.Resize(40) }},
		{"the running task lends its slot", 1, func(_ *pool.Pool, s *placeStage) { s.lend.open() }},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			p := newPool(t, 1, pool.Backlog(2))
			s := &placeStage{first: newGate(t), lend: newGate(t)}
			other := newPool(t, 1)
			hold := occupy(t, other, 1)
			var ctx context.Context
			ctx, s.end = context.WithCancelCause(t.Context())
			defer s.end(nil)
			_ = p.Go(func(context.Context) error {
				select {
				case <-s.first.opened:
				case <-s.lend.opened:
					_, _ = pool.Apply(other, returning(func() {}))
				}
				return nil
			})
			synctest.Wait()
			last := newGate(t) // what was queued or let in does not end by itself
			for range 2 {
				s.queued = append(s.queued, pool.ApplyAsync(p.WithContext(ctx), returning(last.pass)))
			}
			var line []*call
			for i := range 4 {
				line = append(line, start(admissions[[]int{0, 7, 16, 5}[i]].run(p, last.pass)))
				synctest.Wait()
			}
			c.place(p, s)
			synctest.Wait()
			for i, waiting := range line {
				if want := i < c.n; waiting.returned() != want {
					t.Errorf("number %d in line has a place: %t, want %t", i+1, waiting.returned(), want)
				}
			}
			want := pool.ErrFull
			if c.n == 4 {
				want = nil
			}
			wantErr(t, "TryGo", p.TryGo(func(context.Context) error { return nil }), want)
			last.open()
			s.first.open()
			hold.open()
			synctest.Wait()
			for _, waiting := range line {
				waiting.want(t, "a submission in line", nil)
			}
		})
	}
}

type placeStage struct {
	first, lend *gate
	end         context.CancelCauseFunc
	queued      []*pool.Result[int]
}

func (a admission) run(p *pool.Pool, fn func()) func() error {
	return func() error { return a.submit(p, fn) }
}

// Those in line are served in the order in which they came, whatever form they used; one that gives up is passed over.
func TestSubmissionsInLineAreServedInTheOrderOfArrival(t *testing.T) {
	for _, n := range []int{0, 1, 3} {
		for _, by := range []string{"one by one", "all at once"} {
			inBubble(t, fmt.Sprint("backlog ", n, "/", by), func(t *testing.T) {
				p := newPool(t, 1, pool.Backlog(n))
				step := make(chan struct{})
				_ = p.Go(func(context.Context) error { <-step; return nil })
				synctest.Wait()
				for range n {
					_ = p.Go(func(context.Context) error { <-step; return nil })
				}
				var mu sync.Mutex
				var order, want []int
				var line []*call
				for i := range 30 {
					var a admission
					for a = admissions[i%len(admissions)]; a.gives != nil && a.after == 0; {
						a = admissions[rand.IntN(len(admissions))]
					}
					line = append(line, start(a.run(p, func() {
						mu.Lock()
						order = append(order, i)
						mu.Unlock()
						if by == "one by one" {
							<-step
						}
					})))
					synctest.Wait()
					if a.gives == nil {
						want = append(want, i)
					}
				}
				time.Sleep(time.Hour) // those who give up do
				if by == "one by one" {
					for range 1 + n + len(want) {
						step <- struct{}{}
						synctest.Wait()
					}
				} else {
					close(step)
				}
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(order, want) {
					t.Errorf("called %v, want %v", order, want)
				}
				for i, c := range line {
					if !c.returned() {
						t.Errorf("submission %d still waits", i)
					}
				}
			})
		}
	}
}

// A place that becomes free is the first waiter's at once: there is nothing to snatch.
func TestANewcomerDoesNotOvertakeThoseInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(1))
		g := occupy(t, p, 1)
		for range 100 {
			queued := pool.ApplyAsync(p, returning(func() {}))
			c := start(func() error { return p.Go(func(context.Context) error { return nil }) })
			synctest.Wait()
			queued.Cancel()
			if err := p.TryGo(func(context.Context) error { return nil }); err != pool.ErrFull {
				t.Fatalf("TryGo: %v", err)
			}
			synctest.Wait()
			c.want(t, "Go", nil)
			p.CancelPending()
		}
		g.open()
	})
}

func TestCloseAndTerminateSendEverybodyInLineAway(t *testing.T) {
	for name, end := range map[string]struct {
		call func(*pool.Pool)
		want error
	}{
		"Close":     {(*pool.Pool).Close, pool.ErrClosed},
		"Terminate": {(*pool.Pool).Terminate, pool.ErrTerminated},
	} {
		for _, n := range []int{0, 2} {
			inBubble(t, fmt.Sprint(name, "/backlog ", n), func(t *testing.T) {
				p := newPool(t, 1, pool.Backlog(n), pool.Name("away"))
				g := occupy(t, p, 1)
				fill(t, p)
				var line []*call
				for _, a := range admissions {
					if a.gives != nil && a.after == 0 {
						continue
					}
					line = append(line, start(a.run(p, func() { t.Error("called") })))
				}
				synctest.Wait()
				end.call(p)
				synctest.Wait()
				for _, c := range line {
					c.want(t, "a submission in line", end.want)
				}
				time.Sleep(time.Hour) // nothing is left to give up
				g.open()
				p.Join()
				wantOver(t, p, "away")
			})
		}
	}
}

// A million races in miniature: whoever is told that he gave up has not submitted, and whoever is not, has, once.
func TestNoSubmissionIsLostOrDoubledWhenGivingUpRacesWithAPlace(t *testing.T) {
	defer hangs(t)()
	for _, n := range []int{0, 1, 3} {
		t.Run(fmt.Sprint("backlog ", n), func(t *testing.T) {
			p := pool.New(2, pool.Backlog(n), pool.Name("conserved"))
			const submitters = 8
			each := rounds(10_000)
			runs := make([]atomic.Int32, submitters*each)
			accepted := make([]bool, submitters*each)
			dropped := make([]bool, submitters*each) // perhaps
			var wg sync.WaitGroup
			for s := range submitters {
				wg.Go(func() {
					random := rand.New(rand.NewPCG(uint64(s), uint64(n)))
					for i := s * each; i < (s+1)*each; i++ {
						run := func(context.Context) error { runs[i].Add(1); return nil }
						apply := func(context.Context) (int, error) { runs[i].Add(1); return 0, nil }
						patience := time.Duration(random.IntN(20)) * time.Microsecond
						ctx, cancel := context.WithCancel(context.Background())
						var err error
						switch random.IntN(7) {
						case 0:
							err = p.TryGo(run)
						case 1:
							err = p.Go(run)
						case 2:
							err = p.GoTimeout(patience, run)
						case 3:
							_, err = pool.ApplyAsyncTimeout(p, patience, apply)
						case 4:
							c := start(func() error { return p.GoContext(ctx, run) })
							for range random.IntN(3) {
								runtime.Gosched()
							}
							cancel()
							<-c.done
							err = c.err
							dropped[i] = err == nil // if it was in time
						case 5:
							_, err = pool.TryApplyAsync(p, apply)
						case 6:
							err = p.WithContext(context.Background()).GoTimeout(patience, run)
						}
						cancel()
						if err != nil && err != pool.ErrFull && !errors.Is(err, context.Canceled) {
							t.Errorf("submission %d: %v", i, err)
						}
						accepted[i] = err == nil
					}
				})
			}
			wg.Wait()
			p.Shutdown()
			wantOver(t, p, "conserved")
			refused := 0
			for i := range runs {
				ran := runs[i].Load()
				if dropped[i] && ran == 0 {
					continue
				}
				if want := map[bool]int32{true: 1}[accepted[i]]; ran != want {
					t.Fatalf("submission %d, accepted %t, ran %d times", i, accepted[i], ran)
				}
				if ran == 0 {
					refused++
				}
			}
			t.Logf("%d of %d were not accepted", refused, len(runs))
		})
	}
}

// What those who work at a Map may spare is no task, and takes no place: neither from who comes, nor from who waits in line
// when it turns out that nothing is spared.
func TestWhatAMapMaySpareTakesNoPlace(t *testing.T) {
	// spread starts a Map in the two workers of p. One is in the first item, of a part with a second one, since there are four
	// times as many items as workers, and one; the other is in the last item.
	spread := func(t *testing.T, p *pool.Pool, second func()) (first *gate) {
		first, last := newGate(t), newGate(t)
		go func() {
			_ = pool.ForEach(p, func(_ context.Context, i int) error {
				switch i {
				case 0:
					first.pass()
				case 1:
					second()
				case 8:
					last.pass()
				}
				return nil
			}, upTo(9))
		}()
		synctest.Wait()
		if s := p.Stats(); s.Running != 2 || s.Queued != 0 {
			t.Errorf("%+v, want 2 running and none queued", s)
		}
		return first
	}
	inBubble(t, "from who comes", func(t *testing.T) {
		p := newPool(t, 2, pool.Backlog(1))
		spread(t, p, func() {})
		wantErr(t, "the first", p.TryGo(func(context.Context) error { return nil }), nil)
		wantErr(t, "the second", p.TryGo(func(context.Context) error { return nil }), pool.ErrFull)
	})
	inBubble(t, "from who waits", func(t *testing.T) {
		p := newPool(t, 2, pool.Backlog(0))
		var ran atomic.Bool
		first := spread(t, p, func() { // now there is nothing to spare, which nobody knows
			wantErr(t, "Go", p.Go(func(context.Context) error { ran.Store(true); return nil }), nil)
		})
		first.open()
		synctest.Wait()
		if !ran.Load() {
			t.Errorf("a submission waits for room that nobody takes: %+v", p.Stats())
		}
	})
}

// Whoever is behind another in line learns of the end of its context all the same.
func TestASubmissionBehindAnotherGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, pool.Backlog(1))
		gate := make(chan struct{})
		wait := func(context.Context) error { <-gate; return nil }
		for range 2 { // one runs, one is queued
			if err := p.TryGo(wait); err != nil {
				t.Fatal(err)
			}
		}
		first := make(chan error, 1)
		go func() { first <- p.Go(wait) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error, 1)
		go func() { second <- p.GoContext(ctx, wait) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		select {
		case err := <-second:
			if err != context.Canceled {
				t.Error(err)
			}
		default:
			t.Error("it waits on")
		}
		close(gate)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// The largest numbers mean as much as there can be.
func TestTheLargestNumbersDoNotOverflow(t *testing.T) {
	double := func(_ context.Context, n int) (int, error) { return 2 * n, nil }
	want := []int{2, 4, 6}
	inBubble(t, "Backlog", func(t *testing.T) {
		p := newPool(t, 4, pool.Backlog(math.MaxInt-1))
		if err := p.TryGo(func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
	})
	inBubble(t, "ChunkSize of Map", func(t *testing.T) {
		p := newPool(t, 4)
		if got, err := pool.Map(p, double, []int{1, 2, 3}, pool.ChunkSize(math.MaxInt)); err != nil || !slices.Equal(got, want) {
			t.Error(got, err)
		}
	})
	inBubble(t, "ChunkSize of IMap", func(t *testing.T) {
		p := newPool(t, 4)
		var got []int
		for n, err := range pool.IMap(p, double, slices.Values([]int{1, 2, 3}), pool.ChunkSize(math.MaxInt)) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Error(got)
		}
	})
}

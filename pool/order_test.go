package pool_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/pool"
)

// A sequence is what one worker called, in order.
type sequence struct{ ids []int } // one worker, so nobody else writes it

// submit submits a task that notes its id, by one of the forms.
func (s *sequence) submit(p *pool.Pool, form, id int) {
	note := func(context.Context) error { s.ids = append(s.ids, id); return nil }
	apply := func(context.Context) (int, error) { s.ids = append(s.ids, id); return 0, nil }
	switch form % 5 {
	case 0:
		_ = p.Go(note)
	case 1:
		pool.ApplyAsync(p, apply)
	case 2:
		_ = p.GoContext(context.Background(), note)
	case 3:
		_, _ = pool.TryApplyAsync(p, apply)
	case 4:
		pool.MapAsync(p, func(ctx context.Context, _ int) (int, error) { return apply(ctx) }, []int{1})
	}
}

func upAndDown(n int, down bool) (ids []int) {
	for i := range n {
		ids = append(ids, i)
	}
	if down {
		slices.Reverse(ids)
	}
	return ids
}

func TestTasksAreStartedInTheOrderOfSubmissionOrNewestFirst(t *testing.T) {
	for _, lifo := range []bool{false, true} {
		for form, name := range []string{"Go", "ApplyAsync", "GoContext", "TryApplyAsync", "MapAsync", "all forms", "runs of each"} {
			inBubble(t, fmt.Sprint(name, ", LIFO: ", lifo), func(t *testing.T) {
				var opts []pool.Option
				if lifo {
					opts = append(opts, pool.LIFO())
				}
				p := newPool(t, 1, opts...)
				g := occupy(t, p, 1)
				const n = 1000
				var s sequence
				for i := range n {
					switch name {
					case "all forms":
						s.submit(p, i, i)
					case "runs of each":
						s.submit(p, i/150, i)
					default:
						s.submit(p, form, i)
					}
				}
				g.open()
				p.Shutdown()
				if want := upAndDown(n, lifo); !slices.Equal(s.ids, want) {
					t.Errorf("called %v", s.ids)
				}
			})
		}
	}
}

func TestSmallerPrioritiesAreStartedFirst(t *testing.T) {
	for _, c := range []struct {
		name       string
		priorities []int
	}{
		{"default is 0", []int{1, 0, -1, 1, 0, -1}},
		{"extremes", []int{math.MaxInt, 0, math.MinInt, math.MaxInt - 1, math.MinInt + 1, math.MaxInt, math.MinInt}},
		{"five thousand distinct ones", rand.New(rand.NewPCG(1, 2)).Perm(5000)},
		{"rising", upAndDown(1000, false)},
		{"falling", upAndDown(1000, true)},
		{"few", func() (ps []int) {
			random := rand.New(rand.NewPCG(3, 4))
			for range 3000 {
				ps = append(ps, random.IntN(7)-3)
			}
			return ps
		}()},
	} {
		for _, lifo := range []bool{false, true} {
			inBubble(t, fmt.Sprint(c.name, ", LIFO: ", lifo), func(t *testing.T) {
				var opts []pool.Option
				if lifo {
					opts = append(opts, pool.LIFO())
				}
				p := newPool(t, 1, opts...)
				repeat := 2
				if race {
					repeat = 1
				}
				for round := range repeat { // the second finds the levels of the first
					g := occupy(t, p, 1)
					var s sequence
					want := upAndDown(len(c.priorities), lifo)
					slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(c.priorities[a], c.priorities[b]) })
					for i, priority := range c.priorities {
						view := p.WithPriority(priority)
						if priority == 0 && i%2 == 0 {
							view = p // the same
						}
						s.submit(view, i, i)
					}
					g.open()
					synctest.Wait()
					if !slices.Equal(s.ids, want) {
						t.Errorf("round %d: called %v, want %v", round, s.ids, want)
					}
				}
			})
		}
	}
}

// Submissions, starts, cancellations and more in any order, against a slice.
func TestTheQueueOfAPoolIsTheNaiveOne(t *testing.T) {
	type item struct{ id, priority int }
	for seed := range uint64(rounds(60)) {
		for _, lifo := range []bool{false, true} {
			inBubble(t, fmt.Sprint("seed ", seed, ", LIFO: ", lifo), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 5))
				var opts []pool.Option
				if lifo {
					opts = append(opts, pool.LIFO())
				}
				p := newPool(t, 1, opts...)
				step := make(chan struct{})
				defer close(step)
				var started []int
				var model []item
				cancels := make(map[int]func() bool)
				next := func() int { // where the next one to start is
					best := 0
					for i, it := range model {
						if it.priority < model[best].priority || lifo && it.priority == model[best].priority {
							best = i
						}
					}
					return best
				}
				_ = p.Go(func(context.Context) error { <-step; return nil })
				synctest.Wait()
				spread := 1 + random.IntN(40)
				for id := range 600 {
					// A few of a kind in a row, so that what Go keeps together is long, and is broken off.
					burst, form, priority := 1, random.IntN(3), random.IntN(spread)-spread/2
					if random.IntN(10) == 0 {
						burst = random.IntN(300)
					}
					switch op := random.IntN(100); {
					case op < 48:
						for b := range burst {
							id := id*1000 + b
							view := p.WithPriority(priority)
							model = append(model, item{id, priority})
							run := func() { started = append(started, id); <-step }
							switch form {
							case 0:
								_ = view.Go(func(context.Context) error { run(); return nil })
							case 1:
								r := pool.ApplyAsync(view, func(context.Context) (int, error) { run(); return 0, nil })
								cancels[id] = r.Cancel
							case 2:
								_ = view.GoContext(context.Background(), func(context.Context) error { run(); return nil })
							}
						}
					case op < 90:
						for range burst {
							if len(model) == 0 {
								break
							}
							i := next()
							want := model[i].id
							model = slices.Delete(model, i, i+1)
							delete(cancels, want)
							step <- struct{}{}
							synctest.Wait()
							if got := started[len(started)-1]; got != want {
								t.Fatalf("started %d, want %d", got, want)
							}
						}
					case op < 99:
						for id, cancel := range cancels {
							if !cancel() {
								t.Fatalf("Cancel of %d, which is queued, is false", id)
							}
							delete(cancels, id)
							model = slices.DeleteFunc(model, func(it item) bool { return it.id == id })
							break
						}
					default:
						if n := p.CancelPending(); n != len(model) {
							t.Fatalf("CancelPending() = %d, want %d", n, len(model))
						}
						model = nil
						clear(cancels)
					}
					if s := p.Stats(); s.Queued != len(model) {
						t.Fatalf("%d are queued, want %d", s.Queued, len(model))
					}
				}
			})
		}
	}
}

func TestViewsShareEverythingButContextAndPriority(t *testing.T) {
	inBubble(t, "state", func(t *testing.T) {
		p := newPool(t, 2, pool.Backlog(3), pool.Name("shared"))
		views := []*pool.Pool{
			p, p.WithPriority(3), p.WithContext(t.Context()), p.WithPriority(1).WithContext(t.Context()).WithPriority(2),
		}
		g := occupy(t, views[3], 2)
		if n := fill(t, views[1]); n != 3 {
			t.Errorf("%d places", n)
		}
		for i, v := range views {
			if v.Stats() != p.Stats() || v.Workers() != 2 {
				t.Errorf("view %d: %+v, %d workers", i, v.Stats(), v.Workers())
			}
			wantErr(t, "TryGo", v.TryGo(func(context.Context) error { return nil }), pool.ErrFull)
		}
		if n := views[2].CancelPending(); n != 3 {
			t.Errorf("CancelPending() = %d", n)
		}
		views[2].Resize(3)
		if p.Workers() != 3 {
			t.Errorf("Workers() = %d", p.Workers())
		}
		views[1].Close()
		for _, v := range views {
			wantErr(t, "TryGo", v.TryGo(func(context.Context) error { return nil }), pool.ErrClosed)
		}
		views[3].Terminate()
		for _, v := range views {
			wantErr(t, "TryGo", v.TryGo(func(context.Context) error { return nil }), pool.ErrTerminated)
		}
		g.open()
		views[2].Join()
		wantOver(t, p, "shared")
	})
	inBubble(t, "WithPriority keeps the context, and WithContext both", func(t *testing.T) {
		p := newPool(t, 1)
		g := occupy(t, p, 1)
		ended, end := context.WithCancelCause(t.Context())
		end(errStop)
		live, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, 1))
		defer cancel()
		wantErr(t, "Go", p.WithContext(ended).WithPriority(1).Go(func(context.Context) error { return nil }), errStop)
		wantErr(t, "Go", p.WithContext(ended).WithContext(live).Go(func(context.Context) error { return nil }), errStop)
		wantErr(t, "Go", p.WithContext(live).WithContext(ended).Go(func(context.Context) error { return nil }), errStop)
		wantErr(t, "Go of the pool", p.Go(func(context.Context) error { return nil }), nil)
		var s sequence
		s.submit(p, 0, 3)
		s.submit(p.WithPriority(2), 0, 4)
		s.submit(p.WithPriority(-2).WithContext(live), 0, 1)
		s.submit(p.WithPriority(-2).WithPriority(-1).WithContext(live), 1, 2)
		g.open()
		synctest.Wait()
		if !slices.Equal(s.ids, []int{1, 2, 3, 4}) {
			t.Errorf("called %v", s.ids)
		}
	})
}

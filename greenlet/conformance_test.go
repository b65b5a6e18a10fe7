package greenlet_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// simple is the program of test_simple.
func simple(t *testing.T) {
	t.Helper()
	var l log
	g := greenlet.New(func(any) (any, error) {
		l.say(1)
		_, err := back(nil)
		l.say(3)
		return nil, err
	})
	l.say(0)
	_, _ = g.Switch(nil)
	l.say(2)
	_, _ = g.Switch(nil)
	l.say(4)
	l.check(t, "0 1 2 3 4")
}

// waits switches to its parent, notes with what it was ended, and returns errWhy if it was not.
func waits(seen *[]error) func(any) (any, error) {
	return func(any) (any, error) {
		if _, err := back(nil); err != nil {
			*seen = append(*seen, err)
			return nil, err
		}
		return nil, errWhy
	}
}

// crash throws err into g as greenlets could before there was throw: by a child of g that fails.
func crash(g *green, err error) (any, error) {
	child := greenlet.New(func(any) (any, error) { return nil, err })
	child.SetParent(g)
	return child.Switch(nil)
}

// The cases of greenlet's test_greenlet.py.
func TestConformance(t *testing.T) {
	t.Run("GL01 test_simple", simple)

	for _, name := range []string{
		"GL02 test_switch_no_run_raises_AttributeError", "GL03 test_throw_no_run_raises_AttributeError",
		"GL05 test_run_equals_None", "GL25 test_parent_return_failure",
	} {
		t.Run(name, func(t *testing.T) {
			if proof.Recovered(func() { greenlet.New(nil) }) == nil {
				t.Error("New(nil) does not panic")
			}
		})
	}
	t.Run("GL04 test_parent_equals_None", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) {
			return greenlet.New(func(any) (any, error) { return nil, nil }).Parent() == greenlet.Current(), nil
		})
		v, err := g.Switch(nil)
		gets(t, v, err, true, nil)
		if g.Parent() != greenlet.Current() {
			t.Error(g.Parent())
		}
	})
	t.Run("GL06 test_two_children", func(t *testing.T) {
		n := 0
		f := func(any) (any, error) {
			n++
			_, err := back(nil)
			n += 2
			return nil, err
		}
		g, h := greenlet.New(f), greenlet.New(f)
		for _, step := range []struct {
			of   *green
			want int
			dead bool
		}{{g, 1, false}, {h, 2, false}, {h, 4, true}, {g, 6, true}} {
			_, _ = step.of.Switch(nil)
			if n != step.want || step.of.Dead() != step.dead {
				t.Errorf("%d, dead %v; want %+v", n, step.of.Dead(), step)
			}
		}
	})
	t.Run("GL07 test_two_recursive_children", func(t *testing.T) {
		var l log
		var inner *green
		g := greenlet.New(func(any) (any, error) {
			l.say("a")
			inner = greenlet.New(func(any) (any, error) {
				l.say("b")
				return back(nil)
			})
			_, err := inner.Switch(nil)
			l.say("c")
			return nil, err
		})
		v, err := g.Switch(nil)
		gets(t, v, err, nil, nil)
		l.check(t, "a b c")
		kill(t, inner)
	})
	t.Run("GL08 test_threads", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { simple(t) })
		}
		wg.Wait()
	})
	t.Run("GL09 test_switching_many_threads", func(t *testing.T) {
		made := make(chan *green)
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				made <- greenlet.New(func(any) (any, error) { return nil, nil })
				<-done
			})
		}
		for range 20 {
			g := <-made
			panicked(t, greenlet.ErrOtherThread, func() { _, _ = g.Switch(nil) })
		}
		close(done)
		wg.Wait()
	})
	t.Run("GL10 test_exception", func(t *testing.T) {
		var seen []error
		g1, g2 := greenlet.New(waits(&seen)), greenlet.New(waits(&seen))
		_, _ = g1.Switch(nil)
		_, _ = g2.Switch(nil)
		g2.SetParent(g1)
		v, err := g2.Switch(nil) // fails, and so does its parent, in which that arrives
		gets(t, v, err, nil, errWhy)
		if !slices.Equal(seen, []error{errWhy}) || !g1.Dead() || !g2.Dead() {
			t.Error(seen, g1, g2)
		}
		for _, x := range []any{nil, 25} { // both are dead, so we are their stand-in
			v, err = g2.Switch(x)
			gets(t, v, err, x, nil)
		}
	})
	t.Run("GL11 test_send_exception", func(t *testing.T) {
		var seen []error
		g := greenlet.New(waits(&seen))
		_, _ = g.Switch(nil)
		_, err := crash(g, errWhy)
		gets(t, nil, err, nil, errWhy)
		if !slices.Equal(seen, []error{errWhy}) {
			t.Error(seen)
		}
	})

	// What the collector did, Throw(ErrExit) does.
	for _, name := range []string{
		"GL12 test_dealloc", "GL14 test_dealloc_other_thread", "GL30 test_threaded_updatecurrent",
		"GL31 test_dealloc_switch_args_not_lost", "GL35 test_issue_245_reference_counting_subclass_no_threads",
		"GL36 test_issue_245_reference_counting_subclass_threads",
	} {
		t.Run(name, func(t *testing.T) {
			thread.Go(func() {
				var seen []error
				g1, g2 := greenlet.New(waits(&seen)), greenlet.New(waits(&seen))
				_, _ = g1.Switch(nil)
				_, _ = g2.Switch(nil)
				runtime.GC()
				if len(seen) != 0 {
					t.Error("the collector has ended one")
				}
				for i, g := range []*green{g1, g2} {
					v, err := g.Throw(greenlet.ErrExit)
					gets(t, v, err, greenlet.ErrExit, nil)
					if len(seen) != i+1 || seen[i] != greenlet.ErrExit || !g.Dead() {
						t.Error(seen, g)
					}
				}
			}).Join()
		})
	}
	t.Run("GL13 test_dealloc_catches_GreenletExit_throws_other", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) {
			_, err := back(nil)
			gets(t, nil, err, nil, greenlet.ErrExit)
			return nil, errWhy
		})
		_, _ = g.Switch(nil)
		v, err := g.Throw(greenlet.ErrExit)
		gets(t, v, err, nil, errWhy)
	})
	t.Run("GL24 test_parent_restored_on_kill", func(t *testing.T) {
		hub := greenlet.New(func(any) (any, error) { return "hub", nil })
		main := greenlet.Current()
		g := greenlet.New(func(any) (any, error) {
			_, err := main.Switch(nil)
			gets(t, nil, err, nil, greenlet.ErrExit)
			return hub.Switch(nil) // it lives on
		})
		g.SetParent(hub)
		_, _ = g.Switch(nil)
		v, err := g.Throw(greenlet.ErrExit)
		gets(t, v, err, "hub", nil)
		if g.Parent() != hub || !hub.Dead() || !g.Active() {
			t.Error(g, hub)
		}
		kill(t, g)
	})
	t.Run("GL16 test_thread_bug", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var wg sync.WaitGroup
			for _, d := range []time.Duration{2, 3} {
				wg.Go(func() {
					_, _ = greenlet.New(func(any) (any, error) { time.Sleep(d * time.Second); return nil, nil }).Switch(nil)
				})
			}
			wg.Wait()
		})
	})
	for _, name := range []string{"GL17 test_switch_kwargs", "GL18 test_switch_kwargs_to_parent"} {
		t.Run(name, func(t *testing.T) {
			type args struct{ a, b int }
			g := greenlet.New(func(v any) (any, error) {
				if v != (args{4, 2}) {
					t.Error(v)
				}
				v, err := back(args{2, 3})
				return v, err
			})
			v, err := g.Switch(args{a: 4, b: 2})
			gets(t, v, err, args{2, 3}, nil)
			v, err = g.Switch(42)
			gets(t, v, err, 42, nil)
		})
	}
	t.Run("GL19 test_switch_to_another_thread", func(t *testing.T) {
		made, done := make(chan *green), make(chan struct{})
		other := thread.Go(func() {
			made <- greenlet.New(func(any) (any, error) { return nil, nil })
			<-done
		})
		g := <-made
		panicked(t, greenlet.ErrOtherThread, func() { _, _ = g.Switch(nil) })
		close(done)
		other.Join()
	})
	t.Run("GL22 test_running_greenlet_has_no_run", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) {
			if g := greenlet.Current(); g.Dead() || !g.Active() || g.Parent() == nil {
				t.Error(g)
			}
			return nil, nil
		})
		v, err := g.Switch(nil)
		gets(t, v, err, nil, nil)
	})
	t.Run("GL26 test_throw_exception_not_lost", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) { return nil, nil })
		v, err := g.Throw(errWhy)
		gets(t, v, err, nil, errWhy)
	})
	for _, name := range []string{"GL27 test_throw_to_dead_thread_doesnt_crash", "GL28 test_throw_to_dead_thread_doesnt_crash_wait"} {
		t.Run(name, func(t *testing.T) {
			var left, ended *green
			thread.Go(func() {
				left, ended = greenlet.New(func(any) (any, error) { return nil, nil }), greenlet.New(func(any) (any, error) { return back(nil) })
				_, _ = ended.Switch(nil)
				_, _ = ended.Switch(nil)
			}).Join()
			for _, g := range []*green{left, ended} {
				panicked(t, greenlet.ErrOtherThread, func() { _, _ = g.Throw(errWhy) })
				panicked(t, greenlet.ErrOtherThread, func() { _, _ = g.Switch(nil) })
			}
		})
	}
	t.Run("GL34 test_implicit_parent_with_threads", func(t *testing.T) {
		current := greenlet.Current()
		for range 100 {
			thread.Go(func() { greenlet.Current() }).Join()
			if g := greenlet.New(func(any) (any, error) { return nil, nil }); g.Parent() != current {
				t.Error(g.Parent())
			}
		}
	})
	t.Run("GL37 test_falling_off_end_switches_to_unstarted_parent_raises_error", func(t *testing.T) {
		parent := greenlet.New(func(v any) (any, error) { return nil, fmt.Errorf("%w: %v", errWhy, v) })
		child := greenlet.New(func(any) (any, error) { return 42, nil })
		child.SetParent(parent)
		_, err := child.Switch(nil)
		gets(t, nil, err, nil, errWhy)
		if err.Error() != "why: 42" {
			t.Error(err)
		}
	})
	t.Run("GL38 test_falling_off_end_switches_to_unstarted_parent_works", func(t *testing.T) {
		parent := greenlet.New(func(v any) (any, error) { return [2]any{v, 24}, nil })
		child := greenlet.New(func(any) (any, error) { return 42, nil })
		child.SetParent(parent)
		v, err := child.Switch(nil)
		gets(t, v, err, [2]any{42, 24}, nil)
	})
	t.Run("GL39 test_switch_to_dead_greenlet_with_unstarted_perverse_parent", func(t *testing.T) {
		n := 0
		parent := greenlet.New(func(any) (any, error) { return nil, errWhy })
		child := greenlet.New(func(any) (any, error) { n++; return nil, nil })
		child.SetParent(parent)
		_, err := child.Switch(nil)
		gets(t, nil, err, nil, errWhy)
		v, err := child.Switch(7) // both are dead
		gets(t, v, err, 7, nil)
		if n != 1 {
			t.Error(n)
		}
	})
	t.Run("GL40 test_switch_to_dead_greenlet_reparent", func(t *testing.T) {
		var l log
		parent := greenlet.New(func(v any) (any, error) { l.say(v); return nil, nil })
		child := greenlet.New(func(any) (any, error) { l.say(42); return nil, nil })
		_, _ = child.Switch(nil)
		child.SetParent(parent)
		v, err := child.Switch(24)
		gets(t, v, err, nil, nil)
		l.check(t, "42 24")
	})

	for name, ended := range map[string]bool{
		"GL45 test_threaded_reparent": false, "GL46 test_unexpected_reparenting": true,
		"GL47 test_unexpected_reparenting_thread_running": false,
	} {
		t.Run(name, func(t *testing.T) {
			made, done := make(chan *green), make(chan struct{})
			other := thread.Go(func() {
				g := greenlet.New(func(any) (any, error) { return nil, nil })
				_, _ = g.Switch(nil)
				made <- g
				<-done
			})
			theirs := <-made
			if ended {
				close(done)
				other.Join()
			}
			g := greenlet.New(func(v any) (any, error) { return v, nil })
			panicked(t, greenlet.ErrOtherThread, func() { g.SetParent(theirs) })
			panicked(t, greenlet.ErrOtherThread, func() { theirs.SetParent(g) })
			if g.Parent() != greenlet.Current() {
				t.Error(g.Parent())
			}
			v, err := g.Switch(1)
			gets(t, v, err, 1, nil)
			if !ended {
				close(done)
				other.Join()
			}
		})
	}
	for _, name := range []string{"GL50 test_main_greenlet_parent_is_none", "GL53 test_trivial_cycle_main"} {
		t.Run(name, func(t *testing.T) {
			main := greenlet.Current()
			g := greenlet.New(func(any) (any, error) { return nil, nil })
			panicked(t, greenlet.ErrRoot, func() { main.SetParent(g) })
			panicked(t, greenlet.ErrRoot, func() { main.SetParent(main) })
			if main.Parent() != nil {
				t.Error(main.Parent())
			}
		})
	}
	for name, n := range map[string]int{"GL52 test_trivial_cycle": 1, "GL54 test_deeper_cycle": 10} {
		t.Run(name, func(t *testing.T) {
			first := greenlet.New(func(any) (any, error) { return nil, nil })
			last := first
			for range n - 1 {
				g := greenlet.New(func(any) (any, error) { return nil, nil })
				g.SetParent(last)
				last = g
			}
			panicked(t, greenlet.ErrCycle, func() { first.SetParent(last) })
			if first.Parent() != greenlet.Current() {
				t.Error(first.Parent())
			}
		})
	}

	describes := func(g *green, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(g.String(), word) {
				t.Errorf("%v, want %q in it", g, word)
			}
		}
	}
	t.Run("GL55 test_main_while_running", func(t *testing.T) {
		describes(greenlet.Current(), "current, main", thread.Current().Name())
	})
	t.Run("GL56 test_main_in_background", func(t *testing.T) {
		var main *green
		th := thread.New(func() {
			main = greenlet.Current()
			describes(main, "background", "current, main")
		}, thread.Name("background"))
		th.Start()
		th.Join()
		describes(main, "background", "dead, main")
		if !main.Dead() || main.Active() {
			t.Error("it is not dead")
		}
	})
	t.Run("GL57 test_initial", func(t *testing.T) {
		describes(greenlet.New(func(any) (any, error) { return nil, nil }), "pending")
	})
	t.Run("GL58 test_main_from_other_thread", func(t *testing.T) {
		main := greenlet.Current()
		thread.Go(func() {
			describes(main, "suspended, main")
			describes(greenlet.Current(), "current, main")
		}).Join()
	})
	t.Run("GL59 test_dead", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) {
			describes(greenlet.Current(), "current)")
			return back(nil)
		})
		_, _ = g.Switch(nil)
		describes(g, "suspended)")
		_, _ = g.Switch(nil)
		describes(g, "dead)")
	})
	t.Run("GL60 test_formatting_produces_native_str", func(t *testing.T) {
		if s := fmt.Sprintf("%v %s", greenlet.Current(), greenlet.Current()); strings.Count(s, "Greenlet(") != 2 {
			t.Error(s)
		}
	})

	// Switches between greenlets of which some are only just starting.
	for name, n := range map[string]int{
		"GL67 test_reentrant_switch_two_greenlets": 2, "GL68 test_reentrant_switch_three_greenlets": 3,
		"GL69 test_reentrant_switch_three_greenlets2": 4,
	} {
		t.Run(name, func(t *testing.T) {
			main := greenlet.Current()
			var l log
			gs := make([]*green, n)
			for i := range gs {
				gs[i] = greenlet.New(func(v any) (any, error) {
					l.say(i)
					if i > 0 {
						if _, err := gs[i-1].Switch(nil); err != nil { // started, by a switch that has not come back
							return nil, err
						}
					}
					if _, err := gs[(i+1)%n].Switch(nil); err != nil {
						return nil, err
					}
					return main.Switch("home")
				})
			}
			v, err := gs[n-1].Switch(nil)
			for v != "home" && err == nil {
				v, err = gs[0].Switch(nil)
			}
			gets(t, v, err, "home", nil)
			for range n {
				for _, g := range gs {
					if g.Active() {
						_, _ = g.Throw(greenlet.ErrExit)
					}
				}
			}
			for i, g := range gs {
				if !g.Dead() {
					t.Error(i, g)
				}
			}
			if greenlet.Current() != main {
				t.Error(greenlet.Current())
			}
		})
	}
}

// The cases of greenlet's test_throw.py.
func TestConformanceThrow(t *testing.T) {
	for _, name := range []string{"GL73 test_class", "GL74 test_val"} {
		t.Run(name, func(t *testing.T) {
			g := greenlet.New(func(any) (any, error) {
				if _, err := back("ok"); err != errWhy {
					return nil, err
				}
				return "caught", nil
			})
			v, err := g.Switch(nil)
			gets(t, v, err, "ok", nil)
			v, err = g.Throw(errWhy)
			gets(t, v, err, "caught", nil)
		})
	}
	t.Run("GL75 test_kill", func(t *testing.T) {
		g := greenlet.New(func(any) (any, error) { return back("ok") })
		v, err := g.Switch(nil)
		gets(t, v, err, "ok", nil)
		for range 2 {
			v, err = g.Throw(greenlet.ErrExit)
			gets(t, v, err, greenlet.ErrExit, nil)
			if !g.Dead() {
				t.Error(g)
			}
		}
		wrapped := fmt.Errorf("for the end: %w", greenlet.ErrExit)
		v, err = g.Throw(wrapped)
		gets(t, v, err, wrapped, nil)
		v, err = g.Throw(errWhy)
		gets(t, v, err, nil, errWhy)
	})
	t.Run("GL76 test_throw_goes_to_original_parent", func(t *testing.T) {
		main := greenlet.Current()
		for _, c := range []struct {
			name         string
			first, start bool // whether g1, and g2, are started before
			v            any
			err          error
		}{{"not started", false, false, nil, errWhy}, {"parent started", true, false, "caught", nil}, {"started", true, true, "caught", nil}} {
			g1 := greenlet.New(func(any) (any, error) {
				if _, err := main.Switch("f1 ready to catch"); err == errWhy {
					return "caught", nil
				}
				return "normal exit", nil
			})
			g2 := greenlet.New(func(any) (any, error) { return main.Switch("from f2") })
			g2.SetParent(g1)
			if c.first {
				v, err := g1.Switch(nil)
				gets(t, v, err, "f1 ready to catch", nil)
			}
			if c.start {
				v, err := g2.Switch(nil)
				gets(t, v, err, "from f2", nil)
			}
			v, err := g2.Throw(errWhy)
			gets(t, v, err, c.v, c.err)
			if !g1.Dead() || !g2.Dead() {
				t.Error(c.name, g1, g2)
			}
		}
	})
}

// A genlet is a generator that is made of a greenlet: whoever asks for the next value becomes its parent.
type genlet struct{ g *green }

// errEnd says that there is no further value.
var errEnd = errors.New("the end")

func newGenlet(body func(yield func(any) error) error) *genlet {
	return &genlet{greenlet.New(func(any) (any, error) {
		self := greenlet.Current()
		err := body(func(v any) error {
			_, err := self.Parent().Switch(v)
			return err
		})
		if err == nil {
			err = errEnd
		}
		return nil, err
	})}
}

func (g *genlet) next() (any, error) {
	if g.g.Dead() {
		return nil, errEnd
	}
	g.g.SetParent(greenlet.Current())
	return g.g.Switch(nil)
}

func (g *genlet) all() (values []any) {
	for {
		v, err := g.next()
		if err != nil {
			return values
		}
		values = append(values, v)
	}
}

// The cases of greenlet's test_generator.py and test_generator_nested.py.
func TestConformanceGenerators(t *testing.T) {
	count := func(n int) *genlet {
		return newGenlet(func(yield func(any) error) error {
			for i := range n {
				if err := yield(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, name := range []string{"GL80 test_generator", "GL83 test_genlet_simple"} {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				if got := count(5).all(); fmt.Sprint(got) != "[0 1 2 3 4]" {
					t.Error(got)
				}
			}
		})
	}
	t.Run("GL81 test_layered_genlets", func(t *testing.T) {
		g1 := count(4)
		g2 := newGenlet(func(yield func(any) error) error {
			for _, v := range g1.all() {
				if err := yield(v.(int) * 2); err != nil {
					return err
				}
			}
			return nil
		})
		if got := g2.all(); fmt.Sprint(got) != "[0 2 4 6]" {
			t.Error(got)
		}
	})
	t.Run("GL82 test_permutations", func(t *testing.T) {
		var permutations func(items []int) *genlet
		permutations = func(items []int) *genlet {
			return newGenlet(func(yield func(any) error) error {
				if len(items) <= 1 {
					return yield(items)
				}
				for i, first := range items {
					rest := permutations(slices.Delete(slices.Clone(items), i, i+1))
					for {
						p, err := rest.next()
						if err == errEnd {
							break
						}
						if err != nil {
							return err
						}
						if err := yield(append([]int{first}, p.([]int)...)); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		got := permutations([]int{1, 2, 3, 4}).all()
		if len(got) != 24 || fmt.Sprint(got[0], got[1], got[23]) != "[1 2 3 4] [1 2 4 3] [4 3 2 1]" {
			t.Error(got)
		}
	})
	t.Run("GL84 test_genlet_bad", func(t *testing.T) {
		if greenlet.Current().Parent() != nil {
			t.Error("the main greenlet has a parent to yield to")
		}
	})
	t.Run("GL85 test_nested_genlets", func(t *testing.T) {
		var nested func(depth int) *genlet
		nested = func(depth int) *genlet {
			if depth == 0 {
				return count(3)
			}
			return newGenlet(func(yield func(any) error) error {
				for inner := nested(depth - 1); ; {
					v, err := inner.next()
					if err == errEnd {
						return yield(fmt.Sprint("after ", depth))
					}
					if err != nil {
						return err
					}
					if err := yield(v); err != nil {
						return err
					}
				}
			})
		}
		if got := nested(3).all(); fmt.Sprint(got) != "[0 1 2 after 1 after 2 after 3]" {
			t.Error(got)
		}
	})
}

package coroutine_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
)

// The cases of CPython's test_generators.py.
func TestConformance(t *testing.T) {
	// A generator that nobody has any more is not closed by the collector: it stays, is noticed, and Close ends it.
	for _, name := range []string{"GN02 test_frame_resurrect", "GN03 test_refcycle", "GN04 test_lambda_generator"} {
		t.Run(name, func(t *testing.T) {
			ignore := goleak.IgnoreCurrent()
			cleanedUp := false
			g := coroutine.New(func(yield asks) error {
				defer func() { cleanedUp = true }()
				return counting(yield)
			})
			_, _ = g.Next()
			runtime.GC()
			if cleanedUp {
				t.Error("the collector has closed it")
			}
			if err := goleak.Find(ignore, goleak.IgnoreTopFunction("nothing")); err == nil {
				t.Error("nobody notices it")
			}
			if err := g.Close(); err != nil || !cleanedUp {
				t.Error(err, cleanedUp)
			}
		})
	}

	t.Run("GN08 test_send_non_none_to_new_gen", func(t *testing.T) {
		g := coroutine.New(counting)
		defer g.Close()
		if p := proof.Recovered(func() { _, _ = g.Send(1) }); p != coroutine.ErrNotStarted {
			t.Errorf("panicked with %v", p)
		}
		v, err := g.Next()
		want(t, v, err, 0, nil)
	})

	t.Run("GN14 test_except_throw", func(t *testing.T) {
		g := started(t, func(yield asks) error {
			_, err := yield(0)
			if err != errWhy {
				t.Errorf("%v is not the very error that was thrown", err)
			}
			if _, again := yield(1); again != nil {
				return again
			}
			return err // kept over a yield
		})
		v, err := g.Throw(errWhy)
		want(t, v, err, 1, nil)
		if _, err = g.Next(); err != errWhy {
			t.Error(err)
		}
	})

	t.Run("GN16 test_except_gen_except", func(t *testing.T) {
		first, second := errors.New("first"), errors.New("second")
		g := started(t, func(yield asks) error {
			_, err := yield(0)
			if err != first {
				t.Error(err)
			}
			if _, err := yield(1); err != second {
				t.Error(err)
			}
			_, _ = yield(2)
			return err
		})
		v, err := g.Throw(first)
		want(t, v, err, 1, nil)
		v, err = g.Throw(second)
		want(t, v, err, 2, nil)
		if _, err = g.Next(); err != first {
			t.Error(err)
		}
	})

	t.Run("GN17 test_nested_gen_except_loop", func(t *testing.T) {
		inner := func(yield asks) error {
			for range 3 {
				if _, err := yield(1); err != errWhy {
					return err
				}
			}
			return nil
		}
		g := started(t, func(yield asks) error {
			for {
				if err := coroutine.From(yield, coroutine.New(inner)); err != nil {
					return err
				}
			}
		})
		for range 10 {
			v, err := g.Throw(errWhy)
			want(t, v, err, 1, nil)
		}
	})

	t.Run("GN19 test_except_throw_bad_exception", func(t *testing.T) {
		g := started(t, counting)
		if p := proof.Recovered(func() { _, _ = g.Throw(nil) }); p == nil {
			t.Error("Throw(nil) does not panic")
		}
		v, err := g.Next()
		want(t, v, err, 1, nil)
	})

	for _, name := range []string{"GN21 test_stopiteration_error", "GN22 test_tutorial_stopiteration"} {
		t.Run(name, func(t *testing.T) {
			g := started(t, func(yield asks) error {
				_, _ = yield(1)
				return coroutine.ErrDone
			})
			if _, err := g.Next(); err == nil || errors.Is(err, coroutine.ErrDone) {
				t.Error(err)
			}
			_, err := g.Next()
			want(t, 0, err, 0, coroutine.ErrDone)
		})
	}

	for name, result := range map[string]any{
		"GN23 test_return_tuple":         [2]int{1, 2},
		"GN24 test_return_stopiteration": coroutine.ErrDone,
		"GN26 test_close_return_value":   "closed",
	} {
		t.Run(name, func(t *testing.T) {
			var got any
			g := started(t, func(yield asks) error {
				_, _ = yield(1)
				got = result
				return nil
			})
			if name[:4] == "GN26" {
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			} else {
				_, err := g.Next()
				want(t, 0, err, 0, coroutine.ErrDone)
			}
			if got != result {
				t.Error(got)
			}
		})
	}

	t.Run("GN25 test_close_no_return_value", func(t *testing.T) {
		g := started(t, func(yield asks) error { _, err := yield(1); return err })
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("GN27 test_close_not_catching_exit", func(t *testing.T) {
		after := false
		g := started(t, func(yield asks) error {
			if _, err := yield(1); err != nil {
				return err
			}
			after = true
			return nil
		})
		if err := g.Close(); err != nil || after {
			t.Error(err, after)
		}
	})
	t.Run("GN28 test_close_not_started", func(t *testing.T) {
		g := coroutine.New(func(asks) error { t.Error("ran"); return nil })
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, end := range map[string]func(*gen){
		"GN29 test_close_exhausted": func(g *gen) { _, _ = g.Next() },
		"GN30 test_close_closed":    func(g *gen) { _ = g.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			g := started(t, func(yield asks) error { _, _ = yield(1); return nil })
			end(g)
			if err := g.Close(); err != nil || g.State() != coroutine.Ended {
				t.Error(err)
			}
		})
	}
	t.Run("GN31 test_close_raises", func(t *testing.T) {
		g := started(t, func(yield asks) error { _, _ = yield(1); return errWhy })
		if err := g.Close(); err != errWhy {
			t.Error(err)
		}
	})
	t.Run("GN32 test_close_releases_frame_locals", func(t *testing.T) {
		type local struct{ _ [1000]int }
		var w weak.Pointer[local]
		g := started(t, func(yield asks) error {
			l := new(local)
			w = weak.Make(l)
			_, err := yield(1)
			runtime.KeepAlive(l)
			return err
		})
		_ = g.Close()
		if !proof.Collected(w) {
			t.Error("what the body had is kept alive")
		}
		runtime.KeepAlive(g)
	})
	t.Run("GN37 test_throw_after_none_exc_type", func(t *testing.T) {
		other := errors.New("other")
		g := started(t, func(yield asks) error { _, _ = yield(1); return other })
		if _, err := g.Throw(errWhy); err != other {
			t.Error(err)
		}
	})
}

// trace is what happens, in order.
type trace struct{ said []string }

func (tr *trace) say(format string, args ...any) {
	tr.said = append(tr.said, fmt.Sprintf(format, args...))
}

func (tr *trace) check(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(tr.said, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(tr.said, "\n"), strings.Join(want, "\n"))
	}
}

type (
	said  = coroutine.Generator[int, string]
	asked = coroutine.Yield[int, string]
)

// each yields values, one after the other, and says what is sent.
func (tr *trace) each(yield asked, name string, values ...string) error {
	for _, v := range values {
		x, err := yield(v)
		if err != nil {
			return err
		}
		if x != 0 {
			tr.say("%s received %d", name, x)
		}
	}
	return nil
}

// delegations are the two ways to yield from another body.
var delegations = map[string]func(asked, func(asked) error) error{
	"From":   func(yield asked, body func(asked) error) error { return coroutine.From(yield, coroutine.New(body)) },
	"a call": func(yield asked, body func(asked) error) error { return body(yield) },
}

// The cases of CPython's test_yield_from.py, through From and through a call of the body.
func TestConformanceYieldFrom(t *testing.T) {
	both := func(name string, test func(*testing.T, func(asked, func(asked) error) error)) {
		t.Run(name, func(t *testing.T) {
			for way, from := range delegations {
				t.Run(way, func(t *testing.T) { test(t, from) })
			}
		})
	}
	// g1 yields ham, then what g2 yields, then eggs.
	g1 := func(tr *trace, from func(asked, func(asked) error) error, g2 func(asked) error) *said {
		return coroutine.New(func(yield asked) error {
			tr.say("Starting g1")
			defer tr.say("Finishing g1")
			if err := tr.each(yield, "g1", "g1 ham"); err != nil {
				return err
			}
			if err := from(yield, g2); err != nil {
				return err
			}
			return tr.each(yield, "g1", "g1 eggs")
		})
	}
	// g2 yields values and then ends with an error, or, if that is nil, with what yield last returned.
	g2 := func(tr *trace, err error, values ...string) func(asked) error {
		return func(yield asked) error {
			tr.say("Starting g2")
			defer tr.say("Finishing g2")
			if thrown := tr.each(yield, "g2", values...); err == nil {
				return thrown
			}
			return err
		}
	}
	loop := func(tr *trace, g *said) (last error) {
		for v, err := range g.All() {
			if err != nil {
				return err
			}
			tr.say("Yielded %s", v)
		}
		return nil
	}
	next := func(tr *trace, g *said) error {
		v, err := g.Next()
		if err == nil {
			tr.say("Yielded %s", v)
		}
		return err
	}

	both("YF01 test_delegation_of_initial_next_to_subgenerator", func(t *testing.T, from func(asked, func(asked) error) error) {
		var tr trace
		g := coroutine.New(func(yield asked) error {
			tr.say("Starting g1")
			defer tr.say("Finishing g1")
			return from(yield, g2(&tr, nil, "42"))
		})
		if err := loop(&tr, g); err != nil {
			t.Error(err)
		}
		tr.check(t, "Starting g1", "Starting g2", "Yielded 42", "Finishing g2", "Finishing g1")
	})
	for _, name := range []string{"YF02 test_raising_exception_in_initial_next_call", "YF19 test_exception_in_initial_next_call"} {
		both(name, func(t *testing.T, from func(asked, func(asked) error) error) {
			var tr trace
			g := coroutine.New(func(yield asked) error {
				tr.say("Starting g1")
				defer tr.say("Finishing g1")
				return from(yield, g2(&tr, errWhy))
			})
			if err := loop(&tr, g); err != errWhy {
				t.Error(err)
			}
			tr.check(t, "Starting g1", "Starting g2", "Finishing g2", "Finishing g1")
		})
	}
	both("YF03 test_delegation_of_next_call_to_subgenerator", func(t *testing.T, from func(asked, func(asked) error) error) {
		var tr trace
		if err := loop(&tr, g1(&tr, from, g2(&tr, nil, "g2 spam", "g2 more spam"))); err != nil {
			t.Error(err)
		}
		tr.check(t, "Starting g1", "Yielded g1 ham", "Starting g2", "Yielded g2 spam", "Yielded g2 more spam", "Finishing g2",
			"Yielded g1 eggs", "Finishing g1")
	})
	both("YF04 test_raising_exception_in_delegated_next_call", func(t *testing.T, from func(asked, func(asked) error) error) {
		var tr trace
		if err := loop(&tr, g1(&tr, from, g2(&tr, errWhy, "g2 spam"))); err != errWhy {
			t.Error(err)
		}
		tr.check(t, "Starting g1", "Yielded g1 ham", "Starting g2", "Yielded g2 spam", "Finishing g2", "Finishing g1")
	})
	both("YF05 test_delegation_of_send", func(t *testing.T, from func(asked, func(asked) error) error) {
		var tr trace
		g := g1(&tr, from, g2(&tr, nil, "g2 spam", "g2 more spam"))
		_, err := g.Next()
		for x := 1; err == nil; x++ {
			var y string
			if y, err = g.Send(x); err == nil {
				tr.say("Yielded %s", y)
			}
		}
		want(t, 0, err, 0, coroutine.ErrDone)
		tr.check(t, "Starting g1", "g1 received 1", "Starting g2", "Yielded g2 spam", "g2 received 2", "Yielded g2 more spam",
			"g2 received 3", "Finishing g2", "Yielded g1 eggs", "g1 received 4", "Finishing g1")
	})
	both("YF06 test_handling_exception_while_delegating_send", func(t *testing.T, from func(asked, func(asked) error) error) {
		var tr trace
		g := g1(&tr, from, g2(&tr, errWhy, "g2 spam"))
		_, err := g.Next()
		for x := 1; err == nil; x++ {
			_, err = g.Send(x)
		}
		want(t, 0, err, 0, errWhy)
		tr.check(t, "Starting g1", "g1 received 1", "Starting g2", "g2 received 2", "Finishing g2", "Finishing g1")
	})
	for name, end := range map[string]struct {
		g2err, want error
		call        func(*said) error
	}{
		"YF07 test_delegating_close":                         {nil, nil, (*said).Close},
		"YF08 test_handing_exception_while_delegating_close": {errWhy, errWhy, (*said).Close},
		"YF09 test_delegating_throw":                         {nil, errWhy, func(g *said) error { _, err := g.Throw(errWhy); return err }},
	} {
		both(name, func(t *testing.T, from func(asked, func(asked) error) error) {
			var tr trace
			g := g1(&tr, from, g2(&tr, end.g2err, "g2 spam", "g2 more spam"))
			_, _ = next(&tr, g), next(&tr, g)
			if err := end.call(g); err != end.want {
				t.Error(err)
			}
			tr.check(t, "Starting g1", "Yielded g1 ham", "Starting g2", "Yielded g2 spam", "Finishing g2", "Finishing g1")
		})
	}

	// Results: a body that is called may return one.
	for _, name := range []string{
		"YF10 test_value_attribute_of_StopIteration_exception", "YF12 test_generator_return_value",
		"YF22 test_next_and_return_with_value", "YF23 test_send_and_return_with_value",
	} {
		t.Run(name, func(t *testing.T) {
			var tr trace
			sub := func(yield asked) (any, error) {
				x, err := yield("one")
				return x * 2, err
			}
			g := coroutine.New(func(yield asked) error {
				for range 2 {
					r, err := sub(yield)
					if err != nil {
						return err
					}
					tr.say("returned %v", r)
				}
				return nil
			})
			_ = next(&tr, g)
			_, err := g.Send(21)
			want(t, 0, err, 0, nil)
			_, err = g.Send(1)
			want(t, 0, err, 0, coroutine.ErrDone)
			tr.check(t, "Yielded one", "returned 42", "returned 2")
		})
	}

	t.Run("YF20 test_attempted_yield_from_loop", func(t *testing.T) {
		var g *said
		g = coroutine.New(func(yield asked) error {
			if _, err := yield("one"); err != nil {
				return err
			}
			if p := proof.Recovered(func() { _ = coroutine.From(yield, g) }); p != coroutine.ErrRunning {
				t.Errorf("panicked with %v", p)
			}
			return coroutine.From(yield, coroutine.New(func(yield asked) error { return coroutine.From(yield, g) }))
		})
		_, _ = g.Next()
		err, _ := proof.Recovered(func() { _, _ = g.Next() }).(error)
		if !errors.Is(err, coroutine.ErrRunning) || g.State() != coroutine.Ended {
			t.Error(err, g.State())
		}
	})

	for _, name := range []string{
		"YF21 test_returning_value_from_delegated_throw", "YF24 test_catching_exception_from_subgen_and_returning",
	} {
		both(name, func(t *testing.T, from func(asked, func(asked) error) error) {
			var tr trace
			g := coroutine.New(func(yield asked) error {
				result := 0
				if err := from(yield, func(yield asked) error {
					if _, err := yield("one"); err == errWhy {
						tr.say("caught")
						result = 2
					}
					return nil
				}); err != nil {
					return err
				}
				_, err := yield(fmt.Sprint(result))
				return err
			})
			_ = next(&tr, g)
			v, err := g.Throw(errWhy)
			want(t, v, err, "2", nil)
			tr.check(t, "Yielded one", "caught")
			_ = g.Close()
		})
	}

	// What a sub does with ErrClosed decides what the outer sees; Close and Throw(ErrClosed) differ in what they return.
	t.Run("YF25 test_throwing_GeneratorExit_into_subgen_that_returns", func(t *testing.T) {
		g := started(t, func(yield asks) error {
			if err := coroutine.From(yield, coroutine.New(func(yield asks) error { _, _ = yield(1); return nil })); err != nil {
				return err
			}
			t.Error("the outer goes on")
			return nil
		})
		if _, err := g.Throw(coroutine.ErrClosed); err != coroutine.ErrClosed {
			t.Error(err)
		}
	})
	t.Run("YF26 test_throwing_GeneratorExit_into_subgenerator_that_yields", func(t *testing.T) {
		g := started(t, func(yield asks) error {
			return coroutine.From(yield, coroutine.New(func(yield asks) error {
				_, _ = yield(1)
				_, _ = yield(2)
				return counting(yield)
			}))
		})
		if p := proof.Recovered(func() { _ = g.Close() }); p != coroutine.ErrIgnoredClose {
			t.Errorf("panicked with %v", p)
		}
	})
	t.Run("YF27 test_throwing_GeneratorExit_into_subgen_that_raises", func(t *testing.T) {
		g := started(t, func(yield asks) error {
			return coroutine.From(yield, coroutine.New(func(yield asks) error { _, _ = yield(1); return errWhy }))
		})
		if _, err := g.Throw(coroutine.ErrClosed); err != errWhy {
			t.Error(err)
		}
	})
	both("YF28 test_yield_from_empty", func(t *testing.T, from func(asked, func(asked) error) error) {
		g := coroutine.New(func(yield asked) error { return from(yield, func(asked) error { return nil }) })
		_, err := g.Next()
		want(t, 0, err, 0, coroutine.ErrDone)
	})
	both("YF29 test_delegating_generators_claim_to_be_running", func(t *testing.T, from func(asked, func(asked) error) error) {
		var g *said
		running := func() {
			if g.State() != coroutine.Running {
				t.Error(g.State())
			}
			if p := proof.Recovered(func() { _, _ = g.Next() }); p != coroutine.ErrRunning {
				t.Errorf("panicked with %v", p)
			}
		}
		g = coroutine.New(func(yield asked) error {
			running()
			return from(yield, func(yield asked) error {
				running()
				return from(yield, func(yield asked) error {
					defer running()
					running()
					_, err := yield("one")
					return err
				})
			})
		})
		_, _ = g.Next()
		_ = g.Close()
	})

	// Close, and errors of each kind thrown, into a sub that passes them on, answers with another, yields again, or returns.
	base := errors.New("base")
	inners := map[string]func(asks) error{
		"work": func(yield asks) error {
			for i := range 2 {
				if _, err := yield(i); err != nil {
					return err
				}
			}
			return nil
		},
		"raise_generator_exit": func(yield asks) error { _, _ = yield(0); return coroutine.ErrClosed },
		"raise_stop_iteration": func(yield asks) error { _, _ = yield(0); return coroutine.ErrDone },
		"raise_base_exception": func(yield asks) error { _, _ = yield(0); return base },
		"raise_exception":      func(yield asks) error { _, _ = yield(0); return errWhy },
		"yield": func(yield asks) error {
			_, _ = yield(0)
			_, err := yield(7)
			return err
		},
		"return": func(yield asks) error { _, _ = yield(0); return nil },
	}
	const ignored, yields, done, lookalike = "ignored", "yields", "done", "lookalike"
	for name, c := range map[string]struct{ Close, Closed, Done, Why any }{
		// What comes of Close, and of Throw of ErrClosed, ErrDone and errWhy.
		"YF34 test_close_and_throw_work":                 {nil, coroutine.ErrClosed, lookalike, errWhy},
		"YF35 test_close_and_throw_raise_generator_exit": {nil, coroutine.ErrClosed, coroutine.ErrClosed, coroutine.ErrClosed},
		"YF36 test_close_and_throw_raise_stop_iteration": {lookalike, lookalike, lookalike, lookalike},
		"YF37 test_close_and_throw_raise_base_exception": {base, base, base, base},
		"YF38 test_close_and_throw_raise_exception":      {errWhy, errWhy, errWhy, errWhy},
		"YF39 test_close_and_throw_yield":                {ignored, yields, yields, yields},
		"YF40 test_close_and_throw_return":               {nil, coroutine.ErrClosed, done, done},
	} {
		inner := inners[strings.SplitN(name, "close_and_throw_", 2)[1]]
		t.Run(name, func(t *testing.T) {
			for depth := 1; depth <= 3; depth++ {
				for how, call := range map[string]struct {
					f    func(*gen) (int, error)
					want any
				}{
					"Close":        {func(g *gen) (int, error) { return 0, g.Close() }, c.Close},
					"throw Closed": {func(g *gen) (int, error) { return g.Throw(coroutine.ErrClosed) }, c.Closed},
					"throw Done":   {func(g *gen) (int, error) { return g.Throw(coroutine.ErrDone) }, c.Done},
					"throw why":    {func(g *gen) (int, error) { return g.Throw(errWhy) }, c.Why},
				} {
					body := inner
					for range depth {
						sub := body
						body = func(yield asks) error { return coroutine.From(yield, coroutine.New(sub)) }
					}
					g := started(t, body)
					var (
						v   int
						err error
					)
					p := proof.Recovered(func() { v, err = call.f(g) })
					var got any = err
					switch {
					case p == coroutine.ErrIgnoredClose:
						got = ignored
					case p != nil:
						got = p
					case v == 7:
						got = yields
					case err == coroutine.ErrDone:
						got = done
					case err != nil && err.Error() == coroutine.ErrDone.Error() && !errors.Is(err, coroutine.ErrDone):
						got = lookalike
					case err == nil:
						got = nil
					}
					if got != call.want {
						t.Errorf("depth %d, %s: %v, want %v", depth, how, got, call.want)
					}
					if got != ignored && got != yields && g.State() != coroutine.Ended {
						t.Errorf("depth %d, %s: %v", depth, how, g.State())
					}
				}
			}
		})
	}
}

package coroutine_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// Ways in which a body runs another: as a generator that it resumes, through From before and after the other's start, and
// by a call.
var ways = map[string]func(t *testing.T, inner func(asks) error) func(asks) error{
	"Next": func(t *testing.T, inner func(asks) error) func(asks) error {
		return func(yield asks) error {
			g := coroutine.New(inner)
			v, err := g.Next()
			for err == nil {
				x, thrown := yield(v)
				if thrown != nil {
					v, err = g.Throw(thrown)
				} else {
					v, err = g.Send(x)
				}
			}
			if err == coroutine.ErrDone {
				return nil
			}
			return err
		}
	},
	"From": func(t *testing.T, inner func(asks) error) func(asks) error {
		return func(yield asks) error { return coroutine.From(yield, coroutine.New(inner)) }
	},
	"From a started one": func(t *testing.T, inner func(asks) error) func(asks) error {
		return func(yield asks) error {
			begun := false
			g := coroutine.New(func(yield asks) error {
				if !begun {
					begun = true
					if _, err := yield(-1); err != nil {
						return err
					}
				}
				return inner(yield)
			})
			_, _ = g.Next()
			return coroutine.From(yield, g)
		}
	},
	"a call": func(t *testing.T, inner func(asks) error) func(asks) error {
		return func(yield asks) error { return inner(yield) }
	},
}

// nest returns body three deep in a way.
func nest(t *testing.T, way string, body func(asks) error) *gen {
	for range 3 {
		body = ways[way](t, body)
	}
	return coroutine.New(body)
}

// where is on the stack of a body that panics.
func where() { panic(errWhy) }

// A panic ends all that it comes through, and arrives as an error with the value and the stack of the innermost body.
func TestAPanicGoesOnInTheResumer(t *testing.T) {
	for way := range ways {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint(way, " at once ", first), func(t *testing.T) {
				g := nest(t, way, func(yield asks) error {
					if !first {
						_, _ = yield(1)
					}
					where()
					return nil
				})
				if !first {
					v, err := g.Next()
					want(t, v, err, 1, nil)
				}
				v := proof.Recovered(func() { _, _ = g.Next() })
				err, _ := v.(error)
				var p *thread.PanicError
				if !errors.As(err, &p) || p.Value != error(errWhy) || !errors.Is(err, errWhy) {
					t.Fatalf("panicked with %v", v)
				}
				if p.Unwrap() != errWhy {
					t.Errorf("wrapped more than once: %v", p.Value)
				}
				for what, text := range map[string]string{"what is printed": err.Error(), "the stack": string(p.Stack)} {
					if !strings.Contains(text, "coroutine_test.where(") || strings.Count(text, "coroutine_test.where(") != 1 {
						t.Errorf("%s has not the place of the panic, once:\n%s", what, text)
					}
				}
				if text := err.Error(); !strings.HasPrefix(text, "why\n") {
					t.Errorf("what is printed does not begin with the value: %q", text)
				}
				if resumed := strings.Count(err.Error(), "and went on here"); way == "Next" && resumed != 3 {
					t.Errorf("it was resumed three times on the way, and %d are told of:\n%v", resumed, err)
				}
				if g.State() != coroutine.Ended {
					t.Error(g.State())
				}
				_, err = g.Next()
				want(t, 0, err, 0, coroutine.ErrDone)
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A panic in answer to Close, Throw and From goes on where they were called.
func TestAPanicInAnswerGoesOnInTheCaller(t *testing.T) {
	for name, call := range map[string]func(*gen){
		"Close": func(g *gen) { _ = g.Close() },
		"Throw": func(g *gen) { _, _ = g.Throw(errWhy) },
		"Send":  func(g *gen) { _, _ = g.Send(1) },
		"All": func(g *gen) {
			for range g.All() {
			}
		},
		"From": func(g *gen) { _ = coroutine.From(func(int) (int, error) { return 0, errWhy }, g) },
	} {
		for way := range ways {
			t.Run(name+" by "+way, func(t *testing.T) {
				g := nest(t, way, func(yield asks) error {
					_, _ = yield(1)
					panic("x")
				})
				_, _ = g.Next()
				var p *thread.PanicError
				if err, _ := proof.Recovered(func() { call(g) }).(error); !errors.As(err, &p) || p.Value != "x" {
					t.Errorf("panicked with %v", err)
				}
				if g.State() != coroutine.Ended {
					t.Error(g.State())
				}
			})
		}
	}
}

func TestGoexitGoesOnInTheResumer(t *testing.T) {
	for way := range ways {
		for _, answer := range []string{"Next", "Close", "Throw", "first Next"} {
			t.Run(way+" in answer to "+answer, func(t *testing.T) {
				deferred := 0
				g := nest(t, way, func(yield asks) error {
					defer func() { deferred++ }()
					if answer != "first Next" {
						_, _ = yield(1)
					}
					runtime.Goexit()
					return nil
				})
				if answer != "first Next" {
					_, _ = g.Next()
				}
				resumer := thread.Go(func() {
					switch answer {
					case "Close":
						_ = g.Close()
					case "Throw":
						_, _ = g.Throw(errWhy)
					default:
						_, _ = g.Next()
					}
					t.Error("it has not gone on")
				})
				resumer.Join()
				if !errors.Is(resumer.Err(), thread.ErrGoexit) || deferred != 1 || g.State() != coroutine.Ended {
					t.Error(resumer.Err(), deferred, g.State())
				}
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// What is thrown and what closes passes through every level, and so does what the innermost answers.
func TestThrowAndCloseThreeDeep(t *testing.T) {
	other := errors.New("other")
	for way := range ways {
		for name, c := range map[string]struct {
			body   func(asks) error
			call   func(*gen) (int, error)
			v      int
			err    error
			ignore bool
			after  coroutine.State
		}{
			"Throw, returned": {
				body: counting, call: func(g *gen) (int, error) { return g.Throw(errWhy) }, err: errWhy, after: coroutine.Ended,
			},
			"Throw, swallowed": {
				body: func(yield asks) error { _, _ = yield(1); return nil },
				call: func(g *gen) (int, error) { return g.Throw(errWhy) }, err: coroutine.ErrDone, after: coroutine.Ended,
			},
			"Throw, answered": {
				body: func(yield asks) error {
					_, err := yield(1)
					if err != errWhy {
						t.Error(err)
					}
					_, err = yield(2)
					return err
				},
				call: func(g *gen) (int, error) { return g.Throw(errWhy) }, v: 2, after: coroutine.Suspended,
			},
			"Throw, another": {
				body: func(yield asks) error { _, _ = yield(1); return other },
				call: func(g *gen) (int, error) { return g.Throw(errWhy) }, err: other, after: coroutine.Ended,
			},
			"Close, returned": {
				body: counting, call: func(g *gen) (int, error) { return 0, g.Close() }, after: coroutine.Ended,
			},
			"Close, swallowed": {
				body: func(yield asks) error { _, _ = yield(1); return nil },
				call: func(g *gen) (int, error) { return 0, g.Close() }, after: coroutine.Ended,
			},
			"Close, another": {
				body: func(yield asks) error { _, _ = yield(1); return other },
				call: func(g *gen) (int, error) { return 0, g.Close() }, err: other, after: coroutine.Ended,
			},
			"Close, ignored": {
				body: func(yield asks) error {
					_, _ = yield(1)
					_, err := yield(2)
					return err
				},
				call: func(g *gen) (int, error) { return 0, g.Close() }, ignore: true, after: coroutine.Suspended,
			},
			"Throw of ErrClosed": {
				body: counting, call: func(g *gen) (int, error) { return g.Throw(coroutine.ErrClosed) }, err: coroutine.ErrClosed, after: coroutine.Ended,
			},
		} {
			t.Run(way+" "+name, func(t *testing.T) {
				g := nest(t, way, c.body)
				defer g.Close()
				_, _ = g.Next()
				var (
					v   int
					err error
				)
				p := proof.Recovered(func() { v, err = c.call(g) })
				if c.ignore != (p == coroutine.ErrIgnoredClose) || !c.ignore && p != nil {
					t.Errorf("panicked with %v", p)
				}
				want(t, v, err, c.v, c.err)
				if g.State() != c.after {
					t.Errorf("%v, want %v", g.State(), c.after)
				}
			})
		}
	}
}

// The caller of From ends too if what it delegates to was closed and says nothing; a caller that only calls does not know.
func TestFromTellsThatItWasClosed(t *testing.T) {
	quiet := func(yield asks) error { _, _ = yield(1); return nil }
	for way := range ways {
		t.Run(way, func(t *testing.T) {
			var got error
			after := 0
			g := started(t, func(yield asks) error {
				got = ways[way](t, quiet)(yield)
				if got == nil {
					after++
				}
				return got
			})
			if err := g.Close(); err != nil {
				t.Error(err)
			}
			if from := strings.HasPrefix(way, "From"); from != errors.Is(got, coroutine.ErrClosed) || from != (after == 0) {
				t.Errorf("%v", got)
			}
		})
	}
	// Only if that was the last that yield said, and only to this one.
	g := started(t, func(yield asks) error {
		_, err := yield(1)
		if err != coroutine.ErrClosed {
			t.Error(err)
		}
		if err := coroutine.From(yield, coroutine.New(func(asks) error { return nil })); err != nil {
			t.Error("one that was never told anything:", err)
		}
		return errWhy
	})
	if err := g.Close(); err != errWhy {
		t.Error(err)
	}
	g = started(t, func(yield asks) error {
		err := coroutine.From(yield, coroutine.New(func(yield asks) error {
			_, _ = yield(1)
			_, _ = yield(2)
			return nil
		}))
		if err != nil {
			t.Error("one that was told to go on after all:", err)
		}
		return nil
	})
	_ = proof.Recovered(func() { _ = g.Close() })
	_, err := g.Next()
	want(t, 0, err, 0, coroutine.ErrDone)
}

// A yield may be any function: of somebody who only collects, and who stops by ErrClosed.
func TestFromDrivesAGeneratorWithAnyYield(t *testing.T) {
	for _, begun := range []bool{false, true} {
		g := coroutine.New(counting)
		if begun {
			_, _ = g.Next()
		}
		var got []int
		err := coroutine.From(func(v int) (int, error) {
			got = append(got, v)
			if len(got) == 3 {
				return 0, errWhy
			}
			return 0, nil
		}, g)
		if err != errWhy || len(got) != 3 || g.State() != coroutine.Ended {
			t.Error(got, err, g.State())
		}
		quiet := coroutine.New(func(yield asks) error {
			for {
				if _, err := yield(1); err != nil {
					return nil
				}
			}
		})
		if begun {
			_, _ = quiet.Next()
		}
		if err := coroutine.From(func(int) (int, error) { return 0, coroutine.ErrClosed }, quiet); !errors.Is(err, coroutine.ErrClosed) {
			t.Error(err)
		}
	}
}

// A yield that panics or exits in From leaves what it delegates to as it was: suspended if it has a goroutine of its own.
func TestAYieldThatDoesNotReturn(t *testing.T) {
	for name, ends := range map[string]func(){"panic": func() { panic("x") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			g := started(t, counting)
			thread.Go(func() {
				_ = try(func() {
					_ = coroutine.From(func(v int) (int, error) { ends(); return 9, errWhy }, g)
				})
			}).Join()
			if g.State() != coroutine.Suspended {
				t.Error(g.State())
			}
			v, err := g.Next()
			want(t, v, err, 2, nil)
			unstarted := coroutine.New(counting)
			thread.Go(func() {
				_ = try(func() {
					_ = coroutine.From(func(v int) (int, error) { ends(); return 9, errWhy }, unstarted)
				})
			}).Join()
			if unstarted.State() != coroutine.Ended {
				t.Error(unstarted.State())
			}
		})
	}
}

// While somebody delegates to it, nobody else gets in, also between two values.
func TestWhoIsDelegatedToIsRunningToEverybodyElse(t *testing.T) {
	for _, begun := range []bool{false, true} {
		inner := coroutine.New(counting)
		if begun {
			_, _ = inner.Next()
		}
		outer := started(t, func(yield asks) error { return coroutine.From(yield, inner) })
		if inner.State() != coroutine.Running {
			t.Error(inner.State())
		}
		if p := proof.Recovered(func() { _, _ = inner.Next() }); p != coroutine.ErrRunning {
			t.Errorf("panicked with %v", p)
		}
		if err := outer.Close(); err != nil || inner.State() != coroutine.Ended {
			t.Error(err, inner.State())
		}
	}
}

// The yield that From gives to a body is the body's, and ends with it.
func TestTheYieldOfFromEndsWithItsBody(t *testing.T) {
	var kept asks
	g := started(t, func(yield asks) error {
		_ = coroutine.From(yield, coroutine.New(func(yield asks) error { kept = yield; return nil }))
		if p := proof.Recovered(func() { _, _ = kept(1) }); p != coroutine.ErrOutside {
			t.Errorf("panicked with %v", p)
		}
		_, err := yield(5)
		return err
	})
	if p := proof.Recovered(func() { _, _ = kept(1) }); p != coroutine.ErrOutside {
		t.Errorf("panicked with %v", p)
	}
	_ = g
}

// The values go through many levels, and what one level does wrong is that level's.
func TestFromAHundredDeep(t *testing.T) {
	var through func(depth int) func(asks) error
	through = func(depth int) func(asks) error {
		if depth == 0 {
			return func(yield asks) error {
				for v := 0; ; {
					x, err := yield(v)
					if err != nil {
						return err
					}
					v = x + 1
				}
			}
		}
		return func(yield asks) error { return coroutine.From(yield, coroutine.New(through(depth-1))) }
	}
	g := started(t, through(100))
	for i := range 100 {
		if v, err := g.Send(i); v != i+1 || err != nil {
			t.Fatal(v, err)
		}
	}
	if _, err := g.Throw(errWhy); err != errWhy {
		t.Error(err)
	}
}

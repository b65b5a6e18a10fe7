package coroutine_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// What every call does in every state, and in which state it leaves the generator.
func TestEveryCallInEveryState(t *testing.T) {
	calls := map[string]func(*gen) (int, error){
		"Next":  func(g *gen) (int, error) { return g.Next() },
		"Send":  func(g *gen) (int, error) { return g.Send(7) },
		"Throw": func(g *gen) (int, error) { return g.Throw(errWhy) },
		"Close": func(g *gen) (int, error) { return 0, g.Close() },
		"All": func(g *gen) (v int, err error) {
			for v, err = range g.All() {
				return v, err
			}
			return 0, nil
		},
		"From": func(g *gen) (v int, err error) {
			err = coroutine.From(func(out int) (int, error) { v = out; return 0, errWhy }, g)
			return v, err
		},
	}
	// echo yields 100, then what it is sent, and returns what it is thrown.
	echo := func(yield asks) error {
		for v := 100; ; {
			x, err := yield(v)
			if err != nil {
				return err
			}
			v = x
		}
	}
	type outcome struct {
		v        int
		err      error
		panicked error
		after    coroutine.State
	}
	states := []struct {
		state coroutine.State
		want  map[string]outcome
	}{
		{coroutine.Created, map[string]outcome{
			"Next":  {v: 100, after: coroutine.Suspended},
			"Send":  {panicked: coroutine.ErrNotStarted, after: coroutine.Created},
			"Throw": {err: errWhy, after: coroutine.Ended},
			"Close": {after: coroutine.Ended},
			"All":   {v: 100, after: coroutine.Suspended},
			"From":  {v: 100, err: errWhy, after: coroutine.Ended},
		}},
		{coroutine.Suspended, map[string]outcome{
			"Next":  {v: 0, after: coroutine.Suspended},
			"Send":  {v: 7, after: coroutine.Suspended},
			"Throw": {err: errWhy, after: coroutine.Ended},
			"Close": {after: coroutine.Ended},
			"All":   {v: 0, after: coroutine.Suspended},
			"From":  {v: 0, err: errWhy, after: coroutine.Ended},
		}},
		{coroutine.Ended, map[string]outcome{
			"Next":  {err: coroutine.ErrDone, after: coroutine.Ended},
			"Send":  {err: coroutine.ErrDone, after: coroutine.Ended},
			"Throw": {err: errWhy, after: coroutine.Ended},
			"Close": {after: coroutine.Ended},
			"All":   {after: coroutine.Ended},
			"From":  {after: coroutine.Ended},
		}},
		{coroutine.Running, map[string]outcome{
			"Next":  {panicked: coroutine.ErrRunning, after: coroutine.Running},
			"Send":  {panicked: coroutine.ErrRunning, after: coroutine.Running},
			"Throw": {panicked: coroutine.ErrRunning, after: coroutine.Running},
			"Close": {panicked: coroutine.ErrRunning, after: coroutine.Running},
			"All":   {panicked: coroutine.ErrRunning, after: coroutine.Running},
			"From":  {panicked: coroutine.ErrRunning, after: coroutine.Running},
		}},
	}
	for _, s := range states {
		for name, call := range calls {
			t.Run(fmt.Sprint(s.state, " ", name), func(t *testing.T) {
				var got outcome
				try := func(g *gen) {
					defer func() {
						got.panicked, _ = recover().(error)
						got.after = g.State()
					}()
					got.v, got.err = call(g)
				}
				var g *gen
				switch s.state {
				case coroutine.Running: // in its own body
					g = coroutine.New(func(yield asks) error {
						try(g)
						return echo(yield)
					})
					v, err := g.Next()
					want(t, v, err, 100, nil) // nothing has changed
					v, err = g.Send(3)
					want(t, v, err, 3, nil)
				case coroutine.Created:
					g = coroutine.New(echo)
					try(g)
				case coroutine.Suspended:
					g = started(t, echo)
					try(g)
				case coroutine.Ended:
					g = started(t, echo)
					_ = g.Close()
					try(g)
				}
				defer g.Close()
				if got != s.want[name] {
					t.Errorf("%+v, want %+v", got, s.want[name])
				}
				if s.state == coroutine.Created && name == "Send" {
					v, err := g.Next()
					want(t, v, err, 100, nil)
				}
			})
		}
	}
}

func TestNewAndThrowRefuseNil(t *testing.T) {
	if p := proof.Recovered(func() { coroutine.New[int, int](nil) }); p == nil {
		t.Error("New(nil) does not panic")
	}
	g := started(t, counting)
	if p := proof.Recovered(func() { _, _ = g.Throw(nil) }); p == nil || g.State() != coroutine.Suspended {
		t.Errorf("Throw(nil) panicked with %v and left %v", p, g.State())
	}
	v, err := g.Next()
	want(t, v, err, 1, nil)
}

// Two goroutines send as fast as they can. Each Send is counted by the body, or panics with ErrRunning; and every value
// that is yielded comes to the one whose Send it answers.
func TestEverySendIsCountedOrRefused(t *testing.T) {
	sends := 100_000
	if testing.Short() {
		sends = 10_000
	}
	total := 0
	g := coroutine.New(func(yield asks) error {
		for v := 0; ; {
			x, err := yield(v)
			if err != nil {
				return err
			}
			total++
			v = x
		}
	})
	_, _ = g.Next()
	var (
		counted, refused atomic.Int64
		wg               sync.WaitGroup
	)
	for client := range 2 {
		wg.Go(func() {
			for i := range sends {
				x := 2*i + client
				func() {
					defer func() {
						if p := recover(); p != nil {
							if p != coroutine.ErrRunning {
								t.Errorf("panicked with %v", p)
							}
							refused.Add(1)
						}
					}()
					v, err := g.Send(x)
					if v != x || err != nil {
						t.Errorf("Send(%d) = %d, %v", x, v, err)
					}
					counted.Add(1)
				}()
			}
		})
	}
	wg.Wait()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if int64(total) != counted.Load() || counted.Load()+refused.Load() != int64(2*sends) {
		t.Errorf("%d counted, %d returned, %d refused, of %d", total, counted.Load(), refused.Load(), 2*sends)
	}
	t.Logf("%d of %d refused", refused.Load(), 2*sends)
}

// All calls at once: whoever gets in has it alone, and the end comes once.
func TestTheEndIsReportedOnce(t *testing.T) {
	rounds := 2000
	if testing.Short() || proof.Race {
		rounds = 300
	}
	for round := range rounds {
		g := coroutine.New(func(yield asks) error {
			if round%2 == 0 {
				runtime.Gosched()
			}
			if _, err := yield(1); err != nil {
				return errWhy
			}
			return errWhy
		})
		var ends atomic.Int64
		var wg sync.WaitGroup
		for client := range 4 {
			wg.Go(func() {
				for range 3 {
					func() {
						defer func() {
							if p := recover(); p != nil && p != coroutine.ErrRunning {
								t.Errorf("panicked with %v", p)
							}
						}()
						var err error
						switch client {
						case 0:
							err = g.Close()
						case 1:
							err = coroutine.From(func(int) (int, error) { return 0, nil }, g)
						default:
							_, err = g.Next()
						}
						if errors.Is(err, errWhy) {
							ends.Add(1)
						}
					}()
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
		if err := g.Close(); errors.Is(err, errWhy) {
			ends.Add(1)
		}
		if ends.Load() > 1 || g.State() != coroutine.Ended {
			t.Fatalf("round %d: the end was reported %d times, and the state is %v", round, ends.Load(), g.State())
		}
	}
}

// What Send brings, yield returns once: Next and Throw after it do not bring it again.
func TestNothingIsHandedOverTwice(t *testing.T) {
	type box struct{ p *int }
	var got []box
	var errs []error
	g := coroutine.New(func(yield coroutine.Yield[box, box]) error {
		for i := range 6 {
			in, err := yield(box{&i})
			got, errs = append(got, in), append(errs, err)
		}
		return nil
	})
	x := 1
	_, _ = g.Next()
	_, _ = g.Send(box{&x})
	_, _ = g.Next()
	_, _ = g.Throw(errWhy)
	_, _ = g.Next()
	_, _ = g.Send(box{&x})
	if v, err := g.Next(); v.p != nil || err != coroutine.ErrDone {
		t.Error("the last value is yielded again:", v, err)
	}
	if want := []box{{&x}, {}, {}, {}, {&x}, {}}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("brought %v, want %v", got, want)
	}
	if want := []error{nil, nil, errWhy, nil, nil, nil}; fmt.Sprint(errs) != fmt.Sprint(want) {
		t.Errorf("thrown %v, want %v", errs, want)
	}
}

func TestWhatCloseReturns(t *testing.T) {
	wrapped := fmt.Errorf("while it cleaned up: %w", coroutine.ErrClosed)
	for _, c := range []struct {
		name string
		body func(asks) error
		want error
	}{
		{"nil", func(yield asks) error { _, _ = yield(1); return nil }, nil},
		{"ErrClosed", counting, nil},
		{"another", func(yield asks) error { _, _ = yield(1); return errWhy }, errWhy},
		{"one that tells more", func(yield asks) error { _, _ = yield(1); return wrapped }, wrapped},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := started(t, c.body)
			if err := g.Close(); err != c.want || g.State() != coroutine.Ended {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err := g.Close(); err != nil {
				t.Error("again:", err)
			}
			_, err := g.Next()
			want(t, 0, err, 0, coroutine.ErrDone)
		})
	}
}

func TestWhoIgnoresCloseGoesOn(t *testing.T) {
	g := started(t, func(yield asks) error {
		for i := range 3 {
			if _, err := yield(i); err != nil && err != coroutine.ErrClosed {
				t.Error(err)
			}
		}
		return errWhy
	})
	if p := proof.Recovered(func() { _ = g.Close() }); p != coroutine.ErrIgnoredClose || g.State() != coroutine.Suspended {
		t.Errorf("panicked with %v, and is %v", p, g.State())
	}
	v, err := g.Next()
	want(t, v, err, 2, nil)
	if err := g.Close(); err != errWhy {
		t.Error(err)
	}
}

// Whatever a body returns that could be taken for the end of a generator is not taken for it, at whatever depth.
func TestABodyThatReturnsErrDoneDoesNotLookLikeItsEnd(t *testing.T) {
	for name, err := range map[string]error{
		"itself":   coroutine.ErrDone,
		"wrapped":  fmt.Errorf("inner: %w", coroutine.ErrDone),
		"joined":   errors.Join(io.EOF, coroutine.ErrDone),
		"says so":  pretends{},
		"and more": fmt.Errorf("%w %w", coroutine.ErrDone, &thread.PanicError{Value: 1}),
	} {
		bodies := map[string]func(asks) error{
			"at once":   func(asks) error { return err },
			"after one": func(yield asks) error { _, _ = yield(1); return err },
			"by From":   func(yield asks) error { return coroutine.From(yield, coroutine.New(func(asks) error { return err })) },
			"by a call": func(yield asks) error { return func(asks) error { return err }(yield) },
			"by another": func(yield asks) error {
				return coroutine.From(yield, started(t, func(y asks) error { _, _ = y(1); return err }))
			},
		}
		for how, body := range bodies {
			t.Run(name+" "+how, func(t *testing.T) {
				g := coroutine.New(body)
				var got error
				n := 0
				for _, e := range g.All() {
					n, got = n+1, e
				}
				if got == nil || errors.Is(got, coroutine.ErrDone) || got.Error() != err.Error() {
					t.Errorf("after %d values: %v, want an error that looks like %v and is not ErrDone", n, got, err)
				}
				if name == "joined" && !errors.Is(got, io.EOF) {
					t.Error("the rest of the error is lost")
				}
				var p *thread.PanicError
				if name == "and more" && (!errors.As(got, &p) || p.Value != 1) {
					t.Error("the rest of the error is lost")
				}
				_, err := g.Next()
				want(t, 0, err, 0, coroutine.ErrDone)
			})
		}
	}
}

type pretends struct{}

func (pretends) Error() string        { return "pretends" }
func (pretends) Is(target error) bool { return target == coroutine.ErrDone }

func TestALoopThatIsLeftLeavesTheRest(t *testing.T) {
	g := coroutine.New(func(yield asks) error {
		for i := range 5 {
			if _, err := yield(i); err != nil {
				return err
			}
		}
		return errWhy
	})
	var got []string
	for v := range g.All() {
		got = append(got, fmt.Sprint(v))
		if v == 1 {
			break
		}
	}
	v, err := g.Next()
	got = append(got, fmt.Sprint(v, err))
	rest := g.All()
	for range 2 { // an iterator can be used again: of what is left
		for v, err := range rest {
			got = append(got, fmt.Sprint(v, err))
		}
	}
	if want := "0 1 2<nil> 3<nil> 4<nil> 0why"; strings.Join(got, " ") != strings.NewReplacer("<", " <", "why", " why").Replace(want) {
		t.Errorf("%q", got)
	}
}

// The body of the loop may use the generator: it is suspended there.
func TestALoopMaySend(t *testing.T) {
	g := started(t, counting)
	for v := range g.All() {
		if got, err := g.Send(1); got != v+1 || err != nil {
			t.Error(got, err)
		}
		if v > 5 {
			break
		}
	}
}

func TestYieldElsewhereIsRefusedAndChangesNothing(t *testing.T) {
	var kept asks
	g := coroutine.New(func(yield asks) error {
		kept = yield
		for i := 0; ; i++ {
			var wg sync.WaitGroup
			wg.Go(func() { // while the body runs, on another goroutine
				if p := proof.Recovered(func() { _, _ = yield(99) }); p != coroutine.ErrOutside {
					t.Errorf("panicked with %v", p)
				}
			})
			wg.Wait()
			inner := coroutine.New(func(asks) error { _, err := yield(98); return err }) // on that of another generator
			if p, _ := proof.Recovered(func() { _, _ = inner.Next() }).(error); !errors.Is(p, coroutine.ErrOutside) {
				t.Errorf("panicked with %v", p)
			}
			x, err := yield(i)
			if err != nil {
				return err
			}
			if x != 7 {
				t.Errorf("sent %d", x)
			}
		}
	})
	outside := func() {
		t.Helper()
		if p := proof.Recovered(func() { _, _ = kept(97) }); p != coroutine.ErrOutside {
			t.Errorf("panicked with %v", p)
		}
	}
	v, err := g.Next()
	want(t, v, err, 0, nil)
	outside()
	v, err = g.Send(7)
	want(t, v, err, 1, nil)
	outside()
	_ = g.Close()
	outside()
}

// What a body yields to in its clean-up is a yield like any other.
func TestYieldInADefer(t *testing.T) {
	for name, ends := range map[string]func(){
		"return": func() {},
		"panic":  func() { panic("x") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			g := coroutine.New(func(yield asks) error {
				defer func() {
					for i := 2; i < 4; i++ {
						if x, err := yield(i); x != i || err != nil {
							t.Error(x, err)
						}
					}
				}()
				_, _ = yield(1)
				ends()
				return errWhy
			})
			for i := 1; i < 4; i++ {
				var v int
				var err error
				if i < 3 {
					v, err = g.Next()
				} else {
					v, err = g.Send(2)
				}
				want(t, v, err, i, nil)
			}
			var err error
			last := thread.Go(func() { err = try(func() { _, err = g.Send(3) }) })
			last.Join()
			if g.State() != coroutine.Ended {
				t.Error(g.State())
			}
			switch name {
			case "panic":
				var p *thread.PanicError
				if !errors.As(err, &p) {
					t.Error(err)
				}
			case "Goexit":
				if !errors.Is(last.Err(), thread.ErrGoexit) {
					t.Error(last.Err())
				}
			}
		})
	}
}

func TestStateHasAName(t *testing.T) {
	got := fmt.Sprint(coroutine.Created, coroutine.Running, coroutine.Suspended, coroutine.Ended, coroutine.State(9))
	if want := "created running suspended ended State(9)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestResumptionDoesNotAllocate(t *testing.T) {
	g := started(t, counting)
	other := started(t, counting)
	for name, f := range map[string]func(){
		"Next":  func() { _, _ = g.Next() },
		"Send":  func() { _, _ = g.Send(1) },
		"State": func() { _ = g.State() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	_ = other
	if n := testing.AllocsPerRun(100, func() { coroutine.New(counting) }); n > 1 {
		t.Errorf("New allocates %v times, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		g := coroutine.New(counting)
		_, _ = g.Next()
		_ = g.Close()
	}); n > 9 {
		t.Errorf("New, Next and Close allocate %v times, want at most 9, six of which are iter.Pull's", n)
	}
}

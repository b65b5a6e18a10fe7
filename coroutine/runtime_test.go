package coroutine_test

import (
	"fmt"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// What some do to the process, and what is so while packages are initialized, is seen from another process: this test
// with the name of a scenario in its environment.
const scenarioVariable = "THREADING_COROUTINE_SCENARIO"

func play(t *testing.T, scenario string, args ...string) (out string, failed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	// A program with the race detector waits for a second when it ends, for reports that are on their way.
	cmd.Env = append(os.Environ(), scenarioVariable+"="+scenario, "GORACE=atexit_sleep_ms=0")
	b, err := cmd.CombinedOutput()
	return string(b), err != nil
}

var scenarios = map[string]func(){
	"locked resumes what was started free": func() {
		g := coroutine.New(counting)
		_, _ = g.Next()
		runtime.LockOSThread()
		_, _ = g.Next()
	},
	"yields locked": func() {
		g := coroutine.New(func(yield asks) error {
			runtime.LockOSThread()
			_, err := yield(1)
			return err
		})
		_, _ = g.Next()
		_, _ = g.Next()
	},
	"early": func() {
		fmt.Println("whole:", whole)
		fmt.Println("resumed:", proof.Recovered(func() { _, _ = primed.Send(1) }), primed.State())
		fmt.Println("closed:", proof.Recovered(func() { _ = primed.Close() }), primed.State())
		fmt.Println("inner:", proof.Recovered(func() { _, _ = inner.Next() }), inner.State())
		fmt.Println("by another:", proof.Recovered(func() { thread.Go(func() { _ = primed.Close() }).Join() }), primed.State())
		v, err := free.Next()
		fmt.Println("free:", v, err)
		late := coroutine.New(counting)
		_, _ = late.Next()
		fmt.Println("late:", late.Close())
	},
	"main is locked": func() { // as programs that draw do
		runtime.LockOSThread()
		g := coroutine.New(counting)
		_, _ = g.Next()
		v, err := g.Next()
		fmt.Println(v, err)
		fmt.Println(testing.AllocsPerRun(100, func() { _, _ = g.Next() })) // it does not look where it is each time
		fmt.Println(g.Close())
	},
	"panics": func() {
		g := coroutine.New(func(yield asks) error { where(); return nil })
		_, _ = g.Next()
	},
	"panic(nil)": func() {
		g := coroutine.New(func(yield asks) error { panic(nil) })
		fmt.Println(proof.Recovered(func() { _, _ = g.Next() }), g.State())
	},
}

// Generators that this package's initialization starts, in the process of the scenario.
var (
	primed, inner, free *gen
	whole               int
	_                   = func() bool {
		if os.Getenv(scenarioVariable) != "early" {
			return false
		}
		primed = coroutine.New(counting) // next(g) at the level of a module
		_, _ = primed.Next()
		_, _ = primed.Next()
		_, _ = coroutine.New(func(asks) error { // in another's body
			inner = coroutine.New(counting)
			_, _ = inner.Next()
			return nil
		}).Next()
		started := make(chan struct{})
		free = coroutine.New(counting)
		go func() { // by a goroutine that is not locked
			_, _ = free.Next()
			close(started)
		}()
		<-started
		fmt.Println("by main:", proof.Recovered(func() { _, _ = free.Next() }), free.State())
		for v, err := range coroutine.New(func(yield asks) error { // from beginning to end
			_, _ = yield(1)
			_, _ = yield(2)
			return nil
		}).All() {
			if err == nil {
				whole += v
			}
		}
		return true
	}()
)

func TestWhatWasStartedEarlyEndsEarly(t *testing.T) {
	out, failed := play(t, "early")
	elsewhere := coroutine.ErrElsewhere.Error()
	want := fmt.Sprintf("by main: %[1]s suspended\nwhole: 3\nresumed: %[1]s suspended\nclosed: %[1]s suspended\n"+
		"inner: %[1]s suspended\nby another: <nil> suspended\nfree: 1 <nil>\nlate: <nil>\n", elsewhere)
	if i := strings.Index(out, "panic in thread"); i >= 0 { // what the thread said, in between
		j := strings.Index(out, "by another:")
		out = out[:i] + out[j:]
	}
	if failed || out != want {
		t.Errorf("failed: %v, output\n%s\nwant\n%s", failed, out, want)
	}
}

func TestALockedMainGoroutineIsNotTakenForAnEarlyOne(t *testing.T) {
	if out, failed := play(t, "main is locked"); failed || out != "1 <nil>\n0\n<nil>\n" {
		t.Error(failed, out)
	}
}

// What the package comment says of LockOSThread: it is the runtime's to say, and it says it loudly.
func TestTheRuleOfLockOSThreadIsTheRuntimes(t *testing.T) {
	for _, scenario := range []string{"locked resumes what was started free", "yields locked"} {
		out, failed := play(t, scenario)
		if !failed || !strings.Contains(out, "coro: OS thread locking must match") {
			t.Errorf("%s: failed: %v\n%s", scenario, failed, out)
		}
	}
}

func TestALockedGoroutineHasGeneratorsOfItsOwn(t *testing.T) {
	thread.Go(func() {
		runtime.LockOSThread()
		g := coroutine.New(func(yield asks) error {
			runtime.LockOSThread() // once more, and back before it yields
			runtime.UnlockOSThread()
			return counting(yield)
		})
		for i := range 3 {
			v, err := g.Next()
			want(t, v, err, i, nil)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}).Join()
}

func TestAnUnrecoveredPanicPrintsTheStackOfTheBody(t *testing.T) {
	out, failed := play(t, "panics")
	if !failed || !strings.Contains(out, "panic: why") || !strings.Contains(out, "coroutine_test.where(") {
		t.Errorf("failed: %v\n%s", failed, out)
	}
}

func TestAPanicOfNilIsAPanic(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		t.Setenv("GODEBUG", setting)
		if out, failed := play(t, "panic(nil)"); failed || !strings.Contains(out, "nil argument") || !strings.HasSuffix(out, "ended\n") {
			t.Errorf("%s: failed: %v\n%s", setting, failed, out)
		}
	}
}

// In a bubble a suspended generator is durably blocked, and its time is the bubble's.
func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks := coroutine.New(func(yield coroutine.Yield[time.Duration, time.Time]) error {
			for d := time.Duration(0); ; {
				time.Sleep(d)
				var err error
				if d, err = yield(time.Now()); err != nil {
					return err
				}
			}
		})
		began, _ := ticks.Next()
		timer := time.NewTimer(time.Hour)
		<-timer.C // which takes that all are durably blocked
		v, err := ticks.Send(time.Minute)
		if want := began.Add(time.Hour + time.Minute); !v.Equal(want) || err != nil {
			t.Error(v, err, want)
		}
		done := make(chan struct{})
		go func() { // by another goroutine of the bubble
			defer close(done)
			_, _ = ticks.Send(time.Second)
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		<-done
		if err := ticks.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheEdgeOfABubble(t *testing.T) {
	refused := func(g *gen) {
		t.Helper()
		for name, f := range map[string]func(){
			"Next":  func() { _, _ = g.Next() },
			"Send":  func() { _, _ = g.Send(1) },
			"Throw": func() { _, _ = g.Throw(errWhy) },
			"Close": func() { _ = g.Close() },
			"From":  func() { _ = coroutine.From(func(int) (int, error) { return 0, nil }, g) },
		} {
			if p := proof.Recovered(f); p != coroutine.ErrElsewhere || g.State() != coroutine.Suspended {
				t.Errorf("%s panicked with %v and left %v", name, p, g.State())
			}
		}
	}
	outside := started(t, counting)
	unstarted := coroutine.New(counting)
	ended := started(t, counting)
	_ = ended.Close()
	synctest.Test(t, func(t *testing.T) {
		refused(outside) // started outside
		v, err := unstarted.Next()
		want(t, v, err, 0, nil) // made outside
		_, err = ended.Next()
		want(t, 0, err, 0, coroutine.ErrDone)
		if outside.State() != coroutine.Suspended {
			t.Error(outside.State())
		}
		time.Sleep(time.Second)
		v, err = unstarted.Next()
		want(t, v, err, 1, nil)
		_ = unstarted.Close()
	})
	v, err := outside.Next()
	want(t, v, err, 1, nil)

	// Started in one bubble, from the outside and from another bubble, while the first still is.
	hand, back := make(chan *gen), make(chan struct{})
	go func() {
		defer close(back)
		g := <-hand
		refused(g)
		synctest.Test(t, func(*testing.T) { refused(g) })
	}()
	synctest.Test(t, func(t *testing.T) {
		in := coroutine.New(counting)
		_, _ = in.Next()
		hand <- in
		<-back
		time.Sleep(time.Second)
		v, err := in.Next()
		want(t, v, err, 1, nil)
		_ = in.Close()
	})
}

// An iter.Pull inside a body, and a generator inside the function of an iter.Pull.
func TestWithIterPull(t *testing.T) {
	g := coroutine.New(func(yield asks) error {
		inner := started(t, counting)
		next, stop := iter.Pull(func(yield func(int) bool) {
			for v := range inner.All() {
				if !yield(10 * v) {
					return
				}
			}
		})
		defer stop()
		for {
			v, _ := next()
			if _, err := yield(v); err != nil {
				return err
			}
		}
	})
	for i := 1; i < 5; i++ {
		v, err := g.Next()
		want(t, v, err, 10*i, nil)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	next, stop := iter.Pull2(started(t, counting).All())
	for i := 1; i < 5; i++ {
		if v, err, ok := next(); v != i || err != nil || !ok {
			t.Error(v, err, ok)
		}
	}
	stop()
}

func TestWhatIsForgottenIsNoticed(t *testing.T) {
	g := coroutine.New(counting)
	if err := goleak.Find(goleak.IgnoreCurrent()); err != nil {
		t.Error("one that was never started:", err)
	}
	ignore := goleak.IgnoreCurrent()
	_, _ = g.Next()
	err := goleak.Find(ignore, goleak.IgnoreTopFunction("nothing"))
	if err == nil || !strings.Contains(err.Error(), "coroutine") || !strings.Contains(err.Error(), "counting") {
		t.Errorf("goleak says %v", err)
	}
	_ = g.Close()
	if err := goleak.Find(ignore); err != nil {
		t.Error("one that was closed:", err)
	}
}

func TestABubbleNoticesWhatIsForgotten(t *testing.T) {
	if os.Getenv(scenarioVariable) != "forgotten in a bubble" {
		out, failed := play(t, "forgotten in a bubble", "-test.run=^TestABubbleNoticesWhatIsForgotten$")
		if !failed || !strings.Contains(out, "blocked goroutines remain") {
			t.Errorf("failed: %v\n%s", failed, out)
		}
		return
	}
	synctest.Test(t, func(t *testing.T) {
		g := coroutine.New(counting)
		_, _ = g.Next()
	})
}

// What has ended, in whichever way, keeps nothing alive that its body captured, was sent, or yielded.
func TestWhatHasEndedCanBeCollected(t *testing.T) {
	type large struct{ _ [1 << 16]byte }
	type g = coroutine.Generator[*large, *large]
	for name, end := range map[string]func(*g){
		"Close":                  func(g *g) { _, _ = g.Next(); _ = g.Close() },
		"Close before the start": func(g *g) { _ = g.Close() },
		"Throw":                  func(g *g) { _, _ = g.Next(); _, _ = g.Throw(errWhy) },
		"Throw before the start": func(g *g) { _, _ = g.Throw(errWhy) },
		"return": func(g *g) {
			for range g.All() {
			}
		},
		"From": func(g *g) {
			_ = coroutine.From(func(*large) (*large, error) { return new(large), nil }, g)
		},
		"Goexit": func(g *g) {
			_, _ = g.Next()
			thread.Go(func() { _, _ = g.Send(nil) }).Join()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var captured, sent weak.Pointer[large]
			g := func() *g {
				l, s := new(large), new(large)
				captured, sent = weak.Make(l), weak.Make(s)
				g := coroutine.New(func(yield coroutine.Yield[*large, *large]) error {
					in, err := yield(l)
					if err != nil {
						return err
					}
					if name == "Goexit" {
						runtime.Goexit()
					}
					_, err = yield(in)
					return err
				})
				if name == "Close" {
					_, _ = g.Next()
					_, _ = g.Send(s)
				}
				end(g)
				runtime.KeepAlive(l)
				return g
			}()
			if !proof.Collected(captured) {
				t.Error("what the body captured is kept alive")
			}
			if !proof.Collected(sent) {
				t.Error("what was sent is kept alive")
			}
			runtime.KeepAlive(g)
		})
	}
}

// A generator that nobody has is collected, unless it is suspended: then its goroutine has it.
func TestAGeneratorItselfCanBeCollected(t *testing.T) {
	w := func() weak.Pointer[gen] {
		g := coroutine.New(counting)
		_, _ = g.Next()
		_ = g.Close()
		return weak.Make(g)
	}()
	if !proof.Collected(w) {
		t.Error("one that was closed")
	}
	w = func() weak.Pointer[gen] { return weak.Make(coroutine.New(counting)) }()
	if !proof.Collected(w) {
		t.Error("one that was never started")
	}
}

// Very many at once, each with its own values. A million are in docs/performance.md.
func TestVeryMany(t *testing.T) {
	n := 20_000
	if testing.Short() || proof.Race {
		n = 500
	}
	all := make([]*gen, n)
	for i := range all {
		all[i] = coroutine.New(func(yield asks) error {
			x, err := yield(i)
			for err == nil {
				x, err = yield(x + i)
			}
			return err
		})
		v, err := all[i].Next()
		want(t, v, err, i, nil)
	}
	for i, g := range all {
		v, err := g.Send(1)
		want(t, v, err, 1+i, nil)
	}
	for _, g := range all {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

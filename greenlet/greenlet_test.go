package greenlet_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/thread"
)

func TestNewThrowAndSetParentRefuseNil(t *testing.T) {
	g := greenlet.New(func(v any) (any, error) { return v, nil })
	for name, f := range map[string]func(){
		"New":       func() { greenlet.New(nil) },
		"Throw":     func() { _, _ = g.Throw(nil) },
		"SetParent": func() { g.SetParent(nil) },
	} {
		if proof.Recovered(f) == nil {
			t.Errorf("%s(nil) does not panic", name)
		}
	}
	if g.Dead() || g.Active() || g.Parent() != greenlet.Current() {
		t.Error("it has changed something")
	}
	v, err := g.Switch(3)
	gets(t, v, err, 3, nil)
}

// A switch to oneself returns at once.
func TestSwitchToOneself(t *testing.T) {
	main := greenlet.Current()
	v, err := main.Switch(1)
	gets(t, v, err, 1, nil)
	v, err = main.Throw(errWhy)
	gets(t, v, err, nil, errWhy)
	g := greenlet.New(func(v any) (any, error) {
		self := greenlet.Current()
		v, err := self.Switch(v.(int) + 1)
		gets(t, v, err, 2, nil)
		if _, err := self.Throw(greenlet.ErrExit); err != greenlet.ErrExit {
			t.Error(err)
		}
		return v, nil
	})
	v, err = g.Switch(1)
	gets(t, v, err, 2, nil)
}

// Random programs of many greenlets that switch, throw and end as they like: each message arrives where a model says, once,
// and control is where it says.
func TestControlIsWhereTheModelSays(t *testing.T) {
	rounds := 300
	if testing.Short() || proof.Race {
		rounds = 50
	}
	for seed := range uint64(rounds) {
		randomProgram(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// What the model knows of a greenlet.
type known struct {
	g              *green
	parent         int
	started, ended bool
}

func randomProgram(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	n := 2 + random.IntN(8)
	all := make([]known, n+1) // 0 is main
	all[0] = known{g: greenlet.Current(), parent: -1, started: true}
	steps := 200
	// What is on its way, and to whom, by the model.
	var to int
	var value any
	var thrown error
	// send notes a message, by the rules for who has ended and who has not started.
	send := func(target int, v any, err error) {
		for all[target].ended || !all[target].started && err != nil {
			all[target].ended = true
			if errors.Is(err, greenlet.ErrExit) {
				v, err = err, nil
			}
			target = all[target].parent
		}
		to, value, thrown = target, v, err
		all[target].started = true
	}
	over := false // and all go home
	received := func(self int, v any, err error) {
		if over {
			return
		}
		if self != to || v != value || err != thrown {
			t.Errorf("%d got %v, %v; the model says that %d gets %v, %v", self, v, err, to, value, thrown)
		}
		if greenlet.Current() != all[self].g {
			t.Errorf("%d is not the current one", self)
		}
		for i, k := range all {
			if k.g.Dead() != k.ended || k.g.Active() != (k.started && !k.ended) {
				t.Errorf("%d: dead %v, active %v; the model says %+v", i, k.g.Dead(), k.g.Active(), k)
			}
		}
	}
	var act func(self int) (done bool)
	act = func(self int) (done bool) {
		steps--
		target := random.IntN(n + 1)
		v := any(random.IntN(1000))
		switch random.IntN(10) {
		case 0:
			if self != 0 {
				return true
			}
		case 1:
			err := errors.New(fmt.Sprint("thrown ", steps))
			send(target, nil, err)
			v, err := all[target].g.Throw(err)
			received(self, v, err)
			return false
		case 2:
			send(target, nil, greenlet.ErrExit)
			v, err := all[target].g.Throw(greenlet.ErrExit)
			received(self, v, err)
			return false
		case 3: // in the body of a generator
			g := coroutine.New(func(coroutine.Yield[int, int]) error {
				if steps > 0 {
					done = act(self)
				}
				return nil
			})
			_, _ = g.Next()
			return done
		case 4:
			if target != 0 {
				p := random.IntN(n + 1)
				for a := p; ; a = all[a].parent {
					if a == target {
						panicked(t, greenlet.ErrCycle, func() { all[target].g.SetParent(all[p].g) })
						break
					}
					if a == 0 {
						all[target].g.SetParent(all[p].g)
						all[target].parent = p
						break
					}
				}
			}
			return false
		}
		send(target, v, nil)
		v, err := all[target].g.Switch(v)
		received(self, v, err)
		return false
	}
	for i := 1; i <= n; i++ {
		all[i] = known{g: greenlet.New(func(v any) (any, error) {
			received(i, v, nil)
			for steps > 0 && !act(i) {
			}
			all[i].ended = true
			if steps <= 0 { // home, whoever is in between
				send(all[i].parent, nil, nil)
				return nil, nil
			}
			v = any(steps)
			switch random.IntN(3) {
			case 0:
				err := errors.New(fmt.Sprint("returned ", steps))
				send(all[i].parent, v, err)
				return v, err
			case 1:
				err := fmt.Errorf("%d: %w", steps, greenlet.ErrExit)
				send(all[i].parent, err, nil)
				return v, err
			}
			send(all[i].parent, v, nil)
			return v, nil
		})}
	}
	for steps > 0 {
		act(0)
	}
	over = true
	// The rest is killed. Each may be waiting for others, which does not matter.
	for i := range all {
		if i != 0 && all[i].g.Active() {
			for range 10 {
				if all[i].g.Dead() {
					break
				}
				_, _ = all[i].g.Throw(greenlet.ErrExit)
			}
		}
	}
	for i := range all[1:] {
		if all[i+1].g.Active() {
			t.Errorf("%d is left", i+1)
		}
	}
}

// A panic goes on in the parent, with the stack, and kills parents that have not started.
func TestAPanicGoesOnInTheParent(t *testing.T) {
	where := func() { panic(errWhy) }
	unstarted := greenlet.New(func(any) (any, error) { t.Error("ran"); return nil, nil })
	g := greenlet.New(func(any) (any, error) { where(); return nil, nil })
	g.SetParent(unstarted)
	err, _ := proof.Recovered(func() { _, _ = g.Switch(nil) }).(error)
	var p *thread.PanicError
	if !errors.As(err, &p) || p.Value != error(errWhy) || !strings.Contains(err.Error(), "TestAPanicGoesOnInTheParent.func1(") {
		t.Errorf("panicked with %v", err)
	}
	if !g.Dead() || !unstarted.Dead() {
		t.Error("it has not killed them")
	}
	// Three deep, and recovered by the second: whoever switched is not the parent.
	var l log
	outer := greenlet.New(func(any) (any, error) {
		middle := greenlet.New(func(any) (v any, err error) {
			defer func() {
				l.say("middle")
				v = recover() != nil
			}()
			inner := greenlet.New(func(any) (any, error) {
				defer l.say("inner")
				where()
				return nil, nil
			})
			other := greenlet.New(func(any) (any, error) {
				defer l.say("other")
				return inner.Switch(nil)
			})
			kill(t, other)
			return other.Switch(nil)
		})
		return middle.Switch(nil)
	})
	v, err := outer.Switch(nil)
	gets(t, v, err, true, nil)
	l.check(t, "inner middle")
}

// Goexit goes on in the parent, whoever has switched, and in its parent, down to the thread.
func TestGoexitGoesOnInTheParent(t *testing.T) {
	var l log
	var other *green
	th := thread.Go(func() {
		defer l.say("main")
		main := greenlet.Current()
		unstarted := greenlet.New(func(any) (any, error) { t.Error("ran"); return nil, nil })
		parent := greenlet.New(func(any) (any, error) {
			defer l.say("parent")
			defer func() { // in its last moments it may still switch
				v, err := other.Switch("while it exits")
				gets(t, v, err, "answer", nil)
			}()
			return main.Switch("ready")
		})
		other = greenlet.New(func(any) (any, error) {
			defer l.say("other")
			child := greenlet.New(func(any) (any, error) {
				defer l.say("child")
				runtime.Goexit()
				return nil, nil
			})
			child.SetParent(unstarted)
			v, err := child.Switch(nil)
			gets(t, v, err, "while it exits", nil)
			v, err = parent.Switch("answer")
			return v, err
		})
		unstarted.SetParent(parent)
		v, err := parent.Switch(nil)
		gets(t, v, err, "ready", nil)
		defer func() {
			if !parent.Dead() || !unstarted.Dead() || !other.Active() {
				t.Error(parent, unstarted, other)
			}
			v, err := other.Throw(greenlet.ErrExit)
			gets(t, v, err, greenlet.ErrExit, nil)
		}()
		_, _ = other.Switch(nil)
		t.Error("it has not gone on")
	})
	th.Join()
	if !errors.Is(th.Err(), thread.ErrGoexit) {
		t.Error(th.Err())
	}
	l.check(t, "child parent other main")
}

// The test functions that exit, such as FailNow, end the test from inside a greenlet too.
func TestGoexitInAGeneratorInAGreenlet(t *testing.T) {
	th := thread.Go(func() {
		g := greenlet.New(func(any) (any, error) {
			_, err := coroutine.New(func(coroutine.Yield[int, int]) error { runtime.Goexit(); return nil }).Next()
			return nil, err
		})
		_, _ = g.Switch(nil)
		t.Error("it has not gone on")
	})
	th.Join()
	if !errors.Is(th.Err(), thread.ErrGoexit) {
		t.Error(th.Err())
	}
}

// A switch in the body of a generator is the switch of the greenlet that resumed it.
func TestSwitchInAGeneratorInAGreenlet(t *testing.T) {
	main := greenlet.Current()
	var l log
	var a, b *green
	body := func(name string, other **green) func(any) (any, error) {
		return func(v any) (any, error) {
			g := coroutine.New(func(yield coroutine.Yield[any, any]) error {
				for {
					if greenlet.Current().Parent() != main {
						t.Error("another is current in the generator")
					}
					l.say(fmt.Sprint(name, v))
					var err error
					if v, err = (*other).Switch(v.(int) + 1); err != nil {
						return err
					}
					if _, err := yield(v); err != nil {
						return err
					}
				}
			})
			defer g.Close()
			for range 3 {
				if _, err := g.Next(); err != nil {
					return nil, err
				}
			}
			return "ended", nil
		}
	}
	a, b = greenlet.New(body("a", &b)), greenlet.New(body("b", &a))
	v, err := a.Switch(0)
	gets(t, v, err, "ended", nil)
	l.check(t, "a0 b1 a2 b3 a4 b5")
	v, err = b.Throw(errWhy) // it waits in its generator
	gets(t, v, err, nil, errWhy)
	if !a.Dead() || !b.Dead() {
		t.Error(a, b)
	}
}

// The main greenlet switches from inside of a generator, and is switched to there.
func TestSwitchInAGeneratorOfTheMainGreenlet(t *testing.T) {
	main := greenlet.Current()
	g := greenlet.New(func(v any) (any, error) {
		for {
			var err error
			if v, err = main.Switch(v.(int) + 1); err != nil {
				return nil, err
			}
		}
	})
	kill(t, g)
	gen := coroutine.New(func(yield coroutine.Yield[int, int]) error {
		if greenlet.Current() != main {
			t.Error("another is current in the generator")
		}
		for i := 10; ; i += 10 {
			v, err := g.Switch(i)
			if err != nil {
				return err
			}
			if _, err := yield(v.(int)); err != nil {
				return err
			}
		}
	})
	defer gen.Close()
	for _, want := range []int{11, 21} {
		if v, err := gen.Next(); v != want || err != nil {
			t.Error(v, err)
		}
	}
	v, err := g.Switch(100) // and from outside of it
	gets(t, v, err, 101, nil)
	if v, err := gen.Next(); v != 31 || err != nil {
		t.Error(v, err)
	}
}

// A generator that a greenlet has left in the middle is another greenlet's to resume only when it is suspended.
func TestAGeneratorBetweenGreenlets(t *testing.T) {
	main := greenlet.Current()
	gen := coroutine.New(func(yield coroutine.Yield[int, int]) error {
		if _, err := main.Switch("in the middle"); err != nil {
			return err
		}
		_, err := yield(1)
		return err
	})
	g := greenlet.New(func(any) (any, error) {
		v, err := gen.Next()
		return v, err
	})
	v, err := g.Switch(nil)
	gets(t, v, err, "in the middle", nil)
	panicked(t, coroutine.ErrRunning, func() { _, _ = gen.Next() })
	v, err = g.Switch(nil)
	gets(t, v, err, 1, nil)
	if err := gen.Close(); err != nil {
		t.Error(err)
	}
}

// The identity is the thread's, in each of its greenlets.
func TestInsideIsTheThread(t *testing.T) {
	var local thread.Local[int]
	var r rlock.RLock
	th := thread.Go(func() {
		local.Set(1)
		r.Lock()
		g := greenlet.New(func(any) (any, error) {
			for {
				if thread.Current().Name() != "mine" || local.Get() != 1 || r.Depth() != 1 {
					t.Error(thread.Current(), local.Get(), r.Depth())
				}
				r.Lock()
				if _, err := back(nil); err != nil {
					r.Unlock()
					return nil, err
				}
				r.Unlock()
			}
		})
		_, _ = g.Switch(nil)
		if r.Depth() != 2 {
			t.Error(r.Depth())
		}
		r.Unlock() // what the greenlet locked: it is the thread's
		r.Lock()
		_, _ = g.Switch(nil)
		_, _ = g.Throw(greenlet.ErrExit)
		r.Unlock()
		if r.Locked() {
			t.Error("it is still locked")
		}
	}, thread.Name("mine"))
	th.Join()
	if th.Err() != nil {
		t.Error(th.Err())
	}
}

func TestAGreenletInATaskLendsItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(1)
		defer p.Shutdown()
		v, err := pool.Apply(p, func(context.Context) (any, error) {
			return greenlet.New(func(any) (any, error) {
				return pool.Apply(p, func(context.Context) (any, error) { return "lent", nil })
			}).Switch(nil)
		})
		gets(t, v, err, "lent", nil)
	})
}

func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		main := greenlet.Current()
		began := time.Now()
		g := greenlet.New(func(any) (any, error) {
			time.Sleep(time.Hour)
			v, err := main.Switch(time.Since(began))
			time.Sleep(time.Minute)
			return v, err
		})
		v, err := g.Switch(nil)
		gets(t, v, err, time.Hour, nil)
		time.Sleep(time.Second) // while it is suspended
		v, err = g.Switch("end")
		gets(t, v, err, "end", nil)
		if took := time.Since(began); took != time.Hour+time.Minute+time.Second {
			t.Error(took)
		}
	})
}

// Threads by the dozen, each with greenlets of its own, in the same functions.
func TestManyThreads(t *testing.T) {
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			main := greenlet.Current()
			for range 50 {
				total := 0
				g := greenlet.New(func(v any) (any, error) {
					for {
						total += v.(int)
						var err error
						if v, err = main.Switch(total); err != nil {
							return nil, err
						}
					}
				})
				for i := range 5 {
					if v, err := g.Switch(i); v != total || err != nil || greenlet.Current() != main {
						t.Error(v, err)
					}
				}
				v, err := g.Throw(greenlet.ErrExit)
				gets(t, v, err, greenlet.ErrExit, nil)
			}
		})
	}
	wg.Wait()
}

// Ten thousand in a chain, each started by the one before: control comes home from the end of it, and each ends in turn.
func TestALongChain(t *testing.T) {
	n := 10_000
	if testing.Short() || proof.Race {
		n = 1_000
	}
	main := greenlet.Current()
	chain := make([]*green, n)
	for i := range chain {
		chain[i] = greenlet.New(func(v any) (any, error) {
			if i+1 < n {
				return chain[i+1].Switch(v.(int) + 1)
			}
			return main.Switch(v.(int) + 1)
		})
	}
	v, err := chain[0].Switch(0)
	gets(t, v, err, n, nil)
	for _, g := range chain {
		v, err := g.Throw(greenlet.ErrExit)
		gets(t, v, err, greenlet.ErrExit, nil)
	}
}

// Calls on a greenlet of another thread are refused and change nothing; questions are answered, without a race.
func TestAnotherThread(t *testing.T) {
	main := greenlet.Current()
	g := greenlet.New(func(v any) (any, error) {
		for {
			if _, err := main.Switch(v); err != nil {
				return nil, err
			}
		}
	})
	kill(t, g)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		mine := greenlet.New(func(any) (any, error) { return nil, nil })
		for {
			select {
			case <-stop:
				return
			default:
			}
			panicked(t, greenlet.ErrOtherThread, func() { _, _ = g.Switch(1) })
			panicked(t, greenlet.ErrOtherThread, func() { _, _ = main.Throw(errWhy) })
			panicked(t, greenlet.ErrOtherThread, func() { g.SetParent(greenlet.Current()) })
			panicked(t, greenlet.ErrOtherThread, func() { g.SetParent(main) })
			panicked(t, greenlet.ErrOtherThread, func() { mine.SetParent(g) })
			if g.Dead() || g.Parent() != main || !strings.Contains(main.String(), "suspended, main") || strings.Contains(g.String(), "current") {
				t.Error(g, main)
			}
			_ = g.Active()
		}
	})
	for range 1000 {
		v, err := g.Switch(2)
		gets(t, v, err, 2, nil)
	}
	close(stop)
	wg.Wait()
}

// The panic is for people: it says whose greenlet that is, and who calls.
func TestThePanicNamesBothThreads(t *testing.T) {
	g := greenlet.New(func(any) (any, error) { return nil, nil })
	thread.Go(func() {
		err, _ := proof.Recovered(func() { _, _ = g.Switch(nil) }).(error)
		if text := fmt.Sprint(err); !strings.Contains(text, thread.Current().String()) || !strings.Contains(text, "Greenlet(") {
			t.Error(text)
		}
	}, thread.Name("stranger")).Join()
}

func TestWhatIsForgottenIsNoticed(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	g := greenlet.New(func(any) (any, error) { return back(nil) })
	if err := goleak.Find(ignore); err != nil {
		t.Error("one that was never started:", err)
	}
	_, _ = g.Switch(nil)
	if err := goleak.Find(ignore, goleak.IgnoreTopFunction("nothing")); err == nil || !strings.Contains(err.Error(), "coroutine") {
		t.Errorf("goleak says %v", err)
	}
	_, _ = g.Throw(greenlet.ErrExit)
	if err := goleak.Find(ignore); err != nil {
		t.Error("one that was ended:", err)
	}
}

// What has ended, in whichever way, keeps nothing alive; and neither does the thread.
func TestWhatHasEndedCanBeCollected(t *testing.T) {
	type large struct{ _ [1 << 16]byte }
	for name, end := range map[string]func(g *green){
		"return":           func(g *green) { _, _ = g.Switch(nil); _, _ = g.Switch(nil) },
		"Throw":            func(g *green) { _, _ = g.Switch(nil); _, _ = g.Throw(errWhy) },
		"before the start": func(g *green) { _, _ = g.Throw(errWhy) },
		"panic":            func(g *green) { _, _ = g.Switch(nil); _ = proof.Recovered(func() { _, _ = g.Switch("panic") }) },
		"Goexit":           func(g *green) { _, _ = g.Switch(nil); _, _ = g.Switch("Goexit") },
	} {
		t.Run(name, func(t *testing.T) {
			var captured weak.Pointer[large]
			var main, self weak.Pointer[green]
			var keep *green
			thread.Go(func() {
				l := new(large)
				captured = weak.Make(l)
				g := greenlet.New(func(any) (any, error) {
					v, err := back(l)
					switch v {
					case "panic":
						panic(l)
					case "Goexit":
						runtime.Goexit()
					}
					return l, err
				})
				main, self = weak.Make(greenlet.Current()), weak.Make(g)
				if name == "return" {
					keep = g
				}
				end(g)
			}).Join()
			if !proof.Collected(captured) {
				t.Error("what it captured is kept alive")
			}
			runtime.KeepAlive(keep)
			keep = nil
			if !proof.Collected(self) {
				t.Error("it is kept alive")
			}
			if !proof.Collected(main) {
				t.Error("the main greenlet of a thread that has ended is kept alive")
			}
		})
	}
}

func TestSwitchDoesNotAllocate(t *testing.T) {
	main := greenlet.Current()
	g := greenlet.New(func(v any) (any, error) {
		for {
			if _, err := main.Switch(v); err != nil {
				return nil, err
			}
		}
	})
	kill(t, g)
	for name, f := range map[string]func(){
		"Switch":  func() { _, _ = g.Switch(nil) },
		"Current": func() { greenlet.Current() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

const scenarioVariable = "THREADING_GREENLET_SCENARIO"

// Greenlets that this package's initialization makes and starts, in the process of the scenario.
var (
	early, unstarted *green
	_                = func() bool {
		if os.Getenv(scenarioVariable) != "early" {
			return false
		}
		unstarted = greenlet.New(func(v any) (any, error) { return v, nil })
		early = greenlet.New(func(v any) (any, error) { return back(v) })
		fmt.Println(early.Switch(1))
		fmt.Println(greenlet.New(func(v any) (any, error) { return v, nil }).Switch(2))
		if os.Getenv(scenarioVariable+"_ENDS") != "" {
			fmt.Println(early.Switch(3))
		}
		return true
	}()
)

var scenarios = map[string]func(){
	"early": func() {
		fmt.Println(proof.Recovered(func() { _, _ = early.Switch(4) }))
		fmt.Println(proof.Recovered(func() { fmt.Println(unstarted.Switch(5)) }))
	},
	"panic(nil)": func() {
		g := greenlet.New(func(any) (any, error) { panic(nil) })
		fmt.Println(proof.Recovered(func() { _, _ = g.Switch(nil) }), g.Dead())
	},
}

func play(t *testing.T, scenario string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), scenarioVariable+"="+scenario, "GORACE=atexit_sleep_ms=0"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

func TestWhatWasStartedEarlyEndsEarly(t *testing.T) {
	elsewhere := greenlet.ErrElsewhere.Error()
	if got, want := play(t, "early"), "1 <nil>\n2 <nil>\n"+elsewhere+"\n"+elsewhere+"\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got, want := play(t, "early", scenarioVariable+"_ENDS=1"), "1 <nil>\n2 <nil>\n3 <nil>\n<nil>\n5 <nil>\n<nil>\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestAPanicOfNilIsAPanic(t *testing.T) {
	for _, setting := range []string{"panicnil=0", "panicnil=1"} {
		if out := play(t, "panic(nil)", "GODEBUG="+setting); !strings.Contains(out, "nil argument") || !strings.HasSuffix(out, "true\n") {
			t.Errorf("%s: %s", setting, out)
		}
	}
}

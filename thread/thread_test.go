package thread_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/thread"
)

// sleeper returns a thread that sleeps, for use in a bubble.
func sleeper(d time.Duration, opts ...thread.Option) *thread.Thread {
	return thread.New(func() { time.Sleep(d) }, opts...)
}

// joinAll joins them all. The time of a bubble stands still when the test has returned.
func joinAll(threads []*thread.Thread) {
	for _, th := range threads {
		th.Join()
	}
}

// wantPanic checks that f panics with the very value that is exported.
func wantPanic(t *testing.T, want error, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panicked with %v, want %v", got, want)
		}
	}()
	f()
}

// joinForms are the forms of Join as functions that wait without a bound that matters.
var joinForms = map[string]func(*thread.Thread){
	"Join":        (*thread.Thread).Join,
	"JoinTimeout": func(t *thread.Thread) { t.JoinTimeout(math.MaxInt64) },
	"a poll":      func(t *thread.Thread) { t.JoinTimeout(0) },
	"JoinContext": func(t *thread.Thread) { _ = t.JoinContext(context.Background()) },
	"an ended ctx": func(t *thread.Thread) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = t.JoinContext(ctx)
	},
}

func TestNewPanicsOnNil(t *testing.T) {
	before := thread.Enumerate()
	func() {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "New with a nil func") {
				t.Errorf("panicked with %q", text)
			}
		}()
		thread.Go(nil)
	}()
	if !slices.Equal(before, thread.Enumerate()) {
		t.Error("the threads are not what they were")
	}
}

func TestStartHappensOnceAmongMany(t *testing.T) {
	const rivals = 2
	for range 5000 {
		var calls, refused, ready atomic.Int32
		th := thread.New(func() { calls.Add(1) })
		var wg sync.WaitGroup
		for range rivals {
			wg.Go(func() {
				defer func() {
					if recover() == thread.ErrStarted {
						refused.Add(1)
					}
				}()
				for ready.Add(1); ready.Load() < rivals; { // so that they start at once
					runtime.Gosched()
				}
				th.Start()
			})
		}
		wg.Wait()
		th.Join()
		if calls.Load() != 1 || refused.Load() != rivals-1 {
			t.Fatalf("%d calls, %d refused", calls.Load(), refused.Load())
		}
	}
}

func TestSetDaemonIsDecidedByStart(t *testing.T) {
	for range 100 {
		th := thread.New(func() {}, thread.Daemon(true))
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() { _ = recover() }()
			for {
				th.SetDaemon(true)
			}
		})
		th.Start()
		wantPanic(t, thread.ErrDaemon, func() { th.SetDaemon(false) })
		wg.Wait()
		th.Join()
		if !th.Daemon() {
			t.Fatal("a refused SetDaemon changed the thread")
		}
	}
}

func TestDaemonIsTheCreators(t *testing.T) {
	if madeByMain.Daemon() {
		t.Error("made by the main goroutine: a daemon")
	}
	if thread.New(func() {}).Daemon() {
		t.Error("made by a goroutine not started here: a daemon")
	}
	for _, daemon := range []bool{true, false} {
		thread.Go(func() {
			if child := thread.New(func() {}); child.Daemon() != daemon {
				t.Errorf("creator %v, created %v", daemon, child.Daemon())
			}
			if child := thread.New(func() {}, thread.Daemon(!daemon)); child.Daemon() == daemon {
				t.Error("the option does not win")
			}
		}, thread.Daemon(daemon)).Join()
	}
}

func TestJoinGivesUpExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		th := sleeper(10 * time.Second)
		th.Start()
		for _, d := range []time.Duration{0, -1, math.MinInt64} {
			if th.JoinTimeout(d) {
				t.Errorf("JoinTimeout(%v) = true while alive", d)
			}
		}
		if elapsed := time.Since(begin); elapsed != 0 {
			t.Errorf("polls took %v", elapsed)
		}
		if th.JoinTimeout(time.Second) || time.Since(begin) != time.Second {
			t.Errorf("JoinTimeout gave up after %v, want 1s", time.Since(begin))
		}
		why := errors.New("why")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		if err := th.JoinContext(ctx); err != why || time.Since(begin) != 2*time.Second {
			t.Errorf("JoinContext = %v after %v, want the cause after 2s", err, time.Since(begin))
		}
		if !th.JoinTimeout(math.MaxInt64) || time.Since(begin) != 10*time.Second {
			t.Errorf("joined after %v, want 10s", time.Since(begin))
		}
		for _, d := range []time.Duration{0, -1, math.MaxInt64} {
			if !th.JoinTimeout(d) {
				t.Errorf("JoinTimeout(%v) = false after the end", d)
			}
		}
		if err := th.JoinContext(ctx); err != why {
			t.Errorf("an ended ctx after the end: %v, want its cause", err)
		}
		if err := th.JoinContext(t.Context()); err != nil {
			t.Errorf("JoinContext after the end: %v", err)
		}
	})
}

func TestJoinWakesEveryFormAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		th := sleeper(time.Second)
		th.Start()
		for name, join := range joinForms {
			if name == "a poll" || name == "an ended ctx" {
				continue
			}
			go func() {
				join(th)
				if elapsed := time.Since(begin); elapsed != time.Second || th.IsAlive() {
					t.Errorf("%s returned after %v, alive: %v", name, elapsed, th.IsAlive())
				}
			}()
		}
		go func() {
			<-th.Done()
			if elapsed := time.Since(begin); elapsed != time.Second || th.IsAlive() {
				t.Errorf("Done was closed after %v, alive: %v", elapsed, th.IsAlive())
			}
		}()
		th.Join()
	})
}

// The end synchronizes before whatever reports it: the race detector is the judge.
func TestEndIsSynchronized(t *testing.T) {
	reports := map[string]func(*thread.Thread){
		"IsAlive": func(th *thread.Thread) {
			for th.IsAlive() {
				runtime.Gosched()
			}
		},
		"ActiveCount": func(*thread.Thread) {
			for thread.ActiveCount() != 1 {
				runtime.Gosched()
			}
		},
		"Enumerate": func(th *thread.Thread) {
			for slices.Contains(thread.Enumerate(), th) {
				runtime.Gosched()
			}
		},
		"Err": func(th *thread.Thread) {
			for th.Err() == nil {
				runtime.Gosched()
			}
		},
		"Done":        func(th *thread.Thread) { <-th.Done() },
		"Join":        joinForms["Join"],
		"JoinTimeout": joinForms["JoinTimeout"],
		"JoinContext": joinForms["JoinContext"],
	}
	for name, wait := range reports {
		t.Run(name, func(t *testing.T) {
			value := 1
			th := thread.Go(func() {
				defer func() { value++ }()
				value++
				runtime.Goexit()
			})
			wait(th)
			if value != 3 {
				t.Errorf("value = %d, want 3", value)
			}
		})
	}
}

func TestErr(t *testing.T) {
	quiet(t)
	cause := errors.New("cause")
	th := thread.Go(func() {
		if err := thread.Current().Err(); err != nil {
			t.Errorf("before the end: %v", err)
		}
	})
	if th.Join(); th.Err() != nil {
		t.Errorf("returned: %v", th.Err())
	}
	th = thread.Go(func() { panic(cause) })
	th.Join()
	var p *thread.PanicError
	if !errors.As(th.Err(), &p) || p.Value != cause || !errors.Is(th.Err(), cause) || p.Error() != "panic: cause" {
		t.Errorf("panicked with an error: %v", th.Err())
	}
	th = thread.Go(explode)
	th.Join()
	if !errors.As(th.Err(), &p) || p.Value != "boom" || p.Unwrap() != nil || !strings.Contains(string(p.Stack), "thread_test.explode") {
		t.Errorf("panicked with a string: %v\n%s", th.Err(), p.Stack)
	}
	th = thread.Go(func() { panic(nil) })
	th.Join()
	var null *runtime.PanicNilError
	if !errors.As(th.Err(), &null) {
		t.Errorf("panicked with nil: %v", th.Err())
	}
	th = thread.Go(runtime.Goexit)
	if th.Join(); th.Err() != thread.ErrGoexit {
		t.Errorf("exited: %v", th.Err())
	}
}

// reported takes the except hook for a test, and returns what returns the values that it was told of.
func reported(t *testing.T) (values func() []any) {
	var (
		guard sync.Mutex
		told  []any
	)
	previous := thread.SetExceptHook(func(_ *thread.Thread, p *thread.PanicError) {
		guard.Lock()
		defer guard.Unlock()
		told = append(told, p.Value)
	})
	t.Cleanup(func() { thread.SetExceptHook(previous) })
	return func() []any {
		guard.Lock()
		defer guard.Unlock()
		return slices.Clone(told)
	}
}

// quiet keeps the panics of a test off the screen.
func quiet(t *testing.T) {
	previous := thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {})
	t.Cleanup(func() { thread.SetExceptHook(previous) })
}

func TestHookIsCalledInTheLivingThread(t *testing.T) {
	var (
		calls int
		local thread.Local[string]
	)
	previous := thread.SetExceptHook(func(th *thread.Thread, p *thread.PanicError) {
		calls++
		if th != thread.Current() || !th.IsAlive() || th.Err() != nil || !slices.Contains(thread.Enumerate(), th) {
			t.Errorf("in the hook: %v, Err %v, threads %v", th, th.Err(), thread.Enumerate())
		}
		if local.Get() != "still here" || p.Value != "boom" {
			t.Errorf("local %q, value %v", local.Get(), p.Value)
		}
		wantPanic(t, thread.ErrJoinSelf, th.Join)
	})
	defer thread.SetExceptHook(previous)
	th := thread.Go(func() {
		local.Set("still here")
		explode()
	})
	th.Join()
	if calls != 1 || th.Err() == nil {
		t.Errorf("%d calls, Err() = %v", calls, th.Err())
	}
}

// The Fatal methods of a testing.T exit their goroutine. The thread must end all the same.
func TestHookThatExits(t *testing.T) {
	previous := thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) { runtime.Goexit() })
	defer thread.SetExceptHook(previous)
	th := thread.Go(explode)
	th.Join()
	var p *thread.PanicError
	if !errors.As(th.Err(), &p) || slices.Contains(thread.Enumerate(), th) {
		t.Errorf("Err() = %v, threads %v", th.Err(), thread.Enumerate())
	}
}

// A joiner that is released first could end the process with success.
func TestPanicInTheHookEndsTheProcess(t *testing.T) {
	stdout, stderr, status := run(t, "hook panics")
	if status != 2 || stdout != "" {
		t.Errorf("status %d, output %q", status, stdout)
	}
	wantContains(t, stderr, "second boom", "main_test.go")
}

func TestSetExceptHookReturnsThePrevious(t *testing.T) {
	calls := 0
	first := func(*thread.Thread, *thread.PanicError) { calls++ }
	original := thread.SetExceptHook(first)
	if original == nil {
		t.Fatal("there is no previous hook to restore")
	}
	if previous := thread.SetExceptHook(nil); previous == nil {
		t.Error("the hook that was set is not returned")
	} else if previous(nil, nil); calls != 1 {
		t.Error("another hook is returned")
	}
	if thread.SetExceptHook(original) == nil {
		t.Error("the default is returned as nil")
	}
}

func TestIdent(t *testing.T) {
	release := make(chan struct{})
	th := thread.New(func() { <-release })
	if th.Ident() != 0 {
		t.Errorf("before Start: %d", th.Ident())
	}
	th.Start()
	id := th.Ident()
	if id == 0 || id == thread.Current().Ident() {
		t.Errorf("after Start: %d", id)
	}
	close(release)
	th.Join()
	if th.Ident() != id {
		t.Errorf("after the end: %d, want %d", th.Ident(), id)
	}
	th = thread.Go(func() {
		if header := string(debug.Stack()); !strings.HasPrefix(header, "goroutine "+formatIdent(thread.Current())+" ") {
			t.Errorf("ident %d, but %.20q", thread.Current().Ident(), header)
		}
	})
	th.Join()
}

func TestIdentRightAfterStart(t *testing.T) {
	for range 1000 {
		th := thread.New(func() {})
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for range 3 {
			wg.Go(func() {
				<-begin
				for !th.IsAlive() && th.Err() == nil && th.Ident() == 0 {
					runtime.Gosched() // not started yet
				}
				if th.Ident() == 0 {
					t.Error("a started thread has no ident")
				}
			})
		}
		close(begin)
		th.Start()
		if th.Ident() == 0 {
			t.Error("a started thread has no ident")
		}
		wg.Wait()
		th.Join()
	}
}

func TestCurrent(t *testing.T) {
	var th *thread.Thread
	th = thread.New(func() {
		if thread.Current() != th {
			t.Errorf("Current() = %v, want %v", thread.Current(), th)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if thread.Current() == th {
				t.Error("a goroutine that a thread started is that thread")
			}
		}()
		<-done
	})
	th.Start()
	th.Join()
}

func TestEnumerateIsInTheOrderOfStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var threads []*thread.Thread
		for range 5 {
			threads = append(threads, sleeper(time.Second))
		}
		slices.Reverse(threads)
		want := []*thread.Thread{thread.MainThread()}
		for i, th := range threads {
			th.Start()
			want = append(want, th)
			if n := thread.ActiveCount(); n != i+2 {
				t.Errorf("ActiveCount() = %d after %d starts", n, i+1)
			}
		}
		if got := thread.Enumerate(); !slices.Equal(got, want) {
			t.Errorf("Enumerate() = %v, want %v", got, want)
		}
		joinAll(threads)
	})
}

func TestNameIsAProfileLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		renamed := make(chan struct{})
		th := thread.Go(func() {
			<-renamed
			go func() { <-release }() // labels are inherited
			thread.Current().SetName("by itself")
			<-release
		}, thread.Name("at first"))
		synctest.Wait()
		wantLabels(t, map[string]int{"at first": 1, "from elsewhere": 0, "by itself": 0})
		th.SetName("from elsewhere")
		wantLabels(t, map[string]int{"at first": 1, "from elsewhere": 0, "by itself": 0})
		if th.Name() != "from elsewhere" {
			t.Errorf("Name() = %q", th.Name())
		}
		close(renamed)
		synctest.Wait()
		wantLabels(t, map[string]int{"at first": 1, "from elsewhere": 0, "by itself": 1})
		close(release)
		th.Join()
	})
}

// wantLabels checks how many goroutines carry a name, in the profile of goroutines.
func wantLabels(t *testing.T, want map[string]int) {
	t.Helper()
	var profile strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	for name, n := range want {
		if got := strings.Count(profile.String(), `{"thread":"`+name+`"}`); got != n {
			t.Errorf("%q is the label of %d goroutines, want %d, in:\n%s", name, got, n, profile.String())
		}
	}
}

func TestSetNameBeforeStartIsTheLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := sleeper(time.Second, thread.Name("before"))
		th.SetName("after")
		th.Start()
		synctest.Wait()
		wantLabels(t, map[string]int{"before": 0, "after": 1})
		th.Join()
	})
}

func TestNameOfADummyIsNoLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		self := thread.Current()
		self.SetName("foreign")
		if self.Name() != "foreign" || thread.Current().Name() == "foreign" {
			t.Errorf("Name() = %q, next %q", self.Name(), thread.Current().Name())
		}
		wantLabels(t, map[string]int{"foreign": 0})
	})
}

// One package is used outside and in one bubble after another, and blocks durably in each.
func TestThreadsInsideAndOutsideOfBubbles(t *testing.T) {
	inside := func(t *testing.T) {
		th := sleeper(time.Hour)
		th.Start()
		_ = th.Ident()
		th.Join()
	}
	for range 3 {
		synctest.Test(t, inside)
		thread.Go(func() {}).Join()
	}
}

func TestHammer(t *testing.T) {
	const starters, each = 8, 100
	alive := thread.ActiveCount()
	var calls atomic.Int32
	var wg sync.WaitGroup
	for range starters {
		wg.Go(func() {
			for range each {
				th := thread.Go(func() {
					calls.Add(1)
					if thread.Current().Ident() == 0 || !slices.Contains(thread.Enumerate(), thread.Current()) {
						t.Error("a running thread is not listed")
					}
				})
				th.SetName("hammered")
				th.Join()
				if slices.Contains(thread.Enumerate(), th) || th.Err() != nil {
					t.Error("a joined thread is listed")
				}
			}
		})
	}
	wg.Wait()
	if calls.Load() != starters*each || thread.ActiveCount() > alive {
		t.Errorf("%d calls, %d threads left, and %d before", calls.Load(), thread.ActiveCount(), alive)
	}
}

func TestAllocations(t *testing.T) {
	thread.Go(func() {
		local := thread.Local[[4]int]{}
		local.Get()
		ended := thread.Go(func() {})
		ended.Join()
		for name, f := range map[string]func(){
			"Current":         func() { thread.Current() },
			"ActiveCount":     func() { thread.ActiveCount() },
			"Local.Get":       func() { local.Get() },
			"Local.Lookup":    func() { local.Lookup() },
			"Local.Set":       func() { local.Set([4]int{1}) },
			"Join of an end":  ended.Join,
			"JoinTimeout":     func() { ended.JoinTimeout(time.Second) },
			"JoinContext":     func() { _ = ended.JoinContext(context.Background()) },
			"Ident":           func() { ended.Ident() },
			"Err":             func() { _ = ended.Err() },
			"IsAlive and all": func() { _, _, _ = ended.IsAlive(), ended.Name(), ended.Daemon() },
		} {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
	}).Join()
}

// The end comes last: whoever learns of it, in whichever way, finds the thread in no list any more.
func TestWhoLearnsOfTheEndFindsTheThreadGone(t *testing.T) {
	for range 20_000 {
		var threads [4]*thread.Thread
		for i := range threads {
			threads[i] = thread.Go(func() {})
		}
		for i, th := range threads {
			for th.IsAlive() {
				if i%2 == 0 {
					runtime.Gosched()
				}
			}
			if slices.Contains(thread.Enumerate(), th) {
				t.Fatal("a thread that has ended is still listed")
			}
		}
	}
}

package thread_test

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/thread"
)

// The cases of CPython's test_threading.py and test_threading_local.py that mean something in Go, by their id in the
// list of conformance and their name there; and the weaknesses (W..) that Go can do without.

func formatIdent(th *thread.Thread) string { return strconv.FormatUint(th.Ident(), 10) }

// T01 test_name
func TestT01Name(t *testing.T) {
	nop := func() {}
	if name := thread.New(nop, thread.Name("given")).Name(); name != "given" {
		t.Errorf("given: %q", name)
	}
	number := func(th *thread.Thread) int {
		digits, automatic := strings.CutPrefix(th.Name(), "Thread-")
		n, err := strconv.Atoi(digits)
		if !automatic || err != nil {
			t.Errorf("automatic: %q", th.Name())
		}
		return n
	}
	first := number(thread.New(nop))
	if second := number(thread.New(nop, thread.Name(""))); second != first+1 {
		t.Errorf("Thread-%d came after Thread-%d", second, first)
	}
	th := thread.New(nop)
	th.SetName("changed")
	if th.Name() != "changed" {
		t.Errorf("changed: %q", th.Name())
	}
}

// T02 test_args_argument: arguments are what the function captures
func TestT02ArgsArgument(t *testing.T) {
	for i := range 3 {
		got := -1
		thread.Go(func() { got = i }).Join()
		if got != i {
			t.Errorf("got %d, want %d", got, i)
		}
	}
}

// T06 test_various_ops
func TestT06VariousOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const threads, most = 10, 3
		var (
			permits = make(chan struct{}, most)
			inside  atomic.Int32
			all     []*thread.Thread
			idents  sync.Map
		)
		for i := range threads {
			th := thread.New(func() {
				permits <- struct{}{}
				if n := inside.Add(1); n > most {
					t.Errorf("%d inside", n)
				}
				time.Sleep(time.Duration(i) * time.Millisecond)
				inside.Add(-1)
				<-permits
			}, thread.Name("<thread "+strconv.Itoa(i)+">"))
			if th.Ident() != 0 || th.IsAlive() || th.String() != "Thread("+th.Name()+", initial)" {
				t.Errorf("before Start: %v", th)
			}
			th.Start()
			all = append(all, th)
		}
		for _, th := range all {
			if _, taken := idents.LoadOrStore(th.Ident(), true); taken || th.Ident() == 0 {
				t.Errorf("ident %d was given before", th.Ident())
			}
			th.Join()
			if th.IsAlive() || th.String() != "Thread("+th.Name()+", stopped "+formatIdent(th)+")" {
				t.Errorf("after Join: %v", th)
			}
		}
		if inside.Load() != 0 {
			t.Errorf("%d left inside", inside.Load())
		}
	})
}

// A goroutine that was not started here.
func TestT10ForeignThread(t *testing.T) {
	foreign := func(f func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		<-done
	}
	t.Run("T07 test_ident_of_no_threading_threads", func(t *testing.T) {
		seen := map[uint64]bool{0: true, thread.MainThread().Ident(): true, thread.Current().Ident(): true}
		if len(seen) != 3 {
			t.Errorf("idents of none, the main thread and a test: %v", seen)
		}
		for range 3 {
			foreign(func() {
				ident := thread.Current().Ident()
				if seen[ident] || ident != thread.Current().Ident() {
					t.Errorf("ident %d was given before, or has changed", ident)
				}
				seen[ident] = true
			})
		}
	})
	t.Run("T10 test_foreign_thread", func(t *testing.T) {
		foreign(func() {
			self := thread.Current()
			if self.Name() != "Dummy-"+formatIdent(self) || self == thread.Current() {
				t.Errorf("dummy %v", self)
			}
			if !self.IsAlive() || !self.Daemon() || self.Err() != nil {
				t.Errorf("dummy %v", self)
			}
			for name, join := range joinForms {
				t.Run(name, func(t *testing.T) { wantPanic(t, thread.ErrNotStarted, func() { join(self) }) })
			}
			wantPanic(t, thread.ErrStarted, self.Start)
			wantPanic(t, thread.ErrDaemon, func() { self.SetDaemon(false) })
			select {
			case <-self.Done():
				t.Error("a dummy has ended")
			default:
			}
		})
	})
	t.Run("W28 no dummy is registered, so none needs to be cleaned up", func(t *testing.T) {
		before := thread.Enumerate()
		var dummy weak.Pointer[thread.Thread]
		foreign(func() {
			self := thread.Current()
			if !slices.Equal(before, thread.Enumerate()) || thread.ActiveCount() != len(before) {
				t.Errorf("Enumerate() = %v", thread.Enumerate())
			}
			dummy = weak.Make(self)
		})
		if !proof.Collected(dummy) {
			t.Error("the dummy is kept")
		}
	})
}

// T12 test_limbo_cleanup: what was refused leaves no trace
func TestT12LimboCleanup(t *testing.T) {
	before := thread.Enumerate()
	th := thread.New(func() {})
	if !slices.Equal(before, thread.Enumerate()) {
		t.Error("an unstarted thread is listed")
	}
	th.Start()
	th.Join()
	wantPanic(t, thread.ErrStarted, th.Start)
	if !slices.Equal(before, thread.Enumerate()) || thread.ActiveCount() != len(before) {
		t.Error("a refused start is listed")
	}
}

// T15 test_join_nondaemon_on_shutdown
func TestT15JoinNondaemonOnShutdown(t *testing.T) {
	stdout, stderr, status := run(t, "goexit")
	if stdout != "thread ended\ngoing on\n" || stderr != "" || status != 0 {
		t.Errorf("status %d, output %q, errors %q", status, stdout, stderr)
	}
}

// T16 test_enumerate_after_join
func TestT16EnumerateAfterJoin(t *testing.T) {
	for range 100 {
		th := thread.Go(func() {})
		th.Join()
		if slices.Contains(thread.Enumerate(), th) {
			t.Fatal("a joined thread is listed")
		}
	}
}

// T17 test_join_from_multiple_threads
func TestT17JoinFromMultipleThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := sleeper(time.Second)
		th.Start()
		var joiners []*thread.Thread
		for range 10 {
			joiners = append(joiners, thread.Go(th.Join))
		}
		th.Join()
		for _, joiner := range joiners {
			joiner.Join()
			th.Join()
		}
		if th.IsAlive() {
			t.Error("alive after the end")
		}
	})
}

// T18 test_join_with_timeout
func TestT18JoinWithTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := sleeper(time.Second)
		th.Start()
		if th.JoinTimeout(10*time.Millisecond) || !th.IsAlive() {
			t.Error("joined too early")
		}
		if !th.JoinTimeout(time.Minute) || th.IsAlive() {
			t.Error("not joined")
		}
	})
}

// T19 test_no_refcycle_through_target
func TestT19NoRefcycleThroughTarget(t *testing.T) {
	quiet(t)
	ends := map[string]func(){"return": func() {}, "exit": runtime.Goexit, "panic": explode}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th, captured := capturing(end)
				th.Start()
				th.Join()
				synctest.Wait()
				runtime.GC()
				if captured.Value() != nil {
					t.Error("what the function captured is kept")
				}
				runtime.KeepAlive(th)
			})
		})
	}
}

//go:noinline
func capturing(end func()) (*thread.Thread, weak.Pointer[[64]byte]) {
	big := new([64]byte)
	var th *thread.Thread
	th = thread.New(func() {
		big[0] = byte(len(th.Name()))
		end()
	})
	return th, weak.Make(big)
}

// T20 test_old_threading_api: what Python offers under two names has one here
func TestT20OldThreadingAPI(t *testing.T) {
	th := thread.New(func() {})
	th.SetName("name")
	th.SetDaemon(true)
	if th.Name() != "name" || !th.Daemon() || th.IsAlive() {
		t.Errorf("%v", th)
	}
	if thread.ActiveCount() != len(thread.Enumerate()) || thread.Current().Ident() == 0 {
		t.Error("ActiveCount or Current")
	}
}

// T21 test_repr_daemon
func TestT21ReprDaemon(t *testing.T) {
	th := thread.New(func() {}, thread.Name("t"), thread.Daemon(false))
	if th.String() != "Thread(t, initial)" {
		t.Errorf("no daemon: %v", th)
	}
	if th.SetDaemon(true); th.String() != "Thread(t, initial daemon)" {
		t.Errorf("daemon: %v", th)
	}
}

// T22 test_daemon_param
func TestT22DaemonParam(t *testing.T) {
	if madeByMain.Daemon() || thread.New(func() {}, thread.Daemon(false)).Daemon() || !thread.New(func() {}, thread.Daemon(true)).Daemon() {
		t.Error("daemon is not what was asked for")
	}
}

// T25 test_main_thread
func TestT25MainThread(t *testing.T) {
	main := thread.MainThread()
	if main.Name() != "MainThread" || main.Ident() == 0 || main.Daemon() || thread.Enumerate()[0] != main {
		t.Errorf("%v", main)
	}
	if thread.Current() == main || thread.Current().Ident() == main.Ident() {
		t.Error("a test runs on the main goroutine")
	}
	thread.Go(func() {
		if thread.MainThread() != main || thread.Current() == main || thread.Current().Ident() == main.Ident() {
			t.Error("main in a thread")
		}
	}).Join()
	wantPanic(t, thread.ErrStarted, main.Start)
	wantPanic(t, thread.ErrDaemon, func() { main.SetDaemon(true) })
}

// T32 test_repr_stopped
func TestT32ReprStopped(t *testing.T) {
	release := make(chan struct{})
	th := thread.Go(func() { <-release }, thread.Name("t"), thread.Daemon(false))
	if want := "Thread(t, started " + strconv.FormatUint(th.Ident(), 10) + ")"; th.String() != want {
		t.Errorf("%v, want %s", th, want)
	}
	close(release)
	for want := "Thread(t, stopped " + formatIdent(th) + ")"; th.String() != want; {
		runtime.Gosched()
	}
}

// T40 test_boolean_target: a function is run whatever it belongs to, and only nil is none
func TestT40BooleanTarget(t *testing.T) {
	var falsy flag
	thread.Go(falsy.set).Join()
	if !falsy {
		t.Error("not run")
	}
}

type flag bool

func (f *flag) set() { *f = true }

func TestT41LeakWithoutJoin(t *testing.T) {
	t.Run("T41 test_leak_without_join and W26 nothing is left of a thread that nobody joins", leakWithoutJoin)
}

func leakWithoutJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var threads []weak.Pointer[thread.Thread]
		for range 100 {
			threads = append(threads, unjoined())
		}
		synctest.Wait()
		runtime.GC()
		for i, th := range threads {
			if th.Value() != nil {
				t.Fatalf("thread %d is kept", i)
			}
		}
		if thread.ActiveCount() != 1 {
			t.Errorf("%d threads are alive", thread.ActiveCount())
		}
	})
}

//go:noinline
func unjoined() weak.Pointer[thread.Thread] { return weak.Make(thread.Go(func() {})) }

// The end of a program, all in one.
func TestT44Exit(t *testing.T) {
	stdout, stderr, status := run(t, "exit")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	want := []string{
		"main is alive: true", "fn of Main", "main is alive: false", "main is listed: true", "grandchild", "child",
		"after Main: MainThread",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("output %q, want %q", lines, want)
	}
	inOrder := func(t *testing.T, lines ...string) {
		t.Helper()
		rest := stdout
		for _, line := range lines {
			_, after, found := strings.Cut(rest, line+"\n")
			if !found {
				t.Fatalf("%q is missing, or too early", line)
			}
			rest = after
		}
	}
	t.Run("T43 test_start_new_thread_at_finalization", func(t *testing.T) { // not refused, but waited for
		inOrder(t, "main is alive: false", "child", "after Main: MainThread")
	})
	t.Run("T44 test_1_join_on_shutdown", func(t *testing.T) {
		inOrder(t, "fn of Main", "main is alive: false", "after Main: MainThread")
	})
	t.Run("T47 test_4_daemon_threads and W25 daemons do not get into the way of the exit", func(t *testing.T) {
		if stderr != "" || status != 0 {
			t.Errorf("status %d, errors %q", status, stderr)
		}
	})
	t.Run("T48 test_thread_from_thread", func(t *testing.T) {
		inOrder(t, "grandchild", "child", "after Main: MainThread")
	})
	t.Run("T85 test_atexit_output", func(t *testing.T) { // what follows Main is what runs at exit
		if last := lines[len(lines)-1]; last != "after Main: MainThread" {
			t.Errorf("the last line is %q", last)
		}
	})
	t.Run("T86 test_atexit_called_once", func(t *testing.T) { // although another Main had returned before
		if n := strings.Count(stdout, "after Main"); n != 1 {
			t.Errorf("it ran %d times", n)
		}
	})
	t.Run("T87 test_atexit_after_shutdown", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			thread.Main(func() {})
			late := sleeper(time.Second, thread.Daemon(false))
			late.Start()
			if !late.IsAlive() {
				t.Error("not started")
			}
			thread.Main(func() {})
			if late.IsAlive() {
				t.Error("the second Main did not wait for what was started after the first")
			}
		})
	})
}

// T57 test_start_thread_again
func TestT57StartThreadAgain(t *testing.T) {
	release := make(chan struct{})
	th := thread.Go(func() { <-release })
	wantPanic(t, thread.ErrStarted, th.Start)
	close(release)
	th.Join()
	wantPanic(t, thread.ErrStarted, th.Start)
}

// T58 test_joining_current_thread
func TestT58JoiningCurrentThread(t *testing.T) {
	for name, join := range joinForms {
		t.Run(name, func(t *testing.T) {
			thread.Go(func() {
				wantPanic(t, thread.ErrJoinSelf, func() { join(thread.Current()) })
			}).Join()
		})
	}
}

// T59 test_joining_inactive_thread
func TestT59JoiningInactiveThread(t *testing.T) {
	for name, join := range joinForms {
		t.Run(name, func(t *testing.T) {
			wantPanic(t, thread.ErrNotStarted, func() { join(thread.New(func() {})) })
		})
	}
}

// T60 test_daemonize_active_thread
func TestT60DaemonizeActiveThread(t *testing.T) {
	release := make(chan struct{})
	th := thread.Go(func() { <-release }, thread.Daemon(true))
	wantPanic(t, thread.ErrDaemon, func() { th.SetDaemon(false) })
	close(release)
	th.Join()
	wantPanic(t, thread.ErrDaemon, func() { th.SetDaemon(false) })
	if !th.Daemon() {
		t.Error("a refused SetDaemon changed the thread")
	}
}

// What is reported, and how, by the default hook and around it.
func TestT69Excepthook(t *testing.T) {
	stdout, stderr, status := run(t, "reports")
	if status != 0 {
		t.Errorf("status %d", status)
	}
	reports := map[string]string{} // what the default hook wrote, by name
	var names []string
	for _, report := range regexp.MustCompile(`(?m)^panic in thread (\S+): (.*)$`).FindAllStringSubmatch(stderr, -1) {
		name := report[1]
		names = append(names, name)
		reports[name] = report[2]
	}
	if len(names) == 0 {
		t.Fatalf("nothing was reported:\n%s", stderr)
	}
	t.Run("T63 test_print_exception", func(t *testing.T) { // on stderr, and nothing on stdout
		if reports["worker"] != "boom" || stdout != "custom boom\n" {
			t.Errorf("reported %q, output %q", reports, stdout)
		}
	})
	t.Run("T69 test_excepthook", func(t *testing.T) { // the name, the value and the stack
		first, rest, _ := strings.Cut(stderr, "\n")
		stack, _, _ := strings.Cut(rest, "panic in thread")
		if first != "panic in thread worker: boom" || !strings.Contains(stack, "thread_test.explode(") {
			t.Errorf("it begins with %q and the stack\n%s", first, stack)
		}
	})
	t.Run("T70 test_excepthook_thread_None", func(t *testing.T) { // a dummy is named by its ident
		dummy := names[len(names)-1]
		if !regexp.MustCompile(`^Dummy-\d+$`).MatchString(dummy) || reports[dummy] != "reported by hand" {
			t.Errorf("reported %q by %q", reports[dummy], dummy)
		}
	})
	t.Run("T71 test_system_exit", func(t *testing.T) { // here runtime.Goexit
		if strings.Contains(stderr, "leaver") || len(names) != 4 {
			t.Errorf("reported by %q", names)
		}
	})
	t.Run("T74 test_original_excepthook", func(t *testing.T) { // what SetExceptHook returned, and nil
		if reports["again"] != "boom" || reports["default"] != "boom" || reports["custom"] != "" {
			t.Errorf("reported %q", reports)
		}
		if n := strings.Count(stderr, "thread_test.explode("); n != 3 {
			t.Errorf("%d stacks, want 3, in:\n%s", n, stderr)
		}
		before := thread.SetExceptHook(nil)
		defer thread.SetExceptHook(before)
		code := func(f func(*thread.Thread, *thread.PanicError)) uintptr { return reflect.ValueOf(f).Pointer() }
		original := code(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {}))
		if code(thread.SetExceptHook(nil)) == original || code(thread.SetExceptHook(nil)) != original {
			t.Error("nil does not bring the original back")
		}
	})
}

// T72 test_custom_excepthook
func TestT72CustomExcepthook(t *testing.T) {
	var told string
	previous := thread.SetExceptHook(func(th *thread.Thread, p *thread.PanicError) {
		told = fmt.Sprint(th.Name(), " ", p.Value, " ", strings.Contains(string(p.Stack), "explode"))
	})
	defer thread.SetExceptHook(previous)
	th := thread.New(explode, thread.Name("worker"))
	th.Start()
	th.Join()
	if told != "worker boom true" {
		t.Errorf("told %q", told)
	}
}

// T73 test_custom_excepthook_fail: here it ends the process, see TestPanicInTheHookEndsTheProcess
func TestT73CustomExcepthookFail(t *testing.T) { TestPanicInTheHookEndsTheProcess(t) }

// T84 test_can_interrupt_tight_loops
func TestT84CanInterruptTightLoops(t *testing.T) {
	var going, stop atomic.Bool
	th := thread.Go(func() {
		going.Store(true)
		for !stop.Load() { // calls nothing
		}
	})
	for !going.Load() {
		runtime.Gosched()
	}
	stop.Store(true)
	th.Join()
}

// V01 test_local_refs
func TestV01LocalRefs(t *testing.T) {
	quiet(t)
	ends := []func(){func() {}, runtime.Goexit, explode}
	for _, n := range []int{20, 50, 100} {
		synctest.Test(t, func(t *testing.T) {
			var local thread.Local[*[64]byte]
			values := make([]weak.Pointer[[64]byte], n)
			for i := range values {
				thread.Go(func() {
					value := new([64]byte)
					local.Set(value)
					values[i] = weak.Make(value)
					ends[i%len(ends)]()
				}).Join()
			}
			synctest.Wait()
			runtime.GC()
			for i, value := range values {
				if value.Value() != nil {
					t.Errorf("value %d of %d is kept", i, n)
				}
			}
			runtime.KeepAlive(&local)
		})
	}
}

// New stands for what the __init__ of a subclass does in every thread.
func TestV02Derived(t *testing.T) {
	t.Run("V02 test_derived", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			local := thread.Local[int]{New: func() int {
				time.Sleep(10 * time.Millisecond) // others get in between
				return 5
			}}
			var threads []*thread.Thread
			for i := range 10 {
				threads = append(threads, thread.Go(func() {
					if got := local.Get(); got != 5 {
						t.Errorf("at first %d", got)
					}
					local.Set(i)
					time.Sleep(10 * time.Millisecond)
					if got := local.Get(); got != i {
						t.Errorf("got %d, want %d", got, i)
					}
				}))
			}
			joinAll(threads)
		})
	})
	t.Run("V04 test_arguments", func(t *testing.T) { // New captures what it needs; a Local without it takes nothing
		made := func(start int) *thread.Local[int] {
			return &thread.Local[int]{New: func() int { return start }}
		}
		one, two, none := made(1), made(2), new(thread.Local[int])
		for range 3 {
			thread.Go(func() {
				if one.Get() != 1 || two.Get() != 2 || none.Get() != 0 {
					t.Errorf("got %d, %d and %d, want 1, 2 and 0", one.Get(), two.Get(), none.Get())
				}
				one.Set(7)
			}).Join()
		}
	})
}

// V03 test_derived_cycle_dealloc
func TestV03DerivedCycleDealloc(t *testing.T) {
	thread.Go(func() {
		for i := range 1000 {
			var local thread.Local[any]
			if value, ok := local.Lookup(); ok {
				t.Fatalf("local %d begins with %v", i, value)
			}
			local.Set(&local) // a cycle
		}
	}).Join()
}

func TestV05ThreadingLocal(t *testing.T) {
	seenByOneOnly := func(t *testing.T, local *thread.Local[string]) {
		local.Set("foo")
		defer local.Delete()
		thread.Go(func() {
			if value, ok := local.Lookup(); ok {
				t.Errorf("found %q", value)
			}
			local.Set("bar")
		}).Join()
		if value, ok := local.Lookup(); !ok || value != "foo" {
			t.Errorf("Lookup() = %q, %v", value, ok)
		}
	}
	t.Run("V05 test_threading_local", func(t *testing.T) {
		seenByOneOnly(t, new(thread.Local[string]))
	})
	t.Run("V06 test_threading_local_subclass", func(t *testing.T) { // embedding stands for deriving
		var derived struct{ thread.Local[string] }
		seenByOneOnly(t, &derived.Local)
	})
}

// There is no race between the end of a thread and the making and unmaking of locals.
func TestV10ThreadingLocalClearRace(t *testing.T) {
	t.Run("V10 test_threading_local_clear_race and W30 the end of a thread races with its locals", clearRace)
}

func clearRace(t *testing.T) {
	locals := make([]*thread.Local[int], 100)
	for i := range locals {
		locals[i] = new(thread.Local[int])
	}
	set := func(n int) {
		for _, local := range locals {
			local.Set(n)
		}
	}
	want := func(n int) {
		for _, local := range locals {
			if value, ok := local.Lookup(); !ok || value != n {
				t.Errorf("Lookup() = %d, %v, want %d", value, ok, n)
				return
			}
		}
	}
	// Threads that stay have what they set, while others come, use the same locals and locals of their own, and end.
	var (
		stay, all sync.WaitGroup
		over      = make(chan struct{})
	)
	for n := range 2 {
		stay.Add(1)
		all.Go(func() {
			set(n)
			stay.Done()
			<-over
			want(n)
			for _, local := range locals {
				local.Delete()
			}
		})
	}
	stay.Wait()
	var come sync.WaitGroup
	for n := range 4 {
		come.Go(func() {
			for range 50 {
				thread.Go(func() {
					set(10 + n)
					want(10 + n)
					for range 20 {
						local := new(thread.Local[int])
						local.Set(1)
						local.Delete()
					}
				}).Join()
			}
		})
	}
	come.Wait()
	close(over)
	all.Wait()
	for _, local := range locals {
		if value, ok := local.Lookup(); ok {
			t.Fatalf("found %d", value)
		}
	}
	// The first two values of a local are set at about the same moment.
	fresh := make([]thread.Local[int], 20_000)
	var turn atomic.Int32
	var first sync.WaitGroup
	for n := range 2 {
		first.Go(func() {
			for i := range fresh {
				for turn.Add(1); turn.Load() < int32(2*i+2); {
					runtime.Gosched()
				}
				if fresh[i].Set(n + 1); fresh[i].Get() != n+1 {
					t.Errorf("a value of local %d is lost", i)
				}
			}
		})
	}
	first.Wait()
}

// W23: the fate of a thread can be asked for
func TestW23ErrAfterJoin(t *testing.T) {
	quiet(t)
	th := thread.Go(explode)
	if th.Join(); th.Err() == nil {
		t.Error("the panic was forgotten")
	}
}

// W24: a thread is stopped by a context that it looks at
func TestW24StopByContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		th := thread.Go(func() { <-ctx.Done() })
		if th.JoinTimeout(time.Hour) {
			t.Error("stopped too early")
		}
		stop()
		th.Join()
	})
}

package threading_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// Each type is the very type of its package, in both directions: what one takes the other gives. A type that was only
// made from it would not compile here.
var (
	_ *lock.Lock                  = (*threading.Lock)(nil)
	_ *rlock.RLock                = (*threading.RLock)(nil)
	_ *semaphore.Semaphore        = (*threading.Semaphore)(nil)
	_ *semaphore.BoundedSemaphore = (*threading.BoundedSemaphore)(nil)
	_ *event.Event                = (*threading.Event)(nil)
	_ *condition.Condition        = (*threading.Condition)(nil)
	_ *barrier.Barrier            = (*threading.Barrier)(nil)
	_ *timer.Timer                = (*threading.Timer)(nil)
	_ *thread.Thread              = (*threading.Thread)(nil)
	_ *thread.Local[int]          = (*threading.Local[int])(nil)
	_ *thread.Local[[]string]     = (*threading.Local[[]string])(nil)

	_ *threading.Semaphore        = semaphore.New(1)
	_ *threading.BoundedSemaphore = semaphore.NewBounded(1)
	_ *threading.Condition        = condition.New(nil)
	_ *threading.Barrier          = barrier.New(1, nil)
	_ *threading.Timer            = timer.New(0, func() {})
	_ *threading.Thread           = thread.New(func() {})

	_ func(int) *semaphore.Semaphore                             = threading.NewSemaphore
	_ func(int) *semaphore.BoundedSemaphore                      = threading.NewBoundedSemaphore
	_ func(sync.Locker) *condition.Condition                     = threading.NewCondition
	_ func(int, func()) *barrier.Barrier                         = threading.NewBarrier
	_ func(time.Duration, func(), ...thread.Option) *timer.Timer = threading.NewTimer
	_ func(func(), ...thread.Option) *thread.Thread              = threading.NewThread
	_ func(func(), ...thread.Option) *thread.Thread              = threading.Go
	_ func(string) thread.Option                                 = threading.Name
	_ func(bool) thread.Option                                   = threading.Daemon
	_ func(func())                                               = threading.Main
	_ func() *thread.Thread                                      = threading.CurrentThread
	_ func() *thread.Thread                                      = threading.MainThread
	_ func() []*thread.Thread                                    = threading.Enumerate
	_ func() int                                                 = threading.ActiveCount
	_ interface{ LockContext(context.Context) error }            = new(threading.RLock)
	_ sync.Locker                                                = new(threading.Lock)
)

// wantPanic checks that f panics with an error that is want to errors.Is.
func wantPanic(t *testing.T, want error, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if err, _ := recover().(error); !errors.Is(err, want) {
			t.Errorf("panicked with %v, want %v", err, want)
		}
	}()
	f()
}

func TestThePackageHasTheNamesOfPythonsModuleAndNothingElse(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var decls []ast.Decl
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if file.Name.Name == "threading" {
			decls = append(decls, file.Decls...)
		}
	}
	var names []string
	for _, decl := range decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			names = append(names, decl.Name.Name)
			if decl.Recv != nil {
				t.Errorf("%s is a method", decl.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
					if !spec.Assign.IsValid() {
						t.Errorf("%s is no alias", spec.Name.Name)
					}
				case *ast.ValueSpec:
					t.Errorf("%v is a variable or a constant", spec.Names)
				}
			}
		}
	}
	want := []string{
		"ActiveCount", "Barrier", "BoundedSemaphore", "Condition", "CurrentThread", "Daemon", "Enumerate", "Event", "Go",
		"Local", "Lock", "Main", "MainThread", "Name", "NewBarrier", "NewBoundedSemaphore", "NewCondition", "NewSemaphore",
		"NewThread", "NewTimer", "RLock", "Semaphore", "SetExceptHook", "Thread", "Timer",
	}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("the names are %v, want %v", names, want)
	}
}

func TestTheNamesForThreadsAreThoseOfTheirPackage(t *testing.T) {
	var told []string
	hook := func(th *threading.Thread, p *thread.PanicError) { told = append(told, th.Name()+": "+p.Value.(string)) }
	previous := threading.SetExceptHook(hook)
	defer threading.SetExceptHook(previous)
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var child, daemon *threading.Thread
		threading.Main(func() {
			child = threading.Go(func() { time.Sleep(time.Second); panic("boom") }, threading.Name("child"))
			daemon = threading.Go(func() { time.Sleep(time.Hour) }, threading.Daemon(true))
		})
		if waited := time.Since(begin); waited != time.Second || child.IsAlive() || !daemon.IsAlive() || !daemon.Daemon() {
			t.Errorf("waited %v; %v, %v", waited, child, daemon)
		}
		daemon.Join()
	})
	if !slices.Equal(told, []string{"child: boom"}) {
		t.Errorf("the hook was told of %q", told)
	}
}

func TestMisuseHasTheErrorsOfThePackages(t *testing.T) {
	wantPanic(t, lock.ErrNotLocked, new(threading.Lock).Unlock)
	wantPanic(t, rlock.ErrNotOwner, new(threading.RLock).Unlock)
	wantPanic(t, semaphore.ErrValue, func() { threading.NewSemaphore(-1) })
	wantPanic(t, semaphore.ErrValue, func() { threading.NewBoundedSemaphore(-1) })
	wantPanic(t, semaphore.ErrOverRelease, threading.NewBoundedSemaphore(1).Release)
	wantPanic(t, condition.ErrNotLocked, threading.NewCondition(nil).Wait)
	wantPanic(t, barrier.ErrParties, func() { threading.NewBarrier(0, nil) })
	wantPanic(t, timer.ErrNotStarted, threading.NewTimer(time.Hour, func() {}).Join)
	wantPanic(t, thread.ErrNotStarted, threading.NewThread(func() {}).Join)
	b := threading.NewBarrier(2, nil)
	if _, err := b.WaitTimeout(0); err != barrier.ErrBroken {
		t.Errorf("a Wait that gives up: %v, want ErrBroken", err)
	}
}

func TestZeroValuesWork(t *testing.T) {
	var (
		l threading.Lock
		r threading.RLock
		e threading.Event
		c threading.Condition
		v threading.Local[string]
	)
	if !l.TryLock() || l.TryLock() {
		t.Error("Lock: wrong answer")
	}
	l.Unlock()
	r.Lock()
	if !r.TryLock() || r.Depth() != 2 {
		t.Error("RLock: wrong answer")
	}
	r.Unlock()
	r.Unlock()
	if e.Set(); !e.IsSet() {
		t.Error("Event: wrong answer")
	}
	c.Lock()
	if c.WaitTimeout(0) {
		t.Error("Condition: wrong answer")
	}
	c.Unlock()
	if v.Set("value"); v.Get() != "value" {
		t.Error("Local: wrong answer")
	}
	v.Delete()
}

// What a constructor is given arrives.
func TestConstructorsPassOnWhatTheyAreGiven(t *testing.T) {
	if n := threading.NewSemaphore(3).Value(); n != 3 {
		t.Errorf("NewSemaphore(3).Value() = %d", n)
	}
	unbounded := threading.NewSemaphore(0)
	if unbounded.Release(); unbounded.Value() != 1 {
		t.Error("NewSemaphore is bounded")
	}
	bounded := threading.NewBoundedSemaphore(2)
	if bounded.Value() != 2 || bounded.TryRelease() {
		t.Error("NewBoundedSemaphore(2) is not bounded by 2")
	}

	var l threading.Lock
	c := threading.NewCondition(&l)
	if c.Lock(); !l.Locked() {
		t.Error("NewCondition has another lock than it was given")
	}
	c.Unlock()

	calls := 0
	b := threading.NewBarrier(1, func() { calls++ })
	if index, err := b.Wait(); index != 0 || err != nil || calls != 1 || b.Parties() != 1 {
		t.Errorf("Wait() = %d, %v with %d calls of the action", index, err, calls)
	}
	if n := threading.NewBarrier(7, nil).Parties(); n != 7 {
		t.Errorf("NewBarrier(7).Parties() = %d", n)
	}

	var in *threading.Thread
	self := func() { in = threading.CurrentThread() }
	th := threading.NewThread(self, thread.Name("thread"), thread.Daemon(false))
	if th.Name() != "thread" || th.Daemon() || th.IsAlive() {
		t.Errorf("NewThread: %v", th)
	}
	th.Start()
	if th.Join(); in != th {
		t.Errorf("the thread ran as %v, want %v", in, th)
	}

	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tm := threading.NewTimer(time.Hour, self, thread.Name("timer"), thread.Daemon(false))
		tm.Start()
		if tm.Join(); time.Since(begin) != time.Hour || in.Name() != "timer" || in.Daemon() {
			t.Errorf("the timer ran after %v as %v", time.Since(begin), in)
		}
	})
}

func TestTheFunctionsAreThoseOfThePackageThread(t *testing.T) {
	if threading.MainThread() != thread.MainThread() || threading.MainThread() == nil {
		t.Error("MainThread is another")
	}
	release := make(chan struct{})
	th := threading.NewThread(func() {
		if threading.CurrentThread() != thread.Current() {
			t.Error("CurrentThread is another")
		}
		<-release
	})
	th.Start()
	want := []*threading.Thread{threading.MainThread(), th}
	if got := threading.Enumerate(); !slices.Equal(got, want) || !slices.Equal(got, thread.Enumerate()) {
		t.Errorf("Enumerate() = %v, want %v", got, want)
	}
	if n := threading.ActiveCount(); n != 2 || n != thread.ActiveCount() {
		t.Errorf("ActiveCount() = %d, want 2", n)
	}
	close(release)
	if th.Join(); threading.ActiveCount() != 1 {
		t.Errorf("ActiveCount() = %d after the end, want 1", threading.ActiveCount())
	}
}

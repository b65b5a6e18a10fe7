//go:build threadingdebug

package diagnose_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/watch"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/thread"
)

func init() { watch.SecondLook = 20 * time.Millisecond }

// rounds is how often each planted fault is planted: DIAGNOSE_ROUNDS, or a few times.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("DIAGNOSE_ROUNDS")); err == nil {
		return n
	}
	return 3
}

// apart lets the rounds of t run in processes of their own, some at a time, if there are many, and reports whether it
// has: what is deadlocked on purpose stays, and each look takes longer the more there is.
func apart(t *testing.T) bool {
	const few = 20
	left := rounds()
	if left <= few {
		return false
	}
	run := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	for ; left > 0; left -= few {
		c := exec.Command(os.Args[0], "-test.run", run, "-test.v", "-test.cpu", strconv.Itoa(runtime.GOMAXPROCS(0)))
		c.Env = append(os.Environ(), fmt.Sprint("DIAGNOSE_ROUNDS=", min(left, few)),
			"GORACE=atexit_sleep_ms=0") // the race detector would sleep for a second before it exits
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return true
}

// findings lets what is found come, while a test goes on.
func findings(t *testing.T) <-chan diagnose.Finding {
	t.Helper()
	c := make(chan diagnose.Finding, 1000)
	stop := diagnose.Watch(diagnose.Options{Every: time.Hour, Output: io.Discard, Found: func(f diagnose.Finding) { c <- f }})
	t.Cleanup(stop)
	return c
}

// await returns the next finding of a kind.
func await(t *testing.T, c <-chan diagnose.Finding, kind diagnose.Kind) diagnose.Finding {
	t.Helper()
	for {
		select {
		case f := <-c:
			if f.Kind == kind {
				return f
			}
		case <-time.After(hang):
			t.Fatalf("no %s was found\n%s", kind, diagnose.Read())
		}
	}
}

// A meeting lets n goroutines go on when all have come.
func meeting(n int) func() {
	var wg sync.WaitGroup
	wg.Add(n)
	return func() { wg.Done(); wg.Wait() }
}

// ring makes each of n goroutines hold one lock and want the next.
func ring(locks ...sync.Locker) {
	meet := meeting(len(locks))
	for i := range locks {
		go func() {
			locks[i].Lock()
			meet()
			locks[(i+1)%len(locks)].Lock()
		}()
	}
}

func locks(n int) (ls []sync.Locker) {
	for range n {
		ls = append(ls, new(lock.Lock))
	}
	return ls
}

// planted are programs that deadlock, each with how many goroutines are in the cycle.
var planted = []struct {
	name    string
	members int
	plant   func()
}{
	{"two locks", 2, func() { ring(locks(2)...) }},
	{"two reentrant locks", 2, func() { ring(new(rlock.RLock), new(rlock.RLock)) }},
	{"a lock and a reentrant lock", 2, func() { ring(new(lock.Lock), new(rlock.RLock)) }},
	{"two readers-writer locks", 2, func() { ring(new(rwlock.RWLock), new(rwlock.RWLock)) }},
	{"a reader and a writer", 2, func() {
		var a, b rwlock.RWLock
		meet := meeting(2)
		go func() { a.RLock(); meet(); b.Lock() }()
		go func() { b.RLock(); meet(); a.Lock() }()
	}},
	{"readers with a writer in between", 2, func() {
		var a rwlock.RWLock
		var b lock.Lock
		held := make(chan bool)
		comes := func() { // a writer
			for a.TryRLock() {
				a.RUnlock()
				runtime.Gosched()
			}
		}
		go func() { b.Lock(); close(held); comes(); a.RLock() }()
		go func() { a.RLock(); <-held; go a.Lock(); comes(); b.Lock() }()
	}},
	{"two keys", 2, func() {
		var m lock.Map[string]
		ring(m.Locker("a"), m.Locker("b"))
	}},
	{"two keys, where others were passed on", 2, func() {
		var m lock.Map[int]
		for k := range 500 { // keys serve one after another with what is there for the last
			m.Lock(k)
			elsewhere(func() { m.Unlock(k) })
		}
		ring(m.Locker(-1), m.Locker(-2))
	}},
	{"three", 3, func() { ring(locks(3)...) }},
	{"seven", 7, func() { ring(locks(7)...) }},
	{"philosophers", 5, func() { ring(locks(5)...) }},
	{"a thread is joined under the lock that it needs", 2, func() {
		var l lock.Lock
		locked := make(chan bool)
		t := thread.Go(func() { <-locked; l.Lock() })
		go func() { l.Lock(); close(locked); t.Join() }()
	}},
	{"a thread is joined under the reentrant lock that it needs", 2, func() {
		var l rlock.RLock
		locked := make(chan bool)
		t := thread.Go(func() { <-locked; l.Lock() })
		go func() { l.Lock(); close(locked); t.Join() }()
	}},
	{"threads that join each other", 2, func() {
		var a, b *thread.Thread
		start := make(chan bool)
		a = thread.Go(func() { <-start; b.Join() })
		b = thread.Go(func() { <-start; a.Join() })
		close(start)
	}},
	{"the result of a task that needs the lock", 2, func() {
		var l rlock.RLock
		running, locked := make(chan bool), make(chan bool)
		r := pool.ApplyAsync(pool.New(1), func(context.Context) (int, error) { close(running); <-locked; l.Lock(); return 0, nil })
		go func() { <-running; l.Lock(); close(locked); r.Get() }()
	}},
	{"a spawned task that needs the lock", 2, func() {
		var l rlock.RLock
		running, locked := make(chan bool), make(chan bool)
		r := pool.Spawn(func(context.Context) (int, error) { close(running); <-locked; l.Lock(); return 0, nil })
		go func() { <-running; l.Lock(); close(locked); r.Get() }()
	}},
	{"a Map under the lock that its function needs", 2, func() {
		var l lock.Lock
		p := pool.New(2)
		go func() {
			l.Lock()
			_, _ = pool.Map(p, func(_ context.Context, i int) (int, error) { l.Lock(); return i, nil }, []int{1, 2, 3})
		}()
	}},
}

func TestEveryPlantedDeadlockIsFound(t *testing.T) {
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			if apart(t) {
				return
			}
			c := findings(t)
			for range rounds() {
				p.plant()
				f := await(t, c, diagnose.Deadlock)
				if !f.Certain || len(f.Steps) != 2*p.members {
					t.Fatalf("%+v", f)
				}
				for i, s := range f.Steps {
					if len(s.At) == 0 && !strings.HasPrefix(s.Object, "thread.") && !strings.HasPrefix(s.Object, "pool.") {
						t.Errorf("step %d does not know where: %+v", i, s)
					}
				}
			}
			none(t, c)
		})
	}
}

// none fails the test if there is a deadlock more.
func none(t *testing.T, c <-chan diagnose.Finding) {
	t.Helper()
	for {
		select {
		case f := <-c:
			if f.Kind == diagnose.Deadlock {
				t.Errorf("was told of twice: %+v", f)
			}
		default:
			return
		}
	}
}

func TestADeadlockIsFoundAfterATryLockThatFailed(t *testing.T) {
	c := findings(t)
	var a, b lock.Lock
	meet := meeting(3)
	go func() { a.Lock(); meet(); b.Lock() }()
	go func() { b.Lock(); meet(); a.Lock() }()
	for !a.Locked() {
		runtime.Gosched()
	}
	if a.TryLock() {
		t.Fatal("locked twice")
	}
	meet()
	await(t, c, diagnose.Deadlock)
}

func TestTwoCyclesAreTwoFindingsAndATailIsNone(t *testing.T) {
	c := findings(t)
	first := locks(2)
	ring(first...)
	ring(locks(3)...)
	sizes := len(await(t, c, diagnose.Deadlock).Steps) + len(await(t, c, diagnose.Deadlock).Steps)
	if sizes != 2*(2+3) {
		t.Errorf("%d steps", sizes)
	}
	for range 100 {
		go first[0].Lock()
	}
	until(t, func() bool {
		for _, o := range diagnose.Read().Objects {
			if len(o.Waiters) == 101 {
				return true
			}
		}
		return false
	})
	none(t, c)
}

// until waits until something is so.
func until(t *testing.T, so func() bool) {
	t.Helper()
	for start := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(start) > hang {
			t.Fatalf("it never is\n%s", diagnose.Read())
		}
	}
}

// A reader that reads once more while a writer waits waits for the writer, which waits
// for it. Anybody can break that.
func TestAReaderThatReadsTwiceWaitsForItself(t *testing.T) {
	var a rwlock.RWLock
	done := make(chan bool)
	go func() {
		a.RLock()
		go a.Lock()
		for a.TryRLock() {
			a.RUnlock()
			runtime.Gosched()
		}
		a.RLock()
		close(done)
	}()
	until(t, func() bool {
		for _, f := range diagnose.Read().Findings {
			if f.Kind == diagnose.SelfWait && strings.Contains(f.Text, fmt.Sprintf("%p", &a)) {
				return true
			}
		}
		return false
	})
	a.RUnlock() // the writer comes in
	until(t, a.Locked)
	a.Unlock()
	<-done
}

// Orders of two and of three, each at another time.
func TestContradictoryOrdersAreFound(t *testing.T) {
	for n := 2; n <= 3; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if apart(t) {
				return
			}
			for range rounds() {
				c := findings(t)
				ls := locks(n)
				for i := range ls {
					elsewhere(func() {
						ls[i].Lock()
						ls[(i+1)%n].Lock()
						ls[(i+1)%n].Unlock()
						ls[i].Unlock()
					})
				}
				f := await(t, c, diagnose.Order)
				if f.Certain || len(f.Steps) != n || len(f.Steps[0].At) == 0 || len(f.Steps[0].Now) == 0 {
					t.Fatalf("%+v", f)
				}
			}
		})
	}
}

// elsewhere calls f in a goroutine of its own, and waits for it.
func elsewhere(f func()) {
	done := make(chan bool)
	go func() { defer close(done); f() }()
	<-done
}

func TestWhatWasAbandonedIsFound(t *testing.T) {
	for name, end := range map[string]func(){
		"returned": func() {},
		"Goexit":   runtime.Goexit,
		"panicked": func() { defer func() { _ = recover() }(); panic("on purpose") },
	} {
		t.Run(name, func(t *testing.T) {
			var l lock.Lock
			var r rlock.RLock
			elsewhere(func() { l.Lock(); r.Lock(); end() })
			certain := map[string]bool{}
			until(t, func() bool { // the goroutine may be on its way out
				for _, f := range diagnose.Read().Findings {
					if f.Kind == diagnose.Abandoned && (strings.Contains(f.Steps[0].Object, fmt.Sprintf("%p", &l)) || strings.Contains(f.Steps[0].Object, fmt.Sprintf("%p", &r))) {
						certain[strings.Fields(f.Steps[0].Object)[0]] = f.Certain
					}
				}
				return len(certain) == 2
			})
			if certain["lock.Lock"] || !certain["rlock.RLock"] {
				t.Error(certain)
			}
			l.Unlock()
		})
	}
}

func TestAMissingTaskDoneIsFound(t *testing.T) {
	q := queue.New[int](0)
	q.Put(1)
	q.Put(2)
	go func() { // takes two, and says it of one
		q.Get()
		q.TaskDone()
		q.Get()
		q.Get()
	}()
	unfinished := func() bool {
		for _, f := range diagnose.Read().Findings {
			if f.Kind == diagnose.Unfinished {
				return true
			}
		}
		return false
	}
	done := make(chan bool)
	go func() { q.Join(); close(done) }()
	until(t, unfinished)
	q.TaskDone()
	<-done
	if unfinished() {
		t.Error("it is finished")
	}
	q.Shutdown()
}

func TestAWaitForOneselfIsNoDeadlock(t *testing.T) {
	c := findings(t)
	var l lock.Lock
	done := make(chan bool)
	go func() { l.Lock(); l.Lock(); close(done) }()
	until(t, func() bool {
		for _, f := range diagnose.Read().Findings {
			if f.Kind == diagnose.SelfWait && !f.Certain {
				return true
			}
		}
		return false
	})
	time.Sleep(2 * watch.SecondLook)
	l.Unlock()
	<-done
	none(t, c)
}

package diagnose_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/sched"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
	"github.com/gothreading/threading/waitgroup"
)

// A call blocks until it is ended, and both can be made again.
type call struct {
	typ, form string
	object    any // whose address is shown; nil: of something that is inside
	wait, end func()
}

// calls are the calls that block, one of each primitive or more.
func calls() []call {
	var (
		l     lock.Lock
		r     rlock.RLock
		rw    rwlock.RWLock
		m     lock.Map[string]
		e     event.Event
		c     condition.Condition
		wg    waitgroup.WaitGroup
		s     = semaphore.New(0)
		b     = semaphore.NewBounded(1)
		party = barrier.New(2, nil)
		empty = queue.New[string](1)
		full  = queue.New[int](1)
		tasks = queue.New[int](0)
		sch   sched.Scheduler
		p     = pool.New(1)
		going = make(chan bool)
		after = make(chan bool)
	)
	l.Lock()
	r.Lock()
	rw.Lock()
	m.Lock("a")
	wg.Add(1)
	b.Acquire()
	_ = full.Put(1)
	_ = tasks.Put(1)
	_, _ = tasks.Get()
	th := thread.Go(func() { <-going })
	ti := timer.New(time.Hour, func() {})
	ti.Start()
	event1 := sch.Enter(time.Hour, 0, func() {})
	res := pool.ApplyAsync(p, func(context.Context) (int, error) { <-after; return 0, nil })
	ctx, cancel := context.WithCancel(context.Background())
	return []call{
		{"lock.Lock", "Lock", &l, func() { l.Lock(); l.Unlock() }, l.Unlock},
		{"rlock.RLock", "LockTimeout", &r, func() { r.LockTimeout(time.Hour); r.Unlock() }, r.Unlock},
		{"rwlock.RWLock", "RLock", &rw, func() { rw.RLock(); rw.RUnlock() }, rw.Unlock},
		{"lock.Map", "Lock", nil, func() { m.Lock("a"); m.Unlock("a") }, func() { m.Unlock("a") }},
		{"event.Event", "WaitTimeout", &e, func() { e.WaitTimeout(time.Hour) }, e.Set},
		{"condition.Condition", "Wait", &c, func() { c.Lock(); c.Wait(); c.Unlock() }, func() { c.Lock(); c.NotifyAll(); c.Unlock() }},
		{"waitgroup.WaitGroup", "Wait", &wg, func() { wg.Wait() }, func() { wg.Done() }},
		{"semaphore.Semaphore", "AcquireN", s, func() { s.AcquireN(2) }, func() { s.ReleaseN(2) }},
		{"semaphore.BoundedSemaphore", "Acquire", b, func() { b.Acquire() }, b.Release},
		{"barrier.Barrier", "Wait", party, func() { _, _ = party.Wait() }, func() { _, _ = party.Wait() }},
		{"queue.Queue", "GetContext", empty, func() { _, _ = empty.GetContext(ctx) }, func() { _ = empty.Put("") }},
		{"queue.Queue", "Put", full, func() { _ = full.Put(2) }, func() { _, _ = full.Get() }},
		{"queue.Queue", "Join", tasks, func() { tasks.Join() }, tasks.TaskDone},
		{"thread.Thread", "Join", th, func() { th.Join() }, func() { close(going) }},
		{"timer.Timer", "Join", ti, func() { ti.Join() }, func() { ti.Cancel() }},
		{"sched.Scheduler", "Run", nil, func() { sch.Run() }, func() { sch.Cancel(event1) }},
		{"pool.Result", "Get", res, func() { _, _ = res.Get() }, func() { close(after); p.Shutdown(); cancel() }},
	}
}

// Each call is in the report, with what it waits in and where the user made it.
func TestWhoWaitsIsInTheReport(t *testing.T) {
	all := calls()
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(c.wait)
	}
	var missing []string
	until := time.Now().Add(hang)
	for {
		missing = nil
		report := diagnose.Read()
		for _, c := range all {
			if why := shows(report, c); why != "" {
				missing = append(missing, why)
			}
		}
		if len(missing) == 0 || time.Now().After(until) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for _, c := range all {
		c.end()
	}
	wg.Wait()
	if len(missing) > 0 {
		t.Error(strings.Join(missing, "\n"))
	}
}

// shows returns nothing if the report shows that somebody waits in the call, or else what is wrong.
func shows(r *diagnose.Report, c call) string {
	why := fmt.Sprintf("nobody waits in %s of %s", c.form, c.typ)
	for _, o := range r.Objects {
		typ := o.Type
		if c.typ == "lock.Map" && diagnose.Full {
			typ = map[bool]string{true: "lock.Map", false: typ}[typ == "lock.Lock"]
		}
		for _, w := range o.Waiters {
			if typ != c.typ || w.Form != c.form {
				continue
			}
			if c.object != nil && o.Address != fmt.Sprintf("%p", c.object) {
				why = fmt.Sprintf("%s has the address %s, want %p", o.Type, o.Address, c.object)
				continue
			}
			if len(w.At) == 0 || !strings.Contains(w.At[0].Func, "diagnose_test") || w.Goroutine == 0 {
				return fmt.Sprintf("%s: it is not known where: %+v", c.typ, w)
			}
			return ""
		}
	}
	return why
}

// The first waiter of a Latch sleeps elsewhere than the others. They wait for the same all the same.
func TestWhoWaitsForTheSameIsTogether(t *testing.T) {
	going := make(chan bool)
	th := thread.Go(func() { <-going })
	res := pool.Spawn(func(context.Context) (int, error) { <-going; return 0, nil })
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(th.Join)
		wg.Go(res.Wait)
	}
	together := func(typ, address string) func(diagnose.Object) bool {
		return func(o diagnose.Object) bool { return o.Type == typ && o.Address == address && len(o.Waiters) == 3 }
	}
	var objects []diagnose.Object
	for until := time.Now().Add(hang); time.Now().Before(until); time.Sleep(time.Millisecond) {
		objects = diagnose.Read().Objects
		if slices.ContainsFunc(objects, together("thread.Thread", fmt.Sprintf("%p", th))) &&
			slices.ContainsFunc(objects, together("pool.Result", fmt.Sprintf("%p", res))) {
			objects = nil
			break
		}
	}
	close(going)
	wg.Wait()
	for _, o := range objects {
		t.Errorf("%d wait for the %s %s", len(o.Waiters), o.Type, o.Address)
	}
}

// What has a coroutine wait is that which its body waits for.
func TestACoroutineWaitsInItsBody(t *testing.T) {
	var l lock.Lock
	l.Lock()
	g := coroutine.New(func(coroutine.Yield[int, int]) error { l.Lock(); l.Unlock(); return nil })
	done := make(chan bool)
	go func() { defer close(done); _, _ = g.Next() }()
	seen := false
	for start := time.Now(); !seen && time.Since(start) < hang; time.Sleep(time.Millisecond) {
		for _, o := range diagnose.Read().Objects {
			seen = seen || o.Type == "lock.Lock" && o.Address == fmt.Sprintf("%p", &l) && len(o.Waiters) == 1
		}
	}
	l.Unlock()
	<-done
	if !seen {
		t.Error("nobody waits for it")
	}
}

func TestIdleWorkersWaitForNobody(t *testing.T) {
	p := pool.New(2, pool.Name("idle"))
	_, _ = pool.Apply(p, func(context.Context) (int, error) { return 0, nil })
	for _, o := range diagnose.Read().Objects {
		for _, w := range o.Waiters {
			if strings.HasPrefix(w.Thread, "idle-") {
				t.Errorf("%+v", w)
			}
		}
	}
	p.Shutdown()
}

// waits returns when a goroutine waits in a call of this toolkit.
func waits(goroutine uint64) {
	for {
		for _, o := range diagnose.Read().Objects {
			for _, w := range o.Waiters {
				if w.Goroutine == goroutine {
					return
				}
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// A recorder is a test that may fail.
type recorder struct {
	cleanup []func()
	said    []string
}

func (*recorder) Helper()            {}
func (r *recorder) Cleanup(f func()) { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Failed() bool     { return false }
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) end() string {
	for _, f := range r.cleanup {
		f()
	}
	return strings.Join(r.said, "\n")
}

func TestCheckFailsForWhoStillWaits(t *testing.T) {
	var r recorder
	var e, early event.Event
	other := thread.Go(func() { early.Wait() })
	diagnose.Check(&r)
	waiter := thread.Go(func() { e.Wait() })
	waits(waiter.Ident())
	said := r.end()
	if !strings.Contains(said, "1 goroutine still waits") || !strings.Contains(said, "event.Event") || !strings.Contains(said, "diagnose_test.go") {
		t.Error(said)
	}
	e.Set()
	waiter.Join()
	early.Set()
	other.Join()
}

func TestCheckLetsThoseGoWhoAreOnTheirWay(t *testing.T) {
	var r recorder
	diagnose.Check(&r)
	var e event.Event
	waiter := thread.Go(func() { e.Wait() })
	go func() { time.Sleep(20 * time.Millisecond); e.Set() }()
	if said := r.end(); said != "" {
		t.Error(said)
	}
	waiter.Join()
}

func TestCheckFailsForALockThatIsHeld(t *testing.T) {
	if !diagnose.Full {
		t.Skip("who holds a lock is known with -tags threadingdebug only")
	}
	var r recorder
	diagnose.Check(&r)
	var l lock.Lock
	l.Lock()
	if said := r.end(); !strings.Contains(said, "1 lock is still held") {
		t.Error(said)
	}
	l.Unlock()
}

// A run is the M of a TestMain.
type run func() int

func (r run) Run() int { return r() }

func TestWrapFailsARunThatLeavesSomebodyBehind(t *testing.T) {
	var e event.Event
	var left *thread.Thread
	code := diagnose.Wrap(run(func() int {
		left = thread.Go(func() { e.Wait() })
		waits(left.Ident())
		return 0
	})).Run()
	e.Set()
	left.Join()
	if code == 0 {
		t.Error("it passed")
	}
	if code := diagnose.Wrap(run(func() int { return 0 })).Run(); code != 0 {
		t.Error(code)
	}
	if code := diagnose.Wrap(run(func() int { return 7 })).Run(); code != 7 {
		t.Error(code)
	}
}

func TestWatchTellsOnceOfALongWait(t *testing.T) {
	var e event.Event
	waiter := thread.Go(func() { e.Wait() })
	told := make(chan diagnose.Finding, 100)
	stop := diagnose.Watch(diagnose.Options{
		Every: time.Millisecond, Longer: 5 * time.Millisecond,
		Found: func(f diagnose.Finding) { told <- f },
	})
	var f diagnose.Finding
	for f.Kind != diagnose.Long || f.Steps[0].Form != "Wait" {
		f = <-told
	}
	time.Sleep(20 * time.Millisecond)
	stop()
	stop()
	e.Set()
	waiter.Join()
	for len(told) > 0 {
		if again := <-told; again.Kind == diagnose.Long && again.Steps[0].Goroutine == f.Steps[0].Goroutine {
			t.Errorf("told twice: %+v", again)
		}
	}
}

func TestANameOfWhatIsNotOursIsIgnored(t *testing.T) {
	var n int
	var nothing *lock.Lock
	for _, x := range []any{nil, 1, "x", &n, nothing, lock.Lock{}, struct{}{}, &struct{ a int }{}, new(strings.Builder), func() {}} {
		diagnose.Name(x, "ignored")
	}
}

func TestAReportSurvivesJSON(t *testing.T) {
	var e event.Event
	waiter := thread.Go(func() { e.WaitTimeout(time.Hour) })
	defer waiter.Join()
	defer e.Set()
	var r *diagnose.Report
	for r = diagnose.Read(); len(r.Objects) == 0; r = diagnose.Read() {
		time.Sleep(time.Millisecond)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again diagnose.Report
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	again.Time, r.Time = time.Time{}, time.Time{} // whose location JSON does not keep
	if !reflect.DeepEqual(*r, again) {
		t.Errorf("%+v\n%+v", *r, again)
	}
}

// The text of a report that has one of everything.
func TestTheTextOfAReport(t *testing.T) {
	at := func(line int) []diagnose.Frame {
		return []diagnose.Frame{{Func: "example.com/bank.(*Bank).Transfer", File: "/home/me/bank/bank.go", Line: line}}
	}
	r := diagnose.Report{
		Time: time.Date(2026, 11, 28, 9, 14, 3, 201e6, time.UTC), Full: true, Goroutines: 19, Pause: 400 * time.Microsecond,
		Findings: []diagnose.Finding{
			{Kind: diagnose.Deadlock, Certain: true, Text: "2 goroutines wait for each other", Steps: []diagnose.Party{
				{Goroutine: 21, Thread: "teller-1", Object: `lock.Lock "savings" 0x2e3f`, Form: "Lock", Since: 12400 * time.Millisecond, At: at(41)},
				{Goroutine: 23, Object: `lock.Lock "savings" 0x2e3f`, Since: 13 * time.Second, At: at(39), Now: at(40)},
			}},
			{Kind: diagnose.Order, Text: "locked in 2 orders", Steps: []diagnose.Party{
				{Goroutine: 46, Ended: true, Object: "lock.Lock 0x1, then lock.Lock 0x2", At: at(1), Now: at(2)}}},
		},
		Objects: []diagnose.Object{
			{Type: "lock.Lock", Name: "savings", Address: "0x2e3f", State: "locked",
				Holders: []diagnose.Party{{Goroutine: 23, Since: 12400 * time.Millisecond, At: at(39), Now: at(40)}},
				Waiters: []diagnose.Party{
					{Goroutine: 21, Thread: "teller-1", Form: "Lock", Since: 12400 * time.Millisecond, At: at(41)},
					{Goroutine: 30, Form: "LockTimeout", Limit: 20 * time.Second, Since: 3100 * time.Millisecond, At: at(42)},
					{Goroutine: 31, Form: "LockContext", At: at(43)},
				}},
			{Type: "queue.Queue", Address: "0x9", Len: 5, Cap: 5, Unfinished: 7, Waiters: []diagnose.Party{{Goroutine: 28, Form: "Put", Since: 2 * time.Minute}}},
		},
		Pools: []diagnose.Pool{{Name: "Pool-1", Workers: 4, Running: 3, Lent: 1, Queued: 12, Tasks: []diagnose.Party{
			{Goroutine: 33, Thread: "Pool-1-2", Since: 41 * time.Second, Form: "Wait", Object: "event.Event 0x8", Now: at(60)}}}},
		Threads: []diagnose.Party{{Goroutine: 1, Thread: "MainThread", Now: at(7)}, {Goroutine: 21, Thread: "teller-1", Form: "Lock", Object: "lock.Lock 0x2e3f"}},
	}
	const want = `threading 2026-11-28 09:14:03.201  full  19 goroutines, 4 wait, 1 lock held, paused 0.4 ms

DEADLOCK, certain: 2 goroutines wait for each other
  teller-1 (21)  waits since 12.4 s in Lock for lock.Lock "savings" 0x2e3f
      at bank.go:41 bank.(*Bank).Transfer
    which goroutine 23 holds since 13.0 s, acquired at bank.go:39 bank.(*Bank).Transfer, now at bank.go:40 bank.(*Bank).Transfer

MAY DEADLOCK: locked in 2 orders
  goroutine 46 (ended)  locked lock.Lock 0x1, then lock.Lock 0x2
      at bank.go:1 bank.(*Bank).Transfer, then at bank.go:2 bank.(*Bank).Transfer

lock.Lock "savings" 0x2e3f   locked
    held since 12.4 s by goroutine 23, acquired at bank.go:39 bank.(*Bank).Transfer, now at bank.go:40 bank.(*Bank).Transfer
    teller-1 (21)      Lock               12.4 s   bank.go:41 bank.(*Bank).Transfer
    goroutine 30       LockTimeout 20s     3.1 s   ends in 16.9 s   bank.go:42 bank.(*Bank).Transfer
    goroutine 31       LockContext                 until its context ends   bank.go:43 bank.(*Bank).Transfer

queue.Queue 0x9   5 of 5 items, 7 unfinished
    goroutine 28       Put                 2 min   ?

pool Pool-1   4 workers: 3 running, 1 lent, 12 queued
    Pool-1-2 (33)      running since 41.0 s, waits in Wait for event.Event 0x8   bank.go:60 bank.(*Bank).Transfer

threads   2
    MainThread (1)       at bank.go:7 bank.(*Bank).Transfer
    teller-1 (21)        waits in Lock for lock.Lock 0x2e3f
`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Full = false
	if got := r.String(); !regexp.MustCompile(`(?m)^who holds what is known in a build with -tags threadingdebug$`).MatchString(got) {
		t.Error(got)
	}
}

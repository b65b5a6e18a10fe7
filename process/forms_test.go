//go:build linux

package process_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
)

// What each form of a call does that has to wait, and of one that has not: here with goroutines of this process.

// A form is one spelling of a call. Where it can give up, it does so after d.
type form struct {
	name string
	call func(d time.Duration) bool
}

// checkForms makes a call in all of its forms when it does not succeed, or when it does. Whoever must not give up has so
// much time that only a hang takes it: this process may not run for longer than brief.
func checkForms(t *testing.T, what string, free bool, wait func(), forms []form) {
	t.Helper()
	for _, f := range forms {
		if got := f.call(patience(free)); got != free {
			t.Errorf("%s, %s: %t, want %t", what, f.name, got, free)
		}
	}
	if free {
		wait()
	}
}

// succeeds makes the call when it must succeed.
func (f form) succeeds() bool { return f.call(patience(true)) }

// patience is how long a form waits that succeeds, or that does not.
func patience(succeeds bool) time.Duration {
	if succeeds {
		return hang
	}
	return brief
}

const brief = 2 * time.Millisecond

// ending returns a context that ends soon.
func ending(t *testing.T) context.Context { return endingAfter(t, brief) }

// endingAfter returns a context that ends after d.
func endingAfter(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errWhy)
	t.Cleanup(cancel)
	return ctx
}

// gaveUp reports success; an error must be the cause of a context.
func gaveUp(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, errWhy) {
		t.Errorf("%v, want the cause", err)
	}
	return err == nil
}

type locker interface {
	Lock()
	TryLock() bool
	LockTimeout(time.Duration) bool
	LockContext(context.Context) error
	Unlock()
	Locked() bool
}

func TestFormsOfLocks(t *testing.T) {
	for name, l := range map[string]locker{"Lock": process.NewLock(), "RLock": process.NewRLock()} {
		forms := []form{
			{"TryLock", func(time.Duration) bool { return l.TryLock() }},
			{"LockTimeout(0)", func(time.Duration) bool { return l.LockTimeout(0) }},
			{"LockTimeout(-1)", func(time.Duration) bool { return l.LockTimeout(math.MinInt64) }},
			{"LockTimeout", func(d time.Duration) bool { return l.LockTimeout(d) }},
			{"LockContext", func(d time.Duration) bool { return gaveUp(t, l.LockContext(endingAfter(t, d))) }},
		}
		held, release := make(chan struct{}), make(chan struct{})
		go func() {
			l.Lock()
			close(held)
			<-release
			l.Unlock()
		}()
		<-held
		checkForms(t, name+", locked", false, nil, forms)
		if !l.Locked() {
			t.Errorf("%s is not locked", name)
		}
		close(release)
		l.Lock()
		l.Unlock()
		for _, f := range forms {
			if !f.succeeds() {
				t.Errorf("%s, free: %s failed", name, f.name)
				continue
			}
			l.Unlock()
		}
		for _, ctx := range []context.Context{ended(), silent{context.Background()}} {
			if err := l.LockContext(ctx); err == nil || l.Locked() {
				t.Errorf("%s: LockContext with a context that has ended: %v", name, err)
			}
		}
		if !l.LockTimeout(math.MaxInt64) {
			t.Errorf("%s: not within forever", name)
		}
		l.Unlock()
		if l.Locked() {
			t.Errorf("%s is locked", name)
		}
	}
	panics(t, lock.ErrNotLocked, process.NewLock().Unlock)
	panics(t, rlock.ErrNotOwner, process.NewRLock().Unlock)
	panics(t, rlock.ErrNotOwner, func() { process.NewRLock().UnlockAll() })
}

func TestAnRLockKnowsItsGoroutine(t *testing.T) {
	r := process.NewRLock()
	r.Lock()
	r.Lock()
	r.LockDepth(3)
	r.LockDepth(0)
	if r.Depth() != 5 || !r.Owned() || !r.Locked() || r.Abandoned() {
		t.Errorf("depth %d, owned %t", r.Depth(), r.Owned())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if r.Owned() || r.Depth() != 0 || r.TryLock() {
			t.Error("another goroutine owns it")
		}
		panics(t, rlock.ErrNotOwner, r.Unlock)
	}()
	<-done
	if n := r.UnlockAll(); n != 5 || r.Locked() {
		t.Errorf("UnlockAll: %d", n)
	}
	r.LockDepth(2)
	r.Unlock()
	r.Unlock()
	panics(t, rlock.ErrNotOwner, r.Unlock)
}

type permits interface {
	Acquire()
	TryAcquire() bool
	AcquireTimeout(time.Duration) bool
	AcquireContext(context.Context) error
	AcquireN(int)
	TryAcquireN(int) bool
	AcquireNTimeout(int, time.Duration) bool
	AcquireNContext(context.Context, int) error
	Release()
	ReleaseN(int)
	Value() int
}

func TestFormsOfSemaphores(t *testing.T) {
	for name, s := range map[string]permits{"Semaphore": process.NewSemaphore(3), "Bounded": process.NewBoundedSemaphore(3)} {
		for n := 1; n <= 3; n++ {
			forms := []form{
				{"TryAcquireN", func(time.Duration) bool { return s.TryAcquireN(n) }},
				{"AcquireNTimeout(0)", func(time.Duration) bool { return s.AcquireNTimeout(n, 0) }},
				{"AcquireNTimeout", func(d time.Duration) bool { return s.AcquireNTimeout(n, d) }},
				{"AcquireNContext", func(d time.Duration) bool { return gaveUp(t, s.AcquireNContext(endingAfter(t, d), n)) }},
			}
			if n == 1 {
				forms = append(forms,
					form{"TryAcquire", func(time.Duration) bool { return s.TryAcquire() }},
					form{"AcquireTimeout(-1)", func(time.Duration) bool { return s.AcquireTimeout(-1) }},
					form{"AcquireTimeout", func(d time.Duration) bool { return s.AcquireTimeout(d) }},
					form{"AcquireContext", func(d time.Duration) bool { return gaveUp(t, s.AcquireContext(endingAfter(t, d))) }})
			}
			s.AcquireN(3 - n + 1)
			if s.Value() != n-1 {
				t.Errorf("%s: value %d, want %d", name, s.Value(), n-1)
			}
			checkForms(t, name, false, nil, forms)
			s.ReleaseN(3 - n + 1)
			for _, f := range forms {
				if !f.succeeds() || s.Value() != 3-n {
					t.Errorf("%s of %d: %s: value %d", name, n, f.name, s.Value())
				}
				s.ReleaseN(n)
			}
		}
		for _, ctx := range []context.Context{ended(), silent{context.Background()}} {
			if s.AcquireContext(ctx) == nil || s.AcquireNContext(ctx, 2) == nil || s.Value() != 3 {
				t.Errorf("%s: acquired although the context has ended", name)
			}
		}
		for _, n := range []int{0, -1, math.MinInt, math.MaxInt, beyond} {
			for call, f := range map[string]func(){
				"AcquireN": func() { s.AcquireN(n) }, "TryAcquireN": func() { s.TryAcquireN(n) },
				"AcquireNTimeout": func() { s.AcquireNTimeout(n, 1) }, "AcquireNContext": func() { s.AcquireNContext(ended(), n) },
			} {
				if v := proof.Recovered(f); !errors.Is(asError(v), semaphore.ErrValue) {
					t.Errorf("%s: %s(%d): %v", name, call, n, v)
				}
			}
		}
		panics(t, semaphore.ErrValue, func() { s.ReleaseN(0) })
	}
	s := process.NewSemaphore(math.MaxInt32 - 1)
	panics(t, semaphore.ErrValue, func() { s.ReleaseN(2) })
	s.Release()
	panics(t, semaphore.ErrValue, s.Release)
	if s.Value() != math.MaxInt32 {
		t.Errorf("value %d", s.Value())
	}
	b := process.NewBoundedSemaphore(2)
	panics(t, semaphore.ErrOverRelease, b.Release)
	panics(t, semaphore.ErrValue, func() { b.AcquireN(3) })
	b.Acquire()
	panics(t, semaphore.ErrOverRelease, func() { b.ReleaseN(2) })
	if b.Value() != 1 || !b.TryRelease() || b.TryRelease() {
		t.Errorf("value %d", b.Value())
	}
	for _, n := range []int{-1, math.MinInt, beyond, math.MaxInt} {
		panics(t, semaphore.ErrValue, func() { process.NewSemaphore(n) })
		panics(t, semaphore.ErrValue, func() { process.NewBoundedSemaphore(n) })
	}
	if process.NewBoundedSemaphore(0).TryAcquire() {
		t.Error("a permit of none")
	}
}

// beyond is more permits than there can be; on 32 bits, less than none.
var beyond = func() int { n := math.MaxInt32; n++; return n }()

func asError(v any) error {
	err, _ := v.(error)
	return err
}

func TestFormsOfAnEvent(t *testing.T) {
	e := process.NewEvent()
	forms := []form{
		{"IsSet", func(time.Duration) bool { return e.IsSet() }},
		{"WaitTimeout(0)", func(time.Duration) bool { return e.WaitTimeout(0) }},
		{"WaitTimeout", func(d time.Duration) bool { return e.WaitTimeout(d) }},
		{"WaitContext", func(d time.Duration) bool { return gaveUp(t, e.WaitContext(endingAfter(t, d))) }},
	}
	checkForms(t, "clear", false, nil, forms)
	if e.String() != "Event(unset)" {
		t.Error(e.String())
	}
	e.Set()
	e.Set()
	checkForms(t, "set", true, e.Wait, forms)
	if e.String() != "Event(set)" {
		t.Error(e.String())
	}
	if e.WaitContext(ended()) == nil || e.WaitContext(silent{context.Background()}) == nil {
		t.Error("waited although the context has ended")
	}
	e.Clear()
	e.Clear()
	checkForms(t, "cleared", false, nil, forms)
}

func TestFormsOfACondition(t *testing.T) {
	for name, c := range map[string]*process.Condition{
		"of its own": process.NewCondition(nil), "over a Lock": process.NewCondition(process.NewLock()),
		"over an RLock": process.NewCondition(process.NewRLock()),
	} {
		yes, no := func() bool { return true }, func() bool { return false }
		calls := map[string]func(){
			"Wait": c.Wait, "WaitTimeout": func() { c.WaitTimeout(1) }, "WaitTimeout(0)": func() { c.WaitTimeout(0) },
			"WaitContext": func() { c.WaitContext(context.Background()) }, "WaitContext, ended": func() { c.WaitContext(ended()) },
			"WaitFor": func() { c.WaitFor(yes) }, "WaitForTimeout": func() { c.WaitForTimeout(yes, 0) },
			"WaitForContext": func() { c.WaitForContext(ended(), yes) },
			"Notify":         func() { c.Notify(1) }, "Notify(0)": func() { c.Notify(0) }, "NotifyAll": c.NotifyAll,
		}
		for call, f := range calls {
			if v := proof.Recovered(f); v != condition.ErrNotLocked {
				t.Errorf("%s, %s without the lock: %v", name, call, v)
			}
		}
		c.Lock()
		checkForms(t, name, false, nil, []form{
			{"WaitTimeout(0)", func(time.Duration) bool { return c.WaitTimeout(0) }},
			{"WaitTimeout", func(d time.Duration) bool { return c.WaitTimeout(d) }},
			{"WaitContext", func(d time.Duration) bool { return gaveUp(t, c.WaitContext(endingAfter(t, d))) }},
			{"WaitContext, ended", func(time.Duration) bool { return gaveUp(t, c.WaitContext(ended())) }},
			{"WaitForTimeout(0)", func(time.Duration) bool { return c.WaitForTimeout(no, 0) }},
			{"WaitForTimeout", func(d time.Duration) bool { return c.WaitForTimeout(no, d) }},
			{"WaitForContext", func(d time.Duration) bool { return gaveUp(t, c.WaitForContext(endingAfter(t, d), no)) }},
			{"WaitForContext, ended", func(time.Duration) bool { return gaveUp(t, c.WaitForContext(ended(), yes)) }},
		})
		checkForms(t, name, true, func() { c.WaitFor(yes) }, []form{
			{"WaitForTimeout(0)", func(time.Duration) bool { return c.WaitForTimeout(yes, 0) }},
			{"WaitForContext", func(time.Duration) bool { return gaveUp(t, c.WaitForContext(context.Background(), yes)) }},
		})
		asked := 0
		if !c.WaitForTimeout(func() bool { asked++; return asked == 2 }, brief) || asked != 2 {
			t.Errorf("%s: pred was asked %d times", name, asked)
		}
		if v := proof.Recovered(func() { c.WaitFor(func() bool { panic("p") }) }); v != "p" {
			t.Errorf("%s: a panic of pred: %v", name, v)
		}
		c.Unlock() // it is held, whatever happened
	}
}

func TestACompletelyReleasedRLockIsTakenBack(t *testing.T) {
	r := process.NewRLock()
	c := process.NewCondition(r)
	r.LockDepth(3)
	go func() {
		c.Lock()
		c.Notify(1)
		c.Unlock()
	}()
	c.Wait()
	if r.Depth() != 3 {
		t.Errorf("depth %d", r.Depth())
	}
	r.UnlockAll()
}

var failing = process.Register(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, errWhy })

func TestFormsOfABarrier(t *testing.T) {
	for _, n := range []int{0, -1, 1025, math.MaxInt} {
		panics(t, barrier.ErrParties, func() { process.NewBarrier(n, nil) })
	}
	one := process.NewBarrier(1, nil)
	for name, wait := range map[string]func() (int, error){
		"Wait": one.Wait, "WaitTimeout": func() (int, error) { return one.WaitTimeout(0) },
		"WaitContext": func() (int, error) { return one.WaitContext(ended()) },
	} {
		if i, err := wait(); i != 0 || err != nil {
			t.Errorf("the last of one, %s: %d, %v", name, i, err)
		}
	}
	two := process.NewBarrier(2, nil)
	for name, f := range map[string]struct {
		wait func() (int, error)
		want error
	}{
		"WaitTimeout(0)":     {func() (int, error) { return two.WaitTimeout(0) }, barrier.ErrBroken},
		"WaitTimeout":        {func() (int, error) { return two.WaitTimeout(brief) }, barrier.ErrBroken},
		"WaitContext":        {func() (int, error) { return two.WaitContext(ending(t)) }, errWhy},
		"WaitContext, ended": {func() (int, error) { return two.WaitContext(ended()) }, errWhy},
	} {
		if i, err := f.wait(); i != -1 || !errors.Is(err, f.want) || !two.Broken() || two.Waiting() != 0 {
			t.Errorf("%s: %d, %v, broken %t, %d waiting", name, i, err, two.Broken(), two.Waiting())
		}
		if i, err := two.Wait(); i != -1 || err != barrier.ErrBroken {
			t.Errorf("%s, then Wait: %d, %v", name, i, err)
		}
		two.Reset()
		if two.Broken() {
			t.Error("broken after Reset")
		}
	}
	if two.Parties() != 2 {
		t.Error("parties")
	}
	bad := process.NewBarrier(1, failing)
	if i, err := bad.Wait(); i != -1 || !errors.Is(err, errWhy) || !bad.Broken() {
		t.Errorf("an action that fails: %d, %v, broken %t", i, err, bad.Broken())
	}
}

func TestFormsOfAQueue(t *testing.T) {
	q := process.NewQueue[string](2)
	gets := []form{
		{"TryGet", func(time.Duration) bool { return got(t, queue.ErrEmpty)(q.TryGet()) }},
		{"GetTimeout(0)", func(time.Duration) bool { return got(t, queue.ErrEmpty)(q.GetTimeout(0)) }},
		{"GetTimeout", func(d time.Duration) bool { return got(t, queue.ErrEmpty)(q.GetTimeout(d)) }},
		{"GetContext", func(d time.Duration) bool { return got(t, errWhy)(q.GetContext(endingAfter(t, d))) }},
		{"TryGetN", func(time.Duration) bool { return got(t, queue.ErrEmpty)(q.TryGetN(3)) }},
		{"GetNTimeout", func(d time.Duration) bool { return got(t, queue.ErrEmpty)(q.GetNTimeout(3, d)) }},
		{"GetNContext", func(d time.Duration) bool { return got(t, errWhy)(q.GetNContext(endingAfter(t, d), 3)) }},
	}
	puts := []form{
		{"TryPut", func(time.Duration) bool { return got(t, queue.ErrFull)(0, q.TryPut("x")) }},
		{"PutTimeout(0)", func(time.Duration) bool { return got(t, queue.ErrFull)(0, q.PutTimeout("x", 0)) }},
		{"PutTimeout", func(d time.Duration) bool { return got(t, queue.ErrFull)(0, q.PutTimeout("x", d)) }},
		{"PutContext", func(d time.Duration) bool { return got(t, errWhy)(0, q.PutContext(endingAfter(t, d), "x")) }},
	}
	checkForms(t, "empty", false, nil, gets)
	if !q.Empty() || q.Full() || q.Len() != 0 || q.Cap() != 2 || q.Unfinished() != 0 {
		t.Error("an empty queue is not")
	}
	for i, put := range puts {
		get := gets[i]
		if !put.succeeds() || q.Len() != 1 || !get.succeeds() || q.Len() != 0 {
			t.Errorf("%s or %s failed, %d are inside", put.name, get.name, q.Len())
		}
	}
	for i := range 2 {
		if err := q.Put(string(rune('a' + i))); err != nil {
			t.Error(err)
		}
	}
	checkForms(t, "full", false, nil, puts)
	if q.Empty() || !q.Full() || q.Len() != 2 {
		t.Error("a full queue is not")
	}
	if q.PutContext(ended(), "x") == nil || q.PutContext(silent{context.Background()}, "x") == nil {
		t.Error("put although the context has ended")
	}
	if _, err := q.GetContext(ended()); !errors.Is(err, errWhy) {
		t.Error(err)
	}
	if items, err := q.GetN(5); err != nil || !slices.Equal(items, []string{"a", "b"}) {
		t.Error(items, err)
	}
	for _, n := range []int{0, -1} {
		for _, f := range []func(){
			func() { q.GetN(n) }, func() { q.TryGetN(n) }, func() { q.GetNTimeout(n, 0) }, func() { q.GetNContext(ended(), n) },
		} {
			if proof.Recovered(f) == nil {
				t.Errorf("GetN(%d) does not panic", n)
			}
		}
	}
	if n := q.Unfinished(); n != 6 {
		t.Errorf("%d unfinished, want 6", n)
	}
	joins := []form{
		{"JoinTimeout(0)", func(time.Duration) bool { return q.JoinTimeout(0) }},
		{"JoinTimeout", func(d time.Duration) bool { return q.JoinTimeout(d) }},
		{"JoinContext", func(d time.Duration) bool { return gaveUp(t, q.JoinContext(endingAfter(t, d))) }},
	}
	checkForms(t, "unfinished", false, nil, joins)
	for range 6 {
		q.TaskDone()
	}
	checkForms(t, "finished", true, q.Join, joins)
	if q.JoinContext(ended()) == nil {
		t.Error("joined although the context has ended")
	}
	panics(t, queue.ErrTaskDone, q.TaskDone)
	q.Put("last")
	q.Put("one more")
	if items := q.Drain(); !slices.Equal(items, []string{"last", "one more"}) || q.Unfinished() != 2 {
		t.Error(items, q.Unfinished())
	}
	q.TaskDone()
	q.TaskDone()
	q.Put("last")
	q.Shutdown()
	q.Shutdown()
	for name, err := range map[string]error{
		"Put": q.Put("x"), "TryPut": q.TryPut("x"), "PutTimeout": q.PutTimeout("x", brief), "PutContext": q.PutContext(ended(), "x"),
	} {
		if err != queue.ErrShutdown {
			t.Errorf("%s after Shutdown: %v", name, err)
		}
	}
	if x, err := q.Get(); x != "last" || err != nil || !q.IsShutdown() {
		t.Error(x, err)
	}
	for name, get := range map[string]func() (string, error){
		"Get": q.Get, "TryGet": q.TryGet, "GetTimeout": func() (string, error) { return q.GetTimeout(brief) },
		"GetContext": func() (string, error) { return q.GetContext(ended()) },
	} {
		if _, err := get(); err != queue.ErrShutdown {
			t.Errorf("%s after Shutdown: %v", name, err)
		}
	}
	q2 := process.NewQueue[[]byte](-5)
	q2.Put(nil)
	q2.Put([]byte{})
	q2.ShutdownNow()
	if q2.Len() != 0 || q2.Unfinished() != 0 || q2.Cap() != 0 || !q2.JoinTimeout(hang) {
		t.Error("ShutdownNow has left something")
	}
}

// got reports success; an error must be want.
func got(t *testing.T, want error) func(any, error) bool {
	return func(_ any, err error) bool {
		t.Helper()
		if err != nil && !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		return err == nil
	}
}

// Zero values, foreign encoders, and what must not be inside of what.
func TestSharingIsRefusedLoudly(t *testing.T) {
	var (
		l  process.Lock
		r  process.RLock
		s  process.Semaphore
		b  process.BoundedSemaphore
		e  process.Event
		c  process.Condition
		ba process.Barrier
		q  process.Queue[int]
		v  process.Value[int]
		a  process.Array[int]
		m  process.Memory
		co process.Conn[int, int]
	)
	for name, f := range map[string]func(){
		"Lock": l.Lock, "Unlock": l.Unlock, "RLock": r.Lock, "Acquire": s.Acquire, "Bounded": b.Acquire, "Set": e.Set,
		"Wait": c.Wait, "Condition.Lock": c.Lock, "Notify": c.NotifyAll, "Barrier": func() { ba.Wait() }, "Put": func() { q.Put(1) },
		"Value": func() { v.Get() }, "Array": func() { a.Len() }, "Memory": func() { m.Bytes() }, "Conn": func() { co.Send(1) },
		"condition over a zero Lock": func() { process.NewCondition(new(process.Lock)) },
		"NewValue of a string":       func() { process.NewValue("x") },
		"NewArray of pointers":       func() { process.NewArray[*int](1) },
		"ArrayOf strings":            func() { process.ArrayOf("x") },
		"a Queue of Locks":           func() { process.NewQueue[*process.Lock](0) },
		"a Queue of structs with one": func() {
			process.NewQueue[struct {
				X []map[string]*process.Queue[int]
			}](0)
		},
		"a Value of Locks": func() { process.NewValue(process.NewLock()) },
	} {
		if err := asError(proof.Recovered(f)); !errors.Is(err, process.ErrSharing) {
			t.Errorf("%s: panicked with %v", name, err)
		}
	}
	for name, x := range map[string]any{
		"Lock": process.NewLock(), "RLock": process.NewRLock(), "Semaphore": process.NewSemaphore(1),
		"Bounded": process.NewBoundedSemaphore(1), "Event": process.NewEvent(), "Condition": process.NewCondition(nil),
		"Barrier": process.NewBarrier(1, nil), "Queue": process.NewQueue[int](0), "Value": process.NewValue(1),
		"Array": process.NewArray[int](1),
	} {
		if _, err := json.Marshal(struct{ X any }{x}); !errors.Is(err, process.ErrSharing) {
			t.Errorf("%s: json: %v", name, err)
		}
		if err := gob.NewEncoder(new(bytes.Buffer)).Encode(x); !errors.Is(err, process.ErrSharing) {
			t.Errorf("%s: gob: %v", name, err)
		}
		if err := json.Unmarshal([]byte(`"x"`), x); !errors.Is(err, process.ErrSharing) {
			t.Errorf("%s: json, the other direction: %v", name, err)
		}
	}
}

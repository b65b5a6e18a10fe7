package manager_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

// A flaky backend returns an error instead of what the first calls would.
type flaky struct {
	backend.Backend
	err   error
	times int // < 0: always
}

func (f *flaky) fails() error {
	if f.times == 0 {
		return nil
	}
	f.times--
	return f.err
}

type flakyLock struct {
	backend.Lock
	f *flaky
}

func (l flakyLock) Acquire(w backend.Wait, v []byte) (backend.Holding, error) {
	if err := l.f.fails(); err != nil {
		return nil, err
	}
	return l.Lock.Acquire(w, v)
}

func (f *flaky) Lock(s backend.Spec) backend.Lock { return flakyLock{f.Backend.Lock(s), f} }

type flakySemaphore struct {
	backend.Semaphore
	f *flaky
}

func (s flakySemaphore) Acquire(w backend.Wait, n int) (backend.Holding, error) {
	if err := s.f.fails(); err != nil {
		return nil, err
	}
	return s.Semaphore.Acquire(w, n)
}

func (s flakySemaphore) Value(ctx context.Context) (int, error) {
	if err := s.f.fails(); err != nil {
		return 0, err
	}
	return s.Semaphore.Value(ctx)
}

func (f *flaky) Semaphore(s backend.Spec) backend.Semaphore {
	return flakySemaphore{f.Backend.Semaphore(s), f}
}

type flakyEvent struct {
	backend.Event
	f *flaky
}

func (e flakyEvent) Set(ctx context.Context) error {
	if err := e.f.fails(); err != nil {
		return err
	}
	return e.Event.Set(ctx)
}

func (f *flaky) Event(s backend.Spec) backend.Event { return flakyEvent{f.Backend.Event(s), f} }

type flakyQueue struct {
	backend.Queue
	f *flaky
}

func (q flakyQueue) Put(w backend.Wait, i backend.Item) error {
	if err := q.f.fails(); err != nil {
		return err
	}
	return q.Queue.Put(w, i)
}

func (q flakyQueue) Claim(w backend.Wait) (backend.Claim, error) {
	if err := q.f.fails(); err != nil {
		return backend.Claim{}, err
	}
	return q.Queue.Claim(w)
}

func (f *flaky) Queue(s backend.Spec) backend.Queue { return flakyQueue{f.Backend.Queue(s), f} }

func newFlaky(t *testing.T, err error, times int) (*manager.Manager, *flaky) {
	m := opened(t, "mem:")
	f := &flaky{backend.Of(m), err, times}
	return backend.NewManager(f, nil).(*manager.Manager), f
}

// A form without an error result waits through what passes and panics with what does not.
func TestFormsWithoutAnErrorWaitThroughWhatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, passing := range []error{manager.ErrLost, manager.ErrQuota} {
			m, f := newFlaky(t, fmt.Errorf("at the moment: %w", passing), 0)
			for name, form := range map[string]func(){
				"Lock":        m.Lock("l").Lock,
				"LockTimeout": func() { m.Lock("lt").LockTimeout(time.Hour) },
				"RLock":       m.RLock("r").Lock,
				"Acquire":     m.Semaphore("s", 1).Acquire,
				"Value":       func() { m.Semaphore("v", 1).Value() },
				"Set":         m.Event("e").Set,
				"TryLock": func() {
					if !m.Lock("try").TryLock() {
						t.Error("TryLock")
					}
				},
			} {
				f.times = 7
				if v := proof.Recovered(form); v != nil || f.times != 0 {
					t.Errorf("%s through %v: panicked with %v, %d to go", name, passing, v, f.times)
				}
			}
			_ = m.Close()
		}
		for _, lasting := range []error{manager.ErrClosed, manager.ErrMismatch, manager.ErrDenied, manager.ErrTooLarge, errors.ErrUnsupported} {
			m, f := newFlaky(t, fmt.Errorf("for good: %w", lasting), -1)
			for name, form := range map[string]func(){
				"Lock": m.Lock("l").Lock, "TryLock": func() { m.Lock("l").TryLock() }, "LockTimeout": func() { m.Lock("l").LockTimeout(1) },
				"Acquire": m.Semaphore("s", 1).Acquire, "Value": func() { m.Semaphore("s", 1).Value() }, "Set": m.Event("e").Set,
			} {
				if err := panicked(form); !errors.Is(err, lasting) {
					t.Errorf("%s: panicked with %v, want %v", name, err, lasting)
				}
			}
			f.times = 0
			if !m.Lock("l").TryLock() { // nothing was left behind
				t.Error("the lock is locked")
			}
			_ = m.Close()
		}
	})
}

// A slow lock is granted when the test says so, but to who only tries at once.
type slowLock struct {
	backend.Lock
	asked  chan struct{}
	grants chan backend.Holding
	now    backend.Holding // for who tries
}

func (l *slowLock) Acquire(w backend.Wait, v []byte) (backend.Holding, error) {
	if w.Try {
		return l.now, nil
	}
	l.asked <- struct{}{}
	return <-l.grants, nil
}

func (l *slowLock) Release(context.Context, backend.Holding, bool) (backend.Holding, error) {
	return nil, nil
}

type slowBackend struct {
	backend.Backend
	lock *slowLock
}

func (b slowBackend) Lock(backend.Spec) backend.Lock { return b.lock }

type grantedHolding struct {
	token uint64
	lost  chan struct{}
}

func (h grantedHolding) Token() uint64         { return h.token }
func (h grantedHolding) Lost() <-chan struct{} { return h.lost }

// One that asked while nobody was inside is granted the lock, which another has taken meanwhile and lost: it waits until
// that one has left.
func TestAGrantWaitsForWhoHasLostTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := grantedHolding{1, make(chan struct{})}, grantedHolding{2, make(chan struct{})}
		slow := &slowLock{asked: make(chan struct{}), grants: make(chan backend.Holding), now: first}
		of := opened(t, "mem:")
		defer of.Close()
		m := backend.NewManager(slowBackend{backend.Of(of), slow}, nil).(*manager.Manager)
		l := m.Lock("l")
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.Lock()
		}()
		<-slow.asked
		if !l.TryLock() {
			t.Fatal("TryLock")
		}
		close(first.lost)
		slow.grants <- second
		synctest.Wait()
		if isClosed(done) || l.Token() != 1 {
			t.Errorf("two are inside: the token is %d", l.Token())
		}
		l.Unlock()
		<-done
		if l.Token() != 2 {
			t.Errorf("the token is %d", l.Token())
		}
		l.Unlock()
	})
}

// But not for ever: a timed form for its time, TryX for five seconds.
func TestWaitingThroughHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := newFlaky(t, manager.ErrQuota, -1)
		defer m.Close()
		for limit, form := range map[time.Duration]func() bool{
			time.Minute:       func() bool { return m.Lock("l").LockTimeout(time.Minute) },
			time.Second:       func() bool { return m.Semaphore("s", 1).AcquireTimeout(time.Second) },
			5*time.Second + 1: m.Lock("l").TryLock,
			5*time.Second + 2: m.Semaphore("s", 1).TryAcquire,
			5*time.Second + 3: func() bool { return m.Lock("l").LockTimeout(0) },
		} {
			began := time.Now()
			if form() {
				t.Error("it was granted")
			}
			if took := time.Since(began); took < limit-100*time.Millisecond || took > limit+100*time.Millisecond {
				t.Errorf("gave up after %v, want %v", took, limit)
			}
		}
		// Forms with an error say it.
		if err := m.Lock("l").LockContext(background); !errors.Is(err, manager.ErrQuota) {
			t.Error(err)
		}
		if err := m.Semaphore("s", 1).AcquireContext(background); !errors.Is(err, manager.ErrQuota) {
			t.Error(err)
		}
		if err := manager.NewQueue[int](m, "q", 0).Put(1); !errors.Is(err, manager.ErrQuota) {
			t.Error(err)
		}
	})
}

// A call that has a session's end in it goes on, unless its own limit is over; what is unknown is told, not repeated.
func TestWhatIsUnknownIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, f := newFlaky(t, manager.ErrUnknown, 1)
		defer m.Close()
		q := manager.NewQueue[int](m, "q", 0)
		if err := q.Put(1); !errors.Is(err, manager.ErrUnknown) || !q.Empty() {
			t.Error(err)
		}
		f.err = &backend.Error{Text: "unknown and lost", Errs: []error{manager.ErrUnknown, manager.ErrLost}}
		f.times = 1
		if err := q.PutContext(background, 1); !errors.Is(err, manager.ErrUnknown) || !q.Empty() {
			t.Error(err)
		}
		f.err, f.times = manager.ErrLost, 3
		if err := q.Put(1); err != nil || q.Len() != 1 {
			t.Error(err)
		}
		f.times = 2
		if c, err := q.Claim(); err != nil || c.Item != 1 {
			t.Error(err)
		}
		// An Event may be set twice.
		f.err, f.times = manager.ErrUnknown, 2
		m.Event("e").Set()
		if !m.Event("e").IsSet() {
			t.Error("it is not set")
		}
	})
}

// What cluster needs of handles: the boundary tells it what they are made of.
func TestTheBoundaryDescribesHandles(t *testing.T) {
	m := opened(t, "mem:")
	defer m.Close()
	d := manager.NewDict[string, int](m, "d")
	h := backend.Describe(d)
	key, err := h.Key("k")
	if string(key) != "k" || err != nil || h.Spec.Kind != backend.KindDict || h.Spec.Name != "d" || h.Backend != backend.Of(m) || h.Codec.Name() != "json" {
		t.Errorf("%+v", h)
	}
	if _, ok := h.Object.(backend.Table); !ok {
		t.Errorf("%T", h.Object)
	}
	l := m.Lock("l")
	if backend.Describe(l).Holding() != nil {
		t.Error("it is not held")
	}
	l.Lock()
	if got := backend.Describe(l).Holding(); got.Token() != l.Token() {
		t.Error(got)
	}
	l.Unlock()
	q := manager.NewPriority(m, "q", 0, func(n int) int { return n })
	if i, err := backend.Describe(q).Item(7); string(i.Payload) != "7" || i.Level != 7 || err != nil {
		t.Error(i, err)
	}
	if _, err := backend.Describe(q).Item(700); !errors.Is(err, queue.ErrValue) {
		t.Error(err)
	}
	for _, handle := range []any{m.RLock("x"), m.Semaphore("x", 1), m.BoundedSemaphore("x", 1), m.Event("x"), m.Condition("x", nil), m.Barrier("x", 1, nil),
		m.Election("x"), m.Once("x"), m.Counter("x"), manager.NewValue[int](m, "x"), manager.NewList[int](m, "x"), manager.NewArray[int](m, "x", 1), m.Namespace("x")} {
		if h := backend.Describe(handle); h.Spec.Name != "x" {
			t.Errorf("%T: %+v", handle, h)
		}
	}
	err = backend.RemoteError(backend.FaultOf(fmt.Errorf("outer: %w", queue.ErrFull)))
	if !errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrEmpty) || err.Error() != "outer: queue: full" {
		t.Error(err)
	}
	again := backend.RemoteError(backend.FaultOf(err)) // that comes further
	var remote *manager.RemoteError
	if !errors.As(again, &remote) || remote.Type != "*fmt.wrapError" || !errors.Is(again, queue.ErrFull) {
		t.Errorf("%+v", again)
	}
}

// A backend that does not notice the death of a process at once is told by package process.
type slow struct {
	backend.Backend
	ended []int
}

func (s *slow) EndProcess(pid int) { s.ended = append(s.ended, pid) }

func TestABackendIsToldOfDeadChildren(t *testing.T) {
	m := opened(t, "mem:")
	s := &slow{Backend: backend.Of(m)}
	m = backend.NewManager(s, nil).(*manager.Manager)
	hook.ChildEnded(7)
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	hook.ChildEnded(8)
	if len(s.ended) != 1 || s.ended[0] != 7 {
		t.Error(s.ended)
	}
}

// Lost is closed before another can hold the same.
func TestLostComesBeforeTheNextHolder(t *testing.T) {
	a, b := opened(t, "mem:lost"), opened(t, "mem:lost")
	defer a.Close()
	defer b.Close()
	for range proof.Rounds(2000, 10, 2) {
		a.Lock("l").Lock()
		lost, session := a.Lock("l").Lost(), a.Lost()
		var wg sync.WaitGroup
		wg.Go(func() {
			b.Lock("l").Lock()
			if !isClosed(lost) || !isClosed(session) {
				t.Error("two hold it, and one does not know")
			}
			b.Lock("l").Unlock()
		})
		if err := b.End(background, a.ID()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		a.Lock("l").Unlock()
	}
}

func TestRegisterScheme(t *testing.T) {
	var opened atomic.Int32
	manager.RegisterScheme("test", func(ctx context.Context, addr string, o backend.Options) (backend.Backend, error) {
		opened.Add(1)
		if addr != "test:where" || o.TTL != 2*time.Second || o.Label != "me" || o.Codec.Name() != "json" {
			t.Errorf("%q, %+v", addr, o)
		}
		return nil, errors.New("not here")
	})
	if err := openErr("test:where", manager.TTL(time.Millisecond), manager.Label("me")); err == nil || err.Error() != "not here" || opened.Load() != 1 {
		t.Error(err)
	}
	for _, scheme := range []string{"test", "mem", "unix"} {
		if err := panicked(func() {
			manager.RegisterScheme(scheme, func(context.Context, string, backend.Options) (backend.Backend, error) { return nil, nil })
		}); !errors.Is(err, manager.ErrDuplicate) {
			t.Error(scheme, err)
		}
	}
	for _, f := range []func(){
		func() { manager.RegisterScheme("nil", nil) }, func() { manager.WithCodec(nil) }, func() { manager.Register[int]("nil", nil) },
		func() { manager.NewPriority[int](nil, "x", 0, nil) },
	} {
		if proof.Recovered(f) == nil {
			t.Error("nil was taken")
		}
	}
}

// What is called with a nil function panics at once, and changes nothing.
func TestNilFunctions(t *testing.T) {
	m := opened(t, "mem:")
	defer m.Close()
	c := m.Condition("c", nil)
	for name, f := range map[string]func(){
		"With":       func() { _ = m.Lock("x").With(background, nil) },
		"Run":        func() { _ = m.Election("x").Run(background, "", nil) },
		"Do":         func() { _ = m.Once("x").Do(background, nil) },
		"dict":       func() { _, _ = manager.NewDict[int, int](m, "x").Update(background, 1, nil) },
		"value":      func() { _, _ = manager.NewValue[int](m, "x").Update(background, nil) },
		"list":       func() { _, _ = manager.NewList[int](m, "x").Update(background, nil) },
		"array":      func() { _, _ = manager.NewArray[int](m, "x", 1).Update(background, 0, nil) },
		"WaitFor":    func() { c.Lock(); defer c.Unlock(); c.WaitFor(nil) },
		"WaitForCtx": func() { c.Lock(); defer c.Unlock(); _ = c.WaitForContext(background, nil) },
	} {
		if proof.Recovered(f) == nil {
			t.Errorf("%s took nil", name)
		}
	}
	if m.Lock("x").Locked() || m.RLock("c").Locked() {
		t.Error("something is held")
	}
}

var packageLevel, _ = manager.Open(context.Background(), "mem:")

// A Manager of mem: that was opened outside is used outside, in one bubble and in the next: whoever waits in a bubble is
// durably blocked, and woken from inside it.
func TestAManagerOutsideAndInOneBubbleAfterAnother(t *testing.T) {
	m := packageLevel
	use := func(t *testing.T) {
		l, s, e := m.Lock("l"), m.Semaphore("s", 0), m.Event("e")
		q := manager.NewQueue[int](m, "q", 0)
		c := m.Condition("c", nil)
		l.Lock()
		e.Clear()
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { l.Lock(); l.Unlock() })
		wg.Go(s.Acquire)
		wg.Go(e.Wait)
		wg.Go(func() { _, _ = q.Get() })
		wg.Go(func() { _, _ = m.Barrier("b", 2, nil).Wait() })
		wg.Go(func() { c.Lock(); defer c.Unlock(); c.Wait() })
		wg.Go(func() {
			if l.LockTimeout(time.Hour) || s.AcquireTimeout(time.Hour) || e.WaitTimeout(time.Hour) {
				t.Error("granted")
			}
		})
		time.Sleep(4 * time.Hour)
		l.Unlock()
		s.Release()
		e.Set()
		_ = q.Put(1)
		_, _ = m.Barrier("b", 2, nil).Wait()
		c.Lock()
		c.NotifyAll()
		c.Unlock()
		wg.Wait()
		if took := time.Since(began); took != 4*time.Hour {
			t.Errorf("it took %v", took)
		}
	}
	outside := func() {
		m.Lock("l").Lock()
		m.Lock("l").Unlock()
		if m.Lock("l2").LockTimeout(time.Millisecond); !m.Lock("l2").Locked() {
			t.Error("l2")
		}
		m.Lock("l2").LockTimeout(time.Millisecond)
		m.Lock("l2").Unlock()
	}
	outside()
	synctest.Test(t, use)
	outside()
	synctest.Test(t, use)
	outside()
}

// Contexts of others: one that is over though it has no error, one that panics.
func TestContextsOfOthers(t *testing.T) {
	for name, m := range map[string]*manager.Manager{"mem": opened(t, "mem:"), "unix": opened(t, started(t).Addr())} {
		t.Run(name, func(t *testing.T) {
			defer proof.Watch(t)()
			defer m.Close()
			m.Lock("held").Lock()
			for what, call := range map[string]func(ctx context.Context) error{
				"free":    func(ctx context.Context) error { return m.Lock("free").LockContext(ctx) },
				"held":    func(ctx context.Context) error { return m.Lock("held").LockContext(ctx) },
				"permits": func(ctx context.Context) error { return m.Semaphore("s", 0).AcquireContext(ctx) },
				"event":   func(ctx context.Context) error { return m.Event("e").WaitContext(ctx) },
				"get": func(ctx context.Context) error {
					_, err := manager.NewQueue[int](m, "q", 0).GetContext(ctx)
					return err
				},
				"dict": func(ctx context.Context) error {
					_, _, err := manager.NewDict[int, int](m, "d").Get(ctx, 1)
					return err
				},
				"with": func(ctx context.Context) error {
					return m.Lock("free").With(ctx, func(context.Context) error { return nil })
				},
				"objects": func(ctx context.Context) error {
					for _, err := range m.Objects(ctx) {
						return err
					}
					return nil
				},
			} {
				if err := call(silent{background}); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v, want context.Canceled", what, err)
				}
				for _, end := range proof.EndedContexts(errors.New("cause")) {
					ctx, want := end(t)
					if err := call(ctx); !errors.Is(err, want) {
						t.Errorf("%s: %v, want %v", what, err, want)
					}
				}
				if what == "free" || what == "dict" || what == "with" || what == "objects" {
					continue // which do not wait
				}
				ctx := &silentLater{Context: background, done: make(chan struct{})}
				timer := time.AfterFunc(time.Millisecond, func() { close(ctx.done) })
				if err := call(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v, want context.Canceled", what, err)
				}
				timer.Stop()
				if proof.Recovered(func() { _ = call(proof.Panicking{Context: background}) }) == nil {
					t.Errorf("%s: the context was not asked", what)
				}
			}
			m.Lock("held").Unlock()
			for _, l := range []string{"held", "free"} {
				if !m.Lock(l).TryLock() {
					t.Error(l, "is locked")
				}
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

type silent struct{ context.Context }

var over = make(chan struct{})

func init() { close(over) }

func (silent) Done() <-chan struct{} { return over }
func (silent) Err() error            { return nil }

type silentLater struct {
	context.Context
	done chan struct{}
}

func (s *silentLater) Done() <-chan struct{} { return s.done }
func (s *silentLater) Err() error            { return nil }

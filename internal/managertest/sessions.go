package managertest

import (
	"context"
	"strings"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
)

func init() {
	add(SessionEnds, SessionOfNobody, SessionLost, CloseFrees, CloseEndsEveryCall, CloseLeavesDeferredCallsAlone, CloseTwice,
		CloseEndsAWaitWhoseLockIsUnlockedLater, SessionLostLeavesDeferredCallsAlone, SessionLostWhileOthersTakeOver,
		NamesBelongToTheirKind, NamesThatAreFresh, NamesThatAreBad, HandlesDoNothing, Mismatches, DeleteForgets, DeleteOfWhatIsBusy,
		ObjectsTellAll, HandlesAreShared)
}

func SessionEnds(s *S) {
	a, b := s.Two()
	s.True("two sessions", a.ID() != b.ID() && a.ID() != "")
	id := a.ID()
	a.Lock(s.Name("l")).Lock()
	s.End(b, a)
	s.True("another", a.ID() != id)
	s.Is(b.End(background, id), manager.ErrNotFound)
	s.Ok(a.Counter(s.Name("c")).Set(background, 1)) // it goes on
	s.End(a, a)                                     // also its own
	s.Ok(a.Counter(s.Name("c")).Set(background, 2))
	s.Is(b.End(Ended(), a.ID()), errWhy)
}

func SessionOfNobody(s *S) {
	s.Is(s.Manager().End(background, "nobody's"), manager.ErrNotFound)
}

func SessionLost(s *S) {
	a, b := s.Two()
	first := a.Lost()
	s.True("open", !IsClosed(first))
	s.End(b, a)
	<-first
	second := a.Lost()
	s.True("of the next", !IsClosed(second))
	s.Ok(a.Close())
	<-second
	<-a.Lost()
}

// What a session held is free when Close returns.
func CloseFrees(s *S) {
	a, b := s.Two()
	a.Lock(s.Name("l")).Lock()
	a.Semaphore(s.Name("s"), 1).Acquire()
	q := manager.NewQueue[int](a, s.Name("q"), 0)
	s.Ok(q.Put(1))
	Got[*manager.Claim[int]](s)(q.Claim())
	s.Ok(a.Close())
	s.True("free", b.Lock(s.Name("l")).TryLock() && b.Semaphore(s.Name("s"), 1).TryAcquire())
	c := Got[*manager.Claim[int]](s)(manager.NewQueue[int](b, s.Name("q"), 0).TryClaim())
	s.True("back", c.Attempt == 2)
}

func CloseEndsEveryCall(s *S) {
	a, b := s.Two()
	b.Lock(s.Name("l")).Lock()
	b.RLock(s.Name("c")).Lock()
	cond := a.Condition(s.Name("cond"), nil)
	empty := manager.NewQueue[int](a, s.Name("empty"), 0, manager.Joinable())
	unfinished := manager.NewQueue[int](a, s.Name("unfinished"), 1, manager.Joinable())
	s.Ok(unfinished.Put(1))
	d := manager.NewDict[string, int](a, s.Name("d"))
	// Each panics with ErrClosed, or returns it.
	waits := []func(){
		a.Lock(s.Name("l")).Lock,
		func() { a.Lock(s.Name("l2")).LockTimeout(time.Hour) },
		a.Semaphore(s.Name("s"), 0).Acquire,
		a.Event(s.Name("e")).Wait,
		func() {
			cond.Lock()
			defer cond.Unlock() // of a lock that is not held any more
			cond.Wait()
		},
		unfinished.Join,
		func() {
			s.Is(a.RLock(s.Name("c")).LockContext(background), manager.ErrClosed)
			panic(manager.ErrClosed)
		},
		func() { _, err := empty.Get(); panic(err) },
		func() { _, err := empty.Claim(); panic(err) },
		func() { panic(unfinished.Put(2)) },
		func() { _, err := a.Barrier(s.Name("b"), 2, nil).Wait(); panic(err) },
		func() {
			for _, err := range d.Watch(background) {
				panic(err)
			}
		},
	}
	b.Lock(s.Name("l2")).Lock()
	var ended []<-chan struct{}
	for _, w := range waits {
		ended = append(ended, s.Go(func() { s.Panics(manager.ErrClosed, w) }))
	}
	for kind, names := range map[manager.Kind]map[string]int{
		manager.KindLock: {"l": 1, "l2": 1}, manager.KindRLock: {"c": 1}, manager.KindSemaphore: {"s": 1}, manager.KindEvent: {"e": 1},
		manager.KindCondition: {"cond": 1}, manager.KindQueue: {"empty": 2, "unfinished": 2}, manager.KindDict: {"d": 1},
	} {
		for name, n := range names {
			s.Waiting(b, kind, s.Name(name), n)
		}
	}
	s.Until(func() bool { return b.Barrier(s.Name("b"), 2, nil).Waiting() == 1 })
	s.Ok(a.Close())
	for _, e := range ended {
		<-e
	}
	s.True("broken", b.Barrier(s.Name("b"), 2, nil).Broken())

	for _, f := range []func(){
		func() { a.Lock("x").TryLock() }, func() { a.Lock("x").Locked() }, func() { a.RLock("x").Lock() },
		func() { a.Semaphore("x", 1).Value() }, func() { a.Semaphore("x", 1).Release() }, func() { a.BoundedSemaphore("x", 1).TryRelease() },
		a.Event("x").Set, func() { a.Event("x").IsSet() }, func() { a.Event("x").Done() },
		a.Barrier("x", 1, nil).Reset, func() { a.Barrier("x", 1, nil).Waiting() },
		func() { empty.Len() }, empty.Shutdown, func() { empty.Drain() }, func() { empty.Peek() },
		func() { panic(a.Lock("x").LockContext(background)) },
		func() { panic(a.Lock("x").LockContext(Ended())) }, // comes before the context
		func() { panic(a.Semaphore("x", 1).AcquireContext(background)) },
		func() { panic(a.Event("x").WaitContext(background)) },
		func() { panic(a.Event("x").SetContext(background)) },
		func() { panic(d.Set(background, "k", 1)) },
		func() { _, _, err := d.Get(background, "k"); panic(err) },
		func() { panic(manager.NewList[int](a, "x").Append(background, 1)) },
		func() { _, err := a.Counter("x").Add(background, 1); panic(err) },
		func() { panic(empty.Put(1)) },
		func() { panic(empty.PutKey(background, 1, "k", 1)) },
		func() { _, err := empty.TryGet(); panic(err) },
		func() { panic(a.End(background, b.ID())) },
		func() { panic(a.Delete(background, manager.KindLock, "x")) },
		func() { panic(a.Once("x").Do(background, nothing)) },
		func() { _, err := a.Election("x").Campaign(background, "v"); panic(err) },
		func() { _, _, err := a.Election("x").Leader(background); panic(err) },
		func() { _, err := deposit.Call(background, accounts.Open(a, "x"), 1); panic(err) },
		func() {
			for _, err := range a.Objects(background) {
				panic(err)
			}
		},
	} {
		s.Panics(manager.ErrClosed, f)
	}
}

func nothing(context.Context, uint64) error { return nil }

// Unlock, Release and TaskDone of what was held do nothing.
func CloseLeavesDeferredCallsAlone(s *S) {
	a, b := s.Two()
	l, r, sem, bounded := a.Lock(s.Name("l")), a.RLock(s.Name("r")), a.Semaphore(s.Name("s"), 2), a.BoundedSemaphore(s.Name("b"), 1)
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	e := a.Election(s.Name("e"))
	func() {
		l.Lock()
		defer l.Unlock()
		r.LockDepth(2)
		defer r.Unlock()
		defer r.Unlock()
		sem.AcquireN(2)
		defer sem.Release()
		defer sem.Release()
		bounded.Acquire()
		defer bounded.Release()
		s.Ok(q.Put(1))
		Got[int](s)(q.Get())
		defer q.TaskDone()
		c := a.Lock(s.Name("context"))
		c.Lock()
		defer func() { s.Is(c.UnlockContext(background), manager.ErrLost) }()
		claim := Got[*manager.Claim[int]](s)(func() (*manager.Claim[int], error) { s.Ok(q.Put(2)); return q.Claim() }())
		defer func() { s.Is(claim.Ack(background), manager.ErrLost) }()
		t := Got[*manager.Term](s)(e.Campaign(background, "v"))
		defer func() { s.Is(t.Resign(background), manager.ErrLost) }()
		s.Ok(a.Close())
		s.True("lost", IsClosed(l.Lost()) && IsClosed(r.Lost()) && IsClosed(sem.Lost()) && IsClosed(claim.Lost()) && IsClosed(t.Lost()))
	}()
	s.True("b's", b.Lock(s.Name("l")).TryLock() && b.Semaphore(s.Name("s"), 2).Value() == 2)
}

// Everything that a process holds is lost at once, and others take it, while all that gives it back is still deferred. Each
// deferred call does nothing to what the others hold; afterwards the same calls are about what is held again.
func SessionLostLeavesDeferredCallsAlone(s *S) {
	a, b := s.Two()
	l, r, sem, bounded := a.Lock(s.Name("l")), a.RLock(s.Name("r")), a.Semaphore(s.Name("s"), 2), a.BoundedSemaphore(s.Name("b"), 1)
	q, claims := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable()), manager.NewQueue[int](a, s.Name("claims"), 0)
	e := a.Election(s.Name("e"))
	s.Ok(q.Put(1), claims.Put(2))
	for range 2 {
		func() {
			l.Lock()
			defer l.Unlock()
			r.LockDepth(2)
			defer r.Unlock()
			defer r.Unlock()
			all := a.RLock(s.Name("all"))
			all.LockDepth(3)
			defer func() { Equal(s, all.UnlockAll(), 3) }()
			sem.AcquireN(2)
			defer sem.Release()
			defer sem.Release()
			bounded.Acquire()
			defer bounded.Release()
			Equal(s, Got[int](s)(q.Get()), 1)
			defer q.TaskDone()
			claim := Got[*manager.Claim[int]](s)(claims.Claim())
			defer func() { s.Is(claim.Ack(background), manager.ErrLost) }()
			context := a.Lock(s.Name("context"))
			context.Lock()
			defer func() { s.Is(context.UnlockContext(background), manager.ErrLost) }()
			term := Got[*manager.Term](s)(e.Campaign(background, "v"))
			defer func() { s.Is(term.Resign(background), manager.ErrLost) }()

			s.End(b, a)
			for _, lost := range []<-chan struct{}{l.Lost(), r.Lost(), all.Lost(), sem.Lost(), bounded.Lost(), claim.Lost(), context.Lost(), term.Lost()} {
				<-lost
			}
			for _, name := range []string{"l", "context"} {
				b.Lock(s.Name(name)).Lock()
			}
			for _, name := range []string{"r", "all"} {
				b.RLock(s.Name(name)).Lock()
			}
			b.Semaphore(s.Name("s"), 2).AcquireN(2)
			b.BoundedSemaphore(s.Name("b"), 1).Acquire()
		}()
		s.True("b's locks", b.Lock(s.Name("l")).Locked() && b.Lock(s.Name("context")).Locked())
		s.True("b's rlocks", b.RLock(s.Name("r")).Depth() == 1 && !r.TryLock() && b.RLock(s.Name("all")).Depth() == 1)
		s.True("b's permits", b.Semaphore(s.Name("s"), 2).Value() == 0 && !bounded.TryAcquire())
		s.True("both are back", q.Unfinished() == 1 && q.Len() == 1 && claims.Len() == 1)
		b.Lock(s.Name("l")).Unlock()
		b.Lock(s.Name("context")).Unlock()
		b.RLock(s.Name("r")).Unlock()
		b.RLock(s.Name("all")).Unlock()
		b.Semaphore(s.Name("s"), 2).ReleaseN(2)
		b.BoundedSemaphore(s.Name("b"), 1).Release()
		s.True("no debt is left", sem.Value() == 2 && bounded.Value() == 1)
	}
	l.Lock()
	l.Unlock()
	s.True("free", !b.Lock(s.Name("l")).Locked())
	sem.Acquire()
	sem.Release()
	Equal(s, b.Semaphore(s.Name("s"), 2).Value(), 2)
	s.Panics(semaphore.ErrOverRelease, bounded.Release)
	s.Panics(lock.ErrNotLocked, l.Unlock)
	s.Panics(rlock.ErrNotOwner, r.Unlock)
	s.Panics(queue.ErrTaskDone, q.TaskDone)
}

// What a body works on goes to another when the session is lost, and the loop goes on under the next session.
func SessionLostWhileOthersTakeOver(s *S) {
	a, b := s.Two()
	q, other := manager.NewQueue[int](a, s.Name("q"), 0), manager.NewQueue[int](b, s.Name("q"), 0)
	s.Ok(q.Put(1), q.Put(2))
	var seen []int
	for n := range q.Tasks() {
		if seen = append(seen, n); n == 1 {
			s.End(b, a)
			c := Got[*manager.Claim[int]](s)(other.Claim())
			s.True("1, again", c.Item == 1 && c.Attempt == 2)
			defer func() { s.Ok(c.Ack(background)) }()
			continue
		}
		break
	}
	Equal(s, seen, []int{1, 2})
	Equal(s, other.Unfinished(), 1) // b's
}

// After a wait that only the end of its Manager has ended, the lock is not held, and its deferred release does nothing.
func CloseEndsAWaitWhoseLockIsUnlockedLater(s *S) {
	a, b := s.Two()
	for _, unlock := range []func(l *manager.RLock){
		func(l *manager.RLock) { l.Unlock() },
		func(l *manager.RLock) { Equal(s, l.UnlockAll(), 0) },
		func(l *manager.RLock) { s.Is(l.UnlockContext(background), manager.ErrClosed) },
	} {
		m := s.Manager()
		c, l := m.Condition(s.Name("c"), nil), m.RLock(s.Name("c"))
		waited := s.Go(func() {
			l.Lock()
			defer unlock(l)
			s.Panics(manager.ErrClosed, c.Wait)
		})
		s.Waiting(b, manager.KindCondition, s.Name("c"), 1)
		s.Ok(m.Close())
		<-waited
	}
	s.True("free", a.RLock(s.Name("c")).TryLock())
}

func CloseTwice(s *S) {
	a := s.Manager()
	s.Ok(a.Close(), a.Close())
}

func NamesBelongToTheirKind(s *S) {
	a := s.Manager()
	name := s.Name("a")
	a.Lock(name).Lock()
	s.True("an RLock", a.RLock(name).TryLock(), "a semaphore", a.Semaphore(name, 1).TryAcquire(), "a bounded one", a.BoundedSemaphore(name, 2).TryAcquire())
	a.Event(name).Set()
	s.Ok(manager.NewQueue[int](a, name, 0).Put(1), manager.NewDict[string, int](a, name).Set(background, "", 2),
		manager.NewValue[int](a, name).Set(background, 3), a.Counter(name).Set(background, 4), manager.NewList[int](a, name).Append(background, 5),
		manager.NewArray[int](a, name, 1).Set(background, 0, 6))
	Equal(s, Got[int](s)(manager.NewValue[int](a, name).Get(background)), 3)
	Equal(s, Got[int64](s)(a.Counter(name).Get(background)), 4)
	Equal(s, Got[int](s)(manager.NewList[int](a, name).Get(background, 0)), 5)
	Equal(s, Got[int](s)(manager.NewArray[int](a, name, 1).Get(background, 0)), 6)
}

func NamesThatAreFresh(s *S) {
	a, b := s.Two()
	seen := map[string]bool{}
	for range 10 {
		for _, o := range []interface{ Name() string }{
			a.Lock(""), a.RLock(""), a.Semaphore("", 1), a.Event(""), a.Barrier("", 1, nil), a.Election(""), a.Once(""), a.Counter(""),
			a.Condition("", nil), manager.NewDict[int, int](a, ""), manager.NewQueue[int](a, "", 0),
		} {
			s.True("fresh", o.Name() != "" && !seen[o.Name()])
			seen[o.Name()] = true
		}
	}
	q := manager.NewQueue[string](a, "", 0)
	s.Ok(q.Put("x"))
	Equal(s, Got[string](s)(manager.NewQueue[string](b, q.Name(), 0).Get()), "x")
}

func NamesThatAreBad(s *S) {
	a := s.Manager()
	s.Panics(manager.ErrValue, func() { a.Lock("a\x00b") })
	s.Panics(manager.ErrValue, func() { a.Event(strings.Repeat("x", 2000)) })
	s.Panics(manager.ErrValue, func() { manager.Attr[int](a.Namespace(s.Name("n")), "a\x00b") })
	for _, name := range []string{s.Name("a/b"), s.Name("%"), s.Name(" "), s.Name("ключ"), s.Name("\xff"), s.Name("..")} {
		e := a.Event(name)
		e.Set()
		s.True(name, e.IsSet() && s.waiters(a, manager.KindEvent, name) == 0)
	}
}

// A handle costs nothing until it is used.
func HandlesDoNothing(s *S) {
	a := s.Manager()
	a.Lock(s.Name("x"))
	a.Condition(s.Name("x"), nil)
	manager.NewQueue[int](a, s.Name("x"), 0)
	manager.NewDict[int, int](a, s.Name("x"))
	accounts.Open(a, s.Name("x"))
	for i, err := range a.Objects(background) {
		if err != nil || strings.HasPrefix(i.Name, s.Name("")) {
			s.Error(i, err)
		}
	}
	s.Ok(a.Close())
	a.Lock(s.Name("x")) // nor then
	a.Event(s.Name("x"))
}

func HandlesAreShared(s *S) {
	a := s.Manager()
	a.Semaphore(s.Name("s"), 1).Acquire()
	a.Semaphore(s.Name("s"), 1).Release()
	q := manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable())
	s.Ok(q.Put(1))
	Got[int](s)(q.Get())
	manager.NewQueue[int](a, s.Name("q"), 0, manager.Joinable()).TaskDone()
	a.RLock(s.Name("r")).Lock()
	Equal(s, a.RLock(s.Name("r")).Depth(), 1)
	a.RLock(s.Name("r")).Unlock()
}

func Mismatches(s *S) {
	a, b := s.Two()
	n := s.Name("x")
	a.Semaphore(n, 3).Value()
	a.BoundedSemaphore(n, 3).Value()
	a.Barrier(n, 3, nil).Waiting()
	for f, text := range map[*func()]string{
		ref(func() { b.Semaphore(n, 4).TryAcquire() }):        "n = 3, not 4",
		ref(func() { b.BoundedSemaphore(n, 4).TryAcquire() }): "n = 3, not 4",
		ref(func() { b.Barrier(n, 4, nil).Waiting() }):        "parties = 3, not 4",
	} {
		func() {
			defer func() {
				err, _ := recover().(error)
				s.Is(err, manager.ErrMismatch)
				if err == nil || !strings.Contains(err.Error(), text) {
					s.Errorf("%v: want both values: %s", err, text)
				}
				if strings.HasPrefix(text, "n =") && !strings.Contains(err.Error(), "Resize") {
					s.Errorf("%v: want the remedy", err)
				}
			}()
			(*f)()
		}()
	}
	_, err := b.Barrier(n, 2, nil).Wait()
	s.Is(err, manager.ErrMismatch)
	s.Is(b.Semaphore(n, 2).AcquireContext(background), manager.ErrMismatch)
	s.Is(b.Semaphore(n, 2).ReleaseContext(background), manager.ErrMismatch)
	s.True("unchanged", a.Semaphore(n, 3).Value() == 3 && a.Barrier(n, 3, nil).Waiting() == 0)
}

func ref(f func()) *func() { return &f }

func DeleteForgets(s *S) {
	a, b := s.Two()
	n := s.Name("x")
	s.Is(a.Delete(background, manager.KindQueue, n), manager.ErrNotFound)
	q := manager.NewQueue[int](a, n, 3)
	s.Ok(q.Put(1), q.Put(2))
	s.Ok(b.Delete(background, manager.KindQueue, n))
	s.Is(b.Delete(background, manager.KindQueue, n), manager.ErrNotFound)
	s.True("made again", q.Empty() && q.Cap() == 3)
	s.Ok(b.Delete(background, manager.KindQueue, n))
	s.Ok(manager.NewLIFO[int](b, n, 7).Put(1)) // as something else
	a.Event(n).Set()
	s.Ok(b.Delete(background, manager.KindEvent, n))
	s.True("clear", !a.Event(n).IsSet())
	sem := a.Semaphore(n, 2)
	sem.Acquire()
	sem.Release()
	s.Ok(a.Delete(background, manager.KindSemaphore, n))
	Equal(s, b.Semaphore(n, 5).Value(), 5)
	s.Ok(a.Once(n).Do(background, nothing), a.Delete(background, manager.KindOnce, n))
	done := false
	s.Ok(b.Once(n).Do(background, func(context.Context, uint64) error { done = true; return nil }))
	s.True("once more", done)
	for range 3 {
		a.Lock(n).Lock()
		a.Lock(n).Unlock()
		s.Ok(a.Delete(background, manager.KindLock, n))
	}
	s.Is(a.Delete(Ended(), manager.KindLock, n), errWhy)
	s.Is(a.Delete(background, "nonsense", n), manager.ErrNotFound)
}

func DeleteOfWhatIsBusy(s *S) {
	a, b := s.Two()
	n := s.Name("x")
	busy := func(kind manager.Kind) {
		s.Helper()
		s.Is(b.Delete(background, kind, n), manager.ErrBusy)
	}
	a.Lock(n).Lock()
	busy(manager.KindLock)
	a.Semaphore(n, 1).Acquire()
	busy(manager.KindSemaphore)
	q := manager.NewQueue[int](a, n, 0)
	getter := s.Go(func() { Equal(s, Got[int](s)(q.Get()), 1) })
	s.Waiting(b, manager.KindQueue, n, 1)
	busy(manager.KindQueue)
	s.Ok(q.Put(1), q.Put(2))
	<-getter
	c := Got[*manager.Claim[int]](s)(q.Claim())
	busy(manager.KindQueue)
	s.Ok(c.Ack(background))
	waiter := s.Go(a.Event(n).Wait)
	s.Waiting(b, manager.KindEvent, n, 1)
	busy(manager.KindEvent)
	a.Event(n).Set()
	<-waiter
	party := s.Go(func() { _, err := a.Barrier(n, 2, nil).Wait(); s.Is(err, barrier.ErrBroken) })
	s.Until(func() bool { return b.Barrier(n, 2, nil).Waiting() == 1 })
	busy(manager.KindBarrier)
	b.Barrier(n, 2, nil).Abort()
	<-party
	a.Lock(n).Unlock()
	a.Semaphore(n, 1).Release()
	for _, kind := range []manager.Kind{manager.KindLock, manager.KindSemaphore, manager.KindQueue, manager.KindEvent, manager.KindBarrier} {
		s.Until(func() bool { return b.Delete(background, kind, n) == nil }) // the last calls are about to leave
	}
	s.Panics(lock.ErrNotLocked, a.Lock(n).Unlock)
	_, err := q.TryGet()
	s.Is(err, queue.ErrEmpty)
}

func ObjectsTellAll(s *S) {
	a, b := s.Manager(manager.Label("the first")), s.Manager(manager.Label("the second"))
	n := s.Name("x")
	before := time.Now()
	a.Lock(n).Lock()
	waits := s.Go(b.Lock(n).Lock)
	s.Waiting(a, manager.KindLock, n, 1)
	i := s.Info(b, manager.KindLock, n)
	holds := i.Holders[0]
	s.True("the holder", len(i.Holders) == 1 && holds.Session == a.ID() && holds.Label == "the first" && holds.Token == a.Lock(n).Token())
	s.True("since", !holds.Since.Before(before.Add(-time.Second)) && !holds.Since.After(time.Now().Add(time.Second)))
	w := i.Waiters[0]
	s.True("the waiter", w.Session == b.ID() && w.Label == "the second" && w.Token == 0 && i.Len == 1)
	a.Lock(n).Unlock()
	<-waits
	b.Lock(n).Unlock()
	Equal(s, len(s.Info(a, manager.KindLock, n).Holders), 0)

	q := manager.NewQueue[int](a, n, 0)
	s.Ok(q.Put(1), q.Put(2))
	c := Got[*manager.Claim[int]](s)(q.Claim())
	i = s.Info(a, manager.KindQueue, n)
	s.True("a queue", i.Len == 1 && len(i.Holders) == 1 && i.Holders[0].Token == c.Token)
	s.Ok(manager.NewDict[string, int](a, n).Set(background, "k", 1))
	s.Ok(manager.NewList[int](a, n).Append(background, 1, 2, 3))
	a.Semaphore(n, 5).AcquireN(2)
	a.Event(n).Set()
	for kind, want := range map[manager.Kind]int{manager.KindDict: 1, manager.KindList: 3, manager.KindSemaphore: 3, manager.KindEvent: 1} {
		Equal(s, s.Info(b, kind, n).Len, want)
	}
	for _, err := range a.Objects(Ended()) {
		s.Is(err, errWhy)
	}
	for range a.Objects(background) {
		break
	}
}

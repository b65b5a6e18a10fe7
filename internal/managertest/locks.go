package managertest

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/rlock"
)

func init() {
	add(LockExcludesProcesses, LockForms, LockOfAnotherProcessIsNotUnlocked, LockTokensGrow, LockLost,
		LockIsHeldUntilItsUnlockThoughItWasLost, LockThatWasTriedAndIsLost,
		LockOfTheDeadIsFree, LockWaiterThatDiesIsServedNothing, LockWith,
		LockWithThatIsLost, LockIsOfTheProcess, LockNeighboursWait, LockIsHandedOnOnlyIfNobodyElseWaits, LockGivenUpLeavesNoTrace, LockGoesToAll, LockGoesByArrival,
		RLockIsReentrant, RLockOwnerIsAGoroutine, RLockDepth, RLockExcludesProcesses, RLockThatIsLost,
		ElectionHasOneLeader, ElectionRun, ElectionRunThatLosesItsTerm, ElectionWatch, ElectionResign, ElectionLostTermKeepsNeighboursOut,
		OnceSucceedsOnce, OnceFailsAndRunsAgain, OnceOfTheDeadRunsAgain, OnceThatIsLost)
}

func LockExcludesProcesses(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	la, lb := a.Lock(name), b.Lock(name)
	Equal(s, la.Name(), name)
	s.True("free", !la.Locked())
	la.Lock()
	s.True("seen by both", la.Locked() && lb.Locked(), "held", !lb.TryLock())
	acquired := s.Go(lb.Lock)
	s.Waiting(a, manager.KindLock, name, 1)
	la.Unlock()
	<-acquired
	s.True("still locked", la.Locked(), "not by a", !la.TryLock())
	lb.Unlock()
	s.True("free at last", !la.Locked() && !lb.Locked())
}

func LockForms(s *S) {
	a, b := s.Two()
	la, lb := a.Lock(s.Name("l")), b.Lock(s.Name("l"))
	forms := map[string]func() bool{
		"Lock":                 func() bool { la.Lock(); return true },
		"TryLock":              la.TryLock,
		"LockTimeout":          func() bool { return la.LockTimeout(time.Hour) },
		"LockTimeout, nothing": func() bool { return la.LockTimeout(0) },
		"LockTimeout, less":    func() bool { return la.LockTimeout(math.MinInt64) },
		"LockTimeout, forever": func() bool { return la.LockTimeout(math.MaxInt64) },
		"LockContext":          func() bool { return la.LockContext(background) == nil },
	}
	for name, form := range forms {
		if !form() || !la.Locked() {
			s.Errorf("%s of a free lock", name)
		}
		la.Unlock()
	}
	lb.Lock()
	s.True("TryLock", !la.TryLock(), "0", !la.LockTimeout(0), "less", !la.LockTimeout(-1), "timeout", !la.LockTimeout(within))
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(la.LockContext(ctx), errWhy)
	s.Is(la.LockContext(Ended()), errWhy)
	lb.Unlock()
	s.Is(la.LockContext(Ended()), errWhy) // also if it is free
	s.True("nothing was locked", !la.Locked() && la.TryLock())
	s.Is(la.UnlockContext(Ended()), errWhy)
	s.True("it is still held", la.Locked() && la.Token() != 0)
	s.Ok(la.UnlockContext(background))
	s.True("free", !lb.Locked())
}

func LockOfAnotherProcessIsNotUnlocked(s *S) {
	a, b := s.Two()
	la, lb := a.Lock(s.Name("l")), b.Lock(s.Name("l"))
	s.Panics(lock.ErrNotLocked, la.Unlock)
	la.Lock()
	s.Panics(lock.ErrNotLocked, lb.Unlock)
	s.Panics(lock.ErrNotLocked, func() { _ = lb.UnlockContext(background) })
	s.True("still locked", lb.Locked() && !lb.TryLock())
	la.Unlock()
	s.Panics(lock.ErrNotLocked, la.Unlock)
}

func LockTokensGrow(s *S) {
	a, b := s.Two()
	locks := []*manager.Lock{a.Lock(s.Name("l")), b.Lock(s.Name("l"))}
	var last uint64
	for i := range 10 {
		l := locks[i%2]
		Equal(s, l.Token(), 0)
		l.Lock()
		if t := l.Token(); t <= last {
			s.Errorf("token %d after %d", t, last)
		} else {
			last = t
		}
		l.Unlock()
	}
	r := a.RLock(s.Name("r"))
	r.Lock()
	first := r.Token()
	r.Unlock()
	r.Lock()
	s.True("an RLock's too", first != 0 && r.Token() > first)
	r.Unlock()
}

func LockLost(s *S) {
	a, b := s.Two()
	l := a.Lock(s.Name("l"))
	before := l.Lost()
	l.Lock()
	held := l.Lost()
	l.Unlock()
	after := l.Lost()
	s.End(b, a)
	s.True("before Lock", !IsClosed(before), "of a holding that was unlocked", !IsClosed(held), "after Unlock", !IsClosed(after))
	l.Lock()
	lost := l.Lost()
	s.End(b, a)
	<-lost
	l.Unlock()
	s.True("after the Unlock of one that was lost", !IsClosed(l.Lost()))
}

func LockIsHeldUntilItsUnlockThoughItWasLost(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	la, lb := a.Lock(name), b.Lock(name)
	la.Lock()
	neighbour := s.Go(la.Lock) // waits in the process
	s.End(b, a)
	<-la.Lost()
	s.True("others can have it", lb.TryLock())
	s.True("nobody here", !la.TryLock() && !a.Lock(name).LockTimeout(within), "it looks locked", la.Locked())
	s.True("the old token", la.Token() != 0 && la.Token() < lb.Token())
	s.Is(la.UnlockContext(background), manager.ErrLost)
	s.True("b's holding was not unlocked", lb.Locked(), "the neighbour waits for b", !IsClosed(neighbour))
	lb.Unlock()
	<-neighbour
	s.True("under the new session", !IsClosed(la.Lost()) && !lb.TryLock())
	s.End(b, a)
	func() { // deferred, as most Unlocks are
		defer la.Unlock()
		s.True("lost again", lb.TryLock())
	}()
	s.True("b's", lb.Locked())
	lb.Unlock()
	s.True("free", !la.Locked() && la.TryLock())
	la.Unlock()
}

// A TryLock leaves the gate to its neighbours. They do not ask while somebody is inside: when that one is lost, they would
// have a lock with which they could not go inside.
func LockThatWasTriedAndIsLost(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	la, lb := a.Lock(name), b.Lock(name)
	s.True("free", la.TryLock())
	neighbour := s.Go(la.Lock)
	s.Settle()
	s.End(b, a)
	<-la.Lost()
	s.Settle()
	s.True("others can have it", lb.TryLock(), "the neighbour waits", !IsClosed(neighbour))
	la.Unlock()
	s.True("b's", lb.Locked() && !IsClosed(neighbour))
	lb.Unlock()
	<-neighbour
	s.True("under the new session", !IsClosed(la.Lost()) && !lb.TryLock())
	la.Unlock()
	s.True("free", !lb.Locked())
}

func LockOfTheDeadIsFree(s *S) {
	a, b := s.Two()
	la, lb := a.Lock(s.Name("l")), b.Lock(s.Name("l"))
	la.Lock()
	acquired := s.Go(lb.Lock)
	s.Waiting(b, manager.KindLock, lb.Name(), 1)
	s.Dies(a)
	<-acquired
	s.True("no trace", s.waiters(b, manager.KindLock, lb.Name()) == 0)
	lb.Unlock()
}

func LockWaiterThatDiesIsServedNothing(s *S) {
	a, b := s.Two()
	c := s.Manager()
	name := s.Name("l")
	a.Lock(name).Lock()
	died := s.Go(func() { s.Is(b.Lock(name).LockContext(background), manager.ErrClosed) })
	s.Waiting(a, manager.KindLock, name, 1)
	acquired := s.Go(c.Lock(name).Lock)
	s.Waiting(a, manager.KindLock, name, 2)
	s.Dies(b)
	<-died
	s.Waiting(a, manager.KindLock, name, 1)
	a.Lock(name).Unlock()
	<-acquired
	c.Lock(name).Unlock()
	s.True("free", a.Lock(name).TryLock())
}

func LockWith(s *S) {
	a, b := s.Two()
	la, lb := a.Lock(s.Name("l")), b.Lock(s.Name("l"))
	type key struct{}
	ctx := context.WithValue(background, key{}, "v")
	s.Is(la.With(ctx, func(ctx context.Context) error {
		s.True("held", lb.Locked() && la.Token() != 0, "its values", ctx.Value(key{}) == "v", "alive", ctx.Err() == nil)
		return errWhy
	}), errWhy)
	s.True("released", !lb.Locked())
	s.Ok(la.With(ctx, func(context.Context) error { return nil }))
	s.Panics(errWhy, func() { _ = la.With(ctx, func(context.Context) error { panic(errWhy) }) })
	s.True("released by a panic", !lb.Locked())
	s.Is(la.With(Ended(), func(context.Context) error { s.Error("called"); return nil }), errWhy)
	ctx, cancel := context.WithCancelCause(ctx)
	s.Is(la.With(ctx, func(ctx context.Context) error {
		cancel(errWhy)
		<-ctx.Done()
		return context.Cause(ctx)
	}), errWhy)
	s.True("released in the end", !lb.Locked())
}

func LockWithThatIsLost(s *S) {
	a, b := s.Two()
	l := a.Lock(s.Name("l"))
	err := l.With(background, func(ctx context.Context) error {
		s.Go(func() { s.End(b, a) })
		<-ctx.Done()
		s.Is(context.Cause(ctx), manager.ErrLost)
		return errWhy
	})
	s.Is(err, manager.ErrLost)
	s.Is(err, errWhy)
	s.Is(l.With(background, func(context.Context) error { s.End(b, a); return nil }), manager.ErrLost)
	s.Ok(l.With(background, func(context.Context) error { return nil }))
}

func LockIsOfTheProcess(s *S) {
	a := s.Manager()
	name := s.Name("l")
	a.Lock(name).Lock()
	s.True("one lock", a.Lock(name).Locked() && !a.Lock(name).TryLock())
	<-s.Go(a.Lock(name).Unlock) // another goroutine, another handle
	s.True("free", a.Lock(name).TryLock())
	a.Lock(name).Unlock()
}

// Goroutines of one process line up: only one of them asks the server.
func LockNeighboursWait(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	b.Lock(name).Lock()
	var inside atomic.Int32
	var ended []<-chan struct{}
	for range 8 {
		ended = append(ended, s.Go(func() {
			l := a.Lock(name)
			l.Lock()
			s.True("alone", inside.Add(1) == 1)
			inside.Add(-1)
			l.Unlock()
		}))
	}
	s.Waiting(b, manager.KindLock, name, 1)
	b.Lock(name).Unlock()
	for _, e := range ended {
		<-e
	}
	s.True("free", !b.Lock(name).Locked())
}

// Neighbours who hand it to each other do not keep it from other processes.
func LockIsHandedOnOnlyIfNobodyElseWaits(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	var stop atomic.Bool
	var ended []<-chan struct{}
	for range 3 {
		ended = append(ended, s.Go(func() {
			for !stop.Load() {
				a.Lock(name).Lock()
				a.Lock(name).Unlock()
			}
		}))
	}
	for range 5 {
		b.Lock(name).Lock()
		b.Lock(name).Unlock()
	}
	stop.Store(true)
	for _, e := range ended {
		<-e
	}
}

func LockGivenUpLeavesNoTrace(s *S) {
	a, b := s.Two()
	name := s.Name("l")
	a.Lock(name).Lock()
	ctx, cancel := context.WithCancelCause(background)
	gaveUp := s.Go(func() { s.Is(b.Lock(name).LockContext(ctx), errWhy) })
	s.Waiting(a, manager.KindLock, name, 1)
	cancel(errWhy)
	<-gaveUp
	s.Waiting(a, manager.KindLock, name, 0)
	s.True("not by time", !b.Lock(name).LockTimeout(within))
	s.Waiting(a, manager.KindLock, name, 0)
	a.Lock(name).Unlock()
	s.True("free", a.Lock(name).TryLock())
}

// Everybody who waits gets the lock, whoever gives up.
func LockGoesToAll(s *S) {
	name := s.Name("l")
	a := s.Manager()
	a.Lock(name).Lock()
	var served, ended atomic.Int32
	const n = 6
	for i := range n {
		m := s.Manager()
		s.Go(func() {
			defer ended.Add(1)
			if i%3 == 2 {
				if m.Lock(name).LockTimeout(within) {
					m.Lock(name).Unlock()
				}
				return
			}
			m.Lock(name).Lock()
			served.Add(1)
			m.Lock(name).Unlock()
		})
	}
	s.Until(func() bool { return s.waiters(a, manager.KindLock, name) == n-n/3 })
	a.Lock(name).Unlock()
	s.Until(func() bool { return ended.Load() == n })
	Equal(s, served.Load(), n-n/3)
	s.True("free", !a.Lock(name).Locked())
}

// Where nobody barges, whoever came first has it first.
func LockGoesByArrival(s *S) {
	if s.Barging {
		return
	}
	name := s.Name("l")
	a := s.Manager()
	a.Lock(name).Lock()
	const n = 5
	served := make(chan int, n)
	for i := range n {
		l := s.Manager().Lock(name)
		s.Go(func() {
			l.Lock()
			served <- i
			l.Unlock()
		})
		s.Waiting(a, manager.KindLock, name, i+1)
	}
	a.Lock(name).Unlock()
	for i := range n {
		Equal(s, <-served, i)
	}
}

func RLockIsReentrant(s *S) {
	a, b := s.Two()
	ra, rb := a.RLock(s.Name("r")), b.RLock(s.Name("r"))
	for depth := 1; depth <= 3; depth++ {
		ra.Lock()
		Equal(s, ra.Depth(), depth)
	}
	s.True("TryLock", ra.TryLock(), "timeout", ra.LockTimeout(0), "another handle", a.RLock(s.Name("r")).TryLock())
	s.Ok(ra.LockContext(background))
	s.Is(ra.LockContext(Ended()), errWhy)
	Equal(s, ra.Depth(), 7)
	for ra.Depth() > 1 {
		ra.Unlock()
		s.True("held", rb.Locked() && !rb.TryLock())
	}
	s.Ok(ra.UnlockContext(background))
	s.True("free", !ra.Owned() && !rb.Locked() && rb.TryLock())
	rb.Unlock()
	s.Panics(rlock.ErrNotOwner, ra.Unlock)
	s.Panics(rlock.ErrNotOwner, func() { _ = ra.UnlockContext(background) })
	s.Panics(rlock.ErrNotOwner, func() { ra.UnlockAll() })
}

func RLockOwnerIsAGoroutine(s *S) {
	a := s.Manager()
	r := a.RLock(s.Name("r"))
	r.Lock()
	<-s.Go(func() {
		s.True("not its own", !r.Owned() && r.Depth() == 0 && r.Locked() && !r.TryLock())
		s.Panics(rlock.ErrNotOwner, r.Unlock)
	})
	acquired := s.Go(func() { r.Lock(); r.Unlock() })
	r.Unlock()
	<-acquired
	s.True("free", !r.Locked())
}

func RLockDepth(s *S) {
	a, b := s.Two()
	r := a.RLock(s.Name("r"))
	r.LockDepth(0)
	s.True("nothing", !r.Locked())
	r.LockDepth(3)
	r.Lock()
	Equal(s, r.UnlockAll(), 4)
	s.True("free", !b.RLock(s.Name("r")).Locked())
	r.LockDepth(4)
	Equal(s, r.Depth(), 4)
	Equal(s, r.UnlockAll(), 4)
}

func RLockExcludesProcesses(s *S) {
	a, b := s.Two()
	name := s.Name("r")
	a.RLock(name).Lock()
	a.RLock(name).Lock()
	acquired := s.Go(b.RLock(name).Lock)
	s.Waiting(a, manager.KindRLock, name, 1)
	a.RLock(name).Unlock()
	s.True("not with the first Unlock", !IsClosed(acquired) && s.waiters(a, manager.KindRLock, name) == 1)
	a.RLock(name).Unlock()
	<-acquired
}

func RLockThatIsLost(s *S) {
	a, b := s.Two()
	name := s.Name("r")
	r := a.RLock(name)
	r.LockDepth(2)
	s.End(b, a)
	<-r.Lost()
	s.True("still its own here", r.Owned() && r.Depth() == 2, "free elsewhere", b.RLock(name).TryLock())
	<-s.Go(func() { s.True("nobody here", !r.TryLock()) })
	s.Ok(r.UnlockContext(background)) // the inner one
	s.Is(r.UnlockContext(background), manager.ErrLost)
	s.True("b has it", b.RLock(name).Locked() && !r.TryLock())
	b.RLock(name).Unlock()
	r.Lock()
	r.Unlock()
}

func ElectionHasOneLeader(s *S) {
	a, b := s.Two()
	ea, eb := a.Election(s.Name("e")), b.Election(s.Name("e"))
	_, _, err := ea.Leader(background)
	s.Is(err, manager.ErrNotFound)
	first := Got[*manager.Term](s)(ea.Campaign(background, "A"))
	leader, token, err := eb.Leader(background)
	s.Ok(err)
	s.True("A leads", leader == "A" && token == first.Token() && token != 0)
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	_, err = eb.Campaign(ctx, "B")
	s.Is(err, errWhy)
	_, err = eb.Campaign(Ended(), "B")
	s.Is(err, errWhy)
	var second *manager.Term
	elected := s.Go(func() { second = Got[*manager.Term](s)(eb.Campaign(background, "B")) })
	s.Waiting(a, manager.KindElection, ea.Name(), 1)
	s.Ok(first.Resign(background))
	<-elected
	leader, token, err = ea.Leader(background)
	s.Ok(err)
	s.True("B leads", leader == "B" && token == second.Token() && token > first.Token())
	s.Dies(b)
	s.Until(func() bool { _, _, err := ea.Leader(background); return errors.Is(err, manager.ErrNotFound) })
}

func ElectionResign(s *S) {
	a, b := s.Two()
	e := a.Election(s.Name("e"))
	t := Got[*manager.Term](s)(e.Campaign(background, "A"))
	s.Is(t.Resign(Ended()), errWhy)
	_, _, err := e.Leader(background)
	s.Ok(err)
	s.Ok(t.Resign(background), t.Resign(background))
	s.End(b, a)
	s.True("never lost", !IsClosed(t.Lost()))
	t = Got[*manager.Term](s)(e.Campaign(background, "A"))
	s.End(b, a)
	<-t.Lost()
	for range 2 {
		s.Is(t.Resign(background), manager.ErrLost)
	}
}

func ElectionRun(s *S) {
	a := s.Manager()
	e := a.Election(s.Name("e"))
	s.Is(e.Run(background, "A", func(_ context.Context, t *manager.Term) error {
		v, token, err := e.Leader(background)
		s.True("leads", v == "A" && token == t.Token() && err == nil)
		return errWhy
	}), errWhy)
	_, _, err := e.Leader(background)
	s.Is(err, manager.ErrNotFound)
	s.Is(e.Run(Ended(), "A", func(context.Context, *manager.Term) error { s.Error("called"); return nil }), errWhy)
	s.Panics(errWhy, func() {
		_ = e.Run(background, "A", func(context.Context, *manager.Term) error { panic(errWhy) })
	})
	_, _, err = e.Leader(background)
	s.Is(err, manager.ErrNotFound)
}

func ElectionRunThatLosesItsTerm(s *S) {
	a, b := s.Two()
	e := a.Election(s.Name("e"))
	var runs, inside int
	s.Is(e.Run(background, "A", func(ctx context.Context, t *manager.Term) error {
		inside++
		defer func() { inside-- }()
		s.True("alone", inside == 1)
		if runs++; runs == 3 {
			return errWhy
		}
		s.End(b, a)
		<-ctx.Done()
		s.Is(context.Cause(ctx), manager.ErrLost)
		return nil
	}), errWhy)
	Equal(s, runs, 3)
	ctx, cancel := context.WithCancelCause(background)
	s.Is(e.Run(ctx, "A", func(ctx context.Context, t *manager.Term) error {
		s.End(b, a)
		<-ctx.Done()
		cancel(errWhy)
		return context.Cause(ctx)
	}), manager.ErrLost)
}

// A term that was lost and is not resigned keeps other candidates of the process out, though not those of others.
func ElectionLostTermKeepsNeighboursOut(s *S) {
	a, b := s.Two()
	ea, eb := a.Election(s.Name("e")), b.Election(s.Name("e"))
	t := Got[*manager.Term](s)(ea.Campaign(background, "A"))
	s.End(b, a)
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	_, err := ea.Campaign(ctx, "A2")
	s.Is(err, errWhy)
	other := Got[*manager.Term](s)(eb.Campaign(background, "B"))
	s.Ok(other.Resign(background))
	s.Is(t.Resign(background), manager.ErrLost)
	again := Got[*manager.Term](s)(ea.Campaign(background, "A2"))
	s.Ok(again.Resign(background))
}

func ElectionWatch(s *S) {
	a, b := s.Two()
	ea := a.Election(s.Name("e"))
	ctx, cancel := context.WithCancelCause(background)
	seen := make(chan string, 10)
	watched := s.Go(func() {
		for v, err := range b.Election(s.Name("e")).Watch(ctx) {
			if err != nil {
				s.Is(err, errWhy)
				return
			}
			seen <- v
		}
	})
	for _, v := range []string{"A", "B", "C"} {
		t := Got[*manager.Term](s)(ea.Campaign(background, v))
		Equal(s, <-seen, v)
		s.Ok(t.Resign(background))
	}
	cancel(errWhy)
	<-watched
}

func OnceSucceedsOnce(s *S) {
	a, b := s.Two()
	calls := 0
	do := func(m *manager.Manager) error {
		return m.Once(s.Name("o")).Do(background, func(ctx context.Context, token uint64) error {
			s.True("token", token != 0, "alive", ctx.Err() == nil)
			calls++
			return nil
		})
	}
	inside, release := make(chan struct{}), make(chan struct{})
	first := s.Go(func() {
		s.Ok(a.Once(s.Name("o")).Do(background, func(context.Context, uint64) error {
			close(inside)
			<-release
			calls++
			return nil
		}))
	})
	<-inside
	second := s.Go(func() { s.Ok(do(b)) })
	third := s.Go(func() { s.Ok(do(a)) })
	s.Waiting(a, manager.KindOnce, s.Name("o"), 1)
	close(release)
	<-first
	<-second
	<-third
	s.Ok(do(a), do(b))
	Equal(s, calls, 1)
	s.Is(b.Once(s.Name("o")).Do(Ended(), func(context.Context, uint64) error { return nil }), errWhy)
}

func OnceFailsAndRunsAgain(s *S) {
	a, b := s.Two()
	var tokens []uint64
	fail := func(how func() error) func(context.Context, uint64) error {
		return func(_ context.Context, token uint64) error {
			tokens = append(tokens, token)
			return how()
		}
	}
	s.Is(a.Once(s.Name("o")).Do(background, fail(func() error { return errWhy })), errWhy)
	s.Panics(errWhy, func() { _ = b.Once(s.Name("o")).Do(background, fail(func() error { panic(errWhy) })) })
	s.Ok(a.Once(s.Name("o")).Do(background, fail(func() error { return nil })))
	s.True("tokens grow", len(tokens) == 3 && tokens[0] < tokens[1] && tokens[1] < tokens[2])
}

func OnceOfTheDeadRunsAgain(s *S) {
	a, b := s.Two()
	inside, release := make(chan struct{}), make(chan struct{})
	s.Go(func() {
		err := a.Once(s.Name("o")).Do(background, func(ctx context.Context, _ uint64) error {
			close(inside)
			<-release
			return nil
		})
		s.True("it cannot know better", err != nil)
	})
	<-inside
	called := false
	second := s.Go(func() {
		s.Ok(b.Once(s.Name("o")).Do(background, func(context.Context, uint64) error { called = true; return nil }))
	})
	s.Waiting(b, manager.KindOnce, s.Name("o"), 1)
	s.Dies(a)
	<-second
	s.True("called again", called)
	close(release)
}

func OnceThatIsLost(s *S) {
	a, b := s.Two()
	s.Is(a.Once(s.Name("o")).Do(background, func(ctx context.Context, _ uint64) error {
		s.End(b, a)
		<-ctx.Done()
		s.Is(context.Cause(ctx), manager.ErrLost)
		return nil
	}), manager.ErrLost)
	called := false
	s.Ok(b.Once(s.Name("o")).Do(background, func(context.Context, uint64) error { called = true; return nil }))
	s.True("it was not recorded", called)
}

package managertest

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/semaphore"
)

func init() {
	add(SemaphoreForms, SemaphoreN, SemaphoreValue, SemaphoreReleasedByAnother, SemaphoreReleaseAddsWhatNobodyHolds,
		SemaphoreOfTheDead, SemaphoreThatIsLost, SemaphoreLost, SemaphoreResize, SemaphoreBounded, SemaphoreBadNumbers,
		EventSetsAndClears, EventWaits, EventDone, EventOutlivesItsSetter, EventGivesUp,
		ConditionNotifies, ConditionNotifiesExactly, ConditionGivesUp, ConditionWaitFor, ConditionOverAnRLock, ConditionNeedsTheLock,
		ConditionNotificationOfTheDeadGoesOn, SemaphoreReleaseIsOfItsOwn, BarrierActionOfTheDead,
		ConditionWithoutTime, ConditionOfTheDeadLooksAgain, ConditionThatIsLost, ConditionWhosePredicatePanics,
		BarrierMeets, BarrierActionIsTheLasts, BarrierGivesUp, BarrierOfTheDead, BarrierResets, BarrierAborts, BarrierThatIsLost,
		BarrierActionPanics, BarrierEndedContext)
}

func SemaphoreForms(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 1), b.Semaphore(s.Name("s"), 1)
	Equal(s, sa.Name(), s.Name("s"))
	for name, form := range map[string]func() bool{
		"Acquire":                 func() bool { sa.Acquire(); return true },
		"TryAcquire":              sa.TryAcquire,
		"AcquireTimeout":          func() bool { return sa.AcquireTimeout(time.Hour) },
		"AcquireTimeout, nothing": func() bool { return sa.AcquireTimeout(0) },
		"AcquireTimeout, forever": func() bool { return sa.AcquireTimeout(math.MaxInt64) },
		"AcquireContext":          func() bool { return sa.AcquireContext(background) == nil },
	} {
		if !form() || sb.Value() != 0 {
			s.Errorf("%s of a free permit", name)
		}
		sa.Release()
		Equal(s, sb.Value(), 1)
	}
	sb.Acquire()
	s.True("TryAcquire", !sa.TryAcquire(), "0", !sa.AcquireTimeout(0), "less", !sa.AcquireTimeout(-1), "time", !sa.AcquireTimeout(within))
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(sa.AcquireContext(ctx), errWhy)
	acquired := s.Go(sa.Acquire)
	s.Waiting(a, manager.KindSemaphore, sa.Name(), 1)
	s.Ok(sb.ReleaseContext(background))
	<-acquired
	s.Is(sa.ReleaseContext(Ended()), errWhy)
	Equal(s, sa.Value(), 0)
	sa.Release()
	s.Is(sa.AcquireContext(Ended()), errWhy)
	Equal(s, sa.Value(), 1)
}

func SemaphoreN(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 5), b.Semaphore(s.Name("s"), 5)
	sa.AcquireN(3)
	s.True("not so many", !sb.TryAcquireN(3) && !sb.AcquireNTimeout(3, within), "so many", sb.TryAcquireN(2))
	s.Is(sb.AcquireNContext(Ended(), 1), errWhy)
	acquired := s.Go(func() { sb.AcquireN(3) })
	s.Waiting(a, manager.KindSemaphore, sa.Name(), 1)
	sa.ReleaseN(3)
	<-acquired
	Equal(s, sa.Value(), 0)
	s.Ok(sb.ReleaseNContext(background, 5))
	Equal(s, sa.Value(), 5)
	s.Ok(sa.AcquireNContext(background, 5))
	sa.ReleaseN(5)
}

// Value is always what it began with, minus what was acquired, plus what was released.
func SemaphoreValue(s *S) {
	a, b := s.Two()
	sems := []*manager.Semaphore{a.Semaphore(s.Name("s"), 3), b.Semaphore(s.Name("s"), 3)}
	value := 3
	for i := range 40 {
		sem := sems[i%2]
		if i*7%3 == 0 {
			sem.Release()
			value++
		} else if sem.TryAcquire() {
			value--
		}
		Equal(s, sems[(i+1)%2].Value(), value)
	}
}

func SemaphoreReleasedByAnother(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 2), b.Semaphore(s.Name("s"), 2)
	sa.AcquireN(2)
	sb.Release() // takes one of a's
	Equal(s, sa.Value(), 1)
	s.Dies(a)
	s.Until(func() bool { return sb.Value() >= 2 })
	Equal(s, sb.Value(), 2)
}

// A permit that a Release has added comes back with whoever acquired it and died.
func SemaphoreReleaseAddsWhatNobodyHolds(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 0), b.Semaphore(s.Name("s"), 0)
	acquired := s.Go(sa.Acquire)
	s.Waiting(a, manager.KindSemaphore, sa.Name(), 1)
	sb.Release()
	<-acquired
	Equal(s, sb.Value(), 0)
	s.Dies(a)
	s.Until(func() bool { return sb.Value() == 1 })
}

func SemaphoreOfTheDead(s *S) {
	a, b := s.Two()
	sa, sb := a.BoundedSemaphore(s.Name("s"), 3), b.BoundedSemaphore(s.Name("s"), 3)
	sa.AcquireN(2)
	sb.Acquire()
	acquired := s.Go(func() { sb.AcquireN(2) })
	s.Waiting(b, manager.KindBoundedSemaphore, sb.Name(), 1)
	s.Dies(a)
	<-acquired
	Equal(s, sb.Value(), 0)
	sb.ReleaseN(3)
	s.Panics(semaphore.ErrOverRelease, sb.Release)
}

func SemaphoreThatIsLost(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 3), b.Semaphore(s.Name("s"), 3)
	sa.AcquireN(2)
	lost := sa.Lost()
	s.End(b, a)
	<-lost
	s.Until(func() bool { return sb.Value() == 3 })
	sa.Release()
	Equal(s, sb.Value(), 3) // the lost one
	s.Is(sa.ReleaseContext(background), manager.ErrLost)
	Equal(s, sb.Value(), 3)
	sa.Release() // and this is one more, as in Python
	Equal(s, sb.Value(), 4)

	bounded, other := a.BoundedSemaphore(s.Name("b"), 2), b.BoundedSemaphore(s.Name("b"), 2)
	bounded.AcquireN(2)
	s.End(b, a)
	s.Until(func() bool { return other.Value() == 2 })
	other.Acquire()
	s.True("absorbed", bounded.TryRelease())
	Equal(s, other.Value(), 1)
	bounded.Acquire()
	func() {
		defer bounded.Release()
		defer bounded.Release() // of the one that was lost, and then of the other
	}()
	Equal(s, other.Value(), 1)
	other.Release()
	s.True("no more", !bounded.TryRelease() && !other.TryRelease())
}

func SemaphoreLost(s *S) {
	a, b := s.Two()
	sa := a.Semaphore(s.Name("s"), 3)
	s.True("none", sa.Lost() == nil || !IsClosed(sa.Lost()))
	sa.Acquire()
	lost := sa.Lost()
	s.True("held", !IsClosed(lost))
	s.End(b, a)
	<-lost
	sa.Release()
	s.True("none again", sa.Lost() == nil || !IsClosed(sa.Lost()))
	sa.Acquire()
	s.True("under the new session", !IsClosed(sa.Lost()))
	sa.Release()
}

func SemaphoreResize(s *S) {
	a, b := s.Two()
	for name, sem := range map[string][2]interface {
		Resize(context.Context, int) error
		AcquireN(int)
		TryAcquireN(int) bool
		ReleaseN(int)
		Value() int
	}{
		"plain":   {a.Semaphore(s.Name("p"), 2), b.Semaphore(s.Name("p"), 2)},
		"bounded": {a.BoundedSemaphore(s.Name("b"), 2), b.BoundedSemaphore(s.Name("b"), 2)},
	} {
		x, y := sem[0], sem[1]
		x.AcquireN(2)
		s.Ok(y.Resize(background, 3))
		s.True(name, x.Value() == 1 && x.TryAcquireN(1))
		s.Ok(y.Resize(background, 1)) // three are out
		s.True(name, x.Value() == 0)
		x.ReleaseN(2) // are withdrawn
		s.True(name, x.Value() == 0 && !y.TryAcquireN(1))
		x.ReleaseN(1)
		s.True(name, x.Value() == 1)
		s.Is(x.Resize(Ended(), 7), errWhy)
		s.Ok(y.Resize(background, 0))
		s.True(name, x.Value() == 0)
		s.Ok(y.Resize(background, 2))
		s.True(name, x.Value() == 2)
	}
	few := a.BoundedSemaphore(s.Name("waits"), 0)
	acquired := s.Go(few.Acquire)
	s.Waiting(a, manager.KindBoundedSemaphore, few.Name(), 1)
	s.Ok(b.BoundedSemaphore(few.Name(), 0).Resize(background, 1))
	<-acquired
	// The way out of a mismatch.
	s.Panics(manager.ErrMismatch, func() { b.BoundedSemaphore(few.Name(), 4).Value() })
	s.Ok(b.BoundedSemaphore(few.Name(), 4).Resize(background, 4))
	Equal(s, b.BoundedSemaphore(few.Name(), 4).Value(), 3)
	Equal(s, few.Value(), 3) // who had it before goes on
}

func SemaphoreBounded(s *S) {
	a, b := s.Two()
	sa, sb := a.BoundedSemaphore(s.Name("s"), 2), b.BoundedSemaphore(s.Name("s"), 2)
	s.Panics(semaphore.ErrOverRelease, sa.Release)
	s.Panics(semaphore.ErrOverRelease, func() { _ = sa.ReleaseContext(background) })
	s.True("TryRelease", !sa.TryRelease())
	sa.Acquire()
	s.Panics(semaphore.ErrOverRelease, func() { sb.ReleaseN(2) })
	Equal(s, sb.Value(), 1)
	s.True("of another's", sb.TryRelease())
	Equal(s, sa.Value(), 2)
	s.Panics(semaphore.ErrValue, func() { sa.AcquireN(3) })
	s.Panics(semaphore.ErrValue, func() { sa.TryAcquireN(3) })
	s.Panics(semaphore.ErrValue, func() { _ = sa.AcquireNContext(background, 3) })
}

func SemaphoreBadNumbers(s *S) {
	a := s.Manager()
	s.Panics(semaphore.ErrValue, func() { a.Semaphore(s.Name("s"), -1) })
	s.Panics(semaphore.ErrValue, func() { a.BoundedSemaphore(s.Name("s"), -1) })
	sem := a.Semaphore(s.Name("s"), 1)
	for _, n := range []int{0, -1, math.MinInt} {
		s.Panics(semaphore.ErrValue, func() { sem.AcquireN(n) })
		s.Panics(semaphore.ErrValue, func() { sem.TryAcquireN(n) })
		s.Panics(semaphore.ErrValue, func() { sem.AcquireNTimeout(n, 1) })
		s.Panics(semaphore.ErrValue, func() { _ = sem.AcquireNContext(background, n) })
		s.Panics(semaphore.ErrValue, func() { sem.ReleaseN(n) })
		s.Panics(semaphore.ErrValue, func() { _ = sem.ReleaseNContext(background, n) })
	}
	s.Panics(semaphore.ErrValue, func() { _ = sem.Resize(background, -1) })
	Equal(s, sem.Value(), 1)
	most := min(1<<60, math.MaxInt)
	sem.ReleaseN(most - 1)
	s.Panics(semaphore.ErrValue, sem.Release)
	Equal(s, sem.Value(), most)
}

func EventSetsAndClears(s *S) {
	a, b := s.Two()
	ea, eb := a.Event(s.Name("e")), b.Event(s.Name("e"))
	s.True("clear at first", !ea.IsSet() && !eb.IsSet())
	ea.Set()
	ea.Set()
	s.True("set", ea.IsSet() && eb.IsSet())
	eb.Clear()
	s.True("clear", !ea.IsSet())
	s.Ok(eb.SetContext(background))
	is, err := ea.IsSetContext(background)
	s.True("set", is && err == nil)
	s.Ok(ea.ClearContext(background))
	s.Is(ea.SetContext(Ended()), errWhy)
	s.Is(ea.ClearContext(Ended()), errWhy)
	_, err = ea.IsSetContext(Ended())
	s.Is(err, errWhy)
	s.True("unchanged", !eb.IsSet())
}

func EventWaits(s *S) {
	a, b := s.Two()
	name := s.Name("e")
	ea, eb := a.Event(name), b.Event(name)
	var released atomic.Int32
	for _, wait := range []func(){
		ea.Wait,
		func() { s.True("time", ea.WaitTimeout(time.Hour)) },
		func() { s.True("forever", eb.WaitTimeout(math.MaxInt64)) },
		func() { s.Ok(eb.WaitContext(background)) },
	} {
		s.Go(func() { wait(); released.Add(1) })
	}
	s.Waiting(a, manager.KindEvent, name, 4)
	ea.Set() // and at once:
	ea.Clear()
	s.Until(func() bool { return released.Load() == 4 })
	s.True("clear", !ea.WaitTimeout(0) && !eb.WaitTimeout(-1))
	eb.Set()
	ea.Wait()
	s.True("set", ea.WaitTimeout(0))
	s.Ok(ea.WaitContext(background))
	s.Is(ea.WaitContext(Ended()), errWhy)
}

func EventGivesUp(s *S) {
	a, b := s.Two()
	name := s.Name("e")
	s.True("time", !a.Event(name).WaitTimeout(within))
	ctx, cancel := context.WithCancelCause(background)
	gaveUp := s.Go(func() { s.Is(b.Event(name).WaitContext(ctx), errWhy) })
	s.Waiting(a, manager.KindEvent, name, 1)
	cancel(errWhy)
	<-gaveUp
	s.Waiting(a, manager.KindEvent, name, 0)
	waited := s.Go(b.Event(name).Wait)
	s.Waiting(a, manager.KindEvent, name, 1)
	s.End(a, b) // waits on, under the new session
	s.Waiting(a, manager.KindEvent, name, 1)
	a.Event(name).Set()
	<-waited
}

func EventDone(s *S) {
	a, b := s.Two()
	ea, eb := a.Event(s.Name("e")), b.Event(s.Name("e"))
	done := eb.Done()
	s.True("open", !IsClosed(done) && !IsClosed(ea.Done()))
	ea.Set()
	<-done
	s.True("at once", IsClosed(eb.Done()) && IsClosed(ea.Done()))
	ea.Clear()
	s.True("it stays closed", IsClosed(done))
	next := eb.Done()
	s.True("another", !IsClosed(next))
	ea.Set()
	ea.Clear() // whoever asked before is told
	<-next
	last := eb.Done()
	s.End(a, b)
	eb.Set()
	<-last
}

func EventOutlivesItsSetter(s *S) {
	a, b := s.Two()
	a.Event(s.Name("e")).Set()
	s.Dies(a)
	s.True("set", b.Event(s.Name("e")).IsSet())
}

func ConditionNotifies(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	ca, cb := a.Condition(name, a.Lock(name)), b.Condition(name, b.Lock(name))
	Equal(s, ca.Name(), name)
	waited := s.Go(func() {
		cb.Lock()
		cb.Wait()
		s.True("held", !a.Lock(name).TryLock())
		cb.Unlock()
	})
	s.Waiting(a, manager.KindCondition, name, 1)
	ca.Lock()
	ca.Notify(1)
	s.True("not before the lock is free", !IsClosed(waited))
	ca.Unlock()
	<-waited
	s.True("free", a.Lock(name).TryLock())
	a.Lock(name).Unlock()
}

func ConditionNotifiesExactly(s *S) {
	a := s.Manager()
	name := s.Name("c")
	c := a.Condition(name, a.Lock(name))
	order := make(chan int, 10)
	for i := range 5 {
		m := s.Manager()
		s.Go(func() {
			c := m.Condition(name, m.Lock(name))
			c.Lock()
			c.Wait()
			order <- i
			c.Unlock()
		})
		s.Waiting(a, manager.KindCondition, name, i+1)
	}
	c.Lock()
	c.Notify(0)
	c.Notify(-1)
	n, err := c.NotifyContext(background, 2)
	s.Ok(err)
	Equal(s, n, 2)
	s.True("two, and not yet", len(order) == 0)
	c.Unlock()
	first := map[int]bool{<-order: true, <-order: true}
	s.True("those that came first", first[0] && first[1])
	s.Waiting(a, manager.KindCondition, name, 3)
	c.Lock()
	c.NotifyAll()
	n, err = c.NotifyContext(background, 7)
	s.True("nobody is left", n == 0 && err == nil)
	c.Unlock()
	for range 3 {
		<-order
	}
}

func ConditionGivesUp(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	c := a.Condition(name, a.Lock(name))
	c.Lock()
	s.True("time", !c.WaitTimeout(within), "held", !b.Lock(name).TryLock())
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(c.WaitContext(ctx), errWhy)
	s.Is(c.WaitContext(Ended()), errWhy)
	s.True("held", !b.Lock(name).TryLock())
	n, err := c.NotifyContext(background, 1)
	s.True("nobody who gave up is counted", n == 0 && err == nil)
	_, err = c.NotifyContext(Ended(), 1)
	s.Is(err, errWhy)
	c.Unlock()
	s.True("free", b.Lock(name).TryLock())
	b.Lock(name).Unlock()
}

func ConditionWithoutTime(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	c := a.Condition(name, a.Lock(name))
	c.Lock()
	s.True("0", !c.WaitTimeout(0), "less", !c.WaitTimeout(-1), "held", !b.Lock(name).TryLock())
	calls := 0
	s.True("looks twice", !c.WaitForTimeout(func() bool { calls++; return false }, 0) && calls == 2)
	s.True("success", c.WaitForTimeout(func() bool { return true }, 0))
	if !s.Bubble { // where the clock stands still while anybody runs, nobody is passed over for long
		acquired := s.Go(func() {
			b.Lock(name).Lock()
			b.Lock(name).Unlock()
		})
		s.Waiting(a, manager.KindLock, name, 1)
		for !IsClosed(acquired) {
			c.WaitTimeout(0) // others get their chance
		}
	}
	c.Unlock()
}

func ConditionWaitFor(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	ca, cb := a.Condition(name, a.Lock(name)), b.Condition(name, b.Lock(name))
	state := 0
	var looks atomic.Int32
	waited := s.Go(func() {
		cb.Lock()
		defer cb.Unlock()
		cb.WaitFor(func() bool { looks.Add(1); return state == 3 })
		s.True("state", state == 3)
	})
	for i := 1; i <= 3; i++ {
		s.Until(func() bool {
			return looks.Load() == int32(i) && s.waiters(a, manager.KindCondition, name) == 1
		})
		ca.Lock()
		state = i
		ca.NotifyAll()
		ca.Unlock()
	}
	<-waited
	Equal(s, looks.Load(), 4)
	ca.Lock()
	s.True("time", !ca.WaitForTimeout(func() bool { return false }, within))
	s.Ok(ca.WaitForContext(background, func() bool { return true }))
	s.Is(ca.WaitForContext(Ended(), func() bool { s.Error("called"); return true }), errWhy)
	ctx, cancel := context.WithTimeoutCause(background, within, errWhy)
	defer cancel()
	s.Is(ca.WaitForContext(ctx, func() bool { return false }), errWhy)
	over := false
	s.True("success beats the deadline", ca.WaitForTimeout(func() bool { was := over; over = true; return was }, within))
	ca.Unlock()
}

func ConditionWhosePredicatePanics(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	c := a.Condition(name, nil)
	c.Lock()
	s.Panics(errWhy, func() { c.WaitFor(func() bool { panic(errWhy) }) })
	s.True("held", a.RLock(name).Owned() && !b.RLock(name).TryLock())
	c.Unlock()
}

func ConditionOverAnRLock(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	ca, cb := a.Condition(name, nil), b.Condition(name, b.RLock(name))
	r := a.RLock(name)
	waited := s.Go(func() {
		r.LockDepth(3)
		ca.Wait()
		Equal(s, r.Depth(), 3)
		r.UnlockAll()
	})
	s.Waiting(b, manager.KindCondition, name, 1)
	s.Until(func() bool { return !r.Locked() })                                // released completely
	neighbour := s.Go(func() { r.Lock(); ca.WaitTimeout(within); r.Unlock() }) // waits for the gate, and the condition
	<-neighbour
	cb.Lock()
	cb.NotifyAll()
	cb.Unlock()
	<-waited
}

func ConditionNeedsTheLock(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	for _, c := range []*manager.Condition{a.Condition(name, a.Lock(name)), a.Condition(name+"r", nil)} {
		s.Panics(condition.ErrNotLocked, c.Wait)
		s.Panics(condition.ErrNotLocked, func() { c.WaitTimeout(0) })
		s.Panics(condition.ErrNotLocked, func() { _ = c.WaitContext(Ended()) })
		s.Panics(condition.ErrNotLocked, func() { c.WaitFor(func() bool { return true }) })
		s.Panics(condition.ErrNotLocked, c.NotifyAll)
		s.Panics(condition.ErrNotLocked, func() { c.Notify(0) })
		s.Panics(condition.ErrNotLocked, func() { _, _ = c.NotifyContext(background, 1) })
	}
	b.Lock(name).Lock()
	s.Panics(condition.ErrNotLocked, func() { a.Condition(name, a.Lock(name)).Notify(1) }) // another's
	b.Lock(name).Unlock()
	c := a.Condition(name+"r", nil)
	c.Lock()
	<-s.Go(func() { s.Panics(condition.ErrNotLocked, func() { c.Notify(1) }) })
	c.Unlock()
	s.Panics(manager.ErrValue, func() { a.Condition(name, b.Lock(name)) })
	used := a.Condition(name, a.Lock(name))
	used.Lock()
	used.Notify(1)
	used.Unlock()
	s.Panics(manager.ErrMismatch, func() {
		c := a.Condition(name, a.Lock(s.Name("other")))
		c.Lock()
		defer c.Unlock()
		c.Notify(1)
	})
	s.True("the lock was released", !a.Lock(s.Name("other")).Locked())
}

// The dead may have been meant to notify, or to act on a notification.
func ConditionOfTheDeadLooksAgain(s *S) {
	name := s.Name("c")
	a, b := s.Two()
	c := s.Manager()
	ready := manager.NewValue[bool](a, name)
	waitFor := func(m *manager.Manager, v *manager.Value[bool]) func() {
		return func() {
			cond := m.Condition(name, nil)
			cond.Lock()
			defer cond.Unlock()
			cond.WaitFor(func() bool { return Got[bool](s)(v.Get(background)) })
		}
	}
	waited := s.Go(waitFor(a, ready))
	s.Waiting(a, manager.KindCondition, name, 1)
	// b sets it with the lock held, and dies before it notifies.
	b.RLock(name).Lock()
	s.Ok(manager.NewValue[bool](b, name).Set(background, true))
	s.Dies(b)
	<-waited

	// A plain Wait is not woken for nothing, and the notification that the dead was given goes on.
	s.Ok(ready.Set(background, false))
	plain := s.Go(func() {
		cond := a.Condition(name, nil)
		cond.Lock()
		cond.Wait()
		cond.Unlock()
	})
	s.Waiting(a, manager.KindCondition, name, 1)
	c.RLock(name).Lock()
	s.Dies(c)
	s.Until(func() bool { return len(s.Info(a, manager.KindRLock, name).Holders) == 0 })
	s.True("still waits", !IsClosed(plain) && s.waiters(a, manager.KindCondition, name) == 1)
	cond := a.Condition(name, nil)
	cond.Lock()
	cond.Notify(1)
	cond.Unlock()
	<-plain
}

func ConditionThatIsLost(s *S) {
	a, b := s.Two()
	name := s.Name("c")
	c := a.Condition(name, a.Lock(name))
	lose := func(f func()) {
		ended := s.Go(func() {
			c.Lock()
			defer c.Unlock()
			f()
			l := a.Lock(name)
			s.True("held", l.Token() != 0 && !b.Lock(name).TryLock(), "not lost", !IsClosed(l.Lost()))
		})
		s.Waiting(b, manager.KindCondition, name, 1)
		s.End(b, a)
		<-ended
		s.True("free", b.Lock(name).TryLock())
		b.Lock(name).Unlock()
	}
	lose(c.Wait)
	lose(func() { s.True("as if notified", c.WaitTimeout(time.Hour)) })
	lose(func() { s.Is(c.WaitContext(background), manager.ErrLost) })
	for _, form := range []func(pred func() bool){
		c.WaitFor,
		func(pred func() bool) { s.True("success", c.WaitForTimeout(pred, time.Hour)) },
	} {
		looks := 0
		lose(func() { form(func() bool { looks++; return looks == 2 }) })
		Equal(s, looks, 2)
	}
	lose(func() { s.Is(c.WaitForContext(background, func() bool { return false }), manager.ErrLost) })

	// The lock was lost before the wait.
	c.Lock()
	s.End(b, a)
	c.Notify(1)
	_, err := c.NotifyContext(background, 1)
	s.Is(err, manager.ErrLost)
	s.Is(c.WaitContext(background), manager.ErrLost)
	s.True("held again", !IsClosed(a.Lock(name).Lost()) && !b.Lock(name).TryLock())
	s.End(b, a)
	s.True("as if notified", c.WaitTimeout(time.Hour))
	c.Unlock()
	s.True("free", b.Lock(name).TryLock())
	b.Lock(name).Unlock()
	s.Panics(lock.ErrNotLocked, c.Unlock)
}

func BarrierMeets(s *S) {
	name := s.Name("b")
	const parties = 3
	indices := make([]chan int, 4)
	for round := range indices {
		indices[round] = make(chan int, parties)
	}
	a := s.Manager()
	Equal(s, a.Barrier(name, parties, nil).Parties(), parties)
	for range parties {
		m := s.Manager()
		s.Go(func() {
			b := m.Barrier(name, parties, nil)
			for round, wait := range []func() (int, error){
				b.Wait,
				func() (int, error) { return b.WaitTimeout(time.Hour) },
				func() (int, error) { return b.WaitTimeout(math.MaxInt64) },
				func() (int, error) { return b.WaitContext(background) },
			} {
				indices[round] <- Got[int](s)(wait())
			}
		})
	}
	for _, round := range indices {
		seen := map[int]bool{}
		for range parties {
			seen[<-round] = true
		}
		s.True("each index once", seen[0] && seen[1] && seen[2])
	}
	s.True("nobody left", a.Barrier(name, parties, nil).Waiting() == 0 && !a.Barrier(name, parties, nil).Broken())
	one := a.Barrier(s.Name("one"), 1, nil)
	i, err := one.WaitTimeout(0)
	s.True("alone", i == 0 && err == nil)
}

func BarrierActionIsTheLasts(s *S) {
	a, b := s.Two()
	name := s.Name("b")
	var ran []string
	first := s.Go(func() {
		Equal(s, Got[int](s)(a.Barrier(name, 2, func() { ran = append(ran, "a") }).Wait()), 0)
		Equal(s, len(ran), 1) // before anybody is released
	})
	s.Until(func() bool { return a.Barrier(name, 2, nil).Waiting() == 1 })
	Equal(s, Got[int](s)(b.Barrier(name, 2, func() { ran = append(ran, "b") }).Wait()), 1)
	<-first
	Equal(s, ran, []string{"b"})
	second := s.Go(func() { Got[int](s)(b.Barrier(name, 2, func() { ran = append(ran, "b") }).Wait()) })
	s.Until(func() bool { return a.Barrier(name, 2, nil).Waiting() == 1 })
	Got[int](s)(a.Barrier(name, 2, nil).Wait()) // the last has none
	<-second
	Equal(s, len(ran), 1)
}

func BarrierActionPanics(s *S) {
	a, b := s.Two()
	name := s.Name("b")
	first := s.Go(func() {
		_, err := a.Barrier(name, 2, nil).Wait()
		s.Is(err, barrier.ErrBroken)
	})
	s.Until(func() bool { return a.Barrier(name, 2, nil).Waiting() == 1 })
	s.Panics(errWhy, func() { _, _ = b.Barrier(name, 2, func() { panic(errWhy) }).Wait() })
	<-first
	s.True("broken", b.Barrier(name, 2, nil).Broken())
	b.Barrier(name, 2, nil).Reset()
	s.True("as new", !a.Barrier(name, 2, nil).Broken())
}

func BarrierGivesUp(s *S) {
	a, b := s.Two()
	name := s.Name("b")
	ba, bb := a.Barrier(name, 2, nil), b.Barrier(name, 2, nil)
	for _, giveUp := range []func() (int, error){
		func() (int, error) { return ba.WaitTimeout(within) },
		func() (int, error) { return ba.WaitTimeout(0) },
		func() (int, error) { return ba.WaitTimeout(-1) },
	} {
		i, err := giveUp()
		s.Is(err, barrier.ErrBroken)
		s.True("index", i == -1, "broken", bb.Broken())
		_, err = bb.Wait()
		s.Is(err, barrier.ErrBroken)
		bb.Reset()
	}
	ctx, cancel := context.WithCancelCause(background)
	three, other := a.Barrier(s.Name("b3"), 3, nil), b.Barrier(s.Name("b3"), 3, nil)
	broken := s.Go(func() { _, err := other.Wait(); s.Is(err, barrier.ErrBroken) })
	gaveUp := s.Go(func() { _, err := three.WaitContext(ctx); s.Is(err, errWhy) })
	s.Until(func() bool { return three.Waiting() == 2 })
	cancel(errWhy)
	<-gaveUp
	<-broken
}

func BarrierEndedContext(s *S) {
	a, b := s.Two()
	ba, bb := a.Barrier(s.Name("b"), 2, nil), b.Barrier(s.Name("b"), 2, nil)
	_, err := ba.WaitContext(Ended())
	s.Is(err, errWhy)
	s.True("broken", bb.Broken())
	_, err = ba.WaitContext(Ended()) // broken comes first
	s.Is(err, barrier.ErrBroken)
	bb.Reset()
	first := s.Go(func() { Got[int](s)(bb.Wait()) })
	s.Until(func() bool { return ba.Waiting() == 1 })
	i, err := ba.WaitContext(Ended()) // the last decides
	s.True("passed", i == 1 && err == nil)
	<-first
	s.Panics(barrier.ErrParties, func() { a.Barrier(s.Name("none"), 0, nil) })
}

func BarrierOfTheDead(s *S) {
	a, b := s.Two()
	name := s.Name("b")
	dead := s.Go(func() { _, err := a.Barrier(name, 3, nil).Wait(); s.True("closed", err != nil) })
	broken := s.Go(func() { _, err := b.Barrier(name, 3, nil).Wait(); s.Is(err, barrier.ErrBroken) })
	s.Until(func() bool { return b.Barrier(name, 3, nil).Waiting() == 2 })
	s.Dies(a)
	<-broken
	<-dead
	b.Barrier(name, 3, nil).Reset()
	s.True("as new", b.Barrier(name, 3, nil).Waiting() == 0)
}

func BarrierResets(s *S) {
	a, b := s.Two()
	ba, bb := a.Barrier(s.Name("b"), 2, nil), b.Barrier(s.Name("b"), 2, nil)
	for _, reset := range []func(){bb.Reset, func() { s.Ok(bb.ResetContext(background)) }} {
		broken := s.Go(func() { _, err := ba.Wait(); s.Is(err, barrier.ErrBroken) })
		s.Until(func() bool { return bb.Waiting() == 1 })
		reset()
		<-broken
		s.True("as new", !ba.Broken() && ba.Waiting() == 0)
	}
	s.Is(ba.ResetContext(Ended()), errWhy)
	passed := s.Go(func() { Got[int](s)(ba.Wait()) })
	Got[int](s)(bb.Wait())
	<-passed
}

func BarrierAborts(s *S) {
	a, b := s.Two()
	ba, bb := a.Barrier(s.Name("b"), 2, nil), b.Barrier(s.Name("b"), 2, nil)
	broken := s.Go(func() { _, err := ba.Wait(); s.Is(err, barrier.ErrBroken) })
	s.Until(func() bool { return bb.Waiting() == 1 })
	bb.Abort()
	<-broken
	_, err := bb.Wait()
	s.Is(err, barrier.ErrBroken)
	s.True("stays so", ba.Broken())
	ba.Reset()
	s.Ok(ba.AbortContext(background))
	s.True("again", bb.Broken())
	s.Is(ba.AbortContext(Ended()), errWhy)
}

func BarrierThatIsLost(s *S) {
	a, b := s.Two()
	ba, bb := a.Barrier(s.Name("b"), 3, nil), b.Barrier(s.Name("b"), 3, nil)
	lost := s.Go(func() { _, err := ba.Wait(); s.Is(err, manager.ErrLost) })
	broken := s.Go(func() { _, err := bb.Wait(); s.Is(err, barrier.ErrBroken) })
	s.Until(func() bool { return bb.Waiting() == 2 })
	s.End(b, a)
	<-lost
	<-broken
}

// A notification that was given to one who died before it had the lock goes to the next.
func ConditionNotificationOfTheDeadGoesOn(s *S) {
	a, b := s.Two()
	c := s.Manager()
	name := s.Name("c")
	wait := func(m *manager.Manager) func() {
		return func() {
			cond := m.Condition(name, nil)
			cond.Lock()
			defer cond.Unlock()
			cond.Wait()
		}
	}
	dead := s.Go(func() { s.Panics(manager.ErrClosed, wait(a)) })
	s.Waiting(c, manager.KindCondition, name, 1)
	next := s.Go(wait(b))
	s.Waiting(c, manager.KindCondition, name, 2)
	cond := c.Condition(name, nil)
	cond.Lock()
	n, err := cond.NotifyContext(background, 1) // a's
	s.True("one", n == 1 && err == nil)
	s.Waiting(c, manager.KindRLock, name, 1) // which waits for the lock
	s.Dies(a)
	<-dead
	if s.DiesNotified {
		cond.NotifyAll()
	}
	cond.Unlock()
	<-next
}

// A Release takes what its own process holds first, and only then another's.
func SemaphoreReleaseIsOfItsOwn(s *S) {
	a, b := s.Two()
	sa, sb := a.Semaphore(s.Name("s"), 2), b.Semaphore(s.Name("s"), 2)
	sa.Acquire()
	sb.Acquire()
	sb.Release()
	Equal(s, sa.Value(), 1)
	s.Dies(b) // and holds nothing any more
	Equal(s, sa.Value(), 1)
	sa.Release()
	Equal(s, sa.Value(), 2)
}

// The last party's session ends while its action runs: the others do not wait for it.
func BarrierActionOfTheDead(s *S) {
	a, b := s.Two()
	name := s.Name("b")
	broken := s.Go(func() { _, err := b.Barrier(name, 2, nil).Wait(); s.Is(err, barrier.ErrBroken) })
	s.Until(func() bool { return b.Barrier(name, 2, nil).Waiting() == 1 })
	acting, over := make(chan struct{}), make(chan struct{})
	last := s.Go(func() {
		_, err := a.Barrier(name, 2, func() { close(acting); <-over }).Wait()
		s.True("an error", err != nil)
	})
	<-acting
	s.End(b, a)
	<-broken
	close(over)
	<-last
	s.True("broken", b.Barrier(name, 2, nil).Broken())
}

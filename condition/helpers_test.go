package condition_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// A kind is a Condition over one kind of lock. Each lock also has a TryLock, by
// which a test learns whether it is held.
type kind struct {
	name    string
	new     func() *condition.Condition
	durable bool // whether waiting for the lock is
}

func kinds() []kind {
	return []kind{
		{"zero value", func() *condition.Condition { return new(condition.Condition) }, true},
		{"New(nil)", func() *condition.Condition { return condition.New(nil) }, true},
		{"lock.Lock", func() *condition.Condition { return condition.New(new(lock.Lock)) }, true},
		{"rlock.RLock", func() *condition.Condition { return condition.New(new(rlock.RLock)) }, true},
		{"sync.Mutex", func() *condition.Condition { return condition.New(new(sync.Mutex)) }, false},
		{"sync.RWMutex", func() *condition.Condition { return condition.New(new(sync.RWMutex)) }, false},
		{"foreign", func() *condition.Condition { return condition.New(newChannelLock()) }, true},
		{"foreign with Locked", func() *condition.Condition { return condition.New(telling{newChannelLock()}) }, true},
		{"foreign with Owned", func() *condition.Condition { return condition.New(new(owning)) }, true},
	}
}

// A channelLock is a lock that this module knows nothing about. It is handed
// over in order of arrival.
type channelLock chan struct{}

func newChannelLock() channelLock { return make(channelLock, 1) }

func (l channelLock) Lock() { l <- struct{}{} }

func (l channelLock) Unlock() {
	select {
	case <-l:
	default:
		panic("unlock of an unlocked channelLock")
	}
}

func (l channelLock) TryLock() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

// A telling lock can say whether it is held.
type telling struct{ channelLock }

func (l telling) Locked() bool { return len(l.channelLock) > 0 }

// An owning lock can say whether the caller holds it. Its Locked, which need
// not be asked, says the opposite.
type owning struct{ r rlock.RLock }

func (l *owning) Lock()         { l.r.Lock() }
func (l *owning) Unlock()       { l.r.Unlock() }
func (l *owning) TryLock() bool { return l.r.TryLock() }
func (l *owning) Owned() bool   { return l.r.Owned() }
func (l *owning) Locked() bool  { return !l.r.Locked() }

// A counting lock knows how often it was released and acquired, completely. It
// is a reentrant one.
type counting struct {
	rlock.RLock
	released, acquired int
}

func (l *counting) UnlockAll() int {
	l.released++
	return l.RLock.UnlockAll()
}

func (l *counting) LockDepth(depth int) {
	l.RLock.LockDepth(depth)
	l.acquired++
}

// A form is one of the ways to wait for one notification.
type form struct {
	name string
	wait func(*condition.Condition) bool // reports whether the wait says that it was notified
}

// patient returns the forms that do not give up.
func patient() []form {
	return []form{
		{"Wait", func(c *condition.Condition) bool { c.Wait(); return true }},
		{"WaitTimeout of a century", func(c *condition.Condition) bool { return c.WaitTimeout(100 * year) }},
		{"WaitTimeout for ever", func(c *condition.Condition) bool { return c.WaitTimeout(math.MaxInt64) }},
		{"WaitContext", func(c *condition.Condition) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return c.WaitContext(ctx) == nil
		}},
		{"WaitContext of a foreign context", func(c *condition.Condition) bool {
			return c.WaitContext(proof.NewForeign()) == nil
		}},
		{"WaitContext without end", func(c *condition.Condition) bool { return c.WaitContext(context.Background()) == nil }},
		{"WaitFor", func(c *condition.Condition) bool { c.WaitFor(onceMore()); return true }},
		{"WaitForTimeout of a century", func(c *condition.Condition) bool { return c.WaitForTimeout(onceMore(), 100*year) }},
		{"WaitForTimeout for ever", func(c *condition.Condition) bool { return c.WaitForTimeout(onceMore(), math.MaxInt64) }},
		{"WaitForContext", func(c *condition.Condition) bool {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			return c.WaitForContext(ctx, onceMore()) == nil
		}},
		{"WaitForContext without end", func(c *condition.Condition) bool {
			return c.WaitForContext(context.Background(), onceMore()) == nil
		}},
	}
}

const year = 365 * 24 * time.Hour

// onceMore returns a predicate that is false the first time only, so that
// waiting for it takes one notification.
func onceMore() func() bool {
	asked := false
	return func() bool {
		before := asked
		asked = true
		return before
	}
}

// A limited is a way to wait that gives up after d.
type limited struct {
	name string
	wait func(c *condition.Condition, d time.Duration) bool // reports whether it was notified
}

func impatient() []limited {
	return []limited{
		{"WaitTimeout", (*condition.Condition).WaitTimeout},
		{"WaitContext", func(c *condition.Condition, d time.Duration) bool { return limitedBy(d, c.WaitContext) }},
		{"WaitContext of a foreign context", func(c *condition.Condition, d time.Duration) bool {
			return foreignLimitedBy(d, c.WaitContext)
		}},
	}
}

// A limitedFor is a way to wait for a predicate that gives up after d.
type limitedFor struct {
	name string
	wait func(c *condition.Condition, d time.Duration, pred func() bool) bool
}

func impatientFor() []limitedFor {
	return []limitedFor{
		{"WaitForTimeout", func(c *condition.Condition, d time.Duration, pred func() bool) bool {
			return c.WaitForTimeout(pred, d)
		}},
		{"WaitForContext", func(c *condition.Condition, d time.Duration, pred func() bool) bool {
			return limitedBy(d, func(ctx context.Context) error { return c.WaitForContext(ctx, pred) })
		}},
		{"WaitForContext of a foreign context", func(c *condition.Condition, d time.Duration, pred func() bool) bool {
			return foreignLimitedBy(d, func(ctx context.Context) error { return c.WaitForContext(ctx, pred) })
		}},
	}
}

// limitedBy calls wait with a context that ends after d, and reports whether it
// returned no error.
func limitedBy(d time.Duration, wait func(context.Context) error) bool {
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
	defer cancel()
	err := wait(ctx)
	if err != nil && err != errCause {
		panic(fmt.Sprintf("returned %v, which is not the cause", err))
	}
	return err == nil
}

func foreignLimitedBy(d time.Duration, wait func(context.Context) error) bool {
	ctx := proof.NewForeign()
	defer time.AfterFunc(d, ctx.End).Stop()
	err := wait(ctx)
	if err != nil && err != proof.ErrForeign {
		panic(fmt.Sprintf("returned %v, which is not what the context says", err))
	}
	return err == nil
}

var (
	errCause = errors.New("the cause of a context's end")
)

// elsewhere calls f on another goroutine and waits for its end.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// isFree reports whether another goroutine could acquire c's lock.
func isFree(c *condition.Condition) (free bool) {
	l := c.Locker().(interface {
		sync.Locker
		TryLock() bool
	})
	elsewhere(func() {
		if free = l.TryLock(); free {
			l.Unlock()
		}
	})
	return free
}

// usable fails the test unless c, whose lock the caller does not hold, is as
// good as new.
func usable(t *testing.T, c *condition.Condition) {
	t.Helper()
	if !isFree(c) {
		t.Fatal("in the end the lock is held")
	}
	if n := c.Listed(); n != 0 {
		t.Fatalf("in the end %d are on the list although nobody waits", n)
	}
	result := make(chan bool)
	go func() {
		c.Lock()
		result <- true
		notified := c.WaitTimeout(time.Hour)
		c.Unlock()
		result <- notified
	}()
	<-result
	c.Lock()
	c.Notify(1)
	c.Unlock()
	if !<-result {
		t.Error("in the end a notification does not reach the waiter")
	}
}

// eachKind runs a test for each kind of lock, in a bubble.
func eachKind(t *testing.T, test func(t *testing.T, c *condition.Condition)) {
	t.Helper()
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := kind.new()
				test(t, c)
				usable(t, c)
			})
		})
	}
}

// eachDurableKind leaves out those whose waiters would let the bubble's clock
// stand still.
func eachDurableKind(t *testing.T, test func(t *testing.T, c *condition.Condition)) {
	t.Helper()
	for _, kind := range kinds() {
		if !kind.durable {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := kind.new()
				test(t, c)
				usable(t, c)
			})
		})
	}
}

// A line is waiters in order of arrival, in a bubble.
type line struct {
	c        *condition.Condition
	wg       sync.WaitGroup
	guard    sync.Mutex
	returned []int // in order
}

// wait adds a waiter.
func (q *line) wait(t *testing.T, number int, form form) {
	q.wg.Go(func() {
		q.c.Lock()
		defer q.c.Unlock()
		if !form.wait(q.c) {
			t.Errorf("waiter %d: %s says that it was not notified", number, form.name)
		}
		q.guard.Lock()
		defer q.guard.Unlock()
		q.returned = append(q.returned, number)
	})
	synctest.Wait()
}

// settled returns who has returned since it was called last, in order, when
// nothing goes on any more.
func (q *line) settled() []int {
	synctest.Wait()
	q.guard.Lock()
	defer q.guard.Unlock()
	returned := q.returned
	q.returned = nil
	return returned
}

// notify returns who returned because of Notify(n).
func (q *line) notify(n int) []int {
	q.c.Lock()
	q.c.Notify(n)
	q.c.Unlock()
	return q.settled()
}

func newLine(t *testing.T, c *condition.Condition, waiters int) *line {
	q := &line{c: c}
	forms := patient()
	for i := range waiters {
		q.wait(t, i, forms[i%len(forms)])
	}
	return q
}

func upTo(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i)
	}
	return numbers
}

// sorted is for those that were woken together: whom the lock serves first is
// the lock's to say.
func sorted(numbers []int) []int {
	slices.Sort(numbers)
	return numbers
}

// scaled scales the length of a race, of which each round is about ten times as
// slow under the race detector.
func scaled(full int) int { return proof.Rounds(full, 10, 10) }

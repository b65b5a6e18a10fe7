//go:build threadingexplore

package condition_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/explore"
)

const aTick = explore.Tick

// notifyCase lets waiters with different patience, 0 for all of it, meet
// notifications. Whoever notifies n knows, as it holds the lock, who is
// waiting: at least those with patience; so at least so many, up to n, must
// report it. And nobody reports a notification that was not made.
func notifyCase(name string, notifications []int, ctx bool, patience ...time.Duration) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			c                          condition.Condition
			waiting                    int // those who wait for ever, under the lock
			sent, owed, got, forgotten int
		)
		for i, d := range patience {
			last := d == 0
			wait := func() bool { return c.WaitTimeout(max(d, aTick)) }
			switch {
			case last:
				wait = func() bool { return c.WaitTimeout(explore.LastResort) }
			case ctx:
				ends, cancel := context.WithCancel(context.Background())
				wait = func() bool { return c.WaitContext(ends) == nil }
				start(fmt.Sprint("canceller ", i), cancel)
			}
			start(fmt.Sprint("waiter ", i), func() {
				c.Lock()
				defer c.Unlock()
				if last {
					waiting++
				}
				notified := wait()
				if notified {
					got++
				}
				if last && !notified {
					forgotten++
				}
			})
		}
		for i, n := range notifications {
			start(fmt.Sprint("notifier ", i), func() {
				c.Lock()
				defer c.Unlock()
				sent += n
				owed += min(n, waiting)
				c.Notify(n)
			})
		}
		return func() error {
			if got < min(owed, len(patience)) && forgotten > 0 && got < sent || got > sent {
				return fmt.Errorf("%d sent while enough waited for %d, and %d have come", sent, owed, got)
			}
			return nil
		}
	}}
}

// predicateCase is the bounded buffer of every textbook, with one that gives
// up.
var predicateCase = explore.Case{Name: "buffer", Start: func(start func(string, func())) func() error {
	var (
		c               condition.Condition
		items, put, got int
		failed          error
	)
	for i, limit := range []time.Duration{explore.LastResort, aTick, explore.LastResort} {
		start(fmt.Sprint("getter ", i), func() {
			c.Lock()
			defer c.Unlock()
			if c.WaitForTimeout(func() bool { return items > 0 }, limit) {
				items--
				got++
				c.NotifyAll()
			} else if limit != aTick {
				failed = fmt.Errorf("getter %d was forgotten with %d inside", i, items)
			}
		})
	}
	for i := range 3 {
		start(fmt.Sprint("putter ", i), func() {
			c.Lock()
			defer c.Unlock()
			if !c.WaitForTimeout(func() bool { return items < 2 }, explore.LastResort) {
				failed = fmt.Errorf("putter %d was forgotten with %d inside", i, items)
			}
			items++
			put++
			c.NotifyAll()
		})
	}
	return func() error {
		if failed == nil && put != got+items {
			failed = fmt.Errorf("%d put, %d got, %d inside", put, got, items)
		}
		return failed
	}
}}

func TestNoScheduleBreaksACondition(t *testing.T) {
	for _, c := range []explore.Case{
		notifyCase("one notification, one gives up", []int{1}, false, aTick, 0),
		notifyCase("one notification, one is cancelled", []int{1}, true, aTick, 0),
		notifyCase("two notifications, two give up", []int{1, 1}, false, aTick, 0, 2*aTick),
		notifyCase("two at once", []int{2}, false, 0, aTick, 0),
		predicateCase,
	} {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

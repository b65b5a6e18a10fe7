package cases

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/semaphore"
	weighted "golang.org/x/sync/semaphore"
)

// A Waiting is a way to wait, of which it is asked what it costs in memory.
type Waiting struct {
	Name string
	Ours bool
	// New returns what each goroutine calls, and what makes all of those calls return.
	New func() (wait, wake func())
}

// Waitings returns the ways to wait. The others are compared with the first, which cannot give up.
func Waitings() []Waiting {
	return []Waiting{
		{"sync.Cond", false, newBroadcast},
		{"channel", false, newClosing},
		{"channel and timer", false, func() (wait, wake func()) {
			c := make(chan struct{})
			wait = func() {
				t := time.NewTimer(time.Hour)
				defer t.Stop()
				select {
				case <-c:
				case <-t.C:
				}
			}
			return wait, func() { close(c) }
		}},
		{"channel and context", false, func() (wait, wake func()) {
			c := make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			wait = func() {
				select {
				case <-c:
				case <-ctx.Done():
				}
			}
			return wait, func() { close(c); cancel() }
		}},
		{"sync.Mutex", false, func() (wait, wake func()) {
			var l sync.Mutex
			l.Lock()
			return func() { l.Lock(); defer l.Unlock() }, l.Unlock
		}},
		{"x/sync/semaphore", false, func() (wait, wake func()) {
			s := weighted.NewWeighted(math.MaxInt32)
			_ = s.Acquire(context.Background(), math.MaxInt32)
			return func() { _ = s.Acquire(context.Background(), 1) }, func() { s.Release(math.MaxInt32) }
		}},
		{"Lock.Lock", true, func() (wait, wake func()) {
			var l lock.Lock
			l.Lock()
			return func() { l.Lock(); defer l.Unlock() }, l.Unlock
		}},
		{"RLock.Lock", true, func() (wait, wake func()) {
			var (
				l    rlock.RLock
				held = make(chan struct{})
				done = make(chan struct{})
			)
			// The owner is a goroutine, so one holds the lock until it is to be released.
			go func() {
				l.Lock()
				defer l.Unlock()
				close(held)
				<-done
			}()
			<-held
			return func() { l.Lock(); defer l.Unlock() }, func() { close(done) }
		}},
		{"Semaphore.Acquire", true, func() (wait, wake func()) {
			s := semaphore.New(0)
			return s.Acquire, func() { s.ReleaseN(math.MaxInt32) }
		}},
		{"Event.Wait", true, newEvent},
		{"Event.WaitTimeout", true, func() (wait, wake func()) {
			var e event.Event
			return func() { e.WaitTimeout(time.Hour) }, e.Set
		}},
		{"Event.WaitContext", true, func() (wait, wake func()) {
			var e event.Event
			ctx, cancel := context.WithCancel(context.Background())
			return func() { _ = e.WaitContext(ctx) }, func() { e.Set(); cancel() }
		}},
		{"Condition.Wait", true, func() (wait, wake func()) {
			c, set := condition.New(new(lock.Lock)), false
			wait = func() {
				c.Lock()
				c.WaitFor(func() bool { return set })
				c.Unlock()
			}
			wake = func() {
				c.Lock()
				set = true
				c.NotifyAll()
				c.Unlock()
			}
			return wait, wake
		}},
		{"RWLock.RLock", true, func() (wait, wake func()) {
			var l rwlock.RWLock
			l.Lock()
			return func() { l.RLock(); defer l.RUnlock() }, l.Unlock
		}},
		{"WaitGroup.Wait", true, newRound},
		{"Queue.Get", true, func() (wait, wake func()) {
			var q queue.Queue[int]
			return func() { _, _ = q.Get() }, q.Shutdown
		}},
	}
}

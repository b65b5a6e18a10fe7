package condition_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/rlock"
)

// A client waits for a ticket. A patient one keeps it, and must get one;
// another gives up in time or when a context ends, and gives back what it got.
type client struct {
	ticks int // 0: patient
	ctx   bool
	loop  bool // waits in a loop and not by a predicate
}

// take waits, with the lock held, until there is a ticket, and takes it.
func (c client) take(cond *condition.Condition, tickets *int) bool {
	d := explore.LastResort
	if c.ticks > 0 {
		d = time.Duration(c.ticks) * explore.Tick
	}
	there := func() bool { return *tickets > 0 }
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
	defer cancel()
	wait := func() bool { return cond.WaitTimeout(d) }
	waitFor := func() bool { return cond.WaitForTimeout(there, d) }
	if c.ctx {
		check := func(err error) bool {
			if err != nil && err != errCause {
				panic(fmt.Sprintf("the error is %v, which is not the cause", err))
			}
			return err == nil
		}
		wait = func() bool { return check(cond.WaitContext(ctx)) }
		waitFor = func() bool { return check(cond.WaitForContext(ctx, there)) }
	}
	if !c.loop {
		if !waitFor() {
			return false
		}
	} else {
		for !there() {
			if !wait() && !there() {
				return false
			}
		}
	}
	*tickets--
	return true
}

// Tickets come one by one or several at once, as many as the patient clients
// need, each with its notifications and no more. So each notification must wake
// somebody, or be for nobody. Others take a ticket without waiting, and give it
// back.
func ticketsProgram(r *rand.Rand) explore.Case {
	var (
		clients []client
		patient int
	)
	for range 2 + r.IntN(3) {
		c := client{ctx: r.IntN(2) == 0, loop: r.IntN(2) == 0}
		if r.IntN(3) == 0 {
			c.ticks = 1 + r.IntN(3)
		} else {
			patient++
		}
		clients = append(clients, c)
	}
	var batches [2][]int
	for left := patient; left > 0; {
		n := 1 + r.IntN(left)
		i := r.IntN(len(batches))
		batches[i] = append(batches[i], n)
		left -= n
	}
	barging, over, depth := r.IntN(4), r.IntN(4), 1+r.IntN(2)
	name := fmt.Sprint("clients (ticks, ctx, loop) ", clients, ", batches ", batches, ", barging ", barging, ", over ", over, ", depth ", depth)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			cond    *condition.Condition
			tickets int
			failed  atomic.Pointer[error]
		)
		switch over {
		case 0:
			cond = new(condition.Condition)
		case 1:
			cond, depth = condition.New(new(lock.Lock)), 1
		case 2:
			cond = condition.New(new(rlock.RLock))
		case 3: // a lock that this module knows nothing about; under the explorer it may not be one that sleeps unseen
			cond, depth = condition.New(hidden{new(lock.Lock)}), 1
		}
		fail := func(format string, args ...any) {
			err := fmt.Errorf(format, args...)
			failed.CompareAndSwap(nil, &err)
		}
		give := func(n int) {
			tickets += n
			cond.Notify(n)
		}
		within := func(f func()) {
			for range depth {
				cond.Lock()
				defer cond.Unlock()
			}
			f()
		}
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				within(func() {
					switch took := c.take(cond, &tickets); {
					case took && c.ticks > 0:
						give(1)
					case !took && c.ticks == 0:
						fail("client %d was forgotten; there are %d tickets", i, tickets)
					}
				})
			})
		}
		for i, batch := range batches {
			start(fmt.Sprint("giver ", i), func() {
				for _, n := range batch {
					within(func() { give(n) })
					proof.Pause()
				}
			})
		}
		start("barging", func() {
			for range barging {
				took := false
				within(func() {
					if took = tickets > 0; took {
						tickets--
					}
				})
				proof.Pause()
				if took {
					within(func() { give(1) })
				}
			}
		})
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			if n := cond.Listed(); n != 0 || tickets != 0 {
				return fmt.Errorf("in the end %d are listed and %d tickets are left", n, tickets)
			}
			return nil
		}
	}}
}

// A hidden lock can be locked and unlocked, and tells nothing.
type hidden struct {
	lock interface {
		Lock()
		Unlock()
	}
}

func (h hidden) Lock()   { h.lock.Lock() }
func (h hidden) Unlock() { h.lock.Unlock() }

func TestNoScheduleBreaksAProgramOfTickets(t *testing.T) { proof.Programs(t, ticketsProgram) }

func TestCallsThatDoNotWaitMayBeMadeInsideAndOutsideOfABubble(t *testing.T) {
	c := condition.New(new(sync.Mutex)) // which does not sleep durably, either
	proof.InsideAndOutside(t, func() {
		c.Lock()
		c.Notify(1)
		c.NotifyAll()
		c.Unlock()
	})
}

func TestGivingUpIsAnErrorWhateverTheContextSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c condition.Condition
		c.Lock()
		defer c.Unlock()
		proof.GivingUpIsAnErrorOfASilentContext(t, c.WaitContext)
		proof.GivingUpIsAnErrorOfASilentContext(t, func(ctx context.Context) error {
			return c.WaitForContext(ctx, func() bool { return false })
		})
	})
}

// A grumbling lock panics once, in Unlock after it has unlocked, or in Lock
// before it locks.
type grumbling struct {
	lock.Lock
	inUnlock func()                 // used with the lock held
	inLock   atomic.Pointer[func()] // without it, by several
}

func (g *grumbling) Unlock() {
	f := g.inUnlock
	g.inUnlock = nil
	g.Lock.Unlock()
	if f != nil {
		f()
	}
}

func (g *grumbling) LockAgain() { g.Lock.Lock() }

// A relocking is a grumbling lock as a Locker.
type relocking struct{ *grumbling }

func (r relocking) Lock() {
	if f := r.inLock.Swap(nil); f != nil {
		(*f)()
	}
	r.grumbling.Lock.Lock()
}

// A notification that reaches a waiter whose lock panics, or ends its
// goroutine, goes to the next.
func TestANotificationForAWaiterWhoseLockDoesNotReturnGoesToTheNext(t *testing.T) {
	for _, where := range []string{"Unlock", "Lock"} {
		for name, end := range map[string]func(){"panic": func() { panic("grumble") }, "Goexit": runtime.Goexit} {
			for _, notifications := range []int{0, 1, 2} {
				t.Run(fmt.Sprint(where, "/", name, "/", notifications), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						g := new(grumbling)
						c := condition.New(relocking{g})
						var served atomic.Int64
						notify := func(n int) {
							g.LockAgain()
							c.Notify(n)
							g.Lock.Unlock()
						}
						first := make(chan bool)
						wait := func() { // one of three does not return
							defer func() { _ = recover() }()
							c.Wait()
							served.Add(1)
							g.Lock.Unlock()
						}
						go func() {
							defer close(first)
							g.LockAgain()
							if where == "Unlock" {
								g.inUnlock = func() {
									time.Sleep(time.Second) // the others are listed
									if notifications > 0 {
										notify(notifications)
									}
									end()
								}
							} else {
								g.inUnlock = func() { g.inLock.Store(&end) }
							}
							wait()
						}()
						synctest.Wait()
						for range 2 {
							go func() {
								g.LockAgain()
								wait()
							}()
							synctest.Wait()
						}
						if where == "Lock" {
							notify(notifications)
						}
						time.Sleep(2 * time.Second)
						if n := int(served.Load()); n != notifications {
							t.Errorf("%d notifications served %d others", notifications, n)
						}
						notify(3 - notifications)
						<-first
						synctest.Wait()
						if n, listed := served.Load(), c.Listed(); n != 2 || listed != 0 {
							t.Errorf("in the end %d of 2 were served, and %d are listed", n, listed)
						}
					})
				})
			}
		}
	}
}

func TestANilPredicatePanicsAtOnce(t *testing.T) {
	var c condition.Condition
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c.Lock()
	for name, f := range map[string]func(){
		"WaitFor":        func() { c.WaitFor(nil) },
		"WaitForTimeout": func() { c.WaitForTimeout(nil, 0) },
		"WaitForContext": func() { _ = c.WaitForContext(ended, nil) },
	} {
		if v, ok := proof.Recovered(f).(string); !ok {
			t.Errorf("%s of nil panicked with %v", name, v)
		}
	}
	c.Unlock()
}

package condition_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/proof"
)

// A million waits that give up, on the clock of the machine, race
// notifications. Each notification that picks somebody ends exactly one wait
// with true.
//
// How many waiters a notification finds cannot be known from outside, because
// those whose time runs out leave at any moment. So there are some more, who do
// not give up: as long as there are more of them than notifications on their
// way, one is certain to be picked, and each notification counts. All of this
// is kept under the lock.
func TestEachNotificationEndsExactlyOneWait(t *testing.T) {
	type wait struct {
		name string
		wait func(c *condition.Condition, rng *rand.Rand, limit time.Duration) bool
	}
	waits := []wait{
		{"WaitTimeout", func(c *condition.Condition, _ *rand.Rand, limit time.Duration) bool { return c.WaitTimeout(limit) }},
		{"WaitContext, a deadline", func(c *condition.Condition, _ *rand.Rand, limit time.Duration) bool {
			return limitedBy(limit, func(ctx context.Context) error { return c.WaitContext(ctx) })
		}},
		{"WaitContext, cancelled", func(c *condition.Condition, rng *rand.Rand, limit time.Duration) bool {
			ctx, cancel := context.WithCancel(context.Background())
			pause := rng.IntN(min(int(limit), 3000))
			go func() {
				for range 2 {
					runtime.Gosched()
				}
				proof.Spin(pause)
				cancel()
			}()
			return c.WaitContext(ctx) == nil
		}},
	}
	for _, kind := range kinds()[2:5] {
		for _, wait := range waits {
			t.Run(kind.name+"/"+wait.name, func(t *testing.T) {
				defer proof.Watch(t)()
				const steadfast, hasty = 5, 4
				var (
					c                     = kind.new()
					wg                    sync.WaitGroup
					waiting, sent, got    int // of the steadfast, and of all; under the lock, as are these:
					served, gaveUp, steps int
					over                  bool
				)
				count := func() {
					if got++; got > sent {
						t.Errorf("%d waits were notified by %d notifications", got, sent)
						got = sent
					}
				}
				for range steadfast {
					wg.Go(func() {
						c.Lock()
						defer c.Unlock()
						for !over {
							waiting++
							c.Wait()
							waiting--
							if !over {
								count()
							}
						}
					})
				}
				for i := range hasty {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(uint64(i), 0))
						limit := time.Microsecond
						c.Lock()
						defer c.Unlock()
						for !over {
							notified := wait.wait(c, rng, limit)
							steps++
							switch {
							case over:
							case notified:
								count()
								served++
								limit -= limit / 8
							default:
								gaveUp++
								limit += limit/8 + 1
							}
							limit = min(max(limit, 10), time.Millisecond)
						}
					})
				}
				rng := rand.New(rand.NewPCG(1, 1))
				c.Lock()
				for steps < scaled(1_000_000)/3 && !t.Failed() {
					if n := 1 + rng.IntN(2); waiting-(sent-got) >= n {
						c.Notify(n)
						sent += n
					}
					c.Unlock()
					if rng.IntN(2) == 0 {
						runtime.Gosched()
					}
					proof.Spin(rng.IntN(500))
					c.Lock()
				}
				for got < sent { // each that was sent is got without any more being sent
					c.Unlock()
					runtime.Gosched()
					c.Lock()
				}
				over = true
				c.NotifyAll()
				c.Unlock()
				wg.Wait()
				if got != sent {
					t.Errorf("%d waits were notified by %d notifications", got, sent)
				}
				if served == 0 || gaveUp == 0 {
					t.Errorf("%d were served and %d gave up: that was no race", served, gaveUp)
				}
				t.Logf("%d notifications; of those with a limit %d were notified, %d gave up", sent, served, gaveUp)
				usable(t, c)
			})
		}
	}
}

// Every token that is announced with Notify(1) is taken, although takers give
// up all the time: whoever is picked finds the token, or somebody else has
// taken it.
func TestWaitForLosesNoToken(t *testing.T) {
	for _, kind := range kinds()[:5] {
		t.Run(kind.name, func(t *testing.T) {
			defer proof.Watch(t)()
			var (
				c                     = kind.new()
				wg                    sync.WaitGroup
				tokens, taken, gaveUp int
				made                  = scaled(200_000)
				isToken               = func() bool { return tokens > 0 }
			)
			for i := range 4 {
				wg.Go(func() {
					forms := impatientFor()
					form := forms[i%2]
					limit := time.Microsecond
					c.Lock()
					defer c.Unlock()
					for taken < made {
						if !form.wait(c, limit, func() bool { return isToken() || taken == made }) {
							gaveUp++
							limit = min(limit+limit/8+1, time.Millisecond)
							continue
						}
						limit = max(limit-limit/8, 10)
						if taken < made {
							tokens--
							taken++
						}
					}
					c.NotifyAll()
				})
			}
			wg.Go(func() { // one that does not give up, or the last token might be nobody's
				c.Lock()
				defer c.Unlock()
				for taken < made {
					c.WaitFor(func() bool { return isToken() || taken == made })
					if taken < made {
						tokens--
						taken++
					}
				}
				c.NotifyAll()
			})
			for range made {
				c.Lock()
				tokens++
				c.Notify(1)
				c.Unlock()
				runtime.Gosched()
			}
			wg.Wait()
			if tokens != 0 || taken != made {
				t.Errorf("of %d tokens %d were taken and %d are left", made, taken, tokens)
			}
			t.Logf("%d were taken, %d times somebody gave up", taken, gaveUp)
			usable(t, c)
		})
	}
}

// Somebody who notifies all the time does not keep those that are notified from
// the lock. In a bubble the clock would stand still while anyone runs.
func TestABusyNotifierStarvesNobody(t *testing.T) {
	for _, kind := range kinds()[:5] {
		t.Run(kind.name, func(t *testing.T) {
			defer proof.Watch(t)() // it goes on until they are through
			const waiters, turns = 4, 25
			var (
				c    = kind.new()
				wg   sync.WaitGroup
				left atomic.Int32
			)
			left.Store(waiters)
			for range waiters {
				wg.Go(func() {
					defer left.Add(-1)
					for range turns {
						c.Lock()
						c.Wait()
						c.Unlock()
					}
				})
			}
			for left.Load() > 0 {
				c.Lock()
				c.Notify(1)
				c.Unlock()
			}
			wg.Wait()
		})
	}
}

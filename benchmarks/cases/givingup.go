package cases

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/semaphore"
	marusama "github.com/marusama/semaphore/v2"
	weighted "golang.org/x/sync/semaphore"
)

// limit is how long a wait that times out waits. A single goroutine would measure how late the runtime's timers are,
// which is the same for everybody; many at once keep the processors busy with giving up.
const limit = 20 * time.Microsecond

func givingUpRows(s Sizes) []Row {
	return []Row{{
		Name: "A wait that times out", Group: "Giving up",
		Ours: inVain("lock.Lock", false, s.GivingUp, lockedLock(func(l *lock.Lock) bool { return l.LockTimeout(limit) })),
		Rivals: []Contender{
			inVain("channel and timer", true, s.GivingUp, lockedChannel(func(c chanLock) bool {
				return c.lockTimeout(limit)
			})),
			inVain("x/sync/semaphore", true, s.GivingUp, func() func() bool {
				w := weighted.NewWeighted(1)
				_ = w.Acquire(context.Background(), 1)
				return func() bool {
					return untilTimeout(func(ctx context.Context) error { return w.Acquire(ctx, 1) })
				}
			}),
		},
	}, {
		Name: "A wait that is cancelled", Group: "Giving up",
		Ours: inVain("semaphore.Semaphore", false, s.GivingUp, func() func() bool {
			w := semaphore.New(0)
			return func() bool { return untilCancelled(w.AcquireContext) }
		}),
		Rivals: []Contender{
			inVain("x/sync/semaphore", true, s.GivingUp, func() func() bool {
				w := weighted.NewWeighted(1)
				_ = w.Acquire(context.Background(), 1)
				return func() bool {
					return untilCancelled(func(ctx context.Context) error { return w.Acquire(ctx, 1) })
				}
			}),
			inVain("marusama/semaphore", false, s.GivingUp, func() func() bool {
				w := marusama.New(1)
				_ = w.Acquire(context.Background(), 1)
				return func() bool {
					return untilCancelled(func(ctx context.Context) error { return w.Acquire(ctx, 1) })
				}
			}),
			inVain("channel and select", false, s.GivingUp, lockedChannel(func(c chanLock) bool {
				return untilCancelled(c.lockContext)
			})),
		},
	}}
}

func lockedLock(wait func(*lock.Lock) bool) func() func() bool {
	return func() func() bool {
		l := new(lock.Lock)
		l.Lock()
		return func() bool { return wait(l) }
	}
}

func lockedChannel(wait func(chanLock) bool) func() func() bool {
	return func() func() bool {
		c := newChanLock()
		c.Lock()
		return func() bool { return wait(c) }
	}
}

func untilTimeout(acquire func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return acquire(ctx) == nil
}

// untilCancelled acquires with a context that another goroutine cancels.
func untilCancelled(acquire func(context.Context) error) bool {
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	return acquire(ctx) == nil
}

// inVain has goroutines wait for what nobody gives them.
func inVain(name string, main bool, goroutines int, held func() func() bool) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		wait := held()
		var gaveUp atomic.Int64
		return Body{
			Run: func(_ Timer, n int) {
				var wg sync.WaitGroup
				for i := range goroutines {
					wg.Go(func() {
						in := 0
						for range share(n, i, goroutines) {
							if !wait() {
								in++
							}
						}
						gaveUp.Add(int64(in))
					})
				}
				wg.Wait()
			},
			Count: func() int { return int(gaveUp.Load()) },
		}
	}}
}

package locktest

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A client locks by one of the forms. A patient one must get the lock, another
// may give up.
type client struct {
	form   int
	ticks  int // 0: patient
	rounds int
	passes bool // its unlock is another goroutine's, if any may unlock
}

// NoProgramBreaksIt runs random programs: goroutines lock by all forms, some
// give up, others take what is free. If any goroutine may unlock, some leave
// that to another that does nothing else, so that a lost wakeup is not
// repaired. For a reentrant lock, again locks and unlocks it further; else it
// is nil.
func NoProgramBreaksIt(t *testing.T, newLock New, anyUnlocks bool, again func(Locker)) {
	impatient := Impatient()
	proof.Programs(t, func(r *rand.Rand) explore.Case {
		var clients []client
		for range 2 + r.IntN(3) {
			c := client{form: r.IntN(len(impatient)), rounds: 1 + r.IntN(2), passes: anyUnlocks && r.IntN(2) == 0}
			if r.IntN(3) == 0 {
				c.ticks = 1 + r.IntN(3)
			}
			clients = append(clients, c)
		}
		barging, nested := r.IntN(4), again != nil && r.IntN(2) == 0
		name := fmt.Sprintf("clients (form, ticks, rounds, passes) %v, barging %d, nested %v", clients, barging, nested)
		return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
			var (
				l       = newLock()
				inside  atomic.Int64
				failed  atomic.Pointer[error]
				passing = make([]chan bool, len(clients))
			)
			fail := func(format string, args ...any) {
				err := fmt.Errorf(format, args...)
				failed.CompareAndSwap(nil, &err)
			}
			use := func() {
				if inside.Add(1) != 1 {
					fail("two are inside")
				}
				if nested {
					again(l)
				}
				proof.Pause()
				if !l.Locked() {
					fail("Locked is false inside")
				}
				inside.Add(-1)
			}
			for i, c := range clients {
				passing[i] = make(chan bool, c.rounds)
				start(fmt.Sprint("client ", i), func() {
					defer close(passing[i])
					d := explore.LastResort
					if c.ticks > 0 {
						d = time.Duration(c.ticks) * explore.Tick
					}
					for range c.rounds {
						switch locked := impatient[c.form].Lock(l, d); {
						case locked:
							use()
							if c.passes {
								passing[i] <- true
							} else {
								l.Unlock()
							}
						case c.ticks == 0:
							fail("client %d was forgotten", i)
						}
					}
				})
				if c.passes {
					start(fmt.Sprint("unlocker ", i), func() {
						for range passing[i] {
							proof.Pause()
							l.Unlock()
						}
					})
				}
			}
			start("barging", func() {
				for range barging {
					if l.TryLock() {
						use()
						l.Unlock()
					}
				}
			})
			return func() error {
				if err := failed.Load(); err != nil {
					return *err
				}
				if l.Locked() || !l.TryLock() {
					return fmt.Errorf("in the end it is locked: %v, or cannot be locked", l.Locked())
				}
				l.Unlock()
				return nil
			}
		}}
	})
}

// CallsThatDoNotWaitMayBeMadeInsideAndOutside of a bubble at the same moment.
func CallsThatDoNotWaitMayBeMadeInsideAndOutside(t *testing.T, newLock New) {
	l := newLock()
	proof.InsideAndOutside(t, func() {
		if l.TryLock() {
			l.Unlock()
		}
		if l.LockTimeout(0) {
			l.Unlock()
		}
		l.Locked()
	})
}

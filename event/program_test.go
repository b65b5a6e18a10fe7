package event_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/proof"
)

// A client waits by one of the forms: 0 and 1 with a time, 2 with a context, 3
// in a select.
type client struct {
	form  int
	ticks int // 0: patient
}

func (c client) wait(e *event.Event) bool {
	d := explore.LastResort
	if c.ticks > 0 {
		d = time.Duration(c.ticks) * explore.Tick
	}
	switch c.form {
	case 2:
		ctx, cancel := context.WithTimeoutCause(context.Background(), d, errCause)
		defer cancel()
		err := e.WaitContext(ctx)
		if err != nil && err != errCause {
			panic(fmt.Sprintf("WaitContext returned %v, which is not the cause", err))
		}
		return err == nil
	case 3:
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-e.Done():
			return true
		case <-timer.C:
			return false
		}
	}
	return e.WaitTimeout(d)
}

// Sets stay only for a moment, but for the last: who waits may miss some of
// them, and never the last. Nobody is told of a Set that never was; and, which
// can be decided only where one goroutine goes on at a time, nobody is told of
// none though one took effect during its call.
func pulsesProgram(r *rand.Rand) explore.Case {
	var clients []client
	for range 2 + r.IntN(3) {
		c := client{form: r.IntN(4)}
		if r.IntN(2) == 0 {
			c.ticks = 1 + r.IntN(3)
		}
		clients = append(clients, c)
	}
	pulses, setters, waits := r.IntN(3), 1+r.IntN(2), 1+r.IntN(2)
	name := fmt.Sprint("clients (form, ticks) ", clients, ", pulses ", pulses, ", setters ", setters, ", waits ", waits)
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			e      event.Event
			failed atomic.Pointer[error]
			begun  atomic.Int64 // Sets that were called
			ended  atomic.Int64 // and those of them with a Clear that have returned
			over   event.Event  // set when the pulses are over
		)
		fail := func(format string, args ...any) {
			err := fmt.Errorf(format, args...)
			failed.CompareAndSwap(nil, &err)
		}
		for i, c := range clients {
			start(fmt.Sprint("client ", i), func() {
				for range waits {
					before := begun.Load()
					switch told := c.wait(&e); {
					case !told && c.ticks == 0:
						fail("client %d was forgotten", i)
					case told && begun.Load() == 0:
						fail("client %d was told of a Set that never was", i)
					case !told && c.form < 2 && ended.Load() > before && explore.On:
						fail("client %d was told of none, and a Set took effect during its call", i)
					}
				}
			})
		}
		start("pulser", func() {
			for range pulses {
				begun.Add(1)
				e.Set()
				proof.Pause()
				e.Clear()
				ended.Add(1)
				proof.Pause()
			}
			over.Set()
		})
		for i := range setters {
			start(fmt.Sprint("setter ", i), func() {
				over.Wait()
				begun.Add(1)
				e.Set()
				if !e.IsSet() {
					fail("not set after the last Set")
				}
				select {
				case <-e.Done():
				default:
					fail("the channel is open after the last Set")
				}
			})
		}
		return func() error {
			if err := failed.Load(); err != nil {
				return *err
			}
			if n := e.Listed(); n != 0 || !e.WaitTimeout(0) {
				return fmt.Errorf("in the end %d wait, set %v", n, e.IsSet())
			}
			return nil
		}
	}}
}

func TestNoScheduleBreaksAProgramOfPulses(t *testing.T) { proof.Programs(t, pulsesProgram) }

func TestCallsThatDoNotWaitMayBeMadeInsideAndOutsideOfABubble(t *testing.T) {
	var e event.Event
	proof.InsideAndOutside(t, func() {
		e.Set()
		e.IsSet()
		e.WaitTimeout(0)
		e.Clear()
	})
}

// Thousands come back as soon as they are woken, from an Event that is set
// again and again. Each Set returns, and when it is set for good, nobody is
// left behind.
func TestSetIsThroughThoughTheyComeBack(t *testing.T) {
	defer proof.Watch(t)()
	const waiters = 5000
	var (
		e       event.Event
		over    atomic.Bool
		wg      sync.WaitGroup
		longest time.Duration
		woken   atomic.Int64
	)
	for range waiters {
		wg.Go(func() {
			for !over.Load() {
				e.Wait()
				woken.Add(1)
				runtime.Gosched()
			}
		})
	}
	for range proof.Rounds(500, 10, 10) {
		for e.Listed() < waiters/2 {
			runtime.Gosched()
		}
		begin := time.Now()
		e.Set()
		longest = max(longest, time.Since(begin))
		e.Clear()
	}
	over.Store(true)
	e.Set()
	wg.Wait()
	t.Logf("%d waits, the longest Set took %v", woken.Load(), longest)
}

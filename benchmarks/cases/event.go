package cases

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/event"
)

func eventRows(s Sizes) []Row {
	return []Row{{
		Name: "Event: Wait when set", Group: "Events and conditions",
		Ours: Contender{Name: "event.Event", New: func() Body {
			var (
				e     event.Event
				count int
			)
			e.Set()
			return single(&count, func(n int) {
				// A variable of the goroutine counts, as a write to memory would cost more than the wait.
				waited := 0
				for range n {
					e.Wait()
					waited++
				}
				count += waited
			})
		}},
		Rivals: []Contender{{Name: "closed channel", Main: true, New: func() Body {
			c, count := make(chan struct{}), 0
			close(c)
			return single(&count, func(n int) {
				waited := 0
				for range n {
					<-c
					waited++
				}
				count += waited
			})
		}}},
	}, {
		Name: "Event: wake " + size(s.Waiters) + " until all have run", Group: "Events and conditions", Batch: s.Waiters,
		Ours: wakeAll("event.Event", false, s.Waiters, newEvent),
		Rivals: []Contender{
			wakeAll("close(chan)", true, s.Waiters, newClosing),
			wakeAll("sync.Cond", false, s.Waiters, newBroadcast),
		},
	}}
}

// newEvent and newClosing are flags that many wait for.
func newEvent() (wait, wake func()) {
	var e event.Event
	return e.Wait, e.Set
}

func newClosing() (wait, wake func()) {
	c := make(chan struct{})
	return func() { <-c }, func() { close(c) }
}

func newBroadcast() (wait, wake func()) {
	var (
		guard sync.Mutex
		set   bool
		cond  = sync.NewCond(&guard)
	)
	wait = func() {
		guard.Lock()
		for !set {
			cond.Wait()
		}
		guard.Unlock()
	}
	wake = func() {
		guard.Lock()
		set = true
		guard.Unlock()
		cond.Broadcast()
	}
	return wait, wake
}

// wakeAll wakes so many waiters with one call. An operation is one of them; timed is from the call until the last has
// run, not how they came to wait.
func wakeAll(name string, main bool, waiters int, newFlag func() (wait, wake func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		var woken atomic.Int64
		return Body{
			Run: func(t Timer, n int) {
				for range n / waiters {
					t.StopTimer()
					var wg sync.WaitGroup
					wait, wake := newFlag()
					Park(waiters, func() {
						wait()
						woken.Add(1)
					}, &wg)
					t.StartTimer()
					wake()
					wg.Wait()
				}
			},
			Count: func() int { return int(woken.Load()) },
		}
	}}
}

// Park starts goroutines that call f, which waits, and returns when they do. wg knows when they have returned.
func Park(n int, f func(), wg *sync.WaitGroup) {
	var begun atomic.Int64
	for range n {
		wg.Go(func() {
			begun.Add(1)
			f()
		})
	}
	for begun.Load() < int64(n) {
		runtime.Gosched()
	}
	// Who has begun is a few instructions from sleeping; nobody can ask whether he does.
	for range 100 {
		runtime.Gosched()
	}
	time.Sleep(time.Millisecond)
}

package live_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/live"
	"github.com/gothreading/threading/internal/park"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

// A pool is idle until it is given work.
type pool struct {
	guard sync.Mutex
	done  *park.Latch
	begun uint64
	asked func() // after Busy has looked
	entry live.Entry
}

func (p *pool) Busy() (*park.Latch, uint64) {
	p.guard.Lock()
	done, begun := p.done, p.begun
	p.guard.Unlock()
	if p.asked != nil {
		p.asked()
	}
	return done, begun
}

func (p *pool) begin() {
	p.guard.Lock()
	defer p.guard.Unlock()
	p.done = new(park.Latch)
	p.begun++
}

func (p *pool) end() {
	p.guard.Lock()
	done := p.done
	p.done = nil
	p.guard.Unlock()
	done.Open()
}

func (p *pool) busy() bool {
	p.guard.Lock()
	defer p.guard.Unlock()
	return p.done != nil
}

func TestWaitReturnsAtOnceWhenNothingIsBusy(t *testing.T) {
	live.Wait(nil)
	var self, idle pool
	self.begin()
	self.entry.Add(&self, time.Now())
	defer self.entry.Remove()
	idle.entry.Add(&idle, time.Now())
	live.Wait(&self.entry)
	idle.entry.Remove()
	idle.entry.Remove() // does nothing
	live.Wait(&self.entry)
}

func TestWaitIncludesWhatBecomesBusyMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var first, second pool
		first.begin()
		first.entry.Add(&first, time.Now())
		time.AfterFunc(time.Second, func() {
			second.begin()
			second.entry.Add(&second, time.Now())
			time.AfterFunc(time.Second, func() {
				second.entry.Remove()
				second.end()
			})
			first.entry.Remove()
			first.end()
		})
		live.Wait(nil)
		if waited := time.Since(begin); waited != 2*time.Second {
			t.Errorf("waited %v, want 2s", waited)
		}
	})
}

// The second is busy when the first is asked, and gives it work before it is asked itself: each is idle when it is
// asked, and one of them always has work.
func TestWaitIsNotTakenInByWorkThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var first, second pool
		moves := 3
		for _, p := range []*pool{&first, &second} {
			p.entry.Add(p, time.Now())
			defer p.entry.Remove()
		}
		second.begin()
		first.asked = func() {
			if second.busy() && moves > 0 { // it was said that the first is idle
				moves--
				first.begin()
				second.end()
				if moves == 0 {
					time.AfterFunc(time.Second, first.end)
				}
			}
		}
		second.asked = func() {
			if first.busy() && moves > 0 { // it was said that the second is idle
				second.begin()
				first.end()
			}
		}
		live.Wait(nil)
		if waited := time.Since(begin); waited != time.Second || moves != 0 {
			t.Errorf("waited %v, want 1s; %d moves are left", waited, moves)
		}
	})
}

// What belongs to a bubble is waited for there, and what does not elsewhere.
func TestWaitIsForTheOwnBubble(t *testing.T) {
	var outside pool
	outside.begin()
	outside.entry.Add(&outside, time.Now())
	synctest.Test(t, func(t *testing.T) {
		var inside pool
		inside.begin()
		inside.entry.Add(&inside, time.Now())
		begin := time.Now()
		go func() { time.Sleep(time.Second); inside.entry.Remove(); inside.end() }()
		live.Wait(nil)
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("waited %v, want 1s", waited)
		}
	})
	outside.entry.Remove()

	leave, left := make(chan bool), make(chan bool)
	go func() {
		defer close(left)
		synctest.Test(t, func(t *testing.T) {
			var inside pool
			inside.begin()
			inside.entry.Add(&inside, time.Now())
			defer inside.entry.Remove()
			leave <- true
			<-leave
		})
	}()
	<-leave
	live.Wait(nil)
	leave <- true
	<-left
}

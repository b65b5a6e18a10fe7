package shm

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A Limit says when a call gives up waiting, however often and wherever it
// sleeps on its way. A nil *Limit is forever.
//
// What a context brings along is asked for when the Limit is made: from then on
// there is only a channel, and no code of others runs while anything is held.
type Limit struct {
	deadline time.Duration // on the clock; 0: none
	ctx      context.Context
	done     <-chan struct{}

	ended atomic.Uint32 // set when done is closed, while a goroutine sleeps: a word of its own to sleep on
	quit  chan struct{} // ends the goroutine that sets it
}

// After gives up when d has passed. d must be positive; math.MaxInt64 is
// forever.
func After(d time.Duration) *Limit {
	deadline := now() + d
	if d == math.MaxInt64 || deadline < 0 {
		return nil
	}
	return &Limit{deadline: deadline}
}

// Until gives up when ctx ends.
func Until(ctx context.Context) *Limit {
	done := ctx.Done()
	if done == nil {
		return nil
	}
	return &Limit{ctx: ctx, done: done}
}

// over reports whether it is time to give up.
func (l *Limit) over() bool {
	switch {
	case l == nil:
		return false
	case l.deadline != 0:
		return now() >= l.deadline
	}
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// local is l for a wait among the goroutines of this process. A deadline that
// has passed is one that is about to.
func (l *Limit) local() park.Limit {
	switch {
	case l == nil:
		return park.Forever
	case l.deadline != 0:
		return park.After(max(l.deadline-now(), 1))
	}
	return park.Until(l.ctx)
}

// listen makes the end of the context wake a goroutine that sleeps in the
// kernel, until the end of the call that made l.
func (l *Limit) listen() {
	if l == nil || l.done == nil || l.quit != nil {
		return
	}
	l.quit = make(chan struct{})
	go func() {
		select {
		case <-l.done:
			l.ended.Store(1)
			kin.rouse(&l.ended)
		case <-l.quit:
		}
	}()
}

// Close ends what listen began. Every call that made a Limit ends with it.
func (l *Limit) Close() {
	if l != nil && l.quit != nil {
		close(l.quit)
	}
}

// clock is CLOCK_MONOTONIC, which the kernel counts deadlines by, and which Go
// reads without a call of the system.
var (
	clockStart = time.Now()
	clockBase  = monotonic()
)

func now() time.Duration { return clockBase + time.Since(clockStart) }

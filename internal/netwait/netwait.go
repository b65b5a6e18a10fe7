// Package netwait gives up waits for the system: an Accept, a read, anything that goes through Go's netpoller and obeys
// a deadline. It is to those what package park is to waits for goroutines.
package netwait

import (
	"context"
	"errors"
	"math"
	"os"
	"time"

	"github.com/gothreading/threading/internal/park"
)

// A Limit says when a call gives up waiting. The zero value is Forever. The time of one made by After begins when it is
// made, so one Limit bounds a call that waits for several things in turn.
type Limit struct {
	at  time.Time       // not zero: give up then
	ctx context.Context // not nil: give up when it ends
}

// Forever never gives up.
var Forever Limit

// After gives up when d has passed. d must be positive; math.MaxInt64 is forever.
func After(d time.Duration) Limit {
	if d == math.MaxInt64 {
		return Forever
	}
	return Limit{at: time.Now().Add(d)}
}

// Until gives up when ctx ends.
func Until(ctx context.Context) Limit { return Limit{ctx: ctx} }

// IsForever reports whether l never gives up.
func (l Limit) IsForever() bool { return l.ctx == nil && l.at.IsZero() }

// Park returns what is left of l for a wait among goroutines, and false if nothing is.
func (l Limit) Park() (left park.Limit, ok bool) {
	switch {
	case l.ctx != nil:
		return park.Until(l.ctx), l.ctx.Err() == nil
	case !l.at.IsZero():
		d := time.Until(l.at)
		return park.After(d), d > 0
	}
	return park.Forever, true
}

// Cause returns what a call reports that gave up: timeout, or why the context ended.
func (l Limit) Cause(timeout error) error {
	if l.ctx == nil {
		return timeout
	}
	if cause := context.Cause(l.ctx); cause != nil {
		return cause
	}
	return context.Canceled
}

// past is a deadline that ends a wait which has begun.
var past = time.Unix(1, 0)

// Do calls wait, and ends it by setDeadline when l says so: wait then returns an error that GaveUp recognizes. The
// caller must be the only one who sets that deadline meanwhile. When Do returns there is no deadline, and none comes
// late: the function that the end of a context starts has then run, or never will.
//
// setDeadline has taken effect when wait is called, so what wait looks at first was not overlooked by somebody who made
// it so and then set a deadline.
func (l Limit) Do(setDeadline func(time.Time) error, wait func() error) error {
	switch {
	case l.ctx != nil && l.ctx.Done() != nil:
		ran := make(chan struct{})
		stop := context.AfterFunc(l.ctx, func() {
			defer close(ran)
			_ = setDeadline(past) // fails if there is nothing to wait for any more
		})
		defer func() {
			if !stop() {
				<-ran
				_ = setDeadline(time.Time{})
			}
		}()
	case !l.at.IsZero():
		if err := setDeadline(l.at); err != nil {
			return err
		}
		defer setDeadline(time.Time{})
	}
	return wait()
}

// GaveUp reports whether an error is that of a wait whose deadline has passed.
func GaveUp(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

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

// Reached reports whether it is time to give up.
func (l Limit) Reached() bool {
	switch {
	case l.ctx != nil:
		select {
		case <-l.ctx.Done():
			return true
		default:
			return l.ctx.Err() != nil
		}
	case !l.at.IsZero():
		return time.Until(l.at) <= 0
	}
	return false
}

// Park returns what is left of l for a wait among goroutines, and false if nothing is.
func (l Limit) Park() (left park.Limit, ok bool) {
	switch {
	case l.Reached():
		return park.Forever, false
	case l.ctx != nil:
		return park.Until(l.ctx), true
	case !l.at.IsZero():
		d := time.Until(l.at)
		return park.After(d), d > 0
	}
	return park.Forever, true
}

// Within returns a Limit that also gives up when d has passed, and how to release what it holds.
func (l Limit) Within(d time.Duration) (Limit, func()) {
	if l.ctx != nil {
		ctx, cancel := context.WithTimeout(shielded{l.ctx}, d)
		return Until(ctx), cancel
	}
	soon := After(d)
	if !l.at.IsZero() && l.at.Before(soon.at) {
		soon = l
	}
	return soon, func() {}
}

// Cause returns what a call reports that gave up: timeout, or why the context ended.
func (l Limit) Cause(timeout error) error {
	if l.ctx == nil {
		return timeout
	}
	return park.Cause(l.ctx)
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
	case l.ctx != nil:
		stop := AfterFunc(l.ctx, func() { _ = setDeadline(past) }) // which fails if there is nothing to wait for any more
		defer func() {
			if !stop() {
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

// AfterFunc is context.AfterFunc for any context; and if the function that it returns reports false, f has returned.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	ran := make(chan struct{})
	stopped := context.AfterFunc(shielded{ctx}, func() {
		defer close(ran)
		f()
	})
	return func() bool {
		if stopped() {
			return true
		}
		<-ran
		return false
	}
}

// A shielded context is one whose Err may not be nil yet when its Done is closed, which package context answers with a
// panic in a goroutine of its own. That sees through it where the context is one of its own.
type shielded struct{ context.Context }

func (s shielded) Err() error {
	select {
	case <-s.Done():
		if err := s.Context.Err(); err != nil {
			return err
		}
		return context.Canceled
	default:
		return s.Context.Err()
	}
}

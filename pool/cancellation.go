package pool

import (
	"context"
	"reflect"

	"github.com/gothreading/threading/thread"
)

// cancellation reports whether err says no more than that ctx has ended: it is
// the cause or the error of ctx, or wraps nothing else. What it asks are methods
// of others.
func cancellation(ctx context.Context, err error) (is bool) {
	end := ctx.Err()
	if end == nil {
		return false
	}
	cause := context.Cause(ctx)
	if thread.Try(func() { is = saysOnly(err, cause, end) }) != nil {
		return false // an error that panics says something of its own
	}
	return is
}

func saysOnly(err, cause, end error) bool {
	if equal(err, cause) || equal(err, end) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		return inner != nil && saysOnly(inner, cause, end)
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		for _, inner := range all {
			if inner == nil || !saysOnly(inner, cause, end) {
				return false
			}
		}
		return len(all) > 0
	}
	return false
}

// equal is errors.Is without what err wraps.
func equal(err, target error) bool {
	if reflect.TypeOf(target).Comparable() && err == target {
		return true
	}
	asked, ok := err.(interface{ Is(error) bool })
	return ok && asked.Is(target)
}

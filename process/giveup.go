package process

import (
	"context"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/shm"
)

// within is the form of a call that gives up after d: try does not wait, and
// wait does.
func within(d time.Duration, try func() bool, wait func(*shm.Limit) bool) bool {
	if try() {
		return true
	}
	if d <= 0 {
		return false
	}
	l := shm.After(d)
	defer l.Close()
	return wait(l)
}

// until is the form of a call that gives up when ctx ends.
func until(ctx context.Context, try func() bool, wait func(*shm.Limit) bool) error {
	if hasEnded(ctx) {
		return park.Cause(ctx)
	}
	if try() {
		return nil
	}
	l := shm.Until(ctx)
	defer l.Close()
	if !wait(l) {
		return park.Cause(ctx)
	}
	return nil
}

// hasEnded reports whether ctx has ended, also one that only its channel says
// it of.
func hasEnded(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

package pool

import (
	"context"
	"math"
	"time"
)

// Go submits fn. It returns nil once fn is accepted, which takes as long as there
// is no room if the pool has a Backlog, or ErrClosed, ErrTerminated, or the cause
// of the context of p.
//
// There is no Result. In a [Scope] an error or a panic of fn ends the scope.
// Elsewhere it is reported to the except hook of package thread, an error as a
// PanicError without a stack; an error that is the cause of the ended context of
// fn is not. That context ends with the pool, or with the context of p.
func (p *Pool) Go(fn func(context.Context) error) error { return p.submitGo(math.MaxInt64, fn, "Go") }

// TryGo is like Go but does not wait for room: it returns ErrFull.
func (p *Pool) TryGo(fn func(context.Context) error) error { return p.submitGo(0, fn, "TryGo") }

// GoTimeout is like Go but waits at most d for room, and then returns ErrFull.
func (p *Pool) GoTimeout(d time.Duration, fn func(context.Context) error) error {
	return p.submitGo(d, fn, "GoTimeout")
}

// GoContext is p.WithContext(ctx).Go(fn): ctx bounds the wait for room, and is
// the parent of the context that fn is called with. If it ends before fn is
// called, fn is not.
func (p *Pool) GoContext(ctx context.Context, fn func(context.Context) error) error {
	needed(ctx != nil, "context", "GoContext")
	return p.WithContext(ctx).submitGo(math.MaxInt64, fn, "GoContext")
}

func (p *Pool) submitGo(d time.Duration, fn func(context.Context) error, call string) error {
	needed(fn != nil, "func", call)
	return p.submit(&submission{fn: fn}, d)
}

package pool

import (
	"context"

	"github.com/gothreading/threading/thread"
)

// What a pool asks of contexts that are code of others.

// endOf returns the error and the cause of a context that has ended, neither nil.
// It is asked on a goroutine where nobody could recover a panic of the context.
func endOf(ctx context.Context) (err, cause error) {
	_ = thread.Try(func() { err, cause = ctx.Err(), context.Cause(ctx) })
	if err == nil {
		err = context.Canceled
	}
	if cause == nil {
		cause = err
	}
	return err, cause
}

// follow arranges for f to be called on a goroutine of its own when ctx has
// ended, unless stop is called first.
func follow(ctx context.Context, f func()) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	undo := context.AfterFunc(sure(ctx), f)
	return func() { undo() }
}

// sure returns ctx as a parent that package context can do with. It asks a
// context that has ended, and is none of its own, for the error on a goroutine of
// its own; a nil there, which some frameworks give, would end the process, and so
// would a panic.
func sure(ctx context.Context) context.Context {
	if _, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return ctx
	}
	return certain{ctx}
}

// A certain context has an error once it has ended.
type certain struct{ context.Context }

// Err is a method of context.Context.
func (c certain) Err() (err error) {
	if thread.Try(func() { err = c.Context.Err() }) == nil && err != nil {
		return err
	}
	select {
	case <-c.Done():
		return context.Canceled
	default:
		return nil
	}
}

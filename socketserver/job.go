package socketserver

import (
	"container/list"
	"context"
	"sync"
)

// A job is the part of a connection or packet that its service works with.
type job struct {
	base context.Context // whose values its context has

	// Under the guard of the service.
	place     *list.Element // among the jobs
	admitted  bool          // it is counted as accepted
	goroutine uint64        // whose handler runs it; 0: none yet

	guard sync.Mutex // of what follows
	ended error      // why its context has ended; nil: it has not
	ctx   context.Context
	stop  context.CancelCauseFunc
}

// context returns the handler's context, which is made when it is first asked for, since most handlers do not.
func (j *job) context() context.Context {
	j.guard.Lock()
	defer j.guard.Unlock()
	if j.ctx == nil {
		j.ctx, j.stop = context.WithCancelCause(context.WithoutCancel(j.base))
		if j.ended != nil {
			j.stop(j.ended)
		}
	}
	return j.ctx
}

// end ends the context with a cause; nil is for a handler that has returned. The first end counts.
func (j *job) end(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	j.guard.Lock()
	if j.ended != nil {
		j.guard.Unlock()
		return
	}
	j.ended = cause
	stop := j.stop
	j.guard.Unlock()
	if stop != nil {
		stop(cause) // without the guard: what it ends may be somebody else's
	}
}

// isTerminated reports whether Terminate has ended the context.
func (j *job) isTerminated() bool {
	j.guard.Lock()
	defer j.guard.Unlock()
	return j.ended == ErrTerminated
}

// Package sentinel names the errors that this toolkit and package context export, so that an error keeps its identity
// when it goes to another process as text.
package sentinel

import (
	"context"
	"errors"
	"io"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/thread"
	"github.com/gothreading/threading/timer"
)

// A named error.
type named struct {
	name string
	err  error
}

// The names are part of what processes of different versions of a program tell each other: none is ever given to
// another error.
var all = []named{
	{"context.Canceled", context.Canceled},
	{"context.DeadlineExceeded", context.DeadlineExceeded},
	{"errors.ErrUnsupported", errors.ErrUnsupported},
	{"io.EOF", io.EOF},

	{"manager.ErrLost", backend.ErrLost},
	{"manager.ErrUnknown", backend.ErrUnknown},
	{"manager.ErrClosed", backend.ErrClosed},
	{"manager.ErrMismatch", backend.ErrMismatch},
	{"manager.ErrBusy", backend.ErrBusy},
	{"manager.ErrTooLarge", backend.ErrTooLarge},
	{"manager.ErrQuota", backend.ErrQuota},
	{"manager.ErrDenied", backend.ErrDenied},
	{"manager.ErrConflict", backend.ErrConflict},
	{"manager.ErrDuplicate", backend.ErrDuplicate},
	{"manager.ErrNotFound", backend.ErrNotFound},
	{"manager.ErrNoServer", backend.ErrNoServer},
	{"manager.ErrNotJoinable", backend.ErrNotJoinable},
	{"manager.ErrInsecure", backend.ErrInsecure},
	{"manager.ErrValue", backend.ErrValue},

	{"lock.ErrNotLocked", lock.ErrNotLocked},
	{"rlock.ErrNotOwner", rlock.ErrNotOwner},
	{"semaphore.ErrOverRelease", semaphore.ErrOverRelease},
	{"semaphore.ErrValue", semaphore.ErrValue},
	{"condition.ErrNotLocked", condition.ErrNotLocked},
	{"barrier.ErrBroken", barrier.ErrBroken},
	{"barrier.ErrParties", barrier.ErrParties},
	{"queue.ErrEmpty", queue.ErrEmpty},
	{"queue.ErrFull", queue.ErrFull},
	{"queue.ErrShutdown", queue.ErrShutdown},
	{"queue.ErrTaskDone", queue.ErrTaskDone},
	{"queue.ErrValue", queue.ErrValue},
	{"pool.ErrClosed", pool.ErrClosed},
	{"pool.ErrTerminated", pool.ErrTerminated},
	{"pool.ErrTimeout", pool.ErrTimeout},
	{"pool.ErrCancelled", pool.ErrCancelled},
	{"pool.ErrFull", pool.ErrFull},
	{"pool.ErrValue", pool.ErrValue},
	{"pool.ErrRunning", pool.ErrRunning},
	{"pool.ErrNotReady", pool.ErrNotReady},
	{"thread.ErrStarted", thread.ErrStarted},
	{"thread.ErrNotStarted", thread.ErrNotStarted},
	{"thread.ErrJoinSelf", thread.ErrJoinSelf},
	{"thread.ErrDaemon", thread.ErrDaemon},
	{"thread.ErrGoexit", thread.ErrGoexit},
	{"timer.ErrStarted", timer.ErrStarted},
	{"timer.ErrNotStarted", timer.ErrNotStarted},
	{"timer.ErrInterval", timer.ErrInterval},
}

var byName = make(map[string]error, len(all))

func init() {
	for _, n := range all {
		byName[n.name] = n.err
	}
}

// Names returns the names of those that err is.
func Names(err error) (names []string) {
	for _, n := range all {
		if errors.Is(err, n.err) {
			names = append(names, n.name)
		}
	}
	return names
}

// Errors returns those that have these names. A name that is not known here, because the other process runs a later
// version, is left out.
func Errors(names []string) (errs []error) {
	for _, name := range names {
		if err, ok := byName[name]; ok {
			errs = append(errs, err)
		}
	}
	return errs
}

package pool

import (
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/thread"
)

// An unread is what a Result that holds a panic leaves behind. When the Result
// was collected before anybody has looked at it, the except hook is told.
type unread struct {
	panics []*thread.PanicError
	read   atomic.Bool
}

func newUnread(t *task) *unread {
	u := &unread{panics: panics(t.err)}
	runtime.AddCleanup(t, (*unread).report, u)
	return u
}

// panics returns the panics in the error of a task.
func panics(err error) (all []*thread.PanicError) {
	if p, ok := err.(*thread.PanicError); ok {
		return append(all, p)
	}
	var failed *MapError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			all = append(all, panics(item.Err)...)
		}
	}
	return all
}

// report tells the except hook, in a thread of its own: what the collector calls
// must not wait.
func (u *unread) report() {
	if u.read.Load() {
		return
	}
	thread.Go(func() {
		for _, p := range u.panics {
			hook.Report((*hook.Panic)(p))
		}
	}, thread.Name("a Result that nobody read"), thread.Daemon(true))
}

package thread

import (
	"fmt"
	"os"

	"github.com/gothreading/threading/internal/hook"
)

// A PanicError is the panic that ended a Thread.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // the stack of the Thread at that moment, as debug.Stack formats it
}

// Error returns the value in words. The stack is left out.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the value if it is an error, else nil.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// SetExceptHook makes f the function that is told of every panic that ends a
// Thread, and returns the previous one, which is never nil. If f is nil the
// default is set: it writes the thread's name, the value and the stack to
// [os.Stderr]. It is Python's threading.excepthook.
//
// The hook is looked up when the panic happens. It is called in the Thread that
// panicked, which is alive and [Current] until the hook returns, and by several
// threads at once if they panic at once. A panic in the hook ends the process;
// [runtime.Goexit] ends the hook. A Thread that ends by runtime.Goexit is not
// reported.
func SetExceptHook(f func(*Thread, *PanicError)) (previous func(*Thread, *PanicError)) {
	h := defaultHook
	if f != nil {
		h = hookOf(f)
	}
	return hook.Swap(h).Func.(func(*Thread, *PanicError))
}

// hookOf returns f as the rest of the module knows it.
func hookOf(f func(*Thread, *PanicError)) *hook.Hook {
	return &hook.Hook{Func: f, Call: func(p *hook.Panic) { f(Current(), (*PanicError)(p)) }}
}

var defaultHook = hookOf(printPanic)

func init() { hook.Swap(defaultHook) }

// printPanic is the default hook. It writes once, so that what several threads write is not interleaved.
func printPanic(t *Thread, p *PanicError) {
	fmt.Fprintf(os.Stderr, "panic in thread %s: %v\n\n%s", t.Name(), p.Value, p.Stack)
}

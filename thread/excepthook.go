package thread

import (
	"fmt"
	"os"
	"sync/atomic"

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

// exceptHook is nil for the default.
var exceptHook atomic.Pointer[func(*Thread, *PanicError)]

// SetExceptHook makes f the function that is told of every panic that ends a Thread, and returns the one before, which
// is never nil; nil stands for the default, which writes the thread's name, the value and the stack to os.Stderr. It is
// Python's threading.excepthook.
//
// The hook is looked up when the panic happens. It is called in the Thread that panicked, which is alive and Current
// until the hook returns, and by several threads at once if they panic at once. A panic in the hook ends the process;
// runtime.Goexit ends the hook. A Thread that ends by runtime.Goexit is not reported.
func SetExceptHook(f func(*Thread, *PanicError)) (previous func(*Thread, *PanicError)) {
	var hook *func(*Thread, *PanicError)
	if f != nil {
		hook = &f
	}
	return hookFunc(exceptHook.Swap(hook))
}

func hookFunc(hook *func(*Thread, *PanicError)) func(*Thread, *PanicError) {
	if hook == nil {
		return printPanic
	}
	return *hook
}

func init() { hook.Report = report }

// report tells the hook of a panic that was survived. The frames above would recover what the hook panics with, so the
// process is ended from a goroutine that nobody can recover in.
func report(value any, stack []byte) {
	defer func() {
		if v := recover(); v != nil {
			go panic(fmt.Sprintf("thread: the except hook panicked: %v\n\nit was told of: %v\n\n%s", v, value, stack))
			select {}
		}
	}()
	hookFunc(exceptHook.Load())(Current(), &PanicError{Value: value, Stack: stack})
}

// printPanic is the default hook. It writes once, so that what several threads write is not interleaved.
func printPanic(t *Thread, p *PanicError) {
	fmt.Fprintf(os.Stderr, "panic in thread %s: %v\n\n%s", t.Name(), p.Value, p.Stack)
}

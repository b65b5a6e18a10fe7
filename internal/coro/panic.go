package coro

import (
	"fmt"
	"runtime/debug"

	"github.com/gothreading/threading/thread"
)

// A Panic is a panic that goes on in another goroutine than it began in. It is an error, which unwraps to a
// *thread.PanicError with the value and the stack. The text has both: the runtime prints it when nobody recovers, and
// without it the place where it happened would be lost.
type Panic struct{ err *thread.PanicError }

// Recovered returns what to go on with, elsewhere, after the calling function has recovered value. One that has come from
// elsewhere keeps its value, and the stack that it has come through is added.
func Recovered(value any) *Panic {
	stack := debug.Stack()
	if p, ok := value.(*Panic); ok {
		old := p.err.Stack[:len(p.err.Stack):len(p.err.Stack)]
		return &Panic{&thread.PanicError{
			Value: p.err.Value,
			Stack: append(append(old, "\nand went on here:\n"...), stack...),
		}}
	}
	return &Panic{&thread.PanicError{Value: value, Stack: stack}}
}

// Error returns the value in words, and the stack.
func (p *Panic) Error() string {
	return fmt.Sprintf("%v\n\nin a coroutine:\n%s", p.err.Value, p.err.Stack)
}

// Unwrap returns the *thread.PanicError.
func (p *Panic) Unwrap() error { return p.err }

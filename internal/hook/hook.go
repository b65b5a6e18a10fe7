// Package hook holds the except hook of package thread, and catches the panics
// that it is told of. It knows nothing of threads, so that whatever survives
// the panics of others can use it; without package thread in the program they
// are written to standard error.
package hook

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
)

// A Panic is a panic that was caught. Its underlying type is that of
// thread.PanicError, so that one pointer converts to the other.
type Panic struct {
	Value any
	Stack []byte
}

// A Hook is what panics are reported to.
type Hook struct {
	Call func(*Panic) // in the goroutine that panicked
	Func any          // what Call stands for; of interest to whoever made the Hook
}

// current is nil until a Hook is set.
var current atomic.Pointer[Hook]

// Swap sets the Hook and returns the one before, or nil if there was none.
func Swap(h *Hook) (previous *Hook) { return current.Swap(h) }

// Report tells the hook of p, on a goroutine that lives on. If the hook panics,
// Report ends the process and does not return: nobody who is told of an end
// that follows can end it before, with success.
func Report(p *Panic) {
	defer func() {
		if v := recover(); v != nil {
			text := fmt.Sprintf("threading: the except hook panicked: %v\n\n%s\nIt was told of a panic: %v\n\n%s",
				v, debug.Stack(), p.Value, p.Stack)
			// Somebody further up may recover what is thrown here, but nobody
			// can recover in a goroutine of its own.
			go panic(text)
			select {}
		}
	}()
	if h := current.Load(); h != nil {
		h.Call(p)
	} else {
		fmt.Fprintf(os.Stderr, "panic: %v\n\n%s", p.Value, p.Stack)
	}
}

// Catch calls fn. It returns nil if fn returned, and the panic if fn panicked.
// If fn ends its goroutine by runtime.Goexit, Catch does not return, and only
// deferred calls go on.
//
// So it is the flow of control that tells these three apart, and not what
// recover returned, which is nil for a Goexit and, under GODEBUG=panicnil=1,
// for a panic of nil as well. Whoever has something to do in any case does it
// like this:
//
//	err := ErrGoexit
//	defer func() { settle(err) }()
//	err = …Catch(fn)…
//
// A panic of a goroutine that is exiting already, in a deferred call, can be
// returned to nobody, because recovering it does not end the exit. Catch
// reports it.
func Catch(fn func()) (p *Panic) {
	exiting := true
	defer func() {
		if exiting && p != nil && p.Value != nil {
			Report(p)
		}
	}()
	call(fn, &p)
	exiting = false
	return p
}

// call calls fn, and sets p unless fn returned.
func call(fn func(), p **Panic) {
	returned := false
	defer func() {
		if !returned {
			*p = &Panic{Value: recover(), Stack: debug.Stack()}
		}
	}()
	fn()
	returned = true
}

// Run calls fn and reports its panic.
func Run(fn func()) {
	if p := Catch(fn); p != nil {
		Report(p)
	}
}

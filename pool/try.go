package pool

import (
	"runtime/debug"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/thread"
)

// try calls f and returns its panic as a *thread.PanicError. If f ends the
// goroutine, it does not return. Whether f panicked is told by where the call
// comes back and not by the value, which may be nil.
func try(f func()) (err error) {
	returned := false
	var p *thread.PanicError
	func() {
		defer func() {
			if !returned {
				p = &thread.PanicError{Value: recover(), Stack: debug.Stack()}
			}
		}()
		f()
		returned = true
	}()
	if returned {
		return nil
	}
	return p
}

// protect calls f, whose panic is nobody's but the except hook's.
func protect(f func()) {
	if p, ok := try(f).(*thread.PanicError); ok {
		hook.Report(p.Value, p.Stack)
	}
}

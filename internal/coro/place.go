package coro

import (
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/thread"
)

// ErrElsewhere is what Lead returns, and what a switch from there panics with.
var ErrElsewhere = errors.New("coroutine: resumed where it cannot be: one that was started in a synctest bubble, outside of all, " +
	"or while packages are initialized, can be resumed only there")

// A place is what the runtime asks to be the same whenever a coroutine is resumed, so far as that can be told for less
// than the switch costs. In another place the process would crash, or the bubble would count its goroutines wrong and
// find a deadlock where there is none.
//
// What is left is runtime.LockOSThread: to ask whether a goroutine is locked takes a microsecond. Its rule is in the
// documentation of coroutine.
type place struct {
	bubble uint64 // its number, or 0
	early  bool   // the main goroutine, which is locked to its thread while packages are initialized
}

func here() (p place) {
	if up := time.Since(born); up < 0 || up > year {
		p.bubble = goid.Bubble()
	}
	if !initialized.Load() {
		p.early = early()
	}
	return p
}

// The clock of a bubble begins with the year 2000, and so tells it at once, for half of what the time of day costs. (It
// does not in the 27th year of a bubble that was begun in 2026.)
var born = time.Now()

const year = 365 * 24 * time.Hour

// initialized is set when it was seen that the packages are.
var initialized atomic.Bool

// Early reports whether packages are being initialized, on the calling goroutine or on one that it follows.
func Early() bool { return here().early }

// early reports whether packages are being initialized, on the calling goroutine or on one that it follows.
func early() bool {
	main := thread.MainThread().Ident()
	if goid.Get() != main {
		return false // another goroutine, which is not locked
	}
	if goid.Locked() && (goid.Own() != main || initializing()) {
		return true
	}
	initialized.Store(true)
	return false
}

// initializing reports whether the initialization of a package is on the stack. Else the main goroutine has locked
// itself, as programs do for a library that draws.
func initializing() bool {
	pcs := make([]uintptr, 64)
	n := runtime.Callers(1, pcs)
	for n == len(pcs) {
		pcs = make([]uintptr, 2*len(pcs))
		n = runtime.Callers(1, pcs)
	}
	frames := runtime.CallersFrames(pcs[:n])
	for more := n > 0; more; {
		var frame runtime.Frame
		if frame, more = frames.Next(); strings.HasPrefix(frame.Function, "runtime.doInit") {
			return true
		}
	}
	return false
}

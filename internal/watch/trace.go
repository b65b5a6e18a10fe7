//go:build threadingdebug

package watch

import (
	"runtime"
	"sync/atomic"
)

// # Where a lock was acquired
//
// Of all that is recorded when a lock is acquired, runtime.Callers takes longest. But a
// program acquires its locks at few places. So the return addresses on the stack are
// read along the frame pointers, which takes some nanoseconds, and what runtime.Callers
// has said before of the same addresses is said again. That is done only if the
// addresses have been compared with those of runtime.Callers in this very process, and
// not in builds for processors other than amd64.

// A trace is some calls, the innermost first.
type trace struct {
	path  path
	calls []uintptr
}

// depth is how many return addresses tell traces apart: one more than the calls that
// are noted by default, because runtime.Callers leaves out a call that only the
// compiler has made.
const depth = 6

// A path is return addresses, the innermost first, and 0 behind the outermost.
type path [depth]uintptr

// recent are traces that were taken, by a hash of their paths.
var recent [1 << 12]atomic.Pointer[trace]

// readable reports whether frame pointers lead to the return addresses.
var readable = proven()

// here notes where the caller of its caller was called.
//
//go:noinline
func here() *trace {
	if !readable || settings.stack >= depth-1 {
		return calls(2, 1)
	}
	if settings.stack == 0 {
		return nil
	}
	var raw [behind + depth]uintptr
	walk(&raw)
	p := path(raw[behind:])
	hash := uint64(0)
	for _, pc := range p {
		hash = (hash ^ uint64(pc)) * 0x9E3779B97F4A7C15
	}
	place := &recent[hash>>52]
	if t := place.Load(); t != nil && t.path == p {
		return t
	}
	t := calls(2, 1)
	t.path = p
	place.Store(t)
	return t
}

// calls notes the calls from the given one outwards; 0 is that of its caller. Some more
// are noted where calls of this toolkit are in between.
func calls(skip, between int) *trace {
	if settings.stack == 0 {
		return nil
	}
	t := &trace{calls: make([]uintptr, settings.stack+between)}
	t.calls = t.calls[:runtime.Callers(skip+2, t.calls)]
	return t
}

// frames returns the calls.
func (t *trace) frames() *runtime.Frames {
	if t == nil {
		return runtime.CallersFrames(nil)
	}
	return runtime.CallersFrames(t.calls)
}

// proven compares what walk reads with what runtime.Callers says, with enough calls on
// the stack.
func proven() bool { return compare(depth) }

//go:noinline
func compare(more int) bool {
	if more > 0 {
		return compare(more - 1)
	}
	return agrees()
}

// agrees stands where here does.
//
//go:noinline
func agrees() bool {
	var raw [behind + depth]uintptr
	var certain path
	walk(&raw)
	runtime.Callers(3, certain[:])
	return path(raw[behind:]) == certain
}

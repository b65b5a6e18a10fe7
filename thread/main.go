package thread

import (
	"runtime/debug"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/live"
)

// Main calls fn and then waits for every thread and timer that is not a daemon,
// and for every pool that has work: the rule by which a Python program exits.
// What is started while Main waits is waited for, too. Call it from the function
// main:
//
//	func main() { thread.Main(run) }
//
// If fn panics, the panic is reported to the except hook at once, and goes on
// after the wait. So does a [runtime.Goexit]. [os.Exit] ends the process at once.
// Daemons go on until the process ends, which is when main returns; a program
// that is built with -race takes up to a second more.
//
// When fn has returned, in whichever way, [MainThread] has ended if Main was
// called on the main goroutine, and every Join of it returns. Called in a Thread,
// Main does not wait for that Thread itself; two threads that wait in Main for
// each other wait forever, and so does a task of a pool that calls Main.
//
// Called in a testing/synctest bubble, Main waits for what was started in that
// bubble, and for nothing else.
//
// Main panics if fn is nil.
func Main(fn func()) {
	if fn == nil {
		panic("thread: Main with a nil func")
	}
	// Deferred, so that a panic of fn waits on top of the frames that panicked.
	defer waitForOthers()
	if !callMain(fn) {
		goOn(nil) // a panic of nil, which could not be told from an exit before it came back
	}
}

// callMain calls fn, and returns false if fn panicked with nil.
func callMain(fn func()) (returned bool) {
	defer func() {
		if v := recover(); v != nil {
			goOn(v)
		}
	}()
	fn()
	return true
}

// goOn reports a panic with v and panics with it again, also if the hook exits.
func goOn(v any) {
	defer panic(v)
	hook.Report(&hook.Panic{Value: v, Stack: debug.Stack()})
}

func waitForOthers() {
	self := running(goid.Get())
	if self == nil {
		live.Wait(nil)
		return
	}
	if self == mainThread {
		self.end.Open()
	}
	live.Wait(&self.entry)
}

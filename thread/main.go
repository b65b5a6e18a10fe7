package thread

import (
	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/live"
)

// Main runs fn on the calling goroutine and then waits for every thread and timer that is not a daemon, also for those
// that are started meanwhile: the rule by which a Python program exits. Call it from the function main:
//
//	func main() { thread.Main(run) }
//
// A panic or runtime.Goexit of fn goes on after the wait, with its own stack; os.Exit ends the process at once.
// Threads that are daemons go on until the process has ended, which is when main returns, but for a program that is
// built with -race: that one takes up to a second more.
//
// When fn has returned, in whichever way, MainThread has ended if Main was called on the main goroutine, and whoever
// joined it is released. Called in a Thread, Main does not wait for that Thread itself; two that wait in Main for each
// other wait for ever. Within a synctest bubble every thread and timer that is alive and not a daemon must be the
// bubble's.
//
// Main panics if fn is nil.
func Main(fn func()) {
	if fn == nil {
		panic("thread: Main with a nil func")
	}
	// Deferred, instead of recovering and panicking again, so that nothing about a panic of fn is changed.
	defer func() {
		self := running(goid.Get())
		if self == nil {
			live.Wait(nil)
			return
		}
		if self == mainThread {
			self.end.Open()
		}
		live.Wait(&self.end)
	}()
	fn()
}

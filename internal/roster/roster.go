// Package roster is what package thread tells those inside this module: the
// threads that are alive, to a report that is not linked with it; and what a pool
// needs for its workers.
package roster

// A Thread is a thread that is alive.
type Thread struct {
	Goroutine uint64 // 0: it has not begun
	Name      string
	Daemon    bool
}

// Threads returns the threads that are alive, the main one first. It is set by the
// initialization of package thread, and nil in a program without it.
var Threads func() []Thread

// Adopt makes the calling goroutine, which is none yet, a daemon thread with this
// name until fn has returned or exits. A panic of fn ends the process. What fn is
// given shows the name in profiles again, after code of others may have shown
// something else there. Adopt is set by the initialization of package thread.
var Adopt func(name string, fn func(show func()))

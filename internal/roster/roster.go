// Package roster is what package thread tells those inside this module: the
// threads that are alive, to a report that is not linked with it; and how a pool
// shows the name of a worker again.
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

// Labeler returns what shows the name of the calling thread in profiles of its
// goroutine, after code of others may have shown something else. It is set by the
// initialization of package thread.
var Labeler func() (show func())

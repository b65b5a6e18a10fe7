// Package roster lets a report name the threads that are alive, without being
// linked with package thread, which tells it.
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

// Package nonblock makes one system call on the descriptor of an open file or connection, and never waits for it: not
// for the system, and not for another goroutine that reads or writes the same one. Deadlines do not matter.
//
// Everything goes through RawConn.Control, which takes none of the locks that Read, Write and Accept of the same file
// hold while they wait, and fails if the file was closed. Where there is nothing to build on, the error is
// errors.ErrUnsupported.
package nonblock

import (
	"errors"
	"os"
	"syscall"
)

// ErrWouldBlock is the error of a call that would have to wait.
var ErrWouldBlock = errors.New("selectors: the call would have to wait")

// ErrNotSelectable is the error of a RawConn that calls nobody back, and of what has no RawConn.
var ErrNotSelectable = errors.New("selectors: there is no descriptor to wait for")

// Control calls f once with the descriptor of conn, and returns the error of either.
func Control(conn syscall.RawConn, f func(fd int) error) error {
	ran := false
	var failed error
	err := conn.Control(func(fd uintptr) {
		if !ran {
			ran = true
			failed = f(int(fd))
		}
	})
	switch {
	case err != nil && err.Error() == "use of closed file":
		return os.ErrClosed // what an *os.File says is an error of a package that nobody can import
	case err != nil:
		return err
	case !ran:
		return ErrNotSelectable
	}
	return failed
}

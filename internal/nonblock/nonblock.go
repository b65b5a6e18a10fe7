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
	return (&call{do: func(c *call, fd int) error { return f(fd) }}).on(conn)
}

// A call is what is done with a descriptor: a function, what it works with and what it comes to. Together they are one
// thing to allocate.
type call struct {
	do  func(c *call, fd int) error
	b   []byte
	n   int
	err error
	ran bool
}

// on makes the call on the descriptor of conn, once.
func (c *call) on(conn syscall.RawConn) error {
	err := conn.Control(c.run)
	switch {
	case err != nil && err.Error() == "use of closed file":
		return os.ErrClosed // what an *os.File says is an error of a package that nobody can import
	case err != nil:
		return err
	case !c.ran:
		return ErrNotSelectable
	}
	return c.err
}

func (c *call) run(fd uintptr) {
	if !c.ran {
		c.ran = true
		c.err = c.do(c, int(fd))
	}
}

package nonblock

import (
	"net"
	"os"
	"syscall"
)

// Accept accepts a connection.
//
// What net builds a connection from is a duplicate of the descriptor, so two are needed for a moment. The second is
// reserved before the connection is accepted: where descriptors have run out, the client stays in the backlog, for
// whoever accepts when there are some again.
func Accept(conn syscall.RawConn) (accepted net.Conn, err error) {
	err = Control(conn, func(fd int) error {
		for {
			reserved, err := fcntl(fd, syscall.F_DUPFD_CLOEXEC)
			if err != nil {
				return failed("fcntl", err)
			}
			raw, _, err := syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			_ = syscall.Close(reserved)
			switch err {
			case nil:
				file := os.NewFile(uintptr(raw), "accepted")
				accepted, err = net.FileConn(file)
				_ = file.Close()
				return err
			case syscall.EINTR, syscall.ECONNABORTED:
			default:
				return failed("accept4", err)
			}
		}
	})
	return accepted, err
}

package nonblock

import (
	"errors"
	"io"
	"os"
	"syscall"
	"unsafe"
)

// never is the flag that makes a call on a socket return instead of waiting, also where the descriptor is blocking, as
// it is once somebody has called Fd of a duplicate.
const never = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// Read reads once. At the end it returns io.EOF; an empty b, and an empty packet, are no end. It is for a connection;
// ReadFile is the same for a file, which most probably is none: the two only guess differently.
func Read(conn syscall.RawConn, b []byte) (int, error) {
	return (&call{do: (*call).read, b: b}).count(conn)
}

// ReadFile is like Read.
func ReadFile(conn syscall.RawConn, b []byte) (int, error) {
	return (&call{do: (*call).readFile, b: b}).count(conn)
}

// Write writes once, as much as there is room for.
func Write(conn syscall.RawConn, b []byte) (int, error) {
	return (&call{do: (*call).write, b: b}).count(conn)
}

// WriteFile is like Write.
func WriteFile(conn syscall.RawConn, b []byte) (int, error) {
	return (&call{do: (*call).writeFile, b: b}).count(conn)
}

// count returns how much was transferred too.
func (c *call) count(conn syscall.RawConn) (int, error) {
	err := c.on(conn)
	return c.n, err
}

func (c *call) read(fd int) (err error) {
	if len(c.b) == 0 {
		return nil // to read nothing would throw a packet away
	}
	if c.n, _, err = receive(fd, c.b); err == syscall.ENOTSOCK {
		return c.readFile(fd)
	}
	return c.end(fd, err)
}

func (c *call) readFile(fd int) (err error) {
	if len(c.b) == 0 {
		return nil
	}
	if c.n, err = readFile(fd, c.b); err == errBlockingSocket {
		return c.read(fd)
	}
	return c.end(fd, err)
}

// end says what it means that a read has returned.
func (c *call) end(fd int, err error) error {
	switch {
	case err != nil:
		c.n = 0
		return failed("read", err)
	case c.n == 0 && len(c.b) > 0 && !isPacket(fd):
		return io.EOF
	}
	return nil
}

func (c *call) write(fd int) (err error) {
	if c.n, err = send(fd, c.b, nil); err == syscall.ENOTSOCK {
		return c.writeFile(fd)
	}
	return failed("write", err)
}

func (c *call) writeFile(fd int) (err error) {
	if c.n, err = writeFile(fd, c.b); err == errBlockingSocket {
		return c.write(fd)
	}
	return failed("write", err)
}

// receive reads once from a socket.
func receive(fd int, b []byte) (n int, from syscall.Sockaddr, err error) {
	for {
		n, from, err = syscall.Recvfrom(fd, b, never)
		if err != syscall.EINTR {
			return n, from, err
		}
	}
}

func send(fd int, b []byte, to syscall.Sockaddr) (n int, err error) {
	for {
		n, err = syscall.SendmsgN(fd, b, nil, to, never)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// isPacket reports whether a socket's reads return packets, of which one may be empty.
func isPacket(fd int) bool {
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	return err == nil && (kind == syscall.SOCK_DGRAM || kind == syscall.SOCK_RAW)
}

// errBlockingSocket says that a file is a socket, of which one asks in another way not to wait.
var errBlockingSocket = errors.New("a blocking socket")

// readFile reads once from what is no socket, or does not wait anyway.
func readFile(fd int, b []byte) (n int, err error) {
	blocking, kind, err := mode(fd)
	switch {
	case err != nil:
		return 0, err
	case blocking && kind == syscall.S_IFSOCK:
		return 0, errBlockingSocket
	case blocking:
		if ready, err := isReady(fd, pollIn); !ready {
			return 0, err
		}
	}
	for {
		n, err = syscall.Read(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}

// writeFile writes to what is no socket, or does not wait anyway. A blocking descriptor is not asked for more than it is
// known to have room for: that is a page for a pipe, and may be a single byte for anything else, such as a terminal.
func writeFile(fd int, b []byte) (n int, err error) {
	blocking, kind, err := mode(fd)
	switch {
	case err != nil:
		return 0, err
	case !blocking:
		return writeOnce(fd, b)
	case kind == syscall.S_IFSOCK:
		return 0, errBlockingSocket
	}
	part := 1
	switch kind {
	case syscall.S_IFREG, syscall.S_IFBLK:
		part = len(b)
	case syscall.S_IFIFO:
		part = 4096 // PIPE_BUF
	}
	for {
		ready, err := isReady(fd, pollOut)
		if ready {
			var wrote int
			wrote, err = writeOnce(fd, b[n:min(n+part, len(b))])
			n += wrote
		}
		switch {
		case n > 0 && err != nil:
			return n, nil // the next call will fail likewise
		case err != nil, n == len(b):
			return n, err
		}
	}
}

// mode reports whether calls on a descriptor wait, and if so of what kind it is.
func mode(fd int) (blocking bool, kind uint32, err error) {
	flags, err := fcntl(fd, syscall.F_GETFL)
	if err != nil || flags&syscall.O_NONBLOCK != 0 {
		return false, 0, err
	}
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return true, 0, err
	}
	return true, uint32(s.Mode) & syscall.S_IFMT, nil
}

func writeOnce(fd int, b []byte) (n int, err error) {
	for {
		n, err = syscall.Write(fd, b)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

const (
	pollIn  = 0x1
	pollOut = 0x4
)

// IsReadable reports whether a read would return at once, be it with an error.
func IsReadable(fd int) bool {
	ready, _ := isReady(fd, pollIn)
	return ready
}

// isReady asks poll whether a call would return at once, be it with an error. If not, the error says why not.
func isReady(fd int, events int16) (bool, error) {
	asked := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd), events: events}
	for {
		var zero syscall.Timespec
		n, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&asked)), 1,
			uintptr(unsafe.Pointer(&zero)), 0, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return false, errno
		case n == 0:
			return false, syscall.EAGAIN
		default:
			return true, nil
		}
	}
}

func fcntl(fd, command int) (int, error) {
	value, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), uintptr(command), 0)
	if errno != 0 {
		return 0, errno
	}
	return int(value), nil
}

// failed names the call that failed; to have to wait is no failure.
func failed(call string, err error) error {
	switch err {
	case nil:
		return nil
	case syscall.EAGAIN:
		return ErrWouldBlock
	}
	return os.NewSyscallError(call, err)
}

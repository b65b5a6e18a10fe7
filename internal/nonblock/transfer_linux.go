package nonblock

import (
	"io"
	"os"
	"syscall"
	"unsafe"
)

// never is the flag that makes a call on a socket return instead of waiting, also where the descriptor is blocking, as
// it is once somebody has called Fd of a duplicate.
const never = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// Read reads once. At the end it returns io.EOF; an empty b, and an empty packet, are no end.
func Read(conn syscall.RawConn, b []byte) (int, error) {
	c := &call{do: (*call).read, b: b}
	err := c.on(conn)
	return c.n, err
}

func (c *call) read(fd int) (err error) {
	if len(c.b) == 0 {
		return nil // to read nothing would throw a packet away
	}
	c.n, err = receive(fd, c.b, nil)
	return err
}

// Write writes once, as much as there is room for.
func Write(conn syscall.RawConn, b []byte) (int, error) {
	c := &call{do: (*call).write, b: b}
	err := c.on(conn)
	return c.n, err
}

func (c *call) write(fd int) (err error) {
	c.n, err = send(fd, c.b, nil)
	if err == syscall.ENOTSOCK {
		c.n, err = writeFile(fd, c.b)
	}
	return failed("write", err)
}

// receive reads once from a descriptor of any kind, and tells the sender if from is not nil and there is one.
func receive(fd int, b []byte, from *syscall.Sockaddr) (n int, err error) {
	var sender syscall.Sockaddr
	for {
		n, sender, err = syscall.Recvfrom(fd, b, never)
		if err != syscall.EINTR {
			break
		}
	}
	packet := false
	switch {
	case err == syscall.ENOTSOCK && from == nil:
		n, err = readFile(fd, b)
	case err == nil && n == 0:
		packet = isPacket(fd)
	}
	if err != nil {
		return 0, failed("read", err)
	}
	if n == 0 && len(b) > 0 && !packet {
		return 0, io.EOF
	}
	if from != nil {
		*from = sender
	}
	return n, nil
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

// readFile reads once from what is no socket.
func readFile(fd int, b []byte) (n int, err error) {
	mode, err := fcntl(fd, syscall.F_GETFL)
	if err != nil {
		return 0, err
	}
	if mode&syscall.O_NONBLOCK == 0 {
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

// writeFile writes to what is no socket. A blocking descriptor is not asked for more than it is known to have room for:
// that is a page for a pipe, and may be a single byte for anything else, such as a terminal.
func writeFile(fd int, b []byte) (n int, err error) {
	mode, err := fcntl(fd, syscall.F_GETFL)
	if err != nil {
		return 0, err
	}
	if mode&syscall.O_NONBLOCK != 0 {
		return writeOnce(fd, b)
	}
	part, err := room(fd, len(b))
	if err != nil {
		return 0, err
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

func writeOnce(fd int, b []byte) (n int, err error) {
	for {
		n, err = syscall.Write(fd, b)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// room returns how much of n may be written at a time to a blocking descriptor that is ready.
func room(fd, n int) (int, error) {
	const page = 4096 // PIPE_BUF
	var s syscall.Stat_t
	if err := syscall.Fstat(fd, &s); err != nil {
		return 0, err
	}
	switch s.Mode & syscall.S_IFMT {
	case syscall.S_IFREG, syscall.S_IFBLK:
		return n, nil
	case syscall.S_IFIFO:
		return page, nil
	}
	return 1, nil
}

const (
	pollIn  = 0x1
	pollOut = 0x4
)

// isReady asks poll whether a call would return at once, be it with an error. If not, the error says why not.
func isReady(fd int, events int16) (bool, error) {
	asked := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd), events: events}
	for {
		var zero syscall.Timespec
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&asked)), 1,
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

package selectors

import (
	"io"
	"net"
	"os"

	"github.com/gothreading/threading/internal/nonblock"
)

// TryRead reads once from a file that Register takes, and never waits. It returns
// the number of bytes read: Python's recv, or os.read, of a nonblocking file.
//
// TryRead returns [ErrWouldBlock] if there is nothing to read, which can be so
// although a Select has just reported the file; 0 and io.EOF at the end; and 0
// and no error for an empty b and for an empty packet. Deadlines do not matter,
// and neither does a goroutine that waits in a Read of the same file. TryRead
// asks the descriptor: if a type embeds a connection, its own Read is not
// called.
//
// A blocking descriptor, such as a terminal's, is polled before it is read. Only
// another process that reads from the same terminal or pipe at that moment can
// make TryRead wait.
func TryRead(file any, b []byte) (int, error) {
	conn, err := rawConn("TryRead", file)
	if err != nil {
		return 0, err
	}
	call := nonblock.Read
	if _, ok := file.(*os.File); ok {
		call = nonblock.ReadFile
	}
	n, err := call(conn, b)
	return n, outcome("TryRead", file, err)
}

// TryWrite writes once to a file that Register takes, and never waits. It returns
// the number of bytes written, which may be a part of b, and then no error:
// Python's send, or os.write, of a nonblocking file. It returns [ErrWouldBlock] if
// there is no room. Otherwise it is like [TryRead].
func TryWrite(file any, b []byte) (int, error) {
	conn, err := rawConn("TryWrite", file)
	if err != nil {
		return 0, err
	}
	call := nonblock.Write
	if _, ok := file.(*os.File); ok {
		call = nonblock.WriteFile
	}
	n, err := call(conn, b)
	return n, outcome("TryWrite", file, err)
}

// TryAccept accepts a connection from a *net.TCPListener or *net.UnixListener, and
// never waits: Python's accept of a nonblocking socket. The connection is what
// Accept would have returned. TryAccept returns [ErrWouldBlock] if there is none.
// If there is no descriptor left, the connection stays in the backlog, and the
// error says so.
func TryAccept(l net.Listener) (net.Conn, error) {
	conn, err := rawConn("TryAccept", l)
	if err != nil {
		return nil, err
	}
	c, err := nonblock.Accept(conn)
	return c, outcome("TryAccept", l, err)
}

// TryReadFrom reads a packet and returns its sender, and never waits: Python's
// recvfrom. What does not fit into b is lost. The address is nil if the sender
// has none, such as a Unix socket that is not bound. Otherwise it is like
// [TryRead], with the exception that an empty b takes a packet.
func TryReadFrom(file any, b []byte) (int, net.Addr, error) {
	conn, err := rawConn("TryReadFrom", file)
	if err != nil {
		return 0, nil, err
	}
	n, from, err := nonblock.ReadFrom(conn, network(file), b)
	return n, from, outcome("TryReadFrom", file, err)
}

// TryWriteTo sends a packet, and never waits: Python's sendto. The address is one
// of the socket's own kind: a *net.UDPAddr, *net.IPAddr or *net.UnixAddr.
// Otherwise it is like [TryWrite].
func TryWriteTo(file any, b []byte, to net.Addr) (int, error) {
	conn, err := rawConn("TryWriteTo", file)
	if err != nil {
		return 0, err
	}
	n, err := nonblock.WriteTo(conn, b, to)
	return n, outcome("TryWriteTo", file, err)
}

// outcome is the error of a Try function. The end, and to have to wait, are no failures, and cost nothing.
func outcome(call string, file any, err error) error {
	if err == nil || err == io.EOF || err == ErrWouldBlock {
		return err
	}
	return failed(call, file, err)
}

// network is that of the addresses of a socket.
func network(file any) string {
	if s, ok := file.(interface{ LocalAddr() net.Addr }); ok {
		if a := s.LocalAddr(); a != nil {
			return a.Network()
		}
	}
	return ""
}

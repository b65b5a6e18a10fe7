package selectors

import (
	"io"
	"net"
	"os"

	"github.com/gothreading/threading/internal/nonblock"
)

// TryRead reads once from what Register takes, without waiting, and returns how much it read: Python's recv, or os.read,
// on a nonblocking file.
//
// It returns ErrWouldBlock if there is nothing to read, which is possible although a Select has just reported the file;
// 0 and io.EOF at the end; and 0 and no error for an empty b and for an empty packet. Neither deadlines nor a goroutine
// that waits in a Read of the same file are in its way. It asks the descriptor, past what a type that embeds a connection
// does in its own Read.
//
// A descriptor may be a blocking one, as that of a terminal is. Then TryRead looks before it reads; only another
// process that reads the same terminal or pipe at that moment can make it wait.
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

// TryWrite writes once to what Register takes, without waiting, and returns how much it wrote, which may be a part and is
// then no error: Python's send, or os.write, on a nonblocking file. It returns ErrWouldBlock if there is no room at all.
// Everything else is as for TryRead.
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

// TryAccept accepts a connection of a *net.TCPListener or *net.UnixListener, without waiting: Python's accept on a
// nonblocking socket. It returns ErrWouldBlock if there is none. The connection is what Accept would have returned. If no
// descriptor is left for it, it stays in the backlog.
func TryAccept(l net.Listener) (net.Conn, error) {
	conn, err := rawConn("TryAccept", l)
	if err != nil {
		return nil, err
	}
	c, err := nonblock.Accept(conn)
	return c, outcome("TryAccept", l, err)
}

// TryReadFrom reads a packet and returns who sent it, without waiting: Python's recvfrom. What does not fit into b is
// lost. The address is nil if the sender has none, as a Unix socket that is not bound. Everything else is as for TryRead,
// but that an empty b takes a packet.
func TryReadFrom(file any, b []byte) (int, net.Addr, error) {
	conn, err := rawConn("TryReadFrom", file)
	if err != nil {
		return 0, nil, err
	}
	n, from, err := nonblock.ReadFrom(conn, network(file), b)
	return n, from, outcome("TryReadFrom", file, err)
}

// TryWriteTo sends a packet, without waiting: Python's sendto. The address is one of the socket's own kind: a
// *net.UDPAddr, *net.IPAddr or *net.UnixAddr. Everything else is as for TryWrite.
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

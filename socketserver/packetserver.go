package socketserver

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
)

// A PacketServer receives packets and runs a handler for each: Python's UDPServer,
// UnixDatagramServer, and their threading variants. Make a PacketServer with
// [ListenPacket] or [NewPacket]; the zero value is not usable, and a PacketServer
// must not be copied. Memory model, fairness and giving up are as for a [Server].
//
// Without Limit, each packet of a flood has a handler of its own. Packets that
// come faster than they are received are dropped by the system.
//
// After Close the socket is closed when the last handler has returned, so that
// handlers can still answer. Terminate closes it at once.
type PacketServer struct {
	service
	conn   net.PacketConn
	handle func(*Packet) error
	file   string      // of a Unix socket that is ours to remove
	bound  os.FileInfo // what that was when it was bound
}

// ListenPacket returns a PacketServer that is bound to an address, as by
// [net.ListenPacket]. The network is "udp", "unixgram", or another one of
// net.ListenPacket. The file of a Unix socket is treated as in [Listen].
//
// ListenPacket panics if handle is nil, and with [ErrValue] if an option makes no
// sense for packets, as Timeout and Verify do not.
func ListenPacket(network, addr string, handle func(*Packet) error, opts ...Option) (*PacketServer, error) {
	checkHandle("ListenPacket", handle == nil)
	c := choosePackets("ListenPacket", opts)
	conn, err := bind(network, addr, net.ListenPacket)
	if err != nil {
		return nil, fmt.Errorf("socketserver: ListenPacket: %w", err)
	}
	s := newPacketServer(conn, handle, c)
	if isFile(network, addr) {
		s.file = addr
		s.bound, _ = os.Lstat(addr)
	}
	return s, nil
}

// NewPacket returns a PacketServer that receives from conn, and owns it from then
// on. It panics like ListenPacket, and if conn is nil.
func NewPacket(conn net.PacketConn, handle func(*Packet) error, opts ...Option) *PacketServer {
	checkHandle("NewPacket", handle == nil)
	if conn == nil {
		panic("socketserver: NewPacket with a nil net.PacketConn")
	}
	return newPacketServer(conn, handle, choosePackets("NewPacket", opts))
}

func choosePackets(call string, opts []Option) choices {
	c := choose(opts)
	if c.streams != nil {
		panic(fmt.Errorf("%w: %s with %s, which is for a Server", ErrValue, call, c.streams[0]))
	}
	return c
}

func newPacketServer(conn net.PacketConn, handle func(*Packet) error, c choices) *PacketServer {
	s := &PacketServer{conn: conn, handle: handle}
	s.init(c, &receiving{s, packets(s)})
	return s
}

// Addr returns the address of the socket: Python's server_address.
func (s *PacketServer) Addr() net.Addr { return s.conn.LocalAddr() }

// A receiving is a socket as the source of tasks.
type receiving struct {
	server *PacketServer
	input  *input[*Packet]
}

func packets(s *PacketServer) *input[*Packet] {
	var buf []byte // of whoever receives, which is one goroutine at a time
	room := func() []byte {
		if buf == nil {
			buf = make([]byte, s.bufferSize())
		}
		return buf
	}
	in := &input[*Packet]{
		accept: func() (*Packet, error) {
			if s.isClosed() { // which Close makes so before it sets a deadline
				return nil, ErrClosed
			}
			b := room()
			n, from, err := s.conn.ReadFrom(b)
			return s.packet(b[:max(n, 0)], from, err)
		},
		setDeadline: s.conn.SetReadDeadline,
		drop:        func(*Packet) {},
		begin:       s.begin,
		done:        s.done,
	}
	look := func(conn interface {
		net.PacketConn
		SyscallConn() (syscall.RawConn, error)
	}) {
		in.look = func() (*Packet, error) {
			raw, err := conn.SyscallConn()
			if err != nil {
				return nil, err
			}
			b := room()
			n, from, err := nonblock.ReadFrom(raw, conn.LocalAddr().Network(), b)
			return s.packet(b[:n], from, err)
		}
	}
	switch conn := s.conn.(type) {
	case *net.UDPConn:
		look(conn)
	case *net.UnixConn:
		look(conn)
	}
	return in
}

// bufferSize is MaxPacket; but Windows fails where others cut, so there is room for any packet.
func (s *PacketServer) bufferSize() int {
	if runtime.GOOS == "windows" {
		return max(s.maxPacket, 1<<16)
	}
	return s.maxPacket
}

// packet returns a Packet with a copy of what was received.
func (s *PacketServer) packet(data []byte, from net.Addr, err error) (*Packet, error) {
	if err != nil {
		return nil, err
	}
	if a, ok := from.(*net.UnixAddr); ok && a == nil {
		from = nil
	}
	data = data[:min(len(data), s.maxPacket)]
	return &Packet{Data: append(make([]byte, 0, len(data)), data...), from: from, server: s}, nil
}

func (r *receiving) wait(limit netwait.Limit) (task, error) { return asTask(r.input.wait(limit)) }
func (r *receiving) try() (task, error)                     { return asTask(r.input.try()) }

func asTask(p *Packet, err error) (task, error) {
	if err != nil {
		return nil, err
	}
	return p, nil
}

// stop ends a wait. If the socket knows no deadlines it must be closed for that, and answers cannot be sent any more.
func (r *receiving) stop() {
	defer r.input.stop()
	if r.server.conn.SetReadDeadline(time.Unix(1, 0)) != nil {
		_ = r.server.conn.Close()
	}
}

func (r *receiving) finish() {
	s := r.server
	if s.bound != nil {
		if now, err := os.Lstat(s.file); err == nil && os.SameFile(now, s.bound) {
			_ = os.Remove(s.file)
		}
	}
	_ = s.conn.Close()
}

package socketserver

import (
	"bufio"
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/nonblock"
)

// A Conn is a connection that a handler serves: the self of a handler in Python.
// It is a net.Conn. Its field Conn is what the listener returned, such as a
// *net.TCPConn or *tls.Conn.
//
//	self.request, self.wfile   the Conn itself; a Write is not buffered
//	self.rfile                 Reader
//	self.client_address        RemoteAddr
//	self.server                Server
//
// A Conn is closed when its handler has returned. The handler may close it before,
// and may use it from several goroutines, as any net.Conn. A Conn must not be
// copied.
type Conn struct {
	net.Conn
	server *Server
	client net.Addr // nil: the address that Conn says
	task   job
	reader atomic.Pointer[bufio.Reader]
	reads  *deadline // nil: no Timeout
	writes *deadline
}

func newConn(c net.Conn, s *Server) *Conn {
	conn := &Conn{Conn: c, server: s}
	if s.timeout > 0 && s.timeout != forever {
		conn.reads = &deadline{limit: s.timeout, apply: c.SetReadDeadline}
		conn.writes = &deadline{limit: s.timeout, apply: c.SetWriteDeadline}
	}
	return conn
}

// Context returns the context of the handler. It ends when the handler has
// returned, and by Terminate, with the cause [ErrTerminated]. It has the values of
// the context that was given to ServeContext or HandleRequestContext, but does not
// end with that.
func (c *Conn) Context() context.Context { return c.task.context() }

// Server returns the server that accepted the connection. In a child of
// [Processes] it stands in for that: it knows the address and this connection, and
// to close it closes nothing.
func (c *Conn) Server() *Server { return c.server }

// RemoteAddr returns the address of the client.
func (c *Conn) RemoteAddr() net.Addr {
	if c.client != nil {
		return c.client
	}
	return c.Conn.RemoteAddr()
}

// Reader returns a buffered reader of the connection, the same one each time:
// Python's rfile. The first call makes it. From then on Read takes what is
// buffered first, so that both may be used.
func (c *Conn) Reader() *bufio.Reader {
	if r := c.reader.Load(); r != nil {
		return r
	}
	c.reader.CompareAndSwap(nil, bufio.NewReader(unbuffered{c}))
	return c.reader.Load()
}

// Read reads from the connection. It takes at most as long as Timeout says.
func (c *Conn) Read(b []byte) (int, error) {
	if r := c.reader.Load(); r != nil && r.Buffered() > 0 {
		return r.Read(b)
	}
	return unbuffered{c}.Read(b)
}

// An unbuffered reads past the buffer.
type unbuffered struct{ c *Conn }

func (u unbuffered) Read(b []byte) (int, error) {
	if d := u.c.reads; d != nil {
		if err := d.begin(); err != nil {
			return 0, err
		}
		defer d.end()
	}
	return u.c.Conn.Read(b)
}

// Write writes b to the connection. It takes at most as long as Timeout says.
func (c *Conn) Write(b []byte) (int, error) {
	if d := c.writes; d != nil {
		if err := d.begin(); err != nil {
			return 0, err
		}
		defer d.end()
	}
	return c.Conn.Write(b)
}

// SetDeadline sets the deadline of Read and Write, which Timeout bounds too.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.reads == nil {
		return c.Conn.SetDeadline(t)
	}
	if err := c.reads.set(t); err != nil {
		return err
	}
	return c.writes.set(t)
}

// SetReadDeadline sets the deadline of Read, which Timeout bounds too.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.reads == nil {
		return c.Conn.SetReadDeadline(t)
	}
	return c.reads.set(t)
}

// SetWriteDeadline sets the deadline of Write, which Timeout bounds too.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.writes == nil {
		return c.Conn.SetWriteDeadline(t)
	}
	return c.writes.set(t)
}

func (c *Conn) job() *job       { return &c.task }
func (c *Conn) name() string    { return addrText(c.RemoteAddr()) }
func (c *Conn) needsLook() bool { return c.server.verify != nil }
func (c *Conn) tell(err error)  { c.server.onError(c, err) }

func (c *Conn) serve() error {
	if verify := c.server.verify; verify != nil {
		if !verify(c.Conn) {
			return nil
		}
		c.server.admitVerified(&c.task)
	}
	return c.server.handle(c)
}

// close sends the end, and then closes. A kernel that closes a connection with something in it that was not read resets
// it, and the client may lose what was written last; so what has come is thrown away first.
func (c *Conn) close() {
	defer c.Conn.Close()
	if c.server.standsIn {
		return // the parent process has the connection too, and does all that
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		discard(bare(c.Conn))
	}
}

// cut closes what is below TLS: to say goodbye would take as long as the client likes.
func (c *Conn) cut() {
	_ = bare(c.Conn).Close()
	if crew := c.server.crew; crew != nil {
		crew.cut(c)
	}
}

// bare returns the connection that a *tls.Conn, or another one with a method NetConn, is over.
func bare(c net.Conn) net.Conn {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		if under := over.NetConn(); under != nil {
			return under
		}
	}
	return c
}

// discard reads what there is, up to a bound, without waiting.
func discard(c net.Conn) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	var buf [4 << 10]byte
	for range 64 {
		if n, err := nonblock.Read(raw, buf[:]); n == 0 || err != nil {
			return
		}
	}
}

// addrText is empty for a client without an address.
func addrText(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

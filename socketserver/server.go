package socketserver

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/nonblock"
)

// A Server accepts connections and runs a handler for each: Python's TCPServer,
// UnixStreamServer, and their threading variants. Make a Server with [Listen] or
// [New]; the zero value is not usable, and a Server must not be copied.
//
// Memory model: what happens before a call of Serve or HandleRequest synchronizes
// before the handlers that it calls, and the return of a handler before that of a
// Join, and of any Stats that counts it as Served.
//
// Fairness: goroutines that accept take turns, as with a lock.Lock.
//
// A HandleRequest that gives up accepts nothing: a client that comes at that
// moment is handled by the call, or waits for the next.
//
// A connection costs a thread of package thread, some 8 KB, and no more time than
// with a loop of Accept and go statements around package net.
//
// For HTTP use net/http. A loop around Accept does for a program that never shuts
// down and never runs out of descriptors.
type Server struct {
	service
	listener net.Listener
	handle   func(*Conn) error
	crew     *crew // nil: handlers run in threads of this process
	standsIn bool  // for that of the parent process
}

// Listen returns a Server that is bound to an address, as by [net.Listen]. The
// network is "tcp", "unix", or another one of net.Listen. Clients wait in the
// backlog until Serve or HandleRequest.
//
// The file of a Unix socket is removed when the server is closed. A file that a
// dead server has left is replaced. If a server is alive there, or the file is not
// a socket, Listen returns an error that says so.
//
// Listen panics if handle is nil, unless there are [Processes].
func Listen(network, addr string, handle func(*Conn) error, opts ...Option) (*Server, error) {
	c := chooseHandle("Listen", handle, opts)
	if err := c.unsupported(); err != nil {
		return nil, fmt.Errorf("socketserver: Listen: %w", err)
	}
	l, err := bind(network, addr, net.Listen)
	if err != nil {
		return nil, fmt.Errorf("socketserver: Listen: %w", err)
	}
	return newServer(l, handle, c), nil
}

// New returns a Server that accepts from l, and owns it from then on.
//
// With a listener of crypto/tls it serves TLS. The handshake takes place in the
// handler, at its first Read or Write, so a handshake that fails or is slow
// concerns one connection only.
//
// New panics if l is nil, and if handle is nil, unless there are [Processes].
func New(l net.Listener, handle func(*Conn) error, opts ...Option) *Server {
	c := chooseHandle("New", handle, opts)
	if l == nil {
		panic("socketserver: New with a nil net.Listener")
	}
	return newServer(l, handle, c)
}

func newServer(l net.Listener, handle func(*Conn) error, c choices) *Server {
	s := &Server{listener: l, handle: handle}
	if c.handler != nil {
		c.limit = min(c.limit, c.children)
		s.crew = newCrew(s, c)
		s.handle = s.crew.handle
	}
	s.init(c, &listening{s, connections(s)})
	return s
}

// chooseHandle sees to it that there is one handle.
func chooseHandle(call string, handle func(*Conn) error, opts []Option) choices {
	c := choose(opts)
	if c.handler == nil {
		checkHandle(call, handle == nil)
	} else if handle != nil {
		panic(fmt.Errorf("%w: %s with a handle and with Processes, whose Handler handles", ErrValue, call))
	}
	return c
}

func checkHandle(call string, missing bool) {
	if missing {
		panic("socketserver: " + call + " with a nil func")
	}
}

// Addr returns the address of the listener: Python's server_address.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// A listening is a listener as the source of tasks.
type listening struct {
	server *Server
	input  *input[net.Conn]
}

func connections(s *Server) *input[net.Conn] {
	in := &input[net.Conn]{
		accept: s.listener.Accept,
		drop:   func(c net.Conn) { _ = bare(c).Close() },
		begin:  s.begin,
		done:   s.done,
	}
	switch l := s.listener.(type) {
	case *net.TCPListener:
		in.setDeadline, in.look = l.SetDeadline, lookAt(l)
	case *net.UnixListener:
		in.setDeadline, in.look = l.SetDeadline, lookAt(l)
	}
	return in
}

// lookAt returns an Accept of l that does not wait.
func lookAt(l syscall.Conn) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		raw, err := l.SyscallConn()
		if err != nil {
			return nil, err
		}
		return nonblock.Accept(raw)
	}
}

func (l *listening) wait(limit netwait.Limit) (task, error) {
	if err := l.server.canPass(); err != nil {
		return nil, err
	}
	c, err := l.input.wait(limit)
	return l.task(c, err)
}

func (l *listening) try() (task, error) {
	if err := l.server.canPass(); err != nil {
		return nil, err
	}
	c, err := l.input.try()
	return l.task(c, err)
}

func (l *listening) task(c net.Conn, err error) (task, error) {
	if err != nil {
		return nil, err
	}
	if l.server.crew != nil {
		if err := checkConn(c); err != nil {
			l.input.drop(c)
			return nil, err
		}
	}
	return newConn(c, l.server), nil
}

func (l *listening) stop() {
	defer l.input.stop()
	if crew := l.server.crew; crew != nil {
		defer crew.stop()
	}
	if err := l.server.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		l.server.onError(nil, err)
	}
}

func (l *listening) finish() {}

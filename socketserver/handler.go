package socketserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"

	"github.com/gothreading/threading/internal/worker"
	"github.com/gothreading/threading/thread"
)

// A Handler is a function that handles connections in child processes, for
// [Processes]. [Register] makes one.
type Handler struct {
	name   string // by which a child finds it
	handle func(*Conn) error
}

// Register makes handle callable in the child processes of a server. It is
// called where a package-level variable is initialized:
//
//	var echoing = socketserver.Register(echo)
//
//	func main() {
//		process.Init()
//		s, err := socketserver.Listen("tcp", ":4242", nil, socketserver.Processes(8, echoing))
//		…
//	}
//
// A child finds the function as it does with process.Register. Register panics
// with process.ErrInit after process.Init, and if handle is nil.
func Register(handle func(*Conn) error) *Handler {
	checkHandle("Register", handle == nil)
	h := &Handler{handle: handle}
	h.name = worker.Register(runtime.FuncForPC(reflect.ValueOf(handle).Pointer()).Name(), h.serve)
	return h
}

// What the parent sends. A connection comes with its descriptor, and the address of its client is behind the first byte:
// of one that was reset meanwhile the system does not know it any more. What the child sends back is a report: of what
// OnError would be told of, or empty.
const (
	messageConn = iota + 1
	messageTerminate

	reportDone
	reportFailed
)

// serve is what a child does: it handles the connections that come, and tells the parent when each was closed.
func (h *Handler) serve(o worker.Order, parent worker.Link) {
	var current *Server
	terminated := false
	for {
		message, fd, err := parent.Recv()
		if err != nil {
			return // the parent needs this process no more, or is gone
		}
		if message[0] == messageTerminate {
			terminated = true
			if current != nil {
				current.Terminate()
			}
			continue
		}
		current = h.begin(o, string(message[1:]), fd, terminated, func(failure error) { report(parent, failure) })
	}
}

// report tells the parent, whatever the methods of an error do.
func report(parent worker.Link, failure error) {
	message := []byte{reportDone}
	defer func() { _ = parent.Send(message, -1) }()
	if failure == nil {
		return
	}
	failed := func(err error) []byte { return append([]byte{reportFailed}, worker.Get().Encode(err)...) }
	message = failed(thread.ErrGoexit)
	if panicked := thread.Try(func() { message = failed(failure) }); panicked != nil {
		message = failed(panicked)
	}
}

// begin handles one connection in a thread, and then calls over. It returns the server that the handler sees.
func (h *Handler) begin(o worker.Order, client string, fd int, terminated bool, over func(failure error)) *Server {
	var failure error
	onError := func(_ *Conn, err error) { failure = err }
	opts := []Option{Name(o.Name), Daemon(o.Daemon), OnError(onError)}
	if o.Timeout > 0 {
		opts = append(opts, Timeout(o.Timeout))
	}
	s := New(nowhere{addrOf(o.Network, o.Addr)}, h.handle, opts...)
	s.standsIn = true
	nc, err := connOf(fd)
	if err != nil {
		over(fmt.Errorf("socketserver: a connection that was handed to this process cannot be used: %w", err))
		return s
	}
	if terminated {
		s.Terminate()
	}
	c := newConn(nc, s)
	if nc.RemoteAddr() == nil {
		c.client = addrOf(nc.LocalAddr().Network(), client)
	}
	if !s.enter(c, context.Background()) {
		c.cut()
		over(nil)
		return s
	}
	s.start(c, func() {
		defer func() { over(failure) }() // also after a Goexit
		s.run(c)
	})
	return s
}

// connOf returns the connection of a descriptor, which is closed.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "conn")
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}

// addrOf returns the address of this text. One that is neither of TCP nor of Unix sockets is nothing but its text.
func addrOf(network, text string) net.Addr {
	if port, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(port)
	}
	return &net.UnixAddr{Name: text, Net: network}
}

// A nowhere stands in for the listener, in a child.
type nowhere struct{ addr net.Addr }

var errNowhere = errors.New("socketserver: only the parent process accepts")

func (n nowhere) Accept() (net.Conn, error) { return nil, errNowhere }
func (n nowhere) Close() error              { return nil }
func (n nowhere) Addr() net.Addr            { return n.addr }

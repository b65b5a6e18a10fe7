package socketserver

import (
	"fmt"
	"math"
	"net"
	"time"
)

// An Option is a choice made when a server is created.
type Option func(*choices)

type choices struct {
	limit     int
	timeout   time.Duration // 0: none
	verify    func(net.Conn) bool
	onError   func(*Conn, error)
	prefix    string
	daemon    bool
	maxPacket int
	streams   []string // the options that were given and make no sense for packets
}

// defaultMaxPacket is Python's max_packet_size.
const defaultMaxPacket = 8192

func choose(opts []Option) choices {
	c := choices{limit: math.MaxInt, onError: printError, daemon: true, maxPacket: defaultMaxPacket}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// Limit lets at most n handlers run at a time. While they do, nobody is accepted: whoever comes waits in the system's
// backlog, or a packet in its buffer. With 1 a server is Python's TCPServer or UDPServer, without Limit a
// ThreadingTCPServer or ThreadingUDPServer. Limit panics with ErrValue if n < 1.
func Limit(n int) Option {
	atLeastOne("Limit", n)
	return func(c *choices) { c.limit = n }
}

// Timeout bounds each Read and each Write of a Conn: one that takes longer than d fails with os.ErrDeadlineExceeded. It
// sets a deadline before each, never later than one that the handler has set itself. It is Python's
// StreamRequestHandler.timeout. Timeout panics with ErrValue if d <= 0; math.MaxInt64 is none.
func Timeout(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Errorf("%w: Timeout(%v): want a positive one", ErrValue, d))
	}
	return func(c *choices) {
		c.timeout = d
		c.streams = append(c.streams, "Timeout")
	}
}

// Verify asks f about each connection before it is handled; one for which it returns false is closed, and counted as
// Rejected. It is Python's verify_request. f runs where the handler would, so a slow one holds up nobody else; what it
// reads from the connection, the handler does not see. A panic of f is told to OnError, and the connection is closed.
func Verify(f func(net.Conn) bool) Option {
	if f == nil {
		panic("socketserver: Verify with a nil func")
	}
	return func(c *choices) {
		c.verify = f
		c.streams = append(c.streams, "Verify")
	}
}

// OnError makes f the function that is told what went wrong: Python's handle_error. That is the error that a handler
// returned, unless it is an end and no failure (see the package comment); a *thread.PanicError if it panicked;
// thread.ErrGoexit if it ended its goroutine. The connection is closed when f has returned. With a nil Conn it is an error
// of accepting, or, of a PacketServer, any error: if a handler failed, a *net.OpError whose Addr is the client's.
//
// f is called by the handler's goroutine, or the one that accepts, and by several at once if they fail at once. A panic of
// f goes to the except hook of package thread, or goes on in Serve or HandleRequest. Without OnError, a line is written to
// os.Stderr, and after a panic the stack.
func OnError(f func(*Conn, error)) Option {
	if f == nil {
		panic("socketserver: OnError with a nil func")
	}
	return func(c *choices) { c.onError = f }
}

// Name sets the first part of the names of the handlers' threads, which are PREFIX 127.0.0.1:4242 with the address of the
// client. Without it, or with the empty string, it is Server-N, where N counts such servers.
func Name(prefix string) Option { return func(c *choices) { c.prefix = prefix } }

// Daemon says whether thread.Main does without waiting for handlers that run. The default is true. It is Python's
// daemon_threads, whose default is false.
func Daemon(daemon bool) Option { return func(c *choices) { c.daemon = daemon } }

// MaxPacket is the size of the largest packet that a PacketServer receives; what is longer is cut. It is Python's
// max_packet_size, and the default is 8192, as there. More than 16 MiB is taken for 16 MiB. MaxPacket panics with ErrValue
// if n < 1.
func MaxPacket(n int) Option {
	atLeastOne("MaxPacket", n)
	return func(c *choices) { c.maxPacket = min(n, 16<<20) }
}

func atLeastOne(call string, n int) {
	if n < 1 {
		panic(fmt.Errorf("%w: %s(%d): want 1 or more", ErrValue, call, n))
	}
}

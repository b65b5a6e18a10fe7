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
	children  int      // 0: handlers run in threads
	handler   *Handler // of the children
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

// Limit bounds the number of handlers that run at a time. While n run, no client
// is accepted: connections wait in the system's backlog, and packets in the
// socket's buffer. Limit(1) makes a Server Python's TCPServer or UDPServer;
// without Limit it is a ThreadingTCPServer or ThreadingUDPServer. Limit panics
// with [ErrValue] if n < 1.
func Limit(n int) Option {
	atLeastOne("Limit", n)
	return func(c *choices) { c.limit = n }
}

// Timeout bounds each Read and each Write of a Conn: one that takes longer than d
// fails with os.ErrDeadlineExceeded. A deadline is set before each, and never
// later than one that the handler has set. It is Python's
// StreamRequestHandler.timeout. Timeout panics with [ErrValue] if d <= 0; a d of
// math.MaxInt64 is forever.
func Timeout(d time.Duration) Option {
	if d <= 0 {
		panic(fmt.Errorf("%w: Timeout(%v): want a positive one", ErrValue, d))
	}
	return func(c *choices) {
		c.timeout = d
		c.streams = append(c.streams, "Timeout")
	}
}

// Verify calls f for each connection before its handler. If f returns false, the
// connection is closed and counted as Rejected. It is Python's verify_request. A
// panic of f is reported to [OnError], and the connection is closed.
//
// Unlike in Python, f runs where the handler would run, so a slow f delays no
// other client. What f reads from the connection is lost to the handler.
func Verify(f func(net.Conn) bool) Option {
	if f == nil {
		panic("socketserver: Verify with a nil func")
	}
	return func(c *choices) {
		c.verify = f
		c.streams = append(c.streams, "Verify")
	}
}

// OnError makes f the function to which errors are reported: Python's
// handle_error. They are
//
//   - what a handler returned, if it is a failure (see the package comment),
//   - a *[thread.PanicError], if it panicked,
//   - [thread.ErrGoexit], if it called runtime.Goexit,
//   - with a nil Conn, errors of accepting and of receiving, and of a
//     PacketServer all of the above, in a *[net.OpError] whose Addr is the
//     client's.
//
// The connection is closed when f has returned. f is called by the goroutine of
// the handler, or the one that accepts, and by several at once. A panic of f goes
// to the except hook of package thread, or goes on in the caller of Serve or
// HandleRequest.
//
// Without OnError, a line is written to os.Stderr, and the stack of a panic.
func OnError(f func(*Conn, error)) Option {
	if f == nil {
		panic("socketserver: OnError with a nil func")
	}
	return func(c *choices) { c.onError = f }
}

// Name sets the first part of the names of the handlers' threads, which are
// "PREFIX 127.0.0.1:4242", with the client's address. Without it, or with the
// empty string, it is "Server-N", where N counts such servers.
func Name(prefix string) Option { return func(c *choices) { c.prefix = prefix } }

// Daemon sets whether thread.Main returns without waiting for handlers. The
// default is true. It is Python's daemon_threads, whose default is false.
func Daemon(daemon bool) Option { return func(c *choices) { c.daemon = daemon } }

// MaxPacket is the size of the largest packet that a PacketServer receives. A
// longer packet is cut. It is Python's max_packet_size, with the same default of
// 8192. More than 16 MiB is taken for 16 MiB. MaxPacket panics with [ErrValue] if
// n < 1.
func MaxPacket(n int) Option {
	atLeastOne("MaxPacket", n)
	return func(c *choices) { c.maxPacket = min(n, 16<<20) }
}

// Processes makes n child processes run h: Python's ForkingMixIn, and its
// max_children. The handle given to [Listen] or [New] is nil then. A program that
// uses Processes calls process.Init first in main.
//
//   - A child is started when a client comes and no other is free. It is handed one
//     connection at a time, and kept for the next. No more than n handlers run, as
//     with Limit.
//   - If a child ends while it handles a connection, in whatever way, that
//     connection fails with a *process.ExitError, and a later one has another
//     child. A connection whose handler had not begun goes to another child. A
//     panic of the handler ends no child.
//   - Verify and OnError are called in this process, and Stats counts here. What the
//     handler returned is a *process.RemoteError, and its panic a
//     *[thread.PanicError] whose Value is a text.
//   - The context of a Conn has no values. After Terminate a handler that has not
//     returned within a second is killed with its child.
//   - Join returns when the children have ended too. If this process ends in
//     whatever way, so do they. They ignore SIGINT.
//
// A child costs what a process of package process does, and a connection two
// messages to it. The descriptor of a connection is passed on, so it must be one of
// package net, and a *tls.Conn cannot be served: that is errors.ErrUnsupported,
// from Listen, Serve and HandleRequest, and so is a system where package process
// starts no processes.
//
// Processes panics with [ErrValue] if n < 1, and if h is nil; Listen and New panic
// with ErrValue if there is a handle too, and with process.ErrInit before
// process.Init.
func Processes(n int, h *Handler) Option {
	atLeastOne("Processes", n)
	if h == nil {
		panic("socketserver: Processes with a nil Handler")
	}
	return func(c *choices) {
		c.children, c.handler = n, h
		c.streams = append(c.streams, "Processes")
	}
}

func atLeastOne(call string, n int) {
	if n < 1 {
		panic(fmt.Errorf("%w: %s(%d): want 1 or more", ErrValue, call, n))
	}
}

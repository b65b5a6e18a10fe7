// Package socketserver serves connections and packets: what Python's socketserver is, on package net. A handler is a
// function; the server accepts, bounds how many handlers run, contains what goes wrong in them, waits while descriptors
// have run out, and shuts down without losing a reply.
//
//	s, err := socketserver.Listen("tcp", ":4242", func(c *socketserver.Conn) error {
//		for {
//			line, err := c.Reader().ReadString('\n')
//			if err != nil {
//				return err
//			}
//			if _, err := io.WriteString(c, line); err != nil {
//				return err
//			}
//		}
//	})
//	…
//	err = s.Serve()
//
// # Names
//
//	Python                               here
//	ThreadingTCPServer, TCPServer        Listen("tcp", …), with the option Limit(1)
//	ThreadingUnixStreamServer            Listen("unix", …)
//	ThreadingUDPServer                   ListenPacket("udp", …)
//	ThreadingUnixDatagramServer          ListenPacket("unixgram", …)
//	a handler class                      a function; setup is its beginning, finish its defer
//	self.request, self.wfile             the Conn itself
//	self.rfile                           Conn.Reader
//	self.client_address, self.server     Conn.RemoteAddr, Conn.Server
//	serve_forever()                      Serve, ServeContext
//	handle_request(), timeout            HandleRequest, HandleRequestTimeout
//	shutdown(), server_close()           Shutdown; Close accepts no more and does not wait
//	block_on_close                       Join waits for the handlers, Close does not
//	daemon_threads                       Daemon
//	verify_request, handle_error         Verify, OnError
//	StreamRequestHandler.timeout         Timeout
//	max_packet_size                      MaxPacket
//	server_address                       Addr
//
// Close, Terminate, Join and Shutdown mean what they mean for a pool. What Python lacks is a shutdown that gives handlers
// a time and then cuts them off: ShutdownTimeout and ShutdownContext. In a handler, shutdown deadlocks in Python; here a
// Join or Shutdown panics with thread.ErrJoinSelf.
//
// # Handlers
//
// Each handler runs in a thread of package thread, named after the server and the client; HandleRequest runs it in its
// caller. What a handler returns is told to OnError, unless it is an end and no failure: io.EOF, net.ErrClosed (and
// io.ErrClosedPipe, which is what net.Pipe calls it), ErrTerminated (and context.Canceled where Terminate has ended the
// handler's context), and that the client is gone, ECONNRESET and EPIPE. A panic is contained and told. Neither harms
// another connection.
//
// When a handler has returned, its connection is closed: first the sending direction, and what the client has sent and
// nobody has read is thrown away, so that the client receives the last reply and an end instead of a reset.
//
// # When something runs out
//
// If there is no descriptor left, or no memory for sockets, OnError is told, and the server accepts again after 5 ms, and
// after twice as long each time up to 1 s. Clients wait in the backlog. Those that are connected do not notice.
//
// # In a synctest bubble
//
// A wait for the network is as durable in the sense of testing/synctest as those of package net: not at all.
package socketserver

// Package socketserver serves connections and packets: Python's socketserver, on
// package net. A handler is a function. The server accepts, bounds the number of
// handlers, contains their failures, waits while descriptors have run out, and
// shuts down without losing a reply.
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
//	Python                            here
//	ThreadingTCPServer, TCPServer     Listen("tcp", …), with Limit(1)
//	ThreadingUnixStreamServer         Listen("unix", …)
//	ForkingTCPServer, max_children    Listen with Processes
//	ThreadingUDPServer                ListenPacket("udp", …)
//	ThreadingUnixDatagramServer       ListenPacket("unixgram", …)
//	a handler class                   a function; setup is its beginning, finish
//	                                  its defer
//	self.request, self.wfile          the Conn itself
//	self.rfile                        Conn.Reader
//	self.client_address, self.server  Conn.RemoteAddr, Conn.Server
//	serve_forever()                   Serve, ServeContext
//	handle_request(), timeout         HandleRequest, HandleRequestTimeout
//	shutdown(), server_close()        Shutdown; Close does not wait
//	block_on_close                    Join waits for the handlers
//	daemon_threads                    Daemon
//	verify_request, handle_error      Verify, OnError
//	StreamRequestHandler.timeout      Timeout
//	max_packet_size                   MaxPacket
//	server_address                    Addr
//
// Close, Terminate, Join and Shutdown mean what they mean for a pool. Python has
// no shutdown that gives the handlers a time and then cuts them off, as
// ShutdownTimeout and ShutdownContext do. And shutdown in a handler deadlocks in
// Python; here Join and Shutdown panic with thread.ErrJoinSelf.
//
// # Handlers
//
// Each handler runs in a thread of package thread that is named after the server
// and the client. HandleRequest runs it in its caller.
//
// What a handler returns is reported to [OnError], unless it is an end and not a
// failure: io.EOF, net.ErrClosed, io.ErrClosedPipe, [ErrTerminated], and
// ECONNRESET and EPIPE, which say that the client is gone; also
// context.Canceled, if Terminate has ended the context of the handler. An error
// that wraps several is an end if all of them are. A panic of a handler is
// recovered and reported, and other connections go on.
//
// When a handler has returned, its connection is closed: first for writing, and
// what the client has sent and the handler has not read is discarded. So the
// client receives the last reply and then the end, and not a reset.
//
// # When resources run out
//
// If there is no descriptor left, or no memory for a socket, the error is
// reported to OnError, and the server accepts again after 5 ms, then after twice
// as long each time, up to 1 s. Clients wait in the backlog meanwhile. Clients
// that are connected do not notice.
//
// # In a synctest bubble
//
// A wait for the network is as durable in the sense of [testing/synctest] as
// those of package net: not at all.
package socketserver

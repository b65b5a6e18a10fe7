// Command echo serves clients in threads, a few at a time, over TCP, UDP or a Unix socket: an echo that repeats what it
// hears, and a phone menu. It is a port of these Python programs:
//
//	class Echo(socketserver.BaseRequestHandler):
//	    def handle(self):
//	        while True:
//	            data = self.request.recv(1024)
//	            if not data: break
//	            self.request.sendall(data)
//
//	class Menu(socketserver.BaseRequestHandler):
//	    def handle(self):
//	        self.request.sendall(b"Welcome to 10086. 1: balance, 0: operator, exit: hang up")
//	        while True:
//	            data = self.request.recv(1024)
//	            if data == b"exit": break
//	            ...                                 # sendall of an answer
//
//	class Packet(socketserver.BaseRequestHandler):
//	    def handle(self):
//	        data, sock = self.request
//	        sock.sendto(data, self.client_address)
//
//	socketserver.ThreadingTCPServer(("127.0.0.1", 8009), Echo).serve_forever()
//	socketserver.UDPServer(("127.0.0.1", 8009), Packet).serve_forever()
//	socketserver.UnixStreamServer("/tmp/echo.sock", Menu).serve_forever()
//
// The differences that matter:
//
//   - A handler is a function. What it returns is told to OnError, unless it only says that the client has left.
//   - Threading or not is a number: Limit(1) serves one client at a time, as TCPServer does. ThreadingTCPServer starts
//     a thread for every client there is, and that is the default here too; whoever comes when all handlers are busy
//     waits in the system's backlog.
//   - TCP has no messages: one recv may bring half of what was sent, or two at once, and "exi" is not "exit". The echo
//     does not care, because it copies bytes; the menu reads lines.
//   - The menu of the original does not notice that a client left without "exit": recv returns b"" at once, each time,
//     and it answers that until a sendall fails. Here the end of the lines ends the handler.
//   - After Ctrl-C in serve_forever the exit waits for the threads, and those for their clients. ShutdownTimeout gives
//     the handlers some time and then cuts off the rest.
//   - A UnixStreamServer leaves its file behind, and does not start where there is one. Here the file goes with the
//     server, and one that a dead server has left is replaced.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/socketserver"
)

// The options are what the flags say.
type options struct {
	address  string
	network  string
	handlers int
	phone    bool
}

var program = demo.Program{
	Name: "echo",
	Does: "Starts servers of each kind, talks to them and ends; with -serve, serves others until Ctrl-C.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.address, "serve", "", "serve on this `host:port`, or file, until Ctrl-C; port 0: any that is free")
		f.StringVar(&o.network, "network", "tcp", "with -serve: `tcp`, udp or unix")
		f.IntVar(&o.handlers, "handlers", 2, "serve so many `clients` at once; 1: one after the other")
		f.BoolVar(&o.phone, "menu", false, "with -serve: be the phone menu, not the echo")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	switch {
	case o.handlers < 1 || o.handlers > 10000:
		return demo.BadInput("-handlers %d: want 1 to 10000", o.handlers)
	case o.network != "tcp" && o.network != "udp" && o.network != "unix":
		return demo.BadInput("-network %s: want tcp, udp or unix", o.network)
	case o.phone && o.network == "udp":
		return demo.BadInput("-menu needs a connection: -network udp has none")
	case o.address != "":
		return o.serve(out, 3*second)
	case o.phone || o.network != "tcp":
		return demo.BadInput("-menu and -network need -serve: without it all servers are shown")
	}
	return o.show(out, second)
}

// A server is one of package socketserver, for connections or for packets.
type server interface {
	Serve() error
	ShutdownTimeout(time.Duration) bool
	Join()
	Addr() net.Addr
	Stats() socketserver.Stats
}

// A tally counts how many handlers ran at once, at most, and how many were cut off.
type tally struct{ now, most, cut atomic.Int64 }

func (t *tally) enter() {
	n := t.now.Add(1)
	for old := t.most.Load(); n > old && !t.most.CompareAndSwap(old, n); old = t.most.Load() {
	}
}

func (t *tally) leave(ctx context.Context) {
	t.now.Add(-1)
	if context.Cause(ctx) == socketserver.ErrTerminated {
		t.cut.Add(1)
	}
}

// listen binds a server, which counts its handlers.
func (o *options) listen(network, addr string, handle func(*socketserver.Conn) error, t *tally) (server, error) {
	var s server
	var err error
	limit := socketserver.Limit(o.handlers)
	if network == "udp" {
		s, err = socketserver.ListenPacket(network, addr, func(p *socketserver.Packet) error {
			t.enter()
			defer t.leave(p.Context())
			_, err := p.Write(p.Data)
			return err
		}, limit)
	} else {
		s, err = socketserver.Listen(network, addr, func(c *socketserver.Conn) error {
			t.enter()
			defer t.leave(c.Context())
			return handle(c)
		}, limit)
	}
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return nil, demo.BadInput("-serve %s: want host:port: %w", addr, err)
	}
	return s, err
}

// echo sends back what comes, until the client has said all.
func echo(c *socketserver.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

// menu answers a line with a line.
func menu(c *socketserver.Conn) error {
	fmt.Fprintln(c, "Welcome to 10086. 1: balance, 0: operator, exit: hang up")
	for {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err // io.EOF: the client has hung up
		}
		answer := "please try again"
		switch strings.TrimSpace(line) {
		case "1":
			answer = "your balance is 10 yuan"
		case "0":
			answer = "this call may be recorded"
		case "exit":
			_, err := fmt.Fprintln(c, "goodbye")
			return err
		}
		if _, err := fmt.Fprintln(c, answer); err != nil {
			return err
		}
	}
}

// serve is the server alone, until Ctrl-C.
func (o *options) serve(out io.Writer, grace time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	handle := echo
	if o.phone {
		handle = menu
	}
	t := new(tally)
	s, err := o.listen(o.network, o.address, handle, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "serving on %s, at most %d clients at once, until Ctrl-C\n", s.Addr(), o.handlers)
	err = runUntil(ctx, s, grace)
	fmt.Fprintf(out, "stopped: %d clients served, %d cut off\n", s.Stats().Served, t.cut.Load())
	return err
}

// runUntil serves until ctx ends. Then it lets the clients finish, for as long as grace, and cuts off the rest.
func runUntil(ctx context.Context, s server, grace time.Duration) error {
	var served error
	serving := threading.NewThread(func() { served = s.Serve() })
	serving.Start()
	_ = serving.JoinContext(ctx) // or it fails before
	if !s.ShutdownTimeout(grace) {
		s.Join() // those who were cut off are on their way out
	}
	serving.Join()
	return served
}

// show starts one server after the other and lets clients talk to it.
func (o *options) show(out io.Writer, second time.Duration) error {
	file := fmt.Sprintf("%s/echo-%d.sock", strings.TrimSuffix(os.TempDir(), "/"), os.Getpid())
	for _, c := range []struct{ network, addr string }{{"tcp", "127.0.0.1:0"}, {"udp", "127.0.0.1:0"}, {"unix", file}} {
		// All hang up by themselves, so nobody is cut off.
		err := o.with(out, c.network, c.addr, echo, time.Hour, func(addr net.Addr) error {
			errs := make([]error, 5) // one for each client
			var clients []*threading.Thread
			for i := range errs {
				clients = append(clients, threading.NewThread(func() {
					errs[i] = talk(out, addr, second/4, fmt.Sprintf("I am client %d", i), fmt.Sprintf("bye from %d", i))
				}))
			}
			for _, t := range clients {
				t.Start()
			}
			for _, t := range clients {
				t.Join()
			}
			return cmp.Or(errs...)
		})
		if err != nil {
			return err
		}
	}
	var silent net.Conn
	err := o.with(out, "tcp", "127.0.0.1:0", menu, second, func(addr net.Addr) error {
		if err := talk(out, addr, 0, "", "1", "7", "0", "exit"); err != nil {
			return err
		}
		fmt.Fprintln(out, "a client calls, says nothing and stays")
		var err error
		if silent, err = net.Dial("tcp", addr.String()); err == nil {
			_, err = bufio.NewReader(silent).ReadString('\n') // when it is greeted, it has a handler
		}
		return err
	})
	if silent != nil {
		silent.Close()
	}
	return err
}

// with starts a server, lets talk meet it, and stops it.
func (o *options) with(out io.Writer, network, addr string, handle func(*socketserver.Conn) error, grace time.Duration, talk func(net.Addr) error) error {
	t := new(tally)
	s, err := o.listen(network, addr, handle, t)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var talked error
	talking := threading.NewThread(func() {
		defer stop()
		talked = talk(s.Addr())
	})
	talking.Start()
	err = runUntil(ctx, s, grace)
	talking.Join()
	fmt.Fprintf(out, "stopped %s: %d served, never more than %d at once, %d cut off\n", network, s.Stats().Served, o.handlers, t.cut.Load())
	if n := t.most.Load(); n > int64(o.handlers) {
		return fmt.Errorf("%d clients served at once, want %d at most", n, o.handlers)
	}
	return cmp.Or(talked, err)
}

// talk says each line but the empty ones, and hears a line for each. It reports the dialogue in one piece.
func talk(out io.Writer, addr net.Addr, pause time.Duration, lines ...string) error {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	var dialogue strings.Builder
	for _, line := range lines {
		if line != "" {
			fmt.Fprintf(&dialogue, "> %s\n", line)
			fmt.Fprintln(conn, line)
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return fmt.Errorf("no answer to %q: %w", line, err)
		}
		fmt.Fprintf(&dialogue, "< %s", answer)
		time.Sleep(pause)
	}
	io.WriteString(out, dialogue.String())
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
		io.Copy(io.Discard, answers) // until the handler has closed its side too
	}
	return nil
}

// Command echo serves TCP clients in threads, a few at a time: an echo that repeats what it hears, and a phone menu.
// It is a port of these Python programs:
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
//	socketserver.ThreadingTCPServer(("127.0.0.1", 8009), Echo).serve_forever()
//
// The differences that matter:
//
//   - ThreadingTCPServer starts a thread for every client there is, without limit. Here a BoundedSemaphore has a permit
//     for each handler; whoever comes when all are busy waits in the system's backlog.
//   - TCP has no messages: one recv may bring half of what was sent, or two at once, and "exi" is not "exit". The echo
//     does not care, because it copies bytes; the menu reads lines.
//   - The menu of the original does not notice that a client left without "exit": recv returns b"" at once, each time,
//     and it answers that until a sendall fails. Here the end of the lines ends the handler.
//   - After Ctrl-C in serve_forever the exit waits for the threads, and those for their clients. Here the server stops
//     accepting, gives the handlers some time (to hold all permits is to know that none is left), and then closes
//     the connections of the rest, which ends their reads.
//   - A handler that dies of an exception, or of a panic here, is reported, and the server goes on.
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
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

// What the flags say; each start sets them anew.
var (
	address  string
	handlers int
	phone    bool
)

var program = demo.Program{
	Name: "echo",
	Does: "Starts both servers, talks to them and ends; with -serve, serves others until Ctrl-C.",
	Flags: func(f *flag.FlagSet) {
		f.StringVar(&address, "serve", "", "serve on this `host:port` until Ctrl-C; port 0: any that is free")
		f.IntVar(&handlers, "handlers", 2, "serve so many `clients` at once")
		f.BoolVar(&phone, "menu", false, "with -serve: be the phone menu, not the echo")
	},
	Run: run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	switch {
	case handlers < 1 || handlers > 10000:
		return demo.BadInput("-handlers %d: want 1 to 10000", handlers)
	case address != "":
		return serve(out, 3*second)
	case phone:
		return demo.BadInput("-menu needs -serve: without it both servers are shown")
	}
	return show(out, second)
}

// A server has a listener and a limited number of handlers.
type server struct {
	listener net.Listener
	handle   func(net.Conn)
	limit    int
	free     *threading.BoundedSemaphore // a permit for each handler that is not busy

	guard  threading.Lock // of what follows
	open   map[net.Conn]bool
	served int
	most   int // clients at once
	cut    int // clients that were cut off
}

func newServer(addr string, limit int, handle func(net.Conn)) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return nil, demo.BadInput("-serve %s: want host:port: %w", addr, err)
	} else if err != nil {
		return nil, err
	}
	return &server{
		listener: l, handle: handle, limit: limit,
		free: threading.NewBoundedSemaphore(limit), open: map[net.Conn]bool{},
	}, nil
}

// run serves until ctx ends. Then it lets the clients finish, for as long as grace, and cuts off the rest.
func (s *server) run(ctx context.Context, grace time.Duration) error {
	defer context.AfterFunc(ctx, func() { s.listener.Close() })() // ends an Accept that waits
	err := s.accept(ctx)
	s.listener.Close()
	if !s.free.AcquireNTimeout(s.limit, grace) {
		s.guard.Lock()
		s.cut = len(s.open)
		for conn := range s.open {
			conn.Close()
		}
		s.guard.Unlock()
		s.free.AcquireN(s.limit)
	}
	return err
}

func (s *server) accept(ctx context.Context) error {
	for s.free.AcquireContext(ctx) == nil {
		conn, err := s.listener.Accept()
		if err != nil {
			s.free.Release()
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		s.guard.Lock()
		s.open[conn] = true
		s.served++
		s.most = max(s.most, len(s.open))
		s.guard.Unlock()
		threading.NewThread(func() {
			defer s.free.Release() // the last thing a handler does, also if it panics
			defer s.forget(conn)
			s.handle(conn)
		}).Start()
	}
	return nil
}

func (s *server) forget(conn net.Conn) {
	s.guard.Lock()
	defer s.guard.Unlock()
	conn.Close()
	delete(s.open, conn)
}

// echo sends back what comes, until the client has said all.
func echo(conn net.Conn) { io.Copy(conn, conn) }

// menu answers a line with a line.
func menu(conn net.Conn) {
	fmt.Fprintln(conn, "Welcome to 10086. 1: balance, 0: operator, exit: hang up")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		answer := "please try again"
		switch strings.TrimSpace(lines.Text()) {
		case "1":
			answer = "your balance is 10 yuan"
		case "0":
			answer = "this call may be recorded"
		case "exit":
			fmt.Fprintln(conn, "goodbye")
			return
		}
		fmt.Fprintln(conn, answer)
	}
}

// serve is the server alone, until Ctrl-C.
func serve(out io.Writer, grace time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	handle := echo
	if phone {
		handle = menu
	}
	s, err := newServer(address, handlers, handle)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "serving on %s, at most %d clients at once, until Ctrl-C\n", s.listener.Addr(), s.limit)
	err = s.run(ctx, grace)
	fmt.Fprintf(out, "stopped: %d clients served, %d cut off\n", s.served, s.cut)
	return err
}

// show starts one server after the other and lets clients talk to it.
func show(out io.Writer, second time.Duration) error {
	err := with(out, echo, second, func(addr string) error {
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
	var silent net.Conn
	err = with(out, menu, second, func(addr string) error {
		if err := talk(out, addr, 0, "", "1", "7", "0", "exit"); err != nil {
			return err
		}
		fmt.Fprintln(out, "a client calls, says nothing and stays")
		var err error
		if silent, err = net.Dial("tcp", addr); err == nil {
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
func with(out io.Writer, handle func(net.Conn), grace time.Duration, talk func(addr string) error) error {
	s, err := newServer("127.0.0.1:0", handlers, handle)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var served error
	running := threading.NewThread(func() { served = s.run(ctx, grace) })
	running.Start()
	err = talk(s.listener.Addr().String())
	stop()
	running.Join()
	if s.most > s.limit {
		return fmt.Errorf("%d clients served at once, want %d at most", s.most, s.limit)
	}
	fmt.Fprintf(out, "stopped: %d clients served, never more than %d at once, %d cut off\n", s.served, s.limit, s.cut)
	return cmp.Or(err, served)
}

// talk says each line but the empty ones, and hears a line for each. It reports the dialogue in one piece.
func talk(out io.Writer, addr string, pause time.Duration, lines ...string) error {
	conn, err := net.Dial("tcp", addr)
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
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, answers) // until the handler has closed its side too
	return nil
}

// Command chat is a chat server with a queue of outgoing lines for each client, so that a slow one holds nobody up.
// It is a port of this Python program, in which a client hears only itself:
//
//	readers, writers, outbox = [listener], [], {}
//	while True:
//	    readable, writable, broken = select.select(readers, writers, readers)
//	    for s in readable:
//	        if s is listener:
//	            conn, _ = s.accept(); conn.setblocking(False)
//	            readers.append(conn); outbox[conn] = queue.Queue()
//	        elif data := s.recv(1024):
//	            outbox[s].put(data); writers.append(s)
//	        else:
//	            ...                                 # the client is gone: remove it everywhere
//	    for s in writable:
//	        try: s.send(outbox[s].get_nowait())
//	        except queue.Empty: writers.remove(s)
//
// The differences that matter:
//
//   - select and get_nowait keep one thread from ever waiting. Threads cost little in Go, so each client has two, and
//     they just wait: a reader for the client, a writer for its queue. Shutdown of the queue ends the writer, after it
//     has written what is inside; there is no list to keep in step with who has something to say.
//   - send may take only part of the data, and the rest is lost. Write here returns when all is written, or fails.
//   - A queue without a bound grows for as long as a client does not read. Here it has one, and a client that is so far
//     behind that its queue is full is cut off: TryPut does not wait, so nobody pays for the slowness of another.
//   - TCP has no messages: one recv may bring half a line or two lines. The reader here reads lines.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
)

const (
	outgoing = 256       // lines that may wait for a client
	buffered = 64 * 1024 // bytes that the system may keep for a client in addition
)

// The options are what the flags say.
type options struct{ address string }

var program = demo.Program{
	Name: "chat",
	Does: "Starts a chat server, lets three clients meet there and ends; with -serve, serves others until Ctrl-C.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.address, "serve", "", "serve on this `host:port` until Ctrl-C; port 0: any that is free")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.address == "" {
		return show(out, second)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	s, err := newServer(o.address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "serving on %s until Ctrl-C\n", s.listener.Addr())
	err = s.run(ctx, 3*second)
	fmt.Fprintf(out, "stopped: %d clients served, %d cut off\n", s.served, s.cut)
	return err
}

// A client is somebody who chats.
type client struct {
	conn   net.Conn
	outbox *queue.Queue[string]
	writer *threading.Thread
}

// A server passes on what each client says to all of them.
type server struct {
	listener net.Listener
	guard    threading.Lock // of what follows
	clients  map[*client]bool
	served   int
	cut      int // clients that were cut off because they did not read
}

func newServer(addr string) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return nil, demo.BadInput("-serve %s: want host:port: %w", addr, err)
	} else if err != nil {
		return nil, err
	}
	return &server{listener: l, clients: map[*client]bool{}}, nil
}

// run serves until ctx ends. Then it lets the writers finish, for as long as grace, and closes what is still open.
func (s *server) run(ctx context.Context, grace time.Duration) error {
	defer context.AfterFunc(ctx, func() { s.listener.Close() })() // ends an Accept that waits
	var failure error
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if ctx.Err() == nil {
				failure = err
			}
			break
		}
		s.welcome(conn)
	}
	s.listener.Close()

	s.guard.Lock()
	rest := slices.Collect(maps.Keys(s.clients))
	s.guard.Unlock()
	deadline := time.Now().Add(grace)
	for _, c := range rest {
		c.outbox.Shutdown() // no more is said, but what is inside is written
	}
	for _, c := range rest {
		if !c.writer.JoinTimeout(time.Until(deadline)) {
			c.conn.Close() // ends a Write that waits
			c.writer.Join()
		}
	}
	return failure
}

// welcome starts the two threads of a client.
func (s *server) welcome(conn net.Conn) {
	conn.(*net.TCPConn).SetWriteBuffer(buffered)
	c := &client{conn: conn, outbox: queue.New[string](outgoing)}
	reader := threading.NewThread(func() {
		defer c.outbox.Shutdown() // who says nothing more hears what is inside, and no more
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			s.say(lines.Text() + "\n")
		}
	})
	c.writer = threading.NewThread(func() {
		for line := range c.outbox.Tasks() {
			if _, err := io.WriteString(conn, line); err != nil {
				c.outbox.ShutdownNow()
			}
		}
		conn.Close() // ends the reader too
		reader.Join()
		s.guard.Lock()
		delete(s.clients, c)
		s.guard.Unlock()
	})
	s.guard.Lock()
	s.clients[c] = true
	s.served++
	s.guard.Unlock()
	reader.Start()
	c.writer.Start()
}

// say puts a line into the outbox of every client. It waits for none.
func (s *server) say(line string) {
	s.guard.Lock()
	defer s.guard.Unlock()
	for c := range s.clients {
		if errors.Is(c.outbox.TryPut(line), queue.ErrFull) {
			s.cut++
			c.outbox.ShutdownNow()
			c.conn.Close() // ends the Write in which its writer has been waiting
		}
	}
}

// show lets Ann and Bob chat while Cid sleeps.
func show(out io.Writer, second time.Duration) error {
	s, err := newServer("127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var served error
	running := threading.NewThread(func() { served = s.run(ctx, 3*second) })
	running.Start()
	err = chat(out, s.listener.Addr().String())
	stop()
	running.Join()
	if err = cmp.Or(err, served); err != nil {
		return err
	}
	fmt.Fprintf(out, "stopped: %d clients served, %d cut off\n", s.served, s.cut)
	return nil
}

// A member is the other end of a client.
type member struct {
	name  string
	conn  *net.TCPConn
	lines *bufio.Reader
}

func chat(out io.Writer, addr string) error {
	var members []member
	for _, name := range []string{"Ann", "Bob", "Cid"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		members = append(members, member{name, conn.(*net.TCPConn), bufio.NewReader(conn)})
		if err := pass(members[len(members)-1], "I am here", members); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s comes in, heard by %d\n", name, len(members))
	}
	if err := pass(members[0], "hello", members); err != nil {
		return err
	}
	fmt.Fprintln(out, "Ann says hello, heard by 3")

	ann, awake, cid := members[0], members[:2], members[2]
	cid.conn.SetReadBuffer(buffered) // lest the system hears too much for Cid
	long := strings.Repeat("so to speak, ", 1000)
	for i := range 500 {
		if err := pass(ann, fmt.Sprintf("%d, %s", i, long), awake); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "Cid sleeps while Ann says 500 long lines, and Bob has heard each before the next")
	for _, m := range awake {
		m.conn.CloseWrite()
		if rest, err := io.ReadAll(m.lines); err != nil || len(rest) > 0 {
			return fmt.Errorf("%s still hears %q, %v", m.name, rest, err)
		}
	}
	if n, _ := io.Copy(io.Discard, cid.lines); n >= int64(500*len(long)) {
		return fmt.Errorf("all %d bytes were heard by one who slept", n)
	}
	fmt.Fprintln(out, "Cid wakes up, hears the beginning and finds the line cut")
	return nil
}

// pass lets a member say a line, and hears it at all who are listed, one after the other.
func pass(from member, text string, to []member) error {
	line := from.name + ": " + text + "\n"
	if _, err := io.WriteString(from.conn, line); err != nil {
		return err
	}
	for _, m := range to {
		if heard, err := m.lines.ReadString('\n'); heard != line {
			return fmt.Errorf("%s said %.20q but %s heard %.20q: %v", from.name, line, m.name, heard, err)
		}
	}
	return nil
}

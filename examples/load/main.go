// Command load lets a hundred clients, each in a thread of its own, talk to an echo server at once, and measures it.
// It is a port of this Python program, whose server ran on greenlets:
//
//	def client():
//	    s = socket.socket(); s.connect(("localhost", 8001))
//	    count = 0
//	    while True:
//	        s.send(b"hello %d" % count)
//	        print(threading.get_ident(), s.recv(1024))
//	        count += 1
//
//	for i in range(100):
//	    threading.Thread(target=client).start()
//
//	def serve(conn):                                # the server
//	    while True:
//	        data = conn.recv(1024)
//	        conn.send(data)
//	        if not data: conn.shutdown(socket.SHUT_WR)
//
//	while True:
//	    conn, _ = listener.accept()
//	    gevent.spawn(serve, conn)
//
// The differences that matter:
//
//   - A goroutine that waits for the network costs what a greenlet costs, and needs no patched socket module: the
//     server and its clients are written the same way, as if each were alone. The accept loop is package socketserver's.
//   - send may send a part, and recv(1024) may return a part of an answer or more than one. Write sends all, and
//     ReadFull waits for as many bytes as were said.
//   - The original talks for ever. Here each client has so many rounds, and then says so to the server, whose handler
//     ends. (That of the original, told so, goes on with its next recv.)
//   - get_ident may give the number of a thread that has ended to another one, so that it cannot count threads that
//     did not run at the same time. An Ident is never given twice.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/socketserver"
)

// The options are what the flags say.
type options struct {
	clients int
	rounds  int
	server  string
}

var program = demo.Program{
	Name: "load",
	Does: "Measures how many messages an echo server returns to many clients in threads.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.clients, "clients", 100, "how many `threads` talk to the server")
		f.IntVar(&o.rounds, "rounds", 100, "how many `messages` each of them sends")
		f.StringVar(&o.server, "connect", "", "the `host:port` of an echo server, if not one in this process")
		return o.run
	},
}

func main() { program.Main() }

// A silent server is given up after this time. It is no part of the demonstration, and -fast does not shorten it.
const patience = time.Minute

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.clients < 1 || o.clients > 10000 || o.rounds < 1 || o.rounds > 1_000_000 {
		return demo.BadInput("-clients %d -rounds %d: want 1 to 10000 and 1 to 1000000", o.clients, o.rounds)
	}
	if o.server != "" {
		if _, err := net.ResolveTCPAddr("tcp", o.server); err != nil {
			return demo.BadInput("-connect %s: want host:port: %w", o.server, err)
		}
		return o.measure(out, o.server)
	}
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", echo)
	if err != nil {
		return err
	}
	var served error
	serving := threading.NewThread(func() { served = s.Serve() })
	serving.Start()
	err = o.measure(out, s.Addr().String())
	s.Shutdown() // when the last client has left
	serving.Join()
	return cmp.Or(served, err)
}

func echo(c *socketserver.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

// A result is what one client has to report.
type result struct {
	ident           uint64
	messages, bytes int
	err             error
}

func (o *options) measure(out io.Writer, addr string) error {
	results := make([]result, o.clients) // one for each, so that nobody needs a lock
	var threads []*threading.Thread
	for i := range results {
		threads = append(threads, threading.NewThread(func() {
			results[i] = o.talk(addr)
			results[i].ident = threading.CurrentThread().Ident()
		}))
	}
	began := time.Now()
	for _, t := range threads {
		t.Start()
	}
	for _, t := range threads {
		t.Join()
	}
	took := time.Since(began)

	var total result
	idents := map[uint64]bool{}
	for _, r := range results {
		idents[r.ident] = true
		total.messages += r.messages
		total.bytes += r.bytes
		total.err = cmp.Or(total.err, r.err) // the first; the others are hardly different
	}
	if total.err != nil {
		return total.err
	}
	fmt.Fprintf(out, "%d clients with %d idents sent %d messages in %d bytes and got each back\n",
		o.clients, len(idents), total.messages, total.bytes)
	fmt.Fprintf(out, "%.3f s, %.0f messages/s\n", took.Seconds(), float64(total.messages)/took.Seconds())
	return nil
}

// talk is one client: it sends messages and expects each back before it sends the next.
func (o *options) talk(addr string) (r result) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return result{err: err}
	}
	defer conn.Close()
	for i := range o.rounds {
		message := fmt.Sprintf("hello %d\n", i)
		answer := make([]byte, len(message))
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, message); err != nil {
			return result{err: err}
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			return result{err: fmt.Errorf("no answer from %s: %w", addr, err)}
		}
		if string(answer) != message {
			return result{err: fmt.Errorf("%s is no echo server: it answers %q to %q", addr, answer, message)}
		}
		r.messages++
		r.bytes += len(message)
	}
	return r
}

// Command multiplex echoes to any number of clients in one thread, with a function to call for each socket.
// It is a port of these Python programs, of which the second and third say the same with other words:
//
//	def accept(sock, mask):
//	    conn, addr = sock.accept(); conn.setblocking(False)
//	    sel.register(conn, selectors.EVENT_READ, read)
//
//	def read(conn, mask):
//	    data = conn.recv(1000)
//	    if data: conn.send(data)
//	    else: sel.unregister(conn); conn.close()
//
//	sel.register(sock, selectors.EVENT_READ, accept)
//	while True:
//	    for key, mask in sel.select():
//	        callback = key.data
//	        callback(key.fileobj, mask)
//
//	poller = select.poll()                          # select.epoll() for the third
//	poller.register(server, select.POLLIN)          # EPOLLIN | EPOLLET
//	fd_to_socket = {server.fileno(): server}
//	while True:
//	    for fd, flag in poller.poll():
//	        s = fd_to_socket[fd]
//	        if flag & select.POLLIN: ...            # accept, or recv and send
//	        elif flag & (select.POLLHUP | select.POLLERR): ...
//
// The differences that matter:
//
//   - A Selector is epoll in all three; there is no dictionary from descriptors to sockets, because a Key has the file.
//     What poll reports as POLLHUP or POLLERR is Read here: the TryRead that follows returns the end, or the error.
//   - "conn.send(data)" of the original may send a part, "hope it won't block" says its comment, and the rest is lost.
//     Here the rest is kept, and written when there is room.
//   - With EPOLLET a socket is reported once for all that has come, so one recv(1000) may leave something behind for
//     which nobody comes back. With -edge this program reads until ErrWouldBlock, as one must.
//   - callback is a type whose function takes a Key of that type. Python needs no declaration for that.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/selectors"
)

// The options are what the flags say.
type options struct {
	address string
	edge    bool
	clients int
}

var program = demo.Program{
	Name: "multiplex",
	Does: "Starts the server, lets clients talk to it and ends; with -serve, serves others until Ctrl-C.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.address, "serve", "", "serve on this `host:port` until Ctrl-C; port 0: any that is free")
		f.BoolVar(&o.edge, "edge", false, "be told of changes only, as with EPOLLET")
		f.IntVar(&o.clients, "clients", 100, "without -serve: how many `clients` are connected at once")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.clients < 1 || o.clients > 10000 {
		return demo.BadInput("-clients %d: want 1 to 10000", o.clients)
	}
	addr := cmp.Or(o.address, "127.0.0.1:0")
	var kind selectors.Event
	if o.edge {
		kind = selectors.Edge
	}
	s, err := listen(addr, kind)
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return demo.BadInput("-serve %s: want host:port: %w", addr, err)
	} else if err != nil {
		return err
	}
	if o.address == "" {
		return o.show(out, s)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintf(out, "serving on %s until Ctrl-C\n", s.listener.Addr())
	err = s.serve(ctx)
	fmt.Fprintf(out, "stopped: %d clients served, never more than %d at once\n", s.served, s.most)
	return err
}

// A callback is the data of a registration: what to call when the file is ready.
type callback func(key *selectors.Key[callback], e selectors.Event) error

type server struct {
	listener net.Listener
	selector *selectors.Selector[callback]
	kind     selectors.Event // is added to the events of a client: Edge or nothing

	// Of the thread that serves.
	served, most int
}

func listen(addr string, kind selectors.Event) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	sel, err := selectors.New[callback]()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &server{listener: l, selector: sel, kind: kind}
	if _, err := sel.Register(l, selectors.Read, s.accept); err != nil {
		return nil, errors.Join(err, l.Close(), sel.Close())
	}
	return s, nil
}

// serve goes on until ctx ends.
func (s *server) serve(ctx context.Context) error {
	defer s.selector.Close()
	defer func() {
		for key := range s.selector.Keys() {
			key.File.(io.Closer).Close()
		}
	}()
	for {
		ready, err := s.selector.SelectContext(ctx)
		if ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		for _, r := range ready {
			if err := r.Data(r.Key, r.Events); err != nil {
				return err
			}
		}
	}
}

func (s *server) accept(key *selectors.Key[callback], _ selectors.Event) error {
	c, err := selectors.TryAccept(key.File.(net.Listener))
	if errors.Is(err, selectors.ErrWouldBlock) {
		return nil // it has left again
	} else if err != nil {
		return err
	}
	if _, err := s.selector.Register(c, selectors.Read|s.kind, s.read); err != nil {
		return err
	}
	s.served++
	s.most = max(s.most, s.selector.Len()-1)
	return nil
}

// read echoes what has come: once, or with Edge until there is nothing more.
func (s *server) read(key *selectors.Key[callback], _ selectors.Event) error {
	buf := make([]byte, 1000)
	for {
		n, err := selectors.TryRead(key.File, buf)
		switch {
		case errors.Is(err, selectors.ErrWouldBlock):
			return nil
		case err != nil: // the end, or a reset
			return s.drop(key)
		}
		if done, err := s.send(key, buf[:n]); !done || s.kind == 0 {
			return err
		}
	}
}

// send writes, and reports whether all was written. If not, the rest is written when there is room, and nothing is read
// until then.
func (s *server) send(key *selectors.Key[callback], data []byte) (done bool, err error) {
	for len(data) > 0 {
		n, err := selectors.TryWrite(key.File, data)
		switch {
		case errors.Is(err, selectors.ErrWouldBlock):
			_, err := s.selector.Modify(key.File, selectors.Write|s.kind, func(key *selectors.Key[callback], _ selectors.Event) error {
				done, err := s.send(key, data)
				if !done {
					return err
				}
				_, err = s.selector.Modify(key.File, selectors.Read|s.kind, s.read) // what has come meanwhile is reported
				return err
			})
			return false, err
		case err != nil:
			return false, s.drop(key)
		}
		data = data[n:]
	}
	return true, nil
}

func (s *server) drop(key *selectors.Key[callback]) error {
	return errors.Join(s.selector.Unregister(key.File), key.File.(net.Conn).Close())
}

// show connects many clients, and lets each say something that no single read can take.
func (o *options) show(out io.Writer, s *server) error {
	ctx, stop := context.WithCancel(context.Background())
	var served error
	serving := threading.NewThread(func() { served = s.serve(ctx) })
	serving.Start()
	err := talkToAll(s.listener.Addr().String(), o.clients)
	stop()
	serving.Join()
	if err := cmp.Or(err, served); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d clients got back all they said, from one thread; never more than %d at once\n", s.served, s.most)
	return nil
}

func talkToAll(addr string, clients int) error {
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range clients {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		conns = append(conns, c)
	}
	for i, c := range conns {
		said := make([]byte, 5000)
		copy(said, fmt.Sprintf("I am client %d", i))
		if _, err := c.Write(said); err != nil {
			return err
		}
		heard := make([]byte, len(said))
		if _, err := io.ReadFull(c, heard); err != nil {
			return err
		}
		if string(heard) != string(said) {
			return fmt.Errorf("client %d heard something else", i)
		}
	}
	return nil
}

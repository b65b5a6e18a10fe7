// Command selectserver serves any number of clients in one thread, with a queue of what is still to be sent to each.
// It is a port of this well-known Python program:
//
//	inputs, outputs, message_queues = [server], [], {}
//	while inputs:
//	    readable, writable, exceptional = select.select(inputs, outputs, inputs)
//	    for s in readable:
//	        if s is server:
//	            connection, client_address = s.accept(); connection.setblocking(0)
//	            inputs.append(connection); message_queues[connection] = queue.Queue()
//	        elif data := s.recv(1024):
//	            message_queues[s].put(data)
//	            if s not in outputs: outputs.append(s)
//	        else:
//	            ...                                 # the client is gone: remove it everywhere
//	    for s in writable:
//	        try: next_msg = message_queues[s].get_nowait()
//	        except queue.Empty: outputs.remove(s)
//	        else: s.send(next_msg)
//	    for s in exceptional:
//	        ...                                     # likewise
//
// The differences that matter:
//
//   - In Go a goroutine per client is simpler and as fast: see echo and chat. This is for a port that is to stay what it is.
//   - One Selector takes the place of the three lists: inputs.append is Register, outputs.append and outputs.remove are
//     Modify, and removing from all of them is Unregister. The data of a registration takes the place of the dictionary.
//   - The time of a select.select grows with the length of its lists, and 1,024 is the highest descriptor that it knows.
//     A Selector does not mind how many there are.
//   - send may take only a part, and the rest of next_msg is lost. TryWrite says how much it took; the rest stays first.
//   - A queue without a bound grows for as long as its client does not read. Here a client that is far behind is not read
//     from until it has caught up, so TCP slows it down.
//   - After readiness recv can still fail with BlockingIOError, which the original does not expect; ErrWouldBlock is.
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
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/selectors"
)

// The options are what the flags say.
type options struct{ address string }

var program = demo.Program{
	Name: "selectserver",
	Does: "Starts the server, lets clients talk to it and ends; with -serve, serves others until Ctrl-C.",
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
	s, err := listen(out, o.address)
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return demo.BadInput("-serve %s: want host:port: %w", o.address, err)
	} else if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Fprintf(out, "serving on %s until Ctrl-C\n", s.listener.Addr())
	return s.serve(ctx)
}

// A connection is the data of a registration: what is still to be sent to a client. That of the listener is nil.
type connection struct {
	addr   net.Addr
	unsent [][]byte
	size   int
}

// tooMuch is when a client is not read from any more.
const tooMuch = 1 << 20

// A server has a Selector for all its sockets, and one thread.
type server struct {
	out      io.Writer
	listener net.Listener
	selector *selectors.Selector[*connection]
}

func listen(out io.Writer, addr string) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	sel, err := selectors.New[*connection]()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if _, err := sel.Register(l, selectors.Read, nil); err != nil {
		return nil, errors.Join(err, l.Close(), sel.Close())
	}
	return &server{out, l, sel}, nil
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
			if r.Data == nil {
				if err := s.accept(); err != nil {
					return err
				}
				continue
			}
			if r.Events&selectors.Read != 0 {
				err = s.read(r.Key)
			}
			if err == nil && r.Events&selectors.Write != 0 {
				err = s.write(r.Key)
			}
			if err != nil {
				s.drop(r.Key, err)
			}
		}
	}
}

func (s *server) accept() error {
	c, err := selectors.TryAccept(s.listener)
	if errors.Is(err, selectors.ErrWouldBlock) {
		return nil // it has left again
	} else if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "new connection from %s\n", c.RemoteAddr())
	_, err = s.selector.Register(c, selectors.Read, &connection{addr: c.RemoteAddr()})
	return err
}

func (s *server) read(key *selectors.Key[*connection]) error {
	buf := make([]byte, 1024)
	n, err := selectors.TryRead(key.File, buf)
	if errors.Is(err, selectors.ErrWouldBlock) {
		return nil
	} else if err != nil {
		return err
	}
	c := key.Data
	c.unsent = append(c.unsent, buf[:n])
	c.size += n
	return s.interest(key)
}

func (s *server) write(key *selectors.Key[*connection]) error {
	c := key.Data
	if len(c.unsent) > 0 {
		n, err := selectors.TryWrite(key.File, c.unsent[0])
		if errors.Is(err, selectors.ErrWouldBlock) {
			return nil
		} else if err != nil {
			return err
		}
		c.size -= n
		if c.unsent[0] = c.unsent[0][n:]; len(c.unsent[0]) == 0 {
			c.unsent = c.unsent[1:]
		}
	}
	return s.interest(key)
}

// interest waits for what there is to be done: outputs.append and outputs.remove.
func (s *server) interest(key *selectors.Key[*connection]) error {
	var e selectors.Event
	if key.Data.size < tooMuch {
		e |= selectors.Read
	}
	if key.Data.size > 0 {
		e |= selectors.Write
	}
	if e == key.Events {
		return nil
	}
	_, err := s.selector.Modify(key.File, e, key.Data)
	return err
}

// drop is what the original does in three lists and a dictionary.
func (s *server) drop(key *selectors.Key[*connection], why error) {
	if errors.Is(why, io.EOF) {
		fmt.Fprintf(s.out, "%s has left\n", key.Data.addr)
	} else {
		fmt.Fprintf(s.out, "%s: %v\n", key.Data.addr, why)
	}
	s.selector.Unregister(key.File)
	key.File.(net.Conn).Close()
}

// show lets two clients talk in turns, as the client of the original does, and one that says a lot before it listens.
func show(out io.Writer, second time.Duration) error {
	s, err := listen(io.Discard, "127.0.0.1:0") // the ports differ each time
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var served error
	serving := threading.NewThread(func() { served = s.serve(ctx) })
	serving.Start()
	err = cmp.Or(inTurns(out, s.listener.Addr().String(), second/10), aLot(out, s.listener.Addr().String()))
	stop()
	serving.Join()
	return cmp.Or(err, served)
}

func inTurns(out io.Writer, addr string, pause time.Duration) error {
	var conns [2]net.Conn
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		conns[i] = c
	}
	for _, message := range []string{"This is the message. ", "It will be sent ", "in parts."} {
		for i, c := range conns {
			if _, err := io.WriteString(c, message); err != nil {
				return err
			}
			fmt.Fprintf(out, "client %d sent %q\n", i, message)
		}
		time.Sleep(pause)
		for i, c := range conns {
			answer := make([]byte, len(message))
			if _, err := io.ReadFull(c, answer); err != nil {
				return err
			}
			fmt.Fprintf(out, "client %d received %q\n", i, answer)
		}
	}
	return nil
}

// aLot says more than the server keeps, and reads what comes back only when it has said all it can.
func aLot(out io.Writer, addr string) error {
	const size = 4 << 20
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	var wrote error
	writing := threading.NewThread(func() {
		w := bufio.NewWriter(c)
		for i := range size / 16 {
			fmt.Fprintf(w, "%015d\n", i)
		}
		wrote = w.Flush()
	})
	writing.Start()
	r := bufio.NewReader(c)
	for i := range size / 16 {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%015d\n", i); line != want {
			return fmt.Errorf("heard %q, want %q", line, want)
		}
	}
	writing.Join()
	fmt.Fprintf(out, "a client that says a lot got its %d bytes back, in order\n", size)
	return wrote
}

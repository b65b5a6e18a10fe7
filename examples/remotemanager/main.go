// Command remotemanager is a server that others find by its address, and two clients of it. It is a port of the remote
// manager of Python's documentation:
//
//	queue = Queue()                                                       # the server
//	class QueueManager(BaseManager): pass
//	QueueManager.register('get_queue', callable=lambda: queue)
//	m = QueueManager(address=('', 50000), authkey=b'abracadabra')
//	m.get_server().serve_forever()
//
//	QueueManager.register('get_queue')                                    # a client
//	m = QueueManager(address=('foo.bar.org', 50000), authkey=b'abracadabra')
//	m.connect()
//	m.get_queue().put('hello')
//
// Without flags it starts all three. By hand, in three terminals:
//
//	go run ./examples/remotemanager -serve unix:/tmp/queue.sock
//	go run ./examples/remotemanager -put unix:/tmp/queue.sock
//	go run ./examples/remotemanager -get unix:/tmp/queue.sock
//
// The differences that matter:
//
//   - There is no key: the kernel tells the server which user connects, and it serves its own. Other machines are
//     reached through etcd.
//   - Nothing is registered to be reached; names are enough. What is sent is data, which the other side never executes.
//   - A client that dies gives back what it held; a server that dies ends every call with ErrClosed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/again"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/manager"
)

var serveAt, putTo, getFrom string

var program = demo.Program{
	Name: "remotemanager",
	Does: "Is a server that others find by its address, and two clients of it.",
	Flags: func(f *flag.FlagSet) {
		f.StringVar(&serveAt, "serve", "", "serve at this `address` until the interrupt")
		f.StringVar(&putTo, "put", "", "put into the queue of this `address`")
		f.StringVar(&getFrom, "get", "", "get from the queue of this `address`")
	},
	Run: run,
}

var parts = again.Parts{
	"serve": func(out io.Writer, args []string) error { return serve(context.Background(), out, args[0]) },
	"put":   func(out io.Writer, args []string) error { return put(out, args[0]) },
	"get":   func(out io.Writer, args []string) error { return get(out, args[0]) },
}

func main() {
	if parts.Play() {
		return
	}
	program.Main()
}

func serve(ctx context.Context, out io.Writer, addr string) error {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		return err
	}
	defer m.Close()
	l, err := net.Listen("unix", strings.TrimPrefix(addr, "unix:"))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the server serves")
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // a client may end it, too
		if m.Event("enough").WaitContext(ctx) == nil {
			stop()
		}
	}()
	if err := m.Serve(ctx, l); ctx.Err() == nil {
		return err
	}
	fmt.Fprintln(out, "the server has ended")
	return nil
}

func put(out io.Writer, addr string) error {
	m, err := manager.Open(context.Background(), addr)
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Fprintln(out, "a client puts hello")
	return manager.NewQueue[string](m, "queue", 0).Put("hello")
}

func get(out io.Writer, addr string) error {
	m, err := manager.Open(context.Background(), addr)
	if err != nil {
		return err
	}
	defer m.Close()
	v, err := manager.NewQueue[string](m, "queue", 0).Get()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "another gets", v)
	return nil
}

func run(out io.Writer, _ time.Duration) error {
	switch {
	case serveAt != "":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		return serve(ctx, out, serveAt)
	case putTo != "":
		return put(out, putTo)
	case getFrom != "":
		return get(out, getFrom)
	}
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	addr := "unix:" + dir + "/sock"
	server, err := again.Start(out, "serve", addr)
	if err != nil {
		return err
	}
	m, err := connect(addr)
	if err != nil {
		return err
	}
	defer m.Close()
	for _, part := range []string{"put", "get"} {
		p, err := again.Start(out, part, addr)
		if err != nil {
			return err
		}
		if err := p.Join(); err != nil {
			return err
		}
	}
	_ = m.Event("enough").SetContext(context.Background()) // which may end before it can answer
	return server.Join()
}

// connect waits for the server to be there, for some seconds at most.
func connect(addr string) (*manager.Manager, error) {
	for tries := 0; ; tries++ {
		m, err := manager.Open(context.Background(), addr)
		if err == nil || tries == 1000 {
			return m, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

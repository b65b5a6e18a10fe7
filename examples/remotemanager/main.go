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
	"path/filepath"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/process"
)

// The options are what the flags say.
type options struct{ serveAt, putTo, getFrom string }

var program = demo.Program{
	Name: "remotemanager",
	Does: "Is a server that others find by its address, and two clients of it.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.serveAt, "serve", "", "serve at this `address` until the interrupt")
		f.StringVar(&o.putTo, "put", "", "put into the queue of this `address`")
		f.StringVar(&o.getFrom, "get", "", "get from the queue of this `address`")
		return o.run
	},
}

func main() {
	process.Init()
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
	if err := m.Serve(ctx, l); ctx.Err() == nil {
		return err
	}
	fmt.Fprintln(out, "the server has ended")
	return nil
}

func put(ctx context.Context, out io.Writer, addr string) error {
	m, err := manager.Open(ctx, addr)
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Fprintln(out, "a client puts hello")
	return manager.NewQueue[string](m, "queue", 0).PutContext(ctx, "hello")
}

func get(ctx context.Context, out io.Writer, addr string) error {
	m, err := manager.Open(ctx, addr)
	if err != nil {
		return err
	}
	defer m.Close()
	v, err := manager.NewQueue[string](m, "queue", 0).GetContext(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "another gets", v)
	return nil
}

// The same, as processes.
var (
	server = process.Register(part(serve))
	putter = process.Register(part(put))
	getter = process.Register(part(get))
)

func part(f func(context.Context, io.Writer, string) error) func(context.Context, string) (struct{}, error) {
	return func(ctx context.Context, addr string) (struct{}, error) { return struct{}{}, f(ctx, os.Stdout, addr) }
}

func (o *options) run(out io.Writer, _ time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch {
	case o.serveAt != "":
		return serve(ctx, out, o.serveAt)
	case o.putTo != "":
		return put(ctx, out, o.putTo)
	case o.getFrom != "":
		return get(ctx, out, o.getFrom)
	}
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	dir, err := os.MkdirTemp("", "queue")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	addr := "unix:" + filepath.Join(dir, "sock")
	s, err := process.Go(server, addr, process.Stdout(file), process.Grace(time.Minute))
	if err != nil {
		return err
	}
	if err := reach(ctx, addr, s.Done()); err != nil {
		return err
	}
	for _, f := range []*process.Func[string, struct{}]{putter, getter} {
		p, err := process.Go(f, addr, process.Stdout(file))
		if err != nil {
			return err
		}
		if _, err := p.Result(); err != nil {
			return err
		}
	}
	s.Terminate() // ends the context of its function
	s.Join()
	return nil
}

// reach waits until the server answers, or has ended.
func reach(ctx context.Context, addr string, ended <-chan struct{}) error {
	for {
		m, err := manager.Open(ctx, addr)
		if err == nil {
			return m.Close()
		}
		select {
		case <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

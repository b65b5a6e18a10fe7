// Command postbox sends a value from a child to its parent in three ways: through a Queue, through a Pipe, and as what the
// child returns.
// It is a port of these Python programs:
//
//	def f(q): q.put([42, None, 'hello'])           # and: conn.send([42, None, 'hello']); conn.close()
//
//	q = Queue()                                    # parent_conn, child_conn = Pipe()
//	p = Process(target=f, args=(q,))
//	p.start()
//	print(q.get())                                 # print(parent_conn.recv())
//	p.join()
//
// The differences that matter:
//
//   - A list of anything is a struct here: what is sent has a type, and one that would come back as something else is
//     refused when the Queue or the Pipe is made.
//   - In Python, join() before get() can wait forever, because the child does not end before its queue is emptied. Here a
//     put has put when it returns.
//   - The end of a Pipe: when the child has closed its end, and so has the parent, Recv returns io.EOF.
//   - A child returns a value. Python needs a queue for that.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
)

var program = demo.Program{
	Name: "postbox",
	Does: "Sends a value from a child to its parent in three ways.",
	Run:  run,
}

func main() {
	process.Init()
	program.Main()
}

// A letter is [42, None, 'hello'].
type letter struct {
	Number  int
	Nothing *int
	Text    string
}

func (l letter) String() string { return fmt.Sprintf("[%d, %v, %q]", l.Number, l.Nothing, l.Text) }

var it = letter{42, nil, "hello"}

var (
	put = process.Register(func(_ context.Context, q *process.Queue[letter]) (struct{}, error) {
		return struct{}{}, q.Put(it)
	})
	send = process.Register(func(_ context.Context, c *process.Conn[letter, struct{}]) (struct{}, error) {
		defer c.Close()
		return struct{}{}, c.Send(it)
	})
	give = process.Register(func(context.Context, struct{}) (letter, error) { return it, nil })
)

func run(out io.Writer, _ time.Duration) error {
	q := process.NewQueue[letter](0)
	p, err := process.Go(put, q)
	if err != nil {
		return err
	}
	p.Join() // before the get: nothing is held back
	l, err := q.Get()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "queue:", l)

	here, there, err := process.Pipe[struct{}, letter]()
	if err != nil {
		return err
	}
	defer here.Close()
	if _, err = process.Go(send, there); err != nil {
		return err
	}
	there.Close() // the child has its own copy
	if l, err = here.Recv(); err != nil {
		return err
	}
	fmt.Fprintln(out, "pipe:", l)
	if _, err = here.Recv(); err != io.EOF {
		return fmt.Errorf("a second value came: %w", err)
	}
	fmt.Fprintln(out, "pipe: closed at the other end")

	r, err := process.Go(give, struct{}{})
	if err != nil {
		return err
	}
	if l, err = r.Result(); err != nil {
		return err
	}
	fmt.Fprintln(out, "result:", l)
	for _, c := range process.Children() {
		c.Join()
	}
	return nil
}

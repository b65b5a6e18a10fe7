// Command namespace shares attributes, and one of each other type of a manager, with a child process. It is a port of
// Python programs such as
//
//	def child(ns, lock, event, queue):
//	    with lock:
//	        ns.x += 1
//	    queue.put(ns.name)
//	    event.set()
//
//	with Manager() as manager:
//	    ns = manager.Namespace(x=1, name='namespace')
//	    lock, event, queue = manager.Lock(), manager.Event(), manager.Queue()
//	    p = Process(target=child, args=(ns, lock, event, queue))
//	    p.start()
//	    event.wait()
//	    print(ns.x, queue.get())
//
// The differences that matter:
//
//   - An attribute has a type: Attr[int](ns, "x").
//   - ns.lst.append(1) changes a copy in Python, and nobody is told. Here Get returns a slice, which is plainly a copy,
//     and Update changes what is shared.
//   - A child that is killed while it holds the lock keeps it for ever in Python. Here it is free at once.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/process"
)

var program = demo.Program{
	Name: "namespace",
	Does: "Shares attributes and one of each other type with a child process.",
	Run:  run,
}

func main() {
	process.Init()
	program.Main()
}

var child = process.Register(func(ctx context.Context, addr string) (struct{}, error) {
	m, err := manager.Open(ctx, addr)
	if err != nil {
		return struct{}{}, err
	}
	defer m.Close()
	ns := m.Namespace("ns")
	x, name := manager.Attr[int](ns, "x"), manager.Attr[string](ns, "name")
	err = m.Lock("lock").With(ctx, func(ctx context.Context) error {
		n, err := x.Get(ctx)
		if err != nil {
			return err
		}
		return x.Set(ctx, n+1)
	})
	if err != nil {
		return struct{}{}, err
	}
	list := manager.Attr[[]int](ns, "lst")
	if _, err := list.Update(ctx, func(xs []int) ([]int, error) { return append(xs, 2), nil }); err != nil {
		return struct{}{}, err
	}
	text, err := name.Get(ctx)
	if err != nil {
		return struct{}{}, err
	}
	if err := manager.NewQueue[string](m, "queue", 0).Put(text); err != nil {
		return struct{}{}, err
	}
	m.Event("event").Set()
	return struct{}{}, nil
})

// holder holds the lock until it is killed.
var holder = process.Register(func(ctx context.Context, addr string) (struct{}, error) {
	m, err := manager.Open(ctx, addr)
	if err != nil {
		return struct{}{}, err
	}
	m.Lock("lock").Lock()
	m.Event("held").Set()
	<-m.Lost()
	return struct{}{}, manager.ErrLost
})

func run(out io.Writer, _ time.Duration) error {
	ctx := context.Background()
	m, err := manager.Start()
	if err != nil {
		return err
	}
	defer m.Close()
	ns := m.Namespace("ns")
	x, name, list := manager.Attr[int](ns, "x"), manager.Attr[string](ns, "name"), manager.Attr[[]int](ns, "lst")
	if err := x.Set(ctx, 1); err != nil {
		return err
	}
	if err := name.Set(ctx, "namespace"); err != nil {
		return err
	}
	if err := list.Set(ctx, []int{1}); err != nil {
		return err
	}
	p, err := process.Go(child, m.Addr())
	if err != nil {
		return err
	}
	if _, err := p.Result(); err != nil {
		return err
	}
	m.Event("event").Wait()
	n, err := x.Get(ctx)
	if err != nil {
		return err
	}
	xs, err := list.Get(ctx)
	if err != nil {
		return err
	}
	said, err := manager.NewQueue[string](m, "queue", 0).Get()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "x = %d, lst = %v, the child says %q\n", n, xs, said)

	if p, err = process.Go(holder, m.Addr()); err != nil {
		return err
	}
	m.Event("held").Wait()
	fmt.Fprintln(out, "a child holds the lock:", !m.Lock("lock").TryLock())
	p.Kill()
	m.Lock("lock").Lock()
	fmt.Fprintln(out, "it was killed, and the lock is free")
	m.Lock("lock").Unlock()
	p.Join()
	return nil
}

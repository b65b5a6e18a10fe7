// Command shared lets ten processes change one dict and one list. It is a port of a Python program:
//
//	def f(d, l):
//	    d[1] = '1'
//	    d['2'] = 2
//	    d[0.25] = None
//	    l.append(1)
//	    print(l)
//
//	with Manager() as manager:
//	    d = manager.dict()
//	    l = manager.list(range(5))
//	    ps = [Process(target=f, args=(d, l)) for i in range(10)]
//	    for p in ps: p.start()
//	    for p in ps: p.join()
//	    print(d)
//	    print(l)
//
// and of its variant in which each process sets arg[i] = i + 100, and of what all of them get wrong sooner or later:
// d['n'] += 1 is a read and a write, and loses what others add in between.
//
// The differences that matter:
//
//   - process.Init, first in main, stands for the if that guards __main__.
//   - A child gets the address of the manager and opens it; objects have names.
//   - A dict has keys of one type.
//   - What is read is a copy. Update reads and writes in one step, so the count is ten, always.
//   - A child that is not waited for fails in Python when the manager has ended: here, too. So join first.
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
	Name: "shared",
	Does: "Lets ten processes change one dict and one list.",
	Run:  run,
}

func main() {
	process.Init()
	program.Main()
}

const processes = 10

// A task is the argument of a child.
type task struct {
	Addr   string // of the manager
	Number int
}

// change is f(d, l).
var change = process.Register(func(ctx context.Context, t task) (struct{}, error) {
	m, err := manager.Open(ctx, t.Addr)
	if err != nil {
		return struct{}{}, err
	}
	defer m.Close()
	d := manager.NewDict[string, any](m, "d")
	if err := d.SetAll(ctx, map[string]any{"1": "1", "2": 2, "0.25": nil}); err != nil {
		return struct{}{}, err
	}
	l := manager.NewList[int](m, "l")
	if err := l.Append(ctx, 1); err != nil {
		return struct{}{}, err
	}
	if err := manager.NewDict[int, int](m, "arg").Set(ctx, t.Number, t.Number+100); err != nil {
		return struct{}{}, err
	}
	counts := manager.NewDict[string, int](m, "counts")
	if _, err := counts.Update(ctx, "n", func(n int, _ bool) (int, error) { return n + 1, nil }); err != nil {
		return struct{}{}, err
	}
	list, err := all(ctx, l)
	if err != nil {
		return struct{}{}, err
	}
	_, err = fmt.Println("a child sees", list)
	return struct{}{}, err
})

func all(ctx context.Context, l *manager.List[int]) (list []int, err error) {
	for v, err := range l.All(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func run(out io.Writer, _ time.Duration) error {
	ctx := context.Background()
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	m, err := manager.Start()
	if err != nil {
		return err
	}
	defer m.Close()
	l := manager.NewList[int](m, "l")
	if err := l.Append(ctx, 0, 1, 2, 3, 4); err != nil {
		return err
	}
	var ps []*process.Process[struct{}]
	for i := range processes {
		p, err := process.Go(change, task{m.Addr(), i}, process.Stdout(file))
		if err != nil {
			return err
		}
		ps = append(ps, p)
	}
	for _, p := range ps {
		if _, err := p.Result(); err != nil {
			return err
		}
	}
	for e, err := range manager.NewDict[string, any](m, "d").All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(file, "d[%q] = %v\n", e.Key, e.Value)
	}
	list, err := all(ctx, l)
	if err != nil {
		return err
	}
	fmt.Fprintln(file, "l =", list)
	n, err := manager.NewDict[int, int](m, "arg").Len(ctx)
	if err != nil {
		return err
	}
	count, _, err := manager.NewDict[string, int](m, "counts").Get(ctx, "n")
	if err != nil {
		return err
	}
	fmt.Fprintln(file, "processes that have set a key of their own:", n)
	fmt.Fprintln(file, "processes that have counted:", count)
	return nil
}

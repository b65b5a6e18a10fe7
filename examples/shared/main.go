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
//   - A child gets the address of the manager and opens it; objects have names.
//   - A dict has keys of one type.
//   - What is read is a copy. Update reads and writes in one step, so the count is ten, always.
//   - A child that is not waited for fails in Python when the manager has ended: here, too. So join first.
package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/gothreading/threading/examples/internal/again"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/manager"
)

var program = demo.Program{
	Name: "shared",
	Does: "Lets ten processes change one dict and one list.",
	Run:  run,
}

var parts = again.Parts{"child": child}

func main() {
	if parts.Play() {
		return
	}
	program.Main()
}

const processes = 10

// child is f(d, l), with the address of the manager and its number.
func child(out io.Writer, args []string) error {
	ctx := context.Background()
	m, err := manager.Open(ctx, args[0])
	if err != nil {
		return err
	}
	defer m.Close()
	i, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	d := manager.NewDict[string, any](m, "d")
	if err := d.SetAll(ctx, map[string]any{"1": "1", "2": 2, "0.25": nil}); err != nil {
		return err
	}
	l := manager.NewList[int](m, "l")
	if err := l.Append(ctx, 1); err != nil {
		return err
	}
	if err := manager.NewDict[int, int](m, "arg").Set(ctx, i, i+100); err != nil {
		return err
	}
	_, err = manager.NewDict[string, int](m, "counts").Update(ctx, "n", func(n int, _ bool) (int, error) { return n + 1, nil })
	if err != nil {
		return err
	}
	list, err := all(ctx, l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "a child sees", list)
	return err
}

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
	m, err := manager.Start()
	if err != nil {
		return err
	}
	defer m.Close()
	l := manager.NewList[int](m, "l")
	if err := l.Append(ctx, 0, 1, 2, 3, 4); err != nil {
		return err
	}
	var children []*again.Process
	for i := range processes {
		p, err := again.Start(out, "child", m.Addr(), strconv.Itoa(i))
		if err != nil {
			return err
		}
		children = append(children, p)
	}
	for _, p := range children {
		if err := p.Join(); err != nil {
			return err
		}
	}
	for e, err := range manager.NewDict[string, any](m, "d").All(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "d[%q] = %v\n", e.Key, e.Value)
	}
	list, err := all(ctx, l)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "l =", list)
	n, err := manager.NewDict[int, int](m, "arg").Len(ctx)
	if err != nil {
		return err
	}
	count, _, err := manager.NewDict[string, int](m, "counts").Get(ctx, "n")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "processes that have set a key of their own:", n)
	fmt.Fprintln(out, "processes that have counted:", count)
	return nil
}

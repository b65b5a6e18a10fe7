// Command queues shows what each kind of queue does: bounded, joined, last in first out, by priority, and the deque.
// It is a port of several small Python programs:
//
//	q = queue.Queue(2)
//	print(q.empty(), q.qsize())             # True 0
//	q.put(11); q.put(22)
//	q.put(33, block=False)                  # raises Full; put_nowait(33) is the same
//	q.put(33, block=True, timeout=2)        # raises Full after 2 s
//	q.get(); q.get()
//	q.get(timeout=2)                        # raises Empty after 2 s
//
//	q = queue.Queue(5)
//	q.put(123); q.put(456)
//	q.get(); q.task_done()                  # for each item
//	q.join()                                # waits until every item is done
//
//	q = queue.LifoQueue()                   # put 123, 456: get returns 456
//	q = queue.PriorityQueue()               # put (1, "a"), (2, "b"), ...: the smallest comes first
//	q = collections.deque()                 # append, appendleft, pop, popleft
//
// The differences that matter:
//
//   - Full and Empty are no exceptions but the errors ErrFull and ErrEmpty, to be tested with errors.Is.
//   - put(x, block=False, timeout=2) is legal in Python and ignores the timeout. Here it cannot be written: TryPut
//     does not wait, PutTimeout does.
//   - A tutorial says that put_nowait is no different from put. It is: it raises Full where put waits.
//   - The original joins what it has done itself a line before, and so never waits. Here a thread does the tasks.
//   - PriorityQueue compares the whole tuple: items of equal priority come in the order of their data, and raise
//     TypeError if that has none. Here the compare is the program's, and equals leave in order of arrival.
//   - deque.pop raises IndexError when there is nothing; PopBack and PopFront report false.
package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
)

var program = demo.Program{
	Name: "queues",
	Does: "Shows what each kind of queue does.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	for _, show := range []func(io.Writer, time.Duration) error{bounded, joined, lifo, priority, deque} {
		if err := show(out, second); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "all queues did as expected")
	return nil
}

func bounded(out io.Writer, second time.Duration) error {
	q := queue.New[int](2)
	fmt.Fprintf(out, "Queue(2): empty %t, %d inside\n", q.Empty(), q.Len())
	if err := errors.Join(q.Put(11), q.TryPut(22)); err != nil { // there is room, so neither waits
		return err
	}
	fmt.Fprintf(out, "after 11 and 22: full %t, %d inside\n", q.Full(), q.Len())

	if err := q.TryPut(33); !errors.Is(err, queue.ErrFull) {
		return fmt.Errorf("TryPut on a full queue: %v", err)
	}
	began := time.Now()
	err := q.PutTimeout(33, 2*second)
	fmt.Fprintf(out, "PutTimeout(33): %v, after %.1f s\n", err, float64(time.Since(began))/float64(second))

	for range 2 {
		item, err := q.Get()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Get: %d\n", item)
	}
	began = time.Now()
	_, err = q.GetTimeout(2 * second)
	fmt.Fprintf(out, "GetTimeout: %v, after %.1f s\n", err, float64(time.Since(began))/float64(second))
	return nil
}

func joined(out io.Writer, second time.Duration) error {
	q := queue.New[int](5)
	if err := errors.Join(q.Put(123), q.Put(456)); err != nil {
		return err
	}
	fmt.Fprintf(out, "tasks to do: %d\n", q.Unfinished())
	worker := threading.NewThread(func() {
		for {
			item, err := q.Get()
			if err != nil { // shut down
				return
			}
			time.Sleep(second)
			fmt.Fprintf(out, "done with %d\n", item)
			q.TaskDone()
		}
	})
	began := time.Now()
	worker.Start()
	q.Join()
	fmt.Fprintf(out, "Join returns after %.1f s, tasks to do: %d\n",
		float64(time.Since(began))/float64(second), q.Unfinished())
	q.Shutdown() // or the worker would wait for ever
	worker.Join()
	return nil
}

func lifo(out io.Writer, _ time.Duration) error {
	q := queue.NewLIFO[int](0)
	if err := errors.Join(q.Put(123), q.Put(456)); err != nil {
		return err
	}
	fmt.Fprintln(out, "last in, first out:", q.Drain())
	return nil
}

func priority(out io.Writer, _ time.Duration) error {
	type job struct {
		priority int
		name     string
	}
	q := queue.NewPriority(0, queue.By(func(j job) int { return j.priority }))
	for _, j := range []job{{2, "write"}, {1, "think"}, {3, "rest"}, {1, "ask"}} {
		if err := q.Put(j); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "by priority:", q.Drain()) // Python would have put ask before think
	return nil
}

func deque(out io.Writer, _ time.Duration) error {
	var d queue.Deque[int]
	d.PushBack(123)
	d.PushBack(333)
	d.PushFront(456)
	back, _ := d.PopBack()
	front, _ := d.PopFront()
	fmt.Fprintf(out, "deque: back %d, front %d, %d left\n", back, front, d.Len())
	d.Clear()
	_, ok := d.PopFront()
	fmt.Fprintf(out, "a pop from an empty deque finds something: %t\n", ok)
	return nil
}

package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/queue"
)

// A producer hands work to a consumer and waits until all of it has been done.
func Example() {
	q := queue.New[string](2) // the producer is never more than two items ahead
	go func() {
		for {
			item, err := q.Get()
			if err != nil {
				return // shut down
			}
			fmt.Println("finished", item)
			q.TaskDone()
		}
	}()
	for _, item := range []string{"bread", "soup", "salad"} {
		q.Put(item)
	}
	q.Join()
	fmt.Println("all work completed")
	q.Shutdown()
	// Output:
	// finished bread
	// finished soup
	// finished salad
	// all work completed
}

// Several workers share a queue. Each ends by itself when the queue has been shut down and drained.
// A queue of room for two: the third Put waits until something was taken.
func ExampleQueue() {
	q := queue.New[string](2)
	go func() {
		for _, word := range []string{"to", "be", "or", "not"} {
			_ = q.Put(word) // fails only after Shutdown
		}
		q.Shutdown()
	}()
	for {
		word, err := q.Get()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(word)
	}
	// Output:
	// to
	// be
	// or
	// not
	// queue: shut down
}

// A writer that collects what has come meanwhile, up to a batch.
func ExampleQueue_GetN() {
	var lines queue.Queue[string]
	for i := range 5 {
		_ = lines.Put(fmt.Sprint("line ", i))
	}
	lines.Shutdown()
	for {
		batch, err := lines.GetN(3)
		if err != nil {
			break
		}
		fmt.Printf("%q\n", batch)
	}
	// Output:
	// ["line 0" "line 1" "line 2"]
	// ["line 3" "line 4"]
}

// What is due is taken; what is not stays.
func ExampleQueue_TryGetIf() {
	due := queue.NewPriority(0, queue.By(func(at int) int { return at }))
	for _, at := range []int{30, 10, 20} {
		_ = due.Put(at)
	}
	now := 25
	for {
		at, err := due.TryGetIf(func(at int) bool { return at <= now })
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println("due at", at)
	}
	fmt.Println(due.Len(), "left")
	// Output:
	// due at 10
	// due at 20
	// queue: empty
	// 1 left
}

func ExampleQueue_All() {
	q := queue.NewLIFO[int](0)
	for i := range 3 {
		_ = q.Put(i)
	}
	for i := range q.All() {
		fmt.Println(i)
	}
	fmt.Println(q.Len(), "inside")
	// Output:
	// 2
	// 1
	// 0
	// 3 inside
}

func ExampleQueue_Tasks() {
	q := queue.New[int](8)
	var sum atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for n := range q.Tasks() {
				sum.Add(int64(n * n))
			}
		})
	}
	for n := range 100 {
		q.Put(n)
	}
	q.Join()
	fmt.Println("sum of squares:", sum.Load())
	q.Shutdown()
	workers.Wait()
	// Output: sum of squares: 328350
}

// A worker that stops with its context leaves the other items to others.
func ExampleQueue_TasksContext() {
	q := queue.New[string](0)
	for _, item := range []string{"first", "second", "third"} {
		q.Put(item)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	for item := range q.TasksContext(ctx) {
		fmt.Println(item)
		cancel(errors.New("enough for today"))
	}
	fmt.Println(context.Cause(ctx))
	fmt.Println(q.Len(), "left")
	// Output:
	// first
	// enough for today
	// 2 left
}

// After Shutdown what is inside can still be got, and then everybody learns that nothing more will come.
func ExampleQueue_Shutdown() {
	q := queue.New[int](0)
	q.Put(1)
	q.Put(2)
	q.Shutdown()
	fmt.Println("put:", q.Put(3))
	for {
		item, err := q.Get()
		if errors.Is(err, queue.ErrShutdown) {
			fmt.Println("get:", err)
			return
		}
		fmt.Println("got", item)
	}
	// Output:
	// put: queue: shut down
	// got 1
	// got 2
	// get: queue: shut down
}

// ShutdownNow drops what nobody has taken yet; Join waits for the rest.
func ExampleQueue_ShutdownNow() {
	q := queue.New[int](0)
	for n := range 10 {
		q.Put(n)
	}
	q.Get()
	q.ShutdownNow()
	fmt.Println("inside:", q.Len(), "unfinished:", q.Unfinished())
	q.TaskDone()
	q.Join()
	// Output: inside: 0 unfinished: 1
}

// A call with a timeout says whether it came too late for an item, or for room.
func ExampleQueue_GetTimeout() {
	q := queue.New[string](1)
	_, err := q.GetTimeout(time.Millisecond)
	fmt.Println(err)
	fmt.Println(q.PutTimeout("item", time.Millisecond))
	fmt.Println(q.PutTimeout("another", time.Millisecond))
	fmt.Println(q.GetTimeout(time.Millisecond))
	// Output:
	// queue: empty
	// <nil>
	// queue: full
	// item <nil>
}

// A call with a context gives up with the context's cause.
func ExampleQueue_GetContext() {
	q := queue.New[string](0)
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, errors.New("no message in time"))
	defer cancel()
	_, err := q.GetContext(ctx)
	fmt.Println(err)
	// Output: no message in time
}

func ExampleQueue_JoinTimeout() {
	q := queue.New[string](0)
	q.Put("slow")
	q.Get()
	fmt.Println(q.JoinTimeout(time.Millisecond))
	q.TaskDone()
	fmt.Println(q.JoinTimeout(time.Millisecond))
	// Output:
	// false
	// true
}

func ExampleQueue_TryPut() {
	q := queue.New[string](1)
	fmt.Println(q.TryPut("first"))
	fmt.Println(q.TryPut("second"))
	// Output:
	// <nil>
	// queue: full
}

func ExampleQueue_Drain() {
	var q queue.Queue[int] // unbounded
	for n := range 3 {
		q.Put(n)
	}
	fmt.Println(q.Drain(), q.Empty(), q.Unfinished())
	// Output: [0 1 2] true 3
}

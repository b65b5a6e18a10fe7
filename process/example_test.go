//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/process"
)

// Functions that run in other processes are registered where package-level variables are initialized.
var countWords = process.Register(pool.Plain(func(text string) int { return len(strings.Fields(text)) }))

func Example() {
	// main begins with process.Init(), as TestMain does here.
	p, err := process.Go(countWords, "to be or not to be")
	if err != nil {
		fmt.Println(err)
		return
	}
	words, err := p.Result()
	fmt.Println(words, err)
	// Output: 6 <nil>
}

type account struct {
	Balance *process.Value[int]
	Lock    *process.Lock
	Log     *process.Queue[string]
}

var deposit = process.Register(func(_ context.Context, a account) (struct{}, error) {
	a.Lock.Lock()
	defer a.Lock.Unlock()
	if process.Add(a.Balance, 10) > 20 {
		return struct{}{}, errors.New("too rich")
	}
	return struct{}{}, a.Log.Put("deposited")
})

func Example_sharing() {
	a := account{process.NewValue(5), process.NewLock(), process.NewQueue[string](0)}
	for range 2 {
		p, err := process.Go(deposit, a)
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := p.Result(); err != nil {
			fmt.Println(err.(*process.ExitError).Unwrap())
		}
	}
	fmt.Println(a.Balance.Get(), a.Log.Drain())
	// Output:
	// too rich
	// 25 [deposited]
}

var crash = process.Register(func(_ context.Context, l *process.Lock) (struct{}, error) {
	l.Lock()
	panic("with the lock held")
})

func ExampleLock_Abandoned() {
	l := process.NewLock()
	opts, quiet := discarded()
	defer quiet()
	p, err := process.Go(crash, l, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Join()
	l.Lock() // at once, although its owner has not unlocked it
	fmt.Println("abandoned:", l.Abandoned())
	l.Unlock()
	// Output: abandoned: true
}

func ExampleProcess_Terminate() {
	started := process.NewEvent()
	p, err := process.Go(patient, started, process.Grace(time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	started.Wait()
	p.Terminate() // ends its context, and the process when the function has returned
	p.Join()
	code, _ := p.ExitCode()
	fmt.Println(code, errors.Is(p.Err(), process.ErrTerminated))
	// Output: -15 true
}

var patient = process.Register(func(ctx context.Context, started *process.Event) (struct{}, error) {
	started.Set()
	<-ctx.Done()
	return struct{}{}, context.Cause(ctx)
})

func ExamplePipe() {
	here, there, err := process.Pipe[string, int]()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := process.Go(answer, there); err != nil {
		fmt.Println(err)
		return
	}
	there.Close() // the child has its own copy
	for _, s := range []string{"one", "three"} {
		here.Send(s)
		n, err := here.Recv()
		fmt.Println(n, err)
	}
	here.Close()
	for _, c := range process.Children() {
		c.Join()
	}
	// Output:
	// 3 <nil>
	// 5 <nil>
}

var answer = process.Register(func(_ context.Context, c *process.Conn[int, string]) (struct{}, error) {
	for {
		s, err := c.Recv()
		if err == io.EOF {
			return struct{}{}, nil
		}
		if err == nil {
			err = c.Send(len(s))
		}
		if err != nil {
			return struct{}{}, err
		}
	}
})

func ExamplePool() {
	p := process.NewPool(2)
	defer p.Shutdown()
	n, err := pool.Apply(p.Pool, pool.Bind(countWords.On(p), "one two three"))
	fmt.Println(n, err)
	for n, err := range pool.IMap(p.Pool, countWords.On(p), slices.Values([]string{"a", "b c", ""})) {
		fmt.Println(n, err)
	}
	// Output:
	// 3 <nil>
	// 1 <nil>
	// 2 <nil>
	// 0 <nil>
}

func ExampleMap() {
	p := process.NewPool(4)
	defer p.Shutdown()
	counts, err := process.Map(p, countWords, []string{"a", "b c", "d e f"})
	fmt.Println(counts, err)
	// Output: [1 2 3] <nil>
}

func ExampleBarrier() {
	b := process.NewBarrier(2, nil)
	p, err := process.Go(meet, b)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = b.Wait() // the other arrives, and passes too
	fmt.Println(err)
	p.Join()
	_, err = b.WaitTimeout(time.Millisecond) // nobody else comes: the Barrier breaks
	fmt.Println(errors.Is(err, barrier.ErrBroken), b.Broken())
	// Output:
	// <nil>
	// true true
}

var meet = process.Register(func(_ context.Context, b *process.Barrier) (struct{}, error) {
	_, err := b.Wait()
	return struct{}{}, err
})

func ExampleArray_Update() {
	a := process.ArrayOf(1, 2, 3, 4)
	a.Update(func(x []int) { slices.Reverse(x) })
	for i, x := range a.All() {
		fmt.Print(i, "=", x, " ")
	}
	fmt.Println(a.Abandoned())
	// Output: 0=4 1=3 2=2 3=1 false
}

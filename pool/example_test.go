package pool_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/pool"
)

func ExamplePool() {
	p := pool.New(4)
	defer p.Shutdown() // waits for what was submitted

	lengths, err := pool.Map(p, pool.Plain(func(s string) int { return len(s) }), []string{"a", "pool", "of", "workers"})
	fmt.Println(lengths, err)
	// Output: [1 4 2 7] <nil>
}

// Python: pool.apply(pow, (2, 10)).
func ExampleApply() {
	p := pool.New(2)
	defer p.Shutdown()
	v, err := pool.Apply(p, func(context.Context) (int, error) { return 1 << 10, nil })
	fmt.Println(v, err)
	// Output: 1024 <nil>
}

// Python: pool.apply_async(…).get().
func ExampleApplyAsync() {
	p := pool.New(2)
	defer p.Shutdown()
	word := pool.ApplyAsync(p, func(context.Context) (string, error) { return strings.Repeat("ab", 3), nil })
	number := pool.ApplyAsync(p, func(context.Context) (int, error) { return strconv.Atoi("seven") })
	panics := pool.ApplyAsync(p, func(context.Context) (int, error) { panic("no reason") })
	fmt.Println(word.Get())
	_, err := number.Get()
	fmt.Println(err)
	_, err = panics.Get()
	fmt.Println(err)
	// Output:
	// ababab <nil>
	// strconv.Atoi: parsing "seven": invalid syntax
	// panic: no reason
}

// callback and error_callback in one. Get returns after it has.
func ExampleCallback() {
	p := pool.New(1)
	defer p.Shutdown()
	say := func(v int, err error) { fmt.Println("told of", v, err) }
	r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 42, nil }, pool.Callback(say))
	fmt.Println(r.Get())
	// Output:
	// told of 42 <nil>
	// 42 <nil>
}

func ExampleMap() {
	p := pool.New(4)
	defer p.Shutdown()
	numbers, err := pool.Map(p, pool.PlainErr(strconv.Atoi), []string{"1", "2", "three", "4", "five"})
	fmt.Println(numbers)
	fmt.Println(err)
	var failed *pool.MapError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			fmt.Println(item.Index, errors.Is(item, strconv.ErrSyntax))
		}
	}
	// Output:
	// [1 2 0 4 0]
	// item 2: strconv.Atoi: parsing "three": invalid syntax (2 of 5 items failed)
	// 2 true
	// 4 true
}

func ExampleMapAsync() {
	p := pool.New(2)
	defer p.Shutdown()
	r := pool.MapAsync(p, pool.Plain(square), []int{1, 2, 3})
	r.Wait()
	r.OnDone(func(squares []int, err error) { fmt.Println(squares, err) })
	// Output: [1 4 9] <nil>
}

func ExampleProgress() {
	p := pool.New(1)
	defer p.Shutdown()
	_, _ = pool.Map(p, pool.Plain(square), upTo(3), pool.Progress(func(done, total int) {
		fmt.Println(done, "of", total)
	}))
	// Output:
	// 1 of 3
	// 2 of 3
	// 3 of 3
}

// The input need have no end: no more of it is read than is needed.
func ExampleIMap() {
	p := pool.New(2)
	defer p.Shutdown()
	numbers := func(yield func(int) bool) {
		for i := 1; yield(i); i++ {
		}
	}
	for v, err := range pool.IMap(p, pool.Plain(square), numbers) {
		if err != nil || v > 30 {
			break
		}
		fmt.Print(v, " ")
	}
	// Output: 1 4 9 16 25
}

func ExampleIMapUnordered() {
	p := pool.New(2)
	defer p.Shutdown()
	sum := 0
	for v, err := range pool.IMapUnordered(p, pool.PlainErr(strconv.Atoi), strings.FieldsSeq("1 2 x 4")) {
		var item *pool.ItemError
		if errors.As(err, &item) {
			fmt.Println("item", item.Index, "is no number")
			continue
		}
		sum += v
	}
	fmt.Println(sum)
	// Output:
	// item 2 is no number
	// 7
}

// Python: concurrent.futures.as_completed.
func ExampleAsCompleted() {
	p := pool.New(2)
	defer p.Shutdown()
	first := make(chan struct{})
	slow := pool.ApplyAsync(p, func(context.Context) (string, error) { <-first; return "slow", nil })
	fast := pool.ApplyAsync(p, func(context.Context) (string, error) { return "fast", nil })
	for r := range pool.AsCompleted(slow, fast) {
		fmt.Println(r.Get())
		if r == fast {
			close(first)
		}
	}
	// Output:
	// fast <nil>
	// slow <nil>
}

// Leaving after the first is Python's wait(…, return_when=FIRST_COMPLETED); Cancel what is needed no longer.
func ExampleAsCompleted_firstCompleted() {
	p := pool.New(2)
	defer p.Shutdown()
	ask := func(name string, answers bool) *pool.Result[string] {
		return pool.ApplyAsync(p, func(ctx context.Context) (string, error) {
			if answers {
				return "answer of " + name, nil
			}
			<-ctx.Done()
			return "", context.Cause(ctx)
		})
	}
	mirrors := []*pool.Result[string]{ask("one", false), ask("two", true)}
	for r := range pool.AsCompleted(mirrors...) {
		fmt.Println(r.Get())
		break
	}
	for _, r := range mirrors {
		r.Cancel()
	}
	_, err := mirrors[0].Get()
	fmt.Println(err)
	// Output:
	// answer of two <nil>
	// pool: cancelled
}

// Python's args=(3,).
func ExampleBind() {
	p := pool.New(1)
	defer p.Shutdown()
	fmt.Println(pool.Apply(p, pool.Bind(pool.Plain(square), 3)))
	// Output: 9 <nil>
}

func ExamplePlain() {
	p := pool.New(1)
	defer p.Shutdown()
	fmt.Println(pool.Map(p, pool.Plain(strings.ToUpper), []string{"a", "b"}))
	// Output: [A B] <nil>
}

func ExamplePlainErr() {
	p := pool.New(1)
	defer p.Shutdown()
	fmt.Println(pool.Map(p, pool.PlainErr(strconv.ParseBool), []string{"true", "0"}))
	// Output: [true false] <nil>
}

// What goes through a view gives up when its context ends.
func ExamplePool_WithContext() {
	p := pool.New(1)
	defer p.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := pool.Apply(p.WithContext(ctx), func(ctx context.Context) (int, error) {
		<-ctx.Done() // a long calculation looks at it now and then
		return 0, ctx.Err()
	})
	fmt.Println(err)
	// Output: context deadline exceeded
}

func ExamplePool_WithPriority() {
	p := pool.New(1)
	hold := make(chan struct{})
	_ = p.Go(func(context.Context) error { <-hold; return nil }) // keeps the worker busy
	for _, n := range []int{3, 1, 2} {
		_ = p.WithPriority(n).Go(func(context.Context) error { fmt.Println("priority", n); return nil })
	}
	close(hold)
	p.Shutdown()
	// Output:
	// priority 1
	// priority 2
	// priority 3
}

// With a bound on what is queued, Go waits for a place, and TryGo refuses.
func ExampleBacklog() {
	p := pool.New(1, pool.Backlog(1))
	hold := make(chan struct{})
	task := func(context.Context) error { <-hold; return nil }
	fmt.Println(p.TryGo(task)) // a worker is free
	fmt.Println(p.TryGo(task)) // one may wait
	fmt.Println(p.TryGo(task))
	close(hold)
	p.Shutdown()
	// Output:
	// <nil>
	// <nil>
	// pool: the backlog is full
}

func ExamplePool_TryGo() {
	p := pool.New(2, pool.Backlog(0))
	defer p.Shutdown()
	hold := make(chan struct{})
	defer close(hold)
	for range 3 {
		if err := p.TryGo(func(context.Context) error { <-hold; return nil }); errors.Is(err, pool.ErrFull) {
			fmt.Println("no worker is free: try again later")
		}
	}
	// Output: no worker is free: try again later
}

// Nobody wants to know what becomes of it.
func ExamplePool_Go() {
	p := pool.New(3)
	var n atomic.Int32
	for range 10 {
		if err := p.Go(func(context.Context) error { n.Add(1); return nil }); err != nil {
			fmt.Println(err)
		}
	}
	p.Shutdown()
	fmt.Println(n.Load())
	// Output: 10
}

// Python's with ThreadPool() as pool: at the end of the block what is queued is dropped.
func ExamplePool_Terminate() {
	p := pool.New(1)
	running := make(chan struct{})
	first := pool.ApplyAsync(p, func(ctx context.Context) (string, error) {
		close(running)
		<-ctx.Done()
		return "stopped early", nil
	})
	second := pool.ApplyAsync(p, func(context.Context) (string, error) { return "never called", nil })
	<-running
	p.Terminate()
	p.Join()
	fmt.Println(first.Get())
	_, err := second.Get()
	fmt.Println(err)
	// Output:
	// stopped early <nil>
	// pool: terminated
}

func ExampleInitializer() {
	p := pool.New(1, pool.Initializer(func() error {
		fmt.Println("connecting")
		return nil
	}))
	_, _ = pool.Apply(p, func(context.Context) (int, error) { fmt.Println("working"); return 0, nil })
	p.Shutdown()
	// Output:
	// connecting
	// working
}

// A task may wait for others of the same pool, to any depth, even if there is one worker.
func ExampleApply_nested() {
	p := pool.New(1)
	defer p.Shutdown()
	var fibonacci func(n int) func(context.Context) (int, error)
	fibonacci = func(n int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) {
			if n < 2 {
				return n, nil
			}
			left := pool.ApplyAsync(p, fibonacci(n-1))
			right, err := pool.Apply(p, fibonacci(n-2))
			if err != nil {
				return 0, err
			}
			v, err := left.Get()
			return v + right, err
		}
	}
	fmt.Println(pool.Apply(p, fibonacci(10)))
	// Output: 55 <nil>
}

func ExampleResult_Cancel() {
	p := pool.New(1)
	defer p.Shutdown()
	hold := make(chan struct{})
	_ = p.Go(func(context.Context) error { <-hold; return nil })
	r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 1, nil })
	fmt.Println(r.Cancel())
	_, err := r.Get()
	fmt.Println(err)
	close(hold)
	// Output:
	// true
	// pool: cancelled
}

func ExampleResult_GetTimeout() {
	p := pool.New(1)
	defer p.Shutdown()
	hold := make(chan struct{})
	r := pool.ApplyAsync(p, func(context.Context) (int, error) { <-hold; return 1, nil })
	_, err := r.GetTimeout(time.Millisecond)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
	close(hold)
	fmt.Println(r.Get())
	// Output:
	// pool: the result is not ready yet true
	// 1 <nil>
}

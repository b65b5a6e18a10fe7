package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/pool"
)

func ExampleFailFast() {
	p := pool.New(1)
	defer p.Shutdown()
	words := []string{"1", "two", "three", "4"}
	_, all := pool.Map(p, pool.PlainErr(strconv.Atoi), words)
	_, first := pool.Map(p, pool.PlainErr(strconv.Atoi), words, pool.FailFast())
	var failed *pool.MapError
	fmt.Println(errors.As(all, &failed), len(failed.Items))
	fmt.Println(errors.As(first, &failed), len(failed.Items), failed.Items[0].Index)
	// Output:
	// true 2
	// true 1 1
}

func ExampleChunkSize() {
	p := pool.New(2)
	defer p.Shutdown()
	numbers := slices.Repeat([]int{1}, 1000)
	ones, err := pool.Map(p, pool.Plain(func(n int) int { return n }), numbers, pool.ChunkSize(100)) // ten tasks
	fmt.Println(len(ones), err)
	// Output: 1000 <nil>
}

func ExampleBuffer() {
	p := pool.New(2)
	defer p.Shutdown()
	read := 0
	endless := func(yield func(int) bool) {
		for yield(read) {
			read++
		}
	}
	for n := range pool.IMap(p, pool.Plain(func(n int) int { return n }), endless, pool.Buffer(3)) {
		if n == 9 {
			break
		}
	}
	fmt.Println("read at most 3 ahead:", read <= 13)
	// Output: read at most 3 ahead: true
}

func ExampleLIFO() {
	p := pool.New(1, pool.LIFO())
	hold := make(chan struct{})
	begun := make(chan struct{})
	_ = p.Go(func(context.Context) error { close(begun); <-hold; return nil })
	<-begun
	for i := range 3 {
		_ = p.Go(func(context.Context) error { fmt.Println(i); return nil })
	}
	close(hold)
	p.Shutdown()
	// Output:
	// 2
	// 1
	// 0
}

func ExampleFinalizer() {
	p := pool.New(1,
		pool.Initializer(func() error { fmt.Println("open"); return nil }),
		pool.Finalizer(func() { fmt.Println("close") }))
	for range 2 {
		_ = p.Go(func(context.Context) error { fmt.Println("work"); return nil })
	}
	p.Shutdown()
	// Output:
	// open
	// work
	// work
	// close
}

func ExampleTryApplyAsync() {
	p := pool.New(1, pool.Backlog(0)) // a task is accepted only if a worker is free
	hold := make(chan struct{})
	wait := func(context.Context) (string, error) { <-hold; return "done", nil }
	first, err := pool.TryApplyAsync(p, wait)
	fmt.Println(err)
	_, err = pool.TryApplyAsync(p, wait)
	fmt.Println(errors.Is(err, pool.ErrFull))
	close(hold)
	fmt.Println(first.Get())
	p.Shutdown()
	// Output:
	// <nil>
	// true
	// done <nil>
}

func ExampleResult_OnDone() {
	p := pool.New(1)
	r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 42, nil })
	r.OnDone(func(n int, err error) { fmt.Println(n, err) })
	p.Shutdown()
	// Output: 42 <nil>
}

func ExampleAsCompletedContext() {
	p := pool.New(2)
	hold := make(chan struct{})
	quick := pool.ApplyAsync(p, func(context.Context) (string, error) { return "quick", nil })
	slow := pool.ApplyAsync(p, func(context.Context) (string, error) { <-hold; return "slow", nil })
	quick.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	for r := range pool.AsCompletedContext(ctx, quick, slow) {
		fmt.Println(r.Get())
	}
	fmt.Println("slow is ready:", slow.Ready())
	close(hold)
	p.Shutdown()
	// Output:
	// quick <nil>
	// slow is ready: false
}

func ExamplePool_CancelPending() {
	p := pool.New(1)
	hold := make(chan struct{})
	begun := make(chan struct{})
	_ = p.Go(func(context.Context) error { close(begun); <-hold; return nil })
	<-begun
	queued := pool.ApplyAsync(p, func(context.Context) (int, error) { return 1, nil })
	fmt.Println(p.CancelPending())
	_, err := queued.Get()
	fmt.Println(err, queued.Started())
	close(hold)
	p.Shutdown()
	// Output:
	// 1
	// pool: cancelled false
}

func ExamplePool_Resize() {
	p := pool.New(1)
	p.Resize(3)
	together := barrier.New(3, func() { fmt.Println("three at once") })
	for range 3 {
		_ = p.Go(func(context.Context) error { _, err := together.Wait(); return err })
	}
	p.Shutdown()
	fmt.Println(p.Workers())
	// Output:
	// three at once
	// 3
}

func ExamplePool_Stats() {
	p := pool.New(2)
	_ = pool.ForEach(p, pool.Each(func(int) {}), make([]int, 5))
	_, _ = pool.Apply(p, func(context.Context) (int, error) { return strconv.Atoi("x") })
	p.Shutdown()
	s := p.Stats()
	fmt.Println(s.Succeeded, s.Failed, s.Queued, s.Running)
	// Output: 5 1 0 0
}

func ExamplePool_ShutdownTimeout() {
	p := pool.New(1)
	_ = p.Go(func(ctx context.Context) error { <-ctx.Done(); return nil }) // ends only if it is told to
	fmt.Println(p.ShutdownTimeout(time.Millisecond))
	p.Join() // it has been told
	// Output: false
}

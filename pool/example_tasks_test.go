package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gothreading/threading/pool"
)

// A crawler that feeds itself: each task may give the scope more of them, and the scope ends when nothing is left.
func ExampleScope() {
	links := map[string][]string{"/": {"/a", "/b"}, "/a": {"/b", "/c"}, "/b": {"/"}, "/c": nil}
	var mu sync.Mutex
	seen := map[string]bool{}
	err := pool.Scope(context.Background(), func(_ context.Context, g *pool.Pool) error {
		var visit func(page string) error
		visit = func(page string) error {
			mu.Lock()
			defer mu.Unlock()
			if seen[page] {
				return nil
			}
			seen[page] = true
			return g.Go(func(context.Context) error {
				for _, link := range links[page] {
					if err := visit(link); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return visit("/")
	})
	fmt.Println(len(seen), err)
	// Output: 4 <nil>
}

func ExampleSpawn() {
	r := pool.Spawn(func(context.Context) (int, error) { return 6 * 7, nil })
	fmt.Println(r.Get())
	// Output: 42 <nil>
}

func ExampleGather() {
	squares := []*pool.Result[int]{}
	for i := range 4 {
		squares = append(squares, pool.Spawn(pool.Bind(pool.Plain(square), i)))
	}
	fmt.Println(pool.Gather(squares...))
	// Output: [0 1 4 9] <nil>
}

func ExampleWait() {
	var never pool.Promise[int]
	ready := pool.Spawn(func(context.Context) (int, error) { return 1, nil })
	done, pending := pool.Wait(1, never.Result(), ready)
	fmt.Println(len(done), len(pending))
	// Output: 1 1
}

func ExamplePromise() {
	var p pool.Promise[string]
	go p.Set("hello", nil)
	fmt.Println(p.Result().Get())
	// Output: hello <nil>
}

func ExampleForEach() {
	p := pool.New(2)
	defer p.Shutdown()
	err := pool.ForEach(p, func(_ context.Context, n int) error {
		if n%2 == 1 {
			return errors.New("odd")
		}
		return nil
	}, []int{0, 1, 2, 3})
	fmt.Println(err)
	var all *pool.MapError
	if errors.As(err, &all) {
		for _, item := range all.Items {
			fmt.Println(item)
		}
	}
	// Output:
	// item 1: odd (2 of 4 items failed)
	// item 1: odd
	// item 3: odd
}

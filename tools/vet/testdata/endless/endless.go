package endless

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/gothreading/threading/queue"
)

func use(int) {}

func next(q *queue.Queue[int]) {
	for {
		x, err := q.Get() // want `once the Queue is shut down, Get returns an error at once, and this loop never ends \(endless\)`
		if err != nil {
			continue
		}
		use(x)
	}
}

func logs(ctx context.Context, q *queue.Queue[int]) {
	for {
		x, err := q.GetContext(ctx) // want `once the Queue is shut down, GetContext returns an error at once`
		if err != nil {
			log.Print(err)
			time.Sleep(time.Second)
			continue
		}
		if x == 0 {
			return
		}
		use(x)
	}
}

func positive(q *queue.Queue[int]) {
	for {
		if x, err := q.Get(); err == nil { // want `once the Queue is shut down, Get`
			use(x)
		}
	}
}

func dropped(q *queue.Queue[int]) {
	for {
		x, _ := q.Get() // want `once the Queue is shut down, Get`
		use(x)
	}
}

func statement(q *queue.Queue[int]) {
	for {
		q.Get() // want `once the Queue is shut down, Get`
		use(1)
	}
}

func several(q *queue.Queue[int]) {
	var err error
	for {
		var xs []int
		xs, err = q.GetN(10) // want `once the Queue is shut down, GetN`
		if err != nil || len(xs) == 0 {
			continue
		}
		for _, x := range xs {
			use(x)
		}
	}
}

func inThread(q *queue.Queue[int]) {
	go func() {
		for {
			x, err := q.Get() // want `once the Queue is shut down, Get`
			if err == nil && x > 0 {
				use(x)
			}
		}
	}()
}

func outer(ctx context.Context, q *queue.Queue[int]) {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for {
		for {
			x, err := q.GetContext(limited) // want `once the Queue is shut down, GetContext`
			if err == nil {
				use(x)
				break
			}
			fmt.Println("again", err)
		}
	}
}

// The rest ends.

func checked(q *queue.Queue[int]) {
	for {
		x, err := q.Get()
		check(err)
		use(x)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func another(qs chan *queue.Queue[int]) {
	for {
		q := <-qs
		x, err := q.Get()
		if err != nil {
			continue
		}
		use(x)
	}
}

func eachOf(qs []*queue.Queue[int]) {
	for {
		for _, q := range qs {
			if x, err := q.Get(); err == nil {
				use(x)
			}
		}
		for i := range qs {
			x, _ := qs[i].Get()
			use(x)
		}
	}
}

func anotherContext(q *queue.Queue[int]) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		x, err := q.GetContext(ctx)
		cancel()
		if err != nil {
			continue
		}
		use(x)
	}
}

func ends(ctx context.Context, q *queue.Queue[int], done *bool) error {
	for {
		x, err := q.Get()
		if err != nil {
			break
		}
		use(x)
	}
	for {
		x, err := q.GetContext(ctx)
		if err != nil {
			if errors.Is(err, queue.ErrShutdown) {
				return err
			}
			continue
		}
		use(x)
	}
}

func polls(q *queue.Queue[int]) {
	for {
		x, err := q.GetTimeout(time.Second) // it may be that nothing came for a second
		if err != nil {
			continue
		}
		use(x)
	}
}

func sentinel(q *queue.Queue[int]) {
	for {
		x, _ := q.Get()
		if x == 0 {
			return
		}
		use(x)
	}
}

func condition(q *queue.Queue[int], done *bool) {
	for !*done {
		x, err := q.Get()
		if err != nil {
			continue
		}
		use(x)
	}
	for range 10 {
		x, err := q.Get()
		if err != nil {
			continue
		}
		use(x)
	}
	for x := range q.Tasks() {
		use(x)
	}
}

func fatal(q *queue.Queue[int]) {
	for {
		x, err := q.Get()
		if err != nil {
			log.Fatal(err)
		}
		use(x)
	}
}

func selected(ctx context.Context, q *queue.Queue[int]) {
	for {
		x, err := q.Get()
		if err != nil {
			select {
			case <-ctx.Done():
				return
			default:
			}
			continue
		}
		use(x)
	}
}

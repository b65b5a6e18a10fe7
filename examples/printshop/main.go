// Command printshop prints orders in a pool whose workers are printers, and shows what Python's pools do not have: an order
// that does not fit is refused, an urgent one goes first, a customer waits for a second and no longer, more printers come in
// the rush hour, and what belongs together ends together.
//
//	p := pool.New(1, pool.Backlog(2), pool.Initializer(warmUp), pool.Finalizer(switchOff))
//
// In Python such things are made by hand: a semaphore around submit for Backlog, a PriorityQueue and threads of one's own for
// WithPriority, a second executor for Resize.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

var program = demo.Program{
	Name: "printshop",
	Does: "Prints orders in a pool: refused, urgent, waited for with a limit, and given up together.",
	Run:  run,
}

func main() { program.Main() }

var errJam = errors.New("paper jam")

func run(out io.Writer, second time.Duration) error {
	var warm, off atomic.Int32
	p := pool.New(1, pool.Name("printer"),
		pool.Backlog(2), // beyond the one that is being printed
		pool.Initializer(func() error { warm.Add(1); return nil }),
		pool.Finalizer(func() { off.Add(1) }))
	order := func(what string, length time.Duration) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) { return what, thread.SleepContext(ctx, length) }
	}
	var begun event.Event
	poster := pool.ApplyAsync(p, func(ctx context.Context) (string, error) {
		begun.Set()
		return order("poster", 3*second)(ctx)
	})
	begun.Wait() // else the urgent one would be first
	cards := pool.ApplyAsync(p, order("cards", second))
	ticket := pool.ApplyAsync(p.WithPriority(-1), order("ticket", second)) // urgent
	if _, err := pool.TryApplyAsync(p, order("book", time.Hour)); errors.Is(err, pool.ErrFull) {
		fmt.Fprintln(out, "the book is refused:", err)
	}
	if _, err := poster.GetTimeout(second); errors.Is(err, pool.ErrTimeout) {
		fmt.Fprintln(out, "the poster is not ready after a second")
	}
	for r := range pool.AsCompleted(poster, cards, ticket) {
		what, err := r.Get()
		fmt.Fprintln(out, "ready:", what, err)
	}

	p.Resize(3) // the rush hour
	if err := brochure(out, p, second); err != nil {
		return err
	}
	if err := catalogue(out, p, second); err != nil {
		return err
	}
	p.Shutdown()
	fmt.Fprintf(out, "%d printers were warmed up, and %d switched off\n", warm.Load(), off.Load())
	return nil
}

// brochure prints pages until one fails: the rest of the brochure is then of no use.
func brochure(out io.Writer, p *pool.Pool, second time.Duration) error {
	var printed atomic.Int32
	pages := slices.Repeat([]int{1}, 9)
	err := pool.ForEach(p, func(ctx context.Context, _ int) error {
		if err := thread.SleepContext(ctx, second); err != nil {
			return err
		}
		if printed.Add(1) == 3 {
			return errJam
		}
		return nil
	}, pages, pool.ChunkSize(1), pool.FailFast())
	if n := printed.Load(); !errors.Is(err, errJam) || n > 5 {
		return fmt.Errorf("the brochure: %v after %d pages, want a %v after 3, and none begun after it", err, n, errJam)
	}
	fmt.Fprintln(out, "the brochure:", errJam, "on page 3; most of the others were never begun")
	return nil
}

// catalogue has chapters, each of which has its pages printed when it knows them. The customer does not wait for longer
// than it takes to print two.
func catalogue(out io.Writer, p *pool.Pool, second time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 5*second/2, errors.New("the customer has left"))
	defer cancel()
	var pages atomic.Int32
	err := p.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
		for range 3 {
			if err := g.Go(func(ctx context.Context) error { // a chapter
				return g.Go(func(ctx context.Context) error {
					defer pages.Add(1)
					return thread.SleepContext(ctx, second)
				})
			}); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Fprintf(out, "the short catalogue: %d pages, %v\n", pages.Load(), err)

	err = p.Scope(ctx, func(_ context.Context, g *pool.Pool) error {
		return g.Go(func(ctx context.Context) error { return thread.SleepContext(ctx, time.Hour) })
	})
	fmt.Fprintln(out, "the long catalogue:", err)
	return nil
}

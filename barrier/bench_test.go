package barrier_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
)

// rivals are Barrier and what would be used in its stead, in the order in which
// they are measured. Each makes what a party calls once a generation. None but
// Barrier gives up.
var rivals = []struct {
	name string
	make func(parties, generations int) func(generation int)
}{
	{"barrier", func(parties, _ int) func(int) {
		b := barrier.New(parties, nil)
		return func(int) { _, _ = b.Wait() }
	}},
	// A WaitGroup serves one generation, so each has one of its own, made
	// beforehand.
	{"waitgroup", func(parties, generations int) func(int) {
		wgs := make([]sync.WaitGroup, generations)
		for i := range wgs {
			wgs[i].Add(parties)
		}
		return func(generation int) {
			wgs[generation].Done()
			wgs[generation].Wait()
		}
	}},
	{"cond", func(parties, _ int) func(int) {
		c := &condBarrier{parties: parties}
		c.cond.L = &c.mu
		return func(int) { c.wait() }
	}},
}

// A condBarrier is the barrier of textbooks.
type condBarrier struct {
	mu                           sync.Mutex
	cond                         sync.Cond
	parties, arrived, generation int
}

func (c *condBarrier) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.arrived++; c.arrived == c.parties {
		c.arrived = 0
		c.generation++
		c.cond.Broadcast()
		return
	}
	for g := c.generation; g == c.generation; {
		c.cond.Wait()
	}
}

// BenchmarkGenerations has all parties meet b.N times. The rivals run one after
// the other for each number of parties, so that what disturbs the machine
// disturbs all.
func BenchmarkGenerations(b *testing.B) {
	for _, parties := range []int{1, 2, 5, 50} {
		b.Run(fmt.Sprint(parties, " parties"), func(b *testing.B) {
			for _, r := range rivals {
				b.Run(r.name, func(b *testing.B) {
					b.ReportAllocs()
					wait := r.make(parties, b.N)
					var wg sync.WaitGroup
					b.ResetTimer()
					for range parties {
						wg.Go(func() {
							for i := range b.N {
								wait(i)
							}
						})
					}
					wg.Wait()
				})
			}
		})
	}
}

// BenchmarkForms has two parties meet that could give up, and do not.
func BenchmarkForms(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, form := range []struct {
		name string
		wait func(b *barrier.Barrier)
	}{
		{"Wait", func(b *barrier.Barrier) { _, _ = b.Wait() }},
		{"WaitTimeout", func(b *barrier.Barrier) { _, _ = b.WaitTimeout(time.Hour) }},
		{"WaitContext", func(b *barrier.Barrier) { _, _ = b.WaitContext(ctx) }},
	} {
		b.Run(form.name, func(b *testing.B) {
			b.ReportAllocs()
			meet := barrier.New(2, nil)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					for range b.N {
						form.wait(meet)
					}
				})
			}
			wg.Wait()
		})
	}
}

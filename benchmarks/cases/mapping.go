package cases

import (
	"runtime"
	"sync"

	"github.com/gothreading/threading/pool"
	"github.com/sourcegraph/conc/iter"
)

func mapRows(s Sizes) []Row {
	return []Row{{
		Name: "Map of " + size(s.Items) + " ints", Group: "Map", Batch: s.Items,
		Ours: mapping("pool.Map", false, s.Items, func() (func([]int) []int, func()) {
			p := pool.New(0)
			fn := pool.Plain(square)
			return func(in []int) []int {
				out, _ := pool.Map(p, fn, in)
				return out
			}, p.Shutdown
		}),
		Rivals: []Contender{
			mapping("conc iter.Map", true, s.Items, func() (func([]int) []int, func()) {
				return func(in []int) []int {
					return iter.Map(in, func(i *int) int { return square(*i) })
				}, nil
			}),
			mapping("chunks by hand", false, s.Items, func() (func([]int) []int, func()) {
				return byHand, nil
			}),
			mapping("serial loop", false, s.Items, func() (func([]int) []int, func()) {
				return func(in []int) []int {
					out := make([]int, len(in))
					for i, v := range in {
						out[i] = square(v)
					}
					return out
				}, nil
			}),
		},
	}}
}

func square(i int) int { return i * i }

// byHand gives each processor one piece of the input.
func byHand(in []int) []int {
	out := make([]int, len(in))
	pieces := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for i := range pieces {
		wg.Go(func() {
			for j := i * len(in) / pieces; j < (i+1)*len(in)/pieces; j++ {
				out[j] = square(in[j])
			}
		})
	}
	wg.Wait()
	return out
}

// mapping squares so many ints at a time. An operation is one of them.
func mapping(name string, main bool, items int, newMap func() (squares func([]int) []int, end func())) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		squares, end := newMap()
		in := make([]int, items)
		for i := range in {
			in[i] = i
		}
		count := 0
		var out []int
		return Body{
			Run: func(_ Timer, n int) {
				for range n / items {
					out = squares(in)
					count += len(out)
				}
			},
			Count: func() int {
				for i, v := range out {
					if v != i*i {
						return -1
					}
				}
				return count
			},
			Close: end,
		}
	}}
}

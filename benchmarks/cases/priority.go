package cases

import (
	"cmp"
	"container/heap"
	"math/rand/v2"
	"sync"

	adrianbrad "github.com/adrianbrad/queue"
	"github.com/gothreading/threading/queue"
)

// intHeap is container/heap as everybody uses it.
type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }

func (h *intHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// stableHeap does what a priority queue of this toolkit does: equals leave in order of arrival.
type stableHeap []arrival

type arrival struct {
	item int
	seq  uint64
}

func (h stableHeap) Len() int      { return len(h) }
func (h stableHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *stableHeap) Push(x any)   { *h = append(*h, x.(arrival)) }

func (h stableHeap) Less(i, j int) bool {
	if h[i].item != h[j].item {
		return h[i].item < h[j].item
	}
	return h[i].seq < h[j].seq
}

func (h *stableHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

// newPriority is a pipe without bound.
func newPriority(int) (put func(int), get func() int) {
	q := queue.NewPriority(0, cmp.Compare[int])
	return func(i int) { _ = q.Put(i) }, func() int {
		i, _ := q.Get()
		return i
	}
}

// newHeap is a pipe without bound: container/heap under a mutex. It never waits.
func newHeap(int) (put func(int), get func() int) {
	var (
		guard sync.Mutex
		items intHeap
	)
	return func(i int) {
			guard.Lock()
			heap.Push(&items, i)
			guard.Unlock()
		}, func() int {
			guard.Lock()
			defer guard.Unlock()
			return heap.Pop(&items).(int)
		}
}

func newStableHeap(int) (put func(int), get func() int) {
	var (
		guard sync.Mutex
		items stableHeap
		seq   uint64
	)
	return func(i int) {
			guard.Lock()
			seq++
			heap.Push(&items, arrival{i, seq})
			guard.Unlock()
		}, func() int {
			guard.Lock()
			defer guard.Unlock()
			return heap.Pop(&items).(arrival).item
		}
}

func newAdrianbradPriority(int) (put func(int), get func() int) {
	q := adrianbrad.NewPriority([]int(nil), func(a, b int) bool { return a < b })
	return func(i int) { _ = q.Offer(i) }, func() int {
		i, _ := q.Get()
		return i
	}
}

func priorityRows(s Sizes) []Row {
	var rows []Row
	for _, within := range s.Priorities {
		rows = append(rows, Row{
			Name: "Priority queue: " + size(within) + " inside", Group: "Queues",
			Ours: inside("queue.NewPriority", false, within, newPriority),
			Rivals: []Contender{
				inside("container/heap", true, within, newHeap),
				inside("container/heap, stable", true, within, newStableHeap),
				inside("adrianbrad/queue", false, within, newAdrianbradPriority),
			},
		}, Row{
			Name: "Priority queue: " + size(within) + " inside, new ones leave next", Group: "Queues",
			Ours: overtaking("queue.NewPriority", false, within, newPriority),
			Rivals: []Contender{
				overtaking("container/heap", true, within, newHeap),
				overtaking("container/heap, stable", true, within, newStableHeap),
			},
		})
	}
	return rows
}

// overtaking gets an item and puts another, with so many inside of which all that is put leaves before most of them: as
// when urgent tasks come all the time.
func overtaking(name string, main bool, within int, pipe pipe) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		const spread = 1 << 16
		items := make([]int, 1<<12)
		r := rand.New(rand.NewPCG(3, 4))
		for i := range items {
			items[i] = r.IntN(spread)
		}
		put, get := pipe(0)
		for range within {
			put(r.IntN(spread))
		}
		count := 0
		return single(&count, func(n int) {
			for i := range n {
				if get() < spread {
					count++
				}
				put(items[i%len(items)])
			}
		})
	}}
}

// inside gets an item and puts another, with so many inside. What is put is larger by something random than what was
// got, as when a simulation schedules its next event: so it finds its place anywhere among the others, for as long as
// this goes on. Items that were just random would soon be smaller than nearly all that have stayed.
func inside(name string, main bool, within int, pipe pipe) Contender {
	return Contender{Name: name, Main: main, New: func() Body {
		const spread = 1 << 16
		later := make([]int, 1<<12)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range later {
			later[i] = r.IntN(spread)
		}
		put, get := pipe(0)
		for range within {
			put(r.IntN(spread))
		}
		count, last := 0, 0
		return single(&count, func(n int) {
			for i := range n {
				item := get()
				if item >= last { // in order, or it does not count
					count++
				}
				last = item
				put(item + later[i%len(later)])
			}
		})
	}}
}

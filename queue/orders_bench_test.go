package queue_test

import (
	containerheap "container/heap"
	"container/list"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/gothreading/threading/queue"
)

// The rivals are what one writes by hand: a container of the standard library, or a slice, under a mutex. None of them
// waits, gives up, counts tasks or is shut down. container/heap does not keep equals in order either; the stable rival
// does, by counting what arrives.

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

type mutexHeap struct {
	mu    sync.Mutex
	items intHeap
}

func (h *mutexHeap) put(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	containerheap.Push(&h.items, i)
}

func (h *mutexHeap) get() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return containerheap.Pop(&h.items).(int)
}

type stableEntry struct {
	item int
	seq  uint64
}

type stableHeap []stableEntry

func (h stableHeap) Len() int      { return len(h) }
func (h stableHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *stableHeap) Push(x any)   { *h = append(*h, x.(stableEntry)) }
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

type mutexStableHeap struct {
	mu    sync.Mutex
	items stableHeap
	seq   uint64
}

func (h *mutexStableHeap) put(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	containerheap.Push(&h.items, stableEntry{i, h.seq})
}

func (h *mutexStableHeap) get() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return containerheap.Pop(&h.items).(stableEntry).item
}

type mutexSlice struct {
	mu    sync.Mutex
	items []int
}

func (s *mutexSlice) put(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, i)
}

func (s *mutexSlice) get() (item int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.items) - 1
	item = s.items[last]
	s.items = s.items[:last]
	return item
}

type mutexList struct {
	mu   sync.Mutex
	list list.List
}

func (l *mutexList) pushBack(i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list.PushBack(i)
}

func (l *mutexList) popFront() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list.Remove(l.list.Front()).(int)
}

func (l *mutexList) popBack() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list.Remove(l.list.Back()).(int)
}

// A container is what a benchmark uses of a queue or a rival.
type container struct {
	name string
	make func() (put func(int), get func() int)
}

func ofQueue(name string, create func() *queue.Queue[int]) container {
	return container{name, func() (func(int), func() int) {
		q := create()
		return func(i int) { q.Put(i) }, func() int { i, _ := q.Get(); return i }
	}}
}

var (
	priorities = []container{
		ofQueue("queue", func() *queue.Queue[int] {
			return queue.NewPriority(0, queue.By(func(i int) int { return i }))
		}),
		ofQueue("queue, compare by hand", func() *queue.Queue[int] {
			return queue.NewPriority(0, func(a, b int) int { return a - b })
		}),
		{"heap and mutex", func() (func(int), func() int) {
			h := new(mutexHeap)
			return h.put, h.get
		}},
		{"stable heap and mutex", func() (func(int), func() int) {
			h := new(mutexStableHeap)
			return h.put, h.get
		}},
	}
	stacks = []container{
		ofQueue("queue", func() *queue.Queue[int] { return queue.NewLIFO[int](0) }),
		{"slice and mutex", func() (func(int), func() int) {
			s := new(mutexSlice)
			return s.put, s.get
		}},
	}
	deques = []container{
		{"deque, as a queue", func() (func(int), func() int) {
			d := new(queue.Deque[int])
			return d.PushBack, func() int { i, _ := d.PopFront(); return i }
		}},
		{"list and mutex, as a queue", func() (func(int), func() int) {
			l := new(mutexList)
			return l.pushBack, l.popFront
		}},
		{"deque, as a stack", func() (func(int), func() int) {
			d := new(queue.Deque[int])
			return d.PushBack, func() int { i, _ := d.PopBack(); return i }
		}},
		{"list and mutex, as a stack", func() (func(int), func() int) {
			l := new(mutexList)
			return l.pushBack, l.popBack
		}},
	}
)

// benchContainers puts and gets in turn with some items inside, alone and from several goroutines. What is put is larger
// by something random than what was got last, as in a simulation: so it finds its place anywhere among the others, and
// goes on doing so. What is just random would soon be smaller than almost all that has stayed.
func benchContainers(b *testing.B, containers []container, inside ...int) {
	const spread = 1 << 16
	random := make([]int, 1<<12)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = r.IntN(spread)
	}
	for _, n := range inside {
		prepare := func(c container) (put func(int), get func() int) {
			put, get = c.make()
			for i := range n {
				put(random[i%len(random)])
			}
			return put, get
		}
		for _, c := range containers {
			b.Run(fmt.Sprintf("%d inside/%s", n, c.name), func(b *testing.B) {
				b.ReportAllocs()
				put, get := prepare(c)
				i, last := 0, 0
				for b.Loop() {
					put(last + random[i%len(random)])
					last = get()
					i++
				}
			})
		}
		for _, c := range containers {
			b.Run(fmt.Sprintf("%d inside, parallel/%s", n, c.name), func(b *testing.B) {
				b.ReportAllocs()
				put, get := prepare(c)
				b.RunParallel(func(pb *testing.PB) {
					last := 0
					for i := rand.IntN(len(random)); pb.Next(); i++ {
						put(last + random[i%len(random)])
						last = get()
					}
				})
			})
		}
	}
}

func BenchmarkPriority(b *testing.B) { benchContainers(b, priorities, 1000, 100_000) }

func BenchmarkLIFO(b *testing.B) { benchContainers(b, stacks, 0, 1000) }

func BenchmarkDeque(b *testing.B) { benchContainers(b, deques, 0, 1000) }

// BenchmarkBacklog builds a backlog of a million and takes it again: storage that grows and shrinks.
func BenchmarkBacklog(b *testing.B) {
	const backlog = 1_000_000
	for _, c := range []container{
		ofQueue("FIFO", func() *queue.Queue[int] { return queue.New[int](0) }),
		ofQueue("LIFO", func() *queue.Queue[int] { return queue.NewLIFO[int](0) }),
		stacks[1],
		deques[0],
		deques[1],
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				put, get := c.make()
				for i := range backlog {
					put(i)
				}
				for range backlog {
					get()
				}
			}
		})
	}
}

// BenchmarkDrain takes 100,000 random items at once, sorted, against one get after the other.
func BenchmarkDrain(b *testing.B) {
	const n = 100_000
	for name, take := range map[string]func(*queue.Queue[int]){
		"Drain": func(q *queue.Queue[int]) { q.Drain() },
		"Get": func(q *queue.Queue[int]) {
			for range n {
				q.Get()
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			q := queue.NewPriority(0, queue.By(func(i int) int { return i }))
			for b.Loop() {
				for range n {
					q.Put(rand.IntN(1 << 30))
				}
				take(q)
			}
		})
	}
}

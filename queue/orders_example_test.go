package queue_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gothreading/threading/queue"
)

// The newest item leaves first.
func ExampleNewLIFO() {
	q := queue.NewLIFO[string](0)
	for _, page := range []string{"home", "search", "article"} {
		q.Put(page)
	}
	q.Shutdown()
	for page := range q.Tasks() {
		fmt.Println(page)
	}
	// Output:
	// article
	// search
	// home
}

// The smallest item leaves first, and equals in order of arrival.
func ExampleNewPriority() {
	type job struct {
		priority int
		name     string
	}
	q := queue.NewPriority(0, func(a, b job) int { return cmp.Compare(a.priority, b.priority) })
	q.Put(job{5, "tidy up"})
	q.Put(job{1, "put out the fire"})
	q.Put(job{3, "answer the mail"})
	q.Put(job{1, "call for help"})
	for !q.Empty() {
		j, _ := q.Get()
		fmt.Println(j.priority, j.name)
	}
	// Output:
	// 1 put out the fire
	// 1 call for help
	// 3 answer the mail
	// 5 tidy up
}

// A compare may look at several things in turn, here the largest priority and then the shortest name.
func ExampleNewPriority_severalKeys() {
	type job struct {
		priority int
		name     string
	}
	q := queue.NewPriority(0, func(a, b job) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(len(a.name), len(b.name)))
	})
	q.Put(job{1, "low"})
	q.Put(job{2, "high, long"})
	q.Put(job{2, "high"})
	fmt.Println(q.Drain())
	// Output: [{2 high} {2 high, long} {1 low}]
}

// By makes a compare from a key. A key that is negated turns the order round.
func ExampleBy() {
	byLength := queue.NewPriority(0, queue.By(func(s string) int { return len(s) }))
	ignoringCase := queue.NewPriority(0, queue.By(strings.ToLower))
	longestFirst := queue.NewPriority(0, queue.By(func(s string) int { return -len(s) }))
	for _, q := range []*queue.Queue[string]{byLength, ignoringCase, longestFirst} {
		for _, s := range []string{"fig", "Apple", "kiwi", "banana", "date"} {
			q.Put(s)
		}
		fmt.Println(q.Drain())
	}
	// Output:
	// [fig kiwi date Apple banana]
	// [Apple banana date fig kiwi]
	// [banana Apple kiwi date fig]
}

// Peek looks at what the next get would take.
func ExampleQueue_Peek() {
	q := queue.NewPriority(0, queue.By(func(i int) int { return i }))
	fmt.Println(q.Peek())
	q.Put(3)
	q.Put(1)
	fmt.Println(q.Peek())
	fmt.Println(q.Len())
	// Output:
	// 0 false
	// 1 true
	// 2
}

func ExampleDeque() {
	var d queue.Deque[string]
	d.PushBack("b")
	d.PushBack("c")
	d.PushFront("a")
	fmt.Println(slices.Collect(d.All()), d.Len())
	fmt.Println(d.PopFront())
	fmt.Println(d.PopBack())
	fmt.Println(d.PopBack())
	fmt.Println(d.PopBack())
	// Output:
	// [a b c] 3
	// a true
	// c true
	// b true
	//  false
}

// A bounded deque keeps what came last.
func ExampleNewDeque() {
	last := queue.NewDeque[string](3)
	for _, line := range []string{"one", "two", "three", "four", "five"} {
		last.PushBack(line)
	}
	for line := range last.All() {
		fmt.Println(line)
	}
	// Output:
	// three
	// four
	// five
}

// The first and the last item, which Python calls d[0] and d[-1].
func ExampleDeque_Front() {
	var d queue.Deque[int]
	for i := range 5 {
		d.PushBack(i * i)
	}
	fmt.Println(d.Front())
	fmt.Println(d.Back())
	// Output:
	// 0 true
	// 16 true
}

func ExampleDeque_Rotate() {
	var d queue.Deque[int]
	for i := range 5 {
		d.PushBack(i)
	}
	d.Rotate(2)
	fmt.Println(slices.Collect(d.All()))
	d.Rotate(-3)
	fmt.Println(slices.Collect(d.All()))
	// Output:
	// [3 4 0 1 2]
	// [1 2 3 4 0]
}

// A loop sees the deque as it was when the loop began, so the body may change it.
func ExampleDeque_RemoveFunc() {
	var idle queue.Deque[string]
	for _, connection := range []string{"a", "b", "c"} {
		idle.PushBack(connection)
	}
	fmt.Println(idle.RemoveFunc(func(connection string) bool { return connection == "b" }))
	fmt.Println(idle.RemoveFunc(func(connection string) bool { return connection == "d" }))
	fmt.Println(idle.Len(), "left")
	// Output:
	// b true
	//  false
	// 2 left
}

func ExampleDeque_All() {
	var d queue.Deque[int]
	for i := range 3 {
		d.PushBack(i)
	}
	for i := range d.All() {
		d.PushBack(10 * i)
	}
	fmt.Println(slices.Collect(d.All()))
	// Output: [0 1 2 0 10 20]
}

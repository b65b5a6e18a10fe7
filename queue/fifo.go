package queue

// A fifo holds items in order of arrival, in linked blocks. Nothing is ever copied, a popped slot is zeroed, and a
// block that has been emptied goes to the garbage collector, but for one that is kept for the next push: in the steady
// state nothing is allocated, and after a backlog the memory goes back.
type fifo[T any] struct {
	head, tail *block[T]
	first      int // index in head of the first item
	end        int // index in tail behind the last item
	n          int
	spare      *block[T]
}

type block[T any] struct {
	items []T
	next  *block[T]
}

// A queue that holds little takes little: the first block is small, and each further one twice as large as the last.
const (
	firstBlock   = 8
	largestBlock = 128
)

func (f *fifo[T]) len() int { return f.n }

func (f *fifo[T]) push(item T) {
	if f.tail == nil || f.end == len(f.tail.items) {
		f.grow()
	}
	f.tail.items[f.end] = item
	f.end++
	f.n++
}

func (f *fifo[T]) grow() {
	b := f.spare
	f.spare = nil
	switch {
	case f.tail == nil:
		f.tail = &block[T]{items: make([]T, firstBlock)}
		f.head = f.tail
		f.end = 0
		return
	case b == nil:
		b = &block[T]{items: make([]T, min(2*len(f.tail.items), largestBlock))}
	}
	f.tail.next = b
	f.tail = b
	f.end = 0
}

// pop takes the first item. There must be one.
func (f *fifo[T]) pop() T {
	var zero T
	slot := &f.head.items[f.first]
	item := *slot
	*slot = zero
	f.first++
	f.n--
	switch {
	case f.n == 0: // head is tail: begin it anew, it is warm in the cache
		f.first, f.end = 0, 0
	case f.first == len(f.head.items):
		b := f.head
		f.head, f.first = b.next, 0
		b.next = nil
		f.spare = b
	}
	return item
}

// peek returns the item that pop would take. There must be one.
func (f *fifo[T]) peek() T { return f.head.items[f.first] }

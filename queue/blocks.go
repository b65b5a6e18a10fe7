package queue

// A blocks holds items in order, in linked blocks, and adds and takes at both ends: the storage of FIFO and LIFO
// queues and of Deque. Nothing is ever copied, a taken slot is zeroed, and a block that was emptied goes to the garbage
// collector, but for one that is kept for the next push: in the steady state nothing is allocated, and after a backlog
// the memory goes back.
//
// While there are items, the first and the last block hold at least one. When there are none, one block stays.
type blocks[T any] struct {
	head, tail *block[T]
	first      int // index in head of the first item
	end        int // index in tail behind the last item
	n          int
	spare      *block[T]
}

type block[T any] struct {
	items      []T
	next, prev *block[T]
}

// What holds little takes little: the first block is small, and a further one twice as large as its neighbour.
const (
	smallestBlock = 8
	largestBlock  = 128
)

// fresh returns a block to be linked beside neighbour, which is full or nil.
func (b *blocks[T]) fresh(neighbour *block[T]) *block[T] {
	if spare := b.spare; spare != nil {
		b.spare = nil
		return spare
	}
	size := smallestBlock
	if neighbour != nil {
		size = min(2*len(neighbour.items), largestBlock)
	}
	return &block[T]{items: make([]T, size)}
}

// keep keeps an emptied block for the next push, if it is as large as the one that is kept already.
func (b *blocks[T]) keep(emptied *block[T]) {
	if b.spare == nil || len(emptied.items) >= len(b.spare.items) {
		b.spare = emptied
	}
}

func (b *blocks[T]) pushBack(item T) {
	if b.tail == nil || b.end == len(b.tail.items) {
		b.growBack()
	}
	b.tail.items[b.end] = item
	b.end++
	b.n++
}

func (b *blocks[T]) growBack() {
	block := b.fresh(b.tail)
	if b.tail == nil {
		b.head, b.first = block, 0
	} else {
		b.tail.next, block.prev = block, b.tail
	}
	b.tail, b.end = block, 0
}

func (b *blocks[T]) pushFront(item T) {
	switch {
	case b.head == nil:
		b.growBack()
		fallthrough
	case b.n == 0:
		b.first = len(b.head.items)
		b.end = b.first
	case b.first == 0:
		block := b.fresh(b.head)
		b.head.prev, block.next = block, b.head
		b.head, b.first = block, len(block.items)
	}
	b.first--
	b.head.items[b.first] = item
	b.n++
}

// popFront takes the first item. There must be one.
func (b *blocks[T]) popFront() T {
	var zero T
	slot := &b.head.items[b.first]
	item := *slot
	*slot = zero
	b.first++
	b.n--
	switch {
	case b.n == 0: // begin the block anew, it is warm in the cache
		b.first, b.end = 0, 0
	case b.first == len(b.head.items):
		emptied := b.head
		b.head, b.first = emptied.next, 0
		b.head.prev, emptied.next = nil, nil
		b.keep(emptied)
	}
	return item
}

// popBack takes the last item. There must be one.
func (b *blocks[T]) popBack() T {
	var zero T
	b.end--
	slot := &b.tail.items[b.end]
	item := *slot
	*slot = zero
	b.n--
	switch {
	case b.n == 0:
		b.first, b.end = 0, 0
	case b.end == 0:
		emptied := b.tail
		b.tail = emptied.prev
		b.end = len(b.tail.items)
		b.tail.next, emptied.prev = nil, nil
		b.keep(emptied)
	}
	return item
}

// front returns the first item, back the last. There must be one.
func (b *blocks[T]) front() T { return b.head.items[b.first] }
func (b *blocks[T]) back() T  { return b.tail.items[b.end-1] }

// all calls yield for the items in order until it returns false.
func (b *blocks[T]) all(yield func(T) bool) {
	left := b.n
	for block, i := b.head, b.first; left > 0; block, i = block.next, 0 {
		for ; i < len(block.items) && left > 0; i++ {
			if !yield(block.items[i]) {
				return
			}
			left--
		}
	}
}

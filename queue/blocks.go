package queue

// A blocks holds items in order, in linked blocks, and adds and takes them at both
// ends: the storage of FIFO and LIFO queues and of Deque. Items are not copied to
// make room, a taken slot is zeroed, and an emptied block goes to the garbage
// collector, except one that is kept for the next push. So nothing is allocated in
// the steady state, and memory is released after a backlog.
//
// While there are items, the first and the last block hold at least one. When
// there are none, one block stays.
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

// What holds little takes little: the first block is small, and each further one
// twice as large as its neighbour.
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

// keep keeps an emptied block for the next push, unless a larger one is kept
// already.
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

// A slot is the place of an item.
type slot[T any] struct {
	block *block[T]
	i     int
}

func (s slot[T]) item() *T { return &s.block.items[s.i] }

func (s slot[T]) next() slot[T] {
	if s.i+1 < len(s.block.items) {
		return slot[T]{s.block, s.i + 1}
	}
	return slot[T]{s.block.next, 0}
}

func (s slot[T]) prev() slot[T] {
	if s.i > 0 {
		return slot[T]{s.block, s.i - 1}
	}
	return slot[T]{s.block.prev, len(s.block.prev.items) - 1}
}

// slice returns the items in order.
func (b *blocks[T]) slice() []T {
	items := make([]T, 0, b.n)
	for block, i := b.head, b.first; len(items) < b.n; block, i = block.next, 0 {
		items = append(items, block.items[i:min(len(block.items), i+b.n-len(items))]...)
	}
	return items
}

// index returns the first item for which pred returns true, its slot and its index;
// or -1 if there is none.
func (b *blocks[T]) index(pred func(T) bool) (slot[T], int) {
	s := slot[T]{b.head, b.first}
	for i := range b.n {
		if i > 0 {
			s = s.next()
		}
		if pred(*s.item()) {
			return s, i
		}
	}
	return s, -1
}

// remove takes the item of a slot, given its index. Those between it and the
// nearer end move up.
func (b *blocks[T]) remove(s slot[T], index int) T {
	item := *s.item()
	if behind := b.n - 1 - index; index < behind {
		for range index {
			before := s.prev()
			*s.item() = *before.item()
			s = before
		}
		b.popFront()
	} else {
		for range behind {
			after := s.next()
			*s.item() = *after.item()
			s = after
		}
		b.popBack()
	}
	return item
}

package queue

import (
	"cmp"
	"slices"
)

// A heap is a binary heap that keeps equals in order of arrival. A compare that panics changes nothing: each operation
// first asks all it has to ask, and only then moves.
type heap[T any] struct {
	compare func(a, b T) int
	entries []entry[T]
	arrived uint64
}

type entry[T any] struct {
	item T
	seq  uint64
}

func (h *heap[T]) before(a, b *entry[T]) bool {
	if c := h.compare(a.item, b.item); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (h *heap[T]) push(item T) {
	e := entry[T]{item, h.arrived}
	// Ask how far up e belongs.
	n := len(h.entries)
	place := n
	for place > 0 && h.before(&e, &h.entries[(place-1)/2]) {
		place = (place - 1) / 2
	}
	// Move the ancestors on the way down by one.
	h.arrived++
	h.entries = append(h.entries, e)
	for i := n; i != place; i = (i - 1) / 2 {
		h.entries[i] = h.entries[(i-1)/2]
	}
	h.entries[place] = e
}

// peek returns the first item. There must be one.
func (h *heap[T]) peek() T { return h.entries[0].item }

// pop takes the first item. There must be one.
func (h *heap[T]) pop() T {
	n := len(h.entries) - 1
	last := &h.entries[n]
	// Ask for the way down along the smaller children to the bottom, where the last entry most likely belongs: that
	// takes one comparison a level instead of two. Then ask how far up from there it does belong.
	hole := 0
	for 2*hole+2 < n {
		hole = 2*hole + 1
		if h.before(&h.entries[hole+1], &h.entries[hole]) {
			hole++
		}
	}
	if 2*hole+1 < n {
		hole = 2*hole + 1
	}
	for hole > 0 && h.before(last, &h.entries[hole]) {
		hole = (hole - 1) / 2
	}
	// Move up by one what lies on the way from the root to there.
	top, e := h.entries[0].item, *last
	for ; hole > 0; hole = (hole - 1) / 2 {
		h.entries[hole], e = e, h.entries[hole]
	}
	h.entries[0] = e
	h.truncate(n)
	return top
}

// truncate drops the entries from n on, and gives memory back when most of it is unused.
func (h *heap[T]) truncate(n int) {
	clear(h.entries[n:])
	h.entries = h.entries[:n]
	if c := cap(h.entries); c > 1024 && n < c/4 {
		h.entries = append(make([]entry[T], 0, c/2), h.entries...)
	}
}

// drain takes all items in order.
func (h *heap[T]) drain() []T {
	sorted := slices.Clone(h.entries)
	slices.SortFunc(sorted, func(a, b entry[T]) int {
		return cmp.Or(h.compare(a.item, b.item), cmp.Compare(a.seq, b.seq))
	})
	items := make([]T, len(sorted))
	for i, e := range sorted {
		items[i] = e.item
	}
	h.entries = nil
	return items
}

// By returns a compare for NewPriority that orders items by a key, smallest first.
func By[T any, K cmp.Ordered](key func(T) K) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(key(a), key(b)) }
}

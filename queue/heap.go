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

func (h *heap[T]) push(item T) {
	// Ask how far up the item belongs. It is the newest, so it comes before none of its equals.
	n := len(h.entries)
	place := n
	for place > 0 && h.compare(item, h.entries[(place-1)/2].item) < 0 {
		place = (place - 1) / 2
	}
	// Move the ancestors on the way down by one.
	e := entry[T]{item, h.arrived}
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
	entries, compare := h.entries, h.compare
	n := len(entries) - 1
	last := &entries[n]
	// Ask for the way down along the smaller children to the bottom, where the last entry most likely belongs: that
	// takes one comparison a level instead of two. Then ask how far up from there it does belong.
	hole := 0
	for 2*hole+2 < n {
		hole = 2*hole + 1
		left, right := &entries[hole], &entries[hole+1]
		if c := compare(right.item, left.item); c < 0 || c == 0 && right.seq < left.seq {
			hole++
		}
	}
	if 2*hole+1 < n {
		hole = 2*hole + 1
	}
	for hole > 0 {
		if c := compare(last.item, entries[hole].item); c > 0 || c == 0 && last.seq > entries[hole].seq {
			break
		}
		hole = (hole - 1) / 2
	}
	// Move up by one what lies on the way from the root to there.
	top, e := entries[0].item, *last
	for ; hole > 0; hole = (hole - 1) / 2 {
		entries[hole], e = e, entries[hole]
	}
	entries[0] = e
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

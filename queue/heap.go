package queue

import (
	"cmp"
	"math/bits"
	"reflect"
	"slices"
)

// A heap is a binary heap that keeps equals in order of arrival.
//
// It asks compare all it has to ask before it moves anything, so a compare that
// does not return changes nothing.
//
// The children of entry i are 2i and 2i+1, so siblings share a cache line more
// often than not. The first is entry 1; slot 0 is not used.
//
// A pop leaves the place of the first entry vacant. A push that follows fills it,
// so the two take one way through the heap instead of two, and a short one if what
// is pushed leaves soon. Anything else closes the gap first.
type heap[T any] struct {
	compare  func(a, b T) int
	entries  []entry[T] // nil as long as nothing was pushed
	vacant   bool       // entry 1 was popped, and there are others
	soon     bool       // what was pushed last leaves soon: what is pushed next may, too
	pointers bool       // to compare items is to follow pointers, most likely
	arrived  uint64
	fetched  uint64 // see below
}

type entry[T any] struct {
	item T
	seq  uint64
}

func newHeap[T any](compare func(a, b T) int) *heap[T] {
	h := &heap[T]{compare: unbranched(compare)}
	switch reflect.TypeFor[T]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.String, reflect.Slice:
		h.pointers = true
	}
	return h
}

func (h *heap[T]) len() int {
	n := max(len(h.entries)-1, 0)
	if h.vacant {
		n--
	}
	return n
}

func (h *heap[T]) clear() { h.entries, h.vacant = nil, false }

// before reports whether a leaves before b.
func (h *heap[T]) before(a, b *entry[T]) bool {
	c := h.compare(a.item, b.item)
	return c < 0 || c == 0 && a.seq < b.seq
}

func (h *heap[T]) push(item T) {
	e := entry[T]{item, h.arrived}
	if h.vacant {
		place := 0
		if h.soon {
			place = h.top(&e)
		}
		if place == 0 {
			place = h.below(&e, len(h.entries))
		}
		h.fill(place, e)
		h.vacant, h.soon = false, place < 4
	} else {
		h.append(e)
	}
	h.arrived++
}

// append adds e at the end and lets it rise.
func (h *heap[T]) append(e entry[T]) {
	if len(h.entries) == 0 {
		h.entries = append(h.entries, entry[T]{})
	}
	n := len(h.entries)
	place := n
	for place > 1 && h.compare(e.item, h.entries[place/2].item) < 0 { // e is the newest of its equals
		place /= 2
	}
	h.entries = append(h.entries, e)
	for i := n; i != place; i /= 2 {
		h.entries[i] = h.entries[i/2]
	}
	h.entries[place] = e
}

// top returns the place of e when the first is vacant, if that is one of the first
// three, and otherwise 0.
func (h *heap[T]) top(e *entry[T]) (place int) {
	for place = 1; place < 4; {
		child := h.smaller(2*place, len(h.entries))
		if child == 0 || h.before(e, &h.entries[child]) {
			return place
		}
		place = child
	}
	return 0
}

// smaller returns the one of an entry and its sibling that leaves first, or 0 if
// there is neither among the first n.
func (h *heap[T]) smaller(i, n int) int {
	switch {
	case i >= n:
		return 0
	case i+1 < n && h.before(&h.entries[i+1], &h.entries[i]):
		return i + 1
	}
	return i
}

// below returns the place of e among the first n entries when the first is vacant.
// It is on the way down that takes the smaller child each time. That way is followed
// to the bottom, where e most likely belongs, and then up again, which takes one
// comparison a level instead of two.
//
// Which child is smaller cannot be guessed, so it is computed without a branch: with
// one, a put and a get among 1,000 ints took 81 ns instead of 53. But a processor
// that guesses has begun to fetch the next level, and one that computes has not. So
// what a further level will be asked for is fetched here: without that, a put and a
// get among 100,000 ints took half as long again, among 1,000,000 twice as long.
// Where the items are pointers that does not help, and among more of them than a
// cache holds it is faster to guess.
//
// These are bets on processors. The rows "Priority queue" of benchmarks/cases show
// what they are worth; one that is worth nothing goes.
func (h *heap[T]) below(e *entry[T], n int) (place int) {
	if h.pointers && n > 1<<14 {
		place = h.bottomGuessed(n)
	} else {
		place = h.bottom(n)
	}
	for place > 1 {
		c := h.compare(e.item, h.entries[place].item)
		if c > 0 || c == 0 && e.seq > h.entries[place].seq {
			break
		}
		place /= 2
	}
	return place
}

// bottom returns where the way down ends.
func (h *heap[T]) bottom(n int) (place int) {
	entries, compare := h.entries[:n], h.compare
	var fetched uint64
	place = 1
	for child := 2; child+1 < n; child = 2 * place {
		fetched += fetch(entries, child)
		left, right := &entries[child], &entries[child+1]
		c := compare(right.item, left.item)
		if c == 0 {
			c = order(right.seq, left.seq)
		}
		place = child + int(uint(c)>>(bits.UintSize-1))
	}
	if child := 2 * place; child < n {
		place = child
	}
	h.fetched = fetched // or the compiler would leave out to read it
	return place
}

func (h *heap[T]) bottomGuessed(n int) (place int) {
	place = 1
	for child := 1; child != 0; child = h.smaller(2*place, n) {
		place = child
	}
	return place
}

// fetch reads some of the entries below a child and its sibling: the four
// grandchildren, or, where the lower levels are in no cache near the processor, from
// two levels further down. Among 1,000,000 ints that is 260 ns instead of 290, among
// 100,000 it would be 144 instead of 111.
func fetch[T any](entries []entry[T], child int) uint64 {
	const large = 1 << 19
	if len(entries) < large {
		if next := 2 * child; next < len(entries) {
			return entries[next].seq // and its neighbours
		}
	} else if next := 8 * child; next+12 < len(entries) {
		return entries[next].seq + entries[next+4].seq + entries[next+8].seq + entries[next+12].seq
	}
	return 0
}

// fill moves those on the way from the vacant entry 1 down to place up by one, and
// puts e into place.
func (h *heap[T]) fill(place int, e entry[T]) {
	hole := 1
	for up := bits.Len(uint(place)) - 2; up >= 0; up-- {
		next := place >> up
		h.entries[hole] = h.entries[next]
		hole = next
	}
	h.entries[hole] = e
}

// close fills the vacant place, if there is one, so that entry 1 is the first. For
// that it takes the last entry; it returns the place of that now, or 0.
func (h *heap[T]) close() (place int) {
	if !h.vacant {
		return 0
	}
	n := len(h.entries) - 1
	last := h.entries[n]
	place = h.below(&last, n)
	h.fill(place, last)
	h.entries[n] = entry[T]{}
	h.entries = h.entries[:n]
	h.vacant = false
	return place
}

// reopen undoes a close that returned place.
func (h *heap[T]) reopen(place int) {
	last := h.entries[place]
	for i := place; i > 1; i /= 2 {
		h.entries[i] = h.entries[i/2]
	}
	h.entries[1] = entry[T]{}
	h.entries = append(h.entries, last)
	h.vacant = true
}

// peek returns the first item. There must be one.
func (h *heap[T]) peek() T {
	h.close()
	return h.entries[1].item
}

// pop takes the first item. There must be one.
func (h *heap[T]) pop() T {
	h.close()
	item := h.take().item
	h.shrink()
	return item
}

// take takes entry 1.
func (h *heap[T]) take() entry[T] {
	e := h.entries[1]
	h.entries[1] = entry[T]{}
	h.vacant = len(h.entries) > 2
	if !h.vacant {
		h.entries = h.entries[:1]
	}
	return e
}

// popN takes the first n items. There must be so many.
func (h *heap[T]) popN(n int) []T {
	if n == h.len() {
		items := h.sorted()
		h.clear()
		return items
	}
	taken, places := make([]entry[T], 0, n), make([]int, 0, n)
	defer func() {
		if len(taken) == n {
			return
		}
		// compare did not return: take it all back, the last first.
		for i := len(taken) - 1; i >= 0; i-- {
			h.entries[1], h.vacant = taken[i], false
			if places[i] != 0 {
				h.reopen(places[i])
			}
		}
	}()
	for len(taken) < n {
		places = append(places, h.close())
		taken = append(taken, h.take())
	}
	h.shrink()
	items := make([]T, n)
	for i, e := range taken {
		items[i] = e.item
	}
	return items
}

// shrink gives memory back when most of it is unused.
func (h *heap[T]) shrink() {
	if n, c := len(h.entries), cap(h.entries); c > 1024 && n < c/4 {
		h.entries = append(make([]entry[T], 0, c/2), h.entries...)
	}
}

// sorted returns all items in order.
func (h *heap[T]) sorted() []T {
	items := make([]T, h.len())
	entries := slices.Clone(h.entries[len(h.entries)-len(items):])
	slices.SortFunc(entries, func(a, b entry[T]) int {
		return cmp.Or(h.compare(a.item, b.item), cmp.Compare(a.seq, b.seq))
	})
	for i, e := range entries {
		items[i] = e.item
	}
	return items
}

package sched

import (
	"slices"
	"time"
)

// A heap holds the Events that are pending. Its first item is the next: nobody
// in an item's subtree comes before it. Each Event knows its place, so any can
// be taken out, and a place has four children: comparing is cheap, since the
// keys lie beside each other, and telling an Event that it has moved is not.
type heap []item

const children = 4

// An item is a pending Event with what decides when it is its turn.
type item struct {
	at       time.Duration // since the epoch
	priority int
	entry    uint64 // the how-manieth it was
	event    *Event
}

func (a *item) before(b *item) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	if a.priority != b.priority {
		return a.priority < b.priority
	}
	return a.entry < b.entry
}

// push adds an item.
func (h *heap) push(it item) {
	*h = append(*h, it)
	h.up(len(*h)-1, it)
}

// remove takes the item at i out.
func (h *heap) remove(i int) *Event {
	items := *h
	removed, last := items[i].event, len(items)-1
	it := items[last]
	items[last] = item{}
	*h = items[:last]
	if i < last {
		h.down(i, it)
	}
	removed.index = -1
	h.shrink()
	return removed
}

// up puts it at i, or where it belongs among those above.
func (h *heap) up(i int, it item) {
	items := *h
	for i > 0 {
		parent := (i - 1) / children
		if !it.before(&items[parent]) {
			break
		}
		items[i] = items[parent]
		items[i].event.index = i
		i = parent
	}
	items[i] = it
	it.event.index = i
}

// down puts it, which was last, at i, or where it belongs. It belongs far down
// most likely: so the hole goes down to the bottom first, and then it goes up.
func (h *heap) down(i int, it item) {
	items := *h
	for {
		first := children*i + 1
		if first >= len(items) {
			break
		}
		least := first
		for c := first + 1; c < min(first+children, len(items)); c++ {
			if items[c].before(&items[least]) {
				least = c
			}
		}
		items[i] = items[least]
		items[i].event.index = i
		i = least
	}
	h.up(i, it)
}

// shrink gives memory back when most of it is unused.
func (h *heap) shrink() {
	const small = 64
	if n := len(*h); cap(*h) > small && n < cap(*h)/4 {
		*h = append(make(heap, 0, cap(*h)/2), *h...)
	}
}

// sorted returns the Events of items, which it sorts, in the order of their turn.
func (h heap) sorted() []*Event {
	slices.SortFunc(h, func(a, b item) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
	events := make([]*Event, len(h))
	for i := range h {
		events[i] = h[i].event
	}
	return events
}

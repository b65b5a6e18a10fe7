package pool

// A level holds the entries of one priority. Those that come first are at the
// head.
type level struct {
	priority int
	head     *entry
	place    int // in the heap
}

func (l *level) push(e *entry, front bool) {
	e.level = l
	if l.head == nil {
		l.head, e.next, e.prev = e, e, e
		return
	}
	first, last := l.head, l.head.prev
	e.next, e.prev = first, last
	last.next, first.prev = e, e
	if front {
		l.head = e
	}
}

func (l *level) remove(e *entry) {
	if e.next == e {
		l.head = nil
	} else {
		e.prev.next, e.next.prev = e.next, e.prev
		if l.head == e {
			l.head = e.next
		}
	}
	e.level, e.next, e.prev = nil, nil, nil
}

// newest returns the entry that was queued last, or nil.
func (l *level) newest(lifo bool) *entry {
	if l.head == nil || lifo {
		return l.head
	}
	return l.head.prev
}

// levels are the levels of a queue: that of priority 0, which is all that most
// pools know, and a heap of those of the other priorities that are not empty,
// whose root is the one to be served first. So a submission costs at most the
// logarithm of the number of priorities in use.
type levels struct {
	zero   level
	heap   []*level
	others map[int]*level
	spare  *level // one that was emptied, for the next priority
}

// of returns the level of a priority, which may be empty.
func (ls *levels) of(priority int) *level {
	if priority == 0 {
		return &ls.zero
	}
	if l := ls.others[priority]; l != nil {
		return l
	}
	l := ls.spare
	if l == nil {
		l = new(level)
	}
	ls.spare = nil
	l.priority = priority
	if ls.others == nil {
		ls.others = make(map[int]*level)
	}
	ls.others[priority] = l
	return l
}

// push queues e at a level.
func (ls *levels) push(l *level, e *entry, front bool) {
	if l.head == nil && l != &ls.zero {
		l.place = len(ls.heap)
		ls.heap = append(ls.heap, l)
		ls.up(l.place)
	}
	l.push(e, front)
}

// remove takes e off its level.
func (ls *levels) remove(e *entry) {
	l := e.level
	l.remove(e)
	if l.head == nil && l != &ls.zero {
		ls.leave(l)
	}
}

// first returns the entry that is next, or nil.
func (ls *levels) first() *entry {
	if len(ls.heap) == 0 || ls.zero.head != nil && ls.heap[0].priority > 0 {
		return ls.zero.head
	}
	return ls.heap[0].head
}

// last returns an entry from where it is cheapest to remove many, or nil.
func (ls *levels) last() *entry {
	if len(ls.heap) == 0 {
		return ls.zero.head
	}
	return ls.heap[len(ls.heap)-1].head
}

// leave takes a level that has become empty off the heap.
func (ls *levels) leave(l *level) {
	last := len(ls.heap) - 1
	if i := l.place; i != last {
		ls.put(i, ls.heap[last])
		ls.heap = ls.heap[:last]
		ls.up(i)
		ls.down(i)
	} else {
		ls.heap = ls.heap[:last]
	}
	ls.heap[:last+1][last] = nil
	delete(ls.others, l.priority)
	ls.spare = l
	if last == 0 && cap(ls.heap) > 64 {
		ls.heap, ls.others = nil, nil // the memory that very many priorities took
	}
}

func (ls *levels) put(i int, l *level) { ls.heap[i], l.place = l, i }

func (ls *levels) up(i int) {
	l := ls.heap[i]
	for i > 0 && ls.heap[(i-1)/2].priority > l.priority {
		ls.put(i, ls.heap[(i-1)/2])
		i = (i - 1) / 2
	}
	ls.put(i, l)
}

func (ls *levels) down(i int) {
	l := ls.heap[i]
	for {
		child := 2*i + 1
		if child >= len(ls.heap) {
			break
		}
		if right := child + 1; right < len(ls.heap) && ls.heap[right].priority < ls.heap[child].priority {
			child = right
		}
		if ls.heap[child].priority >= l.priority {
			break
		}
		ls.put(i, ls.heap[child])
		i = child
	}
	ls.put(i, l)
}

package pool

// A list holds nodes in order; the zero value is empty. It is linked through
// what it holds, so to add and to remove costs no allocation, and there is no
// storage that stays when it has been long.
type list[T any] struct{ first *node[T] }

// A node is a place in a list. It is part of what is listed, or leads to it.
type node[T any] struct {
	of         T
	next, prev *node[T] // a ring; nil: it is in no list
}

func (l *list[T]) add(n *node[T], front bool) {
	if l.first == nil {
		l.first, n.next, n.prev = n, n, n
		return
	}
	first, last := l.first, l.first.prev
	n.next, n.prev = first, last
	last.next, first.prev = n, n
	if front {
		l.first = n
	}
}

func (l *list[T]) remove(n *node[T]) {
	if n.next == n {
		l.first = nil
	} else {
		n.prev.next, n.next.prev = n.next, n.prev
		if l.first == n {
			l.first = n.next
		}
	}
	n.next, n.prev = nil, nil
}

// take removes the first node and returns what it leads to.
func (l *list[T]) take() (of T, ok bool) {
	n := l.first
	if n == nil {
		return of, false
	}
	l.remove(n)
	return n.of, true
}

// all yields the nodes. The list must not change meanwhile.
func (l *list[T]) all(yield func(T) bool) {
	for n := l.first; n != nil; {
		if !yield(n.of) {
			return
		}
		if n = n.next; n == l.first {
			return
		}
	}
}

func (n *node[T]) listed() bool { return n.next != nil }

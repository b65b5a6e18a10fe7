package lock

// A table is a hash table of entries, which are its links too: it needs no
// memory for each, and unlike a map it becomes small again. While it has few
// entries it is a list.
type table[K comparable] struct {
	few     *entry[K]   // all of them, while there are no buckets
	buckets []*entry[K] // a power of two
	count   int
}

const (
	fewest = 16 // buckets, if any
)

func (t *table[K]) bucket(hash uint32) **entry[K] {
	if len(t.buckets) == 0 {
		return &t.few
	}
	return &t.buckets[hash&uint32(len(t.buckets)-1)]
}

// find returns the entry of k, or nil.
func (t *table[K]) find(k K, hash uint32) *entry[K] {
	e := *t.bucket(hash)
	for e != nil && (e.hash != hash || e.key != k) {
		e = e.next
	}
	return e
}

// add adds e.
func (t *table[K]) add(e *entry[K]) {
	if t.count++; t.count > max(fewest/2, len(t.buckets)) {
		t.resize(max(fewest, 2*len(t.buckets)))
	}
	b := t.bucket(e.hash)
	*b, e.next = e, *b
}

// remove removes e.
func (t *table[K]) remove(e *entry[K]) {
	link := t.bucket(e.hash)
	for *link != e {
		link = &(*link).next
	}
	*link, e.next = e.next, nil
	if t.count--; t.count < len(t.buckets)/8 {
		n := len(t.buckets) / 2
		if n < fewest {
			n = 0
		}
		t.resize(n)
	}
}

func (t *table[K]) resize(n int) {
	old := append(t.buckets, t.few)
	t.few, t.buckets = nil, nil
	if n > 0 {
		t.buckets = make([]*entry[K], n)
	}
	for _, e := range old {
		for e != nil {
			next, b := e.next, t.bucket(e.hash)
			*b, e.next = e, *b
			e = next
		}
	}
}

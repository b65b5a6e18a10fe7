package thread

import (
	"maps"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/gothreading/threading/internal/goid"
)

// A Local holds one value for each Thread, which no other can see. On a goroutine
// not started here a value stays until Delete, or until the Local is garbage,
// because the end of such a goroutine cannot be noticed: without Delete, the Local
// grows with every goroutine. On a Thread a value ends with the Thread, after the
// except hook.
//
// The zero Local is ready to use. A Local must not be copied after first use. It is
// Python's threading.local with a type: a struct for T makes several attributes, and
// New is the __init__ that Python runs again in every thread.
//
// Values need no synchronization; what a T points to does if it is shared. In a
// callback from C a value may be that of an earlier thread of C; see [Thread.Ident].
// If a value can be passed as an argument or in a context, do that: a Local does not
// follow work from one goroutine to another.
type Local[T any] struct {
	// New makes the value that the first Get in a Thread returns. If New is nil, that
	// is the zero value.
	New func() T

	table atomic.Pointer[table]
}

// A table holds the values of one Local by the ident of their goroutine, as pointers to
// T that their goroutine alone uses. Values are found through their Local, not through
// their Thread: so a Local that is garbage takes them along, also if one of them refers
// to it. A Thread only remembers in which tables it must delete.
type table struct{ sync.Map }

// Get returns the calling thread's value. If there is none it calls New, or takes the
// zero value, and stores it. If New panics nothing is stored. New must not use Get of
// the same Local.
//
// If there is a value, Get takes one look-up in a map and allocates nothing.
func (l *Local[T]) Get() T {
	id := goid.Get()
	if p := l.find(id); p != nil {
		return *p
	}
	var v T
	if l.New != nil {
		v = l.New()
	}
	l.Set(v)
	return v
}

// Lookup returns the calling thread's value, and whether there is one. It does not call
// New.
func (l *Local[T]) Lookup() (T, bool) {
	if p := l.find(goid.Get()); p != nil {
		return *p, true
	}
	var zero T
	return zero, false
}

// Set makes v the calling thread's value.
func (l *Local[T]) Set(v T) {
	id := goid.Get()
	if p := l.find(id); p != nil {
		*p = v
		return
	}
	l.add(id, v)
}

// Delete removes the calling thread's value, if there is one. The next Get makes a new
// one.
func (l *Local[T]) Delete() {
	if table := l.table.Load(); table != nil {
		table.Delete(goid.Get())
	}
}

func (l *Local[T]) find(id uint64) *T {
	table := l.table.Load()
	if table == nil {
		return nil
	}
	p, ok := table.Load(id)
	if !ok {
		return nil
	}
	return p.(*T)
}

func (l *Local[T]) add(id uint64, v T) {
	if l.table.Load() == nil {
		l.table.CompareAndSwap(nil, new(table))
	}
	table := l.table.Load()
	if t := running(id); t != nil && t != mainThread { // which does not end
		t.values.in(table)
	}
	table.Store(id, &v)
}

// values is where a Thread has, or had, values. Only the Thread itself uses it. It holds
// the tables weakly, and forgets those that are gone often enough that a Thread which
// outlives many a Local does not collect them.
type values struct {
	tables map[weak.Pointer[table]]struct{}
	limit  int // when there are so many tables, it is time to forget
}

func (v *values) in(t *table) {
	if v.tables == nil {
		v.tables = make(map[weak.Pointer[table]]struct{})
		v.limit = 8
	}
	if len(v.tables) >= v.limit {
		maps.DeleteFunc(v.tables, func(t weak.Pointer[table], _ struct{}) bool { return t.Value() == nil })
		v.limit = 2*len(v.tables) + 8
	}
	v.tables[weak.Make(t)] = struct{}{}
}

// drop deletes the values of the goroutine with this id.
func (v *values) drop(id uint64) {
	for t := range v.tables {
		if t := t.Value(); t != nil {
			t.Delete(id)
		}
	}
	v.tables = nil
}

package local

import (
	"math/bits"
	"slices"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/queue"
)

// A queueObject is a queue of which items can be out on claim. queue.Queue would not do: what comes back goes to the
// head, and may exceed the bound. Whoever waits is served in order of arrival by whoever makes it possible: everything
// that puts something in, takes something out or changes the bound ends with unlock, which looks what can go on.
//
// An item is in one place: inside, out on claim (in the ledger), held back until it is due, or dead. Those but the dead
// are unfinished.
type queueObject struct {
	base
	guard   park.Guard // after the ledger's, see info
	maxsize int        // <= 0: unbounded
	most    int        // deliveries

	returned queue.Deque[*item]       // what came back: goes first
	levels   [256]*queue.Deque[*item] // of which FIFO and LIFO use one
	occupied [4]uint64                // which of them are not empty
	inside   int                      // all of these

	unfinished int
	heldBack   map[*item]struct{}
	dead       []*item
	keys       keys
	shut, now  bool // now: what comes back is dropped

	getters, putters, joiners park.List[turn]

	out map[*holding]struct{} // claims; under the ledger's guard
}

// An item is what was put.
type item struct {
	backend.Item
	attempt int
	dead    uint64 // its token then
}

// A turn is the Value of a waiter: what it brings or is given, and what it gets for an answer.
type turn struct {
	item *item
	err  error
}

const defaultDeliveries = 20

var turns park.Pool[turn]

func newQueue(st *Store, spec backend.Spec) *queueObject {
	return &queueObject{
		base:     base{store: st, spec: spec},
		maxsize:  spec.N,
		most:     defaultDeliveries,
		heldBack: make(map[*item]struct{}),
		out:      make(map[*holding]struct{}),
	}
}

func (o *queueObject) idle() bool { return len(o.out) == 0 }

func (o *queueObject) info(i *backend.Info) {
	for h := range o.out {
		i.Holders = append(i.Holders, h.session.party(h.token, h.since))
	}
	slices.SortFunc(i.Holders, func(a, b backend.Party) int { return a.Since.Compare(b.Since) })
	o.guard.Lock()
	defer o.guard.Unlock()
	i.Len = o.inside
}

func (o *queueObject) full() bool { return o.maxsize > 0 && o.inside >= o.maxsize }

// insert and take put an item in and take the next out, under the guard.
func (o *queueObject) insert(i *item) {
	l := int(i.Level) + 128
	if o.levels[l] == nil {
		o.levels[l] = queue.NewDeque[*item](0)
	}
	o.levels[l].PushBack(i)
	o.occupied[l/64] |= 1 << (l % 64)
	o.inside++
	o.unfinished++
}

func (o *queueObject) take() *item {
	o.inside--
	if i, ok := o.returned.PopFront(); ok {
		return i
	}
	l, _ := o.first()
	pop := o.levels[l].PopFront
	if o.spec.Order == backend.LIFO {
		pop = o.levels[l].PopBack
	}
	i, _ := pop()
	if o.levels[l].Len() == 0 {
		o.levels[l] = nil
		o.occupied[l/64] &^= 1 << (l % 64)
	}
	return i
}

// first returns the first level that is not empty.
func (o *queueObject) first() (level int, ok bool) {
	for w, word := range o.occupied {
		if word != 0 {
			return w*64 + bits.TrailingZeros64(word), true
		}
	}
	return 0, false
}

// finish takes n items off those that are unfinished, under the guard.
func (o *queueObject) finish(n int, joined *park.Chain[turn]) {
	if o.unfinished -= n; o.unfinished == 0 {
		o.joiners.TakeAll(joined)
	}
}

// unlock serves whoever can be served now and releases the guard. finished is how many items are finished.
func (o *queueObject) unlock(finished int) {
	var served park.Chain[turn]
	o.finish(finished, &served)
	for o.serve(&served) {
	}
	o.guard.Unlock()
	served.Wake(park.Granted)
}

func (o *queueObject) serve(served *park.Chain[turn]) bool {
	if w := o.getters.Front(); w != nil && (o.inside > 0 || o.shut) {
		o.getters.Remove(w)
		served.Add(w)
		if o.inside > 0 {
			w.Value.item = o.take()
		} else {
			w.Value.err = queue.ErrShutdown
		}
		return true
	}
	if w := o.putters.Front(); w != nil && (!o.full() || o.shut) {
		o.putters.Remove(w)
		served.Add(w)
		w.Value.err = o.tryPut(w.Value.item)
		return true
	}
	return false
}

// tryPut puts i in, under the guard, or returns what is against it.
func (o *queueObject) tryPut(i *item) error {
	switch {
	case o.shut:
		return queue.ErrShutdown
	case o.keys.known(i.Key):
		return backend.Errorf(backend.ErrDuplicate, "key %q in %s", i.Key, o.spec)
	case o.full():
		return backend.ErrGaveUp
	}
	o.keys.learn(i.Key, i.Window)
	o.insert(i)
	return nil
}

// tryGet takes an item, under the guard.
func (o *queueObject) tryGet() (*item, error) {
	switch {
	case o.inside > 0:
		return o.take(), nil
	case o.shut:
		return nil, queue.ErrShutdown
	}
	return nil, backend.ErrGaveUp
}

func (o *queueObject) put(s *session, limit backend.Wait, i *item) error {
	over := limit.Over() // without the guard: it is code of others
	o.guard.Lock()
	if over && !o.shut {
		o.guard.Unlock()
		return backend.ErrGaveUp
	}
	err := o.tryPut(i)
	o.unlock(0)
	if err != backend.ErrGaveUp || limit.Try {
		return err
	}
	_, err = o.wait(s, limit, &o.putters, i, func() (*item, error) { return nil, o.tryPut(i) })
	return err
}

// get takes an item, which is in nobody's hands but the caller's.
func (o *queueObject) get(s *session, limit backend.Wait) (*item, error) {
	over := limit.Over()
	o.guard.Lock()
	if over && !(o.shut && o.inside == 0) {
		o.guard.Unlock()
		return nil, backend.ErrGaveUp
	}
	i, err := o.tryGet()
	o.unlock(0)
	if err != backend.ErrGaveUp || limit.Try {
		return i, err
	}
	return o.wait(s, limit, &o.getters, nil, o.tryGet)
}

// wait waits on a list unless try, called once more, has an answer.
func (o *queueObject) wait(s *session, limit backend.Wait, list *park.List[turn], i *item, try func() (*item, error)) (*item, error) {
	w, err := s.beginUnder(&o.base, limit, nil, &o.guard)
	if err != nil {
		return nil, err
	}
	if got, err := try(); err != backend.ErrGaveUp {
		o.unlock(0)
		w.finish()
		return got, err
	}
	t := turns.Get(park.Until(w.ctx))
	defer turns.Put(t)
	t.Value.item = i
	list.PushBack(t)
	verdict := t.Sleep(&o.guard)
	if why := w.finish(); verdict == park.GaveUp {
		return nil, why
	}
	return t.Value.item, t.Value.err
}

// shutdown is Shutdown.
func (o *queueObject) shutdown(now bool) {
	o.guard.Lock()
	o.shut = true
	dropped := 0
	if now {
		o.now = true
		dropped = o.inside + len(o.heldBack)
		for o.inside > 0 {
			o.take()
		}
		clear(o.heldBack)
	}
	o.unlock(dropped)
}

// drain takes everything that is inside.
func (o *queueObject) drain() (items []*item) {
	o.guard.Lock()
	for o.inside > 0 {
		items = append(items, o.take())
	}
	finished := 0
	if !o.spec.Joinable {
		finished = len(items)
	}
	o.unlock(finished)
	return items
}

func (o *queueObject) join(s *session, limit backend.Wait) error {
	if limit.Over() {
		return backend.ErrGaveUp
	}
	try := func() (*item, error) {
		if o.unfinished == 0 {
			return nil, nil
		}
		return nil, backend.ErrGaveUp
	}
	if limit.Try {
		o.guard.Lock()
		defer o.guard.Unlock()
		_, err := try()
		return err
	}
	_, err := o.wait(s, limit, &o.joiners, nil, try)
	return err
}

// peek returns the item that is next.
func (o *queueObject) peek() (i *item, ok bool) {
	o.guard.Lock()
	defer o.guard.Unlock()
	if i, ok = o.returned.Front(); ok || o.inside == 0 {
		return i, ok
	}
	l, _ := o.first()
	if o.spec.Order == backend.LIFO {
		return o.levels[l].Back()
	}
	return o.levels[l].Front()
}

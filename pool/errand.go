package pool

// An errand is what a worker waits for with its slot lent.
//
// It goes to the head of the queue until the wait is over. So the worker that
// takes the slot starts what is waited for, and not one more of the tasks that
// will come to wait. And when the end comes that is waited for, the waiter has
// its slot back at that moment, and not when it gets a processor to go on: so the
// slot does not go to one more of those either. Nested work therefore runs depth
// first, and few are inside at once.
//
// What is waited for stays where it is in the queue, too. So a wait that gives up
// leaves the queue as if it had never been; and a wait for very many costs
// nothing for those that were started by the time they are looked at.
//
// An errand is for tasks of one pool. It needs the guard of that pool.
type errand struct {
	core   *core
	worker *worker       // who waits, if it is one of that pool and waits for no other
	front  bool          // who waits is one of that pool
	place  node[*errand] // among those awaited, as long as there may be something to start
	active bool          // the wait is on
	left   int           // ends until it is over; with any, each time
	any    bool
	all    *domain  // what is waited for: what is in there; or
	some   []wanted // these,
	at     int      // which are to be started from here on
	one    [1]wanted
}

// A wanted is a task that is waited for.
type wanted struct {
	task *task // nil: no longer
	end  node[*errand]
}

// want makes the errand one for ts, of which n will do.
func (e *errand) want(n int, ts ...*task) {
	e.at, e.some = 0, e.one[:0]
	if len(ts) > 1 {
		e.some = make([]wanted, 0, len(ts)) // which must not move
	}
	e.left = n
	for _, t := range ts {
		e.some = append(e.some, wanted{task: t})
	}
	if e.worker == nil {
		return
	}
	for i := range e.some {
		w := &e.some[i]
		w.end.of = e
		if w.task.state == ended {
			e.left--
		} else {
			w.task.more().waits.add(&w.end, false)
		}
	}
}

// letGo forgets one of the tasks.
func (e *errand) letGo(i int) {
	w := &e.some[i]
	if w.end.listed() {
		w.task.extra.waits.remove(&w.end)
	}
	w.task = nil
}

// letAllGo forgets what is left of them.
func (e *errand) letAllGo() {
	for i := range e.some {
		e.letGo(i)
	}
	e.some = nil
}

// next returns the entry that is to be started next for it, or nil.
func (e *errand) next() *entry {
	if e.all != nil {
		return e.all.first()
	}
	for ; e.at < len(e.some); e.at++ {
		if t := e.some[e.at].task; t != nil && t.level != nil {
			return &t.entry
		}
	}
	return nil
}

// begin puts the errand before all others, or behind them if who waits is a task
// of another pool: there it is not depth that is won, and the first to come must
// not wait for all others.
func (e *errand) begin() {
	e.active, e.place.of = true, e
	if e.any {
		e.left = 1
	}
	e.core.awaited.add(&e.place, e.front)
}

func (e *errand) finish() {
	e.active = false
	if e.place.listed() {
		e.core.awaited.remove(&e.place)
	}
}

// more is called when there may be something to start again.
func (e *errand) more() {
	if e.active && !e.place.listed() {
		e.core.awaited.add(&e.place, e.front)
	}
}

// ended is called at each end that is waited for.
func (e *errand) ended() {
	if e.left--; e.left == 0 && e.active && e.worker != nil {
		e.worker.takeBack()
	}
}

// errands are those of one wait, one for each pool. Tasks of no pool need none.
type errands []*errand

// errandsFor returns the errands of a wait of w for n of the tasks.
func (w *worker) errandsFor(n int, ts []*task) (es errands) {
	of := make(map[*core][]*task)
	for _, t := range ts {
		if t.core != nil {
			of[t.core] = append(of[t.core], t)
		}
	}
	for c, some := range of {
		e := &errand{core: c, front: c == w.core}
		if e.front && len(some) == len(ts) {
			e.worker = w
		}
		c.guard.Lock()
		e.want(n, some...)
		c.guard.Unlock()
		es = append(es, e)
	}
	return es
}

// letAllGo forgets the tasks that are left of a wait that is over.
func (es errands) letAllGo() {
	for _, e := range es {
		e.core.guard.Lock()
		e.letAllGo()
		e.core.guard.Unlock()
	}
}

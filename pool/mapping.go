package pool

import (
	"cmp"
	"context"
	"errors"
	"math"

	"github.com/gothreading/threading/thread"
)

// A mapping is a Map that runs. Its entry stays in the queue as long as a worker
// may find something to do for it: until the last item is in a part, and, unless
// the caller has cut it into chunks, until no part has anything to spare. So an
// idle worker always takes over half of what another one has not begun.
type mapping[In, Out any] struct {
	result   Result[[]Out]
	fn       func(context.Context, In) (Out, error)
	items    []In
	chunk    int        // 0: parts that become smaller
	least    func() int // but not than this, see crew.Least; nil: 1
	failFast bool
	progress *progress

	// Under the guard.
	next     int                     // the first item that is in no part yet
	running  list[*mapPart[In, Out]] // parts
	rich     list[*mapPart[In, Out]] // of them, those that may have something to spare
	riches   int32                   // how many these are
	cause    error                   // why it has not ended as it would have
	dropped  error                   // why what was left was dropped
	failures []*ItemError
	first    *ItemError // of the failures, with failFast

	// Of whoever opens it.
	failed error
	ctx    *taskContext
}

// A mapPart is the unit of a mapping.
type mapPart[In, Out any] struct {
	part[In, Out]
	of        *mapping[In, Out]
	place     node[*mapPart[In, Out]] // among those that run
	wealth    node[*mapPart[In, Out]] // among the rich
	failures  []*ItemError
	panics    bool
	askedLate bool
	late      error // why items have failed, perhaps
}

// count says how the entry counts with what is left.
func (m *mapping[In, Out]) count() {
	e := &m.result.task.entry
	left := len(m.items) - m.next
	switch {
	case m.chunk > 0:
		e.kind, e.units = chunks, int32(left/m.chunk+min(left%m.chunk, 1))
	case left > 0:
		e.kind, e.units = rest, int32(min(left, math.MaxInt32))
	default:
		e.kind, e.units = begged, m.riches
	}
}

// recount says so to the pool, and takes the entry off the queue if nothing is
// left.
func (m *mapping[In, Out]) recount() {
	t := &m.result.task
	c := t.core
	c.places -= t.places()
	c.units -= int(t.units)
	c.queued -= t.tasks()
	m.count()
	c.places += t.places()
	c.units += int(t.units)
	c.queued += t.tasks()
	if t.units == 0 {
		c.remove(&t.entry)
	}
}

func (m *mapping[In, Out]) start(w *worker) unit {
	t := &m.result.task
	p := m.newPart()
	m.recount()
	if p == nil {
		return nil
	}
	if t.state == waiting {
		t.begin(w)
	}
	m.running.add(&p.place, false)
	if l := t.level; l != nil { // it goes back behind what else waits
		l.remove(&t.entry)
		l.push(&t.entry, false)
	}
	return p
}

// newPart makes a part of what is left, or of what another one can spare, or
// returns nil.
func (m *mapping[In, Out]) newPart() *mapPart[In, Out] {
	from := m.next
	to := from + m.share()
	m.next = to
	if from == to {
		if from, to = m.beg(); from == to {
			return nil
		}
	}
	p := &mapPart[In, Out]{of: m}
	p.place.of, p.wealth.of = p, p
	p.fn, p.fail, p.progress = m.fn, p.note, m.progress
	p.assign(m.items[from:to], m.result.value[from:to], from)
	if m.chunk == 0 {
		if p.left() > 0 {
			m.rich.add(&p.wealth, false)
			m.riches++
		}
		if m.next < len(m.items) || m.result.task.kind == begged {
			m.result.task.core.submitted++ // what is left is one more task
		}
	}
	return p
}

// share returns how many items the next part takes of those that are left.
func (m *mapping[In, Out]) share() int {
	left := len(m.items) - m.next
	if m.chunk > 0 {
		return min(m.chunk, left)
	}
	workers := min(m.result.task.core.target, 64)
	share := (left + 4*workers - 1) / (4 * workers)
	if m.least != nil {
		share = max(share, min(m.least(), left, (len(m.items)+workers-1)/workers))
	}
	return min(share, maxPart)
}

// beg returns half of what a part has not begun, or all if that is little.
func (m *mapping[In, Out]) beg() (from, to int) {
	least := 1
	if m.least != nil {
		least = m.least()
	}
	for n := m.rich.first; n != nil; n = m.rich.first {
		from, to, ok := n.of.spare(least)
		m.rich.remove(n)
		if ok && n.of.left() > 0 {
			m.rich.add(n, false)
		} else {
			m.riches--
		}
		if ok {
			return n.of.first + from, n.of.first + to
		}
	}
	return 0, 0
}

func (m *mapping[In, Out]) drop(cause error, d *drops) {
	if m.next < len(m.items) || len(m.items) == 0 {
		m.next, m.dropped = len(m.items), cause
	}
	m.stop()
	if m.running.first == nil {
		m.end()
		t := &m.result.task
		t.drop(t.err, m, d)
	}
}

func (m *mapping[In, Out]) interrupt(cause error) (*taskContext, bool) {
	if m.running.first == nil {
		return nil, false
	}
	if m.cause == nil {
		m.cause = m.result.task.domain(m.result.task.core).cause // which came first
	}
	decided := m.cause == nil || cause == ErrCancelled && m.cause == ErrCancelled
	if m.cause == nil {
		m.cause = cause
	}
	m.stop()
	return m.result.task.ctx, decided
}

// stop keeps what has not begun from being begun. It needs the guard.
func (m *mapping[In, Out]) stop() {
	for p := range m.running.all {
		p.stop()
	}
}

// end says how the Map has ended. It needs the guard.
func (m *mapping[In, Out]) end() {
	t := &m.result.task
	if m.cause == nil {
		m.cause = t.domain(t.core).cause
	}
	if m.cause == nil {
		m.cause = m.dropped
	}
	if m.first != nil && m.cause == error(m.first) {
		m.cause, m.failures = nil, []*ItemError{m.first}
	}
	m.failed = newMapError(m.failures, len(m.items))
	switch {
	case m.cause == nil:
		t.err = m.failed
	case m.failed == nil:
		t.err = m.cause
	default:
		t.err = errors.Join(m.cause, m.failed)
	}
	m.ctx = t.ctx
	m.fn, m.items, m.progress, m.failures, m.first = nil, nil, nil, nil, nil // which the Result has no use for
}

// open lets everybody know of the end.
func (m *mapping[In, Out]) open() {
	t := &m.result.task
	if t.flags.has(fails) && m.failed != nil {
		t.tie.domain.scope.fail(m.failed, m.ctx)
	}
	if m.ctx != nil {
		m.ctx.end(nil)
	}
	m.ctx, m.failed = nil, nil
	t.open()
}

func (p *mapPart[In, Out]) owner() *entry { return &p.of.result.task.entry }

func (p *mapPart[In, Out]) run() {
	t := &p.of.result.task
	p.part.run(t)
	if d := t.domain(t.core); len(p.failures) > 0 && d.asks && !p.askedLate {
		p.askedLate = true // before the call, which may end the goroutine
		_ = thread.Try(func() { p.late = d.gone() })
	}
}

func (p *mapPart[In, Out]) panicked(err *thread.PanicError) { p.part.panicked(err) }

// note notes that an item has failed.
func (p *mapPart[In, Out]) note(e *ItemError, panics bool) {
	p.failures = append(p.failures, e)
	p.panics = p.panics || panics
	m := p.of
	if !m.failFast {
		return
	}
	t := &m.result.task
	t.core.guard.Lock()
	if m.cause == nil && m.first == nil {
		m.first = e
	}
	first := cmp.Or(m.first, e) // another one may have been faster, and not come to the next line yet
	t.core.guard.Unlock()
	t.core.withdraw(first, &t.entry)
}

func (p *mapPart[In, Out]) settle(w *worker) outcome {
	m := p.of
	t := &m.result.task
	m.running.remove(&p.place)
	if p.wealth.listed() {
		m.rich.remove(&p.wealth)
		m.riches--
	}
	m.failures = append(m.failures, p.failures...)
	if p.panics {
		t.flags |= panicked
	}
	if m.cause == nil && len(p.failures) > 0 {
		m.cause = p.late
	}
	switch over := m.running.first == nil && m.next == len(m.items); {
	case over:
		if t.level != nil {
			t.core.remove(&t.entry)
		}
		m.end()
		t.settle()
		w.ended = m
	case t.level != nil && t.kind == begged:
		m.recount()
	}
	switch {
	case len(p.failures) > 0:
		return failed
	case p.at == 0:
		return cancelled
	}
	return succeeded
}

package manager

import (
	"context"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/backend"
)

// A Barrier makes a fixed number of parties, in any processes, wait until all of
// them have arrived, again and again.
//
//	wait(), wait(timeout=d)      Wait, WaitTimeout(d)
//	reset(), abort()             Reset, Abort
//	parties, n_waiting, broken   Parties, Waiting, Broken
//
// It is like barrier.Barrier. The action is that of the last party to arrive, and
// runs in its process, while the others wait. A party that gives up, or whose
// process dies, breaks the barrier, since the others would wait in vain; they get
// [barrier.ErrBroken]. One whose session was lost while it waited gets ErrLost.
//
// parties belongs to the barrier: other handles have to name the same.
type Barrier struct {
	object
	b      backend.Barrier
	action func()
}

// Barrier returns the barrier of that name, or a fresh one if name is "". If
// action is not nil it is called by the Wait of this handle that arrives last,
// before any party is released. Barrier panics with [barrier.ErrParties] if
// parties is below 1.
func (m *Manager) Barrier(name string, parties int, action func()) *Barrier {
	spec := m.spec(KindBarrier, name)
	spec.N = parties
	return &Barrier{object{m, valid(spec)}, m.backend.Barrier(spec), action}
}

// Wait waits until all parties have arrived and the action has returned. It
// returns the order of this party's arrival, from 0 to Parties()-1, or -1 and
// ErrBroken.
func (b *Barrier) Wait() (index int, err error) { return b.wait(forever, barrier.ErrBroken) }

// WaitTimeout is like Wait, but if the others have not all arrived after d, it
// breaks the barrier and returns ErrBroken. If d <= 0, it does so at once unless
// it is the last. A d of [math.MaxInt64] never times out.
func (b *Barrier) WaitTimeout(d time.Duration) (index int, err error) {
	return b.wait(after(d), barrier.ErrBroken)
}

// WaitContext is like Wait, but if ctx ends before the others have all arrived,
// it breaks the barrier and returns the cause. If ctx has ended already it does
// so at once unless it is the last.
func (b *Barrier) WaitContext(ctx context.Context) (index int, err error) {
	index, err = b.wait(until(ctx), backend.ErrGaveUp)
	return index, cause(ctx, err)
}

func (b *Barrier) wait(w backend.Wait, gaveUp error) (index int, err error) {
	index, err = b.b.Wait(w, b.action)
	if err != nil {
		return -1, outcome(err, gaveUp)
	}
	return index, nil
}

// Reset makes the barrier as new: every party that waits gets ErrBroken.
func (b *Barrier) Reset() { b.change(b.b.Reset) }

// Abort breaks the barrier: every party that waits gets ErrBroken, and every
// party that arrives, until Reset.
func (b *Barrier) Abort() { b.change(b.b.Abort) }

func (b *Barrier) change(f func(context.Context) error) {
	must(patiently(forever, func(backend.Wait) error { return f(background) }))
}

// ResetContext is like Reset, and returns what kept it from that.
func (b *Barrier) ResetContext(ctx context.Context) error { return b.m.call(ctx, b.b.Reset) }

// AbortContext is like Abort, and returns what kept it from that.
func (b *Barrier) AbortContext(ctx context.Context) error { return b.m.call(ctx, b.b.Abort) }

// Parties returns how many parties the barrier is for.
func (b *Barrier) Parties() int { return b.spec.N }

// Waiting returns how many parties have arrived and wait for the others.
func (b *Barrier) Waiting() int {
	waiting, _ := b.state()
	return waiting
}

// Broken reports whether the barrier is broken, which it is until Reset.
func (b *Barrier) Broken() bool {
	_, broken := b.state()
	return broken
}

func (b *Barrier) state() (waiting int, broken bool) {
	must(patiently(forever, func(backend.Wait) (err error) {
		waiting, broken, err = b.b.State(background)
		return err
	}))
	return waiting, broken
}

func (b *Barrier) describe() backend.Handle { return b.object.describe(b.b) }

package manager

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// A door is this process's side of a lock: it lets in one goroutine at a time, also when the backend has lost what the
// process holds. A Lock, an RLock, an Election and a Once stand on it.
//
// There are two locks in it. The gate lets one goroutine at a time ask the backend, which then waits for other
// processes only. The seat is held by whoever is inside. They are two because not all come through the gate: a wait on
// a Condition ends with the lock held, which the backend gave while a neighbour was at the gate and waits for it; and
// TryLock does not stop at the gate, or it would fail because of a neighbour who holds nothing yet.
//
// While the session lives, the backend keeps others out, and the seat is free for whoever it lets in. When the session
// was lost, whoever was inside still is, and the backend lets in the next: that one waits for the seat. It does so
// before it asks, so that other processes need not wait for it meanwhile; it has to wait with the lock in hand only if
// somebody took the seat and lost the session in between.
//
// Who leaves frees the seat first, then tells the backend, and opens the gate last, so that the next at the gate finds
// the lock free, or hands it on: if goroutines wait at the gate that will not give up, it asks the backend to keep the
// lock for this session, and leaves it in handed. One of them takes it for sure; whoever passes the gate before takes
// it too, and leaves in turn.
type door struct {
	m    *Manager
	lock backend.Lock

	gate    lock.Lock
	seat    lock.Lock
	patient atomic.Int32    // goroutines that wait at the gate and will not give up
	handed  backend.Holding // belongs to whoever holds the gate

	guard  sync.Mutex
	inside *hold
}

// A hold is what whoever is inside has.
type hold struct {
	backend.Holding
	gated bool // came through the gate, and holds it
}

// enter waits for the lock and goes inside. It returns ErrGaveUp, or ErrLost if the session was lost and w is over. The
// hold is nil if the lock is a Once that is done.
func (d *door) enter(w backend.Wait, value []byte) (*hold, error) {
	if w.Try {
		return d.try()
	}
	c := start(w)
	if w == forever {
		d.patient.Add(1)
	}
	passed := acquire(&d.gate, c)
	if w == forever {
		d.patient.Add(-1)
	}
	if !passed {
		return nil, backend.ErrGaveUp
	}
	h, err := d.ask(c, value)
	if h == nil {
		d.gate.Unlock()
		return nil, err
	}
	in := &hold{Holding: h, gated: true}
	if err := d.sit(in, c); err != nil {
		d.gate.Unlock()
		return nil, err
	}
	return in, nil
}

// try goes inside if the lock is free.
func (d *door) try() (*hold, error) {
	if d.seat.Locked() {
		return nil, backend.ErrGaveUp
	}
	h, err := d.lock.Acquire(try, nil)
	if h == nil {
		return nil, err
	}
	in := &hold{Holding: h}
	return in, d.sit(in, clock{wait: try})
}

// ask asks the backend, with the gate held.
func (d *door) ask(c clock, value []byte) (backend.Holding, error) {
	if h := d.handed; h != nil {
		d.handed = nil
		if !isClosed(h.Lost()) {
			return h, nil
		}
	}
	for {
		if d.seat.Locked() {
			if !acquire(&d.seat, c) {
				return nil, backend.ErrGaveUp
			}
			d.seat.Unlock()
		}
		h, err := d.lock.Acquire(c.left(), value)
		if !errors.Is(err, ErrLost) || c.over() {
			return h, err
		}
	}
}

// sit takes the seat for a caller that the backend has let in.
func (d *door) sit(in *hold, c clock) error {
	if !acquire(&d.seat, c) {
		_, _ = d.lock.Release(background, in.Holding, false)
		return backend.ErrGaveUp
	}
	d.guard.Lock()
	d.inside = in
	d.guard.Unlock()
	return nil
}

// holder returns who is inside, or nil.
func (d *door) holder() *hold {
	d.guard.Lock()
	defer d.guard.Unlock()
	return d.inside
}

// stand marks in, or the hold inside if in is nil, as about to leave: no other call can make it leave. It returns
// nil if it is not inside.
func (d *door) stand(in *hold) *hold {
	d.guard.Lock()
	defer d.guard.Unlock()
	was := d.inside
	if was == nil || in != nil && in != was {
		return nil
	}
	d.inside = nil
	return was
}

// leave releases what in holds. pass says that the lock may be handed on within the process.
func (d *door) leave(ctx context.Context, in *hold, pass bool) error {
	d.seat.Unlock()
	next, err := d.lock.Release(ctx, in.Holding, pass && in.gated && d.patient.Load() > 0)
	d.open(in, next)
	return err
}

// open opens the gate if in holds it.
func (d *door) open(in *hold, next backend.Holding) {
	if in.gated {
		d.handed = next
		d.gate.Unlock()
	}
}

// give up what in holds to a condition, which releases it: the rest of leave.
func (d *door) yield(in *hold) {
	d.seat.Unlock()
	d.open(in, nil)
}

func (d *door) idle() bool { return !d.gate.Locked() && !d.seat.Locked() }

// locked reports whether anybody holds the lock, or this process does not know yet that it has lost it.
func (d *door) locked() bool {
	if d.holder() != nil {
		return true
	}
	is := false
	must(patiently(forever, func(backend.Wait) (err error) {
		is, err = d.lock.Locked(background)
		return err
	}))
	return is
}

func (d *door) token() uint64 {
	if in := d.holder(); in != nil {
		return in.Token()
	}
	return 0
}

func (d *door) lost() <-chan struct{} {
	if in := d.holder(); in != nil {
		return in.Lost()
	}
	return nil
}

// released is what UnlockContext returns for what leave did: nothing is left to do for a lock whose session is over.
func released(err error) error {
	if errors.Is(err, ErrClosed) && !errors.Is(err, ErrUnknown) {
		return &backend.Error{Text: "manager: what was held was lost: " + err.Error(), Errs: []error{ErrLost, err}}
	}
	if errors.Is(err, ErrUnknown) && errors.Is(err, ErrClosed) {
		return nil // the connection broke under way: either way the lock is free
	}
	return err
}

// with runs fn inside, with a context that ends with ErrLost when the lock is lost, and leaves however fn ends.
func (d *door) with(ctx context.Context, in *hold, fn func(context.Context) error) (err error) {
	alive, stop := whileAlive(ctx, in.Lost())
	lost := false
	defer func() {
		stop()
		lost = isClosed(in.Lost())
		if d.stand(in) != nil {
			lost = errors.Is(d.leave(background, in, true), ErrLost) || lost
		}
		if lost {
			err = join(err, ErrLost)
		}
	}()
	return fn(alive)
}

// join joins two errors, unless the first is the second already.
func join(err, second error) error {
	if errors.Is(err, second) {
		return err
	}
	return errors.Join(err, second)
}

package manager

import (
	"context"
	"iter"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/lock"
)

// An Election lets one goroutine of all processes be the leader: a [Lock] that
// tells who holds it. Python has none.
//
// The leader's process dies, or loses its session: its [Term] is lost, and the
// next candidate leads. What the leader writes elsewhere is protected by the
// term's token, as [Lock.Token] describes.
type Election struct {
	object
	door *door
}

// Election returns the election of that name, or a fresh one if name is "".
func (m *Manager) Election(name string) *Election {
	spec := valid(m.spec(KindElection, name))
	return &Election{object{m, spec}, state(m, spec, func() *door { return &door{m: m, lock: m.backend.Lock(spec)} })}
}

// A Term is the time for which a candidate leads.
type Term struct {
	door *door
	in   *hold

	turn     lock.Lock // of those that resign it
	resigned bool
	err      error
}

// Campaign blocks until the caller leads, but gives up when ctx ends, and then
// returns [context.Cause] of ctx. value is what others learn about the leader,
// an address perhaps. A term that was lost keeps other candidates of this
// process out until it is resigned.
func (e *Election) Campaign(ctx context.Context, value string) (*Term, error) {
	in, err := e.door.enterContext(ctx, []byte(value))
	if err != nil {
		return nil, err
	}
	return &Term{door: e.door, in: in}, nil
}

// Token returns the term's fencing token: larger than that of every earlier one.
func (t *Term) Token() uint64 { return t.in.Token() }

// Lost returns a channel that is closed if the term is lost before it is
// resigned.
func (t *Term) Lost() <-chan struct{} { return t.in.Lost() }

// Resign ends the term. It returns nil; ErrLost if the term had been lost
// before; ErrUnknown if ctx ended, or the session, while the server was told. A
// second Resign does nothing and returns what the first did. If ctx has ended
// already it returns the cause and the term goes on.
func (t *Term) Resign(ctx context.Context) error {
	if err := t.turn.LockContext(ctx); err != nil {
		return err
	}
	defer t.turn.Unlock()
	if !t.resigned && t.door.stand(t.in) != nil {
		t.resigned = true
		t.err = released(t.door.leave(ctx, t.in, false))
	}
	return t.err
}

// Run campaigns, calls fn while it leads, and resigns. fn's context ends with
// ctx, or with ErrLost as its cause when the term is lost: then Run waits for fn,
// so that it never runs twice here, and campaigns again. A return of fn while the
// term stands ends Run, which returns what fn did. Run also ends with ctx.
func (e *Election) Run(ctx context.Context, value string, fn func(ctx context.Context, t *Term) error) error {
	if fn == nil {
		panic("manager: Election.Run with a nil function")
	}
	for {
		t, err := e.Campaign(ctx, value)
		if err != nil {
			return err
		}
		if err, stood := t.run(ctx, fn); stood || backend.Ended(ctx) {
			return err
		}
	}
}

// run calls fn and reports whether the term stood until it returned.
func (t *Term) run(ctx context.Context, fn func(context.Context, *Term) error) (err error, stood bool) {
	alive, stop := whileAlive(ctx, t.Lost())
	defer func() {
		stop()
		stood = !isClosed(t.Lost())
		_ = t.Resign(background)
	}()
	return fn(alive, t), false
}

// Leader returns the leader's value and token, or [ErrNotFound] if there is
// none.
func (e *Election) Leader(ctx context.Context) (value string, token uint64, err error) {
	err = e.m.read(ctx, func(ctx context.Context) error {
		v, t, err := e.door.lock.Holder(ctx)
		if err == nil && t == 0 {
			err = backend.Errorf(ErrNotFound, "a leader of %s", e.spec)
		}
		value, token = string(v), t
		return err
	})
	return value, token, err
}

// Watch yields the value of the leader, if there is one, and then of each new
// one; of several in quick succession perhaps only the last. It ends with ctx,
// whose cause is its last error.
func (e *Election) Watch(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for v, err := range e.door.lock.Watch(ctx) {
			if !yield(string(v), err) || err != nil {
				return
			}
		}
	}
}

func (e *Election) describe() backend.Handle {
	h := e.object.describe(e.door.lock)
	h.Holding = e.door.holding
	return h
}

// A Once lets a function succeed once, in whichever process.
type Once struct {
	object
	door *door
	b    backend.Once
}

// Once returns the once of that name, or a fresh one if name is "".
func (m *Manager) Once(name string) *Once {
	spec := valid(m.spec(KindOnce, name))
	b := m.backend.Once(spec)
	return &Once{object{m, spec}, state(m, spec, func() *door { return &door{m: m, lock: b} }), b}
}

// Do calls fn unless a call of it has succeeded before, and waits while another
// goroutine or process is in it. fn's token grows with each call, as
// [Lock.Token]; its context ends with ctx, or with ErrLost when the session was
// lost. An error or a panic of fn records nothing, and Do returns it; the next Do
// calls fn again, and so it does when a process died in it. Do returns ErrLost if
// fn returned nil but the session was lost before that could be recorded.
func (o *Once) Do(ctx context.Context, fn func(ctx context.Context, token uint64) error) (err error) {
	if fn == nil {
		panic("manager: Once.Do with a nil function")
	}
	in, err := o.door.enterContext(ctx, nil)
	if in == nil {
		return err
	}
	alive, stop := whileAlive(ctx, in.Lost())
	done := false
	defer func() {
		stop()
		if o.door.stand(in) == nil {
			return
		}
		if !done {
			_ = o.door.leave(background, in, false)
			return
		}
		o.door.seat.Unlock()
		err = o.b.Done(background, in.Holding)
		o.door.open(in, nil)
	}()
	err = fn(alive, in.Token())
	done = err == nil
	return err
}

func (o *Once) describe() backend.Handle { return o.object.describe(o.b) }

package process

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/gothreading/threading/thread"
)

// A driver is what a worker of the pool knows of its child: a process that runs
// serve, a wire to it, and a desk.
//
// # A batch
//
// The parent sends a task, which is a function and any number of arguments, and
// the child calls it for one after the other. What comes back over the wire
// says only how far it has come: the results lie on the desk, memory that both
// have. The child notes there which argument it begins with, and each result
// when it is complete. So whatever instruction the child dies at, the parent
// knows what was done, and with which one it was busy: that one fails, and what
// was not begun goes to another child.
//
//	task    seq, function, arguments →
//	        ← more: the desk is full
//	        ← large: a result that is larger than the desk
//	go on   after either of them: it is copied →
//	        ← done: all results are there, or those before one that failed, and how it did
//	cancel  seq, why →
type driver struct {
	team  *team
	child *Process[struct{}]
	wire  *wire
	desk  *desk
	seq   uint64
	tasks int    // that the child has run
	spare []byte // where the items of the next batch go
	frame []byte // where the next task is written

	guard   sync.Mutex
	waiting uint64 // the seq of the task that is waited for, or 0
	cause   error  // why its context has ended
	grace   *time.Timer
}

// What is sent over the wire.
const (
	frameTask = iota + 1
	frameCancel
	frameGoOn
	frameMore
	frameLarge
	frameDone
)

// A lost is how a child was lost.
type lost struct {
	begun bool  // it had begun with anything of what it was sent
	busy  bool  // it was busy with the first that has no result
	cause error // it was killed for this
}

// run makes the child run a batch. It returns what the first one failed with
// that has no result, if there is one.
func (d *driver) run(ctx context.Context, b *batch) error {
	defer b.luggage.sent()
	for {
		if err := d.hire(ctx); err != nil {
			return err
		}
		failure, lost := d.once(ctx, b)
		if lost == nil {
			d.team.noteBegun(true, nil)
			if m := d.team.choices.tasks; m > 0 && d.tasks >= m {
				d.dismiss()
			}
			return failure
		}
		served := d.tasks > 0
		exit := d.mourn()
		switch over := d.team.noteBegun(served || lost.begun, exit); {
		case b.have == b.count:
			return nil
		case lost.cause != nil:
			return fmt.Errorf("%w (%w)", lost.cause, exit)
		case lost.busy, over:
			return exit
		}
	}
}

// once sends what is left of a batch to the child, and collects the results.
// failure is what the one behind them failed with.
//
//lint:ignore ST1008 the failure is a result of the call, and how it was lost is why there is none
func (d *driver) once(ctx context.Context, b *batch) (failure error, how *lost) {
	d.seq++
	d.desk.reset()
	before := b.have
	data := append(d.frame[:0], frameTask)
	data = binary.AppendUvarint(data, d.seq)
	data = binary.AppendUvarint(data, uint64(len(b.id)))
	data = append(data, b.id...)
	data = binary.AppendUvarint(data, uint64(b.count-before))
	data = append(data, b.left()...)
	if cap(data) <= 2*messageSize {
		d.frame = data
	}
	d.guard.Lock()
	d.cause = nil
	d.guard.Unlock()
	if err := d.wire.send(data, b.luggage, limit{}); err != nil {
		if !errors.Is(err, io.ErrClosedPipe) {
			return err, nil // too many descriptors, or no memory: the child knows nothing of it
		}
		return nil, d.lose(b, before)
	}
	stop := d.follow(ctx) // not before: the child knows nothing of a task that is to be cancelled and has not come
	defer d.unfollow(stop)
	for {
		frame, _, err := d.wire.recv(limit{})
		if err != nil || len(frame) == 0 {
			return nil, d.lose(b, before)
		}
		d.desk.collect(b)
		if frame[0] != frameDone {
			if frame[0] == frameLarge {
				b.gain(frame[1:])
			}
			if d.wire.send([]byte{frameGoOn}, nil, limit{}) != nil {
				return nil, d.lose(b, before)
			}
			continue
		}
		b.busy += time.Duration(min(d.desk.busy.Load(), math.MaxInt64))
		d.tasks += b.have - before
		if b.have < b.count {
			d.tasks++
			failure = failureOf(frame[1:])
		}
		return failure, nil
	}
}

// lose says how the child was lost, and collects what it has left.
func (d *driver) lose(b *batch, before int) *lost {
	d.desk.collect(b)
	begun := d.desk.begun(d.seq)
	d.guard.Lock()
	defer d.guard.Unlock()
	return &lost{begun: begun > 0, busy: begun > b.have-before, cause: d.cause}
}

func failureOf(data []byte) error {
	var m message
	if err := decoder.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("process: how a task has failed cannot be decoded: %w", err)
	}
	return m.error()
}

// follow tells the child when ctx ends, and kills it when its time of grace is
// over, until unfollow is called.
func (d *driver) follow(ctx context.Context) (stop func() bool) {
	seq := d.seq
	d.guard.Lock()
	d.waiting = seq
	d.guard.Unlock()
	return context.AfterFunc(ctx, func() { d.cancel(seq, context.Cause(ctx)) })
}

func (d *driver) unfollow(stop func() bool) {
	stop()
	d.guard.Lock()
	defer d.guard.Unlock()
	d.waiting = 0
	if d.grace != nil {
		d.grace.Stop()
		d.grace = nil
	}
}

// cancel is called when the context of a task has ended.
func (d *driver) cancel(seq uint64, cause error) {
	m, err := encoder.Marshal(tell(cause))
	if err != nil {
		m = nil
	}
	grace, wire := d.doom(seq, cause)
	if grace > 0 {
		// The worker may be sending something too, and that it has sent it does not say that it has let go of the wire.
		_ = wire.send(append(binary.AppendUvarint([]byte{frameCancel}, seq), m...), nil, limit{d: grace})
	}
}

// doom sees to it that the child is killed if it does not heed the end of a
// context within its time of grace, which it returns, if it still runs the task.
func (d *driver) doom(seq uint64, cause error) (grace time.Duration, wire *wire) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if d.waiting != seq {
		return 0, nil
	}
	d.cause = cause
	kill := func() {
		d.guard.Lock()
		defer d.guard.Unlock()
		if d.waiting == seq {
			d.child.Kill()
		}
	}
	if grace = d.child.c.choices.grace; grace > 0 {
		d.grace = time.AfterFunc(grace, kill)
	} else {
		d.child.Kill()
	}
	return grace, d.wire
}

// hire makes sure that there is a child.
func (d *driver) hire(ctx context.Context) error {
	for d.child == nil {
		if err := d.start(); err != nil {
			return err
		}
		init := d.team.choices.init
		if init == nil {
			return nil
		}
		b, err := init()
		if err != nil {
			d.dismiss()
			d.team.crew.End(err)
			return err
		}
		failure, how := d.once(ctx, b)
		b.luggage.sent()
		if how == nil && failure == nil {
			d.tasks = 0
			return nil
		}
		if how == nil {
			d.dismiss()
			d.team.crew.End(failure)
			return failure
		}
		exit := error(d.mourn())
		switch {
		case how.cause != nil:
			return fmt.Errorf("%w (%w)", how.cause, exit)
		case how.busy:
			d.team.crew.End(exit)
			return exit
		case d.team.noteBegun(how.begun, exit):
			return exit
		}
	}
	return nil
}

// start starts a child.
func (d *driver) start() error {
	one, other, err := Pipe[[]byte, []byte]()
	if err != nil {
		return err
	}
	desk, err := newDesk()
	if err == nil {
		opts := append([]Option{Name(thread.Current().Name())}, d.team.choices.workers...)
		d.child, err = Go(serving, bench{other, desk.memory}, append(opts, Daemon(true))...)
		if err != nil {
			desk.close()
		}
	}
	_ = other.Close()
	if err != nil {
		_ = one.Close()
		d.child = nil
		return err
	}
	d.wire, d.desk, d.tasks = one.w, desk, 0
	return nil
}

// mayRun returns how many of so many items the child may be sent.
func (d *driver) mayRun(items int) int {
	if most := d.team.choices.tasks; most > 0 {
		return min(items, most-d.tasks)
	}
	return items
}

// used returns memory for the items of a batch, until reuse is called. Nobody
// else finds it meanwhile: what is called in between may make batches too.
func (d *driver) used() []byte {
	spare := d.spare
	d.spare = nil
	return spare[:0]
}

func (d *driver) reuse(b *batch) {
	if cap(b.items) <= 2*messageSize {
		d.spare = b.items
	}
}

// dismiss ends a child that has nothing to do.
func (d *driver) dismiss() {
	if d.child != nil {
		d.mourn()
	}
}

// mourn lets go of a child, and returns how it ended. One that does not end is
// killed.
func (d *driver) mourn() *ExitError {
	_ = d.wire.close()
	if !d.child.JoinTimeout(farewell) {
		d.child.Kill()
		d.child.Join()
	}
	d.desk.close()
	exit := d.child.c.exitError(d.child.c.failure)
	d.guard.Lock()
	d.child, d.wire, d.desk, d.tasks = nil, nil, nil, 0
	d.guard.Unlock()
	return exit
}

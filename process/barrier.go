package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/shm"
)

// A Barrier makes a fixed number of parties wait until all of them have
// arrived, and then releases them together. They may belong to different
// processes. The parties that arrive next are the next generation.
//
// Make a Barrier with [NewBarrier] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.Barrier:
//
//	wait(), wait(timeout=d)       Wait, WaitTimeout(d)
//	reset(), abort()              Reset, Abort
//	parties, n_waiting, broken    Parties, Waiting, Broken
//	BrokenBarrierError            barrier.ErrBroken
//
// It is like [barrier.Barrier]. The last party of a generation runs the action,
// in its own process. If a process ends while it waits or runs the action, the
// Barrier breaks: the other parties get barrier.ErrBroken, and it stays broken
// until Reset.
//
// Within a process, the arrival of every party synchronizes before the action
// of its generation, and that before the return of every Wait of the
// generation.
//
// A party that gives up breaks its own generation and never a later one. Once
// all parties have arrived, neither time nor ctx breaks the generation.
//
// Waiting holds one thread for each Barrier and process, however many
// goroutines wait.
type Barrier struct {
	handle
	b      *shm.Barrier
	action *Func[struct{}, struct{}]
}

// NewBarrier makes a Barrier for the given number of parties. If action is not
// nil, the last to arrive in each generation calls it before any is released;
// an error or a panic of it breaks the Barrier, and is the error or panic of
// that Wait. NewBarrier panics with barrier.ErrParties unless parties is 1 to
// 1,024.
func NewBarrier(parties int, action *Func[struct{}, struct{}]) *Barrier {
	if parties < 1 || parties > shm.MaxParties {
		panic(fmt.Errorf("%w: process: NewBarrier(%d): want 1 to %d", barrier.ErrParties, parties, shm.MaxParties))
	}
	b, err := shm.NewBarrier(parties)
	return &Barrier{b: made("NewBarrier", b, err), action: action}
}

func (b *Barrier) meeting() *shm.Barrier {
	if b.b == nil {
		panic(zero("Barrier"))
	}
	return b.b
}

// Wait waits until all parties have arrived and the action has returned. It
// returns the order of this party's arrival in its generation, from 0 to
// Parties()-1, or -1 and barrier.ErrBroken.
func (b *Barrier) Wait() (index int, err error) { return b.wait(nil, false, barrier.ErrBroken) }

// WaitTimeout is like Wait but waits for at most d: then it breaks the Barrier
// and returns barrier.ErrBroken. With d <= 0 it does so at once unless it is
// the last party; math.MaxInt64 is forever.
func (b *Barrier) WaitTimeout(d time.Duration) (index int, err error) {
	if d <= 0 {
		return b.wait(nil, true, barrier.ErrBroken)
	}
	l := shm.After(d)
	defer l.Close()
	return b.wait(l, false, barrier.ErrBroken)
}

// WaitContext is like Wait but breaks the Barrier and returns
// context.Cause(ctx) if ctx ends first. If ctx has ended already, it does so at
// once unless it is the last party.
func (b *Barrier) WaitContext(ctx context.Context) (index int, err error) {
	if hasEnded(ctx) {
		return b.wait(nil, true, park.Cause(ctx))
	}
	l := shm.Until(ctx)
	defer l.Close()
	index, err = b.wait(l, false, shm.ErrGaveUp)
	if err == shm.ErrGaveUp {
		err = park.Cause(ctx)
	}
	return index, err
}

// wait returns gaveUp for a party that did.
func (b *Barrier) wait(l *shm.Limit, impatient bool, gaveUp error) (index int, err error) {
	p, err := b.meeting().Arrive(b.action != nil, impatient, l)
	if err == nil && p.Acts {
		err = b.act(p)
	}
	switch {
	case errors.Is(err, shm.ErrBroken):
		err = barrier.ErrBroken
	case errors.Is(err, shm.ErrGaveUp):
		err = gaveUp
	}
	if err != nil {
		return -1, err
	}
	return p.Index, nil
}

// act runs the action, for the generation of p.
func (b *Barrier) act(p shm.Party) (err error) {
	failed := true // unless it returns
	defer func() {
		if broken := b.b.Acted(p, !failed); broken != nil && !failed {
			err = broken
		}
	}()
	_, err = b.action.fn(context.Background(), struct{}{})
	failed = err != nil
	return err
}

// Abort breaks the Barrier: parties that wait, and those that arrive until
// Reset, get barrier.ErrBroken.
func (b *Barrier) Abort() { b.meeting().Break(true) }

// Reset makes the Barrier as new: parties that wait get barrier.ErrBroken, and
// those that arrive begin a new generation.
func (b *Barrier) Reset() { b.meeting().Break(false) }

// Parties returns how many parties the Barrier was made for.
func (b *Barrier) Parties() int { return b.meeting().Parties() }

// Waiting returns how many parties of the generation that is filling have
// arrived.
func (b *Barrier) Waiting() int { return b.meeting().Waiting() }

// Broken reports whether the Barrier is broken, which it is until Reset.
func (b *Barrier) Broken() bool { return b.meeting().Broken() }

// MarshalBinary encodes b for another process. It returns ErrSharing unless
// this package encodes.
func (b *Barrier) MarshalBinary() ([]byte, error) {
	data, err := handOver("Barrier", b.b, (*shm.Barrier).Descriptor)
	if err != nil {
		return nil, err
	}
	id := ""
	if b.action != nil {
		id = b.action.id
	}
	return append(append([]byte{byte(len(data))}, data...), id...), nil
}

// UnmarshalBinary is the other direction.
func (b *Barrier) UnmarshalBinary(data []byte) (err error) {
	if len(data) < 1 || len(data) < 1+int(data[0]) {
		return fmt.Errorf("%w: %d bytes are no Barrier", ErrSharing, len(data))
	}
	n := 1 + int(data[0])
	if id := string(data[n:]); id != "" {
		if b.action, err = find[struct{}, struct{}](id); err != nil {
			return err
		}
	}
	b.b, err = takeOver("Barrier", data[1:n], shm.AttachBarrier)
	return err
}

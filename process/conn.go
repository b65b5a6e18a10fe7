package process

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/queue"
)

// A Conn is one end of a [Pipe]: values of type A are sent, and values of type
// B received.
//
// The zero value panics with [ErrSharing]. An end that was passed to another
// process exists in both: the other end sees the end of the stream only when
// every copy of this one is closed, so close a copy that is not used.
//
// It is Python's multiprocessing.connection.Connection:
//
//	send(x), recv()          Send(x), Recv
//	poll(d)                  RecvTimeout(d), or Wait
//	close()                  Close
//
// A value arrives whole or not at all, whatever happens to the sender, and in
// order. Any number of goroutines may use an end. Shared objects in a value
// travel with it.
//
// Recv returns io.EOF when every copy of the other end is closed and all values
// were received; Send then returns io.ErrClosedPipe. After Close of this end
// both return io.ErrClosedPipe, as do calls that are blocked.
//
// A Send that gives up has sent nothing and returns queue.ErrFull; a Recv has
// received nothing and returns queue.ErrEmpty.
//
// A Send and a Recv are a system call each, and a blocked call holds no thread.
// Most of a value of more than 60 KiB travels in shared memory, of which an end
// keeps at most 8 MiB, in 8 files, each way, for the next values: so it is
// copied twice, as by a socket, and the kernel has no part in that. Six such
// values, two if they are of 2 MiB or more, or some 200 KiB of others, can be on
// their way; then Send waits. Among goroutines use a channel. A [Queue] is faster
// where the end of the stream and [Wait] are not needed.
type Conn[A, B any] struct {
	handle
	w   *wire
	out *codec[A]
	in  *codec[B]
}

// Pipe returns the two ends of a new connection: Python's Pipe. It panics with
// [ErrType] if values of type A or B cannot be passed to another process, and
// returns an error if the kernel refuses.
func Pipe[A, B any]() (*Conn[A, B], *Conn[B, A], error) {
	a, b := newCodec[A]("Pipe", true), newCodec[B]("Pipe", true)
	if err := Supported(); err != nil {
		return nil, nil, err
	}
	one, other, err := wires()
	if err != nil {
		return nil, nil, fmt.Errorf("process: Pipe: %w", err)
	}
	return &Conn[A, B]{w: one, out: a, in: b}, &Conn[B, A]{w: other, out: b, in: a}, nil
}

func (c *Conn[A, B]) wire() *wire {
	if c.w == nil {
		panic(fmt.Errorf("%w: this Conn is a zero value; Pipe makes two", ErrSharing))
	}
	return c.w
}

// Send sends x, waiting until there is room for it.
func (c *Conn[A, B]) Send(x A) error { return c.send(x, limit{}) }

// TrySend sends x if there is room for it, or returns queue.ErrFull.
func (c *Conn[A, B]) TrySend(x A) error { return c.send(x, limit{try: true}) }

// SendTimeout is like Send but waits for at most d, and then returns
// queue.ErrFull. With d <= 0 it is TrySend; math.MaxInt64 is forever.
func (c *Conn[A, B]) SendTimeout(x A, d time.Duration) error {
	return c.send(x, limit{try: d <= 0, d: d})
}

// SendContext is like Send but returns context.Cause(ctx) if ctx ends first.
func (c *Conn[A, B]) SendContext(ctx context.Context, x A) error {
	w := c.wire()
	if hasEnded(ctx) {
		if w.closed() {
			return io.ErrClosedPipe
		}
		return park.Cause(ctx)
	}
	err := c.send(x, limit{ctx: ctx})
	if err == queue.ErrFull {
		return park.Cause(ctx)
	}
	return err
}

func (c *Conn[A, B]) send(x A, lim limit) error {
	w := c.wire()
	var l *luggage
	if c.out.handles {
		l = new(luggage)
		defer l.sent()
	}
	if c.out.form != asCBOR && c.out.length(&x) > largest {
		return fullAt(c.sendWhereItIs(x, lim))
	}
	data, err := c.out.encode(nil, x, l)
	if err != nil {
		return err
	}
	return fullAt(w.send(data, l, lim))
}

// sendWhereItIs is send for bytes that are many: they are not copied before
// they are sent. It is apart because x is on the heap.
func (c *Conn[A, B]) sendWhereItIs(x A, lim limit) error {
	head, data := c.out.parts(&x)
	return c.w.sendBoth(head, data, nil, lim)
}

// fullAt returns the error of a queue for a call that gave up.
func fullAt(err error) error {
	if err == errLimit {
		return queue.ErrFull
	}
	return err
}

// Recv receives a value, waiting for one for as long as that takes.
func (c *Conn[A, B]) Recv() (B, error) { return c.recv(limit{}) }

// TryRecv receives a value if there is one, or returns queue.ErrEmpty.
func (c *Conn[A, B]) TryRecv() (B, error) { return c.recv(limit{try: true}) }

// RecvTimeout is like Recv but waits for at most d, and then returns
// queue.ErrEmpty. With d <= 0 it is TryRecv; math.MaxInt64 is forever.
func (c *Conn[A, B]) RecvTimeout(d time.Duration) (B, error) { return c.recv(limit{try: d <= 0, d: d}) }

// RecvContext is like Recv but returns context.Cause(ctx) if ctx ends first.
func (c *Conn[A, B]) RecvContext(ctx context.Context) (x B, err error) {
	w := c.wire()
	if hasEnded(ctx) {
		if w.closed() {
			return x, io.ErrClosedPipe
		}
		return x, park.Cause(ctx)
	}
	x, err = c.recv(limit{ctx: ctx})
	if err == queue.ErrEmpty {
		err = park.Cause(ctx)
	}
	return x, err
}

func (c *Conn[A, B]) recv(lim limit) (x B, err error) {
	w := c.wire()
	if c.in.form != asCBOR { // no code of others decodes it
		m, _, err := w.borrow(lim)
		if err != nil {
			return x, emptyAt(err)
		}
		if m.rest == 0 {
			x, err = c.in.decode(m.bytes, nil)
		} else {
			x, err = c.in.decodeWhereItGoes(&m)
		}
		w.in.lock.Unlock()
		return x, err
	}
	data, l, err := w.recv(lim)
	if err != nil {
		return x, emptyAt(err)
	}
	if l == nil && c.in.handles {
		l = new(luggage)
	}
	defer l.close()
	return c.in.decode(data, l)
}

// emptyAt returns the error of a queue for a call that gave up.
func emptyAt(err error) error {
	if err == errLimit {
		return queue.ErrEmpty
	}
	return err
}

// Close closes this copy of the end. Calls that are blocked on it in this
// process return io.ErrClosedPipe, and so does a second Close.
func (c *Conn[A, B]) Close() error { return c.wire().close() }

// SyscallConn returns the socket, to wait for it by other means. The form of
// its messages is not documented.
func (c *Conn[A, B]) SyscallConn() (syscall.RawConn, error) { return c.wire().file.SyscallConn() }

// MarshalBinary encodes c for another process. It returns ErrSharing unless
// this package encodes.
func (c *Conn[A, B]) MarshalBinary() ([]byte, error) {
	return handOverCopy("Conn", c.w, (*wire).copied)
}

// UnmarshalBinary is the other direction.
func (c *Conn[A, B]) UnmarshalBinary(data []byte) (err error) {
	c.out, c.in = newCodec[A]("Conn", true), newCodec[B]("Conn", true)
	c.w, err = takeOver("Conn", data, wireOf)
	return err
}

func (c *Conn[A, B]) waitable() waitable { return c.wire() }

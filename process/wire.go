package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/lock"
)

// A wire is one end of a pair of sockets that carries messages, each as a
// whole, and descriptors with them. What is sent goes with one call of the
// system, so a sender that gives up or is killed has sent all of it or nothing.
// Waits are in Go's netpoller, without a thread. Of a large message what fits
// travels like that, so that few of them fill the socket, and the rest in a
// file, see shm.Slabs.
//
//	kind | bytes            and the descriptors of shared objects
//	kind | size | bytes     and a file behind them
type wire struct {
	file *os.File
	raw  syscall.RawConn
	out  outlet
	in   inlet

	guard sync.Mutex
	bells map[*waitBell]struct{} // of calls that wait for it, among others
}

// largest is how many bytes go into a message without a file.
const largest = 60 << 10

const (
	inMessage = iota
	inFile
)

// errLimit is what is returned at the limit of a call.
var errLimit = errors.New("process: gave up at a Conn")

// A way is one direction of a wire, for one goroutine at a time: a call that
// does not wait, and what came of it.
type way struct {
	lock lock.Lock
	wait func(func(fd uintptr) bool) error // for readiness, and then calls again
	set  func(deadline time.Time) error
	op   func(fd uintptr) (done bool)
	once func(fd uintptr) bool // op, which is not called again
	done bool
	err  error
}

// begin makes op the call of a way.
func (y *way) begin(op func(fd uintptr) bool, wait func(func(uintptr) bool) error, set func(time.Time) error) {
	y.op, y.wait, y.set = op, wait, set
	y.once = func(fd uintptr) bool {
		y.done = y.op(fd)
		return true
	}
}

// do makes the call within the limit, at once, and after a wait only if that is
// needed.
func (y *way) do(lim limit) error {
	y.done, y.err = false, nil
	err := y.wait(y.once)
	if err == nil && !y.done {
		if lim.try {
			return errLimit
		}
		undo := lim.bound(y.set)
		err = y.wait(y.op)
		undo()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errLimit
		}
	}
	if err == nil {
		err = y.err
	}
	return err
}

// A limit says how long a call on a wire waits: not at all, for d, until ctx
// ends, or forever.
type limit struct {
	try bool
	d   time.Duration
	ctx context.Context
}

// lock locks l within the limit.
func (lim *limit) lock(l *lock.Lock) bool {
	switch {
	case lim.try:
		return l.TryLock()
	case lim.ctx != nil:
		return l.LockContext(lim.ctx) == nil
	case lim.d > 0:
		start := time.Now()
		if !l.LockTimeout(lim.d) {
			return false
		}
		lim.d = max(lim.d-time.Since(start), 1)
		return true
	}
	l.Lock()
	return true
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// bound makes a wait that follows give up at the limit: set sets its deadline.
// It is undone by the result.
func (lim *limit) bound(set func(time.Time) error) (undo func()) {
	switch {
	case lim.d > 0:
		if deadline := time.Now().Add(lim.d); deadline.After(past) { // else it is so late that the sum overflows
			_ = set(deadline)
		}
		return func() { _ = set(time.Time{}) }
	case lim.ctx != nil && lim.ctx.Done() != nil:
		done, quit, ended := lim.ctx.Done(), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			select {
			case <-done:
				_ = set(past)
			case <-quit:
			}
		}()
		return func() {
			close(quit)
			<-ended
			_ = set(time.Time{})
		}
	}
	return func() {}
}

// send sends a message: its bytes, and the descriptors in l, which may be nil.
func (w *wire) send(data []byte, l *luggage, lim limit) error { return w.sendBoth(nil, data, l, lim) }

// sendBoth is send for bytes that lie in two places.
func (w *wire) sendBoth(head, data []byte, l *luggage, lim limit) error {
	var fds []int
	if l != nil {
		fds = l.fds
	}
	if len(fds) > mostDescriptors {
		return fmt.Errorf("process: %d shared objects in one message: want at most %d", len(fds), mostDescriptors)
	}
	if !lim.lock(&w.out.lock) {
		return errLimit
	}
	err := w.out.load(head, data, fds)
	if err == nil {
		err = w.out.do(lim)
		w.out.unload(err == nil)
		if err = w.error(err); err != nil && err != errLimit {
			w.out.slabs.Close()
		}
	}
	w.out.lock.Unlock()
	return err
}

// recv receives a message, and returns its bytes, and the descriptors that have
// come with it or nil.
func (w *wire) recv(lim limit) (data []byte, l *luggage, err error) {
	m, l, err := w.borrow(lim)
	if err != nil {
		return nil, nil, err
	}
	data, err = m.take()
	w.in.lock.Unlock()
	if err != nil {
		l.close()
		return nil, nil, err
	}
	return data, l, nil
}

// An arrival is the bytes of a message that was received: they are here, and
// the rest, if there is one, in a file.
type arrival struct {
	bytes []byte
	rest  int
	file  shm.Parcel
}

func (m *arrival) size() int { return len(m.bytes) + m.rest }

// copy copies them.
func (m *arrival) copy(to []byte) error {
	n := copy(to, m.bytes)
	if m.rest == 0 {
		return nil
	}
	return m.file.Read(to[n:])
}

// take copies them to new memory. Either it or copy is called, once.
func (m *arrival) take() ([]byte, error) {
	if m.rest == 0 {
		data := make([]byte, len(m.bytes))
		copy(data, m.bytes)
		return data, nil
	}
	return m.file.Join(m.bytes)
}

// close is called instead.
func (m *arrival) close() {
	if m.rest > 0 {
		m.file.Close()
	}
}

// borrow is recv for a caller that uses the bytes where they are, and then
// unlocks the way in.
func (w *wire) borrow(lim limit) (m arrival, l *luggage, err error) {
	if !lim.lock(&w.in.lock) {
		return m, nil, errLimit
	}
	if err = w.error(w.in.do(lim)); err == nil {
		m, l, err = w.in.unpack()
	}
	if err == io.EOF {
		w.in.views.Close()
	}
	if err != nil {
		w.in.lock.Unlock()
	}
	return m, l, err
}

// error says what an error means here.
func (w *wire) error(err error) error {
	switch {
	case err == nil || err == errLimit || err == io.EOF:
		return err
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), w.closed(): // the poller has no name for that
		return io.ErrClosedPipe
	}
	return err
}

func (w *wire) close() error {
	err := w.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = io.ErrClosedPipe
	}
	w.guard.Lock()
	for b := range w.bells {
		b.ring()
	}
	w.guard.Unlock()
	w.out.lock.Lock() // whoever was blocked has been woken
	w.out.slabs.Close()
	w.out.lock.Unlock()
	w.in.lock.Lock()
	w.in.views.Close()
	w.in.lock.Unlock()
	return err
}

package process

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gothreading/threading/lock"
)

// A wire is one end of a pair of sockets that carries messages, each as a whole, and descriptors with them. What is sent
// goes with one call of the system, so a sender that gives up or is killed has sent all of it or nothing. Who waits does so
// in Go's netpoller, without a thread. A large message travels as a file beside its first byte.
//
//	kind | bytes            and the descriptors of shared objects
//	kind                    and a file with the bytes behind them
type wire struct {
	file  *os.File
	raw   syscall.RawConn
	sends lock.Lock // one goroutine at a time
	recvs lock.Lock
	buf   []byte // what was received; with recvs

	guard sync.Mutex
	bells map[*waitBell]struct{} // of those who wait for it, among others
}

// largest is how many bytes go into a message without a file.
const largest = 60 << 10

const (
	inMessage = iota
	inFile
)

// errLimit is what is returned at the limit of a call.
var errLimit = errors.New("process: gave up at a Conn")

// A limit says how long a call on a wire waits: not at all, for d, until ctx ends, or forever.
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

// bound makes the operation that follows give up at the limit: set sets its deadline. It is undone by the result.
func (lim *limit) bound(set func(time.Time) error) (undo func()) {
	switch {
	case lim.d > 0:
		if deadline := time.Now().Add(lim.d); deadline.After(past) {
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

// do runs an operation on a wire within the limit. It is tried at once, and waited for only then.
func (lim *limit) do(wait func(func(uintptr) bool) error, set func(time.Time) error, op func(fd uintptr) bool) error {
	done := false
	err := wait(func(fd uintptr) bool {
		done = op(fd)
		return true
	})
	if err != nil || done {
		return err
	}
	if lim.try {
		return errLimit
	}
	defer lim.bound(set)()
	err = wait(op)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errLimit
	}
	return err
}

// send sends a message.
func (w *wire) send(data []byte, l *luggage, lim limit) error {
	m, err := pack(data, l)
	if err != nil {
		return err
	}
	defer m.close()
	if !lim.lock(&w.sends) {
		return errLimit
	}
	defer w.sends.Unlock()
	var failed error
	err = lim.do(w.raw.Write, w.file.SetWriteDeadline, func(fd uintptr) (done bool) {
		done, failed = m.send(int(fd))
		return done
	})
	return w.error(errors.Join(err, failed))
}

// recv receives a message: its bytes, and the descriptors that have come with it.
func (w *wire) recv(lim limit) (data []byte, l *luggage, err error) {
	if !lim.lock(&w.recvs) {
		return nil, nil, errLimit
	}
	if w.buf == nil {
		w.buf = make([]byte, 1+largest)
	}
	var (
		n      int
		fds    []int
		failed error
	)
	err = lim.do(w.raw.Read, w.file.SetReadDeadline, func(fd uintptr) (done bool) {
		done, n, fds, failed = receive(int(fd), w.buf)
		return done
	})
	if err = w.error(errors.Join(err, failed)); err == nil {
		data, l, err = unpack(w.buf[:n], fds)
	}
	w.recvs.Unlock()
	return data, l, err
}

// error says what an error means here.
func (w *wire) error(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errLimit):
		return errLimit
	case errors.Is(err, io.EOF):
		return io.EOF
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
	defer w.guard.Unlock()
	for b := range w.bells {
		b.ring()
	}
	return err
}

package process

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gothreading/threading/thread"
)

// serving is what a child of a Pool does.
var serving = Register(serve)

// A bench is where it works.
type bench struct {
	Conn *Conn[[]byte, []byte]
	Desk *Memory
}

// A server is a child of a Pool.
type server struct {
	wire  *wire
	desk  *desk
	tasks chan *task
	goOn  chan struct{}
	ended chan struct{} // closed when the parent sends nothing more

	result []byte // where the next result is encoded

	guard   sync.Mutex
	current *task
}

// A task is a batch that has arrived.
type task struct {
	seq    uint64
	id     string
	count  int
	items  []byte
	l      *luggage
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func serve(_ context.Context, in bench) (struct{}, error) {
	signal.Ignore(os.Interrupt) // it goes to the whole group; the parent decides
	s := &server{
		wire: in.Conn.w, desk: deskOf(in.Desk), tasks: make(chan *task), goOn: make(chan struct{}), ended: make(chan struct{}),
	}
	go s.read()
	over := make(chan struct{})
	go s.work(over)
	<-over
	return struct{}{}, nil
}

// read reads what the parent sends.
func (s *server) read() {
	defer close(s.tasks)
	defer close(s.ended)
	for {
		frame, l, err := s.wire.recv(limit{})
		if err != nil || len(frame) == 0 {
			s.stop(ErrTerminated, 0)
			return
		}
		switch frame[0] {
		case frameTask:
			t := parseTask(frame[1:], l)
			t.ctx, t.cancel = context.WithCancelCause(context.Background())
			s.guard.Lock()
			s.current = t
			s.guard.Unlock()
			s.tasks <- t
		case frameCancel:
			seq, n := binary.Uvarint(frame[1:])
			s.stop(failureOf(frame[1+max(n, 0):]), seq)
		case frameGoOn:
			s.goOn <- struct{}{}
		}
	}
}

// stop ends the context of a task; seq 0 is whichever is running.
func (s *server) stop(cause error, seq uint64) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if t := s.current; t != nil && (seq == 0 || t.seq == seq) {
		t.cancel(cause)
	}
}

func parseTask(data []byte, l *luggage) *task {
	t := &task{l: l}
	next := func() uint64 {
		x, n := binary.Uvarint(data)
		data = data[max(n, 0):]
		return x
	}
	t.seq = next()
	n := int(next())
	t.id, data = string(data[:n]), data[n:]
	t.count = int(next())
	t.items = data
	return t
}

// work runs the tasks, until the parent sends nothing more. A task that ends
// its goroutine has another go on.
func (s *server) work(over chan struct{}) {
	done := false
	defer func() {
		if done {
			close(over)
		} else {
			go s.work(over)
		}
	}()
	for t := range s.tasks {
		s.run(t)
	}
	done = true
}

// run runs a task, and tells the parent.
func (s *server) run(t *task) {
	defer t.cancel(nil)
	start := time.Now()
	failure := []byte(nil)
	failed := true // unless all return
	defer func() {
		if failed && failure == nil {
			if v := recover(); v != nil {
				failure = encodeFailure(nil, v, debug.Stack())
			} else {
				failure = encodeFailure(thread.ErrGoexit, nil, nil)
			}
		}
		t.l.close()
		s.desk.busy.Store(uint64(time.Since(start)))
		_ = s.wire.send(append([]byte{frameDone}, failure...), nil, limit{})
	}()
	fn, known := registry.funcs[t.id]
	if !known {
		s.desk.begin(t.seq, 1)
		failure = encodeFailure(unregistered(t.id), nil, nil)
		return
	}
	for i := range t.count {
		size, n := binary.Uvarint(t.items)
		item := t.items[n : n+int(size)]
		t.items = t.items[n+int(size):]
		s.desk.begin(t.seq, i+1)
		out, err := fn.call(t.ctx, item, t.l, nothing, s.result[:0])
		if err != nil {
			failure = encodeFailure(err, nil, nil)
			return
		}
		if cap(out) <= largest {
			s.result = out
		}
		if !s.deliver(out) {
			return
		}
	}
	failed = false
}

func nothing() {}

// encodeFailure encodes an error, or a panic.
func encodeFailure(err error, panicked any, stack []byte) []byte {
	var m message
	if err != nil {
		m = tell(err)
	} else {
		m = tellPanic(panicked, stack)
	}
	data, err := encoder.Marshal(m)
	if err != nil {
		data, _ = encoder.Marshal(tell(errors.New("process: a task has failed, and how cannot be encoded")))
	}
	return data
}

// deliver gives the parent a result, and reports false if it does not want it.
func (s *server) deliver(out []byte) bool {
	if s.desk.put(out) {
		return true
	}
	if s.desk.dones.Load() > 0 && !s.tell([]byte{frameMore}) {
		return false
	}
	return s.desk.put(out) || s.tell(append([]byte{frameLarge}, out...))
}

// tell sends a frame, and waits until the parent has seen to it: what comes
// next must not be mistaken for what was before.
func (s *server) tell(frame []byte) bool {
	if s.wire.send(frame, nil, limit{}) != nil {
		return false
	}
	select {
	case <-s.goOn:
		return true
	case <-s.ended:
		return false
	}
}

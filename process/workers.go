package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/worker"
	"github.com/gothreading/threading/thread"
)

func init() { worker.Use(workers{}) }

// workers are the children of servers of package socketserver.
type workers struct{}

var _ worker.Processes = workers{}

// working is what they do.
var working = Register(work)

// A post is where one works.
type post struct {
	Order worker.Order
	Conn  *Conn[[]byte, []byte]
	Desk  *Memory // on which it counts the descriptors that it has received
}

func work(_ context.Context, p post) (struct{}, error) {
	signal.Ignore(os.Interrupt) // it goes to the whole group; the parent decides
	serve, found := worker.Find(p.Order.Handler)
	if !found {
		return struct{}{}, unregistered(p.Order.Handler)
	}
	serve(p.Order, &link{wire: p.Conn.w, desk: deskOf(p.Desk), counts: true})
	return struct{}{}, nil
}

func (workers) Supported() error {
	if !begun.Load() {
		panic(fmt.Errorf("%w: a server was to have Processes before it", ErrInit))
	}
	return Supported()
}

func (workers) Start(name string, o worker.Order) (worker.Worker, error) {
	one, other, err := Pipe[[]byte, []byte]()
	if err != nil {
		return nil, err
	}
	defer func() { _ = other.Close() }()
	desk, err := newDesk()
	if err != nil {
		_ = one.Close()
		return nil, err
	}
	child, err := Go(working, post{o, other, desk.memory}, Name(name), Daemon(true))
	if err != nil {
		_ = one.Close()
		desk.close()
		return nil, err
	}
	return &hand{link: link{wire: one.w, desk: desk}, child: child}, nil
}

func (workers) Encode(err error) []byte {
	if p, ok := err.(*thread.PanicError); ok {
		return encodeFailure(nil, p.Value, p.Stack)
	}
	return encodeFailure(err, nil, nil)
}

func (workers) Decode(data []byte) error { return failureOf(data) }

// A link is one end of a Pipe that carries descriptors of any kind.
type link struct {
	wire   *wire
	desk   *desk
	files  uint64 // that were sent, or received
	counts bool   // on the desk

	sending sync.Mutex
}

func (l *link) Send(message []byte, fd int) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	var with *luggage
	if fd >= 0 {
		l.files++
		with = &luggage{fds: []int{fd}}
	}
	return gone(l.wire.send(message, with, limit{try: true}))
}

func (l *link) Recv() (message []byte, fd int, err error) {
	message, with, err := l.wire.recv(limit{})
	if err != nil {
		return nil, -1, gone(err)
	}
	if with == nil || len(with.fds) != 1 {
		with.close()
		return message, -1, nil
	}
	if l.files++; l.counts {
		l.desk.begins.Store(l.files)
	}
	return message, with.fds[0], nil
}

func gone(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrClosedPipe) {
		return worker.ErrGone
	}
	return err
}

// A hand is a child that works.
type hand struct {
	link
	child *Process[struct{}]
}

func (h *hand) Taken() bool { return h.desk.begins.Load() == h.files }
func (h *hand) Kill()       { h.child.Kill() }

func (h *hand) End(patience time.Duration) error {
	_ = h.wire.close()
	if !h.child.JoinTimeout(patience) {
		h.child.Kill()
		h.child.Join()
	}
	h.desk.close()
	return h.child.c.exitError(h.child.c.failure)
}

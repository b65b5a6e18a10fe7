package socketserver

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/worker"
)

// A crew is the children of a server. Who handles a connection here hands it to one that is free, or that it starts, and
// waits for the report. There are as many places for handlers as there may be children, so there is one for each.
//
// # Death
//
// A child is one connection's at a time, or idle, and only whoever has it waits for it; so a dead one is met by the handler
// that has it, or by the next that takes it. The child counts on shared memory what it has received. If that is less
// than what was sent, the connection has met nothing of the handler, and another child gets it. This process keeps its own
// descriptor of the connection until the report has come, or the client would take the death for the end.
//
// # The end
//
// Each child holds up Join, from its start until it was waited for. Close sends away those that are idle, and the others
// follow when they have reported. Terminate tells a child, whether its connection has reached it or is on its way:
// assign and cut decide under the guard which of the two comes first.
type crew struct {
	server *Server
	cannot error // why there can be no children

	guard   park.Guard // of what follows
	closed  bool
	started uint64
	idle    []*hand // the one that was busy last is at the end
	busy    map[*Conn]*hand
	waiting park.List[struct{}] // handlers for which no child could be started, until one is idle
}

// A hand is a child.
type hand struct {
	worker.Worker
	doom *time.Timer // kills it; nil: it was not told to end
}

// A childFailure is an error of which the child has decided that OnError is to be told.
type childFailure struct{ error }

// patience is how long a handler may take after Terminate. It is a variable for tests.
var patience = time.Second

const (
	farewell = 2 * time.Second // how long a child may take to end that has nothing to do

	attempts = 3 // so many children may end in a row before they receive a connection
)

func newCrew(s *Server, c choices) *crew {
	return &crew{server: s, cannot: c.unsupported(), busy: make(map[*Conn]*hand)}
}

// handle handles a connection in a child.
func (cr *crew) handle(c *Conn) error {
	for attempt := 1; ; attempt++ {
		h, err := cr.hire(c)
		if err != nil {
			return err
		}
		err, again := cr.hand(c, h)
		if !again || attempt == attempts {
			return err
		}
	}
}

// hand hands a connection to a child, and returns what its handler came to, or reports that another child can have it.
func (cr *crew) hand(c *Conn, h *hand) (err error, again bool) {
	if !cr.assign(c, h) {
		cr.giveBack(h)
		return ErrTerminated, false
	}
	if err := h.send(c); err != nil && err != worker.ErrGone { // it knows nothing of the connection
		cr.unassign(c)
		cr.giveBack(h)
		return err, false
	}
	report, _, err := h.Recv()
	doomed := cr.unassign(c)
	if err == nil {
		cr.giveBack(h)
		return reported(report), false
	}
	again = !h.Taken() && !doomed
	exit := cr.bury(h)
	if doomed {
		exit = fmt.Errorf("%w (%w)", ErrTerminated, exit)
	}
	return childFailure{exit}, again
}

// send sends it the descriptor of a connection, which may be closed by now.
func (h *hand) send(c *Conn) (err error) {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	message := append([]byte{messageConn}, addrText(c.RemoteAddr())...)
	closed := raw.Control(func(fd uintptr) { err = h.Send(message, int(fd)) })
	return cmp.Or(closed, err)
}

// reported returns what a child says of a connection.
func reported(report []byte) error {
	if report[0] == reportDone {
		return nil
	}
	return childFailure{worker.Get().Decode(report[1:])}
}

// hire returns a child that is idle, or a new one. While none can be started it waits as long as an Accept would, but takes
// one that gets idle.
func (cr *crew) hire(c *Conn) (*hand, error) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		if h := cr.takeIdle(); h != nil {
			return h, nil
		}
		h, err := cr.start()
		if err == nil || !isForNow(err) {
			return h, err
		}
		cr.server.onError(nil, err)
		cr.pause(c, pause)
		if c.task.isTerminated() {
			return nil, ErrTerminated
		}
	}
}

func (cr *crew) takeIdle() *hand {
	cr.guard.Lock()
	defer cr.guard.Unlock()
	last := len(cr.idle) - 1
	if last < 0 {
		return nil
	}
	h := cr.idle[last]
	cr.idle[last] = nil
	cr.idle = cr.idle[:last]
	return h
}

func (cr *crew) start() (*hand, error) {
	s := cr.server
	cr.guard.Lock()
	cr.started++
	name := s.prefix + "-" + strconv.FormatUint(cr.started, 10)
	cr.guard.Unlock()
	s.hold()
	w, err := worker.Get().Start(name, worker.Order{
		Handler: s.handler.name, Name: s.prefix, Network: s.Addr().Network(), Addr: s.Addr().String(),
		Timeout: s.timeout, Daemon: s.daemon,
	})
	if err != nil {
		s.done()
		return nil, err
	}
	return &hand{Worker: w}, nil
}

// pause sleeps until a child is idle, for d at the longest, or until Terminate.
func (cr *crew) pause(c *Conn, d time.Duration) {
	left, _ := netwait.After(d).Park()
	w := waiters.Get(left)
	cr.guard.Lock()
	if len(cr.idle) > 0 || c.task.isTerminated() {
		cr.guard.Unlock()
	} else {
		cr.waiting.PushBack(w)
		w.Sleep(&cr.guard)
	}
	waiters.Put(w)
}

// assign makes a connection a child's, unless Terminate has come first.
func (cr *crew) assign(c *Conn, h *hand) bool {
	cr.guard.Lock()
	defer cr.guard.Unlock()
	if c.task.isTerminated() {
		return false
	}
	cr.busy[c] = h
	return true
}

// unassign is the end of that, and reports whether Terminate has come.
func (cr *crew) unassign(c *Conn) (doomed bool) {
	cr.guard.Lock()
	defer cr.guard.Unlock()
	h := cr.busy[c]
	delete(cr.busy, c)
	if h.doom == nil {
		return false
	}
	h.doom.Stop()
	return true
}

// cut is called by Terminate, when the context of the connection has ended.
func (cr *crew) cut(c *Conn) {
	cr.guard.Lock()
	h := cr.busy[c]
	if h != nil {
		h.doom = time.AfterFunc(patience, h.Kill)
	}
	var woken []*park.Waiter[struct{}]
	for w := cr.takeWaiter(); w != nil; w = cr.takeWaiter() {
		woken = append(woken, w)
	}
	cr.guard.Unlock()
	for _, w := range woken {
		w.Wake(park.Retry)
	}
	if h != nil {
		_ = h.Send([]byte{messageTerminate}, -1) // by now it may have reported, and be on its way out
	}
}

// giveBack makes a child idle, or sends it away.
func (cr *crew) giveBack(h *hand) {
	cr.guard.Lock()
	closed := cr.closed
	if !closed {
		cr.idle = append(cr.idle, h)
	}
	w := cr.takeWaiter()
	cr.guard.Unlock()
	if w != nil {
		w.Wake(park.Retry)
	}
	if closed {
		cr.bury(h)
	}
}

func (cr *crew) takeWaiter() *park.Waiter[struct{}] {
	w := cr.waiting.Front()
	if w != nil {
		cr.waiting.Remove(w)
	}
	return w
}

// stop sends away those that are idle, and lets none become idle again.
func (cr *crew) stop() {
	cr.guard.Lock()
	cr.closed = true
	idle := cr.idle
	cr.idle = nil
	cr.guard.Unlock()
	for _, h := range idle {
		go cr.bury(h)
	}
}

// bury waits for the end of a child that is no longer in use, and returns how it has ended.
func (cr *crew) bury(h *hand) error {
	defer cr.server.done()
	return h.End(farewell)
}

// unsupported returns why there can be no children, if there are to be any.
func (c *choices) unsupported() error {
	if c.handler == nil {
		return nil
	}
	if err := worker.Get().Supported(); err != nil {
		return fmt.Errorf("Processes: %w", err)
	}
	return nil
}

// canPass returns why connections cannot be passed on to children, as far as that is known before there is one.
func (s *Server) canPass() error {
	if s.crew == nil {
		return nil
	}
	if s.crew.cannot != nil {
		return fmt.Errorf("socketserver: %w", s.crew.cannot)
	}
	if of := fmt.Sprintf("%T", s.listener); of == "*tls.listener" {
		return cannotPass(of)
	}
	return nil
}

// checkConn returns why a connection cannot be passed on. What is over one of package net would be left behind.
func checkConn(c net.Conn) error {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
		return nil
	}
	return cannotPass(fmt.Sprintf("%T", c))
}

func cannotPass(what string) error {
	return fmt.Errorf("socketserver: Processes: %w: the descriptor of a connection of package net can be passed on, and this is a %s",
		errors.ErrUnsupported, what)
}

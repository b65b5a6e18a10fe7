package socketserver

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/thread"
)

// A service is what a Server and a PacketServer have in common: everything but what they receive.
//
// # Accepting
//
// Whoever accepts, a Serve or a HandleRequest, has the turn. So there is one deadline at a time to set on the socket, and
// at most one goroutine that waits for a place among the handlers. Others wait for the turn, each with its own limit; they
// would get nothing sooner by waiting at the socket. What was accepted is entered into the list of jobs under the
// guard, or refused there if the server has been closed meanwhile: from then on Join waits for it.
//
// No code of others runs in the turn but that of a foreign listener. What goes wrong is told after it was given back.
//
// # The end
//
// Over is opened by whoever comes last of these: the Close that closed the socket, every job, every child process, and the
// goroutine of a pump. The first is entered in busy when closed is set, a child while a job waits for it, the others
// before; nothing enters afterwards.
type service struct {
	choices
	input source

	turn    park.Exclusive // of those who accept
	closing park.Latch     // opened by Close
	over    park.Latch     // opened when the server is closed and nothing runs any more

	guard      park.Guard // of what follows
	closed     bool
	terminated bool
	finished   bool                // somebody is about to open over, or has
	busy       int                 // a Close, a pump, and child processes
	jobs       list.List           // of task
	places     int                 // how many more handlers may run
	place      park.List[struct{}] // whoever has the turn, while there is none
	stats      Stats
}

// A source is where tasks come from. Only whoever has the turn calls wait and try.
type source interface {
	wait(limit netwait.Limit) (task, error) // an error that netwait.GaveUp recognizes when it gave up
	try() (task, error)                     // nonblock.ErrWouldBlock if it would have to wait
	stop()                                  // ends a wait, and lets nobody wait any more
	finish()                                // when the last task has ended, or when they are cut off; perhaps twice
}

// A task is a connection or a packet that was accepted.
type task interface {
	job() *job
	name() string    // of its client
	serve() error    // runs the handler
	tell(err error)  // tells OnError
	close()          // after the handler
	cut()            // during the handler
	needsLook() bool // whether serve begins with a look that may reject it
}

// Stats are the numbers of a server at one moment. Accepted is always Open +
// Served.
type Stats struct {
	Open     int    // handlers that run
	Accepted uint64 // clients that were given to a handler
	Served   uint64 // handlers that have returned
	Failed   uint64 // handlers that have returned and were reported to OnError
	Rejected uint64 // connections that Verify rejected
}

// named counts the servers without a name.
var named atomic.Uint64

func (s *service) init(c choices, input source) {
	if c.prefix == "" {
		c.prefix = "Server-" + strconv.FormatUint(named.Add(1), 10)
	}
	s.choices, s.input, s.places = c, input, c.limit
}

var errGaveUp = errors.New("socketserver: gave up")

// Serve accepts clients and runs a handler for each in a thread of its own, until
// the server is closed: Python's serve_forever. It returns nil after Close or
// Terminate, also if that came first. An error of the socket that does not pass
// ends Serve and is returned; the server is not closed by it. Any number of Serve
// and HandleRequest may run at once.
func (s *service) Serve() error { return s.serve(context.Background()) }

// ServeContext is like Serve, and the end of ctx closes the server, also if ctx
// has ended before. Then it returns [context.Cause] of ctx, and handlers that run
// go on. Their contexts have the values of ctx, but do not end with it.
func (s *service) ServeContext(ctx context.Context) error {
	if s.isClosed() {
		return nil
	}
	if ctx.Err() != nil {
		s.close(false)
		return park.Cause(ctx)
	}
	mine := false
	stop := netwait.AfterFunc(ctx, func() { mine = s.close(false) })
	err := func() error {
		defer stop()
		return s.serve(ctx)
	}()
	if err == nil && mine {
		return park.Cause(ctx)
	}
	return err
}

func (s *service) serve(base context.Context) error {
	for {
		t, err := s.next(base, netwait.Forever)
		switch err {
		case nil:
			s.start(t, func() { s.run(t) })
		case ErrClosed:
			return nil
		default:
			return err
		}
	}
}

// start starts the thread of a task.
func (s *service) start(t task, run func()) {
	thread.New(run, thread.Name(strings.TrimSpace(s.prefix+" "+t.name())), thread.Daemon(s.daemon)).Start()
}

// HandleRequest accepts one client and handles it in the calling goroutine:
// Python's handle_request. It returns nil also if the handler failed, which is
// reported to OnError, or if Verify rejected the client; [ErrClosed] if the server
// is closed; and an error of the socket that does not pass. A panic of the handler
// is recovered, a runtime.Goexit goes on. With Limit, HandleRequest waits until a
// handler may run.
func (s *service) HandleRequest() error {
	return s.handleRequest(context.Background(), netwait.Forever)
}

// TryHandleRequest is like HandleRequest but does not wait for a client: it
// returns [ErrTimeout] if there is none, if no further handler may run, or if
// another goroutine is waiting for clients.
//
// On systems other than Linux, and with a listener or socket that is not one of
// package net, there is no way to look for a client. There TryHandleRequest begins
// to accept in the background, and a client that comes is handled by the next call
// that asks for one.
func (s *service) TryHandleRequest() error {
	t, err := s.tryNext()
	if err != nil {
		return err
	}
	s.run(t)
	return nil
}

// HandleRequestTimeout is like HandleRequest but waits for a client at most d, and
// then returns [ErrTimeout]. With d <= 0 it is TryHandleRequest; a d of
// math.MaxInt64 is forever. It is Python's handle_request of a server with the
// attribute timeout, and ErrTimeout stands for handle_timeout.
func (s *service) HandleRequestTimeout(d time.Duration) error {
	if d <= 0 {
		return s.TryHandleRequest()
	}
	return s.handleRequest(context.Background(), netwait.After(d))
}

// HandleRequestContext is like HandleRequest but gives up waiting for a client
// when ctx ends, and then returns [context.Cause] of ctx. The context of the
// handler has the values of ctx, but does not end with it.
func (s *service) HandleRequestContext(ctx context.Context) error {
	if ctx.Err() != nil && !s.isClosed() {
		return park.Cause(ctx)
	}
	return s.handleRequest(ctx, netwait.Until(ctx))
}

func (s *service) handleRequest(base context.Context, limit netwait.Limit) error {
	t, err := s.next(base, limit)
	if err == errGaveUp {
		return limit.Cause(ErrTimeout)
	}
	if err != nil {
		return err
	}
	s.run(t)
	return nil
}

// Close makes the server accept no more clients. Handlers that run go on. A second
// Close does nothing.
func (s *service) Close() { s.close(false) }

// Terminate is Close, and ends the context of every handler with the cause
// [ErrTerminated] and closes its connection. It does not wait for the handlers.
func (s *service) Terminate() { s.close(true) }

// Join waits until the server is closed and all handlers have returned. Unlike
// that of a pool, it may be called before Close. It panics with
// [thread.ErrJoinSelf] in a handler.
func (s *service) Join() {
	s.checkJoin()
	s.over.Wait()
}

// JoinTimeout is like Join but waits at most d, and reports whether the server is
// closed and all handlers have returned. With d <= 0 it does not wait; a d of
// math.MaxInt64 is forever.
func (s *service) JoinTimeout(d time.Duration) bool {
	s.checkJoin()
	return s.over.WaitTimeout(d)
}

// JoinContext is like Join but gives up when ctx ends, and then returns
// [context.Cause] of ctx.
func (s *service) JoinContext(ctx context.Context) error {
	s.checkJoin()
	return s.over.WaitContext(ctx)
}

// Shutdown is Close and Join: Python's shutdown and server_close. What a handler
// has written when it returns reaches the client. Shutdown panics with
// [thread.ErrJoinSelf] in a handler, and closes nothing then.
func (s *service) Shutdown() {
	s.checkJoin()
	s.close(false)
	s.over.Wait()
}

// ShutdownTimeout is like Shutdown but waits at most d. If handlers run even then,
// it calls Terminate and returns false at once; JoinTimeout waits for handlers
// that are on their way out. With d <= 0 it does not wait.
func (s *service) ShutdownTimeout(d time.Duration) bool {
	s.checkJoin()
	s.close(false)
	if s.over.WaitTimeout(d) {
		return true
	}
	s.close(true)
	return false
}

// ShutdownContext is like Shutdown but waits until ctx ends. If handlers run even
// then, it calls Terminate and returns [context.Cause] of ctx at once; so it does
// if ctx has ended before.
func (s *service) ShutdownContext(ctx context.Context) error {
	s.checkJoin()
	s.close(false)
	err := s.over.WaitContext(ctx)
	if err != nil {
		s.close(true)
	}
	return err
}

// Stats returns the server's numbers at one moment.
func (s *service) Stats() Stats {
	s.guard.Lock()
	defer s.guard.Unlock()
	return s.stats
}

func (s *service) isClosed() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	return s.closed
}

// orClosed returns err, unless the server is closed.
func (s *service) orClosed(err error) error {
	if s.isClosed() {
		return ErrClosed
	}
	return err
}

// close is Close or Terminate, and reports whether it was the one that closed.
func (s *service) close(terminate bool) (first bool) {
	s.guard.Lock()
	first = !s.closed
	s.closed = true
	if first {
		s.busy++
	}
	w := s.takeWaiter()
	terminate = terminate && !s.terminated
	var cut []task
	if terminate {
		s.terminated = true
		for e := s.jobs.Front(); e != nil; e = e.Next() {
			cut = append(cut, e.Value.(task))
		}
	}
	s.guard.Unlock()
	if w != nil {
		w.Wake(park.Retry)
	}
	s.closing.Open()
	if first {
		defer s.done()
		defer s.input.stop()
	}
	if terminate {
		defer s.input.finish()
	}
	cutAll(cut)
	return first
}

// cutAll cuts tasks off, all of them, even if the Close of a connection panics: then it goes on afterwards.
func cutAll(tasks []task) {
	for i, t := range tasks {
		returned := false
		func() {
			defer func() {
				if !returned {
					cutAll(tasks[i+1:])
				}
			}()
			t.job().end(ErrTerminated)
			t.cut()
			returned = true
		}()
	}
}

// checkJoin panics in a handler.
func (s *service) checkJoin() {
	id := goid.Get()
	s.guard.Lock()
	defer s.guard.Unlock()
	for e := s.jobs.Front(); e != nil; e = e.Next() {
		if e.Value.(task).job().goroutine == id {
			panic(thread.ErrJoinSelf)
		}
	}
}

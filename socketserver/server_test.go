package socketserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

var errWhy = errors.New("why")

func TestCloseAtAnyTime(t *testing.T) {
	none := func(*socketserver.Conn) error { t.Error("called"); return nil }
	t.Run("before Serve", func(t *testing.T) {
		for _, end := range []func(*socketserver.Server){
			(*socketserver.Server).Close, (*socketserver.Server).Terminate, (*socketserver.Server).Shutdown,
		} {
			s := listen(t, "tcp", none, quiet(t))
			for range 2 {
				end(s)
				if err := s.Serve(); err != nil {
					t.Error(err)
				}
				if err := s.ServeContext(t.Context()); err != nil {
					t.Error(err)
				}
				s.Join()
			}
			if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
				_ = c.Close()
				t.Error("somebody listens")
			}
		}
	})
	t.Run("during accept", func(t *testing.T) {
		for range proof.Rounds(1000, 10, 5) {
			s := listen(t, "tcp", none, quiet(t))
			over := serve(t, s)
			if rare := s.Addr().(*net.TCPAddr).Port%8 == 0; rare {
				runtime.Gosched()
			}
			go s.Close()
			s.Close()
			if err := <-over; err != nil {
				t.Error(err)
			}
			s.Join()
		}
	})
	t.Run("while it waits for a place", func(t *testing.T) {
		inside, goOn := make(chan struct{}), make(chan struct{})
		s := listen(t, "tcp", func(*socketserver.Conn) error { inside <- struct{}{}; <-goOn; return nil }, socketserver.Limit(1), quiet(t))
		over := serve(t, s)
		dial(t, s)
		<-inside
		s.Close()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if s.JoinTimeout(0) {
			t.Error("a handler runs")
		}
		close(goOn)
		s.Join()
	})
}

// Join waits for Close, and then for the handlers; its other forms likewise.
func TestJoinWaitsForCloseAndTheHandlers(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	s := listen(t, "tcp", func(*socketserver.Conn) error { inside <- struct{}{}; <-goOn; return nil }, quiet(t))
	serve(t, s)
	joined := make(chan string)
	join := func(name string, f func()) {
		go func() {
			f()
			joined <- name
		}()
	}
	join("Join", s.Join)
	join("JoinTimeout", func() {
		if !s.JoinTimeout(hang) {
			t.Error("JoinTimeout")
		}
	})
	join("JoinTimeout forever", func() {
		if !s.JoinTimeout(math.MaxInt64) {
			t.Error("JoinTimeout")
		}
	})
	join("JoinContext", func() {
		if err := s.JoinContext(t.Context()); err != nil {
			t.Error(err)
		}
	})
	nobody := func(when string) {
		t.Helper()
		select {
		case name := <-joined:
			t.Errorf("%s returned %s", name, when)
		default:
		}
		for _, d := range []time.Duration{0, -1, math.MinInt64, time.Millisecond} {
			if s.JoinTimeout(d) {
				t.Errorf("JoinTimeout(%v) reports the end %s", d, when)
			}
		}
		for name, ended := range proof.EndedContexts(errWhy) {
			ctx, want := ended(t)
			if err := s.JoinContext(ctx); err != want {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	nobody("before Close")
	dial(t, s)
	<-inside
	nobody("before Close")
	s.Close()
	nobody("while a handler runs")
	close(goOn)
	for range 4 {
		<-joined
	}
	if !s.JoinTimeout(0) || s.JoinContext(t.Context()) != nil {
		t.Error("all is over")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errWhy)
	if err := s.JoinContext(ctx); err != errWhy {
		t.Error("a context that has ended comes first:", err)
	}
}

// A handler may end its own server.
func TestAHandlerMayCloseAndTerminate(t *testing.T) {
	for _, end := range []func(*socketserver.Server){(*socketserver.Server).Close, (*socketserver.Server).Terminate} {
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			end(c.Server())
			_, err := io.WriteString(c, "bye")
			return err
		}, quiet(t))
		over := serve(t, s)
		c := dial(t, s)
		_, _ = io.ReadAll(c)
		if err := <-over; err != nil {
			t.Error(err)
		}
		s.Join()
		if got := s.Stats(); got != (socketserver.Stats{Accepted: 1, Served: 1}) {
			t.Errorf("%+v", got)
		}
	}
}

func TestAWaitForOneselfPanics(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	told := new(log)
	check := func(s interface {
		Join()
		JoinTimeout(time.Duration) bool
		JoinContext(context.Context) error
		Shutdown()
		ShutdownTimeout(time.Duration) bool
		ShutdownContext(context.Context) error
		Stats() socketserver.Stats
	}) {
		for _, f := range []func(){
			s.Join, func() { s.JoinTimeout(0) }, func() { s.JoinTimeout(hang) }, func() { _ = s.JoinContext(ended) },
			s.Shutdown, func() { s.ShutdownTimeout(0) }, func() { _ = s.ShutdownContext(ended) },
		} {
			wantPanic(t, thread.ErrJoinSelf, f)
		}
		if s.Stats().Open != 1 {
			t.Errorf("%+v", s.Stats())
		}
	}
	var s *socketserver.Server
	s = listen(t, "tcp", func(c *socketserver.Conn) error {
		check(c.Server())
		return errWhy
	}, socketserver.OnError(func(c *socketserver.Conn, err error) {
		told.guard.Lock()
		told.errs = append(told.errs, err)
		told.guard.Unlock()
		check(c.Server())
	}), socketserver.Verify(func(net.Conn) bool {
		wantPanic(t, thread.ErrJoinSelf, s.Join)
		return true
	}))
	dial(t, s)
	if err := s.HandleRequest(); err != nil {
		t.Error(err)
	}
	serve(t, s) // which has not been closed
	dial(t, s)
	waitFor(t, "two errors", func() bool { return len(told.all()) == 2 })
	s.Shutdown()

	var u *socketserver.PacketServer
	u = listenPacket(t, "udp", func(*socketserver.Packet) error { check(u); return nil }, quiet(t))
	dial(t, u).say(t, "x")
	if err := u.HandleRequest(); err != nil {
		t.Error(err)
	}
	u.Shutdown() // outside of the handler all is well
}

// The end of ctx closes, and returns the cause; handlers go on, and keep the values.
func TestServeContext(t *testing.T) {
	for name, ending := range proof.EndingContexts(errWhy) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some take seconds
			inside, goOn := make(chan struct{}), make(chan struct{})
			var handlers context.Context
			s := listen(t, "tcp", func(c *socketserver.Conn) error {
				handlers = c.Context()
				inside <- struct{}{}
				<-goOn
				return c.Context().Err()
			}, quiet(t))
			ctx, end := ending.New()
			over := make(chan error)
			go func() { over <- s.ServeContext(ctx) }()
			if !strings.Contains(name, "deadline") { // which may be over before
				c := dial(t, s)
				<-inside
				defer c.hearEnd(t)
			}
			end()
			if err := <-over; err != ending.Want {
				t.Errorf("%v, want %v", err, ending.Want)
			}
			if err := s.HandleRequest(); err != socketserver.ErrClosed {
				t.Error(err)
			}
			if handlers != nil && handlers.Err() != nil {
				t.Error("a handler's context has ended")
			}
			close(goOn)
			s.Join()
			if handlers != nil && context.Cause(handlers) != context.Canceled {
				t.Error("the handler has returned:", context.Cause(handlers))
			}
		})
	}
	for name, ended := range proof.EndedContexts(errWhy) {
		t.Run("ended before: "+name, func(t *testing.T) {
			s := listen(t, "tcp", echo, quiet(t))
			ctx, want := ended(t)
			if err := s.ServeContext(ctx); err != want {
				t.Errorf("%v, want %v", err, want)
			}
			s.Join()
			if err := s.ServeContext(ctx); err != nil {
				t.Error("that it is closed comes first:", err)
			}
		})
	}
	t.Run("somebody else closes", func(t *testing.T) {
		s := listen(t, "tcp", echo, quiet(t))
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 2)
		for range 2 {
			go func() { over <- s.ServeContext(ctx) }()
		}
		dial(t, s).hearNothing(t, s)
		s.Close()
		for range 2 {
			if err := <-over; err != nil {
				t.Error(err)
			}
		}
		cancel()
	})
	t.Run("a context without an Err", func(t *testing.T) {
		s := listen(t, "tcp", echo, quiet(t))
		ctx := lateErr{context.Background(), make(chan struct{})}
		over := make(chan error, 1)
		go func() { over <- s.ServeContext(ctx) }()
		close(ctx.done)
		if err := <-over; err != context.Canceled {
			t.Error(err)
		}
	})
}

// A lateErr has ended, and has no error yet.
type lateErr struct {
	context.Context
	done chan struct{}
}

func (l lateErr) Done() <-chan struct{} { return l.done }

// hearNothing lets a connection be accepted and closed.
func (c client) hearNothing(t *testing.T, s *socketserver.Server) {
	t.Helper()
	waitFor(t, "a connection", func() bool { return s.Stats().Accepted > 0 })
	_ = c.Close()
}

func TestTheContextOfAHandler(t *testing.T) {
	type key struct{}
	var first, after context.Context
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		first = c.Context()
		if first.Err() != nil || first.Value(key{}) != "value" || c.Context() != first {
			t.Error(first)
		}
		if _, ok := first.Deadline(); ok {
			t.Error("it has the deadline of another")
		}
		return nil
	}, quiet(t))
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), hang)
	defer cancel()
	dial(t, s)
	if err := s.HandleRequestContext(ctx); err != nil {
		t.Fatal(err)
	}
	if context.Cause(first) != context.Canceled {
		t.Error("the handler has returned:", context.Cause(first))
	}
	var conn *socketserver.Conn
	s2 := listen(t, "tcp", func(c *socketserver.Conn) error { conn = c; return nil }, quiet(t))
	dial(t, s2)
	if err := s2.HandleRequest(); err != nil {
		t.Fatal(err)
	}
	if after = conn.Context(); context.Cause(after) != context.Canceled {
		t.Error("it was asked for late:", context.Cause(after))
	}
}

func TestTerminateCutsOff(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		const n = 20
		var inside sync.WaitGroup
		inside.Add(n)
		ctxs := make(chan context.Context, n)
		s := listen(t, network, func(c *socketserver.Conn) error {
			if c.Server().Stats().Open%2 == 0 {
				ctxs <- c.Context()
			} else {
				defer func() { ctxs <- c.Context() }()
			}
			inside.Done()
			_, err := c.Read(make([]byte, 1))
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			return errors.Join(err, c.Context().Err())
		}, quiet(t))
		over := serve(t, s)
		var clients []client
		for range n {
			clients = append(clients, dial(t, s))
		}
		inside.Wait()
		s.Terminate()
		s.Terminate()
		s.Join()
		if err := <-over; err != nil {
			t.Error(err)
		}
		for range n {
			ctx := <-ctxs
			if cause := context.Cause(ctx); cause != socketserver.ErrTerminated {
				t.Error(cause)
			}
		}
		for _, c := range clients {
			c.hearEnd(t)
		}
		if got := s.Stats(); got != (socketserver.Stats{Accepted: n, Served: n}) {
			t.Errorf("%+v", got)
		}
	}
}

func TestShutdownIsGracefulAndThenCuts(t *testing.T) {
	for name, c := range map[string]struct {
		shutdown func(*socketserver.Server) error
		want     error
	}{
		"ShutdownTimeout": {func(s *socketserver.Server) error {
			if s.ShutdownTimeout(20 * time.Millisecond) {
				return nil
			}
			return errWhy
		}, errWhy},
		"ShutdownTimeout(0)": {func(s *socketserver.Server) error {
			if s.ShutdownTimeout(0) {
				return nil
			}
			return errWhy
		}, errWhy},
		"ShutdownContext": {func(s *socketserver.Server) error {
			ctx, cancel := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, errWhy)
			defer cancel()
			return s.ShutdownContext(ctx)
		}, errWhy},
		"ShutdownContext that has ended": {func(s *socketserver.Server) error {
			ctx, cancel := context.WithCancelCause(context.Background())
			cancel(errWhy)
			return s.ShutdownContext(ctx)
		}, errWhy},
		"ShutdownContext without an Err": {func(s *socketserver.Server) error {
			ctx := lateErr{context.Background(), make(chan struct{})}
			close(ctx.done)
			return s.ShutdownContext(ctx)
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			inside, goOn := make(chan struct{}), make(chan struct{})
			s := listen(t, "tcp", func(c *socketserver.Conn) error {
				inside <- struct{}{}
				<-goOn // and minds no context
				_, err := c.Write([]byte("late"))
				return err
			}, quiet(t))
			serve(t, s)
			dial(t, s)
			<-inside
			if err := c.shutdown(s); err != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
			if s.JoinTimeout(0) {
				t.Error("a handler is on its way out")
			}
			close(goOn)
			if !s.JoinTimeout(hang) {
				t.Error("JoinTimeout")
			}
		})
	}
	for name, shutdown := range map[string]func(*socketserver.Server) bool{
		"Shutdown":                func(s *socketserver.Server) bool { s.Shutdown(); return true },
		"ShutdownTimeout":         func(s *socketserver.Server) bool { return s.ShutdownTimeout(hang) },
		"ShutdownTimeout forever": func(s *socketserver.Server) bool { return s.ShutdownTimeout(math.MaxInt64) },
		"ShutdownContext":         func(s *socketserver.Server) bool { return s.ShutdownContext(context.Background()) == nil },
	} {
		t.Run(name+" in time", func(t *testing.T) {
			s := listen(t, "tcp", echo, quiet(t))
			serve(t, s)
			c := dial(t, s)
			c.say(t, "one\n")
			c.hear(t, "one\n")
			over := make(chan bool)
			go func() { over <- shutdown(s) }()
			for { // until nobody can connect any more
				other, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					break
				}
				_ = other.Close()
			}
			c.say(t, "two\n")
			c.hear(t, "two\n")
			_ = c.Close()
			if !<-over {
				t.Error("somebody was cut off")
			}
		})
	}
	t.Run("of nobody", func(t *testing.T) {
		if s := listen(t, "tcp", echo, quiet(t)); !s.ShutdownTimeout(0) {
			t.Error("ShutdownTimeout(0)")
		}
		s := listen(t, "tcp", echo, quiet(t))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errWhy)
		if err := s.ShutdownContext(ctx); err != errWhy {
			t.Error(err)
		}
		s.Join()
	})
}

func TestHandleRequest(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			served := 0
			me := thread.Current().Ident()
			s := listen(t, network, func(c *socketserver.Conn) error {
				served++
				if thread.Current().Ident() != me {
					t.Error("not in the caller")
				}
				return echo(c)
			}, quiet(t))
			times := []time.Duration{0, -1, math.MinInt64, 1, time.Millisecond}
			for _, d := range times {
				if err := s.HandleRequestTimeout(d); err != socketserver.ErrTimeout || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v: %v", d, err)
				}
			}
			if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
				t.Error(err)
			}
			for name, ended := range proof.EndedContexts(errWhy) {
				ctx, want := ended(t)
				if err := s.HandleRequestContext(ctx); err != want {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errWhy)
			defer cancel()
			if err := s.HandleRequestContext(ctx); err != errWhy {
				t.Error(err)
			}
			late := lateErr{context.Background(), make(chan struct{})}
			close(late.done)
			if err := s.HandleRequestContext(late); err != context.Canceled {
				t.Error(err)
			}
			for i, handle := range []func() error{
				s.HandleRequest, s.TryHandleRequest, func() error { return s.HandleRequestTimeout(0) },
				func() error { return s.HandleRequestTimeout(hang) },
				func() error { return s.HandleRequestTimeout(math.MaxInt64) },
				func() error { return s.HandleRequestContext(t.Context()) },
			} {
				c := dial(t, s)
				c.say(t, "line\n")
				halfClose(c)
				if err := retry(handle); err != nil {
					t.Error(i, err)
				}
				c.hear(t, "line\n")
				c.hearEnd(t)
				if served != i+1 {
					t.Errorf("%d served, want %d", served, i+1)
				}
			}
			wantStats(t, s, socketserver.Stats{Accepted: 6, Served: 6})
			s.Close()
			for _, err := range []error{
				s.HandleRequest(), s.TryHandleRequest(), s.HandleRequestTimeout(0), s.HandleRequestTimeout(hang), s.HandleRequestContext(t.Context()),
			} {
				if err != socketserver.ErrClosed {
					t.Error(err)
				}
			}
		})
	}
}

// retry calls a handle that does not wait until the client has got through to the server.
func retry(handle func() error) (err error) {
	for start := time.Now(); time.Since(start) < hang; {
		if err = handle(); err != socketserver.ErrTimeout {
			break
		}
	}
	return err
}

func halfClose(c client) { _ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

func TestCloseEndsAHandleRequestThatWaits(t *testing.T) {
	s := listen(t, "tcp", echo, quiet(t))
	over := make(chan error)
	const n = 4
	for i := range n {
		go func() {
			over <- []func() error{
				s.HandleRequest, func() error { return s.HandleRequestTimeout(hang) },
				func() error { return s.HandleRequestContext(context.Background()) },
				func() error { return s.HandleRequestContext(t.Context()) },
			}[i]()
		}()
	}
	time.Sleep(time.Millisecond)
	s.Close()
	for range n {
		if err := <-over; err != socketserver.ErrClosed {
			t.Error(err)
		}
	}
}

// Any number may serve at once, with and without limits, and none is cut short by another's deadline.
func TestManyAcceptAtOnce(t *testing.T) {
	defer proof.Watch(t)()
	s := listen(t, "tcp", echo, quiet(t))
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if err := s.Serve(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			for {
				if err := s.HandleRequest(); err == socketserver.ErrClosed {
					return
				} else if err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for i := 0; ; i++ {
				err := s.HandleRequestTimeout(time.Duration(i%50) * time.Microsecond)
				if err == socketserver.ErrClosed {
					return
				} else if err != nil && err != socketserver.ErrTimeout {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				err := s.HandleRequestContext(ctx)
				if err == socketserver.ErrClosed {
					return
				} else if err != nil && err != context.Canceled {
					t.Error(err)
				}
			}
		})
	}
	n := proof.Rounds(3000, 10, 6)
	for i := range n {
		c := dial(t, s)
		c.say(t, fmt.Sprintln(i))
		c.hear(t, fmt.Sprintln(i))
		_ = c.Close()
	}
	s.Shutdown()
	all.Wait()
	if got := s.Stats(); got != (socketserver.Stats{Accepted: uint64(n), Served: uint64(n)}) {
		t.Errorf("%+v of %d", got, n)
	}
}

func TestLimit(t *testing.T) {
	for _, limit := range []int{1, 3} {
		var now, most atomic.Int32
		s := listen(t, "tcp", func(c *socketserver.Conn) error {
			n := now.Add(1)
			defer now.Add(-1)
			for {
				if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
					break
				}
			}
			return echo(c)
		}, socketserver.Limit(limit), quiet(t))
		serve(t, s)
		var inside []client
		for range limit {
			c := dial(t, s)
			c.say(t, "x\n")
			c.hear(t, "x\n")
			inside = append(inside, c)
		}
		if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
			t.Error(err)
		}
		if err := s.HandleRequestTimeout(time.Millisecond); err != socketserver.ErrTimeout {
			t.Error(err)
		}
		var outside []client
		for range 5 {
			c := dial(t, s) // the backlog takes it
			c.say(t, "y\n")
			outside = append(outside, c)
		}
		if got := s.Stats().Open; got != limit {
			t.Errorf("%d are open, want %d", got, limit)
		}
		for _, c := range inside {
			_ = c.Close()
		}
		for _, c := range outside {
			c.hear(t, "y\n")
			_ = c.Close()
		}
		s.Shutdown()
		if int(most.Load()) != limit {
			t.Errorf("%d at once, want %d", most.Load(), limit)
		}
	}
}

// HandleRequest takes a place too, and gives it back however the handler ends.
func TestHandleRequestCountsUnderLimit(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	how := "wait"
	told := new(log)
	s := listen(t, "tcp", func(*socketserver.Conn) error {
		switch how {
		case "panic":
			panic(errWhy)
		case "exit":
			runtime.Goexit()
		case "wait":
			inside <- struct{}{}
			<-goOn
		}
		return nil
	}, socketserver.Limit(1), told.option())
	dial(t, s)
	over := make(chan error)
	go func() { over <- s.HandleRequest() }()
	<-inside
	dial(t, s)
	if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
		t.Error(err)
	}
	if err := s.HandleRequestTimeout(time.Millisecond); err != socketserver.ErrTimeout {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errWhy)
	defer cancel()
	if err := s.HandleRequestContext(ctx); err != errWhy {
		t.Error(err)
	}
	late := lateErr{context.Background(), make(chan struct{})}
	close(late.done)
	if err := s.HandleRequestContext(late); err != context.Canceled {
		t.Error(err)
	}
	close(goOn)
	if err := <-over; err != nil {
		t.Error(err)
	}
	for _, how = range []string{"panic", "exit", "return"} {
		dial(t, s)
		ended := make(chan bool)
		go func() {
			returned := false
			defer func() { ended <- returned }()
			if err := s.HandleRequest(); err != nil {
				t.Error(err)
			}
			returned = true
		}()
		if returned := <-ended; returned != (how != "exit") {
			t.Errorf("%s: HandleRequest returned: %t", how, returned)
		}
	}
	var p *thread.PanicError
	if errs := told.all(); len(errs) != 2 || !errors.As(errs[0], &p) || p.Value != errWhy || errs[1] != thread.ErrGoexit {
		t.Error(errs)
	}
	wantStats(t, s, socketserver.Stats{Accepted: 4, Served: 4, Failed: 2})
}

func TestVerify(t *testing.T) {
	refuse := atomic.Bool{}
	told := new(log)
	s := listen(t, "tcp", echo, socketserver.Limit(1), told.option(), socketserver.Verify(func(c net.Conn) bool {
		if _, ok := c.(*net.TCPConn); !ok {
			t.Errorf("%T", c)
		}
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			t.Error(err)
		}
		switch b[0] {
		case 'p':
			panic(errWhy)
		case 'x':
			runtime.Goexit()
		}
		return !refuse.Load()
	}))
	serve(t, s)
	good := func() {
		t.Helper()
		c := dial(t, s)
		c.say(t, "vhello\n")
		c.hear(t, "hello\n")
		_ = c.Close()
	}
	bad := func(text string) {
		t.Helper()
		c := dial(t, s)
		c.say(t, text)
		c.hearEnd(t)
	}
	good()
	refuse.Store(true)
	bad("v")
	refuse.Store(false)
	bad("p")
	bad("x")
	good()
	wantStats(t, s, socketserver.Stats{Accepted: 2, Served: 2, Rejected: 3})
	var p *thread.PanicError
	if errs := told.all(); len(errs) != 2 || !errors.As(errs[0], &p) || p.Value != errWhy || errs[1] != thread.ErrGoexit || told.conns[0] == nil {
		t.Error(errs)
	}
	refuse.Store(true)
	s2 := listen(t, "tcp", echo, socketserver.Verify(func(net.Conn) bool { return false }), quiet(t))
	c := dial(t, s2)
	if err := s2.HandleRequest(); err != nil {
		t.Error(err)
	}
	c.hearEnd(t)
	wantStats(t, s2, socketserver.Stats{Rejected: 1})
}

// A Verify that takes its time holds up nobody, and Terminate cuts it off too.
func TestASlowVerifyHoldsUpNobody(t *testing.T) {
	stuck := make(chan net.Conn)
	s := listen(t, "tcp", echo, quiet(t), socketserver.Verify(func(c net.Conn) bool {
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			stuck <- c
			return false
		}
		return true
	}))
	serve(t, s)
	slow := dial(t, s)
	c := dial(t, s)
	c.say(t, "vhello\n")
	c.hear(t, "hello\n")
	if s.Stats() != (socketserver.Stats{Open: 1, Accepted: 1}) {
		t.Errorf("%+v", s.Stats())
	}
	s.Terminate()
	<-stuck
	s.Join()
	slow.hearEnd(t)
	if s.Stats() != (socketserver.Stats{Accepted: 1, Served: 1, Rejected: 1}) {
		t.Errorf("%+v", s.Stats())
	}
}

// What is an end, and what is a failure.
func TestEndsAreNotFailures(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("wrapped: %w", err) }
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for _, c := range []struct {
		err    error
		failed bool
	}{
		{nil, false}, {io.EOF, false}, {wrap(io.EOF), false}, {net.ErrClosed, false}, {socketserver.ErrTerminated, false},
		{reset, false}, {wrap(reset), false}, {syscall.EPIPE, false}, {io.ErrClosedPipe, false},
		{errors.Join(io.EOF, reset), false},
		{errWhy, true}, {wrap(errWhy), true}, {io.ErrUnexpectedEOF, true}, {os.ErrDeadlineExceeded, true}, {context.Canceled, true},
		{errors.Join(io.EOF, errWhy), true}, {fmt.Errorf("%w: %w", errWhy, io.EOF), true}, {syscall.EINVAL, true},
		{&thread.PanicError{Value: io.EOF}, true}, {wrap(&thread.PanicError{Value: io.EOF}), true}, {errors.Join(), false},
	} {
		told := new(log)
		s := listen(t, "tcp", func(*socketserver.Conn) error { return c.err }, told.option())
		dial(t, s)
		if err := s.HandleRequest(); err != nil {
			t.Error(err)
		}
		if errs := told.all(); (len(errs) > 0) != c.failed || c.failed && (errs[0] != c.err || told.conns[0] == nil) {
			t.Errorf("%v: told of %v", c.err, errs)
		}
		if got := s.Stats().Failed > 0; got != c.failed {
			t.Errorf("%v: failed %t", c.err, got)
		}
		s.Close()
	}
}

// Errors of others, whose methods panic.
type hostile struct{ error }

func (hostile) Is(error) bool { panic("Is") }

// Whatever panics or exits at the end of a handler, the connection is closed, and counted, and its place is free.
func TestNothingOfTheEndIsLeftOut(t *testing.T) {
	defer thread.SetExceptHook(thread.SetExceptHook(func(*thread.Thread, *thread.PanicError) {}))
	var how atomic.Value
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		switch how.Load() {
		case "hostile":
			return hostile{errWhy}
		case "closes":
			_ = c.Close()
			return nil
		}
		return errWhy
	}, socketserver.Limit(1), socketserver.OnError(func(*socketserver.Conn, error) {
		switch how.Load() {
		case "panics":
			panic(errWhy)
		case "exits":
			runtime.Goexit()
		}
	}))
	over := serve(t, s)
	n := uint64(0)
	for _, h := range []string{"hostile", "panics", "exits", "closes", "fails"} {
		how.Store(h)
		dial(t, s).hearEnd(t)
		n++
		waitFor(t, "the end of one", func() bool { return s.Stats().Served == n && s.Stats().Open == 0 })
	}
	s.Shutdown()
	<-over
	if got := s.Stats(); got.Accepted != n || got.Failed < 3 {
		t.Errorf("%+v", got)
	}
	// In HandleRequest it goes on in the caller.
	s2 := listen(t, "tcp", func(*socketserver.Conn) error { return errWhy }, socketserver.Limit(1),
		socketserver.OnError(func(*socketserver.Conn, error) { panic(errWhy) }))
	for range 2 {
		c := dial(t, s2)
		if v := proof.Recovered(func() { _ = s2.HandleRequest() }); v != errWhy {
			t.Error(v)
		}
		c.hearEnd(t)
	}
	s2.Shutdown()
}

func TestAHandlerIsAThread(t *testing.T) {
	var local thread.Local[int]
	names := make(chan string, 1)
	profile := make(chan string, 1)
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		me := thread.Current()
		if local.Get() != 0 || !me.Daemon() || !me.IsAlive() {
			t.Error(me)
		}
		local.Set(1)
		var labels strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&labels, 1)
		profile <- labels.String()
		names <- me.Name()
		return nil
	}, socketserver.Name("phone"), quiet(t))
	serve(t, s)
	for range 2 {
		c := dial(t, s)
		want := "phone " + c.LocalAddr().String()
		if labels := <-profile; !strings.Contains(labels, want) {
			t.Error("no label", want)
		}
		if got := <-names; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		c.hearEnd(t)
	}
	automatic := make(chan string, 1)
	s2 := listen(t, "unix", func(*socketserver.Conn) error { automatic <- thread.Current().Name(); return nil }, socketserver.Name(""), quiet(t))
	serve(t, s2)
	dial(t, s2)
	if got := <-automatic; !strings.HasPrefix(got, "Server-") || strings.HasSuffix(got, " ") {
		t.Errorf("%q", got)
	}
	daemons := make(chan bool, 1)
	s3 := listen(t, "tcp", func(*socketserver.Conn) error { daemons <- thread.Current().Daemon(); return nil }, socketserver.Daemon(false), quiet(t))
	serve(t, s3)
	dial(t, s3)
	if <-daemons {
		t.Error("Daemon(false) is a daemon")
	}
}

// The except hook hears of nothing: OnError does.
func TestTheExceptHookIsLeftAlone(t *testing.T) {
	defer thread.SetExceptHook(thread.SetExceptHook(func(_ *thread.Thread, p *thread.PanicError) { t.Error(p) }))
	told := new(log)
	s := listen(t, "tcp", func(*socketserver.Conn) error { panic("x") }, told.option())
	serve(t, s)
	dial(t, s).hearEnd(t)
	s.Shutdown()
	var p *thread.PanicError
	if errs := told.all(); len(errs) != 1 || !errors.As(errs[0], &p) || p.Value != "x" || !strings.Contains(string(p.Stack), "TestTheExceptHookIsLeftAlone") {
		t.Error(errs)
	}
}

// 5 ms, twice as long each time up to a second, and never the end.
func TestWhatHasRunOutIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		told := new(log)
		s := socketserver.New(m, echo, told.option())
		over := serve(t, s)
		scarce := []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}
		for round := range 2 {
			last := time.Now()
			for i := range 12 {
				m.fail(&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", scarce[i%4])})
				want := min(5*time.Millisecond<<max(i-1, 0), time.Second)
				if i == 0 {
					want = 0
				}
				if passed := time.Since(last); passed != want {
					t.Errorf("round %d: accepted after %v, want %v", round, passed, want)
				}
				last = time.Now()
			}
			c := m.dial()
			go io.WriteString(c, "hello\n")
			buf := make([]byte, 6)
			if _, err := io.ReadFull(c, buf); string(buf) != "hello\n" || err != nil {
				t.Error(buf, err)
			}
			_ = c.Close()
		}
		if errs := told.all(); len(errs) != 24 || !errors.Is(errs[0], syscall.EMFILE) || told.conns[0] != nil {
			t.Error(len(errs), errs)
		}
		m.fail(syscall.EMFILE)
		synctest.Wait()
		start := time.Now()
		s.Shutdown() // which does not wait for the pause
		if <-over != nil || time.Since(start) != 0 {
			t.Error("after", time.Since(start))
		}
	})
}

func TestAClientThatIsGoneBeforeAcceptIsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := socketserver.New(m, echo, quiet(t))
		serve(t, s)
		start := time.Now()
		for range 100 {
			m.fail(&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.ECONNABORTED)})
		}
		if passed := time.Since(start); passed != 0 {
			t.Error("accepted after", passed)
		}
		s.Shutdown()
	})
}

// Limits hold during a pause, and what went wrong is told also of the forms that do not wait.
func TestAHandleRequestGivesUpDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		told := new(log)
		s := socketserver.New(m, echo, told.option())
		go m.fail(syscall.EMFILE)
		start := time.Now()
		if err := s.HandleRequestTimeout(2 * time.Millisecond); err != socketserver.ErrTimeout || time.Since(start) != 2*time.Millisecond {
			t.Error(err, time.Since(start))
		}
		go m.fail(syscall.EMFILE)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Millisecond, errWhy)
		defer cancel()
		start = time.Now()
		if err := s.HandleRequestContext(ctx); err != errWhy || time.Since(start) != 3*time.Millisecond {
			t.Error(err, time.Since(start))
		}
		go m.fail(syscall.EMFILE)
		for len(told.all()) < 3 {
			if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
				t.Error(err)
			}
			synctest.Wait()
		}
		s.Shutdown()
	})
}

func TestAnotherErrorEndsServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := socketserver.New(m, echo, quiet(t))
		go m.fail(errWhy)
		if err := s.Serve(); err != errWhy {
			t.Error(err)
		}
		go m.fail(errWhy)
		if err := s.HandleRequest(); err != errWhy {
			t.Error(err)
		}
		serve(t, s) // it can go on
		c := m.dial()
		_ = c.Close()
		s.Shutdown()
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := socketserver.New(l, echo, quiet(t))
	_ = l.Close() // behind the server's back
	if err := s.Serve(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	s.Shutdown()
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { socketserver.Limit(0) }, "Limit(0)"},
		{func() { socketserver.Limit(math.MinInt) }, "Limit(-9"},
		{func() { socketserver.MaxPacket(0) }, "MaxPacket(0)"},
		{func() { socketserver.Timeout(0) }, "Timeout(0s)"},
		{func() { socketserver.Timeout(-1) }, "Timeout(-1ns)"},
		{func() { listenPacket(t, "udp", echoPacket, socketserver.Timeout(1)) }, "ListenPacket with Timeout"},
		{func() {
			listenPacket(t, "udp", echoPacket, socketserver.Verify(func(net.Conn) bool { return true }))
		}, "ListenPacket with Verify"},
	} {
		wantPanic(t, socketserver.ErrValue, c.f)
		if err := proof.Recovered(c.f).(error); !strings.Contains(err.Error(), c.want) && runtime.GOARCH != "386" {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, f := range map[string]func(){
		"Listen":    func() { _, _ = socketserver.Listen("tcp", "127.0.0.1:0", nil) },
		"New":       func() { socketserver.New(l, nil) },
		"New nil":   func() { socketserver.New(nil, echo) },
		"Packet":    func() { _, _ = socketserver.ListenPacket("udp", "127.0.0.1:0", nil) },
		"NewPacket": func() { socketserver.NewPacket(nil, echoPacket) },
		"Verify":    func() { socketserver.Verify(nil) },
		"OnError":   func() { socketserver.OnError(nil) },
	} {
		if proof.Recovered(f) == nil {
			t.Errorf("%s: no panic", name)
		}
	}
	s := listen(t, "tcp", echo, socketserver.Limit(math.MaxInt), socketserver.Timeout(math.MaxInt64), socketserver.MaxPacket(math.MaxInt), quiet(t))
	serve(t, s)
	c := dial(t, s)
	c.say(t, "x\n")
	c.hear(t, "x\n")
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	taken := listen(t, "tcp", echo, quiet(t))
	for _, c := range []struct{ network, addr, want string }{
		{"udp", "127.0.0.1:0", "udp"}, {"nonsense", "x", "nonsense"}, {"tcp", "127.0.0.1:99999", "99999"},
		{"tcp", taken.Addr().String(), "in use"}, {"unix", "/nowhere/at/all", "no such file"},
	} {
		s, err := socketserver.Listen(c.network, c.addr, echo)
		if s != nil || err == nil || !strings.HasPrefix(err.Error(), "socketserver: Listen: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v", c.network, c.addr, err)
		}
	}
	if _, err := socketserver.ListenPacket("tcp", "127.0.0.1:0", echoPacket); err == nil || !strings.HasPrefix(err.Error(), "socketserver: ListenPacket: ") {
		t.Error(err)
	}
}

package socketserver_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// A listener that is only known by its Accept cannot be told to give up. Then the Accept goes on in the background, and
// what it brings is for the next.
func TestAForeignListenerGivesUpToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := socketserver.New(m, echo, quiet(t))
		start := time.Now()
		if err := s.HandleRequestTimeout(time.Second); err != socketserver.ErrTimeout || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errWhy)
		defer cancel()
		if err := s.HandleRequestContext(ctx); err != errWhy || time.Since(start) != 2*time.Second {
			t.Error(err, time.Since(start))
		}
		late := lateErr{context.Background(), make(chan struct{})}
		close(late.done)
		if err := s.HandleRequestContext(late); err != context.Canceled {
			t.Error(err)
		}
		for i, handle := range []func() error{
			s.TryHandleRequest, func() error { return s.HandleRequestTimeout(0) }, s.HandleRequest,
			func() error { return s.HandleRequestTimeout(time.Hour) }, func() error { return s.HandleRequestContext(t.Context()) },
		} {
			if i > 0 {
				if err := s.TryHandleRequest(); err != socketserver.ErrTimeout { // which begins to accept
					t.Error(err)
				}
			}
			c := m.dial() // accepted though nobody asks
			synctest.Wait()
			go func() {
				_, _ = io.WriteString(c, "hello\n")
				buf := make([]byte, 6)
				if _, err := io.ReadFull(c, buf); string(buf) != "hello\n" || err != nil {
					t.Error(string(buf), err)
				}
				_ = c.Close()
			}()
			if err := handle(); err != nil {
				t.Error(i, err)
			}
		}
		if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
			t.Error(err)
		}
		c := m.dial()
		synctest.Wait()
		over := serve(t, s) // takes that one too
		_, _ = io.WriteString(c, "x\n")
		buf := make([]byte, 2)
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Error(err)
		}
		_ = c.Close()
		other := m.dial()
		_, _ = io.WriteString(other, "y\n")
		if _, err := io.ReadFull(other, buf); err != nil {
			t.Error(err)
		}
		_ = other.Close()
		s.Shutdown()
		if err := <-over; err != nil {
			t.Error(err)
		}
		if got := s.Stats(); got != (socketserver.Stats{Accepted: 7, Served: 7}) {
			t.Errorf("%+v", got)
		}
	})
}

// What was accepted and nobody has asked for is closed with the server.
func TestWhatNobodyAskedForIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, before := range []bool{true, false} {
			m := newMemory()
			s := socketserver.New(m, echo, quiet(t))
			if err := s.TryHandleRequest(); err != socketserver.ErrTimeout {
				t.Error(err)
			}
			var c net.Conn
			if before {
				c = m.dial()
				synctest.Wait()
			} else { // the Accept succeeds when the server is closed already
				a, b := net.Pipe()
				c = b
				inside, goOn := make(chan struct{}), make(chan struct{})
				m.queue <- func() (net.Conn, error) { close(inside); <-goOn; return a, nil }
				<-inside
				s.Close()
				if s.JoinTimeout(0) {
					t.Error("something runs")
				}
				close(goOn)
			}
			s.Shutdown()
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			if got := s.Stats(); got != (socketserver.Stats{}) {
				t.Errorf("%+v", got)
			}
		}
	})
}

// A connection that an Accept returns after Close has returned is closed, and no handler is called.
func TestWhatIsAcceptedAfterCloseIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, accept := range []func(*socketserver.Server) error{
			(*socketserver.Server).Serve, (*socketserver.Server).HandleRequest,
			func(s *socketserver.Server) error { return s.HandleRequestTimeout(time.Hour) },
		} {
			m := newMemory()
			s := socketserver.New(m, func(*socketserver.Conn) error { t.Error("called"); return nil }, quiet(t), socketserver.Limit(1))
			over := make(chan error, 1)
			go func() { over <- accept(s) }()
			a, b := net.Pipe()
			inside, goOn := make(chan struct{}), make(chan struct{})
			m.queue <- func() (net.Conn, error) { close(inside); <-goOn; return a, nil }
			<-inside
			s.Close()
			close(goOn)
			if _, err := b.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			if err := <-over; err != nil && err != socketserver.ErrClosed {
				t.Error(err)
			}
			s.Join()
			if got := s.Stats(); got != (socketserver.Stats{}) {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestCloseWakesWhoWaitsForAForeignListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := socketserver.New(m, echo, quiet(t))
		over := make(chan error, 4)
		for i := range 4 {
			go func() {
				over <- []func() error{
					s.HandleRequest, func() error { return s.HandleRequestTimeout(time.Hour) },
					func() error { return s.HandleRequestContext(t.Context()) }, s.HandleRequest,
				}[i]()
			}()
		}
		synctest.Wait()
		s.Close()
		for range 4 {
			if err := <-over; err != socketserver.ErrClosed {
				t.Error(err)
			}
		}
		s.Join()
	})
}

// A foreign Accept may do anything.
func TestAForeignAcceptMayPanicOrExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, pumped := range []bool{false, true} {
			m := newMemory()
			s := socketserver.New(m, echo, quiet(t), socketserver.Limit(1))
			call := func() error {
				if pumped {
					return s.HandleRequestTimeout(time.Hour)
				}
				return s.HandleRequest()
			}
			go func() { m.queue <- func() (net.Conn, error) { panic(errWhy) } }()
			if v := proof.Recovered(func() { _ = call() }); v != errWhy {
				t.Error(v)
			}
			go func() { m.queue <- func() (net.Conn, error) { runtime.Goexit(); return nil, nil } }()
			if pumped {
				if err := call(); err != thread.ErrGoexit {
					t.Error(err)
				}
			} else {
				exited := make(chan struct{})
				go func() {
					defer close(exited)
					_ = call()
					t.Error("it returned")
				}()
				<-exited
			}
			go func() { m.fail(errWhy) }()
			if err := call(); err != errWhy {
				t.Error(err)
			}
			go func() { _ = m.dial().Close() }()
			if err := call(); err != nil {
				t.Error(err)
			}
			s.Shutdown()
		}
	})
}

// Everything at once, on listeners of both kinds, until the server is closed at a random moment in a random way. Then all
// is over, every connection is closed, and every one that a handler was given was counted.
func TestRandomLives(t *testing.T) {
	defer proof.Watch(t)()
	for i := range proof.Rounds(600, 10, 6) {
		randomLife(t, i%2 == 0)
	}
}

func randomLife(t *testing.T, foreign bool) {
	var opts []socketserver.Option
	if rand.IntN(2) == 0 {
		opts = append(opts, socketserver.Limit(1+rand.IntN(3)))
	}
	if rand.IntN(3) == 0 {
		opts = append(opts, socketserver.Timeout(time.Duration(1+rand.IntN(1_000_000))))
	}
	if rand.IntN(3) == 0 {
		opts = append(opts, socketserver.Verify(func(net.Conn) bool { return rand.IntN(3) > 0 }))
	}
	opts = append(opts, socketserver.OnError(func(*socketserver.Conn, error) {}))
	var guard sync.Mutex
	handled := 0
	handle := func(c *socketserver.Conn) error {
		guard.Lock()
		handled++
		guard.Unlock()
		switch rand.IntN(6) {
		case 0:
			panic("x")
		case 1:
			_ = c.Close()
		case 2:
			<-c.Context().Done()
		case 3:
			return errWhy
		}
		return echo(c)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepts := l
	if foreign {
		accepts = struct{ net.Listener }{l} // of which only Accept is known
	}
	s := socketserver.New(accepts, handle, opts...)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				var err error
				switch rand.IntN(6) {
				case 0:
					if err = s.Serve(); err == nil {
						return
					}
				case 1:
					err = s.TryHandleRequest()
				case 2:
					err = s.HandleRequestTimeout(time.Duration(rand.IntN(300_000)))
				case 3:
					ctx, cancel := context.WithCancel(context.Background())
					time.AfterFunc(time.Duration(rand.IntN(300_000)), cancel)
					err = s.HandleRequestContext(ctx)
					cancel()
				default:
					err = s.HandleRequestContext(context.Background())
				}
				switch {
				case err == socketserver.ErrClosed:
					return
				case err != nil && err != socketserver.ErrTimeout && err != context.Canceled:
					t.Error(err)
					return
				}
			}
		})
	}
	for range 3 {
		all.Go(func() {
			for {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					return
				}
				_ = c.SetDeadline(time.Now().Add(time.Duration(rand.IntN(2_000_000))))
				_, _ = io.WriteString(c, "hello\n")
				_, _ = c.Read(make([]byte, 99))
				_ = c.Close()
			}
		})
	}
	watching := make(chan struct{})
	all.Go(func() {
		for {
			select {
			case <-watching:
				return
			default:
			}
			if got := s.Stats(); got.Accepted != uint64(got.Open)+got.Served || got.Failed > got.Served {
				t.Errorf("%+v", got)
				return
			}
			runtime.Gosched()
		}
	})
	time.Sleep(time.Duration(rand.IntN(2_000_000)))
	for range 1 + rand.IntN(2) {
		all.Go(func() {
			switch rand.IntN(4) {
			case 0:
				s.Terminate()
			case 1:
				s.ShutdownTimeout(time.Duration(rand.IntN(1_000_000)))
			case 2:
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(1_000_000)))
				defer cancel()
				if err := s.ShutdownContext(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			case 3:
				s.Close()
				s.Terminate()
			}
		})
	}
	s.Join()
	guard.Lock()
	got := s.Stats()
	if got.Open != 0 || got.Accepted != got.Served || got.Served != uint64(handled) {
		t.Errorf("%+v, %d handlers", got, handled)
	}
	guard.Unlock()
	close(watching)
	all.Wait()
}

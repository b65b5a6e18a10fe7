package socketserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/socketserver"
)

// A client that is served when the server shuts down gets all that its handler has written, and an end; a client that is
// not served gets nothing. Each client makes one call after the other, each on a connection of its own.
func TestAShutdownLosesNoReply(t *testing.T) {
	for _, n := range []int{100, 1000} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(fmt.Sprintf("%d clients by %s", n, network), func(t *testing.T) {
				defer proof.Watch(t)()
				for range proof.Rounds(10, 10, 10) {
					shutdownUnderLoad(t, network, n, func(s *socketserver.Server) error { s.Shutdown(); return nil }, nil)
				}
			})
		}
	}
}

// With ShutdownContext, who is not served in time is cut off, and the cause is returned.
func TestAShutdownThatCutsLosesNoReplyThatWasComplete(t *testing.T) {
	defer proof.Watch(t)()
	for range proof.Rounds(10, 10, 5) {
		ctx, cancel := context.WithCancelCause(context.Background())
		shutdownUnderLoad(t, "tcp", 100, func(s *socketserver.Server) error {
			time.AfterFunc(time.Millisecond, func() { cancel(errWhy) })
			err := s.ShutdownContext(ctx)
			s.Join()
			return err
		}, errWhy)
	}
}

func shutdownUnderLoad(t *testing.T, network string, n int, shutdown func(*socketserver.Server) error, want error) {
	t.Helper()
	n = room(t, n, 2)
	var written, heard atomic.Int64
	reply := strings.Repeat("reply ", 2000)
	stuck := want != nil // then some handlers never return by themselves
	s := listen(t, network, func(c *socketserver.Conn) error {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		if stuck && rand.IntN(10) == 0 {
			<-c.Context().Done()
			return context.Cause(c.Context())
		}
		if _, err := io.WriteString(c, reply+line); err != nil {
			return err
		}
		written.Add(1)
		return nil
	}, socketserver.OnError(func(_ *socketserver.Conn, err error) { t.Errorf("told of %v", err) }))
	over := serve(t, s)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for j := 0; ; j++ {
				c, err := net.Dial(network, s.Addr().String())
				if err != nil {
					return // the server is gone
				}
				_ = c.SetDeadline(time.Now().Add(hang))
				line := fmt.Sprintln(i, j)
				_, _ = io.WriteString(c, line)
				got, err := io.ReadAll(c)
				_ = c.Close()
				switch {
				case string(got) == reply+line && err == nil:
					heard.Add(1)
				case string(got) == reply+line && stuck:
					heard.Add(1)
				case len(got) > 0 && !stuck:
					t.Errorf("a part, %d bytes of %d, %v", len(got), len(reply+line), err)
				case errors.Is(err, os.ErrDeadlineExceeded):
					t.Error(err)
					return
				}
			}
		})
	}
	waitFor(t, "some load", func() bool { return s.Stats().Served > uint64(n) })
	if err := shutdown(s); err != want {
		t.Errorf("%v, want %v", err, want)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	all.Wait()
	if !stuck && written.Load() != heard.Load() || heard.Load() > written.Load() {
		t.Errorf("%d replies were written, %d heard", written.Load(), heard.Load())
	}
	if got := s.Stats(); got.Open != 0 || got.Accepted != got.Served {
		t.Errorf("%+v", got)
	}
}

// Clients of every bad kind, and handlers too, while good ones go on.
func TestTheOthersGoOn(t *testing.T) {
	defer proof.Watch(t)()
	told := new(log)
	s := listen(t, "tcp", func(c *socketserver.Conn) error {
		for {
			line, err := c.Reader().ReadString('\n')
			if err != nil {
				return err
			}
			switch line {
			case "panic\n":
				panic("asked to")
			case "exit\n":
				runtime.Goexit()
			case "block\n":
				<-c.Context().Done()
				return context.Cause(c.Context())
			case "flood\n":
				for {
					if _, err := c.Write(make([]byte, 1<<20)); err != nil {
						return err
					}
				}
			}
			if _, err := io.WriteString(c, line); err != nil {
				return err
			}
		}
	}, told.option())
	serve(t, s)
	stop := make(chan struct{})
	var bad, good sync.WaitGroup
	var held []net.Conn
	var guard sync.Mutex
	hold := func(c net.Conn) {
		guard.Lock()
		defer guard.Unlock()
		held = append(held, c)
	}
	const few = 20 // of each kind whose handlers stay until the end
	var staying [2]atomic.Int32
	for _, behave := range []func(c *net.TCPConn){
		func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },                                        // resets
		func(c *net.TCPConn) { _, _ = io.WriteString(c, "half a li"); _ = c.SetLinger(0); _ = c.Close() }, // resets in a line
		func(c *net.TCPConn) { _, _ = io.WriteString(c, "half a li"); _ = c.Close() },                     // and ends in it
		func(c *net.TCPConn) { _, _ = io.WriteString(c, "panic\n"); _, _ = io.ReadAll(c); _ = c.Close() },
		func(c *net.TCPConn) { _, _ = io.WriteString(c, "exit\n"); _, _ = io.ReadAll(c); _ = c.Close() },
		func(c *net.TCPConn) { // leaves while it is answered
			_, _ = io.WriteString(c, "flood\n")
			_, _ = io.ReadFull(c, make([]byte, 1<<10))
			_ = c.Close()
		},
		func(c *net.TCPConn) { // slow
			for _, b := range "line\n" {
				_, _ = io.WriteString(c, string(b))
				runtime.Gosched()
			}
			_, _ = io.ReadFull(c, make([]byte, 5))
			_ = c.Close()
		},
		func(c *net.TCPConn) { // never reads
			if staying[0].Add(1) > few {
				_ = c.Close()
				return
			}
			_, _ = io.WriteString(c, "flood\n")
			hold(c)
		},
		func(c *net.TCPConn) {
			if staying[1].Add(1) > few {
				_ = c.Close()
				return
			}
			_, _ = io.WriteString(c, "block\n")
			hold(c)
		},
	} {
		bad.Go(func() {
			for range 2000 { // so that ports do not run out
				for waits := true; waits; { // nor descriptors
					select {
					case <-stop:
						return
					default:
						waits = s.Stats().Open > 200
						runtime.Gosched()
					}
				}
				c, err := net.Dial("tcp", s.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(hang))
				behave(c.(*net.TCPConn))
			}
		})
	}
	for range 4 {
		good.Go(func() {
			c := dial(t, s)
			for i := range proof.Rounds(5_000, 10, 10) {
				line := fmt.Sprintln("good", i)
				_, err1 := io.WriteString(c, line)
				got, err2 := c.in.ReadString('\n')
				if got != line || err1 != nil || err2 != nil {
					t.Error(got, err1, err2)
					return
				}
			}
			_ = c.Close()
		})
	}
	good.Wait()
	waitFor(t, "some of each kind", func() bool {
		return staying[0].Load() > few && staying[1].Load() > few && s.Stats().Failed > 0
	})
	close(stop)
	bad.Wait()
	if s.ShutdownTimeout(time.Millisecond) {
		t.Error("those who block were in time")
	}
	s.Join()
	for _, c := range held {
		_ = c.Close()
	}
	for _, err := range told.all() {
		if !strings.Contains(err.Error(), "asked to") && !strings.Contains(err.Error(), "Goexit") {
			t.Errorf("told of %v", err)
		}
	}
	if got := s.Stats(); got.Failed != uint64(len(told.all())) || got.Accepted != got.Served || got.Failed == 0 {
		t.Errorf("%+v, told of %d", got, len(told.all()))
	}
}

// 100,000 connections, and as much memory afterwards as before, give or take what the runtime likes to keep.
func TestMemoryIsFlat(t *testing.T) {
	defer proof.Watch(t)()
	s := listen(t, "tcp", echo, quiet(t))
	serve(t, s)
	talk := func(n int) {
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range (n + i) / 8 {
					c, err := net.Dial("tcp", s.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					_ = c.(*net.TCPConn).SetLinger(0) // no port is kept busy
					_, _ = io.WriteString(c, "x\n")
					if line, err := bufio.NewReaderSize(c, 16).ReadString('\n'); line != "x\n" || err != nil {
						t.Error(line, err)
					}
					_ = c.Close()
				}
			})
		}
		all.Wait()
		waitFor(t, "the end of all", func() bool { return s.Stats().Open == 0 })
	}
	memory := func() (used int64, goroutines int) {
		for range 3 {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
	}
	n := proof.Rounds(100_000, 20, 20)
	talk(n / 10)
	before, routines := memory()
	talk(n)
	// What the last of them have left is gone in time: goroutines that are about to end, and what cleanups keep.
	var after int64
	var more int
	waitFor(t, "the memory and the goroutines of before", func() bool {
		after, more = memory()
		return after-before <= 2<<20 && more <= routines+10
	}, func() string {
		return fmt.Sprintf("%d KiB more after %d connections; %d goroutines, before %d", (after-before)>>10, n, more, routines)
	})
}

// Descriptors run out: nobody who is connected notices, and all are served when some are free again.
func TestDescriptorsRunOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no limit to set here")
	}
	for _, network := range []string{"tcp", "unix"} {
		cmd := child(t, "few descriptors", "NETWORK="+network, "ADDR="+address(t, network))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		addr, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		addr = strings.TrimSpace(addr)
		connect := func() client {
			c, err := net.Dial(network, addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			_ = c.SetDeadline(time.Now().Add(hang))
			return client{c, bufio.NewReader(c)}
		}
		var connected []client
		for range 10 {
			c := connect()
			c.say(t, "x\n")
			c.hear(t, "x\n")
			connected = append(connected, c)
		}
		var waiting []client
		for range 60 { // more than it may have
			waiting = append(waiting, connect())
		}
		if line, err := lines.ReadString('\n'); line != "told\n" || err != nil {
			t.Fatal(line, err)
		}
		for i, c := range connected {
			line := fmt.Sprintln("still here", i)
			c.say(t, line)
			c.hear(t, line)
		}
		for i, c := range waiting {
			c.say(t, fmt.Sprintln("at last", i))
		}
		for _, c := range connected {
			_ = c.Close()
		}
		for i, c := range waiting { // each makes room for the next
			c.hear(t, fmt.Sprintln("at last", i))
			_ = c.Close()
		}
		_ = in.Close()
		rest, _ := io.ReadAll(lines)
		if want := "{Open:0 Accepted:70 Served:70 Failed:0 Rejected:0}\n"; string(rest) != want {
			t.Errorf("%s, want %s", rest, want)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func init() {
	programs["few descriptors"] = func() {
		setLimit(40)
		told := make(chan struct{})
		var once sync.Once
		s, err := socketserver.Listen(os.Getenv("NETWORK"), os.Getenv("ADDR"), echo, socketserver.OnError(func(c *socketserver.Conn, err error) {
			if c != nil || !errors.Is(err, syscall.EMFILE) {
				fmt.Println("told of", err)
			}
			once.Do(func() { close(told) })
		}))
		if err != nil {
			panic(err)
		}
		fmt.Println(s.Addr())
		over := make(chan error, 1)
		go func() { over <- s.Serve() }()
		<-told
		fmt.Println("told")
		_, _ = io.Copy(io.Discard, os.Stdin)
		s.Shutdown()
		if err := <-over; err != nil {
			fmt.Println(err)
		}
		fmt.Printf("%+v\n", s.Stats())
	}
}

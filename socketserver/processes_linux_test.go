package socketserver_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/internal/worker"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/socketserver"
	"github.com/gothreading/threading/thread"
)

// needProcesses skips a test where no process can be started.
func needProcesses(t testing.TB) {
	t.Helper()
	if err := process.Supported(); err != nil {
		t.Skip(err)
	}
}

// obeying does what the client says, line by line.
var obeying = socketserver.Register(obey)

func obey(c *socketserver.Conn) error {
	for {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		order, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		say := func(what any) { _, err = fmt.Fprintln(c, what) }
		switch order {
		case "pid":
			say(os.Getpid())
		case "say":
			say(arg)
		case "where":
			say(fmt.Sprint(thread.Current().Name(), ", ", c.RemoteAddr(), ", ", c.Server().Addr()))
		case "value":
			say(c.Context().Value(key{}))
		case "close":
			c.Server().Close()
			say(proof.Recovered(c.Server().Shutdown))
		case "bye":
			return nil
		case "error":
			return fmt.Errorf("%w: %s", errObey, arg)
		case "end":
			return fmt.Errorf("wrapped: %w", net.ErrClosed)
		case "both":
			return errors.Join(io.EOF, errObey)
		case "hostile":
			return hostileText{}
		case "exiting":
			return exitingText{}
		case "panic":
			panic(arg)
		case "goexit":
			runtime.Goexit()
		case "exit":
			code, _ := strconv.Atoi(arg)
			os.Exit(code)
		case "kill":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		case "crash":
			go panic(arg)
			select {}
		case "wait":
			say("waiting")
			<-c.Context().Done()
			return context.Cause(c.Context())
		case "read":
			say("reading")
			_, err := c.Read(make([]byte, 1))
			return err
		case "stubborn":
			say("stubborn")
			select {}
		}
		if err != nil {
			return err
		}
	}
}

type key struct{}

var errObey = errors.New("obeyed")

func init() { process.RegisterError(errObey) }

// Errors whose text cannot be had.
type (
	hostileText struct{}
	exitingText struct{}
)

func (hostileText) Error() string { panic("text") }
func (exitingText) Error() string { runtime.Goexit(); return "" }

// listenProcesses returns a server with children that obey, which has none any more when the test is over.
func listenProcesses(t testing.TB, network string, n int, opts ...socketserver.Option) *socketserver.Server {
	t.Helper()
	needProcesses(t)
	t.Cleanup(func() { // after the server was terminated and joined
		if all := process.Children(); len(all) > 0 {
			t.Errorf("%d children are left", len(all))
		}
	})
	return listen(t, network, nil, append(opts, socketserver.Processes(n, obeying))...)
}

// ask says something and returns the answer.
func (c client) ask(t testing.TB, question string) string {
	t.Helper()
	c.say(t, question+"\n")
	answer, err := c.in.ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return strings.TrimSpace(answer)
}

func (c client) pid(t testing.TB) int {
	t.Helper()
	pid, err := strconv.Atoi(c.ask(t, "pid"))
	if err != nil || pid == os.Getpid() {
		t.Fatalf("served by %d, %v", pid, err)
	}
	return pid
}

// childCount is how many children this process has.
func childCount() int { return len(process.Children()) }

func TestProcessesHandleOneConnectionEach(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			const n = 3
			s := listenProcesses(t, network, n, quiet(t), socketserver.Name("job"))
			over := serve(t, s)
			if childCount() != 0 {
				t.Error("there are children before there is a client")
			}
			first := dial(t, s)
			one := first.pid(t)
			first.say(t, "bye\n")
			first.hearEnd(t)
			wantStats(t, s, socketserver.Stats{Accepted: 1, Served: 1})
			var all []client
			pids := map[int]bool{}
			for range n {
				c := dial(t, s)
				pids[c.pid(t)] = true
				all = append(all, c)
			}
			if !pids[one] || len(pids) != n || childCount() != n {
				t.Errorf("one connection after the other is served by %d, then %d at once by %v", one, n, pids)
			}
			where := all[0].ask(t, "where")
			if want := fmt.Sprintf("job %v, %v, %v", all[0].LocalAddr(), all[0].LocalAddr(), s.Addr()); network == "tcp" && where != want {
				t.Errorf("%s, want %s", where, want)
			}
			late := dial(t, s)
			late.say(t, "pid\n")
			if got := s.Stats(); got.Open != n || got.Accepted != n+1 {
				t.Errorf("%d children have %+v", n, got)
			}
			all[1].say(t, "bye\n")
			all[1].hearEnd(t)
			if pid := late.ask(t, "pid"); pid == "" {
				t.Error("the late one is not served")
			}
			for _, c := range []client{all[0], all[2], late} {
				c.say(t, "say last words\nbye\n")
			}
			s.Shutdown()
			if err := <-over; err != nil {
				t.Error(err)
			}
			all[0].hear(t, "last words\n")
			all[0].hearEnd(t)
			if got := s.Stats(); got != (socketserver.Stats{Accepted: n + 2, Served: n + 2}) || childCount() != 0 {
				t.Errorf("%+v, %d children", got, childCount())
			}
		})
	}
}

func TestWhatBecomesOfAChildIsItsConnectionsFailure(t *testing.T) {
	told := new(log)
	s := listenProcesses(t, "tcp", 2, told.option())
	serve(t, s)
	neighbour := dial(t, s)
	pid := neighbour.pid(t)
	exit := func(code int) func(error) bool {
		return func(err error) bool {
			var e *process.ExitError
			return errors.As(err, &e) && e.Code == code
		}
	}
	panicked := func(text string) func(error) bool {
		return func(err error) bool {
			p, ok := err.(*thread.PanicError)
			return ok && p.Value == text && strings.Contains(string(p.Stack), "obey")
		}
	}
	var want socketserver.Stats
	want.Open, want.Accepted = 1, 1
	for _, c := range []struct {
		order string
		told  func(error) bool // nil: nobody is told
		lives bool             // the child
	}{
		{"bye", nil, true},
		{"end", nil, true},
		{"error why", func(err error) bool {
			var r *process.RemoteError
			return errors.As(err, &r) && errors.Is(err, errObey) && err.Error() == "obeyed: why"
		}, true},
		{"both", func(err error) bool { return errors.Is(err, errObey) && errors.Is(err, io.EOF) }, true},
		{"panic boom", panicked("boom"), true},
		{"goexit", func(err error) bool { return errors.Is(err, thread.ErrGoexit) }, true},
		{"hostile", func(err error) bool { p, ok := err.(*thread.PanicError); return ok && p.Value == "text" }, true},
		{"exiting", func(err error) bool { return errors.Is(err, thread.ErrGoexit) }, true},
		{"close", nil, true},
		{"exit 0", exit(0), false},
		{"exit 7", exit(7), false},
		{"kill", exit(-int(syscall.SIGKILL)), false},
		{"crash aside", func(err error) bool {
			var e *process.ExitError
			return errors.As(err, &e) && e.Code == 2 && strings.Contains(e.Crash, "aside")
		}, false},
	} {
		before := len(told.all())
		client := dial(t, s)
		served := client.pid(t)
		if served == pid {
			t.Fatal("a busy child was handed another connection")
		}
		client.say(t, c.order+"\n")
		if c.order == "close" { // of the server, as the handler sees it
			client.hear(t, thread.ErrJoinSelf.Error()+"\n")
			client.say(t, "bye\n")
		}
		client.hearEnd(t)
		want.Accepted++
		want.Served++
		if c.told != nil {
			want.Failed++
		}
		wantStats(t, s, want)
		if all := told.all()[before:]; c.told == nil && len(all) > 0 || c.told != nil && (len(all) != 1 || !c.told(all[0])) {
			t.Errorf("%s: told of %#v", c.order, all)
		}
		next := dial(t, s)
		if same := next.pid(t) == served; same != c.lives {
			t.Errorf("%s: the same child goes on: %v, want %v", c.order, same, c.lives)
		}
		next.say(t, "bye\n")
		next.hearEnd(t)
		want.Accepted++
		want.Served++
		wantStats(t, s, want)
	}
	if neighbour.pid(t) != pid {
		t.Error("the neighbour has another child")
	}
	for _, c := range told.conns {
		if c == nil || c.Server() != s {
			t.Error("told of another connection")
		}
	}
}

// A child that is killed while it has nothing to do, or before it has received what it was handed, costs nobody anything.
func TestAConnectionThatHasNotBegunGoesToAnotherChild(t *testing.T) {
	s := listenProcesses(t, "tcp", 1, quiet(t))
	serve(t, s)
	for range 20 {
		c := dial(t, s)
		pid := c.pid(t)
		c.say(t, "bye\n")
		c.hearEnd(t)
		waitFor(t, "the child is idle", func() bool { return s.Stats().Open == 0 })
		stop(t, pid) // or it might receive something before it dies
		_ = syscall.Kill(pid, syscall.SIGKILL)
		next := dial(t, s) // while it dies
		if next.pid(t) == pid {
			t.Error("a dead child serves")
		}
		next.say(t, "bye\n")
		next.hearEnd(t)
	}
	// Stopped, it receives nothing; then it dies.
	c := dial(t, s)
	pid := c.pid(t)
	c.say(t, "bye\n")
	c.hearEnd(t)
	wantStats(t, s, socketserver.Stats{Accepted: 41, Served: 41})
	stop(t, pid)
	next := dial(t, s)
	next.say(t, "pid\n")
	waitFor(t, "it is handed over", func() bool { return s.Stats().Open == 1 })
	_ = syscall.Kill(pid, syscall.SIGKILL)
	if line, err := next.in.ReadString('\n'); err != nil || strings.TrimSpace(line) == strconv.Itoa(pid) {
		t.Error(line, err)
	}
}

// Clients come, children are killed at any moment: who is not told of as failed has had a whole reply, and nothing is left.
func TestKillsAtAnyMoment(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	told := new(log)
	s := listenProcesses(t, "unix", 4, told.option())
	over := serve(t, s)
	before := goroutinesAndFiles(t)
	var guard sync.Mutex
	var pids []int
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			guard.Lock()
			if len(pids) > 0 {
				for _, c := range process.Children() { // so it is one of ours
					if c.Pid() == pids[i%len(pids)] {
						c.Kill()
					}
				}
			}
			pids = nil
			guard.Unlock()
			time.Sleep(time.Millisecond)
		}
	})
	var clients sync.WaitGroup
	whole, cut := make([]int, 8), make([]int, 8)
	for i := range whole {
		clients.Go(func() {
			for round := range rounds / len(whole) {
				c, err := net.Dial("unix", s.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(hang))
				text := fmt.Sprintf("%d of %d", round, i)
				_, _ = io.WriteString(c, "pid\nsay "+text+"\nbye\n")
				in := bufio.NewReader(c)
				line, err := in.ReadString('\n')
				if pid, bad := strconv.Atoi(strings.TrimSpace(line)); err == nil && bad == nil {
					guard.Lock()
					pids = append(pids, pid)
					guard.Unlock()
				}
				rest, err := io.ReadAll(in)
				switch {
				case err == nil && string(rest) == text+"\n":
					whole[i]++
				case errors.Is(err, os.ErrDeadlineExceeded):
					t.Error("a client hangs")
				default:
					cut[i]++
				}
				_ = c.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	killer.Wait()
	s.Shutdown()
	if err := <-over; err != nil {
		t.Error(err)
	}
	var served, failed int
	for i := range whole {
		served += whole[i]
		failed += cut[i]
	}
	got := s.Stats()
	if got.Open != 0 || got.Accepted != got.Served || int(got.Accepted) != served+failed || int(got.Failed) < failed || len(told.all()) != int(got.Failed) {
		t.Errorf("%d had a whole reply, %d had not, %d were told of: %+v", served, failed, len(told.all()), got)
	}
	t.Logf("%d had a whole reply, %d had not", served, failed)
	if childCount() != 0 {
		t.Errorf("%d children are left", childCount())
	}
	waitFor(t, "nothing is left", func() bool { return goroutinesAndFiles(t) <= before })
}

// goroutinesAndFiles is how many of both there are.
func goroutinesAndFiles(t testing.TB) int {
	n, err := openDescriptors()
	if err != nil {
		t.Fatal(err)
	}
	return n + runtime.NumGoroutine()
}

func TestTerminateEndsTheChildren(t *testing.T) {
	for _, order := range []string{"wait", "read", "stubborn"} {
		restore := func() {}
		if order != "stubborn" { // which end by themselves, whenever they can run
			restore = socketserver.SetPatience(hang)
		}
		told := new(log)
		s := listenProcesses(t, "tcp", 3, told.option())
		over := serve(t, s)
		idle, c := dial(t, s), dial(t, s)
		idle.say(t, "say x\nbye\n")
		idle.hear(t, "x\n")
		idle.hearEnd(t)
		c.ask(t, order)
		if s.ShutdownTimeout(time.Millisecond) {
			t.Error(order, ": nobody was there")
		}
		c.hearEnd(t)
		s.Join()
		if err := <-over; err != nil {
			t.Error(err)
		}
		var exit *process.ExitError
		switch all := told.all(); {
		case order != "stubborn" && len(all) > 0, order == "stubborn" && len(all) != 1:
			t.Errorf("%s: told of %v", order, all)
		case order == "stubborn" && !(errors.Is(all[0], socketserver.ErrTerminated) && errors.As(all[0], &exit) && exit.Code == -int(syscall.SIGKILL)):
			t.Errorf("told of %v", all[0])
		}
		if got := s.Stats(); got.Open != 0 || got.Served != 2 || childCount() != 0 {
			t.Errorf("%s: %+v, %d children", order, got, childCount())
		}
		restore()
	}
}

// A fakeParent sends what it has, and then is gone.
type fakeParent struct {
	messages [][]byte
	fds      []int
	reports  [][]byte
}

func (p *fakeParent) Send(message []byte, _ int) error {
	p.reports = append(p.reports, message)
	return nil
}

func (p *fakeParent) Recv() (message []byte, fd int, err error) {
	if len(p.messages) == 0 {
		return nil, -1, worker.ErrGone
	}
	message, fd = p.messages[0], p.fds[0]
	p.messages, p.fds = p.messages[1:], p.fds[1:]
	return message, fd, nil
}

// Terminate may overtake a connection on its way to the child, which then closes it and says so.
func TestAConnectionThatComesAfterTerminateIsClosed(t *testing.T) {
	serve, ok := worker.Find("github.com/gothreading/threading/socketserver_test.obey 1")
	if !ok {
		t.Fatal("obey is registered under another name")
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pair[0])
	if _, err := syscall.Write(pair[0], []byte("pid\n")); err != nil {
		t.Fatal(err)
	}
	const conn, terminate, done = 1, 2, 3
	p := &fakeParent{messages: [][]byte{{terminate}, {conn}}, fds: []int{-1, pair[1]}}
	serve(worker.Order{Name: "late"}, p)
	if len(p.reports) != 1 || len(p.reports[0]) != 1 || p.reports[0][0] != done {
		t.Errorf("reported %v", p.reports)
	}
	if n, err := syscall.Read(pair[0], make([]byte, 1)); n > 0 || err != nil && err != syscall.ECONNRESET {
		t.Error("it was handled", n, err)
	}
}

func TestAShutdownOfProcessesIsGraceful(t *testing.T) {
	s := listenProcesses(t, "tcp", 4, quiet(t))
	over := serve(t, s)
	var all []client
	for range 4 {
		c := dial(t, s)
		c.ask(t, "say x")
		all = append(all, c)
	}
	s.Close()
	if s.JoinTimeout(0) || childCount() != 4 {
		t.Error("Close has ended what was begun")
	}
	for i, c := range all {
		if got := c.ask(t, fmt.Sprint("say ", i)); got != strconv.Itoa(i) {
			t.Error(got)
		}
		c.say(t, "say the end\nbye\n")
	}
	s.Join()
	if err := <-over; err != nil {
		t.Error(err)
	}
	for _, c := range all {
		c.hear(t, "the end\n")
		c.hearEnd(t)
	}
	if got := s.Stats(); got != (socketserver.Stats{Accepted: 4, Served: 4}) || childCount() != 0 {
		t.Errorf("%+v, %d children", got, childCount())
	}
}

// Close and Terminate come at any moment: while a child starts, is handed a connection, or ends.
func TestTheEndOfAServerWithProcessesAtAnyMoment(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		s := listenProcesses(t, "unix", 2)
		over := serve(t, s)
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() {
				c, err := net.Dial("unix", s.Addr().String())
				if err != nil {
					return // it is closed
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(hang))
				_, _ = io.WriteString(c, "say x\nwait\n")
				if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("a client hangs")
				}
			})
		}
		for range round * 100 {
			runtime.Gosched()
		}
		if round%2 == 0 {
			s.Close()
		}
		s.Terminate()
		s.Join()
		if err := <-over; err != nil {
			t.Error(err)
		}
		clients.Wait()
		if got := s.Stats(); got.Open != 0 || got.Accepted != got.Served || childCount() != 0 {
			t.Fatalf("%+v, %d children", got, childCount())
		}
	}
}

func TestTheOtherOptionsWithProcesses(t *testing.T) {
	t.Run("Verify", func(t *testing.T) {
		verified := 0 // by this process
		s := listenProcesses(t, "tcp", 1, quiet(t), socketserver.Verify(func(net.Conn) bool { verified++; return verified%2 == 0 }))
		serve(t, s)
		dial(t, s).hearEnd(t)
		wantStats(t, s, socketserver.Stats{Rejected: 1})
		if childCount() != 0 {
			t.Error("a child was started for a client that was rejected")
		}
		c := dial(t, s)
		c.pid(t)
		c.say(t, "bye\n")
		c.hearEnd(t)
		wantStats(t, s, socketserver.Stats{Accepted: 1, Served: 1, Rejected: 1})
	})
	t.Run("Timeout", func(t *testing.T) {
		told := new(log)
		s := listenProcesses(t, "tcp", 1, told.option(), socketserver.Timeout(20*time.Millisecond))
		serve(t, s)
		dial(t, s).hearEnd(t)
		waitFor(t, "it is told", func() bool { return len(told.all()) == 1 })
		if err := told.all()[0]; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("Limit", func(t *testing.T) {
		s := listenProcesses(t, "tcp", 5, quiet(t), socketserver.Limit(1))
		serve(t, s)
		first, second := dial(t, s), dial(t, s)
		pid := first.pid(t)
		second.say(t, "pid\n")
		first.say(t, "bye\n")
		first.hearEnd(t)
		if got := second.pid(t); got != pid {
			t.Errorf("%d, then %d", pid, got)
		}
		if childCount() != 1 {
			t.Error(childCount())
		}
	})
	t.Run("HandleRequest", func(t *testing.T) {
		told := new(log)
		s := listenProcesses(t, "tcp", 1, told.option())
		c := dial(t, s)
		c.say(t, "goexit\n")
		if err := s.HandleRequestContext(context.WithValue(t.Context(), key{}, 1)); err != nil {
			t.Error(err)
		}
		c.hearEnd(t)
		if all := told.all(); len(all) != 1 || !errors.Is(all[0], thread.ErrGoexit) {
			t.Error(all)
		}
		c = dial(t, s)
		c.say(t, "value\nbye\n")
		if err := s.HandleRequest(); err != nil {
			t.Error(err)
		}
		c.hear(t, "<nil>\n")
	})
	t.Run("OnError may answer", func(t *testing.T) {
		s := listenProcesses(t, "tcp", 1, socketserver.OnError(func(c *socketserver.Conn, err error) { fmt.Fprintln(c, "sorry:", err) }))
		serve(t, s)
		for _, order := range []string{"error why", "exit 3"} {
			c := dial(t, s)
			if got := c.ask(t, order); !strings.HasPrefix(got, "sorry: ") {
				t.Error(got)
			}
			c.hearEnd(t)
		}
	})
	t.Run("SIGINT", func(t *testing.T) {
		s := listenProcesses(t, "tcp", 1, quiet(t))
		serve(t, s)
		c := dial(t, s)
		pid := c.pid(t)
		_ = syscall.Kill(pid, syscall.SIGINT)
		if c.pid(t) != pid {
			t.Error("another child")
		}
	})
}

// naming says who the client is, and reads nothing.
var naming = socketserver.Register(func(c *socketserver.Conn) error { return fmt.Errorf("%v, %s", c.RemoteAddr(), thread.Current().Name()) })

// A client that has reset its connection has an address all the same.
func TestTheAddressOfAClientThatIsGone(t *testing.T) {
	needProcesses(t)
	told := new(log)
	s := listen(t, "tcp", nil, told.option(), socketserver.Processes(1, naming), socketserver.Name("job"))
	c := dial(t, s)
	addr := c.LocalAddr().String()
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	if err := s.HandleRequest(); err != nil {
		t.Fatal(err)
	}
	if all := told.all(); len(all) != 1 || all[0].Error() != addr+", job "+addr {
		t.Errorf("told of %v, want %s", all, addr)
	}
}

func TestWhatCannotBeHandedToAProcess(t *testing.T) {
	needProcesses(t)
	cert, _ := certificate(t)
	unsupported := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Processes") {
			t.Errorf("%s: %v", what, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := socketserver.New(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}), nil, socketserver.Processes(1, obeying), quiet(t))
	defer s.Shutdown()
	unsupported("Serve", s.Serve())
	unsupported("HandleRequest", s.HandleRequest())
	unsupported("TryHandleRequest", s.TryHandleRequest())
	unsupported("HandleRequestTimeout", s.HandleRequestTimeout(time.Hour))

	m := newMemory()
	pipes := socketserver.New(m, nil, socketserver.Processes(1, obeying), quiet(t))
	defer pipes.Shutdown()
	ended := make(chan error, 1)
	go func() { ended <- pipes.Serve() }()
	c := m.dial()
	unsupported("a net.Pipe", <-ended)
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Error("the client is left:", err)
	}
	if got := pipes.Stats(); got != (socketserver.Stats{}) {
		t.Errorf("%+v", got)
	}
}

func TestProcessesThatMakeNoSense(t *testing.T) {
	needProcesses(t)
	both := func() { _, _ = socketserver.Listen("tcp", "127.0.0.1:0", echo, socketserver.Processes(1, obeying)) }
	for _, f := range []func(){
		func() { socketserver.Processes(0, obeying) },
		both,
		func() { listenPacket(t, "udp", echoPacket, socketserver.Processes(1, obeying)) },
	} {
		wantPanic(t, socketserver.ErrValue, f)
	}
	wantPanic(t, process.ErrInit, func() { socketserver.Register(echo) })
	for name, f := range map[string]func(){
		"Processes": func() { socketserver.Processes(1, nil) },
		"Register":  func() { socketserver.Register(nil) },
	} {
		if proof.Recovered(f) == nil {
			t.Errorf("%s: no panic", name)
		}
	}
}

func init() {
	programsBeforeInit["before Init"] = func() {
		err, _ := proof.Recovered(func() {
			_, _ = socketserver.Listen("tcp", "127.0.0.1:0", nil, socketserver.Processes(1, obeying))
		}).(error)
		fmt.Println(errors.Is(err, process.ErrInit))
	}
	programs["parent"] = func() {
		s, err := socketserver.Listen("unix", os.Getenv("ADDR"), nil, socketserver.Processes(2, obeying), socketserver.Daemon(false))
		if err != nil {
			panic(err)
		}
		fmt.Println("ready")
		_ = s.Serve()
	}
	programs["few descriptors for processes"] = func() {
		setLimit(60)
		told := make(chan error, 100)
		s, err := socketserver.Listen("unix", os.Getenv("ADDR"), nil, socketserver.Processes(4, obeying), socketserver.OnError(func(c *socketserver.Conn, err error) {
			if c != nil || !errors.Is(err, syscall.EMFILE) {
				fmt.Println("told of", err)
			}
			select {
			case told <- err:
			default:
			}
		}))
		if err != nil {
			panic(err)
		}
		over := make(chan error, 1)
		go func() { over <- s.Serve() }()
		fmt.Println("ready")
		var burnt []*os.File
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			switch in.Text() {
			case "burn":
				debug.SetGCPercent(-1) // which closes nothing from now on
				for {
					f, err := os.Open(os.DevNull)
					if err != nil {
						break
					}
					burnt = append(burnt, f)
				}
				_ = burnt[len(burnt)-1].Close() // for one connection
				burnt = burnt[:len(burnt)-1]
			case "told":
				<-told
			case "free":
				for _, f := range burnt {
					_ = f.Close()
				}
			}
			fmt.Println("done")
		}
		s.Shutdown()
		fmt.Printf("%+v %v %d\n", s.Stats(), <-over, len(process.Children()))
	}
}

func TestInitComesBeforeProcesses(t *testing.T) {
	out, err := child(t, "before Init").Output()
	if err != nil || string(out) != "true\n" {
		t.Errorf("%s, %v", out, err)
	}
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	needProcesses(t)
	addr := address(t, "unix")
	cmd := child(t, "parent", "ADDR="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	at := &net.UnixAddr{Name: addr, Net: "unix"}
	busy, idle := dial(t, hasAddr{at}), dial(t, hasAddr{at})
	pids := []int{busy.pid(t), idle.pid(t)}
	idle.say(t, "bye\n")
	idle.hearEnd(t)
	busy.ask(t, "stubborn")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, pid := range pids {
		waitFor(t, "the child is gone", func() bool { return isGone(pid) })
	}
	if _, err := io.ReadAll(busy); err != nil {
		t.Error(err)
	}
}

type hasAddr struct{ addr net.Addr }

func (a hasAddr) Addr() net.Addr { return a.addr }

// state is the letter by which the kernel says what a process does; X: there is none.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "X"
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

// isGone reports whether a process is dead; init may not have waited for it yet.
func isGone(pid int) bool { return strings.Contains("ZX", state(pid)) }

// stop stops a process, all of it.
func stop(t testing.TB, pid int) {
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	waitFor(t, "the child is stopped", func() bool {
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		for _, thread := range threads {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, thread.Name()))
			if _, after, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(after, "T") {
				return false
			}
		}
		return true
	})
}

// While no child can be started, a connection waits: for one that gets idle, or until there is room for another.
func TestDescriptorsRunOutForProcesses(t *testing.T) {
	needProcesses(t)
	addr := address(t, "unix")
	cmd := child(t, "few descriptors for processes", "ADDR="+addr)
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
	hear := func(want string) {
		t.Helper()
		if line, err := lines.ReadString('\n'); line != want+"\n" || err != nil {
			t.Fatalf("heard %q, %v, want %s", line, err, want)
		}
	}
	order := func(what string) {
		t.Helper()
		if _, err := fmt.Fprintln(in, what); err != nil {
			t.Fatal(err)
		}
		hear("done")
	}
	hear("ready")
	server := hasAddr{&net.UnixAddr{Name: addr, Net: "unix"}}
	first := dial(t, server)
	pid := first.pid(t)
	order("burn")
	waiting := dial(t, server)
	waiting.say(t, "pid\n")
	order("told") // no child can be started for it
	first.say(t, "bye\n")
	first.hearEnd(t)
	if line, err := waiting.in.ReadString('\n'); strings.TrimSpace(line) != strconv.Itoa(pid) || err != nil {
		t.Errorf("%q, %v: want %d", line, err, pid)
	}
	another := dial(t, server)
	another.say(t, "pid\n")
	order("told")
	order("free")
	if line, err := another.in.ReadString('\n'); strings.TrimSpace(line) == strconv.Itoa(pid) || err != nil {
		t.Errorf("%q, %v: want another than %d", line, err, pid)
	}
	for _, c := range []client{waiting, another} {
		c.say(t, "bye\n")
		c.hearEnd(t)
	}
	_ = in.Close()
	rest, _ := io.ReadAll(lines)
	if want := "{Open:0 Accepted:3 Served:3 Failed:0 Rejected:0} <nil> 0\n"; string(rest) != want {
		t.Errorf("%s, want %s", rest, want)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

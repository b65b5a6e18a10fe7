package selectors_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/selectors"
)

// Standard input, whatever it is.
func TestStandardInputMayBeAnything(t *testing.T) {
	check := func(name string, stdin func(*testing.T) (give *os.File, feed func()), want string) {
		t.Run(name, func(t *testing.T) {
			cmd := child(t, "standard input")
			in, feed := stdin(t)
			cmd.Stdin = in
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(out)
			first, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			feed()
			rest, _ := io.ReadAll(lines)
			if got := first + string(rest); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	const waits = "nothing yet\nRead\n\"hello\\n\"\n"
	check("terminal", func(t *testing.T) (*os.File, func()) {
		master, slave := terminal(t)
		return slave, func() { write(t, master, "hello\n") }
	}, waits)
	check("pipe", func(t *testing.T) (*os.File, func()) {
		r, w := pipe(t)
		return r, func() { write(t, w, "hello\n") }
	}, waits)
	check("socket", func(t *testing.T) (*os.File, func()) {
		a, b := tcp(t)
		f, err := a.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f, func() { write(t, b, "hello\n") }
	}, waits)
	check("file", func(t *testing.T) (*os.File, func()) { return regular(t, "hello\n"), func() {} }, "Read\n\"hello\\n\"\n")
	check("null", func(t *testing.T) (*os.File, func()) {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f, func() {}
	}, "Read\n\"\" EOF\n")
}

func init() {
	programs["standard input"] = func() {
		sel, err := selectors.New[string]()
		if err != nil {
			panic(err)
		}
		if _, err := sel.Register(os.Stdin, selectors.Read, ""); err != nil {
			panic(err)
		}
		ready, err := sel.TrySelect()
		if err != nil {
			panic(err)
		}
		if len(ready) == 0 {
			if n, err := selectors.TryRead(os.Stdin, make([]byte, 9)); n != 0 || err != selectors.ErrWouldBlock {
				panic(fmt.Sprint(n, err))
			}
			fmt.Println("nothing yet") // from now on there may be something
			if ready, err = sel.Select(); err != nil {
				panic(err)
			}
		}
		fmt.Println(ready[0].Events)
		buf := make([]byte, 99)
		n, err := selectors.TryRead(os.Stdin, buf)
		text := strconv.Quote(string(buf[:n]))
		if err != nil {
			text += " " + err.Error()
		}
		fmt.Println(text)
	}
}

// A goroutine in Select occupies no thread of the system.
func TestAWaitTakesNoThread(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	if room := descriptors(t) / 3; n > room { // each may have two
		t.Logf("%d selectors instead of %d: more descriptors are not allowed", room, n)
		n = room
	}
	before := threads(t)
	var all sync.WaitGroup
	var sels []*selectors.Selector[string]
	for range n {
		sel := newSelector[string](t)
		sels = append(sels, sel)
		r, _ := net.Pipe()
		_ = r.Close()
		all.Go(func() {
			if _, err := sel.Select(); err != selectors.ErrClosed {
				t.Error(err)
			}
		})
	}
	waitUntilAsleepAmongMany(t, n)
	if after := threads(t); after > before+n/10 {
		t.Errorf("%d threads with %d selectors that wait, before %d", after, n, before)
	}
	for _, sel := range sels {
		_ = sel.Close()
	}
	all.Wait()
}

// descriptors returns how many a process may have.
func descriptors(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, math.MaxInt32))
}

func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	for line := range strings.Lines(string(status)) {
		if n, ok := strings.CutPrefix(line, "Threads:"); ok {
			count, err := strconv.Atoi(strings.TrimSpace(n))
			if err != nil {
				t.Fatal(err)
			}
			return count
		}
	}
	t.Fatal("no number of threads in", string(status))
	return 0
}

// waitUntilAsleepAmongMany returns when n goroutines wait in the netpoller.
func waitUntilAsleepAmongMany(t *testing.T, n int) {
	t.Helper()
	all := make([]byte, 16<<20)
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		text := string(all[:runtime.Stack(all, true)])
		if strings.Count(text, "[IO wait") >= n {
			return
		}
		if time.Since(start) > hang {
			t.Fatal("they do not go to sleep")
		}
	}
}

// One goroutine has them all. The clients live in a child, since one process may not have that many descriptors.
func TestTenThousandConnectionsOnOneGoroutine(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 500
	}
	if most := descriptors(t) - 200; n > most {
		t.Logf("%d connections instead of %d: more descriptors are not allowed", most, n)
		n = most
	}
	defer proof.Watch(t)()
	l := listener(t)
	cmd := child(t, "idle clients")
	cmd.Env = append(cmd.Env, "CLIENTS="+strconv.Itoa(n), "ADDR="+l.Addr().String())
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
	sel := newSelector[int](t)
	register(t, sel, l, read, -1)
	goroutines := runtime.NumGoroutine()
	said := make(chan string)
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said <- lines.Text()
		}
	}()
	served := make(chan error, 1)
	echoes := 0
	go func() { served <- serveAll(sel, n, &echoes) }()
	for _, want := range []string{"connected", "echoed"} {
		if got := <-said; got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if more := runtime.NumGoroutine() - goroutines; more > 5 {
		t.Errorf("%d goroutines more", more)
	}
	_ = in.Close() // and they all hang up
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for range said {
	}
	if sel.Len() != 1 || echoes != n {
		t.Errorf("%d are registered, %d echoes", sel.Len(), echoes)
	}
}

// serveAll accepts n connections and echoes until all have hung up.
func serveAll(sel *selectors.Selector[int], n int, echoes *int) error {
	buf := make([]byte, 100)
	accepted, gone := 0, 0
	for gone < n {
		ready, err := sel.Select()
		if err != nil {
			return err
		}
		for _, r := range ready {
			if r.Data < 0 {
				for {
					c, err := selectors.TryAccept(r.File.(net.Listener))
					if err == selectors.ErrWouldBlock {
						break
					} else if err != nil {
						return err
					}
					accepted++
					if _, err := sel.Register(c, selectors.Read, accepted); err != nil {
						return err
					}
				}
				continue
			}
			count, err := selectors.TryRead(r.File, buf)
			switch {
			case err == io.EOF || errors.Is(err, syscall.ECONNRESET):
				gone++
				if err := errors.Join(sel.Unregister(r.File), r.File.(net.Conn).Close()); err != nil {
					return err
				}
			case err != nil:
				return err
			default:
				*echoes++
				if _, err := selectors.TryWrite(r.File, buf[:count]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func init() {
	programs["idle clients"] = func() {
		n, _ := strconv.Atoi(os.Getenv("CLIENTS"))
		conns := make([]net.Conn, n)
		for i := range conns {
			c, err := net.Dial("tcp", os.Getenv("ADDR"))
			if err != nil {
				panic(err)
			}
			conns[i] = c
		}
		fmt.Println("connected")
		for i, c := range conns {
			line := fmt.Sprintln("client", i)
			if _, err := io.WriteString(c, line); err != nil {
				panic(err)
			}
			buf := make([]byte, len(line))
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != line {
				panic(fmt.Sprint(string(buf), err))
			}
		}
		fmt.Println("echoed")
		_, _ = io.Copy(io.Discard, os.Stdin)
		for _, c := range conns {
			_ = c.Close()
		}
	}

	// Where descriptors have run out, an Accept fails, and the client is accepted later.
	programs["no descriptors"] = func() {
		must := func(err error) {
			if err != nil {
				panic(err)
			}
		}
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(err)
		sel, err := selectors.New[int]()
		must(err)
		_, err = sel.Register(l, selectors.Read, 0)
		must(err)
		client, err := net.Dial("tcp", l.Addr().String())
		must(err)
		var hoard []*os.File
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				break
			}
			hoard = append(hoard, f)
		}
		for free := range 3 {
			for range 2 {
				ready, err := sel.Select()
				if len(ready) != 1 || err != nil {
					panic(fmt.Sprint(ready, err))
				}
				c, err := selectors.TryAccept(l)
				if free == 2 {
					must(err)
					_, err = client.Write([]byte("x"))
					must(err)
					buf := make([]byte, 1)
					_, err = c.Read(buf)
					must(err)
					fmt.Println("accepted")
					_ = c.Close()
					_ = client.Close()
					if _, err := selectors.New[int](); err != nil { // two are free
						panic(err)
					}
					for _, f := range hoard {
						_ = f.Close()
					}
					return
				}
				if !errors.Is(err, syscall.EMFILE) || c != nil {
					panic(fmt.Sprint(free, c, err))
				}
			}
			_ = hoard[len(hoard)-1].Close()
			hoard = hoard[:len(hoard)-1]
		}
	}

	// Where they have run out, what is stale cannot be replaced; it stays, and is never reported.
	programs["no descriptor for another epoll"] = func() {
		must := func(err error) {
			if err != nil {
				panic(err)
			}
		}
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: 40}))
		sel, err := selectors.New[string]()
		must(err)
		r, w, err := os.Pipe()
		must(err)
		other, ow, err := os.Pipe()
		must(err)
		_, err = sel.Register(r, selectors.Read, "r")
		must(err)
		_, err = sel.Register(other, selectors.Read, "other")
		must(err)
		conn, err := r.SyscallConn()
		must(err)
		duplicate := -1
		must(conn.Control(func(fd uintptr) { duplicate, err = syscall.Dup(int(fd)) }))
		must(err)
		_ = r.Close()
		var hoard []*os.File
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				break
			}
			hoard = append(hoard, f)
		}
		_, err = w.WriteString("x")
		must(err)
		for range 3 {
			ready, err := sel.SelectTimeout(time.Millisecond)
			if len(ready) != 0 || err != nil {
				panic(fmt.Sprint(ready, err))
			}
		}
		over := make(chan []selectors.Ready[string])
		go func() {
			ready, err := sel.Select()
			must(err)
			over <- ready
		}()
		for all := make([]byte, 1<<16); !bytes.Contains(all[:runtime.Stack(all, true)], []byte("[IO wait")); {
			runtime.Gosched() // until it has gone to sleep, which one that is told of the stale file again and again never does
		}
		_, err = ow.WriteString("x")
		must(err)
		if ready := <-over; len(ready) != 1 || ready[0].Data != "other" {
			panic(fmt.Sprint(ready))
		}
		for _, f := range hoard {
			_ = f.Close()
		}
		_ = syscall.Close(duplicate)
		fmt.Println("fine")
	}
}

func TestDescriptorsRunOut(t *testing.T) {
	for program, want := range map[string]string{
		"no descriptors": "accepted\n", "no descriptor for another epoll": "fine\n",
	} {
		out, err := child(t, program).Output()
		if string(out) != want || err != nil {
			t.Errorf("%s: %q, %v", program, out, err)
		}
	}
}

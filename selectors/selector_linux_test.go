package selectors_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/selectors"
)

const (
	read   = selectors.Read
	writes = selectors.Write
	except = selectors.Except
	edge   = selectors.Edge
)

func TestAllThatIsReadyIsReported(t *testing.T) {
	sel := newSelector[int](t)
	const n = 300
	for i := range n {
		r, w := pipe(t)
		register(t, sel, r, read, i)
		if i%3 != 0 {
			write(t, w, "x")
		}
	}
	for range 2 {
		ready, err := sel.Select()
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, r := range ready {
			got = append(got, r.Data)
			if r.Events != read || r.Key.Events != read {
				t.Errorf("%d is ready for %v of %v", r.Data, r.Events, r.Key.Events)
			}
		}
		slices.Sort(got)
		var want []int
		for i := range n {
			if i%3 != 0 {
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("ready are %v", got)
		}
	}
}

// What ends a wait that has begun.
func TestAWaitThatHasBegunIsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*testing.T, *selectors.Selector[string]) (end func())
		want   string
	}{
		"a file becomes ready": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			r, w := pipe(t)
			register(t, sel, r, read, "r")
			return func() { write(t, w, "x") }
		}, "r:Read"},
		"the end": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			r, w := pipe(t)
			register(t, sel, r, read, "r")
			return func() { _ = w.Close() }
		}, "r:Read"},
		"Register of a ready file": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			_, w := pipe(t)
			return func() { register(t, sel, w, writes, "w") }
		}, "w:Write"},
		"Register of a regular file": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			f := regular(t, "")
			return func() { register(t, sel, f, read|writes, "f") }
		}, "f:Read|Write"},
		"Modify of a regular file": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			f := regular(t, "")
			register(t, sel, f, except, "f")
			return func() {
				if _, err := sel.Modify(f, read, "g"); err != nil {
					t.Error(err)
				}
			}
		}, "g:Read"},
		"Modify to what is ready": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			a, _ := tcp(t)
			register(t, sel, a, read, "a")
			return func() {
				if _, err := sel.Modify(a, writes, "b"); err != nil {
					t.Error(err)
				}
			}
		}, "b:Write"},
		"Close": {func(t *testing.T, sel *selectors.Selector[string]) func() {
			r, _ := pipe(t)
			register(t, sel, r, read, "r")
			return func() { _ = sel.Close() }
		}, "closed"},
	} {
		for form, wait := range map[string]func(*selectors.Selector[string]) ([]selectors.Ready[string], error){
			"Select":        (*selectors.Selector[string]).Select,
			"SelectTimeout": func(s *selectors.Selector[string]) ([]selectors.Ready[string], error) { return s.SelectTimeout(hang) },
			"SelectTimeout forever": func(s *selectors.Selector[string]) ([]selectors.Ready[string], error) {
				return s.SelectTimeout(math.MaxInt64)
			},
			"SelectContext": func(s *selectors.Selector[string]) ([]selectors.Ready[string], error) {
				return s.SelectContext(t.Context())
			},
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				sel := newSelector[string](t)
				end := c.before(t, sel)
				const several = 3
				got := make(chan string, several)
				for range several {
					go func() {
						ready, err := wait(sel)
						switch {
						case errors.Is(err, selectors.ErrClosed) && ready == nil:
							got <- "closed"
						case err != nil:
							got <- err.Error()
						default:
							got <- list(ready)
						}
					}()
				}
				waitUntilAsleep(t, 1, several-1)
				end()
				for range several {
					if got := <-got; got != c.want {
						t.Errorf("got %s, want %s", got, c.want)
					}
				}
			})
		}
	}
}

func TestOutOfTimeIsAnEmptySlice(t *testing.T) {
	sel := newSelector[string](t)
	r, w := pipe(t)
	register(t, sel, r, read, "r")
	times := []time.Duration{0, -1, math.MinInt64, 1, time.Millisecond, 20 * time.Millisecond}
	for _, d := range times {
		start := time.Now()
		ready, err := sel.SelectTimeout(d)
		if len(ready) != 0 || err != nil {
			t.Errorf("%v: %v, %v", d, ready, err)
		}
		if passed := time.Since(start); passed < d {
			t.Errorf("%v: over after %v", d, passed)
		}
	}
	write(t, w, "x")
	for _, d := range append(times, math.MaxInt64) {
		if ready, err := sel.SelectTimeout(d); list(ready) != "r:Read" || err != nil {
			t.Errorf("%v: %v, %v", d, ready, err)
		}
	}
}

// Who waits in line for the turn gives up like whoever has it, and nobody else notices.
func TestWhoWaitsBehindAnotherGivesUpToo(t *testing.T) {
	sel := newSelector[string](t)
	r, w := pipe(t)
	register(t, sel, r, read, "r")
	first := make(chan string)
	go func() {
		ready, err := sel.Select()
		first <- fmt.Sprint(list(ready), err)
	}()
	waitUntilAsleep(t, 1, 0)
	if ready, err := sel.SelectTimeout(time.Millisecond); len(ready) != 0 || err != nil {
		t.Error(ready, err)
	}
	wantReady(t, sel, "")
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	second := make(chan error)
	go func() { _, err := sel.SelectContext(ctx); second <- err }()
	waitUntilAsleep(t, 1, 1)
	cancel(why)
	if err := <-second; err != why {
		t.Error(err)
	}
	write(t, w, "x")
	wantReady(t, sel, "r:Read")
	if got := <-first; got != "r:Read<nil>" {
		t.Error(got)
	}
}

func TestAnEndedContextIsReportedBeforeWhatIsReady(t *testing.T) {
	for name, ended := range proof.EndedContexts(errors.New("why")) {
		t.Run(name, func(t *testing.T) {
			sel := newSelector[string](t)
			f := regular(t, "")
			register(t, sel, f, read|edge, "f")
			ctx, want := ended(t)
			if ready, err := sel.SelectContext(ctx); ready != nil || err != want {
				t.Errorf("%v, %v, want %v", ready, err, want)
			}
			wantReady(t, sel, "f:Read")
			_ = sel.Close()
			if _, err := sel.SelectContext(ctx); err != selectors.ErrClosed {
				t.Errorf("%v, want %v", err, selectors.ErrClosed)
			}
		})
	}
}

func TestAContextThatEndsEndsTheWait(t *testing.T) {
	for name, ending := range proof.EndingContexts(errors.New("why")) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some take seconds
			sel := newSelector[string](t)
			r, w := pipe(t)
			register(t, sel, r, read, "r")
			ctx, end := ending.New()
			var ended sync.WaitGroup
			defer ended.Wait()
			ended.Go(end)
			if ready, err := sel.SelectContext(ctx); ready != nil || err != ending.Want {
				t.Errorf("%v, %v, want %v", ready, err, ending.Want)
			}
			go w.Write([]byte("x"))
			if ready, err := sel.Select(); list(ready) != "r:Read" || err != nil {
				t.Error(ready, err)
			}
		})
	}
}

// A context that ends at the very moment at which the call returns must not cut the next call short.
func TestAContextThatEndsLateEndsNoOtherCall(t *testing.T) {
	defer proof.Watch(t)()
	sel := newSelector[string](t)
	r, w := pipe(t)
	register(t, sel, r, read, "r")
	buf := make([]byte, 1)
	for range proof.Rounds(20_000, 10, 4) {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		go w.Write([]byte("x")) // which is ready sometimes before and sometimes after
		if ready, err := sel.SelectContext(ctx); err != context.Canceled && (err != nil || len(ready) != 1) {
			t.Fatal(ready, err)
		}
		if ready, err := sel.Select(); len(ready) != 1 || err != nil {
			t.Fatal("the next call:", ready, err)
		}
		if n, err := selectors.TryRead(r, buf); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestATimeoutEndsNoOtherCall(t *testing.T) {
	defer proof.Watch(t)()
	sel := newSelector[string](t)
	r, w := pipe(t)
	register(t, sel, r, read, "r")
	buf := make([]byte, 1)
	for i := range proof.Rounds(10_000, 10, 4) {
		go w.Write([]byte("x"))
		if ready, err := sel.SelectTimeout(time.Duration(i % 50_000)); err != nil {
			t.Fatal(ready, err)
		}
		if ready, err := sel.Select(); len(ready) != 1 || err != nil {
			t.Fatal("the next call:", ready, err)
		}
		if n, err := selectors.TryRead(r, buf); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

func TestLevelIsReportedAsLongAsItLastsAndEdgeOnce(t *testing.T) {
	for _, kind := range []selectors.Event{0, edge} {
		t.Run(kind.String(), func(t *testing.T) {
			again := func(s string) string {
				if kind == edge {
					return ""
				}
				return s
			}
			sel := newSelector[string](t)
			a, b := tcp(t)
			register(t, sel, a, read|kind, "a")
			wantReady(t, sel, "")
			write(t, b, "xy")
			waitReadable(t, a)
			wantReady(t, sel, "a:Read")
			wantReady(t, sel, again("a:Read"))
			if n, err := selectors.TryRead(a, make([]byte, 1)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			wantReady(t, sel, again("a:Read"))
			if _, err := sel.Modify(a, read|kind, "again"); err != nil {
				t.Fatal(err)
			}
			wantReady(t, sel, "again:Read")
			wantReady(t, sel, again("again:Read"))
			if n, err := selectors.TryRead(a, make([]byte, 9)); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			wantReady(t, sel, "")
			write(t, b, "z")
			waitReadable(t, a)
			wantReady(t, sel, "again:Read")

			f := regular(t, "")
			register(t, sel, f, read|writes|kind, "f")
			level := again("again:Read ")
			wantReady(t, sel, level+"f:Read|Write")
			wantReady(t, sel, strings.TrimSpace(level+again("f:Read|Write")))
			if _, err := sel.Modify(f, writes|kind, "g"); err != nil {
				t.Fatal(err)
			}
			wantReady(t, sel, level+"g:Write")
			wantReady(t, sel, strings.TrimSpace(level+again("g:Write")))
			if _, err := sel.Modify(f, except|kind, "h"); err != nil {
				t.Fatal(err)
			}
			wantReady(t, sel, strings.TrimSpace(level))
			if err := sel.Unregister(f); err != nil {
				t.Fatal(err)
			}
			wantReady(t, sel, strings.TrimSpace(level))
			if n := len(watched(t, sel)); n != 1 {
				t.Errorf("the kernel watches %d descriptors, want 1", n)
			}
		})
	}
}

// waitReadable returns when the kernel has something to read, so that a TrySelect must see it.
func waitReadable(t testing.TB, file any) {
	t.Helper()
	other := newSelector[string](t)
	register(t, other, file, read, "")
	if ready, err := other.SelectTimeout(hang); len(ready) != 1 || err != nil {
		t.Fatal(ready, err)
	}
	_ = other.Close()
}

func TestTheEndIsReadAndWriteWhicheverIsRegistered(t *testing.T) {
	for _, c := range []struct {
		events selectors.Event
		want   string
	}{{read, "a:Read"}, {writes, "a:Write"}, {read | writes, "a:Read|Write"}, {read | except, "a:Read"}, {except, ""}} {
		sel := newSelector[string](t)
		a, b := pair(t, syscall.SOCK_STREAM)
		if c.events&writes != 0 { // which must not be ready for another reason
			_ = a.SetWriteBuffer(1)
			for {
				if _, err := selectors.TryWrite(a, make([]byte, 1<<16)); err == selectors.ErrWouldBlock {
					break
				}
			}
		}
		register(t, sel, a, c.events, "a")
		wantReady(t, sel, "")
		_ = b.Close() // POLLHUP
		wantReady(t, sel, c.want)
	}
	r, w := pipe(t)
	_ = r.Close() // POLLERR
	sel := newSelector[string](t)
	register(t, sel, w, writes, "w")
	wantReady(t, sel, "w:Write")
}

// What is never asked for is reported by the kernel all the same; it must end no wait, and keep nobody busy.
func TestExceptAloneDoesNotSpin(t *testing.T) {
	sel := newSelector[string](t)
	a, b := pair(t, syscall.SOCK_STREAM)
	register(t, sel, a, except, "a")
	_ = b.Close()
	if ready, err := sel.SelectTimeout(time.Millisecond); len(ready) != 0 || err != nil {
		t.Error(ready, err)
	}
	if got := watched(t, sel); !slices.Equal(got, []string{"8000001a"}) && !slices.Equal(got, []string{"8000000a"}) &&
		!slices.Equal(got, []string{"8000001A"}) {
		t.Errorf("the kernel watches for %v, want EPOLLPRI and EPOLLET, with EPOLLERR and EPOLLHUP", got)
	}
	if _, err := sel.Modify(a, read, "a"); err != nil {
		t.Fatal(err)
	}
	wantReady(t, sel, "a:Read")
}

// TCP's urgent byte: level while it is there, also beside the end of both directions, and after that.
func TestExceptIsTheUrgentByte(t *testing.T) {
	a, b := tcp(t)
	sel := newSelector[string](t)
	register(t, sel, a, except, "a")
	wantReady(t, sel, "")
	sendUrgent := func(text string) {
		t.Helper()
		control(t, b, func(fd int) error { return syscall.Sendto(fd, []byte(text), syscall.MSG_OOB, nil) })
	}
	receiveUrgent := func(want string) {
		t.Helper()
		control(t, a, func(fd int) error {
			buf := make([]byte, 9)
			n, _, err := syscall.Recvfrom(fd, buf, syscall.MSG_OOB)
			if err != nil || string(buf[:n]) != want {
				return fmt.Errorf("urgent: %q, %w", buf[:max(n, 0)], err)
			}
			return nil
		})
	}
	waitFor := func() {
		t.Helper()
		if ready, err := sel.SelectTimeout(hang); list(ready) != "a:Except" || err != nil {
			t.Fatal(ready, err)
		}
	}
	sendUrgent("!")
	waitFor()
	wantReady(t, sel, "a:Except")
	receiveUrgent("!")
	wantReady(t, sel, "")

	sendUrgent("?")
	_ = b.Close()
	_ = a.CloseWrite()
	waitFor()
	wantReady(t, sel, "a:Except")
	receiveUrgent("?")
	for range 3 {
		wantReady(t, sel, "")
	}
}

// What was muted because of an end is told of what is exceptional after all, for as long as it lasts: a terminal that
// somebody opens again.
func TestExceptIsLevelAfterAnEndToo(t *testing.T) {
	if strings.HasPrefix(runtime.GOARCH, "mips") || strings.HasPrefix(runtime.GOARCH, "ppc") {
		t.Skip("the number of an ioctl is another one here")
	}
	master, slave := terminal(t)
	on := int32(1)
	control(t, master, ioctl(syscall.TIOCPKT, unsafe.Pointer(&on))) // a flush is told to the master as exceptional
	sel := newSelector[string](t)
	register(t, sel, master, except, "master")
	name := slave.Name()
	_ = slave.Close()
	if ready, err := sel.SelectTimeout(time.Millisecond); len(ready) != 0 || err != nil {
		t.Error(ready, err)
	}
	again, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	const tcflsh = 0x540b // which package syscall lacks
	flush := func() {
		t.Helper()
		control(t, again, func(fd int) error {
			if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tcflsh, syscall.TCIOFLUSH); errno != 0 {
				return errno
			}
			return nil
		})
	}
	for range 2 {
		flush()
		if ready, err := sel.SelectTimeout(hang); list(ready) != "master:Except" || err != nil {
			t.Fatal(ready, err)
		}
		wantReady(t, sel, "master:Except")
		wantReady(t, sel, "master:Except")
		if n, err := selectors.TryRead(master, make([]byte, 9)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		wantReady(t, sel, "")
	}
}

func control(t testing.TB, file syscall.Conn, f func(fd int) error) {
	t.Helper()
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// A closed file is never ready, and Unregister works by object: also where the kernel goes on to watch, because of a
// duplicate, and where the number belongs to another file.
func TestAFileThatWasClosedIsNeverReady(t *testing.T) {
	t.Run("simply", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		register(t, sel, r, read, "r")
		write(t, w, "x")
		_ = r.Close()
		wantReady(t, sel, "")
		if sel.Len() != 1 {
			t.Error("it is not registered any more")
		}
		if err := sel.Unregister(r); err != nil {
			t.Error(err)
		}
	})
	for _, unregister := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a duplicate, unregistered %t", unregister), func(t *testing.T) {
			sel := newSelector[string](t)
			a, b := tcp(t)
			other, w := pipe(t)
			register(t, sel, other, read, "other")
			register(t, sel, a, read, "a")
			duplicate, err := a.File()
			if err != nil {
				t.Fatal(err)
			}
			defer duplicate.Close()
			_ = a.Close()
			if unregister {
				if err := sel.Unregister(a); err != nil {
					t.Error(err)
				}
			}
			next, _ := pipe(t)
			register(t, sel, next, read, "next") // and takes the place of a, if that is free
			write(t, b, "x")
			waitReadable(t, duplicate)
			wantReady(t, sel, "")
			if ready, err := sel.SelectTimeout(time.Millisecond); len(ready) != 0 || err != nil {
				t.Error(ready, err)
			}
			if n := len(watched(t, sel)); n != 2 {
				t.Errorf("the kernel watches %d descriptors, want 2", n)
			}
			write(t, w, "x")
			wantReady(t, sel, "other:Read")
			register(t, sel, duplicate, read, "duplicate")
			wantReady(t, sel, "duplicate:Read other:Read")
			if !unregister {
				if sel.Len() != 4 || sel.Unregister(a) != nil {
					t.Error("Unregister")
				}
			}
		})
	}
	t.Run("while a read of it ends", func(t *testing.T) {
		sel := newSelector[string](t)
		a, _ := tcp(t)
		register(t, sel, a, writes, "a")
		conn, _ := a.SyscallConn()
		inside, goOn := make(chan struct{}), make(chan struct{})
		over := make(chan error)
		go func() { over <- conn.Control(func(uintptr) { close(inside); <-goOn }) }()
		<-inside
		go func() { over <- a.Close() }() // the descriptor stays open until Control has returned
		for conn.Control(func(uintptr) {}) == nil {
			runtime.Gosched()
		}
		wantReady(t, sel, "")
		close(goOn)
		if err := errors.Join(<-over, <-over); err != nil {
			t.Error(err)
		}
		wantReady(t, sel, "")
	})
	t.Run("a regular one", func(t *testing.T) {
		sel := newSelector[string](t)
		f, g := regular(t, ""), regular(t, "")
		register(t, sel, f, read, "f")
		register(t, sel, g, read, "g")
		_ = f.Close()
		wantReady(t, sel, "g:Read")
		_ = g.Close()
		wantReady(t, sel, "")
		if ready, err := sel.SelectTimeout(time.Millisecond); len(ready) != 0 || err != nil {
			t.Error(ready, err)
		}
		if sel.Unregister(f) != nil || sel.Unregister(g) != nil {
			t.Error("Unregister")
		}
	})
	t.Run("and its number is used again", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		key := register(t, sel, r, read, "old")
		write(t, w, "x")
		_ = r.Close()
		fd, err := syscall.Open("/dev/zero", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Close(fd)
		r2, w2, fd2 := pipeAt(t, key.FD)
		if fd2 != key.FD {
			t.Skip("another descriptor came in between")
		}
		register(t, sel, r2, read, "new")
		wantReady(t, sel, "")
		write(t, w2, "x")
		wantReady(t, sel, "new:Read")
		if err := sel.Unregister(r); err != nil {
			t.Error(err)
		}
		wantReady(t, sel, "new:Read")
		if k, ok := sel.Get(r2); !ok || k.FD != key.FD {
			t.Error("Get:", k, ok)
		}
	})
}

// pipeAt returns a pipe whose reading end has a number, if that is free.
func pipeAt(t testing.TB, number int) (r, w *os.File, fd int) {
	t.Helper()
	r1, w := pipe(t)
	control(t, r1, func(old int) (err error) {
		fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(old), syscall.F_DUPFD_CLOEXEC, uintptr(number))
		if errno != 0 {
			return errno
		}
		r = os.NewFile(fd, "r")
		return nil
	})
	_ = r1.Close()
	t.Cleanup(func() { _ = r.Close() })
	control(t, r, func(got int) error { fd = got; return nil })
	return r, w, fd
}

func TestUnregisteredDataIsNotKept(t *testing.T) {
	sel, err := selectors.New[*[1 << 10]byte]()
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	r, _ := pipe(t)
	gone := func() weak.Pointer[[1 << 10]byte] {
		data := new([1 << 10]byte)
		register(t, sel, r, writes, data)
		ready, err := sel.SelectTimeout(time.Millisecond)
		if err != nil || len(ready) != 0 {
			t.Fatal(ready, err)
		}
		if err := sel.Unregister(r); err != nil {
			t.Fatal(err)
		}
		return weak.Make(data)
	}()
	if !proof.Collected(gone) {
		t.Error("it is still there")
	}
	runtime.KeepAlive(sel)
}

func TestWhatItCosts(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector allocates")
	}
	sel := newSelector[int](t)
	r, w := pipe(t)
	register(t, sel, r, read, 0)
	wantAllocs := func(call string, want float64, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, f); got > want {
			t.Errorf("%s allocates %v times, want %v", call, got, want)
		}
	}
	wantAllocs("TrySelect of nothing", 0, func() { _, _ = sel.TrySelect() })
	write(t, w, "x")
	wantAllocs("Select", 1, func() { _, _ = sel.Select() })
	wantAllocs("TrySelect", 1, func() { _, _ = sel.TrySelect() })
	wantAllocs("SelectTimeout", 1, func() { _, _ = sel.SelectTimeout(time.Hour) })
	wantAllocs("SelectContext", 1, func() { _, _ = sel.SelectContext(context.Background()) })
}

// Whatever the methods of a file do, nothing is left of a Register that does not return a Key.
func TestFilesOfOthersLeaveNothingBehind(t *testing.T) {
	r, w := pipe(t)
	write(t, w, "x")
	conn, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("why")
	for name, c := range map[string]struct {
		control func(func(uintptr)) error
		want    error
		panics  bool
	}{
		"never calls":         {func(func(uintptr)) error { return nil }, selectors.ErrNotSelectable, false},
		"fails":               {func(func(uintptr)) error { return why }, why, false},
		"calls and fails":     {func(f func(uintptr)) error { _ = conn.Control(f); return why }, why, false},
		"calls and panics":    {func(f func(uintptr)) error { _ = conn.Control(f); panic(why) }, why, true},
		"calls and exits":     {func(f func(uintptr)) error { _ = conn.Control(f); runtime.Goexit(); return nil }, nil, true},
		"calls twice":         {func(f func(uintptr)) error { return errors.Join(conn.Control(f), conn.Control(f)) }, nil, false},
		"calls elsewhere":     {func(f func(uintptr)) (err error) { elsewhere(func() { err = conn.Control(f) }); return err }, nil, false},
		"uses the Selector":   {nil, nil, false},
		"has a bad number":    {func(f func(uintptr)) error { f(1 << 20); return nil }, syscall.EBADF, false},
		"has an epoll of its": {nil, syscall.EINVAL, false},
	} {
		t.Run(name, func(t *testing.T) {
			sel := newSelector[string](t)
			if name == "uses the Selector" {
				first := true
				c.control = func(f func(uintptr)) error {
					_ = sel.Len()
					if first { // else it would use itself without end
						first = false
						_, _ = sel.TrySelect()
					}
					return conn.Control(f)
				}
			}
			if name == "has an epoll of its" {
				c.control = func(f func(uintptr)) error { f(uintptr(sel.Descriptor())); return nil }
			}
			file := &foreign{control: c.control}
			var key *selectors.Key[string]
			var err error
			ended := elsewhere(func() { key, err = sel.Register(file, read, "f") })
			if ended == c.panics {
				t.Errorf("Register returned %t", ended)
			}
			if c.want == nil && !c.panics {
				if err != nil || key.File != any(file) || sel.Len() != 1 {
					t.Fatal(key, err, sel.Len())
				}
				wantReady(t, sel, "f:Read")
				return
			}
			if !c.panics && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if sel.Len() != 0 {
				t.Error("it is registered")
			}
			_ = c.panics
			wantReady(t, sel, "")
			register(t, sel, r, read, "r")
			wantReady(t, sel, "r:Read")
			if n := len(watched(t, sel)); n != 1 {
				t.Errorf("the kernel watches %d descriptors, want 1", n)
			}
		})
	}
}

// elsewhere runs f in a goroutine of its own, and reports whether it returned.
func elsewhere(f func()) (returned bool) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { _ = recover() }()
		f()
		returned = true
	}()
	<-over
	return returned
}

// A foreign is a file and its own RawConn.
type foreign struct {
	control func(func(uintptr)) error
}

func (f *foreign) SyscallConn() (syscall.RawConn, error) { return f, nil }
func (f *foreign) Control(g func(uintptr)) error         { return f.control(g) }
func (f *foreign) Read(func(uintptr) bool) error         { panic("Read") }
func (f *foreign) Write(func(uintptr) bool) error        { panic("Write") }

type unhashable struct {
	net.Conn
	_ []int
}

func (unhashable) SyscallConn() (syscall.RawConn, error) { return nil, nil }

type without struct{}

func (*without) SyscallConn() (syscall.RawConn, error) { return nil, nil }

func TestWhatIsNotSelectable(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	sel := newSelector[int](t)
	for name, file := range map[string]any{
		"nil": nil, "a number": 3, "net.Pipe": a, "unhashable": unhashable{}, "without a RawConn": new(without),
	} {
		_, err := sel.Register(file, read, 0)
		if !errors.Is(err, selectors.ErrNotSelectable) || !strings.Contains(err.Error(), fmt.Sprintf("Register of a %T", file)) {
			t.Errorf("Register of %s: %v", name, err)
		}
		if _, err := sel.Modify(file, read, 0); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Errorf("Modify of %s: %v", name, err)
		}
		if err := sel.Unregister(file); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Errorf("Unregister of %s: %v", name, err)
		}
		if key, ok := sel.Get(file); key != nil || ok {
			t.Errorf("Get of %s: %v, %t", name, key, ok)
		}
		for call, f := range map[string]func() error{
			"TryRead":     func() error { _, err := selectors.TryRead(file, nil); return err },
			"TryWrite":    func() error { _, err := selectors.TryWrite(file, nil); return err },
			"TryReadFrom": func() error { _, _, err := selectors.TryReadFrom(file, nil); return err },
			"TryWriteTo":  func() error { _, err := selectors.TryWriteTo(file, nil, nil); return err },
		} {
			if err := f(); !errors.Is(err, selectors.ErrNotSelectable) || !strings.Contains(err.Error(), call) {
				t.Errorf("%s of %s: %v", call, name, err)
			}
		}
	}
	if _, err := selectors.TryAccept(nil); !errors.Is(err, selectors.ErrNotSelectable) {
		t.Error(err)
	}
	for _, file := range []any{(*net.TCPConn)(nil), (*os.File)(nil), new(net.TCPConn)} {
		if _, err := sel.Register(file, read, 0); err == nil || sel.Len() != 0 {
			t.Errorf("%T: %v", file, err)
		}
	}
	r, _ := pipe(t)
	for _, e := range []selectors.Event{0, edge, 1 << 10, read | 1<<31} {
		if _, err := sel.Register(r, e, 0); !errors.Is(err, selectors.ErrEvents) || !strings.Contains(err.Error(), e.String()) {
			t.Errorf("%v: %v", e, err)
		}
	}
	if sel.Len() != 0 {
		t.Error("something is registered")
	}
}

func TestTheZeroSelectorIsClosed(t *testing.T) {
	var sel selectors.Selector[string]
	wantClosed(t, &sel)
}

func wantClosed(t *testing.T, sel *selectors.Selector[string]) {
	t.Helper()
	r, _ := pipe(t)
	for call, f := range map[string]func() error{
		"Register":        func() error { _, err := sel.Register(r, read, ""); return err },
		"Register of 0":   func() error { _, err := sel.Register(r, 0, ""); return err },
		"Register of nil": func() error { _, err := sel.Register(nil, read, ""); return err },
		"Modify":          func() error { _, err := sel.Modify(r, read, ""); return err },
		"Unregister":      func() error { return sel.Unregister(r) },
		"Select":          func() error { _, err := sel.Select(); return err },
		"TrySelect":       func() error { _, err := sel.TrySelect(); return err },
		"SelectTimeout":   func() error { _, err := sel.SelectTimeout(hang); return err },
		"SelectTimeout 0": func() error { _, err := sel.SelectTimeout(0); return err },
		"SelectContext":   func() error { _, err := sel.SelectContext(t.Context()); return err },
		"Close":           sel.Close,
	} {
		if err := f(); err != selectors.ErrClosed {
			t.Errorf("%s: %v, want %v", call, err, selectors.ErrClosed)
		}
	}
	if key, ok := sel.Get(r); key != nil || ok {
		t.Error("Get:", key, ok)
	}
	if sel.Len() != 0 {
		t.Error("Len:", sel.Len())
	}
	for key := range sel.Keys() {
		t.Error("Keys:", key)
	}
}

func TestEventsHaveNames(t *testing.T) {
	for e, want := range map[selectors.Event]string{
		0: "0", read: "Read", read | writes: "Read|Write", except | edge: "Except|Edge", 1 << 20: "?", writes | 1<<9: "Write|?",
	} {
		if got := e.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestWhatATransferCosts(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector allocates")
	}
	a, b := tcp(t)
	buf := make([]byte, 1)
	write(t, a, "xxxxxxxxxxxxxxxxxxxx")
	waitReadable(t, b)
	if got := testing.AllocsPerRun(10, func() { _, _ = selectors.TryRead(b, buf) }); got > 4 {
		t.Errorf("TryRead allocates %v times, want 4", got)
	}
	for range 10 {
		_, _ = selectors.TryRead(b, buf)
	}
	if got := testing.AllocsPerRun(10, func() { _, _ = selectors.TryRead(b, buf) }); got > 4 {
		t.Errorf("TryRead of nothing allocates %v times, want 4", got)
	}
}

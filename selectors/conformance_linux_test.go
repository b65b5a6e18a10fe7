package selectors_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/selectors"
)

// The cases of CPython's test_selectors.py, test_select.py, test_poll.py and test_epoll.py that mean something in Go, by
// their id in the list of conformance and their name there. Each runs for level and for edge where that makes a
// difference.

func levelAndEdge(t *testing.T, name string, f func(t *testing.T, kind selectors.Event)) {
	t.Run(name, func(t *testing.T) {
		for _, kind := range []selectors.Event{0, edge} {
			t.Run(map[selectors.Event]string{0: "level", edge: "edge"}[kind], func(t *testing.T) { f(t, kind) })
		}
	})
}

func TestCPythonSelectors(t *testing.T) {
	t.Run("SE01 test_register", func(t *testing.T) {
		sel := newSelector[string](t)
		r, _ := pipe(t)
		key := register(t, sel, r, read, "data")
		control(t, r, func(fd int) error {
			if key.File != any(r) || key.FD != fd || key.Events != read || key.Data != "data" {
				t.Errorf("%+v, want the descriptor %d", key, fd)
			}
			return nil
		})
		other, _ := pipe(t)
		for _, e := range []selectors.Event{0, 999999} {
			if _, err := sel.Register(other, e, ""); !errors.Is(err, selectors.ErrEvents) {
				t.Errorf("%v: %v", e, err)
			}
		}
		if _, err := sel.Register(r, read, ""); !errors.Is(err, selectors.ErrRegistered) {
			t.Error("twice:", err)
		}
		same := os.NewFile(uintptr(key.FD), "same")
		_, err := sel.Register(same, read, "")
		if !errors.Is(err, selectors.ErrRegistered) {
			t.Error("the same number, another object:", err)
		}
		_ = same.Close()
		_ = r.Close() // which fails: the number is closed
		if sel.Len() != 1 {
			t.Error(sel.Len())
		}
	})

	t.Run("SE02 test_unregister", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		register(t, sel, r, read, "")
		write(t, w, "x")
		if err := sel.Unregister(r); err != nil {
			t.Error(err)
		}
		wantReady(t, sel, "")
		for _, f := range []any{r, w, 999999} {
			if err := sel.Unregister(f); !errors.Is(err, selectors.ErrNotRegistered) {
				t.Error(err)
			}
		}
	})

	t.Run("SE03 test_unregister_after_fd_close and SE05 test_unregister_after_socket_close", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		a, b := tcp(t)
		for _, f := range []io.Closer{r, w, a, b} {
			register(t, sel, any(f), read, "")
			_ = f.Close()
		}
		for _, f := range []any{r, w, a, b} {
			if err := sel.Unregister(f); err != nil {
				t.Error(err)
			}
			if err := sel.Unregister(f); !errors.Is(err, selectors.ErrNotRegistered) {
				t.Error(err)
			}
		}
	})

	t.Run("SE04 test_unregister_after_fd_close_and_reuse", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		keys := []*selectors.Key[string]{register(t, sel, r, read, "r"), register(t, sel, w, writes, "w")}
		_, _ = r.Close(), w.Close()
		// The same numbers again, for files that are ready at once.
		for _, key := range keys {
			if fd, err := syscall.Open("/dev/zero", syscall.O_RDWR|syscall.O_CLOEXEC, 0); err != nil {
				t.Fatal(err)
			} else if fd != key.FD {
				if err := syscall.Dup3(fd, key.FD, syscall.O_CLOEXEC); err != nil {
					t.Fatal(err)
				}
				_ = syscall.Close(fd)
			}
		}
		wantReady(t, sel, "")
		if err := errors.Join(sel.Unregister(r), sel.Unregister(w)); err != nil {
			t.Error(err)
		}
		if err := errors.Join(sel.Unregister(r), sel.Unregister(w)); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Error(err)
		}
		for _, key := range keys {
			if err := syscall.Close(key.FD); err != nil {
				t.Error("somebody closed the new file:", err)
			}
		}
	})

	t.Run("SE06 test_modify", func(t *testing.T) {
		sel := newSelector[string](t)
		a, _ := tcp(t)
		key := register(t, sel, a, read, "data")
		wantReady(t, sel, "")
		key2, err := sel.Modify(a, writes, "data")
		if err != nil || key2.Events != writes || key2.Data != "data" || key2.File != any(a) || key2.FD != key.FD {
			t.Error(key2, err)
		}
		wantReady(t, sel, "data:Write")
		key3, err := sel.Modify(a, writes, "other")
		if err != nil || key3.Events != writes || key3.Data != "other" {
			t.Error(key3, err)
		}
		wantReady(t, sel, "other:Write")
		if got, _ := sel.Get(a); got != key3 || key.Events != read || key.Data != "data" || key2.Data != "data" {
			t.Error("a Key has changed:", key, key2, got)
		}
		r, _ := pipe(t)
		if _, err := sel.Modify(r, read, ""); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Error(err)
		}
		if _, err := sel.Modify(a, 0, ""); !errors.Is(err, selectors.ErrEvents) {
			t.Error(err)
		}
		wantReady(t, sel, "other:Write")
	})

	t.Run("SE07 test_modify_unregister", func(t *testing.T) {
		sel := newSelector[string](t)
		a, _ := tcp(t)
		key := register(t, sel, a, read, "whole")
		_ = a.Close()
		if _, err := sel.Modify(a, writes, "half"); !errors.Is(err, net.ErrClosed) ||
			!strings.Contains(err.Error(), "Modify of a *net.TCPConn") {
			t.Error(err)
		}
		if got, ok := sel.Get(a); got != key || !ok {
			t.Error(got, ok)
		}
		if err := sel.Unregister(a); err != nil || sel.Len() != 0 {
			t.Error(err)
		}
	})

	t.Run("SE08 test_close and SE13 test_context_manager", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		register(t, sel, r, read, "r")
		register(t, sel, w, writes, "w")
		if err := sel.Close(); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, sel)
		write(t, w, "x") // the files stay open
	})

	t.Run("SE09 test_get_key", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		key := register(t, sel, r, read, "data")
		if got, ok := sel.Get(r); got != key || !ok {
			t.Error(got, ok)
		}
		for _, f := range []any{w, 999999, nil, []int{}} {
			if got, ok := sel.Get(f); got != nil || ok {
				t.Error(f, got, ok)
			}
		}
	})

	t.Run("SE10 test_get_map", func(t *testing.T) {
		sel := newSelector[int](t)
		if len(slices.Collect(sel.Keys())) != 0 || sel.Len() != 0 {
			t.Error("something is registered")
		}
		var want []*selectors.Key[int]
		var files []*os.File
		for i := range 10 {
			r, _ := pipe(t)
			files = append(files, r)
			want = append(want, register(t, sel, r, read, i))
		}
		if got := slices.Collect(sel.Keys()); !slices.Equal(got, want) || sel.Len() != 10 {
			t.Error(got)
		}
		seen := 0
		for key := range sel.Keys() { // a snapshot
			seen++
			if err := sel.Unregister(key.File); err != nil {
				t.Error(err)
			}
			if seen == 5 {
				break
			}
		}
		register(t, sel, files[0], read, 99)
		var data []int
		for key := range sel.Keys() {
			data = append(data, key.Data)
		}
		if !slices.Equal(data, []int{5, 6, 7, 8, 9, 99}) {
			t.Error(data)
		}
	})

	levelAndEdge(t, "SE11 test_select", func(t *testing.T, kind selectors.Event) {
		sel := newSelector[string](t)
		a, b := tcp(t)
		register(t, sel, a, read|kind, "a")
		register(t, sel, b, writes|kind, "b")
		ready, err := sel.Select()
		if list(ready) != "b:Write" || err != nil || ready[0].File != any(b) || ready[0].Key.Events != writes|kind {
			t.Error(ready, err)
		}
		if _, err := sel.Modify(b, read|kind, "b"); err != nil {
			t.Fatal(err)
		}
		write(t, b, "x")
		if ready, err := sel.SelectTimeout(hang); list(ready) != "a:Read" || err != nil {
			t.Error(ready, err)
		}
	})

	levelAndEdge(t, "SE12 test_select_read_write", func(t *testing.T, kind selectors.Event) {
		sel := newSelector[string](t)
		a, b := tcp(t)
		write(t, b, "x")
		waitReadable(t, a)
		register(t, sel, a, read|writes|kind, "a")
		ready, err := sel.Select()
		if len(ready) != 1 || list(ready) != "a:Read|Write" || err != nil {
			t.Error(ready, err)
		}
	})

	levelAndEdge(t, "SE15 test_selector", func(t *testing.T, kind selectors.Event) {
		sel := newSelector[int](t)
		const n, message = 12, "This is a test."
		var as, bs []*net.TCPConn
		for i := range n {
			a, b := tcp(t)
			as, bs = append(as, a), append(bs, b)
			register(t, sel, a, read|kind, i)
			register(t, sel, b, writes|kind, i)
		}
		writable := map[int]bool{}
		got := 0
		for got < n {
			ready, err := sel.SelectTimeout(hang)
			if err != nil || len(ready) == 0 {
				t.Fatal(ready, err)
			}
			for _, r := range ready {
				if r.Events == writes {
					writable[r.Data] = true
					continue
				}
				buf := make([]byte, 99)
				count, err := selectors.TryRead(r.File, buf)
				if string(buf[:count]) != message || err != nil {
					t.Fatal(count, err)
				}
				got++
				if err := errors.Join(sel.Unregister(as[r.Data]), sel.Unregister(bs[r.Data])); err != nil {
					t.Fatal(err)
				}
			}
			for i := range writable {
				if count, err := selectors.TryWrite(bs[i], []byte(message)); count != len(message) || err != nil {
					t.Fatal(count, err)
				}
				delete(writable, i)
				if _, err := sel.Modify(bs[i], read|kind, i); err != nil {
					t.Fatal(err)
				}
				break // one at a time
			}
		}
		if sel.Len() != 0 {
			t.Error(sel.Len())
		}
	})

	t.Run("SE16 test_empty_select and SE23 test_empty_select_timeout", func(t *testing.T) {
		sel := newSelector[string](t)
		wantReady(t, sel, "")
		if ready, err := sel.SelectTimeout(10 * time.Millisecond); len(ready) != 0 || err != nil {
			t.Error(ready, err)
		}
	})

	t.Run("SE17 test_timeout", func(t *testing.T) {
		sel := newSelector[string](t)
		a, b := tcp(t)
		register(t, sel, a, writes, "a")
		for _, d := range []time.Duration{-1, 0, time.Hour} {
			if ready, err := sel.SelectTimeout(d); list(ready) != "a:Write" || err != nil {
				t.Error(d, ready, err)
			}
		}
		register(t, sel, b, read, "b")
		if err := sel.Unregister(a); err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{0, -1, time.Second} {
			start := time.Now()
			if ready, err := sel.SelectTimeout(d); len(ready) != 0 || err != nil {
				t.Error(d, ready, err)
			}
			if passed := time.Since(start); passed < d {
				t.Errorf("%v passed of %v", passed, d)
			}
		}
	})

	t.Run("SE20 test_above_fd_setsize", func(t *testing.T) {
		cmd := child(t, "many files")
		if proof.Race || testing.Short() {
			cmd.Env = append(cmd.Env, "FEW=true")
		}
		out, err := cmd.Output()
		if err != nil || string(out) != "all\n" {
			t.Errorf("%q, %v", out, err)
		}
	})

	levelAndEdge(t, "SE21 test_register_file", func(t *testing.T, kind selectors.Event) {
		sel := newSelector[string](t)
		register(t, sel, regular(t, "text"), read|kind, "f")
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		register(t, sel, null, read|writes|kind, "null")
		dir, err := os.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		register(t, sel, dir, read|kind, "dir")
		ready, err := sel.Select()
		if list(ready) != "dir:Read f:Read null:Read|Write" || err != nil {
			t.Error(ready, err)
		}
	})

	t.Run("SE22 test_register_bad_fd", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		a, _ := tcp(t)
		_, _, _ = r.Close(), w.Close(), a.Close()
		for _, f := range []any{r, w, a} {
			if _, err := sel.Register(f, read, ""); !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) ||
				!strings.Contains(err.Error(), fmt.Sprintf("Register of a %T", f)) {
				t.Error(err)
			}
		}
		if sel.Len() != 0 || len(watched(t, sel)) != 0 {
			t.Error("something is registered")
		}
	})
}

func init() {
	programs["many files"] = manyFiles
	programs["ten lines"] = func() {
		for i := range 10 {
			fmt.Println("testing...", i)
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// manyFiles registers pipes until the limit of descriptors is reached, which is beyond what select can express.
func manyFiles() {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = min(limit.Max, 60_000)
	if os.Getenv("FEW") != "" {
		limit.Cur = min(limit.Max, 5_000)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	sel, err := selectors.New[int]()
	if err != nil {
		panic(err)
	}
	n := 0
	for ; ; n++ {
		r, w, err := os.Pipe()
		if errors.Is(err, syscall.EMFILE) {
			break
		} else if err != nil {
			panic(err)
		}
		if _, err := sel.Register(r, selectors.Read, n); err != nil {
			panic(err)
		}
		if _, err := w.WriteString("x"); err != nil {
			panic(err)
		}
	}
	ready, err := sel.Select()
	if len(ready) != n || n < int(limit.Cur)/2-20 || err != nil {
		panic(fmt.Sprint(len(ready), n, err))
	}
	seen := make([]bool, n)
	for _, r := range ready {
		seen[r.Data] = true
	}
	if slices.Contains(seen, false) {
		panic("one is missing")
	}
	fmt.Println("all")
}

// readLines reads the output of a child with rising time limits, until its end.
func readLines(t *testing.T, wait func(sel *selectors.Selector[string], d time.Duration) ([]selectors.Ready[string], error)) {
	t.Helper()
	cmd := child(t, "ten lines")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sel := newSelector[string](t)
	register(t, sel, any(out), read, "out")
	var text strings.Builder
	for d := time.Duration(0); ; d = 2*d + time.Millisecond {
		ready, err := wait(sel, d)
		if err != nil {
			t.Fatal(err)
		}
		if len(ready) == 0 {
			continue
		}
		if list(ready) != "out:Read" {
			t.Fatal(list(ready))
		}
		buf := make([]byte, 99)
		n, err := selectors.TryRead(out, buf)
		text.Write(buf[:n])
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := sel.Unregister(any(out)); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	var want strings.Builder
	for i := range 10 {
		fmt.Fprintln(&want, "testing...", i)
	}
	if text.String() != want.String() {
		t.Errorf("%q", text.String())
	}
}

func TestCPythonSelect(t *testing.T) {
	t.Run("SL01 test_error_conditions and SL02 test_errno", func(t *testing.T) {
		sel := newSelector[string](t)
		for _, f := range []any{1, "x", struct{}{}, nil} {
			if _, err := sel.Register(f, read, ""); !errors.Is(err, selectors.ErrNotSelectable) {
				t.Error(f, err)
			}
		}
		f := regular(t, "")
		_ = f.Close()
		if _, err := sel.Register(f, read, ""); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	t.Run("SL04 test_select", func(t *testing.T) { readLines(t, (*selectors.Selector[string]).SelectTimeout) })
}

func TestCPythonPoll(t *testing.T) {
	t.Run("PL01 test_poll1", func(t *testing.T) {
		sel := newSelector[int](t)
		const n, message = 12, "This is a test."
		var rs, ws []*os.File
		for i := range n {
			r, w := pipe(t)
			register(t, sel, r, read, i)
			if _, err := sel.Modify(r, read, i); err != nil {
				t.Fatal(err)
			}
			register(t, sel, w, writes, i)
			rs, ws = append(rs, r), append(ws, w)
		}
		for left := n; left > 0; left-- {
			ready, err := sel.Select()
			i := slices.IndexFunc(ready, func(r selectors.Ready[int]) bool { return r.Events == writes })
			if err != nil || i < 0 || len(ready) != left {
				t.Fatal(ready, err)
			}
			i = ready[i].Data
			write(t, ws[i], message)
			ready, err = sel.Select()
			j := slices.IndexFunc(ready, func(r selectors.Ready[int]) bool { return r.Events == read })
			if err != nil || j < 0 || ready[j].Data != i || len(ready) != left+1 {
				t.Fatal(ready, err)
			}
			buf := make([]byte, 99)
			if count, err := selectors.TryRead(rs[i], buf); string(buf[:count]) != message || err != nil {
				t.Fatal(count, err)
			}
			_ = ws[i].Close()
			_ = rs[i].Close()
			if left%2 == 0 { // of the others the kernel has forgotten
				if err := errors.Join(sel.Unregister(ws[i]), sel.Unregister(rs[i])); err != nil {
					t.Fatal(err)
				}
			}
		}
	})

	t.Run("PL02 test_poll_unit_tests", func(t *testing.T) {
		sel := newSelector[string](t)
		f := regular(t, "")
		_ = f.Close()
		if _, err := sel.Register(f, read, ""); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		if err := sel.Unregister(f); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Error(err)
		}
		if _, err := sel.Modify(f, read, ""); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Error(err)
		}
		g := regular(t, "")
		register(t, sel, g, read, "g")
		wantReady(t, sel, "g:Read")
		if err := sel.Unregister(g); err != nil {
			t.Error(err)
		}
		if err := sel.Unregister(g); !errors.Is(err, selectors.ErrNotRegistered) {
			t.Error(err)
		}
	})

	t.Run("PL03 test_poll2", func(t *testing.T) {
		readLines(t, func(sel *selectors.Selector[string], _ time.Duration) ([]selectors.Ready[string], error) {
			return sel.Select()
		})
	})

	t.Run("PL06 test_threaded_poll", func(t *testing.T) {
		sel := newSelector[string](t)
		r, w := pipe(t)
		var readers []*os.File
		for range 10 {
			other, _ := pipe(t)
			readers = append(readers, other)
			register(t, sel, other, read, "other")
		}
		register(t, sel, r, read, "r")
		got := make(chan string, 2)
		for range 2 {
			go func() {
				ready, err := sel.Select()
				got <- fmt.Sprint(list(ready), err)
			}()
		}
		waitUntilAsleep(t, 1, 1)
		for _, other := range readers { // while two wait
			if err := sel.Unregister(other); err != nil {
				t.Error(err)
			}
		}
		write(t, w, "spam")
		for range 2 {
			if got := <-got; got != "r:Read<nil>" {
				t.Error(got)
			}
		}
	})

	t.Run("PL07 test_poll_blocks_with_negative_ms", func(t *testing.T) {
		sel := newSelector[string](t)
		r, _ := pipe(t)
		register(t, sel, r, read, "r")
		for _, d := range []time.Duration{-1, -time.Second, -1 << 63} {
			if ready, err := sel.SelectTimeout(d); len(ready) != 0 || err != nil {
				t.Error(d, ready, err)
			}
		}
	})
}

func TestCPythonEpoll(t *testing.T) {
	t.Run("EP03 test_context_manager and EP09 test_close", func(t *testing.T) {
		sel := newSelector[string](t)
		fd := sel.Descriptor()
		if err := sel.Close(); err != nil {
			t.Error(err)
		}
		wantClosed(t, sel)
		var s syscall.Stat_t
		if err := syscall.Fstat(fd, &s); err == nil && s.Mode&syscall.S_IFMT == 0 {
			t.Error("the epoll is open")
		}
	})

	t.Run("EP04 test_add", func(t *testing.T) {
		sel := newSelector[string](t)
		a, b := tcp(t)
		register(t, sel, a, read|writes, "a")
		register(t, sel, b, read|writes, "b")
		wantReady(t, sel, "a:Write b:Write")
	})

	t.Run("EP06 test_control_and_wait", func(t *testing.T) {
		sel := newSelector[string](t)
		client, server := tcp(t)
		register(t, sel, server, read|writes|edge, "server")
		register(t, sel, client, read|writes|edge, "client")
		wantReady(t, sel, "client:Write server:Write")
		wantReady(t, sel, "")
		write(t, client, "Hello!")
		write(t, server, "world!!!")
		seen := map[string]selectors.Event{}
		for seen["client"]&read == 0 || seen["server"]&read == 0 {
			ready, err := sel.SelectTimeout(hang)
			if err != nil || len(ready) == 0 {
				t.Fatal(seen, err)
			}
			for _, r := range ready {
				seen[r.Data] |= r.Events
			}
		}
		if err := sel.Unregister(client); err != nil {
			t.Error(err)
		}
		if _, err := sel.Modify(server, writes, "server"); err != nil {
			t.Error(err)
		}
		wantReady(t, sel, "server:Write")
	})

	t.Run("EP07 test_errors and EP08 test_unregister_closed", func(t *testing.T) {
		sel := newSelector[string](t)
		a, _ := tcp(t)
		register(t, sel, a, read, "a")
		_ = a.Close()
		if err := sel.Unregister(a); err != nil {
			t.Error(err)
		}
		if _, err := sel.Register(a, read, ""); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})

	t.Run("EP10 test_fd_non_inheritable", func(t *testing.T) {
		sh, err := exec.LookPath("sh")
		if err != nil {
			t.Skip("no sh here:", err)
		}
		before := openFiles(t, sh)
		sel := newSelector[string](t)
		register(t, sel, regular(t, ""), read, "f") // with it there are two descriptors
		register(t, sel, listener(t), read, "l")
		if after := openFiles(t, sh); len(after) != len(before) {
			t.Errorf("%v, before %v", after, before)
		}
	})
}

// openFiles returns what a shell has open that is started here.
func openFiles(t *testing.T, sh string) map[string]bool {
	t.Helper()
	out, err := exec.Command(sh, "-c", "ls -l /proc/self/fd").Output()
	if err != nil {
		t.Skip("sh cannot tell:", err)
	}
	files := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		if _, target, ok := strings.Cut(lines.Text(), " -> "); ok {
			files[target] = true
		}
	}
	return files
}

// What the Key of Python's manual makes of it.
func TestTheDataMayBeTheFunctionToCall(t *testing.T) {
	type callback func(key *selectors.Key[callback], e selectors.Event) error
	sel := newSelector[callback](t)
	l := listener(t)
	echo := func(key *selectors.Key[callback], _ selectors.Event) error {
		buf := make([]byte, 1000)
		n, err := selectors.TryRead(key.File, buf)
		if err != nil {
			return errors.Join(sel.Unregister(key.File), key.File.(net.Conn).Close())
		}
		_, err = selectors.TryWrite(key.File, buf[:n])
		return err
	}
	register(t, sel, l, read, callback(func(*selectors.Key[callback], selectors.Event) error {
		c, err := selectors.TryAccept(l)
		if err == selectors.ErrWouldBlock {
			return nil
		} else if err != nil {
			return err
		}
		_, err = sel.Register(c, read, echo)
		return err
	}))
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			ready, err := sel.Select()
			if err == selectors.ErrClosed {
				return
			} else if err != nil {
				t.Error(err)
				return
			}
			for _, r := range ready {
				if err := r.Data(r.Key, r.Events); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("line %d\n", i)
		write(t, c, want)
		if got, err := bufio.NewReader(c).ReadString('\n'); got != want || err != nil {
			t.Fatal(got, err)
		}
		_ = c.Close()
	}
	_ = sel.Close()
	loop.Wait()
}

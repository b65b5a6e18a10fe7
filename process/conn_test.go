//go:build linux

package process_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

// pipe returns the ends of a pipe, which are closed when the test has ended.
func pipe[A, B any](t testing.TB) (*process.Conn[A, B], *process.Conn[B, A]) {
	t.Helper()
	one, other, err := process.Pipe[A, B]()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = one.Close()
		_ = other.Close()
	})
	return one, other
}

func TestFormsOfAConn(t *testing.T) {
	here, there := pipe[string, int](t)
	recvs := []form{
		{"TryRecv", func(time.Duration) bool { return got(t, queue.ErrEmpty)(here.TryRecv()) }},
		{"RecvTimeout(0)", func(time.Duration) bool { return got(t, queue.ErrEmpty)(here.RecvTimeout(0)) }},
		{"RecvTimeout", func(d time.Duration) bool { return got(t, queue.ErrEmpty)(here.RecvTimeout(d)) }},
		{"RecvContext", func(d time.Duration) bool { return got(t, errWhy)(here.RecvContext(endingAfter(t, d))) }},
		{"RecvContext, ended", func(time.Duration) bool { return got(t, errWhy)(here.RecvContext(ended())) }},
	}
	checkForms(t, "nothing to receive", false, nil, recvs)
	for i, r := range recvs[:4] {
		if err := there.Send(i); err != nil || !r.succeeds() {
			t.Errorf("%s failed, %v", r.name, err)
		}
	}
	// A goroutine that waits is ahead of the others.
	waiting := make(chan error)
	go func() { _, err := here.Recv(); waiting <- err }()
	time.Sleep(brief)
	checkForms(t, "somebody waits to receive", false, nil, recvs)
	there.Send(1)
	if err := <-waiting; err != nil {
		t.Error(err)
	}

	sends := []form{
		{"TrySend", func(time.Duration) bool { return got(t, queue.ErrFull)(0, here.TrySend("x")) }},
		{"SendTimeout(0)", func(time.Duration) bool { return got(t, queue.ErrFull)(0, here.SendTimeout("x", 0)) }},
		{"SendTimeout", func(d time.Duration) bool { return got(t, queue.ErrFull)(0, here.SendTimeout("x", d)) }},
		{"SendContext", func(d time.Duration) bool { return got(t, errWhy)(0, here.SendContext(endingAfter(t, d), "x")) }},
	}
	n := 0
	for here.TrySend(strings.Repeat("y", 30_000)) == nil {
		n++
	}
	for here.TrySend("x") == nil {
		n++
	}
	checkForms(t, "no room", false, nil, sends)
	if err := here.SendContext(ended(), "x"); !errors.Is(err, errWhy) {
		t.Error(err)
	}
	blocked := make(chan error)
	go func() { blocked <- here.Send("last") }()
	for range n {
		if x, err := there.Recv(); err != nil || x != "x" && len(x) != 30_000 {
			t.Errorf("%d bytes, %v", len(x), err)
		}
	}
	if err := <-blocked; err != nil {
		t.Error(err)
	}
	if x, err := there.Recv(); x != "last" || err != nil { // those who gave up have sent nothing
		t.Error(x, err)
	}
	for _, s := range sends {
		if !s.succeeds() {
			t.Errorf("%s failed", s.name)
		}
		if x, err := there.Recv(); x != "x" || err != nil {
			t.Error(x, err)
		}
	}
}

func TestTheEndOfAConn(t *testing.T) {
	here, there := pipe[string, string](t)
	there.Send("one")
	there.Send("")
	here.Send("never read")
	if err := there.Close(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"one", ""} { // what was sent comes, although the other end was closed with something unread
		if x, err := here.Recv(); x != want || err != nil {
			t.Errorf("%q, %v, want %q", x, err, want)
		}
	}
	for name, recv := range map[string]func() (string, error){
		"Recv": here.Recv, "TryRecv": here.TryRecv, "RecvTimeout": func() (string, error) { return here.RecvTimeout(hang) },
		"RecvContext": func() (string, error) { return here.RecvContext(context.Background()) },
	} {
		if _, err := recv(); err != io.EOF {
			t.Errorf("%s: %v, want io.EOF", name, err)
		}
	}
	for name, send := range map[string]func() error{
		"Send": func() error { return here.Send("x") }, "TrySend": func() error { return here.TrySend("x") },
		"SendTimeout": func() error { return here.SendTimeout("x", hang) },
		"large":       func() error { return here.Send(strings.Repeat("x", 1<<20)) },
	} {
		if err := send(); err != io.ErrClosedPipe {
			t.Errorf("%s: %v, want io.ErrClosedPipe", name, err)
		}
	}
	if _, err := there.Recv(); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if err := there.Send("x"); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if _, err := there.RecvContext(ended()); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if err := there.SendContext(ended(), "x"); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if err := there.Close(); err != io.ErrClosedPipe {
		t.Errorf("a second Close: %v", err)
	}
	// Close ends those who wait.
	here, _ = pipe[string, string](t)
	for here.TrySend(strings.Repeat("y", 30_000)) == nil {
	}
	var wg sync.WaitGroup
	for _, call := range []func() error{
		func() error { _, err := here.Recv(); return err }, func() error { return here.Send(strings.Repeat("y", 30_000)) },
		func() error { _, err := here.RecvTimeout(hang); return err },
	} {
		wg.Go(func() {
			if err := call(); err != io.ErrClosedPipe {
				t.Errorf("%v, want io.ErrClosedPipe", err)
			}
		})
	}
	time.Sleep(brief)
	here.Close()
	wg.Wait()
}

var echo = process.Register(func(_ context.Context, c *process.Conn[[]byte, []byte]) (int, error) {
	defer c.Close()
	for n := 0; ; n++ {
		x, err := c.Recv()
		if err == io.EOF {
			return n, nil
		}
		if err == nil {
			err = c.Send(x)
		}
		if err != nil {
			return n, err
		}
	}
})

func TestMessagesOfEverySizeArriveWhole(t *testing.T) {
	here, there := pipe[[]byte, []byte](t)
	p := start(t, echo, there)
	there.Close() // the child has its own
	sizes := []int{0, 1, 2, 1000, 60<<10 - 2, 60<<10 - 1, 60 << 10, 60<<10 + 1, 64 << 10, 1 << 20, 5 << 20}
	for range 20 {
		sizes = append(sizes, rand.IntN(200_000))
	}
	for _, n := range sizes {
		x := make([]byte, n)
		for i := range x {
			x[i] = byte(i * n)
		}
		if err := here.Send(x); err != nil {
			t.Fatal(err)
		}
		y, err := here.Recv()
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("%d bytes came back as %d, %v", n, len(y), err)
		}
	}
	if err := here.Send(nil); err != nil {
		t.Error(err)
	}
	if x, err := here.Recv(); x != nil || err != nil {
		t.Errorf("nil came back as %v, %v", x, err)
	}
	here.Close()
	if n := result(t, p); n != len(sizes)+1 {
		t.Errorf("%d messages", n)
	}
}

func TestManyMayUseOneEnd(t *testing.T) {
	here, there := pipe[int, int](t)
	const senders, each = 4, 500
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for k := range each {
				if err := here.Send(i*each + k); err != nil {
					t.Error(err)
				}
			}
		})
	}
	got := make([]bool, senders*each)
	var guard sync.Mutex
	for range 3 {
		wg.Go(func() {
			for {
				x, err := there.RecvTimeout(hang)
				if err != nil || x < 0 {
					there.Send(x)
					return
				}
				guard.Lock()
				if got[x] {
					t.Errorf("%d came twice", x)
				}
				got[x] = true
				guard.Unlock()
			}
		})
	}
	eventually(t, "all have come", func() bool {
		guard.Lock()
		defer guard.Unlock()
		return !slices.Contains(got, false)
	})
	for range 3 {
		here.Send(-1)
	}
	wg.Wait()
}

type parcel struct {
	Lock  *process.Lock
	Again *process.Lock
	Queue *process.Queue[string]
	Conn  *process.Conn[int, string]
	Cond  *process.Condition
	Sem   *process.Semaphore
	Mem   *process.Memory
}

var unpack = process.Register(func(_ context.Context, c *process.Conn[bool, parcel]) (struct{}, error) {
	p, err := c.Recv()
	if err != nil {
		return struct{}{}, err
	}
	p.Lock.Lock()
	p.Queue.Put("from the child")
	p.Conn.Send(42)
	p.Cond.Lock()
	p.Cond.NotifyAll()
	p.Cond.Unlock()
	p.Mem.Bytes()[5] = 7
	return struct{}{}, c.Send(p.Again.Locked() && p.Sem == nil)
})

// Shared objects are sent after the start.
func TestSharedObjectsTravel(t *testing.T) {
	here, there := pipe[parcel, bool](t)
	mine, theirs := pipe[string, int](t)
	p := start(t, unpack, there)
	x := parcel{
		Lock: process.NewLock(), Queue: process.NewQueue[string](0), Conn: theirs, Cond: process.NewCondition(nil),
		Mem: process.NewMemory(10),
	}
	x.Again = x.Lock
	x.Cond.Lock()
	if err := here.Send(x); err != nil {
		t.Fatal(err)
	}
	if !x.Cond.WaitTimeout(hang) {
		t.Error("not notified")
	}
	x.Cond.Unlock()
	if s, err := x.Queue.Get(); s != "from the child" || err != nil {
		t.Error(s, err)
	}
	if n, err := mine.Recv(); n != 42 || err != nil {
		t.Error(n, err)
	}
	if ok, err := here.Recv(); !ok || err != nil {
		t.Errorf("the same Lock, met twice, is two; %v", err)
	}
	if x.Mem.Bytes()[5] != 7 {
		t.Error("memory is not shared")
	}
	result(t, p)
	if !x.Lock.TryLock() || !x.Lock.Abandoned() {
		t.Error("its owner has ended")
	}
	// What comes back to its maker is what it has.
	a, b := pipe[*process.Lock, *process.Lock](t)
	a.Send(x.Lock)
	again, err := b.Recv()
	if err != nil || !again.Locked() || again.TryLock() {
		t.Error("it is another state of the Lock", err)
	}
	again.Unlock()
	if x.Lock.Locked() {
		t.Error("it is locked")
	}
	before := openFiles(t)
	for range 100 {
		a.Send(x.Lock)
		b.Recv()
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestTooManySharedObjectsInAMessage(t *testing.T) {
	here, there := pipe[[]*process.Event, int](t)
	many := make([]*process.Event, 253)
	for i := range many {
		many[i] = process.NewEvent()
	}
	if err := here.Send(many); err == nil || !strings.Contains(err.Error(), "253 shared objects") {
		t.Error(err)
	}
	if err := here.Send(many[:252]); err != nil {
		t.Error(err)
	}
	got, err := there.Recv()
	if err != nil || len(got) != 252 {
		t.Fatal(len(got), err)
	}
	got[251].Set()
	if !many[251].IsSet() || many[250].IsSet() {
		t.Error("it is another")
	}
}

// An object that is met twice in a value is one, with one descriptor.
func TestAnObjectThatIsMetTwiceIsOne(t *testing.T) {
	type twice struct{ Conn, Again *process.Conn[int, int] }
	here, there := pipe[twice, int](t)
	mine, theirs := pipe[int, int](t)
	if err := here.Send(twice{theirs, theirs}); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	got, err := there.Recv()
	if err != nil {
		t.Fatal(err)
	}
	got.Conn.Close()
	if err := got.Again.Close(); err != io.ErrClosedPipe {
		t.Errorf("the second Close: %v", err)
	}
	if _, err := mine.RecvTimeout(hang); err != io.EOF {
		t.Errorf("its only copy is closed: %v", err)
	}

	first, second := pipe[[]*process.Event, int](t)
	many := slices.Repeat([]*process.Event{process.NewEvent()}, 1000)
	if err := first.Send(many); err != nil {
		t.Fatal(err)
	}
	all, err := second.Recv()
	if err != nil || len(all) != len(many) {
		t.Fatal(len(all), err)
	}
	all[999].Set()
	if !many[0].IsSet() {
		t.Error("it is another")
	}
}

func TestManyLargeMessagesUnread(t *testing.T) {
	here, there := pipe[[]byte, int](t)
	sent := 0
	for here.TrySend(make([]byte, 100_000)) == nil {
		if sent++; sent > 100_000 {
			t.Fatal("there is always room")
		}
	}
	for range sent {
		if x, err := there.Recv(); len(x) != 100_000 || err != nil {
			t.Fatal(len(x), err)
		}
	}
	if _, err := there.TryRecv(); err != queue.ErrEmpty {
		t.Error(err)
	}
	t.Logf("%d fit", sent)
}

// However many large messages are on their way, the next are sent in the memory of those that have arrived.
func TestLargeMessagesNeedNoNewMemory(t *testing.T) {
	for _, size := range []int{100_000, 1 << 20, 2_000_000} {
		here, there := pipe[[]byte, int](t)
		x := make([]byte, size)
		fill := func() {
			for here.TrySend(x) == nil {
			}
		}
		receive := func() {
			if x, err := there.Recv(); len(x) != size || err != nil {
				t.Fatal(len(x), err)
			}
		}
		fill()
		before := messageFiles(t)
		for range 20 {
			receive()
			fill()
		}
		for id := range messageFiles(t) {
			if !before[id] {
				t.Errorf("messages of %d bytes were sent in new memory", size)
			}
		}
	}
}

// messageFiles returns the files in which this process sends large messages.
func messageFiles(t *testing.T) map[uint64]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[uint64]bool)
	for _, e := range entries {
		path := "/proc/self/fd/" + e.Name()
		if name, err := os.Readlink(path); err != nil || !strings.Contains(name, "threading-message") {
			continue // it may have been closed since
		}
		var st syscall.Stat_t
		if syscall.Stat(path, &st) == nil {
			all[st.Ino] = true
		}
	}
	return all
}

// Nobody but this package writes to the socket; but what is written may be cut short.
func TestALargeMessageThatIsCutShort(t *testing.T) {
	here, there := pipe[[]byte, []byte](t)
	raw, err := here.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp(t.TempDir(), "message")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := openFiles(t)
	for _, message := range [][]byte{
		{1}, {1, 0, 1, 0}, binary.NativeEndian.AppendUint64([]byte{1}, 1<<62), binary.NativeEndian.AppendUint64([]byte{1}, 0),
		append(binary.NativeEndian.AppendUint64([]byte{1}, 100_000), 1, 2, 3),
	} {
		var sent error
		if err := raw.Control(func(fd uintptr) {
			sent = syscall.Sendmsg(int(fd), message, syscall.UnixRights(int(file.Fd())), nil, 0)
		}); err != nil || sent != nil {
			t.Fatal(err, sent)
		}
		if x, err := there.RecvTimeout(hang); err == nil || x != nil || err == io.EOF || err == queue.ErrEmpty {
			t.Errorf("%v came as %v, %v", message, x, err)
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if err := here.Send([]byte("x")); err != nil {
		t.Error(err)
	}
	if x, err := there.Recv(); string(x) != "x" || err != nil {
		t.Errorf("the next: %q, %v", x, err)
	}
}

func TestGivingUpAConnRacesWithWhatComes(t *testing.T) {
	here, there := pipe[int, int](t)
	n := proof.Rounds(20_000, 10, 10)
	go func() {
		for i := range n {
			for there.SendTimeout(i, time.Duration(i%30)*time.Microsecond) != nil {
			}
		}
	}()
	for i := range n {
		for {
			var x int
			var err error
			if d := time.Duration(i%40) * time.Microsecond; i%2 == 0 {
				x, err = here.RecvTimeout(d)
			} else {
				ctx, cancel := context.WithTimeout(context.Background(), d)
				x, err = here.RecvContext(ctx)
				cancel()
			}
			if err == nil {
				if x != i {
					t.Fatalf("%d came, want %d", x, i)
				}
				break
			}
		}
	}
}

func TestWaitForSeveral(t *testing.T) {
	a, aa := pipe[int, int](t)
	b, bb := pipe[int, int](t)
	e := process.NewEvent()
	p := start(t, waitFor, e)
	names := map[process.Waiter]string{a: "a", b: "b", p: "p"}
	check := func(want string, got []process.Waiter) {
		t.Helper()
		text := ""
		for _, w := range got {
			text += names[w]
		}
		if text != want {
			t.Errorf("%q is ready, want %q", text, want)
		}
	}
	check("", process.Wait())
	check("", process.TryWait(a, b, p))
	check("", process.WaitTimeout(0, a, b, p))
	check("", process.WaitTimeout(-1, a, b, p))
	check("", process.WaitTimeout(brief, a, b, p))
	if ws, err := process.WaitContext(ending(t), a, b, p); ws != nil || !errors.Is(err, errWhy) {
		t.Error(ws, err)
	}
	bb.Send(1)
	if ws, err := process.WaitContext(ended(), b); ws != nil || !errors.Is(err, errWhy) {
		t.Error(ws, err)
	}
	check("b", process.Wait(a, b, p))
	aa.Send(1)
	check("ba", process.Wait(b, a, p))
	check("aba", process.TryWait(a, b, p, a))
	a.Recv()
	b.Recv()
	check("", process.TryWait(a, b))
	done := make(chan []process.Waiter)
	go func() { done <- process.WaitTimeout(hang, a, p, b, p) }()
	time.Sleep(brief)
	e.Set()
	check("pp", <-done)
	p.Join()
	check("p", process.Wait(a, p))
	for name, f := range map[string]func(){
		"a message":        func() { aa.Send(1) },
		"the other end":    func() { aa.Close() },
		"one's own, while": func() { a.Close() },
		"one's own":        func() {},
	} {
		_ = name
		go func() { done <- process.WaitTimeout(hang, a, b) }()
		time.Sleep(brief)
		f()
		if name == "a message" {
			check("a", <-done)
			a.Recv()
			continue
		}
		if name == "one's own" {
			a.Close()
		}
		check("a", <-done)
	}
	panics(t, thread.ErrNotStarted, func() { process.TryWait(process.New(act, "return")) })
}

func TestWaitForManyAndAgain(t *testing.T) {
	const n = 200
	var (
		waiters []process.Waiter
		ends    []*process.Conn[int, int]
	)
	for range n {
		a, b := pipe[int, int](t)
		waiters = append(waiters, a)
		ends = append(ends, b)
	}
	before := openFiles(t)
	for i := range n {
		go ends[i].Send(i)
		ready := process.WaitTimeout(hang, waiters...)
		if len(ready) != 1 || ready[0] != waiters[i] {
			t.Fatalf("%d are ready", len(ready))
		}
		ready[0].(*process.Conn[int, int]).Recv()
	}
	for range 50 {
		process.WaitTimeout(50*time.Microsecond, waiters...)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

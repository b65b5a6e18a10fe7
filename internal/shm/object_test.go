//go:build linux && (amd64 || arm64)

package shm

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
)

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(err)
	return len(entries)
}

func TestADescriptorThatIsNoObjectIsRefused(t *testing.T) {
	must(Found())
	m, err := NewMutex()
	must(err)
	null, err := os.Open("/dev/null")
	must(err)
	defer null.Close()
	empty, err := newFile("empty")
	must(err)
	defer closeFile(empty)
	noise, err := newFile("noise")
	must(err)
	defer closeFile(noise)
	must(lengthen(noise, 10_000))
	short, err := newFile("cut short")
	must(err)
	defer closeFile(short)
	must(lengthen(short, headerSize+8))
	mem, err := mapFile(short, 0, headerSize)
	must(err)
	s := &segment{mem: mem}
	*s.header() = header{magic: segmentMagic, kind: KindMutex, size: uint64(headerSize + ownerSize)}
	before := openFiles(t)
	for name, attach := range map[string]func() error{
		"no file":       func() error { _, err := AttachMutex(dup(int(null.Fd()))); return err },
		"closed":        func() error { _, err := AttachMutex(10_000); return err },
		"empty":         func() error { _, err := AttachMutex(dup(empty)); return err },
		"anything":      func() error { _, err := AttachMutex(dup(noise)); return err },
		"cut short":     func() error { _, err := AttachMutex(dup(short)); return err },
		"another kind":  func() error { _, err := AttachSemaphore(dup(m.Descriptor())); return err },
		"another kind,": func() error { _, err := AttachQueue(dup(m.Descriptor())); return err },
	} {
		if err := attach(); err == nil {
			t.Errorf("%s: attached", name)
		}
	}
	if after := openFiles(t); after > before { // what earlier tests have left may be closed meanwhile
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if _, err := AttachMutex(dup(short)); !errors.Is(err, ErrSegment) || !strings.Contains(err.Error(), "cut short") {
		t.Error(err)
	}
	// Nobody can cut short what was made.
	q, err := NewQueue(0)
	must(err)
	for _, fd := range []int{m.Descriptor(), q.Descriptor()} {
		if err := syscall.Ftruncate(fd, 10); err != syscall.EPERM {
			t.Errorf("truncated: %v", err)
		}
	}
	runtime.KeepAlive(m)
	runtime.KeepAlive(q)
}

func TestAProcessHasOneStateForEachObject(t *testing.T) {
	must(Found())
	m, err := NewMutex()
	must(err)
	before := openFiles(t)
	for range 10 {
		again, err := AttachMutex(dup(m.Descriptor()))
		if err != nil || again != m {
			t.Fatal(again, err)
		}
	}
	if after := openFiles(t); after > before { // what earlier tests have left may be closed meanwhile
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	m.Lock(nil)
	fd := dup(m.Descriptor())
	forget(&m)
	m, err = AttachMutex(fd) // it was locked when the only way to it was let go of
	must(err)
	if !m.Held() || m.TryLock() || !m.Unlock() || !m.TryLock() {
		t.Error("it is not locked by this process")
	}
}

// forget lets go of a Mutex and waits until it is collected.
func forget(m **Mutex) {
	id := (*m).seg.id
	*m = nil
	for end := time.Now().Add(hangs); time.Now().Before(end); {
		runtime.GC()
		objects.guard.Lock()
		_, known := objects.all[id]
		objects.guard.Unlock()
		if !known {
			return
		}
		time.Sleep(time.Millisecond)
	}
	panic("not collected")
}

func TestObjectsThatNobodyReachesAreGone(t *testing.T) {
	must(Found())
	runtime.GC()
	before := openFiles(t)
	n := proof.Rounds(2000, 10, 10)
	for i := range n {
		for _, err := range []error{
			second(NewMutex()), second(NewRMutex()), second(NewSemaphore(i)), second(NewBounded(i)), second(NewEvent()),
			second(NewCondition()), second(NewBarrier(3)), second(NewQueue(0)), second(NewValue(8)), second(NewArray(9, 9)),
		} {
			must(err)
		}
		for openFiles(t) > before+300 { // there may be few
			runtime.GC()
			time.Sleep(time.Millisecond)
		}
	}
	for end := time.Now().Add(hangs); openFiles(t) > before; {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d descriptors before, %d after", before, openFiles(t))
		}
		time.Sleep(time.Millisecond)
	}
}

func second[T any](_ T, err error) error { return err }

func TestAQueueGivesMemoryBack(t *testing.T) {
	q, err := NewQueue(0)
	must(err)
	used := func() int64 {
		var st syscall.Stat_t
		must(syscall.Fstat(q.Descriptor(), &st))
		return st.Blocks * 512
	}
	item := make([]byte, 1<<20)
	for range 40 {
		must(q.Put(item, false, nil))
	}
	if n := used(); n < 40<<20 || n > 120<<20 {
		t.Errorf("40 MiB take %d bytes", n)
	}
	for range 40 {
		if x, err := q.Get(true, nil); len(x) != 1<<20 || err != nil {
			t.Fatal(len(x), err)
		}
	}
	if n := used(); n > ringKeeps+1<<20 {
		t.Errorf("an empty queue keeps %d bytes", n)
	}
	must(q.Put(item[:100], false, nil))
	if x, err := q.Get(true, nil); len(x) != 100 || err != nil {
		t.Error(len(x), err)
	}
}

func TestItemsOfEverySizeWrap(t *testing.T) {
	q, err := NewQueue(0)
	must(err)
	next, want := 0, 0
	size := func(i int) int { return i * 7919 % 9001 }
	for range proof.Rounds(20_000, 10, 10) {
		item := make([]byte, size(next))
		for k := range item {
			item[k] = byte(next + k)
		}
		must(q.Put(item, false, nil))
		if next++; next%3 == 0 {
			continue
		}
		x, err := q.Get(true, nil)
		if err != nil || len(x) != size(want) {
			t.Fatal(len(x), err)
		}
		for k := range x {
			if x[k] != byte(want+k) {
				t.Fatalf("item %d is not what was put", want)
			}
		}
		want++
		if q.Len() > 40 {
			for range 30 {
				q.Get(true, nil)
				want++
			}
		}
	}
}

func TestFullTables(t *testing.T) {
	c, err := NewCondition()
	must(err)
	for i := range MaxWaiters {
		if at, err := c.Enlist(); err != nil {
			t.Fatal(i, at, err)
		}
	}
	if _, err := c.Enlist(); err != ErrTooMany {
		t.Errorf("one more: %v", err)
	}
	if c.Await(7, After(1)) { // it gives up, and makes room
		t.Error("notified")
	}
	if at, err := c.Enlist(); at != 7 || err != nil {
		t.Error(at, err)
	}
}

func TestMoreHoldersThanThereIsRoomFor(t *testing.T) {
	l := newLab(t, "mutex")
	other := l.start("")
	l.getOn(1)
	b, err := NewBounded(1000)
	must(err)
	b.used.Store(MaxHolders)
	for i := range b.entries { // as if it were as many
		b.entries[i].Store(entry(uint64(kin.page.serial.Load()), 1))
	}
	if taken, full := b.TryAcquire(1); taken || !full {
		t.Errorf("taken %t, full %t", taken, full)
	}
	_ = other.proc.Kill()
	<-other.gone
	if taken, full := b.TryAcquire(1000); !taken || full {
		t.Errorf("when they have ended: taken %t, full %t", taken, full)
	}
	l.end()
}

func TestWhatIsFreeAllocatesNothing(t *testing.T) {
	if proof.Race {
		t.Skip("the race detector allocates")
	}
	m := first(NewMutex())
	r := first(NewRMutex())
	s := first(NewSemaphore(1))
	b := first(NewBounded(1))
	e := first(NewEvent())
	q := first(NewQueue(0))
	v := first(NewValue(8))
	item := make([]byte, 8)
	for name, f := range map[string]func(){
		"Mutex":     func() { m.Lock(nil); m.Unlock() },
		"RMutex":    func() { r.Lock(nil); r.Lock(nil); r.Unlock(); r.Unlock() },
		"Semaphore": func() { s.Acquire(1, nil); s.Release(1) },
		"Bounded":   func() { b.Acquire(1, nil); b.Release(1) },
		"Event":     func() { e.Set(); e.Wait(nil); e.Clear() },
		"Queue":     func() { q.PutNow(item); q.GetNow(item) },
		"Value":     func() { v.Enter(); *(*int)(v.Next()) = 1; v.Commit(); v.Leave() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func first[T any](x T, err error) T {
	must(err)
	return x
}

// A process that gives up waiting for a lock may have had the wake-up that was for another one: it sees to it that the
// holder wakes one when it releases.
func TestAWakeUpIsGivenOn(t *testing.T) {
	m, err := NewMutex()
	must(err)
	m.Lock(nil)
	word := &m.page.word
	held := word.Load()
	m.giveUp(false)
	if now := word.Load(); now != held {
		t.Errorf("a process that never slept left %#x, it was %#x", now, held)
	}
	m.giveUp(true)
	if now := word.Load(); now != held|ownerWaiting {
		t.Errorf("a process that slept left %#x, want %#x", now, held|ownerWaiting)
	}
	if !m.Unlock() || m.Locked() {
		t.Error("it is not locked by this process, or still")
	}
}

// Where the kernel has no futex_waitv a process sleeps on one word, and is woken for the other reasons by a goroutine.
func TestASleepOnOneWordHearsOfADeathAndOfTheEndOfAContext(t *testing.T) {
	must(Found())
	before, first, last := kin.waitv.Swap(false), firstSlice, lastSlice
	Slices(time.Minute, time.Minute)
	defer func() {
		Slices(first, last)
		kin.waitv.Store(before)
	}()
	ctx, cancel := context.WithCancel(context.Background())
	for name, c := range map[string]struct {
		l    *Limit
		wake func()
	}{
		"a death":              {nil, Died},
		"the end of a context": {Until(ctx), cancel},
	} {
		var word atomic.Uint32
		awake := make(chan struct{})
		seen := kin.deaths()
		go func() {
			defer close(awake)
			new(nap).sleep(&word, 0, seen, c.l)
			c.l.Close()
		}()
		for kin.alone.none() { // it is about to sleep
			time.Sleep(100 * time.Microsecond)
		}
		c.wake()
		select {
		case <-awake:
		case <-time.After(hangs):
			t.Errorf("it sleeps through %s", name)
			word.Store(1)
			futexWake(&word, 1)
			<-awake
		}
	}
}

func (s *sleepers) none() bool {
	s.guard.Lock()
	defer s.guard.Unlock()
	return len(s.all) == 0
}

// A notification may come when a waiter is out of time, and has not given up yet.
func TestAWaiterThatWasNotifiedDoesNotGiveUp(t *testing.T) {
	c, err := NewCondition()
	must(err)
	at := must1(c.Enlist())
	state := &c.page.places[at].state
	waiting := state.Load()
	c.notify(at)
	if c.giveUp(at, waiting) || state.Load()&placeStates != placeNotified {
		t.Errorf("its place is in state %d, want %d", state.Load()&placeStates, placeNotified)
	}
	c.Vacate(at)
	at = must1(c.Enlist())
	if !c.giveUp(at, state.Load()) || state.Load() != 0 || c.Waiting() != 0 {
		t.Errorf("it has not given up: state %d, %d wait", state.Load()&placeStates, c.Waiting())
	}
}

// A place that has become free is used again, so the places are not in the order in which the waiters came; and tickets
// are counted modulo their width.
func TestTheOldestWaiterIsNotified(t *testing.T) {
	for _, ticket := range []uint64{0, 1<<(64-placeTicket) - 3} {
		m, err := NewMutex()
		must(err)
		c, err := NewCondition()
		must(err)
		c.page.tickets.Store(ticket)
		var came []int
		for range 4 {
			came = append(came, must1(c.Enlist()))
		}
		first := came[0]
		if c.Await(first, After(1)) { // it gives up, and the next one comes later than all
			t.Fatal("notified")
		}
		if came = append(came[1:], must1(c.Enlist())); came[3] != first {
			t.Fatalf("the place is %d, want %d again", came[3], first)
		}
		for i, at := range came {
			m.Lock(nil)
			c.Notify(1, m)
			m.Unlock()
			for k, other := range came {
				state := c.page.places[other].state.Load() & placeStates
				if (state == placeNotified) != (k <= i) {
					t.Errorf("from ticket %d: after %d notifications (the last was for place %d), place %d is in state %d",
						ticket, i+1, at, other, state)
				}
			}
		}
		for _, at := range came {
			c.Vacate(at)
		}
	}
}

func must1[T any](v T, err error) T {
	must(err)
	return v
}

//go:build linux

package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/queue"
)

// What a death means, line by line of the table in docs/deaths.md.

// A victim dies while it does something.
type victim struct {
	What    string
	Exit    bool           // it ends by itself, instead of being killed
	There   *process.Event // set when it is about to, or does
	Lock    *process.Lock
	RLock   *process.RLock
	Sem     *process.Semaphore
	Bounded *process.BoundedSemaphore
	Event   *process.Event
	Cond    *process.Condition
	Barrier *process.Barrier
	Queue   *process.Queue[int]
	Value   *process.Value[[8]int]
	Array   *process.Array[int]
	Conn    *process.Conn[[]byte, []byte]
}

func newVictim(what string) victim {
	return victim{
		What: what, There: process.NewEvent(), Lock: process.NewLock(), RLock: process.NewRLock(), Sem: process.NewSemaphore(3),
		Bounded: process.NewBoundedSemaphore(3), Event: process.NewEvent(), Cond: process.NewCondition(nil),
		Barrier: process.NewBarrier(2, nil), Queue: process.NewQueue[int](2), Value: process.NewValue([8]int{}),
		Array: process.NewArray[int](8),
	}
}

var die = process.Register(func(_ context.Context, v victim) (struct{}, error) {
	doing[v.What](v)
	if !v.Exit {
		v.There.Set()
		time.Sleep(hang)
	}
	return struct{}{}, nil
})

// doing is what a victim does. What waits for ever sets There before.
var doing = map[string]func(victim){
	"holds a Lock":    func(v victim) { v.Lock.Lock() },
	"holds an RLock":  func(v victim) { v.RLock.LockDepth(3) },
	"has permits":     func(v victim) { v.Sem.AcquireN(2); v.Bounded.AcquireN(2) },
	"waits for locks": func(v victim) { v.There.Set(); go v.RLock.Lock(); v.Lock.Lock() },
	"waits for permits": func(v victim) {
		v.There.Set()
		go v.Bounded.AcquireN(3)
		v.Sem.AcquireN(4)
	},
	"waits for an Event": func(v victim) { v.There.Set(); v.Event.Wait() },
	"waits for a notification": func(v victim) {
		v.Cond.Lock()
		v.There.Set()
		v.Cond.Wait()
	},
	"waits at a Barrier":   func(v victim) { v.There.Set(); v.Barrier.Wait() },
	"waits for an item":    func(v victim) { v.There.Set(); v.Queue.Get() },
	"waits for room":       func(v victim) { v.There.Set(); v.Queue.Put(3) },
	"took an item":         func(v victim) { v.Queue.Get(); v.Queue.Get() },
	"sets a Value":         func(v victim) { v.There.Set(); setForever(v.Value) },
	"updates an Array":     func(v victim) { v.Array.Update(func(x []int) { x[0] = 1; v.There.Set(); time.Sleep(hang) }) },
	"updates a Value":      func(v victim) { v.Value.Update(func(x *[8]int) { x[0] = 1; v.There.Set(); time.Sleep(hang) }) },
	"sends":                func(v victim) { v.There.Set(); sendForever(v.Conn) },
	"has an end of a Pipe": func(v victim) {},
}

func setForever(v *process.Value[[8]int]) {
	for n := 0; ; n++ {
		v.Set([8]int{n, n, n, n, n, n, n, n})
	}
}

func sendForever(c *process.Conn[[]byte, []byte]) {
	for n := 1; ; n++ {
		if c.Send([]byte(strings.Repeat(string(rune('a'+n%26)), 1+n*7919%200_000))) != nil {
			return
		}
	}
}

// dies lets a process die while it does something.
func dies(t *testing.T, v victim) {
	t.Helper()
	p := start(t, die, v)
	if !v.Exit {
		if !v.There.WaitTimeout(hang) {
			t.Fatalf("%s: it does not come to it", v.What)
		}
		time.Sleep(2 * time.Millisecond) // most of them wait by now
		p.Kill()
	}
	p.Join()
}

func bothWays(t *testing.T, f func(t *testing.T, exit bool)) {
	t.Run("killed", func(t *testing.T) { f(t, false) })
	t.Run("ends", func(t *testing.T) { f(t, true) })
}

func TestTheLockOfTheDead(t *testing.T) {
	bothWays(t, func(t *testing.T, exit bool) {
		v := newVictim("holds a Lock")
		v.Exit = exit
		got := make(chan bool, 1)
		var p *process.Process[struct{}]
		if !exit { // one who waits already
			p = start(t, die, v)
			v.There.Wait()
			go func() { got <- v.Lock.LockTimeout(hang) }()
			time.Sleep(time.Millisecond)
			p.Kill()
		} else {
			dies(t, v)
			got <- v.Lock.TryLock()
		}
		if !<-got || !v.Lock.Abandoned() || !v.Lock.Locked() {
			t.Errorf("abandoned: %t", v.Lock.Abandoned())
		}
		v.Lock.Unlock()
		if v.Lock.Abandoned() {
			t.Error("abandoned, and nobody holds it")
		}
		v.Lock.Lock()
		if v.Lock.Abandoned() {
			t.Error("abandoned a second time")
		}
		v.Lock.Unlock()

		v = newVictim("holds an RLock")
		v.Exit = exit
		dies(t, v)
		if v.RLock.Locked() || !v.RLock.LockTimeout(hang) || !v.RLock.Abandoned() || v.RLock.Depth() != 1 {
			t.Errorf("abandoned: %t, depth %d", v.RLock.Abandoned(), v.RLock.Depth())
		}
		v.RLock.Unlock()
		v.RLock.Lock()
		if v.RLock.Abandoned() {
			t.Error("abandoned a second time")
		}
		v.RLock.Unlock()
	})
}

func TestThePermitsOfTheDead(t *testing.T) {
	bothWays(t, func(t *testing.T, exit bool) {
		v := newVictim("has permits")
		v.Exit = exit
		dies(t, v)
		if n := v.Sem.Value(); n != 1 {
			t.Errorf("a Semaphore has %d, want 1", n)
		}
		if n := v.Bounded.Value(); n != 3 || !v.Bounded.AcquireNTimeout(3, hang) {
			t.Errorf("a BoundedSemaphore has %d, want 3", n)
		}
	})
}

func TestTheDeadThatWaited(t *testing.T) {
	v := newVictim("waits for locks")
	v.Lock.Lock()
	v.RLock.Lock()
	dies(t, v)
	v.Lock.Unlock()
	v.RLock.Unlock()
	if !v.Lock.LockTimeout(hang) || !v.RLock.LockTimeout(hang) || v.Lock.Abandoned() {
		t.Error("the lock was handed to the dead")
	}
	v.Lock.Unlock()
	v.RLock.Unlock()

	v = newVictim("waits for permits")
	v.Bounded.Acquire()
	dies(t, v)
	v.Sem.Release()
	v.Bounded.Release()
	if !v.Sem.AcquireNTimeout(4, hang) || !v.Bounded.AcquireNTimeout(3, hang) {
		t.Error("permits were kept for the dead")
	}

	v = newVictim("waits for an Event")
	dies(t, v)
	v.Event.Set()
	v.Event.Wait()

	v = newVictim("waits for an item")
	dies(t, v)
	for i := range 2 {
		v.Queue.Put(i)
	}
	for i := range 2 {
		if x, err := v.Queue.GetTimeout(hang); x != i || err != nil {
			t.Error(x, err)
		}
	}

	v = newVictim("waits for room")
	v.Queue.Put(1)
	v.Queue.Put(2)
	dies(t, v)
	for want := 1; want <= 2; want++ {
		if x, err := v.Queue.Get(); x != want || err != nil {
			t.Error(x, err)
		}
	}
	if _, err := v.Queue.TryGet(); err != queue.ErrEmpty {
		t.Error(err)
	}
}

// A notification that was given to one that is killed goes to the next.
func TestTheNotificationOfTheDead(t *testing.T) {
	defer proof.Watch(t)()
	for range proof.Rounds(20, 5, 4) {
		v := newVictim("waits for a notification")
		p := start(t, die, v)
		v.There.Wait()
		v.Cond.Lock() // it waits
		awake := make(chan bool, 1)
		waits := make(chan bool)
		go func() {
			v.Cond.Lock()
			waits <- true
			awake <- v.Cond.WaitTimeout(hang)
			v.Cond.Unlock()
		}()
		v.Cond.Unlock()
		<-waits
		v.Cond.Lock()
		v.Cond.Notify(1) // the first is the victim
		p.Kill()         // before it can have the lock
		p.Join()
		v.Cond.Unlock()
		if !<-awake {
			t.Fatal("the notification died with the one it was given to")
		}
	}
}

func TestTheBarrierOfTheDead(t *testing.T) {
	v := newVictim("waits at a Barrier")
	first := start(t, die, v)
	eventually(t, "it waits", func() bool { return v.Barrier.Waiting() == 1 })
	first.Kill()
	first.Join()
	if n := v.Barrier.Waiting(); n != 0 || !v.Barrier.Broken() {
		t.Errorf("%d wait, broken: %t", n, v.Barrier.Broken())
	}
	if _, err := v.Barrier.Wait(); err != barrier.ErrBroken {
		t.Error(err)
	}
	v.Barrier.Reset()
	// One that waits already is told.
	v.Barrier = process.NewBarrier(3, nil)
	p := start(t, die, v)
	told := make(chan error)
	go func() { _, err := v.Barrier.WaitTimeout(hang); told <- err }()
	eventually(t, "two wait", func() bool { return v.Barrier.Waiting() == 2 })
	p.Kill()
	if err := <-told; err != barrier.ErrBroken || !v.Barrier.Broken() {
		t.Error(err)
	}
	// And so are those whose action died.
	var wg sync.WaitGroup
	b := process.NewBarrier(2, dyingAction)
	q := start(t, arrive, b)
	wg.Go(func() {
		eventually(t, "the first has come", func() bool { return b.Waiting() == 1 })
		r := start(t, arrive, b) // the last, which acts
		r.Join()
	})
	if msg := result(t, q); msg != barrier.ErrBroken.Error() || !b.Broken() {
		t.Errorf("%q", msg)
	}
	wg.Wait()
}

var (
	arrive = process.Register(func(_ context.Context, b *process.Barrier) (string, error) {
		if _, err := b.Wait(); err != nil {
			return err.Error(), nil
		}
		return "passed", nil
	})
	dyingAction = process.Register(func(context.Context, struct{}) (struct{}, error) {
		os.Exit(3)
		return struct{}{}, nil
	})
)

func TestTheItemsOfTheDead(t *testing.T) {
	bothWays(t, func(t *testing.T, exit bool) {
		v := newVictim("took an item")
		v.Exit = exit
		v.Queue.Put(1)
		v.Queue.Put(2)
		dies(t, v)
		if n := v.Queue.Lost(); n != 2 || v.Queue.Unfinished() != 0 || !v.Queue.JoinTimeout(hang) {
			t.Errorf("%d are lost, %d unfinished", n, v.Queue.Unfinished())
		}
	})
	// Who waits in Join is told.
	v := newVictim("took an item")
	v.Queue.Put(1)
	v.Queue.Put(2)
	p := start(t, die, v)
	v.There.Wait()
	joined := make(chan bool)
	go func() { joined <- v.Queue.JoinTimeout(hang) }()
	time.Sleep(time.Millisecond)
	p.Kill()
	if !<-joined {
		t.Error("Join waits for the dead")
	}
}

func TestTheValuesOfTheDead(t *testing.T) {
	for range proof.Rounds(30, 5, 5) {
		v := newVictim("sets a Value")
		dies(t, v)
		if x := v.Value.Get(); x != [8]int{x[0], x[0], x[0], x[0], x[0], x[0], x[0], x[0]} {
			t.Errorf("half of it: %v", x)
		}
	}
	v := newVictim("updates a Value")
	dies(t, v)
	if x := v.Value.Get(); x != [8]int{} {
		t.Errorf("an Update that was cut short has changed it: %v", x)
	}
	v = newVictim("updates an Array")
	dies(t, v)
	if x := v.Array.Get(0); x != 1 || !v.Array.Abandoned() {
		t.Errorf("%d, abandoned %t", x, v.Array.Abandoned())
	}
	v.Array.Set(0, 5)
	told := false
	v.Array.Update(func([]int) { told = v.Array.Abandoned() })
	if !told || v.Array.Abandoned() {
		t.Errorf("told %t; abandoned %t after it", told, v.Array.Abandoned())
	}
	v.Array.Update(func([]int) { told = v.Array.Abandoned() })
	if told {
		t.Error("told twice")
	}
	if proof.Recovered(func() { v.Array.Update(func([]int) { panic("p") }) }) != "p" || !v.Array.Abandoned() {
		t.Error("a panic in Update is none")
	}
	if x := process.NewValue(3); proof.Recovered(func() { x.Update(func(n *int) { *n = 4; panic("p") }) }) != "p" || x.Get() != 3 {
		t.Error("a panic in Update of a Value has changed it")
	}
}

func TestTheEndsOfTheDead(t *testing.T) {
	for range proof.Rounds(10, 3, 3) {
		v := newVictim("sends")
		here, there, err := process.Pipe[[]byte, []byte]()
		if err != nil {
			t.Fatal(err)
		}
		v.Conn = there
		p := start(t, die, v)
		if err := there.Close(); err != nil {
			t.Error(err)
		}
		go func() {
			v.There.Wait()
			time.Sleep(3 * time.Millisecond)
			p.Kill()
		}()
		n := 0
		for {
			x, err := here.Recv()
			if err == io.EOF {
				break
			}
			if n++; err != nil || len(x) != 1+n*7919%200_000 || strings.Trim(string(x), string(rune('a'+n%26))) != "" {
				t.Fatalf("message %d: %d bytes, %v", n, len(x), err)
			}
		}
		if _, err := here.Recv(); err != io.EOF {
			t.Error(err)
		}
		if err := here.Send(nil); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		here.Close()
	}
}

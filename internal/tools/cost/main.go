// Command cost counts the instructions, and among them the atomic ones that write, that operations take which meet
// nobody: those whose speed is a count of them. A count is the same on a busy machine and an idle one, so the test of this
// package can fail when an operation has become slower, and for no other reason.
//
//	go -C internal/tools run ./cost
//
// Each operation runs in a process of its own, and this one lets it go on by a single instruction at a time. That takes
// Linux and an amd64 processor. What an operation makes other goroutines do is not counted.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gothreading/threading/condition"
	"github.com/gothreading/threading/coroutine"
	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/greenlet"
	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/rlock"
	"github.com/gothreading/threading/rwlock"
	"github.com/gothreading/threading/sched"
	"github.com/gothreading/threading/semaphore"
	"github.com/gothreading/threading/waitgroup"
	weighted "golang.org/x/sync/semaphore"
)

// An operation is what is counted. New returns it, ready to be called again and again.
type operation struct {
	name string
	new  func() func()
}

var operations = []operation{
	{nothing, func() func() { return func() {} }},
	{"sync.Mutex: Lock and Unlock", func() func() {
		var l sync.Mutex
		return func() { l.Lock(); l.Unlock() }
	}},
	{"Lock: Lock and Unlock", func() func() {
		var l lock.Lock
		return func() { l.Lock(); l.Unlock() }
	}},
	{"Lock: LockTimeout and Unlock", func() func() {
		var l lock.Lock
		return func() { _ = l.LockTimeout(time.Hour); l.Unlock() }
	}},
	{"Lock: LockContext and Unlock", func() func() {
		var l lock.Lock
		ctx, cancel := context.WithCancel(context.Background())
		_ = cancel // never: it is a context that could end
		return func() { _ = l.LockContext(ctx); l.Unlock() }
	}},
	{"RLock: Lock and Unlock", func() func() {
		var l rlock.RLock
		return func() { l.Lock(); l.Unlock() }
	}},
	{"RLock: nested Lock and Unlock", func() func() {
		var l rlock.RLock
		l.Lock()
		return func() { l.Lock(); l.Unlock() }
	}},
	{"RLock: Lock and Unlock beside 100 coroutines", func() func() {
		for range 100 {
			suspended()
		}
		var l rlock.RLock
		return func() { l.Lock(); l.Unlock() }
	}},
	{"sync.RWMutex: RLock and RUnlock", func() func() {
		var l sync.RWMutex
		return func() { l.RLock(); l.RUnlock() }
	}},
	{"RWLock: RLock and RUnlock", func() func() {
		var l rwlock.RWLock
		return func() { l.RLock(); l.RUnlock() }
	}},
	{"sync.RWMutex: Lock and Unlock", func() func() {
		var l sync.RWMutex
		return func() { l.Lock(); l.Unlock() }
	}},
	{"RWLock: Lock and Unlock", func() func() {
		var l rwlock.RWLock
		return func() { l.Lock(); l.Unlock() }
	}},
	{"RWLock: Lock, Downgrade and RUnlock", func() func() {
		var l rwlock.RWLock
		return func() { l.Lock(); l.Downgrade(); l.RUnlock() }
	}},
	{"lock.Map: Lock and Unlock", func() func() {
		var m lock.Map[int]
		return func() { m.Lock(7); m.Unlock(7) }
	}},
	{"sync.WaitGroup: Add and Done", func() func() {
		var w sync.WaitGroup
		return func() { w.Add(1); w.Done() }
	}},
	{"WaitGroup: Add and Done", func() func() {
		var w waitgroup.WaitGroup
		return func() { w.Add(1); w.Done() }
	}},
	{"WaitGroup: Wait when the count is 0", func() func() {
		var w waitgroup.WaitGroup
		return w.Wait
	}},
	{"Scheduler: Enter and Cancel", func() func() {
		var s sched.Scheduler
		fn := func() {}
		return func() { s.Cancel(s.Enter(time.Hour, 0, fn)) }
	}},
	{"x/sync/semaphore: Acquire and Release", func() func() {
		s, ctx := weighted.NewWeighted(4), context.Background()
		return func() { _ = s.Acquire(ctx, 1); s.Release(1) }
	}},
	{"Semaphore: Acquire and Release", func() func() {
		s := semaphore.New(4)
		return func() { s.Acquire(); s.Release() }
	}},
	{"BoundedSemaphore: Acquire and Release", func() func() {
		s := semaphore.NewBounded(4)
		return func() { s.Acquire(); s.Release() }
	}},
	{"closed channel: receive", func() func() {
		c := make(chan struct{})
		close(c)
		return func() { <-c }
	}},
	{"Event: Wait when set", func() func() {
		var e event.Event
		e.Set()
		return e.Wait
	}},
	{"sync.Cond: Signal to nobody", func() func() {
		c := sync.NewCond(new(sync.Mutex))
		return c.Signal
	}},
	{"Condition: Notify to nobody", func() func() {
		c := condition.New(new(lock.Lock))
		c.Lock()
		return func() { c.Notify(1) }
	}},
	{"channel: send and receive", func() func() {
		c := make(chan int, 128)
		return func() { c <- 1; <-c }
	}},
	{"Queue: Put and Get", func() func() {
		q := queue.New[int](128)
		return func() { _ = q.Put(1); _, _ = q.Get() }
	}},
	{"Queue, unbounded: Put and Get", func() func() {
		var q queue.Queue[int]
		return func() { _ = q.Put(1); _, _ = q.Get() }
	}},
	{"Pool: Go to busy workers", func() func() {
		p := busy()
		task := func(context.Context) error { return nil }
		return func() { _ = p.Go(task) }
	}},
	{"Pool: ApplyAsync to busy workers", func() func() {
		p := busy()
		task := func(context.Context) (int, error) { return 1, nil }
		return func() { pool.ApplyAsync(p, task) }
	}},
	{"iter.Pull: next", func() func() {
		next, _ := iter.Pull(func(yield func(int) bool) {
			for yield(1) {
			}
		})
		return func() { next() }
	}},
	{"Generator: Send", func() func() {
		g := suspended()
		return func() { _, _ = g.Send(1) }
	}},
	{"Greenlet: Switch there and back", func() func() {
		main := greenlet.Current()
		g := greenlet.New(func(any) (any, error) {
			for {
				_, _ = main.Switch(nil)
			}
		})
		return func() { _, _ = g.Switch(nil) }
	}},
	{"Result: Get when ready", func() func() {
		r := pool.ApplyAsync(pool.New(1), func(context.Context) (int, error) { return 1, nil })
		r.Wait()
		return func() { _, _ = r.Get() }
	}},
}

const nothing = "nothing"

// suspended returns a generator that is at a yield.
func suspended() *coroutine.Generator[int, int] {
	g := coroutine.New(func(yield coroutine.Yield[int, int]) error {
		for {
			if _, err := yield(1); err != nil {
				return err
			}
		}
	})
	_, _ = g.Next()
	return g
}

// busy returns a pool whose only worker has something to do for ever.
func busy() *pool.Pool {
	p, begun := pool.New(1), make(chan struct{})
	_ = p.Go(func(context.Context) error { close(begun); select {} })
	<-begun
	return p
}

// A cost is what an operation takes.
type cost struct{ instructions, atomics int }

var (
	// errUnable is why nothing can be counted here.
	errUnable = errors.New("nothing can be counted here")
	// errBusy is why an operation was not counted: whenever it was tried, it took so long that its goroutine was made to
	// give way.
	errBusy = errors.New("the machine is too busy")
)

// environment names the operation to a process that is to be counted.
const environment = "THREADING_COST_OF"

// Stay on the thread that is traced, which is the first.
func init() {
	if os.Getenv(environment) != "" {
		runtime.LockOSThread()
	}
}

func main() {
	if name := os.Getenv(environment); name != "" {
		perform(name)
		return
	}
	costs, err := measure()
	switch {
	case errors.Is(err, errUnable):
		fmt.Println(err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
	if err != nil {
		return
	}
	fmt.Print("| operation | atomic writes | instructions |\n|---|--:|--:|\n")
	for _, o := range operations[1:] {
		if c, ok := costs[o.name]; ok {
			fmt.Printf("| %s | %d | %d |\n", o.name, c.atomics, c.instructions)
		} else {
			fmt.Printf("| %s | %v | |\n", o.name, errBusy)
		}
	}
}

// An operation is done so many times, until it was counted so often. The least counts: once in a while there is something
// else to do, such as storage to grow.
const (
	repeats = 100
	enough  = 5
)

// perform does an operation between breakpoints.
func perform(name string) {
	for _, o := range operations {
		if o.name != name {
			continue
		}
		do := o.new()
		for range 1000 {
			do()
		}
		debug.SetGCPercent(-1)
		runtime.GC()
		for range repeats {
			runtime.Gosched() // so that it will be some time until the scheduler wants this goroutine to give way
			runtime.Breakpoint()
			do()
			runtime.Breakpoint()
		}
	}
}

// measure counts all operations, without what it takes to call one.
func measure() (map[string]cost, error) {
	costs := make(map[string]cost)
	for _, o := range operations {
		c, err := count(o.name)
		if err == errBusy && o.name != nothing {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		c.instructions -= costs[nothing].instructions
		costs[o.name] = c
	}
	return costs, nil
}

package manager_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gothreading/threading/manager"
	"github.com/gothreading/threading/queue"
)

var ctx = context.Background()

// Two sessions, as those of two programs would be; an address that begins with
// "unix:" instead makes them programs of one machine.
func Example() {
	one, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer one.Close()

	stock := manager.NewDict[string, int](one, "stock")
	if err := stock.Set(ctx, "apples", 3); err != nil {
		fmt.Println(err)
		return
	}
	left, err := stock.Update(ctx, "apples", func(n int, ok bool) (int, error) { return n - 1, nil })
	fmt.Println(left, err)
	// Output: 2 <nil>
}

func ExampleStart() {
	m, err := manager.Start() // in this process; others open m.Addr()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	other, err := manager.Open(ctx, m.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer other.Close()

	m.Event("ready").Set()
	other.Event("ready").Wait()
	fmt.Println("ready")
	// Output: ready
}

func ExampleManager_Lock() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	l := m.Lock("printer")
	if !l.LockTimeout(time.Second) {
		fmt.Println("busy")
		return
	}
	defer l.Unlock()
	fmt.Println(l.Locked(), l.Token() > 0)
	// Output: true true
}

func ExampleLock_With() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	err = m.Lock("ledger").With(ctx, func(ctx context.Context) error { // ctx ends if the lock is lost
		fmt.Println("held:", ctx.Err() == nil)
		return nil
	})
	fmt.Println(err)
	// Output:
	// held: true
	// <nil>
}

func ExampleManager_RLock() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	l := m.RLock("tree")
	l.Lock()
	l.Lock() // the same goroutine again
	fmt.Println(l.Depth())
	l.Unlock()
	l.Unlock()
	fmt.Println(l.Locked())
	// Output:
	// 2
	// false
}

func ExampleManager_Semaphore() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	licences := m.Semaphore("licences", 3)
	fmt.Println(licences.AcquireNTimeout(2, time.Second), licences.Value())
	licences.ReleaseN(2)
	fmt.Println(licences.Value())
	// Output:
	// true 1
	// 3
}

func ExampleManager_BoundedSemaphore() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	s := m.BoundedSemaphore("slots", 1)
	s.Acquire()
	fmt.Println(s.TryRelease(), s.TryRelease()) // the second has nothing to release
	// Output: true false
}

func ExampleManager_Condition() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	level := manager.NewValue[int](m, "level")
	full := m.Condition("full", m.Lock("tank"))
	go func() {
		full.Lock()
		defer full.Unlock()
		if err := level.Set(ctx, 100); err != nil {
			fmt.Println(err)
		}
		full.NotifyAll()
	}()

	full.Lock()
	defer full.Unlock()
	full.WaitFor(func() bool {
		n, err := level.Get(ctx)
		return err == nil && n == 100
	})
	fmt.Println("full")
	// Output: full
}

func ExampleManager_Barrier() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	b := m.Barrier("start", 2, func() { fmt.Println("both are here") })
	over := make(chan error)
	go func() {
		_, err := b.Wait()
		over <- err
	}()
	_, err = b.WaitTimeout(time.Minute)
	fmt.Println(err, <-over)
	// Output:
	// both are here
	// <nil> <nil>
}

func ExampleNewQueue() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	jobs := manager.NewQueue[string](m, "jobs", 10)
	fmt.Println(jobs.Put("resize"), jobs.Put("send"))
	jobs.Shutdown()
	for job := range jobs.Tasks() {
		fmt.Println(job)
	}
	_, err = jobs.Get()
	fmt.Println(errors.Is(err, queue.ErrShutdown))
	// Output:
	// <nil> <nil>
	// resize
	// send
	// true
}

// A claim that is not acknowledged goes back to the queue.
func ExampleQueue_Claim() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	jobs := manager.NewQueue[string](m, "jobs", 0)
	fmt.Println(jobs.Put("send"))
	for {
		claim, err := jobs.ClaimTimeout(time.Minute)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(claim.Item, claim.Attempt)
		if claim.Attempt == 2 {
			fmt.Println(claim.Ack(ctx))
			return
		}
		if err := claim.Nack(ctx, 0); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output:
	// <nil>
	// send 1
	// send 2
	// <nil>
}

func ExampleDict_CompareAndSet() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	prices := manager.NewDict[string, int](m, "prices")
	_ = prices.Set(ctx, "tea", 3)
	_, rev, _ := prices.Load(ctx, "tea")
	_ = prices.Set(ctx, "tea", 4) // meanwhile, somewhere else
	_, err = prices.CompareAndSet(ctx, "tea", rev, 5)
	fmt.Println(err != nil)
	// Output: true
}

func ExampleNewList() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	names := manager.NewList[string](m, "names")
	_ = names.Append(ctx, "Ada", "Grace", "Barbara")
	last, err := names.Pop(ctx, -1)
	fmt.Println(last, err)
	for name, err := range names.All(ctx) {
		fmt.Println(name, err)
	}
	// Output:
	// Barbara <nil>
	// Ada <nil>
	// Grace <nil>
}

func ExampleNewArray() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	a := manager.NewArray[float64](m, "weights", 3)
	_, _ = a.Update(ctx, 1, func(x float64) (float64, error) { return x + 0.5, nil })
	x, err := a.Get(ctx, 1)
	fmt.Println(x, err, a.Len())
	// Output: 0.5 <nil> 3
}

func ExampleAttr() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	ns := m.Namespace("config")
	rate := manager.Attr[int](ns, "rate")
	_ = rate.Set(ctx, 10)
	n, err := rate.Get(ctx)
	fmt.Println(n, err)
	// Output: 10 <nil>
}

func ExampleManager_Counter() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	visits := m.Counter("visits")
	_, _ = visits.Add(ctx, 1)
	n, err := visits.Add(ctx, 2)
	fmt.Println(n, err)
	// Output: 3 <nil>
}

func ExampleManager_Once() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	for range 2 {
		err := m.Once("migration").Do(ctx, func(context.Context, uint64) error {
			fmt.Println("migrating")
			return nil
		})
		fmt.Println(err)
	}
	// Output:
	// migrating
	// <nil>
	// <nil>
}

func ExampleManager_Election() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	e := m.Election("scheduler")
	term, err := e.Campaign(ctx, "host-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	leader, _, err := e.Leader(ctx)
	fmt.Println(leader, err)
	fmt.Println(term.Resign(ctx))
	// Output:
	// host-1 <nil>
	// <nil>
}

type account struct{ Balance int }

func (a *account) Deposit(_ context.Context, n int) (int, error) {
	a.Balance += n
	return a.Balance, nil
}

// In package-level variables, so that every process of the program has them.
var (
	accounts = manager.Register("example account", func() *account { return new(account) })
	deposit  = manager.Define(accounts, "deposit", (*account).Deposit)
)

func ExampleRegister() {
	m, err := manager.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	mine := accounts.Open(m, "mine")
	_, _ = deposit.Call(ctx, mine, 5)
	balance, err := deposit.Call(ctx, mine, 2)
	fmt.Println(balance, err)
	// Output: 7 <nil>
}

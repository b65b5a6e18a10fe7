package threading_test

import (
	"fmt"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/thread"
)

// A small Python program, line by line: a kitchen of two cooks and a waiter. They begin together (Barrier), the cooks
// put dishes on a counter (Condition), everybody notes in a book of their own what they did (Local), one lock guards
// the list of all books (Lock), and the kitchen closes (Event) when time is up (Timer).
func Example() {
	lock := new(threading.Lock)
	counter := new(threading.Condition)
	begin := threading.NewBarrier(3, func() { fmt.Println("the kitchen is open") })
	closed := new(threading.Event)
	book := threading.Local[*[]string]{New: func() *[]string { return new([]string) }}

	books := map[string]int{}
	file := func() {
		lock.Lock()
		defer lock.Unlock()
		books[threading.CurrentThread().Name()] = len(*book.Get())
	}
	note := func(dish string) {
		b := book.Get()
		*b = append(*b, dish)
	}

	var dishes []string
	cook := func() {
		defer file()
		begin.Wait()
		for _, dish := range []string{"soup", "bread"} {
			counter.Lock()
			dishes = append(dishes, dish)
			note(dish)
			counter.Notify(1)
			counter.Unlock()
		}
	}
	waiter := func() {
		defer file()
		begin.Wait()
		for range 4 {
			counter.Lock()
			counter.WaitFor(func() bool { return len(dishes) > 0 })
			note(dishes[0])
			dishes = dishes[1:]
			counter.Unlock()
		}
		closed.Wait()
	}

	var crew []*threading.Thread
	for _, name := range []string{"Ann", "Ben"} {
		crew = append(crew, threading.NewThread(cook, thread.Name(name)))
	}
	crew = append(crew, threading.NewThread(waiter, thread.Name("Cid")))
	for _, t := range crew {
		t.Start()
	}
	timer := threading.NewTimer(time.Millisecond, closed.Set)
	timer.Start()
	for _, t := range crew {
		t.Join()
	}
	timer.Join()
	fmt.Println(books)
	fmt.Println("still working:", threading.ActiveCount()-1)
	// Output:
	// the kitchen is open
	// map[Ann:2 Ben:2 Cid:4]
	// still working: 0
}

// with lock: … is Lock and a deferred Unlock.
func ExampleLock() {
	var lock threading.Lock
	count := 0
	var threads []*threading.Thread
	for range 5 {
		t := threading.NewThread(func() {
			for range 1000 {
				lock.Lock()
				count++
				lock.Unlock()
			}
		})
		t.Start()
		threads = append(threads, t)
	}
	for _, t := range threads {
		t.Join()
	}
	fmt.Println(count)
	// Output: 5000
}

// An RLock may be locked again by whoever owns it.
func ExampleRLock() {
	var rlock threading.RLock
	var visit func(depth int)
	visit = func(depth int) {
		rlock.Lock()
		defer rlock.Unlock()
		if depth < 3 {
			visit(depth + 1)
			return
		}
		fmt.Println("locked", rlock.Depth(), "times")
	}
	visit(1)
	// Output: locked 3 times
}

func ExampleNewSemaphore() {
	seats := threading.NewSemaphore(2)
	fmt.Println(seats.TryAcquire(), seats.TryAcquire(), seats.TryAcquire())
	seats.Release()
	fmt.Println(seats.TryAcquire())
	// Output:
	// true true false
	// true
}

// What raises ValueError in Python panics, or is asked for.
func ExampleNewBoundedSemaphore() {
	connections := threading.NewBoundedSemaphore(1)
	connections.Acquire()
	connections.Release()
	fmt.Println(connections.TryRelease())
	// Output: false
}

func ExampleEvent() {
	var ready threading.Event
	t := threading.NewThread(func() {
		ready.Wait()
		fmt.Println("go")
	})
	t.Start()
	fmt.Println("ready")
	ready.Set()
	t.Join()
	// Output:
	// ready
	// go
}

func ExampleNewCondition() {
	var lock threading.Lock
	condition := threading.NewCondition(&lock)
	item := ""
	consumer := threading.NewThread(func() {
		condition.Lock()
		defer condition.Unlock()
		condition.WaitFor(func() bool { return item != "" })
		fmt.Println("got", item)
	})
	consumer.Start()
	condition.Lock()
	item = "apple"
	condition.Notify(1)
	condition.Unlock()
	consumer.Join()
	// Output: got apple
}

func ExampleNewBarrier() {
	barrier := threading.NewBarrier(3, func() { fmt.Println("all are here") })
	var threads []*threading.Thread
	for range 3 {
		t := threading.NewThread(func() { barrier.Wait() })
		t.Start()
		threads = append(threads, t)
	}
	for _, t := range threads {
		t.Join()
	}
	// Output: all are here
}

func ExampleNewTimer() {
	timer := threading.NewTimer(time.Millisecond, func() { fmt.Println("hello, world") })
	timer.Start()
	timer.Join()
	// Output: hello, world
}

func ExampleNewThread() {
	worker := func(name string, n int) {
		fmt.Println(threading.CurrentThread().Name(), "says", name, n)
	}
	t := threading.NewThread(func() { worker("abc", 1) }, threading.Name("worker"), threading.Daemon(true))
	t.Start()
	t.Join()
	fmt.Println(t.IsAlive(), threading.CurrentThread() == threading.MainThread())
	// Output:
	// worker says abc 1
	// false true
}

// In a program this is all of func main: it does not end before the thread has.
func ExampleMain() {
	threading.Main(func() {
		threading.Go(func() {
			time.Sleep(10 * time.Millisecond)
			fmt.Println("the thread ends")
		})
		fmt.Println("main ends")
	})
	fmt.Println("the program ends")
	// Output:
	// main ends
	// the thread ends
	// the program ends
}

func ExampleLocal() {
	var data threading.Local[int]
	data.Set(1)
	t := threading.NewThread(func() {
		_, ok := data.Lookup()
		fmt.Println("in the thread:", ok)
		data.Set(2)
	})
	t.Start()
	t.Join()
	fmt.Println("in main:", data.Get())
	// Output:
	// in the thread: false
	// in main: 1
}

func ExampleEnumerate() {
	var stop threading.Event
	t := threading.NewThread(stop.Wait, threading.Name("worker"))
	t.Start()
	for _, t := range threading.Enumerate() {
		fmt.Println(t.Name())
	}
	stop.Set()
	t.Join()
	fmt.Println(threading.ActiveCount())
	// Output:
	// MainThread
	// worker
	// 1
}

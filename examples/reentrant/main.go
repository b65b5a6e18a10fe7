// Command reentrant shows an RLock that its owner locks again: functions that lock, called by one that has locked.
// It is a port of two Python programs of this well-known shape:
//
//	lock, num, num2 = threading.RLock(), 0, 0
//
//	def run1():
//	    global num
//	    with lock:
//	        num += 1
//	        return num
//
//	def run2():
//	    ...                                      # the same with num2
//
//	def run3():
//	    with lock:
//	        first = run1()
//	        print("between run1 and run2")
//	        second = run2()
//	    print(first, second)
//
//	for i in range(10):
//	    threading.Thread(target=run3).start()
//	while threading.active_count() != 1:
//	    print(threading.active_count())
//	print("all threads done", num, num2)
//
// The second program counts to 10 under the lock, with a sleep before each step.
//
// The differences that matter:
//
//   - The loop over active_count keeps a processor busy, and waits for ever if anything else keeps a thread, as some
//     development environments do. Here it waits between two looks. Join is better than either: it wakes up when
//     there is something to see, and waits for its own threads only.
//   - The owner of an RLock is a goroutine. One that ends while it owns the lock leaves it locked for ever, so unlock
//     in a defer, which is what Python's with is.
//   - Locking a Lock that one holds waits for ever, in both languages. Go programmers split such functions instead:
//     an outer one that locks and an inner one that says it needs the lock. Then a plain Lock will do.
//   - Depth tells how often the caller has locked.
package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
)

var program = demo.Program{
	Name: "reentrant",
	Does: "Locks an RLock twice from each of ten threads, and tries the same with a Lock.",
	Run:  run,
}

func main() { program.Main() }

// numbers is what the original keeps in global variables.
type numbers struct {
	lock      threading.RLock
	num, num2 int
}

func (n *numbers) run1() (num, depth int) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.num++
	return n.num, n.lock.Depth()
}

func (n *numbers) run2() (num2, depth int) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.num2++
	return n.num2, n.lock.Depth()
}

func (n *numbers) run3(out io.Writer, pause time.Duration) {
	n.lock.Lock()
	defer n.lock.Unlock() // after the print, so that the pairs come in order
	num, depth := n.run1()
	time.Sleep(pause) // between the two, where nobody else gets in
	num2, _ := n.run2()
	fmt.Fprintf(out, "%d %d, locked %d deep\n", num, num2, depth)
}

func run(out io.Writer, second time.Duration) error {
	var n numbers
	threads := startTen(func() { n.run3(out, second/10) })
	for threading.ActiveCount() != 1 { // 1 is the main thread
		fmt.Fprintln(out, "threads alive:", threading.ActiveCount())
		time.Sleep(second / 4)
	}
	for _, t := range threads {
		t.Join() // this alone would have done
	}
	fmt.Fprintln(out, "all threads done:", n.num, n.num2)

	var lock threading.RLock
	counter := 0
	for _, t := range startTen(func() {
		lock.Lock()
		defer lock.Unlock()
		time.Sleep(second / 10)
		counter++
		fmt.Fprintln(out, "counter", counter)
	}) {
		t.Join()
	}

	var plain threading.Lock
	plain.Lock()
	defer plain.Unlock()
	fmt.Fprintln(out, "a Lock locked by its holder again, within a second:", plain.LockTimeout(second))
	lock.Lock()
	defer lock.Unlock()
	again := lock.LockTimeout(second)
	fmt.Fprintln(out, "an RLock:", again)
	if again {
		lock.Unlock()
	}
	return nil
}

// startTen starts ten threads that run f.
func startTen(f func()) (threads []*threading.Thread) {
	for range 10 {
		t := threading.NewThread(f)
		t.Start()
		threads = append(threads, t)
	}
	return threads
}

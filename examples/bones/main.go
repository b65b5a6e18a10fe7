// Command bones puts ten bones into a queue and waits until a dog has eaten them, which may come too early.
// It is a port of this Python program:
//
//	q = queue.Queue()
//
//	def producer():
//	    for i in range(10):
//	        q.put("bone %s" % i)
//	    print("waiting until all bones are eaten")
//	    q.join()
//	    print("all bones are eaten")
//
//	def consumer(name):
//	    while q.qsize() > 0:
//	        print(name, "eats", q.get()); time.sleep(0.2)
//	        q.task_done()
//
//	Thread(target=producer).start()
//	consumer("Rex")
//
// The differences that matter:
//
//   - The consumer stops as soon as it sees an empty queue. If it looks before the first put, it goes home hungry,
//     join waits for ever and the program hangs. Usually the producer is faster, so the tutorial works, mostly. Below
//     the consumer is made to look first, to show it; JoinTimeout, which Python lacks, gets out of it.
//   - With two consumers both may see the last bone: one gets it, and the other waits in get for ever.
//   - The mended consumer does not ask how many bones there are but ranges over q.Tasks, which waits for the next one
//     and ends when the producer has said that no more will come: Shutdown. It also calls TaskDone after each.
//   - Shutdown does not disturb Join, which still waits for what is inside.
package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/queue"
)

const bones = 10

var program = demo.Program{
	Name: "bones",
	Does: "Feeds a dog from a queue, once as in the tutorial with bad luck, and once mended.",
	Run:  run,
}

func main() { program.Main() }

func run(out io.Writer, second time.Duration) error {
	fmt.Fprintln(out, "as in the tutorial, the dog comes early:")
	if err := unlucky(out, second); err != nil {
		return err
	}
	fmt.Fprintln(out, "mended, the dog comes early again:")
	eaten := mended(out, second)
	fmt.Fprintf(out, "%d of %d bones eaten\n", eaten, bones)
	if eaten != bones {
		return fmt.Errorf("%d bones are left", bones-eaten)
	}
	return nil
}

// unlucky is the original in the order of events that makes it hang.
func unlucky(out io.Writer, second time.Duration) error {
	var q queue.Queue[int]
	eaten := 0
	for q.Len() > 0 { // there is nothing yet
		q.Get()
		q.TaskDone()
		eaten++
	}
	fmt.Fprintf(out, "the dog sees no bone and leaves, %d eaten\n", eaten)

	for i := range bones {
		if err := q.Put(i); err != nil {
			return err
		}
	}
	if q.JoinTimeout(second) {
		return fmt.Errorf("all bones were eaten, by nobody")
	}
	fmt.Fprintf(out, "nobody eats: gave up after a second, %d bones left\n", q.Unfinished())
	return nil
}

// mended is what the original means. It returns how many bones were eaten.
func mended(out io.Writer, second time.Duration) (eaten int) {
	var q queue.Queue[int]
	dog := threading.NewThread(func() {
		for bone := range q.Tasks() {
			time.Sleep(second / 5)
			fmt.Fprintf(out, "the dog has eaten bone %d\n", bone)
			eaten++ // nobody else looks at it before the dog is joined
		}
	})
	dog.Start()
	producer := threading.NewThread(func() {
		time.Sleep(second / 5) // the dog waits at its bowl meanwhile
		for i := range bones {
			q.Put(i)
		}
		q.Shutdown()
		fmt.Fprintln(out, "waiting until all bones are eaten")
		q.Join()
		fmt.Fprintln(out, "all bones are eaten")
	})
	producer.Start()
	producer.Join()
	dog.Join()
	return eaten
}

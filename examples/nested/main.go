// Command nested adds up the sizes of a tree of folders with tasks that wait for tasks, in a pool of one worker.
// It is a port of this Python program, which hangs:
//
//	def size(folder):
//	    inner = [pool.apply_async(size, (f,)) for f in folder.folders]
//	    return sum(folder.files) + sum(r.get() for r in inner)
//
//	pool = ThreadPool(1)
//	print(pool.apply(size, (root,)))
//
// The differences that matter:
//
//   - In Python the one worker waits in get() for a task that only it could run: a deadlock. More workers help only
//     until as many tasks wait as there are workers, and the depth of a tree is not known beforehand. The advice is not
//     to wait for tasks in tasks.
//   - Here a task that waits for a Result lends its slot until the wait ends, and another worker starts what is queued.
//     So waits that do not go in a circle end, however deep they are. Map, IMap, AsCompleted and Apply do the same.
//   - What is bounded is how many tasks run, not how many wait: a task that waits is a goroutine that sleeps.
//   - A wait that goes in a circle cannot end. The shortest one, of a task for its own Result, is noticed: it panics
//     with ErrJoinSelf. Here the panic becomes the error of the task.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct{ depth, workers int }

var program = demo.Program{
	Name: "nested",
	Does: "Adds up the sizes of nested folders with tasks that wait for tasks.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.depth, "depth", 5, "how many `levels` of folders there are")
		f.IntVar(&o.workers, "workers", 1, "how many `workers` the pool has")
		return o.run
	},
}

func main() { program.Main() }

// A folder has some bytes of its own, and folders in it.
type folder struct {
	bytes int
	inner []folder
}

// tree returns a folder with levels of folders below it, two in each.
func tree(levels int) folder {
	f := folder{bytes: 1}
	if levels > 0 {
		f.inner = []folder{tree(levels - 1), tree(levels - 1)}
	}
	return f
}

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.depth < 0 || o.depth > 12 || o.workers < 1 {
		return demo.BadInput("-depth %d -workers %d: want a depth of 0 to 12, and a worker", o.depth, o.workers)
	}
	p := pool.New(o.workers)
	defer p.Shutdown()

	var (
		guard   threading.Lock // of the two below
		reading int
		most    int
	)
	read := func(f folder) int {
		guard.Lock()
		reading++
		most = max(most, reading)
		guard.Unlock()
		time.Sleep(second / 100)
		guard.Lock()
		reading--
		guard.Unlock()
		return f.bytes
	}
	waited := 0 // how many tasks waited for others at once, as a task at the bottom of the tree saw it
	var size func(context.Context, folder) (int, error)
	size = func(_ context.Context, f folder) (int, error) {
		sum := read(f)
		var results []*pool.Result[int]
		for _, inner := range f.inner {
			results = append(results, pool.ApplyAsync(p, pool.Bind(size, inner)))
		}
		if len(results) == 0 {
			guard.Lock()
			waited = max(waited, p.Stats().Lent)
			guard.Unlock()
		}
		for _, r := range results {
			n, err := r.Get() // lends the slot: in a pool of one worker somebody else has to run it
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	sum, err := pool.Apply(p, pool.Bind(size, tree(o.depth)))
	if err != nil {
		return err
	}
	folders := 1<<(o.depth+1) - 1
	fmt.Fprintf(out, "%d folders, %d levels deep, have %d bytes\n", folders, o.depth, sum)
	fmt.Fprintf(out, "-workers %d: up to %d tasks were reading at once, and up to %d waited for others\n",
		o.workers, most, waited)

	// The wait that cannot end.
	var self *pool.Result[int]
	known := make(chan struct{})
	self = pool.ApplyAsync(p, func(context.Context) (int, error) {
		<-known
		return self.Get()
	})
	close(known)
	_, err = self.Get()
	fmt.Fprintf(out, "a task that waits for itself: %v\n", err)
	if !errors.Is(err, pool.ErrJoinSelf) {
		return errors.New("nobody noticed that a task waits for itself")
	}
	fmt.Fprintln(out, "nothing hangs")
	return nil
}

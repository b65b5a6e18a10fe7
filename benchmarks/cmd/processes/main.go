// Command processes measures what shared objects take, in memory and in descriptors, and what a lock costs that many
// processes want at once, and prints Markdown tables.
//
//	go run ./cmd/processes
//	go run ./cmd/processes -quick
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/process"
)

func main() {
	process.Init()
	if err := run(os.Args[1:], os.Stdout); err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "processes:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("processes", flag.ContinueOnError)
	var (
		objects   = flags.Int("objects", 1000, "how many of each type are made")
		processes = flags.String("processes", "1,10,100,500", "how many processes want one lock")
		turns     = flags.Int("turns", 100, "how often each of them locks it")
		quick     = flags.Bool("quick", false, "few of everything: to see that all works")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *quick {
		*objects, *processes, *turns = 20, "1,3", 10
	}
	if *objects < 1 || *turns < 1 {
		return fmt.Errorf("%d objects, %d turns: want 1 or more", *objects, *turns)
	}
	if err := process.Supported(); err != nil {
		fmt.Fprintln(stdout, err)
		return nil
	}
	if err := takes(stdout, *objects); err != nil {
		return err
	}
	fmt.Fprint(stdout, "\n| processes | all started after | ns a turn | all ended after |\n|--:|--:|--:|--:|\n")
	for text := range strings.SplitSeq(*processes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-processes %q: want numbers above 0", *processes)
		}
		if err := crowd(stdout, n, *turns); err != nil {
			return err
		}
	}
	return nil
}

// kinds make a shared object of each type, and use it once.
var kinds = []struct {
	name string
	make func() any
}{
	{"Lock", func() any { l := process.NewLock(); l.Lock(); l.Unlock(); return l }},
	{"RLock", func() any { l := process.NewRLock(); l.Lock(); l.Unlock(); return l }},
	{"Semaphore", func() any { s := process.NewSemaphore(1); s.Acquire(); return s }},
	{"BoundedSemaphore", func() any { s := process.NewBoundedSemaphore(1); s.Acquire(); return s }},
	{"Event", func() any { e := process.NewEvent(); e.Set(); return e }},
	{"Condition", func() any {
		c := process.NewCondition(nil)
		c.Lock()
		c.WaitTimeout(1)
		c.Unlock()
		return c
	}},
	{"Barrier of 4", func() any { b := process.NewBarrier(4, nil); b.Waiting(); return b }},
	{"Queue", func() any {
		q := process.NewQueue[int](0)
		if err := q.Put(1); err != nil {
			panic(err)
		}
		return q
	}},
	{"Value", func() any { v := process.NewValue(0); v.Set(1); return v }},
	{"Array of 100", func() any { a := process.NewArray[int](100); a.Set(0, 1); return a }},
	{"Memory of 4 KiB", func() any { m := process.NewMemory(4096); m.Bytes()[0] = 1; return m }},
	{"Pipe", func() any {
		a, b, err := process.Pipe[int, int]()
		if err == nil {
			err = a.Send(1)
		}
		if err != nil {
			panic(err)
		}
		return [2]any{a, b}
	}},
}

// A use is what this process has at one time.
type use struct{ heap, shared, descriptors int }

func inUse() (u use, err error) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.heap = int(m.HeapAlloc)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "RssShmem:"); found {
			if u.shared, err = strconv.Atoi(strings.Fields(rest)[0]); err != nil {
				return u, err
			}
			u.shared <<= 10
		}
	}
	entries, err := os.ReadDir("/proc/self/fd")
	u.descriptors = len(entries)
	return u, err
}

// takes prints what objects take: each in shared memory, in this process, and of its descriptors.
func takes(stdout io.Writer, n int) error {
	fmt.Fprint(stdout, "| type | bytes of shared memory in use | bytes in each process | descriptors |\n|---|--:|--:|--:|\n")
	begin, err := inUse()
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		before := begin
		for range 1000 { // until the collector has closed the last ones
			if before, err = inUse(); err != nil {
				return err
			}
			if before.descriptors <= begin.descriptors {
				break
			}
			time.Sleep(time.Millisecond)
		}
		all := make([]any, n)
		for i := range all {
			all[i] = kind.make()
		}
		after, err := inUse()
		if err != nil {
			return err
		}
		each := func(a, b int) float64 { return float64(b-a) / float64(n) }
		fmt.Fprintf(stdout, "| %s | %.0f | %.0f | %.3g |\n", kind.name, each(before.shared, after.shared),
			each(before.heap, after.heap), each(before.descriptors, after.descriptors))
		for _, o := range all {
			switch o := o.(type) {
			case *process.Memory:
				err = errors.Join(err, o.Close())
			case [2]any:
				for _, end := range o {
					err = errors.Join(err, end.(*process.Conn[int, int]).Close())
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A gathering is what many processes share.
type gathering struct {
	Lock  *process.Lock
	Count *process.Value[int]
	Here  *process.Semaphore
	Go    *process.Event
	Done  *process.Semaphore
	Turns int
}

var member = process.Register(func(_ context.Context, g gathering) (struct{}, error) {
	g.Here.Release()
	g.Go.Wait()
	for range g.Turns {
		g.Lock.Lock()
		process.Add(g.Count, 1)
		g.Lock.Unlock()
	}
	g.Done.Release()
	return struct{}{}, nil
})

// crowd has n processes lock one lock.
func crowd(stdout io.Writer, n, turns int) error {
	g := gathering{
		process.NewLock(), process.NewValue(0), process.NewSemaphore(0), process.NewEvent(), process.NewSemaphore(0), turns,
	}
	begin := time.Now()
	all := make([]*process.Process[struct{}], n)
	for i := range all {
		var err error
		if all[i], err = process.Go(member, g, process.Daemon(true)); err != nil {
			return err
		}
	}
	g.Here.AcquireN(n)
	started := time.Now()
	g.Go.Set()
	g.Done.AcquireN(n)
	done := time.Now()
	var err error
	for _, p := range all {
		p.Join()
		err = errors.Join(err, p.Err())
	}
	if count := g.Count.Get(); err == nil && count != n*turns {
		err = fmt.Errorf("%d turns were taken, want %d", count, n*turns)
	}
	fmt.Fprintf(stdout, "| %d | %v | %.0f | %v |\n", n, started.Sub(begin).Round(time.Millisecond),
		float64(done.Sub(started).Nanoseconds())/float64(n*turns), time.Since(begin).Round(time.Millisecond))
	return err
}

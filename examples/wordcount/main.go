// Command wordcount counts the words of a source tree, with a thread that walks the tree and several that count.
// It is a port of a Python program of this well-known shape:
//
//	paths, totals, lock = Queue(maxsize=128), Counter(), Lock()
//
//	def walk():
//	    for path in Path(root).rglob("*.go"):
//	        paths.put(path)                     # waits while the queue is full
//
//	def work():
//	    with suppress(ShutDown):
//	        while True:
//	            path = paths.get()
//	            try:
//	                words = Counter(WORD.findall(path.read_text()))
//	                with lock:
//	                    totals.update(words)
//	            finally:
//	                paths.task_done()
//
//	walker = Thread(target=walk)
//	workers = [Thread(target=work) for _ in range(cpu_count())]
//	...                                         # start them all
//	walker.join(); paths.join(); paths.shutdown()
//	...                                         # join the workers
//
// The differences that matter:
//
//   - Go's threads count in parallel. Python's take turns at the interpreter lock, unless it was built without.
//   - Ranging over paths.Tasks is get, try, finally task_done and except ShutDown in one.
//   - Ctrl-C interrupts only Python's main thread: the workers go on waiting in get, and the exit waits for them.
//     Here it ends a context, which shuts the queue down, and with that everybody who waits for it.
//   - When the last worker of the Python program dies of an exception, put and join wait for ever. Here a worker
//     that dies shuts the queue down.
//   - Python's exit waits for the threads, Go's does not. This program joins all of its own; one that does not can
//     have Python's rule from thread.Main.
package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // from then on Ctrl-C ends the process
	p := program{stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr), open: openFolder}
	os.Exit(p.run(ctx, os.Args[1:]))
}

const (
	backlog   = 128      // paths the walker may be ahead of the workers
	readSize  = 64 << 10 // most source files fit
	manyWords = 1 << 18  // room in the totals from the start: making it later would hold the lock
	liveTick  = time.Second / 10
	plainTick = 5 * time.Second
)

type result struct {
	sums
	counts  map[string]*int
	time    time.Duration
	partial bool
}

// count walks and counts fsys. When ctx ends it stops early and returns what it has. Nothing that goes wrong can
// leave anybody waiting, because everybody waits for the queue, and each way to end the work early shuts it down:
//
//   - ctx ends: ShutdownNow drops the paths that nobody has taken. The walker's Put fails, also one that is waiting for
//     room, and each worker's loop ends after the file in hand.
//   - The walker ends early, with an error or a panic: what it has put is counted, then Shutdown ends the workers.
//   - A worker dies: its last act is ShutdownNow, so that neither the walker nor Join waits for workers that are gone.
func count(ctx context.Context, fsys fs.FS, opts options, con *console) (result, error) {
	began := time.Now()
	paths := queue.New[string](backlog)
	all := &totals{counts: make(map[string]*int, manyWords)}
	unreadable := func(name string, err error) {
		all.addUnreadable()
		con.report(fmt.Sprintf("wordcount: cannot read %s, left out: %v",
			filepath.Join(opts.folder, filepath.FromSlash(name)), reason(err)))
	}

	stop := context.AfterFunc(ctx, paths.ShutdownNow)
	defer stop()

	var walkErr error
	walker := thread.Go(func() { walkErr = walk(ctx, fsys, opts, paths, unreadable) }, thread.Name("walker"))

	threads := []*thread.Thread{walker}
	for i := range opts.workers {
		threads = append(threads, thread.Go(func() {
			defer paths.ShutdownNow() // changes nothing after the loop has ended as it should
			c := newCounter(readSize)
			for name := range paths.Tasks() {
				if err := c.countFile(fsys, name); err != nil {
					unreadable(name, err)
				} else {
					all.add(c)
				}
			}
		}, thread.Name(fmt.Sprintf("worker-%d", i+1))))
	}

	tick := plainTick
	if con.live {
		tick = liveTick
	}
	for !walker.JoinTimeout(tick) {
		con.progress(all.soFar().line(time.Since(began)))
	}
	for !paths.JoinTimeout(tick) {
		con.progress(all.soFar().line(time.Since(began)))
	}
	paths.Shutdown()
	for _, t := range threads {
		t.Join()
	}

	res := result{sums: all.sums, counts: all.counts, time: time.Since(began), partial: ctx.Err() != nil}
	for _, t := range threads {
		if err := t.Err(); err != nil {
			return res, fmt.Errorf("%s ended before its work was done, there is no result: %w", t.Name(), err)
		}
	}
	if walkErr != nil && !res.partial {
		return res, fmt.Errorf("cannot read the folder %s: %w", opts.folder, reason(walkErr))
	}
	con.end(res.line(res.time))
	return res, nil
}

// walk puts the name of every wanted file into paths.
func walk(ctx context.Context, fsys fs.FS, opts options, paths *queue.Queue[string],
	unreadable func(string, error)) error {

	return fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil: // or a tree with nothing to put would be walked to its end
			return context.Cause(ctx)
		case err != nil && name == ".":
			return err
		case err != nil:
			unreadable(name, err)
			return nil
		case entry.Type().IsRegular() && opts.wants(name): // no folder, no link, and no pipe, which could block
			return paths.PutContext(ctx, name)
		}
		return nil
	})
}

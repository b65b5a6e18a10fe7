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
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/lock"
	"github.com/gothreading/threading/queue"
	"github.com/gothreading/threading/thread"
)

const usage = `usage: wordcount [flags] [folder]

Counts the words in the files of a folder and of all folders below it, by default of the Go toolchain's own source,
and lists the most frequent ones. A word is a letter or an underscore and the letters, digits and underscores that
follow it, in any script. Symbolic links are not followed. A file or folder that cannot be read is reported, counted
as unreadable and left out.

  -ext list     count files with one of these endings, separated by commas; all or "": every file
                (default .go)
  -top n        list the n most frequent words; 0: only the totals (default 20)
  -workers n    count with n threads (default: one for each processor Go may use)

Ctrl-C stops after the files in hand and prints the result so far; a second one stops at once.
Exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
`

// The exit codes.
const (
	done        = 0
	failed      = 1
	wrongUsage  = 2
	interrupted = 130 // what a shell reports for a program that Ctrl-C ended
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // from then on Ctrl-C ends the process
	p := program{stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr), open: openFolder}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// A program is what a run needs from outside.
type program struct {
	stdout, stderr io.Writer
	terminal       bool // whether stderr can show a live line
	open           func(folder string) (fs.FS, error)
}

func (p program) run(ctx context.Context, args []string) int {
	con := &console{out: p.stderr, live: p.terminal}
	opts, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		io.WriteString(p.stdout, usage)
		return done
	}
	if err != nil {
		con.report(fmt.Sprintf("wordcount: %v; -help shows the usage", err))
		return wrongUsage
	}
	partial, err := p.work(ctx, opts, con)
	switch {
	case err != nil:
		con.report(fmt.Sprintf("wordcount: %v", err))
		return failed
	case partial:
		return interrupted
	}
	return done
}

// work finds the folder, counts it and writes the table.
func (p program) work(ctx context.Context, opts options, con *console) (partial bool, err error) {
	if opts.folder == "" {
		if opts.folder, err = toolchainSource(ctx); err != nil {
			return false, err
		}
	}
	fsys, err := p.open(opts.folder)
	if err != nil {
		return false, err
	}
	res, err := count(ctx, fsys, opts, con)
	if err != nil {
		return false, err
	}
	if _, err := p.stdout.Write(res.table(opts)); err != nil {
		return false, fmt.Errorf("cannot write the result: %w", err)
	}
	return res.partial, nil
}

// The pipeline.

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

// What people see.

// A console is stderr: lines that stay and, if it is live, the progress as a last line that is rewritten.
type console struct {
	out  io.Writer
	live bool

	lock  lock.Lock // workers report while the main thread shows progress
	width int       // of the live line now on the screen
}

// progress shows line in place of the last one, or below it if the console is not live.
func (c *console) progress(line string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.live {
		fmt.Fprintln(c.out, line)
		return
	}
	fmt.Fprintf(c.out, "\r%-*s", c.width, line) // padded, to cover the line before
	c.width = len(line)
}

// report writes a line that stays, above the live one.
func (c *console) report(line string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.width > 0 {
		line = fmt.Sprintf("\r%-*s", c.width, line)
		c.width = 0
	}
	fmt.Fprintln(c.out, line)
}

// end shows line as the last progress, and leaves it.
func (c *console) end(line string) {
	c.progress(line)
	if c.live {
		fmt.Fprintln(c.out)
		c.width = 0
	}
}

// line is the progress after the time d.
func (s sums) line(d time.Duration) string {
	return fmt.Sprintf("%s files, %s MB in %.1f s: %s", thousands(s.files), megabytes(s.bytes), d.Seconds(), s.rate(d))
}

func (s sums) rate(d time.Duration) string {
	if d <= 0 {
		return "too fast to measure"
	}
	return fmt.Sprintf("%s files/s, %s MB/s", thousands(int(float64(s.files)/d.Seconds())),
		megabytes(int64(float64(s.bytes)/d.Seconds())))
}

// table is the result for people.
func (r result) table(opts options) []byte {
	type row struct {
		word  string
		count int
	}
	rows := make([]row, 0, len(r.counts))
	for word, count := range r.counts {
		rows = append(rows, row{word, *count})
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.count != b.count {
			return cmp.Compare(b.count, a.count)
		}
		return strings.Compare(a.word, b.word)
	})

	var b bytes.Buffer
	if r.partial {
		fmt.Fprintf(&b, "PARTIAL RESULT: interrupted, these are the files counted until then\n\n")
	}
	if top := rows[:min(opts.top, len(rows))]; len(top) > 0 {
		fmt.Fprintf(&b, "%6s  %13s  %6s  %s\n", "rank", "count", "share", "word")
		for i, row := range top {
			share := 100 * float64(row.count) / float64(r.words)
			fmt.Fprintf(&b, "%6d  %13s  %5.2f%%  %s\n", i+1, thousands(row.count), share, row.word)
		}
		fmt.Fprintln(&b)
	}
	total := func(name, value, note string) {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-14s  %13s  %s", name, value, note), " "))
	}
	total("files", thousands(r.files), opts.kind()+" in "+opts.folder)
	total("bytes", thousands(int(r.bytes)), "")
	total("words", thousands(r.words), "")
	total("distinct words", thousands(len(r.counts)), "")
	total("unreadable", thousands(r.unreadable), "")
	total("seconds", fmt.Sprintf("%.2f", r.time.Seconds()),
		fmt.Sprintf("%s, -workers %d", r.rate(r.time), opts.workers))
	return b.Bytes()
}

// thousands writes n with a comma after every three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func megabytes(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) }

// reason is err without the call and the path, which the messages here name themselves.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// What people ask for.

type options struct {
	folder  string
	workers int
	top     int
	exts    []string // none: every file
}

func (o options) wants(name string) bool {
	return len(o.exts) == 0 || slices.ContainsFunc(o.exts, func(ext string) bool {
		return strings.HasSuffix(path.Base(name), ext)
	})
}

func (o options) kind() string {
	if len(o.exts) == 0 {
		return "all"
	}
	return strings.Join(o.exts, ",")
}

func parse(args []string) (options, error) {
	opts := options{workers: runtime.GOMAXPROCS(0), top: 20, exts: []string{".go"}}
	flags := flag.NewFlagSet("wordcount", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run says what is wrong, in one line
	flags.Func("workers", "", number(&opts.workers, 1, 1024))
	flags.Func("top", "", number(&opts.top, 0, 1_000_000))
	flags.Func("ext", "", func(s string) (err error) {
		opts.exts, err = endings(s)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 1 {
		return opts, fmt.Errorf("give one folder, after the flags, not %d arguments: %s",
			flags.NArg(), strings.Join(flags.Args(), " "))
	}
	if flags.NArg() == 1 && flags.Arg(0) == "" {
		return opts, errors.New(`the folder's name is empty; give "." for this one, or none for the Go toolchain's source`)
	}
	opts.folder = flags.Arg(0)
	return opts, nil
}

func number(to *int, least, most int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("give a whole number from %d to %d", least, most)
		}
		*to = n
		return nil
	}
}

func endings(list string) ([]string, error) {
	if list == "" || list == "all" {
		return nil, nil
	}
	exts := strings.Split(list, ",")
	for i, ext := range exts {
		ext = "." + strings.TrimPrefix(strings.TrimSpace(ext), ".")
		if ext == "." || strings.ContainsAny(ext, "*?/") {
			return nil, errors.New("give endings such as .go or .go,.md, or all")
		}
		exts[i] = ext
	}
	return exts, nil
}

// toolchainSource is the folder with the source of the Go toolchain.
func toolchainSource(ctx context.Context) (string, error) {
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if root = strings.TrimSpace(string(out)); err != nil || root == "" {
			return "", fmt.Errorf("cannot find the Go toolchain's source: GOROOT is not set and "+
				"\"go env GOROOT\" gave no folder (%v); name a folder to count", err)
		}
	}
	return filepath.Join(root, "src"), nil
}

func openFolder(folder string) (fs.FS, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder %s: %w", folder, reason(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder; give one", folder)
	}
	return os.DirFS(folder), nil
}

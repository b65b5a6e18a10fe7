// Command manager measures package manager over a Unix socket beside Python's multiprocessing.Manager, round by round,
// and prints a Markdown table. Servers and other clients are processes of their own, as there. A process that does
// nothing but count keeps a processor awake meanwhile, unless -idle: on a machine that sleeps every wake-up costs tens of
// microseconds, whoever is woken.
//
//	go run ./cmd/manager
//	go run ./cmd/manager -run wake -rounds 9
package main

import (
	"bufio"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gothreading/threading/benchmarks/internal/report"
	"github.com/gothreading/threading/benchmarks/internal/stats"
	"github.com/gothreading/threading/manager"
)

//go:embed bench.py
var pythonSource []byte

func main() {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	if err := run(os.Args[1:], os.Stdout, os.Stderr, exec.LookPath); err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "manager:", err)
		}
		os.Exit(1)
	}
}

// A row is an operation. Of a rate, more is better; of a time, less.
type row struct {
	key, name string
	time      bool   // nanoseconds, not operations a second
	against   string // the key of Python's row, "" for none
	measure   func(b *bench, d time.Duration) (float64, error)
}

var rows = []row{
	{"lock", "Lock and Unlock", false, "lock", func(b *bench, d time.Duration) (float64, error) {
		l := b.m.Lock("lock")
		return rate(d, func() error { l.Lock(); l.Unlock(); return nil })
	}},
	{"set", "Dict.Set", false, "set", func(b *bench, d time.Duration) (float64, error) {
		return rate(d, func() error { return b.dict.Set(b.ctx, "a", 1) })
	}},
	{"get", "Dict.Get", false, "get", func(b *bench, d time.Duration) (float64, error) {
		return rate(d, func() error { _, _, err := b.dict.Get(b.ctx, "a"); return err })
	}},
	{"putget", "Queue.Put and Get", false, "putget", func(b *bench, d time.Duration) (float64, error) {
		q := manager.NewQueue[int](b.m, "queue", 0)
		return rate(d, func() error {
			if err := q.Put(1); err != nil {
				return err
			}
			_, err := q.Get()
			return err
		})
	}},
	{"add", "Counter.Add", false, "", func(b *bench, d time.Duration) (float64, error) {
		c := b.m.Counter("counter")
		return rate(d, func() error { _, err := c.Add(b.ctx, 1); return err })
	}},
	{"pipelined", "Dict.Get by 32 goroutines of one process", false, "get", (*bench).pipelined},
	{"contended", "Lock and Unlock by 4 processes", false, "contended", (*bench).contended},
	{"wake", "from Put to the return of a Get that waits, median", true, "wake", func(b *bench, d time.Duration) (float64, error) {
		return b.delays("sleeper", "woken", d, 0.5)
	}},
	{"killed", "from SIGKILL of a holder to the next, median", true, "", func(b *bench, d time.Duration) (float64, error) {
		return b.killed(d, 0.5)
	}},
	{"killed99", "the same, 99 of 100", true, "", func(b *bench, d time.Duration) (float64, error) {
		return b.killed(max(d, time.Second), 0.99)
	}},
}

// A bench is our side: a server in its own process, and this client.
type bench struct {
	ctx  context.Context
	addr string
	m    *manager.Manager
	dict *manager.Dict[string, int]
}

func rate(d time.Duration, f func() error) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
	n := 0
	for began := time.Now(); ; {
		for range 20 {
			if err := f(); err != nil {
				return 0, err
			}
		}
		n += 20
		if took := time.Since(began); took >= d {
			return float64(n) / took.Seconds(), nil
		}
	}
}

func (b *bench) pipelined(d time.Duration) (float64, error) {
	const goroutines = 32
	var (
		wg    sync.WaitGroup
		rates [goroutines]float64
		errs  [goroutines]error
		total float64
	)
	for i := range goroutines {
		wg.Go(func() {
			rates[i], errs[i] = rate(d, func() error { _, _, err := b.dict.Get(b.ctx, "a"); return err })
		})
	}
	wg.Wait()
	for i := range goroutines {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += rates[i]
	}
	return total, nil
}

func (b *bench) contended(d time.Duration) (float64, error) {
	const clients = 4
	var children []*child
	defer func() {
		for _, c := range children {
			c.kill()
		}
	}()
	for range clients {
		c, err := spawn(fmt.Sprint("contend ", b.addr, " ", d))
		if err != nil {
			return 0, err
		}
		children = append(children, c)
	}
	if _, err := b.m.Barrier("contend", clients+1, nil).Wait(); err != nil {
		return 0, err
	}
	total := 0.0
	for _, c := range children {
		n, err := c.number()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total / d.Seconds(), nil
}

// delays sends the time to a process that waits for it, again and again.
func (b *bench) delays(role, name string, d time.Duration, quantile float64) (float64, error) {
	c, err := spawn(role + " " + b.addr)
	if err != nil {
		return 0, err
	}
	defer c.kill()
	q := manager.NewQueue[int64](b.m, name, 0)
	var seen []float64
	for began := time.Now(); time.Since(began) < max(d, 100*time.Millisecond); {
		time.Sleep(2 * time.Millisecond)
		if err := q.Put(time.Now().UnixNano()); err != nil {
			return 0, err
		}
		n, err := c.number()
		if err != nil {
			return 0, err
		}
		seen = append(seen, n)
	}
	return at(seen, quantile), nil
}

// killed kills processes that hold a lock for which this one waits.
func (b *bench) killed(d time.Duration, quantile float64) (float64, error) {
	var seen []float64
	for began := time.Now(); time.Since(began) < d || len(seen) < 5; {
		c, err := spawn("holder " + b.addr)
		if err != nil {
			return 0, err
		}
		if _, err := c.number(); err != nil { // it holds the lock
			return 0, err
		}
		killed := make(chan time.Time, 1)
		go func() {
			time.Sleep(time.Millisecond) // until we wait
			killed <- time.Now()
			c.kill()
		}()
		l := b.m.Lock("killed")
		l.Lock()
		now := time.Now()
		seen = append(seen, float64(now.Sub(<-killed)))
		l.Unlock()
	}
	return at(seen, quantile), nil
}

func at(seen []float64, quantile float64) float64 {
	slices.Sort(seen)
	return seen[int(float64(len(seen)-1)*quantile)]
}

const roleEnv = "MANAGER_BENCHMARK_ROLE"

// play is what the other processes do, which end with their standard input.
func play(role string) {
	name, rest, _ := strings.Cut(role, " ")
	ctx := context.Background()
	if name == "busy" {
		go func() {
			for n := 0; ; n++ {
			}
		}()
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if name == "serve" {
		m, err := manager.Start()
		check(err)
		fmt.Println(m.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin)
		check(m.Close())
		return
	}
	addr, rest, _ := strings.Cut(rest, " ")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	m, err := manager.Open(ctx, addr)
	check(err)
	switch name {
	case "contend":
		d, err := time.ParseDuration(rest)
		check(err)
		l := m.Lock("contended")
		_, err = m.Barrier("contend", 5, nil).Wait()
		check(err)
		n := 0
		for end := time.Now().Add(d); time.Now().Before(end); n++ {
			l.Lock()
			l.Unlock()
		}
		fmt.Println(n)
	case "sleeper":
		for q := manager.NewQueue[int64](m, "woken", 0); ; {
			sent, err := q.Get()
			check(err)
			fmt.Println(time.Now().UnixNano() - sent)
		}
	case "holder":
		m.Lock("killed").Lock()
		fmt.Println(1)
		select {}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// A child is another process, which answers by lines.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func spawn(role string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return start(cmd)
}

func start(cmd *exec.Cmd) (*child, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, in, bufio.NewReader(out)}, nil
}

func (c *child) line() (string, error) {
	line, err := c.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (c *child) number() (float64, error) {
	line, err := c.line()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(line, 64)
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// end lets the child end by itself.
func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

func run(args []string, stdout, stderr io.Writer, find func(string) (string, error)) error {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		rounds   = flags.Int("rounds", 7, "how often each operation is measured on either side")
		duration = flags.Duration("time", 300*time.Millisecond, "for how long each time")
		only     = flags.String("run", "", "a regular expression: only operations whose names it matches")
		python   = flags.String("python", "python3", "the command of CPython")
		idle     = flags.Bool("idle", false, "let the processors sleep")
		quick    = flags.Bool("quick", false, "1 round of 20ms: to see that all works")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *quick {
		*rounds, *duration = 1, 20*time.Millisecond
	}
	if *rounds < 1 || *duration <= 0 {
		return fmt.Errorf("%d rounds of %v measure nothing", *rounds, *duration)
	}
	matches, err := regexp.Compile(*only)
	if err != nil {
		return err
	}

	if !*idle {
		busy, err := spawn("busy")
		if err != nil {
			return err
		}
		defer busy.kill()
	}
	server, err := spawn("serve")
	if err != nil {
		return err
	}
	defer server.end()
	b := &bench{ctx: context.Background()}
	if b.addr, err = server.line(); err != nil {
		return err
	}
	if b.m, err = manager.Open(b.ctx, b.addr); err != nil {
		return err
	}
	defer b.m.Close()
	b.dict = manager.NewDict[string, int](b.m, "dict")

	rival, version, err := startPython(*python, find)
	if err != nil {
		fmt.Fprintf(stdout, "CPython is left out: %v\n", err)
	} else {
		defer rival.end()
	}
	fmt.Fprintf(stdout, "%s\n\n", report.ThisMachine())
	fmt.Fprintf(stdout, "| operation | here | CPython %s | ratio | quartiles |\n|---|---:|---:|---:|---:|\n", version)
	for _, r := range rows {
		if !matches.MatchString(r.name) && !matches.MatchString(r.key) {
			continue
		}
		var ours, theirs []float64
		for range *rounds {
			n, err := r.measure(b, *duration)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			ours = append(ours, n)
			if rival == nil || r.against == "" {
				continue
			}
			fmt.Fprintln(rival.in, r.against, duration.Seconds())
			if n, err = rival.number(); err != nil {
				return fmt.Errorf("CPython, %s: %w", r.name, err)
			}
			theirs = append(theirs, n)
		}
		r.print(stdout, ours, theirs)
	}
	return nil
}

func startPython(command string, find func(string) (string, error)) (rival *child, version string, err error) {
	if command, err = find(command); err != nil {
		return nil, "", err
	}
	folder, err := os.MkdirTemp("", "threading-benchmarks")
	if err != nil {
		return nil, "", err
	}
	script := filepath.Join(folder, "bench.py")
	if err := os.WriteFile(script, pythonSource, 0o600); err != nil {
		return nil, "", err
	}
	if rival, err = start(exec.Command(command, script)); err != nil {
		return nil, "", err
	}
	line, err := rival.line()
	_ = os.RemoveAll(folder) // it has been read; children are forked, or find it in memory
	if err != nil {
		return nil, "", fmt.Errorf("its Manager does not start: %w", err)
	}
	_, version, _ = strings.Cut(line, " ")
	return rival, version, nil
}

func (r row) print(w io.Writer, ours, theirs []float64) {
	number := func(xs []float64) string {
		switch {
		case len(xs) == 0:
			return ""
		case r.time:
			return time.Duration(stats.Median(xs)).Round(100 * time.Nanosecond).String()
		}
		return fmt.Sprintf("%.0f/s", stats.Median(xs))
	}
	ratio, spread := "", ""
	if len(theirs) > 0 {
		q := stats.Of(stats.Ratios(ours, theirs))
		ratio, spread = fmt.Sprintf("%.2f", q.Median), fmt.Sprintf("%.2f-%.2f", q.Q1, q.Q3)
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.name, number(ours), number(theirs), ratio, spread)
}

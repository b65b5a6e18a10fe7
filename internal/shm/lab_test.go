//go:build linux && (amd64 || arm64)

package shm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/internal/proof"
)

// A laboratory: processes that use objects, and are killed at it. The test program runs itself again for each of them.

// An experiment is what they do.
type experiment struct {
	// objects makes the objects, in this process, and returns their descriptors.
	objects func(l *lab) []int
	// work is what a process does until it is told to stop.
	work func(w *worker)
	// after checks what is left when all have stopped. Who was killed is in killed.
	after func(l *lab)
	slow  int // a round of it is as many of another
	// check checks, after each kill, what others use at the time.
	check func(l *lab) error
	// state describes the objects, for one that hangs.
	state func(l *lab) string
}

var experiments = map[string]*experiment{}

func experimentOf(name string) *experiment {
	if e := experiments[name]; e != nil {
		return e
	}
	if rest, found := strings.CutPrefix(name, "among, "); found {
		return experimentAmong(rest)
	}
	if c := cuts[name]; c != nil {
		return c.experiment()
	}
	return calls[name]
}

const labEnv = "SHM_LAB"

func TestMain(m *testing.M) {
	if name := os.Getenv(labEnv); name != "" {
		runWorker(name)
	}
	goleak.VerifyTestMain(proof.Settled(diagnose.Wrap(m)))
}

// lifeline is a pipe that nobody writes to: when this process has ended, however it did, the workers read its end, and end
// too.
var lifeline struct{ read, write *os.File }

func init() {
	if os.Getenv(labEnv) == "" {
		var err error
		lifeline.read, lifeline.write, err = os.Pipe()
		must(err)
	}
}

// benchSeats is how many processes may have come and gone.
const benchSeats = 4096

// A bench is memory in which the processes say what they do.
type bench struct {
	stop  atomic.Uint32
	_     [60]byte
	words [64]atomic.Uint64 // the experiment's own
	seats [benchSeats]benchSeat
	cells [1 << 16]atomic.Uint32 // the experiment's own
}

type benchSeat struct {
	progress atomic.Uint64
	notes    [7]atomic.Uint64 // the experiment's own
}

// A worker is a process of a laboratory.
type worker struct {
	*bench
	id      int // of its seat
	seat    *benchSeat
	objects []int // descriptors
	rand    *rand.Rand
}

func runWorker(name string) {
	name, rest, _ := strings.Cut(name, ":")
	id, _ := strconv.Atoi(rest)
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(4)
	}()
	must(Join(3))
	memory, err := AttachMemory(4)
	must(err)
	b := (*bench)(unsafe.Pointer(&memory.Bytes()[0]))
	w := &worker{bench: b, id: id, seat: &b.seats[id], rand: rand.New(rand.NewPCG(uint64(id), 1))}
	n, _ := strconv.Atoi(os.Getenv(labEnv + "_OBJECTS"))
	for i := range n {
		w.objects = append(w.objects, 5+i)
	}
	if os.Getenv(labEnv+"_SLICES") != "" {
		Slices(time.Minute, time.Minute)
	}
	if os.Getenv(labEnv+"_PLAIN") != "" {
		kin.waitv.Store(false)
	}
	arm()
	experimentOf(name).work(w)
	os.Exit(0)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func failWorker(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "worker: "+format+"\n", args...)
	os.Exit(3)
}

// step notes that the worker gets on.
func (w *worker) step() { w.seat.progress.Add(1) }

func (w *worker) stopped() bool { return w.stop.Load() != 0 }

// A lab is the test's side.
type lab struct {
	*bench
	t      *testing.T
	name   string
	exp    *experiment
	memory *Memory
	fds    []int
	slices bool // wake-ups that are missed are not made up for
	plain  bool // there is no futex_waitv
	silent bool // deaths are not announced

	guard  sync.Mutex
	alive  map[int]*patient
	next   int
	killed []int // seats
	failed bool
}

// A patient is a running worker.
type patient struct {
	seat   int
	proc   *os.Process
	errors bytes.Buffer
	gone   chan struct{}
	point  string
}

func newLab(t *testing.T, name string) *lab { return newLabOf(t, name, experimentOf(name)) }

func newLabOf(t *testing.T, name string, e *experiment) *lab {
	must(Found())
	memory, err := NewMemory(int(unsafe.Sizeof(bench{})))
	must(err)
	l := &lab{
		bench: (*bench)(unsafe.Pointer(&memory.Bytes()[0])), t: t, name: name, exp: e, memory: memory,
		alive: make(map[int]*patient), slices: true,
	}
	l.fds = l.exp.objects(l)
	t.Cleanup(memory.Close)
	return l
}

// start starts a worker, which kills itself at a point, NAME:N, if that is not empty.
func (l *lab) start(point string) *patient {
	l.guard.Lock()
	defer l.guard.Unlock()
	p := &patient{seat: l.next, gone: make(chan struct{}), point: point}
	if l.next++; l.next > benchSeats {
		l.t.Fatal("more processes than seats")
	}
	r, w, err := os.Pipe()
	must(err)
	files := []*os.File{lifeline.read, os.Stdout, w}
	for _, fd := range append([]int{Descriptor(), l.memory.Descriptor()}, l.fds...) {
		dup, err := syscall.Dup(fd)
		must(err)
		syscall.CloseOnExec(dup)
		files = append(files, os.NewFile(uintptr(dup), "object"))
	}
	env := append(os.Environ(), labEnv+"="+l.name+":"+strconv.Itoa(p.seat), labEnv+"_OBJECTS="+strconv.Itoa(len(l.fds)),
		"GORACE=atexit_sleep_ms=0")
	if l.slices {
		env = append(env, labEnv+"_SLICES=1")
	}
	if l.plain {
		env = append(env, labEnv+"_PLAIN=1")
	}
	if point != "" {
		env = append(env, "THREADING_KILL_AT="+point)
	}
	p.proc, err = os.StartProcess("/proc/self/exe", os.Args[:1], &os.ProcAttr{Env: env, Files: files})
	must(err)
	for _, f := range files[2:] {
		f.Close()
	}
	l.alive[p.seat] = p
	go l.watch(p, r)
	return p
}

func (l *lab) watch(p *patient, r *os.File) {
	_, _ = p.errors.ReadFrom(r)
	r.Close()
	state, err := p.proc.Wait()
	must(err)
	if !l.silent {
		Died()
	}
	status := state.Sys().(syscall.WaitStatus)
	l.guard.Lock()
	defer l.guard.Unlock()
	delete(l.alive, p.seat)
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		l.killed = append(l.killed, p.seat)
	case status.ExitStatus() != 0 || p.errors.Len() > 0:
		l.failed = true
		l.t.Errorf("%s: a worker ended with %v:\n%s", l.name, state, p.errors.String())
	}
	close(p.gone)
}

// patients returns those who run.
func (l *lab) patients() (all []*patient) {
	l.guard.Lock()
	defer l.guard.Unlock()
	for _, p := range l.alive {
		all = append(all, p)
	}
	return all
}

// hangs is how long nobody waits for anything, however busy the machine is.
const hangs = 2 * time.Minute

// getOn waits until everybody has got on by so much.
func (l *lab) getOn(by uint64) bool {
	l.t.Helper()
	begun := map[*patient]uint64{}
	for _, p := range l.patients() {
		begun[p] = l.seats[p.seat].progress.Load()
	}
	deadline := time.Now().Add(hangs)
	for len(begun) > 0 && !l.hasFailed() {
		for p, from := range begun {
			select {
			case <-p.gone:
				delete(begun, p)
			default:
				if l.seats[p.seat].progress.Load() >= from+by {
					delete(begun, p)
				}
			}
		}
		if time.Now().After(deadline) {
			if l.exp.state != nil {
				l.t.Log(l.exp.state(l))
			}
			for p := range begun {
				l.t.Logf("seat %d, got on to %d", p.seat, l.seats[p.seat].progress.Load())
				l.dump(p)
			}
			l.t.Errorf("%s: %d processes do not get on; %d were killed", l.name, len(begun), len(l.killed))
			l.failed = true
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return !l.hasFailed()
}

func (l *lab) hasFailed() bool {
	l.guard.Lock()
	defer l.guard.Unlock()
	return l.failed
}

// dies starts a process, and waits until it has died at a point of a call.
func (l *lab) dies(call, point string) {
	l.t.Helper()
	p := l.start(point)
	select {
	case <-p.gone:
	case <-time.After(hangs):
		l.dump(p)
		l.t.Fatalf("%s: the process does not die at %q", call, point)
	}
}

// dump lets a process that hangs tell where.
func (l *lab) dump(p *patient) {
	_ = p.proc.Signal(syscall.SIGQUIT)
	select {
	case <-p.gone:
	case <-time.After(5 * time.Second):
	}
}

// end tells everybody to stop, and checks what is left.
func (l *lab) end() {
	l.t.Helper()
	l.stop.Store(1)
	if !l.hasFailed() {
		deadline := time.After(hangs)
		for _, p := range l.patients() {
			select {
			case <-p.gone:
			case <-deadline:
				l.t.Errorf("%s: a process does not stop", l.name)
				l.dump(p)
			}
		}
	}
	for _, p := range l.patients() {
		_ = p.proc.Kill()
		<-p.gone
	}
	if l.exp.after != nil && !l.hasFailed() && !l.t.Failed() {
		l.exp.after(l)
	}
}

// check checks the objects after a kill.
func (l *lab) check() {
	l.t.Helper()
	if l.exp.check == nil || l.hasFailed() {
		return
	}
	if err := l.exp.check(l); err != nil {
		l.t.Errorf("%s: %v; %d were killed", l.name, err, len(l.killed))
		l.guard.Lock()
		l.failed = true
		l.guard.Unlock()
	}
}

// wasKilled reports whether the process of a seat was.
func (l *lab) wasKilled(seat int) bool {
	l.guard.Lock()
	defer l.guard.Unlock()
	for _, k := range l.killed {
		if k == seat {
			return true
		}
	}
	return false
}

// dup returns another descriptor of the same file.
func dup(fd int) int {
	again, err := syscall.Dup(fd)
	must(err)
	syscall.CloseOnExec(again)
	return again
}

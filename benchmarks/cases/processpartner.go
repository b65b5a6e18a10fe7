package cases

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"

	"github.com/gothreading/threading/process"
)

// A partner is another process, which does its half of so many operations when it is told to.
type partner interface {
	begin(n int)
	end() // waits until it has done them
	close()
}

// partnerVariable tells this program, started once more by os/exec, which of the rivals' partners to be.
const partnerVariable = "THREADING_BENCHMARK_PARTNER"

func init() {
	process.Init() // in a child of package process it does not return
	what := os.Getenv(partnerVariable)
	if what == "" {
		return
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if what == "worker" {
			var x int
			must(json.Unmarshal(lines.Bytes(), &x))
			answer, err := json.Marshal(2 * x)
			must(err)
			fmt.Printf("%s\n", answer)
			continue
		}
		n, err := strconv.Atoi(lines.Text())
		must(err)
		plainHalves[what](n)
		fmt.Println("done")
	}
	os.Exit(0)
}

// A stage is what the two processes have of package process.
type stage struct {
	What    string
	Control *process.Conn[int, int]
	Lock    *process.Lock
	A, B    *process.Event
	In, Out *process.Queue[int]
	Cond    *process.Condition
	Turn    *process.Value[int]
	Barrier *process.Barrier
	Conn    *process.Conn[int, int]
	Large   *process.Conn[[]byte, []byte]
}

// newStage makes one with everything, and the stage of the other process.
func newStage(what string) (here, there stage) {
	here = stage{
		What: what, Lock: process.NewLock(), A: process.NewEvent(), B: process.NewEvent(), In: process.NewQueue[int](0),
		Out: process.NewQueue[int](0), Cond: process.NewCondition(process.NewLock()), Turn: process.NewValue(0),
		Barrier: process.NewBarrier(2, nil),
	}
	there = here
	var err error
	here.Control, there.Control, err = process.Pipe[int, int]()
	must(err)
	here.Conn, there.Conn, err = process.Pipe[int, int]()
	must(err)
	here.Large, there.Large, err = process.Pipe[[]byte, []byte]()
	must(err)
	return here, there
}

// An actor is a partner of package process.
type actor struct {
	stage
	there stage
	child *process.Process[struct{}]
}

var act = process.Register(func(_ context.Context, s stage) (struct{}, error) {
	for {
		n, err := s.Control.Recv()
		if err == io.EOF {
			return struct{}{}, nil
		}
		if err != nil {
			return struct{}{}, err
		}
		halves[s.What](s, n)
		if err := s.Control.Send(n); err != nil {
			return struct{}{}, err
		}
	}
})

func newActor(what string) *actor {
	here, there := newStage(what)
	child, err := process.Go(act, there, process.Daemon(true))
	must(err)
	must(there.Control.Close())
	must(there.Conn.Close())
	must(there.Large.Close())
	return &actor{here, there, child}
}

func (a *actor) begin(n int) { must(a.Control.Send(n)) }

func (a *actor) end() {
	_, err := a.Control.Recv()
	must(err)
}

func (a *actor) close() {
	must(a.Control.Close())
	must(a.Conn.Close())
	must(a.Large.Close())
	a.child.Join()
	must(a.child.Err())
}

// A stranger is a partner without package process, which has been given files.
type stranger struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func newStranger(what string, args []string, files ...*os.File) *stranger {
	self, err := os.Executable()
	must(err)
	s := &stranger{cmd: exec.Command(self, args...)}
	s.cmd.Env = append(os.Environ(), partnerVariable+"="+what, "GORACE=atexit_sleep_ms=0")
	s.cmd.ExtraFiles = files
	s.cmd.Stderr = os.Stderr
	s.in, err = s.cmd.StdinPipe()
	must(err)
	out, err := s.cmd.StdoutPipe()
	must(err)
	s.out = bufio.NewReader(out)
	must(s.cmd.Start())
	for _, f := range files {
		must(f.Close())
	}
	return s
}

func (s *stranger) begin(n int) {
	_, err := fmt.Fprintln(s.in, n)
	must(err)
}

func (s *stranger) end() {
	_, err := s.out.ReadString('\n')
	must(err)
}

func (s *stranger) close() {
	must(s.in.Close())
	must(s.cmd.Wait())
}

// halves are what an actor does n times.
var halves = map[string]func(s stage, n int){
	"lock": func(s stage, n int) {
		for range n {
			s.Lock.Lock()
			s.Lock.Unlock()
		}
	},
	"events": func(s stage, n int) {
		for range n {
			s.A.Wait()
			s.A.Clear()
			s.B.Set()
		}
	},
	"queues": func(s stage, n int) {
		for range n {
			x, err := s.In.Get()
			must(err)
			must(s.Out.Put(x))
		}
	},
	"drain": func(s stage, n int) {
		for range n {
			_, err := s.In.Get()
			must(err)
		}
	},
	"turns": func(s stage, n int) { takeTurns(s, 1, n) },
	"barrier": func(s stage, n int) {
		for range n {
			_, err := s.Barrier.Wait()
			must(err)
		}
	},
	"pipe": func(s stage, n int) {
		for range n {
			x, err := s.Conn.Recv()
			must(err)
			must(s.Conn.Send(x))
		}
	},
	"large": func(s stage, n int) {
		for range n {
			_, err := s.Large.Recv()
			must(err)
		}
	},
}

// takeTurns waits n times for its turn, and gives it to the other.
func takeTurns(s stage, mine, n int) {
	s.Cond.Lock()
	defer s.Cond.Unlock()
	for range n {
		s.Cond.WaitFor(func() bool { return s.Turn.Get() == mine })
		s.Turn.Set(1 - mine)
		s.Cond.Notify(1)
	}
}

// plainHalves are what a stranger does n times.
var plainHalves = map[string]func(n int){
	"nothing": func(int) {},
	"flock": func(n int) {
		f, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
		must(err)
		defer f.Close()
		for range n {
			flock(f)
		}
	},
	"echo": func(n int) {
		buf := make([]byte, 8)
		in, out := given(3), given(4)
		for range n {
			_, err := io.ReadFull(in, buf)
			must(err)
			_, err = out.Write(buf)
			must(err)
		}
	},
	"gob": func(n int) {
		for range n {
			var x int
			must(gobIn().Decode(&x))
		}
	},
	"read messages": func(n int) {
		for range n {
			_, err := io.ReadFull(given(3), make([]byte, lengthOf(given(3))))
			must(err)
		}
	},
	"read": func(n int) {
		var buf []byte
		for range n {
			n := lengthOf(given(3))
			buf = slices.Grow(buf[:0], n)[:n]
			_, err := io.ReadFull(given(3), buf)
			must(err)
		}
	},
}

func lengthOf(f *os.File) int {
	var size uint64
	must(binary.Read(f, binary.NativeEndian, &size))
	return int(size)
}

var (
	givens  = map[uintptr]*os.File{}
	decoder *gob.Decoder
)

// given is a file that this process was started with.
func given(fd uintptr) *os.File {
	if givens[fd] == nil {
		givens[fd] = os.NewFile(fd, "given")
	}
	return givens[fd]
}

func gobIn() *gob.Decoder {
	if decoder == nil {
		decoder = gob.NewDecoder(bufio.NewReader(given(3)))
	}
	return decoder
}

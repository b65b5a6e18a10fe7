package process

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/internal/worker"
	"github.com/gothreading/threading/thread"
)

// An Info describes a process.
type Info struct {
	Name   string
	Pid    int
	Daemon bool
}

// An inheritance is what a child has from its parent.
type inheritance struct {
	order      order
	arg        []byte
	at         reportPlace
	luggage    *luggage
	err        error // why none of it can be used
	parentDone chan struct{}

	cancel     context.CancelCauseFunc
	terminated atomic.Bool
	dying      sync.Once
	returned   chan struct{} // closed when the function has
}

// inherited is nil in a process that was not started by this package.
var inherited = inherit()

// Current describes this process: Python's current_process. The main process is
// called MainProcess.
func Current() Info {
	if i := inherited; i != nil {
		return Info{i.order.Name, os.Getpid(), i.order.Daemon}
	}
	return Info{Name: "MainProcess", Pid: os.Getpid()}
}

// Parent describes the process that started this one: Python's parent_process.
// In the main process it returns the zero Info.
func Parent() Info {
	if i := inherited; i != nil {
		return i.order.Parent
	}
	return Info{}
}

// ParentDone returns a channel that is closed when the parent has ended, in
// whatever way. In the main process it returns nil.
func ParentDone() <-chan struct{} {
	if i := inherited; i != nil {
		return i.parentDone
	}
	return nil
}

// Init must be the first call in main, and in TestMain of tests that start
// processes:
//
//	func main() {
//		process.Init()
//		…
//	}
//
// In a child it calls the function, and does not return. In any other process
// it returns at once. It takes the place of Python's "if __name__ ==
// '__main__'" and freeze_support.
func Init() {
	if begun.Swap(true) {
		return
	}
	sentinels.all = append(sentinels.all, worker.Seal()...)
	if i := inherited; i != nil {
		i.run()
	}
}

// Main calls Init, then thread.Main(fn), then ends the children that are
// daemons and waits for the others: the rule by which a Python program exits.
// It takes the place of Init:
//
//	func main() { process.Main(run) }
//
// A panic or runtime.Goexit of fn goes on after the wait.
func Main(fn func()) {
	if fn == nil {
		panic("process: Main with a nil function")
	}
	Init()
	defer endChildren()
	thread.Main(fn)
}

// endChildren ends those that are daemons, and waits for the others.
func endChildren() {
	for {
		children.guard.Lock()
		all := append([]*child(nil), children.all...)
		children.guard.Unlock()
		if len(all) == 0 {
			return
		}
		var daemons []*child
		for _, c := range all {
			if c.choices.daemon {
				_ = c.signal(terminateSignal)
				daemons = append(daemons, c)
			}
		}
		for _, c := range daemons {
			if !c.joinTimeout(c.choices.grace + stubborn) {
				_ = c.signal(os.Kill)
			}
			c.join()
		}
		if len(daemons) == 0 {
			all[0].join()
		}
	}
}

// stubborn is how long a daemon is waited for at the end that was told to end
// and does not.
const stubborn = time.Second

// run is what a child does. It does not return.
func (i *inheritance) run() {
	code := 1
	defer func() { os.Exit(code) }() // also after runtime.Goexit
	if i.err != nil {
		i.fail(fmt.Errorf("%w: %w", ErrUnregistered, i.err))
		return
	}
	crashOutput(i.at.crash)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	i.cancel, i.returned = cancel, make(chan struct{})
	go i.awaitParent()
	if i.order.Grace > 0 {
		told := make(chan os.Signal, 1)
		signal.Notify(told, terminateSignal) // before the function can be running
		go func() {
			<-told
			i.terminate()
		}()
	}
	defer endChildren()
	thread.Main(func() {
		defer func() {
			close(i.returned)
			if i.terminated.Load() {
				i.die()
			}
		}()
		if i.call(ctx) {
			code = 0
		}
	})
}

// call calls the function and reports what became of it.
func (i *inheritance) call(ctx context.Context) (ok bool) {
	fn, found := registry.funcs[i.order.Func]
	if !found {
		i.fail(unregistered(i.order.Func))
		return false
	}
	exited := true // unless it returns or panics
	defer func() {
		if v := recover(); v != nil {
			i.failPanic(v, debug.Stack())
		} else if exited {
			i.fail(thread.ErrGoexit)
		}
	}()
	out, err := fn.call(ctx, i.arg, i.luggage, func() { i.arg = nil }, nil)
	exited = false
	if err != nil {
		i.fail(err)
		return false
	}
	if err := writeReport(orderFD, i.at, reportResult, out); err != nil {
		i.fail(err)
		return false
	}
	return true
}

func (i *inheritance) fail(err error) { i.report(tell(err)) }

func (i *inheritance) failPanic(v any, stack []byte) {
	fmt.Fprintf(os.Stderr, "Process %s:\npanic: %v\n\n%s", i.order.Name, v, stack)
	i.report(tellPanic(v, stack))
}

func (i *inheritance) report(m message) {
	data, err := encoder.Marshal(m)
	if err == nil {
		err = writeReport(orderFD, i.at, reportFailure, data)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Process %s: %s: %v\n", i.order.Name, m.Text, err)
	}
}

// awaitParent sees to what the end of the parent means.
func (i *inheritance) awaitParent() {
	awaitParent()
	shm.Died()
	close(i.parentDone)
	if !i.order.Daemon {
		return
	}
	if i.order.Grace > 0 {
		i.terminate()
		return
	}
	dieOf(terminateSignal)
	time.Sleep(stubborn) // the function handles SIGTERM, and has not ended
	dieOf(syscall.SIGKILL)
}

// terminate ends the context of the function, and the process when it has
// returned, or when it has had its time.
func (i *inheritance) terminate() {
	i.terminated.Store(true)
	i.cancel(ErrTerminated)
	select {
	case <-i.returned:
	case <-time.After(i.order.Grace):
	}
	i.die()
}

// die ends this process by SIGTERM.
func (i *inheritance) die() {
	i.dying.Do(func() {
		signal.Reset(terminateSignal)
		dieOf(terminateSignal)
	})
	select {} // it is under way
}

package process

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gothreading/threading/internal/hook"
	"github.com/gothreading/threading/internal/park"
	"github.com/gothreading/threading/internal/shm"
	"github.com/gothreading/threading/thread"
)

// A Child is a [Process] of any result type.
type Child interface {
	Join()
	JoinTimeout(d time.Duration) bool
	JoinContext(ctx context.Context) error
	Done() <-chan struct{}
	Err() error
	ExitCode() (code int, ended bool)
	IsAlive() bool
	Name() string
	Pid() int
	Daemon() bool
	Terminate()
	Kill()
	Signal(os.Signal) error
}

// unknownCode is the exit code of a process that was waited for elsewhere.
const unknownCode = -256

// A child is what a Process is, whatever it returns.
type child struct {
	choices choices
	self    Child // the Process

	guard   sync.Mutex
	started bool
	pid     int
	pidfd   int      // -1: the system has none
	poll    *os.File // the same, where it can be waited for without a thread
	report  int      // the descriptor of the message
	at      reportPlace
	gone    bool                 // it was reaped, and its pid may be that of another
	heirs   map[*func()]struct{} // to be called at the end
	end     park.Latch

	// Written before the end.
	code     int
	returned bool
	result   []byte
	failure  error // what its function failed with
	crash    string
}

func (c *child) init(ch choices, self Child) {
	if !begun.Load() {
		panic(fmt.Errorf("%w: a process was to be made before it", ErrInit))
	}
	c.choices, c.self = ch, self
}

// children are those that were started here and live.
var children = struct {
	guard sync.Mutex
	all   []*child // in the order of Start
}{}

// Children returns the living processes that this one has started, in the order
// of Start: Python's active_children.
func Children() []Child {
	children.guard.Lock()
	defer children.guard.Unlock()
	all := make([]Child, len(children.all))
	for i, c := range children.all {
		all[i] = c.self
	}
	return all
}

// start starts the process, with the guard held.
func (c *child) start(id string, arg []byte, l *luggage) error {
	if err := launch(c, id, arg, l); err != nil {
		return err
	}
	c.started = true
	children.guard.Lock()
	children.all = append(children.all, c)
	children.guard.Unlock()
	go c.watch()
	return nil
}

// watch waits for the end of the process, without a thread where the system
// allows that, and announces it.
func (c *child) watch() {
	awaitExit(c)
	hook.ChildEnded(c.pid) // while it is nobody else's
	c.guard.Lock()
	c.code = reap(c)
	c.gone = true
	c.guard.Unlock()
	shm.Died()
	c.readReport()
	closeFD(c.report)
	children.guard.Lock()
	for i, other := range children.all {
		if other == c {
			children.all = append(children.all[:i:i], children.all[i+1:]...)
			break
		}
	}
	children.guard.Unlock()
	c.end.Open()
	c.guard.Lock()
	heirs := c.heirs
	c.heirs = nil
	c.guard.Unlock()
	for f := range heirs {
		(*f)()
	}
}

func (c *child) mustHaveStarted() {
	c.guard.Lock()
	started := c.started
	c.guard.Unlock()
	if !started {
		panic(thread.ErrNotStarted)
	}
}

func (c *child) join() {
	c.mustHaveStarted()
	c.end.Wait()
}

func (c *child) joinTimeout(d time.Duration) bool {
	c.mustHaveStarted()
	return c.end.WaitTimeout(d)
}

func (c *child) joinContext(ctx context.Context) error {
	c.mustHaveStarted()
	return c.end.WaitContext(ctx)
}

func (c *child) alive() bool {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.started && !c.end.IsOpen()
}

func (c *child) id() int {
	c.guard.Lock()
	defer c.guard.Unlock()
	return c.pid
}

// exit returns nil if the process, which has ended, did so with code 0.
func (c *child) exit() error {
	if c.code == 0 {
		return nil
	}
	return c.exitError(c.failure)
}

func (c *child) exitError(err error) *ExitError {
	return &ExitError{Name: c.choices.name, Pid: c.pid, Code: c.code, Crash: c.crash, err: err}
}

func (c *child) signal(sig os.Signal) error {
	c.mustHaveStarted()
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.gone {
		return nil
	}
	return send(c, sig)
}

// onEnd calls f at the end, or at once, unless forget is called before. f must
// not wait.
func (c *child) onEnd(f func()) (forget func()) {
	c.guard.Lock()
	if c.end.IsOpen() {
		c.guard.Unlock()
		f()
		return func() {}
	}
	if c.heirs == nil {
		c.heirs = make(map[*func()]struct{})
	}
	c.heirs[&f] = struct{}{}
	c.guard.Unlock()
	return func() {
		c.guard.Lock()
		delete(c.heirs, &f)
		c.guard.Unlock()
	}
}

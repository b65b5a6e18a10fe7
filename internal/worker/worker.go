// Package worker stands between package socketserver, whose servers can hand
// connections to child processes, and package process, which starts those.
// Neither imports the other: a server without Processes links nothing of
// package process, which is larger than the rest of it; and whoever has children
// imports that package anyway, to call its Init.
//
// A worker is a child process that handles connections, one at a time.
package worker

import (
	"errors"
	"strconv"
	"sync"
	"time"
)

var (
	// ErrInit is process.ErrInit.
	ErrInit = errors.New("process: Init must be the first call in main and in TestMain, and Register comes before it")

	// ErrGone is what a Link returns when the other end is gone.
	ErrGone = errors.New("worker: the other process is gone")
)

// An Order says what a worker is there for.
type Order struct {
	Handler       string // as Register has named it
	Name          string // of the server; the handlers' threads are named after it
	Network, Addr string // the server's address
	Timeout       time.Duration
	Daemon        bool
}

// A Link is one end of what connects a worker with its parent. A message
// arrives whole, or not at all. One goroutine at a time receives; any number
// send.
type Link interface {
	// Send sends a message that is not empty, and a copy of a descriptor with
	// it, unless that is -1. It does not wait.
	Send(message []byte, fd int) error

	// Recv waits for a message. A descriptor that comes with it belongs to the
	// caller; -1: there is none.
	Recv() (message []byte, fd int, err error)
}

// A Worker is a child process, as its parent sees it.
type Worker interface {
	Link

	// Taken reports, when the worker is gone, whether it had received the last
	// descriptor that was sent to it.
	Taken() bool

	// Kill kills it. That does nothing to one that has ended.
	Kill()

	// End closes the link, which tells the worker to end, waits for that, and
	// kills one that takes longer than patience. It returns how it has ended.
	End(patience time.Duration) error
}

// Processes is what package process can do.
type Processes interface {
	// Supported returns nil, or an errors.ErrUnsupported that says why no
	// process can be started here. It panics before Init.
	Supported() error

	// Start starts a worker of this name.
	Start(name string, o Order) (Worker, error)

	// Encode encodes an error, or a *thread.PanicError, for another process;
	// Decode is the other direction.
	Encode(err error) []byte
	Decode(data []byte) error
}

// processes is what Use was given.
var processes Processes

// Use is called by package process when it is initialized.
func Use(p Processes) { processes = p }

// Get returns what Use was given. It panics with ErrInit if the program does
// not contain package process.
func Get() Processes {
	if processes == nil {
		panic(ErrInit)
	}
	return processes
}

// A Serve is what a worker does until its parent needs it no more.
type Serve func(o Order, parent Link)

// registry is what was registered, by name. It does not change after Init.
var registry = struct {
	guard  sync.Mutex
	sealed bool
	errs   []error
	count  map[string]int
	serve  map[string]Serve
}{count: make(map[string]int), serve: make(map[string]Serve)}

// Register names what a worker can do: by the name of a function, and its number
// among those of that name, as closures have the same. It panics with ErrInit
// after Init.
func Register(function string, serve Serve) (name string) {
	registry.guard.Lock()
	defer registry.guard.Unlock()
	if registry.sealed {
		panic(ErrInit)
	}
	registry.count[function]++
	name = function + " " + strconv.Itoa(registry.count[function])
	registry.serve[name] = serve
	return name
}

// RegisterErrors makes errors the same in every process of the program. It is
// called before Init.
func RegisterErrors(errs ...error) {
	registry.guard.Lock()
	defer registry.guard.Unlock()
	registry.errs = append(registry.errs, errs...)
}

// Seal lets nothing be registered any more, and returns what RegisterErrors was
// given.
func Seal() []error {
	registry.guard.Lock()
	defer registry.guard.Unlock()
	registry.sealed = true
	return registry.errs
}

// Find returns what was registered under a name.
func Find(name string) (Serve, bool) {
	registry.guard.Lock()
	defer registry.guard.Unlock()
	serve, ok := registry.serve[name]
	return serve, ok
}

package backend

// What cluster needs of package manager beyond its exported API. These functions are set by package manager, which
// knows the types that are called any here.
var (
	// NewManager returns the *manager.Manager of a Backend that was opened by other means than an address.
	NewManager func(b Backend, codec Codec) (manager any)
	// Of returns the Backend of a *manager.Manager.
	Of func(manager any) Backend
	// Describe returns what a handle is made of: a *manager.Dict[K, V], *manager.Queue[T], *manager.Lock, ….
	Describe func(handle any) Handle
	// RemoteError returns the *manager.RemoteError of a Fault.
	RemoteError func(Fault) error
	// FaultOf returns what to send instead of an error, or of a panic: a *thread.PanicError.
	FaultOf func(error) Fault
)

// A Handle is what a handle of package manager is made of.
type Handle struct {
	Backend Backend
	Spec    Spec
	Object  any // of the Backend: a Table, a Queue, a Lock, …
	Codec   Codec

	Key     func(key any) ([]byte, error)   // of a dict: as it is stored
	Encode  func(value any) ([]byte, error) // of what stores values
	Decode  func(data []byte, to any) error // to is a pointer
	Item    func(value any) (Item, error)   // of a queue; ErrValue for a level that is out of range
	Holding func() Holding                  // of a lock: what this process holds now, or nil
}

// A Fault is an error of a function that ran elsewhere, as it travels.
type Fault struct {
	Type, Text string
	Stack      []byte   // of a panic
	Is         []string // the names of the errors that it is: see package manager
}

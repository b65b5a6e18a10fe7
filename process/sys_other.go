//go:build !(linux && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x))

package process

import (
	"os"
	"syscall"

	"github.com/gothreading/threading/internal/shm"
)

// On other systems no process is started: Start returns why, and what follows
// it is never called.

const terminateSignal = syscall.SIGTERM

const (
	orderFD         = 3
	mostDescriptors = 0
)

func closeFD(int)                                   {}
func writeAt(int, []byte, int64) error              { return shm.Found() }
func readAt(int, []byte, int64) error               { return shm.Found() }
func sizeOf(int) (int64, error)                     { return 0, shm.Found() }
func launch(*child, string, []byte, *luggage) error { return shm.Found() }
func awaitExit(*child)                              {}
func reap(*child) int                               { return unknownCode }
func send(*child, os.Signal) error                  { return nil }
func inherit() *inheritance                         { return nil }
func crashOutput(int64)                             {}
func awaitParent()                                  {}
func dieOf(syscall.Signal)                          {}

// A waitBell is never made.
type waitBell struct{}

func newWaitBell() (*waitBell, error)            { return nil, shm.Found() }
func (*waitBell) ring()                          {}
func (*waitBell) close()                         {}
func (*waitBell) wait(limit, func() bool) error  { return nil }
func (*wire) ready() bool                        { return true }
func (*wire) announce(*waitBell) (func(), error) { return func() {}, nil }
func (*wire) closed() bool                       { return true }
func (*wire) copied() int                        { return -1 }
func wires() (one, other *wire, err error)       { return nil, nil, shm.Found() }
func wireOf(int) (*wire, error)                  { return nil, shm.Found() }

type outlet struct {
	way
	slabs shm.Slabs
}

func (*outlet) load(_, _ []byte, _ []int) error { return shm.Found() }
func (*outlet) unload(bool)                     {}

type inlet struct {
	way
	views shm.Views
}

func (*inlet) unpack() (arrival, *luggage, error) { return arrival{}, nil, shm.Found() }

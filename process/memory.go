package process

import (
	"fmt"

	"github.com/gothreading/threading/internal/shm"
)

// A Memory is bytes that processes share, and that nothing protects.
//
// Make a Memory with NewMemory and hand the pointer over. The zero value panics with ErrSharing.
//
// Python: multiprocessing.shared_memory.SharedMemory, and RawArray. It has no name: the kernel frees it when no process has
// it any more, whatever became of them, so there is nothing to unlink and nothing to leak.
//
// A process that is killed while it writes has written what it has written. Who writes and reads at the same time needs a
// Lock of this package, or atomic operations; either makes the memory model's order hold between processes.
//
// It holds a descriptor until Close.
type Memory struct {
	handle
	m *shm.Memory
}

// NewMemory makes a Memory of size bytes, all zero. It panics if size < 0.
func NewMemory(size int) *Memory {
	if size < 0 {
		panic(fmt.Errorf("process: NewMemory(%d): want 0 or more", size))
	}
	m, err := shm.NewMemory(size)
	return &Memory{m: made("NewMemory", m, err)}
}

func (m *Memory) memory() *shm.Memory {
	if m.m == nil {
		panic(zero("Memory"))
	}
	return m.m
}

// Bytes returns the memory itself, or nil after Close.
func (m *Memory) Bytes() []byte { return m.memory().Bytes() }

// Len returns the size, also after Close.
func (m *Memory) Len() int { return m.memory().Len() }

// Close ends the use of the Memory in this process; others keep it. What Bytes returned before remains usable, but is zero,
// and shared with nobody, from now on. A second Close does nothing. It returns nil.
func (m *Memory) Close() error {
	m.memory().Close()
	return nil
}

// MarshalBinary encodes m for another process. It returns ErrSharing unless this package encodes.
func (m *Memory) MarshalBinary() ([]byte, error) {
	return handOverCopy("Memory", m.m, (*shm.Memory).Copied)
}

// UnmarshalBinary is the other direction.
func (m *Memory) UnmarshalBinary(data []byte) (err error) {
	m.m, err = takeOver("Memory", data, shm.AttachMemory)
	return err
}

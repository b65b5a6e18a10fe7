package process

import (
	"fmt"

	"github.com/gothreading/threading/internal/shm"
)

// A Memory is bytes that processes share, without a lock.
//
// Make a Memory with [NewMemory] and pass the pointer to other processes. The
// zero value panics with [ErrSharing].
//
// It is Python's multiprocessing.shared_memory.SharedMemory, and RawArray. It
// has no name: the kernel frees it when no process has it any more, so there is
// nothing to unlink and nothing to leak.
//
// What a process has written when it is killed is written. A program that
// writes and reads at the same time needs a [Lock], or atomic operations;
// either orders accesses between processes.
//
// A Memory holds a descriptor until Close.
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

// Close ends the use of the Memory in this process; other processes keep it.
// What Bytes returned before can still be used, but it is zero and no longer
// shared. A second Close does nothing. Close returns nil.
func (m *Memory) Close() error {
	m.memory().Close()
	return nil
}

// MarshalBinary encodes m for another process. It returns ErrSharing unless
// this package encodes.
func (m *Memory) MarshalBinary() ([]byte, error) {
	return handOverCopy("Memory", m.m, (*shm.Memory).Copied)
}

// UnmarshalBinary is the other direction.
func (m *Memory) UnmarshalBinary(data []byte) (err error) {
	m.m, err = takeOver("Memory", data, shm.AttachMemory)
	return err
}

package shm

import "sync"

// A Memory is bytes without a lock. It stays until it is closed: what Bytes
// returned may be in use although the Memory is unreachable.
type Memory struct {
	seg  *segment
	size int

	guard  sync.Mutex
	closed bool
}

// memories are those that are not closed.
var memories sync.Map // *Memory -> nothing

func memorySize(n uint64) int64 { return max(int64(n), 1) }

// NewMemory makes a Memory of n bytes, all zero.
func NewMemory(n int) (*Memory, error) {
	m, err := create(KindMemory, memorySize(uint64(n)), false, uint64(n), memoryOf)
	if err == nil {
		memories.Store(m, nil)
	}
	return m, err
}

// AttachMemory returns the Memory of a descriptor.
func AttachMemory(fd int) (*Memory, error) {
	m, err := attach(fd, KindMemory, memorySize, memoryOf)
	if err == nil {
		memories.Store(m, nil)
	}
	return m, err
}

func memoryOf(s *segment) *Memory { return &Memory{seg: s, size: int(s.header().extra)} }

// Descriptor returns the file of the Memory, or -1 if it is closed.
func (m *Memory) Descriptor() int {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.closed {
		return -1
	}
	return m.seg.fd
}

// Copied returns a copy of the descriptor, or -1 if it is closed.
func (m *Memory) Copied() int {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.closed {
		return -1
	}
	return copyFile(m.seg.fd)
}

// Len returns how many bytes it is.
func (m *Memory) Len() int { return m.size }

// Bytes returns the memory, or nil if it is closed.
func (m *Memory) Bytes() []byte {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.closed {
		return nil
	}
	return m.seg.mem[headerSize : headerSize+int64(m.size) : headerSize+int64(m.size)]
}

// Close ends the use of the Memory in this process. What Bytes returned is
// memory of its own from now on.
func (m *Memory) Close() {
	m.guard.Lock()
	defer m.guard.Unlock()
	if m.closed {
		return
	}
	m.closed = true
	objects.guard.Lock()
	delete(objects.all, m.seg.id)
	objects.guard.Unlock()
	detach(m.seg.mem)
	closeFile(m.seg.fd)
	m.seg.fd = -1
	memories.Delete(m)
}

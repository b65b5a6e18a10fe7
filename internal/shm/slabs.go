package shm

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// Slabs are files in which a process sends what is too large for a message. The
// file travels with the message; who has received that reads it, and gives it
// back by a byte at its beginning. So memory that was written once is written
// again, which costs a fraction of new memory.
//
//	0        4 KiB
//	| state  |  the bytes …
//
// A file is marked before it is sent, by the only process that has it in its
// Slabs; a message is received once, so one process gives it back, once. If that
// is killed before, or the message is never received, the file stays marked, and
// the sender lets go of it after a while. If the sender is killed the file is
// the receiver's alone. Nothing of it is ever read before the message that says
// so has come whole.
//
// The zero value is empty. Slabs are for one goroutine at a time.
type Slabs struct {
	all  []*slab // the one that was used last is the last
	hand *slab   // what Write has written to, until Sent or Withdraw
}

type slab struct {
	file *os.File // it is closed when it is unreachable
	size int
}

const (
	slabStart = 4096
	slabFree  = 0
	slabAway  = 1

	slabsKept = 8       // files at most
	slabKeeps = 8 << 20 // bytes at most, of all
)

// between keeps what a process has read of a file before what it writes next,
// and the other way round, for processors that would exchange them.
var between atomic.Uint32

// Write writes data to a file that nobody uses, and returns its descriptor, to
// be sent. Sent or Withdraw follows.
func (s *Slabs) Write(data []byte) (fd int, err error) {
	b := s.take(len(data))
	if b == nil {
		fd, err := NewFile("threading-message")
		if err != nil {
			return -1, err
		}
		b = &slab{file: os.NewFile(uintptr(fd), "threading-message")}
	}
	s.hand = b
	between.Add(1)
	if err = b.mark(slabAway); err == nil {
		point("slabs: marked")
		_, err = b.file.WriteAt(data, slabStart)
		b.size = max(b.size, len(data))
		point("slabs: written")
	}
	if err != nil { // no memory
		_ = b.file.Close()
		s.hand = nil
		return -1, err
	}
	return int(b.file.Fd()), nil
}

// take takes out the file that was used last of those which are free, and large
// enough if there is such a one: its memory is the warmest.
func (s *Slabs) take(size int) (b *slab) {
	at := -1
	for i := len(s.all) - 1; i >= 0; i-- {
		if b := s.all[i]; (at < 0 || b.size >= size) && b.free() {
			if at = i; b.size >= size {
				break
			}
		}
	}
	if at < 0 {
		return nil
	}
	b = s.all[at]
	s.all = append(s.all[:at], s.all[at+1:]...)
	return b
}

// Sent says that what was written has been sent.
func (s *Slabs) Sent() {
	b := s.hand
	s.hand = nil
	s.all = append(s.all, b)
	for total := s.total(); len(s.all) > slabsKept || total > slabKeeps; {
		oldest := s.all[0]
		total -= oldest.size
		_ = oldest.file.Close()
		s.all[0] = nil
		s.all = s.all[1:]
	}
}

func (s *Slabs) total() (n int) {
	for _, b := range s.all {
		n += b.size
	}
	return n
}

// Withdraw says that it has not been.
func (s *Slabs) Withdraw() {
	_ = s.hand.mark(slabFree)
	s.Sent()
}

// Close lets go of all.
func (s *Slabs) Close() {
	for _, b := range s.all {
		_ = b.file.Close()
	}
	s.all = nil
}

func (b *slab) mark(state byte) error {
	_, err := b.file.WriteAt([]byte{state}, 0)
	return err
}

func (b *slab) free() bool {
	var state [1]byte
	_, err := b.file.ReadAt(state[:], 0)
	between.Add(1)
	return err == nil && state[0] == slabFree
}

// ReadSlab reads what was written to a file that has arrived, to the end of
// into, and gives the file back. It becomes its own.
func ReadSlab(fd int, into []byte) error {
	b := &slab{file: os.NewFile(uintptr(fd), "threading-message")}
	defer b.file.Close()
	if n, err := b.file.ReadAt(into, slabStart); n < len(into) {
		return fmt.Errorf("shm: a large message was cut short: %d bytes of %d (%w)", n, len(into), noEOF(err))
	}
	point("slabs: read")
	between.Add(1)
	err := b.mark(slabFree)
	point("slabs: given back")
	return err
}

// noEOF keeps the end of a file from being taken for that of a stream.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

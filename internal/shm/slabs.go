package shm

import "os"

// Slabs are files in which a process sends what is too large for a message. The
// file travels with the message. Who has received that copies what is in the
// file, and gives it back by the word at its beginning. Both processes keep the
// file, and keep it mapped, so that the next message in it is two copies and
// nothing else: no call of the system, and no new memory, which costs many
// times as much.
//
//	0        4 KiB
//	| state  |  the bytes …
//
// A file is marked before it is written to, by the only process that has it in
// its Slabs; a message is received once, so one process gives it back, once. If
// that is killed before, or the message is never received, the file stays
// marked, and the sender lets go of it after a while. If the sender is killed
// the file is the receiver's alone. Nothing of it is ever read before the
// message that says so has come whole.
//
// What is larger than all that is kept gets a file of its own, which is
// written, read and closed, and never marked or mapped. So does what could not
// be mapped.
//
// The zero value is empty. Slabs are for one goroutine at a time.
type Slabs struct {
	all  []*slab // the one that was used last is the last
	hand *slab   // what Write has written to, until Sent or Withdraw
}

// A slab is a file in its sender.
type slab struct {
	file *os.File // it is closed when it is unreachable
	view *view    // or nil
}

const (
	slabStart = 4096
	slabFree  = 0
	slabAway  = 1

	slabsKept = 8 // files at most
)

// SlabKeeps is how many bytes the files have at most that Slabs keep.
const SlabKeeps = 8 << 20

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
	if err := b.write(data); err != nil { // no memory
		b.close()
		return -1, err
	}
	s.hand = b
	return int(b.file.Fd()), nil
}

// take takes out the file that was used last of those which are free, and large
// enough if there is such a one: its memory is the warmest.
func (s *Slabs) take(size int) (b *slab) {
	if size > SlabKeeps {
		return nil
	}
	at := -1
	for i := len(s.all) - 1; i >= 0; i-- {
		if b := s.all[i]; (at < 0 || b.size() >= size) && b.free() {
			if at = i; b.size() >= size {
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
	if b.view == nil {
		b.close()
		return
	}
	s.all = append(s.all, b)
	for total := s.total(); len(s.all) > slabsKept || total > SlabKeeps; {
		oldest := s.all[0]
		total -= oldest.size()
		oldest.close()
		s.all[0] = nil
		s.all = s.all[1:]
	}
}

func (s *Slabs) total() (n int) {
	for _, b := range s.all {
		n += b.size()
	}
	return n
}

// Withdraw says that it has not been.
func (s *Slabs) Withdraw() {
	if v := s.hand.view; v != nil {
		v.state().Store(slabFree)
	}
	s.Sent()
}

// Close lets go of all.
func (s *Slabs) Close() {
	for _, b := range s.all {
		b.close()
	}
	s.all = nil
}

func (b *slab) write(data []byte) error {
	if err := b.reach(len(data)); err != nil {
		return err
	}
	if b.view == nil {
		_, err := b.file.WriteAt(data, slabStart)
		return err
	}
	b.view.state().Store(slabAway)
	point("slabs: marked")
	copy(b.view.bytes(), data)
	point("slabs: written")
	return nil
}

// reach makes a file so long, with memory behind all of it, and maps it, if it
// is one to be kept.
func (b *slab) reach(size int) error {
	if size <= b.size() || size > SlabKeeps {
		return nil
	}
	if b.view != nil {
		b.view.close()
		b.view = nil
	}
	fd, length := int(b.file.Fd()), int64(slabStart+size)
	if err := reserve(fd, 0, length); err != nil {
		return err
	}
	if err := seal(fd, true); err != nil {
		return err
	}
	b.view, _ = newView(fd, length)
	return nil
}

func (b *slab) size() int {
	if b.view == nil {
		return 0
	}
	return len(b.view.bytes())
}

func (b *slab) free() bool { return b.view.state().Load() == slabFree }

func (b *slab) close() {
	if b.view != nil {
		b.view.close()
	}
	_ = b.file.Close()
}
